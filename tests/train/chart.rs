//! Charts from histories as runs leave them: short, long, diverged. The pictures stay in the target folder for
//! inspection.

// A failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use poselift_train::chart::{ComparisonRow, Score, comparison_chart, training_chart};
use poselift_train::fit::history::{HistoryRow, HistoryWriter, read_history};

/// Where this test's pictures go.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Noise in −1..1 that is the same in each run.
fn noise(seed: u64) -> f64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 32)) & 0xffff) as f64 / 32768.0 - 1.0
}

/// A run that falls from 400 mm to about 80 mm.
fn history(iterations: u64, an_epoch: u64, validate_every: u64) -> Vec<HistoryRow> {
    let row = |iteration: u64| {
        let share = iteration as f64 / iterations as f64;
        let curve = 60.0 + 350.0 / (1.0 + 60.0 * share);
        let validated = iteration.is_multiple_of(validate_every) || iteration.is_multiple_of(an_epoch);
        HistoryRow {
            iteration,
            epoch: ((iteration - 1) / an_epoch) as u32 + 1,
            train_mpjpe: curve + 7.0 * noise(iteration) + if iteration < 4 { 900.0 } else { 0.0 },
            val_mpjpe: validated.then(|| curve - 8.0 + noise(iteration * 7)),
            seconds: iteration as f64 * 0.01,
        }
    };
    (1..=iterations).map(row).collect()
}

fn save(rows: &[HistoryRow], unit: &str, name: &str) -> u64 {
    let chart = training_chart(rows, unit, name).unwrap();
    let (svg, png) = (folder().join(name).with_extension("svg"), folder().join(name).with_extension("png"));
    chart.save_svg(&svg).unwrap();
    chart.save_png(&png).unwrap();
    assert!(fs::read(&png).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    fs::metadata(&svg).unwrap().len()
}

#[test]
fn the_assignments_two_epochs_through_a_file() {
    let path = folder().join("history.csv");
    let mut writer = HistoryWriter::create(&path).unwrap();
    history(1950, 975, 200).iter().for_each(|row| writer.append(row).unwrap());
    writer.flush().unwrap();
    let bytes = save(&read_history(&path).unwrap(), "mm", "two_epochs");
    assert!(bytes < 200_000, "{bytes} bytes");
}

#[test]
fn a_hundred_thousand_steps_are_drawn_small() {
    let bytes = save(&history(100_000, 2000, 500), "mm", "long");
    assert!(bytes < 1_000_000, "{bytes} bytes");
}

#[test]
fn odd_histories_are_drawn_too() {
    save(&history(1, 1, 1), "mm", "one_step");
    save(&history(20, 20, 20), "unknown", "twenty_steps");
    let mut diverged = history(600, 300, 50);
    for row in &mut diverged[400..] {
        row.train_mpjpe = f64::NAN;
        row.val_mpjpe = row.val_mpjpe.map(|_| f64::NAN);
    }
    save(&diverged, "mm", "diverged");
    save(&diverged[450..], "mm", "nothing_but_nan");
    let mut converged = history(3000, 1000, 100);
    for row in &mut converged {
        row.train_mpjpe = 70.0 + 0.1 * row.train_mpjpe.min(100.0);
        row.val_mpjpe = row.val_mpjpe.map(|val| 70.0 + 0.1 * val.min(100.0));
    }
    save(&converged, "mm", "flat");
}

#[test]
fn a_sweep() {
    let score = |mean: f64, spread: f64| Score { mean, least: mean - spread, greatest: mean + spread * 0.8 };
    let row = |name: &str, train: f64, val: f64| ComparisonRow {
        name: name.into(),
        last: [score(train, 0.6), score(val, 1.1)],
        first: Some([score(train + 9.0, 0.8), score(val + 7.0, 1.3)]),
    };
    let rows = [
        row("baseline (2 blocks)", 58.0, 64.0),
        row("1 block", 61.0, 66.5),
        row("3 blocks", 57.2, 64.3),
        row("no BatchNorm", 71.0, 74.0),
        row("no dropout", 44.0, 57.0),
        row("1 layer a block", 59.5, 65.0),
        row("4 blocks of 1 layer", 58.5, f64::NAN),
    ];
    let chart =
        comparison_chart(&rows, rows[0].last[1], 2, "mm", "One change at a time (hidden 256, 3 seeds)").unwrap();
    chart.save_svg(&folder().join("sweep.svg")).unwrap();
    chart.save_png(&folder().join("sweep.png")).unwrap();
    assert!(fs::metadata(folder().join("sweep.svg")).unwrap().len() < 100_000);
}
