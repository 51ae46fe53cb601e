//! Detection errors of a layout's joints: the constants of [`super`] are looked up by the joints' names, so that any
//! layout of a body can be the input.

use poselift::skeleton::{Layout, is_of_foot};
use tch::{Device, Tensor};

use super::{Bounds, Sampler};
use crate::views::parts::{ANKLE_AND_FOOT, ARM, HIP_AND_LEG, LEG, endings, ends_a_joint, part_of_body, parts};
use crate::views::{each_frame, indices};

/// One kind of joint: its numbers are shares of the person's size, except for the last, which is in metres.
struct Kind {
    /// The end of the joint's name.
    name: &'static str,
    /// Standard deviation of its error along each axis for a usual detector: largest for face and hands, smallest for
    /// legs.
    noise: f32,
    /// How often it is lost.
    lost: f32,
    /// Standard deviation, along each axis, of the key point's place on the body about the joint's centre: detectors
    /// and motion-capture marker sets differ in what "hip" or "ear" means.
    placement: f32,
}

const fn kind(name: &'static str, noise: f32, lost: f32, placement: f32) -> Kind {
    assert!(ends_a_joint(name), "a word that ends no joint's name");
    Kind { name, noise, lost, placement }
}

/// In the order in which the names are tried.
const KINDS: [Kind; 15] = [
    kind("neck_nose", 0.018, 0.003, 0.010),
    kind("nose", 0.018, 0.003, 0.006),
    kind("eye", 0.018, 0.003, 0.006),
    kind("ear", 0.020, 0.003, 0.008),
    kind("head", 0.020, 0.003, 0.012),
    kind("thorax", 0.014, 0.003, 0.012),
    kind("spine", 0.020, 0.003, 0.020),
    kind("shoulder", 0.018, 0.003, 0.010),
    kind("elbow", 0.027, 0.035, 0.010),
    kind("wrist", 0.030, 0.035, 0.008),
    kind("hip", 0.020, 0.003, 0.016),
    kind("knee", 0.012, 0.003, 0.008),
    kind("ankle", 0.013, 0.003, 0.008),
    kind("toe", 0.030, 0.020, 0.020),
    kind("heel", 0.018, 0.010, 0.014),
];
/// Parts of the face's error: one shift of the whole face, and each point's own.
const FACE: (f32, f32) = (0.93, 0.37);
/// The joints that share this shift.
const FACES: [&str; 5] = endings(["nose", "left_eye", "right_eye", "left_ear", "right_ear"]);
/// Parts of the error of elbows, wrists, knees and ankles: their own, and the share that they take over from the
/// joint before.
const CHAIN: (f32, f32) = (0.85, 0.5);
/// The chains: each joint after the one whose error it takes over.
const CHAINS: [&[&str]; 5] = [
    &endings(["shoulder", "elbow", "wrist"]),
    &endings(["hip", "knee", "ankle"]),
    &endings(["ankle", "big_toe"]),
    &endings(["ankle", "small_toe"]),
    &endings(["ankle", "heel"]),
];
/// The parts of the face that have a left and a right one.
const SIDES_OF_FACE: &[&str] = &parts(["eye", "ear"]);
/// Limbs that the person's body hides, and the share of the poses in which each one of a side is hidden.
const OCCLUDED: [(&[&str], f64); 2] = [(ARM, 0.1), (LEG, 0.05)];
/// Parts of one side that are left out together, and the share of the poses in which each one of a side is.
const HIDDEN_ON_A_SIDE: [(&[&str], f64); 3] = [(ARM, 0.03), (LEG, 0.03), (SIDES_OF_FACE, 0.03)];
/// Parts of both sides that are left out together: everything below the knees, the legs as of people at desks, the
/// legs and hips, the head.
const HIDDEN: [(&[&str], f64); 4] =
    [(ANKLE_AND_FOOT, 0.03), (LEG, 0.06), (HIP_AND_LEG, 0.10), (&parts(["nose", "eye", "ear", "head"]), 0.02)];
/// Joints of both sides that detectors exchange together, and the share of the poses in which each group is
/// exchanged: an arm, a leg, the single joints at their ends, and the whole body.
const EXCHANGED: [(&[&str], f64); 5] = [
    (ARM, 0.006),
    (HIP_AND_LEG, 0.006),
    (&parts(["wrist"]), 0.006),
    (ANKLE_AND_FOOT, 0.006),
    (&parts(["eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe", "heel"]), 0.003),
];
/// Shares of the detectors that have no points of feet, as for COCO-17, and that have heels and one toe, as MediaPipe.
const LACK_FEET: f64 = 0.4;
const ONE_TOE: f64 = 0.25;
/// Where one toe stands for all of them: from the big one, 0, to the small one, 1. MediaPipe's `foot_index` is the second toe.
const TOE_ASIDE: Bounds = Bounds::new(0.0, 0.6);
const SIDES: [&str; 2] = ["left_", "right_"];

/// Joints that something happens to at once.
#[derive(Debug)]
pub(in crate::views) struct Group {
    /// `[1, J, 1]` whether a joint is one of them.
    pub mask: Tensor,
    /// Share of the poses in which it happens.
    pub share: f64,
}

/// Joints of both sides that are exchanged at once.
#[derive(Debug)]
pub(in crate::views) struct Exchange {
    /// `[J]` the joint that each one's key point is taken from.
    pub order: Tensor,
    /// Share of the poses in which it happens.
    pub share: f64,
}

/// The constants of J joints on a device.
#[derive(Debug)]
pub(in crate::views) struct Joints {
    /// J.
    pub count: i64,
    /// The number of joints in front of the feet, which come last.
    pub before_feet: i64,
    /// `[1, J, 1]` shares of the person's size.
    pub noise: Tensor,
    /// `[1, J, 1]` shares of the poses.
    pub lost: Tensor,
    /// `[1, J, 1]` metres.
    pub placement: Tensor,
    /// `[J, J + 1]` mixes J independent errors and the face's common one into the joints' errors.
    pub mixing: Tensor,
    /// Limbs that bodies hide.
    pub occluded: Vec<Group>,
    /// Parts that are left out together.
    pub hidden: Vec<Group>,
    /// Points of feet that some detectors lack; layouts that have none have no such detectors.
    pub feet: Option<Feet>,
    /// Joints of both sides that are exchanged.
    pub exchanged: Vec<Exchange>,
    /// Left and right hip, left and right shoulder.
    pub trunk: [[i64; 2]; 2],
}

impl Joints {
    /// For the joints of `layout`.
    ///
    /// # Panics
    /// The layout has no hips or no shoulders, has feet without toes, or a joint that no detector's errors are known for.
    pub(in crate::views) fn new(layout: &Layout, device: Device) -> Self {
        let kinds: Vec<&Kind> = layout.joints.iter().map(|joint| kind_of(joint)).collect();
        let mut hidden = masks_of_sides(layout, &HIDDEN_ON_A_SIDE, device);
        for (ends, share) in HIDDEN {
            let mask = mask(layout, device, &|joint| ends.contains(&part_of_body(joint)));
            hidden.push(Group { mask, share });
        }
        let mut exchanged = Vec::new();
        for (ends, share) in EXCHANGED {
            exchanged.push(Exchange { order: exchanged_order(layout, ends, device), share });
        }
        Self {
            count: layout.len() as i64,
            before_feet: layout.joints.iter().filter(|joint| !is_of_foot(joint)).count() as i64,
            noise: of_each(&kinds, |kind| kind.noise, device),
            lost: of_each(&kinds, |kind| kind.lost, device),
            placement: of_each(&kinds, |kind| kind.placement, device),
            mixing: Tensor::from_slice(&mixing(layout, &kinds)).view([layout.len() as i64, -1]).to_device(device),
            occluded: masks_of_sides(layout, &OCCLUDED, device),
            hidden,
            feet: layout.joints.iter().any(|joint| is_of_foot(joint)).then(|| Feet::new(layout, device)),
            exchanged,
            trunk: ["hip", "shoulder"].map(|joint| SIDES.map(|side| layout.joint(&format!("{side}{joint}")) as i64)),
        }
    }

    /// Key points `[B, J, 2]` with each of [`Self::exchanged`] done, one after the other, where it is `chosen` `[B, 1, 1]` and the
    /// detector errs: `errs` `[B, 1, 1]` is 1 there, else 0.
    pub(super) fn with_sides_exchanged(
        &self,
        points: &Tensor,
        chosen: impl Iterator<Item = Tensor>,
        errs: &Tensor,
    ) -> Tensor {
        let mut points = points.shallow_clone();
        for (Exchange { order, .. }, chosen) in self.exchanged.iter().zip(chosen) {
            let chosen = chosen.logical_and(&errs.gt(0.5));
            points = points.index_select(1, order).where_self(&chosen, &points);
        }
        points
    }
}

/// `[1, J, 1]` the `value` of each joint's kind.
fn of_each(kinds: &[&Kind], value: fn(&Kind) -> f32, device: Device) -> Tensor {
    let values: Vec<f32> = kinds.iter().map(|kind| value(kind)).collect();
    Tensor::from_slice(&values).view([1, -1, 1]).to_device(device)
}

/// For each of `parts`, the ends of its joints' names and a share: the masks of the left and of the right one with it.
fn masks_of_sides(layout: &Layout, parts: &[(&[&str], f64)], device: Device) -> Vec<Group> {
    let mut masks = Vec::new();
    for &(ends, share) in parts {
        for side in SIDES {
            let mask = mask(layout, device, &|joint| joint.starts_with(side) && ends.contains(&part_of_body(joint)));
            masks.push(Group { mask, share });
        }
    }
    masks
}

/// `[J]` the joints of `layout`, left and right exchanged of those whose names end with one of `ends`.
fn exchanged_order(layout: &Layout, ends: &[&str], device: Device) -> Tensor {
    let mut order = Vec::new();
    for (joint, mirrored) in layout.mirrored().into_iter().enumerate() {
        let taken = if ends.contains(&part_of_body(layout.joints[joint])) { mirrored } else { joint };
        order.push(taken as i64);
    }
    indices(&order, device)
}

/// The points of feet among J joints.
#[derive(Debug)]
pub(in crate::views) struct Feet {
    /// `[1, J, 1]` masks of all of them, and of the small toes.
    all: Tensor,
    small_toes: Tensor,
    /// `[J, J]` takes joints to the way from each big toe to the small toe beside it, and to zeros elsewhere.
    across: Tensor,
}

impl Feet {
    fn new(layout: &Layout, device: Device) -> Self {
        let count = layout.len();
        let mut across = vec![0.0f32; count * count];
        for side in SIDES {
            let [big, small] = ["big_toe", "small_toe"].map(|toe| layout.joint(&format!("{side}{toe}")));
            across[big * count + big] = -1.0;
            across[big * count + small] = 1.0;
        }
        Self {
            all: mask(layout, device, &is_of_foot),
            small_toes: mask(layout, device, &|joint| joint.ends_with("small_toe")),
            across: Tensor::from_slice(&across).view([count as i64, -1]).to_device(device),
        }
    }

    /// Detectors of B people, or windows, that lack some of them: none does at a `level` of 0, 1 is usual. One toe is beside the
    /// big one for those that make errors: `errs` `[B, 1, 1]` is 1 for them, else 0.
    pub(super) fn lacking(&self, draw: &Sampler, level: f64, errs: &Tensor) -> FeetLacking {
        let one_toe = draw.some(ONE_TOE * level);
        let small_toes = one_toe.logical_and(&self.small_toes);
        let missing = draw.some(LACK_FEET * level).logical_and(&self.all).logical_or(&small_toes);
        let aside = one_toe.to_kind(tch::Kind::Float) * draw.uniform(&[1, 1], TOE_ASIDE) * errs;
        FeetLacking { missing, aside, across: self.across.shallow_clone() }
    }
}

/// Points of feet that the detectors of B people, or windows, do not give.
#[derive(Debug)]
pub(in crate::views) struct FeetLacking {
    /// `[B, J, 1]` whether the detector has no such point.
    pub missing: Tensor,
    /// `[B, 1, 1]` how far beside the big toe its one toe is, 1 at the small one.
    aside: Tensor,
    across: Tensor,
}

impl FeetLacking {
    /// The same for each of the `steps` frames of B windows.
    pub(super) fn of_each(self, steps: i64) -> Self {
        let Self { missing, aside, across } = self;
        Self { missing: each_frame(&missing, steps), aside: each_frame(&aside, steps), across }
    }

    /// Joints `[B, J, 3]`, with toes where the detectors see them.
    pub(super) fn misplaced(&self, points: &Tensor) -> Tensor {
        points + self.across.matmul(points) * &self.aside
    }
}

/// `[1, J, 1]` the joints of `layout` whose names are such.
fn mask(layout: &Layout, device: Device, is_such: &dyn Fn(&str) -> bool) -> Tensor {
    let mask: Vec<bool> = layout.joints.iter().map(|joint| is_such(joint)).collect();
    Tensor::from_slice(&mask).view([1, -1, 1]).to_device(device)
}

/// The kind of the joint called `name`.
///
/// # Panics
/// There is none.
fn kind_of(name: &str) -> &'static Kind {
    let kind = KINDS.iter().find(|kind| name.ends_with(kind.name));
    kind.unwrap_or_else(|| panic!("no detector errors for joint '{name}'"))
}

/// `[J · (J + 1)]`, row by row; see [`Joints::mixing`].
fn mixing(layout: &Layout, kinds: &[&Kind]) -> Vec<f32> {
    let count = layout.len();
    let mut rows = vec![vec![0.0; count + 1]; count];
    for (joint, row) in rows.iter_mut().enumerate() {
        let is_face = FACES.contains(&layout.joints[joint]);
        row[joint] = kinds[joint].noise * if is_face { FACE.1 } else { 1.0 };
        row[count] = if is_face { kinds[joint].noise * FACE.0 } else { 0.0 };
    }
    for (side, chain) in SIDES.iter().flat_map(|side| CHAINS.map(|chain| (side, chain))) {
        let places: Vec<usize> = chain.iter().filter_map(|joint| layout.position(&format!("{side}{joint}"))).collect();
        for pair in places.windows(2) {
            let before = rows[pair[0]].clone();
            for (own, before) in rows[pair[1]].iter_mut().zip(before) {
                *own = CHAIN.0 * *own + CHAIN.1 * before;
            }
        }
    }
    rows.concat()
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::{BODY28, COCO17, COCO23, H36M17, H36M23};

    use super::*;

    #[test]
    fn every_joint_of_all_layouts_is_of_a_kind() {
        for layout in [&COCO17, &COCO23, &H36M17, &H36M23, &BODY28] {
            assert_eq!(Joints::new(layout, Device::Cpu).count, layout.len() as i64);
        }
        assert_eq!(kind_of("neck_nose").placement, 0.010);
        assert_eq!(kind_of("left_small_toe").name, "toe");
    }

    #[test]
    #[should_panic(expected = "no detector errors for joint 'tail'")]
    fn a_joint_of_no_kind_is_refused() {
        kind_of("tail");
    }

    #[test]
    fn errors_are_handed_on_along_limbs_and_shared_by_the_face() {
        let joints = Joints::new(&COCO17, Device::Cpu);
        let rows: Vec<f32> = Vec::try_from(joints.mixing.flatten(0, -1)).unwrap_or_default();
        let row = |joint: usize| &rows[joint * 18..(joint + 1) * 18];
        let deviation = |joint: usize| row(joint).iter().map(|share| share * share).sum::<f32>().sqrt();
        // Nose: nearly all of the error is common. Wrist (9): its own, the elbow's (7) and the shoulder's (5).
        assert!((deviation(0) - 0.018).abs() < 2e-4 && row(0)[17] > 0.9 * 0.018);
        assert!((row(9)[9] - 0.85 * 0.030).abs() < 1e-6 && (row(9)[7] - 0.5 * 0.85 * 0.027).abs() < 1e-6);
        assert!((row(9)[5] - 0.25 * 0.018).abs() < 1e-6 && row(9)[17] == 0.0);
    }

    #[test]
    fn sides_are_exchanged_by_name() {
        let joints = Joints::new(&H36M17, Device::Cpu);
        let orders: Vec<Vec<i64>> =
            joints.exchanged.iter().map(|exchange| Vec::try_from(&exchange.order).unwrap_or_default()).collect();
        assert_eq!(orders[0][11..], [11, 15, 16, 14, 12, 13]);
        let all: Vec<i64> = H36M17.mirrored().into_iter().map(|joint| joint as i64).collect();
        assert_eq!(orders[4], all);
        assert_eq!(joints.trunk, [[4, 1], [11, 14]]);
    }
}
