//! A study as Markdown and as a chart.

use std::fmt::Write as _;

use poselift::Result;
use poselift::place::MODEL_STATURE;

use super::words::percent;
use super::{Measured, Point, joints};
use crate::chart::{Chart, ChartLine, Panel, panels_chart};

/// The tables, one per curve; `model` names the model, `on` the data.
pub fn markdown(study: &[Measured], model: &str, on: &str, views: usize) -> String {
    let mut text = format!(
        "# How `{model}` fares\n\nErrors in millimetres for a person of {MODEL_STATURE:.2} m, the root counted: MPJPE after aligning the \
         root, P-MPJPE after the best similarity, N-MPJPE after the best scale; PCK at 150 mm and AUC up to it. Each row is \
         measured on at most {views} views by {on}. What is not varied follows the protocol of the table of models; all but the \
         first rows of \"overall\" and the curve of noise are with the detector model, every joint seen, the focal length \
         known.\n\n![Error as one thing at a time gets harder](robustness.svg)\n"
    );
    for curve in study {
        let _ = write!(text, "\n## {}\n\n{}", sentence(&curve.title), table(curve));
    }
    text + &joints::tables(study)
}

fn sentence(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn table(curve: &Measured) -> String {
    let has_sigma = curve.points.iter().any(|point| point.calibration.is_some());
    let head = if curve.unit.is_empty() { String::new() } else { curve.unit.clone() };
    let sigma_head = if has_sigma { " within one sigma |" } else { "" };
    let rule = if has_sigma { "---|" } else { "" };
    let mut text = format!(
        "| {head} | MPJPE | P-MPJPE | N-MPJPE | PCK@150 | AUC |{sigma_head} not lifted |\n|---|---|---|---|---|---|{rule}---|\n"
    );
    for point in &curve.points {
        let _ = writeln!(text, "{}", row(point, has_sigma));
    }
    text
}

fn row(point: &Point, has_sigma: bool) -> String {
    let accuracy = &point.accuracy;
    let sigma = if has_sigma { format!(" {} |", percent(point.within_sigma())) } else { String::new() };
    format!(
        "| {} | {:.1} | {:.1} | {:.1} | {} | {} |{sigma} {} |",
        point.label,
        accuracy.mpjpe,
        accuracy.p_mpjpe,
        accuracy.n_mpjpe,
        percent(accuracy.pck_150),
        percent(accuracy.auc),
        point.not_lifted,
    )
}

/// A panel for each curve that has an axis.
///
/// # Errors
/// No curve has an axis.
pub fn chart(study: &[Measured], model: &str) -> Result<Chart> {
    let panels: Vec<Panel> = study.iter().filter(|curve| curve.is_axis).map(panel).collect();
    panels_chart(&panels, "mm", &format!("Error of {model} as one thing at a time gets harder"))
}

fn panel(curve: &Measured) -> Panel {
    Panel {
        title: curve.title.clone(),
        axis: curve.unit.clone(),
        lines: [
            line(curve, "MPJPE", |point| point.accuracy.mpjpe),
            line(curve, "P-MPJPE", |point| point.accuracy.p_mpjpe),
        ],
    }
}

fn line(curve: &Measured, name: &str, error: fn(&Point) -> f64) -> ChartLine {
    ChartLine { name: name.to_owned(), points: curve.points.iter().map(|point| (point.at, error(point))).collect() }
}
