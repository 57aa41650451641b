# `make` lists the targets. Everything installs itself into .venv and .local; nothing else is touched.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
NODE_READY := node_modules/ready
UV_VERSION := 0.13.9
GROUPS := --group dependencies --group media --group local --group tests
CODE := functions layers local tests benchmarks

export SAM_CLI_TELEMETRY := 0
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## Animate two sample files on the local cloud, or IMAGE=… VIDEO=… MODE=wan-pro
	@$(BIN)/python -m local.demo --image "$(IMAGE)" --video "$(VIDEO)" --mode "$(MODE)"

.PHONY: up
up: $(READY) ## Start the local cloud; ARGS="--wait-scale 0 --wan-task-seconds 1" sets its speed
	@$(BIN)/python -m local.cloud up $(ARGS)

.PHONY: down
down: $(READY) ## Stop the local cloud
	@$(BIN)/python -m local.cloud down

.PHONY: test
test: $(READY) $(NODE_READY) ## Run all tests
	@$(BIN)/python -m pytest $(TESTS)

.PHONY: lint
lint: $(READY) $(NODE_READY) ## Check style, types, the template and the state machine
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml
	$(BIN)/sam validate --lint
	$(BIN)/node node_modules/.bin/asl-validator --yaml-path statemachine/animation.asl.yaml

.PHONY: format
format: $(READY) ## Put the code into shape
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

.PHONY: lock
lock: $(READY) ## Write requirements.lock and package-lock.json anew from pyproject.toml and package.json
	$(BIN)/uv pip compile pyproject.toml $(GROUPS) --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --quiet --output-file requirements.lock
	PATH="$(abspath $(BIN)):$$PATH" npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

.PHONY: clean
clean: down ## Stop the local cloud and remove what the targets made
	rm -rf .venv .local .aws-sam node_modules demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The set-up. A file that is touched last says that it was finished, so a broken-off one is done again.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "MotionDrop needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.13 …" >&2; exit 1; }
	@echo "Setting up (once, about half a minute):"
	@echo "  a Python environment in .venv"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@echo "  uv, which installs the rest"
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install uv==$(UV_VERSION) 2> .venv/log || { cat .venv/log >&2; \
		echo "The Python packages could not be installed: is the package registry within reach?" >&2; exit 1; }
	@echo "  the packages of requirements.lock"
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@touch $@

$(NODE_READY): $(READY) package-lock.json
	@echo "  asl-validator, which checks the state machine"
	@PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@
