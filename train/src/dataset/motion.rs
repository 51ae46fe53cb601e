//! Motion that is drawn with new views for every step, and its validation part.

use std::cell::OnceCell;

use ndarray::{Array3, Axis, concatenate, s};
use poselift::camera::Camera;
use poselift::skeleton::Layout;
use tch::{Device, Tensor};

use super::{MEASURED, VALIDATION_SEED, array, to_device};
use crate::config::FitConfig;
use crate::data::{Motion, Subject};
use crate::net::numbers;
use crate::views::{Cameras, Detector, Seen, ViewOptions, Viewer};

/// Share of the views whose focal length the lifter knows; for the others it guesses, as it will for most users.
const KNOWN_FOCAL: f64 = 0.75;

/// Selects views of the validation split of motion.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// The distribution of cameras.
    pub cameras: Cameras,
    /// The detector's errors.
    pub detector: Detector,
    /// Spread of the bodies' shapes: 1 as in training, more for unusual bodies.
    pub reshape: f64,
    /// Restricts the views to one person.
    pub subject: Option<Subject>,
    /// The most views, evenly spread over the poses.
    pub views: usize,
}

impl Default for Protocol {
    /// The protocol of `models/README.md`, with perfect key points.
    fn default() -> Self {
        Self { cameras: Cameras::default(), detector: Detector::PERFECT, reshape: 1.0, subject: None, views: MEASURED }
    }
}

/// Views of people as plain arrays.
#[derive(Debug, Clone)]
pub struct Views {
    /// `[N, J, 3]` of the model's layout: pixels and scores.
    pub keypoints: Array3<f32>,
    /// `[N, J_out, 3]` Human3.6M-17, with feet where `keypoints` have them: camera axes, root-relative, metres.
    pub poses: Array3<f32>,
    /// `[N]`.
    pub cameras: Vec<Camera>,
}

/// Training motion, with new views for every step.
#[derive(Debug)]
pub(super) struct MotionSource {
    train: Viewer,
    /// How much more often rare poses are drawn; 0 for each pose once an epoch.
    rarity: f64,
    /// `[T]` how often each training pose is drawn; computed when the first epoch asks, since measurements never need
    /// it.
    weights: OnceCell<Tensor>,
    detector: Detector,
    pub held_out: HeldOut,
}

impl MotionSource {
    /// The clips `training` to learn from, and `validating` to measure on.
    pub(super) fn new(
        motion: &Motion,
        training: &[usize],
        validating: &[usize],
        config: &FitConfig,
        layout: &Layout,
        device: Device,
    ) -> Self {
        Self {
            train: viewer(motion, training, layout, device),
            rarity: config.rarity,
            weights: OnceCell::new(),
            detector: Detector::in_training(config.noise),
            held_out: HeldOut::new(motion, validating, layout, device),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.train.len()
    }

    /// `[N]` as many indices as there are training poses, weighted by rarity; `None` if each pose comes once.
    pub(super) fn drawn_by_rarity(&self, seed: u64) -> Option<Tensor> {
        if self.rarity > 0.0 {
            // This comes first because it draws from libtorch's generator too.
            let weights = self.weights.get_or_init(|| self.train.rarity(self.rarity));
            tch::manual_seed(seed as i64);
            Some(weights.multinomial(self.len() as i64, true))
        } else {
            None
        }
    }

    /// Key points `[B, J, 3]` and poses `[B, J_out, 3]` of the training poses `index` `[B]`, as the network sees them.
    pub(super) fn draw(&self, index: &Tensor, seed: u64, mix: bool) -> (Tensor, Tensor) {
        let draw = ViewOptions { seed, detector: self.detector, mix, reshape: 1.0 };
        let seen = self.train.look(&Cameras::in_training(), index, draw);
        let known = seen.focal.rand_like().lt(KNOWN_FOCAL);
        seen.turned(&seen.focal.where_self(&known, &seen.usual_focal()))
    }

    /// Training poses of all people under `protocol`; the same at every call.
    pub(super) fn look(&self, protocol: &Protocol) -> Seen {
        look(&self.train, &Vec::from_iter(0..self.train.len()), protocol)
    }
}

/// Motion of the people who validate.
#[derive(Debug)]
pub(super) struct HeldOut {
    viewer: Viewer,
    /// `[T]` the person of each pose.
    subjects: Vec<Subject>,
}

impl HeldOut {
    pub(super) fn new(motion: &Motion, clips: &[usize], layout: &Layout, device: Device) -> Self {
        let mut subjects = Vec::new();
        for &clip in clips {
            let clip = &motion.clips[clip];
            subjects.extend(std::iter::repeat_n(clip.person(), clip.frames));
        }
        Self { viewer: viewer(motion, clips, layout, device), subjects }
    }

    pub(super) fn len(&self) -> usize {
        self.viewer.len()
    }

    /// The same people at every call.
    pub(super) fn look(&self, protocol: &Protocol) -> Seen {
        let mut chosen = Vec::from_iter(0..self.len());
        if let Some(person) = &protocol.subject {
            chosen.retain(|&pose| self.subjects[pose] == *person);
        }
        look(&self.viewer, &chosen, protocol)
    }

    /// As [`Self::look`], as plain arrays.
    pub(super) fn views(&self, protocol: &Protocol) -> Views {
        let seen = self.look(protocol);
        let focal = numbers(&seen.focal);
        let size = numbers(&seen.size);
        let cameras = focal.into_iter().zip(size.chunks(2)).map(|(focal, size)| camera(focal, size)).collect();
        Views { keypoints: array(&seen.keypoints), poses: array(&seen.poses), cameras }
    }

    /// All people, with the number of their poses.
    pub(super) fn people(&self) -> Vec<(Subject, usize)> {
        let mut people: Vec<(Subject, usize)> = Vec::new();
        for subject in &self.subjects {
            match people.iter_mut().find(|(person, _)| person == subject) {
                Some((_, poses)) => *poses += 1,
                None => people.push((subject.clone(), 1)),
            }
        }
        people
    }
}

/// The camera of an image of this `size`, width and height.
fn camera(focal: f32, size: &[f32]) -> Camera {
    Camera::with_focal(Some(focal), [size[0] as u32, size[1] as u32])
}

/// Poses from `chosen` ones of `viewer`, evenly spread, at most as many as `protocol` asks for.
fn look(viewer: &Viewer, chosen: &[usize], protocol: &Protocol) -> Seen {
    let count = chosen.len().min(protocol.views);
    let spread: Vec<i64> = (0..count).map(|k| chosen[k * chosen.len() / count] as i64).collect();
    let index = Tensor::from_slice(&spread).to_device(viewer.device());
    let draw =
        ViewOptions { seed: VALIDATION_SEED, detector: protocol.detector, mix: false, reshape: protocol.reshape };
    viewer.look(&protocol.cameras, &index, draw)
}

pub(super) fn viewer(motion: &Motion, clips: &[usize], layout: &Layout, device: Device) -> Viewer {
    let (positions, human) = gather(motion, clips);
    Viewer::new(&to_device(&positions, device), &human, layout, device)
}

/// The frames of `clips` end to end, `[T, 28, 3]`, and whether each has a real person's bone lengths, `[T]`.
fn gather(motion: &Motion, clips: &[usize]) -> (Array3<f32>, Vec<bool>) {
    let clips: Vec<_> = clips.iter().map(|&clip| &motion.clips[clip]).collect();
    let frames: Vec<_> =
        clips.iter().map(|clip| motion.positions.slice(s![clip.start..clip.start + clip.frames, .., ..])).collect();
    let positions = concatenate(Axis(0), &frames).expect("clips of one motion have the same joints");
    let human = clips.iter().flat_map(|clip| std::iter::repeat_n(clip.human_lengths, clip.frames)).collect();
    (positions, human)
}
