//! What a model with a memory remembers of each track.

use std::collections::{HashMap, VecDeque};

use ndarray::{ArrayView1, ArrayViewMut2};

use crate::error::{Error, Result};
use crate::model::{Batch, MemoryCard, PoseNetwork, Recall};
use crate::pose::Frame;

/// Seconds between frames that do not say their time.
const USUAL_STEP: f64 = 1.0 / 30.0;
/// The least time between two frames of which one remembers the other, seconds. Where frames come faster, each remembers the one
/// about a thirtieth of a second before: what memories learn of people's errors is spread over more time then (docs/lab.md).
const LEAST_STEP: f64 = 1.0 / 36.0;
/// Tracks that are kept beside those in sight before old ones are looked for.
const SPARE_TRACKS: usize = 64;

/// A person of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RecalledPerson {
    /// The frame, as its place in the batch of frames.
    frame: usize,
    /// Seconds.
    time: f64,
    /// `None` for who cannot be told from others.
    track: Option<TrackId>,
}

/// What a person is remembered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum TrackId {
    Named(i64),
    /// The only person of a stream without ids.
    Only,
}

/// A frame's time, seconds.
pub(super) fn time(frame: &Frame) -> f64 {
    frame.time.unwrap_or(frame.index as f64 * USUAL_STEP)
}

/// The people of `frames`, in order, of whom `are_lifted` says yes.
pub(super) fn persons(frames: &[Frame], are_lifted: impl Iterator<Item = bool>) -> Vec<RecalledPerson> {
    let mut all = Vec::new();
    for (place, frame) in frames.iter().enumerate() {
        let time = time(frame);
        let is_alone = frame.people.len() == 1;
        for person in &frame.people {
            let track = person.id.map(TrackId::Named).or(is_alone.then_some(TrackId::Only));
            all.push(RecalledPerson { frame: place, time, track });
        }
    }
    all.into_iter().zip(are_lifted).filter(|(_, is_lifted)| *is_lifted).map(|(person, _)| person).collect()
}

/// The tracks that are remembered.
#[derive(Debug)]
pub(super) struct Tracks {
    units: usize,
    longest_gap: f64,
    known: HashMap<TrackId, Known>,
    /// `[N, units]` and `[N]` of the batch that is run, kept between calls.
    memory: Vec<f32>,
    since: Vec<f32>,
    /// What is known of each person of the batch.
    recalled: Vec<Known>,
}

/// What is known of a track: of its last frames, in order, what a frame after them may remember; one at least.
#[derive(Debug, Default)]
struct Known(VecDeque<Remembered>);

/// A frame of a track.
#[derive(Debug)]
struct Remembered {
    /// Seconds.
    time: f64,
    /// `[units]`.
    memory: Vec<f32>,
}

impl Known {
    /// When the track was last seen, seconds; −∞ if never.
    fn time(&self) -> f64 {
        self.0.back().map_or(f64::NEG_INFINITY, |last| last.time)
    }

    /// What a frame at `time` remembers: the last frame that is [`LEAST_STEP`] before it, or else the first that is known.
    fn at(&self, time: f64) -> Option<&Remembered> {
        self.0.iter().rev().find(|frame| time - frame.time >= LEAST_STEP).or(self.0.front())
    }

    /// Adds a frame, and forgets those that none after it remembers.
    fn push(&mut self, frame: Remembered) {
        let now = frame.time;
        self.0.push_back(frame);
        while self.0.get(1).is_some_and(|second| now - second.time >= LEAST_STEP) {
            self.0.pop_front();
        }
    }
}

impl Tracks {
    pub(super) fn new(card: &MemoryCard) -> Self {
        let (units, longest_gap) = (card.units, card.longest_gap);
        Self { units, longest_gap, known: HashMap::new(), memory: Vec::new(), since: Vec::new(), recalled: Vec::new() }
    }

    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Runs `network` on `batch`, the people `persons`, frame after frame.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(super) fn run<N: PoseNetwork>(
        &mut self,
        network: &mut N,
        persons: &[RecalledPerson],
        mut batch: Batch<'_>,
    ) -> Result<()> {
        let mut first = 0;
        for frame in persons.chunk_by(|one, next| one.frame == next.frame) {
            self.recall(frame);
            let rows = batch.rows(first..first + frame.len());
            first += frame.len();
            let shape = (frame.len(), self.units);
            let memory = ArrayViewMut2::from_shape(shape, &mut self.memory);
            let memory = memory.map_err(|error| Error::input(error.to_string()))?;
            let recall = Recall { since: ArrayView1::from(&self.since[..]), memory };
            let rows = rows.remembering(network.card(), recall)?;
            network.run(rows)?;
            self.keep(frame);
        }
        Ok(())
    }

    /// Fills the arrays with what is known of `persons`.
    fn recall(&mut self, persons: &[RecalledPerson]) {
        self.since.clear();
        self.memory.clear();
        self.recalled.clear();
        for person in persons {
            // Taken out, so that a second person of the same id is new.
            let known = person.track.and_then(|track| self.known.remove(&track)).unwrap_or_default();
            let is_going_on = person.time > known.time() && person.time - known.time() <= self.longest_gap;
            let known = if is_going_on { known } else { Known::default() };
            match known.at(person.time) {
                Some(frame) => {
                    self.since.push((person.time - frame.time) as f32);
                    self.memory.extend_from_slice(&frame.memory);
                }
                None => {
                    self.since.push(0.0);
                    self.memory.resize(self.memory.len() + self.units, 0.0);
                }
            }
            self.recalled.push(known);
        }
    }

    /// Keeps what the network gave for `persons`.
    fn keep(&mut self, persons: &[RecalledPerson]) {
        let memories = self.memory.chunks_exact(self.units);
        for ((person, memory), mut known) in persons.iter().zip(memories).zip(self.recalled.drain(..)) {
            // What is not finite would spoil all frames after it.
            if let Some(track) = person.track.filter(|_| memory.iter().all(|number| number.is_finite())) {
                known.push(Remembered { time: person.time, memory: memory.to_vec() });
                self.known.insert(track, known);
            }
        }
        let now = persons[0].time;
        if self.known.len() > persons.len() + SPARE_TRACKS {
            self.known.retain(|_, known| (now - known.time()).abs() <= self.longest_gap);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::model::{BatchArrays, Card, MockNetwork, TrainingCard};
    use crate::pose::Person;

    /// Counts a person's frames in its one unit, and adds up the seconds in the other.
    struct Counting(Card);

    impl Counting {
        fn new() -> Self {
            let mut card = MockNetwork::new().card;
            card.memory = Some(MemoryCard {
                units: 2,
                longest_gap: 1.0,
                frames: String::new(),
                training: TrainingCard::untrained(),
            });
            Self(card)
        }
    }

    impl PoseNetwork for Counting {
        fn card(&self) -> &Card {
            &self.0
        }

        fn run(&mut self, batch: Batch<'_>) -> Result<()> {
            let BatchArrays { mut poses, recall, .. } = batch.into_arrays();
            let mut recall = recall.expect("people are remembered");
            for (row, mut memory) in recall.memory.outer_iter_mut().enumerate() {
                memory[0] += 1.0;
                memory[1] += recall.since[row];
                poses[(row, 0, 0)] = memory[0];
                poses[(row, 0, 1)] = memory[1];
            }
            Ok(())
        }
    }

    fn frame(time: f64, ids: &[Option<i64>]) -> Frame {
        let people = ids.iter().map(|&id| Person { id, keypoints: Vec::new() }).collect();
        Frame { time: Some(time), people, ..Frame::default() }
    }

    /// For each person of `frames` how many frames of them were seen before, this one counted, and over how many seconds.
    fn seen(frames: &[Frame]) -> Vec<[f32; 2]> {
        let mut network = Counting::new();
        let mut tracks = Tracks::new(network.card().memory.as_ref().expect("it has a memory"));
        let persons = persons(frames, std::iter::repeat(true));
        let mut poses = Array3::zeros((persons.len(), 17, 3));
        let keypoints = Array3::zeros((persons.len(), 17, 3));
        let card = network.card().clone();
        let batch = Batch::new(&card, keypoints.view(), poses.view_mut(), None).expect("the mock's shapes");
        tracks.run(&mut network, &persons, batch).expect("the mock does not fail");
        poses.outer_iter().map(|pose| [pose[(0, 0)], pose[(0, 1)]]).collect()
    }

    #[test]
    fn people_are_remembered_by_their_id_and_forgotten_after_a_gap() {
        let (a, b) = (Some(1), Some(2));
        let frames = [frame(0.0, &[a, b]), frame(0.5, &[b]), frame(1.0, &[b, a]), frame(2.25, &[a, b])];
        let found = seen(&frames);
        assert_eq!(found, [[1.0, 0.0], [1.0, 0.0], [2.0, 0.5], [3.0, 1.0], [2.0, 1.0], [1.0, 0.0], [1.0, 0.0]]);
    }

    #[test]
    fn of_frames_that_come_fast_each_remembers_the_one_a_thirtieth_of_a_second_before() {
        let at_60_hz: Vec<Frame> = (0..6).map(|place| frame(f64::from(place) / 60.0, &[Some(1)])).collect();
        let frames: Vec<f32> = seen(&at_60_hz).iter().map(|[frames, _]| *frames).collect();
        assert_eq!(frames, [1.0, 2.0, 2.0, 3.0, 3.0, 4.0]);
        let at_240_hz: Vec<Frame> = (0..25).map(|place| frame(f64::from(place) / 240.0, &[Some(1)])).collect();
        let [frames, seconds] = seen(&at_240_hz)[24];
        // Seven frames are 29 ms.
        assert!((4.0..=5.0).contains(&frames) && (seconds - 0.1).abs() < 1e-6, "{frames}, {seconds}");
    }

    #[test]
    fn who_has_no_id_is_remembered_only_alone_and_time_that_goes_back_begins_anew() {
        let found = seen(&[frame(0.0, &[None]), frame(0.5, &[None]), frame(0.75, &[None, None]), frame(1.0, &[None])]);
        assert_eq!(found, [[1.0, 0.0], [2.0, 0.5], [1.0, 0.0], [1.0, 0.0], [3.0, 1.0]]);
        let found = seen(&[frame(3.0, &[Some(1)]), frame(0.0, &[Some(1)]), frame(0.5, &[Some(1), Some(1)])]);
        assert_eq!(found, [[1.0, 0.0], [1.0, 0.0], [2.0, 0.5], [1.0, 0.0]]);
    }
}
