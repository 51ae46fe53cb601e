//! The hip's position in front of the camera, from the joints' positions in the image.
//!
//! A pose gives the joints relative to the hip; key points give the directions in which the camera sees them. The hip
//! is the place from which the pose is projected onto its key points: least squares of reprojection, by Gauss-Newton
//! from the solution of the linear problem. Joints are weighted by score and sigma, and joints that fit badly are
//! weighted less (Huber).
//!
//! Depth is the weak direction: a person who appears 1 % smaller is 1 % farther away. In files the depth is smoothed
//! over [`DEPTH_REACH`] before and after, and the direction over [`DIRECTION_REACH`]; live, each frame is solved
//! alone.

use nalgebra::{Matrix3, Vector2, Vector3};

use crate::camera::{Camera, ray};
use crate::error::Result;
use crate::format::PoseWriter;
use crate::median::median;
use crate::only_one::only_one;
use crate::pose::{Frame, Keypoint, LiftedFrame, LiftedPerson, Unit, vector};
use crate::skeleton::{Layout, is_of_foot};
use crate::smooth::{LocalLine, Neighbour, Neighbours, Track};

type Vector = Vector3<f64>;

/// How far before and after a frame the depth is smoothed over, seconds.
const DEPTH_REACH: f64 = 0.5;
/// How far before and after a frame the direction is smoothed over, seconds.
const DIRECTION_REACH: f64 = 0.1;
/// Fewer joints do not determine a position.
const MIN_JOINTS: usize = 4;
/// Expected error of a key point about the joint's true position, in addition to sigma, metres.
const DETECTION_ERROR: f64 = 0.02;
/// Steps of the iteration; three change the result by less than a millimetre.
const STEPS: usize = 4;
/// Residuals beyond this many medians are weighted less.
const HUBER_MEDIANS: f64 = 2.5;
/// Least distance of a hip from the camera, metres.
const MIN_ROOT_DEPTH: f64 = 0.1;

/// Options for the camera and the key points that the stream does not state.
#[derive(Debug, Clone, Copy, Default)]
pub struct RootOptions {
    /// Image size in pixels, for frames that do not state it.
    pub size: Option<[u32; 2]>,
    /// Focal length in pixels, for frames that do not state it.
    pub focal: Option<f32>,
    /// Whether the path is smoothed, which delays frames by half a second.
    pub smooth: bool,
}

/// Why a position is unknown or uncertain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unplaced {
    /// The image size is unknown: there is no position.
    UnknownSize,
    /// The focal length is unknown: distances assume a usual camera.
    UsualFocal,
}

/// Solves for the hips' positions.
#[derive(Debug, Clone)]
pub struct RootSolver {
    pairs: Vec<SameName>,
    /// A metre in the unit of poses.
    metre: f64,
}

/// Indices of a key point and a joint of the same name.
#[derive(Debug, Clone, Copy)]
pub(super) struct SameName {
    pub(super) keypoint: usize,
    pub(super) joint: usize,
}

/// A joint and the direction in which it is seen.
struct Sight {
    /// Relative to the hip.
    joint: Vector,
    /// `x / z` and `y / z`.
    direction: Vector2<f64>,
    weight: f64,
}

impl RootSolver {
    /// A solver for key points in `layout` and poses of `joints`. Points of feet are left out, so that people stand where they do
    /// without them: three points that lie close together are not worth three others.
    pub fn new(layout: &Layout, joints: &[String]) -> Self {
        Self { pairs: pairs_by_name(layout, joints), metre: 1.0 }
    }

    /// The same, for poses in `unit`; one whose size is not known counts as a metre.
    pub fn in_unit(self, unit: &Unit) -> Self {
        Self { metre: unit.in_metres().unwrap_or(1.0).recip(), ..self }
    }

    /// The position of a pose's root, in camera axes and the unit of the pose; `None` if too few joints are visible.
    /// `keypoints` `[J_in]` are pixels of the whole image, in the layout that [`Self::new`] was given.
    pub fn solve(&self, keypoints: &[Keypoint], pose: &LiftedPerson, camera: &Camera) -> Option<[f32; 3]> {
        let mut sights = self.sights(keypoints, pose, camera);
        if sights.len() < MIN_JOINTS {
            return None;
        }
        let mut root = linear(&sights)?;
        let confidences: Vec<f64> = sights.iter().map(|sight| sight.weight).collect();
        for _ in 0..STEPS {
            reweigh(&mut sights, &confidences, root);
            root += step(&sights, root)?;
        }
        let is_ahead = root.z >= MIN_ROOT_DEPTH * self.metre && root.iter().all(|axis| axis.is_finite());
        is_ahead.then(|| root.map(|axis| axis as f32).into())
    }

    fn sights(&self, keypoints: &[Keypoint], pose: &LiftedPerson, camera: &Camera) -> Vec<Sight> {
        let mut sights = Vec::with_capacity(self.pairs.len());
        let detection_error = DETECTION_ERROR * self.metre;
        for pair in &self.pairs {
            let Some(point) = keypoints.get(pair.keypoint).filter(|point| !point.is_missing()) else { continue };
            let sigma = pose.sigma.get(pair.joint).map_or(0.0, |sigma| f64::from(*sigma));
            let score = f64::from(point.score.min(1.0));
            sights.push(Sight {
                joint: vector(pose.joints[pair.joint]),
                direction: Vector2::from(ray(camera, [point.x, point.y])),
                weight: score * score / (sigma * sigma + detection_error * detection_error),
            });
        }
        sights
    }
}

/// The pairs of a key point and a joint of the same name, but for points of feet.
pub(super) fn pairs_by_name(layout: &Layout, joints: &[String]) -> Vec<SameName> {
    let mut pairs = Vec::new();
    for (joint, name) in joints.iter().enumerate() {
        if is_of_foot(name) {
            continue;
        }
        if let Some(keypoint) = layout.position(name) {
            pairs.push(SameName { keypoint, joint });
        }
    }
    pairs
}

/// The key points of the only person `id` in a frame; where none has an id, of the only person.
pub(super) fn same_person(frame: &Frame, id: Option<i64>) -> Option<&[Keypoint]> {
    only_one(frame.people.iter().filter(|person| person.id == id)).map(|person| &*person.keypoints)
}

/// The root that minimises `depth · residual` over all joints, which is a linear problem.
fn linear(sights: &[Sight]) -> Option<Vector> {
    let mut matrix = Matrix3::zeros();
    let mut side = Vector::zeros();
    for Sight { joint, direction, weight } in sights {
        for axis in 0..2 {
            let mut row = Vector::zeros();
            row[axis] = 1.0;
            row.z = -direction[axis];
            matrix += row * row.transpose() * *weight;
            side += row * (*weight * (direction[axis] * joint.z - joint[axis]));
        }
    }
    matrix.cholesky().map(|cholesky| cholesky.solve(&side))
}

/// The difference of a joint's projection from its key point, as directions.
fn residual(sight: &Sight, root: Vector) -> Vector2<f64> {
    let place = sight.joint + root;
    place.xy() / place.z - sight.direction
}

/// Reduces the weight of joints that fit badly.
fn reweigh(sights: &mut [Sight], confidences: &[f64], root: Vector) {
    let misses: Vec<f64> = sights.iter().map(|sight| residual(sight, root).norm()).collect();
    // If the fit has no error, all joints count in full.
    let bound = (HUBER_MEDIANS * median(&mut misses.clone()).unwrap_or(0.0)).max(1e-9);
    for ((sight, miss), confidence) in sights.iter_mut().zip(misses).zip(confidences) {
        sight.weight = if miss > bound { confidence * bound / miss } else { *confidence };
    }
}

/// One step towards the least squares of reprojection.
fn step(sights: &[Sight], root: Vector) -> Option<Vector> {
    let mut matrix = Matrix3::zeros();
    let mut side = Vector::zeros();
    for sight in sights {
        let place = sight.joint + root;
        let miss = residual(sight, root);
        for axis in 0..2 {
            let mut slope = Vector::zeros();
            slope[axis] = 1.0 / place.z;
            slope.z = -place[axis] / (place.z * place.z);
            matrix += slope * slope.transpose() * sight.weight;
            side -= slope * (miss[axis] * sight.weight);
        }
    }
    matrix.cholesky().map(|cholesky| cholesky.solve(&side))
}

/// A writer that adds people's roots and passes them on to another writer. Poses must still be in the camera's own
/// axes.
pub struct RootWriter {
    writer: Box<dyn PoseWriter>,
    solver: RootSolver,
    options: RootOptions,
    frames: Neighbours,
    report: Box<dyn FnMut(Unplaced) + Send>,
    reported: Vec<Unplaced>,
}

impl RootWriter {
    /// Adds roots to the poses for `writer`. `report` is called once for each cause for which positions are unknown or uncertain.
    pub fn new(
        writer: Box<dyn PoseWriter>,
        solver: RootSolver,
        options: RootOptions,
        report: impl FnMut(Unplaced) + Send + 'static,
    ) -> Self {
        let frames = Neighbours::new(DEPTH_REACH);
        Self { writer, solver, options, frames, report: Box::new(report), reported: Vec::new() }
    }

    fn report_once(&mut self, cause: Unplaced) {
        if !self.reported.contains(&cause) {
            self.reported.push(cause);
            (self.report)(cause);
        }
    }

    fn add_roots(&mut self, frame: &Frame, lifted: &mut LiftedFrame) {
        let size = frame.size.or(self.options.size);
        let camera = match (size, frame.focal.or(self.options.focal)) {
            (Some(size), focal) => Camera::with_focal(focal, size),
            (None, _) if lifted.people.is_empty() => return,
            (None, _) => return self.report_once(Unplaced::UnknownSize),
        };
        if frame.focal.or(self.options.focal).is_none() && !lifted.people.is_empty() {
            self.report_once(Unplaced::UsualFocal);
        }
        let are_all_lifted = frame.people.len() == lifted.people.len();
        for (index, person) in lifted.people.iter_mut().enumerate() {
            let seen = match same_person(frame, person.id) {
                Some(seen) => Some(seen),
                // People who share an id, or have none, are told apart by their order, unless one of them was not lifted.
                None if are_all_lifted => Some(&*frame.people[index].keypoints),
                None => None,
            };
            person.root = seen.and_then(|seen| self.solver.solve(seen, person, &camera));
        }
    }
}

/// Smooths the roots of a frame by its neighbours.
fn smooth_roots(frames: &Neighbours, now: &Neighbour, lifted: &mut LiftedFrame) {
    for (place, person) in lifted.people.iter_mut().enumerate() {
        if let (Some(root), Some(track)) = (&mut person.root, Track::of(&now.lifted.people, place)) {
            *root = smoothed(frames, now.time, track, place, *root);
        }
    }
}

/// The smoothed root of the person of `track`, from the same person's roots around `time`, probably at index `place`.
fn smoothed(frames: &Neighbours, time: f64, track: Track, place: usize, root: [f32; 3]) -> [f32; 3] {
    let mut depth = LocalLine::default();
    let mut direction = [LocalLine::default(); 2];
    for near in frames.iter() {
        let apart = near.time - time;
        let same = track.find(&near.lifted.people, place);
        let Some([x, y, z]) = same.and_then(|person| person.root).map(|root| root.map(f64::from)) else { continue };
        depth.push(apart / DEPTH_REACH, z);
        for (line, axis) in direction.iter_mut().zip([x, y]) {
            line.push(apart / DIRECTION_REACH, axis / z);
        }
    }
    let [x, y, z] = root.map(f64::from);
    let depth = depth.middle().unwrap_or(z);
    let x = direction[0].middle().unwrap_or(x / z) * depth;
    let y = direction[1].middle().unwrap_or(y / z) * depth;
    [x as f32, y as f32, depth as f32]
}

impl PoseWriter for RootWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let mut placed = lifted.clone();
        self.add_roots(frame, &mut placed);
        let writer = self.writer.as_mut();
        let Some(time) = self.frames.time_of(lifted).filter(|_| self.options.smooth) else {
            self.frames.write_rest(writer, smooth_roots)?;
            return writer.write(frame, &placed);
        };
        if self.frames.is_another_clip(time, lifted) {
            self.frames.write_rest(writer, smooth_roots)?;
        }
        self.frames.push(time, frame.clone(), placed);
        self.frames.write_until(time, writer, smooth_roots)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let rest = self.frames.write_rest(self.writer.as_mut(), smooth_roots);
        rest.and(self.writer.finish())
    }
}

#[cfg(test)]
mod tests;
