//! Poses as any file: from a name to the writer of its format, with the axes, the unit and the size of people that are
//! asked for on the way.
//!
//! The program and other languages write through here; what they are asked for is a [`Form`], what they write into an
//! [`OutputFormat`].

mod copy;
mod create;
mod form;
mod format;
mod page_notes;

pub use copy::{Copied, NO_CONTACTS, copy_poses};
pub use create::{Described, check, create};
pub use form::Form;
pub use format::{OutputFormat, known_names};
pub use page_notes::PageNotes;
