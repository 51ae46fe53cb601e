//! Reads 3D streams, for evaluation, pictures and tests.

use std::io::BufRead;
use std::path::Path;

use super::complaint;
use super::header::{is_header, read_pose_info};
use super::keypoints::no_frames;
use super::scan::{Line, Lines};
use super::scan::{Scan, Scanner, fault};
use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseReader};
use crate::pose::{LiftedFrame, LiftedPerson};

/// A 3D stream in JSON Lines.
pub(in crate::format) struct PoseLines {
    lines: Lines,
    info: PoseInfo,
    next_index: u64,
}

impl PoseLines {
    /// Reads the header.
    ///
    /// # Errors
    /// A stream that cannot be read, is empty, or has no header of a 3D stream.
    pub(in crate::format) fn new(input: Box<dyn BufRead + Send>, name: &Path) -> Result<Self> {
        let mut lines = Lines::new(input, name);
        let Some(line) = lines.next()? else { return Err(no_frames().at(name)) };
        let info = read_pose_info(&line).map_err(|error| {
            const KEY_POINTS: &[u8] = b"\"keypoints\"";
            let has_key_points = line.text.windows(KEY_POINTS.len()).any(|window| window == KEY_POINTS);
            let error = match has_key_points && !is_header(line.text) {
                true => Error::input("key points, expected poses").hint("key points become poses by `poselift run`"),
                false => error,
            };
            error.line(line.number).at(name)
        })?;
        Ok(Self { lines, info, next_index: 0 })
    }
}

impl PoseReader for PoseLines {
    fn info(&self) -> &PoseInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<LiftedFrame>> {
        let Some(line) = self.lines.next()? else { return Ok(None) };
        let frame = parse(&line, self.next_index, self.info.joints.len());
        self.next_index = frame.as_ref().map_or(self.next_index, |frame| frame.index).saturating_add(1);
        match frame {
            Ok(frame) => Ok(Some(frame)),
            Err(e) => Err(e.at(self.lines.name())),
        }
    }
}

fn parse(line: &Line<'_>, next_index: u64, joints: usize) -> Result<LiftedFrame> {
    if is_header(line.text) {
        return Err(Error::input("another header, expected a frame: another stream begins here")
            .line(line.number)
            .hint("write each stream to a file of its own (`run A B -o FOLDER`)"));
    }
    let mut scanner = Scanner::new(line.text);
    let mut frame = LiftedFrame { index: next_index, ..LiftedFrame::default() };
    fields(&mut scanner, &mut frame, joints).map_err(|fault| complaint(fault, &scanner, line))?;
    Ok(frame)
}

fn fields(scanner: &mut Scanner<'_>, frame: &mut LiftedFrame, joints: usize) -> Scan<()> {
    let mut has_people = false;
    scanner.object(|scanner, key| {
        match key {
            b"frame" => frame.index = u64::try_from(scanner.integer("a frame number")?).or_else(|_| negative())?,
            b"time" => frame.time = scanner.optional_f64()?,
            b"people" => {
                frame.people.clear();
                has_people = true;
                scanner.list(|scanner, number| {
                    frame.people.push(person(scanner, number, joints)?);
                    Ok(())
                })?;
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    if has_people {
        Ok(())
    } else {
        fault("the frame has no 'people', expected a list (empty where there is no person)")
    }
}

fn negative<T>() -> Scan<T> {
    fault("the frame's number is negative, expected 0 or more")
}

/// One person; a score that is left out counts as 1.
fn person(scanner: &mut Scanner<'_>, number: usize, expected: usize) -> Scan<LiftedPerson> {
    let mut person = LiftedPerson { joints: Vec::with_capacity(expected), score: 1.0, ..LiftedPerson::default() };
    scanner.object(|scanner, key| {
        match key {
            b"id" => person.id = if scanner.null() { None } else { Some(scanner.integer("an integer id")?) },
            b"score" => person.score = scanner.coordinate()? as f32,
            b"joints" => joints(scanner, number, &mut person.joints)?,
            b"sigma" => sigma(scanner, &mut person.sigma)?,
            b"unseen" => missing_joints(scanner, number, expected, &mut person.missing_joints)?,
            // Not known, as other programs write it.
            b"root" | b"contacts" if scanner.null() => {}
            b"root" => person.root = Some(root(scanner, number)?),
            b"contacts" => contacts(scanner, &mut person.contacts)?,
            b"unsure" => person.unsure = scanner.boolean()?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    check_person(&person, number, expected)?;
    Ok(person)
}

fn joints(scanner: &mut Scanner<'_>, number: usize, joints: &mut Vec<[f32; 3]>) -> Scan<()> {
    joints.clear();
    scanner.list(|scanner, joint| match scanner.triple()? {
        (position, 3) => {
            joints.push(position.map(|axis| axis as f32));
            Ok(())
        }
        (_, count) => fault(format!("joint {joint} of person {number} has {count} numbers, expected 3 (x, y, z)")),
    })
}

fn sigma(scanner: &mut Scanner<'_>, sigma: &mut Vec<f32>) -> Scan<()> {
    sigma.clear();
    scanner.list(|scanner, _| {
        sigma.push(scanner.coordinate()? as f32);
        Ok(())
    })
}

/// Indices of joints, each below `expected`.
fn missing_joints(scanner: &mut Scanner<'_>, number: usize, expected: usize, missing: &mut Vec<usize>) -> Scan<()> {
    missing.clear();
    scanner.list(|scanner, _| {
        let joint = scanner.integer("the index of a joint")?;
        match usize::try_from(joint) {
            Ok(index) if index < expected => missing.push(index),
            _ => return fault(format!("person {number} has the unseen joint {joint} of {expected}")),
        }
        Ok(())
    })
}

fn root(scanner: &mut Scanner<'_>, number: usize) -> Scan<[f32; 3]> {
    match scanner.triple()? {
        (root, 3) => Ok(root.map(|axis| axis as f32)),
        (_, count) => fault(format!("the root of person {number} has {count} numbers, expected 3 (x, y, z)")),
    }
}

/// Whether each foot stands, left and right.
fn contacts(scanner: &mut Scanner<'_>, contacts: &mut [Option<bool>; 2]) -> Scan<()> {
    scanner.object(|scanner, side| {
        let contact = match side {
            b"left" => &mut contacts[0],
            b"right" => &mut contacts[1],
            _ => return scanner.skip(),
        };
        *contact = if scanner.null() { None } else { Some(scanner.boolean()?) };
        Ok(())
    })
}

/// Numbers are finite, and there are as many as the header has joints.
fn check_person(person: &LiftedPerson, number: usize, expected: usize) -> Scan<()> {
    let places = person.joints.iter().flatten().chain(person.root.iter().flatten());
    if !places.chain([&person.score]).all(|number| number.is_finite()) || person.sigma.iter().any(|s| s.is_infinite()) {
        return fault(format!("person {number} has a number that is not finite, or beyond float32"));
    }
    match (person.joints.len(), person.sigma.len()) {
        (joints, _) if joints != expected => {
            fault(format!("person {number} has {joints} joints, expected {expected} as the header names them"))
        }
        (_, sigma) if sigma != 0 && sigma != expected => {
            fault(format!("person {number} has sigma of {sigma} joints, expected {expected}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const HEADER: &str = r#"{"poselift":1,"kind":"poses","skeleton":"s","joints":["a","b"],"parents":[-1,0],"unit":"m","axes":"camera","model":"m"}"#;

    fn first_error(text: String) -> String {
        match PoseLines::new(Box::new(Cursor::new(text)), Path::new("p.jsonl")) {
            Ok(mut reader) => reader.read().unwrap_err().to_string(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn says_place_found_and_expected() {
        let frame = |people: &str| format!("{HEADER}\n{{\"people\":{people}}}\n");
        for (text, expected) in [
            (String::new(), "p.jsonl: no frames"),
            ("{\"people\":[]}".into(), "p.jsonl:1: the header cannot be read"),
            ("{\"people\":[{\"keypoints\":[]}]}".into(), "p.jsonl:1: key points, expected poses"),
            (HEADER.replace("poses", "keypoints"), "kind is 'keypoints', expected 'poses'"),
            (HEADER.replace("[-1,0]", "[-1]"), "p.jsonl:1: the header has 1 parents for 2 joints"),
            (HEADER.replace("[-1,0]", "[-1,2]"), "the header has parent 2, expected -1 to 1"),
            (HEADER.replace("[-1,0]", "[1,0]"), "p.jsonl:1: the header has a joint that is its own ancestor"),
            (HEADER.replace("[-1,0]", "[0,0]"), "its own ancestor"),
            (frame("[{\"joints\":[[1,2,3]]}]"), "p.jsonl:2: person 0 has 1 joints, expected 2"),
            (frame("[{\"joints\":[[1,2,3],[1,2]]}]"), "joint 1 of person 0 has 2 numbers, expected 3 (x, y, z)"),
            (frame("[{\"joints\":[[1,2,3],[1,2"), "expected ',' or ']'"),
            (
                frame("[{\"joints\":[[1,2,3],[1,2,3]],\"sigma\":[1]}]"),
                "p.jsonl:2: person 0 has sigma of 1 joints, expected 2",
            ),
            (
                frame("[{\"joints\":[[1,2,3],[1e39,2,3]]}]"),
                "p.jsonl:2: person 0 has a number that is not finite, or beyond float32",
            ),
            (frame("[{\"joints\":[[1,2,3],[1,2,3]],\"unseen\":[2]}]"), "person 0 has the unseen joint 2 of 2"),
            (frame("[{\"joints\":[[1,2,3],[1,2,3]],\"unsure\":1}]"), "found a number, expected true or false"),
            (format!("{HEADER}\n{{\"frame\":0}}"), "has no 'people'"),
        ] {
            let found = first_error(text);
            assert!(found.contains(expected), "{found}\n{expected}");
        }
    }
}
