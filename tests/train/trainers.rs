//! What other people's programs expect of exported models: fixed scales, folders for hubs and for Triton, each from a run and from a
//! model file, judged by those programs' own readers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ndarray::Array3;
use poselift::model::{ModelFile, Precision};

use crate::lifting_program::poselift;
use crate::python;

fn program(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env("OMP_NUM_THREADS", "1").stdin(Stdio::null()).args(arguments).output().unwrap()
}

fn export(source: &Path, more: &[&str]) -> String {
    let output = program(&[&["export", source.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}", python::said(&output));
    python::said(&output)
}

/// What a refused export says.
fn refusal(source: &Path, more: &[&str]) -> String {
    let output = program(&[&["export", source.to_str().unwrap()], more].concat());
    assert!(!output.status.success(), "{}", python::said(&output));
    python::said(&output)
}

fn fit(run: &Path) {
    let fitted = program(&[
        "fit",
        "--data",
        "synthetic:3000",
        "--hidden",
        "64",
        "--mirror",
        "on",
        "--sigma",
        "on",
        "--dropout",
        "0",
        "--epochs",
        "2",
        "--device",
        "cpu",
        "--out",
        run.to_str().unwrap(),
    ]);
    assert!(fitted.status.success(), "{}", python::said(&fitted));
}

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

#[test]
fn runs_and_models_are_exported_as_others_want_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fit(&run);
    fixed_scales(&run, folder.path());
    hub(&run, folder.path());
    triton(&run, folder.path());
    what_makes_no_sense_is_refused(&run, folder.path());
}

fn fixed_scales(run: &Path, folder: &Path) {
    let file = |name: &str| folder.join(name);
    let path = |name: &str| file(name).to_str().unwrap().to_owned();
    export(run, &["-o", &path("f32.onnx")]);
    for quantisation in ["qdq", "qdq-full"] {
        let output = path(&format!("{quantisation}.onnx"));
        let said = export(run, &["--quantisation", quantisation, "--json", "-o", &output]);
        assert!(said.contains("joints move by") && said.contains("its float32 form agrees"), "{said}");
        let again = folder.join("again.onnx");
        export(run, &["--quantisation", quantisation, "--name", quantisation, "-o", again.to_str().unwrap()]);
        assert_eq!(std::fs::read(&output).unwrap(), std::fs::read(&again).unwrap(), "the same run, the same bytes");
        let card = ModelFile::read(&output).unwrap().card().clone();
        assert_eq!((card.network.precision, card.network.quantisation.name()), (Precision::Int8, quantisation));
        let lost = card.metrics["mpjpe_against_f32"].value;
        assert!(lost.abs() < 3.0 && card.metrics["mpjpe_with_detector"].value > lost, "{lost} mm");
    }
    // A model file, by the data of the run: the same network, and so the same numbers.
    export(
        &file("f32.onnx"),
        &["--quantisation", "qdq", "--on", run.to_str().unwrap(), "--name", "qdq", "-o", &path("again.onnx")],
    );
    let digest = |name: &str| ModelFile::read(file(name)).unwrap().weights_sha256();
    assert_eq!(digest("again.onnx"), digest("qdq.onnx"));
    std::fs::remove_file(file("again.onnx")).unwrap();

    let mut random = crate::random_lifter::random_keypoints(&crate::random_lifter::Shape::default(), 64, 3);
    random.mapv_inplace(|number| if number.is_finite() { number } else { 0.0 });
    ndarray_npy::write_npy(file("keypoints.npy"), &random).unwrap();
    let arguments = ["f32.onnx", "keypoints.npy", "qdq.onnx", "qdq-full.onnx"].map(file);
    if let Some(output) = python::run("check_qdq.py", arguments) {
        assert!(output.status.success(), "{}", python::said(&output));
        print!("{}", python::said(&output));
    }
    the_program_runs_and_describes(&file("qdq.onnx"), folder);
}

/// A float32 file whose hidden weights keep 15 bits: it packs better, and hardly moves a joint.
#[test]
fn short_weights_pack_better() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (exact, short) = (model("h36m17.onnx"), folder.join("short.onnx"));
    let said = export(&exact, &["--mantissa", "15", "-o", short.to_str().unwrap()]);
    assert!(said.contains("joints move by 0.00 mm"), "{said}");
    let file = ModelFile::read(&short).unwrap();
    file.check_weights().unwrap();
    assert_eq!((file.card().name.as_str(), file.card().network.precision), ("short", Precision::F32));
    let packed = |path: &Path| {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&std::fs::read(path).unwrap()).unwrap();
        packer.finish().unwrap().len()
    };
    let ratio = packed(&short) as f64 / packed(&exact) as f64;
    assert!(ratio < 0.9, "packed {ratio} times as large");
    // Weights that are short are as short as can be.
    let again = folder.join("again.onnx");
    export(&short, &["--mantissa", "15", "--name", "short", "--no-loss", "-o", again.to_str().unwrap()]);
    assert_eq!(std::fs::read(&short).unwrap(), std::fs::read(again).unwrap());
}

fn the_program_runs_and_describes(qdq: &Path, folder: &Path) {
    let output = poselift().arg("info").arg(qdq).output().unwrap();
    assert!(
        python::said(&output).contains("int8 with fixed scales (QDQ around products)"),
        "{}",
        python::said(&output)
    );
    let poses = folder.join("poses.npy");
    let mut command = poselift();
    command
        .args(["run", "--quiet", "--device", "cpu", "--model"])
        .arg(qdq)
        .arg(folder.join("keypoints.npy"))
        .arg("-o")
        .arg(&poses);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", python::said(&output));
    let poses: Array3<f32> = ndarray_npy::read_npy(poses).unwrap();
    assert_eq!(poses.dim(), (64, 17, 3));
}

fn hub(run: &Path, folder: &Path) {
    let folders = ["hub-run", "hub-f32", "hub-int8", "hub-memory"].map(|name| folder.join(name));
    let licence = ["--licence", "mit", "--hub"];
    export(run, &[&licence[..], &[folders[0].to_str().unwrap()]].concat());
    for (name, folder) in ["coco17-small.onnx", "coco17-int8.onnx", "coco17-memory.onnx"].iter().zip(&folders[1..]) {
        export(&model(name), &[&licence[..], &[folder.to_str().unwrap()]].concat());
    }
    assert_eq!(ModelFile::read(folders[0].join("model.onnx")).unwrap().card().name, "hub-run");
    if let Some(output) = python::run("check_hub.py", &folders) {
        assert!(output.status.success(), "{}", python::said(&output));
    }
}

fn triton(run: &Path, folder: &Path) {
    let repository = folder.join("repository");
    let to = ["--triton", repository.to_str().unwrap()];
    export(run, &to);
    export(&model("coco17-int8.onnx"), &to);
    let bytes = |path: PathBuf| std::fs::read(path).unwrap();
    assert!(bytes(repository.join("coco17-int8/1/model.onnx")) == bytes(model("coco17-int8.onnx")));
    let arguments = [repository.as_os_str(), "run".as_ref(), "coco17-int8".as_ref()];
    if let Some(output) = python::run("check_triton.py", arguments) {
        assert!(output.status.success(), "{}", python::said(&output));
    }
}

fn what_makes_no_sense_is_refused(run: &Path, folder: &Path) {
    let at = run.to_str().unwrap();
    let out = folder.join("none.onnx");
    let out = out.to_str().unwrap();
    let small = model("coco17-small.onnx");
    let new = folder.join("none");
    let new = new.to_str().unwrap();
    for (source, arguments, words) in [
        (run, &["--quantisation", "qdq", "--precision", "f16", "-o", out][..], "expected int8"),
        (run, &["--hub", at], "config.json, a file of the run"),
        (run, &["--triton", at, "--name", "../up"], "one that a folder can have"),
        (&small, &["-o", out], "--quantisation qdq or qdq-full, --mantissa, --hub or --triton only"),
        (run, &["--mantissa", "15", "-o", out], "is for model files"),
        (&model("coco17-int8.onnx"), &["--mantissa", "15", "-o", out], "in int8, expected f32"),
        (&small, &["--precision", "f16", "--hub", out], "--hub or --triton only"),
        (&model("coco17-int8.onnx"), &["--quantisation", "qdq", "-o", out], "is in int8, expected f32"),
        (&folder.join("nosuch"), &["--hub", new], "nosuch"),
        (&folder.join("nosuch"), &["--triton", new], "nosuch"),
        (&model("coco17-memory.onnx"), &["--triton", new], "has a memory of each person"),
        (&model("h36m17.onnx"), &["--quantisation", "qdq", "--on", at, "-o", out], "expected coco17 to h36m17 in m"),
    ] {
        let said = refusal(source, arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!Path::new(out).exists() && !Path::new(new).exists(), "{arguments:?}");
    }
}
