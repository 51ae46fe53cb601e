//! Poses to look at: a page that needs only a browser.

mod data;
mod page;

pub use data::PageInfo;
pub use page::PageWriter;
