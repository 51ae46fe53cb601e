//! Layouts of whole bodies: a body's joints, then feet, face and hands, in the order that AlphaPose, MMPose and rtmlib give them.

use super::Layout;

#[rustfmt::skip]
const FACE: [&str; 68] = [
    "face_0", "face_1", "face_2", "face_3", "face_4", "face_5", "face_6", "face_7",
    "face_8", "face_9", "face_10", "face_11", "face_12", "face_13", "face_14", "face_15",
    "face_16", "face_17", "face_18", "face_19", "face_20", "face_21", "face_22", "face_23",
    "face_24", "face_25", "face_26", "face_27", "face_28", "face_29", "face_30", "face_31",
    "face_32", "face_33", "face_34", "face_35", "face_36", "face_37", "face_38", "face_39",
    "face_40", "face_41", "face_42", "face_43", "face_44", "face_45", "face_46", "face_47",
    "face_48", "face_49", "face_50", "face_51", "face_52", "face_53", "face_54", "face_55",
    "face_56", "face_57", "face_58", "face_59", "face_60", "face_61", "face_62", "face_63",
    "face_64", "face_65", "face_66", "face_67",
];

#[rustfmt::skip]
const LEFT_HAND: [&str; 21] = [
    "left_hand_0", "left_hand_1", "left_hand_2", "left_hand_3", "left_hand_4", "left_hand_5",
    "left_hand_6", "left_hand_7", "left_hand_8", "left_hand_9", "left_hand_10", "left_hand_11",
    "left_hand_12", "left_hand_13", "left_hand_14", "left_hand_15", "left_hand_16", "left_hand_17",
    "left_hand_18", "left_hand_19", "left_hand_20",
];

#[rustfmt::skip]
const RIGHT_HAND: [&str; 21] = [
    "right_hand_0", "right_hand_1", "right_hand_2", "right_hand_3", "right_hand_4", "right_hand_5",
    "right_hand_6", "right_hand_7", "right_hand_8", "right_hand_9", "right_hand_10", "right_hand_11",
    "right_hand_12", "right_hand_13", "right_hand_14", "right_hand_15", "right_hand_16", "right_hand_17",
    "right_hand_18", "right_hand_19", "right_hand_20",
];

const LEFT_FOOT: [&str; 3] = ["left_big_toe", "left_small_toe", "left_heel"];
const RIGHT_FOOT: [&str; 3] = ["right_big_toe", "right_small_toe", "right_heel"];

/// The N joints of a layout, and their parents, put together when compiling.
pub(super) struct WholeBody<const N: usize> {
    pub(super) joints: [&'static str; N],
    pub(super) parents: [i32; N],
    /// Joints that are there so far.
    len: usize,
}

impl<const N: usize> WholeBody<N> {
    /// The joints of `body` alone.
    pub(super) const fn new(body: &Layout) -> Self {
        let mut whole = Self { joints: [""; N], parents: [-1; N], len: 0 };
        while whole.len < body.joints.len() {
            whole.push(body.joints[whole.len], body.parents[whole.len]);
        }
        whole
    }

    const fn push(&mut self, joint: &'static str, parent: i32) {
        self.joints[self.len] = joint;
        self.parents[self.len] = parent;
        self.len += 1;
    }

    /// Adds the left foot's and the right foot's big toe, small toe and heel to ankles of `body`.
    pub(super) const fn with_feet(self, body: &Layout) -> Self {
        self.with_foot(&LEFT_FOOT, body.joint("left_ankle")).with_foot(&RIGHT_FOOT, body.joint("right_ankle"))
    }

    const fn with_foot(mut self, foot: &[&'static str; 3], ankle: usize) -> Self {
        let big_toe = self.len as i32;
        self.push(foot[0], ankle as i32);
        self.push(foot[1], big_toe);
        self.push(foot[2], ankle as i32);
        self
    }

    /// Adds 68 points of the face, which no bone connects.
    pub(super) const fn with_face(mut self) -> Self {
        let mut at = 0;
        while at < FACE.len() {
            self.push(FACE[at], -1);
            at += 1;
        }
        self
    }

    /// Adds 21 points of the left and of the right hand to wrists of `body`.
    pub(super) const fn with_hands(self, body: &Layout) -> Self {
        self.with_hand(&LEFT_HAND, body.joint("left_wrist")).with_hand(&RIGHT_HAND, body.joint("right_wrist"))
    }

    /// A hand: its root at the wrist, and five fingers of four points each.
    const fn with_hand(mut self, hand: &[&'static str; 21], wrist: usize) -> Self {
        let root = self.len as i32;
        self.push(hand[0], wrist as i32);
        let mut at = 1;
        while at < hand.len() {
            let starts_finger = at % 4 == 1;
            self.push(hand[at], if starts_finger { root } else { root + at as i32 - 1 });
            at += 1;
        }
        self
    }

    /// The layout when all of its joints are there.
    pub(super) const fn complete(self) -> Self {
        assert!(self.len == N, "a layout has as many joints as it is declared with");
        self
    }
}
