//! Poses to look at: a page that needs only a browser.

mod data;
mod page;
mod rows;

pub use data::{PageInfo, PoseSet};
pub use page::PageWriter;
