//! From frames to motion clips: each person's path over time, at one constant rate.
//!
//! A stream may lack frames, have irregular times, and lose people for a while. Motion files have a row for every `1
//! / rate` seconds. [`Recorder`] keeps the frames, [`Clip`] has them in rows: a sample at a row's time is taken
//! unchanged, otherwise the two around it are joined by a straight line. A gap longer than [`MAX_FILLED_GAP`] stays a
//! gap.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::median::median;
use crate::pose::{Frame, LiftedFrame, time_of_number};

/// What helps where poses have no time.
pub(super) const RATE_HINT: &str = "say how many frames a second there are: --fps 30";
/// The longest gap, seconds, that rows are filled over in formats that can hold a gap.
pub(super) const MAX_FILLED_GAP: f64 = 0.25;
/// A sample closer than this to a row, in rows, is at the row.
const ON_THE_ROW: f64 = 0.02;
/// Intervals that differ from the median by less, as a share of it, are between consecutive frames.
const NEAR_THE_MEDIAN: f64 = 0.1;
/// A rate this close to a whole number, as a share of it, is that number; 29.97 is not.
const WHOLE_WITHIN: f64 = 2e-4;
/// More rows mean a wrong time: two days at 60 Hz.
const MAX_ROWS: f64 = 1e7;
/// An unknown coordinate.
const UNKNOWN: [f32; 3] = [f32::NAN; 3];

/// A person's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PersonKey {
    /// The track that the stream names.
    Id(i64),
    /// The index in the frame's list, for people without an id.
    Place(usize),
}

/// Numbers of people in file names and labels, no number twice: their ids. People without an id have their place, or the next
/// number that is free.
fn numbers(keys: &[PersonKey]) -> Vec<i64> {
    let id = |key: &PersonKey| if let PersonKey::Id(id) = key { Some(*id) } else { None };
    let mut taken: BTreeSet<i64> = keys.iter().filter_map(id).collect();
    let mut number = |key: &PersonKey| match key {
        PersonKey::Id(id) => *id,
        PersonKey::Place(place) => {
            let mut number = *place as i64;
            while !taken.insert(number) {
                number += 1;
            }
            number
        }
    };
    keys.iter().map(&mut number).collect()
}

/// One person's samples in the order of time.
struct Track {
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

/// Keeps frames until the last has come.
pub(super) struct Recorder {
    /// J.
    joints: usize,
    fps: Option<f64>,
    keeps_sigma: bool,
    /// Times of all frames, seconds.
    times: Vec<f64>,
    tracks: Vec<Track>,
    places: BTreeMap<PersonKey, usize>,
    /// Whether any person had an id.
    has_ids: bool,
    /// Frames that no row can hold, and why the first of them is one.
    left_out: Option<(u64, Error)>,
}

impl Recorder {
    /// A recorder for poses of `joints` joints; `fps` overrides the rate that the frames' times imply.
    pub(super) fn new(joints: usize, fps: Option<f64>) -> Self {
        Self {
            joints,
            fps,
            keeps_sigma: false,
            times: Vec::new(),
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

    /// Keeps one frame; leaves out one whose time is not later than that of the frame before it, or that has none and no rate is named
    /// ([`Self::left_out`]).
    ///
    /// # Errors
    /// A pose has another number of joints.
    pub(super) fn push(&mut self, lifted: &LiftedFrame) -> Result<()> {
        let time = match self.time_of(lifted) {
            Ok(time) => time,
            // As of one that could not be read.
            Err(_) if lifted.people.is_empty() => return Ok(()),
            Err(error) => {
                self.left_out.get_or_insert((0, error)).0 += 1;
                return Ok(());
            }
        };
        let frame = self.times.len();
        self.times.push(time);
        for (place, person) in lifted.people.iter().enumerate() {
            if person.joints.len() != self.joints {
                let (found, expected) = (person.joints.len(), self.joints);
                return Err(Error::runtime(format!("frame {}: {found} joints, expected {expected}", lifted.index)));
            }
            let (joints, keeps_sigma) = (self.joints, self.keeps_sigma);
            // Tracking calls the first person 0 once there are others.
            let is_alone = lifted.people.len() == 1;
            self.has_ids |= person.id.is_some();
            let unnamed = if is_alone && !self.has_ids { PersonKey::Id(0) } else { PersonKey::Place(place) };
            let track = self.track(person.id.map_or(unnamed, PersonKey::Id));
            // If an id occurs twice in a frame, it is the first person's.
            if track.frames.last() != Some(&frame) {
                track.frames.push(frame);
                track.joints.extend_from_slice(&person.joints);
                track.roots.push(person.root.unwrap_or(UNKNOWN));
                if keeps_sigma {
                    let sigma = |joint: usize| person.sigma.get(joint).copied().unwrap_or(f32::NAN);
                    track.sigma.extend((0..joints).map(sigma));
                }
            }
        }
        Ok(())
    }

    /// The error that some frames were left out; `None` where all are kept.
    pub(super) fn left_out(&mut self) -> Option<Error> {
        let (count, first) = self.left_out.take()?;
        let text = if count == 1 { "a frame is".to_owned() } else { format!("{count} frames are") };
        Some(Error::input(format!("{text} not in it; {first}")))
    }

    /// The error that some people are left out, as they have no place in space in any frame and others have one; `None` where all are kept.
    pub(super) fn without_place(&self) -> Option<Error> {
        let is_placed = |track: &&Track| track.roots.iter().any(|root| root[0].is_finite());
        let placed = self.tracks.iter().filter(is_placed).count();
        let people = self.tracks.len() - placed;
        let text = if people == 1 { "a person is".to_owned() } else { format!("{people} people are") };
        (placed > 0 && people > 0).then(|| {
            Error::input(format!("{text} not in it: no place in space (root) is known of them, and one is of others"))
        })
    }

    fn time_of(&self, lifted: &LiftedFrame) -> Result<f64> {
        let told = lifted.time.filter(|time| time.is_finite());
        let Some(time) = told.or_else(|| time_of_number(lifted.index, self.fps)) else {
            return Err(
                Error::usage(format!("frame {} has no time, which motion files need", lifted.index)).hint(RATE_HINT)
            );
        };
        match self.times.last() {
            Some(before) if time <= *before => Err(Error::input(format!(
                "frame {} has the time {time} s, expected one after {before} s, the time of the frame before",
                lifted.index
            ))),
            _ => Ok(time),
        }
    }

    fn track(&mut self, key: PersonKey) -> &mut Track {
        let tracks = &mut self.tracks;
        let place = *self.places.entry(key).or_insert_with(|| {
            tracks.push(Track { key, frames: Vec::new(), joints: Vec::new(), roots: Vec::new(), sigma: Vec::new() });
            tracks.len() - 1
        });
        &mut self.tracks[place]
    }

    /// Whether there was any person.
    pub(super) fn has_people(&self) -> bool {
        !self.tracks.is_empty()
    }

    /// The frame rate, if it is named, or the frames' times imply one.
    fn rate(&self) -> Option<f64> {
        // A frame alone is one row at any rate.
        let of_one = (self.times.len() == 1).then_some(1.0 / Frame::USUAL_STEP);
        self.fps.or_else(|| usual_rate(&self.times)).or(of_one)
    }

    /// All kept frames, in rows. Gaps longer than `max_gap` seconds stay.
    ///
    /// # Errors
    /// No rate is known, or the times need more rows than any clip has.
    pub(super) fn into_clip(self, max_gap: f64) -> Result<Clip> {
        let Some(rate) = self.rate() else {
            return Err(Error::usage("the frame rate is not known, which motion files need").hint(RATE_HINT));
        };
        let start = self.times.first().copied().unwrap_or(0.0);
        let last = self.times.last().copied().unwrap_or(start);
        let rows = ((last - start) * rate).round() + 1.0;
        if rows > MAX_ROWS {
            return Err(Error::usage(format!(
                "frames from {start} s to {last} s at {rate} a second are {rows} rows, expected {MAX_ROWS} at most"
            )));
        }
        let has_root = self.tracks.iter().any(|track| track.roots.iter().any(|root| root[0].is_finite()));
        let grid = Rows { start, rate, max_gap: max_gap.max(2.5 / rate), joints: self.joints };
        let mut samples: Vec<_> = self.tracks.iter().map(|track| track.samples(has_root, self.joints)).collect();
        samples.retain(|samples| !samples.frames.is_empty());
        samples.sort_by_key(|samples| samples.key);
        let keys: Vec<PersonKey> = samples.iter().map(|samples| samples.key).collect();
        let numbered = samples.iter().zip(numbers(&keys));
        let people = numbered.map(|(samples, number)| grid.motion(&self.times, samples, number)).collect();
        Ok(Clip { rate, start, rows: rows as usize, has_root, people })
    }
}

/// The rate of consecutive frames: the mean of all intervals near the median one, because times are often written
/// with few digits. `None` for fewer than two frames.
fn usual_rate(times: &[f64]) -> Option<f64> {
    let mut intervals: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let median = median(&mut intervals)?;
    intervals.retain(|interval| (interval - median).abs() <= NEAR_THE_MEDIAN * median);
    let rate = intervals.len() as f64 / intervals.iter().sum::<f64>();
    let is_whole = (rate - rate.round()).abs() <= WHOLE_WITHIN * rate;
    Some(if is_whole { rate.round() } else { rate })
}

/// Samples of one person: `[T]` frames, `[T, J]` points, and sigma likewise or none.
struct Samples {
    key: PersonKey,
    frames: Vec<usize>,
    points: Vec<[f32; 3]>,
    sigma: Vec<f32>,
}

impl Track {
    /// The joints' positions: at their root if the clip has roots, otherwise relative to it. In a clip with roots, a
    /// sample with an unknown root is missing.
    fn samples(&self, has_root: bool, joints: usize) -> Samples {
        let mut samples = Samples { key: self.key, frames: Vec::new(), points: Vec::new(), sigma: Vec::new() };
        for (place, pose) in self.joints.chunks_exact(joints).enumerate() {
            let base = if has_root { self.roots[place] } else { [0.0; 3] };
            if base.iter().all(|axis| axis.is_finite()) {
                samples.frames.push(self.frames[place]);
                samples.sigma.extend(self.sigma.get(place * joints..(place + 1) * joints).into_iter().flatten());
                samples.points.extend(
                    pose.iter().map(|point| -> [f32; 3] { std::array::from_fn(|axis| point[axis] + base[axis]) }),
                );
            }
        }
        samples
    }
}

/// The rows that samples are resampled to.
struct Rows {
    start: f64,
    rate: f64,
    max_gap: f64,
    joints: usize,
}

impl Rows {
    fn motion(&self, times: &[f64], samples: &Samples, number: i64) -> Motion {
        let row_of = |frame: usize| (times[frame] - self.start) * self.rate;
        let first = row_of(samples.frames[0]).round() as usize;
        let last = row_of(samples.frames[samples.frames.len() - 1]).round() as usize;
        let mut points = Vec::with_capacity((last - first + 1) * self.joints);
        let mut sigma = Vec::with_capacity(if samples.sigma.is_empty() { 0 } else { points.capacity() });
        let mut at = 0;
        for row in first..=last {
            let row = row as f64;
            while at + 1 < samples.frames.len() && row_of(samples.frames[at + 1]) <= row + ON_THE_ROW {
                at += 1;
            }
            let here = at * self.joints..(at + 1) * self.joints;
            let before = &samples.points[here.clone()];
            let sigma_before = samples.sigma.get(here).unwrap_or_default();
            let offset = row - row_of(samples.frames[at]);
            let Some(&next) = samples.frames.get(at + 1).filter(|_| offset > ON_THE_ROW) else {
                points.extend_from_slice(before);
                sigma.extend_from_slice(sigma_before);
                continue;
            };
            let apart = row_of(next) - row_of(samples.frames[at]);
            if apart / self.rate > self.max_gap {
                points.extend(std::iter::repeat_n(UNKNOWN, self.joints));
                sigma.extend(std::iter::repeat_n(f32::NAN, sigma_before.len()));
                continue;
            }
            let there = (at + 1) * self.joints..(at + 2) * self.joints;
            let share = (offset / apart) as f32;
            let between = |before: f32, after: f32| before + (after - before) * share;
            points.extend(
                before
                    .iter()
                    .zip(&samples.points[there.clone()])
                    .map(|(before, after)| std::array::from_fn(|axis| between(before[axis], after[axis]))),
            );
            let sigma_after = samples.sigma.get(there).unwrap_or_default();
            sigma.extend(sigma_before.iter().zip(sigma_after).map(|(before, after)| between(*before, *after)));
        }
        Motion { number, first, joints: self.joints, points, sigma }
    }
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::pose::LiftedPerson;

    fn frame(index: u64, time: Option<f64>, people: &[(Option<i64>, f32)]) -> LiftedFrame {
        let person = |&(id, x): &(Option<i64>, f32)| LiftedPerson {
            id,
            joints: vec![[0.0; 3], [x, 0.0, 0.0]],
            ..LiftedPerson::default()
        };
        LiftedFrame { index, time, people: people.iter().map(person).collect() }
    }

    fn clip(frames: &[LiftedFrame], fps: Option<f64>) -> Result<Clip> {
        let mut recorder = Recorder::new(2, fps);
        for frame in frames {
            recorder.push(frame)?;
        }
        recorder.into_clip(MAX_FILLED_GAP)
    }

    fn xs(motion: &Motion) -> Vec<f32> {
        motion.poses().map(|pose| pose[1][0]).collect()
    }

    #[test]
    fn people_without_a_place_among_others_are_told() {
        let mut recorder = Recorder::new(2, Some(10.0));
        recorder.push(&frame(0, None, &[(Some(1), 1.0), (Some(2), 1.0)])).unwrap();
        assert!(recorder.without_place().is_none());
        let mut placed = frame(1, None, &[(Some(1), 1.0), (Some(2), 1.0)]);
        placed.people[0].root = Some([0.0; 3]);
        recorder.push(&placed).unwrap();
        let message = recorder.without_place().unwrap().to_string();
        assert!(message.contains("a person is not in it"), "{message}");
        assert_eq!(recorder.into_clip(MAX_FILLED_GAP).unwrap().people.len(), 1);
    }

    #[test]
    fn a_short_gap_is_bridged_and_a_long_one_stays() {
        let one = [(Some(3), 1.0)];
        let frames = [
            frame(0, Some(0.0), &[]),
            frame(1, Some(0.1), &one),
            frame(2, Some(0.2), &[]),
            frame(3, Some(0.3), &[(Some(3), 2.0)]),
            frame(9, Some(0.9), &[(Some(3), 5.0), (Some(1), 7.0)]),
        ];
        let clip = clip(&frames, Some(10.0)).unwrap();
        assert_eq!((clip.rows, clip.people.len(), clip.people[0].first), (10, 2, 9));
        let motion = &clip.people[1];
        assert_eq!((motion.number, motion.first, motion.rows()), (3, 1, 9));
        let found = xs(motion);
        assert_eq!(found[..3], [1.0, 1.5, 2.0]);
        assert!(found[3..8].iter().all(|x| x.is_nan()) && found[8] == 5.0, "{found:?}");
    }

    #[test]
    fn people_with_and_without_ids_have_numbers_of_their_own() {
        let frames: Vec<_> = (0..9).map(|at| frame(at, None, &[(None, 1.0), (None, 2.0), (Some(1), 3.0)])).collect();
        let clip = clip(&frames, Some(10.0)).unwrap();
        let found: Vec<_> = clip.people.iter().map(|motion| (motion.number, xs(motion)[0])).collect();
        assert_eq!(found, [(1, 3.0), (0, 1.0), (2, 2.0)]);
    }

    #[test]
    fn a_person_alone_without_an_id_is_the_first_who_is_tracked() {
        let mut frames: Vec<_> = (0..9).map(|at| frame(at, None, &[(None, 1.0)])).collect();
        frames[5] = frame(5, None, &[(Some(1), 7.0), (Some(0), 1.0)]);
        (6..9).for_each(|at| frames[at] = frame(at as u64, None, &[(Some(0), 1.0)]));
        let clip = clip(&frames, Some(10.0)).unwrap();
        let found: Vec<_> = clip.people.iter().map(|motion| (motion.number, motion.rows())).collect();
        assert_eq!(found, [(0, 9), (1, 1)]);
    }

    #[test]
    fn the_rate_is_that_of_most_frames() {
        let times = [0.0, 0.0333, 0.0667, 0.1, 0.1333, 0.1667, 0.2];
        let frames: Vec<_> = times.iter().map(|time| frame(0, Some(*time), &[(None, *time as f32)])).collect();
        let clip = clip(&frames, None).unwrap();
        assert_eq!(clip.rate, 30.0);
        let halved = {
            let mut recorder = Recorder::new(2, Some(15.0));
            frames.iter().for_each(|frame| recorder.push(frame).unwrap());
            recorder.into_clip(MAX_FILLED_GAP).unwrap()
        };
        assert_eq!(halved.rows, 4);
        let found = xs(&halved.people[0]);
        assert!(found.iter().zip([0.0, 0.0667, 0.1333]).all(|(found, x)| (found - x).abs() < 1e-3), "{found:?}");
    }

    #[test]
    fn frames_that_no_row_can_hold_are_left_out_and_named() {
        let one = [(None, 1.0)];
        let times = [Some(1.0), Some(1.1), Some(1.1), None, Some(0.2), Some(1.2), Some(1.3)];
        let mut recorder = Recorder::new(2, None);
        for (index, time) in (4..).zip(times) {
            recorder.push(&frame(index, time, &one)).unwrap();
        }
        let message = recorder.left_out().unwrap().to_string();
        assert_eq!(
            message,
            "3 frames are not in it; frame 6 has the time 1.1 s, expected one after 1.1 s, the time of the frame before"
        );
        assert!(recorder.left_out().is_none());
        let clip = recorder.into_clip(MAX_FILLED_GAP).unwrap();
        assert_eq!((clip.rows, clip.people[0].rows()), (4, 4));
    }

    #[test]
    fn frames_without_a_time_need_a_rate() {
        let timeless = [frame(0, None, &[]), frame(2, None, &[(None, 1.0)])];
        assert_eq!(clip(&timeless, Some(10.0)).unwrap().time(2), 0.2);
        assert!(clip(&timeless, None).map(|_| ()).unwrap_err().to_string().contains("frame rate is not known"));
        assert_eq!(clip(&[frame(0, Some(0.5), &[(None, 1.0)])], None).unwrap().rows, 1);
    }

    #[test]
    fn poses_before_the_first_time_are_told() {
        let one = [(None, 1.0)];
        let mut recorder = Recorder::new(2, None);
        for (index, time) in [(0, None), (1, Some(0.1)), (2, Some(0.2))] {
            recorder.push(&frame(index, time, &one)).unwrap();
        }
        assert!(recorder.left_out().unwrap().to_string().starts_with("a frame is not in it; frame 0 has no time"));
        assert_eq!(recorder.into_clip(MAX_FILLED_GAP).unwrap().rows, 2);
    }
}
