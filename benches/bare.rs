//! ONNX Runtime used as its documentation shows, with as many threads as the lifter: the baseline for the lifter and
//! the program.

use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayD};
use ort::session::Session;
use ort::value::TensorRef;

/// The bundled model's file, which every engine reads.
pub(crate) fn model() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/coco17.onnx"))
}

/// `[N, 17, 3]` key points of people all over an image, every joint visible.
pub(crate) fn keypoints(batch: usize) -> Array3<f32> {
    let spread = |n: usize, joint: usize, k: usize| ((n * 131 + joint * 37 + k * 17) % 199) as f32;
    Array3::from_shape_fn((batch, 17, 3), |(n, joint, k)| match k {
        2 => 0.9,
        _ => 400.0 + spread(n, joint, k) * 2.0,
    })
}

/// A plain session without any of our code around it.
pub(crate) struct Bare(Session);

impl Bare {
    /// Loads a model; without a number of threads it gets all cores.
    pub(crate) fn of(model: &Path, threads: Option<usize>) -> Self {
        let environment = poselift::model::environment().unwrap();
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.unwrap_or_else(cores);
        let builder = Session::builder(&environment).unwrap();
        Self(builder.with_intra_threads(threads).unwrap().commit_from_file(model).unwrap())
    }

    /// Poses of `keypoints`, in a new array of the caller's.
    pub(crate) fn run(&mut self, keypoints: &Array3<f32>) -> ArrayD<f32> {
        let tensor = TensorRef::from_array_view(keypoints.view()).unwrap();
        let outputs = self.0.run(ort::inputs!["keypoints" => tensor]).unwrap();
        outputs["pose"].try_extract_array::<f32>().unwrap().to_owned()
    }
}
