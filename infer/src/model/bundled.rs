//! The models that the program contains: in float32 for GPUs, and in int8, three times as fast on a CPU and within a
//! tenth of a millimetre of it (`models/README.md`).

use super::ModelFile;
use crate::error::Result;

const BYTES: &[u8] = include_bytes!("../../../models/coco17.onnx");
const BYTES_FOR_CPUS: &[u8] = include_bytes!("../../../models/coco17-int8.onnx");

impl ModelFile {
    /// The model that is part of the program: COCO-17 in, Human3.6M-17 out (see `models/README.md`).
    ///
    /// # Errors
    /// None, in a program that passed its tests.
    pub fn bundled() -> Result<Self> {
        let twin = Self::of_the_program("bundled:coco17-int8.onnx", BYTES_FOR_CPUS);
        Ok(Self::of_the_program("bundled:coco17.onnx", BYTES).with_twin_for_cpus(twin))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;
    use crate::model::Precision;

    #[test]
    fn its_card_fits_and_its_weights_are_those_promised() {
        let file = ModelFile::bundled().unwrap();
        assert_eq!(file.card().input.layout, "coco17");
        assert_eq!(file.card().output.skeleton, "h36m17");
        assert_eq!(file.weights_sha256(), file.card().weights_sha256);
        let twin = file.for_cpus();
        assert_eq!(twin.weights_sha256(), twin.card().weights_sha256);
        assert_eq!((&twin.card().input, &twin.card().output), (&file.card().input, &file.card().output));
        let forms = file.forms();
        for form in &forms {
            let read = ModelFile::from_bytes(form.name(), form.bytes().to_vec()).unwrap();
            read.check_weights().unwrap();
            read.network().unwrap();
        }
        assert_eq!(forms.iter().map(|form| form.for_cpus().name()).collect::<Vec<_>>(), [file.name(), twin.name()]);
        assert_eq!((file.card().network.precision, twin.card().network.precision), (Precision::F32, Precision::Int8));
    }
}
