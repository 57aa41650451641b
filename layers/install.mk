# Installs a layer's packages for Lambda, whatever machine this is: python3.13 on arm64, wheels only, hashes checked.
# requirements.txt is written by `make lock`, in the versions of the one lock file.
# pip takes only wheels whose tag is named, so the manylinux tags that the wheels carry are named.
define install
	mkdir -p "$(ARTIFACTS_DIR)/python"
	python3 -m pip install --quiet --no-compile --no-deps --require-hashes --target "$(ARTIFACTS_DIR)/python" \
		--python-version 3.13 --implementation cp --only-binary=:all: \
		--platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
		--platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
		--requirement requirements.txt
endef
