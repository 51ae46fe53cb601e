//! How long libtorch's threads spin between two loops, told to its OpenMP runtime before that starts.
//!
//! A thread of libgomp that has done its share spins for a few hundred thousand turns before it sleeps. Where another
//! program wants the cores, it spins in the time of the very thread that all wait for: two threads on two busy cores
//! fitted 135 samples/s, and 1,540 with a short spin. libgomp reads its variables while it is being loaded, before
//! `main`, so that only a new start of the program can set them.

/// How many turns a waiting thread spins: some microseconds, about what waking it takes.
pub const SPIN_COUNT: &str = "2000";

/// The variable of libgomp that holds it.
pub const SPIN_VARIABLE: &str = "GOMP_SPINCOUNT";

/// Starts this program again in its own place with [`SPIN_VARIABLE`] set, and does not return.
///
/// It returns, with nothing changed, where `GOMP_SPINCOUNT` or `OMP_WAIT_POLICY` is set, by the user or by the first
/// start, and where the program cannot be started again, which is said on stderr.
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
