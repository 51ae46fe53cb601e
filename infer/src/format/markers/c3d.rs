//! C3D, the binary format of motion capture laboratories, read by the crate c3dio.

use std::panic::catch_unwind;

use c3dio::C3d;
use c3dio::data::DataFormat;
use c3dio::points::Points;
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
    check_length(bytes, points, frames, markers)?;
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

/// Holds the frames that the header counts against the bytes that there are for them.
///
/// # Errors
/// A file that ends with one of its frames unfinished: what was written of it is cut off.
fn check_length(bytes: &[u8], points: &Points, frames: usize, markers: usize) -> Result<()> {
    const INTEL: u8 = 84;
    let is_intel = bytes.get(block_start(usize::from(bytes[0])) + 3) == Some(&INTEL);
    // 65,535 stands for more than can be counted.
    if !is_intel || points.last_frame == u16::MAX || points.last_frame < points.first_frame {
        return Ok(());
    }
    let promised = usize::from(points.last_frame - points.first_frame) + 1;
    let number = if points.format == DataFormat::Float { 4 } else { 2 };
    // Analog samples of a frame, and the first block of the data, stand in the header too.
    let record = (markers * 4 + word(bytes, 4)) * number;
    let start = block_start(word(bytes, 16));
    let there = bytes.len().saturating_sub(start);
    // Whole blocks end a file that was written to its end, whatever its header counts.
    if frames < promised && record > 0 && !bytes.len().is_multiple_of(512) && !there.is_multiple_of(record) {
        return Err(Error::input(format!("holds {frames} of {promised} frames: it is cut off")));
    }
    Ok(())
}

/// Where a block begins; the first has the number 1.
fn block_start(number: usize) -> usize {
    number.saturating_sub(1) * 512
}

/// Two bytes of the header as a number, 0 behind the end.
fn word(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).map_or(0, |word| usize::from(u16::from_le_bytes([word[0], word[1]])))
}
