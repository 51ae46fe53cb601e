//! The frames of an `.amc` file: a frame's number, then a line of numbers for each bone that moves.

use std::collections::HashMap;

use ndarray::Array2;
use poselift::error::{Error, Result};

use super::asf::Skeleton;
use crate::data::body::take::{Channel, Joint};
use crate::data::read::lines::{Lines, number, shorten};

/// Where the numbers of one bone's line belong.
struct Slot<'a> {
    name: &'a str,
    /// The column of each number, and whether it is an angle.
    columns: Vec<(usize, bool)>,
    /// The last frame in which it occurred, counted from 1.
    given: usize,
}

impl<'a> Slot<'a> {
    fn new(joint: &'a Joint, dof: &[Channel]) -> Self {
        let columns = dof.iter().map(|moved| (column_of(joint, moved), matches!(moved, Channel::Rotation(_))));
        Self { name: &joint.name, columns: columns.collect(), given: 0 }
    }
}

/// The column of the number that moves one of the joint's channels.
fn column_of(joint: &Joint, moved: &Channel) -> usize {
    // A joint's channels are its dof in the order in which they are applied.
    let applied = joint.channels.iter().position(|channel| channel == moved);
    joint.first_channel + applied.expect("a joint's channels are its dof")
}

/// Reads the text of a file: `[T, C]`, one column per channel of `skeleton`; angles in degrees.
///
/// # Errors
/// The line that does not fit the skeleton, or a frame without one of its bones.
pub(super) fn parse(text: &str, skeleton: &Skeleton) -> Result<Array2<f64>> {
    let mut reader = Reader::new(skeleton);
    let mut lines = Lines::new(text);
    let mut last = 0;
    while let Some((line, text)) = lines.next_filled() {
        let text = text.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default();
        let mut words = text.split_whitespace();
        if let Some(first) = words.next() {
            reader.read(first, words).map_err(|e| e.line(line))?;
        }
        last = line;
    }
    reader.end_frame().map_err(|e| e.line(last).hint("the file seems to be cut off"))?;
    if reader.frames == 0 {
        return Err(Error::input("the file ends without a frame, expected 1 and lines of bones behind it")
            .hint("the file is cut off, or no .amc file"));
    }
    Array2::from_shape_vec((reader.frames, reader.channels), reader.values)
        .map_err(|e| Error::input(format!("the frames do not form a table: {e}")))
}

struct Reader<'a> {
    slots: Vec<Slot<'a>>,
    by_name: HashMap<&'a str, usize>,
    /// Numbers in a frame.
    channels: usize,
    /// Degrees per unit of angle of the file.
    unit_degrees: f64,
    values: Vec<f64>,
    /// Frames begun, and the number that the file gives to the last one.
    frames: usize,
    number: u64,
}

impl<'a> Reader<'a> {
    fn new(skeleton: &'a Skeleton) -> Self {
        let joints = skeleton.joints.iter().zip(&skeleton.dof).filter(|(_, dof)| !dof.is_empty());
        let slots: Vec<_> = joints.map(|(joint, dof)| Slot::new(joint, dof)).collect();
        Self {
            by_name: slots.iter().enumerate().map(|(index, slot)| (slot.name, index)).collect(),
            channels: slots.iter().map(|slot| slot.columns.len()).sum(),
            slots,
            unit_degrees: skeleton.unit_degrees,
            values: Vec::new(),
            frames: 0,
            number: 0,
        }
    }

    /// Reads one line, whose first word is `first`.
    fn read<'w>(&mut self, first: &str, words: impl Iterator<Item = &'w str>) -> Result<()> {
        if let Some(keyword) = first.strip_prefix(':') {
            return self.keyword(keyword);
        }
        match self.by_name.get(first) {
            Some(&index) => self.bone(index, words),
            None => match first.parse() {
                Ok(number) if words.count() == 0 => self.begin_frame(number),
                _ => Err(Error::input(format!(
                    "found '{}', expected a frame's number or a bone that moves",
                    shorten(first)
                ))
                .hint("the bones are those of the .asf beside this file that have a dof; is it this person's?")),
            },
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<()> {
        match keyword {
            // Every bone is required in every frame, so the check costs nothing extra.
            "FULLY-SPECIFIED" if self.frames == 0 => {}
            "DEGREES" if self.frames == 0 => self.unit_degrees = 1.0,
            "RADIANS" if self.frames == 0 => self.unit_degrees = 1_f64.to_degrees(),
            other => {
                return Err(Error::input(format!(
                    "found ':{}', expected :FULLY-SPECIFIED, :DEGREES or :RADIANS, before the first frame",
                    shorten(other)
                )));
            }
        }
        Ok(())
    }

    fn begin_frame(&mut self, number: u64) -> Result<()> {
        self.end_frame()?;
        if self.frames > 0 && self.number.checked_add(1) != Some(number) {
            return Err(Error::input(format!("frame {number} behind frame {}, expected the next number", self.number)));
        }
        self.frames += 1;
        self.number = number;
        self.values.resize(self.frames * self.channels, 0.0);
        Ok(())
    }

    /// Checks that the frame, if one was begun, has all its bones.
    fn end_frame(&self) -> Result<()> {
        match self.slots.iter().find(|slot| slot.given != self.frames) {
            None => Ok(()),
            Some(slot) => Err(Error::input(format!(
                "frame {} ends without bone '{}', expected every bone that moves",
                self.number, slot.name
            ))),
        }
    }

    fn bone<'w>(&mut self, index: usize, words: impl Iterator<Item = &'w str>) -> Result<()> {
        let slot = &mut self.slots[index];
        let Some(before) = self.frames.checked_sub(1) else {
            return Err(Error::input(format!("bone '{}' before any frame, expected a frame's number", slot.name)));
        };
        if std::mem::replace(&mut slot.given, self.frames) == self.frames {
            return Err(Error::input(format!("bone '{}' a second time in frame {}", slot.name, self.number)));
        }
        let row = &mut self.values[before * self.channels..];
        let mut found = 0;
        for word in words {
            let value = number(word)?;
            if let Some(&(column, is_angle)) = slot.columns.get(found) {
                row[column] = if is_angle { value * self.unit_degrees } else { value };
            }
            found += 1;
        }
        if found != slot.columns.len() {
            return Err(Error::input(format!(
                "bone '{}' with {found} numbers, expected {}, as many as its dof in the .asf",
                slot.name,
                slot.columns.len()
            )));
        }
        Ok(())
    }
}
