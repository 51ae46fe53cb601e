//! Which joints are ankles, and how high an ankle is above the floor that its foot stands on.

use crate::skeleton::find_joint;

/// An ankle's height, as a share of the length of thigh and shank: 0.039 of the stature (Drillis and Contini, 1966), and 0.45 of it from the
/// centre of the hip's joint, as the models have it.
const SHARE_OF_LEG: f64 = 0.039 / 0.45;

/// Whether a joint is an ankle, by its name.
pub(super) fn is_ankle(joint: &str) -> bool {
    joint.ends_with("ankle")
}

/// Which of `joints` are ankles.
pub(super) fn ankles(joints: &[String]) -> Vec<usize> {
    (0..joints.len()).filter(|joint| is_ankle(&joints[*joint])).collect()
}

/// The height of the ankles above the floor, in the unit of `distance`, which tells how far two joints are apart; 0 for a skeleton without legs.
pub(super) fn ankle_height(joints: &[String], distance: impl Fn(usize, usize) -> f64) -> f64 {
    let legs = ["left", "right"].into_iter().filter_map(|side| leg_length(joints, side, &distance));
    let legs: Vec<f64> = legs.collect();
    SHARE_OF_LEG * legs.iter().sum::<f64>() / legs.len().max(1) as f64
}

/// The length of thigh and shank of one side; `None` for a leg without them.
fn leg_length(joints: &[String], side: &str, distance: impl Fn(usize, usize) -> f64) -> Option<f64> {
    let hip = find_joint(joints, &format!("{side}_hip"))?;
    let knee = find_joint(joints, &format!("{side}_knee"))?;
    let ankle = find_joint(joints, &format!("{side}_ankle"))?;
    let length = distance(hip, knee) + distance(knee, ankle);
    length.is_finite().then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::H36M17;

    #[test]
    fn an_adults_ankle_is_seven_centimetres_high() {
        let joints: Vec<String> = H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect();
        assert!((ankle_height(&joints, |_, _| 0.38) - 0.0659).abs() < 1e-4);
        assert!((ankle_height(&joints, |_, _| 0.19) - 0.0329).abs() < 1e-4);
        assert_eq!(ankle_height(&joints[..2], |_, _| 0.42), 0.0);
    }
}
