//! `poselift-train export --precision`: the loss is measured on the run's own data, reported and written on the card.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up should fail")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use poselift::model::{ModelFile, Precision};

fn program(arguments: &[&str], run: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null());
    command.args(arguments).arg(run).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Exports `run` into its folder with the further arguments.
fn export(run: &Path, precision: &str, more: &[&str]) -> (Output, std::path::PathBuf) {
    let file = run.with_file_name(format!("{precision}.onnx"));
    let arguments = [&["export", "--precision", precision, "-o", file.to_str().unwrap()], more].concat();
    (program(&arguments, run), file)
}

#[test]
fn the_loss_is_measured_reported_and_written_on_the_card() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let fit = ["fit", "--data", "synthetic:3000", "--hidden", "64", "--epochs", "1", "--device", "cpu", "--out"];
    let fitted = program(&fit, &run);
    assert!(fitted.status.success(), "{}", said(&fitted));
    for precision in ["int8", "f16"] {
        let (exported, file) = export(&run, precision, &["--json"]);
        assert!(exported.status.success(), "{}", said(&exported));
        assert!(said(&exported).contains("joints move by"), "{}", said(&exported));
        let summary: serde_json::Value = serde_json::from_slice(&exported.stdout).unwrap();
        assert_eq!((&summary["precision"], &summary["loss"]["unit"]), (&precision.into(), &"mm".into()));
        let number = |name: &str| summary["loss"][name].as_f64().unwrap();
        let lost = number("mpjpe") - number("f32");
        assert!(lost.abs() < 0.5 && number("moved") > 0.0 && number("moved") < 20.0, "{summary}");

        let card = ModelFile::read(&file).unwrap().card().clone();
        assert_eq!(card.network.precision, precision.parse::<Precision>().unwrap());
        assert!((card.metrics["mpjpe_against_f32"].value - lost).abs() < 1e-9);
    }
    let [f32, int8] = ["f32", "int8"].map(|precision| export(&run, precision, &[]).1.metadata().unwrap().len());
    assert!(int8 < f32 * 3 / 4, "{int8} of {f32} bytes");

    // The data are gone: without a figure there is no file, unless asked for.
    let config = run.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap().replace("synthetic:3000", "/nowhere/at/all");
    std::fs::write(&config, text).unwrap();
    std::fs::remove_file(run.with_file_name("int8.onnx")).unwrap();
    let (refused, file) = export(&run, "int8", &[]);
    assert!(!refused.status.success() && !file.exists());
    assert!(said(&refused).contains("/nowhere/at/all") && said(&refused).contains("--no-loss"), "{}", said(&refused));
    let (exported, file) = export(&run, "int8", &["--no-loss"]);
    assert!(exported.status.success() && file.exists(), "{}", said(&exported));
    assert!(export(&run, "f32", &[]).0.status.success(), "f32 loses nothing and needs no data");
}
