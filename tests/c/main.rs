//! All tests of `poselift-c` that look at it from outside: the header, what callers get wrong, threads, and programs in C,
//! C++ and C#.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing shall fail")]

mod boundary;
mod examples;
mod header;
mod library;
#[path = "../skips.rs"]
mod skips;
