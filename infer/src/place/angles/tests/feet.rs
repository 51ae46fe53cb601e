//! Angles of ankles.

use super::*;

const RIGHT_FOOT: [&str; 3] = ["right_big_toe", "right_small_toe", "right_heel"];
const LEFT_FOOT: [&str; 3] = ["left_big_toe", "left_small_toe", "left_heel"];

/// As [`standing`], on level soles.
fn on_feet() -> Vec<[f32; 3]> {
    let foot = |side: f32| [[0.09 * side, -0.93, 0.2], [0.17 * side, -0.93, 0.14], [0.13 * side, -0.93, -0.05]];
    [standing(), foot(1.0).to_vec(), foot(-1.0).to_vec()].concat()
}

fn names(skeleton: &[&str]) -> Vec<String> {
    skeleton.iter().map(|&joint| joint.to_owned()).collect()
}

fn reader_of_feet() -> AngleReader {
    AngleReader::new(&names(H36M23.joints), Axes::YUp).unwrap()
}

fn feet_are(pose: &[[f32; 3]], expected: &[(&str, f32)]) {
    let reader = reader_of_feet();
    let found = reader.read(pose, &[]).degrees;
    for (name, expected) in expected {
        let found = found[reader.names().iter().position(|known| known == name).unwrap()];
        assert!((found - expected).abs() < 0.1, "{name} is {found}, expected {expected}");
    }
}

#[test]
fn level_soles_are_zero_and_leave_the_other_angles_as_they_are() {
    let feet = [("ankle_angle_r", 0.0), ("ankle_angle_l", 0.0), ("subtalar_angle_r", 0.0), ("subtalar_angle_l", 0.0)];
    feet_are(&on_feet(), &feet);
    let mut pose = on_feet();
    turn(&mut pose, "left_hip", &["left_knee", "left_ankle"], X, -30.0);
    let with_feet = reader_of_feet().read(&pose, &[]);
    let without = reader().read(&pose[..17], &[]);
    let mut others =
        reader_of_feet().names().iter().zip(with_feet.degrees).filter(|(name, _)| ANGLE_NAMES.contains(name));
    for (name, degrees) in ANGLE_NAMES.iter().zip(without.degrees) {
        let (other, found) = others.next().unwrap();
        assert!(
            other == name && (found == degrees || found.is_nan() && degrees.is_nan()),
            "{name}: {found}, {degrees}"
        );
    }
}

#[test]
fn toes_up_are_dorsiflexion_and_soles_inwards_inversion() {
    let mut pose = on_feet();
    turn(&mut pose, "right_ankle", &RIGHT_FOOT, X, -20.0);
    turn(&mut pose, "left_ankle", &LEFT_FOOT, X, 30.0);
    feet_are(&pose, &[("ankle_angle_r", 20.0), ("ankle_angle_l", -30.0)]);
    feet_are(&pose, &[("subtalar_angle_r", 0.0), ("subtalar_angle_l", 0.0)]);

    // For a person who faces +z, both soles to the person's left: inwards on the right, outwards on the left.
    let mut pose = on_feet();
    turn(&mut pose, "right_ankle", &RIGHT_FOOT, Z, 15.0);
    turn(&mut pose, "left_ankle", &LEFT_FOOT, Z, 15.0);
    feet_are(&pose, &[("ankle_angle_r", 0.0), ("subtalar_angle_r", 15.0), ("subtalar_angle_l", -15.0)]);
    // Toes out and a leg that moves as a whole change neither.
    turn(&mut pose, "right_ankle", &RIGHT_FOOT, X, -10.0);
    turn(&mut pose, "right_ankle", &RIGHT_FOOT, Y, -25.0);
    turn(&mut pose, "right_hip", &[&["right_knee", "right_ankle"][..], &RIGHT_FOOT].concat(), [0.6, 0.0, 0.8], 35.0);
    turn(&mut pose, "right_knee", &[&["right_ankle"][..], &RIGHT_FOOT].concat(), X, 50.0);
    feet_are(&pose, &[("ankle_angle_r", 10.0), ("subtalar_angle_r", 15.0)]);
}

#[test]
fn without_a_small_toe_inversion_is_unknown() {
    let mut joints = names(H36M23.joints);
    joints[21] = "right_arch".into();
    let reader = AngleReader::new(&joints, Axes::YUp).unwrap();
    let mut pose = on_feet();
    turn(&mut pose, "right_ankle", &RIGHT_FOOT, X, -20.0);
    let angles = reader.read(&pose, &[0.02; 23]);
    // In their order after the knee.
    assert!((angles.degrees[7] - 20.0).abs() < 0.5 && angles.sigma[7].is_finite(), "{angles:?}");
    assert!(angles.degrees[8].is_nan() && angles.sigma[8].is_nan() && angles.degrees[14].abs() < 0.1, "{angles:?}");
}

#[test]
fn feet_that_show_no_sole_have_no_inversion() {
    let mut pose = on_feet();
    turn(&mut pose, "right_ankle", &RIGHT_FOOT, X, 85.0);
    // Toes behind each other.
    pose[18] = [0.1, -0.93, 0.15];
    let angles = reader_of_feet().read(&pose, &[]);
    assert!(angles.degrees[8].is_nan() && angles.degrees[14].is_nan(), "{angles:?}");
    assert!((angles.degrees[7] + 85.0).abs() < 0.1);
}

#[test]
fn sigma_of_a_foot_is_that_of_heel_toes_and_shank() {
    let angles = reader_of_feet().read(&on_feet(), &[0.02; 23]);
    let deviation = |ends: f32, length: f32| ends * 0.02 / 1.87 / length;
    let shank = deviation(2.0f32.sqrt(), 0.43);
    // The middle of two toes has half of their sigma's square; heel to toes is 0.22 m, toe to toe 0.1 m.
    let ankle = deviation(1.5f32.sqrt(), 0.22).hypot(shank).to_degrees();
    let subtalar = deviation(2.0f32.sqrt(), 0.1).hypot(shank).to_degrees();
    assert!((angles.sigma[7] - ankle).abs() < 1e-3, "{} and {ankle}", angles.sigma[7]);
    assert!((angles.sigma[8] - subtalar).abs() < 1e-3, "{} and {subtalar}", angles.sigma[8]);
}
