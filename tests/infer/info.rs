//! `poselift info`: a model's card and graph, without ONNX Runtime.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use crate::program::{Bench, assert_code, poselift, stderr, stdout};
use crate::small_model::SmallModel;

#[test]
fn the_bundled_model_is_shown_without_a_runtime() {
    let output = poselift().arg("info").env("ORT_DYLIB_PATH", "/nowhere").output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    for expected in [
        "keypoints float32 [batch, 17, 3], coco17",
        "pose float32 [batch, 17, 3], h36m17, m, camera axes",
        "parameters, f32",
        "Gemm",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn json_holds_the_card_and_counts_the_operators() {
    let output = poselift().args(["info", "--json"]).output().unwrap();
    assert_code(&output, 0);
    let info: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(info["opset"], 17);
    assert_eq!(info["ir_version"], 8);
    assert_eq!(info["weights_match_card"], true);
    assert_eq!(info["card"]["input"]["layout"], "coco17");
    assert!(info["operators"]["Gemm"].as_u64().unwrap() >= 2);
    for absent in ["BatchNormalization", "Dropout"] {
        assert!(info["operators"][absent].is_null());
    }
}

#[test]
fn weights_that_do_not_match_the_card_are_reported() {
    let other_weights = SmallModel { has_own_weights: false, ..SmallModel::default() };
    let bench = Bench::with(&other_weights);
    let output = poselift().arg("info").arg(bench.path("small.onnx")).output().unwrap();
    assert_code(&output, 1);
    assert!(stderr(&output).contains("SHA-256 differs"), "{}", stderr(&output));
    assert!(stdout(&output).contains("NOT those of the card"));
}
