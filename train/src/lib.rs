//! Fits 2D-to-3D lifting networks and exports them as self-contained ONNX.

pub mod chart;
pub mod cli;
pub mod config;
pub mod data;
pub mod history;
pub mod report;
pub mod sweep;
pub mod trained;
