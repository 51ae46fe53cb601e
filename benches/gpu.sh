#!/usr/bin/env bash
# Shows the whole chain on an NVIDIA GPU that has neither Rust nor a network: fit, export (which verifies), run and bench on
# CUDA, each beside the CPU of the same machine; appends the figures, with date and machine, to a file.
#
#   benches/gpu.sh pack DIR             here: programs, libraries, clip -> DIR, in pieces of at most 50 MB
#   benches/gpu.sh unpack DIR WORK      there: pieces -> WORK; may be called again and again while pieces arrive
#   benches/gpu.sh measure WORK FIGURES there: runs everything, appends to the file FIGURES
#
# The GPU machine needs an NVIDIA driver and Python 3 with PyTorch 2.11 for CUDA 13: its libtorch and NVIDIA's libraries are
# used, so that 4 GB need not travel. What travels are the two programs and ONNX Runtime's CUDA provider (284 MB, about
# 150 MB packed). Where one transfer is limited, send DIR/piece-* a few at a time, with DIR/SHA256SUMS each time, and unpack
# after each; `unpack` says when all have come. PIECE_MB changes their size, XZ_LEVEL=6 makes them smaller and slower.
#
# The programs may be built against the CPU libtorch: they name libtorch.so, and PyTorch's brings CUDA in.
set -euo pipefail

readonly repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly clip="demos/sports2d/sports2d_demo.mediapipe33.jsonl"

fail() {
    echo "gpu.sh: error: $*" >&2
    exit 2
}

pack() {
    local dir="$1" runtime target
    runtime="$(dirname "$(python3 "$repository/setup/fetch.py" --device cuda onnxruntime)")"
    target="${CARGO_TARGET_DIR:-$repository/target}/release"
    [ -x "$target/poselift" ] && [ -x "$target/poselift-train" ] || fail "no programs in $target: run make build"
    local staging
    staging="$(mktemp -d)"
    trap "rm -rf '$staging'" EXIT
    mkdir -p "$staging/onnxruntime" "$staging/$(dirname "$clip")" "$dir"
    cp "$target/poselift" "$target/poselift-train" "$staging/"
    cp "$runtime"/libonnxruntime.so "$runtime"/libonnxruntime_providers_shared.so "$staging/onnxruntime/"
    # The provider itself: there the search path that setup/ adds leads nowhere, measure() gives one.
    cp "$runtime/libonnxruntime_providers_cuda_real.so" "$staging/onnxruntime/libonnxruntime_providers_cuda.so"
    cp "$repository/$clip" "$staging/$clip"
    cp "$repository/benches/pytorch_step.py" "$staging/"
    cp "$(train_step)" "$staging/train_step"
    git -C "$repository" describe --always --dirty > "$staging/COMMIT"
    rm -f "$dir"/piece-* "$dir/SHA256SUMS"
    tar -C "$staging" -c . | xz -T0 -"${XZ_LEVEL:-1}" | split -b "${PIECE_MB:-50}M" -d -a 2 - "$dir/piece-"
    (cd "$dir" && sha256sum piece-* > SHA256SUMS)
    ls -l "$dir" >&2
}

# The bench of a training step, built.
train_step() {
    cargo bench --locked -p poselift-train --bench train_step --no-run --message-format=json |
        sed -n 's/.*"executable":"\([^"]*train_step[^"]*\)".*/\1/p'
}

unpack() {
    local dir="$1" work="$2"
    mkdir -p "$work/pieces"
    find "$dir" -maxdepth 1 -name 'piece-*' -exec cp {} "$work/pieces/" \;
    cp "$dir/SHA256SUMS" "$work/pieces/"
    if (cd "$work/pieces" && sha256sum --check --status SHA256SUMS 2> /dev/null); then
        cat "$work"/pieces/piece-* | python3 -c "$untar" "$work"
        echo "gpu.sh: all pieces are here and unpacked" >&2
    else
        echo "gpu.sh: $(find "$work/pieces" -name 'piece-*' | wc -l) of $(wc -l < "$work/pieces/SHA256SUMS") pieces are here" >&2
    fi
}

# xz may be missing there, Python is not.
readonly untar='
import sys, tarfile
tarfile.open(fileobj=sys.stdin.buffer, mode="r|xz").extractall(sys.argv[1])
'

# PyTorch's own libraries and NVIDIA's beside it, as one search path.
library_path() {
    python3 - << 'PYTHON'
import pathlib, torch
site = pathlib.Path(torch.__file__).parent.parent
assert torch.__version__.startswith("2.11."), f"found PyTorch {torch.__version__}, expected 2.11"
print(":".join(map(str, [site / "torch/lib", *sorted((site / "nvidia").glob("*/lib"))])))
PYTHON
}

# Runs a command and adds what it says to the figures; stops all when it fails.
figure() {
    local title="$1"
    shift
    printf '\n### %s\n\n```\n$ %s\n' "$title" "$*" >> "$figures"
    local started=$EPOCHREALTIME status=0
    "$@" 2>&1 | tr '\r' '\n' | tail -n 40 | tee -a "$figures" || status=$?
    printf '(%s s, exit %d)\n```\n' "$(awk "BEGIN{printf \"%.1f\", $EPOCHREALTIME - $started}")" "$status" >> "$figures"
    [ "$status" -eq 0 ] || fail "$title: exit $status"
}

measure() {
    local work="$1"
    figures="$(realpath -m "$2")"
    [ -x "$work/poselift" ] || fail "$work holds no programs: unpack first"
    command -v nvidia-smi > /dev/null || fail "no NVIDIA driver here"
    cd "$work"
    LD_LIBRARY_PATH="$(library_path)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export LD_LIBRARY_PATH ORT_DYLIB_PATH="$PWD/onnxruntime/libonnxruntime.so" NO_COLOR=1
    {
        printf '\n## %s, commit %s\n\n' "$(date -u +%F)" "$(cat COMMIT)"
        nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
        printf '%s, %s threads\n' "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)"
    } >> "$figures"
    rm -rf run-cuda run-cpu run-mirror model.onnx mirror.onnx
    local device model
    for device in cuda cpu; do
        figure "fit on $device" ./poselift-train fit --data synthetic --epochs 1 --device "$device" --out "run-$device"
    done
    figure "fit of a network that keeps to a mirror, batches of 4096, on cuda" ./poselift-train fit --data synthetic --epochs 4 \
        --batch-size 4096 --mirror on --sigma on --dropout 0 --device cuda --out run-mirror
    figure "export of that run" ./poselift-train export run-mirror -o mirror.onnx
    figure "export of the run on cuda; verified before it is written" ./poselift-train export run-cuda -o model.onnx
    for device in cuda cpu; do
        figure "run on $device" ./poselift run --model model.onnx --device "$device" --json "$clip" -o "poses-$device.jsonl"
    done
    figure "largest difference between the devices' poses" python3 -c "$compare" poses-cuda.jsonl poses-cpu.jsonl
    figure "bench of the bundled model" ./poselift bench --device cuda
    figure "the same in batches as large as they come" ./poselift bench --device cuda --batch 262144
    figure "export of the network with a mirror in f16" ./poselift-train export run-mirror --precision f16 -o mirror-f16.onnx
    for model in mirror mirror-f16; do
        figure "bench of $model" ./poselift bench "$model.onnx" --device cuda
        figure "bench of $model in batches as large as they come" ./poselift bench "$model.onnx" --device cuda --batch 262144
    done
    figure "a training step" ./train_step --bench
    local way
    for way in "" --autocast --compile "--autocast --compile"; do
        # shellcheck disable=SC2086  # each word is an option
        figure "the same in PyTorch $way" python3 pytorch_step.py $way
    done
}

# Fails above a millimetre: CUDA's matrix products may round to TF32.
readonly compare='
import json, sys
def joints(path):
    lines = [json.loads(line) for line in open(path)]
    return [c for l in lines if "people" in l for p in l["people"] for j in p["joints"] for c in j]
a, b = map(joints, sys.argv[1:])
assert a and len(a) == len(b), (len(a), len(b))
worst = max(abs(x - y) for x, y in zip(a, b))
print(f"{worst * 1000:.4f} mm over {len(a) // 3} joints")
sys.exit(worst > 1e-3)
'

case "${1:-}:$#" in
    pack:2) pack "$2" ;;
    unpack:3) unpack "$2" "$3" ;;
    measure:3) measure "$2" "$3" ;;
    *)
        sed -n '2,/^set /{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
esac
