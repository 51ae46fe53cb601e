//! The rate of a motion file: how many rows a second hold frames that need not come evenly.
//!
//! Cameras of phones change their rate within a clip, and so do those who join clips. Rows at the rate of most frames would pass over
//! half of a stretch that is twice as fast, so the rate is that of the fastest stretch. A stretch lasts: a clock that jitters, or
//! frames that come in bursts, make none.

use crate::median::median;

/// Intervals that differ from the median by less, as a share of it, are between consecutive frames.
const NEAR_THE_MEDIAN: f64 = 0.1;
/// A rate this close to a whole number, as a share of it, is that number; 29.97 is not.
const WHOLE_WITHIN: f64 = 2e-4;
/// A stretch each quarter of which is faster by this factor is faster, not unsteady.
const FASTER: f64 = 1.15;
/// A stretch has at least so many intervals, ...
const STRETCH_INTERVALS: usize = 8;
/// ... and lasts at least so long, seconds.
const STRETCH: f64 = 0.5;

/// The rate of consecutive frames: the mean of all intervals near the median one, because times are often written
/// with few digits. `None` for fewer than two frames.
pub(super) fn usual_rate(times: &[f64]) -> Option<f64> {
    median(&mut intervals(times)).map(|usual| rate_near(times, usual))
}

/// The rate of the fastest stretch, if one is faster than `rate`.
pub(super) fn faster_rate(times: &[f64], rate: f64) -> Option<f64> {
    let longest_interval = 1.0 / (rate * FASTER);
    let faster =
        stretches(times).filter(|stretch| quarters(stretch).all(|quarter| mean_interval(quarter) <= longest_interval));
    let stretch = faster.min_by(|a, b| mean_interval(a).total_cmp(&mean_interval(b)))?;
    let mean = mean_interval(stretch);
    // Where frames come by turns soon and late, no interval is the usual one.
    let usual = median(&mut intervals(stretch)).filter(|usual| (usual - mean).abs() <= NEAR_THE_MEDIAN * mean);
    Some(usual.map_or(1.0 / mean, |usual| rate_near(times, usual)))
}

/// The times of the shortest stretch from each frame on.
fn stretches(times: &[f64]) -> impl Iterator<Item = &[f64]> {
    let mut last = 0;
    (0..times.len()).map_while(move |first| {
        last = last.max(first + STRETCH_INTERVALS);
        while last < times.len() && times[last] - times[first] < STRETCH {
            last += 1;
        }
        times.get(first..=last)
    })
}

/// The quarters of a stretch; each begins with the last time of the one before.
fn quarters(stretch: &[f64]) -> impl Iterator<Item = &[f64]> {
    let intervals = stretch.len() - 1;
    (0..4).map(move |quarter| &stretch[quarter * intervals / 4..=(quarter + 1) * intervals / 4])
}

fn mean_interval(times: &[f64]) -> f64 {
    (times[times.len() - 1] - times[0]) / (times.len() - 1) as f64
}

fn intervals(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The rate of all intervals that are near `usual`.
fn rate_near(times: &[f64], usual: f64) -> f64 {
    let mut near = intervals(times);
    near.retain(|interval| (interval - usual).abs() <= NEAR_THE_MEDIAN * usual);
    if near.is_empty() {
        return 1.0 / usual;
    }
    let rate = near.len() as f64 / near.iter().sum::<f64>();
    let is_whole = (rate - rate.round()).abs() <= WHOLE_WITHIN * rate;
    if is_whole { rate.round() } else { rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of frames that come so long after the ones before them.
    fn times(intervals: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut times = vec![0.0];
        intervals.into_iter().for_each(|interval| times.push(times[times.len() - 1] + interval));
        times
    }

    fn stretches(parts: &[(f64, usize)]) -> Vec<f64> {
        times(parts.iter().flat_map(|(fps, frames)| std::iter::repeat_n(1.0 / fps, *frames)))
    }

    #[test]
    fn a_faster_stretch_says_the_rate_and_a_short_or_slower_one_does_not() {
        for (parts, expected) in [
            (&[(30.0, 300), (60.0, 120)][..], Some(60.0)),
            (&[(30.0, 300), (60.0, 40), (30.0, 300)], Some(60.0)),
            (&[(25.0, 300), (30.0, 60)], Some(30.0)),
            (&[(30.0, 300), (60.0, 15), (30.0, 300)], None),
            (&[(30.0, 300), (15.0, 100)], None),
            (&[(30.0, 300)], None),
            (&[(2.0, 3)], None),
        ] {
            let times = stretches(parts);
            let usual = usual_rate(&times).unwrap();
            assert_eq!(usual, parts[0].0);
            assert_eq!(faster_rate(&times, usual), expected, "{parts:?}");
        }
    }

    #[test]
    fn few_digits_jitter_and_bursts_make_no_other_rate() {
        let mut rounded = stretches(&[(30.0, 300), (60.0, 120)]);
        rounded.iter_mut().for_each(|time| *time = (*time * 1e3).round() / 1e3);
        assert_eq!(faster_rate(&rounded, 30.0).unwrap().round(), 60.0);
        // A fifth of an interval to both sides, by turns of different lengths.
        let jittered: Vec<f64> =
            (0..300).map(|at| (f64::from(at) + 0.2 * (f64::from(at) * 2.4).sin()) / 30.0).collect();
        assert_eq!(faster_rate(&jittered, 30.0), None);
        // Four frames of a network at once, which is what their mean rate says.
        let bursts = times((0..300).map(|at| if at % 4 == 0 { 0.1303 } else { 0.001 }));
        assert!(faster_rate(&bursts, 30.0).is_none_or(|rate| rate < 40.0));
    }

    #[test]
    fn frames_by_turns_soon_and_late_have_their_mean_rate() {
        let times = times((0..300).map(|at| if at < 200 || at % 2 == 0 { 1.0 / 30.0 } else { 1.0 / 60.0 }));
        assert!((faster_rate(&times, 30.0).unwrap() - 40.0).abs() < 1.5);
    }
}
