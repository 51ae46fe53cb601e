//! What tests need that may not be here, and when a test may do without: the data beside the workspace, and tools.
#![allow(dead_code, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};

/// A file or folder of the shared data: in the folder that `POSELIFT_SHARED` names, else in `shared` beside the workspace.
/// `None`, with a printed line, if it is absent, as in a fresh clone.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    // Every crate is a folder of the workspace.
    let beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).to_path_buf();
    let root = std::env::var_os("POSELIFT_SHARED").map_or(beside, PathBuf::from);
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    match std::env::var_os("POSELIFT_SHARED") {
        // A folder that was named has to be the right one.
        Some(_) => skip(&format!("{} is not there", found.display())),
        None => println!("skipped: {} is not there", found.display()),
    }
    None
}

/// Prints that a part of a test is skipped because something is missing; a failure unless `POSELIFT_ALLOW_SKIPS=1`
/// allows it.
pub(crate) fn skip(cause: &str) {
    skip_kind("1", cause);
}

/// As [`skip`], where `POSELIFT_ALLOW_SKIPS` may also name this `kind` of tests, among others (CONTRIBUTING.md).
pub(crate) fn skip_kind(kind: &str, cause: &str) {
    let allowed = std::env::var("POSELIFT_ALLOW_SKIPS").unwrap_or_default();
    let is_allowed = allowed.split(',').any(|allowed| allowed == "1" || allowed == kind);
    assert!(is_allowed, "{cause}; POSELIFT_ALLOW_SKIPS={kind} skips what needs it");
    println!("skipped: {cause}");
}
