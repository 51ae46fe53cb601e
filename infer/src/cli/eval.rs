//! `poselift eval`: how far a model's poses lie from the true ones of a paired data set, and how steady a stream is.

mod report;
mod stream;
mod truth;
mod undistort;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use ndarray::{Array3, ArrayView3, Axis, arr1, concatenate, s};
use serde::Serialize;

use super::camera::CameraArgs;
use super::report::{Terminal, printable};
use super::{DeviceArgs, ExitStatus, image_size, open_lifter, positive, read_model};
use crate::camera::Camera;
use crate::error::{Error, Result};
use crate::format::{PairedArrays, SeenPairs};
use crate::lift::Lifter;
use crate::metric::{AngleErrors, Calibration, Score};
use crate::model::{PoseNetwork, View};
use report::{Report, Sight};

/// Measure a model on paired 2D key points and 3D poses, or a 3D stream by itself
///
/// DATA holds `joint_2d_1`, [N, J_in, 2 or 3], and `joint_3d`, [N, J_out, 3], in the model's own joints, axes and
/// unit. An .npz may also hold `size`, [2] or [N, 2], and `focal`, [] or [N], in pixels: people are then turned to the
/// optical axis as `poselift run` does, for models that ask for it. Poses are aligned at the root joint, which counts
/// as error 0; figures are means over poses. For a model with sigma, the share of joints (without the root) whose error
/// is within sigma is given too; it should be 68 %. Angles of knees, hips, elbows and, for skeletons with feet, ankles
/// are given by their mean absolute error over both sides, in degrees.
///
/// With --stream no truth is needed: of a 3D stream it gives each bone's length, how much that varies (standard
/// deviation over mean, within a track), how much left and right differ (|l - r| over their mean, pose by pose), the
/// jitter (median acceleration of the joints relative to the root, in m/s^2), and how fast feet slide (the speed of the
/// ankles against each other along the camera's x and z, in m/s, while both feet stand: at about the same height and
/// slower than a step for 0.2 s or more). Poses are relative to the root, so a foot that stands alone, or both sliding
/// together, cannot be seen. Lower is better.
///
/// With --truth the stream is compared with a recording of markers or joint centres at any rate, in any axes. One
/// rotation of the whole clip and one shift of its clock, up to half a second, are fitted and printed. Hips, knees,
/// ankles, shoulders, elbows and wrists are compared, relative to the middle of the hips: MPJPE, N-MPJPE, P-MPJPE,
/// velocity, the angles of knees, hips and elbows with and without their mean offset, and the path of the hips if the
/// stream has roots.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true, after_help = AFTER_HELP)]
pub(super) struct EvalArgs {
    /// A model file, or the name of a built-in model [default: coco17]
    #[arg(value_name = "MODEL", conflicts_with = "stream")]
    model: Option<PathBuf>,
    /// Paired arrays, .npz or .pkl
    #[arg(value_name = "DATA", required_unless_present = "stream", conflicts_with = "stream")]
    data: Option<PathBuf>,
    /// A 3D stream as `poselift run` writes it, JSON Lines or npz, or - for stdin
    #[arg(long, value_name = "POSES", conflicts_with_all = ["size", "focal", "camera"])]
    stream: Option<PathBuf>,
    /// Motion capture of the person in that stream, to compare with: .trc, .c3d or .json
    #[arg(long, value_name = "FILE", requires = "stream")]
    truth: Option<PathBuf>,
    /// Image size in pixels, for files that do not say: 1920x1080
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    size: Option<[u32; 2]>,
    /// Focal length in pixels, for files that do not say [default: 0.9 times the longer side]
    #[arg(long, value_name = "PX", value_parser = positive)]
    focal: Option<f32>,
    #[command(flatten)]
    camera: CameraArgs,
    /// As one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

const AFTER_HELP: &str = "\
Examples:
  poselift eval validation.npz
  poselift eval model.onnx data_test_lift.pkl --json
  poselift eval --stream poses.jsonl
  poselift run clip.jsonl | poselift eval --stream -
  poselift run clip.jsonl | poselift eval --stream - --truth markers.trc

Exit codes: 0 all lifted, 1 some samples or frames could not be read or lifted, 2 nothing could be done.";

pub(super) fn run(args: &EvalArgs) -> Result<ExitStatus> {
    match (&args.stream, &args.truth, &args.data) {
        (Some(poses), Some(truth), _) => truth::run(poses, truth, args.json),
        (Some(poses), None, _) => stream::run(poses, args.json),
        (None, _, Some(data)) => run_pairs(args, data),
        (None, _, None) => Err(Error::usage("nothing to measure, expected DATA or --stream POSES")),
    }
}

fn run_pairs(args: &EvalArgs, data: &PathBuf) -> Result<ExitStatus> {
    let terminal = Terminal::new(false);
    let mut seen = SeenPairs::from_file(data)?;
    let camera = args.camera.read()?;
    if let Some(camera) = &camera {
        undistort::undistort(&mut seen, &camera.intrinsics, args.size).map_err(|error| error.at(data))?;
    }
    let model = read_model(args.model.as_ref())?;
    let mut lifter = open_lifter(&model, &args.device.options(None), &terminal)?;
    let cameras = seen.cameras(args.size, args.focal);
    let evaluation = evaluate(&mut lifter, &seen.pairs, &cameras).map_err(|error| error.at(data))?;
    let sight = match (lifter.card().input.view, &cameras[..]) {
        (View::Camera, _) => Sight::Camera,
        (View::Subject, []) => Sight::SubjectOfUnknownSize,
        (View::Subject, _) => Sight::Subject { focal_known: args.focal.is_some() || !seen.focals.is_empty() },
    };
    if sight == Sight::SubjectOfUnknownSize {
        let data = data.display();
        terminal.note(&format!("{data}: image size unknown: no person is turned to the optical axis, give --size WxH"));
    }
    let report = Report::new(lifter.card(), &evaluation, sight).map_err(|error| error.at(data))?;
    print(&report, || report.table(data), args.json)?;
    let failed = report.not_lifted;
    let all = report.not_lifted + report.samples;
    if failed > 0 {
        terminal.warning(&format!("{}: {failed} of {all} samples could not be lifted", data.display()));
    }
    Ok(ExitStatus::partly_if(failed > 0))
}

/// Prints a report: as one line of JSON, or as its `table`.
fn print(report: &impl Serialize, table: impl FnOnce() -> String, as_json: bool) -> Result<()> {
    let text = if as_json { json(report) + "\n" } else { printable(&table()).into_owned() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// A report as one JSON object.
fn json(report: &impl Serialize) -> String {
    serde_json::to_string(report).expect("a report holds nothing that JSON cannot")
}

/// The result of lifting a data set.
#[derive(Debug)]
struct Evaluation {
    score: Score,
    angles: AngleErrors,
    /// Of models that give sigma.
    calibration: Option<Calibration>,
}

/// Lifts the key points of `pairs`, as `cameras` saw them, and compares with its poses.
fn evaluate<N: PoseNetwork>(lifter: &mut Lifter<N>, pairs: &PairedArrays, cameras: &[Camera]) -> Result<Evaluation> {
    let card = lifter.card().clone();
    check_joints("joint_2d_1", pairs.keypoints.dim().1, "reads", &card.input.layout, card.input.joints.len())?;
    check_joints("joint_3d", pairs.poses.dim().1, "gives", &card.output.skeleton, card.output.joints.len())?;
    let lifted = lifter.lift_with_cameras(with_channels(&pairs.keypoints, card.input.channels).view(), cameras)?;
    let moved = match (card.output.root, card.output.root_position) {
        (None, Some(root)) => Some(&pairs.poses - &arr1(&root)),
        _ => None,
    };
    let truth = moved.as_ref().unwrap_or(&pairs.poses).view();
    let mut score = Score::new(card.output.joints.len(), card.output.root, &card.output.unit);
    score.add(lifted.poses.view(), truth)?;
    let mut angles = AngleErrors::new(&card.output.joints);
    angles.add(lifted.poses.view(), truth);
    let mut calibration = None;
    if let Some(sigma) = &lifted.sigma {
        let counted = calibration.insert(Calibration::new(card.output.root));
        counted.add(lifted.poses.view(), truth, sigma.view())?;
    }
    Ok(Evaluation { score, angles, calibration })
}

fn check_joints(array: &str, found: usize, does: &str, layout: &str, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(format!("'{array}' has {found} joints, but the model {does} {expected} ({layout})"))
        .hint("`poselift info MODEL` lists the model's joints"))
}

/// `keypoints` with as many channels as the model reads: every point scored 1 where the data have no scores, and the
/// points of score 0 missing where the model takes none.
fn with_channels(keypoints: &Array3<f32>, channels: usize) -> Array3<f32> {
    match (keypoints.dim().2, channels) {
        (2, 3) => {
            let ones = Array3::ones((keypoints.dim().0, keypoints.dim().1, 1));
            concatenate![Axis(2), *keypoints, ones]
        }
        (3, 2) => without_scores(keypoints.view()),
        _ => keypoints.clone(),
    }
}

fn without_scores(keypoints: ArrayView3<'_, f32>) -> Array3<f32> {
    let mut points = keypoints.slice(s![.., .., ..2]).to_owned();
    for (mut point, &score) in points.lanes_mut(Axis(2)).into_iter().zip(keypoints.slice(s![.., .., 2])) {
        if score.is_nan() || score <= 0.0 {
            point.fill(f32::NAN);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::metric::Accuracy;
    use crate::model::{Card, MockNetwork};

    /// Two samples of which the mock, which divides by 1000, lifts each but for 0.1 m at the right ankle of the second.
    fn pairs() -> PairedArrays {
        let keypoints = Array3::from_shape_fn((2, 17, 3), |(n, joint, axis)| match axis {
            2 => 1.0,
            _ => (100 * n + 37 * joint * (axis + 1) % 211) as f32,
        });
        let mut poses = keypoints.mapv(|value| value * 0.001);
        poses[[1, 3, 2]] += 0.1;
        PairedArrays { keypoints, poses }
    }

    fn lifter(change: impl FnOnce(&mut Card)) -> Lifter<MockNetwork> {
        let mut network = MockNetwork::new();
        change(&mut network.card);
        Lifter::with_network(network, 256)
    }

    fn score(lifter: &mut Lifter<MockNetwork>, pairs: &PairedArrays) -> Score {
        evaluate(lifter, pairs, &[]).unwrap().score
    }

    fn accuracy(change: impl FnOnce(&mut Card), pairs: &PairedArrays) -> Accuracy {
        score(&mut lifter(change), pairs).accuracy().unwrap()
    }

    #[test]
    fn compares_relative_to_the_root() {
        let mut pairs = pairs();
        let expected = 100.0 / 17.0 / 2.0;
        assert_relative_eq!(accuracy(|_| (), &pairs).mpjpe, expected, epsilon = 1e-3);
        pairs.poses += 3.0;
        assert_relative_eq!(accuracy(|_| (), &pairs).mpjpe, expected, epsilon = 1e-3);
        assert_relative_eq!(accuracy(|_| (), &pairs).per_joint[3], 50.0, epsilon = 1e-3);
    }

    #[test]
    fn a_root_that_was_left_out_is_taken_off_the_truth() {
        let mut pairs = pairs();
        pairs.poses += &arr1(&[0.0, 0.0, -1.0]);
        let rootless = |card: &mut Card| {
            card.output.root = None;
            card.output.root_position = Some([0.0, 0.0, -1.0]);
            card.output.unit = "unknown".into();
        };
        let accuracy = accuracy(rootless, &pairs);
        assert_relative_eq!(accuracy.mpjpe, 0.1 / 17.0 / 2.0, epsilon = 1e-6);
        assert_eq!((accuracy.pck_150, accuracy.auc), (None, None));
    }

    #[test]
    fn scores_are_made_up_or_dropped_as_the_model_asks() {
        let pairs = pairs();
        let plain = pairs.keypoints.slice(s![.., .., ..2]).to_owned();
        assert_eq!(with_channels(&plain, 3), pairs.keypoints);
        assert_eq!(with_channels(&pairs.keypoints, 2), plain);
        assert_eq!(with_channels(&plain, 2), plain);
        let mut doubted = pairs.keypoints.clone();
        doubted[[0, 5, 2]] = 0.0;
        let points = with_channels(&doubted, 2);
        assert!(points[[0, 5, 0]].is_nan() && points[[0, 5, 1]].is_nan() && points[[0, 4, 1]].is_finite());
    }

    #[test]
    fn says_which_joints_do_not_fit() {
        let mut pairs = pairs();
        pairs.poses = pairs.poses.slice(s![.., ..15, ..]).to_owned();
        let message = evaluate(&mut lifter(|_| ()), &pairs, &[]).unwrap_err().to_string();
        assert_eq!(message, "'joint_3d' has 15 joints, but the model gives 17 (h36m17)");
    }

    #[test]
    fn people_are_turned_in_their_cameras_and_sigma_is_held_against_the_errors() {
        let pairs = pairs();
        let looking = |card: &mut Card| {
            card.input.view = View::Subject;
            card.output.sigma = true;
        };
        let as_it_is = evaluate(&mut lifter(looking), &pairs, &[]).unwrap();
        // The mock's sigma is a tenth of the pose's y, and only one joint is off, by 100 mm: more than 30 mm.
        assert_relative_eq!(as_it_is.calibration.unwrap().within_one_sigma().unwrap(), 31.0 / 32.0, epsilon = 1e-9);
        let camera = Camera::with_focal(None, [640, 480]);
        let turned = evaluate(&mut lifter(looking), &pairs, &[camera]).unwrap();
        assert!(turned.score.accuracy().unwrap().mpjpe > as_it_is.score.accuracy().unwrap().mpjpe + 1.0);
        let camera_view = evaluate(&mut lifter(|_| ()), &pairs, &[camera]).unwrap();
        assert_eq!(camera_view.score, as_it_is.score);
        assert!(camera_view.calibration.is_none());
    }
}
