//! The assignment's questions as one experiment: a baseline, one change at a time, several seeds, and a report on the
//! results.
//!
//! Training is behind [`Trainer`], so that everything else is tested without it. An interrupted sweep continues where
//! it stopped.

mod answers;
mod compare;
mod plan;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use poselift::{Error, Result};
use serde::{Deserialize, Serialize};

pub use compare::{Comparison, Verdict};
pub use plan::{Variant, variants};
pub use write::{markdown, table};

use crate::config::FitConfig;
use crate::fit::checkpoint::{read_json, write_json};
use crate::fit::history::Summary;
use crate::output;

/// The file in a sweep's folder that holds the sweep's settings.
const BASELINE_FILE: &str = "baseline.json";
/// The file in a run's folder that marks the run as finished.
const FINISHED_FILE: &str = "finished.json";

/// Fits one network.
pub trait Trainer {
    /// Fits as `config` says into the folder `out`, which may hold an interrupted run of the same config, to be
    /// continued or replaced.
    ///
    /// # Errors
    /// The run cannot be finished.
    fn fit(&mut self, config: &FitConfig, out: &Path) -> Result<Summary>;
}

/// The sweep's networks, seeds and time limit.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepPlan {
    /// The baseline, from which all others differ in one setting; its seed is the first of the sweep's.
    pub baseline: FitConfig,
    /// At most this many seeds for each network, at least 1.
    pub seeds: u64,
    /// No further seed is started if it would end later than this many seconds of running.
    pub budget_seconds: f64,
}

/// One finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinishedRun {
    /// Key of the [`Variant`].
    pub variant: String,
    /// The run's seed.
    pub seed: u64,
    /// Seconds it took, loading the data included.
    pub wall_seconds: f64,
    /// Its scores.
    pub summary: Summary,
}

/// The result of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The baseline, from which all others differ in one setting.
    pub baseline: FitConfig,
    /// The seeds that every variant was run with.
    pub seeds: Vec<u64>,
    /// All runs, seed by seed.
    pub runs: Vec<FinishedRun>,
}

/// Progress of a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SweepEvent<'a> {
    /// A run starts.
    Started {
        /// The run's folder name.
        run: &'a str,
    },
    /// A run is done.
    Finished {
        /// The run's folder name.
        run: &'a str,
        /// Its scores.
        summary: &'a Summary,
        /// Whether it was already finished before.
        found: bool,
    },
    /// The time is used up before all seeds were run.
    OutOfTime {
        /// Number of seeds that were run.
        seeds: u64,
    },
}

/// Runs the sweep in `folder`: each variant with the first seed, then each with the next, while there is time. Runs
/// that `folder` already holds are not repeated.
///
/// # Errors
/// `folder` holds a sweep with other settings, a file cannot be read or written, or a run fails; finished runs are
/// kept.
pub fn run(
    plan: &SweepPlan,
    folder: &Path,
    trainer: &mut dyn Trainer,
    report: &mut dyn FnMut(SweepEvent<'_>),
) -> Result<Outcome> {
    fs::create_dir_all(folder).map_err(|e| Error::io("cannot create", folder, e))?;
    claim(folder, &plan.baseline)?;
    let mut outcome = Outcome { baseline: plan.baseline.clone(), seeds: Vec::new(), runs: Vec::new() };
    let mut rounds: Vec<f64> = Vec::new();
    for seed in (plan.baseline.seed..).take(plan.seeds.max(1) as usize) {
        if !another_round_fits(&rounds, plan.budget_seconds) {
            report(SweepEvent::OutOfTime { seeds: outcome.seeds.len() as u64 });
            break;
        }
        let mut round = 0.0;
        for variant in variants(&plan.baseline.network) {
            let mut config = FitConfig { network: variant.network.clone(), ..plan.baseline.clone() };
            config.seed = seed;
            let finished = run_one(&variant, &config, folder, trainer, report)?;
            round += finished.wall_seconds;
            outcome.runs.push(finished);
        }
        outcome.seeds.push(seed);
        rounds.push(round);
    }
    Ok(outcome)
}

/// Whether one more round, if it takes as long as the longest so far, ends within the budget. The first always runs.
fn another_round_fits(rounds: &[f64], budget_seconds: f64) -> bool {
    let longest = rounds.iter().copied().fold(0.0, f64::max);
    rounds.is_empty() || rounds.iter().sum::<f64>() + longest <= budget_seconds
}

/// Creates `folder` for a sweep around `baseline`, or checks that it holds that sweep.
fn claim(folder: &Path, baseline: &FitConfig) -> Result<()> {
    let path = folder.join(BASELINE_FILE);
    if !path.exists() {
        return write_json(&path, baseline);
    }
    if read_json::<FitConfig>(&path)? == *baseline {
        return Ok(());
    }
    Err(Error::usage("the folder holds a sweep with other settings").at(folder).hint("give another folder with --out"))
}

fn run_one(
    variant: &Variant,
    config: &FitConfig,
    folder: &Path,
    trainer: &mut dyn Trainer,
    report: &mut dyn FnMut(SweepEvent<'_>),
) -> Result<FinishedRun> {
    let name = format!("{}-seed-{}", variant.key, config.seed);
    let out = folder.join(&name);
    let finished_file = out.join(FINISHED_FILE);
    if finished_file.exists() {
        let finished: FinishedRun = read_json(&finished_file)?;
        report(SweepEvent::Finished { run: &name, summary: &finished.summary, found: true });
        return Ok(finished);
    }
    report(SweepEvent::Started { run: &name });
    let start = Instant::now();
    let summary = trainer.fit(config, &out)?;
    if summary.epochs.is_empty() {
        return Err(Error::input("the run has no score, expected one for each epoch").at(&out));
    }
    let wall_seconds = start.elapsed().as_secs_f64();
    let finished = FinishedRun { variant: variant.key.to_owned(), seed: config.seed, wall_seconds, summary };
    fs::create_dir_all(&out).map_err(|e| Error::io("cannot create", &out, e))?;
    write_json(&finished_file, &finished)?;
    report(SweepEvent::Finished { run: &name, summary: &finished.summary, found: false });
    Ok(finished)
}

/// Writes `sweep.json`, `sweep.md`, `sweep.svg` and `sweep.png` into `folder`; returns their paths.
///
/// # Errors
/// A file cannot be written, or no score is a number.
pub fn save(outcome: &Outcome, folder: &Path) -> Result<[PathBuf; 4]> {
    let paths = ["sweep.json", "sweep.md", "sweep.svg", "sweep.png"].map(|name| folder.join(name));
    write_json(&paths[0], outcome)?;
    output::write_whole(&paths[1], markdown(outcome).as_bytes())?;
    let chart = write::chart(outcome)?;
    chart.save_svg(&paths[2])?;
    chart.save_png(&paths[3])?;
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_begins_only_if_it_can_end_in_time() {
        for (rounds, fits) in
            [(&[][..], true), (&[40.0][..], true), (&[60.0], false), (&[30.0, 30.0], true), (&[30.0, 40.0], false)]
        {
            assert_eq!(another_round_fits(rounds, 100.0), fits, "{rounds:?}");
        }
    }
}
