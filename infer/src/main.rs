//! The program `poselift`: everything is in [`poselift::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    poselift::cli::main()
}
