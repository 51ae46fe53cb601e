//! The program `poselift-train` restarts itself so that libtorch's threads do not spin for long.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up should fail")]
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use poselift_train::openmp::{SPIN_COUNT, SPIN_VARIABLE};

/// A run that lasts until it is stopped, started with none of OpenMP's variables except `set`.
struct Run(Child);

impl Run {
    fn start(out: &Path, set: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
        command.env_remove(SPIN_VARIABLE).env_remove("OMP_WAIT_POLICY").envs(set.iter().copied());
        command.args(["fit", "--data", "synthetic:3000", "--hidden", "16", "--epochs", "100000", "--device", "cpu"]);
        command.arg("--out").arg(out).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// The spin count in the environment of the program that has begun to fit.
    fn spin_count(&mut self, out: &Path) -> Option<String> {
        let started = Instant::now();
        while !out.join("config.json").exists() {
            assert!(started.elapsed() < Duration::from_secs(120), "the run did not begin");
            assert!(self.0.try_wait().unwrap().is_none(), "the run ended before it began to fit");
            std::thread::sleep(Duration::from_millis(5));
        }
        let environment = std::fs::read(format!("/proc/{}/environ", self.0.id())).unwrap();
        let variables = String::from_utf8_lossy(&environment);
        let mut values = variables.split('\0').filter_map(|variable| variable.split_once('='));
        values.find(|(name, _)| *name == SPIN_VARIABLE).map(|(_, value)| value.to_owned())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended by itself if a test has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn threads_spin_shortly_unless_the_user_has_chosen() {
    for (set, expected) in
        [(&[][..], Some(SPIN_COUNT)), (&[(SPIN_VARIABLE, "7")], Some("7")), (&[("OMP_WAIT_POLICY", "active")], None)]
    {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let found = Run::start(&out, set).spin_count(&out);
        assert_eq!(found.as_deref(), expected, "{set:?}");
    }
}

#[test]
fn arguments_output_and_exit_code_pass_through() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poselift-train"));
    command.env_remove(SPIN_VARIABLE).env_remove("OMP_WAIT_POLICY");
    let output = command.args(["fit", "--data", "no where.npz", "--out", "unused"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("poselift-train: error: no where.npz"), "{said}");
}
