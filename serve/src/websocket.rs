//! Streams over WebSocket: a JSON value a message, an answer a message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, extract};
use bytes::Bytes;

use crate::failure::{Failure, FailureKind};
use crate::inference::Service;
use crate::rest::Which;
use crate::streams::{OpenStream, until_closing};

/// How long a client may take for an answer before it is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The path of streams.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v2/models/{model}/stream", get(open))
        .route("/v2/models/{model}/versions/{version}/stream", get(open))
        .with_state(service)
}

async fn open(
    State(service): State<Arc<Service>>,
    Path(which): Path<Which>,
    Query(options): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let upgrade = upgrade.map_err(|error| Failure::request(format!("expected a WebSocket client: {error}")))?;
    check_origin(&service, &headers)?;
    let served = which.find(&service)?;
    let known = served.model.stream_options();
    if let Some(unknown) = options.keys().find(|name| !known.contains(&name.as_str())) {
        let known = known.join(", ");
        return Err(Failure::request(format!("streams have no option '{unknown}', expected some of {known}")));
    }
    let stream = service.streams.open(served, options)?;
    let most = service.max_body_bytes;
    Ok(upgrade.max_message_size(most).max_frame_size(most).on_upgrade(|socket| pass(socket, stream)))
}

/// A browser lets pages of any site connect, and says which site it is; programs say none.
fn check_origin(service: &Service, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    if origin.to_str().is_ok_and(|origin| (service.allows_origin)(origin)) {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Forbidden, format!("pages of {origin:?} are not allowed to connect")))
}

/// Passes messages to the stream's thread, and its answers back, until one side ends.
async fn pass(mut socket: WebSocket, stream: OpenStream) {
    let OpenStream { messages, mut answers, end, mut closing, permit } = stream;
    // `None` once no more messages are taken.
    let mut messages = Some(messages);
    loop {
        tokio::select! {
            // The answers that are there come first, so that a thread never waits for its own client's messages.
            biased;
            answer = answers.recv() => match answer {
                Some(answer) => {
                    let Ok(text) = axum::extract::ws::Utf8Bytes::try_from(answer) else { break };
                    if !matches!(tokio::time::timeout(TIMEOUT, socket.send(Message::Text(text))).await, Ok(Ok(()))) {
                        return;
                    }
                }
                None => break,
            },
            () = until_closing(&mut closing), if messages.is_some() => messages = None,
            () = take(&mut socket, &mut messages), if messages.is_some() => {}
        }
    }
    let frame = match end.await {
        Ok(Ok(())) => CloseFrame { code: close_code::NORMAL, reason: "".into() },
        Ok(Err(failure)) => CloseFrame { code: close_code::POLICY, reason: reason(&failure).into() },
        Err(_) => CloseFrame { code: close_code::ERROR, reason: "the stream broke down".into() },
    };
    // There is nothing to be done for an end that is gone.
    let _ = tokio::time::timeout(TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
    // A server that ends waits until its client is told.
    drop(permit);
}

/// Takes one message, when there is room for it; drops the sender at the end.
async fn take(socket: &mut WebSocket, messages: &mut Option<tokio::sync::mpsc::Sender<Bytes>>) {
    let Some(sender) = messages.as_ref() else { return };
    let Ok(room) = sender.reserve().await else {
        *messages = None;
        return;
    };
    match socket.recv().await {
        Some(Ok(Message::Text(text))) => room.send(Bytes::from(text)),
        Some(Ok(Message::Binary(bytes))) => room.send(bytes),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
        Some(Ok(Message::Close(_)) | Err(_)) | None => {
            drop(room);
            *messages = None;
        }
    }
}

/// A close frame has room for 123 bytes.
fn reason(failure: &Failure) -> String {
    let mut reason = failure.message.clone();
    while reason.len() > 123 {
        reason.pop();
    }
    reason
}
