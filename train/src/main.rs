//! `poselift-train`: parses the arguments, runs, and turns an error into a message and an exit code.

use std::process::ExitCode;

use clap::Parser;
use poselift_train::cli::Cli;
use poselift_train::openmp;

fn main() -> ExitCode {
    // SAFETY: this is the program's first line; there is no other thread.
    unsafe { poselift::model::forbid_telemetry() };
    let cli = Cli::parse();
    if cli.trains() {
        openmp::restart_with_short_spin();
    }
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == poselift::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("poselift-train: error: {error}");
            if let Some(hint) = error.hint_text() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(2)
        }
    }
}
