//! Smooths poses by the ones before them.

use std::collections::BTreeMap;

use super::one_euro::OneEuro;
use super::{Bones, Track, is_crowded};
use crate::pose::LiftedFrame;
use crate::skeleton::is_of_foot;

/// A person who is absent for longer, seconds, may be anywhere when they come back.
const AWAY: f64 = 0.5;

/// A filter for each person.
pub(super) struct Live {
    /// Cut-off frequency of joints that stand still, Hz.
    cutoff: f64,
    /// `[J]`, or empty where joints have no names.
    is_of_foot: Vec<bool>,
    people: BTreeMap<Track, OneEuro>,
}

impl Live {
    pub(super) fn new(cutoff: f64) -> Self {
        Self { cutoff, is_of_foot: Vec::new(), people: BTreeMap::new() }
    }

    /// Says what the joints are.
    pub(super) fn name_joints<S: AsRef<str>>(&mut self, joints: &[S]) {
        self.is_of_foot = joints.iter().map(|joint| is_of_foot(joint.as_ref())).collect();
    }

    /// Filters `lifted` at `time` by its people's filters.
    pub(super) fn update(&mut self, time: f64, lifted: &LiftedFrame, bones: &Bones) -> LiftedFrame {
        let mut smooth = lifted.clone();
        for (place, person) in smooth.people.iter_mut().enumerate() {
            let Some(track) = Track::of(&lifted.people, place) else { continue };
            match self.people.get_mut(&track).filter(|filter| is_step(filter.away(time))) {
                Some(filter) => filter.update(time, self.cutoff, &mut person.joints),
                None => {
                    self.people.insert(track, OneEuro::new(time, &person.joints, &self.is_of_foot));
                }
            }
            bones.restore(track, &mut person.joints);
        }
        if is_crowded(self.people.len(), lifted.people.len()) {
            self.people.retain(|_, filter| filter.away(time) <= AWAY);
        }
        smooth
    }
}

/// Whether a pose that comes so many `seconds` after the last continues it.
fn is_step(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= AWAY
}
