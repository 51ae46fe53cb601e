//! What a calibration says of a camera itself: focal lengths, principal point, image size, lens distortion.

use super::{Camera, Distortion};
use crate::error::{Error, Result};
use crate::pose::Keypoint;

/// A calibrated camera with a lens that distorts.
///
/// ```
/// use poselift::camera::{Distortion, Intrinsics};
///
/// let barrel = Distortion::Standard([-0.3, 0.1, 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.]);
/// let intrinsics =
///     Intrinsics { focal: [1000.0; 2], centre: [960.0, 540.0], skew: 0.0, size: Some([1920, 1080]), distortion: barrel };
/// let [x, y] = intrinsics.project([1.0, 0.5, 2.0]).expect("in front of the camera");
/// // Nearer to the centre than the 500 and 250 pixels of a pinhole camera, and back again.
/// assert!(x < 1425.0 && y < 772.5);
/// let [x, y] = intrinsics.ray([x, y]).expect("within the lens's circle");
/// assert!((x - 0.5).abs() < 1e-9 && (y - 0.25).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intrinsics {
    /// Focal lengths along x and y, in pixels.
    pub focal: [f64; 2],
    /// The principal point, in pixels from the top left corner.
    pub centre: [f64; 2],
    /// How far x moves with y, in pixels; 0 for nearly all cameras.
    pub skew: f64,
    /// Width and height of the image in pixels, if the calibration says so.
    pub size: Option<[u32; 2]>,
    /// The lens.
    pub distortion: Distortion,
}

impl Intrinsics {
    /// The pixel at which a point in camera axes appears, in any unit of length; `None` if it is not in front of the
    /// camera.
    pub fn project(&self, point_in_camera: [f64; 3]) -> Option<[f64; 2]> {
        let [x, y, z] = point_in_camera;
        if z <= 0.0 {
            return None;
        }
        let [x, y] = self.distortion.distort([x / z, y / z]);
        let pixel = [self.focal[0] * x + self.skew * y + self.centre[0], self.focal[1] * y + self.centre[1]];
        pixel.iter().all(|axis| axis.is_finite()).then_some(pixel)
    }

    /// The direction in which the camera sees what appears at `pixel`, as (x, y) at depth 1, without distortion; `None`
    /// where the lens shows nothing, or nothing in front of the camera.
    pub fn ray(&self, pixel: [f64; 2]) -> Option<[f64; 2]> {
        let y = (pixel[1] - self.centre[1]) / self.focal[1];
        let x = (pixel[0] - self.centre[0] - self.skew * y) / self.focal[0];
        self.distortion.undistort([x, y])
    }

    /// The same camera with an image of `size` pixels, of which the calibration's image is a scaled copy.
    ///
    /// # Errors
    /// An image of another shape: it was cropped or turned, and where is not known. The calibration's size is unknown and
    /// `size` is too.
    pub fn scaled_to(&self, size: Option<[u32; 2]>) -> Result<Self> {
        let Some(size) = size.or(self.size) else {
            return Err(Error::usage("neither the camera file nor the input says the image's size")
                .hint("give it: --size 1920x1080"));
        };
        let Some(calibrated) = self.size.filter(|calibrated| *calibrated != size) else {
            return Ok(Self { size: Some(size), ..*self });
        };
        let scale = f64::from(size[0]) / f64::from(calibrated[0]);
        // A side of a scaled image is rounded to a whole number of pixels.
        let is_scaled = (scale * f64::from(calibrated[1]) - f64::from(size[1])).abs() <= 1.0_f64.max(scale);
        if !is_scaled {
            let [[width, height], [found_width, found_height]] = [calibrated, size];
            return Err(Error::usage(format!(
                "the camera was calibrated with images of {width}x{height}, and these are {found_width}x{found_height}, expected \
                 the same shape"
            ))
            .hint("calibrate with the video's own mode; --rotate turns a video that was recorded on its side"));
        }
        Ok(Self {
            focal: self.focal.map(|focal| focal * scale),
            centre: self.centre.map(|centre| centre * scale),
            skew: self.skew * scale,
            size: Some(size),
            distortion: self.distortion,
        })
    }
}

/// Takes pixels of a calibrated camera to those of a pinhole camera at the same place, with square pixels and the
/// principal point in the middle of the image, as all other code assumes cameras to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Undistorter {
    intrinsics: Intrinsics,
    camera: Camera,
}

impl Undistorter {
    /// For images of `size` pixels, or of the calibration's own size.
    ///
    /// # Errors
    /// As [`Intrinsics::scaled_to`].
    pub fn new(intrinsics: &Intrinsics, size: Option<[u32; 2]>) -> Result<Self> {
        let intrinsics = intrinsics.scaled_to(size)?;
        let size = intrinsics.size.expect("scaled intrinsics have a size");
        let [focal_x, focal_y] = intrinsics.focal;
        let camera = Camera::with_focal(Some((focal_x * focal_y).sqrt() as f32), size);
        Ok(Self { intrinsics, camera })
    }

    /// The pinhole camera.
    pub fn camera(&self) -> Camera {
        self.camera
    }

    /// The pixel of the pinhole camera for what the calibrated one shows at `pixel`; `None` as [`Intrinsics::ray`].
    pub fn pixel(&self, pixel: [f64; 2]) -> Option<[f64; 2]> {
        let ray = self.intrinsics.ray(pixel)?;
        let Camera { focal, centre, .. } = self.camera;
        Some([0, 1].map(|axis| f64::from(focal[axis]) * ray[axis] + f64::from(centre[axis])))
    }

    /// The key point of the pinhole camera for one of the calibrated camera: missing where the lens shows nothing. One that is
    /// missing comes back as it is.
    pub fn keypoint(&self, point: Keypoint) -> Keypoint {
        if point.is_missing() {
            return point;
        }
        self.pixel([point.x, point.y]).map_or(Keypoint::MISSING, |[x, y]| Keypoint { x, y, ..point })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibrated() -> Intrinsics {
        let mut coefficients = [0.0; 14];
        coefficients[..5].copy_from_slice(&[-0.31, 0.12, 0.001, -0.0005, -0.02]);
        Intrinsics {
            focal: [1100.5, 1098.0],
            centre: [655.25, 350.5],
            skew: 0.0,
            size: Some([1280, 720]),
            distortion: Distortion::Standard(coefficients),
        }
    }

    #[test]
    fn a_scaled_image_is_seen_by_a_scaled_camera() {
        let half = calibrated().scaled_to(Some([640, 360])).unwrap();
        let (whole, half) = (calibrated().project([0.3, -0.2, 2.0]).unwrap(), half.project([0.3, -0.2, 2.0]).unwrap());
        assert!((0..2).all(|axis| (whole[axis] / 2.0 - half[axis]).abs() < 1e-9), "{whole:?} {half:?}");
        // 853.3 pixels are rounded to 854.
        assert_eq!(calibrated().scaled_to(Some([854, 480])).unwrap().size, Some([854, 480]));
        assert_eq!(calibrated().scaled_to(None).unwrap(), calibrated());
    }

    #[test]
    fn another_shape_is_refused() {
        for size in [[720, 1280], [1280, 736], [640, 480]] {
            let error = calibrated().scaled_to(Some(size)).unwrap_err();
            assert!(error.to_string().contains("calibrated with images of 1280x720"), "{error}");
            assert!(error.hint_text().is_some_and(|hint| hint.contains("--rotate")));
        }
        let unsized_camera = Intrinsics { size: None, ..calibrated() };
        assert!(unsized_camera.scaled_to(None).unwrap_err().hint_text().unwrap().contains("--size"));
        assert_eq!(unsized_camera.scaled_to(Some([640, 480])).unwrap().focal, [1100.5, 1098.0]);
    }

    #[test]
    fn undistorted_pixels_are_a_pinhole_cameras() {
        let undistorter = Undistorter::new(&calibrated(), None).unwrap();
        let camera = undistorter.camera();
        assert_eq!((camera.centre, camera.size), ([640.0, 360.0], [1280, 720]));
        for point in [[0.0, 0.0, 1.0], [0.9, -0.4, 2.5], [-0.6, 0.5, 2.0]] {
            let seen = undistorter.pixel(calibrated().project(point).unwrap()).unwrap();
            let expected = camera.project(point.map(|axis| axis as f32)).unwrap();
            assert!((0..2).all(|axis| (seen[axis] - f64::from(expected[axis])).abs() < 1e-3), "{seen:?} {expected:?}");
        }
        assert_eq!(undistorter.pixel([f64::NAN, 3.0]), None);
        let seen = Keypoint { x: 100.0, y: 90.0, score: 0.7 };
        let Keypoint { x, y, score } = undistorter.keypoint(seen);
        assert_eq!((Some([x, y]), score), (undistorter.pixel([100.0, 90.0]), 0.7));
        let outside = Keypoint { x: 1e9, ..seen };
        assert!(undistorter.pixel([outside.x, outside.y]).is_none() && undistorter.keypoint(outside).is_missing());
        let missing = Keypoint { score: 0.0, ..seen };
        assert_eq!(undistorter.keypoint(missing), missing);
    }
}
