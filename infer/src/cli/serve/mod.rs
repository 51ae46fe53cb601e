//! `poselift serve`: models behind the Open Inference Protocol. The crate `poselift-serve` speaks it and knows nothing of
//! poses; here are its models, and its options.

mod model;
mod settings;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use poselift_serve::{Event, Limits, Options, Server, TlsFiles, is_collector};

use super::report::Terminal;
use super::{DeviceArgs, ExitStatus, batch_size, count, milliseconds};
use crate::error::{Error, Result};
use crate::live::Origin;
use crate::model::ModelFile;
use model::{LiftModel, LiftOptions, ModelLoader};
pub(super) use settings::parse;

/// Serve models over REST and gRPC (Open Inference Protocol), with live streams
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ServeArgs {
    /// A folder of models, NAME.onnx or Triton's NAME/VERSION/model.onnx; they are loaded again when they change [default: the
    /// bundled model, as coco17]
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// Address to listen on, for REST and gRPC alike; several are separated by commas
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_delimiter = ',')]
    listen: Vec<String>,
    #[command(flatten)]
    device: DeviceArgs,
    /// Most poses of different requests that are lifted at once [default: the fastest]
    #[arg(long, value_name = "N", value_parser = batch_size)]
    batch: Option<usize>,
    /// Milliseconds that a request may wait for others, to be lifted with them
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    max_delay: Duration,
    /// Most poses that may wait for each model; requests beyond are refused with 429 or RESOURCE_EXHAUSTED
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = batch_size)]
    queue: usize,
    /// Most bytes of a request, in MB
    #[arg(long, value_name = "MB", default_value_t = 16, value_parser = megabytes)]
    max_body: usize,
    /// Most seconds that a request may take
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    /// Seconds that open requests may take to finish after SIGTERM
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    drain: Duration,
    /// Most connections at the same time; others wait
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = connections)]
    connections: usize,
    /// Most streams at the same time; each has a thread
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = streams)]
    streams: usize,
    /// Let web pages of this origin open streams, as http://localhost:5173 (null: files, *: all); else programs alone may
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<Origin>,
    /// Seconds between checks of the folder of models
    #[arg(long, value_name = "S", default_value = "2", value_parser = seconds)]
    reload: Duration,
    /// A file of bearer tokens, one a line: clients must have one of them. The server's health is open to all
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// A certificate (PEM, with those that signed it): connections are encrypted
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Send traces to this OpenTelemetry collector, over gRPC, as http://127.0.0.1:4317 [default: OTEL_EXPORTER_OTLP_ENDPOINT, where
    /// it is set]
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// A TOML file of these options, each under its name: listen = ["0.0.0.0:8000"]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print only errors and warnings
    #[arg(short, long)]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Each option can also be set by an environment variable (POSELIFT_SERVE_MAX_BODY for --max-body) or
in the file of --config. The command line overrules the variable, and the variable the file.

Examples:
  poselift serve                          http://127.0.0.1:8000/v2/models/coco17
  poselift serve --models models/ --listen 0.0.0.0:8000 --tokens tokens.txt";

fn megabytes(text: &str) -> Result<usize, String> {
    count(text, 4096)
}

fn connections(text: &str) -> Result<usize, String> {
    count(text, 1 << 20)
}

fn streams(text: &str) -> Result<usize, String> {
    count(text, 4096)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().filter(|time: &f64| (0.01..=86_400.0).contains(time));
    time.map(Duration::from_secs_f64).ok_or_else(|| "expected seconds, 0.01 to 86400".to_owned())
}

pub(super) fn run(args: &ServeArgs) -> Result<ExitStatus> {
    let terminal = Terminal::new(args.quiet);
    let tls = args.tls_certificate.clone().zip(args.tls_key.clone());
    let allowed = args.allow_origin.clone();
    let options = Options {
        name: "poselift".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        listen: args.listen.clone(),
        tokens: args.tokens.as_ref().map(read_tokens).transpose()?.unwrap_or_default(),
        allows_origin: Arc::new(move |origin: &str| Origin::is_among(origin, &allowed)),
        tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
        otlp: collector(args, terminal),
        folder: args.models.clone().map(|folder| (folder, args.reload)),
        limits: Limits {
            max_body_bytes: args.max_body << 20,
            timeout: args.timeout,
            drain: args.drain,
            connections: args.connections,
            streams: args.streams,
        },
    };
    let lift =
        LiftOptions { lifter: args.device.options(args.batch), max_delay: args.max_delay, room: args.queue, terminal };
    let server = Server::new(
        options,
        Arc::new(move |event: &Event| match event.is_warning() {
            true => terminal.warning(&event.to_string()),
            false => terminal.note(&event.to_string()),
        }),
    );
    match &args.models {
        Some(folder) if !folder.is_dir() => {
            return Err(Error::usage("is no folder, expected one with models in it").at(folder));
        }
        Some(_) => {}
        None => {
            let file = ModelFile::bundled()?;
            server.add(&file.card().name, Arc::new(LiftModel::open(&file, &lift)?));
        }
    }
    server.run(Arc::new(ModelLoader(lift)))?;
    Ok(ExitStatus::Done)
}

/// Where traces go: to what the option says, or else OpenTelemetry's own variables. What those say is for all programs of a
/// machine: it is told where it cannot be done, and no traces are sent.
fn collector(args: &ServeArgs, terminal: Terminal) -> Option<String> {
    if let Some(url) = args.otlp.clone().filter(|url| !url.is_empty()) {
        return Some(url);
    }
    if variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none") {
        return None;
    }
    let ours = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let url = ours.into_iter().find_map(variable)?;
    let protocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"].into_iter().find_map(variable);
    let complaint = match protocol {
        Some(other) if other != "grpc" => {
            format!("OTEL_EXPORTER_OTLP_PROTOCOL is {other}, and traces are sent by grpc alone")
        }
        _ if !is_collector(&url) => {
            format!("OpenTelemetry's collector is {url}, and traces are sent to http://HOST:PORT alone")
        }
        _ => return Some(url),
    };
    terminal.warning(&format!("no traces: {complaint}"));
    None
}

/// The environment variable `name`, where it is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The tokens in the file at `path`.
fn read_tokens(path: &PathBuf) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::io("cannot read the tokens", path, source))?;
    let tokens: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    match tokens.is_empty() {
        // Without any the server would be open to all.
        true => Err(Error::usage("holds no token, expected one a line").at(path)),
        false => Ok(tokens),
    }
}
