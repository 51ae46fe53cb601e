//! The formats of 3D streams, by name and by extension.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A format that 3D streams are written and read back in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// One frame a line, every person in it; the only one that can be piped out.
    JsonLines,
    /// One NumPy array, `[T, J, 2 or 3]`: one person.
    Npy,
    /// A zip archive of NumPy arrays.
    Npz,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::JsonLines, Self::Npy, Self::Npz];

    /// The name used in options, `jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Npy => "npy",
            Self::Npz => "npz",
        }
    }

    /// The format that a file's extension promises: `.jsonl`, `.ndjson`, `.npy`, `.npz`.
    pub fn by_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::usage(format!("unknown format '{name}', expected one of {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(format.name().parse::<Format>().unwrap(), format);
            assert_eq!(Format::by_extension(Path::new(&format!("a.b/clip.{format}"))), Some(format));
        }
        assert_eq!(
            "csv".parse::<Format>().unwrap_err().to_string(),
            "unknown format 'csv', expected one of jsonl, npy, npz"
        );
        assert_eq!(Format::by_extension(Path::new("CLIP.NPY")), Some(Format::Npy));
        assert_eq!(Format::by_extension(Path::new("npy")), None);
    }
}
