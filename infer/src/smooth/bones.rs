//! The lengths that people's bones usually have.

use std::collections::BTreeMap;

use super::Track;
use crate::pose::LiftedPerson;

/// What was seen so many seconds ago counts 1/e of what is seen now.
const MEMORY: f64 = 3.0;
/// People who were away for longer, seconds, may be forgotten.
const FORGOTTEN: f64 = 3.0 * MEMORY;

/// The bones of all people.
pub(super) struct Bones {
    /// Joints and their parents, parents before children.
    pairs: Vec<[usize; 2]>,
    people: BTreeMap<Track, Lengths>,
    /// Of the last frame, seconds.
    time: f64,
}

/// One person's.
struct Lengths {
    /// When they were last seen, seconds.
    time: f64,
    /// How many frames the means are of, older ones counting less.
    weight: f64,
    /// Of each bone, in the unit of the poses.
    means: Vec<f64>,
}

impl Bones {
    /// Bones from joints to their `parents`, −1 for none.
    pub(super) fn new(parents: &[i32]) -> Self {
        let parent = |joint: usize| usize::try_from(parents[joint]).ok().filter(|parent| *parent < parents.len());
        // A parent is nearer to the root; in a ring, which is no skeleton, nothing is.
        let depth =
            |joint: usize| std::iter::successors(Some(joint), |&joint| parent(joint)).take(parents.len()).count();
        let mut pairs: Vec<[usize; 2]> =
            (0..parents.len()).filter_map(|joint| parent(joint).map(|parent| [joint, parent])).collect();
        pairs.sort_by_key(|[joint, _]| depth(*joint));
        Self { pairs, people: BTreeMap::new(), time: f64::NEG_INFINITY }
    }

    /// When a person was last seen, seconds; before all times where none was.
    pub(super) fn time(&self) -> f64 {
        self.time
    }

    /// Forgets all people.
    pub(super) fn forget(&mut self) {
        self.people.clear();
        self.time = f64::NEG_INFINITY;
    }

    /// Learns from the poses of `people` at `time`, later than all before.
    pub(super) fn see(&mut self, time: f64, people: &[LiftedPerson]) {
        self.time = time;
        for (place, person) in people.iter().enumerate() {
            let Some(track) = Track::of(people, place) else { continue };
            let bone = |[joint, parent]: &[usize; 2]| length(between(&person.joints, *parent, *joint));
            let lengths = self.pairs.iter().map(bone);
            match self.people.get_mut(&track) {
                Some(known) => known.see(time, lengths),
                None => drop(self.people.insert(track, Lengths { time, weight: 1.0, means: lengths.collect() })),
            }
        }
        if self.people.len() > 2 * people.len() + 64 {
            self.people.retain(|_, known| time - known.time <= FORGOTTEN);
        }
    }

    /// Gives the bones of `joints`, a pose of `track`, their usual lengths; the root stays and directions do.
    pub(super) fn restore(&self, track: Track, joints: &mut [[f32; 3]]) {
        let Some(known) = self.people.get(&track) else { return };
        let found = joints.to_vec();
        for ([joint, parent], wanted) in self.pairs.iter().zip(&known.means) {
            let bone = between(&found, *parent, *joint);
            let length = length(bone);
            let stretch = if length > 0.0 { wanted / length } else { 1.0 };
            let base = joints[*parent];
            joints[*joint] = std::array::from_fn(|axis| (f64::from(base[axis]) + bone[axis] * stretch) as f32);
        }
    }
}

impl Lengths {
    fn see(&mut self, time: f64, lengths: impl Iterator<Item = f64>) {
        self.weight = self.weight * (-(time - self.time) / MEMORY).exp() + 1.0;
        self.time = time;
        for (mean, length) in self.means.iter_mut().zip(lengths) {
            *mean += (length - *mean) / self.weight;
        }
    }
}

fn between(joints: &[[f32; 3]], from: usize, to: usize) -> [f64; 3] {
    std::array::from_fn(|axis| f64::from(joints[to][axis]) - f64::from(joints[from][axis]))
}

fn length(bone: [f64; 3]) -> f64 {
    bone.iter().map(|axis| axis * axis).sum::<f64>().sqrt()
}
