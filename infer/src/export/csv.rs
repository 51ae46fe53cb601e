//! CSV for notebooks and spreadsheets, written as frames come: wide, one line per person and frame, or long, one line
//! per joint.
//!
//! Positions are in space if roots are asked for, or any of the first poses has one; otherwise relative to the root joint. Angles are degrees. Empty
//! cells are unknown values. Names are plain words, so nothing is ever quoted.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::decimal::{push_fixed, push_integer};
use super::{Tell, decimals, unplaced_notice};
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};

/// Bytes collected before they are written without a flush.
const CAPACITY: usize = 64 << 10;
/// Poses without a root that wait for one that has it.
const MAX_WAITING: usize = 10_000;
/// Decimals of scores and degrees.
const FEW_DECIMALS: usize = 3;

/// The content of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A person in a frame.
    Wide,
    /// A joint of a person in a frame.
    Long,
}

/// A 3D stream as CSV.
pub(super) struct CsvWriter<W> {
    output: W,
    name: PathBuf,
    lines: Vec<u8>,
    shape: Shape,
    joints: Vec<String>,
    extras: Extras,
    /// Whether positions are in space, once that is known: a pose with a root tells, unless roots are asked for.
    in_space: Option<bool>,
    /// Frames that wait until it is known, and the poses in them.
    waiting: Vec<LiftedFrame>,
    waiting_poses: usize,
    /// Poses with a root, and all of them.
    placed: usize,
    all: usize,
    /// Hears what the file does not show.
    tell: Tell,
    decimals: usize,
}

impl<W: Write> CsvWriter<W> {
    /// Prepares the header line, which is written with the first data.
    pub(super) fn new(output: W, shape: Shape, info: &PoseInfo, extras: Extras, name: &Path) -> Self {
        let mut writer = Self {
            output,
            name: name.to_path_buf(),
            lines: Vec::new(),
            shape,
            joints: info.joints.clone(),
            extras,
            in_space: extras.root.then_some(true),
            waiting: Vec::new(),
            waiting_poses: 0,
            placed: 0,
            all: 0,
            tell: Box::new(|_| ()),
            decimals: decimals(&info.unit),
        };
        writer.push_header();
        writer
    }

    /// The same writer; `tell` hears what the file does not show.
    pub(super) fn telling(self, tell: Tell) -> Self {
        Self { tell, ..self }
    }

    /// The same writer, behind lines of another one.
    pub(super) fn without_header(mut self) -> Self {
        self.lines.clear();
        self
    }

    fn push_header(&mut self) {
        let mut columns: Vec<String> = ["frame", "time", "person"].map(str::to_owned).to_vec();
        match self.shape {
            Shape::Wide => {
                columns.push("score".to_owned());
                for joint in &self.joints {
                    columns.extend(["x", "y", "z"].map(|axis| format!("{joint}_{axis}")));
                }
                if self.extras.sigma {
                    columns.extend(self.joints.iter().map(|joint| format!("{joint}_sigma")));
                }
                columns.extend(self.extras.angles.iter().map(|angle| (*angle).to_owned()));
                if self.extras.sigma {
                    columns.extend(self.extras.angles.iter().map(|angle| format!("{angle}_sigma")));
                }
                if self.extras.contacts {
                    columns.extend(["left_foot_contact", "right_foot_contact"].map(str::to_owned));
                }
            }
            Shape::Long => {
                columns.extend(["joint", "x", "y", "z"].map(str::to_owned));
                if self.extras.sigma {
                    columns.extend(["sigma", "seen"].map(str::to_owned));
                }
            }
        }
        self.lines.extend_from_slice(columns.join(",").as_bytes());
        self.lines.push(b'\n');
    }

    /// Knows whether positions are in space, and writes the frames that waited for it.
    fn decide(&mut self, in_space: bool) -> Result<()> {
        self.in_space = Some(in_space);
        for frame in std::mem::take(&mut self.waiting) {
            self.push_frame(&frame)?;
        }
        Ok(())
    }

    fn push_frame(&mut self, lifted: &LiftedFrame) -> Result<()> {
        for (place, person) in lifted.people.iter().enumerate() {
            let found = person.joints.len();
            if found != self.joints.len() {
                let expected = self.joints.len();
                let message = format!("frame {}, person {place}: {found} joints, expected {expected}", lifted.index);
                return Err(Error::runtime(message).at(&self.name));
            }
            self.placed += usize::from(person.root.is_some());
            self.all += 1;
            self.push_person(lifted, person, place);
        }
        if self.lines.len() >= CAPACITY { self.flush_lines() } else { Ok(()) }
    }

    /// What is said of poses with and without a root in one file.
    fn notice(&self) -> Option<String> {
        let Self { placed, all, .. } = *self;
        if self.in_space? {
            return unplaced_notice(placed, all);
        }
        (placed > 0).then(|| {
            format!(
                "the places in space (root) of {placed} of {all} poses are left out: the first {MAX_WAITING} have none, so that all \
                 are relative to the root joint"
            )
        })
    }

    fn push_person(&mut self, lifted: &LiftedFrame, person: &LiftedPerson, place: usize) {
        let mut start = Vec::with_capacity(48);
        push_integer(&mut start, lifted.index);
        start.push(b',');
        if let Some(time) = lifted.time {
            push_fixed(&mut start, time, 6);
        }
        start.push(b',');
        push_integer(&mut start, person.id.unwrap_or(place as i64));
        match self.shape {
            Shape::Wide => self.push_wide(&start, person),
            Shape::Long => self.push_long(&start, person),
        }
    }

    fn push_wide(&mut self, start: &[u8], person: &LiftedPerson) {
        self.lines.extend_from_slice(start);
        self.cell(f64::from(person.score), FEW_DECIMALS);
        for joint in 0..self.joints.len() {
            self.position(person, joint);
        }
        if self.extras.sigma {
            self.cells(&person.sigma, self.joints.len(), self.decimals);
        }
        self.cells(&person.angles, self.extras.angles.len(), FEW_DECIMALS);
        if self.extras.sigma {
            self.cells(&person.angle_sigma, self.extras.angles.len(), FEW_DECIMALS);
        }
        if self.extras.contacts {
            for contact in person.contacts {
                self.lines.extend_from_slice(contact.map_or(b",", |stands| if stands { b",1" } else { b",0" }));
            }
        }
        self.lines.push(b'\n');
    }

    fn push_long(&mut self, start: &[u8], person: &LiftedPerson) {
        for joint in 0..self.joints.len() {
            self.lines.extend_from_slice(start);
            self.lines.push(b',');
            self.lines.extend_from_slice(self.joints[joint].as_bytes());
            self.position(person, joint);
            if self.extras.sigma {
                self.cell(person.sigma.get(joint).map_or(f64::NAN, |sigma| f64::from(*sigma)), self.decimals);
                let seen = if person.missing_joints.contains(&joint) { b",0" } else { b",1" };
                self.lines.extend_from_slice(seen);
            }
            self.lines.push(b'\n');
        }
    }

    fn position(&mut self, person: &LiftedPerson, joint: usize) {
        // A person of unknown position has none in space.
        let root = if self.in_space == Some(true) { person.root.unwrap_or([f32::NAN; 3]) } else { [0.0; 3] };
        for (axis, base) in person.joints[joint].iter().zip(root) {
            self.cell(f64::from(axis + base), self.decimals);
        }
    }

    /// As many cells as needed, empty ones after the last of `numbers`.
    fn cells(&mut self, numbers: &[f32], count: usize, decimals: usize) {
        for place in 0..count {
            self.cell(numbers.get(place).map_or(f64::NAN, |number| f64::from(*number)), decimals);
        }
    }

    fn cell(&mut self, number: f64, decimals: usize) {
        self.lines.push(b',');
        if number.is_finite() {
            push_fixed(&mut self.lines, number, decimals);
        }
    }

    fn flush_lines(&mut self) -> Result<()> {
        let written = self.output.write_all(&self.lines);
        self.lines.clear();
        written.map_err(|error| Error::io("cannot write", &self.name, error))
    }
}

impl<W: Write + Send> PoseWriter for CsvWriter<W> {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        if self.in_space.is_none() && !lifted.people.is_empty() {
            self.waiting_poses += lifted.people.len();
            if lifted.people.iter().any(|person| person.root.is_some()) {
                self.decide(true)?;
            } else if self.waiting_poses > MAX_WAITING {
                self.decide(false)?;
            } else {
                self.waiting.push(lifted.clone());
                return Ok(());
            }
        }
        self.push_frame(lifted)
    }

    fn flush(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.decide(false)?;
        }
        self.flush_lines()?;
        self.output.flush().map_err(|error| Error::io("cannot write", &self.name, error))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()?;
        if let Some(notice) = self.notice() {
            (self.tell)(&format!("{}: {notice}", self.name.display()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::{Axes, Unit};

    fn one_joint() -> PoseInfo {
        PoseInfo {
            skeleton: "one".into(),
            joints: vec!["pelvis".into()],
            parents: vec![-1],
            unit: Unit::Metres,
            axes: Axes::Camera,
            fps: None,
            stature: None,
            is_level: None,
            model: String::new(),
        }
    }

    #[test]
    fn positions_are_all_in_space_or_all_relative() {
        let info = one_joint();
        let person = |root| LiftedPerson { joints: vec![[0.5; 3]], root, ..LiftedPerson::default() };
        let written = |roots: [Option<[f32; 3]>; 2]| {
            let mut writer = CsvWriter::new(Vec::new(), Shape::Long, &info, Extras::default(), Path::new("a.csv"));
            let frame = |people| LiftedFrame { people, ..LiftedFrame::default() };
            writer.write(&Frame::default(), &frame(Vec::new())).unwrap();
            for root in roots {
                writer.write(&Frame::default(), &frame(vec![person(root)])).unwrap();
            }
            writer.flush().unwrap();
            let notice = writer.notice();
            let text = String::from_utf8(writer.output).unwrap();
            let places = text.lines().skip(1).map(|line| line.split("pelvis,").nth(1).unwrap().to_owned());
            (places.collect::<Vec<_>>(), notice)
        };
        let told = Some("1 of 2 poses are left empty: their place in space (root) is not known".to_owned());
        let [in_space, relative] = ["1.500000,1.500000,1.500000", "0.500000,0.500000,0.500000"].map(str::to_owned);
        let empty = ",,".to_owned();
        assert_eq!(written([Some([1.0; 3]), None]), (vec![in_space.clone(), empty.clone()], told.clone()));
        assert_eq!(written([None, Some([1.0; 3])]), (vec![empty, in_space], told));
        assert_eq!(written([None, None]), (vec![relative.clone(), relative], None));
    }

    #[test]
    fn a_root_that_comes_too_late_is_counted_as_left_out() {
        let info = one_joint();
        let mut writer = CsvWriter::new(Vec::new(), Shape::Wide, &info, Extras::default(), Path::new("a.csv"));
        for index in 0..=MAX_WAITING as u64 + 1 {
            let root = (index > MAX_WAITING as u64).then_some([1.0; 3]);
            let person = LiftedPerson { joints: vec![[0.5; 3]], root, ..LiftedPerson::default() };
            let lifted = LiftedFrame { index, people: vec![person], ..LiftedFrame::default() };
            writer.write(&Frame::default(), &lifted).unwrap();
        }
        writer.flush().unwrap();
        let notice = writer.notice().unwrap();
        assert!(notice.starts_with("the places in space (root) of 1 of 10002 poses are left out"), "{notice}");
        let text = String::from_utf8(writer.output).unwrap();
        assert!(text.lines().count() == 10_003 && text.lines().last().unwrap().ends_with(",0.500000"), "{notice}");
    }
}
