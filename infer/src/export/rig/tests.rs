#![allow(clippy::unwrap_used, reason = "a test may panic")]
use approx::assert_relative_eq;

use nalgebra::Rotation3;

use super::*;
use crate::export::motion::PersonKey;
use crate::skeleton::H36M17;

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
    Motion { key: PersonKey::Place(0), first: 0, joints: 17, points: poses.concat(), sigma: Vec::new() }
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

#[test]
fn any_tree_of_joints_becomes_a_rig() {
    let joints: Vec<String> = ["a", "left_b", "right_c", "d"].map(str::to_owned).to_vec();
    let pose = vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 3.0]];
    let motion = Motion { key: PersonKey::Place(0), first: 0, joints: 4, points: pose.clone(), sigma: Vec::new() };
    let rig = Rig::new(&joints, &[-1, 0, 0, 2], &motion);
    let mut out = RigPose::default();
    rig.pose(&pose, &mut out);
    for (found, expected) in rig.joints(&out, 4).iter().zip(&pose) {
        assert_relative_eq!(*found, Vector::from(expected.map(f64::from)), epsilon = 1e-9);
    }
}
