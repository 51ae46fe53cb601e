//! One client's stream: JSON frames in, tracked and smoothed poses out, all on the thread of the stream.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use poselift_serve::{StreamAnswers, StreamClient};

use crate::camera::Attitude;
use crate::cli::read::score;
use crate::cli::run::{pitch, roll};
use crate::cli::{frame_rate, image_size, positive};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Extras, MessageSource, PoseWriter, open_messages};
use crate::guard::ReadOptions;
use crate::lift::Lifter;
use crate::live::EachFrame;
use crate::pose::{Axes, Frame, LiftedFrame};
use crate::skeleton::Layout;
use crate::smooth::Smoothing;
use crate::stream::{PushOptions, PushStream, SharedNetwork, pose_info};

/// The options of a stream, named as those of `poselift run`.
pub(super) const OPTIONS: [&str; 12] =
    ["layout", "size", "focal", "fps", "smooth", "pitch", "roll", "root", "contacts", "sigma", "min-score", "max-gap"];

/// The name of the client in errors.
const CLIENT: &str = "the client";

/// How a stream is lifted.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamOptions {
    push: PushOptions,
    extras: Extras,
}

impl StreamOptions {
    /// Reads options, each with the value that `poselift run` takes.
    ///
    /// # Errors
    /// A value that cannot be read, and what was expected.
    pub(super) fn read(options: &BTreeMap<String, String>) -> Result<Self> {
        let smoothing = value(options, "smooth", smoothing)?;
        if let Some(Smoothing::Clip(_)) = smoothing {
            return Err(Error::usage("smooth looks at later frames, expected live or live:HZ"));
        }
        let mut read = ReadOptions {
            layout: options.get("layout").map(|name| Layout::by_name(name)).transpose()?,
            size: value(options, "size", image_size)?,
            fps: value(options, "fps", frame_rate)?,
            min_score: value(options, "min-score", score)?,
            ..ReadOptions::default()
        };
        read.max_gap = value(options, "max-gap", whole)?.unwrap_or(read.max_gap);
        let pitch = value(options, "pitch", pitch)?;
        let attitude = Attitude::if_known(pitch, value(options, "roll", roll)?)?;
        let root = is_set(options, "root")?;
        let contacts = is_set(options, "contacts")?;
        let sigma = is_set(options, "sigma")?;
        let focal = value(options, "focal", positive)?;
        let push = PushOptions { read, focal, smoothing, attitude, root, contacts, arrivals: false };
        Ok(Self { push, extras: Extras { sigma, root, contacts, ..Extras::default() } })
    }
}

/// The value of the option `name`, as `read` reads it, if it is given.
fn value<T>(
    options: &BTreeMap<String, String>,
    name: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    let Some(text) = options.get(name) else { return Ok(None) };
    read(text).map(Some).map_err(|why| Error::usage(format!("{name} is '{text}': {why}")))
}

/// Whether the option `name` is given as true.
fn is_set(options: &BTreeMap<String, String>, name: &str) -> Result<bool> {
    Ok(value(options, name, switch)? == Some(true))
}

fn smoothing(text: &str) -> Result<Smoothing, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number".to_owned())
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "on" | "" => Ok(true),
        "false" | "0" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// Lifts what `client` sends until it ends.
///
/// # Errors
/// A model that fails. What is wrong with a frame is answered in its place: `{"error":"…"}`.
pub(super) fn lift(lifter: Lifter<SharedNetwork>, options: StreamOptions, client: StreamClient) -> Result<()> {
    let answers = client.answers();
    let StreamOptions { mut push, extras } = options;
    let messages = Box::new(Messages { client, answers: answers.clone() });
    let mut reader = open_messages(messages, Path::new(CLIENT), None, push.read.layout)?;
    push.read.layout = push.read.layout.or(reader.info().layout);
    push.read.fps = push.read.fps.or(reader.info().fps);
    let mut info = pose_info(lifter.card(), push.read.fps);
    if push.attitude.is_some() {
        info.axes = Axes::Level;
    }
    let mut writer = EachFrame::new(Lines(answers.clone()), &info, CLIENT, extras)?;
    let mut stream = PushStream::new(lifter, push);
    while let Some(frame) = reader.read()? {
        let pushed = stream.push(frame).and_then(|lifted| write_all(&mut writer, &lifted));
        match pushed {
            Ok(()) => {}
            // The client is gone.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Runtime => return Err(error),
            Err(error) => refuse(&answers, &error),
        }
    }
    let rest = stream.finish()?;
    match write_all(&mut writer, &rest) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn write_all(writer: &mut EachFrame, lifted: &[LiftedFrame]) -> Result<()> {
    for frame in lifted {
        // JSON shows nothing of the key points.
        writer.write(&Frame::default(), frame)?;
    }
    Ok(())
}

fn refuse(answers: &StreamAnswers, error: &Error) {
    answers.send(Bytes::from(error.to_json()));
}

/// The client's messages.
struct Messages {
    client: StreamClient,
    answers: StreamAnswers,
}

impl MessageSource for Messages {
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let Some(message) = self.client.receive() else { return Ok(false) };
        text.clear();
        text.extend_from_slice(&message);
        Ok(true)
    }

    fn has_more(&mut self) -> bool {
        self.client.has_more()
    }

    fn skipped(&mut self, error: &Error) {
        refuse(&self.answers, error);
    }
}

/// Sends each line as an answer.
struct Lines(StreamAnswers);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if !self.0.send(Bytes::copy_from_slice(line)) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
