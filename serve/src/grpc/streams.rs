//! Streams of frames to poses.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::protocol::poselift::Line;
use super::protocol::poselift::streams_server::{Streams, StreamsServer};
use super::status;
use crate::failure::Failure;
use crate::inference::Service;
use crate::streams::{OpenStream, until_closing};

/// The call, as a service of tonic.
pub(super) fn server(service: &Arc<Service>) -> StreamsServer<Calls> {
    StreamsServer::new(Calls(Arc::clone(service))).max_decoding_message_size(service.max_body_bytes)
}

pub(super) struct Calls(Arc<Service>);

#[tonic::async_trait]
impl Streams for Calls {
    type LiftStream = Pin<Box<dyn Stream<Item = Result<Line, Status>> + Send>>;

    async fn lift(&self, request: Request<Streaming<Line>>) -> Result<Response<Self::LiftStream>, Status> {
        let service = &self.0;
        let metadata = request.metadata();
        let model = match text(metadata, "model")? {
            Some(model) => model,
            None => service.models.only().map_err(status)?,
        };
        let served = service.models.find(&model, text(metadata, "model-version")?.as_deref()).map_err(status)?;
        let mut options = BTreeMap::new();
        for name in served.model.stream_options() {
            options.extend(text(metadata, name)?.map(|value| ((*name).to_owned(), value)));
        }
        let OpenStream { messages, answers, end, mut closing, .. } =
            service.streams.open(served, options).map_err(status)?;
        let mut lines = request.into_inner();
        let (breaks, broken) = oneshot::channel();
        tokio::spawn(async move {
            loop {
                let line = tokio::select! {
                    line = lines.next() => line,
                    () = until_closing(&mut closing) => return,
                    // The thread has ended.
                    () = messages.closed() => return,
                };
                let json = match line {
                    Some(Ok(Line { json })) => json,
                    Some(Err(status)) => {
                        // A client that is gone need not know.
                        let _ = breaks.send(status);
                        return;
                    }
                    None => return,
                };
                if messages.send(json).await.is_err() {
                    return;
                }
            }
        });
        let answers = ReceiverStream::new(answers).map(|json| Ok(Line { json }));
        // What is left to say when all is answered: why it ended.
        let mut ends = Some((end, broken));
        let last = tokio_stream::once(()).then(move |()| end_of(ends.take())).filter_map(|failure| failure.map(Err));
        Ok(Response::new(Box::pin(answers.chain(last))))
    }
}

/// How a stream's thread ended, and what came in the place of a line that could not be taken, as one that is too long.
type Ends = (oneshot::Receiver<Result<(), Failure>>, oneshot::Receiver<Status>);

/// Why a stream ended, if not because there was no more to answer.
async fn end_of(ends: Option<Ends>) -> Option<Status> {
    let (end, broken) = ends?;
    match end.await {
        Ok(Ok(())) => broken.await.ok(),
        Ok(Err(failure)) => Some(status(failure)),
        Err(_) => Some(Status::internal("the stream broke down")),
    }
}

/// A text in a call's metadata.
fn text(metadata: &MetadataMap, name: &str) -> Result<Option<String>, Status> {
    let value = metadata.get(name).map(|value| value.to_str().map(str::to_owned));
    value.transpose().map_err(|_| Status::invalid_argument(format!("metadata {name} is no plain text")))
}
