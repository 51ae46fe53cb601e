//! Connections: taken, encrypted, served, and let go of when they are slow or the server ends.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt, service_fn};

use crate::inference::Service;
use crate::metrics::Counted;
use crate::stall::Stalling;

/// How long a client may take to connect, to send a request's head, to send the next request, and to take a part of an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often the other end of an HTTP/2 connection is asked whether it is still there.
const STILL_THERE: Duration = Duration::from_secs(20);

/// What connections are served with.
pub(crate) struct Listener {
    pub(crate) router: Router,
    pub(crate) service: Arc<Service>,
    pub(crate) tls: Option<TlsAcceptor>,
    /// One for each connection that there may be.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) connections: GracefulShutdown,
}

impl Listener {
    /// Takes connections forever.
    pub(crate) async fn listen(&self, socket: &TcpListener) -> Infallible {
        loop {
            // Where no permit is left, connections wait in the system's queue.
            let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
            let stream = match socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    wait_after(&error).await;
                    continue;
                }
            };
            // An answer is sent as it is written; a socket that cannot do so works all the same.
            let _ = stream.set_nodelay(true);
            let router = self.router.clone();
            let tls = self.tls.clone();
            let watcher = self.connections.watcher();
            let service = Arc::clone(&self.service);
            tokio::spawn(async move {
                let counted = Counted::in_gauge(&service.metrics.connections);
                serve(stream, tls, router, watcher).await;
                drop(counted);
                drop(permit);
            });
        }
    }
}

/// A connection that was given up before it was taken is nothing; without files to open there is nothing to do but to wait.
async fn wait_after(error: &io::Error) {
    let is_the_clients = matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !is_the_clients {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, watcher: Watcher) {
    let stream = Stalling::new(stream, TIMEOUT);
    match tls {
        None => serve_open(stream, router, watcher).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(TIMEOUT, tls.accept(stream)).await {
                serve_open(stream, router, watcher).await;
            }
        }
    }
}

/// Serves requests of HTTP/1 or HTTP/2 until the client has no more, or is told that the server ends.
async fn serve_open<S>(stream: S, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let is_used = Arc::new(AtomicBool::new(false));
    let used = Arc::clone(&is_used);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        used.store(true, Ordering::Relaxed);
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(STILL_THERE).keep_alive_timeout(STILL_THERE);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(watcher.watch(connection.into_owned()));
    tokio::select! {
        // A connection that breaks is the client's affair.
        _ = &mut connection => return,
        () = tokio::time::sleep(TIMEOUT) => {}
    }
    // One that has asked for nothing until now only takes a permit.
    if is_used.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}
