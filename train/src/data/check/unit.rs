//! Bodies of a size that is not human: a unit that was guessed wrongly, or a scale that was lost.

use super::{Body, Fault, Finding, median_length};
use crate::data::body::joints::{ANKLES, HEAD, HIP, HIPS, KNEES, NECK, SPINE, THIGHS, THORAX};

/// Thigh lengths from toddlers to the tallest people, metres; the recordings have 0.34 to 0.46.
const THIGH: std::ops::RangeInclusive<f64> = 0.20..=0.65;

/// Statures likewise; the recordings have 1.59 to 1.89.
const STATURE: std::ops::RangeInclusive<f64> = 0.8..=2.4;

/// The bones stacked on one another, from an ankle to the top of the head.
const COLUMN: [[usize; 2]; 6] =
    [[ANKLES[1], KNEES[1]], [KNEES[1], HIPS[1]], [HIP, SPINE], [SPINE, THORAX], [THORAX, NECK], [NECK, HEAD]];

/// The ankle's height as a share of the stature (Drillis and Contini, 1966).
const ANKLE_SHARE: f64 = 0.039;

/// The whole take, if its body is not human; for a figure without `human_lengths` only the thigh counts.
pub(super) fn find(bodies: &[Body], human_lengths: bool) -> Option<Finding> {
    let thigh = median_length(bodies, &THIGHS)? / 2.0;
    let stature = median_length(bodies, &COLUMN)? / (1.0 - ANKLE_SHARE);
    let is_human = THIGH.contains(&thigh) && (!human_lengths || STATURE.contains(&stature));
    (!is_human).then_some(Finding { frames: 0..bodies.len(), fault: Fault::Unit { thigh, stature } })
}

#[cfg(test)]
mod tests {
    use super::super::tests::standing;
    use super::*;

    fn scaled(by: f32) -> Vec<Body> {
        standing(3).into_iter().map(|body| body.map(|joint| joint.map(|value| value * by))).collect()
    }

    #[test]
    fn inches_read_as_centimetres_are_no_human() {
        assert_eq!(find(&scaled(1.0), true), None);
        for by in [0.394, 2.54, 100.0] {
            let found = find(&scaled(by), true);
            let Some(Finding { frames, fault: Fault::Unit { thigh, .. } }) = found else { panic!("{by}: {found:?}") };
            assert!(frames == (0..3) && (thigh / f64::from(by) - 0.42).abs() < 0.02, "{by}: {thigh}");
        }
    }

    #[test]
    fn children_are_human_and_an_empty_take_has_no_fault() {
        assert_eq!(find(&scaled(0.55), true), None);
        assert_eq!(find(&[], true), None);
    }

    #[test]
    fn a_figure_without_a_persons_lengths_needs_a_thigh_alone() {
        let mut bodies = standing(3);
        bodies.iter_mut().flat_map(|body| &mut body[SPINE..]).for_each(|joint| joint[1] += 1.2);
        assert!(find(&bodies, true).is_some() && find(&bodies, false).is_none());
    }
}
