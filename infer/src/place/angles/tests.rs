mod feet;

use nalgebra::Rotation3;

use super::*;
use crate::skeleton::{H36M17, H36M23};

/// A person who stands upright with hanging arms, y up, facing +z.
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
        [0.0, 0.57, 0.0],
        [0.0, 0.66, 0.0],
        [0.15, 0.48, 0.0],
        [0.15, 0.2, 0.0],
        [0.15, -0.04, 0.0],
        [-0.15, 0.48, 0.0],
        [-0.15, 0.2, 0.0],
        [-0.15, -0.04, 0.0],
    ]
}

fn reader() -> AngleReader {
    let joints: Vec<String> = H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect();
    AngleReader::new(&joints, Axes::YUp).unwrap()
}

fn angle(pose: &[[f32; 3]], name: &str) -> f32 {
    let place = ANGLE_NAMES.iter().position(|known| *known == name).unwrap();
    reader().read(pose, &[]).degrees[place]
}

fn close(pose: &[[f32; 3]], expected: &[(&str, f32)]) {
    for (name, expected) in expected {
        let found = angle(pose, name);
        assert!((found - expected).abs() < 0.1, "{name} is {found}, expected {expected}");
    }
}

/// Rotates the joints after `around` by degrees about an axis in the world.
fn turn(pose: &mut [[f32; 3]], around: &str, joints: &[&str], axis: [f32; 3], degrees: f32) {
    let centre = Vector::from(pose[H36M23.position(around).unwrap()]);
    let turn = Rotation3::from_scaled_axis(Vector::from(axis) * degrees.to_radians());
    for joint in joints {
        let point = &mut pose[H36M23.position(joint).unwrap()];
        *point = (turn * (Vector::from(*point) - centre) + centre).into();
    }
}

const X: [f32; 3] = [1.0, 0.0, 0.0];
const Y: [f32; 3] = [0.0, 1.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];

#[test]
fn upright_is_zero_and_straight_limbs_do_not_tell_their_rotation() {
    let pose = standing();
    let angles = reader().read(&pose, &[]);
    for (name, degrees) in ANGLE_NAMES.iter().zip(angles.degrees) {
        let is_undetermined = matches!(*name, "hip_rotation_r" | "hip_rotation_l" | "arm_rot_r" | "arm_rot_l");
        let expected = if *name == "pelvis_rotation" { -90.0 } else { 0.0 };
        assert!(if is_undetermined { degrees.is_nan() } else { (degrees - expected).abs() < 0.1 }, "{name}: {degrees}");
    }
    assert!(angles.sigma.iter().all(|sigma| sigma.is_nan()));
}

#[test]
fn legs() {
    let mut pose = standing();
    // The right thigh forward (about −x, for a person who faces +z), its shank back, the left leg out to the side.
    turn(&mut pose, "right_hip", &["right_knee", "right_ankle"], X, -40.0);
    turn(&mut pose, "right_knee", &["right_ankle"], X, 60.0);
    turn(&mut pose, "left_hip", &["left_knee", "left_ankle"], Z, 25.0);
    close(&pose, &[("hip_flexion_r", 40.0), ("knee_angle_r", 60.0), ("hip_adduction_r", 0.0), ("hip_rotation_r", 0.0)]);
    close(&pose, &[("hip_adduction_l", -25.0), ("knee_angle_l", 0.0), ("hip_flexion_l", 0.0)]);
}

#[test]
fn a_bent_knee_tells_the_rotation_of_its_thigh() {
    let mut pose = standing();
    turn(&mut pose, "right_knee", &["right_ankle"], X, 90.0);
    turn(&mut pose, "left_knee", &["left_ankle"], X, 90.0);
    // Toes in is a foot out, with the shank behind: the right leg turns to the left as seen from above.
    turn(&mut pose, "right_hip", &["right_ankle"], Y, 30.0);
    turn(&mut pose, "left_hip", &["left_ankle"], Y, -30.0);
    // The knee lies under the hip, so the thigh did not move.
    close(&pose, &[("hip_rotation_r", 30.0), ("hip_rotation_l", 30.0), ("hip_flexion_r", 0.0), ("knee_angle_r", 90.0)]);
}

#[test]
fn arms() {
    let mut pose = standing();
    turn(&mut pose, "right_elbow", &["right_wrist"], X, -90.0);
    turn(&mut pose, "right_shoulder", &["right_elbow", "right_wrist"], X, -30.0);
    turn(&mut pose, "left_shoulder", &["left_elbow", "left_wrist"], Z, 45.0);
    close(&pose, &[("arm_flex_r", 30.0), ("elbow_flex_r", 90.0), ("arm_rot_r", 0.0), ("arm_add_r", 0.0)]);
    close(&pose, &[("arm_add_l", -45.0), ("arm_flex_l", 0.0), ("elbow_flex_l", 0.0)]);
    turn(&mut pose, "left_shoulder", &["left_elbow", "left_wrist"], Z, 44.0);
    assert!(angle(&pose, "arm_flex_l").is_nan() && (angle(&pose, "arm_add_l") + 89.0).abs() < 0.1);
}

#[test]
fn trunk_and_neck() {
    let upper = ["left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"];
    let mut pose = standing();
    let above: Vec<&str> = upper.iter().copied().chain(["thorax", "neck_nose", "head"]).collect();
    // Bowing is negative extension.
    turn(&mut pose, "spine", &above, X, 35.0);
    close(&pose, &[("lumbar_extension", -35.0), ("lumbar_bending", 0.0), ("neck_flexion", 0.0), ("pelvis_tilt", 0.0)]);
    turn(&mut pose, "thorax", &["head"], X, 20.0);
    close(&pose, &[("neck_flexion", 20.0), ("neck_bending", 0.0)]);

    let mut pose = standing();
    turn(&mut pose, "spine", &above, Z, 15.0);
    close(&pose, &[("lumbar_bending", 15.0), ("lumbar_extension", 0.0)]);
    let mut pose = standing();
    turn(&mut pose, "spine", &above, Y, 25.0);
    close(&pose, &[("lumbar_rotation", 25.0), ("lumbar_extension", 0.0)]);
    let mut pose = standing();
    turn(&mut pose, "thorax", &["head"], Z, 10.0);
    close(&pose, &[("neck_bending", 10.0), ("neck_flexion", 0.0)]);
}

#[test]
fn the_camera_sees_the_same_angles() {
    let mut pose = standing();
    turn(&mut pose, "right_hip", &["right_knee", "right_ankle"], X, -40.0);
    let joints: Vec<String> = H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect();
    let camera: Vec<_> = pose.iter().map(|[x, y, z]| [*x, -y, -z]).collect();
    let read = AngleReader::new(&joints, Axes::Camera).unwrap().read(&camera, &[]);
    let expected = reader().read(&pose, &[]);
    for (name, (read, expected)) in ANGLE_NAMES.iter().zip(read.degrees.iter().zip(expected.degrees)) {
        assert!(read.is_nan() && expected.is_nan() || (read - expected).abs() < 1e-3, "{name}");
    }
    let missing = AngleReader::new(&joints[1..], Axes::Camera).unwrap_err().to_string();
    assert_eq!(missing, "joint angles need the joint 'hip', which the skeleton does not have");
}

#[test]
fn sigma_of_joints_becomes_that_of_angles() {
    let angles = reader().read(&standing(), &[0.02; 17]);
    let place = ANGLE_NAMES.iter().position(|known| *known == "knee_angle_r").unwrap();
    // Both segments of 0.43 m, each with 20 mm at both ends: √4 · 0.02 / 1.87 / 0.43 radians.
    assert!((angles.sigma[place] - (2.0f32 * 0.02 / 1.87 / 0.43).to_degrees()).abs() < 1e-3);
}

#[test]
fn whole_turns_are_undone() {
    let angles = |degrees: f32| Angles { degrees: vec![degrees; 24], sigma: vec![f32::NAN; 24] };
    let mut unwrapper = Unwrapper::default();
    let mut found = Vec::new();
    for degrees in [170.0, -175.0, f32::NAN, -160.0, 178.0] {
        let mut angles = angles(degrees);
        unwrapper.unwrap(&mut angles);
        found.push(angles.degrees[3]);
    }
    assert_eq!(found[..2], [170.0, 185.0]);
    assert!(found[2].is_nan());
    assert_eq!(found[3..], [200.0, 178.0]);
}
