//! Scores over seeds, and whether the difference of two scores is significant.

use super::Outcome;
use crate::chart::Score;
use crate::fit::history::EpochScore;

/// One of the two scores of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    Training,
    Validation,
}

/// When in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    FirstEpoch,
    LastEpoch,
}

impl Split {
    fn of(self, score: &EpochScore) -> f64 {
        match self {
            Self::Training => score.train_mpjpe,
            Self::Validation => score.val_mpjpe,
        }
    }
}

impl When {
    fn of(self, epochs: &[EpochScore]) -> Option<&EpochScore> {
        match self {
            Self::FirstEpoch => epochs.first(),
            Self::LastEpoch => epochs.last(),
        }
    }
}

/// A score of one variant, seed by seed in the sweep's order.
pub(super) fn by_seed(outcome: &Outcome, variant: &str, split: Split, when: When) -> Vec<f64> {
    let runs = outcome.runs.iter().filter(|run| run.variant == variant);
    runs.map(|run| when.of(&run.summary.epochs).map_or(f64::NAN, |score| split.of(score))).collect()
}

/// Mean, least and greatest; all NaN if one of `values` is.
pub(super) fn over_seeds(values: &[f64]) -> Score {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if !mean.is_finite() {
        return Score { mean: f64::NAN, least: f64::NAN, greatest: f64::NAN };
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Score { mean, least, greatest }
}

/// Whether a difference is significant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Less error, by more than the spread.
    Better,
    /// More error, by more than the spread.
    Worse,
    /// No more than the spread.
    Undecided,
    /// One seed: the spread is not known.
    OneSeed,
    /// A score is NaN.
    NoNumber,
}

/// Two sets of scores compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The reference scores.
    pub from: Score,
    /// The scores compared with the reference.
    pub to: Score,
    /// The larger of the two ranges, least to greatest seed.
    pub spread: f64,
    /// The conclusion.
    pub verdict: Verdict,
}

impl Comparison {
    /// Compares the scores `to` with the scores `from`, each over the same seeds.
    pub(super) fn new(from: &[f64], to: &[f64]) -> Self {
        let seeds = from.len();
        let from = over_seeds(from);
        let to = over_seeds(to);
        let spread = (from.greatest - from.least).max(to.greatest - to.least);
        let difference = to.mean - from.mean;
        let verdict = if !difference.is_finite() {
            Verdict::NoNumber
        } else if seeds < 2 {
            Verdict::OneSeed
        } else if difference.abs() <= spread {
            Verdict::Undecided
        } else if difference < 0.0 {
            Verdict::Better
        } else {
            Verdict::Worse
        };
        Self { from, to, spread, verdict }
    }

    /// `to` minus `from`: negative is better.
    pub fn difference(&self) -> f64 {
        self.to.mean - self.from.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_beyond_the_spread() {
        for (from, to, verdict) in [
            (&[60.0, 61.0, 62.0][..], &[57.0, 57.5, 58.0][..], Verdict::Better),
            (&[60.0, 61.0, 62.0], &[64.0, 64.5, 65.0], Verdict::Worse),
            (&[60.0, 61.0, 62.0], &[59.0, 60.0, 61.0], Verdict::Undecided),
            (&[60.0, 60.1], &[58.0, 61.0], Verdict::Undecided),
            (&[60.0], &[10.0], Verdict::OneSeed),
            (&[60.0, f64::NAN], &[58.0, 61.0], Verdict::NoNumber),
        ] {
            assert_eq!(Comparison::new(from, to).verdict, verdict, "{from:?} {to:?}");
        }
    }

    #[test]
    fn the_spread_is_the_larger_range() {
        let comparison = Comparison::new(&[60.0, 61.0], &[50.0, 54.0]);
        assert_eq!((comparison.spread, comparison.difference()), (4.0, -8.5));
    }
}
