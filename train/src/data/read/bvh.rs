//! BVH motion capture: the text of a skeleton (HIERARCHY) and of its frames (MOTION).
//!
//! Joints may have any names in any order, with channels in any order or none, on lines ended by LF or CRLF. An error
//! names the file and line that do not fit.

use std::path::Path;

use nalgebra::{Matrix3, Vector3};
use ndarray::Array2;
use poselift::error::{Error, Result};

use super::lines::{self, Lines, number, shorten};
use crate::data::body::take::{Axis, Channel, Joint, Take};

/// Reads a file.
///
/// # Errors
/// No such file, or [`parse`]'s errors with the file named.
pub fn from_file(path: &Path) -> Result<Take> {
    parse(&lines::text_of(path)?).map_err(|e| e.at(path))
}

/// Reads the text of a file.
///
/// # Errors
/// The line that does not fit, with what was found and expected.
pub fn parse(text: &str) -> Result<Take> {
    let mut lines = Lines::new(text);
    let joints = hierarchy(&mut lines)?;
    let channels = joints.iter().map(|joint| joint.channels.len()).sum();
    let (frames, frame_seconds) = motion(&mut lines, channels)?;
    Ok(Take { joints, unit_metres: None, frame_seconds, frames })
}

/// A joint or end site whose `{` was read but whose `}` was not.
#[derive(Clone, Copy)]
enum Open {
    Joint(usize),
    EndSite,
}

/// Reads the skeleton up to and including the line `MOTION`.
fn hierarchy(lines: &mut Lines) -> Result<Vec<Joint>> {
    let (line, first) = lines.expect("HIERARCHY")?;
    if first.trim_start_matches('\u{feff}') != "HIERARCHY" {
        return Err(Error::input(format!("found '{}', expected HIERARCHY: no BVH file", shorten(first))).line(line));
    }
    let mut tree = Tree::default();
    loop {
        let (line, text) = lines.expect("the rest of the skeleton, then MOTION")?;
        let mut words = text.split_whitespace().peekable();
        if text == "MOTION" {
            return tree.finish().map_err(|e| e.line(line));
        }
        while words.peek().is_some() {
            tree.read(&mut words).map_err(|e| e.line(line))?;
        }
    }
}

#[derive(Default)]
struct Tree {
    joints: Vec<Joint>,
    open: Vec<Open>,
    /// A joint or end site whose name was read but whose `{` was not.
    announced: Option<Open>,
    channels: usize,
}

impl Tree {
    /// Takes one statement off `words`, which is not empty.
    fn read<'a>(&mut self, words: &mut impl Iterator<Item = &'a str>) -> Result<()> {
        let keyword = words.next().unwrap_or_default();
        if self.announced.is_some() && keyword != "{" {
            return Err(Error::input(format!("found '{}', expected '{{' behind a joint's name", shorten(keyword))));
        }
        match keyword {
            "ROOT" | "JOINT" => self.announce(words.collect::<Vec<_>>().join(" ")),
            "End" => {
                // The usual second word is `Site`; some writers put a name there.
                self.innermost()?;
                match words.last() {
                    Some("{") => self.open.push(Open::EndSite),
                    _ => self.announced = Some(Open::EndSite),
                }
                Ok(())
            }
            "{" => {
                let opened = self.announced.take().ok_or_else(|| Error::input("found '{' with no joint before it"))?;
                self.open.push(opened);
                Ok(())
            }
            "}" => self.open.pop().map(|_| ()).ok_or_else(|| Error::input("found '}' with no '{' before it")),
            "OFFSET" => self.offset(words),
            "CHANNELS" => self.channels(words),
            other => Err(Error::input(format!(
                "found '{}', expected JOINT, End Site, OFFSET, CHANNELS, a brace or MOTION",
                shorten(other)
            ))),
        }
    }

    fn announce(&mut self, mut name: String) -> Result<()> {
        let brace_follows = name.ends_with('{');
        if brace_follows {
            name.truncate(name.trim_end_matches('{').trim_end().len());
        }
        if name.is_empty() {
            return Err(Error::input("a joint without a name"));
        }
        let parent = match self.open.last() {
            None => None,
            Some(Open::Joint(parent)) => Some(*parent),
            Some(Open::EndSite) => return Err(Error::input("a joint inside an End Site")),
        };
        let index = self.joints.len();
        self.joints.push(Joint {
            name,
            parent,
            offset: Vector3::zeros(),
            axes: Matrix3::identity(),
            first_channel: self.channels,
            channels: Vec::new(),
            end_site: None,
        });
        if brace_follows {
            self.open.push(Open::Joint(index));
        } else {
            self.announced = Some(Open::Joint(index));
        }
        Ok(())
    }

    fn innermost(&self) -> Result<usize> {
        match self.open.iter().rev().find_map(|open| if let Open::Joint(index) = open { Some(*index) } else { None }) {
            Some(index) => Ok(index),
            None => Err(Error::input("expected a joint before this")),
        }
    }

    fn offset<'a>(&mut self, words: &mut impl Iterator<Item = &'a str>) -> Result<()> {
        let mut offset = Vector3::zeros();
        for (axis, slot) in ["x", "y", "z"].into_iter().zip(offset.iter_mut()) {
            let word =
                words.next().ok_or_else(|| Error::input(format!("OFFSET without its {axis}, expected 3 numbers")))?;
            let value = number(word)?;
            if !value.is_finite() {
                return Err(Error::input(format!("OFFSET holds '{word}', expected a finite number")));
            }
            *slot = value;
        }
        let joint = self.innermost()?;
        match self.open.last() {
            Some(Open::EndSite) => self.joints[joint].end_site = Some(offset),
            _ => self.joints[joint].offset = offset,
        }
        Ok(())
    }

    fn channels<'a>(&mut self, words: &mut impl Iterator<Item = &'a str>) -> Result<()> {
        let word = words.next().ok_or_else(|| Error::input("CHANNELS without their number"))?;
        let count: usize = word
            .parse()
            .ok()
            .filter(|count| *count <= 6)
            .ok_or_else(|| Error::input(format!("{} channels, expected 0 to 6", shorten(word))))?;
        let mut channels = Vec::with_capacity(count);
        for found in 0..count {
            let name = words.next().ok_or_else(|| Error::input(format!("{found} channel names, expected {count}")))?;
            channels.push(channel(name)?);
        }
        let Some(Open::Joint(joint)) = self.open.last().copied() else {
            return Err(Error::input("CHANNELS outside a joint"));
        };
        if joint + 1 != self.joints.len() || !self.joints[joint].channels.is_empty() {
            return Err(Error::input(format!(
                "CHANNELS of '{}' a second time or behind its children",
                self.joints[joint].name
            )));
        }
        self.channels += count;
        self.joints[joint].channels = channels;
        Ok(())
    }

    fn finish(self) -> Result<Vec<Joint>> {
        if let (Some(Open::Joint(joint)), _) | (None, Some(Open::Joint(joint))) =
            (self.announced, self.open.last().copied())
        {
            return Err(Error::input(format!(
                "MOTION while '{}' is not closed, expected '}}'",
                self.joints[joint].name
            )));
        }
        if self.announced.is_some() || !self.open.is_empty() {
            return Err(Error::input("MOTION inside an End Site, expected '}'"));
        }
        if self.joints.is_empty() {
            return Err(Error::input("MOTION without a joint before it"));
        }
        Ok(self.joints)
    }
}

fn channel(name: &str) -> Result<Channel> {
    let axis = match name.bytes().next().map(|byte| byte.to_ascii_uppercase()) {
        Some(b'X') => Axis::X,
        Some(b'Y') => Axis::Y,
        Some(b'Z') => Axis::Z,
        _ => return Err(unknown_channel(name)),
    };
    // The first byte is ASCII, so 1 is a character boundary.
    if name[1..].eq_ignore_ascii_case("position") {
        Ok(Channel::Position(axis))
    } else if name[1..].eq_ignore_ascii_case("rotation") {
        Ok(Channel::Rotation(axis))
    } else {
        Err(unknown_channel(name))
    }
}

fn unknown_channel(name: &str) -> Error {
    Error::input(format!("unknown channel '{}', expected Xposition … Zposition, Xrotation … Zrotation", shorten(name)))
}

/// Reads `Frames:`, `Frame Time:` and one line of numbers a frame.
fn motion(lines: &mut Lines, channels: usize) -> Result<(Array2<f64>, f64)> {
    let (line, text) = lines.expect("'Frames: N'")?;
    let announced: usize = text
        .strip_prefix("Frames:")
        .and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| Error::input(format!("found '{}', expected 'Frames: N'", shorten(text))).line(line))?;
    let (line, text) = lines.expect("'Frame Time: SECONDS'")?;
    let frame_seconds = text
        .strip_prefix("Frame Time:")
        .and_then(|seconds| seconds.trim().parse::<f64>().ok())
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
        .ok_or_else(|| Error::input(format!("found '{}', expected 'Frame Time: SECONDS'", shorten(text))).line(line))?;
    let mut values = Vec::new();
    let mut found = 0;
    while let Some((line, text)) = lines.next_filled() {
        frame(text, channels, &mut values).map_err(|e| e.line(line))?;
        found += 1;
    }
    if found != announced {
        return Err(Error::input(format!("{found} frames of motion, expected {announced} as 'Frames:' says"))
            .hint("the file seems to be cut off; correct 'Frames:' if it is whole"));
    }
    let frames = Array2::from_shape_vec((found, channels), values)
        .map_err(|e| Error::input(format!("the frames do not form a table: {e}")))?;
    Ok((frames, frame_seconds))
}

/// Appends one line's numbers, of which there must be `channels`.
fn frame(text: &str, channels: usize, values: &mut Vec<f64>) -> Result<()> {
    let before = values.len();
    for word in text.split_ascii_whitespace() {
        values.push(number(word)?);
    }
    let found = values.len() - before;
    if found != channels {
        return Err(Error::input(format!("a frame of {found} numbers, expected {channels}, one for each channel")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
