# From a fresh clone: `make demo`. `make help` lists the rest.
#
# Native libraries are fetched once into the user's cache (setup/fetch.py). ORT_DYLIB_PATH and LIBTORCH name copies of your
# own; where they are set nothing is fetched for them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DEVICE ?= cpu
PYTHON ?= python3
CARGO ?= cargo

ifeq ($(filter cpu cuda,$(DEVICE)),)
$(error DEVICE is '$(DEVICE)', expected cpu or cuda)
endif

clip := demos/sports2d/sports2d_demo.mediapipe33.jsonl
programs := $${CARGO_TARGET_DIR:-target}/release
# -S: nothing but the standard library is used, and site packages can take longer to start than the script to run.
fetch := $(PYTHON) -S setup/fetch.py --device $(DEVICE)
tell_cargo := $(PYTHON) -S setup/cargo_config.py .cargo/config.toml

# Shell lines that recipes begin with. Cargo is told too, so that plain `cargo test` works afterwards.
with_onnxruntime = [ -n "$${ORT_DYLIB_PATH:-}" ] || $(fetch) onnxruntime > /dev/null
with_libtorch = if [ -z "$${LIBTORCH:-}" ]; then \
	LIBTORCH=$$($(fetch) libtorch); export LIBTORCH; $(tell_cargo) "LIBTORCH=$$LIBTORCH"; fi
with_test_python = if [ -z "$${POSELIFT_TEST_PYTHON:-}" ]; then \
	POSELIFT_TEST_PYTHON=$$($(fetch) python-test); export POSELIFT_TEST_PYTHON; \
	$(tell_cargo) "POSELIFT_TEST_PYTHON=$$POSELIFT_TEST_PYTHON"; fi
# Without a browser the page's test is left out, which CI does not allow (POSELIFT_ALLOW_SKIPS in CONTRIBUTING.md).
allow_no_browser = if [ -z "$${CI:-}" ] && ! command -v chromium chromium-browser google-chrome > /dev/null; then \
	echo 'make: skipped: no Chromium is installed, so the page is not tested in a browser'; \
	export POSELIFT_ALLOW_SKIPS="$${POSELIFT_ALLOW_SKIPS:-browser}"; fi

# The same for the tools that build programs with the C library.
allow_no_c = if [ -z "$${CI:-}" ]; then for tool in cc c++ valgrind mcs mono; do \
	command -v "$$tool" > /dev/null || { \
	echo "make: skipped: no $$tool is installed, so not all of the C library is tested"; \
	export POSELIFT_ALLOW_SKIPS="$${POSELIFT_ALLOW_SKIPS:+$$POSELIFT_ALLOW_SKIPS,}c"; }; done; fi

with_judges = if [ -z "$${POSELIFT_JUDGES_PYTHON:-}" ]; then \
	POSELIFT_JUDGES_PYTHON=$$($(fetch) python-judges); export POSELIFT_JUDGES_PYTHON; \
	$(tell_cargo) "POSELIFT_JUDGES_PYTHON=$$POSELIFT_JUDGES_PYTHON"; fi

with_clients = if [ -z "$${POSELIFT_SERVE_PYTHON:-}" ]; then \
	POSELIFT_SERVE_PYTHON=$$($(fetch) python-serve); export POSELIFT_SERVE_PYTHON; \
	$(tell_cargo) "POSELIFT_SERVE_PYTHON=$$POSELIFT_SERVE_PYTHON"; fi

with_wheel_tools = if [ -z "$${POSELIFT_WHEEL_PYTHON:-}" ]; then \
	POSELIFT_WHEEL_PYTHON=$$($(fetch) python-wheel); export POSELIFT_WHEEL_PYTHON; fi
# How cargo compiles the wheel: `wheel` for users, `wheel-test` in less time.
WHEEL_PROFILE ?= wheel

.PHONY: help
help: ## Lists the targets.
	@echo 'Usage: make TARGET [DEVICE=cpu|cuda]'
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 13 | sed 's/^/  /'

.PHONY: demo
demo: ## Lifts a clip of real key points: 3D poses and a page to look at, in demo/.
	@$(with_onnxruntime)
	@$(CARGO) build --release --locked -p poselift
	@mkdir -p demo
	@$(programs)/poselift run --device $(DEVICE) $(clip) -o demo/poses.jsonl
	@$(programs)/poselift run --device $(DEVICE) --quiet $(clip) -o demo/poses.html
	@printf '\n3D poses: %s\nPage:     file://%s\n' demo/poses.jsonl "$$PWD/demo/poses.html"

.PHONY: build
build: ## Builds both programs, optimised.
	@$(with_onnxruntime)
	@$(with_libtorch); $(CARGO) build --release --locked --workspace

.PHONY: c-library
c-library: ## Builds the C library for its users, into c-library/: header, shared and static library, C# for Unity.
	@$(CARGO) build --release --locked -p poselift-c
	@c/install.sh $(programs) c-library
	@printf '\nC library: %s\n' "$$PWD/c-library"

# Tests wait for programs that they start, and for times: on two cores, more than two at once are done sooner.
test_threads = export RUST_TEST_THREADS="$${RUST_TEST_THREADS:-$$(( $$(nproc) < 4 ? 4 : $$(nproc) ))}"

.PHONY: test
test: ## Runs all tests, those of the training program and of the set-up too.
	@$(PYTHON) -m unittest discover -s setup
	@$(with_test_python); "$$POSELIFT_TEST_PYTHON" -m unittest discover -s benches/real
	@$(with_onnxruntime)
	@$(with_libtorch); $(with_test_python); $(with_judges); $(with_clients); $(allow_no_browser); $(allow_no_c); $(test_threads); $(CARGO) test --locked --workspace
	@$(MAKE) --no-print-directory wheel WHEEL_PROFILE=wheel-test

.PHONY: wheel
wheel: ## Builds the Python wheel, installs it into a fresh environment, and runs its tests there.
	@$(with_onnxruntime)
	@$(with_test_python); $(with_judges); $(with_wheel_tools); $(PYTHON) python/wheel.py --profile $(WHEEL_PROFILE)

.PHONY: check
check: ## Format, lints, documentation: cheapest first.
	@$(CARGO) fmt --all --check
	@$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	@$(with_libtorch); $(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@$(with_libtorch); RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

.PHONY: train-demo
train-demo: build ## Fits a small network on the built-in data, exports and verifies it, lifts the clip with it.
	@mkdir -p demo
	@rm -rf demo/run
	@$(programs)/poselift-train fit --data synthetic --hidden 256 --epochs 1 --device $(DEVICE) --out demo/run
	@$(programs)/poselift-train export demo/run -o demo/model.onnx
	@$(programs)/poselift info demo/model.onnx
	@$(programs)/poselift run --model demo/model.onnx --device $(DEVICE) $(clip) -o demo/train-demo.jsonl
	@$(programs)/poselift run --model demo/model.onnx --device $(DEVICE) --quiet $(clip) -o demo/train-demo.html
	@printf '\nRun:   %s\nModel: %s\nPoses: %s\nPage:  file://%s\n' \
		demo/run demo/model.onnx demo/train-demo.jsonl "$$PWD/demo/train-demo.html"

.PHONY: bench
bench: ## Measures library and program beside other engines: one table, figures/figures.md (benches/README.md).
	@$(with_onnxruntime)
	@$(with_test_python); [ '$(PYTHON)' != python3 ] || export PYTHON="$$POSELIFT_TEST_PYTHON"; \
		benches/figures.sh models/coco17.onnx models/coco17-int8.onnx figures
	@printf '\nTable: %s\nJSON:  %s\n' figures/figures.md figures/figures.json

.PHONY: ray-test
RAY_PYTHON ?= python3
ray-test: ## Runs the examples for Ray on two workers, one of which is killed; RAY_PYTHON has ray[data,serve] and poselift.
	@$(RAY_PYTHON) tests/ray.py
