//! Tests that synthetic people have human bodies and move as humans do.

use nalgebra::Vector3;
use poselift::skeleton::BODY28;

use super::*;
use crate::data::Motion;
use crate::data::body::feet::FIRST_OF_FEET;

const RATE: f64 = 25.0;

fn motion(frames: usize, seed: u64) -> Motion {
    made_up(Repertoire::Everyday, frames, seed)
}

fn made_up(repertoire: Repertoire, frames: usize, seed: u64) -> Motion {
    let mut builder = MotionBuilder::new(RATE).unwrap();
    add(repertoire, frames, seed, &mut builder);
    builder.finish().unwrap().0
}

fn joint(motion: &Motion, frame: usize, name: &str) -> Vector3<f64> {
    let slot = BODY28.position(name).unwrap();
    Vector3::from_fn(|axis, _| f64::from(motion.positions[[frame, slot, axis]]))
}

/// The angle at `b` of a limb from `a` over `b` to `c`, degrees; 180 is straight.
fn angle(a: Vector3<f64>, b: Vector3<f64>, c: Vector3<f64>) -> f64 {
    (a - b).angle(&(c - b)).to_degrees()
}

#[test]
fn the_seed_says_it_all() {
    assert_eq!(motion(600, 5), motion(600, 5));
    assert_ne!(motion(600, 5).positions, motion(600, 6).positions);
    // More frames of the same seed begin with the same clips.
    let (short, long) = (motion(240, 5), motion(480, 5));
    assert_eq!(short.positions.as_slice().unwrap(), &long.positions.as_slice().unwrap()[..240 * 84]);
}

#[test]
fn the_default_is_200_clips_of_every_movement() {
    for repertoire in Repertoire::ALL {
        let motion = made_up(repertoire, DEFAULT_FRAMES, 0);
        assert_eq!((motion.positions.dim(), motion.clips.len()), ((DEFAULT_FRAMES, 28, 3), 200));
        for movement in repertoire.movements() {
            let clips = motion.clips.iter().filter(|clip| clip.name.rsplit_once('_').unwrap().0 == movement.name);
            assert!(clips.count() >= 6, "{}", movement.name);
        }
        assert!(motion.positions.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn bones_keep_their_length() {
    Repertoire::ALL.into_iter().for_each(|repertoire| bones_keep_their_length_in(&made_up(repertoire, 4800, 1)));
}

fn bones_keep_their_length_in(motion: &Motion) {
    for clip in &motion.clips {
        for (slot, &parent) in BODY28.parents.iter().enumerate().skip(1) {
            // The neck bends between the two points.
            if BODY28.joints[slot] == "neck_nose" {
                continue;
            }
            let length = |frame| {
                let name = |slot: usize| BODY28.joints[slot];
                (joint(motion, frame, name(slot)) - joint(motion, frame, name(parent as usize))).norm()
            };
            let first = length(clip.start);
            for frame in clip.start..clip.start + clip.frames {
                assert!((length(frame) - first).abs() < 1e-4, "{} of {}", BODY28.joints[slot], clip.name);
            }
        }
    }
}

#[test]
fn knees_and_elbows_bend_one_way() {
    Repertoire::ALL.into_iter().for_each(|repertoire| bend_one_way(&made_up(repertoire, DEFAULT_FRAMES, 2)));
}

fn bend_one_way(motion: &Motion) {
    for frame in 0..motion.positions.dim().0 {
        for side in ["left", "right"] {
            let at = |name: &str| joint(motion, frame, &format!("{side}_{name}"));
            let across = joint(motion, frame, "left_hip") - joint(motion, frame, "right_hip");
            let bend = angle(at("hip"), at("knee"), at("ankle"));
            assert!(bend > 179.0 - 140.0, "knee of {bend}");
            // Thigh × shank points to the right of the body for a knee that bends the human way, as long as the thigh
            // does not turn about its own axis beyond its limit.
            let axis = (at("knee") - at("hip")).cross(&(at("ankle") - at("knee")));
            if bend < 170.0 {
                assert!(axis.dot(&across) > 0.0, "knee bends forward: {bend}");
            }
            assert!(angle(at("shoulder"), at("elbow"), at("wrist")) > 179.0 - 145.0);
        }
    }
}

/// The height of the lowest joint; of the feet it is the ankles that stand on the floor.
fn lowest(motion: &Motion, frame: usize) -> f32 {
    let body = motion.positions.index_axis(ndarray::Axis(0), frame);
    body.column(1).iter().take(FIRST_OF_FEET).copied().fold(9.0, f32::min)
}

#[test]
fn soles_are_on_the_floor_under_ankles_that_stand() {
    let motion = motion(DEFAULT_FRAMES, 3);
    let (mut standing, mut flat) = (0, 0);
    for frame in 0..motion.positions.dim().0 {
        let height = |name: &str| joint(&motion, frame, name).y;
        for side in ["left", "right"] {
            let [ankle, toe, heel] = ["ankle", "big_toe", "heel"].map(|name| height(&format!("{side}_{name}")));
            standing += usize::from(ankle < 0.085);
            flat += usize::from(ankle < 0.085 && (toe - heel).abs() < 0.02 && (-0.01..0.05).contains(&toe));
            assert!(toe.min(heel) > -0.2, "a foot {} m below the floor", toe.min(heel));
        }
    }
    assert!(standing > 10_000 && flat as f64 > 0.9 * standing as f64, "{flat} of {standing}");
}

#[test]
fn people_stand_on_the_floor_with_the_head_up() {
    let motion = motion(DEFAULT_FRAMES, 3);
    let mut upright = 0;
    for frame in 0..motion.positions.dim().0 {
        let lowest = lowest(&motion, frame);
        assert!((0.0..0.6).contains(&lowest), "lowest joint at {lowest} m");
        let up = (joint(&motion, frame, "thorax") - joint(&motion, frame, "hip")).normalize();
        upright += usize::from(up.y > 0.8);
    }
    let share = upright as f64 / motion.positions.dim().0 as f64;
    assert!(share > 0.8, "upright in {share}");
}

#[test]
fn postures_reach_the_floor_and_upside_down() {
    let motion = made_up(Repertoire::Postures, DEFAULT_FRAMES, 3);
    let (mut lying, mut over) = (0, 0);
    for frame in 0..motion.positions.dim().0 {
        let lowest = lowest(&motion, frame);
        assert!((0.0..1.0).contains(&lowest), "lowest joint at {lowest} m");
        let up = (joint(&motion, frame, "thorax") - joint(&motion, frame, "hip")).normalize();
        lying += usize::from(up.y.abs() < 0.4);
        over += usize::from(up.y < -0.8);
    }
    let share = |count: usize| count as f64 / motion.positions.dim().0 as f64;
    assert!((0.1..0.4).contains(&share(lying)) && (0.03..0.2).contains(&share(over)), "{lying} {over}");
}

#[test]
fn left_is_left_and_both_sides_are_alike() {
    let motion = motion(DEFAULT_FRAMES, 4);
    let frames = motion.positions.dim().0;
    let mut height = [0.0; 2];
    for frame in 0..frames {
        let at = |name| joint(&motion, frame, name);
        let up = at("thorax") - at("hip");
        let forward = at("nose") - (at("left_ear") + at("right_ear")) / 2.0;
        // A head may look back over a shoulder, but 90 degrees and more is rare.
        let facing = (at("left_ear") - at("right_ear")).cross(&(at("head") - at("neck_nose")));
        assert!(facing.dot(&forward) > 0.0);
        assert!(
            (at("left_hip") - at("right_hip")).cross(&up).dot(&(at("left_shoulder") - at("right_shoulder")).cross(&up))
                > 0.0
        );
        for (side, name) in ["left_wrist", "right_wrist"].into_iter().enumerate() {
            height[side] += (at(name) - at("thorax")).dot(&up.normalize()) / frames as f64;
        }
    }
    assert!((height[0] - height[1]).abs() < 0.05, "{height:?}");
}

#[test]
fn movements_differ_and_move() {
    for repertoire in Repertoire::ALL {
        differ_and_move(&made_up(repertoire, DEFAULT_FRAMES, 5), repertoire.movements());
    }
}

fn differ_and_move(motion: &Motion, movements: &[Movement]) {
    for movement in movements {
        let mut angles = Vec::new();
        for clip in motion.clips.iter().filter(|clip| clip.name.starts_with(movement.name)) {
            for frame in clip.start..clip.start + clip.frames {
                let at = |name| joint(motion, frame, name);
                angles.push([
                    angle(at("left_hip"), at("left_knee"), at("left_ankle")),
                    angle(at("left_shoulder"), at("left_elbow"), at("left_wrist")),
                    angle(at("hip"), at("left_shoulder"), at("left_elbow")),
                    angle(at("thorax"), at("left_hip"), at("left_knee")),
                ]);
            }
        }
        let spread: f64 = (0..4)
            .map(|which| {
                let mean = angles.iter().map(|all| all[which]).sum::<f64>() / angles.len() as f64;
                (angles.iter().map(|all| (all[which] - mean).powi(2)).sum::<f64>() / angles.len() as f64).sqrt()
            })
            .fold(0.0, f64::max);
        assert!(spread > 10.0, "{} spreads {spread} degrees", movement.name);
    }
}

#[test]
fn nothing_jumps() {
    Repertoire::ALL.into_iter().for_each(|repertoire| no_jumps(&made_up(repertoire, DEFAULT_FRAMES, 6)));
}

fn no_jumps(motion: &Motion) {
    for clip in &motion.clips {
        for frame in clip.start + 1..clip.start + clip.frames {
            for slot in 0..22 {
                let step: f32 = (0..3)
                    .map(|axis| {
                        (motion.positions[[frame, slot, axis]] - motion.positions[[frame - 1, slot, axis]]).powi(2)
                    })
                    .sum();
                assert!(f64::from(step.sqrt()) * RATE < 15.0, "{} moves {step} in {}", BODY28.joints[slot], clip.name);
            }
        }
    }
}
