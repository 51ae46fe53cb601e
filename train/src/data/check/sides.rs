//! Left and right exchanged: in a skeleton, in a stretch of a take, or by axes that are a mirror image.
//!
//! Where left is truly left, a person looks to where `left − right × up` points: knees bend that way, and the neck's
//! joint lies ahead of the line from thorax to head. Of sound recordings 17 % of the knees at most and 62 % of the
//! necks lie the other way (somebody who bends over backwards).

use nalgebra::Vector3;

use super::{Body, Fault, Finding, at, runs};

/// Hips and shoulders are turned against each other by more than anybody twists, as a cosine: 100 degrees. The
/// recordings reach 71.
const OPPOSED_COSINE: f64 = -0.17;

/// How far a knee lies off the line from hip to ankle before it says anything, metres.
const BENT: f64 = 0.08;

/// Bent knees that are needed for a judgement, seconds of one leg.
const ENOUGH: f64 = 0.2;

/// The share of knees that must bend backwards.
const MOST_KNEES: f64 = 0.8;

/// The share of frames in which the neck must lie behind, beside knees, and where no knee says anything.
const NECK_BESIDE_KNEES: f64 = 0.5;
const NECK_ALONE: f64 = 0.9;

/// Stretches in which hips and shoulders are opposed, and else the whole run if the body is back to front.
pub(super) fn find(bodies: &[Body], rate: f64) -> Vec<Finding> {
    let opposed = runs(bodies.iter().map(is_opposed), 1);
    if opposed.is_empty() {
        let all = Finding { frames: 0..bodies.len(), fault: Fault::SidesSwapped };
        return if is_swapped(bodies, rate) { vec![all] } else { Vec::new() };
    }
    opposed.into_iter().map(|frames| Finding { frames, fault: Fault::SidesOpposed }).collect()
}

fn is_opposed(body: &Body) -> bool {
    let (hips, shoulders) = (at(body, 4) - at(body, 1), at(body, 11) - at(body, 14));
    hips.dot(&shoulders) < OPPOSED_COSINE * hips.norm() * shoulders.norm()
}

fn is_swapped(bodies: &[Body], rate: f64) -> bool {
    let knees: Vec<bool> = bodies.iter().flat_map(knees_bend_backwards).collect();
    let share = |behind: usize, all: usize| behind as f64 / all.max(1) as f64;
    let backwards = share(knees.iter().filter(|&&backwards| backwards).count(), knees.len());
    let necks_behind = share(bodies.iter().filter(|body| neck_is_behind(body)).count(), bodies.len());
    if knees.len() as f64 >= ENOUGH * rate {
        backwards > MOST_KNEES && necks_behind > NECK_BESIDE_KNEES
    } else {
        necks_behind > NECK_ALONE
    }
}

/// Where the body looks if left is left; of no particular length.
fn ahead(body: &Body) -> Vector3<f64> {
    (at(body, 4) - at(body, 1)).cross(&(at(body, 8) - at(body, 0)))
}

/// Of each leg that is bent in the plane ahead: whether its knee lies behind.
fn knees_bend_backwards(body: &Body) -> impl Iterator<Item = bool> + use<> {
    let ahead = ahead(body).normalize();
    let knee = |[hip, knee, ankle]: [Vector3<f64>; 3]| {
        let leg = (ankle - hip).normalize();
        let off = (knee - hip) - leg * leg.dot(&(knee - hip));
        let forward = off.dot(&ahead);
        (off.norm() > BENT && forward.abs() > 0.5 * off.norm()).then_some(forward < 0.0)
    };
    [[1, 2, 3], [4, 5, 6]].map(|leg| knee(leg.map(|joint| at(body, joint)))).into_iter().flatten()
}

fn neck_is_behind(body: &Body) -> bool {
    let neck = at(body, 9) - (at(body, 8) + at(body, 10)) / 2.0;
    neck.dot(&ahead(body)) < 0.0
}

#[cfg(test)]
mod tests {
    use super::super::tests::{standing, walking};
    use super::*;

    const LEGS: [(usize, usize); 3] = [(4, 1), (5, 2), (6, 3)];
    const ARMS: [(usize, usize); 3] = [(11, 14), (12, 15), (13, 16)];

    fn exchanged(mut bodies: Vec<Body>, pairs: &[(usize, usize)]) -> Vec<Body> {
        for body in &mut bodies {
            pairs.iter().for_each(|&(left, right)| body.swap(left, right));
        }
        bodies
    }

    #[test]
    fn a_skeleton_with_its_sides_exchanged_is_back_to_front() {
        let swapped = |bodies| vec![Finding { frames: 0..bodies, fault: Fault::SidesSwapped }];
        let both = [LEGS, ARMS].concat();
        assert_eq!(find(&exchanged(walking(200, 50.0), &both), 50.0), swapped(200));
        // Straight knees say nothing, the neck does.
        assert_eq!(find(&exchanged(standing(50), &both), 50.0), swapped(50));
    }

    #[test]
    fn a_mirror_image_is_back_to_front() {
        let mirrored = walking(200, 50.0).into_iter().map(|body| body.map(|[x, y, z]| [-x, y, z])).collect::<Vec<_>>();
        assert_eq!(find(&mirrored, 50.0)[0].fault, Fault::SidesSwapped);
    }

    #[test]
    fn hips_alone_are_opposed_to_the_shoulders() {
        let mut bodies = walking(200, 50.0);
        let turned = exchanged(bodies[50..90].to_vec(), &LEGS);
        bodies[50..90].copy_from_slice(&turned);
        assert_eq!(find(&bodies, 50.0), [Finding { frames: 50..90, fault: Fault::SidesOpposed }]);
    }

    #[test]
    fn walks_and_somebody_who_bends_backwards_are_sound() {
        assert_eq!(find(&walking(200, 50.0), 50.0), []);
        let mut bodies = walking(200, 50.0);
        bodies.iter_mut().for_each(|body| body[9][2] -= 0.3);
        assert_eq!(find(&bodies, 50.0), [], "a neck behind is not enough beside knees");
        assert_eq!(find(&[], 50.0), []);
    }
}
