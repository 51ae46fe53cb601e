//! The same live, where no later frame is waited for.

use std::collections::{BTreeMap, VecDeque};

use super::{
    FOOT_REACH, Feet, Filtered, HIP_REACH, IMAGE_LASTS, MAX_GAP, MAX_STANDING_SPEED, MIN_STAND_SECONDS, Sample, step,
};
use crate::error::Result;
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame};
use crate::smooth::{LocalLine, Track, is_crowded};

/// How much faster a foot may seem to move that has stood before: speeds by earlier samples alone are rough.
const TOLERANCE: f64 = 2.0;

/// A writer that sets the depth of people's roots by feet that have stood for a second, and passes poses on to another writer at
/// once. Poses must have roots and contacts, and still be in the camera's own axes.
pub struct LiveStandingWriter {
    writer: Box<dyn PoseWriter>,
    feet: Feet,
    keeps_contacts: bool,
    people: BTreeMap<Track, DepthFilter>,
}

/// One person's last second, and the depth so far.
struct DepthFilter {
    /// Sorted by time; feet stand in those that did so when they came.
    samples: VecDeque<Sample>,
    /// Which feet have stood for a second.
    stand: [bool; 2],
    filtered: Filtered,
}

impl LiveStandingWriter {
    /// Sets the roots of a stream of `info` for `writer`, which gets the contacts only with `keeps_contacts`.
    ///
    /// # Errors
    /// Poses without ankles, or of an unknown unit.
    pub fn new(writer: Box<dyn PoseWriter>, info: &PoseInfo, keeps_contacts: bool) -> Result<Self> {
        Ok(Self { writer, feet: Feet::of(info)?, keeps_contacts, people: BTreeMap::new() })
    }

    fn set_depths(&mut self, time: f64, lifted: &mut LiftedFrame) {
        for place in 0..lifted.people.len() {
            let track = Track::of(&lifted.people, place);
            let person = &mut lifted.people[place];
            let Some((track, sample)) = track.zip(self.feet.sample(time, person)) else { continue };
            let depth = match self.people.get_mut(&track).filter(|filter| filter.goes_on_at(time)) {
                Some(filter) => filter.push(sample, self.feet.metre),
                None => {
                    self.people.insert(track, DepthFilter::of(sample));
                    continue;
                }
            };
            if let Some(root) = &mut person.root {
                super::set_depth(root, depth);
            }
        }
        if is_crowded(self.people.len(), lifted.people.len()) {
            self.people.retain(|_, filter| filter.goes_on_at(time));
        }
    }
}

impl DepthFilter {
    fn of(sample: Sample) -> Self {
        let filtered = Filtered::first(&sample, IMAGE_LASTS);
        Self { samples: VecDeque::from([sample]), stand: [false; 2], filtered }
    }

    fn last_time(&self) -> f64 {
        self.samples.back().map_or(f64::NEG_INFINITY, |last| last.time)
    }

    /// Whether a sample at `time` is the next, or begins another filter.
    fn goes_on_at(&self, time: f64) -> bool {
        let apart = time - self.last_time();
        apart > 0.0 && apart <= MIN_STAND_SECONDS
    }

    /// The depth by `sample`, too.
    fn push(&mut self, mut sample: Sample, metre: f64) -> f64 {
        self.samples.push_back(sample.clone());
        let hip = self.slope(HIP_REACH, |sample| sample.depth);
        for side in [0, 1] {
            let foot = self.slope(FOOT_REACH, |sample| sample.ankles[side].z);
            let tolerance = if self.stand[side] { TOLERANCE } else { 1.0 };
            sample.stand[side] &= (hip + foot).abs() < MAX_STANDING_SPEED * tolerance * metre;
        }
        let newest = self.samples.len() - 1;
        self.samples[newest].stand = sample.stand;
        self.stand = [0, 1].map(|side| self.has_stood(side));
        let before = self.standing(&self.samples[newest - 1]);
        let step = step(&before, &self.standing(&sample), metre);
        self.filtered = self.filtered.next(&step, &sample, sample.time - before.time);
        // What is left reaches back by a second at least.
        while self.samples.get(1).is_some_and(|second| sample.time - second.time >= MIN_STAND_SECONDS) {
            self.samples.pop_front();
        }
        self.filtered.mean
    }

    /// A sample with those feet standing that have stood for a second.
    fn standing(&self, sample: &Sample) -> Sample {
        Sample { stand: self.stand, ..sample.clone() }
    }

    /// How fast `value` changes, a second, by the samples of the last `reach` seconds; 0 where there is nothing to tell by.
    fn slope(&self, reach: f64, value: impl Fn(&Sample) -> f64) -> f64 {
        let mut line = LocalLine::default();
        for sample in self.samples.iter().rev() {
            line.push((sample.time - self.last_time()) / reach, value(sample));
        }
        line.slope().unwrap_or(0.0) / reach
    }

    /// Whether a foot has stood for a second, without a gap.
    fn has_stood(&self, side: usize) -> bool {
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        let is_long = self.samples.front().is_some_and(|first| self.last_time() - first.time >= MIN_STAND_SECONDS);
        is_long
            && self.samples.iter().all(|sample| sample.stand[side])
            && pairs.into_iter().all(|(one, next)| next.time - one.time <= MAX_GAP)
    }
}

impl PoseWriter for LiveStandingWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let mut changed = lifted.clone();
        if let Some(time) = lifted.time.filter(|time| time.is_finite()) {
            self.set_depths(time, &mut changed);
        }
        if !self.keeps_contacts {
            super::drop_contacts(&mut changed);
        }
        self.writer.write(frame, &changed)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}
