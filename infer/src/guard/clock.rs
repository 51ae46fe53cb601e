//! Times in other units than seconds, since 1970, or that do not go on.

use std::ops::RangeInclusive;

use super::Notice;
use crate::median::median;
use crate::pose::{Frame, time_of_number};

/// Seconds that no video lasts: larger times count from 1970.
const EPOCH: f64 = 1e8;
/// Seconds since 1970 of the years 2000 to 2100.
const THIS_CENTURY: RangeInclusive<f64> = 946_684_800.0..=4_102_444_800.0;

/// Seconds a frame of cameras that are told of as odd, if they are faster or slower.
const MIN_USUAL_STEP: f64 = 1e-3;
const MAX_USUAL_STEP: f64 = 1.0;
/// Seconds between two frames that are told of.
const LONG_PAUSE: f64 = 60.0;
/// How far the frame rate that times imply may be from the one that is named, as a share of it.
const RATE_TOLERANCE: f64 = 0.1;

/// What helps where times are of no use.
const FPS_HINT: &str = "--fps gives times where the input has none";

/// What is known of a stream's times.
#[derive(Debug)]
pub(super) struct Clock {
    fps: Option<f64>,
    /// Seconds a unit, once that is known.
    unit: Option<f64>,
    /// Whether the unit was decided by the size of one time, or against a single step: the next ones may say otherwise.
    is_tentative: bool,
    /// The unit that a single step spoke for.
    candidate: Option<f64>,
    /// Whether times are of no use, and frame numbers are taken in their place.
    is_broken: bool,
    /// The last frame with a time, and the number of the last frame.
    last: Option<(u64, f64)>,
    last_number: Option<u64>,
    is_number_told: bool,
    is_told: bool,
    is_pause_told: bool,
}

impl Clock {
    pub(super) fn new(fps: Option<f64>) -> Self {
        Self {
            fps,
            unit: None,
            is_tentative: false,
            candidate: None,
            is_broken: false,
            last: None,
            last_number: None,
            is_number_told: false,
            is_told: false,
            is_pause_told: false,
        }
    }

    /// Looks at the times of frames, with their numbers, before the first is handed on.
    pub(super) fn look_ahead(&mut self, times: &[(u64, f64)]) -> Option<Notice> {
        let steps = times.windows(2).filter(|pair| pair[1].0 != pair[0].0 || pair[1].1 != pair[0].1);
        let rising = steps.clone().filter(|pair| pair[1].1 > pair[0].1).count();
        if steps.count() >= 2 && rising == 0 {
            return self.give_up();
        }
        let first = times.first()?;
        let mut rising: Vec<_> = times.windows(2).filter(|pair| pair[1].1 > pair[0].1).collect();
        // The usual one: pauses only make steps longer.
        rising.sort_by(|one, other| step(one[0], one[1]).total_cmp(&step(other[0], other[1])));
        match rising.get(rising.len().saturating_sub(1) / 2) {
            Some(pair) => self.decide(pair[0], pair[1], rising.len() > 1),
            None => self.decide_epoch(first.1, None, false),
        }
    }

    /// Brings a frame's time to seconds.
    #[inline]
    pub(super) fn set(&mut self, frame: &mut Frame) -> Option<Notice> {
        let before = self.last_number.replace(frame.index);
        let Some(time) = frame.time else { return self.tell_falling_number(frame.index, before) };
        let mut notice = None;
        if (self.unit.is_none() || self.is_tentative) && !self.is_broken {
            notice = match self.last {
                Some(last) if time > last.1 => self.decide(last, (frame.index, time), false),
                Some(_) => None,
                None if self.unit.is_none() => self.decide_epoch(time, None, false),
                None => None,
            };
        }
        let unit = self.unit.unwrap_or(1.0);
        let pause = self.last.map(|(_, last)| (time - last) * unit).filter(|pause| *pause > LONG_PAUSE);
        if let Some(pause) = pause.filter(|_| !self.is_pause_told && !self.is_broken && self.unit.is_some()) {
            self.is_pause_told = true;
            let text = format!("frame {}: {pause:.0} s after the frame before it", frame.index);
            notice = Some(Notice::new(text, "motion files have rows for the time between"));
        }
        let falls = self.last.is_some_and(|(_, last)| time <= last);
        self.last = Some((frame.index, time));
        if falls && !self.is_told && !self.is_broken {
            self.is_told = true;
            notice = Some(Notice::new(format!("frame {}: its time is not after the frame before it", frame.index), ""));
        }
        if self.is_broken {
            frame.time = time_of_number(frame.index, self.fps);
        } else if let Some(unit) = self.unit.filter(|unit| *unit != 1.0) {
            frame.time = Some(time * unit);
        }
        notice
    }

    /// What goes by time takes the numbers of frames that have none.
    fn tell_falling_number(&mut self, number: u64, before: Option<u64>) -> Option<Notice> {
        if self.is_number_told || before.is_none_or(|before| before < number) {
            return None;
        }
        self.is_number_told = true;
        let text = format!("frame {number}: it has no time, and its number is not after that of the frame before it");
        Some(Notice::new(text, "tracks and smoothing begin anew there"))
    }

    fn give_up(&mut self) -> Option<Notice> {
        self.is_broken = true;
        self.is_told = true;
        let done = if self.fps.is_some() { "frame numbers are counted in their place" } else { "they are left out" };
        Some(Notice::new(format!("times of frames do not rise: {done}"), FPS_HINT))
    }

    /// Knows times since 1970 by their size, unless `step`, by which times go on in a frame, is none in that unit: clocks of
    /// devices, which count from when they were switched on, reach as large numbers.
    ///
    /// `is_sure`: whether the step is the usual one of several, and no pause.
    fn decide_epoch(&mut self, time: f64, step: Option<f64>, is_sure: bool) -> Option<Notice> {
        if time.abs() < EPOCH {
            return None;
        }
        let (unit, name) = match time.abs() {
            ..1e10 => (1.0, "seconds"),
            ..1e13 => (1e-3, "milliseconds"),
            ..1e16 => (1e-6, "microseconds"),
            _ => (1e-9, "nanoseconds"),
        };
        let is_this_century = THIS_CENTURY.contains(&(time.abs() * unit));
        let Some(step) = step else {
            // A single time: the next one tells more.
            self.is_tentative = true;
            if is_this_century {
                return self.know_since_1970(unit, name);
            }
            // In the smallest unit it is before the next one in any.
            self.unit = Some(1e-9);
            return None;
        };
        let is_frame = self.by_rate(step * unit).is_some_and(|(scale, _)| scale == 1.0);
        match self.by_rate(step).filter(|_| !is_frame) {
            Some((by_rate, name)) if !is_this_century || is_sure || self.candidate == Some(by_rate) => {
                self.is_tentative = false;
                self.know_by_rate(by_rate, name)
            }
            // It may be a pause of a stream in this century: a second step has to agree.
            Some((by_rate, _)) => {
                self.is_tentative = true;
                self.candidate = Some(by_rate);
                self.know_since_1970(unit, name)
            }
            None => {
                self.is_tentative = false;
                self.know_since_1970(unit, name)
            }
        }
    }

    fn know_since_1970(&mut self, unit: f64, name: &str) -> Option<Notice> {
        if self.unit.replace(unit) == Some(unit) {
            return None;
        }
        let done = if unit == 1.0 { "" } else { ", taken to seconds" };
        Some(Notice::new(format!("times are {name} since 1970{done}"), ""))
    }

    /// Seconds a unit and its name, by how far times go on in a frame.
    fn by_rate(&self, step: f64) -> Option<(f64, &'static str)> {
        match self.fps {
            Some(fps) => by_ratio(step * fps),
            None => by_step(step),
        }
    }

    fn know_by_rate(&mut self, unit: f64, name: &str) -> Option<Notice> {
        if self.unit.replace(unit) == Some(unit) {
            return None;
        }
        let text = format!("times are in {name}, by the frame rate that they imply: taken to seconds");
        Some(Notice::new(text, FPS_HINT))
    }

    /// Knows the unit by the frame rate that two frames imply.
    fn decide(&mut self, one: (u64, f64), other: (u64, f64), is_sure: bool) -> Option<Notice> {
        let step = step(one, other);
        if one.1.abs() >= EPOCH {
            return self.decide_epoch(one.1, Some(step), is_sure);
        }
        // Times that are the frames' numbers go on by 1 a frame; few cameras give a frame a second.
        if step == 1.0
            && let Some(fps) = self.fps.filter(|fps| *fps >= 2.0)
        {
            self.unit = Some(1.0 / fps);
            return Some(Notice::new("times count frames: divided by the frame rate", FPS_HINT));
        }
        let Some((unit, name)) = self.by_rate(step) else {
            return self.leave_out(step);
        };
        if unit == 1.0 {
            self.unit = Some(unit);
            return self.odd_step(step).or_else(|| self.other_rate(step).filter(|_| is_sure));
        }
        self.know_by_rate(unit, name)
    }

    /// What to say of a step that few cameras have, seconds.
    fn odd_step(&self, step: f64) -> Option<Notice> {
        let text = match step {
            1.0 => "times go on by a second a frame, as if they counted frames".to_owned(),
            ..MIN_USUAL_STEP | MAX_USUAL_STEP.. if self.fps.is_none() => {
                format!("times go on by {step} a frame: read as seconds")
            }
            _ => return None,
        };
        Some(Notice::new(text, FPS_HINT))
    }

    /// What to say of times that imply another frame rate than is named.
    fn other_rate(&self, step: f64) -> Option<Notice> {
        other_rate(step, self.fps?).map(|text| Notice::new(text, FPS_HINT))
    }

    fn leave_out(&mut self, step: f64) -> Option<Notice> {
        self.is_broken = true;
        self.is_told = true;
        let done = if self.fps.is_some() { "frame numbers are counted in their place" } else { "they are left out" };
        let text = format!("times go on by {step} a frame, which is no frame rate in any unit: {done}");
        Some(Notice::new(text, FPS_HINT))
    }
}

/// What to say of times that go on by `step` seconds a frame where `fps` frames a second are named; `None` where both agree.
pub fn other_rate(step: f64, fps: f64) -> Option<String> {
    let is_other = (step * fps - 1.0).abs() > RATE_TOLERANCE;
    is_other.then(|| format!("times say {:.2} frames a second, and {fps} is named: times count", 1.0 / step))
}

/// As [`other_rate`], for the median of `steps`, which change places; `None` where there is no step, too.
pub fn other_rate_of_steps(steps: &mut [f64], fps: f64) -> Option<String> {
    other_rate(median(steps)?, fps)
}

/// How far times go on in a frame, from one frame to another.
fn step(one: (u64, f64), other: (u64, f64)) -> f64 {
    (other.1 - one.1) / other.0.abs_diff(one.0).max(1) as f64
}

/// Seconds a unit and its name, by how many frames of the frame rate a step takes; `None` where no unit fits.
fn by_ratio(ratio: f64) -> Option<(f64, &'static str)> {
    match ratio {
        // Frames may be left out.
        ..200.0 => Some((1.0, "seconds")),
        200.0..5e3 => Some((1e-3, "milliseconds")),
        2e5..5e6 => Some((1e-6, "microseconds")),
        2e8..5e9 => Some((1e-9, "nanoseconds")),
        _ => None,
    }
}

/// The same for an unknown frame rate: 0.8 to 200 frames a second in milliseconds, and up to 1000 where that gives no whole number, as a
/// pause of some seconds may be; 4 to 200 in smaller units.
fn by_step(step: f64) -> Option<(f64, &'static str)> {
    match step {
        MAX_USUAL_STEP..5.0 if (step - step.round()).abs() > 0.01 => Some((1e-3, "milliseconds")),
        ..5.0 => Some((1.0, "seconds")),
        5.0..=1.2e3 => Some((1e-3, "milliseconds")),
        5e3..=2.5e5 => Some((1e-6, "microseconds")),
        5e6..=2.5e8 => Some((1e-9, "nanoseconds")),
        _ => None,
    }
}
