//! All arrays of a NumPy file, whatever they mean: the one of an npy, those of an npz, those of dictionaries pickled
//! into either.

use std::path::Path;

use super::array::Array;
use super::npy::{NpyHeader, pickled, read_array};
use super::npz::{Archive, is_zip};
use super::open::{first_bytes, open_file};
use super::pickle::nested_arrays;
use crate::error::{Error, Result};

/// An array of numbers and the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// The names that lead to it, the archive's first: `positions_3d`, `S1`, `Walking 1`; none for an npy's own.
    pub path: Vec<String>,
    /// Its sides.
    pub shape: Vec<usize>,
    /// Its numbers, the last side fastest.
    pub numbers: Vec<f32>,
}

impl NamedArray {
    fn new(path: Vec<String>, array: Array) -> Self {
        Self { path, shape: array.shape, numbers: array.numbers }
    }

    /// Every array of the `.npy` or `.npz` at `path`, told apart by content. Pickled objects are parsed as data and can
    /// run nothing; what is no array among them is left out.
    ///
    /// # Errors
    /// A file that is neither, is cut off, or holds something else than numbers and dictionaries of them.
    pub fn all(path: &Path) -> Result<Vec<Self>> {
        Self::read(path).map_err(|e| e.at(path))
    }

    /// The names of the arrays in the `.npz` at `path`, those within pickled objects not among them.
    ///
    /// # Errors
    /// A file that is no archive.
    pub fn names(path: &Path) -> Result<Vec<String>> {
        Ok(Archive::new(Box::new(open_file(path)?), path)?.names())
    }

    /// Whether the array `name` of the `.npz` at `path` holds integers; no more than its header is read.
    ///
    /// # Errors
    /// A file that is no archive, or has no such array of numbers.
    pub fn holds_integers(path: &Path, name: &str) -> Result<bool> {
        Ok(Archive::new(Box::new(open_file(path)?), path)?.header(name)?.dtype.is_integer())
    }

    /// The shape of the array in the `.npy` at `path`, of which no more than the header is read.
    ///
    /// # Errors
    /// A file that is no npy, or holds no numbers.
    pub fn shape(path: &Path) -> Result<Vec<usize>> {
        Ok(NpyHeader::read(&mut open_file(path)?).map_err(|e| e.at(path))?.shape)
    }

    fn read(path: &Path) -> Result<Vec<Self>> {
        if !is_zip(&first_bytes(path)?) {
            let bytes = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
            return member(&bytes, &[]);
        }
        let mut archive = Archive::new(Box::new(open_file(path)?), path)?;
        let mut all = Vec::new();
        for name in archive.names() {
            let bytes = archive.member(&name)?;
            all.extend(member(&bytes, std::slice::from_ref(&name)).map_err(|e| archive.in_array(&name, &e))?);
        }
        Ok(all)
    }
}

/// The arrays in one npy file, below the names `path`.
fn member(bytes: &[u8], path: &[String]) -> Result<Vec<NamedArray>> {
    let Some(pickle) = pickled(bytes)? else {
        return Ok(vec![NamedArray::new(path.to_vec(), read_array(bytes)?)]);
    };
    let nested = nested_arrays(pickle)?;
    Ok(nested.into_iter().map(|(way, array)| NamedArray::new([path, &way].concat(), array)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by Python from
    //   numpy.save(file, numpy.array({'S1': {'Walking 1': numpy.arange(6, dtype='f4').reshape(1, 2, 3),
    //                                        'Eating': numpy.arange(3, dtype='f4').reshape(1, 1, 3)}, 'fps': 50}))
    // and printed as Rust's byte string, the header's padding left out.
    const NESTED: &[u8] = b"\
        \x93NUMPY\x01\x007\x00{'descr': '|O', 'fortran_order': False, 'shape': (), }\n\x80\x04\x95<\x01\x00\x00\
        \x00\x00\x00\x00\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\
        \x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01)h\x03\x8c\x05dtype\x94\x93\x94\x8c\x02\
        O8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t\x94b\x89]\x94}\
        \x94(\x8c\x02S1\x94}\x94(\x8c\x09Walking 1\x94h\x02h\x05K\x00\x85\x94h\x07\x87\x94R\x94(K\x01K\x01K\x02K\
        \x03\x87\x94h\x0b\x8c\x02f4\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\
        \xffK\x00t\x94b\x89C\x18\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x80@\x00\x00\xa0@\
        \x94t\x94b\x8c\x06Eating\x94h\x02h\x05K\x00\x85\x94h\x07\x87\x94R\x94(K\x01K\x01K\x01K\x03\x87\x94h\x1c\
        \x89C\x0c\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@\x94t\x94bu\x8c\x03fps\x94K2uat\x94b.";

    fn all(bytes: &[u8]) -> Result<Vec<NamedArray>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        std::fs::write(&path, bytes).unwrap();
        NamedArray::all(&path)
    }

    #[test]
    fn dictionaries_of_arrays_are_walked_through() {
        let found = all(NESTED).unwrap();
        let paths: Vec<_> = found.iter().map(|array| (array.path.join("/"), array.shape.clone())).collect();
        assert_eq!(paths, [("S1/Walking 1".into(), vec![1, 2, 3]), ("S1/Eating".into(), vec![1, 1, 3])]);
        assert_eq!(found[0].numbers, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn nothing_is_run_and_nothing_endless_is_followed() {
        let npy = |pickle: &[u8]| {
            let header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n";
            [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header, pickle].concat()
        };
        for (pickle, expected) in [
            (&b"cos\nsystem\n(S'echo hello'\ntR."[..], "wants to run `os.system`; refused"),
            (b"\x80\x04]\x94h\x00a.", "nested too deep or within each other"),
            // A list of ten times a list of ten times a list …
            (b"\x80\x04]\x94]\x94(h\x00h\x00h\x00h\x00e]\x94(h\x01h\x01h\x01h\x01e.", "within each other"),
        ] {
            let message = all(&npy(pickle)).unwrap_err().to_string();
            assert!(message.contains("a.npz: ") && message.contains(expected), "{message}");
        }
        assert_eq!(all(&npy(b"\x80\x04K\x05.")).unwrap(), []);
        assert!(all(b"hello, world").unwrap_err().to_string().contains("no npy file"));
        for length in 0..NESTED.len() {
            assert!(all(&NESTED[..length]).is_err(), "cut off at {length}");
        }
    }
}
