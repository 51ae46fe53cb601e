//! The chart of a run, as the assignment shows it: training MPJPE at every iteration, with validation on top.

use poselift::{Error, Result};

use super::axis::{Axis, round_step};
use super::colour::{BLUE, Colour, FAINT_INK, INK, PALE_BLUE, VERMILION};
use super::plot::{Plot, TickStyle};
use super::scene::{Align, Chart, Point};
use super::thin::{least_and_greatest, running_mean};
use super::unit_label;
use crate::fit::history::HistoryRow;

const SIZE: (u32, u32) = (1000, 600);
const LEFT: f64 = 78.0;
const RIGHT: f64 = 906.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 526.0;
const TICKS: TickStyle = TickStyle { length: 5.0, ..TickStyle::USUAL };
/// Curves are thinned to this many columns, two per logical pixel.
const COLUMNS: usize = 1600;
/// The running mean goes over this share of the run, but over at least [`MIN_WINDOW`] iterations.
const WINDOW_SHARE: f64 = 1.0 / 40.0;
const MIN_WINDOW: usize = 5;
/// With more validations than this, their points would hide their line.
const MAX_POINTS: usize = 60;
/// About as many epochs are named as fit side by side.
const MAX_EPOCH_NAMES: f64 = 10.0;

/// Draws `rows` of a `history.csv`; `unit` is that of the scores, `mm` or `unknown`.
///
/// The upper limit leaves out the first steps' spikes, and the chart says so. Scores that are NaN are left out, and
/// the chart says that too.
///
/// # Errors
/// No rows.
pub fn training_chart(rows: &[HistoryRow], unit: &str, title: &str) -> Result<Chart> {
    let Some(first) = rows.first() else {
        return Err(Error::input("the history has no rows, expected one for each training step"));
    };
    let last = rows.last().unwrap_or(first);
    let train = numbers(rows.iter().map(|row| (row.iteration as f64, row.train_mpjpe)));
    let val = numbers(rows.iter().filter_map(|row| Some((row.iteration as f64, row.val_mpjpe?))));
    let from = if first.iteration == 1 { 0.0 } else { first.iteration as f64 };
    let plot = Plot {
        x: Axis { values: (from, last.iteration.max(1) as f64), pixels: (LEFT, RIGHT) },
        y: Axis { values: value_limits(&train, &val), pixels: (BOTTOM, TOP) },
    };
    let run = RunPlot { plot, unit };
    let window = ((train.len() as f64 * WINDOW_SHARE) as usize).max(MIN_WINDOW) | 1;

    let mut chart = Chart::new(SIZE.0, SIZE.1);
    chart.text((LEFT, 28.0), title, 19.0, INK, Align::Left);
    draw_legend(&mut chart, window, !val.is_empty());
    run.draw_grid(&mut chart);
    run.draw_epochs(&mut chart, rows);
    run.draw_curve(&mut chart, &least_and_greatest(&train, COLUMNS), PALE_BLUE, 1.0);
    run.draw_curve(&mut chart, &running_mean(&train, window, COLUMNS), BLUE, 2.5);
    run.draw_validation(&mut chart, &val);
    chart.text((LEFT, 584.0), run.footnote(rows, &train), 12.0, FAINT_INK, Align::Left);
    Ok(chart)
}

/// The points with a finite height.
fn numbers(points: impl Iterator<Item = Point>) -> Vec<Point> {
    points.filter(|point| point.1.is_finite()).collect()
}

/// The two ends of the y axis.
///
/// The top is above 98 % of the training scores and above each validation score that is not an outlier. The bottom is
/// 0 unless that left most of the picture empty.
fn value_limits(train: &[Point], val: &[Point]) -> (f64, f64) {
    let train = sorted_heights(train);
    let val = sorted_heights(val);
    let train_top = quantile(&train, 0.98);
    let val_top = quantile(&val, 1.0).zip(quantile(&val, 0.5)).map(|(greatest, median)| greatest.min(4.0 * median));
    let top = train_top.into_iter().chain(val_top).fold(0.0, f64::max);
    if top <= 0.0 {
        return (0.0, 1.0);
    }
    let bottom = quantile(&train, 0.005).into_iter().chain(quantile(&val, 0.0)).fold(top, f64::min);
    let step = round_step((top - bottom) / 8.0);
    if bottom > 0.6 * top && step > 0.0 {
        return (((bottom / step).floor() - 1.0).max(0.0) * step, top + step);
    }
    (0.0, top * 1.06)
}

fn sorted_heights(points: &[Point]) -> Vec<f64> {
    let mut heights: Vec<f64> = points.iter().map(|point| point.1).collect();
    heights.sort_by(f64::total_cmp);
    heights
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(share * last as f64).round() as usize])
}

/// The pieces of a curve that do not exceed `top`, each up to the point where it crosses.
fn below(points: &[Point], top: f64) -> Vec<Vec<Point>> {
    let mut pieces = vec![Vec::new()];
    for (index, &(x, y)) in points.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| points[index]);
        if let Some((x0, y0)) = before.filter(|before| (before.1 > top) != (y > top)) {
            let crossing = (x0 + (x - x0) * (top - y0) / (y - y0), top);
            if y <= top {
                pieces.push(Vec::new());
            }
            push_to_last(&mut pieces, crossing);
        }
        if y <= top {
            push_to_last(&mut pieces, (x, y));
        }
    }
    pieces
}

fn push_to_last(pieces: &mut [Vec<Point>], point: Point) {
    if let Some(piece) = pieces.last_mut() {
        piece.push(point);
    }
}

/// A curve of the legend and what it shows.
struct LegendEntry {
    x: f64,
    colour: Colour,
    width: f64,
    /// Whether the curve's points are marked.
    has_dots: bool,
    label: String,
}

impl LegendEntry {
    fn draw(self, chart: &mut Chart) {
        const Y: f64 = 60.0;
        chart.path(vec![(self.x, Y), (self.x + 28.0, Y)], self.colour, self.width);
        if self.has_dots {
            chart.disc((self.x + 14.0, Y), 4.0, self.colour);
        }
        chart.text((self.x + 36.0, Y), self.label, 13.5, INK, Align::Left);
    }
}

fn draw_legend(chart: &mut Chart, window: usize, validated: bool) {
    let each = "training, each iteration".into();
    let mean = format!("training, mean of {window} iterations");
    LegendEntry { x: LEFT, colour: PALE_BLUE, width: 2.0, has_dots: false, label: each }.draw(chart);
    LegendEntry { x: LEFT + 240.0, colour: BLUE, width: 2.5, has_dots: false, label: mean }.draw(chart);
    if validated {
        let validation = "validation".into();
        LegendEntry { x: LEFT + 530.0, colour: VERMILION, width: 2.5, has_dots: true, label: validation }.draw(chart);
    }
}

/// The plot of a run, whose scores have a `unit`.
struct RunPlot<'a> {
    plot: Plot,
    unit: &'a str,
}

impl RunPlot<'_> {
    /// A curve, cut where it exceeds the top.
    fn draw_curve(&self, chart: &mut Chart, points: &[Point], colour: Colour, width: f64) {
        for piece in below(points, self.plot.y.values.1) {
            chart.path(piece.into_iter().map(|point| self.plot.at(point)).collect(), colour, width);
        }
    }

    fn draw_grid(&self, chart: &mut Chart) {
        let Plot { x, y } = self.plot;
        self.plot.draw_grid(chart, x.ticks(10), y.ticks(8), TICKS);
        chart.text(((LEFT + RIGHT) / 2.0, BOTTOM + 37.0), "iteration", 13.5, INK, Align::Centre);
        chart.turned_text((20.0, (TOP + BOTTOM) / 2.0), format!("MPJPE ({})", unit_label(self.unit)), 13.5, INK);
    }

    /// Dotted lines between epochs, and their numbers above.
    fn draw_epochs(&self, chart: &mut Chart, rows: &[HistoryRow]) {
        let epochs: Vec<_> = rows.chunk_by(|a, b| a.epoch == b.epoch).collect();
        let every = round_step(epochs.len() as f64 / MAX_EPOCH_NAMES).max(1.0) as u32;
        for epoch in epochs {
            let number = epoch[0].epoch;
            let start = self.plot.x.at(epoch[0].iteration as f64 - 1.0);
            let end = self.plot.x.at(epoch[epoch.len() - 1].iteration as f64);
            let named = every == 1 || number.is_multiple_of(every);
            if named {
                chart.text(
                    ((start + end) / 2.0, TOP - 12.0),
                    format!("epoch {number}"),
                    12.5,
                    FAINT_INK,
                    Align::Centre,
                );
            }
            if named && start > LEFT {
                chart.dotted_upright(start, TOP, BOTTOM, FAINT_INK);
            }
        }
    }

    /// The validation curve with the last score beside its end.
    fn draw_validation(&self, chart: &mut Chart, val: &[Point]) {
        self.draw_curve(chart, &least_and_greatest(val, COLUMNS), VERMILION, 2.5);
        if val.len() <= MAX_POINTS {
            for &point in val.iter().filter(|point| point.1 <= self.plot.y.values.1) {
                chart.disc(self.plot.at(point), 4.0, VERMILION);
            }
        }
        if let Some(&last) = val.last() {
            let (x, y) = self.plot.at(last);
            chart.disc((x, y), 5.0, VERMILION);
            let label = if self.unit == "mm" { format!("{:.1} mm", last.1) } else { format!("{:.4}", last.1) };
            chart.text((x + 10.0, y), label, 14.0, VERMILION, Align::Left);
        }
    }

    /// The note on values that the curves leave out.
    fn footnote(&self, rows: &[HistoryRow], train: &[Point]) -> String {
        let top = self.plot.y.values.1;
        let mut notes = Vec::new();
        let above = train.iter().filter(|point| point.1 > top).count();
        if above > 0 {
            let greatest = train.iter().map(|point| point.1).fold(0.0, f64::max);
            notes.push(format!("{above} training scores lie above the edge (up to {})", rounded(greatest)));
        }
        let lost = rows.iter().filter(|row| !row.train_mpjpe.is_finite()).count();
        if let Some(row) = rows.iter().find(|row| !row.train_mpjpe.is_finite()) {
            notes.push(format!("{lost} training scores are no number, the first at iteration {}", row.iteration));
        }
        if let Some(row) = rows.iter().find(|row| row.val_mpjpe.is_some_and(|val| !val.is_finite())) {
            notes.push(format!("validation is no number at iteration {}", row.iteration));
        }
        notes.join("; ")
    }
}

/// Three digits are enough for a note.
fn rounded(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    // A failed unwrap is a failed test.
    use super::super::scene::Mark;
    use super::*;

    fn row(iteration: u64, train_mpjpe: f64, val_mpjpe: Option<f64>) -> HistoryRow {
        HistoryRow { iteration, epoch: 1 + (iteration as u32 - 1) / 500, train_mpjpe, val_mpjpe, seconds: 0.0 }
    }

    fn texts(chart: &Chart) -> Vec<&str> {
        let texts = chart.marks.iter().filter_map(|mark| match mark {
            Mark::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn the_first_spikes_do_not_squash_the_curve() {
        let height = |i: u64| if i <= 5 { 5000.0 } else { 60.0 + (i % 10) as f64 };
        let points: Vec<_> = (1..=1000).map(|i| (i as f64, height(i))).collect();
        let (_, top) = value_limits(&points, &[(1000.0, 72.0)]);
        assert!((72.0..90.0).contains(&top), "{top}");
    }

    #[test]
    fn the_axis_starts_at_zero_unless_that_wastes_the_picture() {
        assert_eq!(value_limits(&[(1.0, 100.0), (2.0, 30.0)], &[]).0, 0.0);
        let flat: Vec<_> = (1..100).map(|i| (f64::from(i), 50.0 + f64::from(i % 5))).collect();
        let (bottom, top) = value_limits(&flat, &[]);
        assert!((45.0..50.0).contains(&bottom) && (54.0..57.0).contains(&top), "{bottom} {top}");
        for odd in [vec![], vec![(1.0, 0.0)], vec![(1.0, 7.0)]] {
            let (bottom, top) = value_limits(&odd, &[]);
            assert!(bottom < top, "{odd:?}");
        }
    }

    #[test]
    fn a_curve_is_cut_where_it_crosses_the_top() {
        let curve = [(0.0, 20.0), (1.0, 0.0), (2.0, 5.0), (3.0, 15.0), (4.0, 15.0), (5.0, 5.0)];
        let pieces = below(&curve, 10.0);
        let pieces: Vec<_> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        assert_eq!(pieces, [vec![(0.5, 10.0), (1.0, 0.0), (2.0, 5.0), (2.5, 10.0)], vec![(4.5, 10.0), (5.0, 5.0)]]);
    }

    #[test]
    fn it_says_epochs_unit_and_the_last_validation() {
        let rows: Vec<_> =
            (1..=1000).map(|i| row(i, 80.0, i.is_multiple_of(250).then_some(90.0 - i as f64 / 100.0))).collect();
        let chart = training_chart(&rows, "mm", "a run").unwrap();
        let texts = texts(&chart);
        for expected in ["a run", "epoch 1", "epoch 2", "MPJPE (mm)", "80.0 mm", "iteration", "validation"] {
            assert!(texts.contains(&expected), "{expected} is not among {texts:?}");
        }
    }

    #[test]
    fn scores_that_are_no_number_are_left_out_and_named() {
        let mut rows: Vec<_> = (1..=100).map(|i| row(i, if i < 40 { 80.0 } else { f64::NAN }, None)).collect();
        rows[99].val_mpjpe = Some(f64::INFINITY);
        let chart = training_chart(&rows, "unknown", "lost").unwrap();
        let texts = texts(&chart).join("\n");
        assert!(texts.contains("61 training scores are no number, the first at iteration 40"), "{texts}");
        assert!(texts.contains("validation is no number at iteration 100"), "{texts}");
        let all_lost = training_chart(&rows[50..], "mm", "lost").unwrap();
        assert!(all_lost.to_svg().contains("no number"));
    }

    #[test]
    fn no_rows_are_refused() {
        assert!(training_chart(&[], "mm", "").unwrap_err().to_string().contains("no rows"));
    }
}
