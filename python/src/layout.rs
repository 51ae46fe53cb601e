//! Layouts as Python names them: a name, a file of joint names and places, or the joints' names in order.

use std::path::Path;

use poselift::skeleton::{Conversion, LAYOUTS, Layout, layout_file, named_layout};
use pyo3::prelude::*;

use crate::error::Answer;

/// What is given as `layout`.
#[derive(FromPyObject)]
pub(crate) enum LayoutName {
    /// `coco17`, or a JSON file.
    #[pyo3(transparent)]
    Name(String),
    /// `[J]` joint names.
    #[pyo3(transparent)]
    Joints(Vec<String>),
}

impl LayoutName {
    /// The layout.
    ///
    /// # Errors
    /// A name that is not known, a file that is no layout, or names that are none.
    pub(crate) fn layout(&self) -> Answer<&'static Layout> {
        Ok(match self {
            Self::Name(name) if name.ends_with(".json") => layout_file(Path::new(name))?,
            Self::Name(name) => Layout::by_name(name)?,
            Self::Joints(names) => named_layout(names)?,
        })
    }
}

/// The name of a layout, and its joints'.
#[pyfunction]
pub(crate) fn layout_names(layout: LayoutName) -> PyResult<(&'static str, Vec<&'static str>)> {
    let layout = layout.layout()?;
    Ok((layout.name, layout.joints.to_vec()))
}

/// The layout of an optional name.
pub(crate) fn layout(name: Option<&LayoutName>) -> Answer<Option<&'static Layout>> {
    name.map(LayoutName::layout).transpose()
}

/// The layout of people with `points` key points, where none is named: the most common one of those that hold all `joints`,
/// but for points of feet.
pub(crate) fn usual(points: usize, joints: &[String]) -> Option<&'static Layout> {
    LAYOUTS.into_iter().find(|layout| layout.len() == points && Conversion::new(layout, joints).is_ok())
}
