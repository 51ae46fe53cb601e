//! Limbs that change their length: a root that slides away from planted feet, or a lost joint.

use super::{Body, Fault, Finding, is_finite, length, median_length, runs};
use crate::data::body::joints::{FOREARMS, SHANKS, THIGHS, UPPER_ARMS};

/// A limb may differ by this share from the take's median. Joints estimated from markers vary by 0.7 % (UI-PRMD),
/// joints found in images by about 10 %.
const TOLERANCE: f64 = 0.25;

/// Both of each, as pairs of joints.
const LIMBS: [[[usize; 2]; 2]; 4] = [THIGHS, SHANKS, UPPER_ARMS, FOREARMS];

/// A limb and its usual length.
struct Limb {
    joints: [usize; 2],
    /// The take's median, metres.
    usual: f64,
}

/// Frames in which a limb's length is far from the take's median; none where no body is finite, so that there is no median.
pub(super) fn find(bodies: &[Body]) -> Vec<Finding> {
    let mut limbs = Vec::new();
    for &joints in LIMBS.as_flattened() {
        let Some(usual) = median_length(bodies, &[joints]) else { return Vec::new() };
        limbs.push(Limb { joints, usual });
    }
    let stretched = runs(bodies.iter().map(|body| is_stretched(body, &limbs)), 1);
    stretched.into_iter().map(|frames| Finding { frames, fault: Fault::Stretch }).collect()
}

/// Whether one of `limbs` is far from its usual length; a body that is not finite has no lengths.
fn is_stretched(body: &Body, limbs: &[Limb]) -> bool {
    is_finite(body) && limbs.iter().any(|limb| (length(body, limb.joints) - limb.usual).abs() > TOLERANCE * limb.usual)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{standing, walking};
    use super::*;
    use crate::data::body::joints::{ANKLES, WRISTS};

    #[test]
    fn a_root_that_leaves_planted_feet_stretches_the_legs() {
        let mut bodies = standing(100);
        for (frame, body) in bodies.iter_mut().enumerate().skip(60) {
            let slid = (frame - 60) as f32 * 0.03;
            (0..28).filter(|joint| !ANKLES.contains(joint)).for_each(|joint| body[joint][0] += slid);
        }
        let found = find(&bodies);
        assert!(
            found.len() == 1 && (70..80).contains(&found[0].frames.start) && found[0].frames.end == 100,
            "{found:?}"
        );
    }

    #[test]
    fn a_walk_and_a_tenth_more_or_less_are_sound() {
        let mut bodies = walking(200, 50.0);
        bodies[30][WRISTS[0]][1] += 0.02;
        assert_eq!(find(&bodies), []);
        assert_eq!(find(&[]), []);
        bodies.iter_mut().for_each(|body| body[WRISTS[0]][1] = f32::NAN);
        assert_eq!(find(&bodies), [], "no body is finite");
    }
}
