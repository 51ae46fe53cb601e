//! A folder of files, one a frame, as OpenPose and Ultralytics write a clip; in the order of the last number in their names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use super::value_reader::check;
use super::{
    Detector, Document, YoloLabels, around_last_number, detector, is_proto_landmarks, numbers_of_names,
    openpose::OpenPose, proto_to_json,
};
use crate::error::{Error, Result};
use crate::format::shape::Shape;
use crate::format::unpack::{is_packed, unpacked};
use crate::format::values::Values;
use crate::format::{FrameReader, InputFormat, StreamInfo, sniff};
use crate::pose::Frame;
use crate::skeleton::Layout;

/// The longest file that holds one frame.
const MAX_FILE: u64 = 64 << 20;

/// The files of one clip, a frame each, in the order of their numbers.
pub trait FrameFiles: Send {
    /// The next file with its number; waits for it where it is still to be written.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn next(&mut self) -> Result<Option<(u64, PathBuf)>>;

    /// Whether it is there already, so that asking for it will not wait.
    fn has_more(&mut self) -> bool;
}

/// Files that are all there.
impl FrameFiles for std::vec::IntoIter<(u64, PathBuf)> {
    fn next(&mut self) -> Result<Option<(u64, PathBuf)>> {
        Ok(Iterator::next(self))
    }

    fn has_more(&mut self) -> bool {
        true
    }
}

/// Frames that are looked at for a person who shows the layout.
const FRAMES_TO_PEEK_AT: usize = 64;

/// The frames of a folder's files. Memory: one file.
pub(in crate::format) struct SequenceReader {
    /// The first file, until it is read.
    first: Option<(u64, PathBuf)>,
    /// The files that are still to come.
    files: Box<dyn FrameFiles>,
    folder: PathBuf,
    detector: Box<dyn Detector>,
    is_text: bool,
    /// Whether they are text protocol buffers.
    is_proto: bool,
    document: Document,
    info: StreamInfo,
    /// Frames up to the first with a person in it, read in advance to know the layout; the last one comes next.
    peeked: Vec<Result<Frame>>,
}

impl SequenceReader {
    /// Reads `files`, each with its number, up to the first that has a person.
    ///
    /// # Errors
    /// No file at all, or a format that has no files of one frame.
    pub(in crate::format) fn new(
        folder: &Path,
        files: Vec<(u64, PathBuf)>,
        from: Option<InputFormat>,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        let frames = files.len() as u64;
        // A file that was cut off at its very start shows no format.
        let from = from.or_else(|| files.iter().find_map(|(_, path)| frame_format(path).ok().flatten()));
        let mut reader = Self::open(folder, Box::new(files.into_iter()), from, layout)?;
        reader.peek(FRAMES_TO_PEEK_AT)?;
        reader.info.layout = reader.document.layout;
        reader.info.frames = Some(frames);
        Ok(reader)
    }

    /// Reads files that are still being written, each as soon as it is there.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(in crate::format) fn following(
        folder: &Path,
        files: Box<dyn FrameFiles>,
        from: Option<InputFormat>,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        let mut reader = Self::open(folder, files, from, layout)?;
        // Whether there is a person in the next one is not waited for.
        reader.peek(1)?;
        reader.info.layout = reader.document.layout;
        Ok(reader)
    }

    fn open(
        folder: &Path,
        mut files: Box<dyn FrameFiles>,
        from: Option<InputFormat>,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        let Some((number, first)) = files.next()? else {
            return Err(Error::input("the folder holds no numbered files of frames").at(folder));
        };
        let found = match from {
            Some(format) => Some(format),
            None => frame_format(&first)?,
        };
        let detector: Option<Box<dyn Detector>> = match found {
            Some(InputFormat::YoloLabels) => Some(Box::new(YoloLabels)),
            // Pose2Sim's folders end in `_json`; there the place in the list is the track.
            Some(InputFormat::OpenPose) => {
                let place_is_track = folder.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_json"));
                Some(Box::new(OpenPose { place_is_track }))
            }
            Some(format) => detector(format),
            None => None,
        };
        let Some(detector) = detector else {
            return Err(Error::input("its files are in no known format of one frame a file").at(folder));
        };
        let is_proto = found == Some(InputFormat::MediaPipe) && is_proto_file(&first);
        Ok(Self {
            first: Some((number, first)),
            files,
            folder: folder.to_path_buf(),
            detector,
            is_text: found == Some(InputFormat::YoloLabels),
            is_proto,
            document: Document { layout, ..Document::default() },
            info: StreamInfo { format: found, ..StreamInfo::default() },
            peeked: Vec::new(),
        })
    }

    /// Reads up to the first frame with a person in it, but no more than `most`.
    fn peek(&mut self, most: usize) -> Result<()> {
        while self.peeked.len() < most {
            match self.read_file() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let has_people = !frame.people.is_empty();
                    self.peeked.push(Ok(frame));
                    if has_people {
                        break;
                    }
                }
                Err(error) => self.peeked.push(Err(error)),
            }
        }
        self.peeked.reverse();
        Ok(())
    }

    fn read_file(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.document.frames.pop_front() {
                return Ok(Some(frame));
            }
            let next = match self.first.take() {
                Some(first) => Some(first),
                None => self.files.next()?,
            };
            let Some((number, path)) = next else { return Ok(None) };
            self.document.next_index = number;
            self.decode(&path).map_err(|e| e.at(&path))?;
        }
    }

    fn decode(&mut self, path: &Path) -> Result<()> {
        let mut bytes = read_small(path)?;
        self.document.line = 1;
        if self.is_proto {
            bytes = proto_to_json(&String::from_utf8_lossy(&bytes), true)?;
        }
        if self.is_text {
            return self.detector.decode(&bytes, &mut self.document);
        }
        // Nearly every file is one value as JSON has it, and is read where it lies.
        let frames = self.document.frames.len();
        let next_index = self.document.next_index;
        if self.detector.decode(&bytes, &mut self.document).is_ok() {
            return Ok(());
        }
        self.document.frames.truncate(frames);
        self.document.next_index = next_index;
        let mut values = Values::new(Box::new(Cursor::new(bytes)), path);
        let mut is_empty = true;
        while let Some(value) = values.next()? {
            is_empty = false;
            self.document.line = value.line;
            if value.is_cut_off {
                return Err(Error::input("the JSON value is cut off").line(value.line));
            }
            self.detector.decode(&value.text, &mut self.document)?;
        }
        if is_empty {
            return Err(Error::input("there is nothing in it, expected a frame"));
        }
        Ok(())
    }
}

impl FrameReader for SequenceReader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let frame = match self.peeked.pop() {
            Some(peeked) => peeked.map(Some),
            None => self.read_file(),
        }?;
        if let Some(frame) = &frame {
            check(frame, self.info.layout).map_err(|e| e.at(&self.folder))?;
        }
        Ok(frame)
    }

    fn has_more(&mut self) -> bool {
        !self.peeked.is_empty() || !self.document.frames.is_empty() || self.files.has_more()
    }
}

/// Whether a file of a frame is written to its end: a JSON value that is whole, or text whose last line is.
pub(in crate::format) fn is_whole_frame(path: &Path) -> bool {
    let Ok(bytes) = read_small(path) else { return false };
    let extension = path.extension().unwrap_or_default();
    if extension.eq_ignore_ascii_case("txt") || extension.eq_ignore_ascii_case("pbtxt") {
        return bytes.ends_with(b"\n");
    }
    let mut values = Values::new(Box::new(Cursor::new(bytes)), path);
    matches!(values.next(), Ok(Some(value)) if !value.is_cut_off && Shape::of(&value.text).is_ok())
}

/// A file of one frame, unpacked.
fn read_small(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|e| Error::io("cannot open", path, e))?;
    let metadata = file.metadata().map_err(|e| Error::io("cannot read", path, e))?;
    let length = metadata.len().min(MAX_FILE + 1);
    let mut bytes = Vec::with_capacity(length as usize);
    // Its end is not asked for where the length is known. Devices and the kernel's own files have none.
    let most = if length > 0 { length } else { MAX_FILE + 1 };
    file.take(most).read_to_end(&mut bytes).map_err(|e| Error::io("cannot read", path, e))?;
    if is_packed(&bytes) {
        let input = unpacked(Box::new(Cursor::new(std::mem::take(&mut bytes))), path)?;
        input.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| Error::io("cannot read", path, e))?;
    }
    if bytes.len() as u64 > MAX_FILE {
        let most = MAX_FILE >> 20;
        return Err(Error::input(format!("more than {most} MB, expected one frame")).at(path));
    }
    Ok(bytes)
}

/// The format of a file that holds one frame and is one of many; `None` where it is another kind of file.
fn frame_format(path: &Path) -> Result<Option<InputFormat>> {
    let bytes = read_small(path)?;
    if let Ok(sniff::Start::Text) = sniff::start(&bytes) {
        let text = String::from_utf8_lossy(&bytes);
        if is_proto_landmarks(&text) {
            return Ok(Some(InputFormat::MediaPipe));
        }
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Ok(sniff::line(first).filter(|format| *format == InputFormat::YoloLabels));
    }
    let mut values = Values::new(Box::new(Cursor::new(bytes)), path);
    let Some(value) = values.next()? else { return Ok(None) };
    let Ok(shape) = Shape::of(&value.text) else { return Ok(None) };
    let format = sniff::json(&shape);
    let is_one_frame = match format {
        Some(InputFormat::OpenPose) => true,
        // A frame's people, not a clip's frames.
        Some(InputFormat::MmPose) => is_mmpose_image(&shape),
        Some(InputFormat::Ultralytics) => shape.first().is_some_and(|first| first.has("keypoints")),
        Some(InputFormat::TfJs) => true,
        Some(InputFormat::MediaPipe) => !shape.has("frames"),
        Some(InputFormat::AlphaPose) => shape.has("bodies"),
        _ => false,
    };
    Ok(format.filter(|_| is_one_frame))
}

/// Whether a value of MMPose's holds one image's people: a list of them, alone or behind `meta_info`, or one frame without a
/// number.
fn is_mmpose_image(value: &Shape) -> bool {
    let list = value.get("instance_info").unwrap_or(value);
    let is_one = matches!(list, Shape::List(1, _));
    list.first().is_some_and(|first| first.has("keypoint_scores") || is_one && !first.has("frame_id"))
}

/// Whether a file holds landmarks as a text protocol buffer.
fn is_proto_file(path: &Path) -> bool {
    read_small(path).is_ok_and(|bytes| is_proto_landmarks(&String::from_utf8_lossy(&bytes)))
}

/// Whether a file holds one frame of a clip whose other frames lie beside it.
pub(in crate::format) fn is_frame_file(path: &Path) -> bool {
    frame_format(path).is_ok_and(|format| format.is_some())
}

/// What the files of one clip are called beside their numbers.
pub(in crate::format) fn common_name(file: &Path) -> String {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let before = around_last_number(&name).map_or(&*name, |[before, ..]| before);
    let before = before.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    if before.is_empty() { name.into_owned() } else { before.to_owned() }
}

/// The numbered files of a folder, `.json`, `.txt` and `.pbtxt`, packed or not: a list, in the order of their numbers, for each
/// spelling of what stands around the number. Where several have one number, they are in the order of their names.
///
/// # Errors
/// A folder that cannot be listed.
pub(in crate::format) fn numbered_files(folder: &Path) -> Result<Vec<Vec<(u64, PathBuf)>>> {
    let mut groups = Groups::of(folder).map_err(|e| Error::io("cannot list", folder, e))?.into_lists();
    if let Some(files) = one_clip(&groups) {
        groups = vec![files];
    }
    for files in &mut groups {
        files.sort();
    }
    Ok(groups)
}

/// What stands before and behind the number of a file.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Around {
    before: String,
    after: String,
}

/// The numbered files of a folder, by what stands around their numbers.
#[derive(Default)]
struct Groups {
    groups: BTreeMap<Around, Vec<(u64, PathBuf)>>,
    /// The group that the file before belongs to, and so nearly always the next one.
    around: Around,
    files: Vec<(u64, PathBuf)>,
}

impl Groups {
    fn of(folder: &Path) -> std::io::Result<Self> {
        let mut groups = Self::default();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            // Copies of a file's Macintosh attributes, `._frame_0001.json`, and other hidden files are no frames.
            if name.starts_with('.') {
                continue;
            }
            let bare = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(name);
            let Some((stem, extension)) = bare.rsplit_once('.') else { continue };
            if !["json", "txt", "pbtxt"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
                continue;
            }
            // The listing knows what most entries are; links are asked where they lead.
            let kind = entry.file_type()?;
            let is_file = kind.is_file() || (kind.is_symlink() && path.is_file());
            if !is_file {
                continue;
            }
            let Some([before, digits, _]) = around_last_number(stem) else { continue };
            let Ok(number) = digits.parse() else { continue };
            groups.turn_to(before, &bare[before.len() + digits.len()..]);
            groups.files.push((number, path));
        }
        Ok(groups)
    }

    /// Makes the group with this around its numbers the one that files are added to.
    fn turn_to(&mut self, before: &str, after: &str) {
        if self.around.before != before || self.around.after != after {
            let next = Around { before: before.to_owned(), after: after.to_owned() };
            let last = std::mem::replace(&mut self.around, next);
            self.groups.entry(last).or_default().append(&mut self.files);
        }
    }

    /// The files of each group.
    fn into_lists(mut self) -> Vec<Vec<(u64, PathBuf)>> {
        self.groups.entry(self.around).or_default().append(&mut self.files);
        self.groups.into_values().filter(|files| !files.is_empty()).collect()
    }
}

/// The files of groups of one each as one clip, where they differ in a number before the last: `frame_0007_cam2.json`.
fn one_clip(groups: &[Vec<(u64, PathBuf)>]) -> Option<Vec<(u64, PathBuf)>> {
    if groups.len() < 2 || groups.iter().any(|files| files.len() > 1) {
        return None;
    }
    let names: Vec<String> = groups.iter().map(|files| file_name(&files[0].1)).collect();
    let number_of = numbers_of_names(names.iter().map(String::as_str))?;
    // What is left of a name without its digits is the same for all frames of a clip.
    let are_alike = names.iter().all(|name| without_digits(name) == without_digits(&names[0]));
    if !are_alike {
        return None;
    }
    Some(groups.iter().zip(&names).map(|(files, name)| (number_of[name], files[0].1.clone())).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn without_digits(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(x: f64) -> String {
        format!(r#"{{"version":1.3,"people":[{{"pose_keypoints_2d":[{}]}}]}}"#, vec![x.to_string(); 75].join(","))
    }

    #[test]
    fn the_frames_number_may_stand_before_another() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["f_0010_cam2.json", "f_0009_cam2.json", "f_0012_cam2.json"] {
            std::fs::write(folder.path().join(name), frame(1.0)).unwrap();
        }
        // Files that were cut off before they began are no frames, but their clip is one.
        std::fs::write(folder.path().join("f_0008_cam2.json"), "").unwrap();
        let clips = numbered_files(folder.path()).unwrap();
        let [files] = &clips[..] else { panic!("{} clips", clips.len()) };
        assert_eq!(files.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [8, 9, 10, 12]);
        let mut reader = SequenceReader::new(folder.path(), files.clone(), None, None).unwrap();
        assert!(reader.read().unwrap_err().to_string().contains("f_0008_cam2.json: there is nothing in it"));
        assert_eq!(reader.read().unwrap().unwrap().index, 9);
        std::fs::write(folder.path().join("g_0003_cam4.json"), frame(1.0)).unwrap();
        assert_eq!(numbered_files(folder.path()).unwrap().len(), 5);
    }

    #[test]
    fn files_come_in_the_order_of_their_numbers_and_gaps_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("clip_10_keypoints.json", frame(10.0)),
            ("clip_9_keypoints.json", frame(9.0)),
            ("clip_2_keypoints.json", r#"{"version":1.3,"people":[]}"#.to_owned()),
            ("clip_12_keypoints.json", "{".to_owned()),
            ("notes.txt", "hello".to_owned()),
            ("._clip_9_keypoints.json", "\0\u{5}\u{16}".to_owned()),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let groups = numbered_files(folder.path()).unwrap();
        assert_eq!(groups.len(), 1);
        assert!(is_frame_file(&groups[0][0].1));
        let mut reader = SequenceReader::new(folder.path(), groups[0].clone(), None, None).unwrap();
        assert_eq!(reader.info().frames, Some(4));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let frame = reader.read().unwrap().unwrap();
            seen.push((frame.index, frame.people.first().map(|person| person.keypoints[0].x)));
        }
        assert_eq!(seen, [(2, None), (9, Some(9.0)), (10, Some(10.0))]);
        let message = reader.read().unwrap_err().to_string();
        assert!(message.contains("clip_12_keypoints.json:1: the JSON value is cut off"), "{message}");
        assert_eq!(reader.read().unwrap(), None);
    }

    #[test]
    fn cameras_side_by_side_are_clips_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cam1_0.json", "cam2_0.json", "cam2_1.json"] {
            std::fs::write(folder.path().join(name), frame(1.0)).unwrap();
        }
        let lengths: Vec<_> = numbered_files(folder.path()).unwrap().iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 2]);
    }
}
