//! A person's identity across frames.

use crate::pose::LiftedPerson;

/// What identifies a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Track {
    Id(i64),
    /// The only one in the frame, without an id.
    Alone,
}

/// Whether so many `tracks` are kept, where a frame has so many `people`, that those who left should be looked for and dropped.
pub(crate) fn is_crowded(tracks: usize, people: usize) -> bool {
    tracks > 2 * people + 64
}

impl Track {
    /// The track of the person at `place`; `None` for one of several without an id, who cannot be identified.
    pub(crate) fn of(people: &[LiftedPerson], place: usize) -> Option<Self> {
        Self::new(people[place].id, people.len() == 1)
    }

    /// The track of a person with this `id`, who may be the only one in the frame.
    pub(crate) fn new(id: Option<i64>, is_alone: bool) -> Option<Self> {
        id.map(Self::Id).or(is_alone.then_some(Self::Alone))
    }

    /// This track's index in a frame; `likely` is tried first.
    pub(crate) fn find(self, people: &[LiftedPerson], likely: usize) -> Option<&LiftedPerson> {
        if likely < people.len() && self.is_at(likely, people) {
            return Some(&people[likely]);
        }
        (0..people.len()).find(|place| self.is_at(*place, people)).map(|place| &people[place])
    }

    fn is_at(self, place: usize, people: &[LiftedPerson]) -> bool {
        Self::of(people, place) == Some(self)
    }
}
