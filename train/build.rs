//! Makes every program of this package find libtorch with no variable set: the folder it was built against becomes
//! part of its search path. Names the commit that it is built from, which exported models carry on their card.
//!
//! `libtorch.so` is named although nothing in it is called: with the CUDA build it brings in `libtorch_cuda`, which the
//! linker would drop, and then no GPU would be seen (tch-rs issues 907 and 980).

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    name_commit();
    link_libtorch();
}

/// Sets `POSELIFT_COMMIT` where the sources are a git checkout, and runs again when its head moves.
fn name_commit() {
    // Sources inside another project's checkout are not tracked there.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return;
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return };
    println!("cargo::rustc-env=POSELIFT_COMMIT={commit}");
    for name in ["HEAD", "packed-refs"] {
        path_in_repository(name).filter(|path| path.exists()).iter().for_each(|path| watch(path));
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).and_then(|branch| path_in_repository(&branch));
    // A packed branch has no file until its next commit: the folder shows when it appears. Cargo
    // would take a file that is not there for changed at each build.
    branch.iter().flat_map(|path| path.ancestors()).find(|path| path.exists()).iter().for_each(|path| watch(path));
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// Where the repository keeps `name`; a worktree shares most with its main one.
fn path_in_repository(name: &str) -> Option<PathBuf> {
    std::path::absolute(git(&["rev-parse", "--git-path", name])?).ok()
}

/// The one line that git answers with; `None` if there is no git, no repository or no answer.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let answer = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!answer.is_empty()).then_some(answer)
}

fn link_libtorch() {
    // From torch-sys, which has found libtorch by the time that this runs.
    let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") else { return };
    let lib = Path::new(&lib);
    // The newer kind of search path comes after LD_LIBRARY_PATH, so that a user can still name another copy.
    println!("cargo::rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{}", lib.display());
    println!("cargo::rustc-link-arg=-L{}", lib.display());
    println!("cargo::rustc-link-arg=-Wl,--push-state,--no-as-needed");
    println!("cargo::rustc-link-arg=-ltorch");
    if lib.join("libtorch_cuda.so").exists() {
        println!("cargo::rustc-link-arg=-ltorch_cuda");
    }
    println!("cargo::rustc-link-arg=-Wl,--pop-state");
}
