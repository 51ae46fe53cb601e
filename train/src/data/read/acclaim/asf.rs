//! The skeleton of an `.asf` file: its sections are read line by line, then its bones are joined.

use std::collections::HashMap;

use nalgebra::Vector3;
use poselift::error::{Error, Result};

use super::bone::{Bone, finite};
use crate::data::body::take::{Channel, Joint};
use crate::data::read::lines::{Lines, shorten};

/// Metres per inch, which `length` divides.
const INCH_METRES: f64 = 0.0254;

/// The contents of an `.asf` file.
#[derive(Debug)]
pub(super) struct Skeleton {
    /// `[J]` joints, the root first, parents before their children.
    pub(super) joints: Vec<Joint>,
    /// `[J]` what the numbers of a joint's line in the `.amc` move, in the order of that line.
    pub(super) dof: Vec<Vec<Channel>>,
    /// Metres per unit of length. CMU's `length 0.45` means inches divided by 0.45: 5.644 cm.
    pub(super) unit_metres: f64,
    /// Degrees per unit of angle.
    pub(super) unit_degrees: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    /// A section that is not needed: `:version`, `:name`, `:documentation`.
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
    /// The bone whose `begin` was read but whose `end` was not.
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
                let mut root = Bone::at(line);
                root.name = Some("root".into());
                self.root = Some(root);
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
            ("begin", None) => self.open = Some(Bone::at(line)),
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
        if let Some(bone) = self.open {
            return Err(missing(&format!("the end of {}", bone.title())).line(bone.line));
        }
        let root = self.root.ok_or_else(|| missing(":root"))?;
        if root.dof.is_empty() {
            return Err(missing("'order' in :root").line(root.line));
        }
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

fn missing(section: &str) -> Error {
    Error::input(format!("the file ends without {section}")).hint("the file is cut off, or no .asf file")
}

/// The joints, from the root outward; every bone must be connected to it exactly once.
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
    // Joints that are still to be placed: a bone (none is the root), its parent's index, its offset.
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
        if parent != "root" && !by_name.contains_key(parent.as_str()) {
            return Err(unknown_bone(parent).line(*line));
        }
        for child in below {
            let &index = by_name.get(child.as_str()).ok_or_else(|| unknown_bone(child).line(*line))?;
            if std::mem::replace(&mut taken[index], true) {
                return Err(Error::input(format!("'{}' has two parents, expected one", shorten(child))).line(*line));
            }
            children.entry(parent).or_default().push(child);
        }
    }
    Ok(children)
}

fn unknown_bone(name: &str) -> Error {
    Error::input(format!("'{}' in :hierarchy, expected a bone of :bonedata", shorten(name)))
}
