//! Files that a detector is still writing: one that grows line by line, or a folder with a file a frame.
//!
//! They are looked at every few milliseconds. An operating system's notices of changes would say no more: they do not
//! come for network folders, they do not say that a file is written to its end, and each system has others.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StopFlag;
use super::follow_folder::GrowingFolder;
use crate::error::{Error, Result};
use crate::format::{LiveSource, is_header, open_frame_files, open_stream};

/// Time between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Bytes read at once.
const READ_AHEAD: usize = 128 << 10;

/// A line that is longer is handed on before its end, for its reader to refuse.
const MAX_LINE: usize = 17 << 20;

/// A source of the frames that are, and will be, in the file or folder at `path`, until it is removed or `stop`. A file need not be
/// there yet; one that is cut off, or that another takes the place of, is read from its beginning.
///
/// # Errors
/// A file in a folder that is not there.
pub fn follow(path: &Path, stop: &StopFlag) -> Result<LiveSource> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::io("cannot follow", path, io::ErrorKind::NotFound.into()));
    }
    let named = path.to_path_buf();
    let stop = stop.clone();
    Ok(LiveSource::new(path, move |from, layout| {
        if named.is_dir() {
            return open_frame_files(&named, Box::new(GrowingFolder::new(&named, &stop)), from, layout);
        }
        let file = GrowingFile::new(&named, &stop);
        open_stream(Box::new(file), &named, from, layout)
    }))
}

/// A file that grows; whole lines of it are handed on as they come.
struct GrowingFile {
    path: PathBuf,
    /// `None` until it is there.
    file: Option<File>,
    /// Bytes of the file that were read.
    read: u64,
    /// Bytes that were read; the first of them may be handed on already.
    buffer: Vec<u8>,
    /// Of it, bytes that are handed on already.
    given: usize,
    /// Of it, bytes up to the end of the last whole line.
    whole: usize,
    stop: StopFlag,
    /// Nothing is added to it any more.
    is_ended: bool,
    /// Whether it was begun anew, and its first line may be another header.
    has_header: bool,
}

/// The state of a file whose end was read.
enum Fate {
    Grows,
    /// It was cut off, or another one has its name: a detector has begun anew.
    Anew,
    Gone,
}

impl GrowingFile {
    fn new(path: &Path, stop: &StopFlag) -> Self {
        Self {
            path: path.to_path_buf(),
            file: None,
            read: 0,
            buffer: Vec::new(),
            given: 0,
            whole: 0,
            stop: stop.clone(),
            is_ended: false,
            has_header: false,
        }
    }

    /// Reads what was added; false where there was nothing.
    fn read_on(&mut self) -> io::Result<bool> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let file = self.file.as_mut().expect("it was opened above");
        let before = self.buffer.len();
        file.take(READ_AHEAD as u64).read_to_end(&mut self.buffer)?;
        let added = &self.buffer[before..];
        self.read += added.len() as u64;
        if let Some(end) = added.iter().rposition(|byte| *byte == b'\n') {
            self.whole = before + end + 1;
        } else if self.buffer.len() > MAX_LINE {
            self.whole = self.buffer.len();
        }
        Ok(self.buffer.len() > before)
    }

    /// The state of the file, whose end was read.
    fn fate(&self) -> Fate {
        let Some(file) = &self.file else { return Fate::Grows };
        match (file.metadata(), self.path.metadata()) {
            // A pipe whose writer has gone is through.
            (Ok(open), _) if !open.is_file() && self.read > 0 => Fate::Gone,
            (Ok(open), Ok(named)) if !is_same(&open, &named) || open.len() < self.read => Fate::Anew,
            (Ok(_), Ok(_)) => Fate::Grows,
            _ => Fate::Gone,
        }
    }

    /// Goes on with the file that has its name now, from its beginning.
    fn begin_anew(&mut self) -> io::Result<()> {
        // What was added to the one before until it was replaced, and a last line without an end.
        while self.read_on()? {}
        if self.whole == 0 {
            self.end();
        }
        self.buffer.truncate(self.whole);
        self.file = None;
        self.read = 0;
        self.has_header = true;
        Ok(())
    }

    /// Passes over the header of a file that was begun anew: a stream has one at its beginning alone.
    fn pass_over_header(&mut self) {
        self.has_header = false;
        let end = self.buffer.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if is_header(&self.buffer[..end]) {
            self.buffer.drain(..end);
            self.whole -= end;
        }
    }

    /// Hands the last line on if it is a whole value without the line's end; one that is half written is no frame.
    fn end(&mut self) {
        let is_value = serde_json::from_slice::<serde::de::IgnoredAny>(&self.buffer).is_ok();
        if is_value && !self.buffer.is_empty() {
            self.buffer.push(b'\n');
            self.whole = self.buffer.len();
        }
    }
}

#[cfg(unix)]
fn is_same(open: &Metadata, named: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn is_same(open: &Metadata, named: &Metadata) -> bool {
    named.len() >= open.len()
}

impl Read for GrowingFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(bytes)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for GrowingFile {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.given == self.whole && self.given > 0 {
            self.buffer.drain(..self.given);
            self.given = 0;
            self.whole = 0;
        }
        while self.whole == 0 {
            if self.read_on()? {
                if self.has_header && self.whole > 0 {
                    self.pass_over_header();
                }
                continue;
            }
            if self.is_ended {
                self.end();
                break;
            }
            // What was added between the last look and the end is still read.
            match self.fate() {
                _ if self.stop.is_raised() => self.is_ended = true,
                Fate::Gone => self.is_ended = true,
                Fate::Anew => self.begin_anew()?,
                Fate::Grows => std::thread::sleep(LOOK_EVERY),
            }
        }
        Ok(&self.buffer[self.given..self.whole])
    }

    fn consume(&mut self, length: usize) {
        self.given += length;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn whole_lines_come_and_a_half_one_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let mut growing = GrowingFile::new(&path, &StopFlag::default());
        assert!(!growing.read_on().unwrap(), "it is not there yet");
        let mut writer = File::create(&path).unwrap();
        writer.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(growing.fill_buf().unwrap(), b"one\ntwo\n");
        growing.consume(4);
        assert_eq!(growing.fill_buf().unwrap(), b"two\n");
        growing.consume(4);
        writer.write_all(b"ee\n[1]").unwrap();
        assert_eq!(growing.fill_buf().unwrap(), b"three\n");
        growing.consume(6);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(growing.fill_buf().unwrap(), b"[1]\n", "a whole value without the line's end");
        growing.consume(4);
        assert_eq!(growing.fill_buf().unwrap(), b"");
    }

    #[test]
    fn a_half_line_at_the_end_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "{}\n{\"frame\":").unwrap();
        let stop = StopFlag::default();
        stop.raise();
        let mut text = String::new();
        GrowingFile::new(&path, &stop).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}\n");
    }

    #[test]
    fn a_file_that_is_begun_anew_is_read_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "{\"poselift\":1}\none\nha").unwrap();
        let mut growing = GrowingFile::new(&path, &StopFlag::default());
        assert_eq!(growing.fill_buf().unwrap(), b"{\"poselift\":1}\none\n");
        growing.consume(19);
        // Cut off and written anew, with the stream's header.
        std::fs::write(&path, "{\"poselift\":1}\nt\n").unwrap();
        assert_eq!(growing.fill_buf().unwrap(), b"t\n");
        growing.consume(2);
        // Another file in its place.
        let other = folder.path().join("b.jsonl");
        std::fs::write(&other, "a frame that is longer than all before\n").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(growing.fill_buf().unwrap(), b"a frame that is longer than all before\n");
        growing.consume(39);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(growing.fill_buf().unwrap(), b"");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(follow(Path::new("/nonexistent-folder/a.jsonl"), &StopFlag::default()).is_err());
    }
}
