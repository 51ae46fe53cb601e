//! Fits 2D-to-3D lifting networks and exports them as self-contained ONNX.

pub mod config;
pub mod data;
mod evaluate;
pub mod export;
pub mod history;
pub mod trained;
pub mod verify;
