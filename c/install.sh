#!/bin/sh
# Lays out the C library for its users: install.sh BUILT PREFIX takes libposelift_c.* from the folder BUILT, and fills PREFIX with
# include/, lib/ and unity/.
set -eu
built=$1
prefix=$2
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/unity"
cp "$here/include/poselift.h" "$prefix/include/"
cp "$built/libposelift_c.so" "$prefix/lib/libposelift.so"
cp "$built/libposelift_c.a" "$prefix/lib/libposelift.a"
sed "s/@VERSION@/$version/" "$here/poselift.pc" > "$prefix/lib/pkgconfig/poselift.pc"
cp "$here/unity/Poselift.cs" "$prefix/unity/"
