//! Key points of paired data that a lens distorted.

use ndarray::{ArrayViewMut2, Axis};

use crate::camera::{Intrinsics, Undistorter};
use crate::error::Result;
use crate::format::SeenPairs;

/// Makes the key points of `seen` those of a pinhole camera, whose sizes and focal lengths `seen` then has. `size` is that of
/// the images, where the file does not say.
///
/// # Errors
/// As [`Intrinsics::scaled_to`].
pub(super) fn undistort(seen: &mut SeenPairs, intrinsics: &Intrinsics, size: Option<[u32; 2]>) -> Result<()> {
    let sizes = if seen.sizes.is_empty() { vec![size] } else { seen.sizes.iter().copied().map(Some).collect() };
    let undistorters = sizes.into_iter().map(|size| Undistorter::new(intrinsics, size)).collect::<Result<Vec<_>>>()?;
    let of_each = undistorters.iter().cycle();
    for (person, undistorter) in seen.pairs.keypoints.outer_iter_mut().zip(of_each) {
        undistort_person(person, undistorter);
    }
    seen.sizes = undistorters.iter().map(|undistorter| undistorter.camera().size).collect();
    seen.focals = undistorters.iter().map(|undistorter| undistorter.camera().focal[0]).collect();
    Ok(())
}

/// Moves `[J, 2 or 3]` key points; one where the lens shows nothing is NaN.
fn undistort_person(mut person: ArrayViewMut2<'_, f32>, undistorter: &Undistorter) {
    for mut point in person.axis_iter_mut(Axis(0)) {
        let pixel = undistorter.pixel([point[0], point[1]].map(f64::from)).unwrap_or([f64::NAN; 2]);
        for (cell, number) in point.iter_mut().zip(pixel) {
            *cell = number as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::camera::Distortion;
    use crate::format::PairedArrays;

    #[test]
    fn each_sample_is_undistorted_at_its_own_resolution() {
        let mut coefficients = [0.0; 14];
        coefficients[0] = -0.2;
        let lens = Intrinsics {
            focal: [500.0; 2],
            centre: [330.0, 240.0],
            skew: 0.0,
            size: Some([640, 480]),
            distortion: Distortion::Standard(coefficients),
        };
        let at = [0.3, -0.2, 1.0];
        let [x, y] = lens.project(at).unwrap();
        let scales = [1.0, 2.0];
        let mut keypoints = Array3::from_elem((2, 1, 3), 0.5);
        for (scale, mut sample) in scales.into_iter().zip(keypoints.outer_iter_mut()) {
            (sample[[0, 0]], sample[[0, 1]]) = ((x * scale) as f32, (y * scale) as f32);
        }
        let pairs = PairedArrays { keypoints, poses: Array3::zeros((2, 1, 3)) };
        let sizes = vec![[640, 480], [1280, 960]];
        let mut seen = SeenPairs { pairs, sizes: sizes.clone(), focals: Vec::new() };
        undistort(&mut seen, &lens, None).unwrap();
        assert_eq!((seen.sizes.clone(), seen.focals.clone()), (sizes, vec![500.0, 1000.0]));
        for (camera, sample) in seen.cameras(None, None).iter().zip(seen.pairs.keypoints.outer_iter()) {
            let [x, y] = camera.project(at.map(|axis| axis as f32)).unwrap();
            assert!((sample[[0, 0]] - x).abs() < 1e-3 && (sample[[0, 1]] - y).abs() < 1e-3, "{sample} {x} {y}");
            assert_eq!(sample[[0, 2]], 0.5);
        }
        seen.sizes = vec![[640, 640]];
        assert!(undistort(&mut seen, &lens, None).is_err());
    }
}
