//! MediaPipe Pose, 33 landmarks.

use super::Layout;

/// MediaPipe Pose, 33 landmarks.
#[rustfmt::skip]
pub const MEDIAPIPE33: Layout = Layout {
    name: "mediapipe33",
    joints: &[
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner",
        "right_eye", "right_eye_outer", "left_ear", "right_ear", "left_mouth",
        "right_mouth", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
        "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index",
        "right_index", "left_thumb", "right_thumb", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel",
        "right_heel", "left_foot_index", "right_foot_index",
    ],
    parents: &[-1, 0, 1, 2, 0, 4, 5, 3, 6, 0, 9, 0, 11, 11, 12, 13, 14, 15, 16, 15, 16, 15, 16, 11, 12, 23, 24, 25, 26, 27, 28, 29, 30],
};
