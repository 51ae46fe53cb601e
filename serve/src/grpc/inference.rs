//! The calls of the Open Inference Protocol.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, Streaming};

use super::protocol::inference::grpc_inference_service_server::{GrpcInferenceService, GrpcInferenceServiceServer};
use super::protocol::inference::model_metadata_response::TensorMetadata;
use super::protocol::inference::repository_index_response::ModelIndex;
use super::protocol::inference::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest,
    ModelReadyResponse, ModelStatisticsRequest, ModelStatisticsResponse, ModelStreamInferResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use super::{deadline, statistics, status, tensors};
use crate::failure::Failure;
use crate::inference::Service;
use crate::model::TensorInfo;
use crate::models::Served;
use crate::rest::EXTENSIONS;
use crate::statistics::Statistics;
use crate::tensor::DATATYPE;
use crate::traces::{Parent, Traces};

/// Requests of one streaming call that are worked on at the same time.
const AT_ONCE: usize = 16;

/// The calls, as a service of tonic.
pub(super) fn server(service: &Arc<Service>) -> GrpcInferenceServiceServer<Calls> {
    GrpcInferenceServiceServer::new(Calls(Arc::clone(service)))
        .max_decoding_message_size(service.max_body_bytes)
        .max_encoding_message_size(usize::MAX)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
}

#[derive(Clone)]
pub(super) struct Calls(Arc<Service>);

impl Calls {
    /// The model of that name; an empty version is the highest.
    fn find(&self, name: &str, version: &str) -> Result<Served, Failure> {
        self.0.models.find(name, Some(version).filter(|version| !version.is_empty()))
    }

    /// The trace that a call is part of.
    fn parent<T>(&self, request: &Request<T>) -> Parent {
        let is_traced = self.0.traces.get().is_some();
        if is_traced { Traces::parent(request.metadata().as_ref()) } else { Parent::default() }
    }

    async fn infer(
        &self,
        mut request: ModelInferRequest,
        deadline: Option<Duration>,
        parent: Parent,
    ) -> Result<ModelInferResponse, Failure> {
        let started = Instant::now();
        let served = self.find(&request.model_name, &request.model_version)?;
        let id = std::mem::take(&mut request.id);
        let mut call = self.0.count_unread(&served, started, tensors::read(request))?;
        call.request.deadline = deadline;
        call.request.parent = parent;
        let answer = self.0.infer(&served, call.request).await?;
        Ok(tensors::write(served.key, id, answer, call.is_raw))
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Calls {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: self.0.is_ready() }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let ModelReadyRequest { name, version } = request.into_inner();
        Ok(Response::new(ModelReadyResponse { ready: self.find(&name, &version).is_ok() }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        let extensions = EXTENSIONS.map(str::to_owned).to_vec();
        let name = self.0.name.clone();
        let version = self.0.version.clone();
        Ok(Response::new(ServerMetadataResponse { name, version, extensions }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let ModelMetadataRequest { name, version } = request.into_inner();
        let Served { key, model } = self.find(&name, &version).map_err(status)?;
        let versions = match version.is_empty() {
            true => self.0.models.versions(&key.name).iter().map(u64::to_string).collect(),
            false => vec![version],
        };
        let info = model.info();
        Ok(Response::new(ModelMetadataResponse {
            name: key.name,
            versions,
            platform: info.platform.clone(),
            inputs: info.inputs.iter().map(tensor_metadata).collect(),
            outputs: info.outputs.iter().map(tensor_metadata).collect(),
            properties: info.properties.clone().into_iter().collect(),
        }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let deadline = deadline(&request);
        let parent = self.parent(&request);
        self.infer(request.into_inner(), deadline, parent).await.map(Response::new).map_err(status)
    }

    type ModelStreamInferStream = Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Result<Response<Self::ModelStreamInferStream>, Status> {
        let parent = self.parent(&request);
        let mut requests = request.into_inner();
        let (sender, tasks) = mpsc::channel::<JoinHandle<Result<ModelStreamInferResponse, Status>>>(AT_ONCE);
        let calls = self.clone();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                // A call that breaks off needs no more answers.
                let Ok(room) = sender.reserve().await else { return };
                let request = match request {
                    Ok(request) => request,
                    Err(status) => return room.send(tokio::spawn(async { Err(status) })),
                };
                let calls = calls.clone();
                let parent = parent.clone();
                room.send(tokio::spawn(async move {
                    let id = request.id.clone();
                    let (error_message, response) = match calls.infer(request, None, parent).await {
                        Ok(response) => (String::new(), response),
                        // Triton's clients look for the id here, too.
                        Err(failure) => (failure.message, ModelInferResponse { id, ..Default::default() }),
                    };
                    Ok(ModelStreamInferResponse { error_message, infer_response: Some(response) })
                }));
            }
        });
        let answers = ReceiverStream::new(tasks)
            .then(|task| async { task.await.unwrap_or_else(|error| Err(Status::internal(error.to_string()))) });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Result<Response<ModelStatisticsResponse>, Status> {
        let ModelStatisticsRequest { name, version } = request.into_inner();
        let served = match (name.is_empty(), version.is_empty()) {
            (true, _) => Ok(self.0.models.all()),
            (false, true) => self.0.models.named(&name),
            (false, false) => self.find(&name, &version).map(|served| vec![served]),
        };
        let served = served.map_err(status)?;
        let model_stats =
            served.iter().map(|served| statistics::write(Statistics::of(served, &self.0.metrics))).collect();
        Ok(Response::new(ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        _: Request<RepositoryIndexRequest>,
    ) -> Result<Response<RepositoryIndexResponse>, Status> {
        let models = self.0.models.all().into_iter().map(index_entry).collect();
        Ok(Response::new(RepositoryIndexResponse { models }))
    }
}

fn tensor_metadata(tensor: &TensorInfo) -> TensorMetadata {
    TensorMetadata { name: tensor.name.clone(), datatype: DATATYPE.to_owned(), shape: tensor.shape.clone() }
}

fn index_entry(served: Served) -> ModelIndex {
    ModelIndex {
        name: served.key.name,
        version: served.key.version.to_string(),
        state: "READY".to_owned(),
        reason: String::new(),
    }
}
