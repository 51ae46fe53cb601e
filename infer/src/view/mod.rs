//! Poses to look at: a page that needs only a browser, and figures for papers.

mod angles;
mod data;
#[cfg(feature = "figures")]
pub mod figure;
mod page;
mod rows;

pub use data::{PageInfo, PoseSet};
pub use page::PageWriter;
