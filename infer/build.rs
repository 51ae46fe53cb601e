//! Makes what the program holds of its models, so that nothing is held twice: `coco17-memory.onnx` has the network of
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

    use poselift_onnx::{CARD_KEY, Model, encode_residual};

    /// Bytes that two places must have in common to be found, and how far apart the places that are searched for are.
    const KEY: usize = 16;
    const STRIDE: usize = 1024;

    /// A segment of a file: `copied` bytes of another file from its byte `from`, then `literal` bytes that only this file has.
    struct Segment {
        from: usize,
        copied: usize,
        literal: usize,
    }

    pub(super) fn write() {
        let int8 = read("coco17-int8.onnx");
        write_memory(&int8, &read("coco17-memory.onnx"));
        write_exact(int8, read("coco17.onnx"));
    }

    /// Writes the bytes that only the model with a memory has, and the table of its segments.
    fn write_memory(int8: &[u8], file: &[u8]) {
        let mut table = String::from("[\n");
        let mut literals = Vec::new();
        let mut place = 0;
        for segment in segments(int8, file) {
            place += segment.copied;
            literals.extend_from_slice(&file[place..place + segment.literal]);
            place += segment.literal;
            writeln!(table, "    [{}, {}, {}],", segment.from, segment.copied, segment.literal)
                .expect("a String takes all");
        }
        table.push_str("]\n");
        write_out("coco17-memory.segments.rs", table);
        write_out("coco17-memory.literals", literals);
    }

    /// Writes the card of the float32 model, and the residual of its weights beside those in int8.
    fn write_exact(int8: Vec<u8>, exact: Vec<u8>) {
        let int8 = Model::decode(int8.into()).expect("coco17-int8.onnx is a model");
        let exact = Model::decode(exact.into()).expect("coco17.onnx is a model");
        let card = exact.to_graph().metadata.remove(CARD_KEY).expect("coco17.onnx has a card");
        let exact = exact.network().unwrap_or_else(|error| panic!("coco17.onnx: {error}"));
        let int8 = int8.network().unwrap_or_else(|error| panic!("coco17-int8.onnx: {error}"));
        let residual = encode_residual(&exact, &int8).expect("coco17-int8.onnx is coco17.onnx in int8");
        write_out("coco17.card.json", card);
        write_out("coco17.residual", residual);
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

    /// The segments that `file` is, with as much as is found of `base`.
    fn segments(base: &[u8], file: &[u8]) -> Vec<Segment> {
        let starts = (0..base.len().saturating_sub(KEY)).step_by(STRIDE);
        let places: HashMap<&[u8], usize> = starts.map(|start| (&base[start..start + KEY], start)).collect();
        let mut segments = vec![Segment { from: 0, copied: 0, literal: 0 }];
        let mut place = 0;
        while place < file.len() {
            let key = file.get(place..place + KEY);
            let last = segments.len() - 1;
            if let Some(&from) = key.and_then(|key| places.get(key)) {
                // What is the same before that place was taken to be the file's own.
                let room = segments[last].literal.min(from);
                let back = (1..=room).take_while(|back| base[from - back] == file[place - back]).count();
                let after = base[from..].iter().zip(&file[place..]).take_while(|(base, file)| base == file).count();
                if back + after >= STRIDE {
                    segments[last].literal -= back;
                    segments.push(Segment { from: from - back, copied: back + after, literal: 0 });
                    place += after;
                    continue;
                }
            }
            segments[last].literal += 1;
            place += 1;
        }
        segments
    }
}
