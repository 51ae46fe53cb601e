//! A folder in which files appear, one a frame, as a detector writes them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::StopFlag;
use super::follow::LOOK_EVERY;
use crate::error::Result;
use crate::format::{FrameFiles, around_last_number, frame_files_in, holds_frame, is_frame_written};

/// A folder's time may be as coarse as this: one that changed later is listed again.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// It is listed so often whatever its time says: not every file system keeps it.
const LIST_EVERY: Duration = Duration::from_millis(500);

/// A file that is not whole, with others behind it, and has not changed for so long will not become whole.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(1);

/// The files of one clip in a folder that grows.
pub(super) struct GrowingFolder {
    folder: PathBuf,
    stop: StopFlag,
    /// The pattern of the names of the clip's files, once one is known.
    template: Option<Template>,
    /// The number of the last file that was handed on.
    last: Option<u64>,
    /// Files that are there, in order; the last of them may be half written.
    waiting: VecDeque<(u64, PathBuf)>,
    listed: Option<Listing>,
}

/// When the folder was listed.
struct Listing {
    at: Instant,
    /// The folder's own time.
    modified: Option<SystemTime>,
    /// Whether a later change would show in the folder's time.
    is_settled: bool,
}

/// The text around the number in a file's name.
#[derive(Debug, PartialEq)]
struct Template {
    before: String,
    digits: usize,
    after: String,
}

impl Template {
    /// Of a file with this number; `None` where the name does not end its number in it.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let stem_end = name.find(".json").or_else(|| name.find(".txt"))?;
        let [before, digits, _] = around_last_number(&name[..stem_end])?;
        let after = &name[before.len() + digits.len()..];
        Some(Self { before: before.to_owned(), digits: digits.len(), after: after.to_owned() })
    }

    fn name(&self, number: u64) -> String {
        format!("{}{number:0width$}{}", self.before, self.after, width = self.digits)
    }

    /// Whether a file is one of the same clip.
    fn fits(&self, path: &Path) -> bool {
        Self::of(path).is_some_and(|other| other.before == self.before && other.after == self.after)
    }
}

impl GrowingFolder {
    pub(super) fn new(folder: &Path, stop: &StopFlag) -> Self {
        Self {
            folder: folder.to_path_buf(),
            stop: stop.clone(),
            template: None,
            last: None,
            waiting: VecDeque::new(),
            listed: None,
        }
    }

    /// Puts the files that have come into `waiting`.
    fn look(&mut self) -> Result<()> {
        // The usual case: a long clip's folder takes long to list.
        if self.waiting.len() < 2
            && let (Some(template), Some(last)) = (&self.template, self.waiting.back().map(|file| file.0).or(self.last))
        {
            let next = last.saturating_add(1);
            let path = self.folder.join(template.name(next));
            if path.is_file() {
                self.waiting.push_back((next, path));
                return Ok(());
            }
        }
        if (self.waiting.is_empty() || self.is_stuck()) && self.has_changed() { self.list() } else { Ok(()) }
    }

    /// Whether the only file that is there will not become whole: then the one behind it may have any number.
    fn is_stuck(&self) -> bool {
        self.waiting.len() == 1 && self.waiting.front().is_some_and(|(_, path)| is_old(path) && !is_frame_written(path))
    }

    fn modified(&self) -> Option<SystemTime> {
        self.folder.metadata().ok()?.modified().ok()
    }

    fn has_changed(&self) -> bool {
        let Some(listed) = &self.listed else { return true };
        !listed.is_settled || listed.at.elapsed() > LIST_EVERY || self.modified() != listed.modified
    }

    fn list(&mut self) -> Result<()> {
        let modified = self.modified();
        let is_settled = modified
            .and_then(|modified| SystemTime::now().duration_since(modified).ok())
            .is_some_and(|age| age > CLOCK_STEP);
        self.listed = Some(Listing { at: Instant::now(), modified, is_settled });
        if !self.folder.is_dir() {
            return Ok(());
        }
        for files in frame_files_in(&self.folder)? {
            let Some((_, first)) = files.first() else { continue };
            let is_ours = match &self.template {
                Some(template) => template.fits(first),
                // The first clip with a frame that can be read is followed.
                None => is_frame_written(first) && holds_frame(first),
            };
            if is_ours {
                self.template = Template::of(first);
                let last = self.waiting.back().map(|file| file.0).or(self.last);
                self.waiting.extend(files.into_iter().filter(|(number, _)| last.is_none_or(|last| *number > last)));
                break;
            }
        }
        Ok(())
    }

    /// The next file, if it is there to its end.
    fn take(&mut self) -> Result<Option<(u64, PathBuf)>> {
        self.look()?;
        let Some((_, path)) = self.waiting.front() else { return Ok(None) };
        if !is_frame_written(path) && !self.is_given_up(path) {
            return Ok(None);
        }
        let next = self.waiting.pop_front();
        self.last = next.as_ref().map(|file| file.0);
        Ok(next)
    }

    /// Whether a file that is not whole will stay so.
    fn is_given_up(&self, path: &Path) -> bool {
        self.waiting.len() > 1 && is_old(path)
    }
}

/// Whether a file has not changed for long. One that is gone will not come back.
fn is_old(path: &Path) -> bool {
    let age = path.metadata().ok().and_then(|found| found.modified().ok()?.elapsed().ok());
    age.is_none_or(|age| age > GIVEN_UP_AFTER)
}

impl FrameFiles for GrowingFolder {
    fn next(&mut self) -> Result<Option<(u64, PathBuf)>> {
        loop {
            let is_ended = self.stop.is_raised() || !self.folder.is_dir();
            if let Some(next) = self.take()? {
                return Ok(Some(next));
            }
            if is_ended {
                return Ok(None);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn has_more(&mut self) -> bool {
        // A look that fails fails again in `next`, which reports it.
        self.look().is_ok() && self.waiting.front().is_some_and(|(_, path)| is_frame_written(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &str = r#"{"version":1.3,"people":[]}"#;

    #[test]
    fn files_are_taken_in_order_when_they_are_whole_and_gaps_stay() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let mut growing = GrowingFolder::new(folder.path(), &StopFlag::default());
        let take = |growing: &mut GrowingFolder| growing.take().unwrap().map(|file| file.0);
        assert_eq!(take(&mut growing), None);
        write("notes_1.txt", "hello");
        write("clip_000000000009_keypoints.json", FRAME);
        write("clip_000000000010_keypoints.json", "{\"version\"");
        assert_eq!(take(&mut growing), Some(9));
        assert_eq!(take(&mut growing), None, "half written");
        assert!(!growing.has_more());
        write("clip_000000000010_keypoints.json", FRAME);
        assert!(growing.has_more());
        assert_eq!(take(&mut growing), Some(10));
        write("clip_000000000014_keypoints.json", FRAME);
        assert_eq!(growing.next().unwrap().unwrap().0, 14);
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(growing.next().unwrap(), None);
    }

    #[test]
    fn a_file_that_stays_half_written_before_a_gap_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("clip_000000000009_keypoints.json", FRAME);
        let mut growing = GrowingFolder::new(folder.path(), &StopFlag::default());
        assert_eq!(growing.next().unwrap().unwrap().0, 9);
        write("clip_000000000010_keypoints.json", "{\"version\"");
        assert_eq!(growing.take().unwrap(), None);
        write("clip_000000000012_keypoints.json", FRAME);
        let old = SystemTime::now() - 2 * GIVEN_UP_AFTER;
        let broken = std::fs::File::options().append(true).open(folder.path().join("clip_000000000010_keypoints.json"));
        broken.unwrap().set_modified(old).unwrap();
        assert_eq!(growing.next().unwrap().unwrap().0, 10, "its reader says that it is broken");
        assert_eq!(growing.next().unwrap().unwrap().0, 12);
    }

    #[test]
    fn names_are_foreseen() {
        let template = Template::of(Path::new("a/clip_000000000009_keypoints.json")).unwrap();
        assert_eq!(template.name(10), "clip_000000000010_keypoints.json");
        assert!(template.fits(Path::new("clip_123_keypoints.json")) && !template.fits(Path::new("clip_9.json")));
        assert_eq!(Template::of(Path::new("cam2_99.json")).unwrap().name(100), "cam2_100.json");
    }
}
