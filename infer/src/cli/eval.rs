//! `poselift eval`: how far a model's poses lie from the true ones of a paired data set.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ndarray::{Array3, ArrayView3, Axis, arr1, concatenate, s};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::report::Terminal;
use super::{DeviceArgs, open_lifter, read_model};
use crate::error::{Error, Result};
use crate::format::PairedArrays;
use crate::lift::Lifter;
use crate::metric::{Accuracy, Score};
use crate::model::{Card, PoseNetwork};

/// Measure a model on paired 2D key points and 3D poses
///
/// DATA holds `joint_2d_1`, [N, J_in, 2 or 3], and `joint_3d`, [N, J_out, 3], in the model's own joints, axes and
/// unit. Both poses are aligned at the root joint, which is counted with error 0; every figure is a mean over poses.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true, after_help = AFTER_HELP)]
pub(super) struct EvalArgs {
    /// The model [default: the bundled one]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Paired arrays, .npz or .pkl
    #[arg(value_name = "DATA")]
    data: PathBuf,
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

Exit codes: 0 all lifted, 1 some samples could not be, 2 nothing could be done.";

pub(super) fn run(args: &EvalArgs) -> Result<ExitCode> {
    let terminal = Terminal::new(false);
    let pairs = PairedArrays::from_file(&args.data)?;
    let model = read_model(args.model.as_ref())?;
    let mut lifter = open_lifter(&model, &args.device.options(None), &terminal)?;
    let score = evaluate(&mut lifter, &pairs).map_err(|error| error.at(&args.data))?;
    let report = Report::new(lifter.card(), &score).map_err(|error| error.at(&args.data))?;
    let text = if args.json { format!("{}\n", report.json()) } else { report.table(&args.data) };
    std::io::stdout().write_all(text.as_bytes())?;
    let (failed, all) = (report.not_lifted, report.not_lifted + report.samples);
    if failed > 0 {
        terminal.warning(&format!("{}: {failed} of {all} samples could not be lifted", args.data.display()));
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Lifts the key points of `pairs` and compares with its poses.
fn evaluate<N: PoseNetwork>(lifter: &mut Lifter<N>, pairs: &PairedArrays) -> Result<Score> {
    let card = lifter.card().clone();
    check_joints("joint_2d_1", pairs.keypoints.dim().1, "reads", &card.input.layout, card.input.joints.len())?;
    check_joints("joint_3d", pairs.poses.dim().1, "gives", &card.output.skeleton, card.output.joints.len())?;
    let predicted = lifter.lift(with_channels(&pairs.keypoints, card.input.channels).view())?;
    let mut score = Score::new(card.output.joints.len(), card.output.root, &card.output.unit);
    match (card.output.root, card.output.root_position) {
        (None, Some(root)) => score.add(predicted.view(), (&pairs.poses - &arr1(&root)).view())?,
        _ => score.add(predicted.view(), pairs.poses.view())?,
    }
    Ok(score)
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

/// What the subcommand says; serialised, it is the JSON of the contract.
#[derive(Debug, Serialize)]
struct Report<'a> {
    model: &'a str,
    samples: u64,
    not_lifted: u64,
    unit: &'a str,
    mpjpe: f64,
    p_mpjpe: f64,
    n_mpjpe: f64,
    /// 0..1; `null` where the unit is not known.
    pck_150: Option<f64>,
    /// 0..1; `null` where the unit is not known.
    auc: Option<f64>,
    per_joint: PerJoint<'a>,
    #[serde(skip)]
    root: Option<&'a str>,
}

#[derive(Debug)]
struct PerJoint<'a> {
    names: &'a [String],
    errors: Vec<f64>,
}

impl Serialize for PerJoint<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, error) in self.names.iter().zip(&self.errors) {
            map.serialize_entry(name, error)?;
        }
        map.end()
    }
}

impl<'a> Report<'a> {
    fn new(card: &'a Card, score: &Score) -> Result<Self> {
        let Some(Accuracy { samples, mpjpe, p_mpjpe, n_mpjpe, pck_150, auc, per_joint }) = score.accuracy() else {
            return Err(Error::input(format!("none of the {} samples could be lifted", score.not_lifted())));
        };
        Ok(Self {
            model: &card.name,
            samples,
            not_lifted: score.not_lifted(),
            unit: score.unit().unwrap_or(&card.output.unit),
            mpjpe,
            p_mpjpe,
            n_mpjpe,
            pck_150,
            auc,
            per_joint: PerJoint { names: &card.output.joints, errors: per_joint },
            root: card.output.root.map(|root| card.output.joints[root].as_str()),
        })
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("a report holds nothing that JSON cannot")
    }

    /// The report as aligned text.
    fn table(&self, data: &Path) -> String {
        let not_lifted = match self.not_lifted {
            0 => String::new(),
            count => format!(", and {count} that could not be lifted"),
        };
        let root = self.root.map_or("not among the joints".to_owned(), |root| format!("{root}, counted with error 0"));
        let error = |value: f64| format!("{} {}", self.number(value), self.unit);
        let share = |value: Option<f64>| match value {
            Some(share) => format!("{:.1} %", share * 100.0),
            None => "not given: it needs millimetres, and the size of the model's unit is not known".to_owned(),
        };
        let facts = [
            ("model", self.model.to_owned()),
            ("data", data.display().to_string()),
            ("samples", format!("{}{not_lifted}", self.samples)),
            ("root", root),
            ("", String::new()),
            ("MPJPE", error(self.mpjpe)),
            ("P-MPJPE", error(self.p_mpjpe)),
            ("N-MPJPE", error(self.n_mpjpe)),
            ("PCK@150", share(self.pck_150)),
            ("AUC", share(self.auc)),
            ("", String::new()),
        ];
        let mut text = String::new();
        for (name, value) in facts {
            text.push_str(format!("{name:<9}{value}").trim_end());
            text.push('\n');
        }
        text + &self.joint_table()
    }

    fn joint_table(&self) -> String {
        let rows = self.per_joint.names.iter().zip(&self.per_joint.errors);
        let rows: Vec<_> = rows.map(|(name, &error)| (name.as_str(), self.number(error))).collect();
        let heading = ("joint", self.unit.to_owned());
        let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
        let width = |length: fn(&(&str, String)) -> usize| rows.iter().map(length).max().unwrap_or(0);
        let (names, numbers) = (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()));
        rows.iter().map(|(name, number)| format!("{name:<names$}  {number:>numbers$}\n")).collect()
    }

    /// A tenth of a millimetre, or five decimals of what may be any size.
    fn number(&self, value: f64) -> String {
        if self.unit == "mm" { format!("{value:.1}") } else { format!("{value:.5}") }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

    use approx::assert_relative_eq;

    use super::*;
    use crate::model::MockNetwork;

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

    fn accuracy(change: impl FnOnce(&mut Card), pairs: &PairedArrays) -> Accuracy {
        evaluate(&mut lifter(change), pairs).unwrap().accuracy().unwrap()
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
        let message = evaluate(&mut lifter(|_| ()), &pairs).unwrap_err().to_string();
        assert_eq!(message, "'joint_3d' has 15 joints, but the model gives 17 (h36m17)");
    }

    #[test]
    fn counts_what_could_not_be_lifted() {
        let mut pairs = pairs();
        pairs.keypoints.slice_mut(s![0, .., 2]).fill(0.0);
        let mut lifter = lifter(|_| ());
        let score = evaluate(&mut lifter, &pairs).unwrap();
        assert_eq!((score.not_lifted(), score.accuracy().unwrap().samples), (1, 1));
        let table = Report::new(lifter.card(), &score).unwrap().table(Path::new("pairs.npz"));
        assert!(table.contains("samples  1, and 1 that could not be lifted\n"), "{table}");
        pairs.keypoints.slice_mut(s![.., .., 2]).fill(0.0);
        let score = evaluate(&mut lifter, &pairs).unwrap();
        let error = Report::new(lifter.card(), &score).unwrap_err();
        assert_eq!(error.to_string(), "none of the 2 samples could be lifted");
    }

    #[test]
    fn the_table_is_aligned_and_the_json_in_order() {
        let mut lifter = lifter(|_| ());
        let score = evaluate(&mut lifter, &pairs()).unwrap();
        let report = Report::new(lifter.card(), &score).unwrap();
        let table = report.table(Path::new("pairs.npz"));
        assert!(table.contains("\nMPJPE    2.9 mm\n") && table.contains("\nPCK@150  100.0 %\n"), "{table}");
        assert!(table.contains("\nroot     hip, counted with error 0\n"), "{table}");
        assert!(table.contains("\njoint             mm\nhip              0.0\n"), "{table}");
        assert!(table.contains("\nright_ankle     50.0\n"), "{table}");
        let json = report.json();
        assert!(json.starts_with(r#"{"model":"example","samples":2,"not_lifted":0,"unit":"mm","mpjpe":2.9"#), "{json}");
        assert!(json.contains(r#""per_joint":{"hip":0.0,"right_hip":0.0,"#), "{json}");
    }
}
