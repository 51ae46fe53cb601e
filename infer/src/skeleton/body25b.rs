//! OpenPose BODY_25B: COCO-17, then neck, head top and feet, left before right; no middle of the hips.

use super::Layout;

/// OpenPose BODY_25B: COCO-17, then neck, head top and feet, left before right; no middle of the hips.
#[rustfmt::skip]
pub const BODY25B: Layout = Layout {
    name: "body25b",
    joints: &[
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
        "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle", "neck", "head_top", "left_big_toe",
        "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    ],
    parents: &[17, 0, 0, 1, 2, 17, 17, 5, 6, 7, 8, 17, 17, 11, 12, 13, 14, -1, 17, 15, 19, 15, 16, 22, 16],
};
