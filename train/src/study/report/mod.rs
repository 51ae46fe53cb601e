//! `report.md`: a run's figures, and what they show and do not show.

mod reading;

use std::fmt::Write as _;
use std::path::Path;

use poselift::Result;

pub use reading::{EpochVerdict, Reading};

use crate::chart::training_chart;
use crate::config::{FitConfig, InputBlock, Loss, Schedule};
use crate::data::is_made_up;
use crate::fit::checkpoint::{CHART_PNG, CHART_SVG, HISTORY, REPORT};
use crate::fit::history::{EpochScore, HistoryRow, Summary, read_history};
use crate::output;

/// With more epochs than this, not all are listed.
const MAX_EPOCHS_LISTED: usize = 12;

/// Reads `history.csv` in the folder of a run and writes `mpjpe.svg`, `mpjpe.png` and `report.md` into it.
///
/// # Errors
/// The history cannot be read, or a file cannot be written.
pub fn write(run: &Path, config: &FitConfig, summary: &Summary) -> Result<()> {
    let rows = read_history(&run.join(HISTORY))?;
    let title = format!("MPJPE of a fit on {}", config.data.join(", "));
    let chart = training_chart(&rows, &summary.unit, &title)?;
    chart.save_svg(&run.join(CHART_SVG))?;
    chart.save_png(&run.join(CHART_PNG))?;
    let path = run.join(REPORT);
    output::write_whole(&path, markdown(config, &rows, summary).as_bytes())
}

/// The report as Markdown.
pub fn markdown(config: &FitConfig, rows: &[HistoryRow], summary: &Summary) -> String {
    let reading = Reading::new(rows, &summary.epochs);
    let unit = &summary.unit;
    let mut text = format!("# A fit on {}\n\n", config.data.join(", "));
    for line in [
        outcome(summary),
        format!("![MPJPE at every iteration]({CHART_SVG})"),
        epoch_table(&summary.epochs, unit),
        "## What the figures show".to_owned(),
        best(&reading, unit),
        over_fitting(&reading, &summary.epochs, unit),
        gap(summary, &reading),
        lost(&reading),
        speed(summary),
        "## What cannot be concluded".to_owned(),
        limits(config, &reading),
        "## Settings".to_owned(),
        settings(config, summary),
    ] {
        if !line.is_empty() {
            let _ = writeln!(text, "{line}\n");
        }
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A score with its unit: `61.3 mm`, `0.1234` if the unit is unknown.
pub(crate) fn score(value: f64, unit: &str) -> String {
    match (value.is_finite(), unit) {
        (false, _) => "no number".to_owned(),
        (true, "unknown") => format!("{value:.4}"),
        (true, "mm") if value.abs() < 1.0 => format!("{value:.2} mm"),
        (true, unit) => format!("{value:.1} {unit}"),
    }
}

fn outcome(summary: &Summary) -> String {
    let Some(last) = summary.epochs.last() else {
        return "The run ended before its first epoch did: there is nothing to report.".to_owned();
    };
    format!(
        "After {}, MPJPE is **{} on the validation split** ({} samples) and {} on the training split, both in \
         evaluation mode.",
        counted(last.epoch as usize, "epoch"),
        score(last.val_mpjpe, &summary.unit),
        summary.val_size,
        score(last.train_mpjpe, &summary.unit),
    )
}

pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn epoch_table(epochs: &[EpochScore], unit: &str) -> String {
    let every = epochs.len().div_ceil(MAX_EPOCHS_LISTED).max(1);
    let mut table = "| epoch | iterations | training | validation | validation − training |\n\
                     |---|---|---|---|---|\n"
        .to_owned();
    for (index, epoch) in epochs.iter().enumerate() {
        if index >= 2 && !(index + 1).is_multiple_of(every) && index + 1 != epochs.len() {
            continue;
        }
        let train = epoch.train_mpjpe;
        let val = epoch.val_mpjpe;
        let [train_text, val_text, gap] = [train, val, val - train].map(|value| score(value, unit));
        let _ = writeln!(table, "| {} | {} | {train_text} | {val_text} | {gap} |", epoch.epoch, epoch.iteration);
    }
    table.trim_end().to_owned()
}

fn best(reading: &Reading, unit: &str) -> String {
    let Some((iteration, best)) = reading.best else {
        return "**Best validation.** No validation score is a number.".to_owned();
    };
    let when = if reading.last_iteration == iteration {
        "at the very end: the run stopped before validation did, so more training may well help".to_owned()
    } else {
        let share = 100.0 * iteration as f64 / reading.last_iteration as f64;
        format!("at iteration {iteration} of {} ({share:.0} %)", reading.last_iteration)
    };
    format!("**Best validation.** {} {when}.", score(best, unit))
}

/// The verdict on the second epoch, and in longer runs on all epochs after the best one.
fn over_fitting(reading: &Reading, epochs: &[EpochScore], unit: &str) -> String {
    let rule = match reading.noise {
        Some(noise) => format!(
            " (Rule: an epoch over-fits if the training score falls and the validation score rises, each by more \
             than {}. That is twice the scatter of a difference of two scores, taken from how far validations lie \
             off the line between their neighbours, {} of them in the later half.)",
            score(noise, unit),
            reading.noise_samples,
        ),
        None => String::new(),
    };
    let [first, second, ..] = epochs else {
        return "**Over-fitting.** One epoch: no sample was seen twice, and there is no second epoch to judge.".into();
    };
    let mut text = format!("**Does the second epoch over-fit?** {}{rule}", compared(reading, first, second, unit));
    let best = epochs.iter().filter(|epoch| epoch.val_mpjpe.is_finite());
    let best = best.min_by(|a, b| a.val_mpjpe.total_cmp(&b.val_mpjpe));
    if let (Some(best), Some(last), 3..) = (best, epochs.last(), epochs.len()) {
        let _ = if best.epoch == last.epoch {
            write!(text, "\n\nOf all {} epochs the last has the best validation score.", epochs.len())
        } else {
            let compared = compared(reading, best, last, unit);
            write!(text, "\n\n**And after the best epoch, the {}. of {}?** {compared}", best.epoch, epochs.len())
        };
    }
    text
}

fn compared(reading: &Reading, before: &EpochScore, after: &EpochScore, unit: &str) -> String {
    let train = from_to(before.train_mpjpe, after.train_mpjpe, unit);
    let val = from_to(before.val_mpjpe, after.val_mpjpe, unit);
    let verdict = match reading.verdict(before, after) {
        EpochVerdict::OverFits => "Yes",
        EpochVerdict::Improves => "No: validation still gets better",
        EpochVerdict::MemorisesWithoutHarm => {
            "Undecided: training gets better, validation moves by no more than its noise"
        }
        EpochVerdict::Unchanged => "Undecided: neither score moves by more than the noise",
        EpochVerdict::Worsens => "No, but it does harm: validation gets worse without a gain in training",
        EpochVerdict::NoNoiseKnown => "Undecided: there are too few validations to say how much a score scatters",
        EpochVerdict::NoNumber => "Undecided: a score is no number",
    };
    format!("{verdict}. Training goes {train}, validation {val}.")
}

fn from_to(from: f64, to: f64, unit: &str) -> String {
    format!("from {} to {}", score(from, unit), score(to, unit))
}

fn gap(summary: &Summary, reading: &Reading) -> String {
    let Some(last) = summary.epochs.last() else { return String::new() };
    let gap = last.val_mpjpe - last.train_mpjpe;
    let Some(noise) = reading.noise.filter(|_| gap.is_finite()) else { return String::new() };
    let size = score(gap.abs(), &summary.unit);
    let meaning = if gap > noise {
        format!(
            "Validation is {size} worse than training: learned by heart or harder samples, this figure alone cannot \
             say which."
        )
    } else if gap < -noise {
        format!("Validation is {size} better than training: its samples are the easier ones.")
    } else {
        format!("Validation and training differ by {size}, no more than the noise.")
    };
    format!("**Gap.** {meaning}")
}

fn lost(reading: &Reading) -> String {
    match reading.first_lost {
        Some(iteration) => format!(
            "**Diverged.** {} are no number, the first at iteration {iteration}; the model is useless from there on. A \
             lower learning rate or BatchNorm may help.",
            counted(reading.lost, "score"),
        ),
        None => String::new(),
    }
}

fn speed(summary: &Summary) -> String {
    if summary.seconds <= 0.0 {
        return String::new();
    }
    let rate = summary.samples as f64 / summary.seconds;
    format!(
        "**Speed.** {} samples in {:.1} s on {}: {rate:.0} samples/s, validations included.",
        summary.samples, summary.seconds, summary.device
    )
}

fn limits(config: &FitConfig, reading: &Reading) -> String {
    let mut points = vec![
        "- One run of one seed: how much the scores move with another seed is not measured here \
         (`poselift-train sweep` does)."
            .to_owned(),
        "- The validation split comes from the same data as the training split; other people, cameras or detectors \
         may do worse."
            .to_owned(),
    ];
    if config.network.dropout > 0.0 {
        points.push(format!(
            "- The curve of the training batches is measured with dropout ({}) on and on weights still moving, \
             validation with it off: that validation runs below that curve is no sign of anything. The table \
             compares like with like.",
            config.network.dropout
        ));
    }
    if config.data.iter().all(|source| is_made_up(source)) {
        points.push("- The motion is synthetic: these scores say nothing about real people.".to_owned());
    }
    if reading.noise.is_none() {
        points.push(
            "- Too few validations to tell a trend from noise; lower `--validate-every` for a verdict.".to_owned(),
        );
    }
    points.join("\n")
}

fn settings(config: &FitConfig, summary: &Summary) -> String {
    let network = &config.network;
    let input = match network.input_block {
        InputBlock::Linear => "bare Linear",
        InputBlock::Full => "Linear, BatchNorm, ReLU, Dropout",
    };
    let loss = match config.loss {
        Loss::Mpjpe => "MPJPE",
        Loss::Mse => "mean squared error",
    };
    let schedule = match config.schedule {
        Schedule::Constant => "constant",
        Schedule::Cosine => "warm-up, then cosine to zero",
    };
    let lines = [
        ("data", config.data.join(", ")),
        ("training / validation samples", format!("{} / {}", summary.train_size, summary.val_size)),
        ("residual blocks", network.blocks.to_string()),
        ("hidden width", network.hidden.to_string()),
        ("layers a block", network.layers_per_block.to_string()),
        ("input block", input.to_owned()),
        ("BatchNorm", if network.batch_norm { "on" } else { "off" }.to_owned()),
        ("dropout", network.dropout.to_string()),
        ("loss", loss.to_owned()),
        ("Adam's learning rate", format!("{} ({schedule})", config.learning_rate)),
        ("average of the weights", config.ema.map_or_else(|| "none".to_owned(), |decay| format!("decay {decay}"))),
        ("batch size", config.batch_size.to_string()),
        ("epochs", config.epochs.to_string()),
        ("seed", config.seed.to_string()),
        ("device", summary.device.clone()),
    ];
    let rows: String = lines.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    format!("| setting | value |\n|---|---|\n{}", rows.trim_end())
}

#[cfg(test)]
mod tests;
