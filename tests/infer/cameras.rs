//! `--camera`: cameras from calibration programs' files, through the real program.

use std::fmt::Write as _;
use std::path::PathBuf;

use poselift::camera::{Attitude, Camera, Distortion, Intrinsics, rotate};
use serde_json::Value;

use crate::program::{Bench, assert_code, feed, frames, poselift, stderr, stdout};

/// A person of 1.7 m in COCO's order, 0.25 m in front of the left leg with the right one; y up, facing +z.
const PERSON: [[f32; 3]; 17] = [
    [0.0, 1.57, 0.12],
    [0.03, 1.6, 0.1],
    [-0.03, 1.6, 0.1],
    [0.07, 1.58, 0.02],
    [-0.07, 1.58, 0.02],
    [0.18, 1.38, 0.0],
    [-0.18, 1.38, 0.0],
    [0.32, 1.15, 0.05],
    [-0.42, 1.3, 0.1],
    [0.3, 0.95, 0.2],
    [-0.55, 1.5, 0.2],
    [0.1, 0.9, 0.0],
    [-0.1, 0.9, 0.0],
    [0.12, 0.48, -0.02],
    [-0.12, 0.5, 0.2],
    [0.12, 0.06, -0.1],
    [-0.12, 0.08, 0.15],
];

const SIZE: [u32; 2] = [1280, 720];

/// A wide lens whose barrel distortion moves the image's edge by a fifth.
fn wide_lens() -> Intrinsics {
    let mut coefficients = [0.0; 14];
    coefficients[..5].copy_from_slice(&[-0.28, 0.09, 0.002, -0.001, -0.012]);
    Intrinsics {
        focal: [700.0; 2],
        centre: [640.0, 360.0],
        skew: 0.0,
        size: Some(SIZE),
        distortion: Distortion::Standard(coefficients),
    }
}

/// The person at some places in the room, as joints in the axes of a camera that looks down by `pitch` degrees from a
/// height of 1.4 m.
fn in_camera(pitch: f32) -> Vec<Vec<[f32; 3]>> {
    let attitude = Attitude { pitch: pitch.to_radians(), ..Attitude::default() };
    let places = [[0.0, 0.0, -3.0], [-1.6, 0.0, -2.6], [1.7, 0.0, -2.8]];
    let joint = |[x, y, z]: [f32; 3], place: [f32; 3]| {
        rotate(&attitude.camera_from_world(), [x + place[0], y + place[1] - 1.4, z + place[2]])
    };
    places.iter().map(|&place| PERSON.iter().map(|&point| joint(point, place)).collect()).collect()
}

/// JSON Lines of what `project` makes of the joints.
fn lines(people: &[Vec<[f32; 3]>], project: impl Fn([f32; 3]) -> [f64; 2]) -> String {
    let mut text = "{\"poselift\":1,\"kind\":\"keypoints\",\"layout\":\"coco17\",\"fps\":30}\n".to_owned();
    for (frame, joints) in people.iter().enumerate() {
        let points: Vec<[f64; 3]> = joints.iter().map(|joint| project(*joint)).map(|[x, y]| [x, y, 0.9]).collect();
        let points = serde_json::to_string(&points).unwrap();
        writeln!(text, "{{\"frame\":{frame},\"people\":[{{\"id\":0,\"keypoints\":{points}}}]}}").unwrap();
    }
    text
}

fn distorted(intrinsics: &Intrinsics) -> impl Fn([f32; 3]) -> [f64; 2] {
    move |joint| intrinsics.project(joint.map(f64::from)).unwrap()
}

fn pinhole(focal: f32) -> impl Fn([f32; 3]) -> [f64; 2] {
    let camera = Camera::with_focal(Some(focal), SIZE);
    move |joint| camera.project(joint).unwrap().map(f64::from)
}

/// The lens as Pose2Sim writes a camera that looks down by `pitch` degrees; a rotation by 90 degrees about x is level.
fn pose2sim(pitch: f32) -> String {
    let Distortion::Standard([k1, k2, p1, p2, k3, ..]) = wide_lens().distortion else { panic!("the lens's model") };
    let rotation = (90.0 + pitch).to_radians();
    let table = |name: &str| {
        format!(
            "[{name}]\nname = \"{name}\"\nsize = [ 1280.0, 720.0]\nmatrix = [ [ 700.0, 0.0, 640.0], [ 0.0, 700.0, 360.0], \
             [ 0.0, 0.0, 1.0]]\ndistortions = [ {k1}, {k2}, {p1}, {p2}, {k3}]\nrotation = [ {rotation}, 0.0, 0.0]\n\
             translation = [ 0.0, 1.4, 0.0]\nfisheye = false\n\n"
        )
    };
    table("left") + &table("right") + "[metadata]\nadjusted = false\nerror = 0.0\n"
}

/// The lens as OpenCV writes it.
fn opencv() -> &'static str {
    "%YAML:1.0\n---\nimage_width: 1280\nimage_height: 720\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   \
     data: [ 700., 0., 640., 0., 700., 360., 0., 0., 1. ]\ndistortion_coefficients: !!opencv-matrix\n   rows: 5\n   cols: 1\n   \
     dt: d\n   data: [ -0.28, 0.09, 0.002, -0.001, -0.012 ]\n"
}

fn write(bench: &Bench, name: &str, text: &str) -> PathBuf {
    let path = bench.path(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Lifted by the bundled model with `options`: each frame's only person.
fn lifted(input: &str, options: &[&str]) -> Vec<Vec<[f64; 3]>> {
    let output = feed(poselift().args(["run", "--device", "cpu"]).args(options), input);
    assert_code(&output, 0);
    let joints = |frame: &Value| serde_json::from_value(frame["people"][0]["joints"].clone()).unwrap();
    frames(&stdout(&output)).iter().map(joints).collect()
}

/// The largest distance between two poses' joints, metres.
fn apart(a: &[Vec<[f64; 3]>], b: &[Vec<[f64; 3]>]) -> f64 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    let distance = |(a, b): (&[f64; 3], &[f64; 3])| (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt();
    pairs.map(distance).fold(0.0, f64::max)
}

#[test]
fn a_camera_file_takes_the_lens_out_of_the_pose() {
    let bench = Bench::new();
    let people = in_camera(0.0);
    let file = write(&bench, "camera.yml", opencv());
    let seen = lines(&people, distorted(&wide_lens()));
    let expected = lifted(&lines(&people, pinhole(700.0)), &["--size", "1280x720", "--focal", "700"]);
    let undistorted = lifted(&seen, &["--camera", file.to_str().unwrap()]);
    let as_it_is = lifted(&seen, &["--size", "1280x720", "--focal", "700"]);
    assert!(apart(&undistorted, &expected) < 1e-3, "{} m", apart(&undistorted, &expected));
    // Without the file the lens bends people by centimetres.
    assert!(apart(&as_it_is, &expected) > 0.03, "{} m", apart(&as_it_is, &expected));
}

#[test]
fn the_files_rotation_gives_level_axes() {
    let bench = Bench::new();
    let people = in_camera(20.0);
    let file = write(&bench, "Calib.toml", &pose2sim(20.0));
    let seen = lines(&people, distorted(&wide_lens()));
    let by_file = ["--camera", file.to_str().unwrap(), "--camera-name", "left"];
    let output = feed(poselift().args(["run", "--device", "cpu"]).args(by_file), &seen);
    assert_code(&output, 0);
    assert!(stdout(&output).lines().next().unwrap().contains("\"axes\":\"level\""));
    let told = "camera left looks 20.0 degrees down, rolled by 0.0: poses come in level axes";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    let options = ["--size", "1280x720", "--focal", "700", "--pitch", "20"];
    let expected = lifted(&lines(&people, pinhole(700.0)), &options);
    assert!(apart(&lifted(&seen, &by_file), &expected) < 1e-3);
    // Roots too, which are found by where key points appear.
    let rooted = feed(poselift().args(["run", "--device", "cpu", "--root"]).args(by_file), &seen);
    assert_code(&rooted, 0);
    let expected =
        feed(poselift().args(["run", "--device", "cpu", "--root"]).args(options), &lines(&people, pinhole(700.0)));
    let root = |output| -> Vec<[f64; 3]> {
        let root = |frame: &Value| serde_json::from_value(frame["people"][0]["root"].clone()).unwrap();
        frames(&stdout(output)).iter().map(root).collect()
    };
    assert!(apart(&[root(&rooted)], &[root(&expected)]) < 2e-3);
}

#[test]
fn explicit_angles_overrule_the_file_and_it_is_said() {
    let bench = Bench::new();
    let people = in_camera(20.0);
    let file = write(&bench, "Calib.toml", &pose2sim(5.0));
    let seen = lines(&people, distorted(&wide_lens()));
    let options = ["--camera", file.to_str().unwrap(), "--camera-name", "right", "--pitch", "20"];
    let output = feed(poselift().args(["run", "--device", "cpu"]).args(options), &seen);
    assert!(
        stderr(&output).contains("camera right: --pitch and --roll overrule the file's rotation"),
        "{}",
        stderr(&output)
    );
    let plain = ["--size", "1280x720", "--focal", "700", "--pitch", "20"];
    assert!(apart(&lifted(&seen, &options), &lifted(&lines(&people, pinhole(700.0)), &plain)) < 1e-3);
}

#[test]
fn a_turned_image_is_undistorted_before_it_is_turned() {
    let bench = Bench::new();
    let people = in_camera(20.0);
    // The camera lies on its side: its image shows people with their heads to the right.
    let on_its_side = |[x, y, z]: [f32; 3]| [-y, x, z];
    let turned: Vec<Vec<[f32; 3]>> =
        people.iter().map(|joints| joints.iter().map(|&at| on_its_side(at)).collect()).collect();
    // The rotation of the upright camera, about x by 110 degrees, and then that of the image.
    let (sin, cos) = 20f64.to_radians().sin_cos();
    let rotation = format!("[ [ 0.0, {sin}, {cos}], [ 1.0, 0.0, 0.0], [ 0.0, {cos}, {}]]", -sin);
    let text =
        pose2sim(20.0).replace(&format!("[ {}, 0.0, 0.0]\ntrans", 110f32.to_radians()), &format!("{rotation}\ntrans"));
    assert!(text.contains(&rotation));
    let file = write(&bench, "Calib.toml", &text);
    let seen = lines(&turned, distorted(&wide_lens()));
    let options = ["--camera", file.to_str().unwrap(), "--camera-name", "left", "--rotate", "270"];
    let plain = ["--size", "1280x720", "--focal", "700", "--pitch", "20"];
    let expected = lifted(&lines(&people, pinhole(700.0)), &plain);
    let upright = lifted(&seen, &options);
    assert!(apart(&upright, &expected) < 1e-3, "{} m", apart(&upright, &expected));
}

#[test]
fn images_of_another_resolution_are_scaled_and_of_another_shape_refused() {
    let bench = Bench::new();
    let people = in_camera(0.0);
    let file = write(&bench, "camera.yml", opencv());
    let whole = lines(&people, distorted(&wide_lens()));
    let half = lines(&people, |joint| distorted(&wide_lens())(joint).map(|pixel| pixel / 2.0));
    let camera = file.to_str().unwrap();
    let output = feed(poselift().args(["run", "--device", "cpu", "--camera", camera, "--size", "640x360"]), &half);
    assert_code(&output, 0);
    let told = "images of 640x360, calibrated with 1280x720: the camera is scaled";
    assert_eq!(stderr(&output).matches(told).count(), 1, "{}", stderr(&output));
    let scaled = lifted(&half, &["--camera", camera, "--size", "640x360"]);
    assert!(apart(&scaled, &lifted(&whole, &["--camera", camera])) < 1e-4);
    let refused = feed(poselift().args(["run", "--device", "cpu", "--camera", camera, "--size", "640x480"]), &half);
    assert_code(&refused, 2);
    let told = "the camera was calibrated with images of 1280x720, and these are 640x480, expected the same shape";
    assert!(stderr(&refused).contains(told), "{}", stderr(&refused));
}

#[test]
fn inputs_whose_names_tell_their_cameras_are_each_lifted_by_their_own() {
    let bench = Bench::new();
    let calibration = write(&bench, "Calib.toml", &pose2sim(20.0));
    let seen = lines(&in_camera(20.0), distorted(&wide_lens()));
    let (left, right) = (write(&bench, "walk_left.jsonl", &seen), write(&bench, "walk-right.jsonl", &seen));
    let out = bench.path("poses");
    let mut command = poselift();
    command.args(["run", "--device", "cpu"]).args([&left, &right]).arg("-o").arg(&out);
    let output = command.arg("--camera").arg(&calibration).stdin(std::process::Stdio::null()).output().unwrap();
    assert_code(&output, 0);
    for camera in ["left", "right"] {
        let told = format!("camera {camera} looks 20.0 degrees down");
        assert!(stderr(&output).contains(&told), "{}", stderr(&output));
    }
    // A name without a camera's in it is asked about.
    let other = write(&bench, "walk_leftmost.jsonl", &seen);
    let mut command = poselift();
    command.args(["run", "--device", "cpu"]).arg(&other).arg("--camera").arg(&calibration);
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("holds 2 cameras: left, right, expected one"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_used_is_said() {
    let bench = Bench::new();
    let seen = lines(&in_camera(0.0), distorted(&wide_lens()));
    let file = write(&bench, "Calib.toml", &pose2sim(0.0));
    let camera = file.to_str().unwrap();
    let refused = |options: &[&str]| {
        let output = feed(poselift().arg("run").args(options), &seen);
        assert_code(&output, 2);
        stderr(&output)
    };
    let several = refused(&["--camera", camera]);
    assert!(several.contains("Calib.toml: holds 2 cameras: left, right, expected one"), "{several}");
    assert!(several.contains("--camera-name"), "{several}");
    let unknown = refused(&["--camera", camera, "--camera-name", "top"]);
    assert!(unknown.contains("no camera is named 'top', expected one of left, right"), "{unknown}");
    let both = refused(&["--camera", camera, "--focal", "700"]);
    assert!(both.contains("cannot be used with"), "{both}");
    assert!(refused(&["--camera-name", "left"]).contains("--camera"));
    let absent = refused(&["--camera", "nowhere.toml"]);
    assert!(absent.contains("nowhere.toml: cannot read"), "{absent}");
    let no_size = write(&bench, "sizeless.json", "{\"K\": [[700, 0, 640], [0, 700, 360], [0, 0, 1]]}");
    let sizeless = refused(&["--camera", no_size.to_str().unwrap()]);
    assert!(sizeless.contains("neither the camera file nor the input says the image's size"), "{sizeless}");
    let no_up = write(&bench, "no_up.toml", &pose2sim(0.0).replace("[metadata]", "[other]"));
    let output = feed(
        poselift().args(["run", "--device", "cpu", "--camera", no_up.to_str().unwrap(), "--camera-name", "left"]),
        &seen,
    );
    assert!(stderr(&output).contains("does not say which way is up"), "{}", stderr(&output));
    assert!(stdout(&output).contains("\"axes\":\"camera\""));
    let output = feed(
        poselift()
            .args(["run", "--device", "cpu", "--camera", no_up.to_str().unwrap(), "--camera-name", "left"])
            .args(["--camera-up", "-z"]),
        &seen,
    );
    assert!(stderr(&output).contains("rolled by"), "{}", stderr(&output));
}
