//! The models that the program contains. `coco17` in float32 for GPUs, and in int8, three times as fast on a CPU and within a
//! tenth of a millimetre of it; `coco17-memory`, which has the int8 network in front of its memory; `coco23-memory`, which knows
//! feet too (`models/README.md`). What one has in common with another is held once (`build.rs`).

use std::path::Path;

use bytes::Bytes;
use poselift_onnx::{Card, Model, decode_residual, write};

use super::ModelFile;
use crate::error::Result;

const INT8: &[u8] = include_bytes!("../../../models/coco17-int8.onnx");
/// The card of `coco17.onnx`.
const CARD: &str = include_str!(concat!(env!("OUT_DIR"), "/coco17.card.json"));
/// The residual of the weights of `coco17.onnx` beside those of [`INT8`].
const RESIDUAL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/coco17.residual"));
/// The segments of `coco17-memory.onnx`, in order, as `[from, copied, literal]`: `copied` bytes of [`INT8`] from its byte
/// `from`, then the next `literal` bytes of [`MEMORY_LITERALS`].
const MEMORY_SEGMENTS: &[[usize; 3]] = &include!(concat!(env!("OUT_DIR"), "/coco17-memory.segments.rs"));
const MEMORY_LITERALS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/coco17-memory.literals"));
const FEET_MEMORY: &[u8] = include_bytes!("../../../models/coco23-memory.onnx");

/// The names of the models that the program contains.
pub(super) const NAMES: [&str; 4] = ["coco17", "coco17-int8", "coco17-memory", "coco23-memory"];

impl ModelFile {
    /// The model that is used where none is named, `coco17`: COCO-17 in, Human3.6M-17 out (see `models/README.md`).
    ///
    /// # Errors
    /// None, in a program that passed its tests.
    pub fn bundled() -> Result<Self> {
        Ok(Self::of_the_program("bundled:coco17.onnx", exact).with_card(CARD).with_cpu_variant(int8()))
    }

    /// The model of the program that is called `name`, if there is one.
    pub(super) fn bundled_as(name: &Path) -> Option<Result<Self>> {
        match name.to_str()? {
            "coco17" => Some(Self::bundled()),
            "coco17-int8" => Some(Ok(int8())),
            "coco17-memory" => Some(Ok(Self::of_the_program("bundled:coco17-memory.onnx", memory))),
            "coco23-memory" => {
                Some(Ok(Self::of_the_program("bundled:coco23-memory.onnx", || Bytes::from_static(FEET_MEMORY))))
            }
            _ => None,
        }
    }
}

fn int8() -> ModelFile {
    ModelFile::of_the_program("bundled:coco17-int8.onnx", || Bytes::from_static(INT8))
}

/// The bytes of `coco17.onnx`.
fn exact() -> Bytes {
    const TESTED: &str = "a test compares it with the file";
    let int8 = Model::decode(Bytes::from_static(INT8)).expect(TESTED).network_as_tested().expect(TESTED);
    let network = decode_residual(&int8, RESIDUAL).expect(TESTED);
    write(&network, Card::from_json(CARD).expect(TESTED)).expect(TESTED).bytes.into()
}

/// The bytes of `coco17-memory.onnx`.
fn memory() -> Bytes {
    let length = MEMORY_SEGMENTS.iter().map(|[_, copied, literal]| copied + literal).sum();
    let mut bytes = Vec::with_capacity(length);
    let mut literals = MEMORY_LITERALS;
    for &[from, copied, literal] in MEMORY_SEGMENTS {
        bytes.extend_from_slice(&INT8[from..][..copied]);
        let (next, rest) = literals.split_at(literal);
        bytes.extend_from_slice(next);
        literals = rest;
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, Engine, Precision, Session, SessionOptions};

    #[test]
    fn its_card_fits_and_its_weights_are_those_promised() {
        let file = ModelFile::bundled().unwrap();
        assert_eq!(file.card().input.layout, "coco17");
        assert_eq!(file.card().output.skeleton, "h36m17");
        let variant = file.for_cpus();
        assert_eq!((&variant.card().input, &variant.card().output), (&file.card().input, &file.card().output));
        let forms = file.forms();
        assert_eq!(forms.iter().map(|form| form.for_cpus().name()).collect::<Vec<_>>(), [file.name(), variant.name()]);
        assert_eq!(
            (file.card().network.precision, variant.card().network.precision),
            (Precision::F32, Precision::Int8)
        );
    }

    #[test]
    fn every_name_is_a_file_of_the_models_folder() {
        for name in NAMES {
            let file = ModelFile::bundled_as(Path::new(name)).unwrap().unwrap();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../models/{name}.onnx"));
            assert!(file.bytes() == std::fs::read(&path).unwrap(), "{name}: the program holds another file");
            let read = ModelFile::from_bytes(file.name(), file.bytes().to_vec()).unwrap();
            assert_eq!((read.card().name.as_str(), read.card()), (name, file.card()));
            read.check_weights().unwrap();
            read.network().unwrap();
        }
        assert!(ModelFile::bundled_as(Path::new("coco18")).is_none());
    }

    /// Making them takes ten times as long as the program takes to start.
    #[test]
    fn a_cpu_starts_without_the_bytes_of_the_form_in_float32() {
        let file = ModelFile::bundled().unwrap();
        let options = SessionOptions { device: Device::Cpu, threads: Some(1), engine: Engine::Own };
        Session::new(&file, &options).unwrap();
        assert_eq!(file.card().name, "coco17");
        assert!(!file.has_bytes() && file.for_cpus().has_bytes());
        assert!(!file.bytes().is_empty() && file.has_bytes());
    }

    /// A Python wheel may have 15 MB, and code takes 2.2 of them (`python/wheel.py` weighs what users get).
    #[test]
    fn the_models_leave_room_in_a_wheel_for_the_code() {
        let held = [INT8, RESIDUAL, MEMORY_LITERALS, FEET_MEMORY].map(<[u8]>::len);
        assert!(held.iter().sum::<usize>() < 12_700_000, "{held:?}");
    }

    #[test]
    fn what_models_have_in_common_is_in_the_program_once() {
        assert!(MEMORY_LITERALS.len() * 3 < memory().len(), "{} of {} bytes", MEMORY_LITERALS.len(), memory().len());
        assert!(RESIDUAL.len() * 5 < exact().len() * 2, "{} of {} bytes", RESIDUAL.len(), exact().len());
    }
}
