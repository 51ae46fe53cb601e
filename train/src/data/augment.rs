//! Motion seen by virtual cameras, on the device: every draw of a pose is a new
//! body, a new camera and a new detector.
//!
//! All tensors are f32. N poses of the 22 joints of [`BODY22`]; world axes
//! have y up, camera axes x right, y down, z forward.

use std::f64::consts::{PI, TAU};

use poselift::skeleton::{BODY22, COCO17, H36M17};
use tch::{Device, Kind, Tensor};

use super::detector;

/// Stature of every body that a lifter sees, metres: with no other clue to size, poses come out for it.
pub const STATURE: f64 = 1.70;
/// Stature over the summed bones of leg, trunk and head: the median over the subjects of UI-PRMD, standing upright.
const STATURE_OVER_CHAIN: f64 = 1.02;
/// The bones of that chain, by the joint at their end.
const CHAIN: [&str; 6] = ["right_knee", "right_ankle", "spine", "thorax", "neck_nose", "head"];
/// Spread of a bone's length about its own, as a standard deviation of its logarithm.
const LENGTH_SPREAD: f64 = 0.06;

/// Where virtual cameras stand: each number drawn anew for each pose.
#[derive(Debug, Clone, PartialEq)]
pub struct Cameras {
    /// Mean and deviation of the downward pitch, radians.
    pub pitch: (f64, f64),
    /// Least and greatest pitch, radians.
    pub pitch_limits: (f64, f64),
    /// Deviation of the roll, radians.
    pub roll: f64,
    /// Least and greatest distance to the root, metres; uniform in its logarithm, so near ones are more.
    pub distance: (f64, f64),
    /// Least and greatest focal length in longer image sides; uniform in its logarithm.
    pub focal: (f64, f64),
    /// How far from the middle the root may be, as a share of the image's width and height.
    pub offset: f64,
    /// Pixels of the longer image side.
    pub longer_side: f64,
}

impl Default for Cameras {
    /// Any heading, looked at from a little above, as people film people.
    fn default() -> Self {
        Self {
            pitch: (10f64.to_radians(), 15f64.to_radians()),
            pitch_limits: (-35f64.to_radians(), 60f64.to_radians()),
            roll: 8f64.to_radians(),
            distance: (2.0, 8.0),
            focal: (0.8, 2.4),
            offset: 0.25,
            longer_side: 1280.0,
        }
    }
}

/// Bodies on the device and how to look at them.
#[derive(Debug)]
pub struct Viewer {
    /// `[T, 22, 3]` root-relative, world axes.
    bodies: Tensor,
    /// `[T, 1]` 1 where bone lengths are a real person's, else 0.
    human: Tensor,
    tables: Tables,
    cameras: Cameras,
}

/// What of a draw is random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Seed of this draw.
    pub seed: u64,
    /// Detector noise: 0 none, 1 usual.
    pub noise: f64,
    /// Mirror half the poses.
    pub mirror: bool,
}

/// Index and matrix constants of the skeleton.
#[derive(Debug)]
struct Tables {
    /// `[22, 22]` joint positions to bones (each joint minus its parent).
    bones_from_joints: Tensor,
    /// `[22, 22]` and back, by summing from the root.
    joints_from_bones: Tensor,
    /// `[22]` which bones stretch together: left and right do.
    length_class: Tensor,
    length_classes: i64,
    /// `[22, 1]` bone lengths of a person of [`STATURE`].
    human_lengths: Tensor,
    chain: Tensor,
    mirrored: Tensor,
    coco: Tensor,
    h36m: Tensor,
}

impl Viewer {
    /// `positions` `[T, 22, 3]` in any place, `human` `[T]` whether bone lengths are a person's.
    pub fn new(positions: &Tensor, human: &[bool], cameras: Cameras, device: Device) -> Self {
        let positions = positions.to_device(device);
        let human: Vec<f32> = human.iter().map(|&human| f32::from(u8::from(human))).collect();
        Self {
            bodies: &positions - positions.narrow(1, 0, 1),
            human: Tensor::from_slice(&human).view([-1, 1]).to_device(device),
            tables: Tables::new(device),
            cameras,
        }
    }

    /// The number of poses T.
    pub fn len(&self) -> usize {
        self.bodies.size()[0] as usize
    }

    /// Whether there is no pose at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Key points `[B, 17, 3]` of COCO-17 in pixels and poses `[B, 17, 3]` of Human3.6M-17 in camera axes,
    /// root-relative metres, for the poses `index` `[B]`.
    pub fn look(&self, index: &Tensor, draw: Draw) -> (Tensor, Tensor) {
        tch::no_grad(|| {
            tch::manual_seed(draw.seed as i64);
            let bodies = self.reshaped(index);
            let bodies = if draw.mirror { self.mirrored(&bodies) } else { bodies };
            let (camera_from_world, root, focal) = self.place_cameras(index.size()[0]);
            let in_camera = bodies.bmm(&camera_from_world.transpose(1, 2));
            let points = (&in_camera + &root).index_select(1, &self.tables.coco);
            let depth = points.narrow(2, 2, 1).clamp_min(0.2);
            let pixels = points.narrow(2, 0, 2) / depth * focal * self.cameras.longer_side;
            let poses = in_camera.index_select(1, &self.tables.h36m);
            (detector::observe(&pixels, draw.noise), poses)
        })
    }

    /// Bodies of [`STATURE`] whose bones have their own or human lengths, a little changed, in their own directions.
    fn reshaped(&self, index: &Tensor) -> Tensor {
        let tables = &self.tables;
        let bodies = self.bodies.index_select(0, index);
        let bones = tables.bones_from_joints.matmul(&bodies);
        let lengths = bones.square().sum_dim_intlist(&[2i64][..], true, Kind::Float).sqrt();
        let human = self.human.index_select(0, index).view([-1, 1, 1]);
        let rows = index.size()[0];
        let stretch = (Tensor::randn([rows, tables.length_classes], self.options()) * LENGTH_SPREAD).exp();
        let stretch = stretch.index_select(1, &tables.length_class).unsqueeze(2);
        let wanted: Tensor = (&lengths * &human + &tables.human_lengths * (1.0f64 - human)) * stretch;
        let chain = wanted.index_select(1, &tables.chain).sum_dim_intlist(&[1i64][..], true, Kind::Float);
        let to_stature = (chain * STATURE_OVER_CHAIN).reciprocal() * STATURE;
        let scaled = bones * (wanted * to_stature / lengths.clamp_min(1e-6));
        tables.joints_from_bones.matmul(&scaled)
    }

    /// Half the bodies as seen in a mirror: x turned round, left and right exchanged.
    fn mirrored(&self, bodies: &Tensor) -> Tensor {
        let flip = Tensor::from_slice(&[-1.0f32, 1.0, 1.0]).to_device(bodies.device());
        let twin = bodies.index_select(1, &self.tables.mirrored) * flip;
        let chosen = Tensor::rand([bodies.size()[0], 1, 1], self.options()).lt(0.5);
        twin.where_self(&chosen, bodies)
    }

    /// Rotations `[B, 3, 3]`, the root's place in camera axes `[B, 1, 3]` and focal lengths `[B, 1, 1]`
    /// in longer image sides.
    fn place_cameras(&self, rows: i64) -> (Tensor, Tensor, Tensor) {
        let cameras = &self.cameras;
        let uniform = |low: f64, high: f64| Tensor::rand([rows], self.options()) * (high - low) + low;
        let normal = |mean: f64, std: f64| Tensor::randn([rows], self.options()) * std + mean;
        let heading = uniform(0.0, TAU);
        let pitch = normal(cameras.pitch.0, cameras.pitch.1).clamp(cameras.pitch_limits.0, cameras.pitch_limits.1);
        let roll = normal(0.0, cameras.roll).clamp(-PI, PI);
        let log_uniform = |range: (f64, f64)| uniform(range.0.ln(), range.1.ln()).exp();
        let (distance, focal) = (log_uniform(cameras.distance), log_uniform(cameras.focal));
        // The image's shorter side, in longer ones, and which of the two is the width.
        let shorter = uniform(9.0 / 16.0, 1.0);
        let landscape = Tensor::rand([rows], self.options()).lt(0.75);
        let width = shorter.ones_like().where_self(&landscape, &shorter);
        let height = shorter.where_self(&landscape, &shorter.ones_like());
        let x = uniform(-cameras.offset, cameras.offset) * width / &focal * &distance;
        let y = uniform(-cameras.offset, cameras.offset) * height / &focal * &distance;
        let root = Tensor::stack(&[x, y, distance], 1).unsqueeze(1);
        (camera_from_world(&heading, &pitch, &roll), root, focal.view([-1, 1, 1]))
    }

    fn options(&self) -> (Kind, Device) {
        (Kind::Float, self.bodies.device())
    }
}

/// Rotations `[B, 3, 3]` for bodies turned by `heading` about the vertical, before cameras pitched down by
/// `pitch` and rolled by `roll`, radians `[B]` each: Rz(roll)·Rx(pitch)·diag(1, −1, −1)·Ry(heading).
pub fn camera_from_world(heading: &Tensor, pitch: &Tensor, roll: &Tensor) -> Tensor {
    let (ch, sh) = (heading.cos(), heading.sin());
    let (cp, sp) = (pitch.cos(), pitch.sin());
    let (cr, sr) = (roll.cos(), roll.sin());
    let level = [ch.shallow_clone(), ch.zeros_like(), sh.shallow_clone()];
    let down = [-(&sp * &sh), -&cp, &sp * &ch];
    let forward = [&cp * &sh, -sp, -(&cp * &ch)];
    let right: Vec<_> = level.iter().zip(&down).map(|(l, d)| &cr * l - &sr * d).collect();
    let lower: Vec<_> = level.iter().zip(&down).map(|(l, d)| &sr * l + &cr * d).collect();
    let elements: Vec<_> = right.iter().chain(&lower).chain(&forward).collect();
    Tensor::stack(&elements, 1).view([-1, 3, 3])
}

impl Tables {
    fn new(device: Device) -> Self {
        let joints = BODY22.len();
        let mut bones_from_joints = vec![0f32; joints * joints];
        let mut joints_from_bones = vec![0f32; joints * joints];
        for joint in 0..joints {
            bones_from_joints[joint * joints + joint] = 1.0;
            if let Ok(parent) = usize::try_from(BODY22.parents[joint]) {
                bones_from_joints[joint * joints + parent] = -1.0;
            }
            let mut ancestor = joint as i32;
            while ancestor >= 0 {
                joints_from_bones[joint * joints + ancestor as usize] = 1.0;
                ancestor = BODY22.parents[ancestor as usize];
            }
        }
        let square = |values: &[f32]| Tensor::from_slice(values).view([joints as i64, -1]).to_device(device);
        let mirrored = BODY22.mirrored();
        let class: Vec<i64> = (0..joints).map(|joint| joint.min(mirrored[joint]) as i64).collect();
        let indices = |values: Vec<i64>| Tensor::from_slice(&values).to_device(device);
        let places = |names: &[&str]| {
            indices(names.iter().filter_map(|name| BODY22.position(name)).map(|at| at as i64).collect())
        };
        Self {
            bones_from_joints: square(&bones_from_joints),
            joints_from_bones: square(&joints_from_bones),
            length_classes: joints as i64,
            length_class: indices(class),
            human_lengths: square(&HUMAN_LENGTHS),
            chain: places(&CHAIN),
            mirrored: indices(mirrored.into_iter().map(|joint| joint as i64).collect()),
            coco: places(COCO17.joints),
            h36m: places(H36M17.joints),
        }
    }
}

/// `[22]` bone lengths of a person of 1.70 m, metres, in the order of [`BODY22`]: means over the subjects of
/// UI-PRMD (Vakanski et al. 2018), left and right alike, scaled to that stature.
#[rustfmt::skip]
const HUMAN_LENGTHS: [f32; 22] = [
    0.0, 0.092, 0.411, 0.393, 0.092, 0.411, 0.393, 0.27, 0.269, 0.152, 0.172,
    0.164, 0.277, 0.231, 0.164, 0.277, 0.231, 0.06, 0.062, 0.062, 0.091, 0.091,
];

#[cfg(test)]
mod tests {
    use poselift::camera::Attitude;

    use super::*;
    use crate::data::generator;

    /// Somebody standing, facing +z, 1.8 m tall, with the left arm out; `[22, 3]` in the order of [`BODY22`].
    #[rustfmt::skip]
    const STANDING: [[f32; 3]; 22] = [
        [0.0, 0.95, 0.0], [-0.1, 0.95, 0.0], [-0.1, 0.5, 0.02], [-0.1, 0.08, 0.0], [0.1, 0.95, 0.0], [0.1, 0.5, 0.02],
        [0.1, 0.08, 0.0], [0.0, 1.22, 0.0], [0.0, 1.5, 0.0], [0.0, 1.63, 0.08], [0.0, 1.8, 0.02], [0.18, 1.46, 0.0],
        [0.46, 1.46, 0.0], [0.7, 1.46, 0.0], [-0.18, 1.46, 0.0], [-0.2, 1.18, 0.0], [-0.2, 0.95, 0.05], [0.0, 1.65, 0.14],
        [0.03, 1.69, 0.1], [-0.03, 1.69, 0.1], [0.07, 1.67, 0.02], [-0.07, 1.67, 0.02],
    ];
    const ROWS: i64 = 2000;

    fn viewer(human: bool, cameras: Cameras) -> Viewer {
        let body = Tensor::from_slice(STANDING.as_flattened()).view([1, 22, 3]);
        Viewer::new(&body, &[human], cameras, Device::Cpu)
    }

    fn look(viewer: &Viewer, mirror: bool) -> (Tensor, Tensor) {
        let _held = generator();
        let index = Tensor::zeros([ROWS], (Kind::Int64, Device::Cpu));
        viewer.look(&index, Draw { seed: 1, noise: 0.0, mirror })
    }

    fn joint(poses: &Tensor, joint: i64, axis: i64) -> Tensor {
        poses.select(1, joint).select(1, axis)
    }

    fn share(condition: &Tensor) -> f64 {
        condition.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
    }

    #[test]
    fn rotations_are_those_of_the_camera_room() {
        for (heading, elevation, roll) in [(0.0, 0.0, 0.0), (0.7, 0.3, -0.2), (-2.5, -0.4, 0.6)] {
            let angle = |angle: f32| Tensor::from_slice(&[angle]);
            // There the camera goes round the person; here the person turns before it.
            let turned = camera_from_world(&angle(-heading), &angle(elevation), &angle(-roll));
            let found = Vec::<f32>::try_from(turned.flatten(0, -1)).unwrap();
            let expected = Attitude { heading, elevation, roll }.camera_from_world();
            let close = found.iter().zip(expected.as_flattened()).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(close, "{found:?} against {expected:?}");
        }
    }

    #[test]
    fn people_stand_upright_before_the_camera() {
        let (keypoints, poses) = look(&viewer(true, Cameras::default()), false);
        // y points down: the head (10) lies above the right ankle (3), in the pose and in the image.
        assert_eq!(share(&joint(&poses, 10, 1).lt_tensor(&joint(&poses, 3, 1))), 1.0);
        assert!(share(&joint(&keypoints, 0, 1).lt_tensor(&joint(&keypoints, 16, 1))) > 0.99);
        assert_eq!(poses.select(1, 0).abs().max().double_value(&[]), 0.0);
    }

    #[test]
    fn every_body_has_the_same_stature_and_lengths_of_its_own() {
        for human in [true, false] {
            let (_, poses) = look(&viewer(human, Cameras::default()), true);
            let bone = |a: i64, b: i64| {
                (poses.select(1, a) - poses.select(1, b))
                    .square()
                    .sum_dim_intlist(&[1i64][..], false, Kind::Double)
                    .sqrt()
            };
            // Human3.6M: right hip, knee, ankle, then hip, spine, thorax, neck, head.
            let chain = bone(1, 2) + bone(2, 3) + bone(0, 7) + bone(7, 8) + bone(8, 9) + bone(9, 10);
            let error = (chain * STATURE_OVER_CHAIN - STATURE).abs().max().double_value(&[]);
            assert!(error < 1e-4, "{error}");
            let sides = (bone(1, 2) - bone(4, 5)).abs().max().double_value(&[]);
            assert!(!human || sides < 1e-4, "left and right thighs differ by {sides}");
            assert!(bone(1, 2).std(true).double_value(&[]) > 0.01, "all thighs alike");
        }
    }

    #[test]
    fn half_the_people_are_mirrored() {
        let towards = Cameras { pitch: (0.0, 0.0), roll: 0.0, ..Cameras::default() };
        let (_, poses) = look(&viewer(true, towards.clone()), true);
        // The raised arm: the left wrist (13) in the original, the right one (16) in the mirror.
        let left_raised = share(&joint(&poses, 13, 1).lt_tensor(&joint(&poses, 16, 1)));
        assert!((0.46..0.54).contains(&left_raised), "{left_raised}");
        let (_, unmirrored) = look(&viewer(true, towards), false);
        assert_eq!(share(&joint(&unmirrored, 13, 1).lt_tensor(&joint(&unmirrored, 16, 1))), 1.0);
    }

    #[test]
    fn cameras_look_from_all_sides_and_the_same_seed_from_the_same() {
        let viewer = viewer(true, Cameras::default());
        let (keypoints, poses) = look(&viewer, false);
        // Facing the camera: the nose, which COCO has and the pose's neck comes near, before the head.
        let facing = share(&joint(&poses, 9, 2).lt_tensor(&joint(&poses, 8, 2)));
        assert!((0.3..0.8).contains(&facing), "{facing}");
        let (again, _) = look(&viewer, false);
        assert_eq!(again, keypoints);
    }
}
