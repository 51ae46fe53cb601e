//! CSV by its header: wide (`frame, nose_x, nose_y, nose_score, …`, a person a row) or long (`frame, person, joint, x, y,
//! score`, a joint a row), whatever the columns' order. Commas, semicolons or tabs part cells.
//!
//! DeepLabCut's three or four header rows are told apart in `deeplabcut.rs`; their rows are read here.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::json::Label;
use super::{detectors_layout, score};
use crate::error::{Error, Result};
use crate::format::held::Held;
use crate::format::{FrameReader, InputFormat, StreamInfo};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{Layout, joint_name, named_layout};

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

const FRAME: [&str; 11] = [
    "frame",
    "frame_idx",
    "frame_index",
    "frame_id",
    "frame_number",
    "frame_no",
    "framenumber",
    "frame#",
    "image_id",
    "image",
    "frames",
];
const TIME: [&str; 7] = ["time", "timestamp", "seconds", "time_s", "time_sec", "timestamp_s", "t"];
const MILLISECONDS: [&str; 4] = ["time_ms", "timestamp_ms", "timestampms", "ms"];
const PERSON: [&str; 8] = ["person", "person_id", "id", "track", "track_id", "individual", "individuals", "instance"];
const JOINT: [&str; 14] = [
    "joint",
    "keypoint",
    "bodypart",
    "bodyparts",
    "landmark",
    "part",
    "joint_name",
    "keypoint_name",
    "landmark_name",
    "name",
    "joint_id",
    "keypoint_id",
    "landmark_id",
    "node",
];
const SCORE: [&str; 9] = ["score", "likelihood", "confidence", "conf", "visibility", "visible", "v", "c", "s"];
/// What a cell of a missing number holds in tables of pandas, R and spreadsheets.
const NO_NUMBER: [&str; 7] = ["na", "n/a", "#n/a", "none", "null", "-", "nan"];
/// What stands before the number of a joint without a name: `kp3_x`, `keypoint_3_x`.
const NUMBERED: [&str; 8] = ["kp", "keypoint", "landmark", "joint", "point", "lm", "pt", "p"];

impl Columns {
    /// What tells the rows of one frame from those of others.
    fn of_frame(&self) -> Option<usize> {
        self.frame.or(self.time)
    }

    /// Whether several rows can be of one frame.
    fn has_rows_of_a_frame(&self) -> bool {
        self.of_frame().is_some() && (self.person.is_some() || self.joint.is_some())
    }

    /// What a header says; `None` where it names no key points.
    pub(super) fn of<'a>(header: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut columns = Self { time_scale: 1.0, ..Self::default() };
        let mut wide = PersonColumns::default();
        let mut long = JointColumns::default();
        for (place, cell) in header.enumerate() {
            let name = cell.trim().trim_matches('"').trim_start_matches('\u{feff}').to_ascii_lowercase();
            let is = |known: &[&str]| known.contains(&name.as_str());
            match () {
                () if is(&FRAME) => columns.frame = columns.frame.or(Some(place)),
                () if is(&TIME) => columns.time = columns.time.or(Some(place)),
                () if is(&MILLISECONDS) => (columns.time, columns.time_scale) = (Some(place), 1000.0),
                () if is(&PERSON) => columns.person = columns.person.or(Some(place)),
                () if is(&JOINT) => columns.joint = columns.joint.or(Some(place)),
                () if name == "x" => long.x = Some(place),
                () if name == "y" => long.y = Some(place),
                () if name == "z" => long.z = Some(place),
                () if is(&SCORE) => long.score = Some(place),
                () => add_joint(&mut wide, cell.trim().trim_matches('"'), place),
            }
        }
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
    fn layout(&self) -> Result<Option<&'static Layout>> {
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

fn joint_and_axis(cell: &str) -> Option<(String, Axis)> {
    let axis_of = |word: &str| match word.to_ascii_lowercase().as_str() {
        "x" => Some(Axis::X),
        "y" => Some(Axis::Y),
        "z" => Some(Axis::Z),
        word if SCORE.contains(&word) => Some(Axis::Score),
        _ => None,
    };
    let parted = |separator: char| {
        let behind = cell.rsplit_once(separator).and_then(|(name, axis)| Some((name.to_owned(), axis_of(axis)?)));
        behind.or_else(|| cell.split_once(separator).and_then(|(axis, name)| Some((name.to_owned(), axis_of(axis)?))))
    };
    let numbered = || {
        let digits = cell.find(|letter: char| letter.is_ascii_digit())?;
        let (axis, number) = cell.split_at(digits);
        number.parse::<usize>().is_ok().then_some(())?;
        Some((number.to_owned(), axis_of(axis)?))
    };
    // `leftEyeX`: a capital behind a small letter begins the axis.
    let camel = || {
        let at = cell.char_indices().rev().find(|(_, letter)| letter.is_ascii_uppercase())?.0;
        let (name, axis) = cell.split_at(at);
        name.ends_with(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit()).then_some(())?;
        Some((name.to_owned(), axis_of(axis)?))
    };
    let parted = parted('_').or_else(|| parted('.')).or_else(|| parted(' ')).or_else(|| parted('-'));
    parted.or_else(numbered).or_else(camel)
}

/// Joints that are numbered come in the order of their numbers.
fn sort_numbered(joints: &mut [JointColumns]) {
    if joints.iter().all(|joint| joint.name.parse::<usize>().is_ok()) {
        joints.sort_by_key(|joint| joint.name.parse::<usize>().unwrap_or_default());
    }
}

/// What parts the cells of a line.
pub(super) fn delimiter(line: &str) -> u8 {
    let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
    // Where semicolons or tabs part cells, commas may stand in numbers.
    [b'\t', b';', b','].into_iter().find(|delimiter| count(*delimiter) >= 2).unwrap_or(b',')
}

/// Whether a line is the header of a table of key points.
pub(in crate::format) fn is_csv_header(line: &str) -> bool {
    Columns::of(line.split(char::from(delimiter(line)))).is_some()
}

/// How the rows of one frame stand in a table that has several for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum RowOrder {
    /// The table is all there, and is sorted: about four times its bytes of memory.
    Any,
    /// Rows are read as they come, and those of a frame follow each other.
    ByFrame,
}

/// The frames of a table. Memory: the rows of one frame, where they follow each other.
pub(in crate::format) struct TableFrames {
    rows: csv::Reader<Box<dyn Read + Send>>,
    name: PathBuf,
    columns: Columns,
    info: StreamInfo,
    /// Lines before those that `rows` reads.
    lines_before: u64,
    /// Frames that were read already: all, or the first to learn the joints.
    grouped: VecDeque<Vec<csv::StringRecord>>,
    /// The number of the frame that was read last.
    last: Option<u64>,
    /// The first row of the next frame.
    ahead: Option<csv::StringRecord>,
    next_index: u64,
    /// Joints of a long table in the order in which they were met first.
    joints: Vec<String>,
}

impl TableFrames {
    /// Reads a table whose header line is still to come.
    ///
    /// # Errors
    /// A header that names no key points.
    pub(in crate::format) fn new(
        mut input: Box<dyn BufRead + Send>,
        name: &Path,
        layout: Option<&'static Layout>,
        order: RowOrder,
    ) -> Result<Self> {
        let mut header = String::new();
        let mut number = 0;
        // Comments may stand before it.
        while header.trim().is_empty() || header.starts_with('#') {
            header.clear();
            number += 1;
            if input.read_line(&mut header).map_err(|e| Error::io("cannot read", name, e))? == 0 {
                break;
            }
        }
        let delimiter = delimiter(&header);
        let Some(columns) = Columns::of(header.trim_end().split(char::from(delimiter))) else {
            return Err(Error::input("a table whose header names no key points, expected columns like nose_x, nose_y, nose_score, or frame, joint, x, y")
                .at(name)
                .line(number));
        };
        let is_grouped = columns.has_rows_of_a_frame() && order == RowOrder::Any;
        let input: Box<dyn Read + Send> = if is_grouped { Box::new(Held::new(input, name)) } else { Box::new(input) };
        let mut table = Self::with_columns(input, name, delimiter, columns, layout)?.behind(number, InputFormat::Csv);
        if table.columns.joint.is_some() && table.columns.of_frame().is_none() {
            return Err(Error::input("a table of a joint a row, and no column says which frame")
                .at(name)
                .line(number)
                .hint("call one of them frame, or time"));
        }
        if is_grouped {
            table.group_rows()?;
        }
        if table.columns.joint.is_some() {
            table.learn_joints()?;
        }
        Ok(table)
    }

    /// Reads the rows behind a header that was read already.
    pub(super) fn with_columns(
        input: Box<dyn Read + Send>,
        name: &Path,
        delimiter: u8,
        columns: Columns,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        let own = columns.layout().map_err(|e| e.at(name))?;
        let rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(input);
        let info = StreamInfo { layout: layout.or(own), ..StreamInfo::default() };
        Ok(Self {
            rows,
            name: name.to_path_buf(),
            columns,
            info,
            lines_before: 0,
            grouped: VecDeque::new(),
            last: None,
            ahead: None,
            next_index: 0,
            joints: Vec::new(),
        })
    }

    /// Says how many lines of a header were read already, and of which format.
    pub(super) fn behind(mut self, lines: u64, format: InputFormat) -> Self {
        self.lines_before = lines;
        self.info.format = Some(format);
        self
    }

    /// Reads all rows, and puts those of one frame together: tables are sorted by joint or person, too.
    fn group_rows(&mut self) -> Result<()> {
        let column = self.columns.of_frame().expect("rows are grouped by a column");
        let mut place_of: HashMap<String, usize> = HashMap::new();
        let mut frames: Vec<Vec<csv::StringRecord>> = Vec::new();
        while let Some(row) = self.row()? {
            let place = *place_of.entry(row.get(column).unwrap_or_default().trim().to_owned()).or_insert(frames.len());
            match frames.get_mut(place) {
                Some(rows) => rows.push(row),
                None => frames.push(vec![row]),
            }
        }
        let number = |rows: &Vec<csv::StringRecord>| rows[0].get(column).map(label).and_then(|label| label.number());
        if frames.iter().all(|rows| number(rows).is_some()) {
            frames.sort_by(|one, other| number(one).unwrap_or(0.0).total_cmp(&number(other).unwrap_or(0.0)));
        }
        self.grouped = frames.into();
        Ok(())
    }

    /// Knows the joints of a long table by the frames that were read already, else by the first one.
    fn learn_joints(&mut self) -> Result<()> {
        if self.grouped.is_empty() {
            let Some(rows) = self.rows_of_frame()? else { return Ok(()) };
            self.grouped.push_back(rows);
        }
        let place = self.columns.joint.expect("only long tables learn their joints");
        for row in self.grouped.iter().flatten() {
            let name = row.get(place).unwrap_or_default().trim();
            if !self.joints.iter().any(|joint| joint == name) {
                self.joints.push(name.to_owned());
            }
        }
        if self.info.layout.is_some() {
            return Ok(());
        }
        let is_numbered = self.joints.iter().all(|name| name.parse::<usize>().is_ok());
        if is_numbered {
            self.joints.sort_by_key(|name| name.parse::<usize>().unwrap_or_default());
            self.info.layout = detectors_layout(self.joints.len());
        } else {
            let usual = crate::skeleton::LAYOUTS.into_iter().find(|layout| {
                layout.len() == self.joints.len()
                    && self.joints.iter().all(|name| layout.position(&joint_name(name)).is_some())
            });
            let own = || named_layout(&self.joints).map_err(|e| Error::input(e.to_string()).at(&self.name));
            self.info.layout = Some(usual.map_or_else(own, Ok)?);
        }
        Ok(())
    }

    /// The rows of the next frame: one, or those that follow each other with one frame's number.
    fn rows_of_frame(&mut self) -> Result<Option<Vec<csv::StringRecord>>> {
        if let Some(rows) = self.grouped.pop_front() {
            return Ok(Some(rows));
        }
        let Some(row) = self.ahead.take().map_or_else(|| self.row(), |row| Ok(Some(row)))? else { return Ok(None) };
        let Some(frame) = self.columns.of_frame().filter(|_| self.columns.has_rows_of_a_frame()) else {
            return Ok(Some(vec![row]));
        };
        let mut rows = vec![row];
        while let Some(row) = self.row()? {
            if row.get(frame) != rows[0].get(frame) {
                self.ahead = Some(row);
                break;
            }
            rows.push(row);
        }
        let number = self.columns.frame.and_then(|column| rows[0].get(column)).and_then(|cell| label(cell).frame());
        let last = std::mem::replace(&mut self.last, number);
        if let (Some(number), Some(last)) = (number, last)
            && number < last
        {
            return Err(Error::input(format!("rows of frame {number} behind those of frame {last}"))
                .at(&self.name)
                .line(self.line_of(&rows[0]))
                .hint("sort the table by frame, or give it as a file"));
        }
        Ok(Some(rows))
    }

    fn line_of(&self, row: &csv::StringRecord) -> u64 {
        self.lines_before + row.position().map_or(0, csv::Position::line)
    }

    fn row(&mut self) -> Result<Option<csv::StringRecord>> {
        let mut row = csv::StringRecord::new();
        loop {
            match self.rows.read_record(&mut row) {
                Ok(true) if row.iter().all(|cell| cell.trim().is_empty()) => {}
                Ok(true) if row.get(0).is_some_and(|cell| cell.starts_with('#')) => {}
                Ok(true) => return Ok(Some(row)),
                Ok(false) => return Ok(None),
                Err(e) => return Err(Error::input(format!("a table that cannot be read: {e}")).at(&self.name)),
            }
        }
    }

    fn frame(&mut self, rows: &[csv::StringRecord]) -> Result<Frame> {
        let label = |column: Option<usize>| column.and_then(|column| rows[0].get(column)).map(label);
        let index = label(self.columns.frame).and_then(|label| label.frame()).unwrap_or(self.next_index);
        self.next_index = index.saturating_add(1);
        let time =
            label(self.columns.time).and_then(|label| label.seconds()).map(|time| time / self.columns.time_scale);
        let mut people = match self.columns.joint {
            Some(joint) => self.long_people(joint, rows)?,
            None => self.wide_people(rows)?,
        };
        people.retain(|person| person.keypoints.iter().any(|point| point.x.is_finite() && point.y.is_finite()));
        Ok(Frame { index, time, people, ..Frame::default() })
    }

    fn wide_people(&self, rows: &[csv::StringRecord]) -> Result<Vec<Person>> {
        let mut people = Vec::new();
        for row in rows {
            let id = self.columns.person.and_then(|column| row.get(column)).and_then(|cell| label(cell).track());
            for columns in &self.columns.people {
                let keypoints =
                    columns.joints.iter().map(|joint| self.keypoint(row, joint)).collect::<Result<Vec<_>>>()?;
                people.push(Person { id: columns.id.or(id), keypoints });
            }
        }
        Ok(people)
    }

    fn long_people(&self, joint: usize, rows: &[csv::StringRecord]) -> Result<Vec<Person>> {
        let count = self.info.layout.map_or(self.joints.len(), Layout::len);
        let mut people: Vec<(Option<&str>, Person)> = Vec::new();
        for row in rows {
            let who = self.columns.person.and_then(|column| row.get(column));
            let at = match people.iter().position(|(name, _)| *name == who) {
                Some(at) => at,
                None => {
                    let id = who.and_then(|name| label(name).track());
                    people.push((who, Person { id, keypoints: vec![Keypoint::MISSING; count] }));
                    people.len() - 1
                }
            };
            let name = row.get(joint).unwrap_or_default().trim();
            if let Some(slot) = self.place_of(name).and_then(|place| people[at].1.keypoints.get_mut(place)) {
                *slot = self.keypoint(row, &self.columns.people[0].joints[0])?;
            }
        }
        Ok(people.into_iter().map(|(_, person)| person).collect())
    }

    /// The place of a joint that a row names, or numbers.
    fn place_of(&self, name: &str) -> Option<usize> {
        let by_name = || self.info.layout.and_then(|layout| layout.position(&joint_name(name)));
        // Numbers may begin at 1: where all joints are numbered, their order tells.
        let listed = || self.joints.iter().position(|joint| joint == name);
        let is_whole = self.info.layout.is_some_and(|layout| layout.len() == self.joints.len());
        match name.parse() {
            Ok(number) if !is_whole => Some(number),
            Ok(_) => listed(),
            Err(_) => by_name().or_else(listed),
        }
    }

    fn keypoint(&self, row: &csv::StringRecord, joint: &JointColumns) -> Result<Keypoint> {
        let x = self.number(row, joint.x)?.unwrap_or(f64::NAN);
        let y = self.number(row, joint.y)?.unwrap_or(f64::NAN);
        Ok(Keypoint { x, y, score: score(self.number(row, joint.score)?) })
    }

    /// The number in a cell; one that is empty holds none.
    fn number(&self, row: &csv::StringRecord, column: Option<usize>) -> Result<Option<f64>> {
        let Some(cell) = column.and_then(|column| row.get(column)).map(str::trim) else { return Ok(None) };
        if cell.is_empty() || NO_NUMBER.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
            return Ok(Some(f64::NAN));
        }
        // Where commas do not part cells they may stand in numbers.
        let number = cell.parse().or_else(|_| cell.replacen(',', ".", 1).parse());
        number.map(Some).map_err(|_| {
            let line = self.line_of(row);
            let cell: String = cell.chars().take(20).collect();
            Error::input(format!("found '{}', expected a number", cell.escape_debug())).at(&self.name).line(line)
        })
    }
}

impl FrameReader for TableFrames {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let Some(rows) = self.rows_of_frame()? else { return Ok(None) };
        let frame = self.frame(&rows)?;
        super::value_reader::check(&frame, self.info.layout).map_err(|e| e.at(&self.name))?;
        Ok(Some(frame))
    }
}

/// A cell as what tells a frame or a person apart.
fn label(cell: &str) -> Label {
    let cell = cell.trim();
    cell.parse().map_or_else(|_| Label::Text(cell.to_owned()), Label::Number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use std::io::Cursor;

    fn frames(text: &str) -> (Option<&'static Layout>, Vec<Frame>) {
        let mut table =
            TableFrames::new(Box::new(Cursor::new(text.to_owned())), Path::new("a.csv"), None, RowOrder::Any).unwrap();
        let frames = std::iter::from_fn(|| table.read().unwrap()).collect();
        (table.info.layout, frames)
    }

    #[test]
    fn wide_by_name_in_any_order() {
        let text = "frame,time_ms,nose_x,nose_y,nose_score,left_eye.x,left_eye.y,LEar_x,LEar_y,right_hip_x,right_hip_y\n\
                    3,100,1,2,0.5,3,4,,,7,8\n\n5,166,1,2,0.5,3,4,5,6,7,8\n";
        let (layout, frames) = frames(text);
        assert_eq!(layout.unwrap().joints, ["nose", "left_eye", "left_ear", "right_hip"]);
        assert_eq!((frames[0].index, frames[0].time, frames[1].index), (3, Some(0.1), 5));
        let points = &frames[0].people[0].keypoints;
        assert_eq!(points[0], Keypoint { x: 1.0, y: 2.0, score: 0.5 });
        assert!(points[2].is_missing() && !points[3].is_missing());
    }

    #[test]
    fn wide_by_number_and_several_people_a_frame() {
        let mut text = String::from("frame;track");
        let header = |axis: &str| (0..17).map(|joint| format!(";{axis}_{joint}")).collect::<String>();
        text += &[header("x"), header("y"), header("v"), "\n".into()].concat();
        for (frame, track) in [(0, 4), (0, 9), (1, 4)] {
            text += &format!("{frame};{track}{}\n", ";1,5".repeat(51));
        }
        let (layout, frames) = frames(&text);
        assert_eq!(layout.unwrap().name, "coco17");
        let ids: Vec<Vec<_>> =
            frames.iter().map(|frame| frame.people.iter().map(|person| person.id).collect()).collect();
        assert_eq!(ids, [vec![Some(4), Some(9)], vec![Some(4)]]);
        assert_eq!(frames[0].people[0].keypoints[16].x, 1.5);
    }

    #[test]
    fn long_by_joint() {
        let mut text = String::from("frame\tperson\tjoint\tx\ty\tscore\n");
        for frame in 0..2 {
            for person in ["anna", "ben"] {
                for joint in ["left_eye", "nose", "right_eye"] {
                    text += &format!("{frame}\t{person}\t{joint}\t1\t2\t0.5\n");
                }
            }
        }
        let (layout, frames) = frames(&text);
        assert_eq!(layout.unwrap().joints, ["left_eye", "nose", "right_eye"]);
        assert_eq!(frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), [2, 2]);
        assert_ne!(frames[0].people[0].id, frames[0].people[1].id);
        assert_eq!(frames[0].people[0].id, frames[1].people[0].id);
    }

    #[test]
    fn what_is_no_table_of_key_points_is_known() {
        assert!(!is_csv_header("frame,x,y") && !is_csv_header("hello, world") && !is_csv_header("a,b,c,d,e,f,g,h"));
        let mut table = TableFrames::new(
            Box::new(Cursor::new("a_x,a_y,b_x,b_y,c_x,c_y,d_x,d_y\n1,2,3,oh,1,1,1,1\n")),
            Path::new("a.csv"),
            None,
            RowOrder::Any,
        )
        .unwrap();
        assert!(table.read().unwrap_err().to_string().contains("found 'oh', expected a number"));
    }
}
