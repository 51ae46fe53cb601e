//! MOT, OpenSim's motion files: one column per joint angle, named like the coordinates of its gait models, degrees.
//!
//! An angle that the joints do not determine in every row is left out, not zero: OpenSim then keeps the model's own.
//! Gaps of up to a quarter of a second are filled by straight lines. The pelvis' position, `pelvis_tx` and so on, is
//! included if the root's is known, metres.

use super::clip_file::FileInfo;
use super::decimal::push_fixed;
use super::motion::{Clip, MAX_FILLED_GAP, Motion};
use crate::error::Result;
use crate::place::angles::Unwrapper;
use crate::place::{ANGLE_NAMES, AngleReader};

const PELVIS_PLACE: [&str; 3] = ["pelvis_tx", "pelvis_ty", "pelvis_tz"];

/// One person's motion as a MOT file.
///
/// # Errors
/// The skeleton lacks a joint that angles need.
pub(super) fn render(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Result<Vec<u8>> {
    let columns = columns(clip, motion, info)?;
    let rows = motion.rows();
    let mut out = format!(
        "Coordinates\nversion=1\nnRows={rows}\nnColumns={}\ninDegrees=yes\n\nendheader\ntime",
        columns.len() + 1
    )
    .into_bytes();
    for column in &columns {
        out.push(b'\t');
        out.extend_from_slice(column.name.as_bytes());
    }
    out.push(b'\n');
    for row in 0..rows {
        push_fixed(&mut out, clip.time(motion.first + row), 6);
        for column in &columns {
            out.push(b'\t');
            push_fixed(&mut out, f64::from(column.values[row]), 6);
        }
        out.push(b'\n');
    }
    Ok(out)
}

/// A coordinate over time.
struct Column {
    name: &'static str,
    values: Vec<f32>,
}

fn columns(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Result<Vec<Column>> {
    let reader = AngleReader::new(&info.poses.joints, info.poses.axes)?;
    let mut angles: Vec<_> = ANGLE_NAMES.iter().map(|name| Column { name, values: Vec::new() }).collect();
    let mut unwrapper = Unwrapper::default();
    for pose in motion.poses() {
        let mut found = reader.read(pose, &[]);
        unwrapper.unwrap(&mut found);
        for (column, degrees) in angles.iter_mut().zip(found.degrees) {
            column.values.push(degrees);
        }
    }
    let longest = (MAX_FILLED_GAP * clip.rate).round() as usize;
    for column in &mut angles {
        fill_gaps(&mut column.values, longest);
    }
    if let Some(metres) = info.poses.unit.in_metres().filter(|_| clip.has_root) {
        let root = info.poses.parents.iter().position(|parent| *parent < 0).unwrap_or(0);
        for (axis, name) in PELVIS_PLACE.into_iter().enumerate() {
            let values = motion.poses().map(|pose| pose[root][axis] * metres as f32).collect();
            angles.insert(3 + axis, Column { name, values });
        }
    }
    angles.retain(|column| column.values.iter().all(|value| value.is_finite()));
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
            for between in last + 1..row {
                let share = (between - last) as f32 / (row - last) as f32;
                values[between] = values[last] + (values[row] - values[last]) * share;
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
