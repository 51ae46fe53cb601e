//! Frames that come as messages, as of a socket: each is one JSON value, a frame of our own or of a detector's.
//!
//! A message is whole or nothing, so one that cannot be read is passed over and the next is a frame again; a stream in
//! which lines follow each other has no such borders.

use std::collections::VecDeque;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::detector::{Detector, Document, detector};
use super::jsonl::KeypointMessages;
use super::shape::Shape;
use super::values::Values;
use super::{FrameReader, InputFormat, StreamInfo, sniff};
use crate::error::{Error, Result};
use crate::pose::Frame;
use crate::skeleton::Layout;

/// Where messages come from.
pub trait MessageSource: Send {
    /// Puts the next message in the place of what `text` holds; false at the end. Waits for one.
    ///
    /// # Errors
    /// The source fails.
    fn next(&mut self, text: &mut Vec<u8>) -> Result<bool>;

    /// Whether a message is there already, so that reading it will not wait.
    fn has_more(&mut self) -> bool;

    /// Hears of a message that could not be read and was passed over.
    fn skipped(&mut self, error: &Error);
}

/// Opens the frames of messages, in the format `from` or in the one that the first message shows: JSON Lines, or a
/// detector's JSON. Waits for the first frame. With a `layout`, it is the frames' layout whatever a header says.
///
/// A header may come at any time, as from a sender that was started again.
///
/// # Errors
/// The source fails, or `from` is not made of JSON.
pub fn open_messages(
    messages: Box<dyn MessageSource>,
    name: &Path,
    from: Option<InputFormat>,
    layout: Option<&'static Layout>,
) -> Result<Box<dyn FrameReader>> {
    let parser = from.map(|format| MessageParser::new(format, layout)).transpose().map_err(|e| e.at(name))?;
    let info = StreamInfo { layout, is_live: true, ..StreamInfo::default() };
    let mut reader = MessageReader {
        messages,
        name: name.to_path_buf(),
        text: Vec::new(),
        number: 0,
        layout,
        parser,
        info,
        waiting: VecDeque::new(),
    };
    while reader.waiting.is_empty() && reader.read_message()? {}
    reader.info.format = from.is_none().then(|| reader.parser.as_ref().map(|parser| parser.format)).flatten();
    if let Some(parser) = &reader.parser {
        reader.info.layout = parser.layout();
        reader.info.fps = parser.fps();
    }
    Ok(Box::new(reader))
}

/// The frames in messages.
struct MessageReader {
    messages: Box<dyn MessageSource>,
    name: PathBuf,
    /// The last message.
    text: Vec<u8>,
    /// How many messages have come.
    number: u64,
    layout: Option<&'static Layout>,
    /// `None` before the first message that can be read.
    parser: Option<MessageParser>,
    info: StreamInfo,
    /// Frames that were read and not yet handed on.
    waiting: VecDeque<Frame>,
}

impl MessageReader {
    /// Takes the next message, which may hold no frame; false at the end.
    fn read_message(&mut self) -> Result<bool> {
        if !self.messages.next(&mut self.text)? {
            return Ok(false);
        }
        self.number += 1;
        if let Err(error) = self.parse() {
            self.messages.skipped(&error.at(&self.name).line(self.number));
        }
        Ok(true)
    }

    fn parse(&mut self) -> Result<()> {
        if let Some(parser) = &mut self.parser {
            return parser.parse(&self.text, self.number, &mut self.waiting);
        }
        // Messages without people do not tell whose they are, and nothing comes of them.
        let Some(format) = format_of(&self.text)? else { return Ok(()) };
        let mut parser = MessageParser::new(format, self.layout)?;
        parser.parse(&self.text, self.number, &mut self.waiting)?;
        self.parser = Some(parser);
        Ok(())
    }
}

impl FrameReader for MessageReader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Ok(Some(frame));
            }
            if !self.read_message()? {
                return Ok(None);
            }
        }
    }

    fn reuse(&mut self, spent: Frame) {
        if let Some(MessageParser { kind: ParserKind::Own(own), .. }) = &mut self.parser {
            own.reuse(spent);
        }
    }

    fn has_more(&mut self) -> bool {
        // Reading what is there tells: it may hold no frame.
        while self.waiting.is_empty() && self.messages.has_more() {
            if !matches!(self.read_message(), Ok(true)) {
                return true;
            }
        }
        !self.waiting.is_empty()
    }
}

/// The format of a message; `None` for one that says nothing.
fn format_of(text: &[u8]) -> Result<Option<InputFormat>> {
    let mut values = Values::new(Box::new(Cursor::new(text.to_vec())), Path::new(""));
    let value = values.next()?.map(|value| value.text).unwrap_or_default();
    let shape = Shape::of(&value).map_err(|e| Error::input(format!("a message that is no JSON: {e}")))?;
    match sniff::json(&shape) {
        None if shape.is_empty() => Ok(None),
        Some(InputFormat::JsonLines) if value.first() == Some(&b'[') => {
            Err(Error::input("a list of frames, expected one frame a message"))
        }
        Some(format) => Ok(Some(format)),
        // Some object: the reader of our own frames says what it lacks.
        None if value.first() == Some(&b'{') => Ok(Some(InputFormat::JsonLines)),
        None => Err(sniff::unknown("a message of no known format")),
    }
}

/// What takes messages apart.
struct MessageParser {
    format: InputFormat,
    kind: ParserKind,
}

enum ParserKind {
    Own(KeypointMessages),
    Detector { detector: Box<dyn Detector>, document: Document },
}

impl MessageParser {
    fn new(format: InputFormat, layout: Option<&'static Layout>) -> Result<Self> {
        let kind = match format {
            InputFormat::JsonLines => ParserKind::Own(KeypointMessages::new(layout)),
            other => {
                let Some(detector) = detector(other) else {
                    return Err(Error::usage(format!("{format} is not made of JSON values")));
                };
                ParserKind::Detector { detector, document: Document { layout, ..Document::default() } }
            }
        };
        Ok(Self { format, kind })
    }

    fn parse(&mut self, text: &[u8], number: u64, waiting: &mut VecDeque<Frame>) -> Result<()> {
        match &mut self.kind {
            ParserKind::Own(own) => waiting.extend(own.read(text, number)?),
            ParserKind::Detector { detector, document } => {
                document.line = number;
                let mut values = Values::new(Box::new(Cursor::new(text.to_vec())), Path::new(""));
                while let Some(value) = values.next()? {
                    let next_index = document.next_index;
                    if value.is_cut_off {
                        document.frames.clear();
                        return Err(Error::input("a message that is cut off").line(number));
                    }
                    if document.push_empty(&value.text) {
                        continue;
                    }
                    if let Err(error) = detector.decode(&value.text, document) {
                        document.frames.clear();
                        document.next_index = next_index;
                        return Err(error);
                    }
                }
                waiting.extend(document.frames.drain(..));
            }
        }
        Ok(())
    }

    fn layout(&self) -> Option<&'static Layout> {
        match &self.kind {
            ParserKind::Own(own) => own.layout(),
            ParserKind::Detector { document, .. } => document.layout,
        }
    }

    fn fps(&self) -> Option<f64> {
        match &self.kind {
            ParserKind::Own(own) => own.fps(),
            ParserKind::Detector { document, .. } => document.fps,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Gives messages, and keeps the complaints about them.
    struct Given {
        messages: VecDeque<String>,
        skipped: Arc<Mutex<Vec<String>>>,
    }

    impl MessageSource for Given {
        fn next(&mut self, text: &mut Vec<u8>) -> Result<bool> {
            let Some(message) = self.messages.pop_front() else { return Ok(false) };
            *text = message.into_bytes();
            Ok(true)
        }

        fn has_more(&mut self) -> bool {
            !self.messages.is_empty()
        }

        fn skipped(&mut self, error: &Error) {
            self.skipped.lock().unwrap().push(error.to_string());
        }
    }

    fn open(messages: &[&str], from: Option<InputFormat>) -> (Box<dyn FrameReader>, Arc<Mutex<Vec<String>>>) {
        let skipped = Arc::default();
        let messages = messages.iter().map(|message| (*message).to_owned()).collect();
        let given = Given { messages, skipped: Arc::clone(&skipped) };
        (open_messages(Box::new(given), Path::new("udp://x"), from, None).unwrap(), skipped)
    }

    fn indices(reader: &mut dyn FrameReader) -> Vec<u64> {
        std::iter::from_fn(|| reader.read().unwrap()).map(|frame| frame.index).collect()
    }

    const HEADER: &str = r#"{"poselift":1,"kind":"keypoints","layout":"coco17","fps":30}"#;

    #[test]
    fn frames_of_our_own_with_headers_at_any_time_and_bad_messages_between() {
        let frame = "{\n\"people\":\n[]}\n";
        let poses = r#"{"poselift":1,"kind":"poses"}"#;
        let (mut reader, skipped) =
            open(&["GET / HTTP/1.1", HEADER, frame, "{\"a\":1}", "[1]", HEADER, poses, "", frame], None);
        assert_eq!((reader.info().layout.unwrap().name, reader.info().fps), ("coco17", Some(30.0)));
        assert_eq!(indices(reader.as_mut()), [0, 1]);
        let skipped = skipped.lock().unwrap();
        assert_eq!(skipped.len(), 5, "{skipped:?}");
        assert!(skipped[0].starts_with("udp://x:1: a message that is no JSON"), "{}", skipped[0]);
        assert!(skipped[3].contains("kind is 'poses'"), "{}", skipped[3]);
    }

    #[test]
    fn frames_of_detectors() {
        let points = vec!["1.5"; 75].join(",");
        let openpose = format!(r#"{{"version":1.3,"people":[{{"pose_keypoints_2d":[{points}]}}]}}"#);
        let (mut reader, skipped) = open(&[&openpose, "{\"version\"", &openpose], None);
        assert_eq!(reader.info().format, Some(InputFormat::OpenPose));
        assert_eq!(indices(reader.as_mut()), [0, 1]);
        assert_eq!(skipped.lock().unwrap().len(), 1);
        let person = r#"[{"keypoints":[{"x":1,"y":2,"name":"nose"},{"x":1,"y":2,"name":"left_eye"}]}]"#;
        let (mut reader, skipped) = open(&["[]", "null", person, "null", "{}", person], None);
        assert_eq!(indices(reader.as_mut()), [0, 1, 2, 3]);
        assert_eq!(skipped.lock().unwrap().len(), 0);
        let given = Given { messages: VecDeque::new(), skipped: Arc::default() };
        assert!(open_messages(Box::new(given), Path::new("x"), Some(InputFormat::Npy), None).is_err());
    }

    #[test]
    fn nothing_at_all_is_no_failure() {
        let (mut reader, _) = open(&[], None);
        assert!(!reader.has_more());
        assert_eq!(reader.read().unwrap(), None);
    }
}
