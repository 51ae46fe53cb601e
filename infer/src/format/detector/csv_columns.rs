//! What the columns of a table mean, by its header.

use super::detectors_layout;
use crate::error::Result;
use crate::format::keys::{FRAME, ID, IMAGE, JOINT, JOINT_NUMBER, PERSON, SCORE, TimeKey, is_one_of, time_column};
use crate::skeleton::{Layout, named_layout};

/// The columns of one joint.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct JointColumns {
    pub(super) name: String,
    pub(super) x: Option<usize>,
    pub(super) y: Option<usize>,
    /// The score; where there is none and a third coordinate is, that one: whether it can be a score is seen later.
    pub(super) score: Option<usize>,
    pub(super) z: Option<usize>,
}

/// The columns of one person in a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PersonColumns {
    pub(super) id: Option<i64>,
    pub(super) joints: Vec<JointColumns>,
}

/// What the columns of a table mean.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Columns {
    /// How many columns the header has.
    pub(super) count: usize,
    /// The frame's number, or its image's name.
    pub(super) frame: Option<usize>,
    pub(super) time: Option<usize>,
    /// Units of time a second.
    pub(super) time_scale: f64,
    /// Who the row is of.
    pub(super) person: Option<usize>,
    /// The joint's name, of a row that holds one joint.
    pub(super) joint: Option<usize>,
    /// Wide: who is in a row. Long: one person of one joint, whose columns every row has.
    pub(super) people: Vec<PersonColumns>,
}

/// What stands before the number of a joint without a name: `kp3_x`, `keypoint_3_x`.
const NUMBERED: [&str; 8] = ["kp", "keypoint", "landmark", "joint", "point", "lm", "pt", "p"];

impl Columns {
    /// What tells the rows of one frame from those of others.
    pub(super) fn of_frame(&self) -> Option<usize> {
        self.frame.or(self.time)
    }

    /// Whether several rows can be of one frame.
    pub(super) fn has_rows_of_a_frame(&self) -> bool {
        self.of_frame().is_some() && (self.person.is_some() || self.joint.is_some())
    }

    /// Whether a row of so many cells ends between the columns of a joint: then it is cut off. Programs leave empty cells out at a
    /// row's end, those of whole joints.
    pub(super) fn are_parted_at(&self, cells: usize) -> bool {
        self.people.iter().flat_map(|person| &person.joints).any(|joint| self.is_joint_parted_at(joint, cells))
    }

    fn is_joint_parted_at(&self, joint: &JointColumns, cells: usize) -> bool {
        let score = joint.score.filter(|_| self.joint.is_none());
        let mut columns = [joint.x, joint.y, score].into_iter().flatten();
        let there = columns.clone().any(|column| column < cells);
        (there || self.joint.is_some()) && columns.any(|column| column >= cells)
    }

    /// What a header says; `None` where it names no key points.
    pub(super) fn of<'a>(header: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut columns = Self { time_scale: 1.0, ..Self::default() };
        let mut wide = PersonColumns::default();
        let mut long = JointColumns::default();
        let mut image: Option<usize> = None;
        let mut time: Option<TimeKey> = None;
        for (place, cell) in header.enumerate() {
            columns.count = place + 1;
            let name = cell.trim().trim_matches('"').trim_start_matches('\u{feff}').to_ascii_lowercase();
            match name.as_str() {
                name if is_one_of(name, &FRAME) => columns.frame = columns.frame.or(Some(place)),
                name if is_one_of(name, &IMAGE) => image = image.or(Some(place)),
                name if is_one_of(name, &ID) || is_one_of(name, &PERSON) => {
                    columns.person = columns.person.or(Some(place));
                }
                name if is_one_of(name, &JOINT) || is_one_of(name, &JOINT_NUMBER) => {
                    columns.joint = columns.joint.or(Some(place));
                }
                "x" => long.x = Some(place),
                "y" => long.y = Some(place),
                "z" => long.z = Some(place),
                name if is_one_of(name, &SCORE) => long.score = Some(place),
                name => match time_column(name) {
                    Some(key) if time.is_none_or(|known| key > known) => {
                        time = Some(key);
                        columns.time = Some(place);
                        columns.time_scale = key.units;
                    }
                    Some(_) => {}
                    None => add_joint(&mut wide, cell.trim().trim_matches('"'), place),
                },
            }
        }
        columns.frame = columns.frame.or(image);
        wide.joints.retain(|joint| joint.x.is_some() && joint.y.is_some());
        for joint in wide.joints.iter_mut().chain([&mut long]) {
            joint.score = joint.score.or(joint.z);
        }
        if columns.joint.is_some() && long.x.is_some() && long.y.is_some() {
            columns.people = vec![PersonColumns { id: None, joints: vec![long] }];
        } else if wide.joints.len() >= 4 {
            columns.joint = None;
            sort_numbered(&mut wide.joints);
            columns.people = vec![wide];
        } else {
            return None;
        }
        Some(columns)
    }

    /// The layout of the joints that the header names; `None` where it only numbers them.
    pub(super) fn layout(&self) -> Result<Option<&'static Layout>> {
        if self.joint.is_some() {
            return Ok(None);
        }
        let joints = &self.people[0].joints;
        if joints.iter().all(|joint| joint.name.parse::<usize>().is_ok()) {
            return Ok(detectors_layout(joints.len()));
        }
        let names: Vec<&str> = joints.iter().map(|joint| joint.name.as_str()).collect();
        named_layout(&names).map(Some)
    }
}

/// Adds a column such as `nose_x`, `nose.score`, `x_0` or `y12` to its joint.
fn add_joint(person: &mut PersonColumns, cell: &str, place: usize) {
    let Some((name, axis)) = joint_and_axis(cell) else { return };
    let name = number_of(&name).map_or(name, |number| number.to_string());
    let joint = match person.joints.iter_mut().find(|joint| joint.name == name) {
        Some(joint) => joint,
        None => {
            person.joints.push(JointColumns { name, ..JointColumns::default() });
            person.joints.last_mut().expect("a joint was just added")
        }
    };
    match axis {
        Axis::X => joint.x = Some(place),
        Axis::Y => joint.y = Some(place),
        Axis::Z => joint.z = Some(place),
        Axis::Score => joint.score = Some(place),
    }
}

/// The number of a joint that has no name: `3`, `kp3`, `keypoint_3`.
fn number_of(name: &str) -> Option<usize> {
    let digits = name.find(|letter: char| letter.is_ascii_digit())?;
    let before = name[..digits].trim_end_matches(['_', '-', ' ', '.']).to_ascii_lowercase();
    let is_plain = before.is_empty() || NUMBERED.contains(&before.as_str());
    name[digits..].parse().ok().filter(|_| is_plain)
}

enum Axis {
    X,
    Y,
    Z,
    Score,
}

impl Axis {
    /// The axis that a part of a column's name means, if it means one.
    fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "x" => Some(Self::X),
            "y" => Some(Self::Y),
            "z" => Some(Self::Z),
            word if is_one_of(word, &SCORE) => Some(Self::Score),
            _ => None,
        }
    }
}

fn joint_and_axis(cell: &str) -> Option<(String, Axis)> {
    let parted = ['_', '.', ' ', '-'].into_iter().find_map(|separator| parted_by(cell, separator));
    parted.or_else(|| axis_and_number(cell)).or_else(|| camel_case(cell))
}

/// `nose_x`, else `x_nose`.
fn parted_by(cell: &str, separator: char) -> Option<(String, Axis)> {
    if let Some((name, axis)) = cell.rsplit_once(separator)
        && let Some(axis) = Axis::of(axis)
    {
        return Some((name.to_owned(), axis));
    }
    let (axis, name) = cell.split_once(separator)?;
    Some((name.to_owned(), Axis::of(axis)?))
}

/// `x12`.
fn axis_and_number(cell: &str) -> Option<(String, Axis)> {
    let digits = cell.find(|letter: char| letter.is_ascii_digit())?;
    let (axis, number) = cell.split_at(digits);
    number.parse::<usize>().is_ok().then_some(())?;
    Some((number.to_owned(), Axis::of(axis)?))
}

/// `leftEyeX`: a capital behind a small letter begins the axis.
fn camel_case(cell: &str) -> Option<(String, Axis)> {
    let at = cell.char_indices().rev().find(|(_, letter)| letter.is_ascii_uppercase())?.0;
    let (name, axis) = cell.split_at(at);
    name.ends_with(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit()).then_some(())?;
    Some((name.to_owned(), Axis::of(axis)?))
}

/// Joints that are numbered come in the order of their numbers.
fn sort_numbered(joints: &mut [JointColumns]) {
    if joints.iter().all(|joint| joint.name.parse::<usize>().is_ok()) {
        joints.sort_by_key(|joint| joint.name.parse::<usize>().unwrap_or_default());
    }
}

/// What parts the cells of a line.
pub(super) fn delimiter(line: &str) -> u8 {
    // Where semicolons or tabs part cells, commas may stand in numbers.
    for delimiter in [b'\t', b';'] {
        if line.bytes().filter(|byte| *byte == delimiter).count() >= 2 {
            return delimiter;
        }
    }
    b','
}

/// Whether a line is the header of a table of key points.
pub(in crate::format) fn is_csv_header(line: &str) -> bool {
    Columns::of(line.split(char::from(delimiter(line)))).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_of_key_points_is_known() {
        for header in ["frame,x,y", "hello, world", "a,b,c,d,e,f,g,h"] {
            assert!(!is_csv_header(header), "{header}");
        }
    }

    #[test]
    fn the_finest_time_counts_and_rows_may_end_behind_a_joint() {
        let header = "image,Frame Number,time_ms,timestamp,trackId,nose_x,nose_y,a_x,a_y,b_x,b_y,c_x,c_y,remark";
        let columns = Columns::of(header.split(',')).expect("the header names key points");
        assert_eq!((columns.frame, columns.time, columns.time_scale, columns.person), (Some(1), Some(2), 1e3, Some(4)));
        assert_eq!(columns.count, 14);
        assert_eq!([5, 6, 7, 12, 13].map(|cells| columns.are_parted_at(cells)), [false, true, false, true, false]);
    }
}
