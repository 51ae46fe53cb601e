//! Joint layouts by their field-wide names, and conversion between them by joint name.
//!
//! COCO-17 is contained, point for point, in Halpe-26, BODY_25 and
//! MediaPipe-33, so no joint is ever invented. Human3.6M-17 has no eyes and
//! ears: a stream in it needs a model that was trained on it.

mod absent;
mod body25;
mod body25b;
mod body28;
mod coco17;
mod coco18;
mod coco23;
mod convert;
mod feet;
mod h36m17;
mod h36m23;
mod halpe136;
mod halpe26;
mod halpe68;
mod mediapipe33;
mod named;
mod openpose134;
mod whole_body;
mod wholebody133;

pub use body25::BODY25;
pub use body25b::BODY25B;
pub use body28::BODY28;
pub use coco17::COCO17;
pub use coco18::COCO18;
pub use coco23::COCO23;
pub use convert::Conversion;
pub use feet::is_of_foot;
pub use h36m17::H36M17;
pub use h36m23::H36M23;
pub use halpe26::HALPE26;
pub use halpe68::HALPE68;
pub use halpe136::HALPE136;
pub use mediapipe33::MEDIAPIPE33;
pub use named::{joint_name, layout_file, named_layout};
pub use openpose134::OPENPOSE134;
pub use wholebody133::WHOLEBODY133;

use crate::error::{Error, Result};
use absent::{is_same, panic_no_such_joint};

/// A named order of joints, with the tree that connects them.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// The name used in files and options, `coco17`.
    pub name: &'static str,
    /// `[J]` joint names in order; the same joint has the same name in every layout.
    pub joints: &'static [&'static str],
    /// `[J]` index of each joint's parent, −1 for a root (2D layouts may have several).
    pub parents: &'static [i32],
}

/// Every 2D layout that streams may have. Of two with the same number of points, the more common one comes first.
pub const LAYOUTS: [&Layout; 13] = [
    &COCO17,
    &H36M17,
    &COCO18,
    &COCO23,
    &H36M23,
    &BODY25,
    &BODY25B,
    &HALPE26,
    &MEDIAPIPE33,
    &HALPE68,
    &WHOLEBODY133,
    &OPENPOSE134,
    &HALPE136,
];

impl Layout {
    /// The layout called `name`, upper or lower case, with or without `_`, `-` or spaces in it: `COCO-17`.
    ///
    /// # Errors
    /// An unknown name; the message lists the known ones.
    pub fn by_name(name: &str) -> Result<&'static Layout> {
        let plain = || name.bytes().filter(|byte| !b"_- ".contains(byte)).map(|byte| byte.to_ascii_lowercase());
        LAYOUTS.into_iter().find(|layout| plain().eq(layout.name.bytes())).ok_or_else(|| {
            let known: Vec<_> = LAYOUTS.iter().map(|layout| layout.name).collect();
            Error::usage(format!("unknown joint layout '{name}', expected one of {}", known.join(", ")))
        })
    }

    /// The number of joints.
    pub fn len(&self) -> usize {
        self.joints.len()
    }

    /// Whether the layout has no joints; none of ours has none.
    pub fn is_empty(&self) -> bool {
        self.joints.is_empty()
    }

    /// The index of the joint called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.joints.iter().position(|joint| *joint == name)
    }

    /// The index of the joint called `name`, for names in code: in a constant, a wrong one does not compile.
    ///
    /// ```
    /// use poselift::skeleton::H36M17;
    ///
    /// const RIGHT_KNEE: usize = H36M17.joint("right_knee");
    /// assert_eq!(RIGHT_KNEE, 2);
    /// ```
    ///
    /// ```compile_fail
    /// const TAIL: usize = poselift::skeleton::H36M17.joint("tail");
    /// ```
    ///
    /// # Panics
    /// The layout has no such joint; the message names both. For names that come from a file use [`Self::position`].
    pub const fn joint(&self, name: &str) -> usize {
        let mut joint = 0;
        while joint < self.joints.len() {
            if is_same(self.joints[joint], name) {
                return joint;
            }
            joint += 1;
        }
        panic_no_such_joint(self.name, name)
    }

    /// `[J]` the joint on the other side of the body: its own index for joints in the middle.
    ///
    /// Mirroring a pose is negating x and taking each joint from here.
    pub fn mirrored(&self) -> Vec<usize> {
        mirrored(self.joints)
    }
}

/// As [`Layout::mirrored`], for `joints` from any list of names.
pub fn mirrored<S: AsRef<str>>(joints: &[S]) -> Vec<usize> {
    let other_side = |name: &str| match name.split_once('_') {
        Some(("left", rest)) => format!("right_{rest}"),
        Some(("right", rest)) => format!("left_{rest}"),
        _ => name.to_owned(),
    };
    let position = |name: String| joints.iter().position(|joint| joint.as_ref() == name);
    joints.iter().enumerate().map(|(index, joint)| position(other_side(joint.as_ref())).unwrap_or(index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_trees_with_unique_names() {
        for layout in LAYOUTS.into_iter().chain([&BODY28]) {
            assert_eq!(layout.joints.len(), layout.parents.len(), "{}", layout.name);
            for (joint, &parent) in layout.parents.iter().enumerate() {
                assert!(parent >= -1 && parent < layout.len() as i32 && parent != joint as i32);
                let name = layout.joints[joint];
                assert_eq!(layout.position(name), Some(joint), "{} names {name} twice", layout.name);
            }
        }
    }

    #[test]
    fn joints_are_found_by_name_when_compiling() {
        const KNEE: usize = H36M17.joint("right_knee");
        assert_eq!(KNEE, 2);
        for layout in LAYOUTS {
            assert!((0..layout.len()).all(|joint| layout.joint(layout.joints[joint]) == joint), "{}", layout.name);
        }
    }

    #[test]
    #[should_panic(expected = "layout coco17 has no joint 'tail'")]
    fn a_joint_that_does_not_exist_panics_with_layout_and_name() {
        let _ = COCO17.joint("tail");
    }

    #[test]
    fn mirroring_twice_is_nothing() {
        for layout in LAYOUTS.into_iter().chain([&BODY28]) {
            let mirrored = layout.mirrored();
            assert!((0..layout.len()).all(|joint| mirrored[mirrored[joint]] == joint), "{}", layout.name);
        }
        assert_eq!(H36M17.mirrored(), [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]);
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        let message = Layout::by_name("coco19").unwrap_err().to_string();
        assert!(message.contains("'coco19'") && message.contains("mediapipe33"), "{message}");
    }
}
