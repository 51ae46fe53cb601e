//! Histories with known behaviour, and their reports.

// A failed unwrap is a failed test.
use super::*;

/// Validations at 100, 200 … with a scatter of about half a unit; the epochs end at 1000, 2000 …
fn run(epochs: &[(f64, f64)]) -> (Vec<HistoryRow>, Summary) {
    let mut rows = Vec::new();
    let (mut start, mut scores) = (epochs[0].1 + 40.0, Vec::new());
    for (index, &(train_mpjpe, val_mpjpe)) in epochs.iter().enumerate() {
        for step in 1..=10u64 {
            let iteration = index as u64 * 1000 + step * 100;
            let along = start + (val_mpjpe - start) * step as f64 / 10.0;
            let wobble = if step == 10 { 0.0 } else { [0.3, -0.2, 0.1, -0.4][iteration as usize / 100 % 4] };
            rows.push(HistoryRow {
                iteration,
                epoch: index as u32 + 1,
                train_mpjpe: train_mpjpe + 5.0,
                val_mpjpe: Some(along + wobble),
                seconds: iteration as f64 / 100.0,
            });
        }
        start = val_mpjpe;
        scores.push(EpochScore {
            epoch: index as u32 + 1,
            iteration: (index as u64 + 1) * 1000,
            train_mpjpe,
            val_mpjpe,
        });
    }
    let summary = Summary {
        unit: "mm".into(),
        epochs: scores,
        samples: 128_000,
        seconds: 20.0,
        train_size: 64_000,
        val_size: 16_000,
        device: "cpu".into(),
    };
    (rows, summary)
}

fn report(epochs: &[(f64, f64)]) -> String {
    let (rows, summary) = run(epochs);
    markdown(&FitConfig::default(), &rows, &summary)
}

#[test]
fn each_history_is_described() {
    for (epochs, expected) in [
        (&[(60.0, 65.0), (50.0, 70.0)][..], "second epoch over-fit?** Yes. Training goes from 60.0 mm to 50.0 mm"),
        (&[(60.0, 65.0), (50.0, 58.0)], "second epoch over-fit?** No: validation still gets better."),
        (&[(60.0, 65.0), (50.0, 65.1)], "Undecided: training gets better, validation moves by no more than its noise"),
        (&[(60.0, 65.0), (60.1, 65.1)], "Undecided: neither score moves"),
        (&[(60.0, 65.0), (66.0, 72.0)], "No, but it does harm"),
        (&[(60.0, 65.0), (f64::NAN, f64::NAN)], "Undecided: a score is no number"),
        (&[(60.0, 65.0)], "One epoch: no sample was seen twice"),
        (&[(60.0, 65.0), (55.0, 60.0), (40.0, 70.0)], "after the best epoch, the 2. of 3?** Yes."),
        (&[(60.0, 65.0), (55.0, 60.0), (50.0, 55.0)], "Of all 3 epochs the last has the best validation score."),
    ] {
        let report = report(epochs);
        assert!(report.contains(expected), "{expected:?} is not in\n{report}");
    }
}

#[test]
fn the_noise_decides() {
    let (rows, summary) = run(&[(60.0, 65.0), (50.0, 67.5)]);
    let quiet = markdown(&FitConfig::default(), &rows, &summary);
    assert!(quiet.contains("over-fit?** Yes"), "{quiet}");
    let loud = rows.iter().map(|row| {
        let wobble = if row.iteration.is_multiple_of(200) { 1.0 } else { -1.0 };
        HistoryRow { val_mpjpe: row.val_mpjpe.map(|val| val + wobble), ..row.clone() }
    });
    let loud = markdown(&FitConfig::default(), &loud.collect::<Vec<_>>(), &summary);
    assert!(loud.contains("Undecided: training gets better"), "{loud}");
}

#[test]
fn too_few_validations_decide_nothing() {
    let (mut rows, summary) = run(&[(60.0, 65.0), (50.0, 70.0)]);
    rows.iter_mut().for_each(|row| row.val_mpjpe = None);
    let report = markdown(&FitConfig::default(), &rows, &summary);
    assert!(report.contains("Undecided: there are too few validations"), "{report}");
    assert!(report.contains("lower `--validate-every`"), "{report}");
}

#[test]
fn a_diverged_run_is_called_so() {
    let (mut rows, summary) = run(&[(60.0, 65.0), (f64::NAN, f64::NAN)]);
    rows[14..].iter_mut().for_each(|row| row.train_mpjpe = f64::NAN);
    let report = markdown(&FitConfig::default(), &rows, &summary);
    assert!(report.contains("**Diverged.**") && report.contains("the first at iteration 1100"), "{report}");
    assert!(report.contains("**no number on the validation split**"), "{report}");
}

#[test]
fn figures_and_settings_are_there() {
    let report = report(&[(60.0, 65.0), (50.0, 58.0)]);
    for expected in [
        "MPJPE is **58.0 mm on the validation split** (16000 samples) and 50.0 mm on the training split",
        "| 1 | 1000 | 60.0 mm | 65.0 mm | 5.0 mm |",
        "6400 samples/s",
        "at the very end",
        "Validation is 8.0 mm worse than training: learned by heart or harder samples",
        "| hidden width | 1024 |",
        "synthetic: these scores say nothing about real people",
    ] {
        assert!(report.contains(expected), "{expected:?} is not in\n{report}");
    }
}

#[test]
fn a_long_run_lists_some_epochs() {
    let epochs: Vec<_> = (0..100).map(|epoch| (60.0 - f64::from(epoch) / 10.0, 65.0)).collect();
    let report = report(&epochs);
    let listed = report.lines().filter(|line| line.ends_with(" mm |")).count();
    assert!((5..=15).contains(&listed), "{listed} epochs in\n{report}");
    assert!(report.contains("\n| 1 | ") && report.contains("\n| 2 | ") && report.contains("\n| 100 | "), "{report}");
}

#[test]
fn a_folder_gets_its_report_and_charts() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, summary) = run(&[(60.0, 65.0), (50.0, 58.0)]);
    let mut history = crate::fit::history::HistoryWriter::create(&folder.path().join("history.csv")).unwrap();
    rows.iter().for_each(|row| history.append(row).unwrap());
    history.flush().unwrap();
    write(folder.path(), &FitConfig::default(), &summary).unwrap();
    for name in ["report.md", "mpjpe.svg", "mpjpe.png"] {
        assert!(std::fs::metadata(folder.path().join(name)).unwrap().len() > 500, "{name}");
    }
}
