//! The two sides of a verification: the trained network in libtorch, and the
//! exported file in ONNX Runtime, opened as users open it.

use std::path::Path;

use ndarray::{Array2, Array3, ArrayView3, ShapeError};
use poselift::model::{Batch, Device, Engine, PoseNetwork, Session, SessionOptions};
use poselift::{Error, Result};
use tch::Tensor;

use super::{Lifted, Reference};
use crate::features::features;
use crate::net::{LiftNet, numbers};
use crate::trained::InputTransform;

/// The trained network in evaluation mode, on its device.
#[derive(Debug)]
pub struct Trained<'a> {
    net: &'a LiftNet,
    transform: InputTransform,
    feature_mean: Tensor,
}

impl<'a> Trained<'a> {
    /// `net` behind the transform that it was trained with.
    pub fn new(net: &'a LiftNet, transform: InputTransform) -> Self {
        let feature_mean = net.feature_means();
        Self { net, transform, feature_mean }
    }
}

impl Reference for Trained<'_> {
    fn lift(&mut self, keypoints: ArrayView3<f32>) -> Result<Lifted> {
        let (people, joints, channels) = keypoints.dim();
        let values: Vec<f32> = keypoints.iter().copied().collect();
        let size = [people as i64, joints as i64, channels as i64];
        let keypoints = Tensor::from_slice(&values).view(size).to_device(self.net.device());
        let (poses, sigma) = self.net.lift(&features(&keypoints, &self.transform, &self.feature_mean));
        let joints = poses.size()[1] as usize;
        let sigma = sigma.map(|sigma| Array2::from_shape_vec((people, joints), numbers(&sigma))).transpose();
        let poses = Array3::from_shape_vec((people, joints, 3), numbers(&poses)).map_err(misshapen)?;
        Ok(Lifted { poses, sigma: sigma.map_err(misshapen)? })
    }
}

fn misshapen(error: ShapeError) -> Error {
    Error::runtime(format!("the trained network gave poses of no shape: {error}"))
}

/// The exported file at `path` in ONNX Runtime on the CPU, its whole batch in one run.
///
/// # Errors
/// No usable ONNX Runtime, or it refuses the file.
pub fn onnx_runtime(path: &Path) -> Result<Box<dyn Reference>> {
    let options = SessionOptions { device: Device::Cpu, engine: Engine::OnnxRuntime, ..SessionOptions::default() };
    Ok(Box::new(OnnxRuntime(poselift::model::open(path, &options)?)))
}

struct OnnxRuntime(Session);

impl Reference for OnnxRuntime {
    fn lift(&mut self, keypoints: ArrayView3<f32>) -> Result<Lifted> {
        let people = keypoints.dim().0;
        let output = &self.0.card().output;
        let mut poses = Array3::zeros((people, output.joints.len(), 3));
        let mut sigma = output.sigma.then(|| Array2::zeros((people, output.joints.len())));
        let wanted = sigma.as_mut().map(|sigma| sigma.view_mut());
        self.0.run(Batch::new(self.0.card(), keypoints, poses.view_mut(), wanted)?)?;
        Ok(Lifted { poses, sigma })
    }
}
