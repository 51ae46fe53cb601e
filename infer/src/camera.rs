//! The camera between a person in the world and key points in an image.
//!
//! The trainer's virtual cameras and the tests that hold them to account use
//! the same few lines: a pinhole without distortion, and the way it is held.

/// A 3 × 3 matrix as rows.
pub type Matrix3 = [[f32; 3]; 3];

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

    /// A camera with square pixels that looks through the middle of an image of `size` pixels; its focal length in
    /// pixels, or [`USUAL_FOCAL`] of the longer side where that is not known.
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
    pub fn sees(&self, [x, y]: [f32; 2]) -> bool {
        let [width, height] = self.size.map(|pixels| pixels as f32);
        (0.0..width).contains(&x) && (0.0..height).contains(&y)
    }
}

/// The focal length, in longer image sides, of a camera that nothing is known of: between a phone's and a webcam's.
pub const USUAL_FOCAL: f32 = 1.2;

/// Directions nearer to the image plane than this share of their depth are out of sight of a turned camera.
const LEAST_DEPTH: f64 = 0.05;

/// The turn of a camera about its own centre, by the smallest angle, so that it looks at a given pixel.
///
/// A person at the edge of an image is seen from the side even where the camera looks straight at them from the
/// middle: turned to the optical axis, the same pose gives the same key points wherever it appears.
///
/// It is reckoned in f64, and only its results are rounded: in f32 a turn by half a radian alone would cost a ten
/// thousandth of a pixel, which shows in the pose of somebody small.
///
/// ```
/// use poselift::camera::{Camera, Turn};
///
/// let camera = Camera { focal: [1000.0, 1000.0], centre: [500.0, 300.0], size: [1000, 600] };
/// let turn = Turn::towards(&camera, [900.0, 300.0]);
/// // What it looks at appears in the middle, and a direction in the turned camera's axes has its way back.
/// assert!(turn.pixel([900.0, 300.0]).is_some_and(|[x, y]| (x - 500.0).abs() < 1e-3 && y == 300.0));
/// assert!(turn.undo([0.0, 0.0, 1.0])[0] > 0.37);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    camera: Camera,
    turned_from_camera: [[f64; 3]; 3],
}

impl Turn {
    /// The turn that brings `pixel` to the principal point; with d = (a, b, c) the unit vector towards it,
    /// `R = [[1 − a²/(1+c), −ab/(1+c), −a], [−ab/(1+c), 1 − b²/(1+c), −b], [a, b, c]]`.
    pub fn towards(camera: &Camera, pixel: [f32; 2]) -> Self {
        let [x, y] = ray(camera, pixel);
        let length = (x * x + y * y + 1.0).sqrt();
        let (a, b, c) = (x / length, y / length, 1.0 / length);
        let k = 1.0 / (1.0 + c);
        let turned_from_camera = [[1.0 - a * a * k, -a * b * k, -a], [-a * b * k, 1.0 - b * b * k, -b], [a, b, c]];
        Self { camera: *camera, turned_from_camera }
    }

    /// Where the turned camera sees what the camera sees at `pixel`; `None` if that is beside or behind it, or if
    /// `pixel` is no pair of finite numbers.
    pub fn pixel(&self, pixel: [f32; 2]) -> Option<[f32; 2]> {
        let [x, y] = ray(&self.camera, pixel);
        let [x, y, z] = self.turned_from_camera.map(|row| row[0] * x + row[1] * y + row[2]);
        let seen = |axis: usize, ratio: f64| {
            (f64::from(self.camera.focal[axis]) * ratio + f64::from(self.camera.centre[axis])) as f32
        };
        (z > LEAST_DEPTH).then(|| [seen(0, x / z), seen(1, y / z)])
    }

    /// A vector in the turned camera's axes in those of the camera itself.
    pub fn undo(&self, vector: [f32; 3]) -> [f32; 3] {
        let [x, y, z] = vector.map(f64::from);
        let [first, second, third] = self.turned_from_camera;
        std::array::from_fn(|axis| (first[axis] * x + second[axis] * y + third[axis] * z) as f32)
    }
}

/// The direction towards a pixel, as (x, y) at depth 1.
fn ray(camera: &Camera, pixel: [f32; 2]) -> [f64; 2] {
    let [pixel, centre, focal] = [pixel, camera.centre, camera.focal].map(|pair| pair.map(f64::from));
    std::array::from_fn(|axis| (pixel[axis] - centre[axis]) / focal[axis])
}

/// How a camera is held in a world that is right-handed with y up. Angles in radians.
///
/// With all angles 0 the camera is level and looks along −z, so that it sees the face of somebody who faces +z.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Attitude {
    /// Turn about the world's y axis, counter-clockwise as seen from above.
    pub heading: f32,
    /// How far the camera looks down from the horizontal; its own height follows from it where it looks at a person.
    pub elevation: f32,
    /// Turn about the optical axis, clockwise as seen from behind the camera; the image turns the other way.
    pub roll: f32,
}

impl Attitude {
    /// The rotation that takes directions in camera axes to world axes: its columns are the camera's right, down
    /// and forward in the world.
    ///
    /// `R = Ry(heading) · Rx(−elevation) · diag(1, −1, −1) · Rz(roll)`; its transpose is the way back.
    pub fn world_from_camera(self) -> Matrix3 {
        let (sin_h, cos_h) = self.heading.sin_cos();
        let (sin_e, cos_e) = self.elevation.sin_cos();
        let (sin_r, cos_r) = self.roll.sin_cos();
        let turned = [[cos_h, 0.0, sin_h], [0.0, 1.0, 0.0], [-sin_h, 0.0, cos_h]];
        let lowered = [[1.0, 0.0, 0.0], [0.0, cos_e, sin_e], [0.0, -sin_e, cos_e]];
        let camera_axes = [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]];
        let rolled = [[cos_r, -sin_r, 0.0], [sin_r, cos_r, 0.0], [0.0, 0.0, 1.0]];
        multiply(multiply(turned, lowered), multiply(camera_axes, rolled))
    }

    /// The rotation that takes directions in world axes to camera axes.
    pub fn camera_from_world(self) -> Matrix3 {
        transpose(self.world_from_camera())
    }
}

/// `matrix · vector`.
pub fn rotate(matrix: Matrix3, vector: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

fn multiply(a: Matrix3, b: Matrix3) -> Matrix3 {
    let columns = transpose(b);
    a.map(|row| rotate(columns, row))
}

fn transpose(m: Matrix3) -> Matrix3 {
    std::array::from_fn(|row| std::array::from_fn(|column| m[column][row]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

    use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};

    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    const CAMERA: Camera = Camera { focal: [1000.0, 1000.0], centre: [500.0, 500.0], size: [1000, 1000] };

    /// Where `attitude` sees a world point when it looks at the origin from `distance` metres.
    fn seen(attitude: Attitude, distance: f32, point: [f32; 3]) -> [f32; 2] {
        let [x, y, z] = rotate(attitude.camera_from_world(), point);
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
        // Who faces the camera has the left hand (+x when facing +z) on the right of the image.
        assert!(seen(level, 4.5, left_hand)[0] > 600.0);
    }

    #[test]
    fn heading_walks_round_the_person() {
        // From the person's left side (+x), who faces +z looks to the left of the image.
        let side = Attitude { heading: FRAC_PI_2, ..Attitude::default() };
        assert!(close(rotate(side.world_from_camera(), [0.0, 0.0, 1.0]), [-1.0, 0.0, 0.0]));
        assert!(seen(side, 4.0, [0.0, 0.0, 0.5])[0] < 400.0);
        assert_relative_eq!(seen(side, 4.0, [0.0, 1.0, 0.0])[0], 500.0, epsilon = 1e-3);
    }

    #[test]
    fn elevation_looks_down() {
        let raised = Attitude { elevation: FRAC_PI_4, ..Attitude::default() };
        let half = 0.5_f32.sqrt();
        assert!(close(rotate(raised.world_from_camera(), [0.0, 0.0, 1.0]), [0.0, -half, -half]));
        // From above, what is nearer to the camera (+z) on the ground is lower in the image.
        assert!(seen(raised, 4.0, [0.0, 0.0, 0.5])[1] > 550.0);
    }

    #[test]
    fn a_clockwise_roll_turns_the_image_counter_clockwise() {
        let rolled = Attitude { roll: FRAC_PI_2, ..Attitude::default() };
        // The head, once at the top, lies on the left.
        let [x, y] = seen(rolled, 4.0, [0.0, 1.0, 0.0]);
        assert_relative_eq!(x, 250.0, epsilon = 1e-2);
        assert_relative_eq!(y, 500.0, epsilon = 1e-2);
    }

    #[test]
    fn the_width_angle_spans_the_width() {
        let camera = Camera::with_width_angle(FRAC_PI_2, [800, 600]);
        assert_relative_eq!(camera.project([-1.0, 0.0, 1.0]).unwrap()[0], 0.0, epsilon = 1e-3);
        assert!(camera.sees([0.0, 599.9]) && !camera.sees([800.0, 0.0]) && !camera.sees([f32::NAN, 0.0]));
    }

    #[test]
    fn what_lies_behind_the_turned_camera_is_not_seen() {
        let camera = Camera::with_focal(Some(100.0), [1000, 1000]);
        // 78.7 degrees to the left of the axis, and as much to the right: 157 degrees apart.
        let turn = Turn::towards(&camera, [0.0, 500.0]);
        assert_eq!(turn.pixel([1000.0, 500.0]), None);
        assert_eq!(turn.pixel([f32::NAN, 500.0]), None);
        let [x, y] = turn.pixel([0.0, 500.0]).unwrap();
        assert!((x - 500.0).abs() < 1e-3 && (y - 500.0).abs() < 1e-3, "{x} {y}");
    }

    #[test]
    fn an_unknown_focal_length_is_the_usual_share_of_the_longer_side() {
        let camera = Camera::with_focal(None, [600, 1000]);
        assert_eq!((camera.focal, camera.centre), ([1200.0; 2], [300.0, 500.0]));
        assert_eq!(Camera::with_focal(Some(777.0), [600, 1000]).focal, [777.0; 2]);
    }

    fn length([x, y, z]: [f32; 3]) -> f32 {
        (x * x + y * y + z * z).sqrt()
    }

    proptest! {
        /// The way there, as the definition has it and in nothing but f32; [`Turn::undo`] is its way back.
        #[test]
        fn undoing_a_turn_gives_the_direction_back(
            pixel in prop::array::uniform2(-2000f32..3000.0),
            vector in prop::array::uniform3(-2f32..2.0),
        ) {
            let turn = Turn::towards(&CAMERA, pixel);
            let there = turn.turned_from_camera.map(|row| row.map(|cell| cell as f32));
            prop_assert!(close(turn.undo(rotate(there, vector)), vector));
            // R is orthonormal and turns: its rows have length 1 and the third is the product of the others.
            let [a, b, c] = there;
            let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
            prop_assert!(close(cross, c));
            prop_assert!(there.iter().all(|row| (length(*row) - 1.0).abs() < 1e-6));
            // What it looks at lies ahead.
            let direction = [(pixel[0] - 500.0) / 1000.0, (pixel[1] - 500.0) / 1000.0, 1.0];
            prop_assert!(close(turn.undo([0.0, 0.0, length(direction)]), direction), "{direction:?}");
        }

        /// A point of a pose beside the axis, projected and then turned, is the rotated point projected on the axis.
        #[test]
        fn turning_pixels_is_turning_the_person(
            root in (-3f32..3.0, -2f32..2.0, 2f32..8.0),
            joint in prop::array::uniform3(-1f32..1.0),
        ) {
            let root = [root.0, root.1, root.2];
            let joint_in_camera = [root[0] + joint[0], root[1] + joint[1], root[2] + joint[2]];
            let turn = Turn::towards(&CAMERA, CAMERA.project(root).unwrap());
            let there = turn.turned_from_camera.map(|row| row.map(|cell| cell as f32));
            let rotated_joint = rotate(there, joint);
            let on_axis = [rotated_joint[0], rotated_joint[1], rotated_joint[2] + length(root)];
            let expected = CAMERA.project(on_axis).unwrap();
            let found = turn.pixel(CAMERA.project(joint_in_camera).unwrap()).unwrap();
            prop_assert!((0..2).all(|axis| (found[axis] - expected[axis]).abs() < 0.01), "{found:?} {expected:?}");
        }

        #[test]
        fn rotations_keep_lengths_and_handedness(heading in -7f32..7.0, elevation in -2f32..2.0, roll in -4f32..4.0) {
            let attitude = Attitude { heading, elevation, roll };
            let [right, down, forward] =
                [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|axis| rotate(attitude.world_from_camera(), axis));
            let cross = [
                right[1] * down[2] - right[2] * down[1],
                right[2] * down[0] - right[0] * down[2],
                right[0] * down[1] - right[1] * down[0],
            ];
            prop_assert!(close(cross, forward));
            prop_assert!(close(rotate(attitude.camera_from_world(), forward), [0.0, 0.0, 1.0]));
            prop_assert!((forward[1] + elevation.sin()).abs() < 1e-5);
        }
    }
}
