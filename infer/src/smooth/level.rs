//! Upright people upright: poses turned from the axes of a camera that looks down to those of a level one.

use crate::camera::{Attitude, Matrix3, rotate};
use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// A writer that turns poses, on their way to another, from the axes of a camera that is held somehow to those of a level
/// one in its place ([`crate::pose::Axes::Level`]).
pub struct LevelWriter {
    writer: Box<dyn PoseWriter>,
    level_from_camera: Matrix3,
}

impl LevelWriter {
    /// Turns what goes to `writer`, as `attitude` says that the camera was held; its heading does not matter.
    pub fn new(writer: Box<dyn PoseWriter>, attitude: Attitude) -> Self {
        Self { writer, level_from_camera: attitude.level_from_camera() }
    }
}

impl PoseWriter for LevelWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let mut level = lifted.clone();
        for person in &mut level.people {
            for joint in person.joints.iter_mut().chain(&mut person.root) {
                *joint = rotate(self.level_from_camera, *joint);
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
