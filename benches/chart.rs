//! Curves on logarithmic axes, as SVG.

use std::fmt::Write;

/// Sides of a panel's axes in pixels, and its margins.
const SIDE: f64 = 300.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const BELOW: f64 = 60.0;

/// Points (x, y), both above 0, from left to right.
pub(crate) struct Series(pub(crate) Vec<(f64, f64)>);

/// One curve with its own axes; `title` names y.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) series: Series,
}

/// An axis over whole decades.
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    /// The decades that hold all `values`, at least one.
    fn over(values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min).log10();
        let most = values.fold(0.0, f64::max).log10();
        let first = least.floor() as i32;
        Self { first, last: (most.ceil() as i32).max(first + 1) }
    }

    /// The position of `value`, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(|decade| 10f64.powi(decade))
    }
}

/// The panels in a row, over the same `x`.
pub(crate) fn side_by_side(x: &str, panels: &[Panel]) -> String {
    let (width, height) = (panels.len() as f64 * (SIDE + LEFT + 30.0), SIDE + TOP + BELOW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let left = number as f64 * (SIDE + LEFT + 30.0) + LEFT;
        let _ = writeln!(svg, "<g transform=\"translate({left} {TOP})\">\n{}</g>", drawn(x, panel));
    }
    svg + "</svg>\n"
}

fn drawn(x: &str, Panel { title, series: Series(points) }: &Panel) -> String {
    let across = Axis::over(points.iter().map(|point| point.0));
    let up = Axis::over(points.iter().map(|point| point.1));
    let mut svg = grid(&across, &up);
    let place = |&(x, y): &(f64, f64)| (across.place(x) * SIDE, SIDE - up.place(y) * SIDE);
    let places: Vec<_> = points.iter().map(place).collect();
    let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ =
        writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"2\"/>", line.join(" "));
    for (number, ((x, y), (_, value))) in places.iter().zip(points).enumerate() {
        // The first is on the axis, whose own labels are to its left.
        let anchor = if number == 0 { "start" } else { "middle" };
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#1f77b4\"/>");
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>", y - 10.0, short(*value));
    }
    let _ = writeln!(svg, "<text x=\"0\" y=\"-14\" font-weight=\"bold\">{title}</text>");
    let (middle, below) = (SIDE / 2.0, SIDE + 42.0);
    svg + &format!("<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{x}</text>\n")
}

/// A line and a label for each decade.
fn grid(across: &Axis, up: &Axis) -> String {
    let mut svg = String::new();
    let line = "stroke=\"#ccc\"/>";
    for value in across.decades() {
        let x = across.place(value) * SIDE;
        let _ = writeln!(svg, "<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{SIDE}\" {line}");
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", SIDE + 18.0, short(value));
    }
    for value in up.decades() {
        let y = SIDE - up.place(value) * SIDE;
        let _ = writeln!(svg, "<line x1=\"0\" y1=\"{y:.1}\" x2=\"{SIDE}\" y2=\"{y:.1}\" {line}");
        let _ = writeln!(svg, "<text x=\"-8\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", y + 4.0, short(value));
    }
    svg
}

/// Two digits, with k and M for thousands and millions.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        10.0.. => format!("{value:.0}"),
        1.0.. => format!("{}", (value * 10.0).round() / 10.0),
        _ => format!("{}", (value * 100.0).round() / 100.0),
    }
}
