//! Limbs that change their length: a root that slides away from planted feet, or a lost joint.

use super::{Body, Fault, Finding, is_finite, length, median_length, runs};

/// A limb may differ by this share from the take's median. Joints estimated from markers vary by 0.7 % (UI-PRMD),
/// joints found in images by about 10 %.
const TOLERANCE: f64 = 0.25;

/// Thighs, shanks, upper arms, forearms.
const LIMBS: [[usize; 2]; 8] = [[1, 2], [2, 3], [4, 5], [5, 6], [11, 12], [12, 13], [14, 15], [15, 16]];

/// Frames in which a limb's length is far from the take's median.
pub(super) fn find(bodies: &[Body]) -> Vec<Finding> {
    let usual = LIMBS.map(|limb| median_length(bodies, &[limb]).unwrap_or_default());
    let stretched = runs(bodies.iter().map(|body| is_stretched(body, &usual)), 1);
    stretched.into_iter().map(|frames| Finding { frames, fault: Fault::Stretch }).collect()
}

/// Whether one of [`LIMBS`] is far from its `usual` length; a body that is not finite has no lengths.
fn is_stretched(body: &Body, usual: &[f64; LIMBS.len()]) -> bool {
    is_finite(body)
        && LIMBS.iter().zip(usual).any(|(&limb, &usual)| (length(body, limb) - usual).abs() > TOLERANCE * usual)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{standing, walking};
    use super::*;

    #[test]
    fn a_root_that_leaves_planted_feet_stretches_the_legs() {
        let mut bodies = standing(100);
        for (frame, body) in bodies.iter_mut().enumerate().skip(60) {
            let slid = (frame - 60) as f32 * 0.03;
            (0..28).filter(|joint| ![3, 6].contains(joint)).for_each(|joint| body[joint][0] += slid);
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
        bodies[30][13][1] += 0.02;
        assert_eq!(find(&bodies), []);
        assert_eq!(find(&[]), []);
    }
}
