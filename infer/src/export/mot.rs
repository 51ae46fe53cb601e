//! MOT, OpenSim's motion files: one column per joint angle, named like the coordinates of its gait models, degrees.
//!
//! An angle that the joints do not determine in every row is left out, not zero: OpenSim then keeps the model's own.
//! Gaps of up to a quarter of a second are filled by straight lines. The pelvis' position, `pelvis_tx` and so on, is
//! included if the root's is known, metres. Error bars stand in a file of their own, so that no program takes them for
//! coordinates.

use super::clip_file::FileInfo;
use super::decimal::push_fixed;
use super::motion::{Clip, MAX_FILLED_GAP, Motion, between};
use crate::error::Result;
use crate::place::AngleReader;
use crate::place::angles::Unwrapper;
use crate::skeleton::root_of;

const PELVIS_PLACE: [&str; 3] = ["pelvis_tx", "pelvis_ty", "pelvis_tz"];

/// One person's motion as a MOT file.
///
/// # Errors
/// The skeleton lacks a joint that angles need.
pub(super) fn render(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Result<Vec<u8>> {
    let angles = angles(clip, motion, info)?;
    let mut columns: Vec<_> =
        angles.into_iter().map(|angle| Column { name: angle.name, values: angle.degrees }).collect();
    if let Some(metres) = info.poses.unit.in_metres().filter(|_| clip.has_root) {
        let root = root_of(&info.poses.parents);
        // After the pelvis' angles, as the models have them.
        let place = columns.iter().take_while(|column| column.name.starts_with("pelvis")).count();
        for (axis, name) in PELVIS_PLACE.into_iter().enumerate() {
            let values = motion.poses().map(|pose| pose[root][axis] * metres as f32).collect();
            columns.insert(place + axis, Column { name, values });
        }
    }
    Ok(table("Coordinates", clip, motion, &columns))
}

/// The standard deviation of each angle in the MOT file of the same motion, degrees, as a storage file; `None` if the
/// poses have no sigma.
///
/// # Errors
/// As [`render`].
pub(super) fn render_sigma(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Result<Option<Vec<u8>>> {
    let columns: Vec<_> = angles(clip, motion, info)?
        .into_iter()
        .filter(|angle| angle.sigma.iter().any(|sigma| sigma.is_finite()))
        .map(|angle| Column { name: angle.name, values: angle.sigma })
        .collect();
    let name = info.file_name.rsplit_once('.').map_or(info.file_name.as_str(), |(stem, _)| stem);
    Ok((!columns.is_empty()).then(|| table(name, clip, motion, &columns)))
}

/// A coordinate over time.
struct Column {
    name: &'static str,
    values: Vec<f32>,
}

/// OpenSim's table of numbers over time, called `name`.
fn table(name: &str, clip: &Clip, motion: &Motion, columns: &[Column]) -> Vec<u8> {
    let rows = motion.rows();
    let count = columns.len() + 1;
    let mut out =
        format!("{name}\nversion=1\nnRows={rows}\nnColumns={count}\ninDegrees=yes\n\nendheader\ntime").into_bytes();
    for column in columns {
        out.push(b'\t');
        out.extend_from_slice(column.name.as_bytes());
    }
    out.push(b'\n');
    for row in 0..rows {
        push_fixed(&mut out, clip.time(motion.first + row), 6);
        for column in columns {
            out.push(b'\t');
            push_fixed(&mut out, f64::from(column.values[row]), 6);
        }
        out.push(b'\n');
    }
    out
}

/// An angle over time.
struct Angle {
    name: &'static str,
    degrees: Vec<f32>,
    /// One standard deviation, degrees.
    sigma: Vec<f32>,
}

/// The angles that are known in every row once short gaps are filled.
fn angles(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Result<Vec<Angle>> {
    let reader = AngleReader::new(&info.poses.joints, info.poses.axes)?;
    let mut angles: Vec<_> =
        reader.names().iter().map(|name| Angle { name, degrees: Vec::new(), sigma: Vec::new() }).collect();
    let mut unwrapper = Unwrapper::default();
    for (row, pose) in motion.poses().enumerate() {
        let mut found = reader.read(pose, motion.sigma(row));
        unwrapper.unwrap(&mut found);
        for (place, angle) in angles.iter_mut().enumerate() {
            angle.degrees.push(found.degrees[place]);
            angle.sigma.push(found.sigma[place]);
        }
    }
    let longest = (MAX_FILLED_GAP * clip.rate).round() as usize;
    for angle in &mut angles {
        fill_gaps(&mut angle.degrees, longest);
        fill_gaps(&mut angle.sigma, longest);
    }
    angles.retain(|angle| angle.degrees.iter().all(|degrees| degrees.is_finite()));
    Ok(angles)
}

/// Fills gaps of up to `longest` rows by straight lines.
fn fill_gaps(values: &mut [f32], longest: usize) {
    let mut last_known: Option<usize> = None;
    for row in 0..values.len() {
        if !values[row].is_finite() {
            continue;
        }
        if let Some(last) = last_known.filter(|last| row - last - 1 <= longest) {
            for gap in last + 1..row {
                let share = (gap - last) as f32 / (row - last) as f32;
                values[gap] = between(values[last], values[row], share);
            }
        }
        last_known = Some(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_gaps_are_filled() {
        let nan = f32::NAN;
        let mut values = [nan, 1.0, nan, 3.0, nan, nan, nan, 9.0, nan];
        fill_gaps(&mut values, 2);
        assert_eq!(values[1..4], [1.0, 2.0, 3.0]);
        assert!([0, 4, 5, 6, 8].iter().all(|row| values[*row].is_nan()) && values[7] == 9.0);
    }
}
