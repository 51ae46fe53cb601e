//! ONNX Runtime used as its documentation shows, for comparison: one session with default options, arrays in and out.

use ndarray::{Array3, Ix3};
use ort::value::TensorRef;

use super::library::{self, Runtime};
use crate::error::{Error, Result};
use crate::model::{INPUT_NAME, ModelFile, OUTPUT_NAME};

/// A plain session on the CPU, without any of our code around it.
pub(crate) struct OrtBaseline(ort::session::Session);

impl OrtBaseline {
    /// Loads `file`; the runtime chooses its `threads` itself if they are not given.
    ///
    /// # Errors
    /// No usable ONNX Runtime, or it refuses the model.
    pub(crate) fn new(file: &ModelFile, threads: Option<usize>) -> Result<Self> {
        let runtime = library::runtime(false)?;
        load(&runtime, file, threads).map(Self).map_err(|error| failed(&error).at(file.name()))
    }

    /// Poses `[N, J_out, 3]` of `keypoints` `[N, J_in, channels]`, in a new array.
    ///
    /// # Errors
    /// The runtime fails.
    pub(crate) fn run(&mut self, keypoints: &Array3<f32>) -> Result<Array3<f32>> {
        let tensor = TensorRef::from_array_view(keypoints.view()).map_err(|error| failed(&error))?;
        let outputs = self.0.run(ort::inputs![INPUT_NAME => tensor]).map_err(|error| failed(&error))?;
        let poses = outputs.get(OUTPUT_NAME).ok_or_else(|| Error::runtime("ONNX Runtime gave no pose"))?;
        let poses = poses.try_extract_array::<f32>().map_err(|error| failed(&error))?;
        poses
            .into_dimensionality::<Ix3>()
            .map(|poses| poses.to_owned())
            .map_err(|error| Error::runtime(error.to_string()))
    }
}

fn load(runtime: &Runtime, file: &ModelFile, threads: Option<usize>) -> ort::Result<ort::session::Session> {
    let mut builder = ort::session::Session::builder(&runtime.environment)?;
    if let Some(threads) = threads {
        builder = builder.with_intra_threads(threads)?;
    }
    builder.commit_from_memory(file.bytes())
}

fn failed(error: &ort::Error) -> Error {
    Error::runtime(format!("ONNX Runtime failed: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::small_model::SmallModel;

    #[test]
    fn it_gives_what_the_library_gives() {
        let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let keypoints = Array3::from_shape_fn((5, 17, 3), |(n, joint, k)| (n * 51 + joint * 3 + k) as f32);
        for threads in [None, Some(1)] {
            let poses = OrtBaseline::new(&file, threads).unwrap().run(&keypoints).unwrap();
            assert!((&keypoints * 0.001 - poses).iter().all(|difference| difference.abs() < 1e-4));
        }
    }
}
