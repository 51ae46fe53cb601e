//! The summary that `poselift run` gives at its end.

use std::io::Write;

use serde::Serialize;

use super::{RunArgs, RunContext, Total};
use crate::cli::report::Terminal;
use crate::error::Result;

/// The summary as `--json` writes it.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    frames: u64,
    people: u64,
    lifted: u64,
    failed: u64,
    /// People who were turned to the optical axis.
    turned: u64,
    /// People beyond `--max-sigma`, where it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsure: Option<u64>,
    seconds: f64,
    poses_per_second: f64,
    device: String,
    provider: &'static str,
    engine: &'static str,
    threads: usize,
    model: &'a str,
    layout: Option<String>,
    /// How poses were smoothed, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    smooth: Option<String>,
    /// Seconds that the model looked ahead, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    look_ahead: Option<f64>,
    /// What was assumed or found odd about the inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
}

/// Sums up: a line for people on stderr, or an object for programs where it does not mix with poses.
pub(super) fn report(
    args: &RunArgs,
    total: &Total,
    context: &RunContext,
    seconds: f64,
    poses_on_stdout: bool,
    notices: Vec<String>,
) -> Result<()> {
    let tally = &total.tally;
    let summary = Summary {
        frames: tally.frames,
        people: tally.people,
        lifted: tally.lifted,
        failed: tally.failed(),
        turned: tally.turned,
        unsure: args.max_sigma.map(|_| tally.unsure),
        seconds,
        poses_per_second: tally.lifted as f64 / seconds.max(f64::MIN_POSITIVE),
        device: context.provider.device().to_string(),
        provider: context.provider.name(),
        engine: context.engine,
        threads: context.threads,
        model: &context.model,
        layout: total.layout.clone(),
        smooth: args.smooth.map(|smoothing| smoothing.to_string()),
        look_ahead: args.look_ahead,
        notices,
    };
    if !args.json {
        let unsure = summary.unsure.map(|count| format!(", {count} of them unsure")).unwrap_or_default();
        Terminal::new(args.quiet).note(&format!(
            "{} frame{}, {} of {} people lifted{unsure} in {seconds:.2} s ({:.0} poses/s on {}, {})",
            summary.frames,
            if summary.frames == 1 { "" } else { "s" },
            summary.lifted,
            summary.people,
            summary.poses_per_second,
            summary.device,
            summary.engine,
        ));
        return Ok(());
    }
    let line = serde_json::to_string(&summary).map_err(std::io::Error::from)? + "\n";
    if poses_on_stdout {
        std::io::stderr().write_all(line.as_bytes())?;
    } else {
        std::io::stdout().write_all(line.as_bytes())?;
    }
    Ok(())
}
