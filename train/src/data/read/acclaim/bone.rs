//! One bone of an `.asf` file: its lines, and the joint that it makes.

use nalgebra::{Matrix3, Vector3};
use poselift::error::{Error, Result};

use crate::data::body::kinematics::turn;
use crate::data::body::take::{Axis, Channel, Joint};
use crate::data::read::lines::{number, shorten};

/// A bone, or the root, as far as it has been read.
#[derive(Default)]
pub(super) struct Bone {
    /// Where it begins.
    pub(super) line: u64,
    pub(super) name: Option<String>,
    direction: Option<Vector3<f64>>,
    length: Option<f64>,
    /// Angles about x, y and z, and the order in which they turn.
    axis: Option<([f64; 3], [Axis; 3])>,
    /// The root's position.
    pub(super) position: Vector3<f64>,
    /// The degrees of freedom that the numbers of its line in the `.amc` set, in their order.
    pub(super) dof: Vec<Channel>,
}

impl Bone {
    /// A bone that begins at a line, with no field read yet.
    pub(super) fn at(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    /// Its name in messages.
    pub(super) fn title(&self) -> String {
        self.name.as_deref().map_or_else(|| "a bone without a name".into(), |name| format!("bone '{}'", shorten(name)))
    }

    /// Reads one line of a bone.
    pub(super) fn read(&mut self, keyword: &str, values: &[&str]) -> Result<()> {
        match (keyword, values) {
            // Limits may take several lines: `limits (-160 20)`, `(-70 70)`. Recorded motion needs none.
            ("id" | "limits" | "bodymass" | "cofmass", _) => {}
            (range, _) if range.starts_with('(') => {}
            ("name", [name]) => self.name = Some((*name).to_owned()),
            ("direction", values) => self.direction = Some(three(values)?),
            ("length", [value]) => self.length = Some(finite(value)?),
            ("axis", [x, y, z, order]) => self.axis = Some((three(&[x, y, z])?.into(), axis_order(order)?)),
            ("dof", names) => self.dof = each_once(names, turning)?,
            _ => {
                return Err(Error::input(format!(
                    "found '{}' and {} words, expected id, name WORD, direction X Y Z, length L, axis X Y Z ORDER, \
                     dof rx ry rz, limits or end",
                    shorten(keyword),
                    values.len()
                )));
            }
        }
        Ok(())
    }

    /// Reads one line of the section `:root`.
    pub(super) fn read_root(&mut self, keyword: &str, values: &[&str]) -> Result<()> {
        match (keyword, values) {
            ("order", names) => self.dof = each_once(names, channel)?,
            ("axis", [order]) => self.axis = Some(([0.0; 3], axis_order(order)?)),
            ("position", values) => self.position = three(values)?,
            ("orientation", values) => {
                if three(values)? != Vector3::zeros() {
                    return Err(Error::input(format!("orientation {}, expected 0 0 0", values.join(" ")))
                        .hint("CMU's skeletons all have 0 0 0; programs disagree on what else would mean"));
                }
            }
            _ => {
                return Err(Error::input(format!(
                    "found '{}' and {} words, expected order TX TY TZ RX RY RZ, axis XYZ, position X Y Z or \
                     orientation 0 0 0",
                    shorten(keyword),
                    values.len()
                )));
            }
        }
        Ok(())
    }

    /// From the joint that the bone begins at to its tip, at rest.
    pub(super) fn tip(&self) -> Result<Vector3<f64>> {
        let direction = self.direction.ok_or_else(|| self.without("direction"))?;
        let length = self.length.ok_or_else(|| self.without("length"))?;
        match direction.try_normalize(1e-9) {
            Some(unit) => Ok(unit * length),
            None if length == 0.0 => Ok(Vector3::zeros()),
            None => {
                Err(Error::input(format!("{} points nowhere: its direction is 0 0 0", self.title())).line(self.line))
            }
        }
    }

    fn without(&self, what: &str) -> Error {
        Error::input(format!("{} without its {what}", self.title())).line(self.line)
    }

    /// The joint at its beginning, `offset` from that of its parent.
    pub(super) fn joint(
        &self,
        name: &str,
        parent: Option<usize>,
        offset: Vector3<f64>,
        unit_degrees: f64,
    ) -> Result<Joint> {
        let (angles, order) = self.axis.ok_or_else(|| self.without("axis"))?;
        let mut axes = Matrix3::identity();
        // The first axis named turns first, about axes that stay fixed: it is the innermost factor.
        for axis in order.into_iter().rev() {
            turn(&mut axes, axis, angles[axis as usize] * unit_degrees);
        }
        // As for `axis`: the first rotation named is the innermost.
        let (mut channels, turns): (Vec<_>, Vec<_>) =
            self.dof.iter().partition(|channel| matches!(channel, Channel::Position(_)));
        channels.extend(turns.into_iter().rev());
        Ok(Joint { name: name.to_owned(), parent, offset, axes, first_channel: 0, channels, end_site: None })
    }
}

/// The degrees of freedom that are called `names`; each may be named once.
fn each_once(names: &[&str], read: fn(&str) -> Result<Channel>) -> Result<Vec<Channel>> {
    let mut channels = Vec::with_capacity(names.len());
    for name in names {
        let channel = read(name)?;
        if channels.contains(&channel) {
            return Err(Error::input(format!("'{name}' a second time, expected each once")));
        }
        channels.push(channel);
    }
    Ok(channels)
}

/// The number that `word` spells, which must be finite.
pub(super) fn finite(word: &str) -> Result<f64> {
    let value = number(word)?;
    if value.is_finite() { Ok(value) } else { Err(Error::input(format!("found '{word}', expected a finite number"))) }
}

fn three(words: &[&str]) -> Result<Vector3<f64>> {
    match words {
        [x, y, z] => Ok(Vector3::new(finite(x)?, finite(y)?, finite(z)?)),
        _ => Err(Error::input(format!("found {} numbers, expected 3", words.len()))),
    }
}

fn axis(letter: u8) -> Option<Axis> {
    match letter.to_ascii_uppercase() {
        b'X' => Some(Axis::X),
        b'Y' => Some(Axis::Y),
        b'Z' => Some(Axis::Z),
        _ => None,
    }
}

fn axis_order(word: &str) -> Result<[Axis; 3]> {
    let axes: Vec<_> = word.bytes().filter_map(axis).collect();
    match <[Axis; 3]>::try_from(axes) {
        Ok([a, b, c]) if word.len() == 3 && a != b && b != c && a != c => Ok([a, b, c]),
        _ => Err(Error::input(format!("axes in order '{}', expected X, Y and Z in some order", shorten(word)))),
    }
}

/// The degree of freedom that a word of the root's `order` names.
fn channel(word: &str) -> Result<Channel> {
    let channel = match word.as_bytes() {
        [b'T' | b't', letter] => axis(*letter).map(Channel::Position),
        [b'R' | b'r', letter] => axis(*letter).map(Channel::Rotation),
        _ => None,
    };
    channel.ok_or_else(|| Error::input(format!("found '{}', expected tx, ty, tz, rx, ry or rz", shorten(word))))
}

/// The degree of freedom that a word of a bone's `dof` names.
fn turning(word: &str) -> Result<Channel> {
    match channel(word) {
        Ok(turn @ Channel::Rotation(_)) => Ok(turn),
        _ => Err(Error::input(format!("dof '{}', expected rx, ry or rz", shorten(word)))
            .hint("bones that move along or change their length are no person's")),
    }
}
