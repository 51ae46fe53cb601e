//! Bodies that nobody was: bone lengths drawn anew, seen in a mirror, legs of one pose under the trunk of another.
//!
//! World axes have y up. The 22 joints of [`BODY22`] make a tree, so positions become bones and bones positions again
//! by one product with a constant matrix each.

use poselift::skeleton::{BODY22, COCO17, H36M17};
use tch::{Device, Kind, Tensor};

/// Stature of every body that a lifter sees, metres: with no other clue to size, poses come out for it.
pub const STATURE: f64 = 1.70;
/// Stature over the summed bones of leg, trunk and head: the median over the subjects of UI-PRMD, standing upright.
pub(super) const STATURE_OVER_CHAIN: f64 = 1.02;
/// The bones of that chain, by the joint at their end.
const CHAIN: [&str; 6] = ["right_knee", "right_ankle", "spine", "thorax", "neck_nose", "head"];
/// Spread of a bone's length about its own, as a standard deviation of its logarithm.
const LENGTH_SPREAD: f64 = 0.06;
/// Share of the bodies whose legs come from another pose.
const RECOMBINED: f64 = 0.15;
/// The joints that go with the legs.
const LEGS: [&str; 6] = ["right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"];

/// Poses on the device, and how new bodies are made of them.
#[derive(Debug)]
pub(super) struct Bodies {
    /// `[T, 22, 3]` root-relative, world axes.
    positions: Tensor,
    /// `[T, 1]` 1 where bone lengths are a real person's, else 0.
    human: Tensor,
    pub(super) tables: Tables,
}

impl Bodies {
    pub(super) fn new(positions: &Tensor, human: &[bool], device: Device) -> Self {
        let positions = positions.to_device(device);
        let human: Vec<f32> = human.iter().map(|&human| f32::from(u8::from(human))).collect();
        Self {
            positions: &positions - positions.narrow(1, 0, 1),
            human: Tensor::from_slice(&human).view([-1, 1]).to_device(device),
            tables: Tables::new(device),
        }
    }

    /// The number of poses T.
    pub(super) fn len(&self) -> usize {
        self.positions.size()[0] as usize
    }

    pub(super) fn options(&self) -> (Kind, Device) {
        (Kind::Float, self.positions.device())
    }

    /// Bodies `[B, 22, 3]` of [`STATURE`] for the poses `index` `[B]`: bones have their own or human lengths, changed a
    /// little, `reshape` times as far as usual. With `mix`, some have the legs of another pose of the batch and half are seen in a mirror.
    pub(super) fn draw(&self, index: &Tensor, mix: bool, reshape: f64) -> Tensor {
        let tables = &self.tables;
        let bones = tables.bones_from_joints.matmul(&self.positions.index_select(0, index));
        let human = self.human.index_select(0, index).view([-1, 1, 1]);
        let lengths = lengths(&bones);
        let wanted: Tensor = &lengths * &human + &tables.human_lengths * (1.0f64 - human);
        let wanted = self.stretched(&wanted, reshape);
        let directions = bones / lengths.clamp_min(1e-6);
        let directions = if mix { self.recombined(&directions) } else { directions };
        let bodies = tables.joints_from_bones.matmul(&(directions * wanted));
        if mix { self.mirrored(&bodies) } else { bodies }
    }

    /// Bone lengths `[B, 22, 1]`, each changed (left and right alike) and all scaled to [`STATURE`].
    fn stretched(&self, lengths: &Tensor, reshape: f64) -> Tensor {
        let tables = &self.tables;
        let rows = lengths.size()[0];
        let stretch = (Tensor::randn([rows, tables.length_classes], self.options()) * (LENGTH_SPREAD * reshape)).exp();
        let lengths = lengths * stretch.index_select(1, &tables.length_class).unsqueeze(2);
        let chain = lengths.index_select(1, &tables.chain).sum_dim_intlist(&[1i64][..], true, Kind::Float);
        lengths * ((chain * STATURE_OVER_CHAIN).reciprocal() * STATURE)
    }

    /// Bone directions, some bodies with the legs of the next one in the batch, turned about the vertical so that
    /// both hips point the same way.
    fn recombined(&self, directions: &Tensor) -> Tensor {
        let tables = &self.tables;
        let rows = directions.size()[0];
        let donors = directions.roll([1], [0]);
        let across = |bones: &Tensor| bones.select(1, tables.hips[0]) - bones.select(1, tables.hips[1]);
        let heading = |bones: &Tensor| {
            let across = across(bones);
            across.select(1, 2).atan2(&across.select(1, 0))
        };
        // About y by the angle from the donor's hips to the receiver's: x' = x cos − z sin, z' = x sin + z cos.
        let angle = (heading(directions) - heading(&donors)).view([-1, 1]);
        let (cos, sin) = (angle.cos(), angle.sin());
        let (x, y, z) = (donors.select(2, 0), donors.select(2, 1), donors.select(2, 2));
        let turned = Tensor::stack(&[&x * &cos - &z * &sin, y, &x * &sin + &z * &cos], 2);
        // Hips that are far from level would tear the trunk off its legs: those keep their own.
        let level = |bones: &Tensor| {
            let across = across(bones);
            let length = across.square().sum_dim_intlist(&[1i64][..], false, Kind::Float).sqrt();
            across.select(1, 1).abs().lt_tensor(&(length * 0.35))
        };
        let both_level = level(directions).logical_and(&level(&donors)).view([-1, 1, 1]);
        let chosen = Tensor::rand([rows, 1, 1], self.options()).lt(RECOMBINED).logical_and(&both_level);
        turned.where_self(&chosen.logical_and(&tables.legs), directions)
    }

    /// Half the bodies as seen in a mirror: x turned round, left and right exchanged.
    fn mirrored(&self, bodies: &Tensor) -> Tensor {
        let flip = Tensor::from_slice(&[-1.0f32, 1.0, 1.0]).to_device(bodies.device());
        let twin = bodies.index_select(1, &self.tables.mirrored) * flip;
        let chosen = Tensor::rand([bodies.size()[0], 1, 1], self.options()).lt(0.5);
        twin.where_self(&chosen, bodies)
    }
}

/// `[B, 22, 1]` of bones `[B, 22, 3]`.
fn lengths(bones: &Tensor) -> Tensor {
    bones.square().sum_dim_intlist(&[2i64][..], true, Kind::Float).sqrt()
}

/// Index and matrix constants of the skeleton.
#[derive(Debug)]
pub(super) struct Tables {
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
    /// `[1, 22, 1]` whether a bone belongs to the legs.
    legs: Tensor,
    hips: [i64; 2],
    mirrored: Tensor,
    pub(super) coco: Tensor,
    pub(super) h36m: Tensor,
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
        let legs: Vec<bool> = BODY22.joints.iter().map(|name| LEGS.contains(name)).collect();
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
            legs: Tensor::from_slice(&legs).view([1, -1, 1]).to_device(device),
            hips: ["left_hip", "right_hip"].map(|name| BODY22.position(name).map_or(0, |at| at as i64)),
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
