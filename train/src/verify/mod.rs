//! Compares an exported file with the trained network, through ONNX Runtime as users will run it, and our own kernels
//! with ONNX Runtime; publishes the file only if all agree.
//!
//! The difference of two poses is the largest distance between joints of the same name, divided by the pose's size:
//! the root-mean-square distance of the trained network's joints from their mean. If a pose is close to a point, a
//! tenth of the size of the data's own poses is used instead.

mod inputs;
mod networks;
mod precision_cost;
mod ranges;

use std::fmt;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use poselift::model::{Card, Isa, ModelFile, Precision, verify_kernels};
use poselift::{Error, Result};
use poselift_onnx::WrittenModel;
use serde::Serialize;

use crate::export::{self, CardSeed};
use crate::output;
use crate::trained::{TrainedLifter, ZScore};

pub use networks::{Trained, onnx_runtime};
pub use precision_cost::{MAX_LOSS_MM, PrecisionCost, cost, precision_cost};
pub use ranges::{CALIBRATION_VIEWS, ranges};

/// How far an exported file may be from the trained network, in sizes of the pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// The worst pose of each class of inputs.
    Worst(f64),
    /// The mean over each class, which must be a number.
    Mean(f64),
}

/// The tolerance of a float32 file.
pub const TOLERANCE: Tolerance = Tolerance::Worst(1e-4);

/// The tolerance of a file of `precision`. Rounded hidden layers move the worst of a thousand people made of random
/// points, far from the training data, by up to their whole size, so only the mean shows whether the graph is right.
/// The effect on real people, 1 mm on average in int8, is measured by [`precision_cost`].
pub fn tolerance(precision: Precision) -> Tolerance {
    match precision {
        Precision::F32 => TOLERANCE,
        Precision::F16 => Tolerance::Mean(1e-2),
        Precision::Int8 => Tolerance::Mean(3e-1),
    }
}

impl Tolerance {
    /// The greatest difference that is allowed.
    pub fn most(self) -> f64 {
        match self {
            Self::Worst(most) | Self::Mean(most) => most,
        }
    }

    /// The figure of a class that is compared with it.
    fn of(self, class: &ClassReport) -> f64 {
        match self {
            Self::Worst(_) => class.worst,
            Self::Mean(_) => class.mean,
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worst(most) => write!(f, "{most:.0e}"),
            Self::Mean(most) => write!(f, "{most:.0e} on the mean"),
        }
    }
}

/// A lifter to compare: the trained network in evaluation mode, or the exported file.
pub trait Reference {
    /// Lifts key points `[N, J_in, C]` in one batch.
    ///
    /// # Errors
    /// The lifter cannot run.
    fn lift(&mut self, keypoints: ArrayView3<f32>) -> Result<Lifted>;
}

/// The output of a lifter.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifted {
    /// `[N, J_out, 3]`.
    pub poses: Array3<f32>,
    /// `[N, J_out]`, if the lifter has sigma.
    pub sigma: Option<Array2<f32>>,
}

/// The result of one class of inputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// What the inputs are.
    pub class: &'static str,
    /// Poses compared.
    pub poses: usize,
    /// The largest difference, in sizes of the pose; infinite if a number is NaN.
    pub worst: f64,
    /// The mean of the poses' differences, in the same unit.
    pub mean: f64,
}

/// The results of all classes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verification {
    /// A report per class, in the order they were run.
    pub classes: Vec<ClassReport>,
    /// Instruction sets whose kernels agree with ONNX Runtime on the file.
    pub kernels: Vec<Isa>,
}

impl Verification {
    /// The largest difference of all classes.
    pub fn worst(&self) -> f64 {
        self.classes.iter().map(|class| class.worst).fold(0.0, f64::max)
    }

    /// Poses compared in all.
    pub fn poses(&self) -> usize {
        self.classes.iter().map(|class| class.poses).sum()
    }

    /// The largest figure that `tolerance` applies to.
    pub fn judged(&self, tolerance: Tolerance) -> f64 {
        self.classes.iter().map(|class| tolerance.of(class)).fold(0.0, f64::max)
    }

    fn add(&mut self, new: ClassReport) {
        match self.classes.iter_mut().find(|report| report.class == new.class) {
            Some(report) => {
                let poses = report.poses + new.poses;
                let share = new.poses as f64 / poses as f64;
                report.mean += (new.mean - report.mean) * share;
                (report.poses, report.worst) = (poses, report.worst.max(new.worst));
            }
            None => self.classes.push(new),
        }
    }

    fn judge(self, tolerance: Tolerance) -> Result<Self> {
        match self.classes.iter().find(|class| tolerance.of(class) > tolerance.most()) {
            Some(class) => Err(Error::model(format!(
                "the exported file differs from the trained network by {:.1e} of the pose's size ({}), expected at most \
                 {tolerance}",
                tolerance.of(class),
                class.class
            ))
            .hint("no file was written; a coordinate that hardly varies in the training data can cause this")),
            None => Ok(self),
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ClassReport { class, poses, worst, mean } in &self.classes {
            writeln!(f, "  {class:<24} {poses:>5} poses  worst {worst:.1e}, mean {mean:.1e} of the pose's size")?;
        }
        Ok(())
    }
}

/// Runs `exported` and `trained` on the same inputs and measures their difference.
///
/// Inputs are random people, people far from the origin, tiny and huge, with missing joints (one, most,
/// all; by score and by NaN), in batches of 1, 7 and 1000; the same at every call.
///
/// # Errors
/// A difference over `tolerance`, or one of the two cannot run.
pub fn compare(
    lifter: &TrainedLifter,
    exported: &mut dyn Reference,
    trained: &mut dyn Reference,
    tolerance: Tolerance,
) -> Result<Verification> {
    let floor = size_floor(&lifter.output_zscore, lifter.output_card.joints.len());
    let mut verification = Verification::default();
    for inputs::Batch { class, keypoints } in inputs::batches(lifter) {
        let found = exported.lift(keypoints.view())?;
        let expected = trained.lift(keypoints.view())?;
        let Apart { worst, mean } = apart(&found, &expected, floor)?;
        verification.add(ClassReport { class, poses: keypoints.len_of(Axis(0)), worst, mean });
    }
    verification.judge(tolerance)
}

/// How far poses and sigma are from those expected, in sizes of the pose; infinite if a number is NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart {
    /// The largest difference of a pose or of a sigma.
    pub(crate) worst: f64,
    /// The mean of the poses' differences.
    pub(crate) mean: f64,
}

/// How far `found` is from `expected`; poses smaller than `floor` are taken to be as large.
///
/// # Errors
/// They are not of as many people and joints.
pub(crate) fn apart(found: &Lifted, expected: &Lifted, floor: f64) -> Result<Apart> {
    check_shapes(found, expected)?;
    let pairs = found.poses.outer_iter().zip(expected.poses.outer_iter());
    let differences: Vec<f64> = pairs.map(|(found, expected)| difference(found, expected, floor)).collect();
    let worst = differences.iter().copied().fold(sigma_difference(found, expected, floor), f64::max);
    // A sigma that is NaN counts too.
    let mean = if worst.is_finite() { differences.iter().sum::<f64>() / differences.len() as f64 } else { worst };
    Ok(Apart { worst, mean })
}

/// The checks of an exported file before it appears; tests put others in their place.
#[derive(Clone, Copy)]
pub struct FileChecks<'a> {
    /// Opens the file to be compared with the trained network.
    pub open: &'a dyn Fn(&Path) -> Result<Box<dyn Reference>>,
    /// Compares the kernels of each instruction set of this processor with ONNX Runtime and gives those that agree; none
    /// if there are no kernels for such a file.
    pub verify_kernels: &'a dyn Fn(&ModelFile) -> Result<Vec<Isa>>,
}

impl FileChecks<'static> {
    /// ONNX Runtime, and our own kernels beside it.
    pub const AS_USERS_RUN: Self = Self { open: &onnx_runtime, verify_kernels: &verify_kernels };
}

/// Exports a lifter in `precision` to `path`; the file appears only if [`prove`] finds it right.
///
/// # Errors
/// Errors of [`prove`], and a file that cannot be written. Then nothing is left behind, and a file that was at `path` before
/// stays as it was.
pub fn export(
    lifter: &TrainedLifter,
    seed: &CardSeed,
    precision: Precision,
    trained: &mut dyn Reference,
    path: &Path,
    checks: FileChecks<'_>,
) -> Result<(Card, Verification)> {
    let (exported, verification) = prove(lifter, seed, precision, trained, path, checks)?;
    output::write_whole(path, &exported.bytes)?;
    Ok((exported.card, verification))
}

/// A lifter in `precision` as a file that agrees with `trained`, and for which our own kernels agree with ONNX Runtime. It is run as
/// a draft beside `path`, which is gone afterwards.
///
/// # Errors
/// Errors of [`export::encode`], a draft that cannot be written or run, a difference over [`tolerance`], and kernels that
/// give other poses.
pub fn prove(
    lifter: &TrainedLifter,
    seed: &CardSeed,
    precision: Precision,
    trained: &mut dyn Reference,
    path: &Path,
    checks: FileChecks<'_>,
) -> Result<(WrittenModel, Verification)> {
    let exported = export::encode(lifter, seed, precision)?;
    let draft = Draft::write(path, &exported.bytes)?;
    let mut opened = (checks.open)(&draft.draft)?;
    let mut verification =
        compare(lifter, &mut *opened, trained, tolerance(precision)).map_err(|error| error.at(path))?;
    let file = ModelFile::from_bytes(path, exported.bytes.clone())?;
    verification.kernels = (checks.verify_kernels)(&file)?;
    Ok((exported, verification))
}

/// The file's bytes are unnamed if unnamed files can be opened: a killed export then leaves nothing behind.
#[derive(Debug)]
struct Draft {
    /// Unnamed, in the folder of the final one; the system removes it when it is closed.
    #[cfg(target_os = "linux")]
    _file: std::fs::File,
    draft: PathBuf,
}

impl Draft {
    #[cfg(target_os = "linux")]
    fn write(path: &Path, bytes: &[u8]) -> Result<Self> {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;

        let unfinished = output::unfinished(path)?;
        let folder = unfinished.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::tempfile_in(folder).map_err(|error| Error::io("cannot write", path, error))?;
        file.write_all(bytes).map_err(|error| Error::io("cannot write", path, error))?;
        let draft = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(Self { _file: file, draft })
    }

    /// On this system a killed export leaves a file under the name that the next one uses.
    #[cfg(not(target_os = "linux"))]
    fn write(path: &Path, bytes: &[u8]) -> Result<Self> {
        let draft = output::unfinished(path)?;
        std::fs::write(&draft, bytes).map_err(|error| Error::io("cannot write", path, error))?;
        Ok(Self { draft })
    }
}

#[cfg(not(target_os = "linux"))]
impl Drop for Draft {
    fn drop(&mut self) {
        // If it cannot be removed, there is no better way.
        let _ = std::fs::remove_file(&self.draft);
    }
}

fn check_shapes(found: &Lifted, expected: &Lifted) -> Result<()> {
    let found = shapes(found);
    let expected = shapes(expected);
    if found == expected {
        return Ok(());
    }
    Err(Error::model(format!("the exported file gives poses and sigma {found:?}, expected {expected:?}")))
}

/// Of poses `[N, J, 3]` and sigma `[N, J]`.
fn shapes(lifted: &Lifted) -> ((usize, usize, usize), Option<(usize, usize)>) {
    (lifted.poses.dim(), lifted.sigma.as_ref().map(|sigma| sigma.dim()))
}

/// The largest difference of two σ, in sizes of the pose or, if that is larger, of σ itself; infinite if one is NaN.
fn sigma_difference(found: &Lifted, expected: &Lifted, floor: f64) -> f64 {
    let (Some(found), Some(expected_sigma)) = (&found.sigma, &expected.sigma) else { return 0.0 };
    let people = found.outer_iter().zip(expected_sigma.outer_iter()).zip(expected.poses.outer_iter());
    let mut worst = 0.0;
    for ((found, expected), pose) in people {
        let size = size(pose.mapv(f64::from).view()).max(floor);
        for (found, expected) in found.iter().zip(expected) {
            worst = worse(worst, f64::from(found - expected).abs() / size.max(f64::from(*expected)));
        }
    }
    worst
}

/// The larger of both; a difference that is NaN is infinite.
fn worse(worst: f64, next: f64) -> f64 {
    if next.is_nan() { f64::INFINITY } else { worst.max(next) }
}

/// The largest distance of two joints, in sizes of the expected pose; infinite if a number is NaN.
fn difference(found: ArrayView2<f32>, expected: ArrayView2<f32>, floor: f64) -> f64 {
    let mut worst = 0.0;
    for (found, expected) in found.outer_iter().zip(expected.outer_iter()) {
        let squares = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        worst = worse(worst, squares.sum::<f64>().sqrt());
    }
    worst / size(expected.mapv(f64::from).view()).max(floor)
}

/// The root-mean-square distance of a pose's joints from their mean.
fn size(pose: ArrayView2<f64>) -> f64 {
    let Some(centre) = pose.mean_axis(Axis(0)) else { return 0.0 };
    let squares: f64 = pose.outer_iter().map(|joint| (&joint - &centre).mapv(|x| x * x).sum()).sum();
    (squares / pose.nrows() as f64).sqrt()
}

/// A tenth of the size of the data's own poses: their mean's size and their deviation together.
fn size_floor(output: &ZScore, joints: usize) -> f64 {
    let mean = output.mean.iter().take(joints * 3).map(|&value| f64::from(value)).collect();
    let mean_size = Array2::from_shape_vec((joints, 3), mean).map_or(0.0, |mean| size(mean.view()));
    let variance: f64 = output.std.iter().take(joints * 3).map(|&std| f64::from(std).powi(2)).sum();
    let typical = (mean_size.powi(2) + variance / joints.max(1) as f64).sqrt();
    if typical > 0.0 { typical / 10.0 } else { 1.0 }
}
