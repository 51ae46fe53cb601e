//! The chart of a sweep: a row for each network, a dot for each score, and the spread over seeds as a bar, so that a
//! difference and the noise around it are visible together.

use poselift::{Error, Result};

use super::axis::{Axis, ends};
use super::colour::{BAND, BLUE, Colour, FAINT_INK, GRID, INK, RULE, VERMILION};
use super::scene::{Align, Chart};
use super::unit_label;

const WIDTH: u32 = 1000;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 950.0;
const TOP: f64 = 104.0;
const ROW_HEIGHT: f64 = 46.0;
const BELOW: f64 = 84.0;

/// Mean, least and greatest of one score over the seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Mean over the seeds.
    pub mean: f64,
    /// Least of the seeds.
    pub least: f64,
    /// Greatest of the seeds.
    pub greatest: f64,
}

/// One network's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonRow {
    /// The difference, `3 blocks`.
    pub name: String,
    /// Training and validation score at the end.
    pub last: [Score; 2],
    /// The same after the first epoch, if there were more.
    pub first: Option<[Score; 2]>,
}

/// The validation scores of the baseline, as a band through all rows.
pub type Reference = Score;

/// Draws `rows` from top to bottom over one axis; `unit` is that of the scores, `epochs` the number of epochs of the
/// last scores.
///
/// # Errors
/// No rows, or no score is a number.
pub fn comparison_chart(
    rows: &[ComparisonRow],
    reference: Reference,
    epochs: u32,
    unit: &str,
    title: &str,
) -> Result<Chart> {
    let scores = rows.iter().flat_map(|row| row.last.iter().chain(row.first.iter().flatten()));
    let values: Vec<f64> = scores.flat_map(|score| [score.least, score.greatest]).filter(|v| v.is_finite()).collect();
    if values.is_empty() {
        return Err(Error::input("no score is a number, expected at least one to draw"));
    }
    let bottom = TOP + ROW_HEIGHT * rows.len() as f64;
    let (least, greatest) = ends(values.into_iter());
    let margin = (0.06 * (greatest - least)).max(0.01 * greatest.abs()).max(1e-9);
    let x = Axis { values: (least - margin, greatest + margin), pixels: (LEFT, RIGHT) };

    let mut chart = Chart::new(WIDTH, (bottom + BELOW) as u32);
    chart.text((24.0, 28.0), title, 19.0, INK, Align::Left);
    draw_legend(&mut chart, epochs, rows.iter().any(|row| row.first.is_some()));
    draw_reference(&mut chart, &x, reference, bottom);
    draw_axis(&mut chart, &x, unit, bottom);
    for (index, row) in rows.iter().enumerate() {
        draw_row(&mut chart, &x, row, TOP + ROW_HEIGHT * (index as f64 + 0.5));
    }
    Ok(chart)
}

/// A mark of the legend and what it stands for.
struct LegendEntry {
    x: f64,
    colour: Colour,
    /// A ring marks a score after the first epoch, a disc one after the last.
    is_ring: bool,
    label: String,
}

impl LegendEntry {
    const Y: f64 = 62.0;

    fn draw(self, chart: &mut Chart) {
        if self.is_ring {
            chart.ring((self.x, Self::Y), 5.5, self.colour);
        } else {
            chart.disc((self.x, Self::Y), 6.0, self.colour);
        }
        chart.text((self.x + 12.0, Self::Y), self.label, 13.5, INK, Align::Left);
    }
}

fn draw_legend(chart: &mut Chart, epochs: u32, with_first: bool) {
    let plural = if epochs == 1 { "" } else { "s" };
    let training = format!("training, {epochs} epoch{plural}");
    let validation = format!("validation, {epochs} epoch{plural}");
    LegendEntry { x: 30.0, colour: BLUE, is_ring: false, label: training }.draw(chart);
    LegendEntry { x: 202.0, colour: VERMILION, is_ring: false, label: validation }.draw(chart);
    if with_first {
        LegendEntry { x: 384.0, colour: BLUE, is_ring: true, label: "training, 1 epoch".into() }.draw(chart);
        LegendEntry { x: 546.0, colour: VERMILION, is_ring: true, label: "validation, 1 epoch".into() }.draw(chart);
    }
    chart.text((950.0, LegendEntry::Y), "bars: least to greatest seed", 12.0, FAINT_INK, Align::Right);
}

/// The baseline's validation score through all rows: the band is its spread.
fn draw_reference(chart: &mut Chart, x: &Axis, reference: Reference, bottom: f64) {
    if !reference.mean.is_finite() {
        return;
    }
    chart.rectangle([(x.at(reference.least), TOP), (x.at(reference.greatest), bottom)], BAND);
    chart.dotted_upright(x.at(reference.mean), TOP, bottom, VERMILION);
}

fn draw_axis(chart: &mut Chart, x: &Axis, unit: &str, bottom: f64) {
    for (value, label) in x.ticks(8) {
        let at = x.at(value);
        chart.path(vec![(at, TOP), (at, bottom + 5.0)], GRID, 1.0);
        chart.text((at, bottom + 16.0), label, 12.5, FAINT_INK, Align::Centre);
    }
    chart.path(vec![(LEFT, bottom), (RIGHT, bottom)], RULE, 1.0);
    let label = format!("MPJPE ({}), less is better", unit_label(unit));
    chart.text(((LEFT + RIGHT) / 2.0, bottom + 40.0), label, 13.5, INK, Align::Centre);
    chart.text(
        (24.0, bottom + 66.0),
        "Dotted line and band: validation of the first row.",
        12.0,
        FAINT_INK,
        Align::Left,
    );
}

/// A row: training above, validation below its middle; the first epoch's rings under the last one's discs.
fn draw_row(chart: &mut Chart, x: &Axis, row: &ComparisonRow, y: f64) {
    const APART: f64 = 8.0;
    chart.text((LEFT - 14.0, y), row.name.as_str(), 14.0, INK, Align::Right);
    let lines: [(f64, Colour); 2] = [(y - APART, BLUE), (y + APART, VERMILION)];
    for (index, (y, colour)) in lines.into_iter().enumerate() {
        if let Some(first) = row.first.map(|first| first[index]).filter(|score| score.mean.is_finite()) {
            draw_spread(chart, x, first, y, colour);
            chart.ring((x.at(first.mean), y), 5.5, colour);
        }
        let last = row.last[index];
        if last.mean.is_finite() {
            draw_spread(chart, x, last, y, colour);
            chart.disc((x.at(last.mean), y), 6.0, colour);
        } else {
            chart.text((LEFT + 8.0, y), "no number", 12.0, colour, Align::Left);
        }
    }
}

fn draw_spread(chart: &mut Chart, x: &Axis, score: Score, y: f64, colour: Colour) {
    let from = x.at(score.least);
    let to = x.at(score.greatest);
    chart.path(vec![(from, y), (to, y)], colour, 2.0);
    for end in [from, to] {
        chart.path(vec![(end, y - 4.0), (end, y + 4.0)], colour, 1.5);
    }
}

#[cfg(test)]
mod tests {
    // A failed unwrap is a failed test.
    use super::super::scene::Mark;
    use super::*;

    fn score(mean: f64) -> Score {
        Score { mean, least: mean - 1.0, greatest: mean + 1.0 }
    }

    fn row(name: &str, train: f64, val: f64) -> ComparisonRow {
        ComparisonRow { name: name.into(), last: [score(train), score(val)], first: Some([score(99.0), score(100.0)]) }
    }

    #[test]
    fn a_better_score_stands_further_left() {
        let rows = [row("baseline", 60.0, 70.0), row("3 blocks", 50.0, 65.0)];
        let chart = comparison_chart(&rows, score(70.0), 2, "mm", "a sweep").unwrap();
        let discs: Vec<f64> = chart
            .marks
            .iter()
            .filter_map(|mark| match *mark {
                Mark::Disc { centre, radius: 6.0, colour: VERMILION } if centre.1 > TOP => Some(centre.0),
                _ => None,
            })
            .collect();
        assert_eq!(discs.len(), 2, "a disc for each network's validation");
        assert!(discs[1] < discs[0] && discs.iter().all(|x| (LEFT..=RIGHT).contains(x)), "{discs:?}");
    }

    #[test]
    fn a_network_that_diverged_keeps_its_row() {
        let rows = [row("baseline", 60.0, 70.0), row("lost", f64::NAN, f64::NAN)];
        let svg = comparison_chart(&rows, score(70.0), 2, "mm", "").unwrap().to_svg();
        assert!(svg.contains("lost") && svg.contains("no number"));
    }

    #[test]
    fn nothing_to_draw_is_refused() {
        let lost = Score { mean: f64::NAN, least: f64::NAN, greatest: f64::NAN };
        let row = ComparisonRow { name: "lost".into(), last: [lost; 2], first: None };
        assert!(comparison_chart(&[row], lost, 1, "mm", "").is_err());
        assert!(comparison_chart(&[], lost, 1, "mm", "").is_err());
    }
}
