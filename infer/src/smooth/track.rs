//! A person's identity across frames.

use crate::pose::LiftedPerson;

/// What identifies a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Track {
    Id(i64),
    /// The only one in the frame, without an id.
    Alone,
}

impl Track {
    /// The track of the person at `place`; `None` for one of several without an id, who cannot be identified.
    pub(crate) fn of(people: &[LiftedPerson], place: usize) -> Option<Self> {
        match people[place].id {
            Some(id) => Some(Self::Id(id)),
            None => (people.len() == 1).then_some(Self::Alone),
        }
    }

    /// This track's index in a frame; `likely` is tried first.
    pub(crate) fn find(self, people: &[LiftedPerson], likely: usize) -> Option<&LiftedPerson> {
        let is_here = |place: &usize| Self::of(people, *place) == Some(self);
        let place = Some(likely).filter(|place| *place < people.len() && is_here(place));
        place.or_else(|| (0..people.len()).find(is_here)).map(|place| &people[place])
    }
}
