//! The rows of a clip: from samples at any times to a row for every `1 / rate` seconds.

use super::{Motion, Samples, UNKNOWN};

/// A sample closer than this to a row, in rows, is at the row.
const ON_THE_ROW: f64 = 0.02;

/// How many rows there are from one time to another.
pub(super) fn row_count(start: f64, last: f64, rate: f64) -> f64 {
    ((last - start) * rate).round() + 1.0
}

/// A number with two decimals at most.
fn two_decimals(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// The rows that samples are resampled to.
pub(super) struct Rows {
    pub(super) start: f64,
    pub(super) rate: f64,
    pub(super) max_gap: f64,
    pub(super) joints: usize,
}

impl Rows {
    /// When a frame is, in rows.
    fn row_of(&self, time: f64) -> f64 {
        (time - self.start) * self.rate
    }

    /// What is said of rows at the rate of the fastest frames.
    pub(super) fn raised_notice(&self, times: &[f64], rows: usize, usual: f64, raised: f64) -> String {
        let on_rows = times.iter().map(|time| self.row_of(*time)).filter(|row| (row - row.round()).abs() <= ON_THE_ROW);
        let between = rows.saturating_sub(on_rows.count());
        let [usual, raised] = [usual, raised].map(two_decimals);
        format!(
            "frames come at {usual} a second and for a while at {raised}: written at {raised} a second, so that none is left out; \
             {between} of {rows} rows are between frames, and joined by lines (--fps F for another rate)"
        )
    }

    /// What is said of frames between two rows, which no row shows.
    pub(super) fn left_out_notice(&self, times: &[f64]) -> Option<String> {
        // A row shows the frame before it and the one behind it.
        let left_out = times.windows(3).filter(|three| {
            let row = (self.row_of(three[2]) - ON_THE_ROW).floor();
            row <= self.row_of(three[0]) + ON_THE_ROW
        });
        let count = left_out.count();
        let all = times.len();
        let rate = two_decimals(self.rate);
        (count > 0).then(|| {
            format!("{count} of {all} frames are left out: they come between two rows, of which there are {rate} a second (--fps F)")
        })
    }

    /// The rows of a person with this number.
    pub(super) fn motion(&self, samples: &Samples, number: i64) -> Motion {
        let rows: Vec<f64> = samples.times.iter().map(|time| self.row_of(*time)).collect();
        let first = rows[0].round() as usize;
        let last = rows[rows.len() - 1].round() as usize;
        let mut points = Vec::with_capacity((last - first + 1) * self.joints);
        let mut sigma = Vec::with_capacity(if samples.sigma.is_empty() { 0 } else { points.capacity() });
        let mut at = 0;
        for row in first..=last {
            let row = row as f64;
            while rows.get(at + 1).is_some_and(|next| *next <= row + ON_THE_ROW) {
                at += 1;
            }
            let here = at * self.joints..(at + 1) * self.joints;
            let before = &samples.points[here.clone()];
            let sigma_before = samples.sigma.get(here).unwrap_or_default();
            let offset = row - rows[at];
            let Some(&next) = rows.get(at + 1).filter(|_| offset > ON_THE_ROW) else {
                points.extend_from_slice(before);
                sigma.extend_from_slice(sigma_before);
                continue;
            };
            let apart = next - rows[at];
            if apart / self.rate > self.max_gap {
                points.extend(std::iter::repeat_n(UNKNOWN, self.joints));
                sigma.extend(std::iter::repeat_n(f32::NAN, sigma_before.len()));
                continue;
            }
            let there = (at + 1) * self.joints..(at + 2) * self.joints;
            let share = (offset / apart) as f32;
            for (before, after) in before.iter().zip(&samples.points[there.clone()]) {
                points.push(std::array::from_fn(|axis| between(before[axis], after[axis], share)));
            }
            let sigma_after = samples.sigma.get(there).unwrap_or_default();
            for (before, after) in sigma_before.iter().zip(sigma_after) {
                sigma.push(between(*before, *after, share));
            }
        }
        Motion { number, first, joints: self.joints, points, sigma }
    }
}

/// The number that is this share of the way from one to another.
pub(in crate::export) fn between(before: f32, after: f32, share: f32) -> f32 {
    before + (after - before) * share
}
