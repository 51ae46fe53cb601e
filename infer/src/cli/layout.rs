//! `--layout`: a known layout, or a file that names joints and their places.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::skeleton::{LAYOUTS, Layout, layout_file};

/// The layout that was asked for.
#[derive(Debug, Clone)]
pub(super) struct LayoutArg {
    pub(super) layout: &'static Layout,
    /// The file that it was read from.
    file: Option<PathBuf>,
}

impl LayoutArg {
    /// The file that it was read from.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

impl FromStr for LayoutArg {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if name.ends_with(".json") {
            let file = PathBuf::from(name);
            return Ok(Self { layout: layout_file(&file)?, file: Some(file) });
        }
        Ok(Self { layout: Layout::by_name(name)?, file: None })
    }
}

/// The help of the option, with all layouts.
pub(super) fn help() -> String {
    let known: Vec<_> = LAYOUTS.iter().map(|layout| layout.name).collect();
    format!(
        "The key points' layout, over what the input says: {}, or a JSON file of joint names and places",
        known.join(", ")
    )
}
