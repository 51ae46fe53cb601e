//! The data of a run on its device: training batches, the validation set, and their description for the model's card.

mod card;
mod errors;
mod motion;
mod sequences;

use ndarray::{Array1, Array3};
use poselift::{Error, Result};
use tch::{Device, Kind, Tensor};

use crate::config::FitConfig;
use crate::data::{Motion, Pairs, Subject, TrainingData};
use crate::features::features;
use crate::net::numbers;
use crate::trained::ZScore;
use crate::views::{Detector, Seen};
use card::{motion_card, pairs_card};
use motion::MotionSource;

pub use card::{DatasetCard, ErrorUnit};
pub use errors::{Errors, measure};
pub use motion::{Protocol, Views};
pub use sequences::{SeenWindows, SequenceOptions, Sequences, WindowLength};

/// The most poses of a split that are measured: enough for a standard error of a fraction of a millimetre.
const MEASURED: usize = 8192;
/// Number of poses for the z-scores of motion.
const STATISTICS_POSES: i64 = 16_384;
/// Seeds of the random streams that are the same in every epoch.
const VALIDATION_SEED: u64 = 0x5EED_0001;
const STATISTICS_SEED: u64 = 0x5EED_0002;
const CALIBRATION_SEED: u64 = 0x5EED_0003;

/// A fixed set of key points and poses for measurements, as the network sees them.
#[derive(Debug)]
pub struct FixedSet {
    /// `[N, J_in, C]`.
    pub keypoints: Tensor,
    /// `[N, J_out, 3]`.
    pub poses: Tensor,
}

#[derive(Debug)]
enum TrainSource {
    Pairs { keypoints: Tensor, poses: Tensor },
    Motion(Box<MotionSource>),
}

impl TrainSource {
    fn len(&self) -> usize {
        match self {
            Self::Pairs { poses, .. } => poses.size()[0] as usize,
            Self::Motion(motion) => motion.len(),
        }
    }

    fn draw(&self, index: &Tensor, seed: u64, mix: bool) -> (Tensor, Tensor) {
        match self {
            Self::Pairs { keypoints, poses } => (keypoints.index_select(0, index), poses.index_select(0, index)),
            Self::Motion(motion) => motion.draw(index, seed, mix),
        }
    }
}

/// Training and validation data on a device.
#[derive(Debug)]
pub struct Dataset {
    /// The description of the data.
    pub card: DatasetCard,
    /// The validation set: every joint is visible, with the noise of the configuration.
    pub validation: FixedSet,
    /// A fixed part of the training split, for its score in evaluation mode.
    pub train_eval: FixedSet,
    train: TrainSource,
    device: Device,
}

impl Dataset {
    /// Splits `data` as `config` says and moves it to `device`.
    ///
    /// # Errors
    /// A split that leaves one side empty.
    pub fn new(data: TrainingData, config: &FitConfig, device: Device) -> Result<Self> {
        let mut dataset = match data {
            TrainingData::Pairs(pairs) => Self::from_pairs(&pairs, config, device),
            TrainingData::Motion(motion) => Self::from_motion(motion, config, device),
        }?;
        dataset.card.output.sigma = config.network.sigma;
        Ok(dataset)
    }

    fn from_pairs(pairs: &Pairs, config: &FitConfig, device: Device) -> Result<Self> {
        let total = pairs.poses.dim().0;
        let validating = (total as f64 * config.val_split).round() as usize;
        let training = total - validating.min(total);
        if training < 2 || validating == 0 {
            return Err(Error::input(format!(
                "{total} samples leave {training} to train and {validating} to validate at --val-split {}, \
                 expected at least 2 and 1",
                config.val_split
            )));
        }
        let all = FixedSet { keypoints: to_device(&pairs.keypoints, device), poses: to_device(&pairs.poses, device) };
        let FixedSet { keypoints, poses } = all.part(0, training);
        Ok(Self {
            card: pairs_card(pairs, training, validating),
            validation: all.part(training, validating),
            train_eval: all.part(0, training.min(MEASURED)),
            train: TrainSource::Pairs { keypoints, poses },
            device,
        })
    }

    fn from_motion(mut motion: Motion, config: &FitConfig, device: Device) -> Result<Self> {
        let layout = config.input_layout()?;
        motion.cut_single_clip(config.val_split);
        let (training, validating) = motion.split(config.val_split, &config.val_subjects)?;
        let source = MotionSource::new(&motion, &training, &validating, config, layout, device);
        let in_full_view = Protocol { detector: Detector::in_full_view(config.noise), ..Protocol::default() };
        Ok(Self {
            card: motion_card(&motion, layout, &validating, source.len(), source.held_out.len()),
            validation: FixedSet::of(&source.held_out.look(&in_full_view)),
            train_eval: FixedSet::of(&source.look(&in_full_view)),
            train: TrainSource::Motion(Box::new(source)),
            device,
        })
    }

    /// The validation split under `protocol`: the same views at every call; `None` for paired arrays.
    pub fn held_out(&self, protocol: &Protocol) -> Option<Views> {
        match &self.train {
            TrainSource::Pairs { .. } => None,
            TrainSource::Motion(motion) => Some(motion.held_out.views(protocol)),
        }
    }

    /// The people who validate, with the number of their poses; none for paired arrays.
    pub fn held_out_people(&self) -> Vec<(Subject, usize)> {
        match &self.train {
            TrainSource::Pairs { .. } => Vec::new(),
            TrainSource::Motion(motion) => motion.held_out.people(),
        }
    }

    /// Poses in the training split.
    pub fn train_len(&self) -> usize {
        self.train.len()
    }

    /// `[N]` the training poses of an epoch, in order: motion weighted by the poses' rarity, if the configuration
    /// says so, and all other data each once.
    pub fn epoch_order(&self, seed: u64) -> Tensor {
        if let TrainSource::Motion(motion) = &self.train
            && let Some(order) = motion.drawn_by_rarity(seed)
        {
            return order;
        }
        tch::manual_seed(seed as i64);
        Tensor::randperm(self.train_len() as i64, (Kind::Int64, Device::Cpu)).to_device(self.device)
    }

    /// Key points `[B, J_in, C]` and poses `[B, J_out, 3]` of the training poses `index` `[B]`; everything random
    /// about them follows from `seed`.
    pub fn draw(&self, index: &Tensor, seed: u64) -> (Tensor, Tensor) {
        self.train.draw(index, seed, true)
    }

    /// Key points `[views, J_in, C]` of poses of the training split, on the CPU: the same at every call.
    pub fn calibration(&self, views: i64) -> Tensor {
        tch::manual_seed(CALIBRATION_SEED as i64);
        let index =
            Tensor::randint(self.train.len() as i64, [views], (Kind::Int64, Device::Cpu)).to_device(self.device);
        self.train.draw(&index, CALIBRATION_SEED, true).0.to_device(Device::Cpu)
    }

    /// The z-scores of features and coordinates over the training split.
    pub fn zscores(&self) -> (ZScore, ZScore) {
        tch::manual_seed(STATISTICS_SEED as i64);
        let index = match &self.train {
            TrainSource::Pairs { .. } => Tensor::arange(self.train.len() as i64, (Kind::Int64, self.device)),
            TrainSource::Motion(_) => {
                Tensor::randint(self.train.len() as i64, [STATISTICS_POSES], (Kind::Int64, Device::Cpu))
                    .to_device(self.device)
            }
        };
        let (keypoints, poses) = self.train.draw(&index, STATISTICS_SEED, true);
        let missing = Tensor::full([keypoints.size()[1] * keypoints.size()[2]], f64::NAN, (Kind::Float, self.device));
        let found = features(&keypoints, &self.card.transform(), &missing);
        (zscore(&found), zscore(&poses.reshape([poses.size()[0], -1])))
    }
}

fn to_device(array: &Array3<f32>, device: Device) -> Tensor {
    let (n, joints, channels) = array.dim();
    let contiguous = array.as_standard_layout();
    let values = contiguous.as_slice().expect("standard layout is contiguous");
    Tensor::from_slice(values).view([n as i64, joints as i64, channels as i64]).to_device(device)
}

/// Mean and deviation of each column of `[N, F]`, over its finite numbers; a constant column gets a deviation of 0.
fn zscore(values: &Tensor) -> ZScore {
    let finite = values.isfinite();
    let count = finite.sum_dim_intlist(&[0i64][..], false, Kind::Double).clamp_min(1.0);
    let values = values.to_kind(Kind::Double);
    let mean = sum_where(&finite, &values) / &count;
    let std = (sum_where(&finite, &(&values - &mean).square()) / count).sqrt();
    let varies = std.gt_tensor(&(mean.abs() * 1e-6 + 1e-9));
    let std = std.where_self(&varies, &std.zeros_like());
    ZScore { mean: Array1::from(numbers(&mean)), std: Array1::from(numbers(&std)) }
}

/// `[F]` the sum of each column of `values` `[N, F]`, over the numbers that are `finite`.
fn sum_where(finite: &Tensor, values: &Tensor) -> Tensor {
    let present = values.where_self(finite, &values.zeros_like());
    present.sum_dim_intlist(&[0i64][..], false, Kind::Double)
}

impl FixedSet {
    /// `len` of the people from number `from`.
    fn part(&self, from: usize, len: usize) -> Self {
        Self {
            keypoints: self.keypoints.narrow(0, from as i64, len as i64),
            poses: self.poses.narrow(0, from as i64, len as i64),
        }
    }

    /// `seen` with its cameras turned towards the people, their focal lengths known.
    fn of(seen: &Seen) -> Self {
        let (keypoints, poses) = seen.turned(&seen.focal);
        Self { keypoints, poses }
    }

    /// The set's key points and poses as plain arrays.
    pub fn to_arrays(&self) -> (Array3<f32>, Array3<f32>) {
        (array(&self.keypoints), array(&self.poses))
    }
}

/// A tensor of three dimensions as a plain array.
fn array(tensor: &Tensor) -> Array3<f32> {
    let size = tensor.size();
    let shape = (size[0] as usize, size[1] as usize, size[2] as usize);
    Array3::from_shape_vec(shape, numbers(tensor)).expect("a tensor holds as many numbers as its shape says")
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::{BODY28, COCO17};

    use super::*;
    use crate::data::{Clip, OpenOptions, Source, generator};

    fn orders(rarity: f64) -> (usize, [Vec<i64>; 2]) {
        let config = FitConfig { rarity, ..FitConfig::default() };
        let opened = OpenOptions::from_config(&config).unwrap().open(&config.data).unwrap();
        let dataset = Dataset::new(opened.data, &config, Device::Cpu).unwrap();
        (dataset.train_len(), [(); 2].map(|()| Vec::try_from(dataset.epoch_order(5)).unwrap()))
    }

    /// Two collections may have a person of the same name each: they are two people.
    #[test]
    fn people_of_two_sources_with_one_name_are_two() {
        let clip = |index: usize, source: usize| Clip {
            name: format!("take{index}"),
            subject: "s01".into(),
            source,
            start: index * 10,
            frames: 10,
            human_lengths: true,
        };
        let source = |name: &str| Source { name: name.into(), licence: "unknown".into() };
        let motion = Motion {
            positions: Array3::from_shape_fn((30, BODY28.len(), 3), |(frame, joint, axis)| {
                ((frame * 31 + joint * 17 + axis * 7) % 23) as f32 / 10.0
            }),
            rate: 25.0,
            clips: vec![clip(0, 0), clip(1, 1), clip(2, 1)],
            sources: vec![source("A"), source("B")],
        };
        let _held = generator();
        let held_out = motion::HeldOut::new(&motion, &[0, 1, 2], &COCO17, Device::Cpu);
        let person = |source| Subject { source, name: "s01".into() };
        assert_eq!(held_out.people(), [(person(0), 10), (person(1), 20)]);
        let seen = held_out.look(&Protocol { subject: Some(person(0)), ..Protocol::default() });
        assert_eq!(seen.poses.size()[0], 10);
    }

    #[test]
    fn each_pose_comes_once_unless_rare_ones_are_wanted_more_often() {
        let _held = generator();
        let (count, [once, again]) = orders(0.0);
        assert_eq!(once, again);
        let mut sorted = once;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..count as i64));
        // The first call also computes the weights; the second must draw the same all the same.
        let (count, [drawn, again]) = orders(0.5);
        assert_eq!(drawn, again);
        let distinct: std::collections::HashSet<_> = drawn.iter().collect();
        assert!(drawn.len() == count && distinct.len() < count, "{} of {count}", distinct.len());
    }
}
