//! A stream of JSON values that a detector wrote, as frames.

use super::{Detector, Document};
use crate::error::{Error, Result};
use crate::format::values::{Value, Values};
use crate::format::{FrameReader, InputFormat, StreamInfo};
use crate::pose::Frame;
use crate::skeleton::Layout;

/// The frames in the values of a stream.
///
/// Memory: one value, and the frames in it, which together take no more than four times its text.
pub(in crate::format) struct ValueReader {
    values: Values,
    detector: Box<dyn Detector>,
    document: Document,
    info: StreamInfo,
    /// The line that the last value begins on, if it is cut off, until that is told.
    cut_off: Option<u64>,
}

impl ValueReader {
    /// Goes on behind `first`, values that were read from `values` already: the last of them is the first that says something.
    ///
    /// # Errors
    /// That value is not what the format says.
    pub(in crate::format) fn new(
        values: Values,
        first: &[Value],
        detector: Box<dyn Detector>,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        let mut reader = Self {
            values,
            detector,
            document: Document { layout, ..Document::default() },
            info: StreamInfo::default(),
            cut_off: None,
        };
        for value in first {
            reader.decode(value)?;
        }
        reader.info = StreamInfo { layout: reader.document.layout, fps: reader.document.fps, ..StreamInfo::default() };
        Ok(reader)
    }

    /// Says that the format was found by content.
    pub(in crate::format) fn found(&mut self, format: InputFormat) {
        self.info.format = Some(format);
    }

    fn decode(&mut self, value: &Value) -> Result<()> {
        self.document.line = value.line;
        self.cut_off = value.is_cut_off.then_some(value.line);
        if self.document.push_empty(&value.text) {
            return Ok(());
        }
        self.detector.decode(&value.text, &mut self.document).map_err(|e| {
            // A value that cannot be read still counts as a frame, so that those behind it keep their numbers.
            self.document.next_index = self.document.next_index.saturating_add(1);
            e.at(self.values.name()).line(value.line)
        })
    }
}

impl FrameReader for ValueReader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.document.frames.pop_front() {
                check(&frame, self.info.layout).map_err(|e| e.at(self.values.name()))?;
                return Ok(Some(frame));
            }
            if let Some(line) = self.cut_off.take() {
                let message = "the JSON value is cut off: what follows the last whole element is lost";
                return Err(Error::input(message).at(self.values.name()).line(line));
            }
            let Some(value) = self.values.next()? else { return Ok(None) };
            self.decode(&value)?;
        }
    }

    fn has_more(&mut self) -> bool {
        !self.document.frames.is_empty() || self.cut_off.is_some() || self.values.has_more()
    }
}

/// Holds people against the stream's layout.
pub(super) fn check(frame: &Frame, layout: Option<&'static Layout>) -> Result<()> {
    let Some(layout) = layout else { return Ok(()) };
    let odd = frame.people.iter().enumerate().find(|(_, person)| person.keypoints.len() != layout.len());
    match odd {
        None => Ok(()),
        Some((place, person)) => Err(Error::input(format!(
            "frame {}: person {place} has {} key points, expected {} ({})",
            frame.index,
            person.keypoints.len(),
            layout.len(),
            layout.name
        ))),
    }
}
