//! Human3.6M-17, our 3D output; `neck_nose` is its joint 9, called Neck or Nose in the literature.

use super::Layout;

/// Human3.6M-17, our 3D output; `neck_nose` is its joint 9, called Neck or Nose in the literature.
#[rustfmt::skip]
pub const H36M17: Layout = Layout {
    name: "h36m17",
    joints: &[
        "hip", "right_hip", "right_knee", "right_ankle", "left_hip",
        "left_knee", "left_ankle", "spine", "thorax", "neck_nose",
        "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder",
        "right_elbow", "right_wrist",
    ],
    parents: &[-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15],
};
