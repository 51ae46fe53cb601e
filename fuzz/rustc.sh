#!/bin/sh
# Stands before rustc (RUSTC_WRAPPER): crates of this repository count the edges that an input takes, what they depend on
# does not, nor do build scripts. These are stable rustc's names of the passes that cargo-fuzz turns on by -Zsanitizer.
set -eu
case "${CARGO_PKG_NAME:-} ${CARGO_CRATE_NAME:-}" in
*" build_script_build") ;;
poselift*)
	exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
		-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
		-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
	;;
esac
exec "$@"
