# SPDX-License-Identifier: MIT
# Thin fronts for Meson; .ci/setup installs what is missing on Debian 12.

BUILD ?= build
CONFIG ?= conf/weir.yaml

.PHONY: build serve test bench bench-models parity clients schemathesis hostile format tidy clean

build: $(BUILD)/build.ninja
	@meson compile -C $(BUILD)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is not installed; run: .ci/setup --for build" >&2; exit 1; }
	meson setup $(BUILD)

# Installs, builds a release of the program alone and serves the sample models.
serve:
	@.ci/setup --for build
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) weir
	exec $(BUILD)/weir serve --config $(CONFIG)

# Every build and every test; ends with one line "N passed, N failed".
test:
	@.ci/setup --for test
	@tests/run

# Weir against a bare event loop, interleaved in one run; see bench/README.md.
bench:
	@.ci/setup --for bench
	@$(MAKE) --no-print-directory build
	@bench/run --build $(BUILD)

# Trees beside the libraries that made them, in one interleaved run on one thread; see bench/README.md.
bench-models:
	@.ci/setup --for test
	@$(MAKE) --no-print-directory build
	@test -x $(BUILD)/venv/bench-models/bin/python || python3 -m venv $(BUILD)/venv/bench-models
	@$(BUILD)/venv/bench-models/bin/python -c 'import tl2cgen' 2>/dev/null || \
		$(BUILD)/venv/bench-models/bin/python -m pip install -q --prefer-binary -r bench/models/requirements.txt
	@$(BUILD)/venv/bench-models/bin/python bench/models/run --build $(BUILD)

# Against real scikit-learn from a package registry, in virtual environments below build/.
parity:
	@.ci/setup --for test
	@$(MAKE) --no-print-directory build
	@tests/parity/run --build $(BUILD)

# Real clients of other servers, from PyPI, against the built server; see tests/clients/README.md.
clients:
	@.ci/setup --for clients
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) weir
	@tests/clients/run --build $(BUILD)

# Made-up requests for all that /openapi.json describes, by schemathesis from PyPI, against the built server.
schemathesis:
	@.ci/setup --for clients
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) weir
	@tests/clients/schemathesis --build $(BUILD)

# Every committed model damaged in 2,600 ways, under the address and undefined-behaviour sanitizers.
hostile:
	@.ci/setup --for test
	@[ -f build-hostile/build.ninja ] || meson setup build-hostile -Db_sanitize=address,undefined -Doptimization=1
	@ninja -C build-hostile tests/hostile/hostile weir
	@ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1 WEIR_PROGRAM=build-hostile/weir \
		build-hostile/tests/hostile/hostile tests/data

format:
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

tidy:
	@tests/check/tidy build-clang

clean:
	rm -rf $(BUILD) build-*
