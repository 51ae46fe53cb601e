//! Halpe without the face, 68 points: Halpe-26, hands (AlphaPose).

use super::Layout;

/// Halpe without the face, 68 points: Halpe-26, hands (AlphaPose).
#[rustfmt::skip]
pub const HALPE68: Layout = Layout {
    name: "halpe68",
    joints: &[
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
        "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle", "head_top", "neck", "hip",
        "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel",
        "right_heel", "left_hand_0", "left_hand_1", "left_hand_2", "left_hand_3",
        "left_hand_4", "left_hand_5", "left_hand_6", "left_hand_7", "left_hand_8",
        "left_hand_9", "left_hand_10", "left_hand_11", "left_hand_12", "left_hand_13",
        "left_hand_14", "left_hand_15", "left_hand_16", "left_hand_17", "left_hand_18",
        "left_hand_19", "left_hand_20", "right_hand_0", "right_hand_1", "right_hand_2",
        "right_hand_3", "right_hand_4", "right_hand_5", "right_hand_6", "right_hand_7",
        "right_hand_8", "right_hand_9", "right_hand_10", "right_hand_11", "right_hand_12",
        "right_hand_13", "right_hand_14", "right_hand_15", "right_hand_16", "right_hand_17",
        "right_hand_18", "right_hand_19", "right_hand_20",
    ],
    parents: &[18, 0, 0, 1, 2, 18, 18, 5, 6, 7, 8, 19, 19, 11, 12, 13, 14, 18, 19, -1, 15, 16, 20, 21, 15, 16, 9, 26, 27, 28, 29, 26, 31, 32, 33, 26, 35, 36, 37, 26, 39, 40, 41, 26, 43, 44, 45, 10, 47, 48, 49, 50, 47, 52, 53, 54, 47, 56, 57, 58, 47, 60, 61, 62, 47, 64, 65, 66],
};
