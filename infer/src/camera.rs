//! The camera between a person in the world and key points in an image.
//!
//! The trainer's virtual cameras and the tests that check them use the same few lines: a pinhole without distortion,
//! and its attitude. A camera that was calibrated, with a lens that distorts, is read from a [`CameraFile`]; an
//! [`Undistorter`] makes a pinhole's pixels of its pixels.
//!
//! ```
//! use poselift::camera::{CameraFile, Undistorter};
//!
//! # fn main() -> poselift::Result<()> {
//! let toml = br#"
//! [cam_01]
//! name = "cam_01"
//! size = [ 1920.0, 1080.0]
//! matrix = [ [ 1600.0, 0.0, 950.0], [ 0.0, 1600.0, 545.0], [ 0.0, 0.0, 1.0]]
//! distortions = [ -0.3, 0.1, 0.0, 0.0]
//! rotation = [ 1.7, 0.0, 0.0]
//! translation = [ 0.0, 1.0, 4.0]
//! fisheye = false
//! [metadata]
//! adjusted = false
//! error = 0.0
//! "#;
//! let file = CameraFile::parse(toml)?; // or CameraFile::read(path)
//! let camera = file.camera(None)?; // the only one, or Some(name)
//! let undistorter = Undistorter::new(&camera.intrinsics, Some([1920, 1080]))?;
//! assert!(undistorter.pixel([100.0, 100.0]).is_some_and(|[x, _]| x < 100.0));
//! // z is up in Pose2Sim's worlds: this camera looks down a little.
//! assert!(camera.attitude(None).is_some_and(|held| (held.pitch.to_degrees() - 7.4).abs() < 0.1));
//! # Ok(())
//! # }
//! ```

mod distortion;
mod file;
mod intrinsics;
mod look_at;

use nalgebra::{Matrix3, Vector3};

use crate::error::{Error, Result};
pub use distortion::Distortion;
pub use file::{CameraFile, NamedCamera, UpAxis};
pub use intrinsics::{Intrinsics, Undistorter};
pub(crate) use look_at::ray;
pub use look_at::{LookAt, MIN_DEPTH, RAY_DEPTH};

/// A pinhole camera without distortion.
///
/// ```
/// use poselift::camera::Camera;
///
/// let camera = Camera { focal: [1000.0, 1000.0], centre: [500.0, 300.0], size: [1000, 600] };
/// // A point 4 m ahead, 1 m to the right and 0.4 m below the optical axis.
/// assert_eq!(camera.project([1.0, 0.4, 4.0]), Some([750.0, 400.0]));
/// assert_eq!(camera.project([0.0, 0.0, -1.0]), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Focal lengths along x and y, in pixels.
    pub focal: [f32; 2],
    /// The principal point, in pixels from the top left corner.
    pub centre: [f32; 2],
    /// Width and height of the image, in pixels.
    pub size: [u32; 2],
}

impl Camera {
    /// A camera with square pixels whose principal point is the middle of the image, from the angle in radians
    /// that the image's width spans.
    pub fn with_width_angle(angle: f32, size: [u32; 2]) -> Self {
        let [width, height] = size.map(|pixels| pixels as f32);
        let focal = width / 2.0 / (angle / 2.0).tan();
        Self { focal: [focal; 2], centre: [width / 2.0, height / 2.0], size }
    }

    /// A camera with square pixels and its principal point in the middle of an image of `size` pixels; its focal
    /// length in pixels, or [`USUAL_FOCAL`] of the longer side if that is unknown.
    pub fn with_focal(focal: Option<f32>, size: [u32; 2]) -> Self {
        let [width, height] = size.map(|pixels| pixels as f32);
        let focal = focal.unwrap_or_else(|| USUAL_FOCAL * width.max(height));
        Self { focal: [focal; 2], centre: [width / 2.0, height / 2.0], size }
    }

    /// The pixel at which a point appears, inside the image or outside it; `None` for points that do not lie in
    /// front of the camera.
    ///
    /// `point_in_camera` is in camera axes (x right, y down, z forward), in any unit of length.
    pub fn project(&self, point_in_camera: [f32; 3]) -> Option<[f32; 2]> {
        let [x, y, z] = point_in_camera;
        (z > 0.0).then(|| [self.focal[0] * x / z + self.centre[0], self.focal[1] * y / z + self.centre[1]])
    }

    /// Whether a pixel lies inside the image.
    pub fn sees(&self, pixel: [f32; 2]) -> bool {
        let [x, y] = pixel;
        let [width, height] = self.size.map(|pixels| pixels as f32);
        (0.0..width).contains(&x) && (0.0..height).contains(&y)
    }
}

/// The assumed focal length of an unknown camera, in longer image sides: between a phone's and a webcam's.
pub const USUAL_FOCAL: f32 = 0.9;

/// The attitude of a camera in a world that is right-handed with y up. Angles in radians.
///
/// With all angles 0 the camera is level and looks along −z, so that it sees the face of a person who faces +z.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Attitude {
    /// Turn about the world's y axis, radians, counter-clockwise as seen from above.
    pub heading: f32,
    /// How far the camera looks down from the horizontal, radians, negative where it looks up.
    pub pitch: f32,
    /// Turn about the optical axis, radians, clockwise as seen from behind the camera; the image turns the other way.
    pub roll: f32,
}

/// How steeply a camera may look up or down, degrees.
pub(crate) const MAX_PITCH: f32 = 90.0;
/// How far it may be turned about its optical axis, degrees.
pub(crate) const MAX_ROLL: f32 = 180.0;

impl Attitude {
    /// The attitude of a camera that looks down by `pitch` and is turned clockwise by `roll`, degrees; its heading is 0.
    ///
    /// # Errors
    /// Angles beyond 90 and 180 degrees, or that are no numbers.
    pub fn from_degrees(pitch: f32, roll: f32) -> Result<Self> {
        for (angle, most, name) in [(pitch, MAX_PITCH, "pitch"), (roll, MAX_ROLL, "roll")] {
            // An angle that is no number is in no range.
            if !(-most..=most).contains(&angle) {
                return Err(Error::usage(format!("{name} is {angle} degrees, expected -{most} to {most}")));
            }
        }
        Ok(Self { heading: 0.0, pitch: pitch.to_radians(), roll: roll.to_radians() })
    }

    /// The same where one of the angles is known; the other is 0 then.
    ///
    /// # Errors
    /// As [`Self::from_degrees`].
    pub fn if_known(pitch: Option<f32>, roll: Option<f32>) -> Result<Option<Self>> {
        let is_known = pitch.is_some() || roll.is_some();
        is_known.then(|| Self::from_degrees(pitch.unwrap_or(0.0), roll.unwrap_or(0.0))).transpose()
    }

    /// The attitude of a camera that sees what points up in the world in the direction `up_in_camera`, in camera axes
    /// and of any length; its heading is 0.
    pub fn from_up(up_in_camera: Vector3<f64>) -> Self {
        // A camera of pitch p and roll r sees it in (−sin r cos p, −cos r cos p, −sin p).
        let up = up_in_camera.normalize();
        Self { heading: 0.0, pitch: (-up.z).asin() as f32, roll: (-up.x).atan2(-up.y) as f32 }
    }

    /// The attitude of a camera that is turned clockwise about its optical axis by `angle` more, radians.
    #[must_use]
    pub fn rolled(self, angle: f32) -> Self {
        let roll = self.roll + angle;
        Self { roll: roll.sin().atan2(roll.cos()), ..self }
    }

    /// The rotation that takes directions in camera axes to world axes: its columns are the camera's right, down and
    /// forward in the world.
    ///
    /// `R = Ry(heading) · Rx(−pitch) · diag(1, −1, −1) · Rz(roll)`; its transpose is the inverse.
    pub fn world_from_camera(self) -> Matrix3<f32> {
        let (sin_h, cos_h) = self.heading.sin_cos();
        let (sin_p, cos_p) = self.pitch.sin_cos();
        let (sin_r, cos_r) = self.roll.sin_cos();
        // Rows, one after another.
        let turned = Matrix3::new(cos_h, 0.0, sin_h, 0.0, 1.0, 0.0, -sin_h, 0.0, cos_h);
        let lowered = Matrix3::new(1.0, 0.0, 0.0, 0.0, cos_p, sin_p, 0.0, -sin_p, cos_p);
        let camera_axes = Matrix3::new(1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0);
        let rolled = Matrix3::new(cos_r, -sin_r, 0.0, sin_r, cos_r, 0.0, 0.0, 0.0, 1.0);
        (turned * lowered) * (camera_axes * rolled)
    }

    /// The rotation that takes directions in world axes to camera axes.
    pub fn camera_from_world(self) -> Matrix3<f32> {
        self.world_from_camera().transpose()
    }

    /// The rotation that takes directions in camera axes to those of a level camera of the same heading: x to the
    /// right, y down along gravity, z forward. It does not depend on the heading.
    pub fn level_from_camera(self) -> Matrix3<f32> {
        let level = Self { pitch: 0.0, roll: 0.0, ..self };
        level.camera_from_world() * self.world_from_camera()
    }
}

/// `rotation · vector`, of a point of a pose.
pub fn rotate(rotation: &Matrix3<f32>, vector: [f32; 3]) -> [f32; 3] {
    (rotation * Vector3::from(vector)).into()
}

#[cfg(test)]
mod tests {
    use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};

    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    const CAMERA: Camera = Camera { focal: [1000.0, 1000.0], centre: [500.0, 500.0], size: [1000, 1000] };

    /// Where `attitude` sees a world point when it looks at the origin from `distance` metres.
    fn seen(attitude: Attitude, distance: f32, point: [f32; 3]) -> [f32; 2] {
        let [x, y, z] = rotate(&attitude.camera_from_world(), point);
        CAMERA.project([x, y, z + distance]).expect("in front of the camera")
    }

    fn close(a: [f32; 3], b: [f32; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    #[test]
    fn an_upright_person_before_a_level_camera_is_upright_in_the_image() {
        let [head, feet, left_hand] = [[0.0, 0.9, 0.0], [0.0, -0.9, 0.0], [0.7, 0.0, 0.0]];
        let level = Attitude::default();
        // 0.9 m at 4.5 m with a focal length of 1000 pixels are 200 pixels, and y points down.
        assert_eq!(seen(level, 4.5, head), [500.0, 300.0]);
        assert_eq!(seen(level, 4.5, feet), [500.0, 700.0]);
        // A person who faces the camera has the left hand (+x when facing +z) on the right of the image.
        assert!(seen(level, 4.5, left_hand)[0] > 600.0);
    }

    #[test]
    fn heading_walks_round_the_person() {
        // From the left side (+x), a person who faces +z looks to the left of the image.
        let side = Attitude { heading: FRAC_PI_2, ..Attitude::default() };
        assert!(close(rotate(&side.world_from_camera(), [0.0, 0.0, 1.0]), [-1.0, 0.0, 0.0]));
        assert!(seen(side, 4.0, [0.0, 0.0, 0.5])[0] < 400.0);
        assert_relative_eq!(seen(side, 4.0, [0.0, 1.0, 0.0])[0], 500.0, epsilon = 1e-3);
    }

    #[test]
    fn a_positive_pitch_looks_down() {
        let raised = Attitude { pitch: FRAC_PI_4, ..Attitude::default() };
        let half = 0.5_f32.sqrt();
        assert!(close(rotate(&raised.world_from_camera(), [0.0, 0.0, 1.0]), [0.0, -half, -half]));
        // From above, points on the ground nearer to the camera (+z) are lower in the image.
        assert!(seen(raised, 4.0, [0.0, 0.0, 0.5])[1] > 550.0);
    }

    #[test]
    fn a_clockwise_roll_turns_the_image_counter_clockwise() {
        let rolled = Attitude { roll: FRAC_PI_2, ..Attitude::default() };
        // The head, which was at the top, is on the left.
        let [x, y] = seen(rolled, 4.0, [0.0, 1.0, 0.0]);
        assert_relative_eq!(x, 250.0, epsilon = 1e-2);
        assert_relative_eq!(y, 500.0, epsilon = 1e-2);
    }

    #[test]
    fn a_level_camera_sees_what_falls_fall_down() {
        for heading in [0.0, 1.3] {
            let held = Attitude { heading, pitch: 0.3, roll: -0.2 };
            // A person stands on the floor: their head is above their feet.
            let head = rotate(&held.camera_from_world(), [0.0, 1.0, 0.0]);
            assert!(close(rotate(&held.level_from_camera(), head), [0.0, -1.0, 0.0]));
            // The camera's forward direction without its vertical part.
            let [x, y, z] = rotate(&held.level_from_camera(), [0.0, 0.0, 1.0]);
            assert!(x.abs() < 1e-6 && (y - 0.3_f32.sin()).abs() < 1e-6 && z > 0.9);
        }
    }

    #[test]
    fn degrees_beyond_what_a_camera_can_be_held_at_are_refused() {
        let held = Attitude::from_degrees(90.0, -180.0).unwrap();
        assert_eq!((held.pitch, held.roll), (FRAC_PI_2, -2.0 * FRAC_PI_2));
        for (pitch, roll, message) in
            [(91.0, 0.0, "pitch is 91 degrees, expected -90 to 90"), (0.0, f32::NAN, "roll is NaN")]
        {
            assert!(Attitude::from_degrees(pitch, roll).unwrap_err().to_string().contains(message));
        }
    }

    #[test]
    fn the_width_angle_spans_the_width() {
        let camera = Camera::with_width_angle(FRAC_PI_2, [800, 600]);
        assert_relative_eq!(camera.project([-1.0, 0.0, 1.0]).unwrap()[0], 0.0, epsilon = 1e-3);
        assert!(camera.sees([0.0, 599.9]) && !camera.sees([800.0, 0.0]) && !camera.sees([f32::NAN, 0.0]));
    }

    #[test]
    fn an_unknown_focal_length_is_the_usual_share_of_the_longer_side() {
        let camera = Camera::with_focal(None, [600, 1000]);
        assert_eq!((camera.focal, camera.centre), ([900.0; 2], [300.0, 500.0]));
        assert_eq!(Camera::with_focal(Some(777.0), [600, 1000]).focal, [777.0; 2]);
    }

    proptest! {
        #[test]
        fn rotations_keep_lengths_and_handedness(heading in -7f32..7.0, pitch in -2f32..2.0, roll in -4f32..4.0) {
            let attitude = Attitude { heading, pitch, roll };
            let [right, down, forward] =
                [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|axis| rotate(&attitude.world_from_camera(), axis));
            prop_assert!(close(Vector3::from(right).cross(&Vector3::from(down)).into(), forward));
            prop_assert!(close(rotate(&attitude.camera_from_world(), forward), [0.0, 0.0, 1.0]));
            prop_assert!((forward[1] + pitch.sin()).abs() < 1e-5);
        }
    }
}
