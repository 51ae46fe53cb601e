//! Paired arrays with what their file says of the cameras: `size` and `focal` beside the arrays of [`super::pairs`].

use std::path::Path;

use super::array::{Array, shape_text};
use super::npz::{Archive, is_zip};
use super::open::{first_bytes, open_file};
use super::pairs::PairedArrays;
use crate::camera::Camera;
use crate::error::{Error, Result};
use crate::pose::image_side;

/// The array of image sizes, `[2]` or `[N, 2]`: width and height in pixels.
const SIZE: &str = "size";
/// The array of focal lengths, `[]` or `[N]`: pixels.
const FOCAL: &str = "focal";

/// Paired arrays, and what their file says of the cameras that saw the samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenPairs {
    /// The samples.
    pub pairs: PairedArrays,
    /// Width and height of the images in pixels: one for all N samples or one each; none where the file does not say.
    pub sizes: Vec<[u32; 2]>,
    /// Focal lengths in pixels: one for all N samples or one each; none where the file does not say.
    pub focals: Vec<f32>,
}

impl SeenPairs {
    /// Reads a `.pkl` or an `.npz` as [`PairedArrays::from_file`] does, and of an `.npz` also the arrays `size`, `[2]` or
    /// `[N, 2]`, and `focal`, `[]` or `[N]`, if they are there.
    ///
    /// # Errors
    /// As [`PairedArrays::from_file`]; sizes that are not whole numbers, focal lengths that are not above 0, or
    /// another number of them.
    pub fn from_file(path: &Path) -> Result<Self> {
        let pairs = PairedArrays::from_file(path)?;
        let samples = pairs.keypoints.dim().0;
        let mut sizes = Vec::new();
        let mut focals = Vec::new();
        if let Some(mut archive) = archive(path)? {
            if let Some(size) = archive.array_if_any(SIZE)? {
                sizes = read_sizes(&size, samples).map_err(|error| error.at(path))?;
            }
            if let Some(focal) = archive.array_if_any(FOCAL)? {
                focals = read_focals(&focal, samples).map_err(|error| error.at(path))?;
            }
        }
        Ok(Self { pairs, sizes, focals })
    }

    /// The cameras that saw the samples, one for all or one each; `size` and `focal` in pixels stand in where the file
    /// does not say. None where the size of the images is not known.
    pub fn cameras(&self, size: Option<[u32; 2]>, focal: Option<f32>) -> Vec<Camera> {
        let sizes = if self.sizes.is_empty() { size.as_slice() } else { &self.sizes };
        let focals = if self.focals.is_empty() { focal.as_slice() } else { &self.focals };
        if sizes.is_empty() {
            return Vec::new();
        }
        let count = sizes.len().max(focals.len());
        let mut cameras = Vec::with_capacity(count);
        for index in 0..count {
            let focal = focals.get(index.min(focals.len().saturating_sub(1))).copied();
            cameras.push(Camera::with_focal(focal, sizes[index.min(sizes.len() - 1)]));
        }
        cameras
    }
}

/// The archive at `path`, if the file is one.
fn archive(path: &Path) -> Result<Option<Archive>> {
    if !is_zip(&first_bytes(path)?) {
        return Ok(None);
    }
    Archive::new(Box::new(open_file(path)?), path).map(Some)
}

fn read_sizes(array: &Array, samples: usize) -> Result<Vec<[u32; 2]>> {
    match array.shape[..] {
        [2] => {}
        [rows, 2] if rows == samples => {}
        _ => {
            let shape = shape_text(&array.shape);
            return Err(Error::input(format!("'{SIZE}' has the shape {shape}, expected [2] or [{samples}, 2]")));
        }
    }
    let sides = array.numbers.iter().map(|number| side_in_pixels(*number)).collect::<Result<Vec<_>>>()?;
    Ok(sides.as_chunks().0.to_vec())
}

fn side_in_pixels(number: f32) -> Result<u32> {
    image_side(f64::from(number))
        .ok_or_else(|| Error::input(format!("'{SIZE}' holds {number}, expected whole numbers of pixels above 0")))
}

fn read_focals(array: &Array, samples: usize) -> Result<Vec<f32>> {
    match array.shape[..] {
        [] => {}
        [length] if length == samples || length == 1 => {}
        _ => {
            let shape = shape_text(&array.shape);
            return Err(Error::input(format!("'{FOCAL}' has the shape {shape}, expected [] or [{samples}]")));
        }
    }
    match array.numbers.iter().find(|focal| !(focal.is_finite() && **focal > 0.0)) {
        Some(focal) => Err(Error::input(format!("'{FOCAL}' holds {focal}, expected pixels above 0"))),
        None => Ok(array.numbers.clone()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn array(shape: &[usize], numbers: &[f32]) -> Array {
        Array { shape: shape.to_vec(), numbers: numbers.to_vec() }
    }

    fn seen(sizes: &[[u32; 2]], focals: &[f32]) -> SeenPairs {
        let pairs = PairedArrays { keypoints: Array3::zeros((2, 17, 2)), poses: Array3::zeros((2, 17, 3)) };
        SeenPairs { pairs, sizes: sizes.to_vec(), focals: focals.to_vec() }
    }

    #[test]
    fn one_for_all_or_one_each() {
        assert_eq!(read_sizes(&array(&[2], &[640.0, 480.0]), 5).unwrap(), [[640, 480]]);
        assert_eq!(read_sizes(&array(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), 2).unwrap(), [[1, 2], [3, 4]]);
        assert_eq!(read_focals(&array(&[], &[900.0]), 5).unwrap(), [900.0]);
        assert_eq!(read_focals(&array(&[2], &[900.0, 800.5]), 2).unwrap(), [900.0, 800.5]);
    }

    #[test]
    fn what_no_camera_has_is_refused() {
        let size = |array: &Array| read_sizes(array, 2).unwrap_err().to_string();
        assert_eq!(size(&array(&[3, 2], &[1.0; 6])), "'size' has the shape [3, 2], expected [2] or [2, 2]");
        assert!(size(&array(&[2], &[640.5, 480.0])).contains("holds 640.5, expected whole numbers"));
        assert!(size(&array(&[2], &[0.0, 480.0])).contains("holds 0,"));
        let focal = |array: &Array| read_focals(array, 2).unwrap_err().to_string();
        assert_eq!(focal(&array(&[2, 2], &[1.0; 4])), "'focal' has the shape [2, 2], expected [] or [2]");
        assert!(focal(&array(&[2], &[1.0, f32::NAN])).contains("holds NaN, expected pixels above 0"));
        assert!(focal(&array(&[], &[-1.0])).contains("holds -1"));
    }

    #[test]
    fn the_file_counts_more_than_what_stands_in() {
        let focals = |cameras: Vec<Camera>| cameras.iter().map(|camera| camera.focal[0]).collect::<Vec<_>>();
        assert!(seen(&[], &[900.0]).cameras(None, None).is_empty());
        assert_eq!(focals(seen(&[], &[]).cameras(Some([1000, 500]), None)), [900.0]);
        assert_eq!(focals(seen(&[[100, 200]], &[]).cameras(Some([1000, 500]), Some(700.0))), [700.0]);
        assert_eq!(focals(seen(&[[1000, 500], [500, 2000]], &[]).cameras(None, None)), [900.0, 1800.0]);
        let cameras = seen(&[[100, 200]], &[50.0, 60.0]).cameras(None, Some(700.0));
        assert_eq!(cameras.iter().map(|camera| camera.centre).collect::<Vec<_>>(), [[50.0, 100.0]; 2]);
        assert_eq!(focals(cameras), [50.0, 60.0]);
    }
}
