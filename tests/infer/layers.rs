//! The layers of `infer`: a room names only rooms below it, and only `model` names ONNX Runtime.
#![allow(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::path::Path;

use crate::arrows::{House, Source, files_naming, names_under, sources};

const HOUSE: House = House {
    rows: &[
        &["error", "median", "only_one"],
        &["pose", "thread"],
        &["skeleton"],
        &["camera"],
        &["format"],
        &["smooth", "track"],
        &["place"],
        &["export", "guard"],
        &["live"],
        &["model"],
        &["metric"],
        &["lift"],
        &["stream"],
        &["view"],
        &["output"],
        &["cli"],
    ],
};

fn infer() -> Vec<Source> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn file(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn rooms_name_only_lower_rooms() {
    let violations = HOUSE.violations(&infer());
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn rooms_of_the_server_name_only_lower_rooms() {
    let house = House {
        rows: &[
            &["failure"],
            &["tensor"],
            &["model"],
            &["models"],
            &["folder", "metrics", "stall", "tls", "traces"],
            &["options", "statistics"],
            &["streams"],
            &["inference"],
            &["rest"],
            &["gate", "grpc", "websocket"],
            &["listen"],
            &["server"],
        ],
    };
    let violations = house.violations(&sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../serve/src")));
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn only_one_room_names_onnx_runtime() {
    let sources = infer();
    let outside: Vec<&str> =
        files_naming("ort", &sources).into_iter().filter(|path| !path.starts_with("model/ort/")).collect();
    assert!(outside.is_empty(), "`ort` is named outside model/ort/: {outside:?}");
}

#[test]
fn the_check_sees_each_way_of_naming_a_higher_room() {
    let ways = [
        ("pose.rs", "use crate::cli::run;"),
        ("pose.rs", "use crate::{error::Error, cli};"),
        ("pose.rs", "fn f() -> super::view::Page { todo() }"),
        ("format/jsonl.rs", "use super::super::view;"),
        ("format/mod.rs", "use super::{error, view::Page};"),
        ("format/jsonl.rs", "mod tests { use super::super::super::cli; }"),
        ("model/session.rs", "/* r */ let s = \"crate::error\"; crate::lift::f('\"')"),
        ("format/mod.rs", "use crate::Lifter;"),
        ("unheard_of.rs", ""),
        ("error.rs", "use crate::nowhere;"),
    ];
    for (path, text) in ways {
        let sources = [file("lib.rs", "pub mod lift; pub use lift::{Lifter};"), file(path, text)];
        assert_eq!(HOUSE.violations(&sources).len(), 1, "{path}: {text}: {:?}", HOUSE.violations(&sources));
    }
}

#[test]
fn the_check_lets_the_allowed_ways_pass() {
    let ways = [
        ("cli/run.rs", "use crate::{lift::{self, Lifter}, view}; use super::report;"),
        ("format/jsonl.rs", "use super::Reader; mod tests { use super::super::Reader; use super::*; }"),
        ("pose.rs", "// crate::cli\n/* crate::cli /* */ */ const A: &str = r#\"crate::cli\"#; fn f<'a>(x: &'a str) {}"),
        ("lift.rs", "use crate::Error;"),
        ("main.rs", "use poselift::cli;"),
    ];
    for (path, text) in ways {
        let sources = [file("lib.rs", "pub use error::{Error, Result};"), file(path, text)];
        assert_eq!(HOUSE.violations(&sources), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn the_check_sees_a_foreign_crate() {
    let named = ["use ort::session::Session;", "fn f(x: ort::Error) {}", "extern crate ort;", "use ort;"];
    let not_named = ["let ort = 1;", "use crate::ort::x;", "// ort::Error", "fn export() { sort::f() }"];
    for text in named {
        assert_eq!(files_naming("ort", &[file("lift.rs", text)]), ["lift.rs"], "{text}");
    }
    for text in not_named {
        assert!(files_naming("ort", &[file("lift.rs", text)]).is_empty(), "{text}");
    }
    assert_eq!(names_under("poselift", &file("fit.rs", "use poselift::{cli, pose::Pose};")), ["cli", "pose"]);
}
