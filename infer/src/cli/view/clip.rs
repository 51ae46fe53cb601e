//! The files of `poselift view` as one clip: sets of poses, and key points, moment by moment.

use std::ops::RangeInclusive;
use std::path::Path;

use super::matching::{Matching, Moment, Streams};
use crate::cli::read::Notices;
use crate::cli::report::Terminal;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{FrameReader, PoseInfo, PoseReader, Source, open_pose_reader};
use crate::guard::{self, ReadOptions as GuardOptions};
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::{LAYOUTS, Layout};
use crate::view::PoseSet;

/// The user's options for files that do not say all themselves.
#[derive(Debug, Clone)]
pub(super) struct ReadOptions {
    /// The layout of key points.
    pub(super) layout: Option<&'static Layout>,
    /// The image size, pixels.
    pub(super) size: Option<[u32; 2]>,
    /// Frames a second.
    pub(super) fps: Option<f64>,
    /// The frames to keep, by number.
    pub(super) frames: Option<RangeInclusive<u64>>,
}

/// All that is shown.
pub(super) struct Clip {
    /// The files of poses.
    pub(super) sets: Vec<SetInfo>,
    /// The layout of the key points, if it is known.
    pub(super) layout: Option<&'static Layout>,
    /// The clip, moment by moment.
    pub(super) moments: Vec<Moment>,
    /// Notes on what was assumed.
    pub(super) notes: Vec<String>,
    /// Frames that could not be read.
    pub(super) unreadable: u64,
}

/// One file of poses.
pub(super) struct SetInfo {
    /// The file's name, short if that is clear.
    pub(super) name: String,
    /// Its header.
    pub(super) info: PoseInfo,
}

/// A file, as its content shows it.
enum Opened {
    Poses(Box<dyn PoseReader>),
    Keypoints(Box<dyn FrameReader>),
}

impl Clip {
    /// Reads files of poses, among which there may be one of key points, or that is named apart.
    ///
    /// # Errors
    /// A file that cannot be read, no poses at all, or two files of key points.
    pub(super) fn read(
        sources: &[Source],
        keypoints: &[Source],
        options: &ReadOptions,
        terminal: Terminal,
    ) -> Result<Self> {
        let notices = Notices::default();
        let mut poses = Vec::new();
        let mut frames = Vec::new();
        for source in sources {
            match open(source, options, terminal, &notices)? {
                Opened::Poses(reader) => poses.push((source, reader)),
                Opened::Keypoints(reader) => frames.push((source, reader)),
            }
        }
        for source in keypoints {
            frames.push((source, open_keypoints(source, options, terminal, &notices)?));
        }
        if let Some((second, _)) = frames.get(1) {
            return Err(Error::usage("a second file of key points, expected one").at(second.name()));
        }
        if poses.is_empty() {
            let source = sources.first().map_or(Path::new(""), Source::name);
            let hint = "lift them: poselift run KEYPOINTS -o poses.jsonl, or at once -o page.html";
            return Err(Error::usage("holds key points, and there are no poses to show").at(source).hint(hint));
        }
        let names = names(&poses.iter().map(|(source, _)| source.name()).collect::<Vec<_>>());
        let mut infos: Vec<_> = poses.iter().map(|(_, reader)| reader.info().clone()).collect();
        for info in &mut infos {
            info.fps = options.fps.or(info.fps);
        }
        let sets = names.into_iter().zip(infos).map(|(name, info)| SetInfo { name, info }).collect();
        let mut clip = Self { sets, layout: None, moments: Vec::new(), notes: Vec::new(), unreadable: 0 };
        let mut streams = Streams { sets: Vec::with_capacity(poses.len()), keypoints: Vec::new() };
        for (_, reader) in frames {
            streams.keypoints = clip.read_keypoints(reader, options, terminal)?;
        }
        let pose_sources: Vec<&Source> = poses.iter().map(|(source, _)| *source).collect();
        for (number, (_, reader)) in poses.into_iter().enumerate() {
            let set = clip.read_poses(number, reader, terminal)?;
            streams.sets.push(set);
        }
        let repeated = streams.repeated_numbers();
        let (moments, matching) = streams.moments();
        clip.moments = moments;
        if matching != Matching::Time {
            for (source, repeated) in pose_sources.into_iter().zip(repeated) {
                note_repeated(source, repeated, terminal);
            }
        }
        if let Some(range) = &options.frames {
            clip.moments.retain(|moment| range.contains(&moment.frame.index));
        }
        if clip.moments.iter().all(|moment| moment.sets.iter().all(|lifted| lifted.people.is_empty())) {
            return Err(Error::input("there is no pose in any frame").at(sources[0].name()));
        }
        clip.notes = notices.all();
        clip.note_matching(matching, terminal);
        Ok(clip)
    }

    /// The names of all sets.
    pub(super) fn title(&self) -> String {
        let names: Vec<_> = self.sets.iter().map(|set| set.name.as_str()).collect();
        names.join(" and ")
    }

    /// The files of poses, as pictures take them.
    pub(super) fn pose_sets(&self) -> Vec<PoseSet<'_>> {
        self.sets.iter().map(|set| PoseSet { name: &set.name, poses: &set.info, device: "" }).collect()
    }

    fn read_keypoints(
        &mut self,
        mut reader: Box<dyn FrameReader>,
        options: &ReadOptions,
        terminal: Terminal,
    ) -> Result<Vec<Frame>> {
        let info = reader.info().clone();
        self.layout = options.layout.or(info.layout);
        let fps = options.fps.or(info.fps);
        let mut frames = Vec::new();
        loop {
            match reader.read() {
                Ok(Some(mut frame)) => {
                    frame.time = frame.time_at(fps);
                    frame.size = frame.size.or(options.size);
                    if self.layout.is_none()
                        && let Some(person) = frame.people.first()
                    {
                        let joints = person.keypoints.len();
                        self.layout = LAYOUTS.into_iter().find(|layout| layout.len() == joints);
                    }
                    frames.push(frame);
                }
                Ok(None) => return Ok(frames),
                Err(error) => self.count_unreadable(error, terminal)?,
            }
        }
    }

    fn read_poses(
        &mut self,
        number: usize,
        mut reader: Box<dyn PoseReader>,
        terminal: Terminal,
    ) -> Result<Vec<LiftedFrame>> {
        let fps = self.sets[number].info.fps;
        let mut frames = Vec::new();
        loop {
            match reader.read() {
                Ok(Some(mut lifted)) => {
                    lifted.time = lifted.time_at(fps);
                    frames.push(lifted);
                }
                Ok(None) => return Ok(frames),
                Err(error) => self.count_unreadable(error, terminal)?,
            }
        }
    }

    fn count_unreadable(&mut self, error: Error, terminal: Terminal) -> Result<()> {
        if error.kind() != ErrorKind::BadInput {
            return Err(error);
        }
        terminal.warning(&error.to_string());
        self.unreadable += 1;
        Ok(())
    }

    /// Says how frames of several files were matched, where it is not by their times.
    fn note_matching(&mut self, matching: Matching, terminal: Terminal) {
        if self.sets.len() < 2 {
            return;
        }
        let mut rates: Vec<_> = self.sets.iter().filter_map(|set| set.info.fps).collect();
        rates.dedup();
        let why = match matching {
            Matching::NumberOfOtherTimes => "the files' times have nothing in common",
            Matching::Number if rates.len() > 1 => "though the files name different rates, not all have times",
            Matching::Number | Matching::Time => return,
        };
        let text = format!("frames of the same number are compared: {why}");
        terminal.note(&text);
        self.notes.push(text);
    }
}

/// Says that frames cannot be told apart by their numbers.
fn note_repeated(source: &Source, repeated: usize, terminal: Terminal) {
    if repeated > 0 {
        let source = source.name().display();
        terminal.note(&format!("{source}: {repeated} frame numbers do not rise, the last of each number is shown"));
    }
}

/// Opens a file of poses, or of key points where it is none.
fn open(source: &Source, options: &ReadOptions, terminal: Terminal, notices: &Notices) -> Result<Opened> {
    let is_read_once = crate::cli::input::is_pipe(source);
    let error = match source {
        Source::Folder { .. } => None,
        _ => match open_pose_reader(source) {
            Ok(reader) => return Ok(Opened::Poses(reader)),
            Err(error) if error.kind() != ErrorKind::BadInput || is_read_once => return Err(error),
            Err(error) => Some(error),
        },
    };
    match (open_keypoints(source, options, terminal, notices), error) {
        (Ok(reader), _) => Ok(Opened::Keypoints(reader)),
        // Which of the two it was meant to be is not known; poses are what there is to view.
        (Err(_), Some(error)) | (Err(error), None) => Err(error),
    }
}

fn open_keypoints(
    source: &Source,
    options: &ReadOptions,
    terminal: Terminal,
    notices: &Notices,
) -> Result<Box<dyn FrameReader>> {
    let options = GuardOptions { layout: options.layout, size: options.size, fps: options.fps, ..Default::default() };
    guard::open(source, &options, notices.report_on(source, terminal))
}

/// Short names of files, or whole ones where short ones are the same.
fn names(paths: &[&Path]) -> Vec<String> {
    let stems: Vec<String> = paths.iter().map(|path| stem(path)).collect();
    let mut names = Vec::with_capacity(paths.len());
    for (stem, path) in stems.iter().zip(paths) {
        let is_unique = stems.iter().filter(|other| *other == stem).count() == 1;
        names.push(if is_unique { stem.clone() } else { path.display().to_string() });
    }
    names
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_where_they_differ() {
        let paths = ["a/raw.jsonl", "b/raw.jsonl", "smooth.jsonl"].map(Path::new);
        assert_eq!(names(&paths), ["a/raw.jsonl", "b/raw.jsonl", "smooth"]);
    }
}
