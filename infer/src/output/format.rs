//! The formats that poses are written in, by name and by extension.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::export::Export;
use crate::format::{Format, Target};

/// The format that is written: a 3D stream, or a page to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// Poses for programs.
    Stream(Format),
    /// Poses for eyes.
    Page,
    /// Poses for other programs.
    Export(Export),
}

impl FromStr for OutputFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if name == "html" {
            return Ok(Self::Page);
        }
        match Export::by_name(name) {
            Some(export) => Ok(Self::Export(export)),
            None => name.parse().map(Self::Stream).map_err(|_| {
                Error::usage(format!("unknown format '{name}', expected one of {}", known_names("").join(", ")))
            }),
        }
    }
}

impl OutputFormat {
    /// Our own stream format.
    pub const JSON_LINES: Self = Self::Stream(Format::JsonLines);

    /// The format of a target; `None` where neither `to` nor the extension names one.
    pub fn of(target: &Target, to: Option<Self>) -> Option<Self> {
        match target {
            Target::Stdout => Some(to.unwrap_or(Self::JSON_LINES)),
            Target::File(path) => to.or_else(|| Self::by_extension(path)),
        }
    }

    fn by_extension(path: &Path) -> Option<Self> {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("html") => Some(Self::Page),
            _ => Format::by_extension(path).map(Self::Stream).or_else(|| Export::by_extension(path).map(Self::Export)),
        }
    }

    /// The extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Stream(format) => format.name(),
            Self::Page => "html",
            Self::Export(export) => export.extension(),
        }
    }
}

/// The names of all formats, each behind `start`.
pub fn known_names(start: &str) -> Vec<String> {
    let streams = Format::ALL.map(Format::name);
    let exports = Export::ALL.map(Export::name);
    streams.into_iter().chain(exports).chain(["html"]).map(|name| format!("{start}{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_option_then_by_extension() {
        let of = |path: &str, to| OutputFormat::of(&Target::File(path.into()), to);
        assert_eq!(of("poses.HTML", None), Some(OutputFormat::Page));
        assert_eq!(of("poses.npz", None), Some(OutputFormat::Stream(Format::Npz)));
        assert_eq!(of("poses.npz", Some(OutputFormat::Page)), Some(OutputFormat::Page));
        assert_eq!(of("poses.xyz", None), None);
        assert!("xyz".parse::<OutputFormat>().is_err());
    }
}
