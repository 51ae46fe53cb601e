//! The skeleton of an `.asf` file: its sections read line by line, then its bones strung together.

use std::collections::HashMap;

use nalgebra::{Matrix3, Vector3};
use poselift::error::{Error, Result};

use crate::data::kinematics::turn;
use crate::data::lines::{Lines, number, shorten};
use crate::data::take::{Axis, Channel, Joint};

/// Metres of an inch, which `length` divides.
const INCH_METRES: f64 = 0.0254;

/// What an `.asf` file says.
#[derive(Debug)]
pub(super) struct Skeleton {
    /// `[J]` joints, the root first, parents before their children.
    pub(super) joints: Vec<Joint>,
    /// `[J]` what the numbers of a joint's line in the `.amc` move, in the order of that line.
    pub(super) dof: Vec<Vec<Channel>>,
    /// Metres of the files' unit of length. CMU's `length 0.45` means inches divided by 0.45: 5.644 cm.
    pub(super) unit_metres: f64,
    /// Degrees of the file's unit of angle.
    pub(super) unit_degrees: f64,
}

/// A bone, or the root, as far as it was read.
#[derive(Default)]
struct Bone {
    line: u64,
    name: Option<String>,
    direction: Option<Vector3<f64>>,
    length: Option<f64>,
    /// Angles about x, y and z, and the order in which they turn.
    axis: Option<([f64; 3], [Axis; 3])>,
    /// The root's place.
    position: Vector3<f64>,
    /// What the numbers of its line in the `.amc` move, in their order.
    dof: Vec<Channel>,
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    /// One whose lines are not needed: `:version`, `:name`, `:documentation`.
    Notes,
    Units,
    Root,
    Bones,
    Hierarchy,
}

/// The file as far as it was read.
struct Reader {
    section: Section,
    unit_metres: Option<f64>,
    unit_degrees: Option<f64>,
    root: Option<Bone>,
    bones: Vec<Bone>,
    /// The bone whose `begin` was read and whose `end` was not.
    open: Option<Bone>,
    /// Line, parent, children.
    families: Vec<(u64, String, Vec<String>)>,
}

/// Reads the text of a file.
///
/// # Errors
/// The line that does not fit, or the section that is missing.
pub(super) fn parse(text: &str) -> Result<Skeleton> {
    let mut reader = Reader {
        section: Section::Notes,
        unit_metres: None,
        unit_degrees: None,
        root: None,
        bones: Vec::new(),
        open: None,
        families: Vec::new(),
    };
    let mut lines = Lines::new(text);
    while let Some((line, text)) = lines.next_filled() {
        let text = text.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default();
        let words: Vec<_> = text.split_whitespace().collect();
        if let [keyword, values @ ..] = words.as_slice() {
            reader.read(line, keyword, values).map_err(|e| e.line(line))?;
        }
    }
    reader.finish()
}

impl Reader {
    fn read(&mut self, line: u64, keyword: &str, values: &[&str]) -> Result<()> {
        if let Some(section) = keyword.strip_prefix(':') {
            return self.enter(line, section);
        }
        match self.section {
            Section::Notes => Ok(()),
            Section::Units => self.unit(keyword, values),
            Section::Root => match &mut self.root {
                Some(root) => root.read_root(keyword, values),
                None => Ok(()),
            },
            Section::Bones => self.bone(line, keyword, values),
            Section::Hierarchy => {
                if !matches!(keyword, "begin" | "end") {
                    let children = values.iter().map(|&child| child.to_owned()).collect();
                    self.families.push((line, keyword.to_owned(), children));
                }
                Ok(())
            }
        }
    }

    fn enter(&mut self, line: u64, section: &str) -> Result<()> {
        if let Some(bone) = &self.open {
            return Err(Error::input(format!("found ':{}' inside {}, expected end", shorten(section), bone.title())));
        }
        self.section = match section {
            "version" | "name" | "documentation" => Section::Notes,
            "units" => Section::Units,
            "root" => {
                self.root = Some(Bone { line, ..Bone::default() });
                Section::Root
            }
            "bonedata" => Section::Bones,
            "hierarchy" => Section::Hierarchy,
            other => {
                return Err(Error::input(format!(
                    "unknown section ':{}', expected :version, :name, :units, :documentation, :root, :bonedata or \
                     :hierarchy",
                    shorten(other)
                )));
            }
        };
        Ok(())
    }

    fn unit(&mut self, keyword: &str, values: &[&str]) -> Result<()> {
        match (keyword, values) {
            ("length", [value]) => {
                let length = finite(value)?;
                if length <= 0.0 {
                    return Err(Error::input(format!("a unit of length of {length}, expected a number over 0")));
                }
                self.unit_metres = Some(INCH_METRES / length);
            }
            ("angle", [unit]) => {
                self.unit_degrees = Some(match unit.to_ascii_lowercase().as_str() {
                    "deg" | "degrees" => 1.0,
                    "rad" | "radians" => 1_f64.to_degrees(),
                    _ => return Err(Error::input(format!("angles in '{}', expected deg or rad", shorten(unit)))),
                });
            }
            ("mass", _) => {}
            _ => {
                return Err(Error::input(format!(
                    "found '{}' and {} words, expected mass, length or angle and its unit",
                    shorten(keyword),
                    values.len()
                )));
            }
        }
        Ok(())
    }

    fn bone(&mut self, line: u64, keyword: &str, values: &[&str]) -> Result<()> {
        match (keyword, self.open.take()) {
            ("begin", None) => self.open = Some(Bone { line, ..Bone::default() }),
            ("end", Some(bone)) => self.bones.push(bone),
            (_, Some(mut bone)) if keyword != "begin" => {
                bone.read(keyword, values)?;
                self.open = Some(bone);
            }
            (found, open) => {
                let (place, expected) = if open.is_some() { ("inside", "end") } else { ("outside", "begin") };
                return Err(Error::input(format!("found '{}' {place} a bone, expected {expected}", shorten(found))));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Skeleton> {
        let missing = |section: &str| {
            Error::input(format!("the file ends without {section}")).hint("the file is cut off, or no .asf file")
        };
        if let Some(bone) = self.open {
            return Err(missing(&format!("the end of {}", bone.title())).line(bone.line));
        }
        let root = self.root.ok_or_else(|| missing(":root"))?;
        let unit_metres = self.unit_metres.ok_or_else(|| missing("'length' in :units"))?;
        let unit_degrees = self.unit_degrees.ok_or_else(|| missing("'angle' in :units"))?;
        if self.bones.is_empty() {
            return Err(missing(":bonedata"));
        }
        if self.families.is_empty() {
            return Err(missing(":hierarchy"));
        }
        let (joints, dof) = string_together(&root, &self.bones, &self.families, unit_degrees)?;
        Ok(Skeleton { joints, dof, unit_metres, unit_degrees })
    }
}

impl Bone {
    fn title(&self) -> String {
        self.name.as_deref().map_or_else(|| "a bone without a name".into(), |name| format!("bone '{}'", shorten(name)))
    }

    /// Reads one line of a bone.
    fn read(&mut self, keyword: &str, values: &[&str]) -> Result<()> {
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
    fn read_root(&mut self, keyword: &str, values: &[&str]) -> Result<()> {
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
    fn tip(&self) -> Result<Vector3<f64>> {
        let missing = |what: &str| Error::input(format!("{} without its {what}", self.title())).line(self.line);
        let direction = self.direction.ok_or_else(|| missing("direction"))?;
        let length = self.length.ok_or_else(|| missing("length"))?;
        match direction.try_normalize(1e-9) {
            Some(unit) => Ok(unit * length),
            None if length == 0.0 => Ok(Vector3::zeros()),
            None => {
                Err(Error::input(format!("{} points nowhere: its direction is 0 0 0", self.title())).line(self.line))
            }
        }
    }

    /// The joint at its beginning, `offset` from that of its parent.
    fn joint(&self, name: &str, parent: Option<usize>, offset: Vector3<f64>, unit_degrees: f64) -> Result<Joint> {
        let (angles, order) =
            self.axis.ok_or_else(|| Error::input(format!("{} without its axis", self.title())).line(self.line))?;
        let mut axes = Matrix3::identity();
        // The first axis named turns first, about axes that stand still: it is the innermost factor.
        for axis in order.into_iter().rev() {
            turn(&mut axes, axis, angles[axis as usize] * unit_degrees);
        }
        // As for `axis`: of the turns, the first named is the innermost.
        let (mut channels, turns): (Vec<_>, Vec<_>) =
            self.dof.iter().partition(|channel| matches!(channel, Channel::Position(_)));
        channels.extend(turns.into_iter().rev());
        Ok(Joint { name: name.to_owned(), parent, offset, axes, first_channel: 0, channels, end_site: None })
    }
}

/// The joints, from the root outward; every bone must hang on it once.
fn string_together(
    root: &Bone,
    bones: &[Bone],
    families: &[(u64, String, Vec<String>)],
    unit_degrees: f64,
) -> Result<(Vec<Joint>, Vec<Vec<Channel>>)> {
    let by_name = named(bones)?;
    let children = children_of(families, &by_name)?;
    let mut joints = Vec::with_capacity(bones.len() + 1);
    let mut dof = Vec::with_capacity(bones.len() + 1);
    let mut reached = vec![false; bones.len()];
    // What is still to be placed: a bone (none is the root), its parent's index, its offset.
    let mut waiting = vec![("root", None, root.position)];
    let mut columns = 0;
    while let Some((name, parent, offset)) = waiting.pop() {
        let bone = by_name.get(name).map(|&index| &bones[index]);
        let read = bone.unwrap_or(root);
        let mut joint = read.joint(name, parent, offset, unit_degrees)?;
        joint.first_channel = columns;
        columns += joint.channels.len();
        let tip = bone.map_or(Ok(Vector3::zeros()), Bone::tip)?;
        let below = children.get(name).map_or(&[][..], Vec::as_slice);
        if below.is_empty() {
            joint.end_site = Some(tip);
        }
        let index = joints.len();
        joints.push(joint);
        dof.push(read.dof.clone());
        for &child in below.iter().rev() {
            reached[by_name[child]] = true;
            waiting.push((child, Some(index), tip));
        }
    }
    match bones.iter().zip(reached).find(|(_, reached)| !reached) {
        None => Ok((joints, dof)),
        Some((bone, _)) => Err(Error::input(format!("{} does not hang on the root", bone.title()))
            .line(bone.line)
            .hint("name it behind its parent in :hierarchy")),
    }
}

fn named(bones: &[Bone]) -> Result<HashMap<&str, usize>> {
    let mut by_name = HashMap::new();
    for (index, bone) in bones.iter().enumerate() {
        let name = bone.name.as_deref().ok_or_else(|| Error::input(bone.title()).line(bone.line))?;
        if name == "root" || by_name.insert(name, index).is_some() {
            return Err(
                Error::input(format!("{} a second time, expected one of each name", bone.title())).line(bone.line)
            );
        }
    }
    Ok(by_name)
}

/// Each parent's children; no bone is the child of two.
fn children_of<'a>(
    families: &'a [(u64, String, Vec<String>)],
    by_name: &HashMap<&str, usize>,
) -> Result<HashMap<&'a str, Vec<&'a str>>> {
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut taken = vec![false; by_name.len()];
    for (line, parent, below) in families {
        let unknown = |name: &str| {
            Error::input(format!("'{}' in :hierarchy, expected a bone of :bonedata", shorten(name))).line(*line)
        };
        if parent != "root" && !by_name.contains_key(parent.as_str()) {
            return Err(unknown(parent));
        }
        for child in below {
            let &index = by_name.get(child.as_str()).ok_or_else(|| unknown(child))?;
            if std::mem::replace(&mut taken[index], true) {
                return Err(Error::input(format!("'{}' has two parents, expected one", shorten(child))).line(*line));
            }
            children.entry(parent).or_default().push(child);
        }
    }
    Ok(children)
}

/// What `names` move, each of which may be named once.
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

fn finite(word: &str) -> Result<f64> {
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

/// What a word of the root's `order` moves.
fn channel(word: &str) -> Result<Channel> {
    let channel = match word.as_bytes() {
        [b'T' | b't', letter] => axis(*letter).map(Channel::Position),
        [b'R' | b'r', letter] => axis(*letter).map(Channel::Rotation),
        _ => None,
    };
    channel.ok_or_else(|| Error::input(format!("found '{}', expected tx, ty, tz, rx, ry or rz", shorten(word))))
}

/// What a word of a bone's `dof` moves.
fn turning(word: &str) -> Result<Channel> {
    match channel(word) {
        Ok(turn @ Channel::Rotation(_)) => Ok(turn),
        _ => Err(Error::input(format!("dof '{}', expected rx, ry or rz", shorten(word)))
            .hint("bones that move along or change their length are no person's")),
    }
}
