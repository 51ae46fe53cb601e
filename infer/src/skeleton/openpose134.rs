//! OpenPose's order of a whole body, 134 points: COCO-18, feet, face, hands (rtmlib's `to_openpose`).

use super::Layout;

/// OpenPose's order of a whole body, 134 points: COCO-18, feet, face, hands (rtmlib's `to_openpose`).
#[rustfmt::skip]
pub const OPENPOSE134: Layout = Layout {
    name: "openpose134",
    joints: &[
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
        "left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee",
        "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
        "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe",
        "left_heel", "right_big_toe", "right_small_toe", "right_heel", "face_0",
        "face_1", "face_2", "face_3", "face_4", "face_5",
        "face_6", "face_7", "face_8", "face_9", "face_10",
        "face_11", "face_12", "face_13", "face_14", "face_15",
        "face_16", "face_17", "face_18", "face_19", "face_20",
        "face_21", "face_22", "face_23", "face_24", "face_25",
        "face_26", "face_27", "face_28", "face_29", "face_30",
        "face_31", "face_32", "face_33", "face_34", "face_35",
        "face_36", "face_37", "face_38", "face_39", "face_40",
        "face_41", "face_42", "face_43", "face_44", "face_45",
        "face_46", "face_47", "face_48", "face_49", "face_50",
        "face_51", "face_52", "face_53", "face_54", "face_55",
        "face_56", "face_57", "face_58", "face_59", "face_60",
        "face_61", "face_62", "face_63", "face_64", "face_65",
        "face_66", "face_67", "left_hand_0", "left_hand_1", "left_hand_2",
        "left_hand_3", "left_hand_4", "left_hand_5", "left_hand_6", "left_hand_7",
        "left_hand_8", "left_hand_9", "left_hand_10", "left_hand_11", "left_hand_12",
        "left_hand_13", "left_hand_14", "left_hand_15", "left_hand_16", "left_hand_17",
        "left_hand_18", "left_hand_19", "left_hand_20", "right_hand_0", "right_hand_1",
        "right_hand_2", "right_hand_3", "right_hand_4", "right_hand_5", "right_hand_6",
        "right_hand_7", "right_hand_8", "right_hand_9", "right_hand_10", "right_hand_11",
        "right_hand_12", "right_hand_13", "right_hand_14", "right_hand_15", "right_hand_16",
        "right_hand_17", "right_hand_18", "right_hand_19", "right_hand_20",
    ],
    parents: &[1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 1, 11, 12, 0, 0, 14, 15, 13, 18, 13, 10, 21, 10, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 7, 92, 93, 94, 95, 92, 97, 98, 99, 92, 101, 102, 103, 92, 105, 106, 107, 92, 109, 110, 111, 4, 113, 114, 115, 116, 113, 118, 119, 120, 113, 122, 123, 124, 113, 126, 127, 128, 113, 130, 131, 132],
};
