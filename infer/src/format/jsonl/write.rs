//! Writes 3D streams.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::decimal::{AT_ONCE, Decimals, ROOM};
use super::header::write_pose_info;
use super::wide::Wide;
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};

/// Bytes gathered before they are handed on without being asked to.
const CAPACITY: usize = 64 << 10;

/// Steps a unit of length that sigma is written in.
const SIGMA_STEPS: f32 = 1e4;

/// What stands between two points.
const BETWEEN_POINTS: [u8; 3] = *b"],[";

/// A 3D stream in JSON Lines. Coordinates are written in the fewest digits that read back to the same bits, sigma to
/// four decimals.
pub(in crate::format) struct PoseLinesWriter<W> {
    output: W,
    /// Whole lines that are still to be handed on.
    lines: Text,
    joints: usize,
    /// What is written beside joints.
    extras: Extras,
    name: PathBuf,
}

impl<W: Write> PoseLinesWriter<W> {
    /// Writes the header; `extras` will follow each person's pose.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(in crate::format) fn new(output: W, info: &PoseInfo, name: &Path, extras: Extras) -> Result<Self> {
        let mut writer = Self::without_header(output, info, name, extras);
        writer.lines.push(&write_pose_info(info, extras.angles));
        writer.flush_lines()?;
        Ok(writer)
    }

    /// The same for an output in which the header stands already.
    pub(in crate::format) fn without_header(output: W, info: &PoseInfo, name: &Path, extras: Extras) -> Self {
        Self { output, lines: Text::default(), joints: info.joints.len(), extras, name: name.to_path_buf() }
    }

    fn flush_lines(&mut self) -> Result<()> {
        let written = self.output.write_all(self.lines.as_bytes());
        self.lines.truncate(0);
        written.map_err(|e| self.unwritable(e))
    }

    fn unwritable(&self, error: std::io::Error) -> Error {
        Error::io("cannot write", &self.name, error)
    }

    fn push_frame(&mut self, lifted: &LiftedFrame) -> Result<()> {
        self.lines.push(b"{\"frame\":");
        self.lines.push_integer(lifted.index);
        if let Some(time) = lifted.time.filter(|time| time.is_finite()) {
            self.lines.push(b",\"time\":");
            self.lines.push_f64(time);
        }
        self.lines.push(b",\"people\":[");
        for (number, person) in lifted.people.iter().enumerate() {
            if number > 0 {
                self.lines.push(b",");
            }
            self.push_person(person).map_err(|complaint| {
                Error::runtime(format!("frame {}, person {number}: {complaint}", lifted.index)).at(&self.name)
            })?;
        }
        self.lines.push(b"]}\n");
        Ok(())
    }

    fn push_person(&mut self, person: &LiftedPerson) -> Result<(), String> {
        self.check(person)?;
        self.lines.push(b"{");
        if let Some(id) = person.id {
            self.lines.push(b"\"id\":");
            self.lines.push_integer(id);
            self.lines.push(b",");
        }
        self.lines.push(b"\"joints\":");
        self.lines.push_points(&person.joints);
        self.lines.push(b",\"score\":");
        self.lines.push_f32(person.score);
        if self.extras.sigma {
            self.push_sigma(person);
        }
        if let Some(root) = person.root.filter(|root| self.extras.root && root.iter().all(|axis| axis.is_finite())) {
            self.lines.push(b",\"root\":");
            self.push_numbers(&root);
        }
        if !self.extras.angles.is_empty() {
            self.lines.push(b",\"angles\":");
            self.push_numbers(&rounded(&person.angles));
            if self.extras.sigma {
                self.lines.push(b",\"angle_sigma\":");
                self.push_numbers(&rounded(&person.angle_sigma));
            }
        }
        if self.extras.contacts {
            let [left, right] = person.contacts.map(contact);
            self.lines.push(b",\"contacts\":{\"left\":");
            self.lines.push(left);
            self.lines.push(b",\"right\":");
            self.lines.push(right);
            self.lines.push(b"}");
        }
        self.lines.push(if person.unsure { b",\"unsure\":true}" } else { b"}" });
        Ok(())
    }

    /// What JSON, or the header, does not allow.
    fn check(&self, person: &LiftedPerson) -> Result<(), String> {
        if person.joints.len() != self.joints {
            return Err(format!("{} joints, expected {}", person.joints.len(), self.joints));
        }
        if let Some(joint) = person.joints.iter().position(|joint| !joint.iter().all(|axis| axis.is_finite())) {
            return Err(format!("joint {joint} is {:?}, expected finite numbers", person.joints[joint]));
        }
        if !person.score.is_finite() {
            return Err(format!("the score is {}, expected a finite number", person.score));
        }
        if self.extras.sigma && person.sigma.len() != self.joints {
            return Err(format!("sigma of {} joints, expected {}", person.sigma.len(), self.joints));
        }
        let found = person.angles.len();
        let expected = self.extras.angles.len();
        if expected > 0 && found != expected {
            return Err(format!("{found} angles, expected {expected}"));
        }
        match person.sigma.iter().find(|sigma| !sigma.is_finite()) {
            Some(sigma) if self.extras.sigma => Err(format!("sigma is {sigma}, expected finite numbers")),
            _ => Ok(()),
        }
    }

    /// A list of numbers, `null` for those that are not known.
    fn push_numbers(&mut self, numbers: &[f32]) {
        self.lines.push(b"[");
        for (place, number) in numbers.iter().enumerate() {
            self.lines.push(if place > 0 { b"," } else { b"" });
            if number.is_finite() {
                self.lines.push_f32(*number);
            } else {
                self.lines.push(b"null");
            }
        }
        self.lines.push(b"]");
    }

    fn push_sigma(&mut self, person: &LiftedPerson) {
        self.lines.push(b",\"sigma\":[");
        for (number, sigma) in person.sigma.iter().enumerate() {
            self.lines.push(if number > 0 { b"," } else { b"" });
            self.lines.push_f32((sigma * SIGMA_STEPS).round() / SIGMA_STEPS);
        }
        self.lines.push(b"],\"unseen\":[");
        for (number, joint) in person.missing_joints.iter().enumerate() {
            self.lines.push(if number > 0 { b"," } else { b"" });
            self.lines.push_integer(*joint);
        }
        self.lines.push(b"]");
    }
}

/// Whether a foot stands, as JSON says it.
fn contact(stands: Option<bool>) -> &'static [u8] {
    match stands {
        Some(true) => b"true",
        Some(false) => b"false",
        None => b"null",
    }
}

/// Degrees to two decimals.
fn rounded(degrees: &[f32]) -> Vec<f32> {
    degrees.iter().map(|degrees| (degrees * 100.0).round() / 100.0).collect()
}

impl<W: Write + Send> PoseWriter for PoseLinesWriter<W> {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let whole = self.lines.len();
        let pushed = self.push_frame(lifted);
        if pushed.is_err() {
            self.lines.truncate(whole);
        } else if self.lines.len() >= CAPACITY {
            self.flush_lines()?;
        }
        pushed
    }

    fn flush(&mut self) -> Result<()> {
        self.flush_lines()?;
        self.output.flush().map_err(|e| self.unwritable(e))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()
    }
}

/// Whole lines in the making, put together from very many very short pieces.
///
/// Appending a few bytes to a vector is a call and a copy of unforeseen length; a pose has a hundred of them, which take
/// longer than turning its numbers into digits. Here numbers are written where they will stay.
struct Text {
    /// The text, and room behind it.
    bytes: Vec<u8>,
    length: usize,
    wide: Option<Wide>,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: Vec::new(), length: 0, wide: Wide::detect() }
    }
}

impl Text {
    fn len(&self) -> usize {
        self.length
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Takes back all behind the first `length` bytes.
    fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Appends a piece of any length.
    #[inline]
    fn push(&mut self, piece: &[u8]) {
        self.reserve(piece.len());
        let end = self.length + piece.len();
        self.bytes[self.length..end].copy_from_slice(piece);
        self.length = end;
    }

    /// Appends an integer.
    #[inline]
    fn push_integer(&mut self, integer: impl itoa::Integer) {
        self.push(itoa::Buffer::new().format(integer).as_bytes());
    }

    /// Appends a finite number, in the fewest digits that read back to the same bits.
    #[inline]
    fn push_f64(&mut self, finite: f64) {
        self.push(zmij::Buffer::new().format_finite(finite).as_bytes());
    }

    /// As [`Self::push_f64`].
    fn push_f32(&mut self, finite: f32) {
        self.reserve(ROOM);
        let (text, length) = Decimals::of_one(finite);
        self.put(finite, text, length);
    }

    /// Appends finite points as a list of lists of three numbers, each as [`Self::push_f32`] has it.
    fn push_points(&mut self, points: &[[f32; 3]]) {
        let numbers = points.as_flattened();
        self.reserve(b"[[]]".len() + numbers.len() * (ROOM + BETWEEN_POINTS.len()));
        self.push(b"[[");
        let (whole, rest) = numbers.as_chunks();
        for (index, some) in whole.iter().enumerate() {
            self.put_numbers(some, AT_ONCE, index * AT_ONCE);
        }
        let mut some = [0.0; AT_ONCE];
        some[..rest.len()].copy_from_slice(rest);
        self.put_numbers(&some, rest.len(), whole.len() * AT_ONCE);
        // Behind the last number stands what parts points, and behind none nothing is open but the list.
        self.length -= if points.is_empty() { b"[".len() } else { BETWEEN_POINTS.len() - b"]".len() };
        self.push(b"]");
    }

    /// Writes the first `count` of some numbers of points, the first of which is the `index`th, and what parts each from the
    /// next one, where there is room for them.
    #[inline(always)]
    fn put_numbers(&mut self, some: &[f32; AT_ONCE], count: usize, index: usize) {
        let decimals = Decimals::of(some, self.wide);
        for (at, &number) in some.iter().enumerate().take(count) {
            let (text, length) = decimals.get(at);
            self.put(number, text, length);
            self.put_between((index + at) % 3 == 2);
        }
    }

    /// Writes a number where there is room for it: the first `length` bytes of `text`, if [`Decimals`] dealt with it.
    #[inline(always)]
    fn put(&mut self, finite: f32, text: [u8; ROOM], length: Option<usize>) {
        let Some(length) = length else { return self.push(zmij::Buffer::new().format_finite(finite).as_bytes()) };
        self.bytes[self.length..self.length + ROOM].copy_from_slice(&text);
        self.length += length;
    }

    /// Writes what parts points, or a point's numbers, where there is room for the longer of the two.
    #[inline(always)]
    fn put_between(&mut self, points: bool) {
        let (text, length) = if points { (BETWEEN_POINTS, BETWEEN_POINTS.len()) } else { (*b",  ", 1) };
        self.bytes[self.length..self.length + text.len()].copy_from_slice(&text);
        self.length += length;
    }

    /// Makes room for `bytes` more.
    #[inline]
    fn reserve(&mut self, bytes: usize) {
        if self.bytes.len() < self.length + bytes {
            self.grow(self.length + bytes);
        }
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        self.bytes.resize(length.max(2 * self.bytes.len()), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> PoseInfo {
        PoseInfo {
            skeleton: "pair".into(),
            joints: vec!["a".into(), "b".into()],
            parents: vec![-1, 0],
            unit: crate::pose::Unit::Metres,
            axes: crate::pose::Axes::Camera,
            fps: None,
            stature: None,
            is_level: None,
            model: "test".into(),
        }
    }

    fn lifted(x: f32) -> LiftedFrame {
        let joints = vec![[0.0; 3], [x, -0.25, 1e-9]];
        let person = LiftedPerson { id: Some(-1), joints, score: 0.93, ..LiftedPerson::default() };
        LiftedFrame { index: 3, time: Some(0.1), people: vec![person] }
    }

    #[test]
    fn the_lines_are_as_the_contract_says() {
        let mut output = Vec::new();
        let mut writer = PoseLinesWriter::new(&mut output, &info(), Path::new("x"), Extras::default()).unwrap();
        writer.write(&Frame::default(), &lifted(1.5)).unwrap();
        writer.write(&Frame::default(), &LiftedFrame { index: 4, ..LiftedFrame::default() }).unwrap();
        Box::new(writer).finish().unwrap();
        let expected = concat!(
            r#"{"poselift":1,"kind":"poses","skeleton":"pair","joints":["a","b"],"parents":[-1,0],"unit":"m","axes":"camera","model":"test"}"#,
            "\n",
            r#"{"frame":3,"time":0.1,"people":[{"id":-1,"joints":[[0.0,0.0,0.0],[1.5,-0.25,1e-9]],"score":0.93}]}"#,
            "\n",
            r#"{"frame":4,"people":[]}"#,
            "\n",
        );
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn sigma_and_what_was_not_seen_follow_where_asked_for() {
        let mut frame = lifted(1.5);
        (frame.people[0].sigma, frame.people[0].unsure) = (vec![0.012_34, 0.1], true);
        frame.people[0].missing_joints = vec![1];
        let last_line = |sigma: bool| {
            let mut output = Vec::new();
            let mut writer =
                PoseLinesWriter::new(&mut output, &info(), Path::new("x"), Extras { sigma, ..Extras::default() })
                    .unwrap();
            writer.write(&Frame::default(), &frame).unwrap();
            Box::new(writer).finish().unwrap();
            String::from_utf8(output).unwrap().lines().last().unwrap().to_owned()
        };
        let end = r#""score":0.93,"sigma":[0.0123,0.1],"unseen":[1],"unsure":true}]}"#;
        assert!(last_line(true).ends_with(end), "{}", last_line(true));
        assert!(last_line(false).ends_with(r#""score":0.93,"unsure":true}]}"#), "{}", last_line(false));
        let mut writer =
            PoseLinesWriter::new(Vec::new(), &info(), Path::new("x"), Extras { sigma: true, ..Extras::default() })
                .unwrap();
        let message = writer.write(&Frame::default(), &lifted(1.5)).unwrap_err().to_string();
        assert_eq!(message, "x: frame 3, person 0: sigma of 0 joints, expected 2");
    }

    #[test]
    fn what_json_cannot_hold_leaves_no_half_line() {
        let mut output = Vec::new();
        let mut writer = PoseLinesWriter::new(&mut output, &info(), Path::new("out.jsonl"), Extras::default()).unwrap();
        let message = writer.write(&Frame::default(), &lifted(f32::NAN)).unwrap_err().to_string();
        assert!(message.starts_with("out.jsonl: frame 3, person 0: joint 1 is [NaN"), "{message}");
        writer.write(&Frame::default(), &lifted(1.0)).unwrap();
        Box::new(writer).finish().unwrap();
        assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), 2);
        assert!(output.ends_with(b"}\n"));
    }

    #[test]
    fn a_reader_that_went_away_is_told_apart() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error =
            PoseLinesWriter::new(Gone, &info(), Path::new("<stdout>"), Extras::default()).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::BrokenPipe);
    }
}
