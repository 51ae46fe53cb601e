//! `poselift bench`: the form of its figures. The figures themselves are in `benches/README.md`.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

mod program;
mod small_model;

use program::{Bench, assert_code, poselift, stdout};

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
