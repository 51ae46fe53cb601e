//! Legs that a detector exchanges for a moment: left becomes right and, some frames later, left again.
//!
//! Each leg is predicted from its own past. Where the legs of a frame fit the predictions of the other side much better than
//! their own, they are exchanged back. No later frame is needed, so it works live. A detector that keeps to its new sides for
//! longer than [`MAX_SPELL_SECONDS`] is believed: it may have been wrong before.

use nalgebra::Vector2;

use super::point_box::PointBox;
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::Layout;

/// Seconds for which legs may stay exchanged.
const MAX_SPELL_SECONDS: f64 = 0.5;
/// Seconds between two frames beyond which the past says nothing.
const MAX_STEP_SECONDS: f64 = 0.12;
/// How much nearer, in body sizes a joint, exchanged legs must be to the predictions, and how many times as far from them the
/// detector's own sides. With 0.02 the demonstration clip, whose legs are not exchanged, has 15 false alarms.
const MARGIN: f64 = 0.03;
const RATIO: f64 = 1.5;
/// How far, in body sizes a joint, exchanged legs may be from the predictions, and all other joints from where they were: poses
/// that have nothing to do with each other, as those of a data set, say nothing.
const MAX_DISTANCE: f64 = 0.1;
/// Share of a velocity that the next frame is predicted with, and of a new velocity that is believed at once.
const DAMPING: f64 = 0.5;
const NEW_VELOCITY: f64 = 0.4;

/// A point of a lower score is a guess, which moves at random.
const MIN_SCORE: f32 = 0.3;

/// Joints that sides are told by, from the trunk outwards.
const JUDGED: [&str; 3] = ["hip", "knee", "ankle"];
/// Joints that change places with the ankles.
const FEET: [&str; 5] = ["heel", "big_toe", "small_toe", "foot_index", "foot"];

/// Undoes exchanges of legs in a stream.
#[derive(Debug, Default)]
pub struct LegSides {
    joints: Option<LegJoints>,
    people: Vec<Past>,
}

/// Where a layout has its legs' joints, left and right.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LegJoints {
    layout: &'static str,
    judged: [[usize; 2]; JUDGED.len()],
    feet: Vec<[usize; 2]>,
}

/// One person's legs as they were last seen.
#[derive(Debug)]
struct Past {
    id: Option<i64>,
    /// Seconds.
    time: f64,
    /// Hips, knees and ankles, left and right.
    joints: [[Moving; 2]; JUDGED.len()],
    /// All points, pixels; NaN where one is not seen.
    points: Vec<Vector2<f64>>,
    /// Seconds for which the detector has had them exchanged.
    exchanged_for: f64,
}

/// A point in pixels, NaN where it was never seen, and its velocity a second.
#[derive(Debug, Clone, Copy)]
struct Moving {
    place: Vector2<f64>,
    velocity: Vector2<f64>,
}

/// How far a pair of joints is from its predictions, in body sizes: as the detector has it, and exchanged.
#[derive(Debug, Clone, Copy)]
struct Cost {
    kept: f64,
    exchanged: f64,
}

/// The part of the legs that is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    BelowHips,
}

impl LegSides {
    /// Exchanges legs back that changed places in this frame, whose points are in `layout`. Returns the number of people that
    /// it was done for. People must have the ids that they have in the frames before.
    pub fn undo(&mut self, frame: &mut Frame, layout: &Layout) -> usize {
        if self.joints.as_ref().is_none_or(|joints| joints.layout != layout.name) {
            self.joints = LegJoints::of(layout);
            self.people.clear();
        }
        let Some(joints) = &self.joints else { return 0 };
        let time = frame.time_or_usual();
        let mut undone = 0;
        for person in &mut frame.people {
            if person.keypoints.len() != layout.len() {
                continue;
            }
            let Some(past) = self.people.iter_mut().find(|past| past.id == person.id) else {
                self.people.push(Past::of(person, joints, time));
                continue;
            };
            undone += usize::from(past.update(person, joints, time));
        }
        if self.people.len() > frame.people.len() {
            self.people.retain(|past| (time - past.time).abs() <= MAX_SPELL_SECONDS);
        }
        undone
    }
}

impl LegJoints {
    /// `None` where a layout lacks hips, knees or ankles.
    fn of(layout: &Layout) -> Option<Self> {
        let [Some(hips), Some(knees), Some(ankles)] = JUDGED.map(|joint| pair(layout, joint)) else { return None };
        let feet = FEET.iter().filter_map(|joint| pair(layout, joint)).collect();
        Some(Self { layout: layout.name, judged: [hips, knees, ankles], feet })
    }

    fn has(&self, joint: usize) -> bool {
        self.judged.iter().chain(&self.feet).flatten().any(|other| *other == joint)
    }

    fn exchange(&self, part: Part, keypoints: &mut [Keypoint]) {
        let above = if part == Part::Whole { 0 } else { 1 };
        for [left, right] in self.judged[above..].iter().chain(&self.feet) {
            keypoints.swap(*left, *right);
        }
    }
}

/// The places of a joint on the left and on the right.
fn pair(layout: &Layout, joint: &str) -> Option<[usize; 2]> {
    let left = layout.position(&format!("left_{joint}"))?;
    let right = layout.position(&format!("right_{joint}"))?;
    Some([left, right])
}

impl Past {
    fn of(person: &Person, joints: &LegJoints, time: f64) -> Self {
        let points = (0..person.keypoints.len()).map(|joint| seen(person, joint)).collect();
        let joints = joints.judged.map(|pair| pair.map(|joint| Moving::at_rest(seen(person, joint))));
        Self { id: person.id, time, joints, points, exchanged_for: 0.0 }
    }

    /// Takes over a person's legs at `time`, and exchanges them back if they changed places. Returns whether they did.
    fn update(&mut self, person: &mut Person, joints: &LegJoints, time: f64) -> bool {
        let step = time - self.time;
        if !(step > 0.0 && step <= MAX_STEP_SECONDS) {
            *self = Self::of(person, joints, time);
            return false;
        }
        let part = self.exchanged_part(person, joints, step);
        if let Some(part) = part {
            self.exchanged_for += step;
            if self.exchanged_for > MAX_SPELL_SECONDS {
                *self = Self::of(person, joints, time);
                return false;
            }
            joints.exchange(part, &mut person.keypoints);
        } else {
            self.exchanged_for = 0.0;
        }
        for (joint, point) in self.points.iter_mut().enumerate() {
            *point = seen(person, joint);
        }
        for (pair, places) in self.joints.iter_mut().zip(&joints.judged) {
            for (joint, place) in pair.iter_mut().zip(places) {
                joint.move_to(seen(person, *place), step);
            }
        }
        self.time = time;
        part.is_some()
    }

    /// The part of the legs that fits the other side's past; the larger gain decides.
    fn exchanged_part(&self, person: &Person, joints: &LegJoints, step: f64) -> Option<Part> {
        let size = PointBox::around(person).larger_side();
        let costs: [Cost; JUDGED.len()] = std::array::from_fn(|pair| {
            let now = joints.judged[pair].map(|place| seen(person, place));
            Cost::of(&self.joints[pair], now, step, size)
        });
        // Legs that were exchanged a frame ago still are, unless their own sides are nearer: they may come close together.
        let (margin, ratio) = if self.exchanged_for > 0.0 { (0.0, 1.0) } else { (MARGIN, RATIO) };
        let whole = gain(&costs, margin, ratio);
        let are_hips_kept = costs[0].kept.is_nan() || costs[0].kept <= costs[0].exchanged;
        let below = if are_hips_kept { gain(&costs[1..], margin, ratio) } else { None };
        if (whole.is_some() || below.is_some()) && !self.is_continued(person, joints, size) {
            return None;
        }
        match (whole, below) {
            (Some(whole), Some(below)) if below > whole => Some(Part::BelowHips),
            (Some(_), _) => Some(Part::Whole),
            (None, Some(_)) => Some(Part::BelowHips),
            (None, None) => None,
        }
    }

    /// Whether a person's other joints are near where they were.
    fn is_continued(&self, person: &Person, joints: &LegJoints, size: f64) -> bool {
        let mut sum = 0.0;
        let mut count = 0u32;
        for (joint, before) in self.points.iter().enumerate() {
            let distance = (seen(person, joint) - before).norm();
            if distance.is_finite() && !joints.has(joint) {
                sum += distance;
                count += 1;
            }
        }
        count > 0 && sum <= MAX_DISTANCE * size * f64::from(count)
    }
}

/// How much nearer the joints of at least two pairs are to the predictions if they are exchanged; `None` where it is not clear.
fn gain(costs: &[Cost], margin: f64, ratio: f64) -> Option<f64> {
    let mut sum = Cost { kept: 0.0, exchanged: 0.0 };
    let mut pairs = 0u32;
    for cost in costs.iter().filter(|cost| cost.kept.is_finite() && cost.exchanged.is_finite()) {
        sum.kept += cost.kept;
        sum.exchanged += cost.exchanged;
        pairs += 1;
    }
    let gain = sum.kept - sum.exchanged;
    let joints = f64::from(2 * pairs);
    (pairs >= 2 && sum.exchanged <= MAX_DISTANCE * joints && gain > margin * joints && sum.kept > ratio * sum.exchanged)
        .then_some(gain)
}

impl Cost {
    fn of(past: &[Moving; 2], now: [Vector2<f64>; 2], step: f64, size: f64) -> Self {
        let [left, right] = past.map(|joint| joint.place + joint.velocity * (step * DAMPING));
        let kept = (now[0] - left).norm() + (now[1] - right).norm();
        let exchanged = (now[1] - left).norm() + (now[0] - right).norm();
        Self { kept: kept / size, exchanged: exchanged / size }
    }
}

impl Moving {
    fn at_rest(place: Vector2<f64>) -> Self {
        Self { place, velocity: Vector2::zeros() }
    }

    /// A point that is not seen stays where it was, and slows down.
    fn move_to(&mut self, place: Vector2<f64>, step: f64) {
        let velocity = (place - self.place) / step;
        if velocity.x.is_finite() {
            self.velocity += (velocity - self.velocity) * NEW_VELOCITY;
        } else {
            self.velocity *= 1.0 - NEW_VELOCITY;
        }
        if place.x.is_finite() {
            self.place = place;
        }
    }
}

/// Where a joint is, pixels; NaN where it is missing or guessed.
fn seen(person: &Person, joint: usize) -> Vector2<f64> {
    let point = person.keypoints[joint];
    if point.is_missing() || point.score < MIN_SCORE {
        Vector2::repeat(f64::NAN)
    } else {
        Vector2::new(point.x, point.y)
    }
}

#[cfg(test)]
mod tests;
