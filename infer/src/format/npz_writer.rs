//! Writes whole arrays into an npz archive; poses that come one by one are written by `npy/write.rs`.

use std::fmt::Display;
use std::io::{Seek, Write};

use ndarray::{ArrayRef, Dimension};
use zip::write::SimpleFileOptions;

use super::npy::{HEADER, NpyHeader};
use crate::error::{Error, Result};

/// A number that NumPy has a type for.
pub trait Element: Copy + sealed::Sealed {
    /// NumPy's short name of the type.
    const DESCR: &'static str;

    /// Appends its bytes, the lowest first.
    fn append_to(self, bytes: &mut Vec<u8>);
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($type:ty: $descr:literal),*) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DESCR: &'static str = $descr;

            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

elements!(f32: "<f4", i16: "<i2", u8: "|u1");

/// An npz archive, packed by deflate, as `numpy.savez_compressed` writes one.
#[derive(Debug)]
pub struct NpzWriter<W: Write + Seek>(zip::ZipWriter<W>);

impl<W: Write + Seek> NpzWriter<W> {
    /// An archive of no arrays yet.
    pub fn new(output: W) -> Self {
        Self(zip::ZipWriter::new(output))
    }

    /// Adds `array` under `name`, the last axis fastest.
    ///
    /// # Errors
    /// A name that is already there; an output that cannot be written.
    pub fn add<T: Element, D: Dimension>(&mut self, name: &str, array: &ArrayRef<T, D>) -> Result<()> {
        let shape: Vec<u64> = array.shape().iter().map(|&side| side as u64).collect();
        let mut bytes = NpyHeader::to_bytes(T::DESCR, &shape, HEADER);
        bytes.reserve(array.len() * size_of::<T>());
        for &number in array {
            number.append_to(&mut bytes);
        }
        // Sizes of 4 GiB and more take other fields, which are written ahead of the data.
        let options = SimpleFileOptions::default().large_file(u32::try_from(bytes.len()).is_err());
        self.0.start_file(format!("{name}.npy"), options).map_err(|e| unwritable(name, &e))?;
        self.0.write_all(&bytes).map_err(|e| unwritable(name, &e))
    }

    /// Completes the archive and returns its output.
    ///
    /// # Errors
    /// An output that cannot be written.
    pub fn finish(self) -> Result<W> {
        self.0.finish().map_err(|e| Error::input(format!("cannot write the archive: {e}")))
    }
}

fn unwritable(array: &str, cause: &impl Display) -> Error {
    Error::input(format!("cannot write the array {array}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ndarray::{arr1, arr2};

    use super::*;
    use crate::format::NamedArray;

    #[test]
    fn arrays_of_each_type_come_back() {
        let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
        writer.add("text", &arr1(b"hello")).unwrap();
        writer.add("metres", &arr2(&[[1.5_f32, -2.0, 3.0], [4.0, 5.0, 6.0]]).t()).unwrap();
        writer.add("millimetres", &arr2(&[[-32_767_i16], [1]])).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        std::fs::write(&path, writer.finish().unwrap().into_inner()).unwrap();
        let array = |name: &str, shape: &[usize], numbers: &[f32]| NamedArray {
            path: vec![name.to_owned()],
            shape: shape.to_vec(),
            numbers: numbers.to_vec(),
        };
        let expected = [
            array("metres", &[3, 2], &[1.5, 4.0, -2.0, 5.0, 3.0, 6.0]),
            array("millimetres", &[2, 1], &[-32_767.0, 1.0]),
            array("text", &[5], &b"hello".map(f32::from)),
        ];
        assert_eq!(NamedArray::all(&path).unwrap(), expected);
    }

    #[test]
    fn a_name_is_given_once() {
        let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
        writer.add("a", &arr1(&[1.0_f32])).unwrap();
        let message = writer.add("a", &arr1(&[2.0_f32])).unwrap_err().to_string();
        assert!(message.starts_with("cannot write the array a: "), "{message}");
    }
}
