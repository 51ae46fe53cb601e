//! Takes from `coco17-memory.onnx` what `coco17-int8.onnx` holds too, the network in front of the memory: the program has it once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// Bytes that two places must have in common to be found, and how far apart the places that are searched for are.
const KEY: usize = 16;
const STRIDE: usize = 1024;

/// A piece of a file: `taken` bytes of another one from its byte `from`, then `own` bytes that only this one has.
struct Piece {
    from: usize,
    taken: usize,
    own: usize,
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_none() {
        return;
    }
    let models = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it")).join("../models");
    let read = |name: &str| {
        let path = models.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (base, file) = (read("coco17-int8.onnx"), read("coco17-memory.onnx"));
    let (mut table, mut own) = (String::from("[\n"), Vec::new());
    let mut place = 0;
    for Piece { from, taken, own: length } in pieces(&base, &file) {
        place += taken;
        own.extend_from_slice(&file[place..place + length]);
        place += length;
        writeln!(table, "    [{from}, {taken}, {length}],").expect("a String takes all");
    }
    table.push_str("]\n");
    let out = env::var("OUT_DIR").expect("Cargo sets it");
    fs::write(Path::new(&out).join("coco17-memory.pieces.rs"), table).expect("OUT_DIR can be written to");
    fs::write(Path::new(&out).join("coco17-memory.own"), own).expect("OUT_DIR can be written to");
}

/// The pieces that `file` is, with as much as is found of `base`.
fn pieces(base: &[u8], file: &[u8]) -> Vec<Piece> {
    let starts = (0..base.len().saturating_sub(KEY)).step_by(STRIDE);
    let places: HashMap<&[u8], usize> = starts.map(|start| (&base[start..start + KEY], start)).collect();
    let mut pieces = vec![Piece { from: 0, taken: 0, own: 0 }];
    let mut place = 0;
    while place < file.len() {
        let key = file.get(place..place + KEY);
        let last = pieces.len() - 1;
        if let Some(&from) = key.and_then(|key| places.get(key)) {
            // What is the same before that place was taken for the file's own.
            let room = pieces[last].own.min(from);
            let back = (1..=room).take_while(|back| base[from - back] == file[place - back]).count();
            let after = base[from..].iter().zip(&file[place..]).take_while(|(base, file)| base == file).count();
            if back + after >= STRIDE {
                pieces[last].own -= back;
                pieces.push(Piece { from: from - back, taken: back + after, own: 0 });
                place += after;
                continue;
            }
        }
        pieces[last].own += 1;
        place += 1;
    }
    pieces
}
