//! The assignment's questions, what theory says about each, and what the figures show: the last is derived from the
//! figures alone and may contradict the second.

use super::Outcome;
use super::compare::{Comparison, Split, Verdict, When, by_seed};
use super::plan::{BASELINE, NO_BATCH_NORM, NO_DROPOUT, ONE_BLOCK, ONE_LAYER, SINGLES, THREE_BLOCKS};
use crate::study::report::score;

/// A question with its answer.
pub(super) struct Answer {
    pub(super) question: &'static str,
    pub(super) paragraphs: Vec<String>,
}

/// The answers to all questions.
pub(super) fn answers(outcome: &Outcome) -> Vec<Answer> {
    let figures = Figures { outcome };
    vec![
        Answer {
            question: "What does batch normalisation do, and where does it sit?",
            paragraphs: vec![
                "It sits between a hidden Linear and its ReLU. In training it takes each hidden unit's mean and variance \
                 over the batch out and puts a learned shift and scale in their place, so that what a layer reads keeps \
                 its range while the layers before it change; that usually allows faster learning. In use it takes the \
                 running averages instead, which makes it a fixed scale and shift that the export folds into the Linear."
                    .into(),
                figures.change("no BatchNorm", NO_BATCH_NORM, "with it"),
            ],
        },
        Answer {
            question: "What does dropout do, and where does it sit?",
            paragraphs: vec![
                "It stands behind each ReLU. In training it sets hidden units to zero at random and scales the others up, \
                 so that no unit can rely on a particular other one; that is meant to hinder learning by heart. In use \
                 it does nothing. The price is noise in each step, and less capacity."
                    .into(),
                figures.change("no dropout", NO_DROPOUT, "with it"),
                figures.gaps(),
            ],
        },
        Answer {
            question: "Why does the Linear-BatchNorm-ReLU-Dropout group stand twice in a block?",
            paragraphs: vec![
                "A block adds a correction to its input. With one group the correction is one linear map cut off at \
                 zero; with two it is a small network with a hidden layer of its own, and the path around it still \
                 carries the input and the gradient past it unchanged. Two things change at once if a group is taken \
                 away, grouping and depth; four blocks of one layer have the baseline's depth without its grouping."
                    .into(),
                figures.change("1 layer a block", ONE_LAYER, "with two"),
                figures.change("4 blocks of 1 layer", SINGLES, "with 2 blocks of 2"),
            ],
        },
        Answer {
            question: "What would three blocks do instead of two?",
            paragraphs: vec![
                "A third block adds two layers of capacity and their cost in time; the paths around the blocks keep \
                 it trainable."
                    .into(),
                figures.change("3 blocks", THREE_BLOCKS, "with 2"),
                figures.change("1 block", ONE_BLOCK, "with 2"),
            ],
        },
        Answer { question: figures.epoch_question(), paragraphs: figures.epochs() },
    ]
}

struct Figures<'a> {
    outcome: &'a Outcome,
}

impl Figures<'_> {
    fn by_seed(&self, variant: &str, split: Split, when: When) -> Vec<f64> {
        by_seed(self.outcome, variant, split, when)
    }

    fn score(&self, value: f64) -> String {
        score(value, self.outcome.unit())
    }

    /// The scores of a changed network compared with the baseline, on both splits.
    fn change(&self, name: &str, variant: &str, otherwise: &str) -> String {
        let validation = self.change_on(Split::Validation, variant, otherwise);
        let training = self.change_on(Split::Training, variant, otherwise);
        format!("**{name}.** Validation: {validation} Training: {training}")
    }

    fn change_on(&self, split: Split, variant: &str, otherwise: &str) -> String {
        let from = self.by_seed(BASELINE, split, When::LastEpoch);
        let to = self.by_seed(variant, split, When::LastEpoch);
        self.verdict(&Comparison::new(&from, &to), otherwise)
    }

    /// `61.3 mm against 60.1 mm with it: 1.2 mm worse, more than the spread of 0.4 mm.`
    fn verdict(&self, comparison: &Comparison, otherwise: &str) -> String {
        let [to, from, spread] = [comparison.to.mean, comparison.from.mean, comparison.spread].map(|v| self.score(v));
        let size = self.score(comparison.difference().abs());
        let judged = match comparison.verdict {
            Verdict::Better => format!("{size} better, more than the spread of {spread}"),
            Verdict::Worse => format!("{size} worse, more than the spread of {spread}"),
            Verdict::Undecided => format!("{size} apart, no more than the spread of {spread}: undecided"),
            Verdict::OneSeed => format!("{size} apart; with one seed the spread is unknown: undecided"),
            Verdict::NoNumber => "a run has lost its numbers: no comparison".to_owned(),
        };
        format!("{to} against {from} {otherwise}: {judged}.")
    }

    /// Validation minus training, with and without dropout.
    fn gaps(&self) -> String {
        let comparison = Comparison::new(&self.gap_by_seed(BASELINE), &self.gap_by_seed(NO_DROPOUT));
        let [without, with, spread] =
            [comparison.to.mean, comparison.from.mean, comparison.spread].map(|v| self.score(v));
        let judged = match comparison.verdict {
            Verdict::Worse => format!("dropout does narrow it, by more than the spread of {spread}"),
            Verdict::Better => format!("dropout widens it, by more than the spread of {spread}"),
            Verdict::Undecided => format!("no more apart than the spread of {spread}: undecided"),
            Verdict::OneSeed => "with one seed: undecided".to_owned(),
            Verdict::NoNumber => "a run has lost its numbers: no comparison".to_owned(),
        };
        format!("**The gap** (validation less training) is {without} without dropout and {with} with it: {judged}.")
    }

    fn gap_by_seed(&self, variant: &str) -> Vec<f64> {
        let val = self.by_seed(variant, Split::Validation, When::LastEpoch);
        let train = self.by_seed(variant, Split::Training, When::LastEpoch);
        val.iter().zip(train).map(|(val, train)| val - train).collect()
    }

    fn epoch_question(&self) -> &'static str {
        match self.outcome.epochs() {
            0..=2 => "Does the second epoch over-fit?",
            _ => "Do the epochs after the first over-fit?",
        }
    }

    fn epochs(&self) -> Vec<String> {
        let last = self.outcome.epochs();
        if last < 2 {
            return vec!["Each run had one epoch: not asked. Run with `--epochs 2`.".to_owned()];
        }
        let rule = format!(
            "Over-fitting means: from epoch 1 to epoch {last} the training score falls while the validation score rises, \
             each by more than the spread."
        );
        let variants = self.outcome.variants();
        let verdicts = variants.iter().map(|variant| self.over_fitting(variant.name, variant.key));
        let list = verdicts.map(|verdict| format!("- {verdict}")).collect::<Vec<_>>().join("\n");
        vec![rule, list]
    }

    fn over_fitting(&self, name: &str, variant: &str) -> String {
        let [train, val] = [Split::Training, Split::Validation].map(|split| {
            let first = self.by_seed(variant, split, When::FirstEpoch);
            let last = self.by_seed(variant, split, When::LastEpoch);
            Comparison::new(&first, &last)
        });
        let verdict = match (train.verdict, val.verdict) {
            (Verdict::NoNumber, _) | (_, Verdict::NoNumber) => "undecided, a run has lost its numbers",
            (Verdict::OneSeed, _) | (_, Verdict::OneSeed) => "undecided, with one seed the spread is unknown",
            (Verdict::Better, Verdict::Worse) => "yes, it over-fits",
            (_, Verdict::Better) => "no, validation still gets better",
            (_, Verdict::Worse) => "no, but validation gets worse without a gain in training",
            (_, Verdict::Undecided) => "undecided, validation moves by no more than the spread",
        };
        format!("**{name}**: {verdict}. Training {}, validation {}.", self.moves(&train), self.moves(&val))
    }

    /// `61.3 mm → 60.1 mm (spread 0.4 mm)`
    fn moves(&self, comparison: &Comparison) -> String {
        let [from, to, spread] = [comparison.from.mean, comparison.to.mean, comparison.spread].map(|v| self.score(v));
        format!("{from} → {to} (spread {spread})")
    }
}
