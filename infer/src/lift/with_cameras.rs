//! Lifts arrays of people together with the cameras that saw them.

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis, CowArray, Ix3};

use super::people::{Enough, with_score, without_score};
use super::{Lifter, blank_unlifted};
use crate::camera::{Camera, LookAt};
use crate::error::{Error, Result};
use crate::model::{Batch, Card, PoseNetwork, View, check_keypoints};
use crate::pose::Keypoint;
use crate::skeleton::Conversion;

/// Poses in arrays, with the model's own expected errors.
#[derive(Debug, Clone, PartialEq)]
pub struct LiftedArrays {
    /// `[N, J_out, 3]` in the card's axes and unit, relative to the root; NaN for people who could not be lifted.
    pub poses: Array3<f32>,
    /// `[N, J_out]` the distance that 68 % of each joint's errors stay within, in the card's unit; `None` if the
    /// model has no sigma.
    pub sigma: Option<Array2<f32>>,
}

impl<N: PoseNetwork> Lifter<N> {
    /// As [`Self::lift`], with each person turned to the optical axis of their camera, and their pose turned back, if
    /// the model asks for it ([`View::Subject`]).
    ///
    /// `cameras` holds one for all N or one for each; if it is empty, people are not turned.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use poselift::Lifter;
    /// use poselift::camera::Camera;
    ///
    /// # fn main() -> poselift::Result<()> {
    /// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    /// let mut lifter = Lifter::from_file("models/coco17.onnx")?;
    /// let keypoints = Array3::<f32>::ones((230, 17, 3)); // (x, y, score) in pixels
    /// let camera = Camera::with_focal(None, [1920, 1080]); // of unknown focal length
    /// let lifted = lifter.lift_with_cameras(keypoints.view(), &[camera])?;
    /// assert_eq!(lifted.poses.dim(), (230, 17, 3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::lift`]; the number of cameras is wrong.
    pub fn lift_with_cameras(&mut self, keypoints: ArrayView3<'_, f32>, cameras: &[Camera]) -> Result<LiftedArrays> {
        let n = keypoints.dim().0;
        let joints = self.card().output.joints.len();
        let LookedAt { keypoints, back } = LookedAt::new(self.card(), CowArray::from(keypoints), cameras)?;
        let mut poses = Array3::zeros((n, joints, 3));
        let mut sigma = self.card().output.sigma.then(|| Array2::zeros((n, joints)));
        let wanted = sigma.as_mut().map(|sigma| sigma.view_mut());
        let batch = Batch::new(self.card(), keypoints.view(), poses.view_mut(), wanted)?;
        self.run(batch)?;
        back.apply(poses.view_mut());
        Ok(LiftedArrays { poses, sigma })
    }

    /// As [`Self::lift_with_cameras`], of `keypoints` `[N, J_in, channels]` that `conversion` ([`Self::conversion`]) took from another
    /// layout, as [`Self::lift_frames`] does: with what it corrects, and feet apart where another point stands in for one of theirs.
    ///
    /// # Errors
    /// As [`Self::lift_with_cameras`].
    pub fn lift_converted(
        &mut self,
        keypoints: CowArray<'_, f32, Ix3>,
        conversion: &Conversion,
        cameras: &[Camera],
    ) -> Result<LiftedArrays> {
        check_keypoints(self.card(), keypoints.view())?;
        if !conversion.corrects() && conversion.stand_ins().is_empty() {
            return self.lift_with_cameras(keypoints.view(), cameras);
        }
        let mut keypoints = keypoints.into_owned();
        if conversion.corrects() {
            for person in keypoints.outer_iter_mut() {
                correct(person, conversion);
            }
        }
        let feet = self.lift_with_cameras(keypoints.view(), cameras)?;
        if conversion.stand_ins().is_empty() {
            return Ok(feet);
        }
        let missing = if keypoints.dim().2 == 2 { f32::NAN } else { 0.0 };
        for &joint in conversion.stand_ins() {
            keypoints.index_axis_mut(Axis(1), joint).fill(missing);
        }
        let mut lifted = self.lift_with_cameras(keypoints.view(), cameras)?;
        self.put_feet_of_arrays(&feet, &mut lifted);
        Ok(lifted)
    }
}

/// Corrects the points of `person` `[J_in, channels]` where their detector is known to place them elsewhere.
fn correct(mut person: ArrayViewMut2<'_, f32>, conversion: &Conversion) {
    let mut points: Vec<Keypoint> = person.outer_iter().map(Keypoint::from_row).collect();
    conversion.correct(&mut points);
    for (mut row, point) in person.outer_iter_mut().zip(&points).filter(|(_, point)| !point.is_missing()) {
        row[0] = point.x as f32;
        row[1] = point.y as f32;
    }
}

/// Key points as a network takes them: each person as a camera sees them that looks straight at them. For callers who run the
/// network by themselves ([`crate::stream::SharedNetwork::submit`]); [`Lifter::lift_with_cameras`] does all of it.
#[derive(Debug)]
pub struct LookedAt<'a> {
    /// `[N, J_in, channels]`, each person turned to the optical axis if the model asks for it and the camera is known.
    pub keypoints: CowArray<'a, f32, Ix3>,
    /// Turns the network's poses back.
    pub back: UndoLookAt,
}

impl<'a> LookedAt<'a> {
    /// `keypoints` `[N, J_in, channels]` made ready for the model of `card`. `cameras` holds one for all N or one for each;
    /// if it is empty, people are not turned.
    ///
    /// # Errors
    /// Joints or channels that are not the model's; the number of cameras is wrong.
    pub fn new(card: &Card, keypoints: CowArray<'a, f32, Ix3>, cameras: &[Camera]) -> Result<Self> {
        check_keypoints(card, keypoints.view())?;
        let n = keypoints.dim().0;
        if cameras.len() > 1 && cameras.len() != n {
            let found = cameras.len();
            return Err(Error::input(format!("{found} cameras for {n} people, expected one for all or one each")));
        }
        let (keypoints, views) = match card.input.view {
            View::Subject if !cameras.is_empty() => looked_at(keypoints.view(), cameras),
            _ => (keypoints, Vec::new()),
        };
        let enough = Enough::of(&card.input.joints);
        let is_seen = keypoints.outer_iter().map(|person| enough.is_seen(person)).collect();
        Ok(Self { keypoints, back: UndoLookAt { views, is_seen } })
    }
}

/// Turns poses back into the axes of the cameras that saw them.
#[derive(Debug, Clone)]
pub struct UndoLookAt {
    /// `[N]`, or none where people were not turned.
    views: Vec<LookAt>,
    /// `[N]` whether there are joints enough to lift.
    is_seen: Vec<bool>,
}

impl UndoLookAt {
    /// Turns `poses` `[N, J_out, 3]` of the network back; those of people who could not be lifted become NaN.
    pub fn apply(&self, mut poses: ArrayViewMut3<'_, f32>) {
        for (view, mut pose) in self.views.iter().zip(poses.outer_iter_mut()) {
            for mut joint in pose.outer_iter_mut() {
                let in_camera = view.undo([joint[0], joint[1], joint[2]]);
                for (axis, value) in joint.iter_mut().zip(in_camera) {
                    *axis = value;
                }
            }
        }
        blank_unlifted(self.is_seen.iter().copied(), poses);
    }
}

/// `keypoints` `[N, J_in, 2 or 3]` with each person turned to the optical axis, and how the camera looks at each.
fn looked_at<'a>(keypoints: ArrayView3<'_, f32>, cameras: &[Camera]) -> (CowArray<'a, f32, Ix3>, Vec<LookAt>) {
    let mut turned = keypoints.to_owned();
    let mut points = Vec::new();
    let mut views = Vec::with_capacity(keypoints.dim().0);
    for (mut person, camera) in turned.outer_iter_mut().zip(cameras.iter().cycle()) {
        points.clear();
        points.extend(person.outer_iter().map(Keypoint::from_row));
        views.push(LookAt::at_person(&mut points, camera));
        for (mut row, &point) in person.outer_iter_mut().zip(&points) {
            let numbers = with_score(point);
            let numbers = if row.len() == 2 { &without_score(point)[..] } else { &numbers };
            for (cell, &number) in row.iter_mut().zip(numbers) {
                *cell = number;
            }
        }
    }
    (CowArray::from(turned), views)
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;
    use crate::model::MockNetwork;

    fn keypoints(people: usize) -> Array3<f32> {
        Array3::from_shape_fn((people, 17, 3), |(n, joint, channel)| match channel {
            2 => 0.5,
            _ => 700.0 + (150 * n + 37 * joint * (channel + 1) % 211) as f32,
        })
    }

    fn cameras() -> [Camera; 2] {
        [Camera::with_focal(None, [1000, 800]), Camera::with_focal(Some(700.0), [2000, 1000])]
    }

    #[test]
    fn each_person_is_turned_in_the_camera_that_saw_them() {
        let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
        let keypoints = keypoints(2);
        let lifted = lifter.lift_with_cameras(keypoints.view(), &cameras()).unwrap();
        let sigma = lifted.sigma.unwrap();
        for (n, camera) in cameras().iter().enumerate() {
            // All scores are the same: the camera looks at the plain mean of the person's points.
            let [x, y] = [0, 1].map(|axis| keypoints.slice(s![n, .., axis]).mean().unwrap());
            let view = LookAt::towards(camera, [x, y]);
            for joint in 0..17 {
                let [x, y] = view.ray([keypoints[[n, joint, 0]], keypoints[[n, joint, 1]]]).unwrap().map(|v| v as f32);
                assert!((sigma[[n, joint]] - y * 1e-4).abs() < 1e-6);
                let expected = view.undo([x * 0.001, y * 0.001, 0.0005]);
                let close = |axis: usize| (lifted.poses[[n, joint, axis]] - expected[axis]).abs() < 1e-6;
                assert!((0..3).all(close), "{n} {joint}: {expected:?}");
            }
        }
    }

    #[test]
    fn one_camera_serves_all_and_no_camera_turns_no_person() {
        let mut lifter = Lifter::with_network(MockNetwork::of_subject_with_sigma(), 8);
        let keypoints = keypoints(3);
        let [camera, _] = cameras();
        let one = lifter.lift_with_cameras(keypoints.view(), &[camera]).unwrap();
        assert_eq!(one, lifter.lift_with_cameras(keypoints.view(), &[camera; 3]).unwrap());
        let none = lifter.lift_with_cameras(keypoints.view(), &[]).unwrap();
        assert_eq!(none.poses, lifter.lift(keypoints.view()).unwrap());
        assert_ne!(none.poses, one.poses);
        let error = lifter.lift_with_cameras(keypoints.view(), &[camera; 2]).unwrap_err();
        assert_eq!(error.to_string(), "2 cameras for 3 people, expected one for all or one each");
    }

    #[test]
    fn a_model_that_sees_from_the_camera_turns_no_person() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 8);
        let keypoints = keypoints(2);
        let lifted = lifter.lift_with_cameras(keypoints.view(), &cameras()).unwrap();
        assert_eq!(lifted.poses, lifter.lift(keypoints.view()).unwrap());
        assert_eq!(lifted.sigma, None);
    }

    #[test]
    fn missing_points_stay_missing_and_other_shapes_are_refused() {
        let mut network = MockNetwork::with_channels(2);
        network.card.input.view = View::Subject;
        let mut lifter = Lifter::with_network(network, 8);
        let mut plain = keypoints(2).slice(s![.., .., ..2]).to_owned();
        plain.slice_mut(s![0, 4.., 0]).fill(f32::NAN);
        plain.slice_mut(s![1, 3.., ..]).fill(f32::NAN);
        let lifted = lifter.lift_with_cameras(plain.view(), &cameras()).unwrap();
        // Four joints are enough, three are not; the mock returns NaN for missing joints, so no person is lifted.
        assert!(lifted.poses.iter().all(|value| value.is_nan()));
        for shape in [(2, 17, 4), (2, 16, 2), (2, 17, 1)] {
            assert!(lifter.lift_with_cameras(Array3::ones(shape).view(), &cameras()).is_err());
        }
    }
}
