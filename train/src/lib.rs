//! Fits 2D-to-3D lifting networks and exports them as self-contained ONNX.

pub mod chart;
pub mod cli;
pub mod config;
pub mod data;
pub mod dataset;
mod evaluate;
pub mod export;
pub mod features;
pub mod fit;
mod median;
pub mod memory;
pub mod net;
pub mod openmp;
pub mod output;
pub mod study;
pub mod trained;
pub mod unfold;
pub mod verify;
pub mod views;
