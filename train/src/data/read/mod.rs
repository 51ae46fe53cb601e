//! Readers of the files that hold motion and pairs.
//!
//! `mocap` walks a folder and hands each take to its reader: `bvh`, `acclaim` (asf and amc), `arrays` (npy, npz, h5 of
//! joints), `ui_prmd`. `archive` is our own file of clips, `pairs` the file of paired arrays.

pub mod acclaim;
pub mod archive;
pub mod arrays;
pub mod bvh;
mod lines;
pub mod mocap;
pub(super) mod pairs;
pub mod ui_prmd;
