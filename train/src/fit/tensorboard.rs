//! A run's errors for TensorBoard: an event file that grows as the run does.
//!
//! An event file is a row of TFRecords, each with masked CRC-32Cs of its length and its content; the content is an
//! `Event` of TensorFlow's protocol buffers, of which the few fields used are written down here.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use poselift::{Error, Result};
use prost::Message;

use super::{Event, Progress};

/// The error of each step's batch.
const TRAIN_TAG: &str = "mpjpe/train";
/// The error of the validation split.
const VALIDATION_TAG: &str = "mpjpe/validation";

/// `tensorflow.Event`.
#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

/// What a record holds.
#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Scalars),
    #[prost(message, tag = "7")]
    Session(Session),
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Scalars {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// `tensorflow.SessionLog`: a start tells readers to forget later steps of an interrupted run.
#[derive(Clone, PartialEq, Message)]
struct Session {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `tensorflow.SessionLog.START`.
const START: i32 = 1;

/// Writes the events of a run into a file, and passes them on.
pub struct TensorBoard<'a> {
    inner: &'a mut dyn Progress,
    folder: PathBuf,
    /// Made when the run has started: a run that is refused leaves nothing.
    file: Option<BufWriter<File>>,
    /// The first failure. It is told at once; training goes on without the file.
    failure: Option<Error>,
}

impl<'a> TensorBoard<'a> {
    /// Writes into a new file in `folder`, which is made where it is not there, and passes events on to `inner`.
    pub fn new(folder: PathBuf, inner: &'a mut dyn Progress) -> Self {
        Self { inner, folder, file: None, failure: None }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// It could not be written, now or earlier.
    pub fn finish(mut self) -> Result<()> {
        self.flush();
        self.failure.map_or(Ok(()), Err)
    }

    fn create(&mut self) -> Result<()> {
        let folder = &self.folder;
        fs::create_dir_all(folder).map_err(|error| Error::io("cannot create", folder, error))?;
        let name = format!("events.out.tfevents.{:.6}.{}.poselift", seconds_since_1970(), std::process::id());
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(|error| Error::io("cannot create", &path, error))?;
        self.file = Some(BufWriter::new(file));
        Ok(())
    }

    fn scalar(&mut self, step: u64, tag: &str, value: f64) {
        let scalar = Scalar { tag: tag.to_owned(), simple_value: Some(value as f32) };
        self.write(step, What::Summary(Scalars { value: vec![scalar] }));
    }

    fn write(&mut self, step: u64, what: What) {
        let record = Record { wall_time: seconds_since_1970(), step: step as i64, what: Some(what) };
        let written = self.file.as_mut().map(|file| file.write_all(&framed(&record.encode_to_vec())));
        self.give_up_after(written);
    }

    /// Lets a reader see what was written so far.
    fn flush(&mut self) {
        let flushed = self.file.as_mut().map(Write::flush);
        self.give_up_after(flushed);
    }

    fn give_up_after(&mut self, written: Option<std::io::Result<()>>) {
        if let Some(Err(error)) = written {
            self.fail(Error::io("cannot write events", &self.folder, error));
        }
    }

    fn fail(&mut self, error: Error) {
        self.file = None;
        self.inner.event(Event::Note(&format!("{error}: training goes on without it")));
        self.failure = Some(error);
    }
}

impl Progress for TensorBoard<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started { resumed_at, .. } => {
                if let Err(error) = self.create() {
                    self.fail(error);
                }
                self.write(0, What::FileVersion("brain.Event:2".to_owned()));
                if resumed_at > 0 {
                    self.write(resumed_at + 1, What::Session(Session { status: START }));
                }
                self.flush();
            }
            Event::Step { iteration, train_mpjpe } => self.scalar(iteration, TRAIN_TAG, train_mpjpe),
            Event::Validated { iteration, val_mpjpe } => {
                self.scalar(iteration, VALIDATION_TAG, val_mpjpe);
                self.flush();
            }
            Event::Progress { .. } => self.flush(),
            Event::Note(_) => {}
        }
        self.inner.event(event);
    }
}

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// `content` as a TFRecord.
fn framed(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), content, &masked_crc(content)].concat()
}

/// A CRC-32C that is not one of itself, where records hold records.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_framed_as_tensorflow_frames_it() {
        // What TensorFlow writes first into every event file, at time 0: b"\x1a\x0dbrain.Event:2" behind its length.
        let version = What::FileVersion("brain.Event:2".to_owned());
        let content = Record { wall_time: 0.0, step: 0, what: Some(version) }.encode_to_vec();
        assert_eq!(content, b"\x1a\x0dbrain.Event:2");
        let record = framed(&content);
        assert_eq!((&record[..8], record.len()), (&15u64.to_le_bytes()[..], 8 + 4 + 15 + 4));
        // RFC 3720's check value of CRC-32C, masked.
        let crc = 0xe306_9283_u32;
        assert_eq!(masked_crc(b"123456789"), crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes());
    }
}
