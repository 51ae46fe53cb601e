//! A study's results per joint, and for sigma.

use std::fmt::Write as _;

use poselift::Result;
use poselift::metric::{SIGMAS, expected_within};
use poselift::skeleton::H36M23;

use super::words::percent;
use super::{Measured, Point, TOLD_BY_JOINT};
use crate::chart::{Chart, ChartLine, calibration_chart};

/// The points that are reported joint by joint: perfect key points, and a detector's.
fn reported(study: &[Measured]) -> &[Point] {
    let points = study.first().map_or(&[][..], |overall| &overall.points);
    &points[..points.len().min(TOLD_BY_JOINT)]
}

/// Markdown tables of each joint's errors and, if the model has it, of sigma.
pub(super) fn tables(study: &[Measured]) -> String {
    let mut text = String::new();
    for point in reported(study) {
        let _ = write!(text, "\n## Joints: {}\n\n{}", point.label, joint_table(point));
    }
    let sure: Vec<&Point> = reported(study).iter().filter(|point| point.calibration.is_some()).collect();
    if !sure.is_empty() {
        text.push_str(&sigma_table(&sure));
    }
    text
}

fn joint_table(point: &Point) -> String {
    let has_sigma = point.calibration.is_some();
    let within = point.calibration.as_ref().map(|counted| counted.per_joint()).unwrap_or_default();
    let (head, rule) = if has_sigma { (" within one sigma |", "---|") } else { ("", "") };
    let mut text = format!("| joint | MPJPE | P-MPJPE | PCK@150 | AUC |{head}\n|---|---|---|---|---|{rule}\n");
    for (joint, accuracy) in point.joints.iter().enumerate() {
        let sigma =
            if has_sigma { format!(" {} |", percent(within.get(joint).copied().flatten())) } else { String::new() };
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {} | {} |{sigma}",
            H36M23.joints.get(joint).map_or("?", |name| name),
            accuracy.mpjpe,
            accuracy.p_mpjpe,
            percent(accuracy.pck_150),
            percent(accuracy.auc),
        );
    }
    text
}

/// The share of joints within several sigmas, one column per point.
fn sigma_table(points: &[&Point]) -> String {
    let heads: String = points.iter().map(|point| format!(" {} |", point.label)).collect();
    let mut text = format!(
        "\n## Sigma\n\nThe share of joints, the root left out, whose error is within so many sigmas; the error model (an \
         exponential of which 68 % lie within one) has 1 - 0.32^k of them there.\n\n\
         ![Share of joints within sigma](sigma.svg)\n\n| sigmas | error model |{heads}\n|---|---|{}\n",
        "---|".repeat(points.len())
    );
    for (index, sigmas) in SIGMAS.into_iter().enumerate() {
        let shares: String = points
            .iter()
            .map(|point| within_sigmas(point).map(|shares| shares[index]))
            .map(|share| format!(" {} |", percent(share)))
            .collect();
        let _ = writeln!(text, "| {sigmas} | {} |{shares}", percent(Some(expected_within(sigmas))));
    }
    text
}

/// The share of joints within each of [`SIGMAS`], if the model has sigma.
fn within_sigmas(point: &Point) -> Option<[f64; SIGMAS.len()]> {
    point.calibration.as_ref()?.within_sigmas()
}

/// The chart of the same shares; `None` if the model has no sigma.
///
/// # Errors
/// Shares that cannot be drawn.
pub fn sigma_chart(study: &[Measured], model: &str) -> Result<Option<Chart>> {
    let mut lines = Vec::new();
    for point in reported(study) {
        if let Some(shares) = within_sigmas(point) {
            lines.push(ChartLine { name: point.label.clone(), points: SIGMAS.into_iter().zip(shares).collect() });
        }
    }
    if lines.is_empty() {
        return Ok(None);
    }
    calibration_chart(&lines, expected_within, &format!("How sure {model} is, and how sure it should be")).map(Some)
}
