//! An exported model whose weights stay as they are while another one learns: the teacher of a smaller network, or the network of
//! single frames that a memory stands behind.
//!
//! Distillation (Hinton et al. 2015): the truth of one view is one of many poses that look like it; a good model's answer is close
//! to their mean, which is what the student is to learn.

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut2, ArrayViewMut3};
use poselift::model::{self, Batch, Card, ModelFile, PoseNetwork, Session, SessionOptions};
use poselift::{Error, Result};
use tch::{Device, Tensor};

use crate::dataset::DatasetCard;
use crate::net::numbers;

/// An exported model in ONNX Runtime.
pub(crate) struct FrozenModel {
    session: Session,
    device: Device,
}

impl FrozenModel {
    /// The model in `file`, for key points and poses of `data`'s layout, on `device`; messages call it by its `role`.
    ///
    /// # Errors
    /// The model has other key points or other poses.
    pub(crate) fn new(file: &ModelFile, role: &str, data: &DatasetCard, device: Device) -> Result<Self> {
        let on = match device {
            Device::Cuda(number) => model::Device::Cuda(number as u32),
            _ => model::Device::Cpu,
        };
        let session = Session::new(file, &SessionOptions { device: on, ..SessionOptions::default() })?;
        data.expect_model(role, session.card()).map_err(|error| error.at(file.name()))?;
        Ok(Self { session, device })
    }

    /// The model's card.
    pub(crate) fn card(&self) -> &Card {
        self.session.card()
    }

    /// The model's name and weights hash, for the card of what learns from it.
    pub(crate) fn named(&self) -> String {
        self.session.card().named()
    }

    /// Poses `[B, J_out, 3]` of key points `[B, J_in, C]`.
    ///
    /// # Errors
    /// Errors of ONNX Runtime.
    pub(crate) fn poses(&mut self, keypoints: &Tensor) -> Result<Tensor> {
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
    pub(crate) fn poses_with_sigma(&mut self, keypoints: &Tensor) -> Result<(Tensor, Tensor)> {
        let rows = keypoints.size()[0] as usize;
        let joints = self.session.card().output.joints.len();
        let mut poses = Array3::<f32>::zeros((rows, joints, 3));
        let mut sigma = Array2::<f32>::zeros((rows, joints));
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

impl std::fmt::Debug for FrozenModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrozenModel").field("card", self.session.card()).finish_non_exhaustive()
    }
}
