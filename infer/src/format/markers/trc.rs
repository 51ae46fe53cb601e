//! TRC, the tab-separated text of OpenSim and Pose2Sim: three lines of header, names, axes, then a row a frame.

use ndarray::Array3;

use super::{Markers, metres_of};
use crate::error::{Error, Result};

/// Reads a whole file. An empty cell is a marker that was not seen.
///
/// # Errors
/// The line that is not as expected.
pub(super) fn parse(text: &str) -> Result<Markers> {
    let mut lines = text.lines().enumerate().map(|(index, line)| NumberedLine { number: index + 1, text: line });
    next_line(&mut lines, "its header")?;
    let keys = next_line(&mut lines, "the names of its header")?;
    let values = next_line(&mut lines, "the values of its header")?;
    let named = next_line(&mut lines, "the markers' names")?;
    next_line(&mut lines, "the markers' axes")?;

    let metres = metres_of(header_value(&keys, &values, "Units")?).map_err(|e| values.error(&e.to_string()))?;
    let names: Vec<String> =
        named.text.split('\t').skip(2).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        return Err(named.error("names no markers"));
    }
    let promised = header_value(&keys, &values, "NumMarkers")?;
    if promised.parse() != Ok(names.len()) {
        let found = names.len();
        let line = named.number;
        return Err(values.error(&format!("{promised} markers, expected the {found} that line {line} names")));
    }

    let mut times = Vec::new();
    let mut numbers = Vec::new();
    for line in lines.filter(|line| !line.text.trim().is_empty()) {
        let mut cells = line.text.split('\t').map(str::trim).skip(1);
        let time = line.number(cells.next().unwrap_or_default())?;
        if !time.is_finite() {
            return Err(line.error("has no time"));
        }
        times.push(time);
        for _ in 0..names.len() * 3 {
            numbers.push(line.number(cells.next().unwrap_or_default())? * metres);
        }
    }
    let positions = Array3::from_shape_vec((times.len(), names.len(), 3), numbers).expect("each row has all markers");
    Ok(Markers { names, times, positions })
}

fn next_line<'a>(lines: &mut impl Iterator<Item = NumberedLine<'a>>, what: &str) -> Result<NumberedLine<'a>> {
    lines.next().ok_or_else(|| Error::input(format!("ends before {what}")))
}

/// The value below the header's key `wanted`.
fn header_value<'a>(keys: &NumberedLine<'_>, values: &NumberedLine<'a>, wanted: &str) -> Result<&'a str> {
    let at = keys.text.split('\t').position(|key| key.trim() == wanted);
    let value = at.and_then(|at| values.text.split('\t').nth(at)).map(str::trim);
    value.ok_or_else(|| keys.error(&format!("has no {wanted}")))
}

struct NumberedLine<'a> {
    number: usize,
    text: &'a str,
}

impl NumberedLine<'_> {
    fn error(&self, message: &str) -> Error {
        Error::input(format!("line {}: {message}", self.number))
    }

    /// NaN for an empty cell.
    fn number(&self, cell: &str) -> Result<f64> {
        if cell.is_empty() {
            return Ok(f64::NAN);
        }
        cell.parse().map_err(|_| self.error(&format!("'{cell}', expected a number")))
    }
}
