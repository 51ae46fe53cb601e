//! Tables that pandas writes into HDF5 (`DataFrame.to_hdf`), in either of its formats and under any key.
//!
//! `format="table"` is one data set of rows, whose columns a pickle names; the fixed format is a block of numbers beside levels
//! and labels of its columns' names and rows.

use std::ops::Range;

use hdf5_reader::messages::datatype::{CompoundField, Datatype, StringSize};
use hdf5_reader::{Dataset, Hdf5File};

use super::hdf5::{dataset, unreadable};
use super::image_number;
use crate::error::{Error, Result};
use crate::format::pickle::{Plain, plain};

/// Most levels of the names of columns or rows.
const MAX_LEVELS: usize = 6;
/// Most columns that are named by words and labels: a label takes a byte, and each names a word anew.
const MAX_COLUMNS: usize = 1 << 16;
/// The longest word of a name, in bytes.
const MAX_WORD: usize = 256;

/// A table of numbers.
pub(super) struct PandasTable {
    /// Of each column its names, a level each.
    pub(super) names: Vec<Vec<String>>,
    pub(super) rows: Vec<Row>,
}

/// A row of a table.
pub(super) struct Row {
    /// The number that its index gives: itself, or the last one in an image's name.
    pub(super) number: Option<u64>,
    pub(super) values: Vec<f64>,
}

impl Row {
    /// The number in `column`, if there is such a column.
    pub(super) fn number_in(&self, column: Option<usize>) -> Option<f64> {
        self.values.get(column?).copied()
    }
}

/// The key of the first table in the file, DeepLabCut's own before others; `None` where there is no table.
pub(super) fn key_of_table(file: &Hdf5File) -> Option<String> {
    let groups = file.root_group().and_then(|root| root.groups()).unwrap_or_default();
    let mut names: Vec<String> = groups.iter().map(|group| group.name().trim_matches('/').to_owned()).collect();
    names.sort_by_key(|name| name != "df_with_missing");
    names.into_iter().find(|name| is_table(file, name) || is_fixed(file, name))
}

fn is_table(file: &Hdf5File, key: &str) -> bool {
    file.dataset(&format!("{key}/table")).is_ok_and(|table| table.attribute("values_block_0_kind").is_ok())
}

fn is_fixed(file: &Hdf5File, key: &str) -> bool {
    file.dataset(&format!("{key}/block0_values")).is_ok()
}

impl PandasTable {
    /// Reads the table `key` of a file of `length` bytes.
    ///
    /// # Errors
    /// Data sets that are not pandas', or hold no numbers.
    pub(super) fn read(file: &Hdf5File, key: &str, length: usize) -> Result<Self> {
        if is_table(file, key) { table(file, key, length) } else { fixed(file, key, length) }
    }
}

fn table(file: &Hdf5File, key: &str, length: usize) -> Result<PandasTable> {
    let place = format!("{key}/table");
    let table = dataset(file, &place, length)?;
    let names = names_of_pickle(&table)?;
    let Datatype::Compound { size, fields } = table.dtype().clone() else {
        return Err(Error::input(format!("'{place}' is no table of rows")));
    };
    let Some(values) = field(&fields, "values_block_0") else {
        return Err(Error::input(format!("'{place}' has no 'values_block_0'")));
    };
    let are_floats = matches!(element_of(&values.datatype), Datatype::FloatingPoint { .. });
    if !are_floats || field(&fields, "values_block_1").is_some() {
        return Err(Error::input(format!("'{place}' has columns of other types than numbers with a point")));
    }
    let start = values.byte_offset as usize;
    // The block reaches to the next field, or to the end of the row.
    let behind = fields.iter().map(|field| field.byte_offset as usize).filter(|offset| *offset > start).min();
    let block = behind.unwrap_or(size as usize).saturating_sub(start);
    let index = field(&fields, "index").and_then(RowIndex::of);
    let columns = names.len();
    let element = if block == 4 * columns { 4 } else { 8 };
    if columns == 0 || block != element * columns || start + block > size as usize {
        return Err(Error::input(format!("'{place}' has {block} bytes of numbers a row for {columns} columns")));
    }
    let bytes = table.read_native_bytes().map_err(unreadable)?;
    let rows = bytes.chunks_exact(size as usize).map(|row| Row {
        number: index.as_ref().and_then(|index| index.number(row)),
        values: row[start..start + block].chunks_exact(element).map(float).collect(),
    });
    Ok(PandasTable { names, rows: rows.collect() })
}

fn field<'a>(fields: &'a [CompoundField], name: &str) -> Option<&'a CompoundField> {
    fields.iter().find(|field| field.name == name)
}

/// What an array's elements are, or the type itself.
fn element_of(datatype: &Datatype) -> &Datatype {
    match datatype {
        Datatype::Array { base, .. } => base,
        other => other,
    }
}

/// The bytes of a row that name it.
struct RowIndex {
    bytes: Range<usize>,
    is_text: bool,
}

impl RowIndex {
    /// In this field; `None` where it holds neither whole numbers nor text.
    fn of(field: &CompoundField) -> Option<Self> {
        let (size, is_text) = match element_of(&field.datatype) {
            Datatype::FixedPoint { size, .. } => (usize::from(*size), false),
            Datatype::String { size: StringSize::Fixed(size), .. } => (*size as usize, true),
            _ => return None,
        };
        let start = field.byte_offset as usize;
        Some(Self { bytes: start..start + size, is_text })
    }

    /// The number of a row: itself, or the last one in an image's name.
    fn number(&self, row: &[u8]) -> Option<u64> {
        let bytes = row.get(self.bytes.clone())?;
        match self.is_text {
            true => image_number(String::from_utf8_lossy(bytes).trim_end_matches('\0')),
            false => u64::try_from(integer(bytes)).ok(),
        }
    }
}

/// What the columns of a table are called, of which pandas keeps a pickle.
fn names_of_pickle(table: &Dataset) -> Result<Vec<Vec<String>>> {
    let names = table.attribute("values_block_0_kind").map_err(unreadable)?;
    let Plain::List(names) = plain(&names.raw_data)? else {
        return Err(Error::input("the table's columns have no list of names"));
    };
    let names: Option<Vec<_>> = names.iter().map(levels_of_name).collect();
    names.ok_or_else(|| Error::input("the table's columns have no three names each"))
}

/// The texts of a column's name; `None` where it is no list.
fn levels_of_name(name: &Plain) -> Option<Vec<String>> {
    match name {
        Plain::List(levels) => Some(levels.iter().map(|level| level.text().unwrap_or_default().to_owned()).collect()),
        _ => None,
    }
}

fn fixed(file: &Hdf5File, key: &str, length: usize) -> Result<PandasTable> {
    if file.dataset(&format!("{key}/block1_values")).is_ok() {
        return Err(Error::input(format!("'{key}' has columns of several types, expected numbers alone")));
    }
    let place = format!("{key}/block0_values");
    let block = dataset(file, &place, length)?;
    let names = level_names(file, &format!("{key}/block0_items"), length)?;
    let numbers = floats(&block, &place)?;
    let columns = names.len();
    let &[rows, found] = block.shape() else {
        return Err(Error::input(format!("'{place}' has {} sides, expected rows and columns", block.shape().len())));
    };
    if columns == 0 || found != columns as u64 || numbers.len() as u64 != rows * found {
        return Err(Error::input(format!("'{place}' has {found} columns, and {columns} are named")));
    }
    let index = row_numbers(file, key, length)?;
    let mut rows = Vec::new();
    for (place, values) in numbers.chunks_exact(columns).enumerate() {
        rows.push(Row { number: index.get(place).copied().flatten(), values: values.to_vec() });
    }
    Ok(PandasTable { names, rows })
}

/// The numbers of rows: whole numbers, or in the last level of what names them.
fn row_numbers(file: &Hdf5File, key: &str, length: usize) -> Result<Vec<Option<u64>>> {
    let axis = format!("{key}/axis1");
    if file.dataset(&axis).is_ok() {
        let numbers = dataset(file, &axis, length)?;
        if matches!(numbers.dtype(), Datatype::FloatingPoint { .. }) {
            // Times, say: rows are numbered by their places.
            return Ok(Vec::new());
        }
        if !matches!(numbers.dtype(), Datatype::FixedPoint { .. }) {
            let names = numbers.read_strings().map_err(unreadable)?;
            return Ok(names.iter().map(|name| image_number(name)).collect());
        }
        return Ok(integers(&numbers)?.into_iter().map(|number| u64::try_from(number).ok()).collect());
    }
    let last = (0..MAX_LEVELS).rev().find(|level| file.dataset(&format!("{axis}_level{level}")).is_ok());
    let Some(last) = last else { return Ok(Vec::new()) };
    let Level { words, labels } = Level::read(file, &axis, last, length)?;
    let numbers: Vec<Option<u64>> = words.iter().map(|word| image_number(word)).collect();
    let mut found = Vec::with_capacity(labels.len());
    for label in labels {
        let place = usize::try_from(label).ok();
        found.push(place.and_then(|place| *numbers.get(place)?));
    }
    Ok(found)
}

/// A level of names: words, and which of them each name has.
struct Level {
    words: Vec<String>,
    labels: Vec<i64>,
}

impl Level {
    fn read(file: &Hdf5File, place: &str, level: usize, length: usize) -> Result<Self> {
        let words = dataset(file, &format!("{place}_level{level}"), length)?;
        // Of whole numbers, as of a table without images, the numbers are the words.
        let words = match words.dtype() {
            Datatype::FixedPoint { .. } => integers(&words)?.iter().map(i64::to_string).collect(),
            _ => words.read_strings().map_err(unreadable)?,
        };
        if words.iter().any(|word| word.len() > MAX_WORD) {
            return Err(Error::input(format!("'{place}' has a name of more than {MAX_WORD} bytes")));
        }
        let labels = integers(&dataset(file, &format!("{place}_label{level}"), length)?)?;
        Ok(Self { words, labels })
    }
}

/// Names of columns, a level each.
fn level_names(file: &Hdf5File, place: &str, length: usize) -> Result<Vec<Vec<String>>> {
    let mut names: Vec<Vec<String>> = Vec::new();
    for level in 0..MAX_LEVELS {
        if file.dataset(&format!("{place}_level{level}")).is_err() {
            break;
        }
        let Level { words, labels } = Level::read(file, place, level, length)?;
        if level == 0 {
            names.resize(labels.len().min(MAX_COLUMNS), Vec::new());
        }
        if labels.len() != names.len() {
            let found = labels.len();
            let expected = names.len();
            return Err(Error::input(format!("'{place}' has {found} names in level {level}, expected {expected}")));
        }
        for (name, label) in names.iter_mut().zip(labels) {
            // −1 is no name, as of an animal that has none.
            let word = usize::try_from(label).ok().and_then(|label| words.get(label));
            name.push(word.map(|word| word.trim_end_matches('\0').to_owned()).unwrap_or_default());
        }
    }
    Ok(names)
}

fn integers(data: &Dataset) -> Result<Vec<i64>> {
    let element = data.raw_element_size().map_err(unreadable)?;
    let bytes = data.read_native_bytes().map_err(unreadable)?;
    Ok(bytes.chunks_exact(element.max(1)).map(integer).collect())
}

fn floats(data: &Dataset, place: &str) -> Result<Vec<f64>> {
    let element = data.raw_element_size().map_err(unreadable)?;
    if !matches!(data.dtype(), Datatype::FloatingPoint { .. }) || !matches!(element, 4 | 8) {
        return Err(Error::input(format!("'{place}' holds no numbers of 32 or 64 bits")));
    }
    let bytes = data.read_native_bytes().map_err(unreadable)?;
    Ok(bytes.chunks_exact(element).map(float).collect())
}

/// A whole number of 1, 2, 4 or 8 bytes; 0 of others.
fn integer(bytes: &[u8]) -> i64 {
    match *bytes {
        [one] => i64::from(one as i8),
        [a, b] => i64::from(i16::from_ne_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_ne_bytes([a, b, c, d])),
        _ => bytes.try_into().map_or(0, i64::from_ne_bytes),
    }
}

/// A number of 4 or 8 bytes.
fn float(bytes: &[u8]) -> f64 {
    match *bytes {
        [a, b, c, d] => f64::from(f32::from_ne_bytes([a, b, c, d])),
        _ => bytes.try_into().map_or(f64::NAN, f64::from_ne_bytes),
    }
}
