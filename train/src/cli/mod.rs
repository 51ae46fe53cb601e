//! The command line: one file per subcommand, and the progress of a run.

mod data;
mod export;
mod fit;
mod frontier;
mod memory;
mod progress;
mod robustness;
pub mod sweep;

use clap::{ArgAction, Parser, Subcommand};
use poselift::Result;

/// Fit 2D-to-3D lifting networks and export them as one self-contained ONNX file.
#[derive(Debug, Parser)]
#[command(name = "poselift-train", version, about, after_help = EXAMPLES, disable_help_flag = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print help
    #[arg(short, long, global = true, display_order = 1000, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

const EXAMPLES: &str = "Examples:
  poselift-train fit --data synthetic --out runs/first
  poselift-train fit --data data_train_lift.pkl --out runs/lab --epochs 2
  poselift-train export runs/first -o model.onnx
  poselift run --model model.onnx clip.jsonl -o poses.jsonl";

#[derive(Debug, Subcommand)]
enum Command {
    /// Fit a network to motion or to paired arrays
    Fit(fit::FitArgs),
    /// Fit a recurrent memory behind a network that lifts single frames
    Memory(memory::MemoryArgs),
    /// Write a run as one self-contained ONNX file, proven by running it
    Export(export::ExportArgs),
    /// Compare networks that differ in one thing: blocks, batch norm, dropout, layers a block, epochs
    Sweep(sweep::SweepArgs),
    /// Measure how a model's error grows with noise, missing joints and unusual cameras
    Robustness(robustness::RobustnessArgs),
    /// Compare models by error, size and speed, in a table and a chart
    Frontier(frontier::FrontierArgs),
    /// Import motion, or say what a source holds
    Data(data::DataArgs),
}

impl Cli {
    /// Whether it fits networks, which keeps libtorch's threads busy for long.
    pub fn trains(&self) -> bool {
        matches!(self.command, Command::Fit(_) | Command::Memory(_) | Command::Sweep(_))
    }

    /// Runs the subcommand.
    ///
    /// # Errors
    /// The error, with place and hint.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Fit(args) => fit::run(&args),
            Command::Memory(args) => memory::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Sweep(args) => {
                sweep::run(&args, &mut fit::SilentTrainer, &mut std::io::stdout(), &mut std::io::stderr())
            }
            Command::Robustness(args) => robustness::run(&args),
            Command::Frontier(args) => frontier::run(&args),
            Command::Data(args) => data::run(&args),
        }
    }
}
