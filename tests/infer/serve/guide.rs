//! What the documents say of `poselift serve`, run as it stands there: each command, and the Python of the guide.

use std::path::Path;
use std::process::Command;

use super::{Serving, person, python};
use crate::documentation::{DOCUMENTS, commands};
use crate::program::{Bench, poselift};
use crate::small_model::SmallModel;

/// The address in the documents: that of a server without options.
const ADDRESS: &str = "127.0.0.1:8000";

/// Files that the commands name.
fn furnish(bench: &Bench) {
    let models = bench.path("models");
    std::fs::create_dir(&models).unwrap();
    std::fs::write(models.join("coco17.onnx"), SmallModel::default().to_bytes()).unwrap();
    bench.file("tokens.txt", "a-token\n");
    bench.file("request.json", person(300.0).to_string());
}

/// Starts a server as `line` says, at a port that is free.
fn start(line: &str, folder: &Path) -> Serving {
    let words = line.split('#').next().unwrap().split_whitespace().skip(1);
    let words = words.map(|word| if word.ends_with(":8000") { "127.0.0.1:0" } else { word });
    Serving::start_with(poselift().args(words).current_dir(folder))
}

/// The Python blocks of the guide that talk to a server.
fn blocks() -> Vec<String> {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide.md")).unwrap();
    let blocks = guide.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| block.contains(ADDRESS)).collect()
}

#[test]
fn the_documents_lines_about_the_server_run() {
    let bench = Bench::new();
    furnish(&bench);
    let folder = bench.path("");
    let lines: Vec<String> = DOCUMENTS.iter().flat_map(|document| commands(document)).collect();
    let (servers, asking): (Vec<&String>, Vec<&String>) = lines
        .iter()
        .filter(|line| line.starts_with("poselift serve") || line.starts_with("curl "))
        .partition(|line| line.starts_with("poselift"));
    assert!(servers.len() >= 2 && asking.len() >= 2, "{lines:?}");
    for line in servers {
        start(line, &folder).end();
    }
    let server = start("poselift serve", &folder);
    let run = |command: &mut Command, what: &str| {
        let output = command.current_dir(&folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    for line in asking {
        let answer = run(Command::new("sh").arg("-c").arg(line.replace(ADDRESS, &server.address)), line);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{line}\n{answer}"));
        assert!(answer.get("error").is_none() && answer.get("outputs").is_some(), "{line}\n{answer}");
    }
    let Some(python) = python() else { return };
    let blocks = blocks();
    assert!(blocks.len() >= 2, "{blocks:?}");
    for block in blocks {
        // What the guide leaves to the reader: a detector, as frames of people's key points.
        let script = format!(
            "detector = [[[600.0 + 9 * joint, 40.0 * joint, 0.9] for joint in range(17)]] * 3\n{block}\nprint(poses)\n"
        );
        let answer = run(Command::new(&python).arg("-c").arg(script.replace(ADDRESS, &server.address)), &block);
        assert!(!answer.trim().is_empty() && !answer.contains("error"), "{block}\n{answer}");
    }
    server.end();
}
