//! Frames over sockets and from growing files, end to end on loopback, with other software at the other end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::chromium::{Chromium, Screen};
use crate::judges::Judges;
use crate::program::{Bench, CLIP, frames, line, poselift};

/// Longer than anything here takes: what takes longer fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A program that runs until it is told to stop; killed with its test.
pub(crate) struct Running {
    child: Child,
    said: Receiver<String>,
    heard: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        Self { child, said, heard: String::new() }
    }

    /// What was said on stderr until now, as far as it was waited for.
    pub(crate) fn heard(&self) -> &str {
        &self.heard
    }

    /// Waits until stderr has a line with `text` in it.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + TIMEOUT;
        while !self.heard.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.said.recv_timeout(left) else { panic!("no '{text}' in:\n{}", self.heard) };
            self.heard += &line;
            self.heard.push('\n');
        }
    }

    fn interrupt(&self) {
        self.signal("-INT");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let killed = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for the end; gives back how it ended and all that was said on stderr.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let until = Instant::now() + TIMEOUT;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > until => panic!("it does not end:\n{}", self.heard),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        while let Ok(line) = self.said.recv_timeout(TIMEOUT) {
            self.heard += &line;
            self.heard.push('\n');
        }
        assert!(!self.heard.contains("panicked"), "{}", self.heard);
        (status, std::mem::take(&mut self.heard))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket that waits for `TIMEOUT`, and its port.
fn receiver() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn receive(socket: &UdpSocket) -> Value {
    let mut bytes = vec![0; 1 << 16];
    let length = socket.recv(&mut bytes).expect("a datagram comes");
    serde_json::from_slice(&bytes[..length]).unwrap()
}

fn free_udp_port() -> u16 {
    receiver().1
}

fn free_tcp_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn first_x(frame: &Value) -> f64 {
    frame["people"][0]["joints"][0][0].as_f64().unwrap()
}

fn frames_of(path: &Path) -> Vec<Value> {
    frames(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn datagrams_are_answered_by_datagrams() {
    let bench = Bench::new();
    let (answers, port) = receiver();
    let listen = format!("udp://127.0.0.1:{}", free_udp_port());
    let out = bench.path("poses.jsonl");
    let mut command = bench.run();
    command.args(["--listen", &listen, "--send", &format!("udp://127.0.0.1:{port}"), "-o"]).arg(&out);
    let mut running = Running::start(&mut command);
    running.wait_for("listening at");
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(listen.trim_start_matches("udp://")).unwrap();
    let send = |text: &str| assert_eq!(sender.send(text.as_bytes()).unwrap(), text.len());
    send("no JSON at all");
    send(r#"{"poselift":1,"kind":"keypoints","layout":"coco17","fps":25}"#);
    for frame in 0..20 {
        send(&line(frame, &[(17, frame as f32 + 1.0)]));
        // Blocks until it fails if the program waits for more than this frame.
        let answer = receive(&answers);
        assert_eq!(answer["frame"], frame);
        assert!((first_x(&answer) - (frame as f64 + 1.0) * 0.001).abs() < 1e-3, "{answer}");
        send("{\"no\":\"frame\"}");
    }
    running.interrupt();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert_eq!(said.matches("skipped and counted").count(), 1, "{said}");
    assert!(said.contains(" messages could not be read and were skipped"), "{said}");
    let kept = frames_of(&out);
    assert_eq!(kept.len(), 20);
    assert_eq!(kept[19]["time"], 19.0 / 25.0, "the header's rate gives times");
}

#[test]
fn several_sockets_are_inputs_of_their_own() {
    let bench = Bench::new();
    let ports = [free_udp_port(), free_udp_port()];
    let out = bench.path("poses");
    let mut command = bench.run();
    for port in ports {
        command.args(["--listen", &format!("udp://127.0.0.1:{port}")]);
    }
    let mut running = Running::start(command.arg("-o").arg(&out));
    running.wait_for(&format!("listening at udp://127.0.0.1:{}", ports[1]));
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for port in ports {
        sender.send_to(line(0, &[(17, 2.0)]).as_bytes(), ("127.0.0.1", port)).unwrap();
    }
    let until = Instant::now() + TIMEOUT;
    let files = ports.map(|port| out.join(format!("udp_{port}.jsonl")));
    let is_written = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"joints\":[[") && text.ends_with('\n'))
    };
    while !files.iter().all(is_written) {
        assert!(Instant::now() < until, "no poses in {files:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.interrupt();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(files.iter().all(|path| frames_of(path).len() == 1));
}

#[test]
fn nothing_came_is_no_failure_and_an_address_in_use_is_one() {
    let bench = Bench::new();
    let (_taken, port) = receiver();
    let listen = format!("udp://127.0.0.1:{port}");
    let output = bench.run().args(["--listen", &listen]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("{listen}: cannot listen")), "{said}");
    let mut command = bench.run();
    let mut running = Running::start(command.args(["--listen", &format!("udp://127.0.0.1:{}", free_udp_port())]));
    running.wait_for("listening at");
    running.interrupt();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
}

/// A judge of receive.py; its first line is the port that it listens at.
fn start_judge(judges: &Judges, arguments: &[&str]) -> (Child, BufReader<ChildStdout>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/infer/receive.py");
    let mut child = judges.command().arg(script).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut port = String::new();
    output.read_line(&mut port).unwrap();
    (child, output, port.trim().to_owned())
}

fn last_json(mut child: Child, output: BufReader<ChildStdout>) -> Value {
    let text = output.lines().last().expect("the judge says something").unwrap();
    assert!(child.wait().unwrap().success());
    serde_json::from_str(&text).unwrap()
}

type Vector = nalgebra::Vector3<f64>;
type Turn = nalgebra::UnitQuaternion<f64>;

/// The rotation of a bone in the world: those of its parents and its own, all in Unity's axes.
fn turn_of(bones: &serde_json::Map<String, Value>, chain: &[&str]) -> Turn {
    chain.iter().fold(Turn::identity(), |turn, name| {
        let numbers: Vec<f64> = bones[*name].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        let own = nalgebra::Quaternion::new(numbers[6], numbers[3], numbers[4], numbers[5]);
        assert!((own.norm() - 1.0).abs() < 1e-5, "{name}: {own}");
        turn * Turn::from_quaternion(own)
    })
}

/// Avatars get what the lifted poses are: the directions of limbs out of python-osc's bones are those of the joints.
#[test]
fn avatars_are_moved_as_people_move() {
    let Some(judges) = Judges::find() else { return };
    const FRAMES: usize = 8;
    let (judge, output, port) = start_judge(&judges, &["osc", &FRAMES.to_string()]);
    let bench = Bench::new();
    let clip = std::fs::read_to_string(CLIP).unwrap();
    let header = usize::from(clip.starts_with("{\"poselift\""));
    let some: Vec<&str> = clip.lines().take(FRAMES + header).collect();
    let clip = bench.file("clip.jsonl", some.join("\n") + "\n");
    let out = bench.path("poses.jsonl");
    let mut command = poselift();
    command.args(["run", "--device", "cpu", "--send", &format!("osc://127.0.0.1:{port}"), "-o"]).arg(&out).arg(&clip);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let poses = frames_of(&out);
    let sent = last_json(judge, output);
    for (messages, pose) in sent.as_array().unwrap().iter().zip(&poses) {
        let messages = messages.as_array().unwrap();
        assert_eq!(messages[0], serde_json::json!(["/VMC/Ext/OK", [1]]));
        assert_eq!((&messages[1][0], &messages[2][0]), (&"/VMC/Ext/T".into(), &"/VMC/Ext/Root/Pos".into()));
        let bones: serde_json::Map<String, Value> = messages[3..]
            .iter()
            .map(|message| {
                assert_eq!(message[0], "/VMC/Ext/Bone/Pos");
                let mut numbers = message[1].as_array().unwrap().clone();
                (numbers.remove(0).as_str().unwrap().to_owned(), numbers.into())
            })
            .collect();
        assert_eq!(bones.len(), 17);
        let joint = |number: usize| {
            let axes: Vec<f64> =
                pose["people"][0]["joints"][number].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
            // Camera axes, x right and y down and z forward, in Unity's: the person's right is +x, up +y, forward +z.
            Vector::new(-axes[0], -axes[1], -axes[2])
        };
        let body = ["Hips", "Spine", "Chest"];
        for (limb, rest, from, to) in [
            (["LeftUpperArm", "LeftLowerArm"], -Vector::x(), [11, 12], [12, 13]),
            (["RightUpperArm", "RightLowerArm"], Vector::x(), [14, 15], [15, 16]),
            (["LeftUpperLeg", "LeftLowerLeg"], -Vector::y(), [4, 5], [5, 6]),
            (["RightUpperLeg", "RightLowerLeg"], -Vector::y(), [1, 2], [2, 3]),
        ] {
            let base = if limb[0].ends_with("Leg") { &body[..1] } else { &body[..] };
            for (bones_of_limb, ends) in [(&limb[..1], from), (&limb[..], to)] {
                let chain: Vec<&str> = base.iter().chain(bones_of_limb).copied().collect();
                let found = turn_of(&bones, &chain) * rest;
                let expected = (joint(ends[1]) - joint(ends[0])).normalize();
                assert!((found - expected).norm() < 1e-3, "{chain:?}: {found} and {expected}");
            }
        }
    }
}

#[test]
fn vrchat_gets_trackers() {
    let Some(judges) = Judges::find() else { return };
    let (judge, output, port) = start_judge(&judges, &["osc", "1"]);
    let bench = Bench::new();
    let clip = std::fs::read_to_string(CLIP).unwrap();
    let clip = bench.file("clip.jsonl", clip.lines().next().unwrap());
    let address = format!("osc://127.0.0.1:{port}/tracking");
    let mut command = poselift();
    let done = command.args(["run", "--device", "cpu", "--height", "1.8", "--send", &address]).arg(&clip).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let frame = last_json(judge, output)[0].as_array().unwrap().clone();
    let addresses: Vec<&str> = frame.iter().map(|message| message[0].as_str().unwrap()).collect();
    let names = ["1", "2", "3", "4", "5", "6", "7", "8", "head"];
    let expected: Vec<String> = names
        .iter()
        .flat_map(|name| ["position", "rotation"].map(|what| format!("/tracking/trackers/{name}/{what}")))
        .collect();
    assert_eq!(addresses, expected);
    let height = |number: usize| frame[2 * number][1][1].as_f64().unwrap();
    // An ankle's height is 0.039 of the stature, by the length of this person's legs.
    let ankle = height(2).min(height(3));
    assert!((ankle - 0.039 * 1.8).abs() < 0.006, "a foot stands on the ground: {ankle} m");
    assert!((1.3..1.9).contains(&height(8)), "a head at {} m", height(8));
}

#[test]
fn a_websocket_server_gets_the_header_and_each_frame() {
    let Some(judges) = Judges::find() else { return };
    let (judge, output, port) = start_judge(&judges, &["ws-server", "6"]);
    let bench = Bench::new();
    let clip: String = (0..5).map(|frame| line(frame, &[(17, 1.0)])).collect();
    let clip = bench.file("clip.jsonl", clip);
    let mut command = bench.run();
    let done = command.args(["--send", &format!("ws://127.0.0.1:{port}")]).arg(clip).output().unwrap();
    assert!(done.status.success() && done.stdout.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    let messages = last_json(judge, output);
    assert_eq!(messages[0]["kind"], "poses");
    let numbers: Vec<_> = messages.as_array().unwrap()[1..].iter().map(|frame| frame["frame"].clone()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

fn accept(listener: &TcpListener) -> WebSocket<TcpStream> {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    tungstenite::accept(stream).unwrap()
}

fn read(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message comes") {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[test]
fn a_websocket_server_may_come_late_and_go() {
    let bench = Bench::new();
    let port = free_tcp_port();
    let mut command = bench.run();
    command.args(["--send", &format!("ws://127.0.0.1:{port}")]).stdin(Stdio::piped());
    let mut running = Running::start(&mut command);
    let mut input = running.child.stdin.take().unwrap();
    let mut write = |frame: usize| input.write_all(line(frame, &[(17, 1.0)]).as_bytes()).unwrap();
    write(0);
    running.wait_for("no server yet");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut first = accept(&listener);
    assert_eq!(read(&mut first)["kind"], "poses");
    assert_eq!(read(&mut first)["frame"], 0);
    drop(first);
    // It notices with one of the next frames; what is read, lifted and dropped meanwhile is held up by nothing.
    let mut frame = 1;
    let until = Instant::now() + TIMEOUT;
    while !running.heard.contains("connection is lost") {
        assert!(Instant::now() < until, "{}", running.heard);
        write(frame);
        frame += 1;
        while let Ok(line) = running.said.recv_timeout(Duration::from_millis(10)) {
            running.heard += &line;
        }
    }
    let mut second = accept(&listener);
    assert_eq!(read(&mut second)["kind"], "poses", "the header comes again");
    write(frame);
    while read(&mut second)["frame"] != frame {}
    drop(input);
    // Its goodbye is answered, and nothing else comes.
    while second.read().is_ok() {}
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(said.contains(" frames were not sent"), "{said}");
}

#[test]
fn websocket_clients_get_their_poses_back() {
    let Some(judges) = Judges::find() else { return };
    let bench = Bench::new();
    let url = format!("ws://127.0.0.1:{}", free_tcp_port());
    let out = bench.path("poses.jsonl");
    let mut command = bench.run();
    let mut running = Running::start(command.args(["--listen", &url, "-o"]).arg(&out));
    running.wait_for("listening at");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/infer/receive.py");
    for client in 1..=2 {
        let mut judge = judges.command();
        judge.arg(&script).args(["ws-client", &url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut judge = judge.spawn().unwrap();
        let mut input = judge.stdin.take().unwrap();
        let mut answers = BufReader::new(judge.stdout.take().unwrap()).lines();
        let mut answer = || -> Value { serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap() };
        for frame in 0..5 {
            input.write_all(line(frame, &[(17, client as f32 * 10.0)]).as_bytes()).unwrap();
            input.flush().unwrap();
            if frame == 0 {
                assert_eq!(answer()["kind"], "poses");
            }
            let answered = answer();
            assert_eq!(answered["frame"], frame);
            assert!((first_x(&answered) - f64::from(client) * 0.01).abs() < 1e-3, "{answered}");
        }
        input.write_all(b"nonsense\n").unwrap();
        input.flush().unwrap();
        let refused = answer();
        assert!(refused["error"].as_str().unwrap().contains("expected an object"), "{refused}");
        drop(input);
        assert!(judge.wait().unwrap().success());
        let until = Instant::now() + TIMEOUT;
        let path = if client == 1 { out.clone() } else { bench.path("poses_2.jsonl") };
        while std::fs::read_to_string(&path).map_or(0, |text| text.lines().count()) < 6 {
            assert!(Instant::now() < until, "{} has no poses", path.display());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    running.interrupt();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("2 messages could not be read"), "{said}");
    assert!(said.contains("10 frames, 10 of 10 people"), "{said}");
}

#[test]
fn a_client_that_vanishes_or_sends_too_much_ends_nothing_but_itself() {
    let bench = Bench::new();
    let port = free_tcp_port();
    let url = format!("ws://127.0.0.1:{port}");
    let mut command = bench.run();
    let mut running = Running::start(command.args(["--listen", &url]));
    running.wait_for("listening at");
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        tungstenite::client(url.as_str(), stream).unwrap().0
    };
    let mut vanishing = connect();
    vanishing.send(Message::text(line(0, &[(17, 1.0)]))).unwrap();
    drop(vanishing);
    let mut too_long = connect();
    // The server may close before all of it is taken.
    let _ = too_long.send(Message::text("x".repeat(5 << 20)));
    while too_long.read().is_ok() {}
    // Normalised coordinates of an image whose size is not known: the client hears why its stream ends.
    let mut normalised = connect();
    let points: Vec<_> = (0..17).map(|joint| format!("[0.5,{},0.9]", 0.1 + 0.04 * joint as f64)).collect();
    let points = points.join(",");
    normalised.send(Message::text(format!(r#"{{"people":[{{"keypoints":[{points}]}}]}}"#))).unwrap();
    let refused = read(&mut normalised);
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("the image size is not known")), "{refused}");
    let mut no_websocket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    no_websocket.write_all(b"\x00\x01 what?\r\n\r\n").unwrap();
    let mut good = connect();
    good.send(Message::text(line(7, &[(17, 1.0)]))).unwrap();
    assert_eq!(read(&mut good)["kind"], "poses");
    assert_eq!(read(&mut good)["frame"], 7);
    running.interrupt();
    // Clients hear the end.
    while good.read().is_ok() {}
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(1), "one client's frames could not be lifted: {said}");
    assert!(said.contains("messages could not be read"), "{said}");
}

/// Opens a connection as a web page of `origin` would.
fn connect_as_page(url: &str, origin: &str) -> Result<WebSocket<TcpStream>, String> {
    let stream = TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Origin", origin.parse().unwrap());
    tungstenite::client(request, stream).map(|(socket, _)| socket).map_err(|error| error.to_string())
}

#[test]
fn web_pages_connect_only_from_origins_that_are_allowed() {
    let bench = Bench::new();
    let url = format!("ws://127.0.0.1:{}", free_tcp_port());
    let mut command = bench.run();
    let mut running = Running::start(command.args(["--listen", &url, "--allow-origin", "http://localhost:5173"]));
    running.wait_for("listening at");
    for foreign in ["https://evil.example", "http://localhost", "null"] {
        let refusal = connect_as_page(&url, foreign).unwrap_err();
        assert!(refusal.contains("403"), "{foreign}: {refusal}");
        // The first one alone is told, once its thread gets to it.
        running.wait_for("a web page of https://evil.example: give --allow-origin https://evil.example");
    }
    let mut page = connect_as_page(&url, "http://localhost:5173").unwrap();
    page.send(Message::text(line(3, &[(17, 1.0)]))).unwrap();
    assert_eq!(read(&mut page)["kind"], "poses");
    assert_eq!(read(&mut page)["frame"], 3);
    running.interrupt();
    while page.read().is_ok() {}
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
}

/// A page that says which way its connection went.
const CONNECTING_PAGE: &str = "<script>\
    var outcome = new Promise(done => {\
        const socket = new WebSocket('URL');\
        socket.onopen = () => done('open');\
        socket.onclose = () => done('closed');\
    });</script>";

#[test]
fn a_real_browser_is_let_in_by_allow_origin_alone() {
    let Some(mut browser) = Chromium::start() else { return };
    let bench = Bench::new();
    for (options, expected) in [(&[][..], "closed"), (&["--allow-origin", "null"][..], "open")] {
        let url = format!("ws://127.0.0.1:{}", free_tcp_port());
        let mut command = bench.run();
        let mut running = Running::start(command.args(["--listen", &url]).args(options));
        running.wait_for("listening at");
        let page = bench.file("page.html", CONNECTING_PAGE.replace("URL", &url));
        browser.show(&page, Screen { width: 400, height: 300, scheme: "light" });
        assert_eq!(browser.evaluate("outcome"), expected, "{options:?}");
        running.interrupt();
        running.end();
    }
}

#[test]
fn a_file_is_followed_line_by_line_until_it_is_removed() {
    let bench = Bench::new();
    let path = bench.path("growing.jsonl");
    let (answers, port) = receiver();
    let mut command = bench.run();
    command.arg("--follow").arg(&path).args(["--send", &format!("udp://127.0.0.1:{port}")]);
    let mut running = Running::start(&mut command);
    running.wait_for("following");
    let mut file = File::create(&path).unwrap();
    for frame in 0..10 {
        let text = line(frame, &[(17, 1.0)]);
        let (start, rest) = text.split_at(text.len() / 2);
        file.write_all(start.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        file.write_all(rest.as_bytes()).unwrap();
        assert_eq!(receive(&answers)["frame"], frame);
    }
    file.write_all(b"{\"frame\":10,\"peo").unwrap();
    std::fs::remove_file(&path).unwrap();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("10 frames, 10 of 10 people"), "{said}");
}

/// The program that follows the file at `path` into `out`, and where its answers come.
fn followed(bench: &Bench, path: &Path, out: &Path) -> (Running, UdpSocket) {
    let (answers, port) = receiver();
    let mut command = bench.run();
    command
        .args(["--fps", "30", "--send", &format!("udp://127.0.0.1:{port}"), "--follow"])
        .arg(path)
        .arg("-o")
        .arg(out);
    let mut running = Running::start(&mut command);
    running.wait_for("following");
    (running, answers)
}

#[test]
fn a_file_that_is_begun_anew_goes_on_behind_itself_in_a_motion_file() {
    let bench = Bench::new();
    let lines = |count: usize| -> String { (0..count).map(|frame| line(frame, &[(17, 1.0)])).collect() };
    let (path, out) = (bench.file("growing.jsonl", lines(20)), bench.path("poses.trc"));
    let (running, answers) = followed(&bench, &path, &out);
    (0..20).for_each(|frame| assert_eq!(receive(&answers)["frame"], frame));
    std::fs::write(&path, lines(10)).unwrap();
    (0..10).for_each(|frame| assert_eq!(receive(&answers)["frame"], frame));
    running.interrupt();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("poses.trc: times begin anew at frame 0, which has 0 s after 0.63"), "{said}");
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text.lines().count(), 6 + 30, "{said}");
    let last = text.lines().last().unwrap().split('\t').nth(1).unwrap().parse::<f64>().unwrap();
    assert!((last - 29.0 / 30.0).abs() < 1e-3, "{last}");
}

#[test]
fn a_closed_terminal_completes_the_file_of_what_is_followed() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    if u64::from_str_radix(ignored, 16).unwrap() & 1 == 1 {
        // Under `nohup` the program outlives its terminal, as this test does.
        return;
    }
    let bench = Bench::new();
    let text: String = (0..20).map(|frame| line(frame, &[(17, 1.0)])).collect();
    let (path, out) = (bench.file("growing.jsonl", text), bench.path("poses.trc"));
    let (running, answers) = followed(&bench, &path, &out);
    for frame in 0..20 {
        assert_eq!(receive(&answers)["frame"], frame);
    }
    running.signal("-HUP");
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(std::fs::read_to_string(&out).unwrap().lines().count() > 20, "{said}");
}

#[test]
fn a_folder_is_followed_file_by_file_until_ctrl_c() {
    let bench = Bench::new();
    let folder = bench.path("openpose_json");
    std::fs::create_dir(&folder).unwrap();
    let out = bench.path("poses.jsonl");
    let (answers, port) = receiver();
    let mut command = bench.run();
    command.arg("--follow").arg(&folder).args(["--send", &format!("udp://127.0.0.1:{port}"), "-o"]).arg(&out);
    let mut running = Running::start(&mut command);
    running.wait_for("following");
    let points = (0..25).map(|joint| format!("{},{},0.9", joint + 100, joint + 50)).collect::<Vec<_>>().join(",");
    let text = format!(r#"{{"version":1.3,"people":[{{"person_id":[-1],"pose_keypoints_2d":[{points}]}}]}}"#);
    let numbers = [3, 4, 5, 9, 10];
    for number in numbers {
        let path = folder.join(format!("clip_{number:012}_keypoints.json"));
        let (start, rest) = text.split_at(40);
        std::fs::write(&path, start).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        OpenOptions::new().append(true).open(&path).unwrap().write_all(rest.as_bytes()).unwrap();
        let answer = receive(&answers);
        assert_eq!((&answer["frame"], answer["people"].as_array().unwrap().len()), (&number.into(), 1));
    }
    running.interrupt();
    let (status, said) = running.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("detected as openpose"), "{said}");
    let kept: Vec<_> = frames_of(&out).iter().map(|frame| frame["frame"].clone()).collect();
    assert_eq!(kept, numbers);
}

#[test]
fn what_cannot_be_listened_or_sent_to_is_refused() {
    let bench = Bench::new();
    for (arguments, expected) in [
        (&["--listen", "osc://127.0.0.1:9000"][..], "expected udp:// or ws://"),
        (&["--listen", "tcp://127.0.0.1:9000"], "known are osc://, udp://, ws://"),
        (&["--send", "udp://no-such-host.invalid:9000"], "the host cannot be found"),
        (&["--send", "osc://127.0.0.1:9000", "a.jsonl"], "expected a whole body"),
        (&["--send", "osc://127.0.0.1:9000/other", "a.jsonl"], "expected nothing (VMC protocol) or /tracking"),
        (&["--listen", "ws://127.0.0.1:0"], "names no host and port"),
        (&["--follow", "/nonexistent-folder/a.jsonl"], "cannot follow"),
    ] {
        bench.file("a.jsonl", line(0, &[(17, 1.0)]));
        let mut command = bench.run();
        let output = command.current_dir(bench.path("")).args(arguments).args(["a.jsonl"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

/// Times frames from datagram to datagram, and from message to message; run by hand, as no clock of a shared machine
/// is a test: `cargo test --release -p poselift --test infer live::how_long -- --ignored --nocapture`.
#[test]
#[ignore = "prints times, and asserts none"]
fn how_long_a_frame_takes() {
    const FRAMES: usize = 2000;
    let people = std::fs::read_to_string(CLIP).unwrap();
    let text = people.lines().nth(1).unwrap().to_owned();
    let (answers, port) = receiver();
    let listen = format!("udp://127.0.0.1:{}", free_udp_port());
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for protocol in ["udp", "osc"] {
        let mut command = poselift();
        command.args(["run", "--listen", &listen, "--send", &format!("{protocol}://127.0.0.1:{port}")]);
        let mut running = Running::start(&mut command);
        running.wait_for("listening at");
        sender.connect(listen.trim_start_matches("udp://")).unwrap();
        let mut bytes = vec![0; 1 << 16];
        let exchange = || {
            sender.send(text.as_bytes()).unwrap();
            answers.recv(&mut bytes).unwrap();
        };
        report(&format!("udp to {protocol}"), FRAMES, exchange);
        running.interrupt();
        running.end();
    }
    let url = format!("ws://127.0.0.1:{}", free_tcp_port());
    let mut running = Running::start(poselift().args(["run", "--listen", &url]));
    running.wait_for("listening at");
    let stream = TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut client = tungstenite::client(url.as_str(), stream).unwrap().0;
    client.send(Message::text(text.as_str())).unwrap();
    client.read().unwrap();
    client.read().unwrap();
    report("ws to ws", FRAMES, || {
        client.send(Message::text(text.as_str())).unwrap();
        client.read().unwrap();
    });
    running.interrupt();
    running.end();
}

/// Prints how long `exchange` takes, thirty times a second as a camera's frames come, and one after the other.
fn report(name: &str, count: usize, mut exchange: impl FnMut()) {
    for (pace, pause) in [("at once", Duration::ZERO), ("at 200 Hz", Duration::from_millis(5))] {
        let mut micros: Vec<f64> = (0..count)
            .map(|_| {
                std::thread::sleep(pause);
                let began = Instant::now();
                exchange();
                began.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        micros.sort_by(f64::total_cmp);
        let at = |share: f64| micros[(share * (count - 1) as f64) as usize];
        println!("{name}, {pace}: p50 {:.0} µs, p99 {:.0} µs, most {:.0} µs", at(0.5), at(0.99), at(1.0));
    }
}
