//! From `-o OUT` and `--to` to one target a source, never one of the sources themselves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::format::{Format, PoseWriter, Source, Target, create_writer};
use crate::view::{PageInfo, PageWriter};

/// What is written: a 3D stream, or a page to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// Poses for programs.
    Stream(Format),
    /// Poses for eyes.
    Page,
}

impl FromStr for OutputFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        if name == "html" { Ok(Self::Page) } else { name.parse().map(Self::Stream) }
    }
}

impl OutputFormat {
    fn of(target: &Target, to: Option<Self>) -> Option<Self> {
        let by_extension = |path: &Path| match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("html") => Some(Self::Page),
            _ => Format::by_extension(path).map(Self::Stream),
        };
        match target {
            Target::Stdout => Some(to.unwrap_or(Self::Stream(Format::JsonLines))),
            Target::File(path) => to.or_else(|| by_extension(path)),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Stream(format) => format.name(),
            Self::Page => "html",
        }
    }
}

/// Whether the output is a page, which wants to know the 2D layout before its first frame.
pub(crate) fn is_page(target: &Target, to: Option<OutputFormat>) -> bool {
    OutputFormat::of(target, to) == Some(OutputFormat::Page)
}

/// The target of each source: stdout without `out`; `out` itself for one source; else a file in the folder `out`
/// (made if it is not there), named after the source.
///
/// # Errors
/// A target that is one of the sources, or that two sources share; a folder that cannot be made.
pub(crate) fn targets(sources: &[Source], out: Option<&Path>, to: Option<OutputFormat>) -> Result<Vec<Target>> {
    let Some(out) = out.filter(|out| out.as_os_str() != "-") else {
        return Ok(vec![Target::Stdout; sources.len()]);
    };
    let targets: Vec<PathBuf> = if sources.len() == 1 && !out.is_dir() {
        vec![out.to_path_buf()]
    } else {
        std::fs::create_dir_all(out).map_err(|error| Error::io("cannot make the folder", out, error))?;
        let extension = to.unwrap_or(OutputFormat::Stream(Format::JsonLines)).extension();
        sources.iter().map(|source| out.join(stem(source)).with_added_extension(extension)).collect()
    };
    let inputs: HashSet<_> = sources.iter().filter_map(|source| source.name().canonicalize().ok()).collect();
    let mut taken = HashSet::new();
    for target in &targets {
        if target.canonicalize().is_ok_and(|path| inputs.contains(&path)) {
            return Err(Error::usage("is an INPUT and would be overwritten").at(target).hint("give another -o OUT"));
        }
        if !taken.insert(target) {
            return Err(Error::usage("two inputs would be written to this file").at(target));
        }
    }
    Ok(targets.into_iter().map(Target::File).collect())
}

fn stem(source: &Source) -> PathBuf {
    match source {
        Source::Stdin => "stdin".into(),
        Source::File(path) => path.file_stem().unwrap_or(path.as_os_str()).into(),
    }
}

/// Creates the writer for one target; `page` holds what a page says, and what a stream does. With `sigma` each
/// person's is written too.
///
/// # Errors
/// A target that cannot be made, is in no known format, or has no room for what is to be written.
pub(crate) fn create(
    target: &Target,
    to: Option<OutputFormat>,
    page: &PageInfo<'_>,
    sigma: bool,
) -> Result<Box<dyn PoseWriter>> {
    match (OutputFormat::of(target, to), target) {
        (Some(OutputFormat::Page), Target::File(path)) if sigma => {
            Err(Error::usage("a page does not show sigma").at(path).hint("write .jsonl or .npz"))
        }
        (Some(OutputFormat::Page), Target::File(path)) => Ok(Box::new(PageWriter::create(path, page)?)),
        (Some(OutputFormat::Page), Target::Stdout) => {
            Err(Error::usage("a page cannot be written to a pipe").hint("name a file: -o poses.html"))
        }
        (Some(OutputFormat::Stream(format)), _) => create_writer(target, Some(format), page.poses, sigma),
        (None, _) => {
            let known = Format::ALL.map(|format| format!(".{format}")).join(", ");
            Err(Error::usage("its extension names no format")
                .at(target.name())
                .hint(format!("known are {known} and .html; or say it with --to FORMAT")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use super::*;

    fn files(paths: &[PathBuf]) -> Vec<Source> {
        paths.iter().cloned().map(Source::File).collect()
    }

    #[test]
    fn one_source_gets_the_file_and_several_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/poses");
        let one = targets(&[Source::Stdin], Some(&folder.path().join("p.npy")), None).unwrap();
        assert_eq!(one, [Target::File(folder.path().join("p.npy"))]);
        let sources = files(&["x/a.v2.jsonl".into(), "b.npy".into()]);
        let several = targets(&sources, Some(&out), Some(OutputFormat::Page)).unwrap();
        assert_eq!(several, [Target::File(out.join("a.v2.html")), Target::File(out.join("b.html"))]);
        assert!(out.is_dir());
        assert_eq!(targets(&sources, None, None).unwrap(), [Target::Stdout, Target::Stdout]);
        assert_eq!(targets(&sources, Some(Path::new("-")), None).unwrap(), [Target::Stdout, Target::Stdout]);
    }

    #[test]
    fn no_input_is_overwritten_and_no_output_shared() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("clip.jsonl");
        std::fs::write(&input, "").unwrap();
        let refused = |sources: &[Source], out: &Path| targets(sources, Some(out), None).unwrap_err().to_string();
        assert!(refused(&files(std::slice::from_ref(&input)), &input).contains("would be overwritten"));
        assert!(refused(&files(&[input]), folder.path()).contains("would be overwritten"));
        let out = folder.path().join("out");
        assert!(refused(&files(&["a/clip.jsonl".into(), "b/clip.npy".into()]), &out).contains("two inputs"));
    }

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
