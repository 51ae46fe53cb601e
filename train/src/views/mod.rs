//! Motion seen by virtual cameras, on the device. Every draw of a pose is a new body (`bodies`), a new camera
//! (`cameras`) and a new detector; the result is [`Seen`], as it is or with the camera turned towards the person. `sequences`
//! keeps body, camera and detector for a window of frames.
//!
//! All tensors are f32. N poses of the 28 joints of [`poselift::skeleton::BODY28`]; world axes have y up, camera axes
//! x right, y down, z forward.

mod bodies;
mod cameras;
mod detector;
mod limb_axes;
mod parts;
mod rarity;
mod seen;
mod sequences;
mod variety;

use poselift::place::MODEL_STATURE;
use poselift::skeleton::{BODY28, COCO23, H36M17, H36M23, Layout};
use tch::{Device, Kind, Tensor};

use crate::data::body::feet::FIRST_OF_FEET;
use bodies::Bodies;
use detector::{Detection, Joints};
use limb_axes::LimbAxes;

pub use cameras::Cameras;
pub use detector::{Bounds, Detector, Normal};
pub(crate) use parts::part_of_body;
pub use seen::Seen;
pub use sequences::Windows;

/// The same of each of B windows for all its frames: `[B, …]` to `[B·steps, …]`.
fn each_frame(of_windows: &Tensor, steps: i64) -> Tensor {
    of_windows.repeat_interleave_self_int(steps, 0, None)
}

/// `values`, which say where something is in a tensor, on `device`.
fn indices(values: &[i64], device: Device) -> Tensor {
    Tensor::from_slice(values).to_device(device)
}

/// Where the joints called `names` are among those of [`BODY28`].
fn places<'a>(names: impl IntoIterator<Item = &'a str>, device: Device) -> Tensor {
    let places: Vec<i64> = names.into_iter().map(|name| BODY28.joint(name) as i64).collect();
    indices(&places, device)
}

/// Sums `[B, N, 1]` over the axes of `vectors` `[B, N, C]`.
fn sums_of_axes(vectors: &Tensor) -> Tensor {
    vectors.sum_dim_intlist(&[2i64][..], true, Kind::Float)
}

/// Lengths `[B, N, 1]` of `vectors` `[B, N, C]`.
fn lengths(vectors: &Tensor) -> Tensor {
    sums_of_axes(&vectors.square()).sqrt()
}

/// Joints of [`BODY28`] that come before those of the feet.
const WITHOUT_FEET: i64 = FIRST_OF_FEET as i64;

/// Least depth of a joint in front of the camera, metres: projections of nearer ones would have no bound.
const MIN_DEPTH: f64 = 0.2;

/// Bodies on the device, and the cameras and detectors that see them.
#[derive(Debug)]
pub struct Viewer {
    bodies: Bodies,
    /// `[J]` indices of the detectors' joints among the bodies'.
    seen: Tensor,
    /// Indices of the lifted joints among the bodies'.
    lifted: Tensor,
    joints: Joints,
    limb_axes: LimbAxes,
}

/// The skeleton that is lifted from key points of `layout`: with feet where detectors see feet.
pub fn lifted_from(layout: &Layout) -> &'static Layout {
    if layout.joints == COCO23.joints { &H36M23 } else { &H36M17 }
}

/// Options of a draw: its seed, and how far bodies and detections vary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ViewOptions {
    /// Seed of this draw.
    pub seed: u64,
    /// Errors of the detector.
    pub detector: Detector,
    /// Make new bodies: poses are varied, and half of them mirrored.
    pub mix: bool,
    /// Spread of the bones' lengths: 1 as usual.
    pub reshape: f64,
}

impl Viewer {
    /// `positions` `[T, 28, 3]` at any place, `human` `[T]` whether bone lengths are a real person's; detectors see
    /// the joints of `layout`; those of [`lifted_from`] it are lifted.
    ///
    /// # Panics
    /// A joint of `layout` is not one of [`BODY28`]'s.
    pub fn new(positions: &Tensor, human: &[bool], layout: &Layout, device: Device) -> Self {
        Self {
            bodies: Bodies::new(positions, human, device),
            seen: places(layout.joints.iter().copied(), device),
            lifted: places(lifted_from(layout).joints.iter().copied(), device),
            joints: Joints::new(layout, device),
            limb_axes: LimbAxes::new(layout, device),
        }
    }

    /// The number of poses T.
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Whether there are no poses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The device that holds the bodies.
    pub fn device(&self) -> Device {
        self.bodies.options().1
    }

    /// `[T]` how often each pose is to be drawn: its density among the others to the power of −`power`, mean 1.
    pub fn rarity(&self, power: f64) -> Tensor {
        tch::no_grad(|| rarity::weights(self.bodies.positions(), power))
    }

    /// The poses `index` `[B]`, each as a new body seen by a new one of `cameras`.
    pub fn look(&self, cameras: &Cameras, index: &Tensor, draw: ViewOptions) -> Seen {
        tch::no_grad(|| {
            tch::manual_seed(draw.seed as i64);
            let bodies = self.bodies.draw(index, draw.mix, draw.reshape);
            let placed = cameras.place(index.size()[0], bodies.device());
            let in_camera = bodies.bmm(&placed.camera_from_world.transpose(1, 2));
            let points = (&in_camera + &placed.root).index_select(1, &self.seen);
            let mut detection = Detection::new(draw.detector, &self.joints, &points);
            let points = detection.misplaced(points);
            let depth = points.narrow(2, 2, 1).clamp_min(MIN_DEPTH);
            let centre = (&placed.size / 2.0).unsqueeze(1);
            let stature = &placed.focal * MODEL_STATURE / placed.root.select(2, 2).squeeze_dim(1);
            let pixels = points.narrow(2, 0, 2) / depth * placed.focal.view([-1, 1, 1]) + centre;
            Seen {
                keypoints: detection.observed(&pixels, &stature, &placed.size),
                poses: in_camera.index_select(1, &self.lifted),
                focal: placed.focal,
                size: placed.size,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::{COCO17, H36M17};
    use tch::Kind;

    use super::bodies::STATURE_OVER_CHAIN;
    use super::*;
    use crate::data::generator;

    /// A person standing, facing +z, 1.8 m tall, with the left arm out; `[28, 3]` in the order of [`BODY28`].
    #[rustfmt::skip]
    const STANDING: [[f32; 3]; 28] = [
        [0.0, 0.95, 0.0], [-0.1, 0.95, 0.0], [-0.1, 0.5, 0.02], [-0.1, 0.08, 0.0], [0.1, 0.95, 0.0], [0.1, 0.5, 0.02],
        [0.1, 0.08, 0.0], [0.0, 1.22, 0.0], [0.0, 1.5, 0.0], [0.0, 1.63, 0.08], [0.0, 1.8, 0.02], [0.18, 1.46, 0.0],
        [0.46, 1.46, 0.0], [0.7, 1.46, 0.0], [-0.18, 1.46, 0.0], [-0.2, 1.18, 0.0], [-0.2, 0.95, 0.05], [0.0, 1.65, 0.14],
        [0.03, 1.69, 0.1], [-0.03, 1.69, 0.1], [0.07, 1.67, 0.02], [-0.07, 1.67, 0.02], [0.08, 0.03, 0.2], [0.15, 0.03, 0.14],
        [0.1, 0.03, -0.05], [-0.08, 0.03, 0.2], [-0.15, 0.03, 0.14], [-0.1, 0.03, -0.05],
    ];
    const ROWS: i64 = 2000;

    fn viewer(human: bool) -> Viewer {
        let body = Tensor::from_slice(STANDING.as_flattened()).view([1, 28, 3]);
        Viewer::new(&body, &[human], &COCO17, Device::Cpu)
    }

    fn look(viewer: &Viewer, cameras: &Cameras, mix: bool) -> (Tensor, Tensor) {
        let _held = generator();
        let index = Tensor::zeros([ROWS], (Kind::Int64, Device::Cpu));
        let seen =
            viewer.look(cameras, &index, ViewOptions { seed: 1, detector: Detector::PERFECT, mix, reshape: 1.0 });
        (seen.keypoints, seen.poses)
    }

    fn joint(poses: &Tensor, joint: i64, axis: i64) -> Tensor {
        poses.select(1, joint).select(1, axis)
    }

    fn share(condition: &Tensor) -> f64 {
        condition.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn people_stand_upright_before_the_camera() {
        let (keypoints, poses) = look(&viewer(true), &Cameras::default(), false);
        // y points down: the head (10) is above the right ankle (3), in the pose and in the image.
        assert_eq!(share(&joint(&poses, 10, 1).lt_tensor(&joint(&poses, 3, 1))), 1.0);
        assert!(share(&joint(&keypoints, 0, 1).lt_tensor(&joint(&keypoints, 16, 1))) > 0.99);
        assert_eq!(poses.select(1, 0).abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn every_body_has_the_same_stature_and_lengths_of_its_own() {
        for human in [true, false] {
            let (_, poses) = look(&viewer(human), &Cameras::default(), true);
            let bone = |a: i64, b: i64| {
                (poses.select(1, a) - poses.select(1, b))
                    .square()
                    .sum_dim_intlist(&[1i64][..], false, Kind::Double)
                    .sqrt()
            };
            // Human3.6M: right hip, knee, ankle, then hip, spine, thorax, neck, head.
            let chain = bone(1, 2) + bone(2, 3) + bone(0, 7) + bone(7, 8) + bone(8, 9) + bone(9, 10);
            let error = (chain * STATURE_OVER_CHAIN - MODEL_STATURE).abs().max().double_value(&[]);
            assert!(error < 1e-4, "{error}");
            let sides = (bone(1, 2) - bone(4, 5)).abs().max().double_value(&[]);
            assert!(!human || sides < 1e-4, "left and right thighs differ by {sides}");
            assert!(bone(1, 2).std(true).double_value(&[]) > 0.01, "all thighs alike");
        }
    }

    #[test]
    fn some_are_built_like_children() {
        let neck_over_leg = |mix: bool| {
            let (_, poses) = look(&viewer(false), &Cameras::default(), mix);
            let bone = |a: i64, b: i64| {
                (poses.select(1, a) - poses.select(1, b))
                    .square()
                    .sum_dim_intlist(&[1i64][..], false, Kind::Double)
                    .sqrt()
            };
            bone(9, 10) / (bone(1, 2) + bone(2, 3))
        };
        // Head over leg is 0.172/0.804 for adults, 1.37 times as much at five years.
        let share = |mix: bool| share(&neck_over_leg(mix).gt(1.2 * 0.172 / 0.804));
        let (grown_up, mixed) = (share(false), share(true));
        assert!(mixed > grown_up + 0.03 && mixed < grown_up + 0.12, "{grown_up} and {mixed} have large heads");
    }

    #[test]
    fn key_points_may_be_human36ms() {
        let _held = generator();
        let body = Tensor::from_slice(STANDING.as_flattened()).view([1, 28, 3]);
        let viewer = Viewer::new(&body, &[true], &H36M17, Device::Cpu);
        let index = Tensor::zeros([8], (Kind::Int64, Device::Cpu));
        let draw = ViewOptions { seed: 1, detector: Detector::PERFECT, mix: false, reshape: 0.0 };
        let seen = viewer.look(&Cameras { offset: 0.0, ..Cameras::default() }, &index, draw);
        // The root, in the middle of the image, is at its projection, and so is every other joint.
        let middle = &seen.size / 2.0;
        assert!((seen.keypoints.select(1, 0).narrow(1, 0, 2) - middle).abs().max().double_value(&[]) < 1e-2);
        let noisy =
            viewer.look(&Cameras::default(), &index, ViewOptions { detector: Detector::in_training(1.0), ..draw });
        assert_eq!(noisy.keypoints.size(), [8, 17, 3]);
        assert_eq!(noisy.keypoints.isfinite().all().int64_value(&[]), 1);
    }

    #[test]
    fn half_the_people_are_mirrored() {
        let towards = Cameras { pitch: Normal::new(0.0, 0.0), roll: Normal::new(0.0, 0.0), ..Cameras::default() };
        let (_, poses) = look(&viewer(true), &towards, true);
        // The raised arm: the left wrist (13) in the original, the right one (16) in the mirrored pose.
        let left_raised = share(&joint(&poses, 13, 1).lt_tensor(&joint(&poses, 16, 1)));
        assert!((0.46..0.54).contains(&left_raised), "{left_raised}");
        let (_, unmirrored) = look(&viewer(true), &towards, false);
        assert_eq!(share(&joint(&unmirrored, 13, 1).lt_tensor(&joint(&unmirrored, 16, 1))), 1.0);
    }

    #[test]
    fn cameras_look_from_all_sides_and_the_same_seed_from_the_same() {
        let (viewer, cameras) = (viewer(true), Cameras::default());
        let (keypoints, poses) = look(&viewer, &cameras, false);
        // Facing the camera: the nose, which COCO has and which the pose's neck is close to, is in front of the head.
        let facing = share(&joint(&poses, 9, 2).lt_tensor(&joint(&poses, 8, 2)));
        assert!((0.3..0.8).contains(&facing), "{facing}");
        let (again, _) = look(&viewer, &cameras, false);
        assert_eq!(again, keypoints);
    }
}
