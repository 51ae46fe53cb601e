//! Thins long curves for drawing: 100,000 steps have more points than a picture has columns.

use std::cmp::Ordering;

/// At most two points per column of `points` (sorted by x): its least and greatest, in their order.
///
/// Nothing visible is lost: every spike keeps its height.
pub(super) fn least_and_greatest(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    if points.len() <= 2 * columns {
        return points.to_vec();
    }
    let mut thinned = Vec::with_capacity(2 * columns);
    for column in in_columns(points, columns) {
        let Some(least) = column.iter().copied().min_by(by_height) else { continue };
        let Some(greatest) = column.iter().copied().max_by(by_height) else { continue };
        match least.0.total_cmp(&greatest.0) {
            Ordering::Less => thinned.extend([least, greatest]),
            Ordering::Equal => thinned.push(least),
            Ordering::Greater => thinned.extend([greatest, least]),
        }
    }
    thinned
}

fn by_height(a: &(f64, f64), b: &(f64, f64)) -> Ordering {
    a.1.total_cmp(&b.1)
}

/// The mean over `window` points around each of `points`, at most one point per column.
///
/// The steep beginning averages fewer points, as many before as after, so that it is not bent; the end, where a curve
/// is flat but noisy, averages half a window's points before and the remaining ones after.
pub(super) fn running_mean(points: &[(f64, f64)], window: usize, columns: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![0.0];
    for point in points {
        sums.push(sums[sums.len() - 1] + point.1);
    }
    let half = window / 2;
    let every = points.len().div_ceil(columns).max(1);
    let chosen = (0..points.len()).filter(|index| index.is_multiple_of(every) || index + 1 == points.len());
    chosen
        .map(|index| {
            let before = half.min(index);
            let end = (index + before + 1).min(points.len());
            let start = index - before;
            (points[index].0, (sums[end] - sums[start]) / (end - start) as f64)
        })
        .collect()
}

/// Cuts sorted points into `columns` pieces of equal width in x.
fn in_columns(points: &[(f64, f64)], columns: usize) -> impl Iterator<Item = &[(f64, f64)]> {
    let first = points[0].0;
    let last = points[points.len() - 1].0;
    points.chunk_by(move |a, b| column_of(a.0, first, last, columns) == column_of(b.0, first, last, columns))
}

/// The one of `columns` columns between `first` and `last` that holds `x`.
fn column_of(x: f64, first: f64, last: f64, columns: usize) -> usize {
    ((x - first) / (last - first) * columns as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_survives_thinning() {
        let mut points: Vec<_> = (0..100_000).map(|i| (f64::from(i), 50.0 + f64::from(i % 7))).collect();
        points[77_777].1 = 900.0;
        points[33_333].1 = 1.0;
        let thinned = least_and_greatest(&points, 500);
        assert!(thinned.len() <= 1002, "{}", thinned.len());
        assert!(thinned.contains(&(77_777.0, 900.0)) && thinned.contains(&(33_333.0, 1.0)));
        assert!(thinned.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn short_curves_stay_as_they_are() {
        let points = [(1.0, 5.0), (2.0, 3.0), (3.0, 4.0)];
        assert_eq!(least_and_greatest(&points, 2), points);
    }

    #[test]
    fn a_running_mean_keeps_a_straight_line_up_to_its_last_half_window() {
        let line: Vec<_> = (0..100).map(|i| (f64::from(i), 2.0 * f64::from(i))).collect();
        let mean = running_mean(&line, 11, 1000);
        for (x, y) in &mean[..95] {
            assert!((y - 2.0 * x).abs() < 1e-9, "{x} {y}");
        }
        assert_eq!(mean[99], (99.0, 2.0 * (94.0 + 99.0) / 2.0));
        let step: Vec<_> = (0..9).map(|i| (f64::from(i), if i < 4 { 0.0 } else { 3.0 })).collect();
        assert_eq!(running_mean(&step, 3, 1000)[4], (4.0, 2.0));
    }

    #[test]
    fn a_running_mean_has_a_point_a_column_and_the_last_one() {
        let line: Vec<_> = (0..10_001).map(|i| (f64::from(i), 1.0)).collect();
        let mean = running_mean(&line, 11, 100);
        assert!(mean.len() <= 102 && mean.last() == Some(&(10_000.0, 1.0)), "{}", mean.len());
    }
}
