//! From frames to motion clips: each person's path over time, at one constant rate.
//!
//! A stream may lack frames, have irregular times, and lose people for a while. Motion files have a row for every `1
//! / rate` seconds, at the rate of the fastest frames ([`super::rate`]). [`Recorder`] keeps the frames, [`Clip`] has them in [`rows`]: a
//! sample at a row's time is taken unchanged, otherwise the two around it are joined by a straight line. A gap longer than
//! [`MAX_FILLED_GAP`] stays a gap.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use super::rate::{faster_rate, usual_rate};
use super::timeline::Timeline;
use super::unplaced_notice;
use crate::error::{Error, Result};
use crate::pose::{Frame, LiftedFrame, LiftedPerson, PersonKey, time_of_number};
use rows::{Rows, row_count};

pub(super) use rows::between;

/// What helps where poses have no time.
pub(super) const RATE_HINT: &str = "say how many frames a second there are: --fps 30";
/// The longest gap, seconds, that rows are filled over in formats that can hold a gap.
pub(super) const MAX_FILLED_GAP: f64 = 0.25;
/// More rows mean a wrong time: two days at 60 Hz.
const MAX_ROWS: f64 = 1e7;
/// An unknown coordinate.
const UNKNOWN: [f32; 3] = [f32::NAN; 3];

/// Numbers of people in file names and labels, no number twice: their ids. People without an id have their place, or the next
/// number that is free.
fn numbers(keys: &[PersonKey]) -> Vec<i64> {
    let mut taken = BTreeSet::new();
    for key in keys {
        if let PersonKey::Id(id) = key {
            taken.insert(*id);
        }
    }
    let mut numbers = Vec::with_capacity(keys.len());
    for key in keys {
        numbers.push(match *key {
            PersonKey::Id(id) => id,
            PersonKey::Place(place) => take_number(&mut taken, place as i64),
        });
    }
    numbers
}

/// Takes `wanted`, or the next number that is free.
fn take_number(taken: &mut BTreeSet<i64>, wanted: i64) -> i64 {
    let mut number = wanted;
    while !taken.insert(number) {
        number += 1;
    }
    number
}

/// One person's samples in the order of time.
struct RecordedPerson {
    key: PersonKey,
    /// `[T]` indices of the frames.
    frames: Vec<usize>,
    /// `[T, J]` relative to the root.
    joints: Vec<[f32; 3]>,
    /// `[T]` the root's position; NaN if it is unknown.
    roots: Vec<[f32; 3]>,
    /// `[T, J]` sigma, NaN if it is unknown; empty if it is not kept.
    sigma: Vec<f32>,
}

/// A frame with a time.
struct FrameTime {
    /// The frame's number.
    index: u64,
    /// Seconds.
    time: f64,
    /// Whether there are people in it.
    has_people: bool,
}

/// Frames that are left out.
struct LeftOut {
    count: u64,
    /// Of the first of them.
    place: usize,
    cause: Error,
}

/// Keeps frames until the last has come.
pub(super) struct Recorder {
    /// J.
    joints: usize,
    /// The rate that the stream names.
    fps: Option<f64>,
    /// The rate that the user names.
    asked: Option<f64>,
    keeps_sigma: bool,
    /// Of all frames with a time.
    frame_times: Vec<FrameTime>,
    tracks: Vec<RecordedPerson>,
    places: BTreeMap<PersonKey, usize>,
    /// Whether any person had an id.
    has_ids: bool,
    /// Frames that no row can hold, and why the first of them is one.
    left_out: Option<LeftOut>,
}

impl Recorder {
    /// A recorder for poses of `joints` joints of a stream that names the rate `fps`, if it does; it holds unless frames come faster.
    pub(super) fn new(joints: usize, fps: Option<f64>) -> Self {
        Self {
            joints,
            fps,
            asked: None,
            keeps_sigma: false,
            frame_times: Vec::new(),
            tracks: Vec::new(),
            places: BTreeMap::new(),
            has_ids: false,
            left_out: None,
        }
    }

    /// The same recorder, which keeps sigma too.
    pub(super) fn with_sigma(self) -> Self {
        Self { keeps_sigma: true, ..self }
    }

    /// The same recorder; `rate` overrules the rate that the stream names, and its frames' times.
    pub(super) fn at_rate(self, rate: Option<f64>) -> Self {
        Self { asked: rate, ..self }
    }

    /// Keeps one frame; leaves out one that has no time where no rate is named ([`Self::loss`]).
    ///
    /// # Errors
    /// A pose has another number of joints.
    pub(super) fn push(&mut self, lifted: &LiftedFrame) -> Result<()> {
        let has_people = !lifted.people.is_empty();
        let Some(time) = self.time_of(lifted) else {
            // One without people may be one that could not be read.
            if has_people {
                self.leave_out(self.frame_times.len(), timeless(lifted.index));
            }
            return Ok(());
        };
        let frame = self.frame_times.len();
        self.frame_times.push(FrameTime { index: lifted.index, time, has_people });
        for (place, person) in lifted.people.iter().enumerate() {
            let found = person.joints.len();
            let expected = self.joints;
            if found != expected {
                return Err(Error::runtime(format!("frame {}: {found} joints, expected {expected}", lifted.index)));
            }
            // Tracking calls the first person 0 once there are others.
            let is_alone = lifted.people.len() == 1;
            self.has_ids |= person.id.is_some();
            let unnamed = if is_alone && !self.has_ids { PersonKey::Id(0) } else { PersonKey::Place(place) };
            let keeps_sigma = self.keeps_sigma;
            let track = self.track(person.id.map_or(unnamed, PersonKey::Id));
            track.push(frame, person, keeps_sigma);
        }
        Ok(())
    }

    /// Counts a frame that is left out, which is at this place in the order of frames with a time, and keeps the cause of the first.
    fn leave_out(&mut self, place: usize, cause: Error) {
        let count = self.left_out.as_ref().map_or(0, |left_out| left_out.count) + 1;
        let (place, cause) = match self.left_out.take() {
            Some(first) if first.place <= place => (first.place, first.cause),
            _ => (place, cause),
        };
        self.left_out = Some(LeftOut { count, place, cause });
    }

    /// The error that some people are left out, as they have no place in space in any frame and others have one; `None` where all are kept.
    fn without_place(&self) -> Option<Error> {
        let placed = self.tracks.iter().filter(|track| track.is_placed()).count();
        let people = self.tracks.len() - placed;
        let text = if people == 1 { "a person is".to_owned() } else { format!("{people} people are") };
        (placed > 0 && people > 0).then(|| {
            Error::input(format!("{text} not in it: no place in space (root) is known of them, and one is of others"))
        })
    }

    /// The error that some frames or people are left out; `None` where all are kept.
    pub(super) fn loss(&mut self) -> Option<Error> {
        match (self.take_left_out(), self.without_place()) {
            (Some(frames), Some(people)) => Some(Error::input(format!("{frames}; {people}"))),
            (frames, people) => frames.or(people),
        }
    }

    fn time_of(&self, lifted: &LiftedFrame) -> Option<f64> {
        let told = lifted.time.filter(|time| time.is_finite());
        told.or_else(|| time_of_number(lifted.index, self.asked.or(self.fps)))
    }

    fn track(&mut self, key: PersonKey) -> &mut RecordedPerson {
        let tracks = &mut self.tracks;
        let place = *self.places.entry(key).or_insert_with(|| {
            tracks.push(RecordedPerson {
                key,
                frames: Vec::new(),
                joints: Vec::new(),
                roots: Vec::new(),
                sigma: Vec::new(),
            });
            tracks.len() - 1
        });
        &mut self.tracks[place]
    }

    /// Whether there was any person.
    pub(super) fn has_people(&self) -> bool {
        !self.tracks.is_empty()
    }

    /// When all frames are; those that come too early are left out.
    fn timeline(&mut self) -> Timeline {
        let times: Vec<f64> = self.frame_times.iter().map(|frame| frame.time).collect();
        let timeline = Timeline::new(&times);
        for frame in 1..times.len() {
            let FrameTime { index, time, has_people } = self.frame_times[frame];
            if timeline.times[frame].is_none() && has_people {
                self.leave_out(frame, too_early(index, time, times[frame - 1]));
            }
        }
        timeline
    }

    /// The error that some frames are left out; `None` where all are kept.
    fn take_left_out(&mut self) -> Option<Error> {
        let LeftOut { count, cause, .. } = self.left_out.take()?;
        let text = if count == 1 { "a frame is".to_owned() } else { format!("{count} frames are") };
        Some(Error::input(format!("{text} not in it; {cause}")))
    }

    /// What is said of times that begin anew.
    fn anew_notice(&self, begun_anew: &[usize]) -> Option<String> {
        let first = *begun_anew.first()?;
        let FrameTime { index, time, .. } = self.frame_times[first];
        let before = self.frame_times[first - 1].time;
        let more = match begun_anew.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!(
            "times begin anew at frame {index}, which has {time} s after {before} s{more}: what follows is put behind what came before"
        ))
    }

    /// What is said of poses without a root where others have one: their rows are gaps.
    fn unplaced_notice(&self) -> Option<String> {
        let mut placed = 0;
        let mut all = 0;
        for root in self.tracks.iter().flat_map(|track| &track.roots) {
            placed += usize::from(root[0].is_finite());
            all += 1;
        }
        unplaced_notice(placed, all)
    }

    /// The rate of most frames, if the stream names it, or the frames' `times` imply one.
    fn usual_rate(&self, times: &[f64]) -> Option<f64> {
        // A frame alone is one row at any rate.
        let of_one = (times.len() == 1).then_some(1.0 / Frame::USUAL_STEP);
        self.fps.or_else(|| usual_rate(times)).or(of_one)
    }

    /// All kept frames, in rows, and the error that some frames or people are left out. Gaps longer than `max_gap` seconds stay.
    ///
    /// # Errors
    /// No rate is known, or the times need more rows than any clip has.
    pub(super) fn into_clip(mut self, max_gap: f64) -> Result<(Clip, Option<Error>)> {
        let timeline = self.timeline();
        let times: Vec<f64> = timeline.times.iter().copied().flatten().collect();
        let start = times.first().copied().unwrap_or(0.0);
        let last = times.last().copied().unwrap_or(start);
        let usual = self.usual_rate(&times);
        let faster = usual.filter(|_| self.asked.is_none()).and_then(|usual| faster_rate(&times, usual));
        let raised = faster.filter(|rate| row_count(start, last, *rate) <= MAX_ROWS);
        let Some(rate) = self.asked.or(raised).or(usual) else {
            return Err(Error::usage("the frame rate is not known, which motion files need").hint(RATE_HINT));
        };
        let rows = row_count(start, last, rate);
        if rows > MAX_ROWS {
            return Err(Error::usage(format!(
                "frames from {start} s to {last} s at {rate} a second are {rows} rows, expected {MAX_ROWS} at most"
            )));
        }
        let slowest = usual.map_or(rate, |usual| usual.min(rate));
        let max_gap = max_gap.max(2.5 / slowest);
        let grid = Rows { start, rate, max_gap, joints: self.joints };
        let of_rate = match (raised, usual) {
            (Some(raised), Some(usual)) => Some(grid.raised_notice(&times, rows as usize, usual, raised)),
            _ => grid.left_out_notice(&times),
        };
        let notices = [self.anew_notice(&timeline.begun_anew), of_rate, self.unplaced_notice()];
        let has_root = self.tracks.iter().any(RecordedPerson::is_placed);
        let mut samples: Vec<_> =
            self.tracks.iter().map(|track| track.samples(&timeline, has_root, self.joints)).collect();
        samples.retain(|samples| !samples.times.is_empty());
        samples.sort_by_key(|samples| samples.key);
        let keys: Vec<PersonKey> = samples.iter().map(|samples| samples.key).collect();
        let numbered = samples.iter().zip(numbers(&keys));
        let people = numbered.map(|(samples, number)| grid.motion(samples, number)).collect();
        let clip = Clip {
            rate,
            start,
            rows: rows as usize,
            has_root,
            people,
            notices: notices.into_iter().flatten().collect(),
        };
        Ok((clip, self.loss()))
    }
}

/// Samples of one person: `[T]` times, `[T, J]` points, and sigma likewise or none.
struct Samples {
    key: PersonKey,
    times: Vec<f64>,
    points: Vec<[f32; 3]>,
    sigma: Vec<f32>,
}

impl RecordedPerson {
    /// Adds a person's sample. If an id occurs twice in a frame, it is the first person's.
    fn push(&mut self, frame: usize, person: &LiftedPerson, keeps_sigma: bool) {
        if self.frames.last() == Some(&frame) {
            return;
        }
        self.frames.push(frame);
        self.joints.extend_from_slice(&person.joints);
        self.roots.push(person.root.unwrap_or(UNKNOWN));
        if keeps_sigma {
            let joints = 0..person.joints.len();
            self.sigma.extend(joints.map(|joint| person.sigma.get(joint).copied().unwrap_or(f32::NAN)));
        }
    }

    /// Whether its place in space is known in any frame.
    fn is_placed(&self) -> bool {
        self.roots.iter().any(|root| root[0].is_finite())
    }

    /// The joints' positions: at their root if the clip has roots, otherwise relative to it. In a clip with roots, a
    /// sample with an unknown root is missing.
    fn samples(&self, timeline: &Timeline, has_root: bool, joints: usize) -> Samples {
        let mut samples = Samples { key: self.key, times: Vec::new(), points: Vec::new(), sigma: Vec::new() };
        for (place, pose) in self.joints.chunks_exact(joints).enumerate() {
            let base = if has_root { self.roots[place] } else { [0.0; 3] };
            let time = timeline.times[self.frames[place]].filter(|_| base.iter().all(|axis| axis.is_finite()));
            if let Some(time) = time {
                samples.times.push(time);
                samples.sigma.extend(self.sigma.get(place * joints..(place + 1) * joints).into_iter().flatten());
                samples.points.extend(
                    pose.iter().map(|point| -> [f32; 3] { std::array::from_fn(|axis| point[axis] + base[axis]) }),
                );
            }
        }
        samples
    }
}

/// The error of a frame without a time.
fn timeless(index: u64) -> Error {
    Error::usage(format!("frame {index} has no time, which motion files need")).hint(RATE_HINT)
}

/// The error of a frame that is not later than the one before it.
fn too_early(index: u64, time: f64, before: f64) -> Error {
    Error::input(format!(
        "frame {index} has the time {time} s, expected one after {before} s, the time of the frame before"
    ))
}

/// A clip at a constant rate.
pub(super) struct Clip {
    /// Rows a second.
    pub(super) rate: f64,
    /// The time of row 0, seconds.
    pub(super) start: f64,
    /// T.
    pub(super) rows: usize,
    /// Whether points are positions in space; otherwise they are relative to the root joint.
    pub(super) has_root: bool,
    /// By id.
    pub(super) people: Vec<Motion>,
    /// What is to be said of its times, its rate and its places.
    pub(super) notices: Vec<String>,
}

impl Clip {
    /// The time of a row, seconds.
    pub(super) fn time(&self, row: usize) -> f64 {
        self.start + row as f64 / self.rate
    }
}

/// One person's motion.
#[derive(Debug, Clone)]
pub(super) struct Motion {
    /// The person's number in file names and labels, which no other person of the clip has.
    pub(super) number: i64,
    /// The clip's row at which this motion starts.
    pub(super) first: usize,
    /// J.
    pub(super) joints: usize,
    /// `[T, J]`; NaN in a gap.
    pub(super) points: Vec<[f32; 3]>,
    /// `[T, J]` the distance that 68 % of errors stay within, NaN where it is unknown; empty if it was not kept.
    pub(super) sigma: Vec<f32>,
}

impl Motion {
    /// Its poses, row by row, `[J]` each.
    pub(super) fn poses(&self) -> std::slice::ChunksExact<'_, [f32; 3]> {
        self.points.chunks_exact(self.joints)
    }

    /// The sigma of its joints in a row, `[J]`, or nothing.
    pub(super) fn sigma(&self, row: usize) -> &[f32] {
        self.sigma.get(row * self.joints..(row + 1) * self.joints).unwrap_or_default()
    }

    /// T.
    pub(super) fn rows(&self) -> usize {
        self.points.len() / self.joints
    }
}

#[cfg(test)]
mod tests;
