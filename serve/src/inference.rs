//! One inference, whichever protocol asked for it: the model, its tensors checked, a deadline, the counters.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::failure::{Failure, FailureKind};
use crate::metrics::Metrics;
use crate::model::{Answer, ModelInfo, Parameter, Parameters, Reply, Request, TensorInfo};
use crate::models::{Models, Served};
use crate::options::{Limits, Options, OriginCheck};
use crate::streams::Streams;
use crate::tensor::Tensor;
use crate::traces::{InferenceSpan, Parent, Traces};

/// What both protocols share.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) models: Models,
    pub(crate) metrics: Arc<Metrics>,
    /// Set where there is a collector.
    pub(crate) traces: OnceLock<Traces>,
    /// The longest that a request may take.
    pub(crate) timeout: Duration,
    /// The longest body or message, in bytes.
    pub(crate) max_body_bytes: usize,
    pub(crate) streams: Streams,
    /// Whether pages of a site may open a stream.
    pub(crate) allows_origin: OriginCheck,
    is_ready: AtomicBool,
    is_closing: AtomicBool,
}

/// An inference as a client asks for it.
#[derive(Debug, Default)]
pub(crate) struct InferenceRequest {
    pub(crate) inputs: Vec<Tensor>,
    /// Empty for all.
    pub(crate) outputs: Vec<String>,
    pub(crate) parameters: Parameters,
    /// The client's own limit, of whatever protocol.
    pub(crate) deadline: Option<Duration>,
    pub(crate) parent: Parent,
}

impl Service {
    pub(crate) fn new(options: &Options) -> Arc<Self> {
        let Options { name, version, limits, allows_origin, .. } = options;
        let Limits { timeout, max_body_bytes, streams, .. } = *limits;
        let metrics = Arc::new(Metrics::new());
        Arc::new(Self {
            name: name.clone(),
            version: version.clone(),
            models: Models::default(),
            streams: Streams::new(streams, Arc::clone(&metrics)),
            metrics,
            traces: OnceLock::new(),
            timeout,
            max_body_bytes,
            allows_origin: Arc::clone(allows_origin),
            is_ready: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
        })
    }

    /// Says that all models were loaded.
    pub(crate) fn ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    /// Says that the server ends.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// Whether requests are welcome: all models were loaded, and there is one.
    pub(crate) fn is_ready(&self) -> bool {
        let has_models = !self.models.is_empty();
        has_models && self.is_ready.load(Ordering::Acquire) && !self.is_closing.load(Ordering::Acquire)
    }

    /// What was `read` of a request to `served` that came at `started`; one that cannot be read is counted as failed.
    pub(crate) fn count_unread<T>(
        &self,
        served: &Served,
        started: Instant,
        read: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Err(failure) = &read {
            self.metrics.failed(&served.key, failure.kind, started.elapsed());
        }
        read
    }

    /// Lets the model of `served` answer.
    ///
    /// # Errors
    /// Tensors that are not the model's, a full queue, a time that is over, a model that fails.
    pub(crate) async fn infer(&self, served: &Served, request: InferenceRequest) -> Result<Answer, Failure> {
        let started = Instant::now();
        let _waiting = self.metrics.wait(&served.key);
        let rows = request.inputs.first().and_then(|input| input.shape.first()).copied().unwrap_or_default();
        let span = self.traces.get().map(|traces| traces.open(&served.key, rows, &request.parent));
        let mut in_flight = InFlight { service: self, served, started, span, is_answered: false };
        let answer = self.answer(served, request).await;
        in_flight.is_answered = true;
        match &answer {
            Ok(answer) => self.metrics.answered(&served.key, rows, started.elapsed(), answer),
            Err(failure) => self.metrics.failed(&served.key, failure.kind, started.elapsed()),
        }
        if let Some(span) = in_flight.span.take() {
            span.end(&answer);
        }
        answer
    }

    async fn answer(&self, served: &Served, request: InferenceRequest) -> Result<Answer, Failure> {
        let info = served.model.info();
        let limit = request.deadline.into_iter().chain(timeout(&request.parameters)?).chain([self.timeout]).min();
        let limit = limit.unwrap_or(self.timeout);
        let request = Request {
            inputs: inputs_in_order(info, request.inputs)?,
            outputs: requested_outputs(info, request.outputs)?,
            parameters: request.parameters,
        };
        let (reply, answer) = Reply::new();
        served.model.submit(request, reply)?;
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Failure::new(FailureKind::Broken, "the model gave no answer")),
            Err(_) => {
                let millis = limit.as_millis();
                Err(Failure::new(FailureKind::Late, format!("not answered within {millis} ms")))
            }
        }
    }
}

/// A request that is worked on; one whose client goes before it is answered is dropped, and counted then.
struct InFlight<'a> {
    service: &'a Service,
    served: &'a Served,
    started: Instant,
    span: Option<InferenceSpan>,
    is_answered: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        self.service.metrics.failed(&self.served.key, FailureKind::Late, self.started.elapsed());
        if let Some(span) = self.span.take() {
            span.end(&Err(Failure::new(FailureKind::Late, "the client has gone")));
        }
    }
}

/// The time in microseconds that Triton's clients give as the parameter `timeout`; 0 is none.
fn timeout(parameters: &Parameters) -> Result<Option<Duration>, Failure> {
    match parameters.get("timeout") {
        None | Some(Parameter::Int(0)) => Ok(None),
        Some(Parameter::Int(micros)) if *micros > 0 => Ok(Some(Duration::from_micros(*micros as u64))),
        Some(other) => Err(Failure::request(format!("parameter timeout is {other:?}, expected microseconds"))),
    }
}

/// `inputs` in the model's order.
fn inputs_in_order(info: &ModelInfo, mut inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Failure> {
    let mut ordered = Vec::with_capacity(info.inputs.len());
    for expected in &info.inputs {
        let Some(at) = inputs.iter().position(|input| input.name == expected.name) else {
            let found: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(Failure::request(format!("no input '{}', found {found:?}", expected.name)));
        };
        let input = inputs.swap_remove(at);
        if !fits(expected, &input.shape) {
            let Tensor { name, shape, .. } = input;
            return Err(Failure::request(format!("input '{name}' has shape {shape:?}, expected {:?}", expected.shape)));
        }
        ordered.push(input);
    }
    match inputs.first() {
        Some(more) if info.inputs.iter().any(|known| known.name == more.name) => {
            Err(Failure::request(format!("input '{}' is given twice", more.name)))
        }
        Some(more) => Err(Failure::request(format!("the model has no input '{}'", more.name))),
        None => Ok(ordered),
    }
}

fn fits(expected: &TensorInfo, shape: &[usize]) -> bool {
    let mut sides = expected.shape.iter().zip(shape);
    expected.shape.len() == shape.len() && sides.all(|(expected, found)| *expected == -1 || *expected == *found as i64)
}

/// `outputs`, or all of the model's.
fn requested_outputs(info: &ModelInfo, outputs: Vec<String>) -> Result<Vec<String>, Failure> {
    if outputs.is_empty() {
        return Ok(info.outputs.iter().map(|output| output.name.clone()).collect());
    }
    if let Some(name) = outputs.iter().find(|name| info.outputs.iter().all(|output| output.name != **name)) {
        return Err(Failure::request(format!("the model has no output '{name}'")));
    }
    // Each is a copy of its array: short requests must not have long answers.
    match (1..outputs.len()).find(|at| outputs[..*at].contains(&outputs[*at])) {
        Some(at) => Err(Failure::request(format!("output '{}' is asked for twice", outputs[at]))),
        None => Ok(outputs),
    }
}
