//! Finds motion that no human makes, before anything is learned from a take: the faulty frames are cut out and
//! reported.
//!
//! Each check is a function in its own file, from a sequence of bodies to the frames that are wrong. Its threshold
//! stands next to the extremes of the recordings at hand (CMU's, UI-PRMD).

mod frozen;
mod jumps;
mod sides;
mod sliding;
mod stretch;
mod unit;

use std::fmt;
use std::ops::Range;

use crate::data::body::feet::FIRST_OF_FEET;
use crate::data::body::{Body, joint_place};
use crate::median::upper_median;

/// Shortest piece of a take that is kept, seconds.
const MIN_PIECE_SECONDS: f64 = 0.4;

/// Number of places of one kind of fault that are listed individually.
const NAMED: usize = 4;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// A coordinate is not a number.
    NotFinite,
    /// A joint moved farther than a body can take it; the frame is the first one after the jump.
    Jump,
    /// Left and right of the hips or of the shoulders change places from one frame to the next.
    SidesFlip,
    /// At least two parts of the body look backwards: left and right are exchanged, or the axes are a mirror image.
    SidesSwapped,
    /// Left and right of hips and shoulders are opposed.
    SidesOpposed,
    /// The body's size is not human.
    Unit {
        /// Its thigh, metres.
        thigh: f64,
        /// Its stature, metres.
        stature: f64,
    },
    /// A limb has another length than in the rest of the take.
    Stretch,
    /// Both feet slide over the floor at the same time.
    FeetSlide,
    /// The body moves as a whole, while no joint moves relative to another.
    Glide,
    /// Nothing moves at all, as when a recording stopped.
    Frozen,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite => f.write_str("coordinates that are no numbers"),
            Self::Jump => f.write_str("a joint jumps (over 20 m/s)"),
            Self::SidesFlip => f.write_str("left and right change places from one frame to the next"),
            Self::SidesSwapped => f.write_str(
                "left and right are exchanged: two or more of knees, elbows, neck, face and walk look backwards",
            ),
            Self::SidesOpposed => f.write_str("left and right of hips and shoulders are opposed"),
            Self::Unit { thigh, stature } => write!(
                f,
                "no human size: a thigh of {thigh:.2} m and a stature of {stature:.2} m, expected 0.20 to 0.65 and 0.8 to 2.4"
            ),
            Self::Stretch => f.write_str("a limb changes its length by more than a quarter"),
            Self::FeetSlide => f.write_str("both feet slide over the floor together"),
            Self::Glide => f.write_str("the body glides as a whole"),
            Self::Frozen => f.write_str("nothing moves"),
        }
    }
}

impl Fault {
    /// Whether the frames themselves are sound, so that only the link to the frames before them is broken.
    fn is_between_frames(self) -> bool {
        matches!(self, Self::Jump | Self::SidesFlip)
    }
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Frames of the take; for a fault between two frames, the second of them.
    pub frames: Range<usize>,
    /// What is wrong with them.
    pub fault: Fault,
}

/// The sound part of a take, and its faults.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sifted {
    /// Ranges of frames without a fault, each at least 0.4 s long.
    pub sound: Vec<Range<usize>>,
    /// The faults found.
    pub findings: Vec<Finding>,
    /// Number of frames outside the sound ranges: faulty ones, and pieces too short to be kept.
    pub cut: usize,
}

/// What is known about a figure before its motion is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Whether bone lengths are a real person's, so that the stature must be one too.
    pub human_lengths: bool,
    /// Whether nose, eyes and ears come from the file; otherwise they were placed on a skull through neck and head.
    pub own_face: bool,
}

/// Looks for faults in `bodies`, recorded at `rate` frames a second.
///
/// A rest pose in front of the motion shows as a jump, and is cut off as a piece too short to be kept.
pub fn sift(bodies: &[Body], rate: f64, figure: Figure) -> Sifted {
    let mut findings = jumps::find(bodies, rate);
    findings.extend(unit::find(bodies, figure.human_lengths));
    findings.extend(stretch::find(bodies));
    for piece in sound(bodies.len(), &findings, 0) {
        let start = piece.start;
        let bodies = &bodies[piece];
        let found = [sliding::find(bodies, rate), sides::find(bodies, rate, figure), frozen::find(bodies, rate)];
        for Finding { frames, fault } in found.into_iter().flatten() {
            findings.push(Finding { frames: frames.start + start..frames.end + start, fault });
        }
    }
    findings.sort_by_key(|finding| finding.frames.start);
    let shortest = (MIN_PIECE_SECONDS * rate).ceil() as usize;
    let sound = sound(bodies.len(), &findings, shortest);
    let kept: usize = sound.iter().map(Range::len).sum();
    Sifted { sound, findings, cut: bodies.len() - kept }
}

/// The ranges of `frames` frames that are at least `shortest` long and contain no fault.
fn sound(frames: usize, findings: &[Finding], shortest: usize) -> Vec<Range<usize>> {
    let mut is_faulty = vec![false; frames];
    let mut starts_anew = vec![false; frames];
    for Finding { frames, fault } in findings {
        let marked = if fault.is_between_frames() { &mut starts_anew } else { &mut is_faulty };
        marked[frames.clone()].fill(true);
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    for (frame, (is_faulty, starts_anew)) in is_faulty.into_iter().zip(starts_anew).enumerate() {
        if is_faulty || starts_anew {
            ranges.push(start..frame);
            start = if is_faulty { frame + 1 } else { frame };
        }
    }
    ranges.push(start.min(frames)..frames);
    ranges.retain(|range| range.len() >= shortest.max(1));
    ranges
}

impl Sifted {
    /// What is wrong with the take `name` of `frames` frames, in one line; `None` if nothing is worth reporting.
    ///
    /// One faulty frame may be a rest pose that its rig's table does not list.
    pub fn complaint(&self, name: &str, frames: usize) -> Option<String> {
        let is_worth_reporting =
            self.cut > 1 || self.sound.is_empty() || self.findings.iter().any(|found| found.fault != Fault::Jump);
        if !is_worth_reporting || (self.cut == 0 && self.findings.is_empty()) {
            return None;
        }
        let mut kinds: Vec<(Fault, Vec<&Range<usize>>)> = Vec::new();
        for Finding { frames, fault } in &self.findings {
            match kinds.iter_mut().find(|(kind, _)| kind == fault) {
                Some((_, places)) => places.push(frames),
                None => kinds.push((*fault, vec![frames])),
            }
        }
        let reasons: Vec<_> = kinds.iter().map(|(fault, places)| format!("{fault} at {}", named(places))).collect();
        let reasons = if reasons.is_empty() { "too short".to_owned() } else { reasons.join("; ") };
        Some(format!("{name}: {} of {frames} frames left out: {reasons}", self.cut))
    }
}

/// `frame 17, 20 to 31 and 3 more places`, counted from 0.
fn named(places: &[&Range<usize>]) -> String {
    let first: Vec<_> = places.iter().take(NAMED).map(|range| place_name(range)).collect();
    let more = match places.len().saturating_sub(NAMED) {
        0 => String::new(),
        1 => " and 1 more place".to_owned(),
        more => format!(" and {more} more places"),
    };
    format!("frame {}{more}", first.join(", "))
}

fn place_name(range: &Range<usize>) -> String {
    match range.len() {
        0 | 1 => format!("{}", range.start),
        _ => format!("{} to {}", range.start, range.end - 1),
    }
}

/// Runs of `true` in `marks`, at least `least` long.
fn runs(marks: impl IntoIterator<Item = bool>, least: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (index, mark) in marks.into_iter().chain([false]).enumerate() {
        match (mark, start) {
            (true, None) => start = Some(index),
            (false, Some(from)) => {
                if index - from >= least.max(1) {
                    found.push(from..index);
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// The distance of two joints, metres.
fn length(body: &Body, bone: [usize; 2]) -> f64 {
    let [from, to] = bone.map(|joint| joint_place(body, joint));
    (from - to).norm()
}

/// The median over the finite bodies of the length of `bones` together, metres.
fn median_length(bodies: &[Body], bones: &[[usize; 2]]) -> Option<f64> {
    let finite = bodies.iter().filter(|body| is_finite(body));
    let mut lengths: Vec<f64> = finite.map(|body| bones.iter().map(|&bone| length(body, bone)).sum::<f64>()).collect();
    upper_median(&mut lengths)
}

fn is_finite(body: &Body) -> bool {
    body[..FIRST_OF_FEET].iter().flatten().all(|value| value.is_finite())
}

#[cfg(test)]
mod tests;
