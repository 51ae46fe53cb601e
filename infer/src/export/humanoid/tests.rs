use approx::assert_relative_eq;

use super::*;
use crate::pose::{Axes, Unit};
use crate::skeleton::{H36M17, H36M23};

fn info() -> PoseInfo {
    PoseInfo {
        skeleton: "h36m17".into(),
        joints: H36M17.joints.iter().map(|joint| (*joint).to_owned()).collect(),
        parents: vec![-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15],
        unit: Unit::Metres,
        axes: Axes::Camera,
        fps: None,
        stature: None,
        is_level: None,
        model: "m".into(),
    }
}

/// How high the ankles of [`t_pose`] are: 0.039 / 0.45 of its legs of 0.9 m.
const ANKLE: f32 = 0.078;

/// In camera axes, in a T that faces the camera.
fn t_pose() -> LiftedPerson {
    let joints = [
        [0.0, 0.0, 0.0],
        [-0.13, 0.0, 0.0],
        [-0.13, 0.45, 0.0],
        [-0.13, 0.9, 0.0],
        [0.13, 0.0, 0.0],
        [0.13, 0.45, 0.0],
        [0.13, 0.9, 0.0],
        [0.0, -0.25, 0.0],
        [0.0, -0.5, 0.0],
        [0.0, -0.59, -0.04359],
        [0.0, -0.68, 0.0],
        [0.15, -0.5, 0.0],
        [0.4, -0.5, 0.0],
        [0.65, -0.5, 0.0],
        [-0.15, -0.5, 0.0],
        [-0.4, -0.5, 0.0],
        [-0.65, -0.5, 0.0],
    ];
    LiftedPerson { joints: joints.to_vec(), ..LiftedPerson::default() }
}

fn bone(bones: &[HumanoidBone], name: &str) -> HumanoidBone {
    *bones.iter().find(|bone| bone.name == name).unwrap()
}

#[test]
fn the_rest_pose_has_no_rotations_and_stands_on_the_ground() {
    let mut humanoid = Humanoid::new(&info()).unwrap();
    let bones = humanoid.bones(&t_pose());
    for bone in bones {
        assert_relative_eq!(bone.rotation[..], [0.0, 0.0, 0.0, 1.0][..], epsilon = 1e-3);
    }
    assert_relative_eq!(bone(bones, "Hips").position[..], [0.0, 0.9 + ANKLE, 0.0][..], epsilon = 1e-6);
    assert_relative_eq!(bone(bones, "RightUpperArm").position[..], [0.15, 0.25, 0.0][..], epsilon = 1e-6);
    assert_relative_eq!(bone(bones, "LeftLowerLeg").position[..], [0.0, -0.45, 0.0][..], epsilon = 1e-6);
}

#[test]
fn a_lowered_and_a_forward_arm_turn_as_they_do_in_unity() {
    let mut person = t_pose();
    // The right arm straight down, the left forearm straight towards the camera.
    person.joints[15] = [-0.15, -0.25, 0.0];
    person.joints[16] = [-0.15, 0.0, 0.0];
    person.joints[13] = [0.4, -0.5, -0.25];
    let mut humanoid = Humanoid::new(&info()).unwrap();
    let bones = humanoid.bones(&person);
    let half = 0.5_f32.sqrt();
    // Unity turns clockwise as seen from the tip of an axis: from +x to -y about -z, from -x to +z about +y.
    assert_relative_eq!(bone(bones, "RightUpperArm").rotation[..], [0.0, 0.0, -half, half][..], epsilon = 1e-3);
    assert_relative_eq!(bone(bones, "LeftLowerArm").rotation[..], [0.0, half, 0.0, half][..], epsilon = 1e-3);
}

#[test]
fn hips_follow_the_root_and_sink_with_bent_knees() {
    let mut humanoid = Humanoid::new(&info()).unwrap();
    let mut person = t_pose();
    person.root = Some([1.0, 0.3, 4.0]);
    humanoid.bones(&person);
    person.root = Some([1.5, 0.3, 3.0]);
    for ankle in [3, 6] {
        person.joints[ankle][1] = 0.6;
    }
    let bones = humanoid.bones(&person);
    // To the camera's right is the person's left, Unity's -x; towards the camera is forward.
    assert_relative_eq!(bone(bones, "Hips").position[..], [-0.5, 0.6 + ANKLE, 1.0][..], epsilon = 1e-6);
}

#[test]
fn trackers_sit_on_the_joints_and_turn_with_the_bones() {
    let mut person = t_pose();
    // The left forearm straight towards the camera: its -x points to +z, a turn by 90 degrees about y.
    person.joints[13] = [0.4, -0.5, -0.25];
    let mut humanoid = Humanoid::new(&info()).unwrap();
    let trackers = humanoid.trackers(&person);
    let named = |name: &str| *trackers.iter().find(|tracker| tracker.name == name).unwrap();
    assert_relative_eq!(named("1").position[..], [0.0, 0.9 + ANKLE, 0.0][..], epsilon = 1e-6);
    assert_relative_eq!(named("4").position[..], [0.13, ANKLE, 0.0][..], epsilon = 1e-6);
    assert_relative_eq!(named("7").position[..], [-0.4, 1.4 + ANKLE, 0.0][..], epsilon = 1e-6);
    assert_relative_eq!(named("7").degrees[..], [0.0, 90.0, 0.0][..], epsilon = 1e-3);
    assert_relative_eq!(named("head").position[..], [0.0, 1.49 + ANKLE, 0.04359][..], epsilon = 1e-5);
}

#[test]
fn feet_turn_where_there_are_toes() {
    let mut info = info();
    info.joints = H36M23.joints.iter().map(|joint| (*joint).to_owned()).collect();
    info.parents = H36M23.parents.to_vec();
    let mut person = t_pose();
    // In camera axes, facing the camera: the left foot level, the right one with its toes down by a right angle.
    person.joints.extend([[0.1, 0.97, -0.2], [0.16, 0.97, -0.2], [0.13, 0.97, 0.05]]);
    person.joints.extend([[-0.1, 1.1, 0.07], [-0.16, 1.1, 0.07], [-0.13, 0.85, 0.07]]);
    let mut humanoid = Humanoid::new(&info).unwrap();
    let bones = humanoid.bones(&person);
    assert_relative_eq!(bone(bones, "LeftFoot").rotation[..], [0.0, 0.0, 0.0, 1.0][..], epsilon = 1e-3);
    // Unity turns clockwise as seen from the tip of an axis: from +z to -y about +x.
    let half = 0.5_f32.sqrt();
    assert_relative_eq!(bone(bones, "RightFoot").rotation[..], [half, 0.0, 0.0, half][..], epsilon = 1e-3);
    let trackers = humanoid.trackers(&person);
    let right = trackers.iter().find(|tracker| tracker.name == "4").unwrap();
    assert_relative_eq!(right.degrees[0], 90.0, epsilon = 0.1);
    assert_relative_eq!(right.position[..], [0.13, ANKLE, 0.0][..], epsilon = 1e-6);
}

#[test]
fn degrees_are_turns_about_z_then_x_then_y() {
    let about = |axis: nalgebra::Unit<Vector>, degrees: f64| Rotation3::from_axis_angle(&axis, degrees.to_radians());
    let [x, y, z] = [Vector::x_axis(), Vector::y_axis(), Vector::z_axis()];
    let unity = about(y, 40.0) * about(x, -25.0) * about(z, 130.0);
    let mirror = Rotation::from_diagonal(&Vector::new(-1.0, 1.0, 1.0));
    let found = unity_degrees(mirror * unity.matrix() * mirror);
    assert_relative_eq!(found[..], [-25.0, 40.0, 130.0][..], epsilon = 1e-3);
}

#[test]
fn other_skeletons_are_refused() {
    let mut other = info();
    other.joints[2] = "right_something".into();
    let message = Humanoid::new(&other).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("expected a whole body"), "{message}");
}
