//! Times in other units than seconds, since 1970, or that do not go on.

use super::Notice;
use crate::pose::Frame;

/// Seconds that no video lasts: larger times count from 1970.
const EPOCH: f64 = 1e8;

/// What is known of a stream's times.
#[derive(Debug)]
pub(super) struct Clock {
    fps: Option<f64>,
    /// Seconds a unit, once that is known.
    unit: Option<f64>,
    /// Whether times are of no use, and frame numbers are taken in their place.
    is_broken: bool,
    /// The last frame with a time.
    last: Option<(u64, f64)>,
    is_told: bool,
}

impl Clock {
    pub(super) fn new(fps: Option<f64>) -> Self {
        Self { fps, unit: None, is_broken: false, last: None, is_told: false }
    }

    /// Looks at the times of frames, with their numbers, before the first is handed on.
    pub(super) fn look_ahead(&mut self, times: &[(u64, f64)]) -> Option<Notice> {
        let steps = times.windows(2).filter(|pair| pair[1].0 != pair[0].0 || pair[1].1 != pair[0].1);
        let rising = steps.clone().filter(|pair| pair[1].1 > pair[0].1).count();
        if steps.count() >= 2 && rising == 0 {
            return self.give_up();
        }
        let first = times.first()?;
        let step = times.windows(2).find(|pair| pair[1].1 > pair[0].1);
        match step {
            Some(pair) => self.decide(pair[0], pair[1]),
            None => self.decide_epoch(first.1),
        }
    }

    /// Brings a frame's time to seconds.
    #[inline]
    pub(super) fn set(&mut self, frame: &mut Frame) -> Option<Notice> {
        let time = frame.time?;
        let mut notice = None;
        if self.unit.is_none() && !self.is_broken {
            notice = match self.last {
                Some(last) if time > last.1 => self.decide(last, (frame.index, time)),
                Some(_) => None,
                None => self.decide_epoch(time),
            };
        }
        let falls = self.last.is_some_and(|(_, last)| time <= last);
        self.last = Some((frame.index, time));
        if falls && !self.is_told && !self.is_broken {
            self.is_told = true;
            notice = Some(Notice::new(
                format!("frame {}: its time is not after the frame before it", frame.index),
                "--fps gives times where the input has none",
            ));
        }
        if self.is_broken {
            frame.time = self.fps.map(|fps| frame.index as f64 / fps);
        } else if let Some(unit) = self.unit.filter(|unit| *unit != 1.0) {
            frame.time = Some(time * unit);
        }
        notice
    }

    fn give_up(&mut self) -> Option<Notice> {
        self.is_broken = true;
        self.is_told = true;
        let done = if self.fps.is_some() { "frame numbers are counted in their place" } else { "they are left out" };
        Some(Notice::new(format!("times of frames do not rise: {done}"), "--fps"))
    }

    /// Knows times since 1970 by their size alone.
    fn decide_epoch(&mut self, time: f64) -> Option<Notice> {
        if time.abs() < EPOCH {
            return None;
        }
        let (unit, name) = match time.abs() {
            ..1e10 => (1.0, "seconds"),
            ..1e13 => (1e-3, "milliseconds"),
            ..1e16 => (1e-6, "microseconds"),
            _ => (1e-9, "nanoseconds"),
        };
        self.unit = Some(unit);
        let done = if unit == 1.0 { "" } else { ", taken to seconds" };
        Some(Notice::new(format!("times are {name} since 1970{done}"), ""))
    }

    /// Knows the unit by the frame rate that two frames imply.
    fn decide(&mut self, one: (u64, f64), other: (u64, f64)) -> Option<Notice> {
        if one.1.abs() >= EPOCH {
            return self.decide_epoch(one.1);
        }
        let frames = other.0.abs_diff(one.0).max(1) as f64;
        let step = (other.1 - one.1) / frames;
        let (unit, name) = match self.fps {
            Some(fps) => by_ratio(step * fps),
            // Without a frame rate: 4 to 200 frames a second in each unit.
            None => by_step(step),
        };
        self.unit = Some(unit);
        let is_other = unit != 1.0;
        is_other.then(|| {
            Notice::new(format!("times are in {name}, by the frame rate that they imply: taken to seconds"), "--fps")
        })
    }
}

fn by_ratio(ratio: f64) -> (f64, &'static str) {
    match ratio {
        200.0..5e3 => (1e-3, "milliseconds"),
        2e5..5e6 => (1e-6, "microseconds"),
        2e8..5e9 => (1e-9, "nanoseconds"),
        _ => (1.0, "seconds"),
    }
}

fn by_step(step: f64) -> (f64, &'static str) {
    match step {
        5.0..=250.0 => (1e-3, "milliseconds"),
        5e3..=2.5e5 => (1e-6, "microseconds"),
        5e6..=2.5e8 => (1e-9, "nanoseconds"),
        _ => (1.0, "seconds"),
    }
}
