//! Files that are not models, missing runtimes, unusable devices: the cause, a hint and exit code 2.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

use std::path::Path;
use std::process::Output;

use crate::program::{Bench, assert_code, feed, line, poselift, stderr};
use crate::small_model::SmallModel;

fn run_with(model: &Path) -> Output {
    feed(poselift().args(["run", "--device", "cpu", "--model"]).arg(model), &line(0, &[(17, 1.0)]))
}

#[test]
fn files_that_are_no_model_of_ours_are_refused_and_said_why() {
    let bench = Bench::new();
    let small = SmallModel::default().to_bytes();
    let text = bench.file("text.onnx", "# Weights\nsee the wiki\n");
    let empty = bench.file("empty.onnx", "");
    let cut = bench.file("cut.onnx", &small[..small.len() / 2]);
    let no_card = SmallModel { with_card: false, ..SmallModel::default() };
    let no_card = bench.file("no_card.onnx", no_card.to_bytes());
    let other_card = SmallModel { card_channels: 2, ..SmallModel::default() };
    let other_card = bench.file("other_card.onnx", other_card.to_bytes());
    let unknown = SmallModel { operator: "Gemmm", ..SmallModel::default() };
    let unknown = bench.file("unknown.onnx", unknown.to_bytes());
    for (model, expected) in [
        (bench.path("missing.onnx"), "missing.onnx: cannot read the model"),
        (bench.path(""), "is a directory, expected a model file"),
        (text, "text.onnx: is no ONNX model: it is text that begins with \"# Weights"),
        (empty, "empty.onnx: is empty"),
        (cut, "cut.onnx: is no ONNX model, or it is cut off"),
        (no_card, "no_card.onnx: is an ONNX model without a card"),
        (other_card, "found input keypoints float32 [batch, 17, 3], expected keypoints float32 [batch, 17, 2]"),
        (unknown, "unknown.onnx: ONNX Runtime refuses the model: "),
    ] {
        let output = run_with(&model);
        assert_code(&output, 2);
        assert!(stderr(&output).contains(expected), "expected {expected:?} in {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn models_of_the_program_have_names_that_files_go_before() {
    let bench = Bench::new();
    let named = |name: &str| {
        let mut command = poselift();
        command.current_dir(bench.path("")).args(["run", "--device", "cpu", "--model", name]);
        feed(&mut command, &line(0, &[(17, 1.0)]))
    };
    let header =
        |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned);
    for name in ["coco17", "coco17-int8", "coco17-memory", "coco23-memory"] {
        let output = named(name);
        assert_code(&output, 0);
        // `coco17` runs in int8 on a CPU.
        let expected = if name == "coco17" { "\"model\":\"coco17" } else { &format!("\"model\":\"{name}\"") };
        assert!(header(&output).unwrap().contains(expected), "{name}: {:?}", header(&output));
    }
    let unknown = named("coco17-memry");
    assert_code(&unknown, 2);
    let hint = "hint: expected a file, or a model that is built in: coco17, coco17-int8, coco17-memory, coco23-memory";
    assert!(stderr(&unknown).contains(hint), "{}", stderr(&unknown));
    std::fs::copy(bench.path("small.onnx"), bench.path("coco17-memory")).unwrap();
    assert!(!header(&named("coco17-memory")).unwrap().contains("coco17-memory"));
}

#[test]
fn a_runtime_that_is_not_there_is_named_with_a_hint() {
    let bench = Bench::new();
    let fake = bench.file("libfake.so", "not a library");
    for (path, expected) in [
        (bench.path("nowhere.so"), "names no file"),
        (bench.path(""), "names a directory"),
        (fake, "it is no loadable library"),
    ] {
        let output = feed(bench.run().env("ORT_DYLIB_PATH", path), &line(0, &[(17, 1.0)]));
        assert_code(&output, 2);
        assert!(stderr(&output).contains(expected) && stderr(&output).contains("hint: "), "{}", stderr(&output));
    }
    let nowhere = feed(
        bench.run().env_remove("ORT_DYLIB_PATH").env("POSELIFT_CACHE", bench.path("no-cache")),
        &line(0, &[(17, 1.0)]),
    );
    assert_code(&nowhere, 2);
    let printed = stderr(&nowhere);
    assert!(printed.contains("is not installed; looked for") && printed.contains("no-cache"), "{printed}");
}

#[test]
fn a_relative_runtime_path_is_relative_to_the_working_folder() {
    let bench = Bench::new();
    bench.file("libhere.so", "not a library");
    let mut command = bench.run();
    command.current_dir(bench.path("")).env("ORT_DYLIB_PATH", "libhere.so");
    let output = feed(&mut command, &line(0, &[(17, 1.0)]));
    assert_code(&output, 2);
    let path = bench.path("libhere.so");
    assert!(stderr(&output).contains(path.to_str().unwrap()), "{}", stderr(&output));
}

#[test]
fn cuda_without_a_usable_gpu_names_the_cause() {
    let bench = Bench::new();
    let output = feed(poselift().args(["run", "--device", "cuda:77", "--model"]).arg(bench.path("small.onnx")), "");
    assert_code(&output, 2);
    let printed = stderr(&output);
    assert!(printed.contains("cannot run on cuda:77: ") && printed.contains("hint: `--device cpu`"), "{printed}");
}
