//! From what an input begins with to the reader of its format.

use std::io::{BufRead, Cursor, Read};
use std::path::Path;

use super::arrays::{self, BufferedFrames, Tensors};
use super::detector::{self, Document, RowOrder, TableFrames, ValueReader};
use super::jsonl::{KeypointLines, no_frames};
use super::line_ends::with_line_feeds;
use super::open::{first_bytes, open_file};
use super::shape::Shape;
use super::size_limit::{check_size_limit, read_small, read_whole};
use super::values::{Value, Values};
use super::{FrameReader, InputFormat, PassedOver, Source, StreamInfo, npz, sniff};
use crate::error::{Error, Result};
use crate::pose::Frame;
use crate::skeleton::Layout;

/// Lines of other text that may stand before the first line of a stream, as programs log them.
const MAX_LOG_LINES: usize = 200;
/// The longest of them, in bytes.
const MAX_LOG_LINE: usize = 16 << 10;
/// Frames without people that may stand before the first that tells whose they are.
const MAX_EMPTY_VALUES: usize = 1 << 20;

type Input = Box<dyn BufRead + Send>;
type Opened = Result<Box<dyn FrameReader>>;

/// The reader of an unpacked input of `source`.
///
/// # Errors
/// As [`super::open_reader`].
pub(super) fn open(
    mut input: Input,
    source: &Source,
    from: Option<InputFormat>,
    layout: Option<&'static Layout>,
) -> Opened {
    let name = source.name();
    if let Some(format) = from {
        return open_as(format, input, source, layout);
    }
    let there = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
    match sniff::start(there).map_err(|e| e.at(name))? {
        sniff::Start::Hdf5 if matches!(source, Source::Part { .. }) => {
            Err(Error::usage("an HDF5 file holds one clip (--clip)").at(name))
        }
        sniff::Start::Hdf5 => {
            let bytes = read_whole(input, name)?;
            Ok(Box::new(detector::open_hdf5(&bytes, name, None, layout)?))
        }
        sniff::Start::Known(format) => open_as(format, input, source, layout),
        sniff::Start::Pickle => {
            let bytes = read_whole(input, name)?;
            arrays::open_pickle(&bytes, name, layout, part_of(source))
        }
        sniff::Start::Json | sniff::Start::Text if matches!(source, Source::Part { .. }) => {
            Err(Error::usage("it holds one clip, whatever --clip says").at(name).hint("leave --clip out"))
        }
        sniff::Start::Json => open_json(input, source, layout),
        sniff::Start::Text => open_text(input, source, layout),
    }
}

fn open_as(format: InputFormat, mut input: Input, source: &Source, layout: Option<&'static Layout>) -> Opened {
    let name = source.name();
    let from = Some(format);
    let part = part_of(source);
    let is_of_arrays = matches!(format, InputFormat::Npy | InputFormat::MoveNet | InputFormat::Npz);
    if let Some(part) = part.filter(|_| !is_of_arrays) {
        return Err(Error::usage(format!("a file of {format} holds one clip, and no '{part}' (--clip)")).at(name));
    }
    Ok(match format {
        InputFormat::JsonLines => match input.fill_buf().map_err(|e| Error::io("cannot read", name, e))? {
            [b'[', ..] => open_json(input, source, layout)?,
            _ => Box::new(KeypointLines::new(input, name, layout)?),
        },
        InputFormat::Npy => arrays::open_npy(input, name, layout, part, Tensors::Plain)?,
        InputFormat::MoveNet => match input.fill_buf().map_err(|e| Error::io("cannot read", name, e))? {
            there if npz::is_zip(there) => {
                arrays::open_npz(seekable(input, source)?, name, layout, part, Tensors::MoveNet)?
            }
            _ => arrays::open_npy(input, name, layout, part, Tensors::MoveNet)?,
        },
        InputFormat::Npz => arrays::open_npz(seekable(input, source)?, name, layout, part, Tensors::Plain)?,
        InputFormat::DeepLabCutCsv => Box::new(detector::read_csv(with_line_feeds(input, name)?, name, layout)?),
        InputFormat::Csv => Box::new(TableFrames::new(with_line_feeds(input, name)?, name, layout, row_order(source))?),
        InputFormat::YoloLabels => Box::new(labels(input, name, layout)?),
        InputFormat::DeepLabCutH5 | InputFormat::Sleap => {
            let bytes = read_whole(input, name)?;
            Box::new(detector::open_hdf5(&bytes, name, from, layout)?)
        }
        json => {
            let mut values = Values::new(input, name);
            let Some(first) = values.next()? else { return Err(no_frames().at(name)) };
            open_values(json, values, &[first], layout)?
        }
    })
}

/// An archive of arrays, the file itself where nothing is packed around it.
fn seekable(input: Input, source: &Source) -> Result<Box<dyn npz::ReadSeek>> {
    Ok(match source {
        Source::File(path) | Source::Part { path, .. } if is_plain(path) => Box::new(open_file(path)?),
        _ => Box::new(Cursor::new(read_whole(input, source.name())?)),
    })
}

/// The clip that is asked for of a file of several.
fn part_of(source: &Source) -> Option<&str> {
    match source {
        Source::Part { part, .. } => Some(part),
        _ => None,
    }
}

/// Rows of a file can be read before the first frame is handed on; those of a pipe come one by one.
fn row_order(source: &Source) -> RowOrder {
    match source {
        Source::File(path) if std::fs::metadata(path).is_ok_and(|found| found.is_file()) => RowOrder::Any,
        _ => RowOrder::ByFrame,
    }
}

/// Whether a file is an archive as it stands, and nothing is packed around it.
fn is_plain(path: &Path) -> bool {
    first_bytes(path).is_ok_and(|start| npz::is_zip(&start))
}

/// Opens an input that begins with a list or an object.
///
/// A first line that is a whole value, as in JSON Lines, is looked at where it lies, so that our own streams go on to their
/// reader as they came.
fn open_json(mut input: Input, source: &Source, layout: Option<&'static Layout>) -> Opened {
    let name = source.name();
    let there = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
    if let Some(end) = there.iter().position(|byte| *byte == b'\n') {
        match first_line(&there[..end]) {
            FirstLine::Whole(Some(InputFormat::JsonLines)) if there.first() != Some(&b'[') => {
                return Ok(Box::new(KeypointLines::new(input, name, layout)?));
            }
            // `[INFO] loading the model` and the like.
            FirstLine::NotJson if there.trim_ascii_start().first() == Some(&b'[') => {
                return open_text(input, source, layout);
            }
            FirstLine::Open if is_cut_off(&there[..end]) => match second_line(&there[end + 1..]) {
                // A stream whose first line is cut off: its reader says so, and goes on behind it.
                Some(InputFormat::JsonLines) => return Ok(Box::new(KeypointLines::new(input, name, layout)?)),
                Some(_) => {
                    input.consume(end + 1);
                    let notes = vec!["its first line is cut off, and passed over".to_owned()];
                    return Ok(Box::new(Noted::new(open_json(input, source, layout)?, notes)));
                }
                None => {}
            },
            // A broken line: its reader says what is wrong with it.
            FirstLine::NotJson => return Ok(Box::new(KeypointLines::new(input, name, layout)?)),
            FirstLine::Whole(_) | FirstLine::Open => {}
        }
    }
    let mut values = Values::new(input, name);
    let Some(value) = values.next()? else { return Err(no_frames().at(name)) };
    let mut first = vec![value];
    let mut shape = Shape::of(&first[0].text);
    // Frames without people do not tell whose they are.
    while shape.as_ref().is_ok_and(Shape::is_empty) && first.len() < MAX_EMPTY_VALUES {
        let Some(value) = values.next()? else { break };
        shape = Shape::of(&value.text);
        first.push(value);
    }
    let format = shape.as_ref().ok().and_then(sniff::json);
    let is_list = first.last().is_some_and(|value| value.text.first() == Some(&b'['));
    match format {
        Some(InputFormat::JsonLines) => open_own_values(values, first, source, layout),
        Some(format) => open_values(format, values, &first, layout),
        None if is_list => Err(match shape {
            Ok(shape) if shape.is_empty() => {
                Error::input("no frames: empty lists alone").hint("say whose they are with --from FORMAT")
            }
            Ok(_) => sniff::unknown("one JSON list"),
            Err(e) => Error::input(format!("one JSON list that cannot be read: {e}")),
        }
        .at(name)),
        // Some object: the reader of our own streams says what it lacks.
        None => open_own_values(values, first, source, layout),
    }
}

/// What the first line of an input is.
enum FirstLine {
    /// One whole value, and whose.
    Whole(Option<InputFormat>),
    /// The beginning of a value, or a value with others behind it.
    Open,
    NotJson,
}

fn first_line(line: &[u8]) -> FirstLine {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    // Python's NaN is no JSON; it is read all the same.
    let mut values = Values::new(Box::new(Cursor::new(line.to_vec())), Path::new(""));
    let Ok(Some(Value { text, is_cut_off: false, .. })) = values.next() else { return FirstLine::Open };
    match Shape::of(&text) {
        Ok(shape) => match values.next() {
            Ok(None) if !line.trim_ascii_end().ends_with(b",") => FirstLine::Whole(sniff::json(&shape)),
            _ => FirstLine::Open,
        },
        Err(e) if e.is_eof() => FirstLine::Open,
        Err(_) => FirstLine::NotJson,
    }
}

/// Whether an object that a line leaves open cannot go on with another on the next line.
fn is_cut_off(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.first() == Some(&b'{') && !matches!(line.last(), Some(b'[' | b',' | b':'))
}

/// Whose frame the line is that `there` begins with, if it is a whole one.
fn second_line(there: &[u8]) -> Option<InputFormat> {
    let end = there.iter().position(|byte| *byte == b'\n')?;
    match first_line(&there[..end]) {
        FirstLine::Whole(format) => format,
        FirstLine::Open | FirstLine::NotJson => None,
    }
}

/// A detector's values.
fn open_values(format: InputFormat, values: Values, first: &[Value], layout: Option<&'static Layout>) -> Opened {
    let Some(detector) = detector::detector(format) else {
        return Err(Error::usage(format!("{format} is not made of JSON values")).at(values.name()));
    };
    let mut reader = ValueReader::new(values, first, detector, layout)?;
    reader.found(format);
    Ok(Box::new(reader))
}

/// Our own frames in another spelling than a line each: in a list, indented, parted by commas or carriage returns.
fn open_own_values(mut values: Values, first: Vec<Value>, source: &Source, layout: Option<&'static Layout>) -> Opened {
    let name = source.name();
    if let [clip] = &first[..]
        && let Some(mut lines) = lines_of_clip(&clip.text)
    {
        push_cut_off(clip, &mut lines);
        return Ok(Box::new(KeypointLines::new(Box::new(Cursor::new(lines)), name, layout)?));
    }
    let mut lines = Vec::new();
    for value in &first {
        push_lines(&value.text, &mut lines);
        push_cut_off(value, &mut lines);
    }
    if let [Value { line: 1, .. }, ..] = &first[..]
        && first.iter().all(is_line)
        && values.has_line_end()
    {
        // A first line that did not come in one piece, or such that say nothing.
        lines.pop();
        let input = Cursor::new(lines).chain(values.into_rest());
        return Ok(Box::new(KeypointLines::new(Box::new(input), name, layout)?));
    }
    while let Some(value) = values.next()? {
        push_lines(&value.text, &mut lines);
        push_cut_off(&value, &mut lines);
        check_size_limit(lines.len(), name)?;
    }
    Ok(Box::new(KeypointLines::new(Box::new(Cursor::new(lines)), name, layout)?))
}

/// Whether a value is written as lines of our stream are: an object or null, without a line end within.
fn is_line(value: &Value) -> bool {
    !value.text.contains(&b'\n') && matches!(value.text.first(), Some(b'{' | b'n'))
}

/// A clip in one object, `{"fps": 30, "frames": [{"people": […]}]}`, as the lines of a stream; `None` for any other value.
fn lines_of_clip(text: &[u8]) -> Option<Vec<u8>> {
    let shape = Shape::of(text).ok()?;
    if !matches!(shape.get("frames"), Some(Shape::List(..))) || shape.has("people") {
        return None;
    }
    let mut clip: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
    let frames = clip.remove("frames")?;
    clip.insert("poselift".to_owned(), 1.into());
    clip.insert("kind".to_owned(), "keypoints".into());
    let header = serde_json::Value::Object(clip);
    let mut lines = Vec::with_capacity(text.len());
    for line in std::iter::once(&header).chain(frames.as_array()?) {
        serde_json::to_writer(&mut lines, line).expect("a value that was read can be written");
        lines.push(b'\n');
    }
    Some(lines)
}

/// Appends the frame that a value is cut off within, so that its loss is told.
fn push_cut_off(value: &Value, lines: &mut Vec<u8>) {
    if value.is_cut_off {
        lines.push(b'{');
    }
}

/// Appends a value as a line, or a list as a line for each of its elements.
fn push_lines(text: &[u8], lines: &mut Vec<u8>) {
    let is_list = text.first() == Some(&b'[');
    let inner = if is_list { text.strip_suffix(b"]").unwrap_or(text).get(1..).unwrap_or_default() } else { text };
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in inner {
        let mut byte = *byte;
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else {
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' if depth == 0 && is_list => byte = b'\n',
                b'\n' | b'\r' => byte = b' ',
                _ => {}
            }
        }
        lines.push(byte);
    }
    lines.push(b'\n');
}

/// Opens an input that begins with other text than JSON: a table, labels, or lines of a log before a stream.
fn open_text(input: Input, source: &Source, layout: Option<&'static Layout>) -> Opened {
    let name = source.name();
    let mut input = with_line_feeds(input, name)?;
    let there = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
    if detector::is_proto_landmarks(&String::from_utf8_lossy(&there[..there.len().min(MAX_LOG_LINE)])) {
        return open_proto_text(input, source, layout);
    }
    let mut first = Vec::new();
    for passed in 0..MAX_LOG_LINES {
        let there = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
        let is_json = matches!(there.trim_ascii_start().first(), Some(b'{' | b'['));
        if passed > 0 && is_json && begins_stream(there) {
            let lines = if passed == 1 { "a line".to_owned() } else { format!("{passed} lines") };
            let notes = vec![format!("{lines} of other text before the first frame passed over")];
            let reader = open_json(input, source, layout)?;
            return Ok(Box::new(Noted::new(reader, notes)));
        }
        let mut line = Vec::new();
        let length = input.by_ref().take(MAX_LOG_LINE as u64).read_until(b'\n', &mut line);
        length.map_err(|e| Error::io("cannot read", name, e))?;
        if line.is_empty() {
            break;
        }
        let is_first = first.trim_ascii().is_empty() || first.starts_with(b"#");
        if is_first {
            let text = String::from_utf8_lossy(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)).into_owned();
            if let Some(format) = sniff::line(text.trim_end()) {
                return open_as(format, Box::new(Cursor::new(line).chain(input)), source, layout);
            }
            first = line;
        }
    }
    let letter = String::from_utf8_lossy(&first).chars().find(|letter| !letter.is_whitespace()).unwrap_or(' ');
    Err(sniff::unknown(&format!("'{}' at the start", letter.escape_debug())).at(name))
}

/// MediaPipe's landmarks as a text protocol buffer: a frame.
fn open_proto_text(input: Input, source: &Source, layout: Option<&'static Layout>) -> Opened {
    let name = source.name();
    let text = String::from_utf8_lossy(&read_small(input, name)?).into_owned();
    let json = detector::proto_to_json(&text, false).map_err(|e| e.at(name))?;
    open_as(InputFormat::MediaPipe, Box::new(Cursor::new(json)), source, layout)
}

/// Whether what is there begins with a line of a stream.
fn begins_stream(there: &[u8]) -> bool {
    let line = there.trim_ascii_start();
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    match first_line(&line[..end]) {
        FirstLine::Whole(format) => format.is_some(),
        FirstLine::Open => true,
        FirstLine::NotJson => false,
    }
}

/// One label file alone: the only frame of a clip.
fn labels(input: Input, name: &Path, layout: Option<&'static Layout>) -> Result<BufferedFrames> {
    let text = read_small(input, name)?;
    let mut document = Document { layout, ..Document::default() };
    detector::label_frames(&text, &mut document).map_err(|e| e.at(name))?;
    let info = StreamInfo { layout: document.layout, ..StreamInfo::default() };
    Ok(BufferedFrames { info, frames: document.frames })
}

/// A reader of which something more is to be said.
struct Noted {
    reader: Box<dyn FrameReader>,
    info: StreamInfo,
}

impl Noted {
    fn new(reader: Box<dyn FrameReader>, notes: Vec<String>) -> Self {
        let mut info = reader.info().clone();
        info.notes.extend(notes);
        Self { reader, info }
    }
}

impl FrameReader for Noted {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        self.reader.read()
    }

    fn passed_over(&self) -> PassedOver {
        self.reader.passed_over()
    }

    fn reuse(&mut self, spent: Frame) {
        self.reader.reuse(spent);
    }

    fn has_more(&mut self) -> bool {
        self.reader.has_more()
    }
}
