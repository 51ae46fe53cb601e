//! The model that the program carries with it.

use super::ModelFile;
use crate::error::Result;

const BYTES: &[u8] = include_bytes!("../../../models/coco17.onnx");

impl ModelFile {
    /// The model that is part of the program: COCO-17 in, Human3.6M-17 out (see `models/README.md`).
    ///
    /// # Errors
    /// None, in a program that passed its tests.
    pub fn bundled() -> Result<Self> {
        Self::from_bytes("bundled:coco17.onnx", BYTES)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;

    #[test]
    fn its_card_fits_and_its_weights_are_those_promised() {
        let file = ModelFile::bundled().unwrap();
        assert_eq!(file.card().input.layout, "coco17");
        assert_eq!(file.card().output.skeleton, "h36m17");
        assert_eq!(file.weights_sha256(), file.card().weights_sha256);
    }
}
