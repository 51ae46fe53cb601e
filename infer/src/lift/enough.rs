//! Whether enough of a person is seen to lift them.
//!
//! Points of feet do not count: three of them lie so close together that they show no pose, and a model that reads feet asks for
//! no more of a person than one that does not.

use ndarray::ArrayView2;

use super::MIN_VISIBLE_JOINTS;
use crate::pose::Keypoint;
use crate::skeleton::is_of_foot;

/// Which of a model's joints count, and how many must be seen.
#[derive(Debug, Clone)]
pub(super) struct Enough {
    /// `[J_in]`; all of them for a model that reads nothing but feet.
    is_counted: Vec<bool>,
    total: usize,
}

impl Enough {
    /// For a model that reads these joints.
    pub(super) fn of(joints: &[String]) -> Self {
        let has_body = joints.iter().any(|joint| !is_of_foot(joint));
        let is_counted: Vec<bool> = joints.iter().map(|joint| !has_body || !is_of_foot(joint)).collect();
        let total = is_counted.iter().filter(|is_counted| **is_counted).count();
        Self { is_counted, total }
    }

    fn needed(&self) -> usize {
        MIN_VISIBLE_JOINTS.min(self.total)
    }

    /// Whether a person's key points `[J_in, channels]` are enough.
    pub(super) fn is_seen(&self, person: ArrayView2<'_, f32>) -> bool {
        let points = person.outer_iter().zip(&self.is_counted);
        points.filter(|(point, is_counted)| **is_counted && !Keypoint::from_row(point.view()).is_missing()).count()
            >= self.needed()
    }

    /// Holds a person's key points `[J_in]` against what is needed.
    ///
    /// # Errors
    /// What was found and what was expected, for a refusal.
    pub(super) fn check(&self, points: &[Keypoint]) -> Result<(), String> {
        let counted = points.iter().zip(&self.is_counted).filter(|(_, is_counted)| **is_counted);
        let visible = counted.filter(|(point, _)| !point.is_missing()).count();
        let (total, needed) = (self.total, self.needed());
        if visible >= needed {
            return Ok(());
        }
        let feet = if total < self.is_counted.len() { " (feet do not count)" } else { "" };
        Err(format!("{visible} of {total} joints visible, at least {needed} needed{feet}"))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::skeleton::{COCO17, COCO23};

    fn enough(joints: &[&str]) -> Enough {
        Enough::of(&joints.iter().map(|&joint| joint.to_owned()).collect::<Vec<_>>())
    }

    /// A point for each joint, seen where `is_seen` says so.
    fn points(joints: &[&str], is_seen: impl Fn(usize) -> bool) -> Vec<Keypoint> {
        let point = |joint: usize| Keypoint { x: joint as f64, y: 1.0, score: f32::from(u8::from(is_seen(joint))) };
        (0..joints.len()).map(point).collect()
    }

    #[test]
    fn feet_do_not_make_a_person() {
        let with_feet = enough(COCO23.joints);
        for (body, is_enough) in [(3, false), (4, true)] {
            let points = points(COCO23.joints, |joint| joint < body || joint >= 17);
            assert_eq!(with_feet.check(&points).is_ok(), is_enough, "{body} joints and both feet");
            let rows = points.iter().flat_map(|point| [point.x as f32, point.y as f32, point.score]).collect();
            let rows = Array2::from_shape_vec((23, 3), rows).expect("a row for each joint");
            assert_eq!(with_feet.is_seen(rows.view()), is_enough);
        }
        let refusal = with_feet.check(&points(COCO23.joints, |joint| joint >= 17)).unwrap_err();
        assert_eq!(refusal, "0 of 17 joints visible, at least 4 needed (feet do not count)");
    }

    #[test]
    fn small_models_need_fewer() {
        let body = enough(COCO17.joints);
        let refusal = body.check(&points(COCO17.joints, |joint| joint < 3)).unwrap_err();
        assert_eq!(refusal, "3 of 17 joints visible, at least 4 needed");
        let leg = ["left_knee", "left_ankle", "left_heel"];
        assert!(enough(&leg).check(&points(&leg, |joint| joint < 2)).is_ok());
        assert!(enough(&leg).check(&points(&leg, |joint| joint > 0)).is_err());
        let foot = ["left_big_toe", "left_heel"];
        assert!(enough(&foot).check(&points(&foot, |_| true)).is_ok());
        assert!(enough(&foot).check(&points(&foot, |joint| joint > 0)).is_err());
    }
}
