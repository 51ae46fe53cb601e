//! The server as a whole: its start, its models, and its end.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::folder::{Change, Folder, Loader};
use crate::gate::{self, Tokens};
use crate::inference::Service;
use crate::listen::Listener;
use crate::model::Model;
use crate::models::ModelKey;
use crate::options::Options;
use crate::rest;
use crate::tls::acceptor;
use crate::traces::Traces;
use crate::{grpc, websocket};

/// How long the last traces may take to be sent.
const LAST_TRACES: Duration = Duration::from_secs(5);

/// What happens to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It listens.
    Listening(SocketAddr),
    /// All models were loaded.
    Ready(usize),
    /// A model is served.
    Loaded(String),
    /// A model is served no longer.
    Removed(String),
    /// Something could not be done; the rest goes on.
    Warning(String),
    /// It was told to end.
    Draining,
}

impl Event {
    /// Whether something could not be done.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Warning(_))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening(address) => write!(f, "listening at {address}; Ctrl-C or SIGTERM ends"),
            Self::Ready(1) => f.write_str("ready: 1 model"),
            Self::Ready(models) => write!(f, "ready: {models} models"),
            Self::Loaded(model) => write!(f, "serving {model}"),
            Self::Removed(model) => write!(f, "no longer serving {model}"),
            Self::Warning(text) => f.write_str(text),
            Self::Draining => f.write_str("ending: open requests are answered, no new connections are taken"),
        }
    }
}

/// Who hears of a server's events.
pub type Report = Arc<dyn Fn(&Event) + Send + Sync>;

/// A server that is set up.
pub struct Server {
    options: Options,
    service: Arc<Service>,
    report: Report,
}

impl Server {
    /// A server of no models yet.
    pub fn new(options: Options, report: Report) -> Self {
        let service = Service::new(&options);
        Self { options, service, report }
    }

    /// Serves `model` under `name` and version 1.
    pub fn add(&self, name: &str, model: Arc<dyn Model>) {
        self.service.models.insert(ModelKey { name: name.to_owned(), version: 1 }, model);
        (self.report)(&Event::Loaded(name.to_owned()));
    }

    /// Serves until SIGTERM or Ctrl-C, then answers what was asked; `loader` loads the models of the folder.
    ///
    /// # Errors
    /// An address that cannot be listened at, or a certificate that cannot be used.
    pub fn run(self, loader: Arc<dyn Loader>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("server").build()?;
        let drain = self.options.limits.drain;
        let result = runtime.block_on(self.serve(loader));
        // Threads that load a model may be in the middle of it.
        runtime.shutdown_timeout(drain.min(Duration::from_secs(1)));
        result
    }

    async fn serve(self, loader: Arc<dyn Loader>) -> io::Result<()> {
        let limits = self.options.limits;
        // First of all, so that no signal ends the process in another way.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        self.trace()?;
        let tokens = Tokens::new(self.options.tokens.clone());
        let router = grpc::router(&self.service)
            .merge(rest::router(Arc::clone(&self.service)))
            .merge(websocket::router(Arc::clone(&self.service)))
            .fallback(rest::not_found);
        let listener = Arc::new(Listener {
            router: router.layer(from_fn_with_state(tokens, gate::pass)),
            service: Arc::clone(&self.service),
            tls: self.options.tls.as_ref().map(acceptor).transpose()?,
            permits: Arc::new(Semaphore::new(limits.connections)),
            connections: GracefulShutdown::new(),
        });
        let mut listening = Vec::new();
        for address in &self.options.listen {
            let socket = TcpListener::bind(address)
                .await
                .map_err(|error| io::Error::new(error.kind(), format!("cannot listen at {address}: {error}")))?;
            (self.report)(&Event::Listening(socket.local_addr()?));
            let listener = Arc::clone(&listener);
            listening.push(tokio::spawn(async move { listener.listen(&socket).await }));
        }
        self.load(loader);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        (self.report)(&Event::Draining);
        self.service.close();
        for task in listening {
            task.abort();
            // Its socket is closed when it has ended.
            let _ = task.await;
        }
        let Some(listener) = Arc::into_inner(listener) else { unreachable!("the tasks that shared it have ended") };
        let service = Arc::clone(&self.service);
        let drained = tokio::time::timeout(limits.drain, async {
            tokio::join!(service.streams.close(), listener.connections.shutdown());
        });
        tokio::select! {
            drained = drained => if drained.is_err() {
                let seconds = limits.drain.as_secs_f32();
                (self.report)(&Event::Warning(format!("requests that did not end within {seconds} s were dropped")));
            },
            // A second signal ends the wait.
            _ = interrupt.recv() => {}
        }
        if self.service.traces.get().is_some() {
            // Blocks, while the runtime sends.
            let sending =
                tokio::task::spawn_blocking(move || service.traces.get().map(|traces| traces.close(LAST_TRACES)));
            let _ = sending.await;
        }
        Ok(())
    }

    /// Lets inferences be traced, if there is a collector.
    fn trace(&self) -> io::Result<()> {
        let Options { otlp: Some(endpoint), name, version, .. } = &self.options else { return Ok(()) };
        let report = Arc::clone(&self.report);
        let complain = Arc::new(move |text| report(&Event::Warning(text)));
        if self.service.traces.set(Traces::start(endpoint, name, version, complain)?).is_err() {
            unreachable!("a server is run once");
        }
        Ok(())
    }

    /// Loads the models of the folder, now and whenever they change.
    fn load(&self, loader: Arc<dyn Loader>) {
        let service = Arc::clone(&self.service);
        let report = Arc::clone(&self.report);
        let folder = self.options.folder.clone();
        std::thread::spawn(move || {
            let Some((path, pause)) = folder else { return begin(&service, &report) };
            let folder = Folder::new(path, loader);
            let mut watched = WatchedFolder { folder, service, report, last_warnings: BTreeSet::new() };
            watched.refresh();
            begin(&watched.service, &watched.report);
            loop {
                std::thread::sleep(pause);
                watched.refresh();
            }
        });
    }
}

/// Takes requests, now that all models were loaded.
fn begin(service: &Service, report: &Report) {
    service.ready();
    report(&Event::Ready(service.models.all().len()));
}

/// A folder of models whose changes are told.
struct WatchedFolder {
    folder: Folder,
    service: Arc<Service>,
    report: Report,
    /// What could not be read when it was last looked at.
    last_warnings: BTreeSet<String>,
}

impl WatchedFolder {
    /// Brings the service's models up to date.
    fn refresh(&mut self) {
        let report = &self.report;
        let mut warnings = BTreeSet::new();
        self.folder.refresh(&self.service.models, |change| match change {
            Change::Loaded(key) => report(&Event::Loaded(key.to_string())),
            Change::Removed(key) => report(&Event::Removed(key.to_string())),
            Change::NotLoaded(key, why) => {
                self.service.metrics.not_loaded(&key);
                report(&Event::Warning(format!("cannot serve {key}: {why}")));
            }
            Change::NotRead(path, why) => {
                warnings.insert(format!("cannot read {}: {why}", path.display()));
            }
        });
        // Once for as long as it lasts.
        for text in warnings.difference(&self.last_warnings) {
            report(&Event::Warning(text.clone()));
        }
        self.last_warnings = warnings;
    }
}
