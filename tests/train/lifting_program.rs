//! The program `poselift`, which cargo builds for its own package's tests but not for those of `poselift-train`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// The program, from the folder that this test was built into.
///
/// `cargo test --workspace` has built it; after `cargo test -p poselift-train` it may be missing or old, and is built
/// now.
pub(crate) fn poselift() -> Command {
    let test = std::env::current_exe().unwrap();
    // <target>/<profile>/deps/<test>
    let profile = test.ancestors().nth(2).unwrap();
    let program = profile.join("poselift").with_extension(std::env::consts::EXE_EXTENSION);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infer/src");
    let is_current =
        modified(&program).is_some_and(|built| newest_below(&sources).is_some_and(|source| source <= built));
    if !is_current {
        build(profile);
    }
    Command::new(program)
}

fn build(profile: &Path) {
    let name = profile.file_name().unwrap().to_str().unwrap();
    let name = if name == "debug" { "dev" } else { name };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "poselift", "--bin", "poselift", "--profile", name]);
    let status = cargo.arg("--target-dir").arg(profile.parent().unwrap()).status().unwrap();
    assert!(status.success(), "poselift could not be built");
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// When the newest file under `folder` was written.
fn newest_below(folder: &Path) -> Option<SystemTime> {
    let entries: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.iter().filter_map(|path| if path.is_dir() { newest_below(path) } else { modified(path) }).max()
}
