# `make` lists the targets. Everything installs itself into .venv, node_modules and .local.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# python3, or the system's own build of that version: one that pyenv builds takes up to 1.4 times as long.
SYSTEMS_PYTHON := "$$(python3 -c 'import sys; print("/usr/bin/python%d.%d" % sys.version_info[:2])')" \
	-c 'import ensurepip, sys; print(sys.executable)'
PYTHON ?= $(or $(shell $(SYSTEMS_PYTHON) 2>/dev/null),python3)
BIN := .venv/bin
READY := .venv/ready
CHECKS := .venv/checks
NODE_READY := node_modules/ready
# What runs, and with it what checks.
RUNS := --group dependencies --group media --group web --group cli --group local
GROUPS := $(RUNS) --group tests --group benchmarks
# Files of hashes, and lines that name a secret without being one.
NO_SECRETS := --exclude-files '(^events/|\.lock$$|package-lock\.json$$)' \
	--exclude-lines 'GetSecretValue|GenerateSecretString|InvalidToken|SecretString="sk-'
# What each set-up takes with some room for files and logs, in KB: without the checks 0.3 GB, with them 1.2 GB.
ROOM_KB := 800000
CHECKS_ROOM_KB := 2000000
NOT_INSTALLED := echo "The packages could not be installed: is the package registry within reach? The next 'make' tries again." >&2; exit 1;
CODE := cli functions layers local tests tools benchmarks
MDFORMAT := $(BIN)/mdformat --wrap 120 --number --compact-tables
# But for those that are made.
DOCUMENTS = $(shell git ls-files '*.md' ':!docs/provider-errors.md' ':!benchmarks/RESULTS.md')

export SAM_CLI_TELEMETRY := 0
# Kept in __pycache__, whatever the shell says: each process would compile all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## Animate two sample files on the local cloud, or IMAGE=… VIDEO=… MODE=wan-pro
	@$(BIN)/python -m local.demo --image "$(IMAGE)" --video "$(VIDEO)" --mode "$(MODE)"

.PHONY: demo-picture
demo-picture: $(CHECKS) ## Draw docs/images/demo.gif, the looping picture of the demo
	@$(BIN)/python -m tools.demo_picture

.PHONY: up
up: $(READY) ## Start the local cloud; ARGS="--wait-scale 0 --wan-task-seconds 1" sets its speed
	@$(BIN)/python -m local.cloud up --guide $(ARGS)

.PHONY: env
env: $(READY) ## Print what makes the AWS CLI and SDKs use the local cloud: eval "$(make env)"
	@$(BIN)/python -m local.cloud env

.PHONY: down
down: $(READY) ## Stop the local cloud and forget everything in it
	@$(BIN)/python -m local.cloud down

.PHONY: test
test: $(CHECKS) $(NODE_READY) ## Run all tests, or TESTS=tests/unit
	@$(BIN)/python -m tests.support.browser
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(TESTS)

.PHONY: faults
faults: $(CHECKS) ## Kill every function before and after every call it makes, then storms, then a thousand drops at once
	@$(BIN)/python -m tests.faults.suite $(SEED)
	@$(BIN)/python -m tests.faults.load

.PHONY: bench
bench: $(CHECKS) ## Measure it all and write benchmarks/RESULTS.md, or one part: ONLY=copy
	@$(BIN)/python -m benchmarks $(ONLY)

.PHONY: lint
lint: $(CHECKS) $(NODE_READY) ## Check style, types, the template and the state machine
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(MDFORMAT) --check $(DOCUMENTS)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/cfn-lint template.yaml
	$(BIN)/sam validate --lint
	$(BIN)/checkov --config-file .checkov.yaml --file template.yaml --skip-download
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(BIN)/node node_modules/.bin/asl-validator --yaml-path statemachine/animation.asl.yaml
	@$(MAKE) --no-print-directory secrets

.PHONY: secrets
secrets: $(CHECKS) ## Look for keys and passwords in the files that git knows; before each commit, with pre-commit
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --no-verify $(NO_SECRETS)

.PHONY: audit
audit: $(CHECKS) ## Ask the vulnerability database about every locked package; needs the internet
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip

.PHONY: format
format: $(CHECKS) ## Put the code into shape
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)
	$(MDFORMAT) $(DOCUMENTS)

.PHONY: docs
docs: $(CHECKS) ## Write the tables in docs/ that are made from the code
	@WRITE_DOCS=1 $(BIN)/python -m pytest tests/project/test_provider_errors_page.py tests/project/test_diagram.py

.PHONY: lock
lock: $(BIN)/uv ## Write the lock files anew from pyproject.toml and package.json
	$(BIN)/uv pip compile $(GROUPS) --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --quiet --output-file requirements.lock
	for layer in dependencies media web; do $(BIN)/uv pip compile --group $$layer --constraints requirements.lock \
		--universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --quiet \
		--output-file layers/$$layer/requirements.txt; done
	@$(MAKE) --no-print-directory $(CHECKS)
	PATH="$(abspath $(BIN)):$$PATH" npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

.PHONY: clean
clean: down ## Stop the local cloud and remove what the targets made
	rm -rf .venv .local .aws-sam node_modules demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The set-up. A file that is touched last says that it was finished, so a broken-off one is done again.
enough_room = df -Pk . | awk 'NR == 2 && $$4 < $(1) { printf "MotionDrop needs %.1f GB of disk to set itself up, and there are %.1f GB free here.\n", \
	$(1) / 1e6, $$4 / 1e6; exit 1 }' >&2

define new_environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "MotionDrop needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there). Try: make PYTHON=python3.13 …" >&2; exit 1; }
	@$(call enough_room,$(ROOM_KB))
	@echo "Setting up (once, about a quarter of a minute):" >&2
	@echo "  a Python environment in .venv" >&2
	@rm -rf .venv && $(PYTHON) -m venv .venv || { echo "Python's own 'venv' failed: see above." >&2; exit 1; }
	@echo "  uv, which installs the rest" >&2
	@awk '/^[a-z]/ { uv = /^uv==/ } uv' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement .venv/uv.txt 2> .venv/log || { cat .venv/log >&2; \
		$(NOT_INSTALLED) }
endef

# Enough for `make lock`, which must work where pyproject.toml has a package that the lock does not have yet.
$(BIN)/uv:
	$(new_environment)

$(READY): requirements.lock pyproject.toml
	$(new_environment)
	@echo "  the packages that MotionDrop and the local cloud run on, as requirements.lock has them" >&2
	@$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python $(RUNS) --constraints requirements.lock || { $(NOT_INSTALLED) }
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable . || { $(NOT_INSTALLED) }
	@touch $@

$(CHECKS): $(READY)
	@$(call enough_room,$(CHECKS_ROOM_KB))
	@echo "  the packages that check it: the rest of requirements.lock (once, about half a minute)" >&2
	@$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python --requirement requirements.lock || { $(NOT_INSTALLED) }
	@touch $@

$(NODE_READY): $(CHECKS) package-lock.json
	@echo "  asl-validator and axe-core, which check the state machine and the pages"
	@PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --loglevel error --no-audit --no-fund > .venv/npm.log 2>&1 || { \
		cat .venv/npm.log >&2; $(NOT_INSTALLED) }
	@touch $@
