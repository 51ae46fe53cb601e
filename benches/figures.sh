#!/bin/bash
# All figures of the CPU in one go, in a quarter of an hour, on a machine that does nothing else:
#
#   benches/figures.sh F32.onnx INT8.onnx OUT
#
# The two models are one run's (`poselift-train export RUN`, and with `--precision int8`). PYTHON names a Python with the
# packages that benches/rivals.py lists. Writes Markdown tables and JSON to the folder OUT: figures.md and figures.json are
# the engines beside each other.
set -euo pipefail

f32=$(realpath "$1") int8=$(realpath "$2") out=$3
mkdir -p "$out"
out=$(realpath "$out")
cd "$(dirname "$0")/.."

cargo build --release --locked -p poselift
program=$(realpath "${CARGO_TARGET_DIR:-target}/release/poselift")
cargo bench --locked -p poselift --bench program --bench streams --bench start --bench growth --no-run
engines=$(cargo bench --locked -p poselift --features rivals --bench engines --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*engines[^"]*\)".*/\1/p')

{
    date -u +%F
    grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'
    nproc
    cat /proc/loadavg
} | tee "$out/machine.txt"

sync # What was built is on the disk before a file is timed.
for precision in int8 f32; do
    model=${!precision}
    cargo bench -q --locked -p poselift --bench program -- --program "$program" --model "$model" \
        --lines 300000 --stream 500000 --turns 5 --json "$out/program-$precision.json" | tee "$out/program-$precision.md"
    cargo bench -q --locked -p poselift --bench streams -- --model "$model" --json "$out/streams-$precision.json" \
        | tee "$out/streams-$precision.md"
done
cargo bench -q --locked -p poselift --bench start -- --program "$program" | tee "$out/start.md"
cargo bench -q --locked -p poselift --bench growth -- --program "$program" --most 1000000 \
    --svg "$out/growth.svg" --json "$out/growth.json" | tee "$out/growth.md"
"${PYTHON:-python3}" benches/rivals.py --model "$f32" --int8 "$int8" --poselift "$program" --rust "$engines" \
    --whole "$out/program-int8.json" --json "$out/figures.json" | tee "$out/figures.md"
