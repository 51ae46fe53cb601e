//! A sweep with mock trainers: which runs are made, which are not repeated, and that the text follows the figures.

// A failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use poselift::{Error, ErrorKind, Result};
use poselift_train::config::{FitConfig, NetworkConfig};
use poselift_train::fit::history::{EpochScore, Summary};
use poselift_train::study::sweep::{Outcome, SweepEvent, SweepPlan, Trainer, markdown, run, save};

/// Training and validation score after each epoch, as a function of the run's settings.
type Scores = fn(&FitConfig) -> Vec<(f64, f64)>;

/// Scores without fitting; fails at the `fails_at`-th run.
struct Pretender {
    scores: Scores,
    runs: usize,
    fails_at: Option<usize>,
}

impl Pretender {
    fn new(scores: Scores) -> Self {
        Self { scores, runs: 0, fails_at: None }
    }
}

impl Trainer for Pretender {
    fn fit(&mut self, config: &FitConfig, _out: &Path) -> Result<Summary> {
        self.runs += 1;
        if self.fails_at == Some(self.runs) {
            return Err(Error::runtime("out of memory"));
        }
        let epoch = |(epoch, &(train_mpjpe, val_mpjpe)): (usize, &(f64, f64))| EpochScore {
            epoch: epoch as u32 + 1,
            iteration: 100 * (epoch as u64 + 1),
            train_mpjpe,
            val_mpjpe,
        };
        Ok(Summary {
            unit: "mm".into(),
            epochs: (self.scores)(config).iter().enumerate().map(epoch).collect(),
            samples: 12_800,
            seconds: 2.0,
            train_size: 6400,
            val_size: 1600,
            device: "cpu".into(),
        })
    }
}

fn plan(seeds: u64) -> SweepPlan {
    let network = NetworkConfig { hidden: 256, ..NetworkConfig::default() };
    SweepPlan { baseline: FitConfig { network, ..FitConfig::default() }, seeds, budget_seconds: 900.0 }
}

fn sweep(scores: Scores, seeds: u64) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    run(&plan(seeds), folder.path(), &mut Pretender::new(scores), &mut |_| ()).unwrap()
}

/// BatchNorm and a second layer help, dropout harms, blocks hardly matter; a seed moves scores by ±0.5.
fn usual(config: &FitConfig) -> Vec<(f64, f64)> {
    let network = &config.network;
    let mut score = 60.0 + [0.0, 0.5, -0.5][config.seed as usize % 3];
    score += if network.batch_norm { 0.0 } else { 10.0 };
    score -= if network.dropout > 0.0 { 0.0 } else { 8.0 };
    score += if network.layers_per_block == 1 { 3.0 } else { 0.0 };
    score -= network.blocks as f64 * 0.1;
    let gap = if network.dropout > 0.0 { 1.0 } else { 9.0 };
    vec![(score + 5.0, score + 5.0 + gap), (score, score + gap)]
}

#[test]
fn each_network_is_run_with_each_seed() {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Pretender::new(usual);
    let outcome = run(&plan(3), folder.path(), &mut trainer, &mut |_| ()).unwrap();
    assert_eq!((trainer.runs, outcome.runs.len()), (21, 21));
    assert_eq!(outcome.seeds, [0, 1, 2]);
    for path in save(&outcome, folder.path()).unwrap() {
        assert!(fs::metadata(&path).unwrap().len() > 1000, "{}", path.display());
    }
    let back: Outcome = serde_json::from_slice(&fs::read(folder.path().join("sweep.json")).unwrap()).unwrap();
    assert_eq!(back, outcome);
}

#[test]
fn a_sweep_that_was_broken_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Pretender { fails_at: Some(10), ..Pretender::new(usual) };
    let error = run(&plan(2), folder.path(), &mut trainer, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("out of memory"));

    let mut trainer = Pretender::new(usual);
    let mut found = 0;
    let resumed = run(&plan(2), folder.path(), &mut trainer, &mut |event| {
        found += usize::from(matches!(event, SweepEvent::Finished { found: true, .. }));
    });
    assert_eq!((found, trainer.runs), (9, 5));
    let scores = |outcome: &Outcome| -> Vec<Summary> { outcome.runs.iter().map(|run| run.summary.clone()).collect() };
    assert_eq!(scores(&resumed.unwrap()), scores(&sweep(usual, 2)));

    let mut trainer = Pretender::new(usual);
    assert_eq!(run(&plan(3), folder.path(), &mut trainer, &mut |_| ()).unwrap().seeds.len(), 3);
    assert_eq!(trainer.runs, 7, "only the third seed is new");
}

#[test]
fn a_folder_with_other_settings_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(&plan(1), folder.path(), &mut Pretender::new(usual), &mut |_| ()).unwrap();
    let mut other = plan(1);
    other.baseline.network.hidden = 128;
    let error = run(&other, folder.path(), &mut Pretender::new(usual), &mut |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadUsage);
    assert!(error.to_string().contains("other settings") && error.hint_text().is_some());
}

#[test]
fn a_damaged_record_is_named() {
    let folder = tempfile::tempdir().unwrap();
    run(&plan(1), folder.path(), &mut Pretender::new(usual), &mut |_| ()).unwrap();
    fs::write(folder.path().join("baseline-seed-0/finished.json"), "{}").unwrap();
    let message = run(&plan(1), folder.path(), &mut Pretender::new(usual), &mut |_| ()).unwrap_err().to_string();
    assert!(message.contains("finished.json: not as poselift-train wrote it"), "{message}");
}

#[test]
fn no_time_means_one_seed_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let short = SweepPlan { budget_seconds: 0.0, ..plan(3) };
    let mut out_of_time = false;
    let outcome = run(&short, folder.path(), &mut Pretender::new(usual), &mut |event| {
        out_of_time |= event == SweepEvent::OutOfTime { seeds: 1 };
    });
    assert_eq!(outcome.unwrap().seeds, [0]);
    assert!(out_of_time);
}

#[test]
fn the_text_follows_the_figures() {
    let text = markdown(&sweep(usual, 3));
    for expected in [
        "| network | training, 1 epoch | validation, 1 epoch | training, 2 epochs | validation, 2 epochs | samples/s |",
        "| baseline | 64.8 (64.3–65.3) | 65.8 (65.3–66.3) | 59.8 (59.3–60.3) | 60.8 (60.3–61.3) | 6400 |",
        "**no BatchNorm.** Validation: 70.8 mm against 60.8 mm with it: 10.0 mm worse, more than the spread of 1.0 mm.",
        "**no dropout.** Validation: 60.8 mm against 60.8 mm with it: 0.00 mm apart, no more than the spread",
        "Training: 51.8 mm against 59.8 mm with it: 8.0 mm better",
        "is 9.0 mm without dropout and 1.0 mm with it: dropout does narrow it",
        "**3 blocks.** Validation: 60.7 mm against 60.8 mm with 2: 0.10 mm apart, no more than the spread of 1.0 mm: undecided.",
        "**1 layer a block.** Validation: 63.8 mm against 60.8 mm with two: 3.0 mm worse",
        "- **baseline**: no, validation still gets better. Training 64.8 mm → 59.8 mm (spread 1.0 mm)",
        "which network is best may differ on real motion",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn other_figures_give_another_text() {
    let over_fits = |config: &FitConfig| {
        let wobble = config.seed as f64 * 0.1;
        let val = if config.network.batch_norm { 70.0 } else { 60.0 };
        vec![(60.0 + wobble, 65.0 + wobble), (50.0 + wobble, val + wobble)]
    };
    let text = markdown(&sweep(over_fits, 3));
    assert!(text.contains("**baseline**: yes, it over-fits"), "{text}");
    assert!(text.contains("**no BatchNorm**: no, validation still gets better"), "{text}");
    assert!(text.contains("**no BatchNorm.** Validation: 60.1 mm against 70.1 mm with it: 10.0 mm better"), "{text}");
}

#[test]
fn one_seed_and_one_epoch_decide_nothing() {
    let text = markdown(&sweep(|config| usual(config)[..1].to_vec(), 1));
    assert!(text.contains("with one seed the spread is unknown: undecided"), "{text}");
    assert!(text.contains("Each run had one epoch: not asked."), "{text}");
    assert!(!text.contains("more than the spread of"), "{text}");
}

#[test]
fn a_network_that_lost_its_numbers_is_shown_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let lost = |config: &FitConfig| {
        if config.network.batch_norm { usual(config) } else { vec![(f64::NAN, f64::NAN); 2] }
    };
    for _ in 0..2 {
        // The second time from the records: NaN must survive them.
        let outcome = run(&plan(2), folder.path(), &mut Pretender::new(lost), &mut |_| ()).unwrap();
        let text = markdown(&outcome);
        assert!(text.contains("| no BatchNorm | no number | no number |"), "{text}");
        assert!(text.contains("a run has lost its numbers: no comparison"), "{text}");
        save(&outcome, folder.path()).unwrap();
    }
}
