//! The axes of a foot, from the positions of its heel and toes.

use nalgebra::{RealField, Vector3};

use crate::skeleton::find_joint;

/// Indices of a foot's joints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foot {
    pub(crate) heel: usize,
    pub(crate) big_toe: usize,
    /// Without it the sole may be tilted to any side.
    pub(crate) small_toe: Option<usize>,
}

impl Foot {
    /// The foot on a side, `left` or `right`; `None` if the skeleton of these joints lacks its heel or its big toe.
    pub(crate) fn of<S: AsRef<str>>(joints: &[S], side: &str) -> Option<Self> {
        Some(Self {
            heel: find_joint(joints, &format!("{side}_heel"))?,
            big_toe: find_joint(joints, &format!("{side}_big_toe"))?,
            small_toe: find_joint(joints, &format!("{side}_small_toe")),
        })
    }

    /// The point in front that the long axis leads to: the middle between big and small toe, or the big toe alone; `at` gives the
    /// place of a joint.
    pub(crate) fn tip<T: RealField + Copy>(&self, at: impl Fn(usize) -> Vector3<T>) -> Vector3<T> {
        match self.small_toe {
            Some(small_toe) => (at(self.big_toe) + at(small_toe)) * nalgebra::convert::<f64, T>(0.5),
            None => at(self.big_toe),
        }
    }

    /// The long axis: from the heel to the toes.
    pub(crate) fn forward<T: RealField + Copy>(&self, at: impl Fn(usize) -> Vector3<T>) -> Vector3<T> {
        self.tip(&at) - at(self.heel)
    }

    /// Upwards from the sole, at right angles to heel and toes, of any length; `None` without a small toe. `is_right` is the side.
    pub(crate) fn up<T: RealField + Copy>(
        &self,
        is_right: bool,
        at: impl Fn(usize) -> Vector3<T>,
    ) -> Option<Vector3<T>> {
        let [big_toe, small_toe] = [self.big_toe, self.small_toe?].map(|toe| at(toe) - at(self.heel));
        Some(if is_right { small_toe.cross(&big_toe) } else { big_toe.cross(&small_toe) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::{H36M17, H36M23};

    #[test]
    fn feet_are_found_by_name() {
        let right = Foot::of(H36M23.joints, "right");
        assert_eq!(right, Some(Foot { big_toe: 20, small_toe: Some(21), heel: 22 }));
        assert_eq!(Foot::of(H36M17.joints, "right"), None);
        assert_eq!(Foot::of(&["left_heel", "left_small_toe"], "left"), None);
        assert_eq!(Foot::of(&["left_heel", "left_big_toe"], "left").map(|foot| foot.small_toe), Some(None));
    }

    #[test]
    fn a_level_foot_points_forward_and_up() {
        // Facing +z, y up, so that the right foot's big toe lies towards +x.
        let foot = Foot { heel: 0, big_toe: 1, small_toe: Some(2) };
        for (is_right, side) in [(true, 1.0), (false, -1.0)] {
            let places = [[0.0, 0.0, 0.0], [0.04 * side, 0.0, 0.25], [-0.04 * side, 0.0, 0.19]];
            let at = |joint: usize| Vector3::from(places[joint]);
            assert_eq!(foot.forward(at).normalize(), Vector3::z());
            assert_eq!(foot.up(is_right, at).map(|up| up.normalize()), Some(Vector3::y()));
        }
    }
}
