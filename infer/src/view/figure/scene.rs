//! What stands where in the 3D panels: sizes, the ground, people's places, and how points become pixels.
//!
//! The scene's axes are x right, y down, z away from the camera; its unit is the metre where the poses' unit is known.

use std::collections::BTreeMap;

use nalgebra::{Matrix3, Rotation3, Vector3};

use super::bones::{Bone, Side, bones};
use super::palette::{self, Scheme};
use super::shape::{Colour, Point, View};
use super::{FigureClip, Moment};
use crate::place::rotation;
use crate::pose::{Axes, LiftedFrame};

type Vector = Vector3<f32>;

/// Where the eye stands, in the scene's own radii.
const EYE_RADII: f32 = 5.0;
/// How far the eye looks down, radians.
const EYE_PITCH: f32 = 0.2;
/// Frames that tell the scene's size.
const SCENE_FRAMES: usize = 2000;
/// Points of a path on the ground.
const PATH_POINTS: usize = 500;
/// People are on a known floor most of the time: the median of their lowest joints is this close to it, in half bodies.
const NEAR_FLOOR: f32 = 0.4;

/// The surroundings of a clip's people.
pub(super) struct Scene<'a> {
    sets: Vec<SceneSet<'a>>,
    /// All tracks in order.
    tracks: Vec<i64>,
    /// Half of a body's height.
    pub(super) body: f32,
    /// From the middle of what is shown to its side.
    pub(super) wide: f32,
    /// The height of the ground, y.
    pub(super) ground: f32,
    /// Whether people stand where their roots are.
    is_placed: bool,
    /// Whether each pose is put on the ground.
    is_grounded: bool,
    /// Whether gravity is known.
    pub(super) is_level: bool,
    paths: Vec<RootPath>,
}

/// One stream in the scene.
struct SceneSet<'a> {
    to_scene: Matrix3<f32>,
    scale: f32,
    /// Whether `scale` leads to metres.
    is_in_metres: bool,
    joints: Vec<&'a str>,
    bones: Vec<Bone>,
}

/// A root's way over the ground.
struct RootPath {
    set: usize,
    track: i64,
    /// Frame numbers and places.
    points: Vec<(u64, Option<Vector>)>,
}

impl RootPath {
    /// Lines at the height `ground` through the frames whose number `is_part`, cut where the root is not known.
    fn lines_on(&self, ground: f32, is_part: impl Fn(u64) -> bool) -> Vec<Vec<Vector>> {
        let mut lines = Vec::new();
        let mut line = Vec::new();
        for (number, point) in &self.points {
            match point.filter(|_| is_part(*number)) {
                Some(point) => line.push(Vector::new(point.x, ground, point.z)),
                None => lines.push(std::mem::take(&mut line)),
            }
        }
        lines.push(line);
        lines.retain(|line| line.len() > 1);
        lines
    }
}

/// A person in the scene.
pub(super) struct Body {
    /// `[J]` `None` where a joint is not known.
    pub(super) joints: Vec<Option<Vector>>,
    /// `[J]` in the scene's unit, or empty.
    pub(super) sigma: Vec<f32>,
    pub(super) scheme: Scheme,
    /// The number of its track, if the stream names one.
    pub(super) track: Option<i64>,
}

impl Body {
    pub(super) fn known_joints(&self) -> impl Iterator<Item = &Vector> {
        self.joints.iter().flatten()
    }

    /// y of the joint nearest to the ground.
    fn lowest(&self) -> f32 {
        self.known_joints().map(|joint| joint.y).fold(f32::MIN, f32::max)
    }
}

/// The number of the track that each person of a frame has, in colours and rows: the id, or the place.
pub(super) fn track_of(id: Option<i64>, place: usize) -> i64 {
    id.unwrap_or(place as i64)
}

impl<'a> Scene<'a> {
    /// The scene of a clip; `None` if it has no pose.
    pub(super) fn new(clip: &FigureClip<'a>) -> Option<Self> {
        let sets: Vec<_> = clip.sets.iter().map(|set| SceneSet::new(set.poses)).collect();
        let stride = clip.moments.len().div_ceil(SCENE_FRAMES).max(1);
        let sampled: Vec<&Moment<'_>> = clip.moments.iter().step_by(stride).collect();
        let mut scene = Self {
            sets,
            tracks: tracks(clip),
            body: 1.0,
            wide: 1.0,
            ground: 0.0,
            is_placed: are_placed(clip),
            is_grounded: true,
            is_level: clip.sets.iter().all(|set| set.poses.is_upright()),
            paths: Vec::new(),
        };
        scene.measure(&sampled)?;
        if scene.is_placed {
            scene.paths = scene.find_paths(&clip.moments);
        }
        Some(scene)
    }

    /// Finds sizes and the ground.
    fn measure(&mut self, moments: &[&Moment<'_>]) -> Option<()> {
        let mut heights = Vec::new();
        let mut lows = Vec::new();
        let mut reaches = Vec::new();
        for moment in moments {
            for (number, lifted) in moment.sets.iter().enumerate() {
                let bodies = self.standing(number, lifted);
                let centre = middle_of(&bodies);
                for body in &bodies {
                    let low = body.lowest();
                    let high = body.known_joints().map(|joint| joint.y).fold(f32::MAX, f32::min);
                    let wide = body.known_joints().map(|joint| (joint - centre).xz().norm()).fold(0.0, f32::max);
                    heights.push(low - high);
                    lows.push(low);
                    reaches.push(wide);
                }
            }
        }
        self.body = quantile(&mut heights, 0.98)? / 2.0;
        self.body = if self.body > 0.0 { self.body } else { 1.0 };
        self.wide = quantile(&mut reaches, 0.98)?.max(0.5 * self.body);
        self.ground = quantile(&mut lows, if self.is_placed { 0.98 } else { 0.9 })?;
        let usual = quantile(&mut lows, 0.5)?;
        let is_floor = self.is_placed && self.is_level && self.ground - usual < NEAR_FLOOR * self.body;
        self.is_grounded = !is_floor;
        Some(())
    }

    fn find_paths(&self, moments: &[Moment<'_>]) -> Vec<RootPath> {
        let stride = moments.len().div_ceil(PATH_POINTS).max(1);
        let mut paths = BTreeMap::new();
        for moment in moments.iter().step_by(stride) {
            for (set, lifted) in moment.sets.iter().enumerate() {
                for track in &self.tracks {
                    let mut people = lifted.people.iter().enumerate();
                    let person = people.find(|(place, person)| track_of(person.id, *place) == *track);
                    let root = person.and_then(|(_, person)| person.root).map(|root| self.sets[set].point(root));
                    let path = paths.entry((set, *track)).or_insert_with(Vec::new);
                    path.push((moment.frame.index, root));
                }
            }
        }
        paths.into_iter().map(|((set, track), points)| RootPath { set, track, points }).collect()
    }

    /// The place of a track among all.
    fn place_of(&self, track: i64) -> usize {
        self.tracks.binary_search(&track).expect("the scene has the tracks of all its people")
    }

    /// How a person of a stream is coloured, whose track has the place `at` among all.
    fn scheme(&self, set: usize, at: usize) -> Scheme {
        match (self.sets.len(), self.tracks.len()) {
            (1, 1) => Scheme::Sides,
            (1, _) => Scheme::Track(at),
            _ => Scheme::Set(set),
        }
    }

    /// The people of a stream where they stand.
    fn standing(&self, set: usize, lifted: &LiftedFrame) -> Vec<Body> {
        let scene_set = &self.sets[set];
        let mut bodies = Vec::new();
        for (place, person) in lifted.people.iter().enumerate() {
            let at = self.place_of(track_of(person.id, place));
            let shift = match person.root.filter(|_| self.is_placed) {
                Some(root) => scene_set.point(root),
                // Without a root each has a place of its own in the row.
                None => {
                    Vector::new((at as f32 - (self.tracks.len() - 1) as f32 / 2.0) * 0.9 * scene_set.scale, 0.0, 0.0)
                }
            };
            bodies.push(Body {
                joints: person.joints.iter().map(|joint| scene_set.known_point(*joint, shift)).collect(),
                sigma: person.sigma.iter().map(|sigma| sigma * scene_set.scale).collect(),
                scheme: self.scheme(set, at),
                track: person.id,
            });
        }
        bodies.retain(|body| body.joints.iter().any(Option::is_some));
        bodies
    }

    /// The people of a stream as they are drawn.
    pub(super) fn bodies(&self, set: usize, lifted: &LiftedFrame) -> Vec<Body> {
        let mut bodies = self.standing(set, lifted);
        for body in bodies.iter_mut().filter(|_| self.is_grounded) {
            let low = body.lowest();
            for joint in body.joints.iter_mut().flatten() {
                joint.y += self.ground - low;
            }
        }
        bodies
    }

    /// Whether the scene's unit is the metre.
    pub(super) fn is_in_metres(&self) -> bool {
        self.sets.iter().all(|set| set.is_in_metres)
    }

    /// Whether there are people to be told apart.
    pub(super) fn has_several_tracks(&self) -> bool {
        self.tracks.len() > 1
    }

    pub(super) fn bones(&self, set: usize) -> &[Bone] {
        &self.sets[set].bones
    }

    /// The side of a joint of a stream's skeleton.
    pub(super) fn side(&self, set: usize, joint: usize) -> Side {
        Side::of_joint(self.sets[set].joints[joint])
    }

    /// The paths of a stream on the ground, cut where a person is not seen: until and from a frame on.
    pub(super) fn paths(&self, set: usize, index: u64) -> Vec<(Scheme, [Vec<Vec<Vector>>; 2])> {
        let mut paths = Vec::new();
        for path in self.paths.iter().filter(|path| path.set == set) {
            let scheme = self.scheme(set, self.place_of(path.track));
            let past = path.lines_on(self.ground, |number| number <= index);
            let coming = path.lines_on(self.ground, |number| number >= index);
            paths.push((scheme, [past, coming]));
        }
        paths
    }

    /// An eye that looks at `bodies`, turned by so many degrees.
    pub(super) fn eye(&self, bodies: &[Body], turn: f32, view: View) -> Eye {
        let middle = middle_of(bodies);
        let is_afloat = self.is_placed && !self.is_grounded;
        let height = if is_afloat { middle.y } else { self.ground - self.body };
        let rotation = Rotation3::from_axis_angle(&Vector::x_axis(), EYE_PITCH)
            * Rotation3::from_axis_angle(&Vector::y_axis(), turn.to_radians());
        // People in front of the middle are larger, and lower in the picture.
        let room = 1.0 + 0.12 * (self.wide / self.body - 1.0).max(0.0);
        let fit = (0.46 * view.width / self.wide).min(0.4 * view.height / (self.body * room));
        Eye {
            rotation,
            centre: Vector::new(middle.x, height, middle.z),
            distance: EYE_RADII * self.body.max(self.wide),
            fit,
            view,
        }
    }

    /// The colours of all people.
    pub(super) fn colours(&self) -> Vec<Colour> {
        let schemes: Vec<_> = match (self.sets.len(), self.tracks.len()) {
            (1, 1) => vec![Scheme::Sides],
            (1, tracks) => (0..tracks).map(Scheme::Track).chain([Scheme::Sides]).collect(),
            (sets, _) => (0..sets).map(Scheme::Set).chain([Scheme::Sides]).collect(),
        };
        let sides = [Side::Left, Side::Right, Side::Middle];
        schemes.iter().flat_map(|scheme| sides.map(|side| palette::colour(*scheme, side))).collect()
    }
}

impl<'a> SceneSet<'a> {
    fn new(info: &'a crate::format::PoseInfo) -> Self {
        // y points down, and z away from the camera.
        let to_scene = rotation(info.axes, Axes::Level);
        let joints: Vec<_> = info.joints.iter().map(String::as_str).collect();
        let bones = bones(&joints, &info.parents);
        let metres = info.unit.in_metres();
        Self { to_scene, scale: metres.unwrap_or(1.0) as f32, is_in_metres: metres.is_some(), joints, bones }
    }

    fn point(&self, point: [f32; 3]) -> Vector {
        self.to_scene * Vector::from(point) * self.scale
    }

    /// A joint of a person who stands `shift` away; `None` where it is not known.
    fn known_point(&self, joint: [f32; 3], shift: Vector) -> Option<Vector> {
        let is_known = joint.iter().all(|value| value.is_finite());
        is_known.then(|| self.point(joint) + shift)
    }
}

/// From the scene to pixels.
pub(super) struct Eye {
    rotation: Rotation3<f32>,
    /// What it looks at.
    pub(super) centre: Vector,
    distance: f32,
    fit: f32,
    view: View,
}

/// A point of the scene in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projected {
    pub(super) at: Point,
    /// From the eye; not above 0 behind it.
    pub(super) depth: f32,
    /// Pixels that a unit of the scene takes there.
    pub(super) scale: f32,
}

impl Eye {
    /// Pixels that a unit of the scene takes where the eye looks at.
    pub(super) fn scale_at_centre(&self) -> f32 {
        self.fit
    }

    /// How far the ground reaches from the middle, to end within the picture.
    pub(super) fn ground_reach(&self) -> f32 {
        0.5 * self.view.width / self.fit
    }

    pub(super) fn project(&self, point: &Vector) -> Projected {
        let turned = self.rotation * (point - self.centre);
        let depth = self.distance + turned.z;
        let scale = self.fit * self.distance / depth.max(0.05 * self.distance);
        let [x, y] = self.view.middle();
        Projected { at: [x + turned.x * scale, y + turned.y * scale], depth, scale }
    }
}

/// Whether there are people, and all of them have roots.
fn are_placed(clip: &FigureClip<'_>) -> bool {
    let mut people = clip.moments.iter().flat_map(|moment| moment.sets).flat_map(|lifted| &lifted.people).peekable();
    people.peek().is_some() && people.all(|person| person.root.is_some())
}

fn tracks(clip: &FigureClip<'_>) -> Vec<i64> {
    let mut tracks = Vec::new();
    for lifted in clip.moments.iter().flat_map(|moment| moment.sets) {
        tracks.extend(lifted.people.iter().enumerate().map(|(place, person)| track_of(person.id, place)));
    }
    tracks.sort_unstable();
    tracks.dedup();
    tracks
}

/// The middle of the box around people.
fn middle_of(bodies: &[Body]) -> Vector {
    let mut joints = bodies.iter().flat_map(Body::known_joints);
    let Some(first) = joints.next() else { return Vector::zeros() };
    let mut low = *first;
    let mut high = *first;
    for joint in joints {
        low = low.inf(joint);
        high = high.sup(joint);
    }
    (low + high) / 2.0
}

/// The value that `share` of the numbers do not exceed.
fn quantile(numbers: &mut [f32], share: f32) -> Option<f32> {
    let last = numbers.len().checked_sub(1)?;
    let place = ((numbers.len() as f32 * share) as usize).min(last);
    Some(*numbers.select_nth_unstable_by(place, f32::total_cmp).1)
}
