//! `sweep.md` and the chart: one table, and below it an answer to each question.

use std::fmt::Write as _;

use poselift::Result;

use super::answers::answers;
use super::compare::{Split, When, by_seed, over_seeds};
use super::plan::{BASELINE, Variant, variants};
use super::{FinishedRun, Outcome};
use crate::chart::{Chart, ComparisonRow, Score, comparison_chart};
use crate::data::is_made_up;
use crate::study::report::{counted, score};

impl Outcome {
    /// The unit of the scores.
    pub(super) fn unit(&self) -> &str {
        self.runs.first().map_or("mm", |run| run.summary.unit.as_str())
    }

    /// Epochs of each run.
    pub(super) fn epochs(&self) -> u32 {
        self.runs.first().and_then(|run| run.summary.epochs.last()).map_or(0, |score| score.epoch)
    }

    pub(super) fn variants(&self) -> Vec<Variant> {
        variants(&self.baseline.network)
    }

    pub(super) fn score(&self, variant: &str, split: Split, when: When) -> Score {
        over_seeds(&by_seed(self, variant, split, when))
    }

    /// The training score and the validation score.
    fn both_scores(&self, variant: &str, when: When) -> [Score; 2] {
        [Split::Training, Split::Validation].map(|split| self.score(variant, split, when))
    }
}

/// The whole report as Markdown.
pub fn markdown(outcome: &Outcome) -> String {
    let mut text = format!(
        "# What each part of the network does\n\n{}\n\n{}\n\n![Training and validation MPJPE of each network](sweep.svg)\n",
        opening(outcome),
        table(outcome)
    );
    for answer in answers(outcome) {
        let _ = write!(text, "\n## {}\n\n{}\n", answer.question, answer.paragraphs.join("\n\n"));
    }
    let _ = write!(text, "\n## What this does not show\n\n{}\n", limits(outcome));
    text
}

fn opening(outcome: &Outcome) -> String {
    let config = &outcome.baseline;
    let sizes = outcome.runs.first().map(|run| (run.summary.train_size, run.summary.val_size)).unwrap_or_default();
    let seconds: f64 = outcome.runs.iter().map(|run| run.wall_seconds).sum();
    format!(
        "Fitted on {} ({} training and {} validation samples). The baseline has two blocks of two layers, hidden width \
         {}, BatchNorm and dropout {}; Adam at {}, batches of {}, {}, {} ({:.1} minutes for all {} runs). Each \
         other network differs from it in what its name says. Scores are MPJPE in {}, in evaluation mode (dropout \
         off) on both splits: mean, and least to greatest seed.",
        config.data.join(", "),
        sizes.0,
        sizes.1,
        config.network.hidden,
        config.network.dropout,
        config.learning_rate,
        config.batch_size,
        counted(outcome.epochs() as usize, "epoch"),
        counted(outcome.seeds.len(), "seed"),
        seconds / 60.0,
        outcome.runs.len(),
        if outcome.unit() == "unknown" { "the data's own unit" } else { outcome.unit() },
    )
}

/// One row per network: both scores after the first and the last epoch, and the speed.
pub fn table(outcome: &Outcome) -> String {
    let last = outcome.epochs();
    let columns: Vec<(String, Split, When)> = [(1, When::FirstEpoch), (last, When::LastEpoch)]
        .into_iter()
        .filter(|&(_, when)| last > 1 || when == When::LastEpoch)
        .flat_map(|(epoch, when)| {
            [("training", Split::Training, epoch, when), ("validation", Split::Validation, epoch, when)]
        })
        .map(|(name, split, epoch, when)| (format!("{name}, {}", counted(epoch as usize, "epoch")), split, when))
        .collect();
    let heads: String = columns.iter().map(|(head, ..)| format!(" {head} |")).collect();
    let mut text = format!("| network |{heads} samples/s |\n|---|{}---|\n", "---|".repeat(columns.len()));
    for variant in outcome.variants() {
        let cells: String = columns
            .iter()
            .map(|&(_, split, when)| format!(" {} |", cell(outcome.score(variant.key, split, when), outcome)))
            .collect();
        let _ = writeln!(text, "| {} |{cells} {:.0} |", variant.name, samples_per_second(outcome, variant.key));
    }
    text.trim_end().to_owned()
}

fn cell(over_seeds: Score, outcome: &Outcome) -> String {
    let unit = outcome.unit();
    let mean = without_mm(over_seeds.mean, unit);
    if outcome.seeds.len() < 2 || !over_seeds.mean.is_finite() {
        return mean;
    }
    format!("{mean} ({}–{})", without_mm(over_seeds.least, unit), without_mm(over_seeds.greatest, unit))
}

/// A score as the reports print it; millimetres go without saying.
fn without_mm(value: f64, unit: &str) -> String {
    score(value, unit).trim_end_matches(" mm").to_owned()
}

fn samples_per_second(outcome: &Outcome, variant: &str) -> f64 {
    let runs: Vec<&FinishedRun> = outcome.runs.iter().filter(|run| run.variant == variant).collect();
    let samples: u64 = runs.iter().map(|run| run.summary.samples).sum();
    let seconds: f64 = runs.iter().map(|run| run.summary.seconds).sum();
    samples as f64 / seconds
}

fn limits(outcome: &Outcome) -> String {
    let mut points = vec![
        format!(
            "- A difference counts as decided where it exceeds the spread: the larger of the two ranges, least to \
             greatest of {}. That is a plain rule and no test of significance.",
            counted(outcome.seeds.len(), "seed")
        ),
        format!(
            "- All this holds for hidden width {}, {} and one learning rate for all; a network that learns more slowly \
             may win a longer run, and each might like another learning rate.",
            outcome.baseline.network.hidden,
            counted(outcome.epochs() as usize, "epoch")
        ),
        "- One factor was changed at a time: how two of them work together was not measured.".to_owned(),
    ];
    if outcome.seeds.len() < 2 {
        points.push("- With one seed no spread is known, so nothing is decided: run more with `--seeds`.".to_owned());
    }
    if outcome.baseline.data.iter().all(|source| is_made_up(source)) {
        points.push("- The motion is synthetic: which network is best may differ on real motion.".to_owned());
    }
    points.join("\n")
}

/// One chart of all scores.
pub(super) fn chart(outcome: &Outcome) -> Result<Chart> {
    let has_first = outcome.epochs() > 1;
    let rows: Vec<_> = outcome
        .variants()
        .into_iter()
        .map(|variant| ComparisonRow {
            name: variant.name.to_owned(),
            last: outcome.both_scores(variant.key, When::LastEpoch),
            first: has_first.then(|| outcome.both_scores(variant.key, When::FirstEpoch)),
        })
        .collect();
    let reference = outcome.score(BASELINE, Split::Validation, When::LastEpoch);
    let seeds = counted(outcome.seeds.len(), "seed");
    let title = format!("One change at a time (hidden width {}, {seeds})", outcome.baseline.network.hidden);
    comparison_chart(&rows, reference, outcome.epochs(), outcome.unit(), &title)
}
