#!/usr/bin/env bash
# Builds the fuzz targets and runs each of them for some time on the kept corpus and on seeds from real files.
#
#   fuzz/run.sh [SECONDS [TARGET…]]    10 seconds; keypoints poses pairs cameras model
#
# Needs Linux (input lies in /dev/shm) and a C++ compiler (libFuzzer is built from source). What is found is in
# target/fuzz/finds/TARGET; `target/fuzz/debug/TARGET FILE` runs it again. New inputs gather in target/fuzz/corpus/TARGET.
set -euo pipefail
given=${CARGO_TARGET_DIR:+$(realpath -m "$CARGO_TARGET_DIR")}
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-10}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(keypoints poses pairs cameras model)
# A folder of its own: cargo does not tell crates that were built through another wrapper apart.
target=${given:-$PWD/../target}/fuzz
seeds=$target/seeds
shared=$PWD/../../shared/data

# Without ONNX Runtime: what it does with a hostile file is not ours, and it is slow.
export ORT_DYLIB_PATH='' POSELIFT_CACHE=$target/no-cache

# The longest input, bytes. libFuzzer cuts longer ones off.
max_len() { if [ "$1" = model ]; then echo 65536; else echo 16384; fi; }

# Copies the files of a folder, each under its own hash; of long ones the beginning.
take() {
	local to=$1 from=$2
	find "$from" -type f ! -name '*.md' ! -name '*.onnx' -print0 | while IFS= read -r -d '' file; do
		head -c 16384 "$file" > "$to/$(sha1sum < "$file" | cut -c1-16)"
	done
}

make_seeds() {
	rm -rf "$seeds"
	mkdir -p "$seeds"/{keypoints,poses,pairs,cameras,model}
	head -n 3 ../demos/sports2d/sports2d_demo.mediapipe33.jsonl > "$seeds/keypoints/sports2d"
	for name in poses cameras model; do
		POSELIFT_FUZZ_SEEDS=$seeds/$name "$target/debug/$name" -runs=0 > /dev/null 2>&1
	done
	# Of a large model the card and the graph; its weights are cut off.
	for file in ../models/*.onnx; do head -c 4096 "$file" > "$seeds/model/$(basename "$file")"; done
	if [ -d "$shared" ]; then
		take "$seeds/keypoints" "$shared/cases"
		take "$seeds/keypoints" "$shared/faults"
		take "$seeds/pairs" "$shared/faults"
		take_archives
	fi
}

# Of the frames of a clip, a file each, three are enough.
take_archives() {
	local unpacked=$seeds/unpacked
	mkdir -p "$unpacked"
	for archive in samples formats; do tar -xJf "$shared/$archive.tar.xz" -C "$unpacked"; done
	find "$unpacked" -type f -regex '.*[0-9][0-9][0-9][0-9]*\(_keypoints\)?\.json' ! -regex '.*00[0-2]\(_keypoints\)?\.json' -delete
	take "$seeds/keypoints" "$unpacked"
	rm -rf "$unpacked"
}

run() {
	local name=$1
	mkdir -p "$target/corpus/$name" "$target/finds/$name" "corpus/$name"
	echo "fuzz: $name for $seconds s"
	"$target/debug/$name" \
		-max_total_time="$seconds" -max_len="$(max_len "$name")" -timeout=25 -rss_limit_mb=2048 -dict=words.dict \
		-artifact_prefix="$target/finds/$name/" -print_final_stats=1 -verbosity=0 \
		"$target/corpus/$name" "corpus/$name" "$seeds/$name"
}

# Without --locked: what the library newly depends on is added to the lock file here.
RUSTC_WRAPPER=$PWD/rustc.sh CARGO_TARGET_DIR=$target "${CARGO:-cargo}" build
make_seeds
for name in "${targets[@]}"; do
	run "$name" || { echo "fuzz: $name found what it may not: $target/finds/$name" >&2; exit 1; }
done
