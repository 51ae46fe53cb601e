//! Halpe-26: COCO-17, then head top, neck, hip and feet (AlphaPose, RTMPose).

use super::Layout;

/// Halpe-26: COCO-17, then head top, neck, hip and feet (AlphaPose, RTMPose).
#[rustfmt::skip]
pub const HALPE26: Layout = Layout {
    name: "halpe26",
    joints: &[
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
        "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle", "head_top", "neck", "hip",
        "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel",
        "right_heel",
    ],
    parents: &[18, 0, 0, 1, 2, 18, 18, 5, 6, 7, 8, 19, 19, 11, 12, 13, 14, 18, 19, -1, 15, 16, 20, 21, 15, 16],
};
