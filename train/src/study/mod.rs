//! Experiments on networks and models, and their reports: `sweep` compares networks, `robustness` and `frontier`
//! compare finished models, `report` reads one run.

pub mod frontier;
pub mod report;
pub mod robustness;
pub mod sweep;
