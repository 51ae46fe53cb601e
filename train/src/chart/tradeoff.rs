//! Gain against cost: items as points, and the line of the Pareto-optimal ones, which no other beats in both.

use poselift::{Error, Result};

use super::axis::{Axis, ends};
use super::colour::{BLUE, INK, PALE_BLUE};
use super::plot::{Plot, TickStyle};
use super::scene::{Align, Chart, Point};

const SIZE: (u32, u32) = (720, 440);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 376.0;

/// One item's gain, more of which is better, and cost, less of which is better.
#[derive(Debug, Clone, PartialEq)]
pub struct Tradeoff {
    /// Its name.
    pub name: String,
    /// Its gain, above 0.
    pub gain: f64,
    /// Its cost.
    pub cost: f64,
}

/// Draws `points`, gain to the right by its logarithm and cost upwards, with the axes' titles.
///
/// # Errors
/// No point, or a gain that is not above 0.
pub fn tradeoff_chart(points: &[Tradeoff], axes: [&str; 2], title: &str) -> Result<Chart> {
    if points.is_empty() || points.iter().any(|point| point.gain.is_nan() || point.gain <= 0.0) {
        return Err(Error::input("no models to compare, or one of no speed; expected some, each above 0"));
    }
    let plot = plot_around(points);
    let mut chart = Chart::new(SIZE.0, SIZE.1);
    chart.text((24.0, 28.0), title, 19.0, INK, Align::Left);
    draw_axes(&mut chart, &plot, axes);
    chart.path(frontier(points).into_iter().map(|point| plot.at(point.place())).collect(), PALE_BLUE, 4.0);
    let mut by_gain: Vec<&Tradeoff> = points.iter().collect();
    by_gain.sort_by(|a, b| a.gain.total_cmp(&b.gain));
    for (rank, point) in by_gain.into_iter().enumerate() {
        let (right, up) = plot.at(point.place());
        chart.disc((right, up), 5.0, BLUE);
        let (side, align) = if right > (LEFT + RIGHT) / 2.0 { (-10.0, Align::Right) } else { (10.0, Align::Left) };
        // Neighbours of similar cost have their names above and below.
        let aside = if rank.is_multiple_of(2) { -12.0 } else { 14.0 };
        chart.text((right + side, up + aside), point.name.as_str(), 12.5, INK, align);
    }
    Ok(chart)
}

/// The Pareto-optimal points, which no other beats in both, sorted by gain.
fn frontier(points: &[Tradeoff]) -> Vec<&Tradeoff> {
    let unbeaten = points.iter().filter(|point| !points.iter().any(|other| other.beats(point)));
    let mut best: Vec<&Tradeoff> = unbeaten.collect();
    best.sort_by(|a, b| a.gain.total_cmp(&b.gain));
    best
}

impl Tradeoff {
    /// On the two axes: the logarithm of its gain, and its cost.
    fn place(&self) -> Point {
        (self.gain.log10(), self.cost)
    }

    /// Whether it is as good as `other` in both, and better in one.
    fn beats(&self, other: &Self) -> bool {
        self.gain >= other.gain && self.cost <= other.cost && (self.gain, self.cost) != (other.gain, other.cost)
    }
}

/// Axes that show all of `points`, with some room: the logarithm of the gain, and the cost.
fn plot_around(points: &[Tradeoff]) -> Plot {
    let (slowest, fastest) = ends(points.iter().map(|point| point.gain.log10()));
    let (least, most) = ends(points.iter().map(|point| point.cost));
    let room = ((most - least) * 0.15).max(1.0);
    Plot {
        x: Axis { values: (slowest - 0.15, fastest + 0.15), pixels: (LEFT, RIGHT) },
        y: Axis { values: (least - room, most + room), pixels: (BOTTOM, TOP) },
    }
}

/// `titles` are those of the gain and of the cost.
fn draw_axes(chart: &mut Chart, plot: &Plot, titles: [&str; 2]) {
    plot.draw_grid(chart, gain_ticks(&plot.x), plot.y.ticks(6), TickStyle::USUAL);
    let [gain, cost] = titles;
    chart.text(((LEFT + RIGHT) / 2.0, BOTTOM + 40.0), gain, 13.5, INK, Align::Centre);
    chart.turned_text((22.0, (TOP + BOTTOM) / 2.0), cost, 13.5, INK);
}

/// The logarithms of 1, 2 and 5 times the powers of ten on an axis of logarithms, with their labels.
fn gain_ticks(axis: &Axis) -> Vec<(f64, String)> {
    let (from, to) = axis.values;
    let mut ticks = Vec::new();
    for decade in from.floor() as i32..=to.ceil() as i32 {
        for gain in [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)) {
            if (from..=to).contains(&gain.log10()) {
                let label = if gain >= 1000.0 { format!("{:.0} k", gain / 1000.0) } else { format!("{gain:.0}") };
                ticks.push((gain.log10(), label));
            }
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, gain: f64, cost: f64) -> Tradeoff {
        Tradeoff { name: name.into(), gain, cost }
    }

    #[test]
    fn only_the_unbeaten_are_joined() {
        let points = [point("small", 900.0, 70.0), point("large", 100.0, 60.0), point("beaten", 90.0, 65.0)];
        let names: Vec<_> = frontier(&points).into_iter().map(|point| point.name.as_str()).collect();
        assert_eq!(names, ["large", "small"]);
        let svg = tradeoff_chart(&points, ["poses a second", "mm"], "Error over speed").unwrap().to_svg();
        assert!(svg.contains("beaten") && svg.contains("poses a second") && svg.contains("\n500\n"), "{svg}");
    }

    #[test]
    fn twins_are_both_on_the_line_and_nothing_is_refused() {
        let twins = [point("a", 10.0, 1.0), point("b", 10.0, 1.0)];
        assert_eq!(frontier(&twins).len(), 2);
        assert!(
            tradeoff_chart(&[], ["", ""], "").is_err()
                && tradeoff_chart(&[point("c", 0.0, 1.0)], ["", ""], "").is_err()
        );
    }
}
