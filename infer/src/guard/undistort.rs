//! Key points of a calibrated camera, made those of a pinhole camera.

use super::Notice;
use crate::camera::{Camera, Intrinsics, Undistorter};
use crate::error::Result;
use crate::pose::Frame;

/// The camera of a stream, whose images may have another size than the calibration's.
pub struct Lens {
    intrinsics: Intrinsics,
    /// For images of the size that the last frame had.
    undistorter: Option<Undistorter>,
    is_scale_told: bool,
}

impl Lens {
    /// The lens of a calibrated camera.
    pub fn new(intrinsics: Intrinsics) -> Self {
        Self { intrinsics, undistorter: None, is_scale_told: false }
    }

    /// Moves a frame's key points to where a pinhole camera would show them, and gives it that camera's size and focal
    /// length. Points where the lens shows nothing become missing. `size` is that of the image, and the notice is that of
    /// [`Self::undistorter`].
    ///
    /// # Errors
    /// As [`Intrinsics::scaled_to`].
    pub fn undistort(&mut self, frame: &mut Frame, size: Option<[u32; 2]>) -> Result<Option<Notice>> {
        let (undistorter, notice) = self.undistorter(size)?;
        for point in frame.people.iter_mut().flat_map(|person| &mut person.keypoints) {
            *point = undistorter.keypoint(*point);
        }
        let Camera { focal, size, .. } = undistorter.camera();
        frame.size = Some(size);
        frame.focal = Some(focal[0]);
        Ok(notice)
    }

    /// What undistorts key points in images of `size` pixels, or of the calibration's own size. The notice, once, says that the
    /// image is not of the calibration's size.
    ///
    /// # Errors
    /// As [`Intrinsics::scaled_to`].
    pub fn undistorter(&mut self, size: Option<[u32; 2]>) -> Result<(Undistorter, Option<Notice>)> {
        let size = size.or(self.intrinsics.size);
        let undistorter = match self.undistorter.filter(|known| size == Some(known.camera().size)) {
            Some(known) => known,
            None => *self.undistorter.insert(Undistorter::new(&self.intrinsics, size)?),
        };
        Ok((undistorter, self.scale_notice(undistorter.camera().size)))
    }

    fn scale_notice(&mut self, size: [u32; 2]) -> Option<Notice> {
        let calibrated = self.intrinsics.size?;
        if self.is_scale_told || size == calibrated {
            return None;
        }
        self.is_scale_told = true;
        let [width, height] = size;
        let [calibrated_width, calibrated_height] = calibrated;
        let text = format!(
            "images of {width}x{height}, calibrated with {calibrated_width}x{calibrated_height}: the camera is scaled"
        );
        Some(Notice::new(text, ""))
    }
}
