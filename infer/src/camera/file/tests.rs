use super::*;
use crate::camera::Distortion;

/// As Pose2Sim writes it: two cameras, of which the first looks down by 20 degrees, the second is level and rolled.
const POSE2SIM: &str = r#"
[cam_01]
name = "cam_01"
size = [ 1088.0, 1920.0]
matrix = [ [ 1680.5, 0.0, 533.25], [ 0.0, 1681.0, 948.5], [ 0.0, 0.0, 1.0]]
distortions = [ -0.1, 0.02, 1e-05, -2e-05]
rotation = [ 1.9198621771937625, 0.0, 0.0]
translation = [ 0.3, 0.9, 2.8]
fisheye = false

[side]
name = "side"
size = [ 1088.0, 1920.0]
matrix = [ [ 1673.0, 0.0, 534.0], [ 0.0, 1673.5, 963.0], [ 0.0, 0.0, 1.0]]
distortions = [ 0.0, 0.0, 0.0, 0.0]
rotation = [ [ 0.8, 0.0, -0.6], [ -0.6, 0.0, -0.8], [ 0.0, 1.0, 0.0]]
translation = [ -0.1, 0.7, 3.0]
fisheye = false

[metadata]
adjusted = false
error = 0.0
"#;

/// As Anipose writes it: fisheyes, trailing commas, a world that is the first camera's.
const ANIPOSE: &str = r#"
[cam_0]
name = "A"
size = [ 1280, 720,]
matrix = [ [ 822.5, 0.0, 639.5,], [ 0.0, 822.5, 359.5,], [ 0.0, 0.0, 1.0,],]
distortions = [ -0.06, 0.0, 0.0, 0.0,]
rotation = [ 0.0145, 0.1363, 0.0091,]
translation = [ -94.2, 8.7, -97.2,]
fisheye = true

[cam_1]
name = "B"
size = [ 1280, 720,]
matrix = [ [ 851.5, 0.0, 639.5,], [ 0.0, 851.5, 359.5,], [ 0.0, 0.0, 1.0,],]
distortions = [ -0.1, 0.0, 0.0, 0.0, 0.0,]
rotation = [ -0.0083, -0.6823, 0.0156,]
translation = [ 318.9, 10.3, -18.8,]

[metadata]
adjusted = false
error = 0.26
"#;

/// As Caliscope writes it.
const CALISCOPE: &str = r#"
[cameras.1]
port = 1
rotation_count = 0
error = 0.31
exposure = "null"
size = [1920, 1080]
matrix = [[1121.0, 0.0, 943.5], [0.0, 1120.0, 532.0], [0.0, 0.0, 1.0]]
distortions = [0.073, -0.102, -0.0003, 0.000006, 0.0418]
translation = [-0.2, 0.1, 1.9]
rotation = [1.4, 1.04, -0.93]

[cameras.2]
port = 2
rotation_count = 0
size = [1920, 1080]
matrix = "null"
"#;

/// What `cv2.FileStorage` of OpenCV 4 wrote, with the directive of its time.
const OPENCV_YAML: &str = "%YAML:1.0\n---\nimage_width: 1280\nimage_height: 720\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   \
data: [ 1.1005e+03, 0., 655.25, 0., 1098., 350.5,\n       0., 0., 1. ]\ndistortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 5\n   dt: d\n   data: [ -0.31, 0.12, \
0.001, -0.00050000000000000001, -0.02 ]\navg_reprojection_error: .Nan\nextrinsic_parameters: !!opencv-matrix\n   rows: 1\n   cols: 6\n   dt: d\n   data: [ 1., 2., 3., 4., 5., 6. ]\n";

/// The same as JSON, whose `.Nan` no JSON parser reads.
const OPENCV_JSON: &str = r#"{
    "image_width": 1280,
    "image_height": 720,
    "camera_matrix": {
        "type_id": "opencv-matrix",
        "rows": 3,
        "cols": 3,
        "dt": "d",
        "data": [ 1100.5, 0.0, 655.25, 0.0, 1098.0, 350.5, 0.0, 0.0, 1.0 ]
    },
    "distortion_coefficients": {
        "type_id": "opencv-matrix",
        "rows": 1,
        "cols": 5,
        "dt": "d",
        "data": [ -0.31, 0.12, 0.001, -0.00050000000000000001, -0.02 ]
    },
    "avg_reprojection_error": .Nan
}"#;

fn parse(text: &str) -> CameraFile {
    CameraFile::parse(text.as_bytes()).unwrap()
}

fn error(text: &str) -> String {
    CameraFile::parse(text.as_bytes()).unwrap_err().to_string()
}

/// Degrees down and clockwise.
fn held(camera: &NamedCamera) -> [f32; 2] {
    let attitude = camera.attitude(None).unwrap();
    [attitude.pitch, attitude.roll].map(f32::to_degrees)
}

#[test]
fn pose2sims_cameras_know_which_way_is_up() {
    let file = parse(POSE2SIM);
    let first = file.camera(Some("cam_01")).unwrap();
    assert_eq!(first.intrinsics.focal, [1680.5, 1681.0]);
    assert_eq!(first.intrinsics.centre, [533.25, 948.5]);
    assert_eq!(first.intrinsics.size, Some([1088, 1920]));
    let mut coefficients = [0.0; 14];
    coefficients[..4].copy_from_slice(&[-0.1, 0.02, 1e-5, -2e-5]);
    assert_eq!(first.intrinsics.distortion, Distortion::Standard(coefficients));
    // A turn by 90 degrees about x makes a level camera of a world with z up; this one goes on by 20.
    let [pitch, roll] = held(first);
    assert!((pitch - 20.0).abs() < 1e-3 && roll.abs() < 1e-3, "{pitch} {roll}");
    let side = file.camera(Some("side")).unwrap();
    assert_eq!(side.intrinsics.distortion, Distortion::None);
    // Up is at (−0.6, −0.8, 0) in its axes.
    let [pitch, roll] = held(side);
    assert!(pitch.abs() < 1e-3 && (roll - 36.87).abs() < 1e-2, "{pitch} {roll}");
}

#[test]
fn aniposes_cameras_have_two_names_and_no_up() {
    let file = parse(ANIPOSE);
    let first = file.camera(Some("A")).unwrap();
    assert_eq!(Some(first), file.camera(Some("cam_0")).ok());
    assert_eq!(first.intrinsics.distortion, Distortion::Fisheye([-0.06, 0.0, 0.0, 0.0]));
    assert!(matches!(file.camera(Some("B")).unwrap().intrinsics.distortion, Distortion::Standard(_)));
    assert_eq!(first.attitude(None), None);
    assert!(first.camera_from_world.is_some());
    // The first camera's y points down.
    let attitude = first.attitude(Some(UpAxis::MinusY)).unwrap();
    assert!(attitude.pitch.to_degrees().abs() < 2.0 && attitude.roll.to_degrees().abs() < 2.0, "{attitude:?}");
    // FreeMoCap says that the board lay on the floor.
    let grounded = parse(&ANIPOSE.replace("error = 0.26", "groundplane_calibration = true"));
    assert_eq!(grounded.cameras[0].up, Some(UpAxis::Z));
    let held_up = parse(&ANIPOSE.replace("error = 0.26", "groundplane_calibration = false"));
    assert_eq!(held_up.cameras[0].up, None);
}

#[test]
fn caliscopes_cameras_without_a_calibration_are_left_out() {
    let file = parse(CALISCOPE);
    let only = file.camera(None).unwrap();
    assert_eq!((only.name.as_str(), only.up), ("1", Some(UpAxis::Z)));
    let [pitch, roll] = held(only);
    assert!((pitch - 4.9).abs() < 1.0 && roll.abs() < 2.0, "{pitch} {roll}");
    // Before an origin was set the world is that of a camera.
    let unset = parse(&CALISCOPE.replace("[1.4, 1.04, -0.93]", "[0.0, 0.0, 0.0]"));
    assert_eq!(unset.camera(None).unwrap().attitude(None), None);
}

#[test]
fn opencvs_yaml_and_json_are_the_same_camera() {
    let yaml = parse(OPENCV_YAML);
    let camera = yaml.camera(None).unwrap();
    assert_eq!(camera.intrinsics.focal, [1100.5, 1098.0]);
    assert_eq!(camera.intrinsics.size, Some([1280, 720]));
    let Distortion::Standard(coefficients) = camera.intrinsics.distortion else { panic!("{camera:?}") };
    assert_eq!(coefficients[..6], [-0.31, 0.12, 0.001, -0.0005, -0.02, 0.0]);
    assert_eq!(camera.camera_from_world, None);
    assert_eq!(yaml, parse(OPENCV_JSON));
    assert_eq!(yaml, parse(&OPENCV_YAML.replace("%YAML:1.0", "%YAML 1.2")));
    let tabbed = OPENCV_JSON.replace("    ", "\t").replace(".Nan", "0.1");
    assert_eq!(yaml, parse(&tabbed));
}

#[test]
fn other_names_of_the_same_things_are_known() {
    let ros = "image_width: 800\nimage_height: 600\ncamera_name: head\ncamera_matrix:\n  rows: 3\n  cols: 3\n  data: [538, 0, 457, 0, 539, 297, 0, 0, 1]\n\
               distortion_model: equidistant\ndistortion_coefficients:\n  rows: 1\n  cols: 4\n  data: [-0.03, 0.01, 0, 0]\n\
               R: [1, 0, 0, 0, 1, 0, 0, 0, 1]\nP: [538, 0, 457, 0, 0, 539, 297, 0, 0, 0, 1, 0]\n";
    let file = parse(ros);
    assert_eq!(file.cameras[0].name, "head");
    assert_eq!(file.cameras[0].intrinsics.distortion, Distortion::Fisheye([-0.03, 0.01, 0.0, 0.0]));
    assert_eq!(file.cameras[0].camera_from_world, None);
    let list = r#"{"cameras":[{"name":"00_00","resolution":[1920,1080],"K":[[1500,0.5,950],[0,1500,540],[0,0,1]],"distCoef":[0,0,0,0,0],
        "R":[[1,0,0],[0,1,0],[0,0,1]]},{"K":[[1500,0,950],[0,1500,540],[0,0,1]]}]}"#;
    let file = parse(list);
    assert_eq!(file.cameras.iter().map(|camera| camera.name.as_str()).collect::<Vec<_>>(), ["00_00", "1"]);
    assert_eq!((file.cameras[0].intrinsics.skew, file.cameras[1].intrinsics.size), (0.5, None));
    let easymocap = "%YAML:1.0\n---\nnames:\n  - \"left\"\nK_left: !!opencv-matrix\n  rows: 3\n  cols: 3\n  dt: d\n  data: [900, 0, 512, 0, 900, 512, 0, 0, 1]\n\
                     dist_left: !!opencv-matrix\n  rows: 1\n  cols: 5\n  dt: d\n  data: [0.1, 0, 0, 0, 0]\nH_left: 1024\nW_left: 1000\n";
    let file = parse(easymocap);
    let camera = file.camera(Some("left")).unwrap();
    assert_eq!((camera.intrinsics.size, camera.intrinsics.focal), (Some([1000, 1024]), [900.0; 2]));
    assert!(matches!(camera.intrinsics.distortion, Distortion::Standard([0.1, ..])));
}

#[test]
fn of_several_cameras_one_must_be_named() {
    let file = parse(POSE2SIM);
    let unnamed = file.camera(None).unwrap_err();
    assert_eq!(unnamed.to_string(), "holds 2 cameras: cam_01, side, expected one");
    assert!(unnamed.hint_text().unwrap().contains("--camera-name"));
    let unknown = file.camera(Some("front")).unwrap_err().to_string();
    assert_eq!(unknown, "no camera is named 'front', expected one of cam_01, side");
    let twins = parse(&POSE2SIM.replace("name = \"side\"", "name = \"cam_01\""));
    assert!(twins.camera(Some("cam_01")).unwrap_err().to_string().contains("several cameras are named"));
    assert!(twins.camera(Some("side")).is_ok());
}

#[test]
fn what_is_no_camera_is_named() {
    let with = |from: &str, to: &str| {
        let text = POSE2SIM.replacen(from, to, 1);
        assert_ne!(text, POSE2SIM);
        error(&text)
    };
    assert!(with("[ 0.0, 0.0, 1.0]]", "[ 0.0, 2.0, 1.0]]").contains("camera cam_01: the camera matrix is"));
    assert!(with("1680.5", "-3.0").contains("the focal lengths are -3 and 1681, expected pixels above 0"));
    assert!(with("1680.5", "nan").contains("the camera matrix holds 'NaN', expected numbers"));
    assert!(with("[ 1088.0, 1920.0]", "[ 1088.5, 1920.0]").contains("the image size is [1088.5, 1920.0]"));
    assert!(with("-2e-05]", "0, 0, 0]").contains("distortion has 6 numbers, expected OpenCV's 4, 5, 8, 12 or 14"));
    assert!(with("[ 0.8, 0.0, -0.6]", "[ 0.9, 0.0, -0.6]").contains("expected a rotation without a mirror"));
    assert!(with("[ 1.9198621771937625, 0.0, 0.0]", "[ 1.0, 2.0]").contains("the rotation has 2 numbers"));
    assert!(with("fisheye = false", "fisheye = ").starts_with(":9: no TOML"));
    assert!(with("-0.1, 0.02, 1e-05, -2e-05", "-0.1, 'x', 0, 0").contains("distortion holds 'x'"));
    for (text, expected) in [
        ("", "no camera file, expected one in TOML, YAML or JSON"),
        ("K\n", "no camera file"),
        ("<?xml version=\"1.0\"?>", "XML, expected"),
        ("{\"a\": [1, 2}", "no JSON"),
        ("a: [1, 2\nb: 3\n", "no YAML"),
        ("a: &x 1\nb: *x\n", ":2: a YAML alias, expected plain values"),
        ("a: 1\n", "no camera in it, expected a camera matrix"),
        ("[tool]\nsize = [1, 2]\n", "no camera in it"),
        ("{\"K\": [1, 2]}", "the camera matrix has 2 numbers, expected 3 rows of 3"),
        ("? [1]\n: 2\n", "YAML"),
    ] {
        assert!(error(text).contains(expected), "{text}: {}", error(text));
    }
    let deep = format!("{{\"K\": {}1{}, .Nan: 1}}", "[".repeat(5000), "]".repeat(5000));
    assert!(error(&deep).contains("no JSON"));
    assert!(CameraFile::parse(b"a: 1\nb: \xff").unwrap_err().to_string().starts_with(":2: bytes that are no UTF-8"));
}

#[test]
fn axes_have_names() {
    for axis in ["x", "-x", "y", "-y", "z", "-z"] {
        assert_eq!(axis.parse::<UpAxis>().unwrap().to_string(), axis);
    }
    assert!("up".parse::<UpAxis>().unwrap_err().to_string().contains("expected x, -x"));
}
