//! The layers of `train`; few files name libtorch; nothing here depends on modules above the lifter.
#![allow(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::path::Path;

use crate::arrows::{House, Source, files_naming, names_under, sources};

const HOUSE: House = House {
    rows: &[
        &["config", "median", "openmp", "output"],
        &["trained"],
        &["data", "unfold"],
        &["net", "views"],
        &["features"],
        &["dataset"],
        &["fit"],
        &["export"],
        &["verify"],
        &["evaluate", "memory"],
        &["chart"],
        &["study"],
        &["cli"],
    ],
};

/// Files that may name libtorch: those that compute with it, not those that only pass numbers on.
const NAMES_TCH: &[&str] = &["views", "net", "features", "dataset", "fit", "verify", "memory"];

fn train() -> Vec<Source> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// True for a file of the room or the file that `entry` names.
fn belongs(path: &str, entry: &str) -> bool {
    path == entry || path.strip_prefix(entry).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[test]
fn rooms_name_only_lower_rooms() {
    let violations = HOUSE.violations(&train());
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn few_files_name_libtorch() {
    let sources = train();
    let allowed = |path: &str| NAMES_TCH.iter().any(|entry| belongs(path, entry));
    let outside: Vec<&str> = files_naming("tch", &sources).into_iter().filter(|path| !allowed(path)).collect();
    assert!(outside.is_empty(), "`tch` is named in {outside:?}, allowed are {NAMES_TCH:?}");
}

#[test]
fn the_pages_and_the_program_of_infer_are_not_leaned_on() {
    for source in train() {
        let above: Vec<String> =
            names_under("poselift", &source).into_iter().filter(|name| name == "view" || name == "cli").collect();
        assert!(above.is_empty(), "{} names {above:?} of `poselift`", source.path);
    }
}

#[test]
fn the_check_of_libtorch_knows_a_room_from_its_namesakes() {
    assert!(belongs("net/kernel.rs", "net") && belongs("net.rs", "net") && belongs("views/mod.rs", "views"));
    assert!(!belongs("network.rs", "net") && !belongs("data/bvh.rs", "views/mod.rs"));
}
