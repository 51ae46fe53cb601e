//! Any bytes as a camera file: cameras whose lenses give back what they show.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poselift::camera::{CameraFile, NamedCamera, Undistorter, UpAxis};
use poselift_fuzz::{bounded, is_about_input, seeds_folder};

const SEEDS: [(&str, &str); 5] = [
    (
        "pose2sim.toml",
        "[cam_01]\nname = \"cam_01\"\nsize = [ 1088.0, 1920.0]\nmatrix = [ [ 1680.5, 0.0, 533.0], [ 0.0, 1681.0, 948.5], [ 0.0, 0.0, 1.0]]\n\
         distortions = [ -0.1, 0.02, 1e-05, -2e-05]\nrotation = [ 1.9, 0.0, 0.0]\ntranslation = [ 0.3, 0.9, 2.8]\nfisheye = false\n\n\
         [metadata]\nadjusted = false\nerror = 0.0\n",
    ),
    (
        "caliscope.toml",
        "[cameras.1]\nport = 1\nrotation_count = 0\nsize = [1920, 1080]\nmatrix = [[1121.0, 0.0, 943.5], [0.0, 1120.0, 532.0], [0.0, 0.0, 1.0]]\n\
         distortions = [0.07, -0.1, 0.0, 0.0, 0.04]\nrotation = [1.4, 1.04, -0.93]\nfisheye = true\n",
    ),
    (
        "opencv.yml",
        "%YAML:1.0\n---\nimage_width: 1280\nimage_height: 720\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   \
         data: [ 1100.5, 0., 655., 0., 1098., 350.5, 0., 0., 1. ]\ndistortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 8\n   \
         dt: d\n   data: [ 0.9, -0.3, 0.0007, 0.0011, 0.02, 1.2, -0.1, 0.03 ]\n",
    ),
    (
        "opencv.json",
        "{\"camera_matrix\": {\"type_id\": \"opencv-matrix\", \"rows\": 3, \"cols\": 3, \"dt\": \"d\", \"data\": [900.0, 0, 640, 0, 900, 360, 0, 0, 1]}, \
         \"dist\": [-0.2, 0.08, 0.001, -0.002, 0.01, 0.05, 0.02, 0.001, 0.003, -0.001, 0.002, 0.0015, 0.03, -0.02], \"error\": .Nan}",
    ),
    (
        "list.json",
        "{\"cameras\": [{\"name\": \"a\", \"resolution\": [1920, 1080], \"K\": [[1500, 0.5, 950], [0, 1500, 540], [0, 0, 1]], \"R\": [[1, 0, 0], \
         [0, 1, 0], [0, 0, 1]]}]}",
    ),
];

fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    bounded(bytes.len(), || match CameraFile::parse(bytes) {
        Ok(file) => {
            assert!(!file.cameras.is_empty());
            // Each camera's lens is inverted some times.
            file.cameras.iter().take(8).for_each(check);
            if let Err(error) = file.camera(Some("cam_01")) {
                is_about_usage(&error);
            }
        }
        Err(error) => {
            is_about_input(&error);
        }
    });
});

fn is_about_usage(error: &poselift::Error) {
    assert_eq!(error.kind(), poselift::ErrorKind::BadUsage, "{error}");
}

fn check(camera: &NamedCamera) {
    let intrinsics = &camera.intrinsics;
    assert!(intrinsics.focal.iter().all(|focal| focal.is_finite() && *focal > 0.0), "{camera:?}");
    if let Some(attitude) = camera.attitude(Some(UpAxis::Z)) {
        assert!(attitude.pitch.is_finite() && attitude.roll.is_finite(), "{camera:?}");
    }
    for distorted in [[0.0, 0.0], [0.3, -0.2], [-0.9, 0.7], [3.0, 5.0], [1e-9, -1e300]] {
        let Some(direction) = intrinsics.distortion.undistort(distorted) else { continue };
        let again = intrinsics.distortion.distort(direction);
        let is_met = (0..2).all(|axis| (again[axis] - distorted[axis]).abs() <= 1e-6 * (1.0 + distorted[axis].abs()));
        assert!(is_met, "{camera:?}: {distorted:?} {direction:?} {again:?}");
    }
    let Ok(undistorter) = Undistorter::new(intrinsics, None) else { return };
    let _ = undistorter.pixel([12.0, 34.0]);
}

fn write_seeds() {
    let Some(folder) = seeds_folder() else { return };
    for (name, text) in SEEDS {
        std::fs::write(folder.join(name), text).expect("seeds can be written");
    }
}
