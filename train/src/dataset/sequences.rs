//! Windows of motion for networks that remember: frames that follow each other, at any rate.

use std::ops::Range;

use poselift::skeleton::Layout;
use poselift::{Error, Result};
use tch::{Device, Tensor};

use super::card::{DatasetCard, motion_card};
use super::motion::viewer;
use crate::data::{Clip, Motion};
use crate::net::numbers;
use crate::views::{Cameras, Detector, ViewOptions, Viewer, Windows};

/// Rates that a window is seen at, frames a second, and the share of the windows at each.
const RATES: [(f64, f64); 4] = [(60.0, 0.4), (30.0, 0.4), (20.0, 0.1), (15.0, 0.1)];
/// Share of the frames that come late, and by how many seconds at the most: detectors and networks lose frames.
const LATE: (f64, f64) = (0.02, 0.3);
/// Share of the windows whose focal length the lifter knows; for the others it assumes the usual one.
const KNOWN_FOCAL: f64 = 0.5;
const VALIDATION_SEED: u64 = 0x5EED_0003;
/// Windows of the validation split.
const MEASURED: usize = 256;

/// How many frames a window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLength {
    /// Frames before those that are learned from. Where a clip does not begin early enough they go back and forth in it.
    pub lead: usize,
    /// Frames that are learned from, which go forward.
    pub steps: usize,
}

/// Windows as the lifter sees them, T frames with those of the lead.
#[derive(Debug)]
pub struct SeenWindows {
    /// `[B·T, J, 3]` key points, the cameras turned towards the person.
    pub keypoints: Tensor,
    /// `[B·T, J_out, 3]` poses in the same axes.
    pub poses: Tensor,
    /// `[B, T]` seconds since the frame before; 0 at a window's first.
    pub dt: Tensor,
}

/// Motion in windows, split by person.
#[derive(Debug)]
pub struct Sequences {
    /// The description of the data.
    pub card: DatasetCard,
    train: Reel,
    held_out: Reel,
    noise: f64,
}

/// Clips that windows are cut from.
#[derive(Debug)]
struct Reel {
    viewer: Viewer,
    /// The clips of each collection that are long enough, as frames of `viewer`.
    collections: Vec<Vec<Range<usize>>>,
    rate: f64,
}

/// How windows are made of motion.
#[derive(Debug, Clone, Copy)]
pub struct SequenceOptions<'a> {
    /// Share of the people who validate.
    pub val_split: f64,
    /// Names of the people who validate instead; may be empty.
    pub val_subjects: &'a [String],
    /// Frames of a window.
    pub steps: usize,
    /// Times the usual errors of detectors.
    pub noise: f64,
}

/// Windows that are to be drawn, and what sees them.
struct Take {
    count: usize,
    length: WindowLength,
    cameras: Cameras,
    detector: Detector,
    /// Share of the windows whose focal length the lifter knows.
    known_focal: f64,
    seed: u64,
}

impl Sequences {
    /// Splits `motion` and moves it to `device`; the key points are those of `layout`.
    ///
    /// # Errors
    /// A split that leaves one side empty, or no clip that is long enough.
    pub fn new(motion: &Motion, layout: &Layout, options: &SequenceOptions<'_>, device: Device) -> Result<Self> {
        let (training, validating) = motion.split(options.val_split, options.val_subjects)?;
        let train = Reel::new(motion, &training, layout, options.steps, device)?;
        let held_out = Reel::new(motion, &validating, layout, options.steps, device)?;
        let card = motion_card(motion, layout, &validating, train.viewer.len(), held_out.viewer.len());
        Ok(Self { card, train, held_out, noise: options.noise })
    }

    /// `count` windows of the training split; everything random follows from `seed`.
    pub fn draw(&self, count: usize, length: WindowLength, seed: u64) -> SeenWindows {
        self.train.watch(&Take {
            count,
            length,
            cameras: Cameras::of_windows(),
            detector: Detector::in_training(self.noise),
            known_focal: KNOWN_FOCAL,
            seed,
        })
    }

    /// The same windows of the validation split at every call: the protocol's cameras, a detector's errors without gaps, known
    /// focal lengths.
    pub fn validation(&self, length: WindowLength) -> SeenWindows {
        self.held_out.watch(&Take {
            count: MEASURED,
            length,
            cameras: Cameras::default(),
            detector: Detector::in_full_view(self.noise),
            known_focal: 1.0,
            seed: VALIDATION_SEED,
        })
    }
}

impl Reel {
    fn new(motion: &Motion, clips: &[usize], layout: &Layout, steps: usize, device: Device) -> Result<Self> {
        let mut start = 0;
        let mut collections = vec![Vec::new(); motion.sources.len()];
        for &clip in clips {
            let Clip { frames, source, .. } = motion.clips[clip];
            if frames >= steps {
                collections[source].push(start..start + frames);
            }
            start += frames;
        }
        collections.retain(|clips| !clips.is_empty());
        if collections.is_empty() {
            return Err(Error::input(format!("no clip of one side of the split has {steps} frames"))
                .hint("shorter windows: --window"));
        }
        Ok(Self { viewer: viewer(motion, clips, layout, device), collections, rate: motion.rate })
    }

    fn watch(&self, take: &Take) -> SeenWindows {
        tch::manual_seed(take.seed as i64);
        let windows = self.windows(take.count, take.length);
        let count = take.count as i64;
        let steps = (take.length.lead + take.length.steps) as i64;
        let draw = ViewOptions { seed: take.seed, detector: take.detector, mix: true, reshape: 1.0 };
        let seen = self.viewer.watch(&take.cameras, &windows, draw);
        let known = Tensor::rand([count, 1], tch::kind::FLOAT_CPU).lt(take.known_focal).to_device(seen.focal.device());
        let known = known.expand([count, steps], false).reshape([-1]);
        let (keypoints, poses) = seen.turned(&seen.focal.where_self(&known, &seen.usual_focal()));
        let _ = windows.dt.narrow(1, 0, 1).zero_();
        SeenWindows { keypoints, poses, dt: windows.dt }
    }

    /// Windows at random places, from libtorch's generator.
    fn windows(&self, count: usize, length: WindowLength) -> Windows {
        let options = tch::kind::FLOAT_CPU;
        let steps = length.lead + length.steps;
        let random = numbers(&Tensor::rand([count as i64, 4], options));
        let late = numbers(&Tensor::rand([(count * steps) as i64, 2], options));
        let mut index = Vec::with_capacity(count * steps);
        let mut dt = Vec::with_capacity(count * steps);
        for (random, late) in random.chunks_exact(4).zip(late.chunks_exact(steps * 2)) {
            let clip = self.clip_at(f64::from(random[3]), f64::from(random[0]));
            let stride = (self.rate / rate_of(f64::from(random[1]))).round().max(1.0) as usize;
            let gaps = self.gaps(clip.len(), stride, late, length.lead);
            let (before, learned) = gaps.split_at(length.lead + 1);
            let room = clip.len() - learned.iter().sum::<usize>();
            let mut place = (f64::from(random[2]) * room as f64).floor() as i64 - before.iter().sum::<usize>() as i64;
            for gap in gaps {
                place += gap as i64;
                index.push((clip.start + back_and_forth(place, clip.len())) as i64);
                dt.push((gap as f64 / self.rate) as f32);
            }
        }
        let shape = [count as i64, steps as i64];
        let device = self.viewer.device();
        Windows {
            index: Tensor::from_slice(&index).view(shape).to_device(device),
            dt: Tensor::from_slice(&dt).view(shape).to_device(device),
        }
    }

    /// How many frames of a clip of `length` each frame of a window comes after the one before, 0 for the first: `stride`, a few
    /// later, or closer where the clip is too short for what follows the `lead`.
    fn gaps(&self, length: usize, stride: usize, late: &[f32], lead: usize) -> Vec<usize> {
        let delays = late.chunks_exact(2).map(|late| match f64::from(late[0]) < LATE.0 {
            true => (f64::from(late[1]) * LATE.1 * self.rate) as usize,
            false => 0,
        });
        let mut gaps: Vec<usize> = delays.map(|delay| stride + delay).collect();
        if gaps[lead + 1..].iter().sum::<usize>() >= length {
            let steps = gaps.len() - lead;
            gaps.fill(((length - 1) / (steps - 1)).clamp(1, stride));
        }
        gaps[0] = 0;
        gaps
    }

    /// A clip by two numbers of 0..1: each collection comes as often as the others, however large it is, and long clips more often
    /// than short ones.
    fn clip_at(&self, collection: f64, share: f64) -> &Range<usize> {
        let clips =
            &self.collections[((collection * self.collections.len() as f64) as usize).min(self.collections.len() - 1)];
        let total: usize = clips.iter().map(Range::len).sum();
        let mut frame = (share * total as f64) as usize;
        for clip in clips {
            if frame < clip.len() {
                return clip;
            }
            frame -= clip.len();
        }
        &clips[clips.len() - 1]
    }
}

/// The frame at `place` of a clip of `length` frames that is played forward and backward for ever; two frames at least.
fn back_and_forth(place: i64, length: usize) -> usize {
    let turn = length - 1;
    let place = place.rem_euclid(2 * turn as i64) as usize;
    if place <= turn { place } else { 2 * turn - place }
}

/// The rate at `share` of 0..1 of all windows.
fn rate_of(mut share: f64) -> f64 {
    for (rate, part) in RATES {
        if share < part {
            return rate;
        }
        share -= part;
    }
    RATES[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_that_are_too_short_go_back_and_forth() {
        let places: Vec<usize> = (-5..8).map(|place| back_and_forth(place, 4)).collect();
        assert_eq!(places, [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
    }
}
