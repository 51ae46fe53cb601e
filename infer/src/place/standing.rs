//! Hips over feet that stand: while a foot stands, the hip moves as the pose moves about that foot.
//!
//! An image shows a hip's depth badly: 1 % of a person's size is 1 % of the distance, and a pose that is lifted too upright
//! appears nearer or farther away, so that a person who squats moves to and fro by twice as much as in truth. A foot that has
//! stood for a second or more tells better. Both are weighed by a Kalman filter for the depth, and smoothed by all frames
//! around (Rauch, Tung and Striebel 1965, "Maximum likelihood estimates of linear dynamic systems"). Steps of a walk are
//! shorter, and are not touched: there the size in the image is the better witness.
//!
//! Beside markers (squats, MediaPipe `full` and `heavy`) the path errs by 37 and 28 mm instead of 96 and 113.

mod live;

use std::collections::BTreeMap;

use nalgebra::Vector3;

use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson, vector};
use crate::skeleton::find_joint;
use crate::smooth::{LocalLine, Neighbour, Neighbours, Track};
pub use live::LiveStandingWriter;

/// How far before and after a frame others are looked at, seconds.
const REACH: f64 = 15.0;
/// How far before and after a frame the speeds of hip and feet are taken over, seconds.
const HIP_REACH: f64 = 0.4;
const FOOT_REACH: f64 = 0.15;
/// A standing foot's greatest speed in depth, m/s, which is that of a hip whose depth errs.
const MAX_STANDING_SPEED: f64 = 0.7;
/// Seconds that a foot must have stood: steps are shorter.
const MIN_STAND_SECONDS: f64 = 1.0;
/// Frames farther apart, seconds, do not belong to one stand.
const MAX_GAP: f64 = 0.25;
/// How far off the depth is by the image, as a share of it, and for how long it errs alike, seconds.
const IMAGE_ERROR: f64 = 0.025;
const IMAGE_LASTS: f64 = 2.0;
/// How far off the hip's speed is by a standing foot, m/s and as a share of it, and for how long it errs alike, seconds.
const SPEED_ERROR: f64 = 0.03;
const SPEED_SHARE: f64 = 0.1;
const SPEED_LASTS: f64 = 0.5;
/// How far off it is where no foot stands, m/s.
const FREE_SPEED: f64 = 0.5;

/// A writer that sets the depth of people's roots by their standing feet, and passes poses on to another writer.
///
/// Poses must have roots and contacts, and still be in the camera's own axes. They come up to 30 seconds later.
pub struct StandingWriter {
    writer: Box<dyn PoseWriter>,
    feet: Feet,
    keeps_contacts: bool,
    frames: Neighbours,
}

/// Where poses have their ankles.
#[derive(Debug, Clone, Copy)]
struct Feet {
    /// The left and the right ankle.
    ankles: [usize; 2],
    /// A metre in the unit of poses.
    metre: f64,
}

/// One person in one frame.
#[derive(Debug, Clone)]
struct Sample {
    /// Seconds.
    time: f64,
    /// Of the hip from the camera, as the image shows it.
    depth: f64,
    /// Of the ankles relative to the hip.
    ankles: [Vector3<f64>; 2],
    /// Which feet stand.
    stand: [bool; 2],
}

/// One person's samples, sorted by time.
#[derive(Debug, Default)]
struct PersonSamples {
    samples: Vec<Sample>,
    /// Of each, the bits of the frame's time, and the person's place in the frame.
    places: Vec<(u64, usize)>,
}

/// How the depth changes from one sample to the next, and the variance of that.
struct Step {
    change: f64,
    variance: f64,
}

/// The depth by a sample and those before it.
#[derive(Debug, Clone, Copy)]
struct Filtered {
    mean: f64,
    variance: f64,
}

impl Feet {
    /// # Errors
    /// Poses without ankles, or of an unknown unit.
    fn of(info: &PoseInfo) -> Result<Self> {
        let ankles = [ankle(&info.joints, "left_ankle")?, ankle(&info.joints, "right_ankle")?];
        let metres = info
            .unit
            .in_metres()
            .ok_or_else(|| Error::usage(format!("poses in '{}', whose size is not known", info.unit.name())))?;
        Ok(Self { ankles, metre: metres.recip() })
    }

    /// The sample of a person at `time`; `None` without a root.
    fn sample(&self, time: f64, person: &LiftedPerson) -> Option<Sample> {
        Some(Sample {
            time,
            depth: f64::from(person.root?[2]),
            ankles: self.ankles.map(|joint| vector(person.joints[joint])),
            stand: person.contacts.map(|contact| contact == Some(true)),
        })
    }
}

/// The index of an ankle.
fn ankle(joints: &[String], name: &str) -> Result<usize> {
    find_joint(joints, name).ok_or_else(|| Error::usage(format!("no {name} in the poses, so no foot that stands")))
}

impl Filtered {
    /// By the first sample.
    fn first(sample: &Sample, interval: f64) -> Self {
        Self { mean: sample.depth, variance: image_variance(sample, interval) }
    }

    /// By the next sample, which `step` leads to, `interval` seconds apart.
    fn next(self, step: &Step, sample: &Sample, interval: f64) -> Self {
        let mean = self.mean + step.change;
        let variance = self.variance + step.variance;
        let gain = variance / (variance + image_variance(sample, interval));
        Self { mean: mean + gain * (sample.depth - mean), variance: variance * (1.0 - gain) }
    }
}

/// Of a sample's depth, where so many that err alike come `interval` seconds apart.
fn image_variance(sample: &Sample, interval: f64) -> f64 {
    (IMAGE_ERROR * sample.depth).powi(2) * (IMAGE_LASTS / interval).max(1.0)
}

/// Forgets which feet stand.
fn drop_contacts(lifted: &mut LiftedFrame) {
    for person in &mut lifted.people {
        person.contacts = [None; 2];
    }
}

/// Puts a person's root into another depth, in the direction in which it is seen.
fn set_depth(root: &mut [f32; 3], depth: f64) {
    let nearer = (depth / f64::from(root[2])) as f32;
    *root = root.map(|axis| axis * nearer);
}

impl StandingWriter {
    /// Sets the roots of a stream of `info` for `writer`, which gets the contacts only with `keeps_contacts`.
    ///
    /// # Errors
    /// Poses without ankles, or of an unknown unit.
    pub fn new(writer: Box<dyn PoseWriter>, info: &PoseInfo, keeps_contacts: bool) -> Result<Self> {
        Ok(Self { writer, feet: Feet::of(info)?, keeps_contacts, frames: Neighbours::new(REACH) })
    }

    /// Writes the frames that none later than `time` is near.
    fn write_until(&mut self, time: f64) -> Result<()> {
        let change = self.change();
        self.frames.write_until(time, self.writer.as_mut(), change)
    }

    /// Writes the waiting frames, and forgets all.
    fn write_rest(&mut self) -> Result<()> {
        let change = self.change();
        self.frames.write_rest(self.writer.as_mut(), change)
    }

    /// What changes each frame, by all that are here.
    fn change(&self) -> impl Fn(&Neighbours, &Neighbour, &mut LiftedFrame) + use<> {
        let depths = self.depths();
        let keeps_contacts = self.keeps_contacts;
        move |_, now, lifted| {
            for (place, person) in lifted.people.iter_mut().enumerate() {
                if let (Some(root), Some(depth)) = (&mut person.root, depths.get(&(now.time.to_bits(), place))) {
                    set_depth(root, *depth);
                }
            }
            if !keeps_contacts {
                drop_contacts(lifted);
            }
        }
    }

    /// The depths of roots that are to be changed, by the bits of the frame's time, and the person's place in it.
    fn depths(&self) -> BTreeMap<(u64, usize), f64> {
        let mut depths = BTreeMap::new();
        for PersonSamples { mut samples, places } in self.people().into_values() {
            keep_long_stands(&mut samples, MAX_STANDING_SPEED * self.feet.metre);
            if samples.iter().any(|sample| sample.stand != [false; 2]) {
                depths.extend(places.into_iter().zip(smoothed(&samples, self.feet.metre)));
            }
        }
        depths
    }

    /// Each person's samples.
    fn people(&self) -> BTreeMap<Track, PersonSamples> {
        let mut people: BTreeMap<Track, PersonSamples> = BTreeMap::new();
        for Neighbour { time, lifted, .. } in self.frames.iter() {
            for (place, person) in lifted.people.iter().enumerate() {
                let track = Track::of(&lifted.people, place);
                let Some((track, sample)) = track.zip(self.feet.sample(*time, person)) else { continue };
                let known = people.entry(track).or_default();
                // Of people with one id in a frame, only the first is known.
                if known.samples.last().is_none_or(|last| last.time < *time) {
                    known.samples.push(sample);
                    known.places.push((time.to_bits(), place));
                }
            }
        }
        people
    }
}

/// Leaves those stands that are long enough, of feet that do not move in depth by more than `fastest` a second.
fn keep_long_stands(samples: &mut [Sample], fastest: f64) {
    let hip = slopes(samples, HIP_REACH, |sample| sample.depth);
    for side in [0, 1] {
        let foot = slopes(samples, FOOT_REACH, |sample| sample.ankles[side].z);
        for ((sample, hip), foot) in samples.iter_mut().zip(&hip).zip(foot) {
            sample.stand[side] &= (hip + foot).abs() < fastest;
        }
        let mut begin = 0;
        while begin < samples.len() {
            let end = end_of_stand(samples, side, begin);
            if end > begin && samples[end - 1].time - samples[begin].time < MIN_STAND_SECONDS {
                for sample in &mut samples[begin..end] {
                    sample.stand[side] = false;
                }
            }
            begin = end.max(begin + 1);
        }
    }
}

/// The first sample after `begin` that no longer belongs to the stand of a foot; `begin` itself where the foot does not stand.
fn end_of_stand(samples: &[Sample], side: usize, begin: usize) -> usize {
    let mut at = begin;
    while at < samples.len() {
        let follows = at == begin || samples[at].time - samples[at - 1].time <= MAX_GAP;
        if !follows || !samples[at].stand[side] {
            break;
        }
        at += 1;
    }
    at
}

/// How fast `value` changes about each sample, a second; 0 where there is nothing to tell by.
fn slopes(samples: &[Sample], reach: f64, value: impl Fn(&Sample) -> f64) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(samples.len());
    let mut first = 0;
    for now in samples {
        while now.time - samples[first].time >= reach {
            first += 1;
        }
        let mut line = LocalLine::default();
        for near in samples[first..].iter().take_while(|near| near.time - now.time < reach) {
            line.push((near.time - now.time) / reach, value(near));
        }
        slopes.push(line.slope().unwrap_or(0.0) / reach);
    }
    slopes
}

/// The most likely depths of `samples`.
fn smoothed(samples: &[Sample], metre: f64) -> Vec<f64> {
    let steps: Vec<Step> = samples.windows(2).map(|pair| step(&pair[0], &pair[1], metre)).collect();
    let mut filtered = vec![Filtered::first(&samples[0], interval(samples, 0))];
    for (at, (step, sample)) in steps.iter().zip(&samples[1..]).enumerate() {
        filtered.push(filtered[at].next(step, sample, interval(samples, at + 1)));
    }
    let mut depths: Vec<f64> = filtered.iter().map(|filtered| filtered.mean).collect();
    for at in (0..steps.len()).rev() {
        let Filtered { mean, variance } = filtered[at];
        let gain = variance / (variance + steps[at].variance);
        depths[at] = mean + gain * (depths[at + 1] - mean - steps[at].change);
    }
    depths
}

/// Seconds from a sample to the next, or for the last one from that before it.
fn interval(samples: &[Sample], at: usize) -> f64 {
    let at = at.min(samples.len().saturating_sub(2));
    samples.get(at + 1).map_or(IMAGE_LASTS, |next| next.time - samples[at].time)
}

/// From `one` sample to the `next`: by the feet that stand in both, or else by the image.
fn step(one: &Sample, next: &Sample, metre: f64) -> Step {
    let apart = next.time - one.time;
    let stand = [0, 1].map(|side| one.stand[side] && next.stand[side] && apart <= MAX_GAP);
    let moved = [0, 1].map(|side| one.ankles[side] - next.ankles[side]);
    // Each foot's word and, of two feet, how far they contradict each other.
    let (change, doubt) = match stand {
        [true, true] => ((moved[0] + moved[1]) / 2.0, (moved[0].z - moved[1].z).abs() / 2.0),
        [true, false] => (moved[0], 0.0),
        [false, true] => (moved[1], 0.0),
        [false, false] => {
            let variance = (FREE_SPEED * metre).powi(2) * apart * SPEED_LASTS;
            return Step { change: next.depth - one.depth, variance };
        }
    };
    let speed = change.norm() / apart;
    let error = (SPEED_ERROR * metre).powi(2) + (SPEED_SHARE * speed).powi(2) + (doubt / apart).powi(2);
    Step { change: change.z, variance: error * apart * SPEED_LASTS }
}

impl PoseWriter for StandingWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let time = self.frames.time_of(lifted);
        if time.is_none_or(|time| self.frames.is_another_clip(time, lifted)) {
            self.write_rest()?;
        }
        let Some(time) = time else {
            let mut unplaced = lifted.clone();
            if !self.keeps_contacts {
                drop_contacts(&mut unplaced);
            }
            return self.writer.write(frame, &unplaced);
        };
        self.frames.push(time, frame.clone(), lifted.clone());
        // Many at once: what changes them is found by all that are here.
        match self.frames.middle_of_too_many() {
            Some(middle) => self.write_until(middle + REACH),
            None if self.frames.first_waiting().is_some_and(|first| time - first >= 2.0 * REACH) => {
                self.write_until(time)
            }
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let rest = self.write_rest();
        rest.and(self.writer.finish())
    }
}

#[cfg(test)]
mod tests;
