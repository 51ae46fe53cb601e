//! The program's command line: one file a subcommand, and what they share.
//!
//! stdout is data, stderr the rest. Exit codes: 0 all lifted, 1 some of it
//! could not be (it is named), 2 nothing could be done.

mod bench;
mod camera;
mod convert;
mod deferred;
mod eval;
mod exit;
mod exports;
mod identity;
mod info;
mod input;
mod interrupt;
mod layout;
mod live;
mod live_inputs;
mod output;
mod read;
mod report;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod view;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::error::{Error, ErrorKind, Result};
use crate::guard::FRAME_RATES;
use crate::lift::{Lifter, LifterOptions, allowed_threads};
use crate::model::{Device, Engine, Isa, ModelFile, forbid_telemetry};
pub use exit::ExitStatus;
use report::Terminal;

/// Lifts 2D human key points to 3D poses.
#[derive(Debug, Parser)]
#[command(name = "poselift", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  detector | poselift run | viewer            a live stream, each frame answered as it comes
  poselift run clip.jsonl -o poses.jsonl      a file
  poselift run clip.jsonl -o poses.html       a page to look at
  poselift view poses.jsonl -o figure.svg     a figure for a paper

Exit codes: 0 everyone was lifted, 1 some frames or people could not be lifted (named on stderr), 2 none
could be lifted, or the input or output cannot be used.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Convert(convert::ConvertArgs),
    View(view::ViewArgs),
    Info(info::InfoArgs),
    Bench(bench::BenchArgs),
    Eval(eval::EvalArgs),
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
}

/// Where and how a model runs; the same for every subcommand that runs one.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeviceArgs {
    /// Where to run: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Auto)]
    pub(crate) device: Device,
    /// Threads of the CPU, 1 to 512 [default: all cores, 16 at most]
    #[arg(long, value_name = "N", value_parser = thread_count)]
    pub(crate) threads: Option<usize>,
    #[arg(long, value_name = "ENGINE", default_value_t = Engine::Auto, help = engine_help())]
    pub(crate) engine: Engine,
}

fn engine_help() -> String {
    let kernels = Isa::ALL.map(Isa::name).join(", ");
    format!(
        "What computes on a CPU: own (kernels for models that poselift-train wrote in f32 or int8), onnxruntime, openvino (needs \
         its build of ONNX Runtime), or auto: own where it can run the model, else onnxruntime. To force one instruction set: \
         {kernels}"
    )
}

impl DeviceArgs {
    /// The lifter's options, with `batch` poses at once at most.
    pub(crate) fn options(&self, batch: Option<usize>) -> LifterOptions {
        LifterOptions { device: self.device, threads: self.threads, batch, engine: self.engine }
    }
}

/// Most poses that the network may be given at once: their activations in a network of usual size fill some gigabytes.
const MAX_BATCH: usize = 1 << 18;

/// Parses `--threads`.
fn thread_count(text: &str) -> Result<usize> {
    // What is no whole number is as wrong as 0.
    allowed_threads(text.parse().unwrap_or(0))
}

/// Parses `--batch`.
fn batch_size(text: &str) -> Result<usize, String> {
    count(text, MAX_BATCH)
}

fn count(text: &str, most: usize) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("expected a whole number, 1 to {most}"))
}

/// Parses a width and a height in pixels.
fn image_size(text: &str) -> Result<[u32; 2], String> {
    let sides = text.split_once(['x', 'X']).and_then(|(width, height)| Some([side(width)?, side(height)?]));
    sides.ok_or_else(|| "expected width and height in pixels, like 1920x1080".to_owned())
}

/// One side of an image; `None` where the text says none.
fn side(text: &str) -> Option<u32> {
    text.parse().ok().filter(|side| *side > 0)
}

/// Parses a length that may not be 0.
fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "expected a number above 0".to_owned())
}

/// Whether other inputs may still be read and written after `error`: not where the disk is full or the runtime fails.
fn is_of_one_input(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::BadInput | ErrorKind::BadUsage)
}

/// Parses frames a second: from one in a quarter of an hour to what no camera has.
fn frame_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| FRAME_RATES.contains(rate));
    rate.ok_or_else(|| "expected a number of frames a second, 0.001 to 1000000".to_owned())
}

/// Parses a time that something may wait.
fn milliseconds(text: &str) -> Result<Duration, String> {
    let delay = text.parse().ok().filter(|delay: &f64| (0.0..=60_000.0).contains(delay));
    let delay = delay.ok_or_else(|| "expected milliseconds, 0 to 60000".to_owned())?;
    Ok(Duration::from_secs_f64(delay / 1000.0))
}

/// The model at `path`, or the bundled one.
pub(crate) fn read_model(path: Option<&PathBuf>) -> Result<ModelFile> {
    path.map_or_else(ModelFile::bundled, ModelFile::read)
}

/// Opens a lifter and says once if `auto` found no usable GPU, or if its kernels could not be verified.
pub(crate) fn open_lifter(file: &ModelFile, options: &LifterOptions, terminal: &Terminal) -> Result<Lifter> {
    let lifter = Lifter::from_model(file, options)?;
    for note in lifter.session().notes() {
        terminal.note(&note);
    }
    Ok(lifter)
}

/// The program: what it was started with, run.
pub fn main() -> ExitCode {
    // SAFETY: this is the program's first line; there is no other thread.
    unsafe { forbid_telemetry() };
    run_from(std::env::args_os()).into()
}

/// Runs a command line, the first word of which is the program's name, and turns an error into words on stderr.
///
/// For programs in other languages that are this one under another name; they see to it that telemetry is forbidden
/// ([`forbid_telemetry`]) and that Ctrl-C ends the process.
pub fn run_from(words: impl IntoIterator<Item = OsString>) -> ExitStatus {
    #[cfg(feature = "serve")]
    let cli = serve::parse(words);
    #[cfg(not(feature = "serve"))]
    let cli = Cli::try_parse_from(words);
    let status = match cli {
        Ok(cli) => run_command(&cli.command),
        Err(answer) => {
            // Help and version are answers too, and a reader that is gone has what it wanted.
            let _ = answer.print();
            return if answer.use_stderr() { ExitStatus::Nothing } else { ExitStatus::Done };
        }
    };
    // Only a Rust program's end flushes it by itself; each writer has reported its own failures.
    let _ = std::io::stdout().flush();
    status
}

fn run_command(command: &Command) -> ExitStatus {
    let result = match command {
        Command::Run(args) => run::run(args),
        Command::Convert(args) => convert::run(args),
        Command::View(args) => view::run(args),
        Command::Info(args) => info::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Eval(args) => eval::run(args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args),
    };
    match result {
        Ok(status) => status,
        // The reader of our output has what it wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitStatus::Done,
        Err(error) => {
            Terminal::new(false).error(&error);
            ExitStatus::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
