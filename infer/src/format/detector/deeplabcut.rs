//! DeepLabCut's CSV: rows `scorer`, perhaps `individuals`, `bodyparts` and `coords` before the numbers.

use std::io::BufRead;
use std::path::Path;

use super::csv::TableFrames;
use super::csv_columns::{Columns, JointColumns, PersonColumns, delimiter};
use crate::error::{Error, Result};
use crate::format::InputFormat;
use crate::skeleton::Layout;

/// The header rows, in their order; `individuals` is there for several animals or people.
pub(super) const LEVELS: [&str; 4] = ["scorer", "individuals", "bodyparts", "coords"];

/// A table in DeepLabCut's CSV, behind its header.
///
/// # Errors
/// A header that lacks a row, or names no key points.
pub(in crate::format) fn read_csv(
    mut input: Box<dyn BufRead + Send>,
    name: &Path,
    layout: Option<&'static Layout>,
) -> Result<TableFrames> {
    let mut levels: [Vec<String>; 4] = Default::default();
    let mut parts = b',';
    let mut lines = 0;
    for number in 1..=LEVELS.len() as u64 {
        let mut line = String::new();
        input.read_line(&mut line).map_err(|e| Error::io("cannot read", name, e))?;
        let line = line.trim_end().trim_start_matches('\u{feff}');
        parts = if number == 1 { delimiter(line) } else { parts };
        let cells: Vec<String> = line.split(char::from(parts)).map(|cell| cell.trim().to_owned()).collect();
        let Some(level) = LEVELS.iter().position(|level| cells.first().is_some_and(|cell| cell == level)) else {
            return Err(Error::input("a row of DeepLabCut's header is missing, expected scorer, bodyparts and coords")
                .at(name)
                .line(number));
        };
        levels[level] = cells;
        lines = number;
        if LEVELS[level] == "coords" {
            break;
        }
    }
    let [_, individuals, bodyparts, coords] = levels;
    let columns = columns(&individuals, &bodyparts, &coords).map_err(|e| e.at(name))?;
    let table = TableFrames::with_columns(Box::new(input), name, parts, columns, layout)?;
    Ok(table.behind(lines, InputFormat::DeepLabCutCsv))
}

/// What the columns mean, by the rows of a header that name them.
///
/// # Errors
/// No column of coordinates.
pub(super) fn columns(individuals: &[String], bodyparts: &[String], coords: &[String]) -> Result<Columns> {
    let mut names: Vec<&str> = Vec::new();
    let mut people: Vec<PersonColumns> = Vec::new();
    for (place, (bodypart, coord)) in bodyparts.iter().zip(coords).enumerate() {
        if !["x", "y", "likelihood"].contains(&coord.as_str()) {
            continue;
        }
        let who = individuals.get(place).map_or("", String::as_str);
        let at = match names.iter().position(|name| *name == who) {
            Some(at) => at,
            None => {
                names.push(who);
                let id = (!individuals.is_empty()).then_some(people.len() as i64);
                people.push(PersonColumns { id, joints: Vec::new() });
                people.len() - 1
            }
        };
        let joints = &mut people[at].joints;
        if joints.last().is_none_or(|joint| joint.name != *bodypart) {
            joints.push(JointColumns { name: bodypart.clone(), ..JointColumns::default() });
        }
        let joint = joints.last_mut().expect("a joint was just added");
        match coord.as_str() {
            "x" => joint.x = Some(place),
            "y" => joint.y = Some(place),
            _ => joint.score = Some(place),
        }
    }
    // What belongs to no animal, such as the corners of a cage, is said to be the individual `single`.
    if let Some(single) = names.iter().position(|name| *name == "single").filter(|_| people.len() > 1) {
        people.remove(single);
    }
    if people.is_empty() {
        return Err(Error::input("DeepLabCut's header names no coordinates, expected x and y of body parts"));
    }
    // Labelled images are named in up to three columns: folder, video, image.
    let unnamed = coords.iter().skip(1).take_while(|coord| coord.is_empty()).count();
    Ok(Columns { count: coords.len(), frame: Some(unnamed), time_scale: 1.0, people, ..Columns::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FrameReader;
    use std::io::Cursor;

    fn read(text: &str) -> Result<TableFrames> {
        read_csv(Box::new(Cursor::new(text.to_owned())), Path::new("a.csv"), None)
    }

    #[test]
    fn one_animal_and_several_and_labelled_images() {
        let one = "scorer,m,m,m,m,m,m\nbodyparts,Nose,Nose,Nose,l_eye,l_eye,l_eye\ncoords,x,y,likelihood,x,y,likelihood\n\
                   4,1,2,0.5,3,4,0.25\n5,,,,3,4,0.25\n";
        let mut table = read(one).unwrap();
        assert_eq!(table.info().layout.unwrap().joints, ["nose", "left_eye"]);
        let frame = table.read().unwrap().unwrap();
        assert_eq!((frame.index, frame.people[0].keypoints[1].score), (4, 0.25));
        assert!(table.read().unwrap().unwrap().people[0].keypoints[0].is_missing());
        let several = "scorer,m,m,m,m\nindividuals,a,a,b,b\nbodyparts,nose,nose,nose,nose\ncoords,x,y,x,y\n\
                       labeled-data\\v\\img07.png,1,2,3,4\n";
        let frame = read(several).unwrap().read().unwrap().unwrap();
        assert_eq!((frame.index, frame.people.len(), frame.people[1].id), (7, 2, Some(1)));
        assert_eq!(frame.people[1].keypoints[0].x, 3.0);
        let in_three = "\u{feff}scorer;;;m;m;m;m\nindividuals;;;a;a;single;single\nbodyparts;;;nose;nose;corner;corner\ncoords;;;x;y;x;y\n\
                        labeled-data;video 3;img042.png;1,5;2;8;9\n";
        let frame = read(in_three).unwrap().read().unwrap().unwrap();
        assert_eq!((frame.index, frame.people.len(), frame.people[0].keypoints[0].x), (42, 1, 1.5));
    }

    #[test]
    fn a_header_that_lacks_a_row_is_named() {
        let message = read("scorer,a\ncoords,x\n").map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("names no coordinates"), "{message}");
        assert!(read("scorer,a\nnose,x\n").is_err());
    }
}
