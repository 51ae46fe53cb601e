//! NumPy's npz archives: named npy files in a zip.
//!
//! An archive can be packed a thousandfold, so memory is bounded by what is known before it is used: an array is read no
//! farther than its header says, pickled objects may be [`MAX_PICKLE_RATIO`] times as long as they are packed, and all
//! that is taken from one archive may be [`MAX_RATIO`] times the file's size.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::array::Array;
use super::npy::{DataLength, MAX_START, NpyHeader, data_length, read_array};
use crate::error::{Error, Result};

/// The largest member that is unpacked.
const MAX_MEMBER: u64 = 4 << 30;
/// How many times the file's size may be unpacked: more than deflate can pack, so that only members that share their
/// bytes reach it.
const MAX_RATIO: u64 = 1100;
/// How many times its packed size a pickle may have. Arrays of numbers in it pack twofold, names perhaps tenfold.
const MAX_PICKLE_RATIO: u64 = 100;
/// What small files may take beside that.
const SLACK: u64 = 1 << 20;

/// What an archive is read from.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Whether bytes begin as a zip archive does.
pub(super) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK")
}

/// An open archive.
pub(super) struct Archive {
    zip: ZipArchive<Box<dyn ReadSeek>>,
    name: PathBuf,
    /// Bytes that may still be unpacked.
    budget: u64,
}

impl Archive {
    /// Reads the archive's directory.
    ///
    /// # Errors
    /// Bytes that are no zip archive, or one that is cut off.
    pub(super) fn new(mut input: Box<dyn ReadSeek>, name: &Path) -> Result<Self> {
        let length = input.seek(std::io::SeekFrom::End(0)).map_err(|e| Error::io("cannot read", name, e))?;
        let zip = ZipArchive::new(input).map_err(|e| unreadable(e).at(name))?;
        let budget = length.saturating_mul(MAX_RATIO).saturating_add(SLACK);
        Ok(Self { zip, name: name.to_path_buf(), budget })
    }

    /// The names of the arrays, in the archive's order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.zip.file_names().filter_map(|name| name.strip_suffix(".npy")).collect();
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Whether there is an array of this name.
    pub(super) fn has(&self, array: &str) -> bool {
        self.zip.file_names().any(|name| name.strip_suffix(".npy") == Some(array))
    }

    /// One array as the npy file that it is.
    ///
    /// # Errors
    /// No such array, or one that unpacks to more than its header says or than the archive may hold.
    pub(super) fn member(&mut self, array: &str) -> Result<Vec<u8>> {
        let bytes = self.unpack(array).map_err(|e| self.in_array(array, &e))?;
        self.budget = self.budget.saturating_sub(bytes.len() as u64);
        Ok(bytes)
    }

    /// The header of one array.
    ///
    /// # Errors
    /// No such array, or one that holds no numbers.
    pub(super) fn header(&mut self, array: &str) -> Result<NpyHeader> {
        let header = self.zip.by_name(&format!("{array}.npy")).map_err(unreadable);
        header.and_then(|mut file| NpyHeader::read(&mut file)).map_err(|e| self.in_array(array, &e))
    }

    fn unpack(&mut self, array: &str) -> Result<Vec<u8>> {
        let mut file = self.zip.by_name(&format!("{array}.npy")).map_err(unreadable)?;
        let packed = file.compressed_size();
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_START as u64).read_to_end(&mut bytes)?;
        let (limit, why) = match data_length(&bytes) {
            Some(DataLength::Array(length)) => (length, "than its header says"),
            Some(DataLength::Pickle) => (
                packed.saturating_mul(MAX_PICKLE_RATIO).saturating_add(SLACK),
                "than a hundred times its packed size and 1 MiB",
            ),
            // The parser of the header says what is wrong with it.
            None => return Ok(bytes),
        };
        let (limit, why) = [(limit, why), (MAX_MEMBER, "than 4 GiB"), (self.budget, "than this file can hold")]
            .into_iter()
            .min_by_key(|(limit, _)| *limit)
            .expect("there are three limits");
        // One byte beyond the limit, which also makes the archive check the sum of a whole member.
        let rest = (limit + 1).saturating_sub(bytes.len() as u64);
        file.take(rest).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(Error::input(format!("unpacks to more {why} ({limit} bytes)")));
        }
        Ok(bytes)
    }

    /// One array.
    ///
    /// # Errors
    /// No such array, or one that is cut off or holds no numbers.
    pub(super) fn array(&mut self, array: &str) -> Result<Array> {
        let member = self.member(array)?;
        read_array(&member[..]).map_err(|e| self.in_array(array, &e))
    }

    /// One array, if it is there.
    ///
    /// # Errors
    /// As [`Self::array`].
    pub(super) fn array_if_any(&mut self, array: &str) -> Result<Option<Array>> {
        if self.has(array) { self.array(array).map(Some) } else { Ok(None) }
    }

    pub(super) fn in_array(&self, array: &str, error: &Error) -> Error {
        Error::input(format!("array '{array}': {error}")).at(&self.name)
    }
}

fn unreadable(error: ZipError) -> Error {
    match error {
        ZipError::Io(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Error::from(e),
        other => Error::input(format!("the zip archive cannot be read: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::arrays::{Tensors, open_npz};
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;

    fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn refusal(bytes: Vec<u8>) -> String {
        open_npz(Box::new(Cursor::new(bytes)), Path::new("a.npz"), None, None, Tensors::Plain)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn takes_the_named_array_or_the_only_one() {
        let one = npy("|u1", "(1, 1, 2)", &[1, 2]);
        for members in [&[("x.npy", one.clone())][..], &[("a.npy", vec![0]), ("keypoints.npy", one.clone())]] {
            let input = Box::new(Cursor::new(archive(members)));
            let frame =
                open_npz(input, Path::new("a.npz"), None, None, Tensors::Plain).unwrap().read().unwrap().unwrap();
            let point = frame.people[0].keypoints[0];
            assert_eq!((point.x, point.y), (1.0, 2.0));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let one = npy("|u1", "(1, 1, 2)", &[1, 2]);
        let whole = archive(&[("a.npy", one.clone()), ("b.npy", one.clone())]);
        let cut = whole[..whole.len() - 30].to_vec();
        assert_eq!(refusal(whole), "a.npz: the archive holds the arrays a, b, expected 'keypoints' or one array");
        assert!(refusal(cut).starts_with("a.npz: the zip archive cannot be read"));
        assert_eq!(
            refusal(archive(&[("a.txt", one)])),
            "a.npz: a zip archive without arrays (.npy), expected one of numpy.savez"
        );
        let pickled = archive(&[("others.npy", npy("|O", "()", b"\x80\x03}.")), ("keypoints.npy", vec![])]);
        assert_eq!(refusal(pickled), "a.npz: array 'keypoints': cut off inside the npy header");
        let pickled = archive(&[("positions_2d.npy", npy("|O", "()", b"\x80\x03}."))]);
        assert_eq!(refusal(pickled), "a.npz: 'positions_2d' holds 0 clips (), expected one");
    }

    #[test]
    fn a_small_file_cannot_fill_the_memory() {
        let unpacked = |member: Vec<u8>| {
            let input = Box::new(Cursor::new(archive(&[("a.npy", member)])));
            Archive::new(input, Path::new("a.npz")).unwrap().member("a").map(|bytes| bytes.len())
        };
        let zeros = vec![0; 20 << 20];
        let message = unpacked(npy("<f4", "(10, 17, 2)", &zeros)).unwrap_err().to_string();
        assert!(message.contains("array 'a': unpacks to more than its header says"), "{message}");
        let message = unpacked(npy("|O", "()", &zeros)).unwrap_err().to_string();
        assert!(message.contains("unpacks to more than a hundred times its packed size"), "{message}");
        // What the header announces is taken.
        let whole = npy("<f4", "(5242880,)", &zeros);
        assert_eq!(unpacked(whole.clone()).unwrap(), whole.len());
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut bytes = archive(&[("a.npy", npy("|u1", "(64,)", &[7; 64]))]);
        let middle = 60;
        bytes[middle] ^= 1;
        let mut archive = Archive::new(Box::new(Cursor::new(bytes)), Path::new("a.npz")).unwrap();
        assert!(archive.array("a").is_err());
    }
}
