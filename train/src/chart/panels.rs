//! Many small line charts over one scale of error, two lines each, so that curves can be compared at a glance.

use poselift::{Error, Result};

use super::axis::{Axis, ends};
use super::colour::{BLUE, FAINT_INK, INK, VERMILION};
use super::plot::{Plot, TickStyle};
use super::scene::{Align, Chart};
use super::unit_label;

const COLUMNS: usize = 3;
const CELL: (f64, f64) = (330.0, 240.0);
const TOP: f64 = 84.0;
/// Margins of a cell around the plot: left, right, above, below.
const MARGINS: [f64; 4] = [54.0, 16.0, 30.0, 50.0];
const TICKS: TickStyle = TickStyle { length: 4.0, below: 14.0, size: 11.5 };

/// One line, from left to right.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartLine {
    /// For the legend.
    pub name: String,
    /// (where on the axis, error).
    pub points: Vec<(f64, f64)>,
}

/// One small chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The quantity that is varied.
    pub title: String,
    /// Its unit.
    pub axis: String,
    /// The two lines, the same two in every panel.
    pub lines: [ChartLine; 2],
}

/// Draws `panels` in rows of three, all with the same scale of errors in `unit`, from 0.
///
/// # Errors
/// No panel, or a panel with fewer than two points.
pub fn panels_chart(panels: &[Panel], unit: &str, title: &str) -> Result<Chart> {
    let [first, ..] = panels else {
        return Err(Error::input("no curve to draw, expected at least one"));
    };
    if let Some(panel) = panels.iter().find(|panel| panel.lines.iter().any(|line| line.points.len() < 2)) {
        return Err(Error::input(format!("the curve '{}' has fewer than two points", panel.title)));
    }
    let values = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points).map(|point| point.1);
    let greatest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    let rows = panels.len().div_ceil(COLUMNS);
    let mut chart = Chart::new((CELL.0 * COLUMNS as f64) as u32, (TOP + CELL.1 * rows as f64) as u32);
    chart.text((24.0, 28.0), title, 19.0, INK, Align::Left);
    for (line, (x, colour)) in first.lines.iter().zip([(30.0, VERMILION), (150.0, BLUE)]) {
        chart.path(vec![(x, 58.0), (x + 24.0, 58.0)], colour, 2.0);
        chart.text((x + 32.0, 58.0), format!("{} ({})", line.name, unit_label(unit)), 13.5, INK, Align::Left);
    }
    for (index, panel) in panels.iter().enumerate() {
        let corner = (CELL.0 * (index % COLUMNS) as f64, TOP + CELL.1 * (index / COLUMNS) as f64);
        draw_panel(&mut chart, panel, corner, greatest * 1.05);
    }
    Ok(chart)
}

fn draw_panel(chart: &mut Chart, panel: &Panel, corner: (f64, f64), greatest: f64) {
    let left = corner.0 + MARGINS[0];
    let right = corner.0 + CELL.0 - MARGINS[1];
    let top = corner.1 + MARGINS[2];
    let bottom = corner.1 + CELL.1 - MARGINS[3];
    let places = panel.lines[0].points.iter().map(|point| point.0);
    let plot = Plot {
        x: Axis { values: ends(places), pixels: (left, right) },
        y: Axis { values: (0.0, greatest.max(1e-9)), pixels: (bottom, top) },
    };
    chart.text((left, corner.1 + 14.0), panel.title.as_str(), 14.0, INK, Align::Left);
    plot.draw_grid(chart, plot.x.ticks(6), plot.y.ticks(5), TICKS);
    chart.text(((left + right) / 2.0, bottom + 32.0), panel.axis.as_str(), 12.0, FAINT_INK, Align::Centre);
    for (line, colour) in panel.lines.iter().zip([VERMILION, BLUE]) {
        let drawn = line.points.iter().filter(|point| point.1.is_finite());
        let drawn: Vec<_> = drawn.map(|point| plot.at(*point)).collect();
        chart.path(drawn.clone(), colour, 2.0);
        for point in drawn {
            chart.disc(point, 3.0, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    // A failed unwrap is a failed test.
    use super::super::scene::Mark;
    use super::*;

    fn panel(title: &str, errors: &[f64]) -> Panel {
        let line = |name: &str, factor: f64| ChartLine {
            name: name.into(),
            points: errors.iter().enumerate().map(|(k, error)| (k as f64, error * factor)).collect(),
        };
        Panel { title: title.into(), axis: "m".into(), lines: [line("MPJPE", 1.0), line("P-MPJPE", 0.5)] }
    }

    #[test]
    fn all_panels_share_one_scale_from_zero() {
        let chart = panels_chart(&[panel("a", &[100.0, 50.0]), panel("b", &[50.0, 50.0])], "mm", "").unwrap();
        let discs: Vec<(f64, f64)> = chart
            .marks
            .iter()
            .filter_map(|mark| match *mark {
                Mark::Disc { centre, colour: VERMILION, .. } => Some(centre),
                _ => None,
            })
            .collect();
        // 50 mm is at the same height in both panels, half as high as 100 mm above the axis.
        assert_eq!(discs[1].1, discs[2].1);
        let bottom = TOP + CELL.1 - MARGINS[3];
        assert!(((bottom - discs[0].1) / (bottom - discs[1].1) - 2.0).abs() < 1e-9, "{discs:?}");
    }

    #[test]
    fn nothing_to_draw_is_refused() {
        assert!(panels_chart(&[], "mm", "").is_err());
        assert!(panels_chart(&[panel("a", &[1.0])], "mm", "").is_err());
    }
}
