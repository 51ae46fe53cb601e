//! COCO-WholeBody, 133 points: COCO-17, feet, face, hands (MMPose, RTMW).

use super::Layout;

/// COCO-WholeBody, 133 points: COCO-17, feet, face, hands (MMPose, RTMW).
#[rustfmt::skip]
pub const WHOLEBODY133: Layout = Layout {
    name: "wholebody133",
    joints: &[
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
        "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle", "left_big_toe", "left_small_toe", "left_heel",
        "right_big_toe", "right_small_toe", "right_heel", "face_0", "face_1",
        "face_2", "face_3", "face_4", "face_5", "face_6",
        "face_7", "face_8", "face_9", "face_10", "face_11",
        "face_12", "face_13", "face_14", "face_15", "face_16",
        "face_17", "face_18", "face_19", "face_20", "face_21",
        "face_22", "face_23", "face_24", "face_25", "face_26",
        "face_27", "face_28", "face_29", "face_30", "face_31",
        "face_32", "face_33", "face_34", "face_35", "face_36",
        "face_37", "face_38", "face_39", "face_40", "face_41",
        "face_42", "face_43", "face_44", "face_45", "face_46",
        "face_47", "face_48", "face_49", "face_50", "face_51",
        "face_52", "face_53", "face_54", "face_55", "face_56",
        "face_57", "face_58", "face_59", "face_60", "face_61",
        "face_62", "face_63", "face_64", "face_65", "face_66",
        "face_67", "left_hand_0", "left_hand_1", "left_hand_2", "left_hand_3",
        "left_hand_4", "left_hand_5", "left_hand_6", "left_hand_7", "left_hand_8",
        "left_hand_9", "left_hand_10", "left_hand_11", "left_hand_12", "left_hand_13",
        "left_hand_14", "left_hand_15", "left_hand_16", "left_hand_17", "left_hand_18",
        "left_hand_19", "left_hand_20", "right_hand_0", "right_hand_1", "right_hand_2",
        "right_hand_3", "right_hand_4", "right_hand_5", "right_hand_6", "right_hand_7",
        "right_hand_8", "right_hand_9", "right_hand_10", "right_hand_11", "right_hand_12",
        "right_hand_13", "right_hand_14", "right_hand_15", "right_hand_16", "right_hand_17",
        "right_hand_18", "right_hand_19", "right_hand_20",
    ],
    parents: &[-1, 0, 0, 1, 2, 0, 5, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14, 15, 17, 15, 16, 20, 16, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 9, 91, 92, 93, 94, 91, 96, 97, 98, 91, 100, 101, 102, 91, 104, 105, 106, 91, 108, 109, 110, 10, 112, 113, 114, 115, 112, 117, 118, 119, 112, 121, 122, 123, 112, 125, 126, 127, 112, 129, 130, 131],
};
