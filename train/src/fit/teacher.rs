//! A model that teaches a smaller one: the student also learns the teacher's poses of the same key points.
//!
//! The truth of one view is one of many poses that look like it; a good model's answer is close to their mean, which
//! is what the student is to learn (distillation; Hinton et al. 2015).

use std::path::Path;

use ndarray::{Array3, ArrayView3};
use poselift::model::{self, Batch, PoseNetwork, Session, SessionOptions};
use poselift::{Error, Result};
use tch::{Device, Tensor};

use crate::dataset::DatasetCard;
use crate::net::numbers;

/// An exported model in ONNX Runtime.
pub struct Teacher {
    session: Session,
    device: Device,
}

impl Teacher {
    /// The model at `path`, for key points and poses of `data`'s layout, on `device`.
    ///
    /// # Errors
    /// The file is not a model of ours, or the model has other key points or other poses.
    pub fn open(path: &Path, data: &DatasetCard, device: Device) -> Result<Self> {
        let on = match device {
            Device::Cuda(number) => model::Device::Cuda(number as u32),
            _ => model::Device::Cpu,
        };
        let session = model::open(path, &SessionOptions { device: on, ..SessionOptions::default() })?;
        data.expect_model("the teacher", session.card()).map_err(|error| error.at(path))?;
        Ok(Self { session, device })
    }

    /// The model's name and weights hash, for the card of the student.
    pub fn named(&self) -> String {
        let card = self.session.card();
        format!("{}, weights {}", card.name, card.weights_sha256)
    }

    /// Poses `[B, J_out, 3]` of key points `[B, J_in, C]`.
    ///
    /// # Errors
    /// Errors of ONNX Runtime.
    pub fn poses(&mut self, keypoints: &Tensor) -> Result<Tensor> {
        let size: Vec<usize> = keypoints.size().iter().map(|&length| length as usize).collect();
        let values = numbers(keypoints);
        let keypoints = ArrayView3::from_shape((size[0], size[1], size[2]), &values)
            .map_err(|e| Error::runtime(format!("key points of no shape: {e}")))?;
        let joints = self.session.card().output.joints.len();
        let mut poses = Array3::<f32>::zeros((size[0], joints, 3));
        self.session.run(Batch::new(self.session.card(), keypoints, poses.view_mut(), None)?)?;
        let values: Vec<f32> = poses.into_iter().collect();
        Ok(Tensor::from_slice(&values).view([size[0] as i64, joints as i64, 3]).to_device(self.device))
    }
}

impl std::fmt::Debug for Teacher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teacher").field("card", self.session.card()).finish_non_exhaustive()
    }
}
