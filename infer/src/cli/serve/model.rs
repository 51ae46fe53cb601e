//! A lifting model as the server sees it: tensors in and out, batched by the library's [`SharedNetwork`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array3, CowArray};
use poselift_onnx::names::{INPUT_NAME, OUTPUT_NAME, SIGMA_NAME};
use poselift_serve::{
    Failure, FailureKind, Loader, Model, ModelInfo, Parameter, Parameters, Reply, Request, StreamClient, Tensor,
    TensorInfo,
};
use sha2::{Digest, Sha256};

use super::stream;
use crate::camera::Camera;
use crate::cli::open_lifter;
use crate::cli::report::Terminal;
use crate::error::{Error, ErrorKind, Result};
use crate::lift::{Lifter, LifterOptions, LookedAt, UndoLookAt};
use crate::model::{Card, ModelFile, PoseNetwork, Session};
use crate::stream::{NotSubmitted, Receiver, SharedNetwork, TimedPoses};

/// When a client may try again whose request found a full queue; the queue holds what is lifted in less.
const RETRY: Duration = Duration::from_millis(100);

/// Poses of the batch that a model lifts before its first client comes, beside one alone.
const WARM_UP: usize = 64;

/// How models are opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct LiftOptions {
    pub(super) lifter: LifterOptions,
    /// How long a request may wait for others.
    pub(super) max_delay: Duration,
    /// Poses that may wait.
    pub(super) room: usize,
    pub(super) terminal: Terminal,
}

/// Loads models of files.
pub(super) struct ModelLoader(pub(super) LiftOptions);

impl Loader for ModelLoader {
    fn load(&self, path: &Path) -> Result<Arc<dyn Model>, String> {
        let opened = ModelFile::read(path).and_then(|file| LiftModel::open(&file, &self.0));
        opened.map(|model| Arc::new(model) as Arc<dyn Model>).map_err(|error| error.to_string())
    }
}

/// A model that is served.
pub(super) struct LiftModel {
    info: ModelInfo,
    network: SharedNetwork,
    /// People of a frame who are lifted at once.
    batch: usize,
}

impl LiftModel {
    /// Opens `file` and lets it lift once.
    ///
    /// # Errors
    /// As [`Lifter::from_model`]; a runtime that fails.
    pub(super) fn open(file: &ModelFile, options: &LiftOptions) -> Result<Self> {
        let mut lifter = open_lifter(file, &options.lifter, &options.terminal)?;
        let info = info(file, lifter.session());
        warm_up(&mut lifter)?;
        let batch = lifter.batch();
        let network = SharedNetwork::start_with_room(lifter.into_network(), batch, options.max_delay, options.room)?;
        Ok(Self { info, network, batch })
    }
}

fn warm_up(lifter: &mut Lifter) -> Result<()> {
    let joints = lifter.card().input.joints.len();
    let channels = lifter.card().input.channels;
    for poses in [1, WARM_UP] {
        let keypoints =
            Array3::from_shape_fn((poses, joints, channels), |(_, joint, channel)| (1 + joint + channel) as f32);
        lifter.lift(keypoints.view())?;
    }
    Ok(())
}

impl Model for LiftModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn submit(&self, mut request: Request, reply: Reply) -> Result<(), Failure> {
        let card = self.network.card();
        let Some(Tensor { shape, values, .. }) = request.inputs.pop() else { return Err(refused("no key points")) };
        let keypoints = Array3::from_shape_vec((shape[0], shape[1], shape[2]), values).map_err(refused)?;
        let camera = camera(&request.parameters)?;
        let looked_at = LookedAt::new(card, CowArray::from(keypoints), camera.as_slice()).map_err(refused)?;
        let LookedAt { keypoints, back } = looked_at;
        let wants_sigma = request.outputs.iter().any(|name| name == SIGMA_NAME);
        let receiver = Box::new(Waiting { reply, back, outputs: request.outputs });
        self.network.submit(keypoints.into_owned(), wants_sigma, receiver).map_err(|cause| match cause {
            NotSubmitted::Full => {
                Failure::new(FailureKind::Full(RETRY), "as many poses wait to be lifted as may wait; try again later")
            }
            NotSubmitted::Refused(error) => failure(&error),
        })
    }

    fn batches(&self) -> u64 {
        self.network.batches()
    }

    fn stream_options(&self) -> &'static [&'static str] {
        &stream::OPTIONS
    }

    fn stream(&self, options: &BTreeMap<String, String>, client: StreamClient) -> Result<(), Failure> {
        let options = stream::StreamOptions::read(options).map_err(refused)?;
        let lifter = Lifter::with_network(self.network.clone(), self.batch);
        stream::lift(lifter, options, client).map_err(|error| failure(&error))
    }
}

/// A request whose key points are being lifted.
struct Waiting {
    reply: Reply,
    back: UndoLookAt,
    /// The outputs that the client wants, in its order.
    outputs: Vec<String>,
}

impl Receiver for Waiting {
    fn is_waiting(&self) -> bool {
        self.reply.is_awaited()
    }

    fn receive(self: Box<Self>, answer: Result<TimedPoses>) {
        let Self { reply, back, outputs } = *self;
        reply.send(answer.map_err(|error| failure(&error)).map(|answer| written(answer, &back, &outputs)));
    }
}

fn written(mut answer: TimedPoses, back: &UndoLookAt, outputs: &[String]) -> poselift_serve::Answer {
    back.apply(answer.poses.view_mut());
    let mut tensors = Vec::with_capacity(outputs.len());
    for name in outputs {
        let tensor = match answer.sigma.as_ref().filter(|_| name == SIGMA_NAME) {
            Some(sigma) => (sigma.shape().to_vec(), sigma.iter().copied().collect()),
            None => (answer.poses.shape().to_vec(), answer.poses.iter().copied().collect()),
        };
        let (shape, values) = tensor;
        tensors.push(Tensor { name: name.clone(), shape, values });
    }
    poselift_serve::Answer { outputs: tensors, queued: answer.queued, computed: answer.computed, batch: answer.batch }
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::request(error.to_string())
}

fn failure(error: &Error) -> Failure {
    let kind = if error.kind() == ErrorKind::BadInput { FailureKind::BadRequest } else { FailureKind::Broken };
    Failure::new(kind, error.to_string())
}

fn focal_of(parameter: &Parameter) -> Result<f32, Failure> {
    let focal = match parameter {
        Parameter::Float(focal) => Some(*focal as f32),
        Parameter::Int(focal) => Some(*focal as f32),
        _ => None,
    };
    focal
        .filter(|focal| *focal > 0.0 && focal.is_finite())
        .ok_or_else(|| refused(format!("parameter focal is {parameter:?}, expected pixels, above 0")))
}

/// The camera that the parameters `width`, `height` and `focal`, all in pixels, describe.
fn camera(parameters: &Parameters) -> Result<Option<Camera>, Failure> {
    let size = [side(parameters, "width")?, side(parameters, "height")?];
    let focal = parameters.get("focal").map(focal_of).transpose()?;
    match size {
        [Some(width), Some(height)] => Ok(Some(Camera::with_focal(focal, [width, height]))),
        [None, None] if focal.is_none() => Ok(None),
        _ => Err(refused("expected the parameters width and height, both or none, and focal with them alone")),
    }
}

fn side(parameters: &Parameters, name: &str) -> Result<Option<u32>, Failure> {
    match parameters.get(name) {
        None => Ok(None),
        Some(Parameter::Int(side)) if (1..=i64::from(u32::MAX)).contains(side) => Ok(Some(*side as u32)),
        Some(other) => Err(refused(format!("parameter {name} is {other:?}, expected whole pixels, above 0"))),
    }
}

/// The description of `file`, which runs in `session`, for clients.
fn info(file: &ModelFile, session: &Session) -> ModelInfo {
    let file = match session.provider() {
        crate::model::Provider::Cpu => file.for_cpus(),
        _ => file,
    };
    let Card { input, output, weights_sha256, network, name, .. } = session.card();
    let joints = output.joints.len() as i64;
    let mut outputs = vec![tensor_info(OUTPUT_NAME, &[joints, 3])];
    if output.sigma {
        outputs.push(tensor_info(SIGMA_NAME, &[joints]));
    }
    let sha256: String = Sha256::digest(file.bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let properties = [
        ("sha256", sha256),
        ("weights_sha256", weights_sha256.clone()),
        ("card", name.clone()),
        ("layout", input.layout.clone()),
        ("keypoints", input.joints.join(",")),
        ("skeleton", output.skeleton.clone()),
        ("joints", output.joints.join(",")),
        ("unit", output.unit.to_string()),
        ("precision", network.precision.to_string()),
        ("engine", session.engine().to_owned()),
        ("device", session.provider().device().to_string()),
    ];
    ModelInfo {
        platform: "poselift".to_owned(),
        inputs: vec![tensor_info(INPUT_NAME, &[input.joints.len() as i64, input.channels as i64])],
        outputs,
        properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
    }
}

/// A tensor of any number of rows, each of `sizes`.
fn tensor_info(name: &str, sizes: &[i64]) -> TensorInfo {
    TensorInfo { name: name.to_owned(), shape: [&[-1], sizes].concat() }
}
