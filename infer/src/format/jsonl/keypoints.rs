//! Reads 2D streams.

use std::io::BufRead;
use std::path::Path;

use super::complaint;
use super::header::{KeypointHeader, is_header};
use super::loose;
use super::scan::{Line, Lines};
use super::scan::{Scan, Scanner, fault};
use super::tolerant;
#[cfg(target_arch = "x86_64")]
use super::triples::read_points;
use super::wide::Wide;
use crate::error::{Error, Result};
use crate::format::detector::score;
use crate::format::keys::{self, FrameTime, TimeRank, is_one_of, time_key};
use crate::format::{FrameReader, PassedOver, StreamInfo};
use crate::pose::image_side;
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::Layout;

/// A 2D stream in JSON Lines.
pub(in crate::format) struct KeypointLines {
    lines: Lines,
    info: StreamInfo,
    /// The first line, where it was no header and so is a frame already.
    first: Option<Result<Frame>>,
    parser: Parser,
    /// Lines of other text so far.
    passed_over: PassedOver,
    /// Whether any line was meant as a frame.
    has_frames: bool,
}

impl KeypointLines {
    /// Reads the header, if there is one; a `layout` given here counts more than the header's.
    ///
    /// # Errors
    /// A stream that cannot be read, has no line at all, or a header that does not fit.
    pub(in crate::format) fn new(
        input: Box<dyn BufRead + Send>,
        name: &Path,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        let mut lines = Lines::new(input, name);
        let mut parser = Parser { layout, wide: Wide::detect(), ..Parser::default() };
        let mut info = StreamInfo::default();
        let mut first = None;
        match lines.next() {
            Ok(None) => return Err(no_frames().at(name)),
            Ok(Some(line)) if is_header(line.text) => {
                let header = KeypointHeader::read(&line, layout).map_err(|e| e.at(name))?;
                info.fps = header.fps;
                parser.size = header.size;
                parser.layout = layout.or(header.layout);
            }
            Ok(Some(line)) => first = Some(parser.frame(&line).map_err(|e| e.at(name))),
            Err(e) => first = Some(Err(e)),
        }
        // The joints' names in the first frame are as good as a header's layout.
        info.layout = parser.layout;
        let has_frames = first.is_some();
        Ok(Self { lines, info, first, parser, passed_over: PassedOver::default(), has_frames })
    }
}

/// A 2D stream whose lines come one by one, as messages: a header may come at any time.
pub(in crate::format) struct KeypointMessages {
    parser: Parser,
    fps: Option<f64>,
}

impl KeypointMessages {
    /// Frames of `layout`, if it is known; it counts more than a header's.
    pub(in crate::format) fn new(layout: Option<&'static Layout>) -> Self {
        Self { parser: Parser { layout, wide: Wide::detect(), ..Parser::default() }, fps: None }
    }

    /// The frame in the message `text`, the `number`th; `None` for a header.
    ///
    /// # Errors
    /// A message that is neither, or a header that names another layout than was known before.
    pub(in crate::format) fn read(&mut self, text: &[u8], number: u64) -> Result<Option<Frame>> {
        let line = Line { text, number, ended: true };
        if !is_header(text) {
            let next_index = self.parser.next_index;
            let frame = self.parser.frame(&line);
            if frame.is_err() {
                self.parser.next_index = next_index;
            }
            return frame.map(Some);
        }
        let header = KeypointHeader::read(&line, None)?;
        self.fps = self.fps.or(header.fps);
        self.parser.size = self.parser.size.or(header.size);
        match (self.parser.layout, header.layout) {
            (None, named) => self.parser.layout = named,
            (Some(known), Some(named)) if known.len() != named.len() => {
                let message = format!("a header with the layout {}, expected {} as before", named.name, known.name);
                return Err(Error::input(message).line(number));
            }
            (Some(_), _) => {}
        }
        Ok(None)
    }

    /// Takes back a frame that is done with.
    pub(in crate::format) fn reuse(&mut self, spent: Frame) {
        self.parser.reuse(spent);
    }

    /// The layout that was given, named by a header, or is that of the joints' names.
    pub(in crate::format) fn layout(&self) -> Option<&'static Layout> {
        self.parser.layout
    }

    /// Frames a second, if a header named them.
    pub(in crate::format) fn fps(&self) -> Option<f64> {
        self.fps
    }
}

/// An input in which there is nothing at all.
pub(in crate::format) fn no_frames() -> Error {
    Error::input("no frames: there is nothing in it, expected a frame a line")
}

impl FrameReader for KeypointLines {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if let Some(first) = self.first.take() {
            return first.map(Some);
        }
        while let Some(line) = self.lines.next()? {
            if is_other_text(line.text) {
                if self.passed_over.lines == 0 {
                    self.passed_over.first = line.number;
                }
                self.passed_over.lines += 1;
                continue;
            }
            self.has_frames = true;
            return match self.parser.frame(&line) {
                Ok(frame) => Ok(Some(frame)),
                Err(e) => Err(e.at(self.lines.name())),
            };
        }
        if self.passed_over.lines > 0 && !std::mem::replace(&mut self.has_frames, true) {
            let message = format!("{} lines of other text, expected frames behind the header", self.passed_over.lines);
            return Err(Error::input(message).at(self.lines.name()));
        }
        Ok(None)
    }

    fn passed_over(&self) -> PassedOver {
        self.passed_over
    }

    fn reuse(&mut self, spent: Frame) {
        self.parser.reuse(spent);
    }

    fn has_more(&mut self) -> bool {
        self.first.is_some() || self.lines.has_more()
    }
}

/// Whether a line is none of JSON's, but what another program logs into the same pipe: it begins with no object, and is no
/// list either.
fn is_other_text(line: &[u8]) -> bool {
    !matches!(line.trim_ascii_start(), [b'{', ..] | [b'[', .., b']'])
}

/// What must be remembered from line to line.
#[derive(Default)]
struct Parser {
    layout: Option<&'static Layout>,
    /// The number of a frame that names none: one more than the last one's.
    next_index: u64,
    /// The number of the first frame, where it is below 0.
    first_index: i64,
    /// Joints of the person before, a guess at how many the next one has.
    expected_joints: usize,
    /// The size of frames that do not say theirs.
    size: Option<[u32; 2]>,
    wide: Option<Wide>,
    /// Empty lists for the next frame's people, and for their key points.
    spare_people: Vec<Person>,
    spare_keypoints: Vec<Vec<Keypoint>>,
}

impl Parser {
    fn reuse(&mut self, spent: Frame) {
        let mut people = spent.people;
        self.spare_keypoints.extend(people.drain(..).map(|person| person.keypoints));
        self.spare_people = people;
    }

    fn frame(&mut self, line: &Line<'_>) -> Result<Frame> {
        let mut scanner = Scanner::new(line.text);
        let frame = match self.fields(&mut scanner) {
            Ok(frame) => Ok(frame),
            // A reader of frames that are spelt otherwise would wait for the rest of one that is cut off.
            Err(fault) => match loose::frame(line.text, self.next_index, &mut self.layout) {
                Some(frame) => Ok(self.sized(frame)),
                None if is_header(line.text) => {
                    Err(Error::input("a header, expected a frame: a header may only be the first line")
                        .line(line.number))
                }
                None => Err(complaint(fault, &scanner, line)),
            },
        };
        // A frame that cannot be read still counts, so that those behind it keep their numbers.
        self.next_index = frame.as_ref().map_or(self.next_index, |frame| frame.index).saturating_add(1);
        frame
    }

    /// Gives a frame without a size the header's.
    fn sized(&self, frame: Frame) -> Frame {
        Frame { size: frame.size.or(self.size), ..frame }
    }

    fn fields(&mut self, scanner: &mut Scanner<'_>) -> Scan<Frame> {
        let people = std::mem::take(&mut self.spare_people);
        let mut frame = Frame { index: self.next_index, people, ..Frame::default() };
        let mut has_people = false;
        let mut width = None;
        let mut height = None;
        // Its `time` counts, whatever else it says.
        let mut own_time = None;
        let mut other_times: Option<FrameTime> = None;
        scanner.object(|scanner, key| {
            match key {
                b"frame" => frame.index = self.index(scanner)?,
                b"time" => own_time = own_time.or(time(scanner)?),
                b"size" => frame.size = size(scanner)?,
                b"people" => {
                    frame.people.clear();
                    has_people = true;
                    if !scanner.null() {
                        scanner.list(|scanner, number| {
                            frame.people.push(self.person(scanner, number)?);
                            Ok(())
                        })?;
                    }
                }
                other if is_one_of(other, &keys::FRAME) => frame.index = self.index(scanner)?,
                other if is_one_of(other, &keys::WIDTH) => width = tolerant::side(scanner)?.or(width),
                other if is_one_of(other, &keys::HEIGHT) => height = tolerant::side(scanner)?.or(height),
                other if is_one_of(other, &keys::SIZE) => frame.size = size(scanner)?,
                other => match time_key(other) {
                    Some(key) => {
                        let found = tolerant::time(scanner, key.rank > TimeRank::Perhaps)?;
                        other_times.get_or_insert_default().take(key, found);
                    }
                    None => scanner.skip()?,
                },
            }
            Ok(())
        })?;
        scanner.end()?;
        frame.time = own_time.or_else(|| other_times?.seconds());
        frame.size = frame.size.or(width.zip(height).map(|(width, height)| [width, height])).or(self.size);
        if has_people {
            Ok(frame)
        } else {
            fault("the frame has no 'people', expected a list (empty where there is no person)")
        }
    }

    /// The frame's number: whole, or written as 7.0, "7" or the name of an image. Numbers that begin below 0 are counted
    /// from there.
    fn index(&mut self, scanner: &mut Scanner<'_>) -> Scan<u64> {
        let number = match scanner.integer("a frame number") {
            Ok(number) => number,
            Err(expected) => match tolerant::label(scanner)?.frame() {
                Some(number) => return Ok(number),
                None => return Err(expected),
            },
        };
        if number < 0 && self.next_index == 0 {
            self.first_index = number;
        }
        let index = i128::from(number) - i128::from(self.first_index);
        u64::try_from(index)
            .or_else(|_| fault(format!("the frame's number is {number}, expected {} or more", self.first_index)))
    }

    fn person(&mut self, scanner: &mut Scanner<'_>, number: usize) -> Scan<Person> {
        let mut id = None;
        let mut keypoints = None;
        let mut is_lifted = false;
        // For sure, and perhaps.
        let mut scores: [Vec<f64>; 2] = Default::default();
        scanner.object(|scanner, key| match key {
            b"id" => {
                id = if scanner.null() { None } else { track(scanner)? };
                Ok(())
            }
            b"keypoints" => {
                keypoints = Some(self.keypoints(scanner, number)?);
                Ok(())
            }
            other if is_one_of(other, &keys::ID) => {
                id = if scanner.null() { id } else { track(scanner)? };
                Ok(())
            }
            other => {
                let lists = [&keys::SCORES[..], &keys::PERHAPS_SCORES].map(|known| is_one_of(other, known));
                let Some(list) = lists.iter().position(|is_named| *is_named) else {
                    is_lifted |= other == b"joints";
                    return scanner.skip();
                };
                // The one score of a person is no list.
                let found = tolerant::numbers(scanner)?;
                if !found.is_empty() {
                    scores[list] = found;
                }
                Ok(())
            }
        })?;
        let [sure, perhaps] = scores;
        let points = keypoints.as_ref().map_or(0, Vec::len);
        let scores = if sure.is_empty() && are_of_points(&perhaps, points) { perhaps } else { sure };
        if let Some(keypoints) = keypoints.as_mut().filter(|_| !scores.is_empty())
            && !take_scores(keypoints, &scores)
        {
            let points = keypoints.len();
            return fault(format!("person {number} has {} scores for {points} key points", scores.len()));
        }
        match keypoints {
            Some(keypoints) => Ok(Person { id, keypoints }),
            None if is_lifted => fault(format!("person {number} has 3D 'joints', expected 2D 'keypoints'")),
            None => fault(format!("person {number} has no 'keypoints', expected a list of [x, y, score]")),
        }
    }

    fn keypoints(&mut self, scanner: &mut Scanner<'_>, person: usize) -> Scan<Vec<Keypoint>> {
        let mut keypoints = self.spare_keypoints.pop().unwrap_or_default();
        keypoints.clear();
        keypoints.reserve(self.expected_joints);
        match self.wide.and_then(|wide| read_points(scanner.rest(), &mut keypoints, wide)) {
            Some(length) => scanner.pass_over(length),
            // Spelt in another way than as a list of lists.
            None if matches!(scanner.peek_in_list(), Some(b'0'..=b'9' | b'-' | b'{' | b'n' | b'N')) => {
                tolerant::read_other_list(scanner, person, self.layout, &mut keypoints)?;
            }
            None => read_list(scanner, person, &mut keypoints)?,
        }
        self.expected_joints = keypoints.len();
        match self.layout {
            Some(layout) if layout.len() != keypoints.len() => {
                let found = keypoints.len();
                let expected = layout.len();
                fault(format!("person {person} has {found} key points, expected {expected} ({})", layout.name))
            }
            _ => Ok(keypoints),
        }
    }
}

/// Whether a list under a name that may be of something else is of `points` scores, or wrong: one number is that of the person.
pub(super) fn are_of_points(scores: &[f64], points: usize) -> bool {
    scores.len() != 1 || points == 1
}

/// Gives key points the scores that stand beside them, where there are as many. Others are none of theirs where points have scores
/// of their own; false where they have not.
pub(super) fn take_scores(keypoints: &mut [Keypoint], beside: &[f64]) -> bool {
    if keypoints.len() != beside.len() {
        return keypoints.iter().any(|point| point.score != 1.0);
    }
    for (point, beside) in keypoints.iter_mut().zip(beside) {
        point.score = score(Some(*beside));
    }
    true
}

/// Reads a list of key points into `keypoints`, in whichever way JSON may be written.
pub(super) fn read_list(scanner: &mut Scanner<'_>, person: usize, keypoints: &mut Vec<Keypoint>) -> Scan<()> {
    keypoints.clear();
    let mut channels = 0;
    scanner.list(|scanner, joint| {
        if scanner.peek() != Some(b'[') {
            return scanner.unexpected(&format!("keypoint {joint}{} as [x, y, score]", of_person(person)));
        }
        let ([x, y, score], count) = scanner.triple()?;
        let score = match count {
            3 if score.is_nan() => 0.0,
            3 => score as f32,
            _ => 1.0,
        };
        if joint == 0 {
            channels = count;
        }
        if count != channels || !matches!(count, 2 | 3) {
            return miscounted(joint, person, count, channels);
        }
        keypoints.push(Keypoint { x, y, score });
        Ok(())
    })
}

/// What `triples` does where there is AVX-512: elsewhere nothing is read at once.
#[cfg(not(target_arch = "x86_64"))]
fn read_points(_: &[u8], _: &mut Vec<Keypoint>, _: Wide) -> Option<usize> {
    None
}

/// Names a person in a message; the first goes without saying.
fn of_person(person: usize) -> String {
    if person == 0 { String::new() } else { format!(" of person {person}") }
}

#[cold]
fn miscounted<T>(joint: usize, person: usize, found: usize, channels: usize) -> Scan<T> {
    let expected = if channels == 2 && joint > 0 { "2 (x, y)" } else { "3 (x, y, score)" };
    let plural = if found == 1 { "" } else { "s" };
    fault(format!("keypoint {joint}{} has {found} number{plural}, expected {expected}", of_person(person)))
}

/// Seconds, or null; a text that is a number will do.
fn time(scanner: &mut Scanner<'_>) -> Scan<Option<f64>> {
    match scanner.peek() {
        Some(b'"') => tolerant::number(scanner, "a time"),
        _ => scanner.optional_f64(),
    }
}

/// The track that a person belongs to, whatever JSON type names it.
fn track(scanner: &mut Scanner<'_>) -> Scan<Option<i64>> {
    match scanner.integer("an integer id") {
        Ok(id) => Ok(Some(id)),
        Err(_) => Ok(tolerant::label(scanner)?.track()),
    }
}

/// Width and height, or null; whole numbers that are written as 1920.0 will do, and so will an object of both.
fn size(scanner: &mut Scanner<'_>) -> Scan<Option<[u32; 2]>> {
    match scanner.peek() {
        Some(b'{') => return tolerant::size(scanner),
        _ if scanner.null() => return Ok(None),
        _ => {}
    }
    let mut sides = [0; 2];
    let mut count = 0;
    scanner.list(|scanner, position| {
        let Some(side) = scanner.optional_f64()?.and_then(image_side) else {
            return fault("the frame's size is not two whole numbers of pixels above 0");
        };
        if let Some(slot) = sides.get_mut(position) {
            *slot = side;
        }
        count = position + 1;
        Ok(())
    })?;
    match count {
        2 => Ok(Some(sides)),
        _ => fault(format!("the frame's size has {count} numbers, expected 2 (width, height)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::COCO17;
    use proptest::prelude::*;
    use serde_json::json;
    use std::io::{BufReader, Cursor, Read};

    fn reader(text: impl Into<Vec<u8>>) -> Result<KeypointLines> {
        KeypointLines::new(Box::new(Cursor::new(text.into())), Path::new("clip.jsonl"), None)
    }

    fn only_frame(text: &str) -> Frame {
        reader(text).unwrap().read().unwrap().unwrap()
    }

    /// Each frame's number, or what is wrong with it.
    fn outcomes(text: impl Into<Vec<u8>>) -> Vec<String> {
        let mut reader = match reader(text) {
            Ok(reader) => reader,
            Err(e) => return vec![e.to_string()],
        };
        let mut seen = Vec::new();
        loop {
            match reader.read() {
                Ok(None) => return seen,
                Ok(Some(frame)) => seen.push(frame.index.to_string()),
                Err(e) => seen.push(e.to_string()),
            }
        }
    }

    #[test]
    fn knows_whether_another_line_is_there() {
        let line = r#"{"people":[]}"#;
        let (first, rest) = (format!("{line}\n{line}\n{{\"peo"), format!("ple\":[]}}\n{line}"));
        let input = BufReader::new(Cursor::new(first).chain(Cursor::new(rest)));
        let mut reader = KeypointLines::new(Box::new(input), Path::new("x"), None).unwrap();
        assert!(reader.has_more(), "the first line is no header");
        let mut seen = Vec::new();
        while reader.read().unwrap().is_some() {
            seen.push(reader.has_more());
        }
        // The third line is half there behind the second, and the last has no end.
        assert_eq!(seen, [true, false, false, false]);
    }

    #[test]
    fn reads_every_field() {
        let text = r#" {"extra":{"a":[1,"\"}"]},"frame":7,"time":0.25,"size":[1768,994.0],"people":[
            {"id":-3,"keypoints":[[1,2.5,0.5],[-1e1,0,1]],"box":[0,0,1,1]},{"keypoints":[[1,2],[3,4]],"id":null}]}"#;
        let point = |x, y, score| Keypoint { x, y, score };
        let expected = Frame {
            index: 7,
            time: Some(0.25),
            size: Some([1768, 994]),
            people: vec![
                Person { id: Some(-3), keypoints: vec![point(1.0, 2.5, 0.5), point(-10.0, 0.0, 1.0)] },
                Person { id: None, keypoints: vec![point(1.0, 2.0, 1.0), point(3.0, 4.0, 1.0)] },
            ],
            ..Frame::default()
        };
        assert_eq!(only_frame(&text.replace('\n', " ")), expected);
    }

    #[test]
    fn nothing_remains_of_the_frames_whose_memory_is_used_again() {
        let text = r#"{"frame":4,"time":1,"size":[8,6],"people":[{"id":1,"keypoints":[[1,2,3],[4,5,6]]},{"keypoints":[[1,2,3]]}]}
            {"people":[{"keypoints":[[7,8]]}]}
            {"people":[{"keypoints":[[1,2,3]]},{"keypoints":[[1,2"oh"]]}]}
            {"people":[]}
            {"people":[{"keypoints":[]},{"keypoints":[[9,9,9]]},{"keypoints":[[8,8],[7,7]]}]}"#;
        let (mut one, mut other) = (reader(text).unwrap(), reader(text).unwrap());
        for line in 1..6 {
            match (one.read(), other.read()) {
                (Ok(Some(frame)), Ok(Some(expected))) => {
                    assert_eq!(frame, expected);
                    one.reuse(frame);
                }
                (Err(error), Err(expected)) if line == 3 => assert_eq!(error.to_string(), expected.to_string()),
                (frame, expected) => panic!("line {line}: {frame:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_number_is_missing() {
        let text = r#"{"people":[{"keypoints":[[null,1,1],[1,NaN,1],[1,1,null],[-Infinity,1,1],[1,1,0]]}]}"#;
        assert!(only_frame(text).people[0].keypoints.iter().all(|point| point.is_missing()));
        assert!(only_frame(r#"{"people":[{"keypoints":[[NaN,NaN]]}]}"#).people[0].keypoints[0].is_missing());
    }

    #[test]
    fn the_header_is_read_and_overruled() {
        let text = r#"{"poselift":1,"kind":"keypoints","layout":"body25","fps":29.97,"new":1}"#;
        let reader = reader(text).unwrap();
        assert_eq!((reader.info().layout.unwrap().name, reader.info().fps), ("body25", Some(29.97)));
        let input = Box::new(Cursor::new(text.to_owned()));
        let reader = KeypointLines::new(input, Path::new("x"), Some(&COCO17)).unwrap();
        assert_eq!(reader.info().layout.unwrap().name, "coco17");
    }

    #[test]
    fn a_header_may_be_spelt_as_other_programs_do() {
        for (header, layout, fps, size) in [
            (r#""layout":"COCO-17","fps":"30000/1001","size":[64,48]"#, "coco17", 30000.0 / 1001.0, [64, 48]),
            (r#""layout":"body_25","frameRate":"25","size":{"width":64,"height":48}"#, "body25", 25.0, [64, 48]),
            (r#""layout":"MediaPipe33","fps":50,"width":64,"height":48.0"#, "mediapipe33", 50.0, [64, 48]),
            (r#""layout":"coco17","frame_rate":50,"image_size":"64x48""#, "coco17", 50.0, [64, 48]),
        ] {
            let text = format!("{{\"poselift\":1,\"kind\":\"keypoints\",{header}}}\n{{\"people\":[]}}\n");
            let mut reader = reader(text).unwrap();
            assert_eq!((reader.info().layout.unwrap().name, reader.info().fps), (layout, Some(fps)), "{header}");
            assert_eq!(reader.read().unwrap().unwrap().size, Some(size), "{header}");
        }
        for (header, expected) in [
            (r#""fps":"fast""#, "the header's fps is \"fast\", expected a number"),
            (r#""layout":17"#, "the header's layout is 17, expected a name"),
        ] {
            let seen = outcomes(format!("{{\"poselift\":1,\"kind\":\"keypoints\",{header}}}\n"));
            assert!(seen[0].contains(expected), "{seen:?}");
        }
    }

    #[test]
    fn times_have_their_units_in_their_names() {
        for (key, value, time) in [
            ("timestamp_ms", "250", Some(0.25)),
            ("timestampMs", "\"250\"", Some(0.25)),
            ("time_us", "250000", Some(0.25)),
            ("t", "0.25", Some(0.25)),
            ("ts", "0.25", Some(0.25)),
            ("t", "\"pose\"", None),
            ("timestamp", "null", None),
            ("time_s", "\"00:00:00.25\"", Some(0.25)),
        ] {
            let frame = only_frame(&format!("{{\"frameNumber\":3,\"{key}\":{value},\"people\":[]}}"));
            assert_eq!((frame.index, frame.time), (3, time), "{key} {value}");
        }
    }

    #[test]
    fn frames_are_numbered_on() {
        let text = "{\"people\":[]}\r\n\n{\"frame\":5,\"people\":null}\n{\"people\":[]}\n{\n{\"people\":[]}";
        let seen = outcomes(text);
        assert_eq!(seen[..3], ["0", "5", "6"]);
        assert!(seen[3].starts_with("clip.jsonl:5: ") && seen[4] == "8", "{seen:?}");
    }

    #[test]
    fn lines_of_a_log_are_passed_over_and_counted() {
        let log = [
            "INFO: delegate created",
            "[ WARN:0@1.2] global cap.cpp",
            "[2026-11-28 11:30:00] 29.8 fps",
            "  59/60",
            "\u{1b}[32mok",
        ];
        let mut text = String::new();
        for line in log {
            text.push_str(&format!("{{\"people\":[]}}\n{line}\n"));
        }
        let mut lines = reader(text).unwrap();
        for index in 0..5 {
            assert_eq!(lines.read().unwrap().unwrap().index, index);
        }
        assert_eq!((lines.read().unwrap(), lines.passed_over()), (None, PassedOver { lines: 5, first: 2 }));
        // Broken JSON is no log.
        assert!(
            outcomes("{\"people\":[]}\n{\"people\":[\n[1,2]\n")[1..].iter().all(|seen| seen.contains("clip.jsonl:"))
        );
        let header = "{\"poselift\":1,\"kind\":\"keypoints\"}\n";
        assert_eq!(
            outcomes(format!("{header}one\ntwo\n")),
            ["clip.jsonl: 2 lines of other text, expected frames behind the header"]
        );
    }

    #[test]
    fn says_place_found_and_expected() {
        let one = |keypoints: &str| format!("{{\"people\":[{{\"keypoints\":{keypoints}}}]}}\n");
        for (text, expected) in [
            (String::new(), "clip.jsonl: no frames: there is nothing in it"),
            ("\n \n".into(), "clip.jsonl: no frames"),
            (one("[[1,2,3],[1,2]]"), "clip.jsonl:1: keypoint 1 has 2 numbers, expected 3 (x, y, score)"),
            (one("[[1,2],[1,2,3]]"), "clip.jsonl:1: keypoint 1 has 3 numbers, expected 2 (x, y)"),
            (one("[[1]]"), "clip.jsonl:1: keypoint 0 has 1 number, expected 3 (x, y, score)"),
            (one("[[1,2,3,4]]"), "keypoint 0 has 4 numbers"),
            (one("[true]"), "clip.jsonl:1: column 26: found a truth value, expected keypoint 0 as [x, y, score]"),
            (one("[1,[2,3]]"), "the key points of person 0 are neither lists"),
            (one("[[\"1a\",2,3]]"), "column 27: found a string, expected a number"),
            (one("[[1,2,3]"), "found '}', expected ',' or ']'"),
            (one("{}"), "found an object, expected a list"),
            ("{\"people\":[{}]}".into(), "person 0 has no 'keypoints'"),
            ("{\"people\":[{\"joints\":[]}]}".into(), "person 0 has 3D 'joints', expected 2D"),
            ("{\"frame\":1}\n".into(), "the frame has no 'people'"),
            ("{\"frame\":\"none\",\"people\":[]}".into(), "found a string, expected a frame number"),
            ("{\"time\":\"noon\",\"people\":[]}".into(), "found a text, expected a time"),
            ("{\"timestamp\":\"noon\",\"people\":[]}".into(), "found something else, expected a time"),
            ("{\"size\":[1],\"people\":[]}".into(), "size has 1 numbers, expected 2 (width, height)"),
            ("{\"size\":[0,5],\"people\":[]}".into(), "whole numbers of pixels above 0"),
            ("{\"people\":[]} x\n".into(), "found 'x', expected the end of the line"),
            ("{\"people\":[{\"keypoints\":[[1,2".into(), "clip.jsonl:1: the stream is cut off inside its last line"),
            ("{\"poselift\":2,\"kind\":\"keypoints\"}".into(), "clip.jsonl:1: the stream has version 2, expected 1"),
            ("{\"poselift\":1,\"kind\":\"poses\"}".into(), "kind is 'poses', expected 'keypoints'"),
            ("{\"poselift\":1}".into(), "the header cannot be read: missing field `kind`"),
            ("{\"poselift\":1,\"kind\":\"keypoints\",\"fps\":0}".into(), "fps is 0, expected a positive"),
            (
                "{\"poselift\":1,\"kind\":\"keypoints\",\"layout\":\"coco\"}".into(),
                "clip.jsonl:1: unknown joint layout",
            ),
        ] {
            let seen = outcomes(text.clone());
            assert!(seen[0].contains(expected), "{text}\n{seen:?}\n{expected}");
        }
    }

    #[test]
    fn other_spellings_are_read() {
        let frame = only_frame(
            r#"{"frame":"img_0007.png","time":"0.25","people":[{"id":[2.0],"keypoints":[1,2,0.5,4,5,0.25]}]}"#,
        );
        let points = vec![Keypoint { x: 1.0, y: 2.0, score: 0.5 }, Keypoint { x: 4.0, y: 5.0, score: 0.25 }];
        let person = Person { id: Some(2), keypoints: points.clone() };
        assert_eq!(frame, Frame { index: 7, time: Some(0.25), people: vec![person], ..Frame::default() });
        let objects = r#"{"people":[{"keypoints":[{"x":1,"y":2,"score":0.5},{"x":4,"y":5,"visibility":0.25}]}]}"#;
        assert_eq!(only_frame(objects).people[0].keypoints, points);
        let id = |id: &str| only_frame(&format!("{{\"people\":[{{\"id\":{id},\"keypoints\":[]}}]}}")).people[0].id;
        assert_eq!((id("1.0"), id("\"7\""), id("null"), id("-1"), id("{}")), (Some(1), Some(7), None, Some(-1), None));
        assert!(id("9223372036854775808").is_some_and(|id| id > 0));
        // Numbers that begin below 0 are counted from there, gaps kept; 1.5 is the second frame.
        let numbers = ["-3", "-2", "0", "7.0", "\"8\""].map(|number| format!("{{\"frame\":{number},\"people\":[]}}\n"));
        assert_eq!(outcomes(numbers.concat()), ["0", "1", "3", "7", "8"]);
    }

    #[test]
    fn a_header_comes_first_and_once() {
        let header = "{\"poselift\":1,\"kind\":\"keypoints\",\"layout\":\"coco17\"}\n";
        let seen = outcomes(format!("{header}{header}{{\"people\":[{{\"keypoints\":[[1,2,3]]}}]}}\n"));
        assert_eq!(seen[0], "clip.jsonl:2: a header, expected a frame: a header may only be the first line");
        assert_eq!(seen[1], "clip.jsonl:3: person 0 has 1 key points, expected 17 (coco17)");
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let seen = outcomes(&b"{\"people\":[], \"name\":\xff}\n"[..]);
        assert_eq!(seen, ["clip.jsonl:1: column 22: byte 0xff is not UTF-8, expected JSON text"]);
    }

    fn keypoint() -> impl Strategy<Value = Keypoint> {
        (-1e6f64..1e6, any::<f64>().prop_filter("finite", |y| y.is_finite()), 0f32..=1.0)
            .prop_map(|(x, y, score)| Keypoint { x, y, score })
    }

    fn person() -> impl Strategy<Value = Person> {
        (any::<Option<i64>>(), prop::collection::vec(keypoint(), 0..20))
            .prop_map(|(id, keypoints)| Person { id, keypoints })
    }

    proptest! {
        /// Lines as another program would write them, in its own order and spacing.
        #[test]
        fn reads_what_serde_json_writes(
            index in 0..i64::MAX as u64,
            time in any::<Option<f64>>().prop_filter("finite", |time| time.is_none_or(f64::is_finite)),
            size in any::<Option<[u16; 2]>>().prop_map(|size| size.map(|[w, h]| [u32::from(w) + 1, u32::from(h) + 1])),
            people in prop::collection::vec(person(), 0..4),
            extra in any::<String>(),
        ) {
            let written: Vec<_> = people.iter().map(|person| {
                let keypoints: Vec<_> = person.keypoints.iter().map(|p| json!([p.x, p.y, p.score])).collect();
                json!({"id": person.id, "keypoints": keypoints, "extra": extra})
            }).collect();
            let line = json!({"people": written, "time": time, "frame": index, "size": size, "a": extra});
            let expected = Frame { index, time, size, people, ..Frame::default() };
            prop_assert_eq!(&only_frame(&line.to_string()), &expected);
            let spaced = serde_json::to_string_pretty(&line).unwrap().replace('\n', " ");
            prop_assert_eq!(&only_frame(&spaced), &expected);
        }
    }
}
