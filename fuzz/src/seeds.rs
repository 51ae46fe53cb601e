//! Seeds that a target writes itself, since no file in the repository is small enough: `run.sh` names the folder.

use std::path::PathBuf;

/// The folder that seeds are wanted in, if they are.
pub fn seeds_folder() -> Option<PathBuf> {
    std::env::var_os("POSELIFT_FUZZ_SEEDS").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
