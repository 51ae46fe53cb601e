//! The panels of a figure: poses in space, and key points in the image.

use nalgebra::Vector3;

use super::bones::{Bone, Side, bones, end_point};
use super::palette::{self, GRID, IMAGE, INK, Scheme, WHITE};
use super::scene::{Body, Eye, Projected, Scene};
use super::shape::{Colour, Drawing, Painter, Point, View};
use super::{FigureClip, Moment};
use crate::pose::Person;
use crate::skeleton::Layout;

/// One of a figure's panels.
pub(super) enum Panel<'a> {
    Image(&'a ImagePanel<'a>),
    Space(SpacePanel<'a>),
}

impl Panel<'_> {
    /// The width of a panel that is 1 high.
    pub(super) fn width_for_height(&self) -> f32 {
        match self {
            Self::Image(panel) => panel.width_for_height(),
            Self::Space(panel) => (0.92 * panel.scene.wide / panel.scene.body).clamp(0.7, 2.0),
        }
    }

    /// Draws the frame; with a `title` in words, too.
    pub(super) fn draw(&self, moment: &Moment<'_>, title: Option<String>, view: View, drawing: &mut Drawing) {
        let mut painter = Painter { drawing, view };
        match self {
            Self::Image(panel) => panel.draw(moment, &mut painter),
            Self::Space(panel) => panel.draw(moment, title.is_some(), &mut painter),
        }
        if let Some(title) = title {
            let size = letter_size(view);
            painter.text([view.left + size, view.top + 1.6 * size], size, title, INK);
        }
    }
}

/// The height of letters, pixels.
fn letter_size(view: View) -> f32 {
    (view.height / 34.0).clamp(9.0, 30.0)
}

/// One stream of poses over the ground.
pub(super) struct SpacePanel<'a> {
    pub(super) scene: &'a Scene<'a>,
    /// The stream's number.
    pub(super) set: usize,
    /// Degrees.
    pub(super) turn: f32,
}

/// A bone in the picture.
struct Stroke {
    ends: [Projected; 2],
    colour: Colour,
}

impl SpacePanel<'_> {
    fn draw(&self, moment: &Moment<'_>, in_words: bool, painter: &mut Painter<'_>) {
        let bodies = self.scene.bodies(self.set, &moment.sets[self.set]);
        let eye = self.scene.eye(&bodies, self.turn, painter.view);
        self.draw_ground(&eye, painter);
        for (scheme, [past, coming]) in self.scene.paths(self.set, moment.frame.index) {
            let side = if scheme == Scheme::Sides { Side::Middle } else { Side::Left };
            for (lines, opacity) in [(coming, 0.25), (past, 0.75)] {
                let lines = lines.iter().map(|line| line.iter().map(|point| eye.project(point).at).collect());
                painter.lines(lines.collect(), painter.view.height / 300.0, palette::colour(scheme, side), opacity);
            }
        }
        for body in &bodies {
            self.draw_shadow(body, &eye, painter);
        }
        for body in &bodies {
            self.draw_sigma(body, &eye, painter);
        }
        let mut strokes: Vec<_> = bodies.iter().flat_map(|body| self.strokes(body, &eye)).collect();
        let depth = |stroke: &Stroke| stroke.ends[0].depth + stroke.ends[1].depth;
        strokes.sort_by(|a, b| depth(b).total_cmp(&depth(a)));
        for stroke in strokes {
            self.draw_stroke(&stroke, painter);
        }
        for body in &bodies {
            self.draw_joints(body, &eye, painter);
        }
        if in_words {
            for body in &bodies {
                self.name_person(body, &eye, painter);
            }
            self.draw_scale(&eye, painter);
        }
    }

    /// The track's number above the head, where there are several.
    fn name_person(&self, body: &Body, eye: &Eye, painter: &mut Painter<'_>) {
        let Some(track) = body.track.filter(|_| self.scene.has_several_tracks()) else { return };
        let seen = body.joints.iter().flatten().map(|joint| eye.project(joint));
        let Some(top) = seen.min_by(|a, b| a.at[1].total_cmp(&b.at[1])) else { return };
        let size = letter_size(painter.view);
        let start = [top.at[0] - 0.3 * size, top.at[1] - 0.06 * self.scene.body * top.scale - 0.4 * size];
        painter.text(start, size, track.to_string(), palette::colour(body.scheme, Side::Left));
    }

    /// A bar of a round length, as long as it is in the people's midst.
    fn draw_scale(&self, eye: &Eye, painter: &mut Painter<'_>) {
        let view = painter.view;
        let length = round_step(0.3 * view.width / eye.scale_at_centre());
        let size = letter_size(view);
        let (left, base) = (view.left + size, view.top + view.height - size);
        let right = left + length * eye.scale_at_centre();
        let tick = 0.3 * size;
        let lines = [[left, base - tick], [left, base], [right, base], [right, base - tick]];
        painter.lines(vec![lines.to_vec()], view.height / 600.0, INK, 1.0);
        let unit = if self.scene.is_in_metres() { " m" } else { "" };
        painter.text([right + 0.5 * size, base], size, format!("{length}{unit}"), INK);
    }

    /// A grid that fades out with the distance from the middle, on a floor where gravity is known.
    fn draw_ground(&self, eye: &Eye, painter: &mut Painter<'_>) {
        let Scene { body, wide, ground, is_level, .. } = *self.scene;
        let step = round_step(0.5 * body.max(0.4 * wide));
        let reach = eye.ground_reach();
        let lines = (reach / step).ceil() as i32;
        let start = [eye.centre.x, eye.centre.z].map(|value| (value / step).round() * step);
        let place = |x: f32, z: f32| eye.project(&Vector3::new(start[0] + x, ground, start[1] + z));
        if is_level {
            for share in [0.95, 0.8, 0.65, 0.5] {
                let corner = |corner: i32| {
                    let (sin, cos) = (corner as f32 * std::f32::consts::TAU / 64.0).sin_cos();
                    place(share * reach * cos, share * reach * sin).at
                };
                painter.area((0..64).map(corner).collect(), GRID, 0.07);
            }
        }
        let width = painter.view.height / 900.0;
        for row in -lines..=lines {
            for cell in -lines..lines {
                let far = (row as f32).hypot(cell as f32 + 0.5) / lines as f32;
                let ends = [cell, cell + 1].map(|cell| (row as f32 * step, cell as f32 * step));
                for ends in [ends.map(|(a, b)| place(a, b)), ends.map(|(a, b)| place(b, a))] {
                    if far < 1.0 && ends.iter().all(|end| end.depth > 0.0) {
                        painter.line(ends[0].at, ends[1].at, width, GRID, 1.0 - far);
                    }
                }
            }
        }
    }

    /// One shape for the whole body, so that crossing limbs are no darker.
    fn draw_shadow(&self, body: &Body, eye: &Eye, painter: &mut Painter<'_>) {
        let flat = |joint: &Option<Vector3<f32>>| joint.map(|joint| [joint.x, self.scene.ground, joint.z]);
        let flat: Vec<_> = body.joints.iter().map(flat).collect();
        let mut lines = Vec::new();
        let mut width: f32 = 0.0;
        for bone in self.scene.bones(self.set) {
            if let Some(ends) = bone_ends(bone, &flat) {
                let ends = ends.map(|end| eye.project(&end.into()));
                width = width.max(0.045 * self.scene.body * ends[0].scale);
                lines.push(ends.map(|end| end.at).to_vec());
            }
        }
        painter.lines(lines, width, INK, 0.13);
    }

    /// A halo around each joint, as wide as 68 % of its errors reach.
    fn draw_sigma(&self, body: &Body, eye: &Eye, painter: &mut Painter<'_>) {
        for (place, (joint, sigma)) in body.joints.iter().zip(&body.sigma).enumerate() {
            if let Some(joint) = joint.filter(|_| *sigma > 0.0) {
                let seen = eye.project(&joint);
                let colour = palette::colour(body.scheme, self.scene.side(self.set, place));
                painter.dot(seen.at, sigma * seen.scale, colour, 0.14);
            }
        }
    }

    fn strokes(&self, body: &Body, eye: &Eye) -> Vec<Stroke> {
        let points: Vec<_> = body.joints.iter().map(|joint| joint.map(<[f32; 3]>::from)).collect();
        let mut strokes = Vec::new();
        for bone in self.scene.bones(self.set) {
            if let Some(ends) = bone_ends(bone, &points) {
                let ends = ends.map(|end| eye.project(&end.into()));
                strokes.push(Stroke { ends, colour: palette::colour(body.scheme, bone.side) });
            }
        }
        strokes
    }

    fn draw_stroke(&self, stroke: &Stroke, painter: &mut Painter<'_>) {
        let [start, stop] = stroke.ends;
        let width = 0.04 * self.scene.body * (start.scale + stop.scale) / 2.0;
        // A white rim shows which limb is in front.
        painter.line(start.at, stop.at, 1.32 * width, WHITE, 1.0);
        painter.line(start.at, stop.at, width, stroke.colour, 1.0);
    }

    fn draw_joints(&self, body: &Body, eye: &Eye, painter: &mut Painter<'_>) {
        for joint in body.joints.iter().flatten() {
            let seen = eye.project(joint);
            painter.dot(seen.at, 0.0105 * self.scene.body * seen.scale, WHITE, 1.0);
        }
    }
}

/// The key points over the image's area.
pub(super) struct ImagePanel<'a> {
    layout: Option<&'a Layout>,
    bones: Vec<Bone>,
    tracks: Vec<i64>,
    /// Left, top, right, bottom of what is shown, pixels of the image: all people of the frames that are drawn.
    shown: [f32; 4],
    /// Width and height, pixels.
    image: Option<[u32; 2]>,
}

impl<'a> ImagePanel<'a> {
    /// A panel for the key points of the frames at `places`; `None` where there are none.
    pub(super) fn new(clip: &FigureClip<'a>, places: &[usize]) -> Option<Self> {
        let frames: Vec<_> = places.iter().map(|place| clip.moments[*place].frame).collect();
        let mut tracks: Vec<_> = clip.moments.iter().flat_map(|moment| image_tracks(&moment.frame.people)).collect();
        tracks.sort_unstable();
        tracks.dedup();
        let points = frames.iter().flat_map(|frame| &frame.people).flat_map(points).flatten();
        let around = points.fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |[left, top, right, bottom], [x, y]| {
            [left.min(x), top.min(y), right.max(x), bottom.max(y)]
        });
        let shown = padded(around);
        let image = frames.iter().find_map(|frame| frame.size);
        let is_some = around[2] > around[0] && around[3] > around[1];
        let bones = clip.layout.map(|layout| bones(layout.joints, layout.parents)).unwrap_or_default();
        is_some.then_some(Self { layout: clip.layout, bones, tracks, shown, image })
    }

    fn width_for_height(&self) -> f32 {
        let [left, top, right, bottom] = self.shown;
        ((right - left) / (bottom - top)).clamp(0.5, 1.5)
    }

    fn draw(&self, moment: &Moment<'_>, painter: &mut Painter<'_>) {
        let [left, top, right, bottom] = self.shown;
        let view = painter.view;
        let scale = 0.94 * (view.width / (right - left)).min(view.height / (bottom - top));
        let middle = view.middle();
        let place = |[x, y]: Point| {
            [middle[0] + (x - (left + right) / 2.0) * scale, middle[1] + (y - (top + bottom) / 2.0) * scale]
        };
        if let Some([width, height]) = self.image.map(|size| size.map(|side| side as f32)) {
            let (left, right) = (left.clamp(0.0, width), right.clamp(0.0, width));
            let (top, bottom) = (top.clamp(0.0, height), bottom.clamp(0.0, height));
            let corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
            painter.area(corners.map(place).to_vec(), IMAGE, 1.0);
        }
        for (person, track) in moment.frame.people.iter().zip(image_tracks(&moment.frame.people)) {
            let points: Vec<_> = points(person).map(|point| point.map(place)).collect();
            let scheme = match self.tracks.binary_search(&track) {
                Ok(at) if self.tracks.len() > 1 => Scheme::Track(at),
                _ => Scheme::Sides,
            };
            self.draw_person(&points, scheme, painter);
        }
    }

    fn draw_person(&self, points: &[Option<Point>], scheme: Scheme, painter: &mut Painter<'_>) {
        let seen = || points.iter().flatten();
        let low = seen().map(|point| point[1]).fold(f32::MIN, f32::max);
        let high = seen().map(|point| point[1]).fold(f32::MAX, f32::min);
        let width = ((low - high) / 55.0).clamp(painter.view.height / 450.0, painter.view.height / 150.0);
        for bone in &self.bones {
            if let Some([start, stop]) = bone_ends(bone, points) {
                painter.line(start, stop, width, palette::colour(scheme, bone.side), 1.0);
            }
        }
        for (joint, point) in points.iter().enumerate() {
            let Some(point) = point else { continue };
            let side = self.layout.map_or(Side::Middle, |layout| Side::of_joint(layout.joints[joint]));
            painter.dot(*point, 1.25 * width, WHITE, 1.0);
            painter.dot(*point, 0.85 * width, palette::colour(scheme, side), 1.0);
        }
    }
}

/// The tracks of a frame's people: ids, or places.
fn image_tracks(people: &[Person]) -> impl Iterator<Item = i64> {
    people.iter().enumerate().map(|(place, person)| person.id.unwrap_or(place as i64))
}

fn points(person: &Person) -> impl Iterator<Item = Option<Point>> {
    person.keypoints.iter().map(|point| (!point.is_missing()).then_some([point.x as f32, point.y as f32]))
}

/// A box with room around it, at least half as wide as high.
fn padded([left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
    let room = 0.08 * (right - left).max(bottom - top);
    let slim = (0.5 * (bottom - top) - (right - left)).max(0.0) / 2.0;
    [left - room - slim, top - room, right + room + slim, bottom + room]
}

fn bone_ends<const N: usize>(bone: &Bone, points: &[Option<[f32; N]>]) -> Option<[[f32; N]; 2]> {
    let [from, to] = &bone.ends;
    Some([end_point(from, points)?, end_point(to, points)?])
}

/// The largest of 1, 2, 5 · 10ⁿ that is at most `length`.
fn round_step(length: f32) -> f32 {
    let power = 10_f32.powf(length.log10().floor());
    [5.0, 2.0].into_iter().find(|digit| digit * power <= length).unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_grid_are_round() {
        assert_eq!([0.6, 0.25, 1.3, 30.0].map(round_step), [0.5, 0.2, 1.0, 20.0]);
    }
}
