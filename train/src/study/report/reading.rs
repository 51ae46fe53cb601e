//! Readings of a history: differences between epochs, compared with the noise.

use crate::fit::history::{EpochScore, HistoryRow};

/// Fewest scatter samples for estimating the noise.
const MIN_NOISE_SAMPLES: usize = 3;
/// From a median of absolute values to a standard deviation, for normal noise.
const SIGMA_PER_MEDIAN: f64 = 1.0 / 0.674_49;

/// The change from an earlier epoch to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochVerdict {
    /// Training falls, validation rises, both by more than the noise.
    OverFits,
    /// Validation falls by more than the noise.
    Improves,
    /// Training falls by more than the noise, validation does not move.
    MemorisesWithoutHarm,
    /// Neither moves by more than the noise (or training rises while validation does not move).
    Unchanged,
    /// Validation rises by more than the noise while training does not fall.
    Worsens,
    /// There are too few validations to know the noise.
    NoNoiseKnown,
    /// A score is NaN or infinite.
    NoNumber,
}

/// The figures of a run for its report.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Iteration and score of the best validation.
    pub best: Option<(u64, f64)>,
    /// The run's last iteration.
    pub last_iteration: u64,
    /// The greatest difference of two validation scores without meaning: twice the standard deviation of their
    /// difference.
    pub noise: Option<f64>,
    /// Number of validations that the noise was estimated from.
    pub noise_samples: usize,
    /// Number of training and validation scores that are NaN.
    pub lost: usize,
    /// The iteration of the first of these.
    pub first_lost: Option<u64>,
}

impl Reading {
    /// Reads the rows of `history.csv` and the scores at the epochs' ends.
    pub fn new(rows: &[HistoryRow], epochs: &[EpochScore]) -> Self {
        let mut val: Vec<(u64, f64)> = rows.iter().filter_map(|row| Some((row.iteration, row.val_mpjpe?))).collect();
        val.extend(epochs.iter().map(|epoch| (epoch.iteration, epoch.val_mpjpe)));
        val.sort_by_key(|&(iteration, _)| iteration);
        val.dedup_by_key(|&mut (iteration, _)| iteration);
        let scores = rows.iter().map(|row| (row.iteration, row.train_mpjpe)).chain(val.iter().copied());
        let lost: Vec<u64> = scores.filter(|(_, score)| !score.is_finite()).map(|(iteration, _)| iteration).collect();
        val.retain(|(_, score)| score.is_finite());

        let last_iteration = rows.iter().map(|row| row.iteration).chain(epochs.iter().map(|epoch| epoch.iteration));
        let last_iteration = last_iteration.max().unwrap_or(0);
        let later_half = val.iter().position(|&(iteration, _)| 2 * iteration >= last_iteration).unwrap_or(0);
        let scatter = scatter(&val[later_half..]);
        let sigma = (scatter.len() >= MIN_NOISE_SAMPLES).then(|| median(&scatter) * SIGMA_PER_MEDIAN);
        Self {
            best: val.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)),
            last_iteration,
            noise: sigma.map(|sigma| 2.0 * std::f64::consts::SQRT_2 * sigma),
            noise_samples: scatter.len(),
            lost: lost.len(),
            first_lost: lost.into_iter().min(),
        }
    }

    /// The change between the ends of two epochs.
    pub fn verdict(&self, before: &EpochScore, after: &EpochScore) -> EpochVerdict {
        let train = after.train_mpjpe - before.train_mpjpe;
        let val = after.val_mpjpe - before.val_mpjpe;
        if !train.is_finite() || !val.is_finite() {
            return EpochVerdict::NoNumber;
        }
        let Some(noise) = self.noise else { return EpochVerdict::NoNoiseKnown };
        let train_falls = train < -noise;
        match (val < -noise, val > noise) {
            (true, _) => EpochVerdict::Improves,
            (_, true) if train_falls => EpochVerdict::OverFits,
            (_, true) => EpochVerdict::Worsens,
            _ if train_falls => EpochVerdict::MemorisesWithoutHarm,
            _ => EpochVerdict::Unchanged,
        }
    }
}

/// Each score's distance from the straight line between its neighbours, scaled so that independent noise of standard
/// deviation σ gives values of standard deviation σ: a trend does not count as noise.
fn scatter(val: &[(u64, f64)]) -> Vec<f64> {
    val.windows(3)
        .map(|three| {
            let [(before, from), (at, score), (after, to)] = [three[0], three[1], three[2]];
            let share = (at - before) as f64 / (after - before) as f64;
            let line = from + share * (to - from);
            (score - line).abs() / (1.0 + share * share + (1.0 - share) * (1.0 - share)).sqrt()
        })
        .collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_no_noise() {
        let line: Vec<_> = [1, 2, 4, 9, 10].map(|i| (i, 100.0 - 3.0 * i as f64)).to_vec();
        assert!(scatter(&line).iter().all(|&distance| distance < 1e-9));
    }

    #[test]
    fn noise_is_found_again() {
        // Alternating ±1 has σ = 1 but each point is 2 off its neighbours' line: 2/√1.5.
        let zigzag: Vec<_> = (0..10).map(|i| (i, if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
        assert!(scatter(&zigzag).iter().all(|&distance| (distance - 2.0 / 1.5f64.sqrt()).abs() < 1e-9));
    }

    #[test]
    fn the_median_of_an_even_count_is_between() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    }
}
