//! The body that motion is kept in: Human3.6M-17, the face points that COCO-17 adds, then both feet.

use super::Layout;

/// The body that motion is kept in: Human3.6M-17, the face points that COCO-17 adds, then both feet.
#[rustfmt::skip]
pub const BODY28: Layout = Layout {
    name: "body28",
    joints: &[
        "hip", "right_hip", "right_knee", "right_ankle", "left_hip",
        "left_knee", "left_ankle", "spine", "thorax", "neck_nose",
        "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder",
        "right_elbow", "right_wrist", "nose", "left_eye", "right_eye",
        "left_ear", "right_ear", "left_big_toe", "left_small_toe", "left_heel",
        "right_big_toe", "right_small_toe", "right_heel",
    ],
    parents: &[-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15, 9, 17, 17, 18, 19, 6, 6, 6, 3, 3, 3],
};
