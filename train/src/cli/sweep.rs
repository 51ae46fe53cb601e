//! `poselift-train sweep`: the assignment's questions as one experiment.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use poselift::{Error, Result};

use crate::config::{FitConfig, NetworkConfig};
use crate::study::report::score;
use crate::study::sweep::{self, SweepEvent, SweepPlan, Trainer};

/// Compares networks: 1, 2, 3 blocks; BatchNorm and dropout on and off; one or two layers a block; 1 and 2 epochs
///
/// Writes sweep.md (a table and an answer to each question), sweep.svg, sweep.png and sweep.json into --out, and
/// prints the table. A sweep that was broken off goes on where it stopped.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct SweepArgs {
    /// What to fit on: `synthetic`, `postures`, files, folders; motion may be given several times
    #[arg(long, value_name = "SOURCE", default_value = "synthetic")]
    pub data: Vec<String>,
    /// Folder of the sweep
    #[arg(long, short, value_name = "DIR", default_value = "sweep")]
    pub out: PathBuf,
    /// Width of each hidden layer
    #[arg(long, default_value_t = 256)]
    pub hidden: usize,
    /// Dropout probability of the networks that have it
    #[arg(long, default_value_t = NetworkConfig::default().dropout)]
    pub dropout: f64,
    /// Passes over the training split; the first and the last are compared
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Samples a step
    #[arg(long, default_value_t = FitConfig::default().batch_size)]
    pub batch_size: usize,
    /// Adam's learning rate
    #[arg(long, default_value_t = FitConfig::default().learning_rate)]
    pub learning_rate: f64,
    /// Share of the data that validates
    #[arg(long, default_value_t = FitConfig::default().val_split)]
    pub val_split: f64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Runs of each network, each with its own seed, if --minutes allows
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// Begin no seed that would end later than this; the first always runs
    #[arg(long, default_value_t = 15.0)]
    pub minutes: f64,
    /// `auto`, `cpu`, `cuda` or `cuda:N`
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Print the figures as JSON instead of the table
    #[arg(long)]
    pub json: bool,
    /// Print only errors on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

impl SweepArgs {
    /// The sweep that these options describe.
    pub fn plan(&self) -> SweepPlan {
        let network = NetworkConfig { hidden: self.hidden, dropout: self.dropout, ..NetworkConfig::default() };
        let baseline = FitConfig {
            data: self.data.clone(),
            network,
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            val_split: self.val_split,
            seed: self.seed,
            device: self.device.clone(),
            ..FitConfig::default()
        };
        SweepPlan { baseline, seeds: self.seeds, budget_seconds: self.minutes * 60.0 }
    }
}

/// Runs the sweep with `trainer`: the table or the JSON goes to `stdout`, progress to `stderr`.
///
/// # Errors
/// Those of [`sweep::run`] and [`sweep::save`]; `stdout` cannot be written.
pub fn run(args: &SweepArgs, trainer: &mut dyn Trainer, stdout: &mut dyn Write, stderr: &mut dyn Write) -> Result<()> {
    let plan = args.plan();
    let runs = plan.seeds as usize * sweep::variants(&plan.baseline.network).len();
    let mut done = 0;
    let outcome = sweep::run(&plan, &args.out, trainer, &mut |event| {
        done += usize::from(matches!(event, SweepEvent::Finished { .. }));
        if !args.quiet {
            // A closed stderr does not stop the sweep.
            let _ = writeln!(stderr, "{}", line(event, done, runs));
        }
    })?;
    let paths = sweep::save(&outcome, &args.out)?;
    if !args.quiet {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let _ = writeln!(stderr, "wrote {}", names.join(", "));
    }
    let text = if args.json {
        serde_json::to_string(&outcome).expect("plain figures and text are JSON")
    } else {
        sweep::table(&outcome)
    };
    writeln!(stdout, "{text}").map_err(Error::from)
}

fn line(event: SweepEvent<'_>, done: usize, runs: usize) -> String {
    match event {
        SweepEvent::Started { run } => format!("[{}/{runs}] {run} …", done + 1),
        SweepEvent::Finished { run, summary, found } => {
            let last = summary.epochs.last();
            let [train, val] = [last.map(|s| s.train_mpjpe), last.map(|s| s.val_mpjpe)]
                .map(|value| score(value.unwrap_or(f64::NAN), &summary.unit));
            let when = if found { "found done".to_owned() } else { format!("{:.1} s", summary.seconds) };
            format!("[{done}/{runs}] {run}: training {train}, validation {val} ({when})")
        }
        SweepEvent::OutOfTime { seeds } => format!("time is up after {seeds} seeds (--minutes)"),
    }
}

#[cfg(test)]
mod tests {
    // A failed unwrap is a failed test.
    use std::path::Path;

    use clap::Parser;

    use super::*;
    use crate::fit::history::{EpochScore, Summary};

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: SweepArgs,
    }

    fn parse(words: &[&str]) -> Result<SweepArgs, clap::Error> {
        Program::try_parse_from([&["sweep"], words].concat()).map(|program| program.args)
    }

    struct Pretender;

    impl Trainer for Pretender {
        fn fit(&mut self, config: &FitConfig, _out: &Path) -> Result<Summary> {
            let score = EpochScore { epoch: 1, iteration: 9, train_mpjpe: 50.0, val_mpjpe: 60.0 };
            Ok(Summary {
                unit: "mm".into(),
                epochs: vec![score.clone(), EpochScore { epoch: 2, ..score }],
                samples: config.batch_size as u64,
                seconds: 1.0,
                train_size: 1,
                val_size: 1,
                device: "cpu".into(),
            })
        }
    }

    #[test]
    fn the_defaults_are_the_assignments_at_a_reduced_width() {
        let plan = parse(&[]).unwrap().plan();
        let network = NetworkConfig { hidden: 256, ..NetworkConfig::default() };
        assert_eq!(plan.baseline, FitConfig { network, ..FitConfig::default() });
        assert_eq!((plan.seeds, plan.budget_seconds), (3, 900.0));
        assert!(parse(&["--epochs", "0"]).is_err() && parse(&["--seeds", "0"]).is_err());
    }

    #[test]
    fn stdout_is_the_table_or_json_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        for (words, first) in [(vec!["--out", out], "| network |"), (vec!["--out", out, "--json"], "{\"baseline\":")] {
            let mut stdout = Vec::new();
            let mut stderr = Vec::new();
            run(&parse(&words).unwrap(), &mut Pretender, &mut stdout, &mut stderr).unwrap();
            assert!(stdout.starts_with(first.as_bytes()), "{}", String::from_utf8_lossy(&stdout));
            let stderr = String::from_utf8(stderr).unwrap();
            assert!(stderr.contains("[1/21] baseline-seed-0: training 50.0 mm, validation 60.0 mm"), "{stderr}");
            assert!(stderr.contains("sweep.md"), "{stderr}");
        }
    }

    #[test]
    fn quiet_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let args = parse(&["--quiet", "--out", folder.path().to_str().unwrap()]).unwrap();
        let mut stderr = Vec::new();
        run(&args, &mut Pretender, &mut Vec::new(), &mut stderr).unwrap();
        assert!(stderr.is_empty());
    }
}
