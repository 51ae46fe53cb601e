//! Makes upright people upright: turns poses from the axes of a tilted camera to those of a level one.

use nalgebra::Matrix3;

use crate::camera::{Attitude, rotate};
use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// A writer that turns poses from the axes of a camera of a given attitude to those of a level camera at the same
/// place ([`crate::pose::Axes::Level`]), and passes them on to another writer.
pub struct LevelWriter {
    writer: Box<dyn PoseWriter>,
    level_from_camera: Matrix3<f32>,
}

impl LevelWriter {
    /// Turns the poses for `writer` by the camera's `attitude`; its heading has no effect.
    pub fn new(writer: Box<dyn PoseWriter>, attitude: Attitude) -> Self {
        Self { writer, level_from_camera: attitude.level_from_camera() }
    }
}

impl PoseWriter for LevelWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let mut level = lifted.clone();
        for person in &mut level.people {
            for joint in person.joints.iter_mut().chain(&mut person.root) {
                *joint = rotate(&self.level_from_camera, *joint);
            }
        }
        self.writer.write(frame, &level)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}
