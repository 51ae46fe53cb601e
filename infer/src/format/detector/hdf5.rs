//! HDF5 that trackers write: DeepLabCut's pandas table, SLEAP's analysis file. Read whole: about six times the file.

use std::collections::VecDeque;
use std::path::Path;

use hdf5_reader::{Dataset, Hdf5File};

use super::csv_columns::{JointColumns, PersonColumns};
use super::pandas::{PandasTable, Row, key_of_table};
use super::{deeplabcut, has_finite_point, score};
use crate::error::{Error, Result};
use crate::format::arrays::BufferedFrames;
use crate::format::{InputFormat, StreamInfo};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{Layout, named_layout};

/// The clip in an HDF5 file.
///
/// # Errors
/// A file that is no HDF5, or holds neither DeepLabCut's nor SLEAP's data sets.
pub(in crate::format) fn open_hdf5(
    bytes: &[u8],
    name: &Path,
    from: Option<InputFormat>,
    layout: Option<&'static Layout>,
) -> Result<BufferedFrames> {
    read_clip(bytes, from, layout).map_err(|e| e.at(name))
}

fn read_clip(bytes: &[u8], from: Option<InputFormat>, layout: Option<&'static Layout>) -> Result<BufferedFrames> {
    let file = Hdf5File::from_bytes(bytes).map_err(unreadable)?;
    let is_sleap = file.dataset("tracks").is_ok() && file.dataset("track_occupancy").is_ok();
    match from {
        Some(InputFormat::DeepLabCutH5) => deeplabcut_table(&file, bytes.len(), layout),
        Some(InputFormat::Sleap) => sleap(&file, bytes.len(), layout),
        _ if is_sleap => sleap(&file, bytes.len(), layout),
        _ if key_of_table(&file).is_some() => deeplabcut_table(&file, bytes.len(), layout),
        _ => Err(Error::input(
            "an HDF5 file with neither a table of pandas (DeepLabCut) nor 'tracks' and 'track_occupancy' (SLEAP analysis)",
        )
        .hint("SLEAP writes one by `sleap-convert --format analysis`")),
    }
}

/// The data set `name`, which is to be read whole.
///
/// # Errors
/// It is not there, or says that it holds more than the file can, however well it is packed.
pub(super) fn dataset(file: &Hdf5File, name: &str, length: usize) -> Result<Dataset> {
    /// What deflate makes of a byte at most is 1032.
    const MAX_PER_BYTE: u64 = 1100;
    let found = file.dataset(name).map_err(unreadable)?;
    let element = found.raw_element_size().map_err(unreadable)? as u64;
    let whole = block_size(found.shape(), element);
    let sides_of_chunk: Vec<u64> = found.chunks().unwrap_or_default().into_iter().map(u64::from).collect();
    let chunk = block_size(&sides_of_chunk, element);
    let most = MAX_PER_BYTE * length as u64;
    if [whole, chunk].iter().any(|size| size.is_none_or(|size| size > most)) {
        return Err(Error::input(format!(
            "'{name}' has the shape {:?}, which is more than the file can hold",
            found.shape()
        )));
    }
    Ok(found)
}

/// The bytes of a block whose elements have so many each; `None` where no number holds them.
fn block_size(sides: &[u64], element: u64) -> Option<u64> {
    sides.iter().try_fold(element, |size, side| size.checked_mul(*side))
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::input(format!("an HDF5 file that cannot be read: {error}"))
}

/// DeepLabCut's table: a row a frame, of each body part a column for x, y and perhaps the likelihood.
fn deeplabcut_table(file: &Hdf5File, length: usize, layout: Option<&'static Layout>) -> Result<BufferedFrames> {
    let key = key_of_table(file).ok_or_else(|| Error::input("holds no table that pandas wrote"))?;
    let table = PandasTable::read(file, &key, length)?;
    let people = columns_of_people(&table.names)?;
    let layout = match layout {
        Some(layout) => layout,
        None => named_layout(&people[0].joints.iter().map(|joint| joint.name.as_str()).collect::<Vec<_>>())?,
    };
    let mut frames = Vec::new();
    for (place, row) in table.rows.iter().enumerate() {
        let mut seen: Vec<Person> = people.iter().map(|columns| person_in(row, columns)).collect();
        seen.retain(|person| has_finite_point(&person.keypoints));
        let index = row.number.unwrap_or(place as u64);
        frames.push(Frame { index, people: seen, ..Frame::default() });
    }
    // Tables may be sorted by anything.
    frames.sort_by_key(|frame| frame.index);
    let info = StreamInfo {
        layout: Some(layout),
        frames: Some(frames.len() as u64),
        format: Some(InputFormat::DeepLabCutH5),
        ..StreamInfo::default()
    };
    Ok(BufferedFrames { info, frames: frames.into() })
}

/// The person whose key points a row holds in these columns.
fn person_in(row: &Row, columns: &PersonColumns) -> Person {
    let keypoints = columns.joints.iter().map(|joint| keypoint_in(row, joint)).collect();
    Person { id: columns.id.or(Some(0)), keypoints }
}

fn keypoint_in(row: &Row, joint: &JointColumns) -> Keypoint {
    Keypoint {
        x: row.number_in(joint.x).unwrap_or(f64::NAN),
        y: row.number_in(joint.y).unwrap_or(f64::NAN),
        score: score(row.number_in(joint.score)),
    }
}

/// The people of columns that are named by scorer, perhaps an individual, body part and coordinate.
fn columns_of_people(names: &[Vec<String>]) -> Result<Vec<PersonColumns>> {
    let mut individuals = Vec::new();
    let mut bodyparts = Vec::new();
    let mut coords = Vec::new();
    for levels in names {
        match &levels[..] {
            [_, bodypart, coord] => {
                bodyparts.push(bodypart.clone());
                coords.push(coord.clone());
            }
            [_, individual, bodypart, coord] => {
                individuals.push(individual.clone());
                bodyparts.push(bodypart.clone());
                coords.push(coord.clone());
            }
            _ => {
                let found = levels.len();
                return Err(Error::input(format!(
                    "a column of {found} names, expected scorer, body part and coordinate"
                )));
            }
        }
    }
    deeplabcut::columns(&individuals, &bodyparts, &coords).map(|columns| columns.people)
}

/// SLEAP's analysis file: `tracks` `[tracks, 2, nodes, frames]`, `point_scores` `[tracks, nodes, frames]`.
fn sleap(file: &Hdf5File, length: usize, layout: Option<&'static Layout>) -> Result<BufferedFrames> {
    let tracks = dataset(file, "tracks", length)?.read_array::<f64>().map_err(unreadable)?;
    let &[people, 2, nodes, count] = tracks.shape() else {
        return Err(Error::input(format!(
            "'tracks' has the shape {:?}, expected [tracks, 2, nodes, frames]",
            tracks.shape()
        )));
    };
    let scores = dataset(file, "point_scores", length).ok().and_then(|scores| scores.read_array::<f64>().ok());
    let scores = scores.filter(|scores| scores.shape() == [people, nodes, count]);
    let layout = match layout {
        Some(layout) => layout,
        None => {
            let names = dataset(file, "node_names", length)?.read_strings().map_err(unreadable)?;
            named_layout(&names)?
        }
    };
    if layout.len() != nodes {
        return Err(Error::input(format!("'tracks' has {nodes} nodes, expected {} ({})", layout.len(), layout.name)));
    }
    let mut frames = VecDeque::with_capacity(count);
    for frame in 0..count {
        let mut seen = Vec::new();
        for person in 0..people {
            let mut keypoints = Vec::with_capacity(nodes);
            for node in 0..nodes {
                keypoints.push(Keypoint {
                    x: tracks[[person, 0, node, frame]],
                    y: tracks[[person, 1, node, frame]],
                    score: score(scores.as_ref().map(|scores| scores[[person, node, frame]])),
                });
            }
            if has_finite_point(&keypoints) {
                seen.push(Person { id: Some(person as i64), keypoints });
            }
        }
        frames.push_back(Frame { index: frame as u64, people: seen, ..Frame::default() });
    }
    let info = StreamInfo {
        layout: Some(layout),
        frames: Some(count as u64),
        format: Some(InputFormat::Sleap),
        ..StreamInfo::default()
    };
    Ok(BufferedFrames { info, frames })
}
