//! A model that teaches a smaller one: the student also learns the teacher's poses of the same key points.
//!
//! The truth of one view is one of many poses that look like it; a good model's answer is close to their mean, which
//! is what the student is to learn (distillation; Hinton et al. 2015).

use std::path::Path;

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut2, ArrayViewMut3};
use poselift::model::{self, Batch, Card, ModelFile, PoseNetwork, Session, SessionOptions};
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
        Self::of(&ModelFile::read(path)?, data, device)
    }

    /// The model in `file`; see [`Self::open`].
    ///
    /// # Errors
    /// The model has other key points or other poses.
    pub fn of(file: &ModelFile, data: &DatasetCard, device: Device) -> Result<Self> {
        let on = match device {
            Device::Cuda(number) => model::Device::Cuda(number as u32),
            _ => model::Device::Cpu,
        };
        let session = Session::new(file, &SessionOptions { device: on, ..SessionOptions::default() })?;
        data.expect_model("the teacher", session.card()).map_err(|error| error.at(file.name()))?;
        Ok(Self { session, device })
    }

    /// The model's card.
    pub fn card(&self) -> &Card {
        self.session.card()
    }

    /// The model's name and weights hash, for the card of the student.
    pub fn named(&self) -> String {
        self.session.card().named()
    }

    /// Poses `[B, J_out, 3]` of key points `[B, J_in, C]`.
    ///
    /// # Errors
    /// Errors of ONNX Runtime.
    pub fn poses(&mut self, keypoints: &Tensor) -> Result<Tensor> {
        let size: Vec<usize> = keypoints.size().iter().map(|&length| length as usize).collect();
        let joints = self.session.card().output.joints.len();
        let mut poses = Array3::<f32>::zeros((size[0], joints, 3));
        self.run(keypoints, poses.view_mut(), None)?;
        Ok(self.to_device(poses.iter(), &[size[0], joints, 3]))
    }

    /// Poses `[B, J_out, 3]` and sigma `[B, J_out]` of key points `[B, J_in, C]`; the model must have sigma.
    ///
    /// # Errors
    /// Errors of ONNX Runtime.
    pub fn poses_with_sigma(&mut self, keypoints: &Tensor) -> Result<(Tensor, Tensor)> {
        let rows = keypoints.size()[0] as usize;
        let joints = self.session.card().output.joints.len();
        let (mut poses, mut sigma) = (Array3::<f32>::zeros((rows, joints, 3)), Array2::<f32>::zeros((rows, joints)));
        self.run(keypoints, poses.view_mut(), Some(sigma.view_mut()))?;
        Ok((self.to_device(poses.iter(), &[rows, joints, 3]), self.to_device(sigma.iter(), &[rows, joints])))
    }

    fn run(
        &mut self,
        keypoints: &Tensor,
        poses: ArrayViewMut3<'_, f32>,
        sigma: Option<ArrayViewMut2<'_, f32>>,
    ) -> Result<()> {
        let size: Vec<usize> = keypoints.size().iter().map(|&length| length as usize).collect();
        let values = numbers(keypoints);
        let keypoints = ArrayView3::from_shape((size[0], size[1], size[2]), &values)
            .map_err(|e| Error::runtime(format!("key points of no shape: {e}")))?;
        self.session.run(Batch::new(self.session.card(), keypoints, poses, sigma)?)
    }

    fn to_device<'a>(&self, values: impl Iterator<Item = &'a f32>, shape: &[usize]) -> Tensor {
        let values: Vec<f32> = values.copied().collect();
        let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        Tensor::from_slice(&values).view(shape.as_slice()).to_device(self.device)
    }
}

impl std::fmt::Debug for Teacher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teacher").field("card", self.session.card()).finish_non_exhaustive()
    }
}
