//! COCO-17, the order of most 2D detectors and our default input.

use super::Layout;

/// COCO-17, the order of most 2D detectors and our default input.
#[rustfmt::skip]
pub const COCO17: Layout = Layout {
    name: "coco17",
    joints: &[
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
        "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle",
    ],
    parents: &[-1, 0, 0, 1, 2, 0, 5, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14],
};
