//! Makes what the program holds of its models: what is in one of them is not held again of another. `coco17-memory.onnx` has the network of
//! `coco17-int8.onnx` in front of its memory, and `coco17.onnx` is that network before it was rounded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "bundled")]
    bundled::write();
}

#[cfg(feature = "bundled")]
mod bundled {
    use std::collections::HashMap;
    use std::fmt::Write as _;
    use std::path::Path;
    use std::{env, fs};

    use poselift_onnx::{CARD_KEY, Model, rounded_off};

    /// Bytes that two places must have in common to be found, and how far apart the places that are searched for are.
    const KEY: usize = 16;
    const STRIDE: usize = 1024;

    /// A piece of a file: `taken` bytes of another one from its byte `from`, then `own` bytes that only this one has.
    struct Piece {
        from: usize,
        taken: usize,
        own: usize,
    }

    pub(super) fn write() {
        let int8 = read("coco17-int8.onnx");
        write_memory(&int8, &read("coco17-memory.onnx"));
        write_exact(int8, read("coco17.onnx"));
    }

    /// Writes the bytes that are the memory's alone, and a table of its pieces.
    fn write_memory(int8: &[u8], file: &[u8]) {
        let mut table = String::from("[\n");
        let mut own = Vec::new();
        let mut place = 0;
        for piece in pieces(int8, file) {
            place += piece.taken;
            own.extend_from_slice(&file[place..place + piece.own]);
            place += piece.own;
            writeln!(table, "    [{}, {}, {}],", piece.from, piece.taken, piece.own).expect("a String takes all");
        }
        table.push_str("]\n");
        write_out("coco17-memory.pieces.rs", table);
        write_out("coco17-memory.own", own);
    }

    /// Writes the card of the float32 model, and what int8 rounds off of its weights.
    fn write_exact(int8: Vec<u8>, exact: Vec<u8>) {
        let int8 = Model::decode(int8.into()).expect("coco17-int8.onnx is a model");
        let exact = Model::decode(exact.into()).expect("coco17.onnx is a model");
        let card = exact.to_graph().metadata.remove(CARD_KEY).expect("coco17.onnx has a card");
        let exact = exact.network().unwrap_or_else(|error| panic!("coco17.onnx: {error}"));
        let int8 = int8.network().unwrap_or_else(|error| panic!("coco17-int8.onnx: {error}"));
        let rounded_off = rounded_off(&exact, &int8).expect("coco17-int8.onnx is coco17.onnx in int8");
        write_out("coco17.card.json", card);
        write_out("coco17.rounded-off", rounded_off);
    }

    fn read(name: &str) -> Vec<u8> {
        let path = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it")).join("../models").join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn write_out(name: &str, contents: impl AsRef<[u8]>) {
        let folder = env::var("OUT_DIR").expect("Cargo sets it");
        fs::write(Path::new(&folder).join(name), contents).expect("OUT_DIR can be written to");
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
}
