//! CSV for notebooks and spreadsheets, written as frames come: wide, one line per person and frame, or long, one line
//! per joint.
//!
//! Positions are in space if roots are asked for, or the first frame with people has one; otherwise relative to the root joint. Angles are degrees. Empty
//! cells are unknown values. Names are plain words, so nothing is ever quoted.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::decimal::{push_fixed, push_integer};
use super::decimals;
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};

/// Bytes collected before they are written without a flush.
const CAPACITY: usize = 64 << 10;
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
    /// Whether positions are in space; the first frame with people tells, unless roots are asked for.
    in_space: Option<bool>,
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
            decimals: decimals(&info.unit),
        };
        writer.push_header();
        writer
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

    fn hand_on(&mut self) -> Result<()> {
        let written = self.output.write_all(&self.lines);
        self.lines.clear();
        written.map_err(|error| Error::io("cannot write", &self.name, error))
    }
}

impl<W: Write + Send> PoseWriter for CsvWriter<W> {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        if !lifted.people.is_empty() {
            self.in_space.get_or_insert(lifted.people.iter().any(|person| person.root.is_some()));
        }
        for (place, person) in lifted.people.iter().enumerate() {
            let found = person.joints.len();
            if found != self.joints.len() {
                let expected = self.joints.len();
                let message = format!("frame {}, person {place}: {found} joints, expected {expected}", lifted.index);
                return Err(Error::runtime(message).at(&self.name));
            }
            self.push_person(lifted, person, place);
        }
        if self.lines.len() >= CAPACITY { self.hand_on() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.hand_on()?;
        self.output.flush().map_err(|error| Error::io("cannot write", &self.name, error))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::pose::{Axes, Unit};

    #[test]
    fn positions_are_all_in_space_or_all_relative() {
        let info = PoseInfo {
            skeleton: "one".into(),
            joints: vec!["pelvis".into()],
            parents: vec![-1],
            unit: Unit::Metres,
            axes: Axes::Camera,
            fps: None,
            stature: None,
            is_level: None,
            model: String::new(),
        };
        let person = |root| LiftedPerson { joints: vec![[0.5; 3]], root, ..LiftedPerson::default() };
        let written = |roots: [Option<[f32; 3]>; 2]| {
            let mut writer = CsvWriter::new(Vec::new(), Shape::Long, &info, Extras::default(), Path::new("a.csv"));
            let frame = |people| LiftedFrame { people, ..LiftedFrame::default() };
            writer.write(&Frame::default(), &frame(Vec::new())).unwrap();
            writer.write(&Frame::default(), &frame(roots.map(person).to_vec())).unwrap();
            let text = String::from_utf8(writer.lines).unwrap();
            text.lines().skip(1).map(|line| line.split("pelvis,").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(written([Some([1.0; 3]), None]), ["1.500000,1.500000,1.500000", ",,"]);
        assert_eq!(written([None, None]), ["0.500000,0.500000,0.500000", "0.500000,0.500000,0.500000"]);
    }
}
