//! New bodies for recorded poses: bone lengths drawn anew, poses varied (`variety`), half of them mirrored.
//!
//! World axes have y up. The joints of [`BODY28`] form a tree, so positions become bones, and bones become
//! positions again, by one product with a constant matrix each.

use poselift::place::MODEL_STATURE;
use poselift::skeleton::{BODY28, is_of_foot};
use tch::{Device, Kind, Tensor};

use super::parts::{ARM, LEG, endings};
use super::variety::Variety;
use super::{WITHOUT_FEET, each_frame, indices, lengths, places};

/// Stature over the summed bones of leg, trunk and head: the median over the subjects of UI-PRMD, standing upright.
pub(super) const STATURE_OVER_CHAIN: f64 = 1.02;
/// The bones of that chain, by the joint at their end.
const CHAIN: [&str; 6] = ["right_knee", "right_ankle", "spine", "thorax", "neck_nose", "head"];
/// The bones of both legs: a body with longer ones takes longer steps.
const LEGS: [&str; 4] = ["left_knee", "left_ankle", "right_knee", "right_ankle"];
/// Spread of a bone's length about its mean, as a standard deviation of its logarithm; and that of the widths of hips
/// and shoulders, which differ most between people, sexes and definitions of a hip.
const LENGTH_SPREAD: f64 = 0.06;
const WIDTH_SPREAD: f64 = 0.10;
const WIDTHS: [&str; 4] = endings(["left_hip", "right_hip", "left_shoulder", "right_shoulder"]);
/// Share of the bodies that have a child's proportions, from those of an adult to those at five years of age, when
/// the head is a sixth of the stature instead of 1/7.5 and the legs 0.445 of it instead of 0.48.
const CHILDREN: f64 = 0.15;
/// Factor of each part's bone lengths at five years of age; the whole is scaled to [`MODEL_STATURE`] afterwards.
const AT_FIVE: [(&[&str], f32); 3] =
    [(&endings(["neck_nose", "head", "nose", "eye", "ear"]), 1.27), (LEG, 0.93), (ARM, 0.96)];

/// Poses on the device, and how new bodies are made from them.
#[derive(Debug)]
pub(super) struct Bodies {
    /// `[T, 28, 3]` root-relative, world axes.
    positions: Tensor,
    /// `[T, 1, 3]` the root's place, world axes.
    roots: Tensor,
    /// `[T, 1]` 1 where bone lengths are a real person's, else 0.
    human: Tensor,
    variety: Variety,
    tables: Tables,
}

impl Bodies {
    pub(super) fn new(positions: &Tensor, human: &[bool], device: Device) -> Self {
        let positions = positions.to_device(device);
        let human: Vec<f32> = human.iter().map(|&human| f32::from(u8::from(human))).collect();
        Self {
            positions: &positions - positions.narrow(1, 0, 1),
            roots: positions.narrow(1, 0, 1),
            human: Tensor::from_slice(&human).view([-1, 1]).to_device(device),
            variety: Variety::new(device),
            tables: Tables::new(device),
        }
    }

    /// The number of poses T.
    pub(super) fn len(&self) -> usize {
        self.positions.size()[0] as usize
    }

    /// `[T, 28, 3]` root-relative, world axes.
    pub(super) fn positions(&self) -> &Tensor {
        &self.positions
    }

    pub(super) fn options(&self) -> (Kind, Device) {
        (Kind::Float, self.positions.device())
    }

    /// Bodies `[B, 28, 3]` of [`MODEL_STATURE`] for the poses `index` `[B]`. Bones have their own or human lengths, varied
    /// by `reshape` times the usual spread. With `mix`, poses are varied and half the bodies are mirrored.
    pub(super) fn draw(&self, index: &Tensor, mix: bool, reshape: f64) -> Tensor {
        let tables = &self.tables;
        let bones = tables.bones_from_joints.matmul(&self.positions.index_select(0, index));
        let human = self.human.index_select(0, index).view([-1, 1, 1]);
        let lengths = lengths(&bones);
        let wanted: Tensor = &lengths * &human + &tables.human_lengths * (1.0f64 - human);
        let wanted = if mix { self.some_as_children(&wanted) } else { wanted };
        let wanted = self.stretched(&wanted, reshape);
        let directions = bones / lengths.clamp_min(1e-6);
        let directions = if mix { self.variety.of(&directions) } else { directions };
        let bodies = tables.joints_from_bones.matmul(&(directions * wanted));
        if mix { self.mirrored(&bodies) } else { bodies }
    }

    /// Bodies that move through the windows of frames `index` `[B, T]`: one body of [`MODEL_STATURE`] a window, its bones of constant
    /// lengths, half of them mirrored. Bones are as long as joint centres are apart in adults ([`JOINT_CENTRE_LENGTHS`]), varied by `reshape`
    /// times the usual spread.
    pub(super) fn draw_moving(&self, index: &Tensor, reshape: f64) -> Moving {
        let tables = &self.tables;
        let frames = index.flatten(0, 1);
        let steps = index.size()[1];
        let bones = tables.bones_from_joints.matmul(&self.positions.index_select(0, &frames));
        let each = lengths(&bones);
        let own = each.view([-1, steps, BODY28.len() as i64, 1]).mean_dim(&[1i64][..], false, Kind::Float);
        let wanted = tables.joint_centre_lengths.unsqueeze(0).expand_as(&own);
        let wanted = self.stretched(&self.some_as_children(&wanted), reshape);
        let directions = bones / each.clamp_min(1e-6);
        let bodies = tables.joints_from_bones.matmul(&(directions * each_frame(&wanted, steps)));
        let scale = tables.length_of_legs(&wanted) / tables.length_of_legs(&own).clamp_min(1e-3);
        let roots = self.roots.index_select(0, &frames).view([-1, steps, 3]);
        let path = (&roots - roots.mean_dim(&[1i64][..], true, Kind::Float)) * scale;
        let chosen = Tensor::rand([index.size()[0], 1, 1], self.options()).lt(0.5);
        let twins = self.in_mirror(&bodies);
        Moving {
            bodies: twins.where_self(&each_frame(&chosen, steps), &bodies),
            path: reflected(&path).where_self(&chosen, &path),
        }
    }

    /// Bone lengths `[B, 28, 1]`, each varied (left and right alike) and all scaled to [`MODEL_STATURE`].
    fn stretched(&self, lengths: &Tensor, reshape: f64) -> Tensor {
        let tables = &self.tables;
        let rows = lengths.size()[0];
        let stretch = Tensor::randn([rows, tables.length_classes], self.options()) * reshape;
        let stretch = stretch.index_select(1, &tables.length_class).unsqueeze(2) * &tables.length_spread;
        let lengths = lengths * stretch.exp();
        let chain = lengths.index_select(1, &tables.chain).sum_dim_intlist(&[1i64][..], true, Kind::Float);
        lengths * ((chain * STATURE_OVER_CHAIN).reciprocal() * MODEL_STATURE)
    }

    /// Bone lengths `[B, 28, 1]`, some with a child's proportions.
    fn some_as_children(&self, lengths: &Tensor) -> Tensor {
        let size = [lengths.size()[0], 1, 1];
        let youth = Tensor::rand(size, self.options());
        let children = Tensor::rand(size, self.options()).lt(CHILDREN);
        let youth = youth * children.to_kind(Kind::Float);
        lengths * (&self.tables.log_at_five * youth).exp()
    }

    /// Half the bodies mirrored.
    fn mirrored(&self, bodies: &Tensor) -> Tensor {
        let chosen = Tensor::rand([bodies.size()[0], 1, 1], self.options()).lt(0.5);
        self.in_mirror(bodies).where_self(&chosen, bodies)
    }

    /// All `bodies` mirrored: x negated, left and right exchanged.
    fn in_mirror(&self, bodies: &Tensor) -> Tensor {
        reflected(&bodies.index_select(1, &self.tables.mirrored))
    }
}

/// `points` `[…, 3]` with x negated.
fn reflected(points: &Tensor) -> Tensor {
    points * Tensor::from_slice(&[-1.0f32, 1.0, 1.0]).to_device(points.device())
}

/// Bodies in motion.
#[derive(Debug)]
pub(super) struct Moving {
    /// `[B·T, 28, 3]` root-relative, world axes, metres.
    pub(super) bodies: Tensor,
    /// `[B, T, 3]` the root's path about its mean, world axes, metres.
    pub(super) path: Tensor,
}

/// Index and matrix constants of the skeleton.
#[derive(Debug)]
struct Tables {
    /// `[28, 28]` joint positions to bones (each joint minus its parent).
    bones_from_joints: Tensor,
    /// `[28, 28]` bones to joint positions, by summing from the root.
    joints_from_bones: Tensor,
    /// `[28]` group index of bones that are scaled together: left and right are.
    length_class: Tensor,
    length_classes: i64,
    /// `[28, 1]` the spread of each.
    length_spread: Tensor,
    /// `[28, 1]` logarithms of [`AT_FIVE`].
    log_at_five: Tensor,
    /// `[28, 1]` bone lengths of a person of [`MODEL_STATURE`].
    human_lengths: Tensor,
    /// `[28, 1]` [`JOINT_CENTRE_LENGTHS`].
    joint_centre_lengths: Tensor,
    chain: Tensor,
    /// The bones of both legs, by the joint at their end.
    legs: Tensor,
    mirrored: Tensor,
}

impl Tables {
    fn new(device: Device) -> Self {
        let mirrored = BODY28.mirrored();
        let classes: Vec<i64> = (0..BODY28.len()).map(|joint| length_class(joint, &mirrored)).collect();
        let spreads: Vec<f32> = BODY28.joints.iter().map(|joint| length_spread(joint)).collect();
        let logarithms: Vec<f32> = BODY28.joints.iter().map(|joint| log_at_five(joint)).collect();
        let mirrored: Vec<i64> = mirrored.into_iter().map(|joint| joint as i64).collect();
        Self {
            bones_from_joints: rows(&bones_from_joints(), device),
            joints_from_bones: rows(&joints_from_bones(), device),
            length_classes: WITHOUT_FEET,
            length_class: indices(&classes, device),
            length_spread: rows(&spreads, device),
            log_at_five: rows(&logarithms, device),
            human_lengths: rows(&HUMAN_LENGTHS, device),
            joint_centre_lengths: rows(&JOINT_CENTRE_LENGTHS, device),
            chain: places(CHAIN, device),
            legs: places(LEGS, device),
            mirrored: indices(&mirrored, device),
        }
    }

    /// `[B, 1, 1]` the sum of both legs' `lengths` `[B, 28, 1]`.
    fn length_of_legs(&self, lengths: &Tensor) -> Tensor {
        lengths.index_select(1, &self.legs).sum_dim_intlist(&[1i64][..], true, Kind::Float)
    }
}

/// `values` on `device`, a row for each of the 28 joints.
fn rows(values: &[f32], device: Device) -> Tensor {
    Tensor::from_slice(values).view([BODY28.len() as i64, -1]).to_device(device)
}

/// See [`Tables::bones_from_joints`].
fn bones_from_joints() -> Vec<f32> {
    let joints = BODY28.len();
    let mut matrix = vec![0f32; joints * joints];
    for joint in 0..joints {
        matrix[joint * joints + joint] = 1.0;
        if let Ok(parent) = usize::try_from(BODY28.parents[joint]) {
            matrix[joint * joints + parent] = -1.0;
        }
    }
    matrix
}

/// See [`Tables::joints_from_bones`].
fn joints_from_bones() -> Vec<f32> {
    let joints = BODY28.len();
    let mut matrix = vec![0f32; joints * joints];
    for joint in 0..joints {
        let mut ancestor = joint as i32;
        while ancestor >= 0 {
            matrix[joint * joints + ancestor as usize] = 1.0;
            ancestor = BODY28.parents[ancestor as usize];
        }
    }
    matrix
}

/// See [`Tables::length_class`]; `mirrored` is each joint's twin.
fn length_class(joint: usize, mirrored: &[usize]) -> i64 {
    // A foot is as long as its shank makes it: their lengths vary together.
    let bone = if is_of_foot(BODY28.joints[joint]) { BODY28.parents[joint] as usize } else { joint };
    bone.min(mirrored[bone]) as i64
}

/// See [`Tables::length_spread`].
fn length_spread(joint: &str) -> f32 {
    (if WIDTHS.contains(&joint) { WIDTH_SPREAD } else { LENGTH_SPREAD }) as f32
}

/// See [`Tables::log_at_five`].
fn log_at_five(joint: &str) -> f32 {
    let part = AT_FIVE.iter().find(|(ends, _)| ends.iter().any(|end| joint.ends_with(end)));
    part.map_or(0.0, |(_, factor)| factor.ln())
}

/// `[28]` bone lengths of a person of [`MODEL_STATURE`], metres, in the order of [`BODY28`]: means over the subjects of
/// UI-PRMD (Vakanski et al. 2018), left and right alike, scaled to that stature; feet as `data::body::feet` makes them.
#[rustfmt::skip]
const HUMAN_LENGTHS: [f32; 28] = [
    0.0, 0.092, 0.411, 0.393, 0.092, 0.411, 0.393, 0.27, 0.269, 0.152, 0.172,
    0.164, 0.277, 0.231, 0.164, 0.277, 0.231, 0.06, 0.062, 0.062, 0.091, 0.091,
    0.203, 0.153, 0.071, 0.203, 0.153, 0.071,
];

/// `[28]` distances of joint centres in adults of [`MODEL_STATURE`], metres, in the order of [`BODY28`]: between the means of UI-PRMD's people and
/// those of the skeletons that CMU fitted to markers, which agree with de Leva 1996 in the limbs. UI-PRMD's wrists and ankles lie above
/// the joints: by its lengths ([`HUMAN_LENGTHS`]) a forearm is a tenth shorter, and a lifter takes elbows and knees for straighter
/// than they are (docs/lab.md).
#[rustfmt::skip]
const JOINT_CENTRE_LENGTHS: [f32; 28] = [
    0.0, 0.095, 0.401, 0.411, 0.095, 0.401, 0.411, 0.268, 0.268, 0.150, 0.172,
    0.175, 0.287, 0.253, 0.175, 0.287, 0.253, 0.06, 0.062, 0.062, 0.091, 0.091,
    0.203, 0.153, 0.071, 0.203, 0.153, 0.071,
];
