//! What computes a network's numbers: ONNX Runtime, or kernels of our own that were held against it.

use std::sync::Arc;

use super::batch::{Batch, FlatBatch};
use super::fused::Fused;
use super::ort_model::OrtModel;
use super::pool::ChunkSize;
use super::{Engine, ModelFile, Precision};
use crate::error::{Error, Result};

/// A loaded network that any number of threads may call at once.
#[derive(Clone)]
pub(super) enum Backend {
    /// ONNX Runtime.
    Runtime(OrtModel),
    /// Our own kernels; the session that they were held against is gone.
    Fused(Arc<Fused>),
}

/// How far most people's numbers may be from the runtime's, as a share of the person's largest.
const USUAL: f32 = 1e-4;
/// The same for each: rounding to 8 bits tips to the other side where the two differ in a float's last digit, which for
/// one person in some hundreds is as much as 8 bits are worth.
const WORST: f32 = 0.05;
/// People that kernels are held against the runtime with, and one more who is half seen.
const WITNESSES: usize = 8;

impl Backend {
    /// Kernels that `engine` lets run `file`, for so many threads at once, before they are held against anything.
    ///
    /// # Errors
    /// None, where they are asked for by name.
    pub(super) fn kernels(file: &ModelFile, engine: Engine, threads: usize) -> Result<Option<Fused>> {
        let asked_for = |found: Result<Fused>| found.map(Some).map_err(|cause| no_kernels(&cause).at(file.name()));
        match engine {
            Engine::OnnxRuntime | Engine::OpenVino => Ok(None),
            Engine::Auto => Ok(Fused::new(file, None, threads).ok()),
            Engine::Own => asked_for(Fused::new(file, None, threads)),
            Engine::Only(kernels) => asked_for(Fused::new(file, Some(kernels), threads)),
        }
    }

    /// Kernels that are known to agree with the runtime.
    pub(super) fn agreed(fused: Fused) -> Self {
        Self::Fused(Arc::new(fused))
    }

    /// The kernels `fused` if they agree with `ort_model`, which has loaded the same file; else that.
    ///
    /// # Errors
    /// A runtime that fails; kernels that do not agree, where `engine` asks for them by name.
    pub(super) fn new(ort_model: OrtModel, fused: Fused, engine: Engine) -> Result<Self> {
        match agree(&fused, &ort_model)? {
            true => Ok(Self::agreed(fused)),
            false if engine == Engine::Auto => Ok(Self::Runtime(ort_model)),
            false => Err(Error::model("our own kernels give other poses than ONNX Runtime")),
        }
    }

    /// How many poses of a batch it takes best at once, of networks in `precision`.
    pub(super) fn chunk_size(&self, precision: Precision) -> ChunkSize {
        match (self, precision) {
            // A pose is over in less time than a parked thread takes to run again.
            (Self::Fused(..), _) => ChunkSize { fewest: 4, most: 96 },
            // Integers as well; chunks of 64 take as little time a pose as larger ones.
            (Self::Runtime(_), Precision::Int8) => ChunkSize { fewest: 4, most: 64 },
            // Products in float32 are long enough to be shared up to some sixty poses.
            (Self::Runtime(_), _) => ChunkSize { fewest: 32, most: 128 },
        }
    }

    /// Whose numbers these are, in words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Runtime(_) => "ONNX Runtime",
            Self::Fused(fused) => fused.kernels().in_words(fused.is_in_bytes()),
        }
    }

    /// Numbers that a person's key points, pose and sigma are.
    pub(super) fn widths(&self) -> [usize; 3] {
        match self {
            Self::Runtime(ort_model) => ort_model.widths(),
            Self::Fused(fused) => fused.widths(),
        }
    }

    /// Lifts a batch as it is on this thread, in place where all of it lies in one piece of memory.
    ///
    /// # Errors
    /// Whatever the runtime says.
    pub(super) fn run_batch(&self, batch: Batch<'_>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        batch.run_flat(|batch| self.run(batch))
    }

    /// As [`Self::run_batch`].
    ///
    /// # Errors
    /// Whatever the runtime says.
    pub(super) fn run(&self, batch: FlatBatch<'_>) -> Result<()> {
        match self {
            Self::Runtime(ort_model) => ort_model.run(batch),
            Self::Fused(fused) => {
                fused.run(batch);
                Ok(())
            }
        }
    }
}

/// Whether the two give the same on a few people.
fn agree(fused: &Fused, ort_model: &OrtModel) -> Result<bool> {
    let [keypoints, pose, _] = ort_model.widths();
    let input = witnesses(keypoints, ort_model.channels());
    let blank = || vec![0.0; (WITNESSES + 1) * pose];
    let (mut ours, mut theirs) = (blank(), blank());
    fused.run(FlatBatch { len: WITNESSES + 1, keypoints: &input, poses: &mut ours, sigma: None });
    ort_model.run(FlatBatch { len: WITNESSES + 1, keypoints: &input, poses: &mut theirs, sigma: None })?;
    let mut apart = differences(&ours, &theirs, pose);
    apart.sort_unstable_by(f32::total_cmp);
    Ok(apart[WITNESSES / 2] <= USUAL && apart[WITNESSES] <= WORST)
}

/// For each person, of whom there are `numbers` numbers, how far `ours` are from `theirs` at most, as a share of the largest
/// of theirs; infinite where one gives no number.
fn differences(ours: &[f32], theirs: &[f32], numbers: usize) -> Vec<f32> {
    let apart = |(ours, theirs): (&[f32], &[f32])| {
        let largest = theirs.iter().fold(f32::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
        let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
        apart.fold(0.0, |worst: f32, apart| if apart.is_nan() { f32::INFINITY } else { worst.max(apart) }) / largest
    };
    ours.chunks_exact(numbers).zip(theirs.chunks_exact(numbers)).map(apart).collect()
}

/// Key points `[WITNESSES + 1, J, channels]`, so many `numbers` a person, scattered over an image as no person's are, the
/// same at every call.
fn witnesses(numbers: usize, channels: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut unit = || {
        // Numerical Recipes' linear congruence: any scatter will do.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 24) as f32
    };
    let number = |at: usize| {
        let unit = unit();
        let is_missing = at / numbers == WITNESSES && (at / channels).is_multiple_of(2);
        match at % channels {
            2 if is_missing => 0.0,
            2 => 0.5 + 0.5 * unit,
            // Without a score what is missing has no place.
            _ if is_missing && channels == 2 => f32::NAN,
            _ => 300.0 + 400.0 * unit,
        }
    };
    (0..(WITNESSES + 1) * numbers).map(number).collect()
}

fn no_kernels(cause: &Error) -> Error {
    Error::model("there are no kernels of our own for this model on this processor").hint(format!(
        "{cause}; they are for models exactly as `poselift-train export` writes them in f32 or int8, with a width that is a \
         multiple of 64 (128 with --mirror on), on x86 with AVX-512 or AVX2 or on ARM; `--engine onnxruntime` runs others"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use std::collections::BTreeMap;

    use ndarray::{Array2, Array3};

    use super::super::file::tests;
    use super::super::small_model::SmallModel;
    use super::super::{Device, Kernels, PoseNetwork, Session, SessionOptions};
    use super::*;

    fn open(file: &ModelFile, engine: Engine, threads: usize) -> Result<Session> {
        Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(threads), engine })
    }

    /// People of [`witnesses`], again and again, some joints of some of them missing in several ways.
    fn people(count: usize) -> Array3<f32> {
        let scattered = witnesses(51, 3);
        let mut people = Array3::from_shape_fn((count, 17, 3), |(n, joint, number)| {
            let shift = if number < 2 { (n / WITNESSES * (joint + 3)) as f32 * 1.37 } else { 0.0 };
            scattered[n % WITNESSES * 51 + joint * 3 + number] + shift
        });
        for n in (0..count).step_by(3) {
            people[[n, n % 17, 2]] = 0.0;
            people[[n, (n + 5) % 17, n % 2]] = [f32::NAN, f32::INFINITY, -1e30][n % 3];
        }
        people
    }

    #[test]
    fn own_kernels_give_what_onnx_runtime_gives() {
        for form in bundled_forms() {
            let mut runtime = match open(&form, Engine::OnnxRuntime, 2) {
                Ok(session) => session,
                Err(error) => return eprintln!("skipped: {error}"),
            };
            assert_eq!(runtime.engine(), "ONNX Runtime");
            for kernels in Kernels::ALL {
                match open(&form, Engine::Only(kernels), 2) {
                    Ok(mut own) => hold_against(&mut own, &mut runtime, kernels, form.card().network.precision),
                    Err(error) => eprintln!("skipped: {kernels}: {error}"),
                }
            }
        }
    }

    fn hold_against(own: &mut Session, runtime: &mut Session, kernels: Kernels, precision: Precision) {
        let in_bytes = precision == Precision::Int8;
        assert_eq!(own.engine(), kernels.in_words(in_bytes));
        // Fewer than are worked on at a time, as many, more; all remainders of six.
        for count in [1, 2, 3, 4, 5, 6, 7, 24, 25, 53, 500] {
            let keypoints = people(count);
            let (ours, theirs) = (lift(own, &keypoints), lift(runtime, &keypoints));
            for (what, numbers) in [("poses", 51), ("sigma", 17)] {
                let apart = differences(&ours[what], &theirs[what], numbers);
                // Where a float's last digit tips a level over, it is a matter of rounding to 8 bits, not of floats.
                let tipped = apart.iter().filter(|apart| **apart > 1e-4).count();
                let may_tip = if in_bytes { 1 + count / 40 } else { 0 };
                assert!(tipped <= may_tip, "{kernels}, {what} of {tipped} of {count} people differ: {apart:?}");
                assert!(apart.iter().all(|apart| *apart < 0.05), "{kernels}, {what} of {count} people: {apart:?}");
            }
        }
    }

    /// Kernels multiply the same whole numbers whatever they are made of, and round floats alike.
    #[test]
    fn bytes_give_the_same_by_all_kernels() {
        let [_, int8] = bundled_forms().try_into().unwrap();
        let keypoints = people(100);
        let mut found = Kernels::ALL.iter().filter_map(|&kernels| {
            let mut session = open(&int8, Engine::Only(kernels), 1).ok()?;
            Some((kernels, lift(&mut session, &keypoints)))
        });
        let Some((_, first)) = found.next() else {
            return eprintln!("skipped: this processor lacks what kernels need");
        };
        for (kernels, poses) in found {
            let apart = differences(&first["poses"], &poses["poses"], 51);
            let tipped = apart.iter().filter(|apart| **apart > 1e-4).count();
            assert!(tipped <= 2 && apart.iter().all(|apart| *apart < 0.05), "{kernels}: {apart:?}");
        }
    }

    /// The bundled model in f32 and in 8 bits.
    fn bundled_forms() -> Vec<ModelFile> {
        ModelFile::bundled().unwrap().forms()
    }

    /// Poses and sigma of COCO-17 key points `[N, 17, 3]`, flat, by name.
    fn lift(session: &mut Session, keypoints: &Array3<f32>) -> BTreeMap<&'static str, Vec<f32>> {
        let count = keypoints.dim().0;
        let (mut poses, mut sigma) = (Array3::zeros((count, 17, 3)), Array2::zeros((count, 17)));
        let batch = Batch::new(session.card(), keypoints.view(), poses.view_mut(), Some(sigma.view_mut())).unwrap();
        session.run(batch).unwrap();
        BTreeMap::from([("poses", poses.into_raw_vec_and_offset().0), ("sigma", sigma.into_raw_vec_and_offset().0)])
    }

    #[test]
    fn kernels_asked_for_by_name_are_there_or_refused() {
        let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
        let message = open(&small, Engine::Own, 1).unwrap_err().to_string();
        assert_eq!(message, "small.onnx: there are no kernels of our own for this model on this processor");
        assert_eq!(open(&small, Engine::Auto, 1).unwrap().engine(), "ONNX Runtime");
    }

    #[test]
    fn a_file_with_another_constant_is_not_what_kernels_compute() {
        let bundled = ModelFile::bundled().unwrap();
        // Key points centred on another mean than the kernels': the constant that sums scores, doubled.
        let doubled = tests::altered(bundled.for_cpus(), |graph| {
            let constant = graph.initializer.iter_mut().find(|tensor| tensor.name == "all_weights").unwrap();
            let values = constant.raw_data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
            constant.raw_data = values.flat_map(|value| (value * 2.0).to_le_bytes()).collect();
        });
        let other = ModelFile::from_bytes("other.onnx", doubled).unwrap();
        let error = open(&other, Engine::Own, 1).unwrap_err();
        assert!(error.to_string().contains("there are no kernels of our own"), "{error}");
        let cause = error.hint_text().unwrap();
        assert!(cause.contains("all_weights [51, 51] with other contents"), "{cause}");
        assert_eq!(open(&other, Engine::Auto, 1).unwrap().engine(), "ONNX Runtime");
    }
}
