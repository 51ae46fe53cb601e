//! Which feet stand on the ground, seen by a camera that stands still.
//!
//! A foot that stands keeps its place in the image, however wrong the pose's depth is; one that swings crosses the image at up to four
//! metres a second. So a foot stands if its ankle's key point moves slowly, in metres by the person's size in the image, and the
//! ankle is not held up above the other one. Beside markers (a walk and squats, 60 frames a second) the speed in the image goes with
//! the ankle's true speed by a correlation of 0.95 to 0.97 in the walk.
//!
//! The feet of a person who walks towards the camera, or away from it, hardly move in the image. There the pose tells: a swinging
//! ankle moves in depth faster than the hip, which moves as fast as the person grows or shrinks in the image.

use std::cell::Cell;

use nalgebra::Matrix3;

use super::root::{SameName, pairs_by_name, same_person};
use crate::camera::{Attitude, Camera, rotate};
use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseWriter};
use crate::only_one::only_one;
use crate::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson};
use crate::skeleton::{Layout, find_joint};
use crate::smooth::{LocalLine, Neighbour, Neighbours};

/// How far before and after a frame speeds are taken over, seconds.
const REACH: f64 = 0.15;
/// How far before a frame live, where no later frame is waited for, seconds.
const REACH_BACK: f64 = 0.1;
/// How far the hip's speed in depth is taken over, seconds; before and after a frame, live before it alone.
const HIP_REACH: f64 = 0.3;
/// A standing ankle's greatest speed in the image, m/s: between the heel's lift and the swing.
const MAX_STANDING_SPEED: f64 = 0.5;
/// Its greatest speed in depth, m/s, which is known less well.
const MAX_SPEED_IN_DEPTH: f64 = 1.0;
/// A hip that is faster in depth, m/s, is one of a person who walks.
const WALKING: f64 = 0.7;
/// How much higher than the other a standing ankle may be, metres.
const HIGHEST: f64 = 0.15;
/// The least extent of a person in the image, pixels: smaller ones show no speed.
const MIN_EXTENT: f64 = 1.0;

/// The joints that tell.
#[derive(Debug, Clone)]
struct Ankles {
    /// The left and the right ankle.
    sides: [SameName; 2],
    /// The body's joints, which give the person's size in the image.
    body: Vec<SameName>,
    metres: f32,
    /// How far before and after a frame speeds are taken over, seconds.
    reach: f64,
    level_from_camera: Matrix3<f32>,
    /// Whether any foot was judged.
    are_judged: Cell<bool>,
}

/// Speeds away from the camera, m/s.
#[derive(Debug, Clone, Copy)]
struct SpeedsInDepth {
    hip: f64,
    /// Relative to the hip.
    ankles: [f64; 2],
}

impl SpeedsInDepth {
    /// Whether the ankle of a side may stand. The depth of a step is lifted too short as often as not, so of a person who walks the
    /// direction alone counts: an ankle that stands falls back behind the hip.
    fn is_standing(&self, side: usize) -> bool {
        match self.hip.abs() > WALKING {
            true => self.ankles[side] * self.hip < 0.0,
            false => (self.hip + self.ankles[side]).abs() < MAX_SPEED_IN_DEPTH,
        }
    }
}

/// A writer that says which feet stand, and passes poses on to another writer. Poses must still be in the camera's own axes.
pub struct ContactWriter {
    writer: Box<dyn PoseWriter>,
    ankles: Ankles,
    /// Whether frames wait for later ones.
    waits: bool,
    frames: Neighbours,
    has_people: bool,
    report: Box<dyn FnMut() + Send>,
}

impl ContactWriter {
    /// Judges the poses of a stream of `info` with key points in `layout`, by a camera held at `attitude`. With `waits` a frame is
    /// judged by those after it, too, and comes 0.3 s later.
    ///
    /// # Errors
    /// A layout or poses without ankles, or poses of an unknown unit.
    pub fn new(
        writer: Box<dyn PoseWriter>,
        info: &PoseInfo,
        layout: &Layout,
        attitude: Attitude,
        waits: bool,
    ) -> Result<Self> {
        let reach = if waits { REACH } else { REACH_BACK };
        let ankles = Ankles::of(info, layout, attitude, reach)?;
        Ok(Self {
            writer,
            ankles,
            waits,
            frames: Neighbours::new(HIP_REACH),
            has_people: false,
            report: Box::new(|| ()),
        })
    }

    /// Whether [`Self::new`] takes such key points and poses.
    pub fn can_judge(info: &PoseInfo, layout: &Layout) -> bool {
        Ankles::of(info, layout, Attitude::default(), REACH).is_ok()
    }

    /// The same; `report` is called at the end where there were people and not one foot could be judged.
    #[must_use]
    pub fn reporting(mut self, report: impl FnMut() + Send + 'static) -> Self {
        self.report = Box::new(report);
        self
    }

    /// Writes the waiting frames, and forgets all.
    fn write_rest(&mut self) -> Result<()> {
        let ankles = &self.ankles;
        self.frames.write_rest(self.writer.as_mut(), |frames, now, lifted| ankles.judge(frames, now, lifted))
    }
}

impl Ankles {
    /// # Errors
    /// As [`ContactWriter::new`].
    fn of(info: &PoseInfo, layout: &Layout, attitude: Attitude, reach: f64) -> Result<Self> {
        let metres = info.unit.in_metres().ok_or_else(|| {
            Error::usage(format!("poses in '{}', so no foot contact: speeds need metres", info.unit.name()))
        })?;
        Ok(Self {
            sides: [ankle("left_ankle", info, layout)?, ankle("right_ankle", info, layout)?],
            body: pairs_by_name(layout, &info.joints),
            metres: metres as f32,
            reach,
            level_from_camera: attitude.level_from_camera(),
            are_judged: Cell::new(false),
        })
    }

    /// Says of each person in `lifted`, seen in `now`, which feet stand.
    fn judge(&self, frames: &Neighbours, now: &Neighbour, lifted: &mut LiftedFrame) {
        for person in &mut lifted.people {
            let Some(seen) = same_person(&now.frame, person.id) else { continue };
            let Some(scale) = self.metres_a_pixel(seen, person) else { continue };
            let heights = self.sides.map(|ankle| self.height(person, ankle.joint));
            let in_depth = self.speeds_in_depth(person.id, frames, now);
            for (side, contact) in person.contacts.iter_mut().enumerate() {
                let is_low = heights[side] - heights[1 - side] < HIGHEST;
                let stands_in_depth = in_depth.as_ref().is_none_or(|speeds| speeds.is_standing(side));
                let speed = self.speed(side, person.id, frames, now);
                *contact = speed.map(|pixels| pixels * scale < MAX_STANDING_SPEED && is_low && stands_in_depth);
                self.are_judged.set(self.are_judged.get() || contact.is_some());
            }
        }
    }

    /// How long a pixel is in the plane in which the person is, metres: by the extents of pose and key points.
    fn metres_a_pixel(&self, seen: &[Keypoint], person: &LiftedPerson) -> Option<f64> {
        let present = self.body.iter().filter(|pair| seen.get(pair.keypoint).is_some_and(|point| !point.is_missing()));
        let pixels = extent(present.clone().map(|pair| [seen[pair.keypoint].x, seen[pair.keypoint].y]));
        let pose = extent(present.map(|pair| {
            let [x, y, _] = person.joints[pair.joint];
            [x, y].map(|axis| f64::from(axis * self.metres))
        }));
        (pixels >= MIN_EXTENT).then(|| pose / pixels)
    }

    /// The speed of an ankle in the image, pixels a second; `None` where it is not seen now, or only now.
    fn speed(&self, side: usize, id: Option<i64>, frames: &Neighbours, now: &Neighbour) -> Option<f64> {
        self.seen_ankle(side, id, &now.frame)?;
        let mut lines = [LocalLine::default(); 2];
        for near in frames.iter() {
            if let Some(point) = self.seen_ankle(side, id, &near.frame) {
                let apart = (near.time - now.time) / self.reach;
                lines[0].push(apart, point.x);
                lines[1].push(apart, point.y);
            }
        }
        Some(lines[0].slope()?.hypot(lines[1].slope()?) / self.reach)
    }

    /// The key point of a person's ankle in a frame; `None` where it is not seen.
    fn seen_ankle(&self, side: usize, id: Option<i64>, frame: &Frame) -> Option<Keypoint> {
        let keypoints = same_person(frame, id)?;
        keypoints.get(self.sides[side].keypoint).copied().filter(|point| !point.is_missing())
    }

    /// How fast a person's hip and ankles move in depth; `None` where the image size is not known, or the person is in no other frame.
    fn speeds_in_depth(&self, id: Option<i64>, frames: &Neighbours, now: &Neighbour) -> Option<SpeedsInDepth> {
        let focal = f64::from(Camera::with_focal(now.frame.focal, now.frame.size?).focal[0]);
        let mut hip = LocalLine::default();
        let mut ankles = [LocalLine::default(); 2];
        for near in frames.iter() {
            let same = near.lifted.people.iter().filter(|person| person.id == id);
            let Some(person) = only_one(same) else { continue };
            let apart = near.time - now.time;
            let scale = same_person(&near.frame, id).and_then(|seen| self.metres_a_pixel(seen, person));
            if let Some(scale) = scale {
                hip.push(apart / HIP_REACH, focal * scale);
            }
            for (line, ankle) in ankles.iter_mut().zip(self.sides) {
                line.push(apart / self.reach, f64::from(person.joints[ankle.joint][2] * self.metres));
            }
        }
        let [left, right] = ankles.map(|ankle| ankle.slope().map(|slope| slope / self.reach));
        Some(SpeedsInDepth { hip: hip.slope()? / HIP_REACH, ankles: [left?, right?] })
    }

    /// The height of a joint over the hip, metres.
    fn height(&self, person: &LiftedPerson, joint: usize) -> f64 {
        f64::from(-rotate(&self.level_from_camera, person.joints[joint])[1] * self.metres)
    }
}

/// The key point and the joint of an ankle.
///
/// # Errors
/// Either lacks it.
fn ankle(name: &str, info: &PoseInfo, layout: &Layout) -> Result<SameName> {
    match (layout.position(name), find_joint(&info.joints, name)) {
        (Some(keypoint), Some(joint)) => Ok(SameName { keypoint, joint }),
        _ => Err(Error::usage(format!("no {name} in {} or in the poses, so no foot contact", layout.name))),
    }
}

/// The root of the sum of squared distances from their middle.
fn extent(points: impl Iterator<Item = [f64; 2]> + Clone) -> f64 {
    let mut sum = [0.0; 2];
    let mut count = 0.0;
    for [x, y] in points.clone() {
        sum[0] += x;
        sum[1] += y;
        count += 1.0;
    }
    let middle = sum.map(|sum| sum / f64::max(count, 1.0));
    points.map(|[x, y]| (x - middle[0]).powi(2) + (y - middle[1]).powi(2)).sum::<f64>().sqrt()
}

impl PoseWriter for ContactWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.has_people |= !lifted.people.is_empty();
        let time = self.frames.time_of(lifted);
        if time.is_none_or(|time| self.frames.is_another_clip(time, lifted)) {
            self.write_rest()?;
        }
        let Some(time) = time else { return self.writer.write(frame, lifted) };
        self.frames.push(time, frame.clone(), lifted.clone());
        let judged = if self.waits { time } else { time + HIP_REACH };
        let ankles = &self.ankles;
        self.frames.write_until(judged, self.writer.as_mut(), |frames, now, lifted| ankles.judge(frames, now, lifted))
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let rest = self.write_rest();
        if self.has_people && !self.ankles.are_judged.get() {
            (self.report)();
        }
        rest.and(self.writer.finish())
    }
}

#[cfg(test)]
mod tests;
