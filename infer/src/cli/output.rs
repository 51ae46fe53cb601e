//! From `-o OUT` and `--to` to one target a source, never one of the sources themselves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::deferred::DeferredWriter;
use super::identity::FileIdentity;
use super::input::Inputs;
use super::report::Terminal;
use crate::error::{Error, Result};
use crate::export::Tell;
use crate::format::{Extras, PoseInfo, PoseWriter, Source, Target};
use crate::output::{Described, OutputFormat, check, create};
use crate::thread::lock;

/// The target of each source: stdout without `out`; `out` itself for one source; for several, or those that a folder was
/// searched for, a file in the folder `out` (made if it is not there), named after the source.
///
/// `read` are the files that are read beside the sources.
///
/// # Errors
/// A target that is a file which is read, by any name, or that two sources share; a folder that cannot be made. Nothing was
/// opened for writing then.
pub(crate) fn targets(
    inputs: &Inputs,
    read: &[FileRead<'_>],
    out: Option<&Path>,
    to: Option<OutputFormat>,
) -> Result<Vec<Target>> {
    let sources = &inputs.sources;
    let out = out.filter(|out| !is_stdout(out, to));
    let targets: Vec<Target> = match out {
        None => vec![Target::Stdout; sources.len()],
        Some(out) if sources.len() == 1 && !out.is_dir() && (!inputs.is_folder || names_file(out)) => {
            vec![Target::File(out.to_path_buf())]
        }
        Some(out) if names_file(out) && sources.len() > 1 => {
            let count = sources.len();
            let format = out.extension().unwrap_or_default().to_string_lossy();
            return Err(Error::usage(format!("{} is one file, and there are {count} inputs", out.display()))
                .hint(format!("name a folder, and the format of its files: -o FOLDER --to {format}")));
        }
        Some(out) => {
            let extension = to.unwrap_or(OutputFormat::JSON_LINES).extension();
            sources.iter().map(|source| Target::File(out.join(stem(source)).with_added_extension(extension))).collect()
        }
    };
    refuse_overwriting(sources, read, &targets)?;
    if let Some(out) = out.filter(|out| targets.iter().all(|target| target.name() != *out)) {
        std::fs::create_dir_all(out).map_err(|error| Error::io("cannot make the folder", out, error))?;
    }
    Ok(targets)
}

/// Whether `out` names a file of a known format, and no folder that is there.
fn names_file(out: &Path) -> bool {
    OutputFormat::of(&Target::File(out.to_path_buf()), None).is_some() && !out.is_dir()
}

/// Whether `out` names the standard output, which is written to where it stands, never opened anew.
fn is_stdout(out: &Path, to: Option<OutputFormat>) -> bool {
    let is_device = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| out == Path::new(name));
    let is_piped = matches!(to, None | Some(OutputFormat::JSON_LINES));
    out.as_os_str() == "-" || is_device && is_piped
}

/// The target of the `number`th client of a server, whose first gets `target`: `poses.jsonl`, `poses_2.jsonl`.
pub(crate) fn client_target(target: &Target, number: u64) -> Target {
    match target {
        Target::File(path) if number > 1 && is_deferred(target) => {
            let mut name = path.file_stem().unwrap_or_default().to_owned();
            name.push(format!("_{number}"));
            let extension = path.extension().unwrap_or_default();
            Target::File(path.with_file_name(name).with_added_extension(extension))
        }
        same => same.clone(),
    }
}

/// A file that is read beside the sources, and what it is: `the model`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileRead<'a> {
    pub(crate) path: &'a Path,
    pub(crate) what: &'static str,
}

impl<'a> FileRead<'a> {
    /// The file at `path`, where there is one.
    pub(crate) fn new(path: Option<&'a Path>, what: &'static str) -> Option<Self> {
        path.map(|path| Self { path, what })
    }
}

/// Refuses targets that are files which are read, by any name, or that two sources share.
///
/// # Errors
/// As [`targets`].
pub(crate) fn refuse_overwriting(sources: &[Source], read: &[FileRead<'_>], targets: &[Target]) -> Result<()> {
    let identities: Vec<_> = targets.iter().map(FileIdentity::of_target).collect();
    // A folder of many frames is only looked through where something could be overwritten.
    let is_any_there = identities.iter().any(Option::is_some);
    let inputs = if is_any_there { sources } else { &[] };
    let inputs: HashSet<_> = inputs.iter().flat_map(FileIdentity::of_source).collect();
    let mut names = HashSet::new();
    let mut files = HashSet::new();
    for (target, identity) in targets.iter().zip(identities) {
        if identity.as_ref().is_some_and(|file| inputs.contains(file)) {
            return Err(would_overwrite(target, "an INPUT"));
        }
        if identity.is_some()
            && let Some(file) = read.iter().find(|file| identity == FileIdentity::of_path(file.path))
        {
            return Err(would_overwrite(target, file.what));
        }
        let Target::File(path) = target else { continue };
        let is_new_name = names.insert(path);
        let is_new_file = identity.is_none_or(|file| files.insert(file));
        if !is_new_name || !is_new_file {
            return Err(Error::usage("two inputs would be written to this file")
                .at(path)
                .hint("inputs of one name have to be run one by one, each with an -o of its own"));
        }
    }
    Ok(())
}

/// Why `target`, which is `what`, is not written.
fn would_overwrite(target: &Target, what: &str) -> Error {
    let complaint = format!("is {what} and would be overwritten");
    Error::usage(complaint).at(target.name()).hint("give another -o OUT")
}

fn stem(source: &Source) -> PathBuf {
    match source {
        Source::Stdin => "stdin".into(),
        Source::File(path) | Source::Part { path, .. } => path.file_stem().unwrap_or(path.as_os_str()).into(),
        Source::Folder { path, .. } => path.file_name().unwrap_or(path.as_os_str()).into(),
        Source::Live(_) => super::live::stem(source.name()),
    }
}

/// The note on a file that waited for a pose in vain.
pub(super) const NOT_WRITTEN: &str = "not written, there is no pose to write";

/// Whether `target` is a plain file, or will be one: it is created when there is a pose to write. Pipes and devices are
/// opened at once.
pub(crate) fn is_deferred(target: &Target) -> bool {
    match target {
        Target::Stdout => false,
        Target::File(path) => path.metadata().map_or(true, |found| found.is_file()),
    }
}

/// Frames a second of motion files whose input does not say.
const ASSUMED_RATE: f64 = 30.0;
/// Poses without a time that wait for one that has it, before a rate is assumed.
const POSES_WITHOUT_TIME: usize = 256;

/// Prepares the writer for one target. A plain file is not touched before the first pose.
///
/// # Errors
/// A target that cannot be made, is in no known format, or has no room for what is to be written; another header than that of the
/// stream before it on stdout.
pub(crate) fn prepare(
    target: &Target,
    to: Option<OutputFormat>,
    mut described: Described,
    terminal: Terminal,
    stdout: &StdoutStream,
) -> Result<Box<dyn PoseWriter>> {
    let format = check(target, to, described.extras)?;
    if *target == Target::Stdout {
        described.goes_on = stdout.goes_on(&described)?;
    }
    if described.goes_on {
        terminal.note(&format!("{}: {BEHIND_ANOTHER}", described.title));
    }
    if !is_deferred(target) {
        return create(target, format, &described, noting(terminal));
    }
    if let Target::File(path) = target {
        check_place(path)?;
    }
    let output = Output { target: target.clone(), format, described, terminal };
    let patience = if output.lacks_rate() { POSES_WITHOUT_TIME } else { 0 };
    Ok(Box::new(DeferredWriter::new(patience, move |has_times| output.with_rate(has_times).create())))
}

/// The note on a stream that follows another one on stdout.
const BEHIND_ANOTHER: &str =
    "behind the stream before it, in one: numbers and times of frames begin anew (-o FOLDER keeps streams apart)";

/// The stream that goes to stdout. Several inputs go there one behind the other, under one header.
#[derive(Debug, Default)]
pub(crate) struct StdoutStream(Mutex<Option<(PoseInfo, Extras)>>);

impl StdoutStream {
    /// Whether a stream goes on the one before it, whose header it shares.
    ///
    /// # Errors
    /// It needs another header.
    fn goes_on(&self, described: &Described) -> Result<bool> {
        let mut first = lock(&self.0);
        let own = (described.poses.clone(), described.extras);
        match &*first {
            None => {
                *first = Some(own);
                Ok(false)
            }
            Some(before) if *before == own => Ok(true),
            Some((before, _)) => {
                let differs = difference(before, &own.0);
                let message = format!("{}: poses {differs}, which one stream cannot hold", described.title);
                Err(Error::usage(message).hint("name a folder for a file each: -o FOLDER"))
            }
        }
    }
}

/// How a header differs from the one before it, in words.
fn difference(before: &PoseInfo, own: &PoseInfo) -> String {
    if before.fps != own.fps {
        return format!("{} behind those {}", rate_in_words(own), rate_in_words(before));
    }
    if before.axes != own.axes || before.unit != own.unit {
        return format!("in {}, {} axes behind those in {}, {} axes", own.unit, own.axes, before.unit, before.axes);
    }
    "of another skeleton, model or kind behind others".to_owned()
}

fn rate_in_words(info: &PoseInfo) -> String {
    match info.fps {
        Some(fps) => format!("at {fps} frames a second"),
        None => "of unknown rate".to_owned(),
    }
}

/// Says on the terminal what a file's writer tells.
fn noting(terminal: Terminal) -> Tell {
    Box::new(move |text| terminal.note(text))
}

/// All that is needed to create a file's writer later.
struct Output {
    target: Target,
    format: OutputFormat,
    described: Described,
    terminal: Terminal,
}

impl Output {
    /// Whether it is a motion file, which needs a rate, and none is named.
    fn lacks_rate(&self) -> bool {
        let needs_rate = matches!(self.format, OutputFormat::Export(export) if !export.is_written_as_frames_come());
        needs_rate && self.described.poses.fps.is_none()
    }

    /// The same output with a rate, where neither it nor times say one, as of detectors' folders.
    fn with_rate(mut self, has_times: bool) -> Self {
        if self.lacks_rate() && !has_times {
            self.described.poses.fps = Some(ASSUMED_RATE);
            let name = self.target.name().display();
            let text = format!("{name}: no times and no rate: taken to be {ASSUMED_RATE} frames a second (--fps)");
            self.terminal.note(&text);
        }
        self
    }

    fn create(self) -> Result<Box<dyn PoseWriter>> {
        create(&self.target, self.format, &self.described, noting(self.terminal))
    }
}

/// Says early what creating the file would say later, and touches nothing.
fn check_place(path: &Path) -> Result<()> {
    try_place(path).map_err(|error| Error::io("cannot create", path, error))
}

/// Opens the file if it is there, else looks at its folder.
fn try_place(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        std::fs::OpenOptions::new().write(true).open(path)?;
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.metadata()?.is_dir() { Ok(()) } else { Err(std::io::ErrorKind::NotADirectory.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[PathBuf]) -> Inputs {
        Inputs { sources: paths.iter().cloned().map(Source::File).collect(), is_folder: false }
    }

    fn targets_of(inputs: &Inputs, out: Option<&Path>, to: Option<OutputFormat>) -> Vec<Target> {
        targets(inputs, &[], out, to).unwrap()
    }

    #[test]
    fn one_source_gets_the_file_and_several_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/poses");
        let stdin = Inputs { sources: vec![Source::Stdin], is_folder: false };
        let one = targets_of(&stdin, Some(&folder.path().join("p.npy")), None);
        assert_eq!(one, [Target::File(folder.path().join("p.npy"))]);
        let sources = files(&["x/a.v2.jsonl".into(), "b.npy".into()]);
        let several = targets_of(&sources, Some(&out), Some(OutputFormat::Page));
        assert_eq!(several, [Target::File(out.join("a.v2.html")), Target::File(out.join("b.html"))]);
        assert!(out.is_dir());
        let folder_of_one = Inputs { is_folder: true, ..files(&["x/a.jsonl".into()]) };
        assert_eq!(targets_of(&folder_of_one, Some(&out), None), [Target::File(out.join("a.jsonl"))]);
        let file = folder.path().join("one.trc");
        assert_eq!(targets_of(&folder_of_one, Some(&file), None), [Target::File(file.clone())]);
        let refused = targets(&sources, &[], Some(&file), None).unwrap_err();
        assert!(refused.to_string().contains("one.trc is one file, and there are 2 inputs"), "{refused}");
        assert!(refused.hint_text().unwrap().contains("--to trc") && !file.exists());
        assert_eq!(targets_of(&sources, None, None), [Target::Stdout, Target::Stdout]);
        assert_eq!(targets_of(&sources, Some(Path::new("-")), None), [Target::Stdout, Target::Stdout]);
    }

    #[test]
    fn no_input_is_overwritten_and_no_output_shared() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("clip.jsonl");
        std::fs::write(&input, "").unwrap();
        let refused = |inputs: &Inputs, out: &Path| targets(inputs, &[], Some(out), None).unwrap_err().to_string();
        assert!(refused(&files(std::slice::from_ref(&input)), &input).contains("would be overwritten"));
        assert!(refused(&files(&[input]), folder.path()).contains("would be overwritten"));
        let out = folder.path().join("out");
        assert!(refused(&files(&["a/clip.jsonl".into(), "b/clip.npy".into()]), &out).contains("two inputs"));
    }

    #[test]
    fn clients_have_files_of_their_own() {
        let target = Target::File("a/poses.v1.jsonl".into());
        assert_eq!(client_target(&target, 1), target);
        assert_eq!(client_target(&target, 2), Target::File("a/poses.v1_2.jsonl".into()));
        let device = Target::File("/dev/null".into());
        assert_eq!(client_target(&device, 2), device);
    }
}
