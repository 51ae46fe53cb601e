use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut3, s};

use super::super::super::file::tests as file_tests;
use super::super::super::small_model::SmallModel;
use super::super::super::{Batch, PoseNetwork};
use super::*;

fn small(options: &SessionOptions) -> Session {
    let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
    Session::new(&file, options).unwrap()
}

fn run(session: &mut Session, keypoints: ArrayView3<'_, f32>, poses: ArrayViewMut3<'_, f32>) -> Result<()> {
    let batch = Batch::new(session.card(), keypoints, poses, None)?;
    session.run(batch)
}

#[test]
fn runs_any_batch_and_any_memory_layout() {
    for (threads, count) in [(1, 0), (1, 1), (2, 7), (1, 300), (2, 256), (3, 1000)] {
        let mut session =
            small(&SessionOptions { device: Device::Cpu, threads: Some(threads), ..SessionOptions::default() });
        let keypoints = Array3::from_shape_fn((count, 17, 3), |(n, j, c)| (n * 100 + j * 3 + c) as f32);
        let mut poses = Array3::zeros((count, 17, 3));
        run(&mut session, keypoints.view(), poses.view_mut()).unwrap();
        assert!((&keypoints * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
        let reversed = keypoints.slice(s![..;-1, .., ..]);
        run(&mut session, reversed, poses.view_mut()).unwrap();
        assert!((&reversed * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
        run(&mut session, keypoints.view(), poses.slice_mut(s![..;-1, .., ..])).unwrap();
        assert!((&reversed * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
    }
}

#[test]
fn sigma_comes_out_where_the_model_gives_it() {
    let with_sigma = SmallModel { sigma: true, ..SmallModel::default() };
    let file = ModelFile::from_bytes("small.onnx", with_sigma.to_bytes()).unwrap();
    let mut session =
        Session::new(&file, &SessionOptions { device: Device::Cpu, threads: Some(2), ..SessionOptions::default() })
            .unwrap();
    let all = Array3::from_shape_fn((300, 17, 3), |(n, j, c)| (n * 10 + j * 3 + c) as f32);
    // Alone, then shared among two threads.
    for count in [3, 300] {
        let keypoints = all.slice(s![..count, .., ..]);
        let (mut poses, mut sigma) = (Array3::zeros((count, 17, 3)), Array2::zeros((17, count)));
        let sigma_view = sigma.view_mut().reversed_axes();
        let batch = Batch::new(session.card(), keypoints, poses.view_mut(), Some(sigma_view)).unwrap();
        session.run(batch).unwrap();
        // The small model's sigma is a tenth of the score.
        let expected = &keypoints.slice(s![.., .., 2]) * 0.1;
        assert!((expected - sigma.t()).iter().all(|difference| difference.abs() < 1e-4));
        assert!((&keypoints * 0.001 - &poses).iter().all(|difference| difference.abs() < 1e-4));
    }
}

/// Whether the tests' ONNX Runtime has a provider's library in its folder.
fn has_provider(name: &str) -> bool {
    let prefix = std::env::consts::DLL_PREFIX;
    let file = format!("{prefix}onnxruntime_providers_{name}{}", std::env::consts::DLL_SUFFIX);
    library::path(true).unwrap().with_file_name(file).is_file()
}

#[test]
fn openvino_runs_where_the_runtime_has_it_and_else_the_cause_is_named() {
    let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
    let options = SessionOptions { engine: Engine::OpenVino, device: Device::Cpu, threads: Some(1) };
    let opened = Session::new(&file, &options);
    if has_provider("openvino") {
        let session = opened.unwrap();
        assert_eq!((session.provider(), session.engine()), (Provider::OpenVino, "OpenVINO"));
    } else {
        let message = opened.unwrap_err().to_string();
        assert!(message.starts_with("cannot run by OpenVINO: "), "{message}");
    }
}

#[test]
fn cuda_runs_where_there_is_a_gpu_and_else_the_cause_is_named_and_auto_falls_back() {
    let file = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
    let auto = small(&SessionOptions::default());
    let opened = Session::new(&file, &SessionOptions { device: Device::Cuda(0), ..SessionOptions::default() });
    if has_provider("cuda") && Path::new("/dev/nvidia0").exists() {
        assert_eq!((opened.unwrap().provider(), auto.provider()), (Provider::Cuda(0), Provider::Cuda(0)));
    } else {
        let message = opened.unwrap_err().to_string();
        assert!(message.starts_with("cannot run on cuda:0: "), "{message}");
        assert_eq!(auto.provider(), Provider::Cpu);
        assert!(auto.fallback_cause().is_some());
    }
}

fn opened_by(file: &ModelFile, engine: Engine) -> Result<Session> {
    Session::new(file, &SessionOptions { device: Device::Cpu, threads: Some(1), engine })
}

#[test]
fn kernels_asked_for_by_name_are_there_or_refused() {
    let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
    let message = opened_by(&small, Engine::Own).unwrap_err().to_string();
    assert_eq!(message, "small.onnx: there are no kernels of our own for this model on this processor");
    assert_eq!(opened_by(&small, Engine::Auto).unwrap().engine(), "ONNX Runtime");
}

#[test]
fn a_file_with_another_constant_is_not_what_kernels_compute() {
    let bundled = ModelFile::bundled().unwrap();
    // The graph centres key points on another mean than the kernels: the constant that sums scores is doubled.
    let doubled = file_tests::altered(bundled.for_cpus(), |graph| {
        let constant = graph.initializer.iter_mut().find(|tensor| tensor.name == "all_weights").unwrap();
        let values = constant.raw_data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
        constant.raw_data = values.flat_map(|value| (value * 2.0).to_le_bytes()).collect();
    });
    let other = ModelFile::from_bytes("other.onnx", doubled).unwrap();
    let error = opened_by(&other, Engine::Own).unwrap_err();
    assert!(error.to_string().contains("there are no kernels of our own"), "{error}");
    let cause = error.hint_text().unwrap();
    assert!(cause.contains("all_weights [51, 51] with other contents"), "{cause}");
    assert_eq!(opened_by(&other, Engine::Auto).unwrap().engine(), "ONNX Runtime");
}
