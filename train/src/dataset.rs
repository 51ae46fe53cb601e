//! The data of a run on its device: what a step draws from, what validates,
//! and what the model's card says of both.

use ndarray::{Array1, Array3, Axis, concatenate, s};
use poselift::camera::Camera;
use poselift::model::{DataCard, InputCard, OutputCard, View};
use poselift::skeleton::{COCO17, H36M17};
use poselift::{Error, Result};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::config::FitConfig;
use crate::data::augment::{Cameras, Draw, Seen, Viewer};
use crate::data::{Clip, Detector, Motion, Pairs, Source, TrainingData};
use crate::features::features;
use crate::net::{LiftNet, numbers};
use crate::trained::{InputTransform, ZScore};

/// Poses of a split that are measured, at most: enough for a standard error of a fraction of a millimetre.
const MEASURED: usize = 8192;
/// Poses that the z-scores of motion are measured on.
const STATISTICS_POSES: i64 = 16_384;
/// Seeds of the streams that are the same in every epoch.
const VALIDATION_SEED: u64 = 0x5EED_0001;
const STATISTICS_SEED: u64 = 0x5EED_0002;
/// Share of the views whose focal length the lifter is told; for the others it guesses, as it will for most users.
const KNOWN_FOCAL: f64 = 0.75;

/// What of a data set outlives the run; saved as `dataset.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetCard {
    /// The model's input.
    pub input: InputCard,
    /// The model's output.
    pub output: OutputCard,
    /// Whether key points are centred and scaled by themselves (motion), or taken as they are (pairs).
    pub centred: bool,
    /// Where the data come from.
    pub data: Vec<DataCard>,
    /// What the validation figures are measured on, in words.
    pub validated_on: String,
    /// Poses to learn from.
    pub train_size: usize,
    /// Poses that validate.
    pub val_size: usize,
}

impl DatasetCard {
    /// How key points become features.
    pub fn transform(&self) -> InputTransform {
        if self.centred { InputTransform::Centred } else { InputTransform::Absolute }
    }

    /// The factor and the name of the unit that errors are reported in: millimetres where the data are in metres.
    pub fn error_unit(&self) -> (f64, &str) {
        if self.output.unit == "m" { (1000.0, "mm") } else { (1.0, &self.output.unit) }
    }
}

/// Key points and poses that stay the same from one measurement to the next, as the network sees them.
#[derive(Debug)]
pub struct FixedSet {
    /// `[N, J_in, C]`.
    pub keypoints: Tensor,
    /// `[N, J_out, 3]`.
    pub poses: Tensor,
}

/// Which views of the validation split of motion are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// Where cameras stand.
    pub cameras: Cameras,
    /// What the detector makes of the key points.
    pub detector: Detector,
    /// How far bodies are reshaped: 1 as in training, more for odder ones.
    pub reshape: f64,
    /// One person alone.
    pub subject: Option<String>,
    /// At most so many views, evenly spread over the poses.
    pub views: usize,
}

impl Default for Protocol {
    /// The protocol of `models/README.md`, with perfect key points.
    fn default() -> Self {
        Self { cameras: Cameras::default(), detector: Detector::PERFECT, reshape: 1.0, subject: None, views: MEASURED }
    }
}

/// People as cameras saw them, as plain arrays.
#[derive(Debug, Clone)]
pub struct Views {
    /// `[N, 17, 3]` COCO-17: pixels and scores.
    pub keypoints: Array3<f32>,
    /// `[N, 17, 3]` Human3.6M-17: camera axes, root-relative, metres.
    pub poses: Array3<f32>,
    /// `[N]`.
    pub cameras: Vec<Camera>,
}

#[derive(Debug)]
enum Stock {
    Pairs { keypoints: Tensor, poses: Tensor },
    Motion { viewer: Viewer, held_out: HeldOut, detector: Detector },
}

/// The motion that validates.
#[derive(Debug)]
struct HeldOut {
    viewer: Viewer,
    /// `[T]` whose pose each one is.
    subjects: Vec<String>,
}

impl HeldOut {
    /// At most `most` poses of `subject` (or of all), evenly spread.
    fn indices(&self, subject: Option<&str>, most: usize) -> Tensor {
        let fits = |&at: &usize| subject.is_none_or(|name| self.subjects[at] == name);
        let chosen: Vec<usize> = (0..self.subjects.len()).filter(fits).collect();
        let count = chosen.len().min(most);
        let spread: Vec<i64> = (0..count).map(|k| chosen[k * chosen.len() / count] as i64).collect();
        Tensor::from_slice(&spread).to_device(self.viewer.device())
    }

    fn look(&self, protocol: &Protocol) -> Seen {
        let index = self.indices(protocol.subject.as_deref(), protocol.views);
        let draw = Draw { seed: VALIDATION_SEED, detector: protocol.detector, mix: false, reshape: protocol.reshape };
        self.viewer.look_through(&protocol.cameras, &index, draw)
    }
}

impl Stock {
    fn len(&self) -> usize {
        match self {
            Self::Pairs { poses, .. } => poses.size()[0] as usize,
            Self::Motion { viewer, .. } => viewer.len(),
        }
    }

    fn draw(&self, index: &Tensor, seed: u64, mix: bool) -> (Tensor, Tensor) {
        match self {
            Self::Pairs { keypoints, poses } => (keypoints.index_select(0, index), poses.index_select(0, index)),
            Self::Motion { viewer, detector, .. } => {
                let seen = viewer.look(index, Draw { seed, detector: *detector, mix, reshape: 1.0 });
                let known = viewer.knows_focal(index.size()[0], KNOWN_FOCAL);
                seen.turned(&seen.focal.where_self(&known, &seen.usual_focal()))
            }
        }
    }
}

/// Training and validation data on a device.
#[derive(Debug)]
pub struct Dataset {
    /// What is said of the data.
    pub card: DatasetCard,
    /// What validates: every joint seen, with the noise of the configuration.
    pub validation: FixedSet,
    /// A fixed part of the training split, for its score in evaluation mode.
    pub probe: FixedSet,
    train: Stock,
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
        let keypoints = to_device(&pairs.keypoints, device);
        let poses = to_device(&pairs.poses, device);
        let cut = |from: usize, len: usize| {
            let cut = |tensor: &Tensor| tensor.narrow(0, from as i64, len as i64);
            FixedSet { keypoints: cut(&keypoints), poses: cut(&poses) }
        };
        let train = Stock::Pairs { keypoints: cut(0, training).keypoints, poses: cut(0, training).poses };
        Ok(Self {
            card: pairs_card(pairs, training, validating),
            validation: cut(training, validating),
            probe: cut(0, training.min(MEASURED)),
            train,
            device,
        })
    }

    fn from_motion(mut motion: Motion, config: &FitConfig, device: Device) -> Result<Self> {
        motion.cut_single_clip(config.val_split);
        let (training, validating) = motion.split(config.val_split, &config.val_subjects)?;
        let viewer = |clips: &[usize], cameras: Cameras| {
            let (positions, human) = gather(&motion, clips);
            Viewer::new(&to_device(&positions, device), &human, cameras, device)
        };
        let whose = |&clip: &usize| std::iter::repeat_n(&motion.clips[clip].subject, motion.clips[clip].frames);
        let held_out = |clips: &[usize]| HeldOut {
            viewer: viewer(clips, Cameras::default()),
            subjects: clips.iter().flat_map(whose).cloned().collect(),
        };
        let train = viewer(&training, Cameras::in_training());
        let validate = held_out(&validating);
        let in_full_view = Protocol { detector: Detector { noise: config.noise, gaps: 0.0 }, ..Protocol::default() };
        Ok(Self {
            card: motion_card(&motion, &validating, train.len(), validate.viewer.len()),
            validation: FixedSet::of(&validate.look(&in_full_view)),
            probe: FixedSet::of(&held_out(&training).look(&in_full_view)),
            train: Stock::Motion {
                viewer: train,
                held_out: validate,
                detector: Detector { noise: config.noise, gaps: config.noise.min(1.0) },
            },
            device,
        })
    }

    /// The validation split as `protocol` wants it: the same views at every call; `None` for paired arrays.
    pub fn held_out(&self, protocol: &Protocol) -> Option<Views> {
        let Stock::Motion { held_out, .. } = &self.train else { return None };
        let seen = held_out.look(protocol);
        let (focal, size) = (numbers(&seen.focal), numbers(&seen.size));
        let camera = |(&focal, size): (&f32, &[f32])| Camera::with_focal(Some(focal), [size[0] as u32, size[1] as u32]);
        let cameras = focal.iter().zip(size.chunks(2)).map(camera).collect();
        Some(Views { keypoints: array(&seen.keypoints), poses: array(&seen.poses), cameras })
    }

    /// The people who validate, with the number of their poses; none for paired arrays.
    pub fn held_out_people(&self) -> Vec<(String, usize)> {
        let Stock::Motion { held_out, .. } = &self.train else { return Vec::new() };
        let mut people: Vec<(String, usize)> = Vec::new();
        for subject in &held_out.subjects {
            match people.iter_mut().find(|(name, _)| name == subject) {
                Some((_, poses)) => *poses += 1,
                None => people.push((subject.clone(), 1)),
            }
        }
        people
    }

    /// Poses in the training split.
    pub fn train_len(&self) -> usize {
        self.train.len()
    }

    /// Key points `[B, J_in, C]` and poses `[B, J_out, 3]` of the training poses `index` `[B]`; all that is
    /// random about them follows from `seed`.
    pub fn draw(&self, index: &Tensor, seed: u64) -> (Tensor, Tensor) {
        self.train.draw(index, seed, true)
    }

    /// The z-scores of features and coordinates over the training split.
    pub fn zscores(&self) -> (ZScore, ZScore) {
        tch::manual_seed(STATISTICS_SEED as i64);
        let index = match &self.train {
            Stock::Pairs { .. } => Tensor::arange(self.train.len() as i64, (Kind::Int64, self.device)),
            Stock::Motion { .. } => {
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

/// How far a network's joints are from where they belong.
#[derive(Debug)]
pub struct Errors {
    /// `[N, J]` in the data's unit.
    pub distance: Tensor,
    /// `[N, J]` what the network itself expected, where it says so.
    pub sigma: Option<Tensor>,
}

impl Errors {
    /// The mean distance, in the data's unit.
    pub fn mpjpe(&self) -> f64 {
        self.distance.mean(Kind::Double).double_value(&[])
    }
}

/// Lifts `set` and holds the poses against its own.
pub fn measure(net: &LiftNet, set: &FixedSet, card: &DatasetCard) -> Errors {
    let rows = set.poses.size()[0];
    let mean = Tensor::from_slice(&net.zscores().0.mean.to_vec()).to_device(net.device());
    let (mut distances, mut sigmas) = (Vec::new(), Vec::new());
    for start in (0..rows).step_by(1024) {
        let len = 1024.min(rows - start);
        let (found, sigma) = net.lift(&features(&set.keypoints.narrow(0, start, len), &card.transform(), &mean));
        let error = found - set.poses.narrow(0, start, len);
        distances.push(error.square().sum_dim_intlist(&[-1i64][..], false, Kind::Float).sqrt());
        sigmas.extend(sigma);
    }
    let sigma = (!sigmas.is_empty()).then(|| Tensor::cat(&sigmas, 0));
    Errors { distance: Tensor::cat(&distances, 0), sigma }
}

/// The frames of `clips` end to end, `[T, 22, 3]`, and whether each has a person's bone lengths, `[T]`.
fn gather(motion: &Motion, clips: &[usize]) -> (Array3<f32>, Vec<bool>) {
    let clips: Vec<_> = clips.iter().map(|&clip| &motion.clips[clip]).collect();
    let frames = |clip: &&Clip| motion.positions.slice(s![clip.start..clip.start + clip.frames, .., ..]);
    let views: Vec<_> = clips.iter().map(frames).collect();
    let positions = concatenate(Axis(0), &views).expect("clips of one motion have the same joints");
    let human = clips.iter().flat_map(|clip| std::iter::repeat_n(clip.human_lengths, clip.frames)).collect();
    (positions, human)
}

fn to_device(array: &Array3<f32>, device: Device) -> Tensor {
    let (n, joints, channels) = array.dim();
    let contiguous = array.as_standard_layout();
    let values = contiguous.as_slice().expect("standard layout is contiguous");
    Tensor::from_slice(values).view([n as i64, joints as i64, channels as i64]).to_device(device)
}

/// Mean and deviation of each column of `[N, F]`, over the numbers in it; what does not vary gets a deviation of 0.
fn zscore(values: &Tensor) -> ZScore {
    let finite = values.isfinite();
    let count = finite.sum_dim_intlist(&[0i64][..], false, Kind::Double).clamp_min(1.0);
    let present = |values: &Tensor| values.where_self(&finite, &values.zeros_like());
    let sum = |values: &Tensor| present(values).sum_dim_intlist(&[0i64][..], false, Kind::Double);
    let values = values.to_kind(Kind::Double);
    let mean = sum(&values) / &count;
    let std = (sum(&(&values - &mean).square()) / count).sqrt();
    let varies = std.gt_tensor(&(mean.abs() * 1e-6 + 1e-9));
    let std = std.where_self(&varies, &std.zeros_like());
    ZScore { mean: Array1::from(numbers(&mean)), std: Array1::from(numbers(&std)) }
}

fn names(joints: &[&str]) -> Vec<String> {
    joints.iter().map(|&name| name.to_owned()).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|joint| format!("joint_{joint}")).collect()
}

fn data_card(source: &Source) -> DataCard {
    DataCard { name: source.name.clone(), licence: source.licence.clone() }
}

fn pairs_card(pairs: &Pairs, training: usize, validating: usize) -> DatasetCard {
    let (_, inputs, channels) = pairs.keypoints.dim();
    let outputs = pairs.poses.dim().1;
    DatasetCard {
        input: InputCard { layout: "custom".into(), joints: numbered(inputs), channels, view: View::Camera },
        output: OutputCard {
            skeleton: "custom".into(),
            joints: numbered(outputs),
            parents: vec![-1; outputs],
            root: pairs.root,
            root_position: pairs.root_position,
            unit: pairs.unit.clone(),
            axes: "camera".into(),
            sigma: false,
        },
        centred: false,
        data: vec![data_card(&pairs.source)],
        validated_on: format!("the last {validating} of {} samples", training + validating),
        train_size: training,
        val_size: validating,
    }
}

fn motion_card(motion: &Motion, validating: &[usize], train_size: usize, val_size: usize) -> DatasetCard {
    let mut subjects: Vec<_> = validating.iter().map(|&clip| motion.clips[clip].subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    DatasetCard {
        input: InputCard { layout: COCO17.name.into(), joints: names(COCO17.joints), channels: 3, view: View::Subject },
        output: OutputCard {
            skeleton: H36M17.name.into(),
            joints: names(H36M17.joints),
            parents: H36M17.parents.to_vec(),
            root: Some(0),
            root_position: None,
            unit: "m".into(),
            axes: "camera".into(),
            sigma: false,
        },
        centred: true,
        data: motion.sources.iter().map(data_card).collect(),
        validated_on: format!("virtual cameras on subjects {}", subjects.join(", ")),
        train_size,
        val_size,
    }
}

impl FixedSet {
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
