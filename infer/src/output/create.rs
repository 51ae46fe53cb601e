//! The writer of one target in any format.

use super::format::{OutputFormat, known_names};
use super::page_notes::{NotedPage, PageNotes};
use crate::error::{Error, Result};
use crate::export::{ExportOptions, Tell, check_export, create_export};
use crate::format::{Extras, PoseInfo, PoseWriter, Target, check_target, continued_lines, create_writer};
use crate::skeleton::Layout;
use crate::view::{PageInfo, PageWriter, PoseSet};

/// The description of an output and its poses.
#[derive(Debug, Clone)]
pub struct Described {
    /// A page's title.
    pub title: String,
    /// The header of the stream.
    pub poses: PoseInfo,
    /// The layout of the key points that a page draws, if it is known.
    pub layout: Option<&'static Layout>,
    /// The device, in words.
    pub device: String,
    /// Notes of a page on what was assumed.
    pub notes: PageNotes,
    /// The extras that are written of each person beside joints.
    pub extras: Extras,
    /// Whether gravity is known, so that up is up.
    pub is_upright: bool,
    /// Rows a second of motion files that the user names; else they follow the stream.
    pub rate: Option<f64>,
    /// Whether its header stands on stdout already, as that of the input before it.
    pub goes_on: bool,
}

/// The format in which [`create`] would write `target`, without touching it.
///
/// # Errors
/// A target in no known format, or without room for what is to be written.
pub fn check(target: &Target, to: Option<OutputFormat>, extras: Extras) -> Result<OutputFormat> {
    match (OutputFormat::of(target, to), target) {
        (Some(OutputFormat::Page), Target::Stdout) => {
            Err(Error::usage("a page cannot be written to a pipe").hint("name a file: -o poses.html"))
        }
        (Some(OutputFormat::Stream(format)), _) => check_target(target, Some(format), extras).map(OutputFormat::Stream),
        (Some(OutputFormat::Page), Target::File(_)) => Ok(OutputFormat::Page),
        (Some(OutputFormat::Export(export)), _) => check_export(target, export).map(|()| OutputFormat::Export(export)),
        (None, _) => Err(unknown_format(target)),
    }
}

/// Why `target` cannot be written, and what helps.
fn unknown_format(target: &Target) -> Error {
    let extension = target.name().extension().unwrap_or_default().to_ascii_lowercase();
    let hint = match extension.to_str() {
        Some("svg" | "png" | "gif") => "poses are drawn by poselift view: --svg, --png or --gif".to_owned(),
        _ => format!("known are {}; or say it with --to FORMAT", known_extensions().join(", ")),
    };
    Error::usage("its extension names no format").at(target.name()).hint(hint)
}

/// The names of formats that are extensions of their files too, each behind a dot.
fn known_extensions() -> Vec<String> {
    let mut names = known_names(".");
    names.retain(|name| OutputFormat::of(&Target::File(format!("x{name}").into()), None).is_some());
    names
}

/// Creates the writer of `target` in `format`, which [`check`] gave; an existing file is replaced at once. `tell` hears what is done with
/// frames that a motion file has no rows for as they come.
///
/// # Errors
/// A target that cannot be made.
pub fn create(target: &Target, format: OutputFormat, described: &Described, tell: Tell) -> Result<Box<dyn PoseWriter>> {
    let Described { title, poses, layout, device, notes, extras, is_upright, rate, goes_on } = described;
    match (format, target) {
        (OutputFormat::Stream(_), Target::Stdout) if *goes_on => {
            Ok(continued_lines(std::io::stdout(), poses, target.name(), *extras))
        }
        (OutputFormat::Stream(format), target) => create_writer(target, Some(format), poses, *extras),
        (OutputFormat::Export(export), target) => {
            let options = ExportOptions { is_upright: *is_upright, rate: *rate, goes_on: *goes_on, tell };
            create_export(target, export, poses, *extras, options)
        }
        (OutputFormat::Page, Target::File(path)) => {
            let sets = [PoseSet { name: title, poses, device }];
            let page = PageInfo { title, sets: &sets, layout: *layout, notes: &[] };
            Ok(Box::new(NotedPage::new(PageWriter::create(path, &page)?, notes.clone())))
        }
        (OutputFormat::Page, Target::Stdout) => unreachable!("`check` refuses a page for stdout"),
    }
}
