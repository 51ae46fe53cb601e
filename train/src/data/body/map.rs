//! From a rig's joints to the body that we keep: Human3.6M's 17 joints with UI-PRMD's meanings, and the face.
//!
//! The face and the top of the head are one rigid skull, set by UI-PRMD's description (`method` in its JSON):
//! for a person 1.755 m tall, below the vertex: pupils 114 mm, ears 126, nose tip 152, nose base 165, and the markers'
//! middle 65; ahead of the temples: nose tip 48, eyes 8, nose base −12, and the skull's middle 73 behind them.

use nalgebra::{Matrix3, Vector3};

use poselift::error::{Error, Result};
use poselift::place::MODEL_STATURE;

use super::feet;
use super::joints::{ARMS, EARS, EYES, FOREARMS, HEAD, HIP, HIPS, LEGS, NECK, NOSE, SPINE, THORAX};
use super::kinematics::{Placement, turn};
use super::rig::FittedRig;
use super::take::{Axis, Channel, Take};

/// `[28, 3]` joints of [`poselift::skeleton::BODY28`], metres, y up.
pub type Body = [[f32; 3]; 28];

/// Where a joint of `body` is.
pub(crate) fn joint_place(body: &Body, joint: usize) -> Vector3<f64> {
    Vector3::from(body[joint].map(f64::from))
}

/// Thigh and shank as a share of the stature, mean of UI-PRMD's ten people.
pub const LEG_PER_STATURE: f64 = 0.475;

/// The stature that lengths of the skull are given for, metres.
pub const REFERENCE_STATURE: f64 = 1.755;

/// The thigh of a person of [`MODEL_STATURE`], metres (0.245 of the stature: Drillis and Contini, 1966).
pub const THIGH_METRES: f64 = 0.245 * MODEL_STATURE;

/// Points of the skull from its middle at the height of the temples, metres at [`REFERENCE_STATURE`]:
/// x to the left, y up, z forward.
pub const SKULL: [(usize, [f64; 3]); 7] = [
    (NECK, [0.0, -0.100, 0.061]),
    (HEAD, [0.0, 0.065, 0.003]),
    (NOSE, [0.0, -0.087, 0.121]),
    (EYES[0], [0.0315, -0.049, 0.081]),
    (EYES[1], [-0.0315, -0.049, 0.081]),
    (EARS[0], [0.0725, -0.061, 0.0]),
    (EARS[1], [-0.0725, -0.061, 0.0]),
];

/// If more than this share of the first frame's angles are zero, the frame is a rest pose. (CMU's files: 0.92 and
/// 0.63 at rest, at most 0.24 and 0.42 in motion.)
const REST_SHARE: f64 = 0.55;

/// A rig fitted to the lengths of one file.
#[derive(Debug)]
pub struct BodyMap {
    rig: FittedRig,
    /// Metres per unit of the file.
    metres: f64,
    /// How the unit was found, in words for the user.
    pub unit: String,
    /// Whether bone lengths are a real person's.
    pub human_lengths: bool,
    /// The lost bone from the chest to the base of the neck, in the chest's frame and the file's unit.
    thorax_bone: Vector3<f64>,
    /// From the chest to Human3.6M's thorax, in the chest's frame and the file's unit.
    thorax: Vector3<f64>,
    /// From the head's joint to the skull's reference point, in the head's frame and the file's unit.
    end_site: Vector3<f64>,
    /// Rotation from the head's frame to a level one.
    level: Matrix3<f64>,
    leg: f64,
    /// A foot's directions to the left, up and forward in the ankle's own axes, as columns; left and right.
    feet: [Matrix3<f64>; 2],
    /// Stature over [`REFERENCE_STATURE`].
    stature_ratio: f64,
}

impl BodyMap {
    /// Measures the skeleton of `bvh`.
    ///
    /// # Errors
    /// Legs have no length.
    pub fn new(rig: FittedRig, take: &Take) -> Result<Self> {
        let thigh = (bone_length(take, rig.legs[1]) + bone_length(take, rig.legs[4])) / 2.0;
        let leg = thigh + (bone_length(take, rig.legs[2]) + bone_length(take, rig.legs[5])) / 2.0;
        if !(thigh > 0.0 && leg > thigh) {
            return Err(Error::input(format!("a leg of {leg} units with a thigh of {thigh}, expected lengths over 0")));
        }
        let table = rig.rig;
        let known = take.unit_metres.or(table.collection.and_then(|known| known.unit_metres));
        let (metres, unit) = unit_of(thigh, known, table.human_lengths);
        // Other figures are scaled to a thigh of the model's stature.
        let stature = if table.human_lengths { leg * metres / LEG_PER_STATURE } else { MODEL_STATURE };
        let stature_ratio = stature / REFERENCE_STATURE;
        let thorax_bone =
            if table.lost_thorax_bone { Vector3::y() * bone_length(take, rig.chest) } else { Vector3::zeros() };
        let neck = neck_from_chest(&rig, take, thorax_bone);
        let mut level = Matrix3::identity();
        turn(&mut level, Axis::X, -table.head_droop_degrees);
        let feet = [5, 2].map(|ankle| foot_axes(&take.joints[rig.legs[ankle]].offset, table.sole_pitch_degrees));
        let end_site = take.joints[rig.head].end_site.filter(|_| table.skull.from_end_site).unwrap_or_default();
        Ok(Self {
            metres,
            unit,
            human_lengths: table.human_lengths,
            thorax_bone,
            thorax: neck * table.thorax_share,
            end_site,
            level,
            leg,
            feet,
            stature_ratio,
            rig,
        })
    }

    /// The rig that was recognised.
    pub fn rig(&self) -> &'static super::rig::Rig {
        self.rig.rig
    }

    /// Whether the first frame is the rest pose that CMU's files on this rig begin with, however similar the motion's
    /// start is.
    pub fn starts_at_rest(&self, take: &Take) -> bool {
        let rotations = take.joints.iter().flat_map(|joint| joint.channels.iter().zip(joint.first_channel..));
        let rotations = rotations.filter(|(channel, _)| matches!(channel, Channel::Rotation(_)));
        let values: Vec<_> = rotations.map(|(_, column)| take.frames[[0, column]].abs()).collect();
        // Below a millionth of a degree the angle is a zero with rounding error.
        let zeros = values.iter().filter(|value| **value < 1e-6).count();
        zeros as f64 > REST_SHARE * values.len() as f64
    }

    /// Our body for one frame's `placements` `[J]`.
    pub fn body(&self, placements: &[Placement]) -> Body {
        let chest = placements[self.rig.chest];
        let lift = chest.rotation * self.thorax_bone;
        let mut points = [Vector3::zeros(); 28];
        let [left_leg, right_leg] = LEGS;
        for (slot, &joint) in right_leg.into_iter().chain(left_leg).zip(&self.rig.legs) {
            points[slot] = placements[joint].position;
        }
        for (slot, &joint) in ARMS.into_iter().flatten().zip(&self.rig.arms) {
            points[slot] = placements[joint].position + lift;
        }
        for [elbow, wrist] in FOREARMS {
            points[wrist] = points[elbow] + (points[wrist] - points[elbow]) * self.rig.rig.forearm_stretch;
        }
        points[HIP] = (points[HIPS[0]] + points[HIPS[1]]) / 2.0;
        points[THORAX] = chest.point(&self.thorax);
        let rib_cage = chest.point(&(Vector3::z() * (self.rig.rig.rib_cage_ahead * self.leg)));
        points[SPINE] = halfway(points[HIP], rib_cage, points[THORAX]);
        self.set_skull(&placements[self.rig.head], lift, &mut points);
        self.set_feet([&placements[self.rig.legs[5]], &placements[self.rig.legs[2]]], &mut points);
        points.map(|point| (point * self.metres).map(|value| value as f32).into())
    }

    /// `ankles` are left and right.
    fn set_feet(&self, ankles: [&Placement; 2], points: &mut [Vector3<f64>; 28]) {
        let scale = self.stature_ratio * REFERENCE_STATURE / MODEL_STATURE / self.metres;
        for ((ankle, axes), foot) in ankles.into_iter().zip(&self.feet).zip(feet::FEET) {
            for (slot, point) in foot.slots.into_iter().zip(foot.points(&(ankle.rotation * axes), scale)) {
                points[slot] = ankle.position + point;
            }
        }
    }

    fn set_skull(&self, head: &Placement, lift: Vector3<f64>, points: &mut [Vector3<f64>; 28]) {
        let level = head.rotation * self.level * (self.stature_ratio / self.metres);
        let skull = self.rig.rig.skull;
        let middle = head.point(&self.end_site) + lift + level * Vector3::new(0.0, skull.up, skull.ahead);
        for (slot, local) in SKULL {
            points[slot] = middle + level * Vector3::from(local);
        }
    }
}

/// The length of the bone that ends at `joint`, in the file's unit.
fn bone_length(take: &Take, joint: usize) -> f64 {
    take.joints[joint].offset.norm()
}

/// The offset from the chest to the neck as if all joints between were straight; `thorax_bone` comes first.
fn neck_from_chest(rig: &FittedRig, take: &Take, thorax_bone: Vector3<f64>) -> Vector3<f64> {
    let mut neck = thorax_bone;
    let mut joint = rig.neck;
    while joint != rig.chest {
        neck += take.joints[joint].offset;
        match take.joints[joint].parent {
            Some(parent) => joint = parent,
            None => break,
        }
    }
    neck
}

/// A foot's directions to the left, up and forward at rest, as columns: upright in the rest pose's shank as seen from the
/// front, whose offset from the knee is `shank`, and `pitch` degrees up from the z axis.
fn foot_axes(shank: &Vector3<f64>, pitch: f64) -> Matrix3<f64> {
    let up = Vector3::new(-shank.x, -shank.y, 0.0).try_normalize(f64::MIN_POSITIVE).unwrap_or_else(Vector3::y);
    let mut axes = Matrix3::from_columns(&[up.cross(&Vector3::z()), up, Vector3::z()]);
    turn(&mut axes, Axis::X, -pitch);
    axes
}

/// The midpoint of the path from `from` over `over` to `to`.
fn halfway(from: Vector3<f64>, over: Vector3<f64>, to: Vector3<f64>) -> Vector3<f64> {
    let first = (over - from).norm();
    let second = (to - over).norm();
    let half = (first + second) / 2.0;
    if half <= first {
        from + (over - from) * (half / first.max(f64::MIN_POSITIVE))
    } else {
        over + (to - over) * ((half - first) / second.max(f64::MIN_POSITIVE))
    }
}

/// Metres per unit of the file, from its mean thigh, and how that was found out.
fn unit_of(thigh: f64, known: Option<f64>, human_lengths: bool) -> (f64, String) {
    const UNITS: [(f64, &str); 4] = [(0.001, "mm"), (0.01, "cm"), (0.0254, "inch"), (1.0, "m")];
    if let Some(metres) = known.filter(|metres| is_human_thigh(thigh * metres)) {
        return (metres, format!("{:.3} cm", metres * 100.0));
    }
    let nearest = UNITS.into_iter().min_by(|a, b| thigh_misfit(thigh * a.0).total_cmp(&thigh_misfit(thigh * b.0)));
    match nearest {
        Some((metres, name)) if human_lengths && is_human_thigh(thigh * metres) => {
            (metres, format!("{name}, by the thigh"))
        }
        _ => {
            let metres = THIGH_METRES / thigh.max(f64::MIN_POSITIVE);
            (metres, format!("{:.3} cm, which makes the thigh a human's", metres * 100.0))
        }
    }
}

/// Whether a thigh is that of an adult or of a child from five years on.
fn is_human_thigh(metres: f64) -> bool {
    (0.25..0.60).contains(&metres)
}

/// How far a thigh of `metres` is from [`THIGH_METRES`], as a ratio: 0 for the same length.
pub(crate) fn thigh_misfit(metres: f64) -> f64 {
    (metres / THIGH_METRES).ln().abs()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::data::body::joints::{SHOULDERS, THIGHS};
    use crate::data::body::kinematics::place;
    use crate::data::body::rig::tests::{cmu, poser};
    use crate::data::read::bvh;

    /// Our body of the file's only frame.
    fn body(text: &str) -> (BodyMap, Body) {
        let take = bvh::parse(text).unwrap();
        let map = BodyMap::new(FittedRig::find(&take).unwrap(), &take).unwrap();
        let mut placements = Vec::new();
        place(&take, take.frames.row(0), &mut placements);
        let body = map.body(&placements);
        (map, body)
    }

    fn distance(body: &Body, [a, b]: [usize; 2]) -> f64 {
        (0..3).map(|axis| f64::from(body[a][axis] - body[b][axis]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn cmus_lost_bones_come_back_in_metres() {
        let (map, body) = body(&cmu());
        let unit = 0.0254 / 0.45;
        assert_eq!((map.rig().name, map.human_lengths), ("cmu-motionbuilder", true));
        assert_relative_eq!(distance(&body, THIGHS[1]), 7.5 * unit, epsilon = 1e-6);
        assert_relative_eq!(f64::from(body[HIP][1]), (18.0 - 1.8) * unit, epsilon = 1e-6);
        // Hips 18, Spine 2, Spine1 2, the lost bone 2 again, then the clavicle's 1.
        assert_relative_eq!(f64::from(body[SHOULDERS[0]][1]), (18.0 + 2.0 + 2.0 + 2.0 + 1.0) * unit, epsilon = 1e-6);
        assert_relative_eq!(distance(&body, FOREARMS[0]), 1.33 * 3.4 * unit, epsilon = 1e-6);
        // The spine lies half way, in front of the chest's joint.
        assert_relative_eq!(distance(&body, [HIP, SPINE]), distance(&body, [SPINE, THORAX]), epsilon = 0.002);
    }

    #[test]
    fn faces_look_forward_with_the_left_eye_on_the_left() {
        for text in [cmu(), poser()] {
            let (_, body) = body(&text);
            let [nose, left_eye, right_eye, left_ear] = [NOSE, EYES[0], EYES[1], EARS[0]].map(|slot| body[slot]);
            assert!(left_eye[0] > right_eye[0] && nose[2] > left_ear[2] + 0.08 && body[HEAD][1] > left_eye[1] + 0.05);
            for [left, right] in [HIPS, SHOULDERS] {
                assert!(body[left][0] > body[right][0]);
            }
        }
    }

    #[test]
    fn a_figure_of_no_human_proportions_is_scaled_by_its_thigh() {
        let (map, body) = body(&poser());
        assert!(!map.human_lengths && map.unit.contains("makes the thigh a human's"), "{}", map.unit);
        assert_relative_eq!(distance(&body, THIGHS[1]), THIGH_METRES, epsilon = 1e-6);
    }

    #[test]
    fn units_are_found_from_the_thigh() {
        for (thigh, expected, name) in
            [(420.0, 0.001, "mm"), (43.0, 0.01, "cm"), (17.0, 0.0254, "inch"), (0.4, 1.0, "m")]
        {
            let (metres, words) = unit_of(thigh, None, true);
            assert!(metres == expected && words.starts_with(name), "{thigh}: {metres} {words}");
        }
        let (metres, words) = unit_of(5.0, None, true);
        assert!((metres * 5.0 - THIGH_METRES).abs() < 1e-9 && words.contains("a human's"));
        assert_eq!(unit_of(7.4, Some(0.05644), true).0, 0.05644);
    }

    #[test]
    fn a_first_frame_at_rest_is_known() {
        let moving = cmu().replace("0 18 0 0 0 0", "0 18 0 9 9 9");
        let rest = |text: &str| {
            let take = bvh::parse(text).unwrap();
            BodyMap::new(FittedRig::find(&take).unwrap(), &take).unwrap().starts_at_rest(&take)
        };
        assert!(rest(&cmu()));
        let busy: String =
            moving.rsplit_once('\n').unwrap().0.to_owned().replace(" 0 0 0 0 0 0 0 0 0", " 1 2 3 4 5 6 7 8 9");
        assert!(!rest(&busy), "{busy}");
    }

    #[test]
    fn legs_of_no_length_are_refused() {
        let text = cmu().replace("OFFSET 0 -7.5 0", "OFFSET 0 0 0");
        let take = bvh::parse(&text).unwrap();
        let error = BodyMap::new(FittedRig::find(&take).unwrap(), &take).unwrap_err();
        assert!(error.to_string().contains("thigh of 0"), "{error}");
    }
}
