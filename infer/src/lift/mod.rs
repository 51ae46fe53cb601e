//! The lifter: key points in, poses out. It is the library's main type.
//!
//! It stands between detections (any number of people, any layout, missing joints) and a network that takes regular
//! batches of its own joints.

mod feet;
mod look_ahead;
mod people;
mod recall;
mod sigma;
mod with_cameras;

use std::ops::Range;
use std::path::Path;

use ndarray::{Array3, ArrayView3, ArrayViewMut3};

use crate::camera::Camera;
use crate::error::{Error, Result};
use crate::model::{Batch, Card, Device, Engine, ModelFile, PoseNetwork, Provider, Session, SessionOptions, View};
use crate::pose::{Frame, Keypoint};
use crate::skeleton::{Conversion, Layout, find_joint, is_of_foot};

pub(crate) use look_ahead::LookAhead;
use people::Enough;
pub use people::Refusal;
use recall::Tracks;
pub(crate) use sigma::PersonSigma;
pub use with_cameras::{LiftedArrays, LookedAt, UndoLookAt};

/// The fewest visible joints that a person is lifted from: fewer show only position and size, which the model
/// removes, and nothing of the pose. Points of feet do not count.
pub const MIN_VISIBLE_JOINTS: usize = 4;

/// Poses per batch on a CPU, where the network's threads share them.
const CPU_BATCH: usize = 1024;

/// Poses per batch on a GPU.
const CUDA_BATCH: usize = 4096;

/// Options of a [`Lifter`]: where and how it runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct LifterOptions {
    /// The device.
    pub device: Device,
    /// Threads of the CPU; `None` for all cores, 16 at most.
    pub threads: Option<usize>,
    /// Most poses per batch; `None` for the fastest size.
    pub batch: Option<usize>,
    /// The engine on a CPU.
    pub engine: Engine,
}

/// A model, ready to lift.
///
/// ```
/// use ndarray::Array3;
/// use poselift::Lifter;
/// use poselift::camera::Camera;
///
/// # fn main() -> poselift::Result<()> {
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
/// let mut lifter = Lifter::from_file("models/coco17.onnx")?;
/// let keypoints = Array3::<f32>::ones((230, 17, 3)); // 230 poses, COCO-17, (x, y, score) in pixels
/// let camera = Camera::with_focal(None, [1920, 1080]); // of unknown focal length
/// let lifted = lifter.lift_with_cameras(keypoints.view(), &[camera])?;
/// assert_eq!(lifted.poses.dim(), (230, 17, 3)); // Human3.6M-17, metres, x right, y down, z forward
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Lifter<N = Session> {
    network: N,
    batch: usize,
    /// Whether people are turned to the optical axis.
    looks_at_people: bool,
    /// The last frame's camera, and the focal length that the frame said.
    camera: Option<(Camera, Option<f32>)>,
    /// Whether sigma is returned, if the model has it.
    wants_sigma: bool,
    /// `[J_out]` index of the key point of the same name, if the model reads one.
    keypoint_of: Vec<Option<usize>>,
    /// `[J_out]`.
    is_of_foot: Vec<bool>,
    enough: Enough,
    /// `[J_in]` one person in the model's layout, kept between calls.
    points: Vec<Keypoint>,
    /// `[N, J_in, channels]`, kept between calls.
    keypoints: Vec<f32>,
    /// Each person in the frames that are being lifted; `None` for a refused one. Kept between calls.
    gathered: Vec<Option<people::Gathered>>,
    output: people::NetworkOutput,
    /// The memory of each track, if the model has one.
    tracks: Option<Tracks>,
    feet: feet::FeetPass,
}

impl Lifter<Session> {
    /// Opens the model at `path` on the best available device.
    ///
    /// # Errors
    /// A file that is not a model of ours, or no usable ONNX Runtime.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_file_with(path, &LifterOptions::default())
    }

    /// Opens the model at `path`.
    ///
    /// # Errors
    /// A file that is not a model of ours, no usable ONNX Runtime, or a device that cannot be used.
    pub fn from_file_with(path: impl AsRef<Path>, options: &LifterOptions) -> Result<Self> {
        Self::from_model(&ModelFile::read(path)?, options)
    }

    /// Opens the model that is part of this crate: COCO-17 in, Human3.6M-17 out. Needs the feature `bundled`, which is on by
    /// default.
    ///
    /// # Errors
    /// No usable ONNX Runtime, or a device that cannot be used.
    #[cfg(feature = "bundled")]
    pub fn bundled(options: &LifterOptions) -> Result<Self> {
        Self::from_model(&ModelFile::bundled()?, options)
    }

    /// Opens a model that has already been read.
    ///
    /// # Errors
    /// No usable ONNX Runtime, or a device that cannot be used.
    pub fn from_model(file: &ModelFile, options: &LifterOptions) -> Result<Self> {
        let LifterOptions { device, threads, engine, .. } = *options;
        let session = Session::new(file, &SessionOptions { device, threads, engine })?;
        let fastest = match session.provider() {
            Provider::Cpu | Provider::OpenVino => CPU_BATCH,
            Provider::Cuda(_) => CUDA_BATCH,
        };
        Ok(Self::with_network(session, options.batch.unwrap_or(fastest)))
    }

    /// The execution provider that is really in use.
    pub fn provider(&self) -> Provider {
        self.network.provider()
    }

    /// The session, with its threads and the reason of a fallback.
    pub fn session(&self) -> &Session {
        &self.network
    }

    /// A lifter of the same network for another thread, which lifts on that thread alone; the two do not wait for each other.
    ///
    /// ```no_run
    /// use poselift::{Lifter, LifterOptions};
    ///
    /// # fn main() -> poselift::Result<()> {
    /// # #[cfg(feature = "bundled")] {
    /// let lifter = Lifter::bundled(&LifterOptions::default())?;
    /// let mut handle = lifter.handle();
    /// std::thread::spawn(move || {
    ///     // Lifts one camera's frames: `handle.lift_frames`, or a `poselift::stream::PushStream` of it.
    ///     # let _ = &mut handle;
    /// });
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn handle(&self) -> Lifter<Box<dyn PoseNetwork>> {
        Lifter::with_network(self.network.handle(), self.batch)
    }
}

impl<N: PoseNetwork> Lifter<N> {
    /// A lifter over any network, which gets at most `batch` poses at once (at least 1).
    pub fn with_network(network: N, batch: usize) -> Self {
        let Card { input, output, .. } = network.card();
        let keypoint_of = keypoint_of_joints(network.card());
        let is_of_foot = output.joints.iter().map(|joint| is_of_foot(joint)).collect();
        let enough = Enough::of(&input.joints);
        let looks_at_people = input.view == View::Subject;
        let batch = batch.max(1);
        let tracks = network.card().memory.as_ref().map(Tracks::new);
        let feet = feet::FeetPass::of(network.card());
        Self {
            network,
            batch,
            looks_at_people,
            camera: None,
            wants_sigma: true,
            keypoint_of,
            is_of_foot,
            enough,
            points: Vec::new(),
            keypoints: Vec::new(),
            gathered: Vec::new(),
            output: people::NetworkOutput::default(),
            tracks,
            feet,
        }
    }

    /// Clears the memory of all people, where the model has one. To be called before the frames of another stream.
    pub fn forget(&mut self) {
        for tracks in self.tracks.iter_mut().chain(&mut self.feet.tracks) {
            tracks.forget();
        }
    }

    /// Whether the model's memory goes by a time of `frame` that is assumed.
    pub fn assumes_time_of(&self, frame: &Frame) -> bool {
        self.tracks.is_some() && frame.time.is_none()
    }

    /// Leaves sigma out of the results of [`Self::lift_frames`] from now on, which saves copying it.
    pub fn leave_out_sigma(&mut self) {
        self.wants_sigma = false;
    }

    /// Lifters of the same network that work only on the calling thread, so that batches can be lifted in parallel;
    /// none if a batch is best lifted by itself.
    ///
    /// # Errors
    /// A runtime that fails.
    pub(crate) fn thread_handles(&mut self) -> Result<Vec<Lifter<Box<dyn PoseNetwork>>>> {
        let mut handles = Vec::new();
        for network in self.network.thread_handles()? {
            let mut handle = Lifter::with_network(network, self.batch);
            handle.wants_sigma = self.wants_sigma;
            handles.push(handle);
        }
        Ok(handles)
    }

    /// The network, to be shared with other lifters.
    pub fn into_network(self) -> N {
        self.network
    }

    /// The model's card.
    pub fn card(&self) -> &Card {
        self.network.card()
    }

    /// Most poses per batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The conversion from `layout` to the model's own layout ([`conversion`]).
    ///
    /// # Errors
    /// The layout lacks joints that the model reads.
    pub fn conversion(&self, layout: &Layout) -> Result<Conversion> {
        conversion(self.card(), layout)
    }

    /// Lifts `keypoints` `[N, J_in, channels]` in the model's own layout; gives `[N, J_out, 3]` in the card's axes and
    /// unit, relative to the root. People with fewer than [`MIN_VISIBLE_JOINTS`] visible joints come out as NaN.
    ///
    /// The camera is unknown here, so a model that looks at the subject ([`crate::model::View`]) assumes that each
    /// person stands on the optical axis; [`Self::lift_with_cameras`] does better.
    ///
    /// # Errors
    /// Joints or channels that are not the model's; a runtime that fails.
    pub fn lift(&mut self, keypoints: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
        let mut poses = Array3::zeros((keypoints.dim().0, self.card().output.joints.len(), 3));
        self.lift_into(keypoints, poses.view_mut())?;
        Ok(poses)
    }

    /// As [`Self::lift`], into `poses` `[N, J_out, 3]`.
    ///
    /// # Errors
    /// As [`Self::lift`].
    pub fn lift_into(&mut self, keypoints: ArrayView3<'_, f32>, mut poses: ArrayViewMut3<'_, f32>) -> Result<()> {
        let batch = Batch::new(self.card(), keypoints, poses.view_mut(), None)?;
        self.run(batch)?;
        blank_unlifted(keypoints.outer_iter().map(|person| self.enough.is_seen(person)), poses);
        Ok(())
    }

    /// Runs the network on batches of the fastest size.
    fn run(&mut self, mut batch: Batch<'_>) -> Result<()> {
        for chunk in even_chunks(batch.len(), self.batch) {
            self.network.run(batch.rows(chunk))?;
        }
        Ok(())
    }
}

/// The conversion from `layout` to the layout of the model of `card`. Models with a memory are for people whom a detector follows: for
/// them it corrects where MediaPipe places shoulders and hips ([`Conversion::correct`]). Models of single frames take points as they are.
///
/// # Errors
/// The layout lacks joints that the model reads.
pub fn conversion(card: &Card, layout: &Layout) -> Result<Conversion> {
    let joints = &card.input.joints;
    let conversion = Conversion::new(layout, joints)?;
    Ok(if card.memory.is_some() { conversion.with_placement(layout, joints) } else { conversion })
}

/// `[J_out]` the place of the key point of each joint's name, if the model of `card` reads one.
pub fn keypoint_of_joints(card: &Card) -> Vec<Option<usize>> {
    let Card { input, output, .. } = card;
    output.joints.iter().map(|name| find_joint(&input.joints, name)).collect()
}

/// A number of threads of the CPU that may be asked for.
///
/// # Errors
/// Another number; the error says which are allowed.
pub fn allowed_threads(threads: usize) -> Result<usize> {
    /// More than any machine has cores would only cost memory.
    const MAX_THREADS: usize = 512;
    match threads {
        1..=MAX_THREADS => Ok(threads),
        _ => Err(Error::usage(format!("expected a whole number, 1 to {MAX_THREADS}"))),
    }
}

/// Fills the poses `[N, J_out, 3]` of people who are not seen, or whose pose is no number, with NaN.
fn blank_unlifted(is_seen: impl Iterator<Item = bool>, mut poses: ArrayViewMut3<'_, f32>) {
    for (is_seen, mut pose) in is_seen.zip(poses.outer_iter_mut()) {
        if !is_seen || pose.iter().any(|value| !value.is_finite()) {
            pose.fill(f32::NAN);
        }
    }
}

/// Cuts `0..total` into the fewest ranges of at most `most`, all of similar size.
fn even_chunks(total: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let chunks = total.div_ceil(most);
    (0..chunks).map(move |chunk| chunk * total / chunks..(chunk + 1) * total / chunks)
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;
    use crate::model::MockNetwork;

    #[test]
    fn chunks_are_even_and_cover_everything() {
        for (total, most, sizes) in [(0, 4, vec![]), (4, 4, vec![4]), (5, 4, vec![2, 3]), (513, 256, vec![171; 3])] {
            let chunks: Vec<_> = even_chunks(total, most).collect();
            assert_eq!(chunks.iter().map(|chunk| chunk.len()).collect::<Vec<_>>(), sizes);
            assert!(chunks.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }

    #[test]
    fn numbers_of_threads_have_bounds() {
        assert!([1, 512].into_iter().all(|threads| allowed_threads(threads).is_ok_and(|allowed| allowed == threads)));
        for refused in [0, 513, usize::MAX] {
            let message = allowed_threads(refused).unwrap_err().to_string();
            assert_eq!(message, "expected a whole number, 1 to 512", "{refused}");
        }
    }

    #[test]
    fn big_batches_are_cut_and_keep_their_order() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 4);
        let keypoints = Array3::from_shape_fn((10, 17, 3), |(n, ..)| 1.0 + n as f32);
        let poses = lifter.lift(keypoints.view()).unwrap();
        assert!((0..10).all(|n| poses[(n, 3, 0)] == (1.0 + n as f32) * 0.001));
        assert_eq!(lifter.network.batches, [3, 3, 4]);
    }

    #[test]
    fn too_few_joints_come_out_as_nan() {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 4);
        let mut keypoints = Array3::ones((2, 17, 3));
        keypoints.slice_mut(s![1, 3.., 2]).fill(0.0);
        let poses = lifter.lift(keypoints.view()).unwrap();
        assert!(poses.slice(s![0, .., ..]).iter().all(|value| value.is_finite()));
        assert!(poses.slice(s![1, .., ..]).iter().all(|value| value.is_nan()));
    }
}
