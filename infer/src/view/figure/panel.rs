//! The panels of a figure: poses in space, and key points in the image.

use super::bones::{Bone, Side, bones, end_point};
use super::ground::Grid;
use super::palette::{self, IMAGE, INK, Scheme, WHITE};
use super::scene::{Body, Eye, Projected, Scene, track_of};
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

impl Stroke {
    /// Twice how far its middle is from the eye.
    fn depth(&self) -> f32 {
        self.ends[0].depth + self.ends[1].depth
    }
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
        strokes.sort_by(|a, b| b.depth().total_cmp(&a.depth()));
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
        let seen = body.known_joints().map(|joint| eye.project(joint));
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
        let left = view.left + size;
        let base = view.top + view.height - size;
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
        let middle = [eye.centre.x, eye.centre.z].map(|value| (value / step).round() * step);
        let grid = Grid { eye, middle, height: ground, step, reach: eye.ground_reach() };
        if is_level {
            grid.draw_floor(painter);
        }
        grid.draw_lines(painter);
    }

    /// One shape for the whole body, so that crossing limbs are no darker.
    fn draw_shadow(&self, body: &Body, eye: &Eye, painter: &mut Painter<'_>) {
        let ground = self.scene.ground;
        let flat: Vec<_> = body.joints.iter().map(|joint| joint.map(|joint| [joint.x, ground, joint.z])).collect();
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
        for joint in body.known_joints() {
            let seen = eye.project(joint);
            painter.dot(seen.at, 0.0105 * self.scene.body * seen.scale, WHITE, 1.0);
        }
    }
}

/// A part of the image, pixels.
#[derive(Clone, Copy)]
struct Bounds {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl Bounds {
    /// The smallest part that holds all points; without any it has no area.
    fn around(points: impl Iterator<Item = Point>) -> Self {
        let mut around = Self { left: f32::MAX, top: f32::MAX, right: f32::MIN, bottom: f32::MIN };
        for [x, y] in points {
            around.left = around.left.min(x);
            around.top = around.top.min(y);
            around.right = around.right.max(x);
            around.bottom = around.bottom.max(y);
        }
        around
    }

    fn has_area(self) -> bool {
        self.right > self.left && self.bottom > self.top
    }

    fn width(self) -> f32 {
        self.right - self.left
    }

    fn height(self) -> f32 {
        self.bottom - self.top
    }

    fn middle(self) -> Point {
        [(self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0]
    }

    /// With room around it, at least half as wide as high.
    fn padded(self) -> Self {
        let Self { left, top, right, bottom } = self;
        let room = 0.08 * self.width().max(self.height());
        let slim = (0.5 * self.height() - self.width()).max(0.0) / 2.0;
        Self { left: left - room - slim, top: top - room, right: right + room + slim, bottom: bottom + room }
    }

    /// What of it lies within an image of this size.
    fn within(self, width: f32, height: f32) -> Self {
        Self {
            left: self.left.clamp(0.0, width),
            top: self.top.clamp(0.0, height),
            right: self.right.clamp(0.0, width),
            bottom: self.bottom.clamp(0.0, height),
        }
    }

    fn corners(self) -> [Point; 4] {
        let Self { left, top, right, bottom } = self;
        [[left, top], [right, top], [right, bottom], [left, bottom]]
    }
}

/// From the image to the picture.
struct Zoom {
    /// The point of the image that is in the view's middle.
    from: Point,
    /// The view's middle.
    to: Point,
    scale: f32,
}

impl Zoom {
    fn place(&self, point: Point) -> Point {
        [0, 1].map(|axis| self.to[axis] + (point[axis] - self.from[axis]) * self.scale)
    }
}

/// The key points over the image's area.
pub(super) struct ImagePanel<'a> {
    layout: Option<&'a Layout>,
    bones: Vec<Bone>,
    tracks: Vec<i64>,
    /// What is shown: all people of the frames that are drawn.
    shown: Bounds,
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
        let around = Bounds::around(points);
        let shown = around.padded();
        let image = frames.iter().find_map(|frame| frame.size);
        let bones = clip.layout.map(|layout| bones(layout.joints, layout.parents)).unwrap_or_default();
        around.has_area().then_some(Self { layout: clip.layout, bones, tracks, shown, image })
    }

    fn width_for_height(&self) -> f32 {
        (self.shown.width() / self.shown.height()).clamp(0.5, 1.5)
    }

    fn draw(&self, moment: &Moment<'_>, painter: &mut Painter<'_>) {
        let view = painter.view;
        let scale = 0.94 * (view.width / self.shown.width()).min(view.height / self.shown.height());
        let zoom = Zoom { from: self.shown.middle(), to: view.middle(), scale };
        if let Some([width, height]) = self.image.map(|size| size.map(|side| side as f32)) {
            let corners = self.shown.within(width, height).corners();
            painter.area(corners.map(|corner| zoom.place(corner)).to_vec(), IMAGE, 1.0);
        }
        for (person, track) in moment.frame.people.iter().zip(image_tracks(&moment.frame.people)) {
            let points: Vec<_> = points(person).map(|point| point.map(|point| zoom.place(point))).collect();
            let scheme = match self.tracks.binary_search(&track) {
                Ok(at) if self.tracks.len() > 1 => Scheme::Track(at),
                _ => Scheme::Sides,
            };
            self.draw_person(&points, scheme, painter);
        }
    }

    fn draw_person(&self, points: &[Option<Point>], scheme: Scheme, painter: &mut Painter<'_>) {
        let around = Bounds::around(points.iter().flatten().copied());
        let width = (around.height() / 55.0).clamp(painter.view.height / 450.0, painter.view.height / 150.0);
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

/// The tracks of a frame's people.
fn image_tracks(people: &[Person]) -> impl Iterator<Item = i64> {
    people.iter().enumerate().map(|(place, person)| track_of(person.id, place))
}

fn points(person: &Person) -> impl Iterator<Item = Option<Point>> {
    person.keypoints.iter().map(|point| (!point.is_missing()).then_some([point.x as f32, point.y as f32]))
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
