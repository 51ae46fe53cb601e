//! `poselift bench`: the form of its figures. The figures themselves are in `benches/README.md`.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use crate::program::{Bench, assert_code, poselift, stderr, stdout};

#[test]
fn json_has_a_row_for_each_batch_size() {
    let bench = Bench::new();
    let mut command = poselift();
    command.args(["bench", "--json", "--device", "cpu", "--milliseconds", "5"]).arg(bench.path("small.onnx"));
    let output = command.output().unwrap();
    assert_code(&output, 0);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rows = report["results"].as_array().unwrap();
    let batches: Vec<_> = rows.iter().map(|row| row["batch"].as_u64().unwrap()).collect();
    assert_eq!(batches, [1, 8, 64, 256, 1024, 8192]);
    for row in rows {
        assert_eq!((&row["precision"], &row["device"]), (&"f32".into(), &"cpu".into()));
        let latency = |name: &str| row["latency_us"][name].as_f64().unwrap();
        assert!(row["poses_per_second"].as_f64().unwrap() > 0.0);
        assert!(0.0 < latency("p50") && latency("p50") <= latency("p90") && latency("p90") <= latency("p99"));
    }
}

#[test]
fn compare_tells_both_and_their_ratio() {
    let bench = Bench::new();
    let mut command = poselift();
    command.args(["bench", "--compare", "--threads", "1", "--milliseconds", "5"]).arg(bench.path("small.onnx"));
    let output = command.arg(format!("--json={}", bench.path("compared.json").display())).output().unwrap();
    assert_code(&output, 0);
    let table = stdout(&output);
    assert_eq!(table.lines().count(), 8, "a title, a head, and a line for each batch size:\n{table}");
    let report = std::fs::read_to_string(bench.path("compared.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["model"], &report["threads"]), (&"small".into(), &1.into()));
    let rows = report["results"].as_array().unwrap();
    let batches: Vec<_> = rows.iter().map(|row| row["batch"].as_u64().unwrap()).collect();
    assert_eq!(batches, [1, 8, 64, 256, 1024, 8192]);
    for row in rows {
        let rate = |name: &str| row[name].as_f64().unwrap();
        assert!((rate("ratio") - rate("poselift") / rate("onnxruntime")).abs() < 1e-9);
        assert!(rate("poselift") > 0.0 && row["precision"] == "f32");
    }
}

#[test]
fn compare_is_for_the_cpu() {
    let output = poselift().args(["bench", "--compare", "--device", "cuda"]).output().unwrap();
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--compare measures on the CPU"), "{}", stderr(&output));
}
