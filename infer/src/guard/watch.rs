//! What only many frames can tell: images that are turned, and a size that is not the image's.

use super::Notice;
use super::geometry::trunk;
use crate::pose::Person;
use crate::skeleton::{COCO17, Layout};

/// People that are seen before anything is said.
const ENOUGH: u32 = 30;
/// The fewest people at a stream's end.
const FEW: u32 = 5;
/// How often a walking person's ankles must have passed each other to be known as walking.
const STEPS: u32 = 2;

/// Counts over the people of a stream.
#[derive(Debug, Default)]
pub(super) struct Watch {
    people: u32,
    trunks: u32,
    /// Trunks that point up, down, to the left and to the right.
    up: u32,
    down: u32,
    left: u32,
    right: u32,
    /// Which ankle was ahead of the other along the legs, and how often that changed.
    ahead: Option<bool>,
    steps: u32,
    /// Points seen, those of them above the image's top, those that the detector is sure of, and those of these beyond the
    /// image.
    points: u64,
    above: u64,
    sure: u64,
    outside: u64,
    /// The largest coordinate, pixels.
    reach: f64,
    is_turn_told: bool,
    is_size_told: bool,
}

impl Watch {
    /// Counts a person; something may be told, each thing once. `has_top`: whether y is 0 at the image's top.
    #[inline]
    pub(super) fn see(
        &mut self,
        person: &Person,
        size: Option<[u32; 2]>,
        has_top: bool,
        layout: Option<&Layout>,
    ) -> Option<Notice> {
        if self.is_done() {
            return None;
        }
        self.people += 1;
        self.see_trunk(person, layout);
        self.see_bounds(person, size, has_top);
        if self.people < ENOUGH {
            return None;
        }
        self.above_the_top().or_else(|| self.turned()).or_else(|| self.out_of_bounds(size))
    }

    /// Whether nothing new is learned of the stream, since it has shown itself to be good.
    pub(super) fn is_done(&self) -> bool {
        self.people >= 4 * ENOUGH
    }

    /// What to say at the end of a stream that was too short for more.
    pub(super) fn at_end(&mut self, size: Option<[u32; 2]>) -> Option<Notice> {
        if self.people < FEW {
            return None;
        }
        self.above_the_top().or_else(|| self.out_of_bounds(size)).or_else(|| self.in_percent(size))
    }

    fn see_trunk(&mut self, person: &Person, layout: Option<&Layout>) {
        let Some(up) = trunk(person, layout) else { return };
        let [x, y] = up;
        self.trunks += 1;
        // Within 35 degrees of a direction.
        const STRAIGHT: f64 = 0.82;
        self.up += u32::from(y < -STRAIGHT);
        self.down += u32::from(y > STRAIGHT);
        self.left += u32::from(x < -STRAIGHT);
        self.right += u32::from(x > STRAIGHT);
        self.see_steps(person, up, layout);
    }

    /// A walking person's ankles pass each other, across the trunk; a lying or an inverted one's do not. `up` is the trunk's
    /// direction.
    fn see_steps(&mut self, person: &Person, up: [f64; 2], layout: Option<&Layout>) {
        let layout = layout.unwrap_or(&COCO17);
        let Some(left) = place_along(up, person, layout, "left_ankle") else { return };
        let Some(right) = place_along(up, person, layout, "right_ankle") else { return };
        let Some(hip) = place_along(up, person, layout, "left_hip") else { return };
        let Some(shoulder) = place_along(up, person, layout, "left_shoulder") else { return };
        let trunk = (shoulder - hip).abs();
        let lead = left - right;
        // The legs hang down from the hips: both ankles lie a trunk's length behind them.
        let hang = hip - left.max(right);
        if lead.abs() < 0.08 * trunk || hang < 0.8 * trunk {
            return;
        }
        let ahead = lead > 0.0;
        self.steps += u32::from(self.ahead.is_some_and(|last| last != ahead));
        self.ahead = Some(ahead);
    }

    fn turned(&mut self) -> Option<Notice> {
        if self.is_turn_told || self.trunks < ENOUGH || self.steps < STEPS {
            return None;
        }
        let (found, hint) = match () {
            () if self.are_nearly_all(self.down) => ("upside down", "--rotate 180, or --y-up where y points up"),
            () if self.are_nearly_all(self.left) => {
                ("turned: they lie to the left", "--rotate 90, unless x and y are exchanged")
            }
            () if self.are_nearly_all(self.right) => {
                ("turned: they lie to the right", "--rotate 270, unless x and y are exchanged")
            }
            () => return None,
        };
        self.is_turn_told = true;
        Some(Notice::new(format!("people walk in an image that is {found}: lifted as they are"), hint))
    }

    fn are_nearly_all(&self, trunks: u32) -> bool {
        trunks * 20 >= self.trunks * 19
    }

    fn see_bounds(&mut self, person: &Person, size: Option<[u32; 2]>, has_top: bool) {
        /// What a detector believes to see; it may place what it does not see beyond the image.
        const SURE: f32 = 0.5;
        for point in person.keypoints.iter().filter(|point| !point.is_missing()) {
            self.points += 1;
            self.reach = self.reach.max(point.x).max(point.y);
            self.above += u64::from(has_top && point.y < 0.0);
            let Some([width, height]) = size.map(|size| size.map(f64::from)).filter(|_| point.score >= SURE) else {
                continue;
            };
            self.sure += 1;
            let is_inside = (-0.05 * width..=1.05 * width).contains(&point.x)
                && (-0.05 * height..=1.05 * height).contains(&point.y);
            self.outside += u64::from(!is_inside);
        }
    }

    fn above_the_top(&mut self) -> Option<Notice> {
        if self.is_size_told || self.points == 0 || self.above * 20 < self.points * 19 {
            return None;
        }
        self.is_size_told = true;
        self.is_turn_told = true;
        Some(Notice::new("nearly all points lie above the image, where y is below 0: y seems to point up", "--y-up"))
    }

    /// All points in the corner of a large image: shares in percent.
    fn in_percent(&mut self, size: Option<[u32; 2]>) -> Option<Notice> {
        const LARGE: u32 = 400;
        let [width, height] = size?;
        if self.is_size_told || self.points == 0 || self.reach > 100.0 || width.min(height) < LARGE {
            return None;
        }
        let text =
            format!("no point lies beyond 100 pixels in an image of {width}x{height}: are they percentages of it?");
        Some(Notice::new(text, "give pixels, or shares of 0 to 1"))
    }

    /// Of real clips no more than a thousandth of the points that a detector is sure of lie beyond the image.
    fn out_of_bounds(&mut self, size: Option<[u32; 2]>) -> Option<Notice> {
        let [width, height] = size?;
        if self.is_size_told || self.sure == 0 || self.outside * 5 < self.sure {
            return None;
        }
        self.is_size_told = true;
        let share = self.outside * 100 / self.sure;
        let text = format!("{share} % of the points lie outside the image of {width}x{height}: its size may be wrong");
        Some(Notice::new(text, "--size where the input does not say it"))
    }
}

/// How far along `direction` the point of that name lies; `None` if it is missing. Marks of missing points are taken out by now: a
/// point at 0, 0 of a turned image was seen.
fn place_along(direction: [f64; 2], person: &Person, layout: &Layout, name: &str) -> Option<f64> {
    let point = person.keypoints.get(layout.position(name)?)?;
    (!point.is_missing()).then_some(point.x * direction[0] + point.y * direction[1])
}
