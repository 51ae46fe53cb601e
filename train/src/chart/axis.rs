//! Axes: from values to logical pixels, round ticks, and their labels.

/// One axis of a plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// Values at both ends.
    pub(super) values: (f64, f64),
    /// Logical pixels at both ends.
    pub(super) pixels: (f64, f64),
}

impl Axis {
    /// The position of `value`; values beyond an end are clamped to it.
    pub(super) fn at(&self, value: f64) -> f64 {
        let (from, to) = self.values;
        let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// Round values within the axis, about `wanted` of them, with their labels.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let (from, to) = self.values;
        let step = round_step((to - from) / wanted as f64);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (from / step - 1e-9).ceil() as i64;
        let last = (to / step + 1e-9).floor() as i64;
        (first..=last).map(|k| (k as f64 * step, with_commas(k as f64 * step, decimals))).collect()
    }
}

/// The least and the greatest of `values`.
pub(super) fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(least, greatest), value| (least.min(value), greatest.max(value)))
}

/// The least of 1, 2, 5 times a power of ten that is not below `step`.
pub(super) fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|&round| round >= step * 0.999).unwrap_or(10.0 * power)
}

/// A number with a thousands separator: `12,000`.
fn with_commas(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let digits = whole.trim_start_matches('-');
    let mut text = whole[..whole.len() - digits.len()].to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        for ((from, to), wanted, expected) in [
            ((0.0, 1950.0), 10, "0 200 400 600 800 1,000 1,200 1,400 1,600 1,800"),
            ((0.0, 0.31), 6, "0.0 0.1 0.2 0.3"),
            ((43.0, 61.0), 4, "45 50 55 60"),
            ((0.0, 100_000.0), 5, "0 20,000 40,000 60,000 80,000 100,000"),
            ((-1.0, 1.0), 2, "-1 0 1"),
        ] {
            let axis = Axis { values: (from, to), pixels: (0.0, 1.0) };
            let labels: Vec<_> = axis.ticks(wanted).into_iter().map(|(_, label)| label).collect();
            assert_eq!(labels.join(" "), expected);
        }
    }

    #[test]
    fn values_beyond_an_end_stay_at_it() {
        let upwards = Axis { values: (0.0, 10.0), pixels: (100.0, 0.0) };
        assert_eq!([-5.0, 0.0, 5.0, 99.0].map(|value| upwards.at(value)), [100.0, 100.0, 50.0, 0.0]);
    }
}
