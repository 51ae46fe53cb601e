//! What joint angles are called, in OpenSim's order.

use crate::place::Foot;

/// The angles in their order, of a skeleton without feet; right before left.
pub const ANGLE_NAMES: [&str; 24] = [
    "pelvis_tilt",
    "pelvis_list",
    "pelvis_rotation",
    "hip_flexion_r",
    "hip_adduction_r",
    "hip_rotation_r",
    "knee_angle_r",
    "hip_flexion_l",
    "hip_adduction_l",
    "hip_rotation_l",
    "knee_angle_l",
    "lumbar_extension",
    "lumbar_bending",
    "lumbar_rotation",
    "neck_flexion",
    "neck_bending",
    "arm_flex_r",
    "arm_add_r",
    "arm_rot_r",
    "elbow_flex_r",
    "arm_flex_l",
    "arm_add_l",
    "arm_rot_l",
    "elbow_flex_l",
];

/// The angles in their order where the skeleton has feet; right before left.
pub const ANGLE_NAMES_WITH_FEET: [&str; 28] = [
    "pelvis_tilt",
    "pelvis_list",
    "pelvis_rotation",
    "hip_flexion_r",
    "hip_adduction_r",
    "hip_rotation_r",
    "knee_angle_r",
    "ankle_angle_r",
    "subtalar_angle_r",
    "hip_flexion_l",
    "hip_adduction_l",
    "hip_rotation_l",
    "knee_angle_l",
    "ankle_angle_l",
    "subtalar_angle_l",
    "lumbar_extension",
    "lumbar_bending",
    "lumbar_rotation",
    "neck_flexion",
    "neck_bending",
    "arm_flex_r",
    "arm_add_r",
    "arm_rot_r",
    "elbow_flex_r",
    "arm_flex_l",
    "arm_add_l",
    "arm_rot_l",
    "elbow_flex_l",
];

/// The names of the angles of a skeleton of these joints, in their order: [`ANGLE_NAMES_WITH_FEET`] where both feet have a heel and a
/// big toe, else [`ANGLE_NAMES`].
pub fn angle_names<S: AsRef<str>>(joints: &[S]) -> &'static [&'static str] {
    match has_feet(joints) {
        true => &ANGLE_NAMES_WITH_FEET,
        false => &ANGLE_NAMES,
    }
}

/// Whether both feet have a heel and a big toe.
pub(super) fn has_feet<S: AsRef<str>>(joints: &[S]) -> bool {
    ["right", "left"].iter().all(|side| Foot::of(joints, side).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::{H36M17, H36M23};

    #[test]
    fn ankles_follow_their_knees() {
        assert_eq!(angle_names(H36M17.joints), ANGLE_NAMES);
        assert_eq!(angle_names(H36M23.joints), ANGLE_NAMES_WITH_FEET);
        assert_eq!(angle_names(&H36M23.joints[..20]), ANGLE_NAMES, "one foot alone");
        let without_ankles: Vec<&str> = ANGLE_NAMES_WITH_FEET
            .into_iter()
            .filter(|name| !name.starts_with("ankle") && !name.starts_with("subtalar"))
            .collect();
        assert_eq!(without_ankles, ANGLE_NAMES);
        for (place, name) in ANGLE_NAMES_WITH_FEET.iter().enumerate() {
            if let Some(side) = name.strip_prefix("ankle_angle") {
                assert_eq!(ANGLE_NAMES_WITH_FEET[place - 1], format!("knee_angle{side}"));
                assert_eq!(ANGLE_NAMES_WITH_FEET[place + 1], format!("subtalar_angle{side}"));
            }
        }
    }
}
