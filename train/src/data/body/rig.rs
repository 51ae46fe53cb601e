//! Known motion-capture rigs: which of a file's joints are which of ours, by name.
//!
//! Every number here is a property of a rig, found by comparing its bodies with UI-PRMD's, whose points were
//! estimated from surface markers with a described anatomy (see `body.rs`).

use poselift::error::{Error, Result};

use super::take::Take;

/// What is known about one naming scheme.
#[derive(Debug)]
pub struct Rig {
    /// Our name for the scheme.
    pub name: &'static str,
    /// Right hip, knee, ankle, left hip, knee, ankle.
    pub legs: [&'static str; 6],
    /// Left shoulder, elbow, wrist, right shoulder, elbow, wrist.
    pub arms: [&'static str; 6],
    /// The joint that carries the rib cage.
    pub chest: &'static str,
    /// The joint at the base of the neck, a child of the chest (perhaps through others).
    pub neck: &'static str,
    /// The joint that carries the skull.
    pub head: &'static str,
    /// Share of the way from chest to neck, in the chest's frame, at which Human3.6M's thorax is (0.833 of the
    /// stature).
    pub thorax_share: f64,
    /// How far the middle of the rib cage is in front of the chest's joint, as a share of the leg.
    pub rib_cage_ahead: f64,
    /// Length of the forearm as a multiple of the distance from the elbow to the joint named as the wrist.
    pub forearm_stretch: f64,
    /// Where the middle of the skull is at the height of the temples.
    pub skull: Skull,
    /// How far the head's own z axis looks down when the head is level, degrees.
    pub head_droop_degrees: f64,
    /// How far the soles of people who stand point up in the axes of their ankles, degrees (the median of CMU's files on the rig).
    pub sole_pitch_degrees: f64,
    /// Whether the file's bones are a real person's.
    pub human_lengths: bool,
    /// Whether the export lost the bone from the chest joint to the base of the neck: its children coincide with it
    /// (OFFSET 0), so arms and head are a hand's breadth too low.
    pub lost_thorax_bone: bool,
    /// Frames to leave out where a file begins with a rest pose: the pose itself, and the transition into the motion.
    pub rest_frames: usize,
    /// The collection that uses this rig, if it is known.
    pub collection: Option<Collection>,
}

/// Where the middle of the skull is at the height of the temples; metres of a person 1.755 m tall, head level.
#[derive(Debug, Clone, Copy)]
pub struct Skull {
    /// Whether measured from the head's End Site; from the head's joint otherwise.
    pub from_end_site: bool,
    /// Distance above it.
    pub up: f64,
    /// Distance in front of it.
    pub ahead: f64,
}

/// A published collection of motion.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// Its name; it goes in front of subjects that are bare numbers.
    pub name: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Metres per unit of length; none where the thigh has to show it.
    pub unit_metres: Option<f64>,
}

const CMU: Collection = Collection {
    name: "cmu",
    licence: "free for research and commercial use (mocap.cs.cmu.edu, NSF EIA-0196217)",
    // The Acclaim files behind it: lengths in inches, divided by 0.45.
    unit_metres: Some(0.0254 / 0.45),
};

/// CMU's bodies as BVH by B. Hahne, named for MotionBuilder.
///
/// Compared with the Acclaim original (subject 02, which exists in both), the exporter lost every bone whose joint
/// has several children: the thorax (11.7 cm, `lost_thorax_bone`) and the distal third of the forearm. The original's
/// whole forearm, 1.5 times what is named a forearm here, is longer than the upper arm, which is impossible for a
/// human; 1.33 gives UI-PRMD's ratio to the upper arm (0.83; Human3.6M has 0.90) and leaves a human hand in front of
/// the knuckles.
const CMU_MOTIONBUILDER: Rig = Rig {
    name: "cmu-motionbuilder",
    legs: ["RightUpLeg", "RightLeg", "RightFoot", "LeftUpLeg", "LeftLeg", "LeftFoot"],
    arms: ["LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand"],
    chest: "Spine1",
    neck: "Neck1",
    head: "Head",
    thorax_share: 1.0,
    rib_cage_ahead: 0.03,
    forearm_stretch: 1.33,
    skull: Skull { from_end_site: true, up: 0.030, ahead: 0.020 },
    head_droop_degrees: 17.0,
    sole_pitch_degrees: 3.5,
    human_lengths: true,
    lost_thorax_bone: true,
    rest_frames: 1,
    collection: Some(CMU),
};

/// The same bodies under their other names.
const CMU_BIPED: Rig = Rig {
    name: "cmu-biped",
    legs: ["RightHip", "RightKnee", "RightAnkle", "LeftHip", "LeftKnee", "LeftAnkle"],
    arms: ["LeftShoulder", "LeftElbow", "LeftWrist", "RightShoulder", "RightElbow", "RightWrist"],
    chest: "Chest2",
    neck: "Neck",
    ..CMU_MOTIONBUILDER
};

/// CMU's motion on one figure of Poser's: no human proportions.
const CMU_POSER: Rig = Rig {
    name: "cmu-poser",
    legs: ["rThigh", "rShin", "rFoot", "lThigh", "lShin", "lFoot"],
    arms: ["lShldr", "lForeArm", "lHand", "rShldr", "rForeArm", "rHand"],
    chest: "chest",
    neck: "neck",
    head: "head",
    thorax_share: 0.86,
    rib_cage_ahead: 0.0,
    forearm_stretch: 1.0,
    // Close to where the eyes, which this rig has, put it.
    skull: Skull { from_end_site: false, up: 0.130, ahead: 0.020 },
    head_droop_degrees: 0.0,
    sole_pitch_degrees: 0.0,
    human_lengths: false,
    lost_thorax_bone: false,
    // These files interpolate from the rest pose into the motion within eight frames.
    rest_frames: 10,
    collection: Some(Collection { unit_metres: None, ..CMU }),
};

/// MotionBuilder's names with three spine joints, as Mixamo and many others use them.
const MOTIONBUILDER: Rig = Rig {
    name: "motionbuilder",
    chest: "Spine2",
    neck: "Neck",
    thorax_share: 0.95,
    forearm_stretch: 1.0,
    skull: Skull { from_end_site: false, up: 0.110, ahead: 0.010 },
    head_droop_degrees: 0.0,
    sole_pitch_degrees: 0.0,
    lost_thorax_bone: false,
    collection: None,
    ..CMU_MOTIONBUILDER
};

/// CMU's original Acclaim skeletons, which are complete: a bone's name stands for the joint it begins at.
///
/// `lwrist` names the distal third of the forearm; as above, the hand is put at 1.33 times the way to it.
const CMU_ACCLAIM: Rig = Rig {
    name: "cmu-acclaim",
    legs: ["rfemur", "rtibia", "rfoot", "lfemur", "ltibia", "lfoot"],
    arms: ["lhumerus", "lradius", "lwrist", "rhumerus", "rradius", "rwrist"],
    chest: "thorax",
    neck: "upperneck",
    head: "head",
    lost_thorax_bone: false,
    ..CMU_MOTIONBUILDER
};

/// Every rig, the most specific first.
const RIGS: [&Rig; 5] = [&CMU_MOTIONBUILDER, &CMU_BIPED, &CMU_POSER, &CMU_ACCLAIM, &MOTIONBUILDER];

/// A rig whose joints were found in a file; each field is an index into its joints.
#[derive(Debug)]
pub struct FittedRig {
    /// The rig.
    pub rig: &'static Rig,
    /// As in [`Rig::legs`].
    pub legs: [usize; 6],
    /// As in [`Rig::arms`].
    pub arms: [usize; 6],
    /// As in [`Rig::chest`].
    pub chest: usize,
    /// As in [`Rig::neck`].
    pub neck: usize,
    /// As in [`Rig::head`].
    pub head: usize,
}

impl FittedRig {
    /// The first known rig all of whose joints `bvh` has.
    ///
    /// # Errors
    /// No rig fits; the message lists the file's joints and what the closest rig misses.
    pub fn find(take: &Take) -> Result<Self> {
        RIGS.into_iter().find_map(|rig| Self::fit(rig, take)).ok_or_else(|| misfit(take))
    }

    fn fit(rig: &'static Rig, take: &Take) -> Option<Self> {
        let fitted = Self {
            rig,
            legs: positions(take, rig.legs)?,
            arms: positions(take, rig.arms)?,
            chest: take.position(rig.chest)?,
            neck: take.position(rig.neck)?,
            head: take.position(rig.head)?,
        };
        let end_site_there = take.joints[fitted.head].end_site.is_some() || !rig.skull.from_end_site;
        // MotionBuilder's own rigs may also hold a `Neck1`; the OFFSET shows what the exporter lost.
        let lost = rig.lost_thorax_bone == (fitted.thorax_bone_is_lost(take));
        (end_site_there && lost).then_some(fitted)
    }

    /// Whether the first joint of both arms and of the neck coincides with the chest's joint.
    fn thorax_bone_is_lost(&self, take: &Take) -> bool {
        [self.neck, self.arms[0], self.arms[3]]
            .into_iter()
            .all(|joint| self.below_chest(take, joint).is_some_and(|first| take.joints[first].offset.norm() == 0.0))
    }

    /// The first joint on the way from the chest to `joint`, if the chest is above it.
    fn below_chest(&self, take: &Take, joint: usize) -> Option<usize> {
        let mut below = joint;
        while let Some(parent) = take.joints[below].parent {
            if parent == self.chest {
                return Some(below);
            }
            below = parent;
        }
        None
    }
}

/// The indices of the joints of these names, if the file has them all.
fn positions(take: &Take, names: [&str; 6]) -> Option<[usize; 6]> {
    let found: Vec<_> = names.iter().filter_map(|name| take.position(name)).collect();
    found.try_into().ok()
}

fn misfit(take: &Take) -> Error {
    let names: Vec<_> = take.joints.iter().map(|joint| joint.name.as_str()).collect();
    let nearest = RIGS.into_iter().map(|rig| (rig.name, missing(rig, take))).min_by_key(|(_, missing)| missing.len());
    let nearest = match nearest {
        Some((name, missing)) if !missing.is_empty() => format!("; nearest is {name}, without {}", missing.join(", ")),
        _ => String::new(),
    };
    Error::input(format!("the joints fit no known rig{nearest}; found {}", names.join(", ")))
        .hint("known rigs: CMU's four (LeftUpLeg …, LeftHip …, lThigh …, lfemur …) and MotionBuilder's with Spine2")
}

/// The names of the rig's joints that the file lacks.
fn missing(rig: &Rig, take: &Take) -> Vec<&'static str> {
    let wanted = rig.legs.iter().chain(&rig.arms).chain([&rig.chest, &rig.neck, &rig.head]);
    wanted.copied().filter(|name| take.position(name).is_none()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::data::read::bvh;

    /// A BVH text of one frame at rest: joints by (depth, name, offset), each with three rotations.
    fn text(joints: &[(usize, &str, [f64; 3])], root: &str) -> String {
        let mut text = String::from("HIERARCHY\n");
        let mut open = 0;
        for (index, (depth, name, [x, y, z])) in joints.iter().enumerate() {
            text.push_str(&"}\n".repeat(open - depth));
            let (keyword, channels) = match (*name, *depth) {
                ("End", _) => ("", ""),
                (_, 0) => ("ROOT ", "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation\n"),
                _ => ("JOINT ", "CHANNELS 3 Zrotation Yrotation Xrotation\n"),
            };
            let name = if *name == "End" { "End Site" } else { name };
            text.push_str(&format!("{keyword}{name}\n{{\nOFFSET {x} {y} {z}\n{channels}"));
            open = depth + 1;
            assert!(index > 0 || *depth == 0);
        }
        text.push_str(&"}\n".repeat(open));
        let turns = joints.iter().filter(|joint| joint.1 != "End").count() * 3;
        format!("{text}MOTION\nFrames: 1\nFrame Time: 0.01\n{root}{}\n", " 0".repeat(turns))
    }

    /// A body on CMU's rig, standing with the arms stretched out, in units of 5.644 cm.
    pub(crate) fn cmu() -> String {
        let mut joints = vec![(0, "Hips", [0.0; 3])];
        for (side, x) in [
            (["LHipJoint", "LeftUpLeg", "LeftLeg", "LeftFoot"], 1.6),
            (["RHipJoint", "RightUpLeg", "RightLeg", "RightFoot"], -1.6),
        ] {
            let offsets = [[0.0; 3], [x, -1.8, 0.6], [0.0, -7.5, 0.0], [0.0, -7.2, 0.0]];
            joints.extend(
                side.into_iter().zip(offsets).enumerate().map(|(depth, (name, offset))| (depth + 1, name, offset)),
            );
        }
        joints.extend([(1, "LowerBack", [0.0; 3]), (2, "Spine", [0.0, 2.0, 0.0]), (3, "Spine1", [0.0, 2.0, 0.0])]);
        joints.extend([
            (4, "Neck", [0.0; 3]),
            (5, "Neck1", [0.0, 1.6, 0.1]),
            (6, "Head", [0.0, 1.6, -0.1]),
            (7, "End", [0.0, 1.6, 0.0]),
        ]);
        for (side, sign) in [
            (["LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand"], 1.0),
            (["RightShoulder", "RightArm", "RightForeArm", "RightHand"], -1.0),
        ] {
            let offsets = [[0.0; 3], [sign * 3.5, 1.0, 0.0], [sign * 5.0, 0.0, 0.0], [sign * 3.4, 0.0, 0.0]];
            joints.extend(
                side.into_iter().zip(offsets).enumerate().map(|(depth, (name, offset))| (depth + 4, name, offset)),
            );
        }
        text(&joints, "0 18 0")
    }

    /// A figure on Poser's rig, in its own units.
    pub(crate) fn poser() -> String {
        let mut joints = vec![(0, "hip", [0.0; 3]), (1, "abdomen", [0.0, 20.7, -0.7]), (2, "chest", [0.0, 11.7, -0.5])];
        joints.extend([(3, "neck", [0.0, 22.2, -2.2]), (4, "head", [0.0, 7.1, 1.2]), (5, "End", [0.0, 8.0, 0.0])]);
        for (side, sign) in
            [(["lCollar", "lShldr", "lForeArm", "lHand"], 1.0), (["rCollar", "rShldr", "rForeArm", "rHand"], -1.0)]
        {
            let offsets =
                [[sign * 2.7, 19.3, -4.9], [sign * 8.8, -2.0, 1.5], [sign * 28.2, -1.7, 0.5], [sign * 22.6, 0.8, 7.1]];
            joints.extend(
                side.into_iter().zip(offsets).enumerate().map(|(depth, (name, offset))| (depth + 3, name, offset)),
            );
        }
        for (side, x) in
            [(["lButtock", "lThigh", "lShin", "lFoot"], 8.8), (["rButtock", "rThigh", "rShin", "rFoot"], -8.8)]
        {
            let offsets = [[x, 4.4, 1.2], [0.0, -1.7, -2.2], [0.0, -36.8, 0.7], [0.0, -45.1, -5.1]];
            joints.extend(
                side.into_iter().zip(offsets).enumerate().map(|(depth, (name, offset))| (depth + 1, name, offset)),
            );
        }
        text(&joints, "0 80 0")
    }

    fn found(text: &str) -> Result<&'static str> {
        FittedRig::find(&bvh::parse(text).unwrap()).map(|fitted| fitted.rig.name)
    }

    #[test]
    fn each_scheme_is_recognised_by_its_names() {
        assert_eq!(found(&cmu()).unwrap(), "cmu-motionbuilder");
        assert_eq!(found(&poser()).unwrap(), "cmu-poser");
        let mut biped = cmu();
        for (from, to) in [
            ("Neck\n", "lowerneck\n"),
            ("Neck1", "Neck"),
            ("Spine1", "Chest2"),
            ("LeftShoulder", "LeftCollar"),
            ("RightShoulder", "RightCollar"),
            ("LeftArm", "LeftShoulder"),
            ("RightArm", "RightShoulder"),
            ("LeftForeArm", "LeftElbow"),
            ("RightForeArm", "RightElbow"),
            ("LeftHand", "LeftWrist"),
            ("RightHand", "RightWrist"),
            ("LeftUpLeg", "LeftHip"),
            ("RightUpLeg", "RightHip"),
            ("LeftLeg", "LeftKnee"),
            ("RightLeg", "RightKnee"),
            ("LeftFoot", "LeftAnkle"),
            ("RightFoot", "RightAnkle"),
        ] {
            biped = biped.replace(from, to);
        }
        assert_eq!(found(&biped).unwrap(), "cmu-biped");
        let mut acclaim = cmu().replace("JOINT Neck\n{\nOFFSET 0 0 0", "JOINT lowerneck\n{\nOFFSET 0 3 0");
        for (from, to) in [("Spine1", "thorax"), ("Neck1", "upperneck"), ("JOINT Head", "JOINT head")] {
            acclaim = acclaim.replace(from, to);
        }
        for (side, letter) in [("Left", "l"), ("Right", "r")] {
            for (from, to) in [
                ("UpLeg", "femur"),
                ("Leg", "tibia"),
                ("Foot", "foot"),
                ("Arm", "humerus"),
                ("ForeArm", "radius"),
                ("Hand", "wrist"),
            ] {
                acclaim = acclaim.replace(&format!("{side}{from}\n"), &format!("{letter}{to}\n"));
            }
        }
        assert_eq!(found(&acclaim).unwrap(), "cmu-acclaim");
        let whole = cmu()
            .replace("Spine1", "Spine2")
            .replace("Neck1", "NeckTop")
            .replace("JOINT Neck\n{\nOFFSET 0 0 0", "JOINT Neck\n{\nOFFSET 0 3 0");
        assert_eq!(found(&whole).unwrap(), "motionbuilder");
    }

    #[test]
    fn a_misfit_lists_the_files_joints_and_what_the_nearest_rig_misses() {
        let error = found(&cmu().replace("LeftForeArm", "LeftLowerArm")).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("nearest is cmu-motionbuilder, without LeftForeArm; found Hips, LHipJoint"),
            "{message}"
        );
        assert!(message.contains("LeftLowerArm") && error.hint_text().is_some());
    }
}
