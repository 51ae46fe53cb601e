//! Which joints a stream holds, when it does not say.

use crate::lift::Lifter;
use crate::model::PoseNetwork;
use crate::pose::Frame;
use crate::skeleton::{Conversion, LAYOUTS, Layout};

/// The layout that a person of `joints` key points is taken to be in: the model's own if the number fits, else the
/// only known layout of that size that holds what the model reads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guess {
    pub(super) conversion: Conversion,
    pub(super) name: String,
}

pub(super) fn guess<N: PoseNetwork>(lifter: &Lifter<N>, joints: usize) -> Option<Guess> {
    let input = &lifter.card().input;
    if joints == input.joints.len() {
        return Some(Guess { conversion: Conversion::identity(joints), name: input.layout.clone() });
    }
    let fitting = |layout: &&Layout| layout.len() == joints;
    let mut guesses = LAYOUTS.into_iter().filter(fitting).filter_map(|layout| {
        let conversion = lifter.conversion(layout).ok()?;
        Some(Guess { conversion, name: layout.name.to_owned() })
    });
    guesses.next().filter(|_| guesses.next().is_none())
}

/// The guess for the first person in `frames` whose number of key points fits any layout.
pub(super) fn guess_from<N: PoseNetwork>(lifter: &Lifter<N>, frames: &[Frame]) -> Option<Guess> {
    frames.iter().flat_map(|frame| &frame.people).find_map(|person| guess(lifter, person.keypoints.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;
    use crate::model::MockNetwork;
    use crate::pose::{Keypoint, Person};

    #[test]
    fn the_number_of_joints_tells_the_layout() {
        let lifter = Lifter::with_network(MockNetwork::new(), 1);
        let name = |joints| guess(&lifter, joints).map(|guess| guess.name);
        assert_eq!(name(17).unwrap(), "coco17");
        assert_eq!(name(25).unwrap(), "body25");
        assert_eq!(name(26).unwrap(), "halpe26");
        assert_eq!(name(33).unwrap(), "mediapipe33");
        assert_eq!(name(12), None);
    }

    #[test]
    fn people_who_fit_nothing_do_not_decide() {
        let lifter = Lifter::with_network(MockNetwork::new(), 1);
        let person = |joints| Person { id: None, keypoints: vec![Keypoint::MISSING; joints] };
        let frames = [Frame { people: vec![person(12), person(26)], ..Frame::default() }];
        assert_eq!(guess_from(&lifter, &frames).unwrap().name, "halpe26");
    }
}
