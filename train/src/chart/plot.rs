//! A plot: two axes, and the grid that shows their values.

use super::axis::Axis;
use super::colour::{FAINT_INK, GRID, RULE};
use super::scene::{Align, Chart, Point};

/// The two axes of a plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plot {
    pub(super) x: Axis,
    /// Upwards.
    pub(super) y: Axis,
}

/// How the values on the axes are marked, logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TickStyle {
    /// The length of marks below the x axis.
    pub(super) length: f64,
    /// How far the labels are below it.
    pub(super) below: f64,
    /// The size of labels.
    pub(super) size: f64,
}

impl TickStyle {
    /// Of a chart with one plot.
    pub(super) const USUAL: Self = Self { length: 4.0, below: 15.0, size: 12.5 };
}

impl Plot {
    /// Where a point of these values is.
    pub(super) fn at(&self, point: Point) -> Point {
        let (x, y) = point;
        (self.x.at(x), self.y.at(y))
    }

    /// The x axis, with labels at `x_ticks` below it, and a line with its label through each of `y_ticks`.
    pub(super) fn draw_grid(
        &self,
        chart: &mut Chart,
        x_ticks: Vec<(f64, String)>,
        y_ticks: Vec<(f64, String)>,
        style: TickStyle,
    ) {
        let (left, right) = self.x.pixels;
        let bottom = self.y.pixels.0;
        for (value, label) in y_ticks {
            let at = self.y.at(value);
            chart.path(vec![(left, at), (right, at)], GRID, 1.0);
            chart.text((left - 8.0, at), label, style.size, FAINT_INK, Align::Right);
        }
        for (value, label) in x_ticks {
            let at = self.x.at(value);
            chart.path(vec![(at, bottom), (at, bottom + style.length)], RULE, 1.0);
            chart.text((at, bottom + style.below), label, style.size, FAINT_INK, Align::Centre);
        }
        chart.path(vec![(left, bottom), (right, bottom)], RULE, 1.0);
    }
}
