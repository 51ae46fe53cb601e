//! The points of feet, which many detectors do not have.

/// Whether a joint is a point of a foot, by its name: a toe or a heel. The ankle is none.
///
/// ```
/// use poselift::skeleton::is_of_foot;
///
/// assert!(is_of_foot("left_big_toe") && !is_of_foot("left_ankle"));
/// ```
pub fn is_of_foot(joint: &str) -> bool {
    matches!(joint.split_once('_'), Some(("left" | "right", "big_toe" | "small_toe" | "heel" | "foot_index")))
}

#[cfg(test)]
mod tests {
    use super::super::{COCO23, H36M23, MEDIAPIPE33};
    use super::*;

    #[test]
    fn the_last_six_joints_are_feet() {
        for layout in [&COCO23, &H36M23] {
            let feet: Vec<bool> = layout.joints.iter().map(|joint| is_of_foot(joint)).collect();
            assert_eq!(feet, [[false; 17].as_slice(), &[true; 6]].concat(), "{}", layout.name);
        }
        assert_eq!(MEDIAPIPE33.joints.iter().filter(|joint| is_of_foot(joint)).count(), 4);
    }
}
