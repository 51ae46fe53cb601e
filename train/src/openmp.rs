//! Sets how long libtorch's threads spin between two loops, before its OpenMP runtime starts.
//!
//! A thread of libgomp that has finished its share spins for a few hundred thousand turns before it sleeps. If
//! another program needs the cores, it takes time from the very thread that all wait for: two threads on two busy
//! cores fitted 135 samples/s, and 1,540 with a short spin. libgomp reads its variables while it is loaded, before
//! `main`, so only a restart of the program can set them.

/// Turns that a waiting thread spins: a few microseconds, about the time that waking a thread takes.
pub const SPIN_COUNT: &str = "2000";

/// The environment variable of libgomp for the number of turns.
pub const SPIN_VARIABLE: &str = "GOMP_SPINCOUNT";

/// Replaces this process by a new start of the program with [`SPIN_VARIABLE`] set, and does not return.
///
/// It returns, with nothing changed, if `GOMP_SPINCOUNT` or `OMP_WAIT_POLICY` is set, by the user or by the first
/// start, and if the program cannot be started again, which is reported on stderr.
#[cfg(target_os = "linux")]
pub fn restart_with_short_spin() {
    use std::os::unix::process::CommandExt;

    if [SPIN_VARIABLE, "OMP_WAIT_POLICY"].iter().any(|variable| std::env::var_os(variable).is_some()) {
        return;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let cause = match std::env::current_exe() {
        Ok(program) => {
            let mut again = std::process::Command::new(program);
            again.arg0(name).args(arguments).env(SPIN_VARIABLE, SPIN_COUNT).exec()
        }
        Err(cause) => cause,
    };
    eprintln!(
        "poselift-train: note: could not start again with {SPIN_VARIABLE}={SPIN_COUNT} ({cause}); fitting may be slow \
         while other programs are busy"
    );
}

/// Does nothing: libtorch has another OpenMP runtime here.
#[cfg(not(target_os = "linux"))]
pub fn restart_with_short_spin() {}
