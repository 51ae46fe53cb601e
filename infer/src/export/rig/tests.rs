use approx::assert_relative_eq;

use nalgebra::Rotation3;

use super::*;
use crate::skeleton::{H36M17, H36M23};

fn names() -> Vec<String> {
    H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect()
}

/// A person in a T, y up, facing +z.
fn standing() -> Vec<[f32; 3]> {
    vec![
        [0.0, 0.0, 0.0],
        [-0.13, 0.0, 0.0],
        [-0.13, -0.43, 0.0],
        [-0.13, -0.86, 0.0],
        [0.13, 0.0, 0.0],
        [0.13, -0.43, 0.0],
        [0.13, -0.86, 0.0],
        [0.0, 0.24, 0.0],
        [0.0, 0.48, 0.0],
        [0.0, 0.57, 0.043_6],
        [0.0, 0.66, 0.0],
        [0.15, 0.48, 0.0],
        [0.42, 0.48, 0.0],
        [0.66, 0.48, 0.0],
        [-0.15, 0.48, 0.0],
        [-0.42, 0.48, 0.0],
        [-0.66, 0.48, 0.0],
    ]
}

fn motion(poses: &[Vec<[f32; 3]>]) -> Motion {
    Motion { number: 0, first: 0, joints: 17, points: poses.concat(), sigma: Vec::new() }
}

fn posed(pose: &[[f32; 3]]) -> (Rig, RigPose) {
    let rig = Rig::new(&names(), H36M17.parents, &motion(&[pose.to_vec()]));
    let mut out = RigPose::default();
    rig.pose(pose, &mut out);
    (rig, out)
}

fn local(rig: &Rig, pose: &RigPose, name: &str) -> Rotation {
    pose.local[rig.nodes.iter().position(|node| node.name == name).unwrap()]
}

#[test]
fn in_the_rest_pose_nothing_is_turned() {
    let (rig, pose) = posed(&standing());
    for (node, local) in rig.nodes.iter().zip(&pose.local) {
        assert_relative_eq!(*local, Rotation::identity(), epsilon = 2e-3);
        assert!(node.parent.is_none_or(|parent| parent < rig.nodes.len()));
    }
}

#[test]
fn forward_kinematics_gives_the_joints_back() {
    let mut pose = standing();
    // A step, an arm that points forward and a bent one, in a body that is turned.
    pose[2] = [-0.13, -0.35, 0.25];
    pose[3] = [-0.1, -0.75, 0.1];
    pose[12] = [0.2, 0.4, 0.25];
    pose[13] = [0.1, 0.6, 0.3];
    let turn = Rotation3::from_euler_angles(0.3, 1.1, -0.4);
    let turned: Vec<[f32; 3]> = pose
        .iter()
        .map(|point| {
            (turn * Vector::from(point.map(f64::from)) + Vector::new(1.0, 2.0, -3.0)).map(|axis| axis as f32).into()
        })
        .collect();
    let (rig, out) = posed(&turned);
    for (found, expected) in rig.joints(&out, 17).iter().zip(&turned) {
        assert_relative_eq!(*found, Vector::from(expected.map(f64::from)), epsilon = 1e-6);
    }
}

#[test]
fn a_bent_knee_and_a_bent_elbow_turn_about_their_hinges_alone() {
    let mut pose = standing();
    // A right angle each: the shank to the back, the forearm to the front.
    pose[6] = [0.13, -0.43, -0.43];
    pose[13] = [0.42, 0.48, 0.24];
    pose[16] = [-0.42, 0.48, 0.24];
    let (rig, out) = posed(&pose);
    for name in ["LeftUpLeg", "LeftArm", "RightArm"] {
        assert_relative_eq!(local(&rig, &out, name), Rotation::identity(), epsilon = 1e-3);
    }
    let about = |axis: Vector, degrees: f64| *Rotation3::from_scaled_axis(axis * degrees.to_radians()).matrix();
    assert_relative_eq!(local(&rig, &out, "LeftLeg"), about(Vector::x(), 90.0), epsilon = 1e-3);
    assert_relative_eq!(local(&rig, &out, "LeftForeArm"), about(Vector::y(), -90.0), epsilon = 1e-3);
    assert_relative_eq!(local(&rig, &out, "RightForeArm"), about(Vector::y(), 90.0), epsilon = 1e-3);
}

/// As [`standing`], on level soles; with each foot turned about its ankle.
fn on_feet(turn: Rotation) -> Vec<[f32; 3]> {
    let mut pose = standing();
    for (ankle, side) in [(6, 1.0), (3, -1.0)] {
        let ankle = Vector::from(pose[ankle].map(f64::from));
        for [x, y, z] in [[-0.04 * side, -0.07, 0.2], [0.04 * side, -0.07, 0.14], [0.0, -0.07, -0.05]] {
            pose.push((ankle + turn * Vector::new(x, y, z)).map(|axis| axis as f32).into());
        }
    }
    pose
}

fn posed_on_feet(poses: &[Vec<[f32; 3]>]) -> (Rig, RigPose) {
    let joints: Vec<String> = H36M23.joints.iter().map(|joint| (*joint).to_owned()).collect();
    let motion = Motion { joints: 23, ..motion(poses) };
    let rig = Rig::new(&joints, H36M23.parents, &motion);
    let mut out = RigPose::default();
    rig.pose(&poses[0], &mut out);
    (rig, out)
}

#[test]
fn feet_turn_against_their_shanks() {
    let (level, out) = posed_on_feet(&[on_feet(Rotation::identity())]);
    let without = posed(&standing()).0;
    assert_eq!(level.nodes.len(), without.nodes.len(), "toes and heels are no nodes");
    for name in ["LeftFoot", "RightFoot"] {
        assert_relative_eq!(local(&level, &out, name), Rotation::identity(), epsilon = 1e-6);
        let node = level.nodes.iter().find(|node| node.name == name).unwrap();
        assert_relative_eq!(node.end.unwrap(), Vector::new(0.0, -0.07, 0.17), epsilon = 1e-6);
    }
    // Toes up by 20 degrees, then turned out and tilted.
    for turn in [Rotation3::from_euler_angles(-0.35, 0.0, 0.0), Rotation3::from_euler_angles(-0.2, 0.3, 0.15)] {
        let (rig, out) = posed_on_feet(&[on_feet(*turn.matrix())]);
        for name in ["LeftFoot", "RightFoot"] {
            assert_relative_eq!(local(&rig, &out, name), *turn.matrix(), epsilon = 1e-6);
            let node = rig.nodes.iter().find(|node| node.name == name).unwrap();
            assert_relative_eq!(node.end.unwrap(), Vector::new(0.0, -0.07, 0.17), epsilon = 1e-6);
        }
    }
}

#[test]
fn a_foot_that_is_no_foot_turns_with_its_shank() {
    let mut pose = on_feet(Rotation::identity());
    // All points of the left foot in one place.
    pose[17] = pose[19];
    pose[18] = pose[19];
    let (rig, out) = posed_on_feet(&[pose]);
    assert_relative_eq!(local(&rig, &out, "LeftFoot"), Rotation::identity(), epsilon = 1e-6);
    assert!(rig.nodes.iter().all(|node| node.end.is_none_or(|end| end.iter().all(|axis| axis.is_finite()))));
    // Without a small toe the sole is level where the shank is upright.
    let joints: Vec<String> = H36M23.joints.iter().map(|joint| joint.replace("small_toe", "arch")).collect();
    let turned = on_feet(*Rotation3::from_euler_angles(-0.35, 0.0, 0.0).matrix());
    let rig = Rig::new(&joints, H36M23.parents, &Motion { joints: 23, ..motion(std::slice::from_ref(&turned)) });
    let mut out = RigPose::default();
    rig.pose(&turned, &mut out);
    let up = local(&rig, &out, "RightFoot") * Vector::z();
    assert!(
        (up.y - 0.35f64.sin()).abs() < 0.02 && out.global.iter().all(|turn| turn.iter().all(|cell| cell.is_finite()))
    );
}

#[test]
fn any_tree_of_joints_becomes_a_rig() {
    let joints: Vec<String> = ["a", "left_b", "right_c", "d"].map(str::to_owned).to_vec();
    let pose = vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 3.0]];
    let motion = Motion { number: 0, first: 0, joints: 4, points: pose.clone(), sigma: Vec::new() };
    let rig = Rig::new(&joints, &[-1, 0, 0, 2], &motion);
    let mut out = RigPose::default();
    rig.pose(&pose, &mut out);
    for (found, expected) in rig.joints(&out, 4).iter().zip(&pose) {
        assert_relative_eq!(*found, Vector::from(expected.map(f64::from)), epsilon = 1e-9);
    }
}
