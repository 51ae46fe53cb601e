//! Whether sigma is calibrated: the share of errors within a number of sigmas, next to the error model's share.

use poselift::{Error, Result};

use super::ChartLine;
use super::axis::Axis;
use super::colour::{BLUE, Colour, INK, RULE, VERMILION};
use super::plot::{Plot, TickStyle};
use super::scene::{Align, Chart};

const SIZE: (u32, u32) = (640, 440);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 616.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 376.0;
const COLOURS: [Colour; 2] = [VERMILION, BLUE];

/// Steps of the expected curve.
const STEPS: usize = 60;

/// Draws `lines` of (sigmas, share 0..1), two at most, over the curve of `expected`; a ring marks the target, the
/// share within one sigma.
///
/// # Errors
/// No line or more than two, or a line with fewer than two points.
pub fn calibration_chart(lines: &[ChartLine], expected: fn(f64) -> f64, title: &str) -> Result<Chart> {
    if !(1..=COLOURS.len()).contains(&lines.len()) || lines.iter().any(|line| line.points.len() < 2) {
        let found = lines.len();
        return Err(Error::input(format!(
            "{found} lines of shares within sigma, expected 1 or 2 of two points at least"
        )));
    }
    let greatest = lines.iter().flat_map(|line| &line.points).map(|point| point.0).fold(1.0, f64::max);
    let plot = Plot {
        x: Axis { values: (0.0, greatest), pixels: (LEFT, RIGHT) },
        y: Axis { values: (0.0, 1.0), pixels: (BOTTOM, TOP) },
    };
    let mut chart = Chart::new(SIZE.0, SIZE.1);
    chart.text((24.0, 28.0), title, 19.0, INK, Align::Left);
    draw_axes(&mut chart, &plot);
    let curve = (0..=STEPS).map(|step| greatest * step as f64 / STEPS as f64);
    chart.path(curve.map(|sigmas| plot.at((sigmas, expected(sigmas)))).collect(), RULE, 5.0);
    for (line, colour) in lines.iter().zip(COLOURS) {
        let points: Vec<_> = line.points.iter().map(|point| plot.at(*point)).collect();
        chart.path(points.clone(), colour, 2.0);
        for point in points {
            chart.disc(point, 3.0, colour);
        }
    }
    chart.ring(plot.at((1.0, expected(1.0))), 7.0, INK);
    draw_legend(&mut chart, lines, expected(1.0));
    Ok(chart)
}

fn draw_axes(chart: &mut Chart, plot: &Plot) {
    let shares = plot.y.ticks(5).into_iter().map(|tick| (tick.0, format!("{:.0} %", tick.0 * 100.0)));
    plot.draw_grid(chart, plot.x.ticks(6), shares.collect(), TickStyle::USUAL);
    chart.text(((LEFT + RIGHT) / 2.0, BOTTOM + 40.0), "error, in sigmas", 13.5, INK, Align::Centre);
    chart.turned_text((22.0, (TOP + BOTTOM) / 2.0), "share of joints within", 13.5, INK);
}

fn draw_legend(chart: &mut Chart, lines: &[ChartLine], aim: f64) {
    const Y: f64 = 60.0;
    let mut at = 30.0;
    let names = lines.iter().map(|line| line.name.as_str()).zip(COLOURS.map(|colour| (colour, 2.0)));
    for (name, (colour, width)) in names.chain([("error model", (RULE, 5.0))]) {
        chart.path(vec![(at, Y), (at + 24.0, Y)], colour, width);
        chart.text((at + 32.0, Y), name, 13.5, INK, Align::Left);
        at += 32.0 + 7.2 * name.chars().count() as f64 + 26.0;
    }
    chart.ring((at + 8.0, Y), 7.0, INK);
    chart.text((at + 22.0, Y), format!("aim: {:.0} %", aim * 100.0), 13.5, INK, Align::Left);
}

#[cfg(test)]
mod tests {
    // A failed unwrap is a failed test.
    use super::super::scene::Mark;
    use super::*;

    fn line(name: &str, points: &[(f64, f64)]) -> ChartLine {
        ChartLine { name: name.into(), points: points.to_vec() }
    }

    #[test]
    fn a_model_that_is_too_sure_lies_below_the_curve() {
        let lines = [line("perfect", &[(0.5, 0.3), (1.0, 0.5), (3.0, 0.8)])];
        let chart = calibration_chart(&lines, |sigmas| 1.0 - 0.32_f64.powf(sigmas), "coco17").unwrap();
        let one_sigma = LEFT + (RIGHT - LEFT) / 3.0;
        let here = |radius: f64| {
            let height = |mark: &Mark| match *mark {
                Mark::Disc { centre: (x, y), radius: found, .. } if (x - one_sigma).abs() < 1e-9 && found == radius => {
                    Some(y)
                }
                _ => None,
            };
            chart.marks.iter().find_map(height).unwrap()
        };
        // Pixels run downwards: 50 % is below 68 %.
        assert!((here(3.0) - (BOTTOM + TOP) / 2.0).abs() < 1e-9 && here(7.0) < here(3.0));
        let svg = chart.to_svg();
        assert!(svg.contains("aim: 68 %") && svg.contains("perfect") && svg.contains("error model"), "{svg}");
    }

    #[test]
    fn nothing_to_draw_is_refused() {
        for lines in [vec![], vec![line("a", &[(1.0, 0.5)])], vec![line("a", &[(0.0, 0.0), (1.0, 0.5)]); 3]] {
            assert!(calibration_chart(&lines, |_| 0.5, "").is_err());
        }
    }
}
