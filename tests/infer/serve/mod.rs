//! `poselift serve` and other people's clients: Triton's, gRPC's, `websockets`, curl.

mod guide;

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ndarray::{Array3, s};
use poselift::camera::Camera;
use poselift::model::ModelFile;
use poselift::{Lifter, LifterOptions};
use serde_json::{Value, json};

use crate::live::Running;
use crate::program::{Bench, CLIP, assert_code, feed, poselift, skip_kind};
use crate::small_model::SmallModel;

const TIMEOUT: Duration = Duration::from_secs(60);
const SIZE: [u32; 2] = [1768, 994];
const FOCAL: f32 = 1500.0;

/// Files of this folder.
fn file(name: &str) -> String {
    format!("{}/../tests/infer/serve/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server that listens at a port that was free.
struct Serving {
    running: Running,
    address: String,
}

impl Serving {
    fn start(options: &[&str]) -> Self {
        Self::start_with(poselift().arg("serve").args(options))
    }

    /// Starts `command`, and waits until it is ready.
    fn start_with(command: &mut Command) -> Self {
        command.args(["--device", "cpu"]);
        if !command.get_args().any(|word| word == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut running = Running::start(command);
        running.wait_for("ready: ");
        let (_, after) = running.heard().split_once("listening at ").unwrap();
        let address = after.split(';').next().unwrap().to_owned();
        Self { running, address }
    }

    /// The answer to one request, head and body.
    fn ask(&self, request: &str) -> String {
        let mut socket = self.send(request);
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A connection on which `request` was sent.
    fn send(&self, request: &str) -> TcpStream {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        socket
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    fn clients(&self, name: &str, rest: &[&str]) -> Option<String> {
        clients(&self.address, name, rest)
    }

    /// Ends the server as a service manager does.
    fn end(self) -> String {
        self.running.signal("-TERM");
        let (status, said) = self.running.end();
        assert!(status.success(), "{said}");
        said
    }
}

/// Runs other people's clients, which check what they are answered at `address`; gives what they print.
fn clients(address: &str, name: &str, rest: &[&str]) -> Option<String> {
    let python = python()?;
    Some(run_clients(&python, "clients.py", &[&[name, address], rest].concat()))
}

/// Runs a script of this folder.
fn run_clients(python: &OsString, script: &str, words: &[&str]) -> String {
    let output = Command::new(python).arg(file(script)).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {words:?}:\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The Python that has the clients.
fn python() -> Option<OsString> {
    let python = named("POSELIFT_SERVE_PYTHON");
    if python.is_none() {
        skip_kind("clients", "no POSELIFT_SERVE_PYTHON: run `make test`");
    }
    python
}

/// A program that a variable names.
fn named(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|program| !program.is_empty())
}

/// A request of the body `json` to infer by `model`.
fn infer(model: &str, json: &Value) -> String {
    let body = json.to_string();
    let length = body.len();
    format!(
        "POST /v2/models/{model}/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Key points of one person, all at (x, x).
fn person(x: f32) -> Value {
    let points = vec![[x, x, 0.5]; 17];
    json!({"inputs": [{"name": "keypoints", "shape": [1, 17, 3], "datatype": "FP32", "data": [points]}]})
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Key points and what the library makes of them, as clients.py reads them.
fn reference(bench: &Bench) -> String {
    let keypoints = Array3::from_shape_fn((24, 17, 3), |(n, joint, channel)| match channel {
        2 => 0.5 + 0.02 * (joint as f32),
        _ => 300.0 + (67 * n + 31 * joint * (channel + 1)) as f32 % 401.0,
    });
    let file = ModelFile::bundled().unwrap();
    let options = LifterOptions { device: poselift::model::Device::Cpu, ..LifterOptions::default() };
    let mut lifter = Lifter::from_model(&file, &options).unwrap();
    let camera = Camera::with_focal(Some(FOCAL), SIZE);
    let lifted = lifter.lift_with_cameras(keypoints.view(), &[camera]).unwrap();
    let rows = |array: &Array3<f32>| -> Vec<Vec<Vec<f32>>> {
        array.outer_iter().map(|pose| pose.outer_iter().map(|point| point.to_vec()).collect()).collect()
    };
    let sigma: Vec<Vec<f32>> = lifted.sigma.unwrap().outer_iter().map(|person| person.to_vec()).collect();
    assert!(lifted.poses.slice(s![.., 1.., ..]).iter().all(|value| value.is_finite()));
    let content = json!({
        "keypoints": rows(&keypoints), "pose": rows(&lifted.poses), "sigma": sigma, "size": SIZE, "focal": FOCAL,
    });
    bench.file("reference.json", content.to_string()).to_str().unwrap().to_owned()
}

#[test]
fn others_clients_get_what_the_library_gives() {
    let bench = Bench::new();
    let reference = reference(&bench);
    let server = Serving::start(&[]);
    let sha256 = server.clients("http", &[&reference]);
    server.clients("grpc", &[&reference]);
    if let Some(sha256) = sha256 {
        let bytes = ModelFile::bundled().unwrap().for_cpus().bytes().to_vec();
        let model = bench.file("bundled.onnx", bytes);
        let sum = Command::new("sha256sum").arg(model).output().unwrap();
        assert_eq!(sum.stdout[..64], sha256.as_bytes()[..64]);
        let metrics = server.get("/metrics");
        let value = |name: &str| -> f64 {
            let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{"))).expect(name);
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("nv_inference_request_success") > 150.0, "{metrics}");
        assert!(value("nv_inference_count") > value("nv_inference_request_success"), "{metrics}");
        let batches = value("nv_inference_exec_count");
        assert!(batches > 0.0 && batches <= value("nv_inference_request_success"), "{metrics}");
        assert!(value("nv_inference_compute_infer_duration_us") > 0.0, "{metrics}");
        assert_eq!(value("nv_inference_pending_request_count"), 0.0, "{metrics}");
    }
    let said = server.end();
    assert!(said.contains("ending: open requests are answered"), "{said}");
}

#[test]
fn curl_is_answered_as_the_protocol_says() {
    let server = Serving::start(&[]);
    let curl = |arguments: &[&str], path: &str| {
        let url = format!("http://{}{path}", server.address);
        let output = Command::new("curl").args(["-s", "-w", "\n%{http_code}"]).args(arguments).arg(url).output();
        let text = String::from_utf8(output.expect("curl is installed").stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), serde_json::from_str::<Value>(body).unwrap_or_default())
    };
    assert_eq!(curl(&[], "/v2/health/live"), ("200".to_owned(), json!({"live": true})));
    assert_eq!(curl(&[], "/v2/health/ready"), ("200".to_owned(), json!({"ready": true})));
    assert_eq!(curl(&[], "/v2").1["name"], "poselift");
    let data = person(300.0).to_string();
    let (status, answer) = curl(&["-d", &data], "/v2/models/coco17/infer");
    assert_eq!((status.as_str(), &answer["outputs"][0]["shape"]), ("200", &json!([1, 17, 3])));
    assert_eq!(answer["outputs"][0]["data"].as_array().unwrap().len(), 51);
    for (path, data, status, word) in [
        ("/v2/models/coco17/infer", "{", "400", "no request of the protocol"),
        ("/v2/models/coco17/infer", "{\"inputs\":[]}", "400", "no input 'keypoints'"),
        ("/v2/models/absent/infer", &data, "404", "no model 'absent'"),
        ("/nowhere", &data, "404", "no POST /nowhere"),
    ] {
        let (found, answer) = curl(&["-d", data], path);
        assert_eq!(found, status, "{path}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{path}: {answer}");
    }
}

#[test]
fn a_full_queue_refuses_and_a_request_whose_time_is_over_is_told() {
    let bench = Bench::new();
    let server = Serving::start(&["--queue", "8", "--max-delay", "60000", "--max-body", "1"]);
    server.clients("overload", &[&reference(&bench)]);
    // Where the clients were skipped, the queue is filled by one of our own that goes away.
    drop(server.send(&infer(
        "coco17",
        &json!({"inputs": [{
        "name": "keypoints", "shape": [8, 17, 3], "datatype": "FP32", "data": vec![1.0; 408]}]}),
    )));
    let mut one = person(1.0);
    one["parameters"] = json!({"timeout": 1000});
    let answer = wait_until(|| {
        let answer = server.ask(&infer("coco17", &one));
        answer.starts_with("HTTP/1.1 429").then_some(answer)
    });
    assert!(answer.to_lowercase().contains("retry-after: 1"), "{answer}");
    let long = infer("coco17", &json!({"inputs": "x".repeat(1 << 20)}));
    let answer = server.ask(&long);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let metrics = server.get("/metrics");
    assert!(metrics.contains("reason=\"REJECTED\""), "{metrics}");
}

#[test]
fn sigterm_loses_nothing_that_was_accepted() {
    let server = Serving::start(&["--max-delay", "5000"]);
    let mut sockets: Vec<_> = (0..8).map(|n| server.send(&infer("coco17", &person(100.0 + n as f32)))).collect();
    wait_until(|| {
        server.get("/metrics").contains("pending_request_count{model=\"coco17\",version=\"1\"} 8").then_some(())
    });
    server.running.signal("-TERM");
    for socket in &mut sockets {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(body(&answer)["outputs"][0]["shape"], json!([1, 17, 3]));
    }
    assert!(TcpStream::connect(&server.address).is_err(), "no new connections are taken");
    let (status, said) = server.running.end();
    assert!(status.success() && !said.contains("were dropped"), "{said}");
}

/// What `ask` gives, once it does.
fn wait_until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < until, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The x of the hip that `model` gives for a person at `x`.
fn first_x(server: &Serving, model: &str, x: f32) -> Option<f64> {
    let answer = server.ask(&infer(model, &person(x)));
    answer.starts_with("HTTP/1.1 200").then(|| body(&answer)["outputs"][0]["data"][0].as_f64().unwrap())
}

#[test]
fn a_folder_of_models_is_loaded_again_when_it_changes() {
    let bench = Bench::new();
    let folder = bench.path("models");
    std::fs::create_dir(&folder).unwrap();
    let model = |scale: f32| SmallModel { scale, ..SmallModel::default() }.to_bytes();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Whole at once: the server may look at any moment, and half a file is one that cannot be served.
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, bytes).unwrap();
        std::fs::rename(unfinished, path).unwrap();
    };
    put("a.onnx", &model(0.001));
    put("b/2/model.onnx", &model(0.002));
    put("b/10/model.onnx", &model(0.003));
    put("note.txt", b"no model");
    let mut server = Serving::start(&["--models", folder.to_str().unwrap(), "--reload", "0.1"]);
    let close = |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-4);
    assert!(close(first_x(&server, "a", 200.0), 0.2));
    assert!(close(first_x(&server, "b", 200.0), 0.6), "the highest version");
    assert!(close(first_x(&server, "b/versions/2", 200.0), 0.4));
    assert_eq!(body(&server.get("/v2/models/b"))["versions"], json!(["2", "10"]));
    // Another file takes its place, and no request in between fails.
    put("a.onnx", &model(0.004));
    wait_until(|| {
        let found = first_x(&server, "a", 200.0);
        assert!(close(found, 0.2) || close(found, 0.8), "{found:?}");
        close(found, 0.8).then_some(())
    });
    // A broken one does not.
    put("a.onnx", b"half a model");
    server.running.wait_for("cannot serve a version 1");
    assert!(close(first_x(&server, "a", 200.0), 0.8));
    assert!(server.get("/metrics").contains("poselift_model_load_failures{model=\"a\",version=\"1\"} 1"));
    put("c.onnx", &model(0.005));
    wait_until(|| close(first_x(&server, "c", 200.0), 1.0).then_some(()));
    std::fs::remove_file(folder.join("c.onnx")).unwrap();
    wait_until(|| first_x(&server, "c", 200.0).is_none().then_some(()));
    server.end();
}

#[test]
fn connections_are_encrypted_and_tokens_asked_for() {
    let bench = Bench::new();
    let tokens = bench.file("tokens.txt", "first\n\n  second  \n");
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key];
    let server = Serving::start_with(poselift().args(["serve", "--tokens"]).arg(tokens).args(tls));
    let address = server.address.replace("127.0.0.1", "localhost");
    clients(&address, "tls", &[&reference(&bench), &certificate, "second"]);
    let answer = server.send("GET /v2 HTTP/1.1\r\n\r\n").read(&mut [0; 64]);
    assert!(!matches!(answer, Ok(length) if length > 7), "no plain HTTP");
    let empty = bench.file("empty.txt", "\n");
    let output = poselift().args(["serve", "--tokens"]).arg(empty).output().unwrap();
    assert_code(&output, 2);
}

/// The clip's frames, without its header.
fn clip() -> String {
    let lines = std::fs::read_to_string(CLIP).unwrap();
    let frames: Vec<&str> = lines.lines().filter(|line| line.starts_with("{\"frame\"")).take(90).collect();
    assert!(frames.len() == 90);
    frames.join("\n") + "\n"
}

#[test]
fn streams_are_lifted_as_by_the_program_and_each_has_its_own_state() {
    let bench = Bench::new();
    let clip = clip();
    let path = bench.file("clip.jsonl", &clip);
    let options = ["--layout", "mediapipe33", "--fps", "30", "--smooth", "live", "--contacts"];
    let output = feed(poselift().args(["run", "-", "--device", "cpu"]).args(options), &clip);
    let expected = String::from_utf8(output.stdout).unwrap();
    assert_eq!(expected.lines().count(), 91);
    let server = Serving::start(&[]);
    let options = "layout=mediapipe33&fps=30&smooth=live&contacts=true";
    let (address, path) = (&server.address, path.to_str().unwrap());
    std::thread::scope(|scope| {
        let streams: Vec<_> = ["websocket", "grpc", "websocket"]
            .iter()
            .map(|kind| scope.spawn(move || clients(address, "stream", &[kind, options, path])))
            .collect();
        for stream in streams {
            if let Some(answers) = stream.join().unwrap() {
                assert!(answers == expected, "expected\n{expected}\nfound\n{answers}");
            }
        }
    });
    assert!(server.get("/metrics").contains("poselift_streams 0"));
    server.end();
}

/// A request to open a WebSocket at `path`, with another header line.
fn upgrade(path: &str, header: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{header}\r\n"
    )
}

#[test]
fn web_pages_and_unknown_options_are_refused_and_frames_that_cannot_be_read_are_told() {
    let server = Serving::start(&["--allow-origin", "http://localhost:5173", "--streams", "1"]);
    let path = "/v2/models/coco17/stream";
    let first_line = |request: &str| {
        let mut start = [0; 12];
        server.send(request).read_exact(&mut start).unwrap();
        String::from_utf8(start.to_vec()).unwrap()
    };
    assert_eq!(first_line(&upgrade(path, "Origin: http://evil.example\r\n")), "HTTP/1.1 403");
    assert_eq!(first_line(&upgrade(&format!("{path}?smoth=live"), "")), "HTTP/1.1 400");
    assert_eq!(first_line(&upgrade("/v2/models/other/stream", "")), "HTTP/1.1 404");
    wait_until(|| (first_line(&upgrade(path, "Origin: http://localhost:5173\r\n")) == "HTTP/1.1 101").then_some(()));
    let url = format!("ws://{}{path}", server.address);
    let (mut socket, _) = wait_until(|| tungstenite::connect(&url).ok());
    assert_eq!(first_line(&upgrade(path, "")), "HTTP/1.1 429", "one stream alone may be open");
    let mut ask = |text: &str| {
        socket.send(tungstenite::Message::text(text)).unwrap();
        serde_json::from_str::<Value>(socket.read().unwrap().to_text().unwrap()).unwrap()
    };
    assert!(ask("no JSON")["error"].as_str().unwrap().contains("no JSON"));
    assert_eq!(ask(&crate::program::line(0, &[(17, 300.0)]))["kind"], "poses");
    let frame: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(frame["people"][0]["joints"].as_array().unwrap().len(), 17);
    // The end of the server ends the stream, as the client is told.
    server.running.signal("-TERM");
    let close = socket.read().unwrap();
    assert!(close.is_close(), "{close:?}");
    let (status, said) = server.running.end();
    assert!(status.success() && !said.contains("were dropped"), "{said}");
}

#[test]
fn flags_overrule_the_environment_and_the_environment_a_file() {
    let bench = Bench::new();
    let config = bench.file("serve.toml", "queue = 5\nmax-body = 2\ntimeout = 0.2\nquiet = false\n");
    let long = infer("coco17", &json!({"inputs": "x".repeat((2 << 20) + 10)}));
    // The status of a request of a little more than 2 MB.
    let status = |variable: Option<&str>, option: Option<&str>| {
        let mut command = poselift();
        command.args(["serve", "--config"]).arg(&config);
        command.envs(variable.map(|value| ("POSELIFT_SERVE_MAX_BODY", value)));
        command.args(option.map(|value| format!("--max-body={value}")));
        Serving::start_with(&mut command).ask(&long)[9..12].to_owned()
    };
    assert_eq!(status(None, None), "413", "the file's limit");
    assert_eq!(status(Some("3"), None), "400", "the environment's limit is higher");
    assert_eq!(status(Some("3"), Some("1")), "413", "the command line's limit is lower");
    let wrong = bench.file("wrong.toml", "max_body = 2\n");
    let output = poselift().args(["serve", "--config"]).arg(wrong).stdout(Stdio::null()).output().unwrap();
    assert_code(&output, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no option 'max_body'"));
}

#[test]
fn inferences_are_traced_as_parts_of_their_clients_traces() {
    let Some(python) = python() else { return };
    let bench = Bench::new();
    let mut collector = Command::new(python)
        .arg(file("clients.py"))
        .args(["traces", "", &reference(&bench)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(collector.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let mut command = poselift();
    command.arg("serve").env("OTEL_EXPORTER_OTLP_ENDPOINT", url.trim()).env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let mut server = Serving::start_with(&mut command);
    writeln!(collector.stdin.take().unwrap(), "{}", server.address).unwrap();
    let output = collector.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The collector has gone: requests are answered all the same, and the server says what it cannot do.
    let answer = server.ask(&infer("coco17", &person(300.0)));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.running.wait_for("traces could not be sent to http://127.0.0.1:");
    server.end();
    let refused = poselift().args(["serve", "--otlp", "https://collector:4317"]).output().unwrap();
    assert_code(&refused, 2);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expected http://HOST:PORT"));
}

#[test]
fn variables_for_all_programs_of_a_machine_do_not_stop_the_server() {
    for (name, value, said) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317", "no traces: OpenTelemetry's collector is https"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "http/protobuf, and traces are sent by grpc alone"),
    ] {
        let mut command = poselift();
        command.arg("serve").env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9").env(name, value);
        let server = Serving::start_with(&mut command);
        assert!(server.running.heard().contains(said), "{}", server.running.heard());
        server.end();
    }
}

#[test]
fn kserves_clients_get_what_the_library_gives() {
    // The SDK brings Kubernetes' client and servers of its own: 450 MB, which CI does not install.
    let Some(python) = named("POSELIFT_KSERVE_PYTHON") else {
        return eprintln!("skipped: no POSELIFT_KSERVE_PYTHON names a Python with kserve");
    };
    let bench = Bench::new();
    let server = Serving::start(&[]);
    let (reference, example) =
        (reference(&bench), Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/kserve.yaml"));
    let address = server.address.as_str();
    run_clients(&python, "kserve_clients.py", &["clients", address, &reference]);
    run_clients(&python, "kserve_clients.py", &["inference_service", address, &reference, example.to_str().unwrap()]);
    server.end();
}

#[test]
fn the_container_of_the_example_for_kserve_starts_and_is_probed() {
    let example =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/kserve.yaml")).unwrap();
    let value = |key: &str| {
        let (_, rest) = example.split_once(&format!("{key}: ")).unwrap();
        rest.lines().next().unwrap().to_owned()
    };
    // A list in brackets is YAML and JSON.
    let words: Vec<String> = serde_json::from_str(&value("args")).unwrap();
    let bench = Bench::new();
    let models = bench.path("models");
    std::fs::create_dir(&models).unwrap();
    std::fs::write(models.join("a.onnx"), SmallModel::default().to_bytes()).unwrap();
    let place = |word: &String| match word.as_str() {
        "/mnt/models" => models.to_str().unwrap().to_owned(),
        "0.0.0.0:8080" => "127.0.0.1:0".to_owned(),
        _ => word.clone(),
    };
    let words: Vec<String> = words.iter().map(place).collect();
    assert!(words.iter().any(|word| word == "127.0.0.1:0") && words.contains(&models.to_str().unwrap().to_owned()));
    let server = Serving::start_with(poselift().args(words));
    for probe in example.split("path: ").skip(1).map(|rest| rest.lines().next().unwrap()) {
        assert!(server.get(probe).starts_with("HTTP/1.1 200"), "{probe}");
    }
    assert_eq!(example.matches("path: ").count(), 2);
    server.end();
}
