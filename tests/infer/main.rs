//! All tests of `poselift` that can share a process: one program to link instead of one per file.
//!
//! Two are separate: `allocations`, which counts every allocation of its process, and `start`, which observes it from
//! outside.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

#[path = "../arrows.rs"]
mod arrows;
mod bad_model;
mod bench;
mod browser;
mod cameras;
mod cases;
mod chromium;
mod documentation;
mod eval;
mod exports;
mod feet;
mod formats;
mod info;
mod judges;
mod kept;
mod layers;
mod live;
mod losses;
mod memory;
mod model_faults;
mod odd_streams;
mod order;
mod page;
mod program;
mod push;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod small_model;
mod subject;
mod truth;
mod view;
