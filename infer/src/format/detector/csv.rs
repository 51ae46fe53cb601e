//! CSV by its header: wide (`frame, nose_x, nose_y, nose_score, …`, a person a row) or long (`frame, person, joint, x, y,
//! score`, a joint a row), whatever the columns' order. Commas, semicolons or tabs part cells.
//!
//! DeepLabCut's three or four header rows are told apart in `deeplabcut.rs`; their rows are read here.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::csv_columns::{Columns, JointColumns, delimiter};
use super::json::Label;
use super::{detectors_layout, has_finite_point, numbers_of_names, score};
use crate::error::{Error, Result};
use crate::format::size_limit::LimitedReader;
use crate::format::{FrameReader, InputFormat, StreamInfo};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{Layout, find_joint, joint_name, named_layout};

/// How much of the first row is looked at before it is read.
const LOOK_AHEAD: usize = 4 << 10;

/// What a cell of a missing number holds in tables of pandas, R and spreadsheets.
const NO_NUMBER: [&str; 7] = ["na", "n/a", "#n/a", "none", "null", "-", "nan"];

/// How the rows of one frame stand in a table that has several for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum RowOrder {
    /// The table is all there, and is sorted: about four times its bytes of memory.
    Any,
    /// Rows are read as they come, and those of a frame follow each other.
    ByFrame,
}

/// The rows of one frame.
struct FrameRows {
    /// The frame's number, where the whole table was needed to know it.
    index: Option<u64>,
    rows: Vec<csv::StringRecord>,
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
    grouped: VecDeque<FrameRows>,
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
        while is_blank(&header) || header.starts_with('#') {
            header.clear();
            number += 1;
            if input.read_line(&mut header).map_err(|e| Error::io("cannot read", name, e))? == 0 {
                break;
            }
        }
        let delimiter = delimiter(&header);
        let Some(columns) = Columns::of(cells(&header, delimiter).iter().map(String::as_str)) else {
            return Err(Error::input("a table whose header names no key points, expected columns like nose_x, nose_y, nose_score, or frame, joint, x, y")
                .at(name)
                .line(number));
        };
        // Names of images tell frames apart by whichever of their numbers is another for each.
        let has_names = columns.frame.is_some_and(|column| !begins_with_number(&mut input, delimiter, column));
        let is_grouped = order == RowOrder::Any && (columns.has_rows_of_a_frame() || has_names);
        let input: Box<dyn Read + Send> =
            if is_grouped { Box::new(LimitedReader::new(input, name)) } else { Box::new(input) };
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
        let has_rows_of_a_frame = self.columns.has_rows_of_a_frame();
        let mut place_of: HashMap<String, usize> = HashMap::new();
        let mut frames: Vec<Vec<csv::StringRecord>> = Vec::new();
        while let Some(row) = self.row()? {
            let name = row.get(column).unwrap_or_default().trim().to_owned();
            let place = *place_of.entry(name).or_insert(frames.len());
            match frames.get_mut(place).filter(|_| has_rows_of_a_frame) {
                Some(rows) => rows.push(row),
                None => frames.push(vec![row]),
            }
        }
        if frames.iter().all(|rows| first_number(rows, column).is_some()) {
            frames.sort_by(|one, other| {
                let number = first_number(one, column).unwrap_or(0.0);
                number.total_cmp(&first_number(other, column).unwrap_or(0.0))
            });
        }
        let names: Vec<String> = frames.iter().map(|rows| first_cell(rows, column).to_owned()).collect();
        let indices = if self.columns.frame.is_some() { frame_numbers(&names) } else { vec![None; names.len()] };
        self.grouped = indices.into_iter().zip(frames).map(|(index, rows)| FrameRows { index, rows }).collect();
        Ok(())
    }

    /// Knows the joints of a long table by the frames that were read already, else by the first one.
    fn learn_joints(&mut self) -> Result<()> {
        if self.grouped.is_empty() {
            let Some(rows) = self.rows_of_frame()? else { return Ok(()) };
            self.grouped.push_back(rows);
        }
        let place = self.columns.joint.expect("only long tables learn their joints");
        for row in self.grouped.iter().flat_map(|frame| &frame.rows) {
            let name = row.get(place).unwrap_or_default().trim();
            if find_joint(&self.joints, name).is_none() {
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
            self.info.layout = Some(match usual {
                Some(usual) => usual,
                None => named_layout(&self.joints).map_err(|e| Error::input(e.to_string()).at(&self.name))?,
            });
        }
        Ok(())
    }

    /// The rows of the next frame: one, or those that follow each other with one frame's number.
    fn rows_of_frame(&mut self) -> Result<Option<FrameRows>> {
        if let Some(rows) = self.grouped.pop_front() {
            return Ok(Some(rows));
        }
        let Some(row) = self.ahead.take().map_or_else(|| self.row(), |row| Ok(Some(row)))? else { return Ok(None) };
        let Some(frame) = self.columns.of_frame().filter(|_| self.columns.has_rows_of_a_frame()) else {
            return Ok(Some(FrameRows { index: None, rows: vec![row] }));
        };
        let mut rows = vec![row];
        while let Some(row) = self.row()? {
            if row.get(frame) != rows[0].get(frame) {
                self.ahead = Some(row);
                break;
            }
            rows.push(row);
        }
        let number = label_in(&rows[0], self.columns.frame).and_then(|label| label.frame());
        let last = std::mem::replace(&mut self.last, number);
        if let (Some(number), Some(last)) = (number, last)
            && number < last
        {
            return Err(Error::input(format!("rows of frame {number} behind those of frame {last}"))
                .at(&self.name)
                .line(self.line_of(&rows[0]))
                .hint("sort the table by frame, or give it as a file"));
        }
        Ok(Some(FrameRows { index: None, rows }))
    }

    fn line_of(&self, row: &csv::StringRecord) -> u64 {
        self.lines_before + row.position().map_or(0, csv::Position::line)
    }

    fn row(&mut self) -> Result<Option<csv::StringRecord>> {
        let mut row = csv::StringRecord::new();
        loop {
            match self.rows.read_record(&mut row) {
                Ok(true) if row.iter().all(is_blank) => {}
                Ok(true) if row.get(0).is_some_and(|cell| cell.starts_with('#')) => {}
                Ok(true) => return Ok(Some(row)),
                Ok(false) => return Ok(None),
                Err(e) => return Err(Error::input(format!("a table that cannot be read: {e}")).at(&self.name)),
            }
        }
    }

    /// Returns an error if a row is cut off, or has more cells than the header: where commas part cells and stand in numbers, too, or
    /// the rows' names have no column of their own.
    fn check_length(&self, row: &csv::StringRecord) -> Result<()> {
        let found = row.len();
        let columns = self.columns.count;
        // A remark behind the cells is none of ours.
        let has_numbers_behind = row.iter().skip(columns).any(|cell| cell.trim().parse::<f64>().is_ok());
        let wrong = if found < columns && self.columns.are_parted_at(found) {
            Error::input(format!("a row of {found} cells, the header has {columns}: it is cut off"))
        } else if has_numbers_behind {
            Error::input(format!("a row of {found} cells, more than the {columns} of the header"))
                .hint("write decimal points, or part cells by semicolons; name every column")
        } else {
            return Ok(());
        };
        Err(wrong.at(&self.name).line(self.line_of(row)))
    }

    fn frame(&mut self, of_frame: &FrameRows) -> Result<Frame> {
        let rows = &of_frame.rows;
        let own_index = of_frame.index.or_else(|| label_in(&rows[0], self.columns.frame)?.frame());
        let index = own_index.unwrap_or(self.next_index);
        self.next_index = index.saturating_add(1);
        for row in rows {
            self.check_length(row)?;
        }
        let units = label_in(&rows[0], self.columns.time).and_then(|label| label.seconds());
        let time = units.map(|units| units / self.columns.time_scale);
        let mut people = match self.columns.joint {
            Some(joint) => self.long_people(joint, rows)?,
            None => self.wide_people(rows)?,
        };
        people.retain(|person| has_finite_point(&person.keypoints));
        Ok(Frame { index, time, people, ..Frame::default() })
    }

    fn wide_people(&self, rows: &[csv::StringRecord]) -> Result<Vec<Person>> {
        let mut people = Vec::new();
        for row in rows {
            let id = label_in(row, self.columns.person).and_then(|label| label.track());
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
        let is_whole = self.info.layout.is_some_and(|layout| layout.len() == self.joints.len());
        match name.parse() {
            Ok(number) if !is_whole => Some(number),
            // Numbers may begin at 1: where all joints are numbered, their order tells.
            Ok(_) => find_joint(&self.joints, name),
            Err(_) => {
                let place = self.info.layout.and_then(|layout| layout.position(&joint_name(name)));
                place.or_else(|| find_joint(&self.joints, name))
            }
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

/// The cells of a line, quoted or not.
fn cells(line: &str, delimiter: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(line.as_bytes());
    let first = reader.records().next().and_then(Result::ok);
    first.map_or_else(Vec::new, |cells| cells.iter().map(str::to_owned).collect())
}

/// Whether the first row behind a header has a whole number in `column`, as those of frames are.
fn begins_with_number(input: &mut dyn BufRead, delimiter: u8, column: usize) -> bool {
    let there = input.fill_buf().unwrap_or_default();
    let text = String::from_utf8_lossy(&there[..there.len().min(LOOK_AHEAD)]);
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let cell = first.and_then(|line| line.split(char::from(delimiter)).nth(column));
    cell.is_none_or(|cell| matches!(label(cell.trim().trim_matches('"')), Label::Number(number) if number >= 0.0))
}

/// The numbers of frames by their names, in the order of the table: the names themselves where they are numbers of frames, from the least on
/// where that is below 0; else the numbers in the names that tell them apart, else their places. `None` for a name without a number among
/// others with one.
fn frame_numbers(names: &[String]) -> Vec<Option<u64>> {
    let own: Vec<Option<u64>> = names.iter().map(|name| label(name).frame()).collect();
    let whole: Option<Vec<i64>> = names.iter().map(|name| label(name).whole()).collect();
    if let Some(whole) = whole {
        let least = whole.iter().copied().min().unwrap_or(0).min(0);
        return whole.into_iter().map(|number| u64::try_from(number - least).ok()).collect();
    }
    let numbered = own.iter().flatten().count();
    let distinct: HashSet<u64> = own.iter().copied().flatten().collect();
    if distinct.len() == numbered && numbered > 0 {
        return own;
    }
    let numbers = numbers_of_names(names.iter().map(String::as_str)).filter(|numbers| numbers.len() == names.len());
    let mut found = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let number = numbers.as_ref().and_then(|numbers| numbers.get(name).copied());
        found.push(Some(number.unwrap_or(place as u64)));
    }
    found
}

/// Whether nothing stands in a cell; programs fill files up with NULs, and DOS ended texts with a control-Z.
fn is_blank(cell: &str) -> bool {
    cell.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '\0' | '\x1a')).is_empty()
}

/// What the first of these rows has in `column`.
fn first_cell(rows: &[csv::StringRecord], column: usize) -> &str {
    rows[0].get(column).unwrap_or_default()
}

/// The number in that cell.
fn first_number(rows: &[csv::StringRecord], column: usize) -> Option<f64> {
    label(first_cell(rows, column)).number()
}

/// The cell of a row in `column`, where the table has such a column and the row such a cell.
fn label_in(row: &csv::StringRecord, column: Option<usize>) -> Option<Label> {
    row.get(column?).map(label)
}

/// A cell as what tells a frame or a person apart.
fn label(cell: &str) -> Label {
    let cell = cell.trim();
    cell.parse().map_or_else(|_| Label::Text(cell.to_owned()), Label::Number)
}

#[cfg(test)]
mod tests {
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

    const HEADER: &str = "frame,nose_x,nose_y,left_eye_x,left_eye_y,right_eye_x,right_eye_y,left_ear_x,left_ear_y\n";

    #[test]
    fn rows_that_do_not_fit_the_header_are_refused_and_padding_is_no_frame() {
        let rows = "0,1,2,1,2,1,2,1,2,,\n1,1,5,2,1,5,2,1,5,2,1,5,2\n2,1,2,1,2,1\n3,1,2,1,2,1,2,1,2\n4,1,2,1,2\n,,,,,,,,\n\0\0\n\x1a";
        let text = format!("\n\r\n{HEADER}{rows}");
        let mut table = TableFrames::new(Box::new(Cursor::new(text)), Path::new("a.csv"), None, RowOrder::Any).unwrap();
        assert_eq!(table.read().unwrap().unwrap().index, 0);
        let message = table.read().unwrap_err().to_string();
        assert!(message.contains("a.csv:5: a row of 13 cells, more than the 9"), "{message}");
        let message = table.read().unwrap_err().to_string();
        assert!(message.contains("a.csv:6: a row of 6 cells, the header has 9: it is cut off"), "{message}");
        assert_eq!(table.read().unwrap().unwrap().index, 3);
        // Excel leaves empty cells out at a row's end.
        let short = table.read().unwrap().unwrap();
        assert!(short.index == 4 && short.people[0].keypoints[2].is_missing());
        assert_eq!(table.read().unwrap(), None);
    }

    #[test]
    fn frames_are_told_apart_by_whatever_differs() {
        for (names, expected) in [
            (["f_0002_cam2.png", "f_0004_cam2.png", "f_0003_cam2.png"], [2, 4, 3]),
            (["anna", "ben", "carl"], [0, 1, 2]),
            (["-2", "-1", "3"], [0, 1, 5]),
            (["4", "9", ""], [4, 9, 10]),
            (["4", "5", "9"], [4, 5, 9]),
        ] {
            let rows: Vec<String> = names.iter().map(|name| format!("{name},1,2,1,2,1,2,1,2\n")).collect();
            let (_, frames) = frames(&format!("{HEADER}{}", rows.concat()));
            assert_eq!(frames.iter().map(|frame| frame.index).collect::<Vec<_>>(), expected, "{names:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
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
