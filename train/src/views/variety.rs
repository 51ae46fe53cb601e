//! Pose augmentation: plausible poses that were never recorded, with the legs or an arm of another pose, limbs swung
//! and bent a little further or less, the trunk leant, the whole person tilted or upside down.
//!
//! Everything works on bone directions `[B, 28, 3]` of [`BODY28`] (unit vectors, y up), so that no bone changes its
//! length. Widening the poses of a lifter's training data is what PoseAug (Gong et al. 2021) found to help most on
//! unseen people; here the changes are drawn at random, not learned.

use std::f64::consts::PI;

use poselift::skeleton::BODY28;
use tch::{Device, Kind, Tensor};

use crate::views::detector::Sampler;
use crate::views::parts::{ARM, FOOT, HIP_AND_LEG, LEG, part_of_body, parts};
use crate::views::{indices, lengths, sums_of_axes};

/// Share of the people who get the legs of another, and share who get another's left arm, and another's right arm.
const LEGS_EXCHANGED: f64 = 0.3;
const ARM_EXCHANGED: f64 = 0.2;
/// Share of the people whose joints are moved at all.
const LOOSENED: f64 = 0.7;
/// Standard deviation of each part's rotation about its joint, degrees: trunk, head, arms, legs, feet.
const TURNS: [(Part, f64); 8] = [
    (Part::Trunk, 8.0),
    (Part::Head, 10.0),
    (Part::LeftArm, 15.0),
    (Part::RightArm, 15.0),
    (Part::LeftLeg, 10.0),
    (Part::RightLeg, 10.0),
    (Part::LeftFoot, 8.0),
    (Part::RightFoot, 8.0),
];
/// Standard deviation of the change of a knee's or elbow's bend, degrees, and its greatest bend.
const BEND: f64 = 20.0;
const MAX_BEND: f64 = 150.0;
/// Below this sine of a bend its axis is noise.
const STRAIGHT: f64 = 0.1;
/// Share of the people who are tilted, and the standard deviation of the tilt in degrees.
const TILTED: (f64, f64) = (0.12, 25.0);
/// Share of the people who get any rotation.
const TUMBLED: f64 = 0.03;
/// Greatest sine of the hips' tilt: steeper hips would tear the trunk off another's legs.
const LEVEL: f64 = 0.35;

/// Ends of bones that rotate with the head; `nose` is that of `neck_nose`, too.
const HEAD: [&str; 4] = parts(["head", "nose", "eye", "ear"]);

/// Bones that rotate about one joint: bones of [`BODY28`], named by the joint at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All except legs and hips.
    Trunk,
    Head,
    LeftArm,
    RightArm,
    LeftLeg,
    RightLeg,
    LeftFoot,
    RightFoot,
}

impl Part {
    fn holds(self, joint: &str) -> bool {
        let left = joint.starts_with("left");
        let right = joint.starts_with("right");
        let part = part_of_body(joint);
        match self {
            Self::Trunk => !HIP_AND_LEG.contains(&part),
            Self::Head => HEAD.contains(&part),
            Self::LeftArm => left && ARM.contains(&part),
            Self::RightArm => right && ARM.contains(&part),
            Self::LeftLeg => left && LEG.contains(&part),
            Self::RightLeg => right && LEG.contains(&part),
            Self::LeftFoot => left && FOOT.contains(&part),
            Self::RightFoot => right && FOOT.contains(&part),
        }
    }
}

/// The left and the right joint of a kind, as libtorch's indices.
const fn both(left: &str, right: &str) -> [i64; 2] {
    [BODY28.joint(left) as i64, BODY28.joint(right) as i64]
}
const HIPS: [i64; 2] = both("left_hip", "right_hip");
const KNEES: [i64; 2] = both("left_knee", "right_knee");
const ANKLES: [i64; 2] = both("left_ankle", "right_ankle");
const SHOULDERS: [i64; 2] = both("left_shoulder", "right_shoulder");
const ELBOWS: [i64; 2] = both("left_elbow", "right_elbow");
const WRISTS: [i64; 2] = both("left_wrist", "right_wrist");
/// Bones of both feet, and the one of the hinged bones that they move with: its place in [`Variety::hinged`].
const FEET: [(&str, i64); 6] = [
    ("left_big_toe", 0),
    ("left_small_toe", 0),
    ("left_heel", 0),
    ("right_big_toe", 1),
    ("right_small_toe", 1),
    ("right_heel", 1),
];
const BACK: [i64; 2] = [BODY28.joint("spine") as i64, BODY28.joint("thorax") as i64];

/// Masks and indices of the parts.
#[derive(Debug)]
pub(super) struct Variety {
    /// `[1, 28, 1]` hips, knees, ankles and feet.
    legs: Tensor,
    /// `[1, 28, 1]` for the left and the right arm.
    arms: [Tensor; 2],
    /// `[1, 28]` for the trunk, then `[7, 28]` for the others: 1 where a bone belongs to the part.
    trunk: Tensor,
    limbs: Tensor,
    /// Degrees of each row of the two above.
    trunk_turn: f64,
    /// `[1, 7, 1]`.
    limb_turns: Tensor,
    /// `[4]` the bones after knees and elbows, and the bones before them.
    hinged: Tensor,
    before_hinge: Tensor,
    /// `[6]` bones of the feet, and the hinged bone that each moves with.
    feet: Tensor,
    with_hinged: Tensor,
    hips: [i64; 2],
    shoulders: [i64; 2],
    back: [i64; 2],
}

impl Variety {
    pub(super) fn new(device: Device) -> Self {
        let turns: Vec<f32> = TURNS[1..].iter().map(|(_, turn)| turn.to_radians() as f32).collect();
        Self {
            legs: mask(|joint| !Part::Trunk.holds(joint) && joint != "hip", device),
            arms: [Part::LeftArm, Part::RightArm].map(|arm| mask(|joint| arm.holds(joint), device)),
            trunk: rows(&TURNS[..1], device),
            limbs: rows(&TURNS[1..], device),
            trunk_turn: TURNS[0].1.to_radians(),
            limb_turns: Tensor::from_slice(&turns).view([1, -1, 1]).to_device(device),
            hinged: indices([ANKLES, WRISTS].as_flattened(), device),
            before_hinge: indices([KNEES, ELBOWS].as_flattened(), device),
            feet: indices(&FEET.map(|(bone, _)| BODY28.joint(bone) as i64), device),
            with_hinged: indices(&FEET.map(|(_, hinged)| hinged), device),
            hips: HIPS,
            shoulders: SHOULDERS,
            back: BACK,
        }
    }

    /// Augmented versions of the bone directions `directions`; draws from libtorch's generator.
    pub(super) fn of(&self, directions: &Tensor) -> Tensor {
        let draw = Sampler::new(directions.size()[0], directions.device());
        let exchanged = self.arms_exchanged(&self.legs_exchanged(directions, &draw), &draw);
        let loosened = self.bent(&self.turned(&exchanged, &draw), &draw);
        let loosened = loosened.where_self(&draw.some(LOOSENED), &exchanged);
        tilted(&loosened, &draw)
    }

    /// Some people with the legs of the next person in the batch, turned about the vertical so that both hips point
    /// the same way.
    fn legs_exchanged(&self, directions: &Tensor, draw: &Sampler) -> Tensor {
        let donors = directions.roll([1], [0]);
        // A rotation about y by +α takes heading h to h − α in this sense of atan2(z, x).
        let angle = self.heading(&donors) - self.heading(directions);
        let zero = angle.zeros_like();
        let turn = Tensor::stack(&[&zero, &angle, &zero], 1).unsqueeze(1);
        let both_level = self.is_level(directions).logical_and(&self.is_level(&donors)).view([-1, 1, 1]);
        let chosen = draw.some(LEGS_EXCHANGED).logical_and(&both_level).logical_and(&self.legs);
        rotated(&donors, &turn).where_self(&chosen, directions)
    }

    /// `[B, 3]` the way from the right hip to the left one.
    fn across_hips(&self, directions: &Tensor) -> Tensor {
        directions.select(1, self.hips[0]) - directions.select(1, self.hips[1])
    }

    /// `[B]` which way the hips point about the vertical, radians.
    fn heading(&self, directions: &Tensor) -> Tensor {
        let across = self.across_hips(directions);
        across.select(1, 2).atan2(&across.select(1, 0))
    }

    /// `[B]` whether the hips are level enough ([`LEVEL`]).
    fn is_level(&self, directions: &Tensor) -> Tensor {
        let across = self.across_hips(directions);
        let length = across.square().sum_dim_intlist(&[1i64][..], false, Kind::Float).sqrt();
        across.select(1, 1).abs().lt_tensor(&(length * LEVEL))
    }

    /// Some people with an arm of a later person in the batch, in the same position relative to the trunk.
    fn arms_exchanged(&self, directions: &Tensor, draw: &Sampler) -> Tensor {
        let own = self.trunk_axes(directions);
        let mut exchanged = directions.shallow_clone();
        for (arm, further) in self.arms.iter().zip([2, 3]) {
            let donors = directions.roll([further], [0]);
            let axes = own.roll([further], [0]);
            // Into the donor's trunk, out of the person's own.
            let held = donors.bmm(&axes).bmm(&own.transpose(1, 2));
            let chosen = draw.some(ARM_EXCHANGED).logical_and(arm);
            exchanged = held.where_self(&chosen, &exchanged);
        }
        exchanged
    }

    /// `[B, 3, 3]` the trunk's axes in the world, as columns: to the left, up, forward.
    fn trunk_axes(&self, directions: &Tensor) -> Tensor {
        let up = unit(&(directions.select(1, self.back[0]) + directions.select(1, self.back[1])));
        let across = directions.select(1, self.shoulders[0]) - directions.select(1, self.shoulders[1]);
        let along = (&across * &up).sum_dim_intlist(&[1i64][..], true, Kind::Float);
        let left = unit(&(across - along * &up));
        let forward = left.cross(&up, 1);
        Tensor::stack(&[left, up, forward], 2)
    }

    /// The trunk, then head and limbs, each rotated a little about its joint.
    fn turned(&self, directions: &Tensor, draw: &Sampler) -> Tensor {
        let trunk = draw.normal(&[1, 3]) * self.trunk_turn;
        let limbs = draw.normal(&[self.limbs.size()[0], 3]) * &self.limb_turns;
        // One rotation vector per part, copied to the part's bones: [B, P, 3] to [B, 28, 3].
        let leant = rotated(directions, &self.trunk.tr().matmul(&trunk));
        rotated(&leant, &self.limbs.tr().matmul(&limbs))
    }

    /// Knees and elbows bent more or less, about their current axis and never beyond straight.
    fn bent(&self, directions: &Tensor, draw: &Sampler) -> Tensor {
        let [far, near] = [&self.hinged, &self.before_hinge].map(|bones| directions.index_select(1, bones));
        let axis = near.cross(&far, 2);
        let sine = lengths(&axis);
        let bend = sine.atan2(&sums_of_axes(&(&near * &far)));
        let wanted = (&bend + draw.normal(&[4, 1]) * BEND.to_radians()).clamp(0.0, MAX_BEND.to_radians());
        let turn = (wanted - bend) * sine.gt(STRAIGHT).to_kind(Kind::Float);
        let turns = axis / sine.clamp_min(STRAIGHT) * turn;
        let feet = rotated(&directions.index_select(1, &self.feet), &turns.index_select(1, &self.with_hinged));
        directions.index_copy(1, &self.hinged, &rotated(&far, &turns)).index_copy(1, &self.feet, &feet)
    }
}

/// Some people tilted as a whole, and a few with any rotation.
fn tilted(directions: &Tensor, draw: &Sampler) -> Tensor {
    let flat = Tensor::from_slice(&[1.0f32, 0.0, 1.0]).to_device(directions.device());
    let tilt = draw.normal(&[1, 3]) * flat * TILTED.1.to_radians();
    let tilt = tilt * draw.some(TILTED.0).to_kind(Kind::Float);
    let axis = draw.normal(&[1, 3]);
    let length = lengths(&axis).clamp_min(1e-6);
    let tumble = axis / length * (draw.unit(&[1, 1]) * PI);
    rotated(directions, &tumble.where_self(&draw.some(TUMBLED), &tilt))
}

/// `vectors` `[B, N, 3]` rotated by the rotation vectors `turns` `[B, N or 1, 3]`: by their length in radians about
/// their direction (Rodrigues' formula).
fn rotated(vectors: &Tensor, turns: &Tensor) -> Tensor {
    let angle = lengths(turns);
    let axis = (turns / angle.clamp_min(1e-9)).expand_as(vectors);
    let cos = angle.cos();
    let sin = angle.sin();
    let along = sums_of_axes(&(&axis * vectors));
    vectors * &cos + axis.cross(vectors, 2) * sin + axis * (along * (1.0 - cos))
}

/// `vectors` `[B, 3]` with a length of 1.
fn unit(vectors: &Tensor) -> Tensor {
    vectors / vectors.square().sum_dim_intlist(&[1i64][..], true, Kind::Float).sqrt().clamp_min(1e-6)
}

/// `[28]` 1 for each joint whose name `holds`, else 0.
fn marks(holds: impl Fn(&str) -> bool) -> Vec<f32> {
    BODY28.joints.iter().map(|joint| f32::from(u8::from(holds(joint)))).collect()
}

/// `[1, 28, 1]` true for each joint whose name `holds`.
fn mask(holds: impl Fn(&str) -> bool, device: Device) -> Tensor {
    Tensor::from_slice(&marks(holds)).view([1, -1, 1]).gt(0.5).to_device(device)
}

/// `[P, 28]` 1 where a bone belongs to one of P parts.
fn rows(parts: &[(Part, f64)], device: Device) -> Tensor {
    let marks: Vec<f32> = parts.iter().flat_map(|(part, _)| marks(|joint| part.holds(joint))).collect();
    Tensor::from_slice(&marks).view([parts.len() as i64, -1]).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    const ROWS: i64 = 4000;

    /// A person standing with bent elbows and knees, turned to `headings` `[B]`; y up.
    fn people(headings: &Tensor) -> Tensor {
        let ends: Vec<f32> = BODY28
            .joints
            .iter()
            .flat_map(|joint| {
                let side = if joint.starts_with("left") { 1.0 } else { -1.0 };
                match part_of_body(joint) {
                    _ if *joint == "hip" => [0.0, 1.0, 0.0],
                    "hip" | "shoulder" => [side, 0.0, 0.0],
                    "knee" => [0.0, -0.96, 0.28],
                    "ankle" => [0.0, -0.96, -0.28],
                    "elbow" => [side * 0.6, -0.8, 0.0],
                    "wrist" => [0.0, -0.6, 0.8],
                    _ => [0.0, 1.0, 0.0],
                }
            })
            .collect();
        let zero = headings.zeros_like();
        let turn = Tensor::stack(&[&zero, headings, &zero], 1).unsqueeze(1);
        let bodies = Tensor::from_slice(&ends).view([1, 28, 3]).expand([headings.size()[0], 28, 3], false);
        rotated(&bodies.contiguous(), &turn)
    }

    fn crowd() -> (Variety, Tensor, Sampler) {
        tch::manual_seed(9);
        let headings = Tensor::rand([ROWS], tch::kind::FLOAT_CPU) * (2.0 * PI);
        let draw = Sampler::new(ROWS, Device::Cpu);
        (Variety::new(Device::Cpu), people(&headings), draw)
    }

    fn largest(difference: &Tensor) -> f64 {
        difference.abs().max().double_value(&[])
    }

    fn length(v: &Tensor) -> Tensor {
        v.square().sum_dim_intlist(&[2i64][..], false, Kind::Float).sqrt()
    }

    #[test]
    fn bones_keep_their_lengths() {
        let _held = generator();
        let (variety, people, _) = crowd();
        let varied = variety.of(&people);
        assert!(largest(&(length(&varied) - 1.0)) < 1e-4);
        let moved = length(&(&varied - &people)).amax(&[1i64][..], false).gt(0.02).to_kind(Kind::Float);
        assert!(moved.mean(Kind::Float).double_value(&[]) > 0.6, "most people are as they were");
    }

    #[test]
    fn limbs_of_the_same_pose_change_nothing_whichever_way_people_face() {
        let _held = generator();
        let (variety, people, draw) = crowd();
        assert!(largest(&(variety.legs_exchanged(&people, &draw) - &people)) < 1e-4);
        assert!(largest(&(variety.arms_exchanged(&people, &draw) - &people)) < 1e-4);
    }

    #[test]
    fn an_arm_is_held_against_the_trunk_as_its_owner_holds_it() {
        let _held = generator();
        let (variety, people, draw) = crowd();
        // Every other person raises both arms.
        let arms = variety.arms[0].logical_or(&variety.arms[1]);
        let up = Tensor::from_slice(&[0.0f32, 1.0, 0.0]).view([1, 1, 3]).expand_as(&people);
        let raised = Tensor::arange(ROWS, tch::kind::FLOAT_CPU).remainder(2.0).gt(0.5).view([-1, 1, 1]);
        let people = up.where_self(&arms.logical_and(&raised), &people);
        let mixed = variety.arms_exchanged(&people, &draw);
        let [left_is_up, right_is_up] = ELBOWS.map(|elbow| mixed.select(1, elbow).select(1, 1).gt(0.9));
        let one_only = left_is_up.logical_xor(&right_is_up).to_kind(Kind::Float).mean(Kind::Float);
        // The left arm comes from the next person but one, who does the same; the right one from the third, who does
        // not.
        let share = one_only.double_value(&[]);
        assert!((share - ARM_EXCHANGED).abs() < 0.03, "{share} of the people hold one arm up");
        let legs = mixed.where_self(&variety.legs, &people);
        assert!(largest(&(legs - people)) < 1e-6, "legs moved with the arms");
    }

    #[test]
    fn knees_and_elbows_bend_one_way_and_not_too_far() {
        let _held = generator();
        let (variety, people, draw) = crowd();
        let axes = |people: &Tensor| {
            let [far, near] = [&variety.hinged, &variety.before_hinge].map(|bones| people.index_select(1, bones));
            (near.cross(&far, 2), (&near * &far).sum_dim_intlist(&[2i64][..], false, Kind::Float))
        };
        let (before, _) = axes(&people);
        let bent = (0..5).fold(people, |people, _| variety.bent(&people, &draw));
        let (after, cosine) = axes(&bent);
        let agreement = (before * after).sum_dim_intlist(&[2i64][..], false, Kind::Float);
        assert!(agreement.min().double_value(&[]) > -1e-4, "a joint is bent the other way");
        assert!(cosine.min().double_value(&[]) > MAX_BEND.to_radians().cos() - 1e-3);
        assert!(cosine.std(true).double_value(&[]) > 0.1, "no bend has changed");
    }

    #[test]
    fn some_are_tilted_and_a_few_are_upside_down() {
        let _held = generator();
        let (_, people, draw) = crowd();
        let up = tilted(&people, &draw).select(1, 7).select(1, 1);
        let share = |condition: Tensor| condition.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!((share(up.lt(0.9999)) - TILTED.0 - TUMBLED).abs() < 0.03);
        assert!((0.004..0.03).contains(&share(up.lt(0.0))));
    }
}
