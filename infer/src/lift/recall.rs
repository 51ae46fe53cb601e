//! Keeps the memory of each track between frames, for a model that has one.

use std::collections::{HashMap, VecDeque};

use ndarray::{ArrayView1, ArrayViewMut2};

use crate::error::Result;
use crate::model::{Batch, MemoryCard, PoseNetwork, Recall};
use crate::pose::Frame;
use crate::smooth::{Track, is_crowded};

/// The least time between a frame and the one that its memory comes from, seconds. Where frames come faster, each goes on from the
/// one about a thirtieth of a second before, so that memories learn of people's errors over more time (docs/lab.md).
const MIN_STEP: f64 = 1.0 / 36.0;

/// A person of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RecalledPerson {
    /// The frame, as its place in the batch of frames.
    frame: usize,
    /// Seconds.
    time: f64,
    /// `None` where several people have no id.
    track: Option<Track>,
}

/// The people of `frames` whose flag in `are_lifted` is true, in order.
pub(super) fn persons(frames: &[Frame], are_lifted: impl Iterator<Item = bool>) -> Vec<RecalledPerson> {
    let mut all = Vec::new();
    for (place, frame) in frames.iter().enumerate() {
        let time = frame.time_or_usual();
        let is_alone = frame.people.len() == 1;
        for person in &frame.people {
            let track = Track::new(person.id, is_alone);
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
    known: HashMap<Track, Known>,
    /// Of the batch that is run, kept between calls: `[N, units]` memories before it and then after it, `[N]` seconds since
    /// then, and `[N]` the row before it that it follows.
    memory: Vec<f32>,
    since: Vec<f32>,
    follows: Vec<Option<usize>>,
    /// `[N, units]` of one frame, for networks that run one at a time.
    of_frame: Vec<f32>,
    /// The track of each person of a frame, as it was before.
    recalled: Vec<Known>,
}

/// The memories of a track's last frames, oldest first; one at least.
#[derive(Debug, Default)]
struct Known(VecDeque<Remembered>);

/// A frame of a track.
#[derive(Debug)]
struct Remembered {
    /// Seconds.
    time: f64,
    memory: StoredMemory,
}

/// Where the memory that a frame left is stored.
#[derive(Debug)]
enum StoredMemory {
    /// With the frame: `[units]`.
    WithFrame(Vec<f32>),
    /// In this row of the batch that is run.
    InBatch(usize),
}

impl Known {
    /// When the track was last seen, seconds; −∞ if never.
    fn time(&self) -> f64 {
        self.0.back().map_or(f64::NEG_INFINITY, |last| last.time)
    }

    /// The frame that one at `time` goes on from: the last that is [`MIN_STEP`] before it, or else the first that is known.
    fn at(&self, time: f64) -> Option<&Remembered> {
        self.0.iter().rev().find(|frame| time - frame.time >= MIN_STEP).or(self.0.front())
    }

    /// Adds a frame, and forgets those that none after it remembers.
    fn push(&mut self, frame: Remembered) {
        let now = frame.time;
        self.0.push_back(frame);
        while self.0.get(1).is_some_and(|second| now - second.time >= MIN_STEP) {
            self.0.pop_front();
        }
    }
}

impl Tracks {
    pub(super) fn new(card: &MemoryCard) -> Self {
        Self {
            units: card.units,
            longest_gap: card.longest_gap,
            known: HashMap::new(),
            memory: Vec::new(),
            since: Vec::new(),
            follows: Vec::new(),
            of_frame: Vec::new(),
            recalled: Vec::new(),
        }
    }

    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Runs `network` on `batch`, the people `persons`, who are remembered from frame to frame.
    ///
    /// # Errors
    /// A runtime that fails; all tracks are forgotten then.
    pub(super) fn run<N: PoseNetwork>(
        &mut self,
        network: &mut N,
        persons: &[RecalledPerson],
        batch: Batch<'_>,
    ) -> Result<()> {
        self.since.clear();
        self.memory.clear();
        self.follows.clear();
        for frame in persons.chunk_by(|one, next| one.frame == next.frame) {
            self.plan(frame);
        }
        let done = match network.runs_sequences() {
            true => self.run_at_once(network, batch),
            false => self.run_frames(network, persons, batch),
        };
        match done {
            Ok(()) => self.settle(),
            Err(_) => self.forget(),
        }
        done
    }

    /// Adds the people of a frame to the batch with their memories, and marks the frame as their tracks' last one.
    fn plan(&mut self, persons: &[RecalledPerson]) {
        let first = self.since.len();
        self.recalled.clear();
        for person in persons {
            // Taken out, so that a second person of the same id is new.
            let known = person.track.and_then(|track| self.known.remove(&track)).unwrap_or_default();
            let is_going_on = person.time > known.time() && person.time - known.time() <= self.longest_gap;
            let known = if is_going_on { known } else { Known::default() };
            let frame = known.at(person.time);
            self.since.push(frame.map_or(0.0, |frame| (person.time - frame.time) as f32));
            let (kept, follows) = match frame.map(|frame| &frame.memory) {
                Some(StoredMemory::WithFrame(memory)) => (&memory[..], None),
                Some(StoredMemory::InBatch(row)) => (&[][..], Some(*row)),
                None => (&[][..], None),
            };
            self.memory.extend_from_slice(kept);
            self.memory.resize(self.since.len() * self.units, 0.0);
            self.follows.push(follows);
            self.recalled.push(known);
        }
        for (place, (person, mut known)) in persons.iter().zip(self.recalled.drain(..)).enumerate() {
            if let Some(track) = person.track {
                known.push(Remembered { time: person.time, memory: StoredMemory::InBatch(first + place) });
                // The first of two people with one id is the one who was known.
                self.known.entry(track).or_insert(known);
            }
        }
        let now = persons[0].time;
        if is_crowded(self.known.len(), persons.len()) {
            self.known.retain(|_, known| (now - known.time()).abs() <= self.longest_gap);
        }
    }

    /// Runs the whole batch in one call.
    fn run_at_once<N: PoseNetwork>(&mut self, network: &mut N, mut batch: Batch<'_>) -> Result<()> {
        let count = self.since.len();
        let shape = (count, self.units);
        let memory = ArrayViewMut2::from_shape(shape, &mut self.memory)?;
        let is_sequence = self.follows.iter().any(Option::is_some);
        let follows = if is_sequence { &self.follows[..] } else { &[] };
        let recall = Recall { since: ArrayView1::from(&self.since[..]), memory, follows };
        network.run(batch.rows(0..count).remembering(network.card(), recall)?)
    }

    /// Runs frame after frame.
    fn run_frames<N: PoseNetwork>(
        &mut self,
        network: &mut N,
        persons: &[RecalledPerson],
        mut batch: Batch<'_>,
    ) -> Result<()> {
        let mut rows = 0..0;
        for frame in persons.chunk_by(|one, next| one.frame == next.frame) {
            rows = rows.end..rows.end + frame.len();
            self.of_frame.clear();
            for row in rows.clone() {
                let from = self.follows[row].unwrap_or(row);
                self.of_frame.extend_from_slice(&self.memory[from * self.units..][..self.units]);
            }
            let shape = (frame.len(), self.units);
            let memory = ArrayViewMut2::from_shape(shape, &mut self.of_frame)?;
            let recall = Recall { since: ArrayView1::from(&self.since[rows.clone()]), memory, follows: &[] };
            network.run(batch.rows(rows.clone()).remembering(network.card(), recall)?)?;
            for (row, memory) in rows.clone().zip(self.of_frame.chunks_exact(self.units)) {
                let own = row * self.units;
                match (memory.iter().all(|number| number.is_finite()), self.follows[row]) {
                    (true, _) => self.memory[own..][..self.units].copy_from_slice(memory),
                    // What is not finite would spoil all frames after it: they remember what was known before.
                    (false, Some(from)) => self.memory.copy_within(from * self.units..(from + 1) * self.units, own),
                    (false, None) => {}
                }
            }
        }
        Ok(())
    }

    /// Stores the memories that the rows of the batch left with their frames.
    fn settle(&mut self) {
        for frame in self.known.values_mut().flat_map(|known| &mut known.0) {
            if let StoredMemory::InBatch(row) = frame.memory {
                frame.memory = StoredMemory::WithFrame(self.memory[row * self.units..][..self.units].to_vec());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::model::{BatchArrays, Card, MockNetwork, TrainingCard};
    use crate::pose::Person;

    /// Counts a person's frames in its one unit, and adds up the seconds in the other; a sequence at once or not.
    struct Counting(Card, bool);

    impl Counting {
        fn new(runs_sequences: bool) -> Self {
            let mut card = MockNetwork::new().card;
            card.memory = Some(MemoryCard {
                units: 2,
                longest_gap: 1.0,
                frames: String::new(),
                training: TrainingCard::untrained(),
            });
            Self(card, runs_sequences)
        }
    }

    impl PoseNetwork for Counting {
        fn card(&self) -> &Card {
            &self.0
        }

        fn run(&mut self, batch: Batch<'_>) -> Result<()> {
            let BatchArrays { mut poses, recall, .. } = batch.into_arrays();
            let mut recall = recall.expect("people are remembered");
            for row in 0..recall.since.len() {
                let from = recall.follows.get(row).copied().flatten().unwrap_or(row);
                for (unit, more) in [1.0, recall.since[row]].into_iter().enumerate() {
                    recall.memory[(row, unit)] = recall.memory[(from, unit)] + more;
                    poses[(row, 0, unit)] = recall.memory[(row, unit)];
                }
            }
            Ok(())
        }

        fn runs_sequences(&self) -> bool {
            self.1
        }
    }

    fn frame(time: f64, ids: &[Option<i64>]) -> Frame {
        let people = ids.iter().map(|&id| Person { id, keypoints: Vec::new() }).collect();
        Frame { time: Some(time), people, ..Frame::default() }
    }

    /// For each person of `frames` how many frames of them were seen before, this one counted, and over how many seconds.
    fn seen(frames: &[Frame]) -> Vec<[f32; 2]> {
        let [at_once, one_by_one] = [true, false].map(|runs_sequences| seen_by(Counting::new(runs_sequences), frames));
        assert_eq!(at_once, one_by_one);
        at_once
    }

    fn seen_by(mut network: Counting, frames: &[Frame]) -> Vec<[f32; 2]> {
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
