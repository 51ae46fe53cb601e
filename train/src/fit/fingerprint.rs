//! A fingerprint of a run's data, so that a resumed run continues with exactly the numbers that it began with.
//!
//! Paths are not enough: a file may be rewritten, a folder may gain a clip. So the numbers that were read are hashed,
//! clip by clip or array by array, and a refusal can name the difference.

use ndarray::{ArrayView3, s};
use poselift::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::{Motion, Pairs, TrainingData};

/// How many differences a refusal names.
const NAMED: usize = 3;

/// The data that a run is fitted on; saved as `fingerprint.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataFingerprint {
    parts: Vec<Part>,
}

/// An array, a clip or a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    /// `clip '16_01' of cmu`, `poses`.
    name: String,
    /// Frames or samples.
    length: usize,
    /// Hexadecimal, of the numbers in order.
    sha256: String,
}

impl DataFingerprint {
    /// The fingerprint of `data`.
    pub(crate) fn of(data: &TrainingData) -> Self {
        let parts = match data {
            TrainingData::Pairs(pairs) => pair_parts(pairs),
            TrainingData::Motion(motion) => clip_parts(motion),
        };
        Self { parts }
    }

    /// The same with a model that the run goes by, the teacher as one, by its name and weights.
    pub(crate) fn with_model(mut self, role: &str, named: Option<&str>) -> Self {
        self.parts.extend(named.map(|named| Part {
            name: role.to_owned(),
            length: 1,
            sha256: hex(&Sha256::digest(named.as_bytes())),
        }));
        self
    }

    /// Compares the current data, `self`, with the data that the run was `begun` with.
    ///
    /// # Errors
    /// They differ; the message names the first differences.
    pub(crate) fn check(&self, begun: &Self) -> Result<()> {
        if self == begun {
            return Ok(());
        }
        let differences = self.differences(begun);
        let mut named = differences.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        if differences.len() > NAMED {
            named += &format!("; and {} more", differences.len() - NAMED);
        }
        Err(Error::input(format!("the data changed since the run began: {named}"))
            .hint("restore the data, or begin a new run with another --out"))
    }

    fn differences(&self, begun: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for part in &begun.parts {
            match self.parts.iter().find(|now| now.name == part.name) {
                None => differences.push(format!("{} is gone", part.name)),
                Some(now) if now.length != part.length => {
                    differences.push(format!("{} is {} long, expected {}", part.name, now.length, part.length));
                }
                Some(now) if now.sha256 != part.sha256 => {
                    differences.push(format!("{} holds other numbers", part.name))
                }
                Some(_) => {}
            }
        }
        for part in &self.parts {
            if !begun.parts.iter().any(|before| before.name == part.name) {
                differences.push(format!("{} is new", part.name));
            }
        }
        if differences.is_empty() {
            differences.push("its clips come in another order".into());
        }
        differences
    }
}

fn pair_parts(pairs: &Pairs) -> Vec<Part> {
    let mut parts = Vec::new();
    for (name, array) in [("key points", &pairs.keypoints), ("poses", &pairs.poses)] {
        let name = format!("'{name}' of {}", pairs.source.name);
        parts.push(Part { name, length: array.dim().0, sha256: hash(array.view()) });
    }
    parts
}

fn clip_parts(motion: &Motion) -> Vec<Part> {
    let mut parts = Vec::new();
    for clip in &motion.clips {
        let source = &motion.sources[clip.source].name;
        let positions = motion.positions.slice(s![clip.start..clip.start + clip.frames, .., ..]);
        parts.push(Part {
            name: format!("clip '{}' of {} ({source})", clip.name, clip.subject),
            length: clip.frames,
            sha256: hash(positions),
        });
    }
    parts
}

/// The hash of a frame's shape and of all numbers, frame by frame.
fn hash(array: ArrayView3<f32>) -> String {
    let (_, joints, channels) = array.dim();
    let mut hasher = Sha256::new();
    hasher.update((joints as u64).to_le_bytes());
    hasher.update((channels as u64).to_le_bytes());
    let mut bytes = Vec::new();
    for frame in array.outer_iter() {
        bytes.clear();
        bytes.extend(frame.iter().flat_map(|value| value.to_le_bytes()));
        hasher.update(&bytes);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::open;

    fn motion(frames: usize, seed: u64) -> Motion {
        match open(&[format!("synthetic:{frames}")], 25.0, seed).unwrap() {
            TrainingData::Motion(motion) => motion,
            TrainingData::Pairs(_) => panic!("motion expected"),
        }
    }

    fn of(motion: Motion) -> DataFingerprint {
        DataFingerprint::of(&TrainingData::Motion(motion))
    }

    #[test]
    fn what_changed_is_named() {
        let begun = of(motion(300, 0));
        assert!(of(motion(300, 0)).check(&begun).is_ok());
        let said = |now: Motion| of(now).check(&begun).unwrap_err().to_string();
        let mut one_number = motion(300, 0);
        one_number.positions[[130, 4, 1]] += 1e-3;
        let name = &one_number.clips[1].name.clone();
        let message = said(one_number);
        assert!(message.contains(name) && message.contains("holds other numbers"), "{message}");
        assert!(said(motion(290, 0)).contains("long, expected"), "{}", said(motion(290, 0)));
        assert!(said(motion(500, 0)).contains("is new"));
        assert!(said(motion(100, 0)).contains("is gone"));
        let mut turned = motion(300, 0);
        turned.clips.reverse();
        assert!(said(turned).contains("another order"));
    }

    #[test]
    fn another_teacher_is_another_fingerprint() {
        let data = TrainingData::Motion(motion(130, 0));
        let taught = |named| DataFingerprint::of(&data).with_model("the teacher", Some(named));
        let message = taught("b, weights 2").check(&taught("a, weights 1")).unwrap_err().to_string();
        assert!(message.contains("the teacher holds other numbers"), "{message}");
        assert!(DataFingerprint::of(&data).check(&taught("a")).is_err());
    }
}
