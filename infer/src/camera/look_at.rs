//! `LookAt`: the rotation of a camera that makes it look at a person.
//!
//! It stands between every key point and the network, so its products are written out, not taken from nalgebra: rays at
//! depth 1 need six of the nine products, and the models' poses stay the same to the bit.

use super::Camera;
use crate::pose::Keypoint;

/// Directions closer to the image plane than this share of their depth are out of sight of a turned camera.
pub const MIN_DEPTH: f64 = 0.05;

/// The depth of the plane that [`LookAt::ray`] uses: rays have about the size of pixels.
pub const RAY_DEPTH: f64 = 1000.0;

/// The rotation of a camera about its own centre, by the smallest angle, so that it looks at a given pixel.
///
/// A person at the edge of an image is seen from the side even if the camera looks straight at them in the middle:
/// turned to the optical axis, the same pose gives the same key points wherever it appears.
///
/// It is computed in f64, and only pixels are rounded at the end: in f32 a rotation by half a radian alone would cost
/// a ten thousandth of a pixel, which is visible in the pose of a small person.
///
/// ```
/// use poselift::camera::{Camera, LookAt};
///
/// let camera = Camera { focal: [1000.0, 1000.0], centre: [500.0, 300.0], size: [1000, 600] };
/// let view = LookAt::towards(&camera, [900.0, 300.0]);
/// // What it looks at appears in the middle, and a direction in the turned camera's axes has its way back.
/// assert!(view.pixel([900.0, 300.0]).is_some_and(|[x, y]| (x - 500.0).abs() < 1e-3 && y == 300.0));
/// assert!(view.undo([0.0, 0.0, 1.0])[0] > 0.37);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookAt {
    camera: Camera,
    looking_from_camera: [[f64; 3]; 3],
}

impl LookAt {
    /// The rotation that brings `pixel` to the principal point; with d = (a, b, c) the unit vector towards it,
    /// `R = [[1 − a²/(1+c), −ab/(1+c), −a], [−ab/(1+c), 1 − b²/(1+c), −b], [a, b, c]]`.
    pub fn towards<P: Into<f64>>(camera: &Camera, pixel: [P; 2]) -> Self {
        let [x, y] = ray(camera, pixel);
        let length = (x * x + y * y + 1.0).sqrt();
        let a = x / length;
        let b = y / length;
        let c = 1.0 / length;
        let k = 1.0 / (1.0 + c);
        let looking_from_camera = [[1.0 - a * a * k, -a * b * k, -a], [-a * b * k, 1.0 - b * b * k, -b], [a, b, c]];
        Self { camera: *camera, looking_from_camera }
    }

    /// Turns one person's key points in place so that `camera` looks at them; joints that are out of its sight then become
    /// missing. `points` must hold only joints that the model reads.
    ///
    /// The points come out as [`Self::ray`] gives them. A model that looks at the subject does not depend on the points' place
    /// and scale in an image, so an image of another resolution gives the same numbers.
    pub(crate) fn at_person(points: &mut [Keypoint], camera: &Camera) -> Self {
        let view = Self::towards(camera, middle(points));
        for point in points.iter_mut().filter(|point| !point.is_missing()) {
            match view.ray([point.x, point.y]) {
                Some([x, y]) => (point.x, point.y) = (x, y),
                None => *point = Keypoint::MISSING,
            }
        }
        view
    }

    /// The pixel in the turned camera of what the camera sees at `pixel`; `None` if that is beside or behind it, or
    /// if `pixel` is not a pair of finite numbers.
    pub fn pixel<P: Into<f64>>(&self, pixel: [P; 2]) -> Option<[f32; 2]> {
        let ray = self.ray(pixel)?;
        let Camera { focal, centre, .. } = self.camera;
        Some([0, 1].map(|axis| (ray[axis] / RAY_DEPTH * f64::from(focal[axis]) + f64::from(centre[axis])) as f32))
    }

    /// As [`Self::pixel`], but as the direction seen there, (x, y) at depth [`RAY_DEPTH`]: it does not depend on the
    /// principal point, the focal length and the resolution of the image.
    pub fn ray<P: Into<f64>>(&self, pixel: [P; 2]) -> Option<[f64; 2]> {
        let [x, y] = ray(&self.camera, pixel);
        let [x, y, z] = self.looking_from_camera.map(|row| row[0] * x + row[1] * y + row[2]);
        (z > MIN_DEPTH).then(|| [x, y].map(|across| across / z * RAY_DEPTH))
    }

    /// Takes a vector from the turned camera's axes to those of the camera itself.
    pub fn undo(&self, vector: [f32; 3]) -> [f32; 3] {
        let [x, y, z] = vector.map(f64::from);
        let [first, second, third] = self.looking_from_camera;
        std::array::from_fn(|axis| (first[axis] * x + second[axis] * y + third[axis] * z) as f32)
    }
}

/// The pixel to look at: the mean of the visible key points, weighted by score, `Σ s·p / Σ s`; NaN if no point is
/// visible.
fn middle(points: &[Keypoint]) -> [f64; 2] {
    let mut sums = [0f64; 3];
    for point in points.iter().filter(|point| !point.is_missing()) {
        let score = f64::from(point.score);
        sums[0] += score * point.x;
        sums[1] += score * point.y;
        sums[2] += score;
    }
    [sums[0] / sums[2], sums[1] / sums[2]]
}

/// The direction towards a pixel, as (x, y) at depth 1.
pub(crate) fn ray<P: Into<f64>>(camera: &Camera, pixel: [P; 2]) -> [f64; 2] {
    let pixel = pixel.map(Into::into);
    std::array::from_fn(|axis| (pixel[axis] - f64::from(camera.centre[axis])) / f64::from(camera.focal[axis]))
}

#[cfg(test)]
mod tests {
    use nalgebra::{Matrix3, Vector3};
    use proptest::prelude::*;

    use super::super::rotate;
    use super::*;

    const CAMERA: Camera = Camera { focal: [1000.0, 1000.0], centre: [500.0, 500.0], size: [1000, 1000] };

    fn close(a: [f32; 3], b: [f32; 3]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    fn length(vector: [f32; 3]) -> f32 {
        Vector3::from(vector).norm()
    }

    fn rotation(view: &LookAt) -> Matrix3<f32> {
        Matrix3::from_row_slice(
            &view.looking_from_camera.as_flattened().iter().map(|cell| *cell as f32).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn what_lies_behind_the_turned_camera_is_not_seen() {
        let camera = Camera::with_focal(Some(100.0), [1000, 1000]);
        // 78.7 degrees to the left of the axis, and as much to the right: 157 degrees apart.
        let view = LookAt::towards(&camera, [0.0, 500.0]);
        assert_eq!(view.pixel([1000.0, 500.0]), None);
        assert_eq!(view.pixel([f32::NAN, 500.0]), None);
        let [x, y] = view.pixel([0.0, 500.0]).unwrap();
        assert!((x - 500.0).abs() < 1e-3 && (y - 500.0).abs() < 1e-3, "{x} {y}");
        let [x, y] = view.ray([0.0, 500.0]).unwrap();
        assert!(x.abs() < 1e-6 && y.abs() < 1e-6, "{x} {y}");
    }

    fn point(x: f64, y: f64, score: f32) -> Keypoint {
        Keypoint { x, y, score }
    }

    #[test]
    fn the_middle_is_weighted_by_score_and_passes_over_what_is_missing() {
        let points = [point(100.0, 10.0, 0.75), point(200.0, 50.0, 0.25), point(9e9, 9e9, 0.0), Keypoint::MISSING];
        assert_eq!(middle(&points), [125.0, 20.0]);
        assert!(middle(&points[2..]).iter().all(|pixel| pixel.is_nan()));
    }

    #[test]
    fn what_is_out_of_sight_goes_missing_and_what_is_missing_stays_so() {
        let camera = Camera::with_focal(Some(100.0), [1000, 1000]);
        let mut points = [point(0.0, 500.0, 1.0), Keypoint::MISSING, point(1000.0, 500.0, 1e-6)];
        LookAt::at_person(&mut points, &camera);
        assert!(points[0].x.abs() < 1e-3 && points[0].y.abs() < 1e-3, "{:?}", points[0]);
        assert!(points[1].is_missing() && points[2].is_missing());
    }

    proptest! {
        /// The rotation by its definition, in f32 only; [`LookAt::undo`] is its inverse.
        #[test]
        fn undoing_a_turn_gives_the_direction_back(
            pixel in prop::array::uniform2(-2000f32..3000.0),
            vector in prop::array::uniform3(-2f32..2.0),
        ) {
            let view = LookAt::towards(&CAMERA, pixel);
            let there = rotation(&view);
            prop_assert!(close(view.undo(rotate(&there, vector)), vector));
            prop_assert!((there * there.transpose() - Matrix3::identity()).amax() < 1e-6 && there.determinant() > 0.0);
            // The target is straight ahead.
            let direction = [(pixel[0] - 500.0) / 1000.0, (pixel[1] - 500.0) / 1000.0, 1.0];
            prop_assert!(close(view.undo([0.0, 0.0, length(direction)]), direction), "{direction:?}");
        }

        /// A point of a pose beside the axis, projected and then turned, is the rotated point projected on the axis.
        #[test]
        fn turning_pixels_is_turning_the_person(
            root in (-3f32..3.0, -2f32..2.0, 2f32..8.0),
            joint in prop::array::uniform3(-1f32..1.0),
        ) {
            let root = [root.0, root.1, root.2];
            let joint_in_camera = [root[0] + joint[0], root[1] + joint[1], root[2] + joint[2]];
            let view = LookAt::towards(&CAMERA, CAMERA.project(root).unwrap());
            let rotated_joint = rotate(&rotation(&view), joint);
            let on_axis = [rotated_joint[0], rotated_joint[1], rotated_joint[2] + length(root)];
            let expected = CAMERA.project(on_axis).unwrap();
            let found = view.pixel(CAMERA.project(joint_in_camera).unwrap()).unwrap();
            prop_assert!((0..2).all(|axis| (found[axis] - expected[axis]).abs() < 0.01), "{found:?} {expected:?}");
        }
    }
}
