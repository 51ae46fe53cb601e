//! OpenPose's COCO model, 18 points: a neck, and the right side first.

use super::Layout;

/// OpenPose's COCO model, 18 points: a neck, and the right side first.
#[rustfmt::skip]
pub const COCO18: Layout = Layout {
    name: "coco18",
    joints: &[
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
        "left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee",
        "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
        "left_eye", "right_ear", "left_ear",
    ],
    parents: &[1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 1, 11, 12, 0, 0, 14, 15],
};
