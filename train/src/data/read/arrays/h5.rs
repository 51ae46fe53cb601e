//! Martinez's Human3.6M archive (`h36m.zip`, unpacked): one HDF5 file per take, `3D_positions` `[96, T]`,
//! millimetres.

use std::path::Path;

use hdf5_reader::Hdf5File;
use poselift::error::{Error, Result};
use poselift::format::NamedArray;

/// The data set in each file, and the folder that holds the files.
const POSITIONS: &str = "3D_positions";

/// Advice to the user about a file that cannot be read.
const HINT: &str = "save it as numpy does: numpy.save('S1_Walking.npy', h5py.File('Walking.h5')['3D_positions'][:].T.reshape(-1, 32, 3))";

/// Whether the name at `path` is an HDF5 file's.
pub fn is_pose_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["h5", "hdf5"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether the file is where the archive has its 3D poses; its 2D ones are not used.
pub fn is_positions(path: &Path) -> bool {
    is_pose_file(path) && path.parent().and_then(Path::file_name).is_some_and(|folder| folder == POSITIONS)
}

/// The person in `.../S1/MyPoses/3D_positions/Walking 1.h5`.
pub(super) fn subject(path: &Path) -> Option<String> {
    let folder = path.ancestors().nth(3)?.file_name()?.to_string_lossy().into_owned();
    is_positions(path).then_some(folder)
}

/// The positions as `[T, 96]`.
///
/// # Errors
/// A file that is not HDF5, or holds no such data set.
pub(super) fn read(path: &Path) -> Result<NamedArray> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
    let file = Hdf5File::from_bytes(&bytes).map_err(cannot)?;
    let data = file.dataset(POSITIONS).map_err(cannot)?;
    let values = match data.read_array::<f64>() {
        Ok(double) => double,
        Err(_) => data.read_array::<f32>().map_err(cannot)?.mapv(f64::from),
    };
    let &[rows, frames] = values.shape() else {
        return Err(Error::input(format!("'{POSITIONS}' has the shape {:?}, expected [96, frames]", values.shape())));
    };
    let numbers = values.t().iter().map(|&value| value as f32).collect();
    Ok(NamedArray { path: vec![POSITIONS.into()], shape: vec![frames, rows], numbers })
}

fn cannot(error: impl std::fmt::Display) -> Error {
    Error::input(format!("cannot read the data set '{POSITIONS}' of an HDF5 file: {error}")).hint(HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: u64 = u64::MAX;

    /// `words` as little-endian numbers of eight bytes.
    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// An object's header with these messages, (kind, content), as in HDF5 1.0.
    fn object(messages: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, content) in messages {
            let length = content.len().next_multiple_of(8);
            body.extend([kind.to_le_bytes(), (length as u16).to_le_bytes()].concat());
            body.extend([0; 4]);
            body.extend(content);
            body.resize(body.len() + length - content.len(), 0);
        }
        let counts = [&[1, 0][..], &(messages.len() as u16).to_le_bytes(), &1u32.to_le_bytes()].concat();
        [&counts[..], &(body.len() as u32).to_le_bytes(), &[0; 4], &body].concat()
    }

    /// An HDF5 file as MATLAB wrote them: superblock 0, one data set of doubles, contiguous. h5py reads it too.
    fn hdf5(name: &str, [rows, columns]: [u64; 2], values: &[f64]) -> Vec<u8> {
        const SUPERBLOCK: u64 = 96;
        let (root, tree) = (SUPERBLOCK, SUPERBLOCK + 40);
        let (heap, node) = (tree + 544, tree + 544 + 32 + 24);
        let (set, data) = (node + 328, node + 328 + 112);
        let length = 8 * values.len() as u64;
        let mut file = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0".to_vec();
        file.extend(words(&[0, NOWHERE, data + length, NOWHERE, 0, root, 1, tree, heap]));
        file.extend(object(&[(0x11, words(&[tree, heap]))]));
        file.extend([&b"TREE\0\0\x01\0"[..], &words(&[NOWHERE, NOWHERE, 0, node, 8])].concat());
        file.resize(heap as usize, 0);
        file.extend([&b"HEAP\0\0\0\0"[..], &words(&[24, 1, heap + 32, 0]), name.as_bytes()].concat());
        file.resize(node as usize, 0);
        file.extend([&b"SNOD\x01\0\x01\0"[..], &words(&[8, set])].concat());
        file.resize(set as usize, 0);
        let space = [&b"\x01\x02\0\0\0\0\0\0"[..], &words(&[rows, columns])].concat();
        let double = b"\x11\x20\x3f\0\x08\0\0\0\0\0\x40\0\x34\x0b\0\x34\xff\x03\0\0".to_vec();
        let layout = [&b"\x03\x01"[..], &words(&[data, length])].concat();
        file.extend(object(&[(0x01, space), (0x03, double), (0x08, layout)]));
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        file
    }

    #[test]
    fn rows_become_joints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("S1/MyPoses/3D_positions/Walking 1.h5");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Row r of frame t is 10 r + t.
        let values: Vec<f64> = (0..96).flat_map(|row| (0..2).map(move |frame| f64::from(10 * row + frame))).collect();
        std::fs::write(&path, hdf5(POSITIONS, [96, 2], &values)).unwrap();
        let array = read(&path).unwrap();
        assert_eq!((&array.shape[..], array.numbers[1], array.numbers[96 + 95]), (&[2, 96][..], 10.0, 951.0));
        assert!(is_positions(&path) && subject(&path).as_deref() == Some("S1"));
        assert!(!is_positions(&folder.path().join("S1/MyPoses/2D_projections/Walking 1.h5")));
        assert!(subject(Path::new("Walking.h5")).is_none());
    }

    #[test]
    fn other_files_are_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let whole = hdf5(POSITIONS, [96, 1], &[0.0; 96]);
        for bytes in [b"hello".to_vec(), hdf5("poses", [96, 1], &[0.0; 96]), whole[..1200].to_vec()] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().contains("data set '3D_positions'"), "{error}");
            assert!(error.hint_text().is_some_and(|hint| hint.contains("numpy.save")));
        }
    }
}
