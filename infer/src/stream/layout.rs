//! Detects the layout of a stream that does not state it.

use std::collections::VecDeque;

use crate::error::{ErrorKind, Result};
use crate::format::{FrameReader, PassedOver, StreamInfo};
use crate::guard::Notice;
use crate::lift::Lifter;
use crate::model::PoseNetwork;
use crate::pose::Frame;
use crate::skeleton::{Conversion, LAYOUTS, Layout};

/// The layout assumed for a person of `joints` key points: the model's own if the number matches, otherwise the most
/// common layout of that size that holds the joints that the model reads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guess {
    pub(super) conversion: Conversion,
    pub(super) name: String,
}

impl Guess {
    /// The notice that it is a guess, and the option that helps.
    pub(super) fn notice(&self) -> Notice {
        let points = self.conversion.source_len();
        Notice::new(format!("no layout named, {points} key points taken to be {}", self.name), "--layout")
    }
}

pub(super) fn guess<N: PoseNetwork>(lifter: &Lifter<N>, joints: usize) -> Option<Guess> {
    let input = &lifter.card().input;
    if joints == input.joints.len() {
        return Some(Guess { conversion: Conversion::identity(joints), name: input.layout.clone() });
    }
    for layout in LAYOUTS {
        if layout.len() == joints
            && let Ok(conversion) = lifter.conversion(layout)
        {
            return Some(Guess { conversion, name: layout.name.to_owned() });
        }
    }
    None
}

/// The guess for the first person in `frames` whose number of key points fits any layout.
pub(super) fn guess_from<N: PoseNetwork>(lifter: &Lifter<N>, frames: &[Frame]) -> Option<Guess> {
    frames.iter().flat_map(|frame| &frame.people).find_map(|person| guess(lifter, person.keypoints.len()))
}

/// Number of frames that are searched for a person.
const FRAMES_TO_PEEK_AT: usize = 256;

/// Finds the layout of a stream that does not name it, from the first person in it; the returned reader gives all
/// frames again.
///
/// For writers that draw the key points. It waits for the first person, so it is not for live streams.
///
/// # Errors
/// The source fails.
pub fn peek_layout<N: PoseNetwork>(
    mut reader: Box<dyn FrameReader>,
    lifter: &Lifter<N>,
) -> Result<(Box<dyn FrameReader>, Option<&'static Layout>)> {
    let mut peeked = VecDeque::new();
    let mut layout = None;
    while layout.is_none() && peeked.len() < FRAMES_TO_PEEK_AT {
        match reader.read() {
            Ok(Some(frame)) => {
                layout = guess_from(lifter, std::slice::from_ref(&frame));
                peeked.push_back(Ok(frame));
            }
            Ok(None) => break,
            Err(fault) if fault.kind() == ErrorKind::BadInput => peeked.push_back(Err(fault)),
            Err(error) => return Err(error),
        }
    }
    let layout = layout.and_then(|guess| Layout::by_name(&guess.name).ok());
    Ok((Box::new(Peeked { peeked, reader }), layout))
}

/// A reader with frames that were read in advance.
struct Peeked {
    peeked: VecDeque<Result<Frame>>,
    reader: Box<dyn FrameReader>,
}

impl FrameReader for Peeked {
    fn info(&self) -> &StreamInfo {
        self.reader.info()
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        self.peeked.pop_front().map_or_else(|| self.reader.read(), |frame| frame.map(Some))
    }

    fn passed_over(&self) -> PassedOver {
        self.reader.passed_over()
    }

    fn reuse(&mut self, spent: Frame) {
        self.reader.reuse(spent);
    }

    fn has_more(&mut self) -> bool {
        !self.peeked.is_empty() || self.reader.has_more()
    }
}

#[cfg(test)]
mod tests {
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
