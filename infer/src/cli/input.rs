//! From the INPUT arguments of the command line to the sources that are lifted.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::report::Terminal;
use crate::error::{Error, Result};
use crate::format::Source;

/// The sources of the INPUT arguments.
#[derive(Debug, PartialEq)]
pub(crate) struct Inputs {
    /// The sources, in order.
    pub(crate) sources: Vec<Source>,
    /// Whether an argument is a folder, so that there may be any number of sources.
    pub(crate) is_folder: bool,
}

/// The sources that `words` name, in order: folders give their files of known formats, sorted by name; none at all is
/// stdin, where something is piped into it. The `terminal` hears of folders in folders that are not looked into.
///
/// # Errors
/// Nothing to read: no input and a terminal, or a folder without a file of a known format.
pub(crate) fn inputs(words: &[PathBuf], terminal: Terminal) -> Result<Inputs> {
    if words.is_empty() {
        if std::io::stdin().is_terminal() {
            return Err(Error::usage("no INPUT, and nothing is piped in")
                .hint("name a file or a folder, or pipe JSON Lines in: `detector | poselift run` (see --help)"));
        }
        return Ok(Inputs { sources: vec![Source::Stdin], is_folder: false });
    }
    let mut sources = Vec::new();
    let mut is_folder = false;
    for input in words {
        if input.as_os_str() != "-" && input.is_dir() {
            let found = sources_in(input, terminal)?;
            // A folder whose files are the frames of one clip is that clip.
            is_folder |= !matches!(found[..], [Source::Folder { .. }]);
            sources.extend(found);
        } else {
            sources.push(file_or_stdin(input));
        }
    }
    Ok(Inputs { sources, is_folder })
}

/// The file at `path`; `-` is stdin.
pub(crate) fn file_or_stdin(path: &Path) -> Source {
    if path.as_os_str() == "-" { Source::Stdin } else { Source::File(path.to_path_buf()) }
}

/// The name of a source without its folder and its extension.
pub(crate) fn stem(source: &Source) -> Cow<'_, str> {
    source.name().file_stem().unwrap_or_default().to_string_lossy()
}

/// Whether there are several sources and one of them is a pipe, which would block the ones after it.
pub(crate) fn are_live(sources: &[Source]) -> bool {
    sources.len() > 1 && sources.iter().any(is_pipe)
}

/// Whether frames come live, so that no source may wait for another.
pub(crate) fn is_pipe(source: &Source) -> bool {
    match source {
        Source::Stdin => true,
        Source::Folder { .. } => false,
        Source::Live(_) => true,
        Source::File(path) | Source::Part { path, .. } => {
            path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
        }
    }
}

/// Extensions of files that hold whole clips.
const CLIPS: [&str; 9] = ["jsonl", "ndjson", "npy", "npz", "json", "csv", "h5", "hdf5", "pbtxt"];

/// The clips in a folder: first clips with one file per frame, in the folder or in folders right below it, then the
/// files that hold a clip each, sorted by name.
///
/// # Errors
/// A folder that cannot be listed, or in which there is no clip.
fn sources_in(folder: &Path, terminal: Terminal) -> Result<Vec<Source>> {
    let mut sources = Source::clips_of_frames(folder)?;
    let frames: HashSet<PathBuf> = sources.iter().flat_map(frames_of).cloned().collect();
    let mut files = Vec::new();
    let mut folders = Vec::new();
    for path in paths_in(folder)? {
        // Hidden files are none of the user's clips: a Macintosh leaves `._clip.jsonl` beside `clip.jsonl`.
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden || frames.contains(&path) {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if path.is_file() && holds_clip(&path) {
            files.push(path);
        }
    }
    folders.sort();
    for folder in folders {
        let clips = Source::clips_of_frames(&folder)?;
        if clips.is_empty() && paths_in(&folder)?.iter().any(|path| path.is_file() && holds_clip(path)) {
            terminal
                .note(&format!("{}: not looked into, and there are clips in it: name it as INPUT", folder.display()));
        }
        sources.extend(clips);
    }
    files.sort();
    sources.extend(files.into_iter().map(Source::File));
    if sources.is_empty() {
        let known = CLIPS.map(|extension| format!(".{extension}")).join(", ");
        return Err(Error::input(format!("the folder holds no file of a known format ({known})")).at(folder));
    }
    Ok(sources)
}

/// What lies in a folder.
fn paths_in(folder: &Path) -> Result<Vec<PathBuf>> {
    list(folder).map_err(|error| Error::io("cannot list", folder, error))
}

fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn holds_clip(path: &Path) -> bool {
    if has_extension_of(path, &["gz", "zst"]) {
        has_extension_of(&path.with_extension(""), &CLIPS)
    } else {
        has_extension_of(path, &CLIPS)
    }
}

/// Whether the extension of `path` is one of `known`.
fn has_extension_of(path: &Path, known: &[&str]) -> bool {
    path.extension().is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// The files that are frames of a clip.
fn frames_of(clip: &Source) -> impl Iterator<Item = &PathBuf> {
    let files = match clip {
        Source::Folder { files, .. } => files.as_slice(),
        Source::Stdin | Source::File(_) | Source::Part { .. } | Source::Live(_) => &[],
    };
    files.iter().map(|(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_their_known_files_sorted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.jsonl", "a.npy", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let inputs = [folder.path().to_path_buf(), PathBuf::from("-"), PathBuf::from("c.jsonl")];
        let expected = [folder.path().join("a.npy"), folder.path().join("b.jsonl")];
        let mut expected: Vec<_> = expected.into_iter().map(Source::File).collect();
        expected.extend([Source::Stdin, Source::File("c.jsonl".into())]);
        assert_eq!(super::inputs(&inputs, Terminal::new(true)).unwrap(), Inputs { sources: expected, is_folder: true });
    }

    #[test]
    fn an_odd_file_in_the_middle_leaves_a_folder_one_clip() {
        let numbers = ["1"; 75].join(",");
        let frame = format!(r#"{{"version":1.3,"people":[{{"pose_keypoints_2d":[{numbers}]}}]}}"#);
        for odd in ["", "[]", "{}", "null", &frame[..40]] {
            let folder = tempfile::tempdir().unwrap();
            for number in 0..5 {
                let text = if number == 2 { odd } else { &frame };
                std::fs::write(folder.path().join(format!("a_00{number}_keypoints.json")), text).unwrap();
            }
            let found = sources_in(folder.path(), Terminal::new(true)).unwrap();
            assert!(matches!(&found[..], [Source::Folder { files, .. }] if files.len() == 5), "{odd}: {found:?}");
        }
    }

    #[test]
    fn a_folder_with_nothing_in_it_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let message = inputs(&[folder.path().to_path_buf()], Terminal::new(true)).unwrap_err().to_string();
        assert!(message.contains("no file of a known format"), "{message}");
    }
}
