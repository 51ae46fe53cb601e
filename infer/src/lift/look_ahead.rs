//! Looking ahead: a model with a memory goes through a clip backwards too, and each pose is the mean of both directions.
//!
//! Going forward, the first frames of a person have nothing to be remembered by, and what the memory learns of a detector's errors comes
//! too late for them. Going back from a later frame it knows those behind. The two directions err apart from each other, so that their
//! mean errs less (docs/lab.md).

use super::{Lifter, Refusal};
use crate::error::{Error, Result};
use crate::model::{Card, PoseNetwork};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};
use crate::skeleton::Conversion;
use crate::smooth::BoneTree;

/// Most frames that are gone back through at once, so that a clock of nonsense cannot gather a whole stream.
const MAX_FRAMES: usize = 8192;

impl<N: PoseNetwork> Lifter<N> {
    /// Lifts a whole clip by a model with a memory, which looks `seconds` ahead of each frame, and up to twice as far, but over no more
    /// than 8,192 frames: a second is enough. [`Self::lift_frames`] is the same without looking ahead. All people are forgotten first.
    ///
    /// # Errors
    /// A model without a memory; seconds that are no number above 0; a runtime that fails.
    pub fn lift_clip(
        &mut self,
        frames: &[Frame],
        conversion: &Conversion,
        seconds: f64,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<LiftedFrame>> {
        let mut look_ahead = LookAhead::new(self.card(), seconds)?;
        self.forget();
        // Chunk by chunk, as those who call for a network may have to look at something else meanwhile.
        for chunk in frames.chunks(MAX_FRAMES) {
            let lifted = self.lift_frames(chunk, conversion, refusals)?;
            look_ahead.push(chunk.to_vec(), lifted);
        }
        Ok(look_ahead.take(self, conversion, true)?.1)
    }

    /// Makes `lifted`, the poses of the first of `frames`, the means of themselves and of what the network gives going back from the
    /// last of `frames`, with `bones`. What is remembered of people stays as it is.
    fn look_back(
        &mut self,
        frames: &[Frame],
        conversion: &Conversion,
        bones: &BoneTree,
        lifted: &mut [LiftedFrame],
    ) -> Result<()> {
        let mut back_in_time = frames.to_vec();
        back_in_time.reverse();
        for frame in &mut back_in_time {
            frame.time = Some(-frame.time_or_usual());
        }
        let forward = self.begin_anew();
        // Who is refused was refused going forward, and is reported.
        let back = self.lift_frames(&back_in_time, conversion, &mut Vec::new());
        self.go_on_with(forward);
        for (lifted, back) in lifted.iter_mut().zip(back?.iter().rev()) {
            blend(&mut lifted.people, &back.people, bones);
        }
        Ok(())
    }
}

/// Sets the people of a frame to the mean of themselves and of the same people in `back`. Bones keep the mean of their lengths, which the
/// mean of two joints would shorten where the directions differ.
fn blend(people: &mut [LiftedPerson], back: &[LiftedPerson], bones: &BoneTree) {
    for person in people {
        let mut same = back.iter().filter(|other| other.id == person.id);
        let Some(back) = same.next() else { continue };
        // People of one id cannot be told apart: they keep the pose going forward.
        if same.next().is_some() {
            continue;
        }
        let lengths = bones.lengths(&person.joints).zip(bones.lengths(&back.joints));
        let lengths: Vec<f64> = lengths.map(|(forward, back)| f64::midpoint(forward, back)).collect();
        let ahead = person.joints.as_flattened_mut().iter_mut().zip(back.joints.as_flattened());
        for (forward, back) in ahead.chain(person.sigma.iter_mut().zip(&back.sigma)) {
            *forward = f32::midpoint(*forward, *back);
        }
        bones.stretch(&lengths, &mut person.joints);
    }
}

/// Lifted frames that wait for those after them.
#[derive(Debug)]
pub(crate) struct LookAhead {
    seconds: f64,
    bones: BoneTree,
    /// When each frame was, seconds.
    times: Vec<f64>,
    frames: Vec<Frame>,
    lifted: Vec<LiftedFrame>,
}

/// A backward pass through frames that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// How many frames it goes through.
    frames: usize,
    /// How many of the first of them have their final poses after it.
    done: usize,
}

impl LookAhead {
    /// # Errors
    /// A model without a memory; seconds that are no number above 0.
    pub(crate) fn new(card: &Card, seconds: f64) -> Result<Self> {
        if card.memory.is_none() {
            let cause = format!("{} remembers nothing of a person, so that looking ahead changes nothing", card.name);
            return Err(Error::usage(cause).hint("a model with a memory can: coco17-memory, coco23-memory"));
        }
        if !(seconds.is_finite() && seconds > 0.0) {
            return Err(Error::usage(format!("{seconds} seconds to look ahead, expected a number above 0")));
        }
        let bones = BoneTree::new(&card.output.parents);
        Ok(Self { seconds, bones, times: Vec::new(), frames: Vec::new(), lifted: Vec::new() })
    }

    /// Adds frames behind those that wait, and their poses.
    pub(crate) fn push(&mut self, frames: Vec<Frame>, lifted: Vec<LiftedFrame>) {
        for frame in &frames {
            // An unreadable frame has no time, and no person: it comes at once after the last.
            let last = self.times.last().filter(|_| frame.time.is_none() && frame.people.is_empty());
            self.times.push(last.copied().unwrap_or_else(|| frame.time_or_usual()));
        }
        self.frames.extend(frames);
        self.lifted.extend(lifted);
    }

    /// The frames that no later one can change any more, and their poses; all that wait where `is_end` says that no more will come.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(crate) fn take<N: PoseNetwork>(
        &mut self,
        lifter: &mut Lifter<N>,
        conversion: &Conversion,
        is_end: bool,
    ) -> Result<(Vec<Frame>, Vec<LiftedFrame>)> {
        let mut done = 0;
        loop {
            let frames = &self.frames[done..];
            let window = self.next_window(&self.times[done..]);
            let waits = window.frames == frames.len() && !is_end;
            if waits || frames.is_empty() {
                break;
            }
            let lifted = &mut self.lifted[done..][..window.done];
            lifter.look_back(&frames[..window.frames], conversion, &self.bones, lifted)?;
            done += window.done;
        }
        self.times.drain(..done);
        Ok((self.frames.drain(..done).collect(), self.lifted.drain(..done).collect()))
    }

    /// The window at the first of frames at `times`: the first seconds of them, and as many behind. Where time goes back, another clip
    /// begins.
    fn next_window(&self, times: &[f64]) -> Window {
        let times = &times[..times.len().min(MAX_FRAMES)];
        let one_clip = times.windows(2).take_while(|pair| pair[0] <= pair[1]).count() + 1;
        let Some((first, _)) = times.split_first() else { return Window { frames: 0, done: 0 } };
        let times = &times[..one_clip];
        let done = times.partition_point(|time| *time < first + self.seconds).clamp(1, MAX_FRAMES / 2);
        let last = times[done - 1];
        Window { frames: times.partition_point(|time| *time <= last + self.seconds), done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MemoryCard, MockNetwork, TrainingCard};

    fn look_ahead(seconds: f64) -> LookAhead {
        let mut card = MockNetwork::new().card;
        card.memory =
            Some(MemoryCard { units: 1, longest_gap: 1.0, frames: String::new(), training: TrainingCard::untrained() });
        LookAhead::new(&card, seconds).expect("it has a memory")
    }

    #[test]
    fn a_window_holds_as_much_later_as_is_done() {
        let ahead = look_ahead(0.2);
        let quick: Vec<f64> = (0..20).map(|frame| f64::from(frame) * 0.05 + 0.01).collect();
        assert_eq!(ahead.next_window(&quick), Window { frames: 8, done: 4 });
        assert_eq!(ahead.next_window(&quick[..2]), Window { frames: 2, done: 2 });
        // Frames further apart than that are each alone.
        assert_eq!(ahead.next_window(&[1.0, 2.0]), Window { frames: 1, done: 1 });
        assert_eq!(ahead.next_window(&[]), Window { frames: 0, done: 0 });
    }

    #[test]
    fn another_clip_is_not_looked_into() {
        let ahead = look_ahead(1.0);
        assert_eq!(ahead.next_window(&[0.0, 0.5, 0.1, 0.6]), Window { frames: 2, done: 2 });
        // An unreadable frame has the time of the last.
        assert_eq!(ahead.next_window(&[0.5, 0.5, 0.6]), Window { frames: 3, done: 3 });
    }

    #[test]
    fn a_clock_of_nonsense_gathers_no_more_than_is_allowed() {
        let slow: Vec<f64> = (0..3 * MAX_FRAMES).map(|frame| frame as f64 * 1e-9).collect();
        let window = look_ahead(1.0).next_window(&slow);
        assert_eq!(window, Window { frames: MAX_FRAMES, done: MAX_FRAMES / 2 });
    }

    #[test]
    fn a_model_without_a_memory_and_seconds_that_are_none_are_refused() {
        let card = MockNetwork::new().card;
        let error = LookAhead::new(&card, 1.0).expect_err("it has no memory").to_string();
        assert!(error.contains("remembers nothing"), "{error}");
        let card = Card {
            memory: Some(MemoryCard {
                units: 1,
                longest_gap: 1.0,
                frames: String::new(),
                training: TrainingCard::untrained(),
            }),
            ..card
        };
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(LookAhead::new(&card, seconds).is_err(), "{seconds}");
        }
    }

    #[test]
    fn people_are_the_mean_of_both_directions_where_they_can_be_told() {
        let person =
            |id, x: f32| LiftedPerson { id, joints: vec![[x, 0.0, 1.0]], sigma: vec![x], ..LiftedPerson::default() };
        let mut people = [person(Some(1), 1.0), person(Some(2), 1.0), person(None, 1.0), person(None, 1.0)];
        let back = [person(Some(2), 2.0), person(None, 2.0), person(None, 2.0)];
        blend(&mut people, &back, &BoneTree::new(&[-1]));
        let found = people.map(|person| (person.joints[0][0], person.sigma[0]));
        assert_eq!(found, [(1.0, 1.0), (1.5, 1.5), (1.0, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn bones_are_as_long_as_in_both_directions_on_the_mean() {
        let arm = |hand: [f32; 3]| LiftedPerson { joints: vec![[0.0; 3], hand], ..LiftedPerson::default() };
        let mut people = [arm([0.5, 0.0, 0.0])];
        blend(&mut people, &[arm([0.0, 0.7, 0.0])], &BoneTree::new(&[-1, 0]));
        let [x, y, z] = people[0].joints[1];
        assert!((x.hypot(y) - 0.6).abs() < 1e-6 && (y / x - 1.4).abs() < 1e-5 && z == 0.0, "{x} {y} {z}");
    }
}
