//! Where a detector places its points, beside the centres of joints that motion capture has.
//!
//! Smoothing cannot tell such an offset, as it is the same in every frame. It is taken off where it was measured: beside marker-based
//! truth (docs/lab.md, "Where MediaPipe places shoulders and hips"). Only what lowers the error of each recording, by each version of the
//! detector and each model, is in the table.

use super::{Layout, MEDIAPIPE33, find_joint};
use crate::pose::Keypoint;

/// How far from the joints' centres a detector's points lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    /// How far inwards each shoulder lies, as a share of the distance between both.
    shoulders_inwards: f64,
    /// How far outwards each hip lies, as a share of the distance between both.
    hips_outwards: f64,
    /// How far up both hips lie, as a share of the distance from the middle of the hips to that of the shoulders.
    hips_upwards: f64,
}

/// MediaPipe Pose, `full` and `heavy`: about 7 mm inwards at a shoulder, 10 mm outwards and 5 mm upwards at a hip.
const MEDIAPIPE: Placement = Placement { shoulders_inwards: 0.02, hips_outwards: 0.05, hips_upwards: 0.01 };

/// Where left and right shoulder and hip are among the points of a layout. Where a user's own layout has them, other joints may be missing,
/// as they may be in any frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrunkPoints {
    shoulders: Sides,
    hips: Sides,
}

/// A point on the left and the same one on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sides {
    left: usize,
    right: usize,
}

impl TrunkPoints {
    /// Among the joints of these names; `None` where one is lacking.
    pub(super) fn among<S: AsRef<str>>(names: &[S]) -> Option<Self> {
        Some(Self {
            shoulders: Sides { left: find_joint(names, "left_shoulder")?, right: find_joint(names, "right_shoulder")? },
            hips: Sides { left: find_joint(names, "left_hip")?, right: find_joint(names, "right_hip")? },
        })
    }
}

impl Sides {
    fn both(self) -> [usize; 2] {
        [self.left, self.right]
    }
}

impl Placement {
    /// The placement of the detector whose layout this is; `None` where it was not measured.
    pub(super) fn of_detector(layout: &Layout) -> Option<Self> {
        (layout.name == MEDIAPIPE33.name).then_some(MEDIAPIPE)
    }

    /// Moves shoulders and hips to the centres of these joints, where all four are seen.
    pub(super) fn correct(&self, points: &mut [Keypoint], at: &TrunkPoints) {
        if at.shoulders.both().into_iter().chain(at.hips.both()).any(|joint| points[joint].is_missing()) {
            return;
        }
        let shoulders = middle(points, at.shoulders);
        let hips = middle(points, at.hips);
        let down = [hips[0] - shoulders[0], hips[1] - shoulders[1]].map(|along| along * self.hips_upwards);
        spread(points, at.shoulders, self.shoulders_inwards);
        spread(points, at.hips, -self.hips_outwards);
        for hip in at.hips.both() {
            points[hip].x += down[0];
            points[hip].y += down[1];
        }
    }
}

/// The middle between two points.
fn middle(points: &[Keypoint], sides: Sides) -> [f64; 2] {
    let Sides { left, right } = sides;
    [f64::midpoint(points[left].x, points[right].x), f64::midpoint(points[left].y, points[right].y)]
}

/// Moves two points apart, each by this share of the distance between them.
fn spread(points: &mut [Keypoint], sides: Sides, share: f64) {
    let Sides { left, right } = sides;
    let apart = [points[left].x - points[right].x, points[left].y - points[right].y].map(|apart| apart * share);
    points[left].x += apart[0];
    points[left].y += apart[1];
    points[right].x -= apart[0];
    points[right].y -= apart[1];
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::super::{COCO17, Conversion, HALPE26};
    use super::*;

    fn at(x: f64, y: f64) -> Keypoint {
        Keypoint { x, y, score: 0.9 }
    }

    /// A person of COCO's points with shoulders 100 pixels apart, hips 60, and a trunk of 200 pixels.
    fn person() -> Vec<Keypoint> {
        let mut points = vec![at(300.0, 50.0); 17];
        let mut set = |joint: &str, point| points[COCO17.position(joint).unwrap()] = point;
        set("left_shoulder", at(350.0, 100.0));
        set("right_shoulder", at(250.0, 100.0));
        set("left_hip", at(330.0, 300.0));
        set("right_hip", at(270.0, 300.0));
        points
    }

    fn corrected(layout: &Layout) -> Conversion {
        Conversion::new(layout, COCO17.joints).unwrap().with_placement(layout, COCO17.joints)
    }

    #[test]
    fn mediapipes_shoulders_move_apart_and_its_hips_together_and_down() {
        let conversion = corrected(&MEDIAPIPE33);
        let mut points = person();
        conversion.correct(&mut points);
        let found = |joint: &str| points[COCO17.position(joint).unwrap()];
        for (joint, x, y) in [
            ("left_shoulder", 352.0, 100.0),
            ("right_shoulder", 248.0, 100.0),
            ("left_hip", 327.0, 302.0),
            ("right_hip", 273.0, 302.0),
        ] {
            assert_relative_eq!(found(joint).x, x, epsilon = 1e-9);
            assert_relative_eq!(found(joint).y, y, epsilon = 1e-9);
        }
        assert_eq!(found("nose"), person()[0]);
    }

    #[test]
    fn what_was_not_measured_or_not_seen_stays() {
        let halpe = corrected(&HALPE26);
        let mut points = person();
        halpe.correct(&mut points);
        assert_eq!(points, person());
        let mediapipe = corrected(&MEDIAPIPE33);
        points[COCO17.position("left_hip").unwrap()].score = 0.0;
        let before = points.clone();
        mediapipe.correct(&mut points);
        assert_eq!(points, before);
        let mut points = person();
        Conversion::new(&MEDIAPIPE33, COCO17.joints).unwrap().correct(&mut points);
        assert_eq!(points, person());
    }
}
