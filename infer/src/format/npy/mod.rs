//! NumPy's npy files: the header, and frames read from and written to `[T, J, 2 or 3]`.
//!
//! Written out here rather than taken from a crate, as those read whole arrays
//! of one exact type, and frames are to pass with flat memory. The layout is
//! that of NEP 1.

mod archive;
mod frames;
mod write;

use std::io::Read;

pub(super) use frames::ArrayFrames;
pub(super) use write::ArrayWriter;

use super::array::{Array, Dtype, byte_length};
use crate::error::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself trusts no longer ones.
const MAX_HEADER: usize = 64 << 10;
/// NumPy aligns the data to this.
const ALIGNMENT: usize = 64;
/// Bytes of the headers that are written, fixed so that one can be written over.
pub(super) const HEADER: usize = 2 * ALIGNMENT;

/// What stands before the data.
#[derive(Debug, PartialEq)]
pub(super) struct NpyHeader {
    pub(super) dtype: Dtype,
    /// Whether the first axis runs fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl NpyHeader {
    /// Reads the header and leaves `input` at the data.
    ///
    /// # Errors
    /// Bytes that are no npy file, or elements that are no numbers.
    pub(super) fn read(input: &mut impl Read) -> Result<Self> {
        Self::parse(&header_text(input)?)
    }

    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 17, 2), }`
    fn parse(text: &str) -> Result<Self> {
        let descr = field(text, "descr")?;
        let dtype = match descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
            Some((name, _)) => Dtype::parse(name)?,
            None => return Err(Error::input("holds structures, expected an array of numbers")),
        };
        let shape = field(text, "shape")?;
        let sides = shape.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(sides, _)| sides);
        let sides = sides.ok_or_else(|| Error::input(format!("an npy header whose shape cannot be read: {shape}")))?;
        let shape = parse_sides(sides)?;
        Ok(Self { dtype, fortran: field(text, "fortran_order")?.starts_with("True"), shape })
    }

    /// The header's bytes, `length` of them, of an array of the type `descr`: room is left for more frames to be counted
    /// later.
    pub(super) fn to_bytes(descr: &str, shape: &[u64], length: usize) -> Vec<u8> {
        let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sides}), }}");
        let mut bytes = [MAGIC, &[1, 0]].concat();
        bytes.extend(((length - bytes.len() - 2) as u16).to_le_bytes());
        bytes.extend(text.bytes());
        bytes.resize(length - 1, b' ');
        bytes.push(b'\n');
        bytes
    }
}

/// What stands behind a key of a header.
fn field<'a>(text: &'a str, key: &str) -> Result<&'a str> {
    match text.split_once(&format!("'{key}':")) {
        Some((_, value)) => Ok(value.trim_start()),
        None => Err(Error::input(format!("an npy header without {key}: {}", text.trim_end()))),
    }
}

/// The sides in a shape, `3, 17, 2`; Python 2 writes an L behind each.
fn parse_sides(sides: &str) -> Result<Vec<usize>> {
    let mut shape = Vec::new();
    for side in sides.split(',').map(str::trim).filter(|side| !side.is_empty()) {
        let Ok(side) = side.trim_end_matches('L').parse() else {
            return Err(Error::input(format!("an npy shape of ({sides})")));
        };
        shape.push(side);
    }
    Ok(shape)
}

/// The dictionary that stands before the data, as Python writes it; leaves `input` at the data.
fn header_text(input: &mut impl Read) -> Result<String> {
    let mut magic = [0; 8];
    fill(input, &mut magic)?;
    if &magic[..6] != MAGIC {
        return Err(Error::input("no npy file: it does not begin with \\x93NUMPY"));
    }
    let length = match magic[6] {
        1 => {
            let mut length = [0; 2];
            fill(input, &mut length)?;
            usize::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0; 4];
            fill(input, &mut length)?;
            u32::from_le_bytes(length) as usize
        }
        version => return Err(Error::input(format!("npy version {version}, expected 1 to 3"))),
    };
    if length > MAX_HEADER {
        return Err(Error::input(format!("an npy header of {length} bytes, expected at most {MAX_HEADER}")));
    }
    let mut text = vec![0; length];
    fill(input, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The longest that a file's start is, up to its data.
pub(super) const MAX_START: usize = 12 + MAX_HEADER;

/// What a file's start says of its length.
pub(super) enum DataLength {
    /// Header and numbers together, bytes.
    Array(u64),
    /// Python objects, of which no length is known.
    Pickle,
}

/// How long the npy file that begins with `start` is; none where its header cannot be read.
pub(super) fn data_length(start: &[u8]) -> Option<DataLength> {
    if matches!(pickled(start), Ok(Some(_))) {
        return Some(DataLength::Pickle);
    }
    let mut rest = start;
    let header = NpyHeader::read(&mut rest).ok()?;
    let data = byte_length(&header.shape, header.dtype).unwrap_or(usize::MAX);
    Some(DataLength::Array((start.len() - rest.len()).saturating_add(data) as u64))
}

/// The pickle behind the header, where the file holds Python objects in place of numbers.
///
/// # Errors
/// Bytes that are no npy file.
pub(super) fn pickled(mut bytes: &[u8]) -> Result<Option<&[u8]>> {
    let text = header_text(&mut bytes)?;
    Ok(text.contains("'descr': '|O'").then_some(bytes))
}

/// Reads a whole array.
///
/// # Errors
/// As [`NpyHeader::read`], and data that are cut off.
pub(super) fn read_array(mut input: impl Read) -> Result<Array> {
    let header = NpyHeader::read(&mut input)?;
    read_data(header, input)
}

/// As [`read_array`], behind a header that was read already.
///
/// # Errors
/// Data that are cut off, or have another array behind them, as `numpy.save` adds one to an open file.
pub(super) fn read_data(header: NpyHeader, mut input: impl Read) -> Result<Array> {
    let NpyHeader { dtype, fortran, shape } = header;
    let expected = byte_length(&shape, dtype).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    input.by_ref().take(expected as u64).read_to_end(&mut bytes)?;
    if bytes.len() < expected {
        return Err(Error::input(format!("cut off: {} bytes of data, expected {expected}", bytes.len())));
    }
    if input.read(&mut [0])? > 0 {
        return Err(Error::input("something behind the array, expected one array").hint("save all frames as one array"));
    }
    Array::from_bytes(shape, dtype, fortran, &bytes)
}

/// The bytes behind the header of an array whose elements are of the type `dtype`, as we write them.
///
/// # Errors
/// As [`NpyHeader::read`]; an array of another type.
pub(super) fn data_of(mut npy: &[u8], dtype: Dtype) -> Result<&[u8]> {
    if NpyHeader::read(&mut npy)?.dtype != dtype {
        return Err(Error::input("has elements of another type than `poselift` writes"));
    }
    Ok(npy)
}

fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    input.read_exact(bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::input("cut off inside the npy header"),
        _ => Error::from(e),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An npy file of version 1 with this dictionary.
    fn npy(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let length = (dictionary.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, dictionary.as_bytes(), data].concat()
    }

    #[test]
    fn our_header_reads_back() {
        for shape in [[0, 17, 3], [u64::MAX, 4096, 3]] {
            let bytes = NpyHeader::to_bytes("<f4", &shape, 128);
            assert_eq!(bytes.len(), 128);
            let header = NpyHeader::read(&mut &bytes[..]).unwrap();
            let shape = shape.map(|side| side as usize).to_vec();
            assert_eq!(header, NpyHeader { dtype: Dtype::F32, fortran: false, shape });
        }
    }

    #[test]
    fn reads_any_dictionary_that_numpy_writes() {
        let bytes = npy("{'shape': (1L, 2L), 'fortran_order': True, 'descr': '>i2'}\n", &[0, 1, 0, 2]);
        assert_eq!(read_array(&bytes[..]).unwrap(), Array { shape: vec![1, 2], numbers: vec![1.0, 2.0] });
        let scalar = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", &[9]);
        assert_eq!(read_array(&scalar[..]).unwrap(), Array { shape: vec![], numbers: vec![9.0] });
    }

    #[test]
    fn says_what_is_wrong() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        for (bytes, expected) in [
            (b"".to_vec(), "cut off inside the npy header"),
            (b"hello, world".to_vec(), "no npy file"),
            (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "npy version 9"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "4294967295 bytes, expected at most"),
            (npy("{'descr': '<f4'", &[]), "without shape"),
            (npy(&text.replace("'<f4'", "[('a', '<f4')]"), &[]), "holds structures"),
            (npy(&text.replace("<f4", "|O"), &[]), "holds Python objects"),
            (npy(&text.replace("2, 3", "-2, 3"), &[]), "an npy shape of (-2, 3)"),
            (npy(&text.replace("(2, 3)", "7"), &[]), "shape cannot be read"),
            (npy(text, &[0; 25]), "something behind the array"),
            (npy(text, &[0; 20]), "cut off: 20 bytes of data, expected 24"),
            (npy(&text.replace("2, 3", "4294967296, 4294967296"), &[]), "cut off: 0 bytes"),
        ] {
            let message = read_array(&bytes[..]).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\n{expected}");
        }
    }
}
