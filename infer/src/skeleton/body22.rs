//! The body that motion is kept in: Human3.6M-17, then the face points that COCO-17 adds.

use super::Layout;

/// The body that motion is kept in: Human3.6M-17, then the face points that COCO-17 adds.
#[rustfmt::skip]
pub const BODY22: Layout = Layout {
    name: "body22",
    joints: &[
        "hip", "right_hip", "right_knee", "right_ankle", "left_hip",
        "left_knee", "left_ankle", "spine", "thorax", "neck_nose",
        "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder",
        "right_elbow", "right_wrist", "nose", "left_eye", "right_eye",
        "left_ear", "right_ear",
    ],
    parents: &[-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15, 9, 17, 17, 18, 19],
};
