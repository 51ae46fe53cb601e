//! Options whose values no source and no camera can have.

use std::ops::RangeInclusive;

use super::ReadOptions;
use crate::error::{Error, Result};

/// Frames a second: from one in a quarter of an hour to what no camera has.
pub const FRAME_RATES: RangeInclusive<f64> = 0.001..=1_000_000.0;

/// Scores of key points.
pub const SCORES: RangeInclusive<f32> = 0.0..=1.0;

impl ReadOptions {
    /// Refuses values that no source can have. Reading goes by whatever stands in the options: a program checks what its users
    /// say.
    ///
    /// # Errors
    /// A side of [`Self::size`] that is 0; [`Self::fps`] outside [`FRAME_RATES`]; [`Self::min_score`] outside [`SCORES`].
    pub fn check(&self) -> Result<()> {
        check_size(self.size)?;
        check_fps(self.fps)?;
        match self.min_score.filter(|score| !SCORES.contains(score)) {
            Some(score) => Err(Error::usage(format!("min_score is {score}, expected a score, 0 to 1"))),
            None => Ok(()),
        }
    }
}

/// Refuses an image without an extent.
///
/// # Errors
/// A side of 0.
pub fn check_size(size: Option<[u32; 2]>) -> Result<()> {
    match size.filter(|size| size.contains(&0)) {
        Some([width, height]) => {
            Err(Error::usage(format!("size is {width} x {height} pixels, expected sides of 1 pixel or more")))
        }
        None => Ok(()),
    }
}

/// Refuses a frame rate that no source has.
///
/// # Errors
/// One outside [`FRAME_RATES`].
pub fn check_fps(fps: Option<f64>) -> Result<()> {
    match fps.filter(|fps| !FRAME_RATES.contains(fps)) {
        Some(fps) => {
            let least = FRAME_RATES.start();
            let most = FRAME_RATES.end();
            Err(Error::usage(format!("fps is {fps}, expected a number of frames a second, {least} to {most}")))
        }
        None => Ok(()),
    }
}

/// Refuses a focal length that no camera has, and any beside a calibrated camera, which has its own.
///
/// # Errors
/// One that is not a number above 0; one although `is_calibrated`.
pub fn check_focal(focal: Option<f32>, is_calibrated: bool) -> Result<()> {
    match focal {
        Some(focal) if !(focal.is_finite() && focal > 0.0) => {
            Err(Error::usage(format!("focal is {focal}, expected a number of pixels above 0")))
        }
        Some(focal) if is_calibrated => {
            Err(Error::usage(format!("focal is {focal} beside a calibrated camera, expected one of them"))
                .hint("leave focal out: the camera file says it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_options_pass() {
        assert!(ReadOptions::default().check().is_ok());
        let options =
            ReadOptions { size: Some([1, 1]), fps: Some(1e6), min_score: Some(1.0), ..ReadOptions::default() };
        assert!(options.check().is_ok());
        assert!(check_focal(Some(0.5), false).is_ok() && check_focal(None, true).is_ok());
    }

    #[test]
    fn values_that_cannot_be_are_named() {
        let usual = ReadOptions::default();
        for (refused, expected) in [
            (ReadOptions { size: Some([0, 9]), ..usual }.check(), "size is 0 x 9 pixels, expected sides"),
            (
                ReadOptions { fps: Some(0.0), ..usual }.check(),
                "fps is 0, expected a number of frames a second, 0.001 to 1000000",
            ),
            (ReadOptions { fps: Some(f64::NAN), ..usual }.check(), "fps is NaN, expected"),
            (ReadOptions { min_score: Some(50.0), ..usual }.check(), "min_score is 50, expected a score, 0 to 1"),
            (ReadOptions { min_score: Some(f32::NAN), ..usual }.check(), "min_score is NaN, expected"),
            (check_focal(Some(-1500.0), false), "focal is -1500, expected a number of pixels above 0"),
            (check_focal(Some(f32::NAN), false), "focal is NaN, expected"),
            (check_focal(Some(1500.0), true), "focal is 1500 beside a calibrated camera, expected one of them"),
        ] {
            let message = refused.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
            assert!(message.contains(expected), "{message}");
        }
    }
}
