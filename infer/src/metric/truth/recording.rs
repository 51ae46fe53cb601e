//! Recordings from markers and from 3D streams: their names taken to the twelve joints.

use std::collections::BTreeMap;

use nalgebra::Vector3;

use super::{Recording, TRUTH_JOINTS, TruthPose, middle_of_hips};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Markers, PoseReader};
use crate::pose::{LiftedPerson, time_of_number, vector};

/// Ways to name a joint centre, without side and separators.
const NAMES: [(&str, &[&str]); 6] = [
    ("hip", &["hip", "hjc", "hipjc", "hipjoint"]),
    ("knee", &["knee", "kjc", "kneejc", "kneejoint"]),
    ("ankle", &["ankle", "ajc", "anklejc", "anklejoint"]),
    ("shoulder", &["shoulder", "sjc", "shoulderjc", "shoulderjoint"]),
    ("elbow", &["elbow", "ejc", "elbowjc", "elbowjoint"]),
    ("wrist", &["wrist", "wjc", "wristjc", "wristjoint"]),
];

impl Recording {
    /// The joints of `markers`, by the usual ways to name them: `right_hip`, `RHip`, `r.hip`, `hip_r`, `RHJC`,
    /// `subject:RHip`.
    ///
    /// # Errors
    /// Neither hip among them; two markers of one joint.
    pub fn of_markers(markers: &Markers) -> Result<Self> {
        let columns = columns(&markers.names)?;
        let mut recording = Self { times: markers.times.clone(), ..Self::default() };
        for frame in markers.positions.outer_iter() {
            let pose = columns.map(|column| match column {
                Some(column) => Vector3::from_fn(|axis, _| frame[[column, axis]]),
                None => Vector3::repeat(f64::NAN),
            });
            recording.roots.push(middle_of_hips(&pose));
            recording.poses.push(pose);
        }
        Ok(recording)
    }

    /// Reads a 3D stream to its end: the track with the most poses, all people without an id as one. Frames without a
    /// time have their place in the stream over its frames a second. Also returns the number of tracks, and of frames
    /// that could not be read.
    ///
    /// # Errors
    /// A stream in a unit of unknown length, without both hips, or without times and frames a second.
    pub fn of_stream(reader: &mut dyn PoseReader) -> Result<StreamRecording> {
        let info = reader.info().clone();
        let Some(metres) = info.unit.in_metres() else {
            let unit = info.unit.name();
            return Err(Error::input(format!("poses in the unit '{unit}', expected one whose length is known")));
        };
        let columns = columns(&info.joints)?;
        let mut tracks: BTreeMap<Option<i64>, Self> = BTreeMap::new();
        let mut unreadable = 0;
        let mut place = 0_u64;
        loop {
            let frame = match reader.read() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(fault) if fault.kind() == ErrorKind::BadInput => {
                    unreadable += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let time = frame.time.or_else(|| time_of_number(place, info.fps));
            let time = time.ok_or_else(|| {
                Error::input("poses without times or frames a second, expected one of them")
                    .hint("`run --fps` writes it")
            })?;
            place += 1;
            for person in &frame.people {
                let track = tracks.entry(person.id).or_default();
                if track.times.last().is_none_or(|&last| time > last) {
                    track.push(time, person, &columns, metres);
                }
            }
        }
        let count = tracks.len();
        let recording = tracks.into_values().max_by_key(|track| track.times.len());
        let mut recording = recording.ok_or_else(|| Error::input("no person in any frame, expected poses"))?;
        if !recording.roots.iter().any(super::is_known) {
            recording.roots.clear();
        }
        Ok(StreamRecording { recording, tracks: count, unreadable })
    }

    fn push(&mut self, time: f64, person: &LiftedPerson, columns: &[Option<usize>; TRUTH_JOINTS.len()], metres: f64) {
        let pose: TruthPose = columns.map(|column| match column {
            Some(column) => vector(person.joints[column]) * metres,
            None => Vector3::repeat(f64::NAN),
        });
        let root = person.root.map_or(Vector3::repeat(f64::NAN), |root| vector(root) * metres);
        self.times.push(time);
        self.roots.push(root + middle_of_hips(&pose));
        self.poses.push(pose);
        self.sigma.push(columns.map(|column| match column.and_then(|column| person.sigma.get(column)) {
            Some(sigma) => f64::from(*sigma) * metres,
            None => f64::NAN,
        }));
    }
}

/// A stream's longest track, and what else was in it.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRecording {
    /// The track with the most poses.
    pub recording: Recording,
    /// How many tracks there are.
    pub tracks: usize,
    /// Frames that could not be read.
    pub unreadable: u64,
}

/// For each of the twelve joints the place of its name.
fn columns(names: &[String]) -> Result<[Option<usize>; TRUTH_JOINTS.len()]> {
    let mut columns = [None; TRUTH_JOINTS.len()];
    for (place, name) in names.iter().enumerate() {
        let Some(joint) = joint_of(name) else { continue };
        if let Some(other) = columns[joint] {
            let other: &String = &names[other];
            return Err(Error::input(format!("'{other}' and '{name}' both name the {}", TRUTH_JOINTS[joint])));
        }
        columns[joint] = Some(place);
    }
    if let Some(hip) = [super::RIGHT_HIP, super::LEFT_HIP].into_iter().find(|&hip| columns[hip].is_none()) {
        let found: Vec<&str> = names.iter().take(40).map(String::as_str).collect();
        let message = format!("no {} among its joints ({})", TRUTH_JOINTS[hip], found.join(", "));
        return Err(Error::input(message).hint("joint centres are found by names such as right_hip, RHip, hip_r, RHJC"));
    }
    Ok(columns)
}

/// The index in [`TRUTH_JOINTS`] of the joint that a marker's name means.
fn joint_of(name: &str) -> Option<usize> {
    // Motion capture puts the subject's name before a colon.
    let bare = name.rsplit(':').next().unwrap_or(name);
    let letters: String = bare.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let sides = [("right", "right"), ("left", "left"), ("r", "right"), ("l", "left")];
    sides.into_iter().find_map(|(way, side)| {
        let rest = letters.strip_prefix(way).or_else(|| letters.strip_suffix(way))?;
        let (joint, _) = NAMES.iter().find(|(_, ways)| ways.contains(&rest))?;
        TRUTH_JOINTS.iter().position(|known| *known == format!("{side}_{joint}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joint_centres_have_many_names() {
        for name in ["right_hip", "RHip", "r.hip", "hip_r", "RHJC", "Bob:RHip", "Right Hip", "R_HJC", "hipR"] {
            assert_eq!(joint_of(name), Some(0), "{name}");
        }
        assert_eq!(joint_of("LElbow").map(|at| TRUTH_JOINTS[at]), Some("left_elbow"));
        assert_eq!(joint_of("shoulder_l").map(|at| TRUTH_JOINTS[at]), Some("left_shoulder"));
        for name in ["hip", "RASI", "RKneeMed", "sacrum", "Rhand", "head", ""] {
            assert_eq!(joint_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_joint_is_named_once_and_hips_must_be_there() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let message = columns(&names(&["RHip", "LHip", "RHJC"])).unwrap_err().to_string();
        assert_eq!(message, "'RHip' and 'RHJC' both name the right_hip");
        let message = columns(&names(&["RHip", "LKnee"])).unwrap_err().to_string();
        assert_eq!(message, "no left_hip among its joints (RHip, LKnee)");
    }
}
