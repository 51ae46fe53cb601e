//! All tests of `poselift-train` that can share a process: one program to link with libtorch instead of one per file.
//!
//! Separate is `openmp`, which checks how the threads of a process wait.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

#[path = "../arrows.rs"]
mod arrows;
mod chart;
mod data_import;
mod data_mocap;
mod degenerate;
mod export;
mod fit;
mod fold;
mod init;
mod kernels;
mod layers;
mod lifting_program;
mod memory;
mod precision;
mod python;
mod random_lifter;
#[path = "../skips.rs"]
mod skips;
mod sweep;
mod tensorboard;
mod trainers;
mod verify;
