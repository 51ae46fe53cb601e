//! The native half of the Python package `poselift`.
//!
//! Python has the classes that users see (`python/poselift/`), with their documentation; this half has what computes:
//! arrays are taken and given without a copy where memory allows, and the GIL is released while poses are lifted and
//! files are read and written. A room a kind of work:
//!
//! - `lifter`: arrays of key points to arrays of poses; `points` makes them the network's.
//! - `live`: a stream whose frames are pushed one by one.
//! - `clip`: whole clips as arrays, to and from the library's frames; `memory` reads and writes them.
//! - `files`: reading, writing, converting and looking at files.
//! - `measure`: the metrics.
//! - `network`: the network that threads share; `interrupt`: Ctrl-C while it runs.
//! - `program`: the command line.

mod camera;
mod clip;
mod error;
mod files;
mod guarded;
mod interrupt;
mod layout;
mod lifter;
mod live;
mod measure;
mod memory;
mod network;
mod points;
mod program;

use pyo3::prelude::*;

/// The module `poselift._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::camera::Camera;
    #[pymodule_export]
    use crate::files::{convert, layouts, page, read_keypoints, read_poses, write};
    #[pymodule_export]
    use crate::guarded::{are_plain, check_numbers, guard_clip, guard_rows};
    #[pymodule_export]
    use crate::layout::layout_names;
    #[pymodule_export]
    use crate::lifter::{Lifter, check_threads};
    #[pymodule_export]
    use crate::live::{Stream, smooth};
    #[pymodule_export]
    use crate::measure::{agreement, score, steadiness};
    #[pymodule_export]
    use crate::program::{run_program, set_host};

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
