#!/bin/bash
# The source files that a live frame crosses, in a minute or two:
#
#   benches/files_crossed.sh [FRAMES]
#
# One person of the demonstration clip, as COCO-17, goes through a pipe to `poselift run`; a frame is written when the poses of
# the one before it have come. A run of FRAMES frames (200 unless it is said) is held against one of twice as many: a file in
# which the second runs an instruction or more for each frame that it has more is crossed by every frame. What happens once,
# such as a guess at the layout, is no more in the one than in the other.
#
# The program is compiled without optimisation, so that no function of ours disappears in another, and runs under valgrind's
# callgrind, which has no AVX-512: numbers and layers take the way that they take with AVX2. OUT names a folder that keeps
# what callgrind wrote.
set -euo pipefail

frames=${1:-200}
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=${OUT:-$scratch}
mkdir -p "$out"

cargo build -q --locked -p poselift \
    --config profile.dev.package.poselift.opt-level=0 --config profile.dev.package.poselift-onnx.opt-level=0
# The next build without these options replaces it.
cp "${CARGO_TARGET_DIR:-target}/debug/poselift" "$scratch/poselift"

# ONNX Runtime is not looked for, so that nothing is compared with it at the start.
unset ORT_DYLIB_PATH
export XDG_CACHE_HOME=$scratch/cache
for count in "$frames" $((2 * frames)); do
    python3 -S benches/files_crossed.py drive "$count" \
        valgrind -q --tool=callgrind --callgrind-out-file="$out/$count.callgrind" "$scratch/poselift" run --quiet
done
python3 -S benches/files_crossed.py compare "$frames" "$out/$frames.callgrind" "$out/$((2 * frames)).callgrind"
