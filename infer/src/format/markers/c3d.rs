//! C3D, the binary format of motion capture laboratories, read by the crate c3dio.

use std::panic::catch_unwind;

use c3dio::C3d;
use ndarray::Array3;

use super::{Markers, metres_of};
use crate::error::{Error, Result};

/// Reads the points of a file; those with a residual below 0 were not seen.
///
/// # Errors
/// Bytes that are no C3D file.
pub(super) fn parse(bytes: &[u8]) -> Result<Markers> {
    // The crate indexes what a file promises: one that is cut off makes it panic.
    let parsed = catch_unwind(|| C3d::from_bytes(bytes).map_err(|cause| cause.to_string()));
    let file = match parsed {
        Ok(Ok(file)) => file,
        Ok(Err(cause)) => return Err(Error::input(format!("is no readable C3D file: {cause}"))),
        Err(_) => return Err(Error::input("is no readable C3D file: it is cut off or damaged")),
    };
    let points = &file.points;
    let rate = f64::from(points.frame_rate);
    if !(rate.is_finite() && rate > 0.0) {
        return Err(Error::input(format!("a rate of {rate} frames a second, expected more than 0")));
    }
    let metres = metres_of(&String::from_iter(points.units))?;
    let (frames, markers) = points.points.size();
    // The header's frames are counted to 65,535 alone.
    let promised = usize::from(points.last_frame.saturating_sub(points.first_frame)) + 1;
    if frames < promised {
        return Err(Error::input(format!("holds {frames} of {promised} frames: it is cut off")));
    }
    let names: Vec<String> = points.labels.iter().map(|name| name.trim().to_owned()).collect();
    if names.len() < markers {
        return Err(Error::input(format!("names {} markers, expected {markers}", names.len())));
    }
    let positions = Array3::from_shape_fn((frames, markers, 3), |(frame, marker, axis)| {
        let point = &points.points[(frame, marker)];
        if point.residual < 0.0 { f64::NAN } else { f64::from(point.point[axis]) * metres }
    });
    let first = f64::from(points.first_frame.max(1) - 1);
    let times = (0..frames).map(|frame| (first + frame as f64) / rate).collect();
    Ok(Markers { names: names[..markers].to_vec(), times, positions })
}
