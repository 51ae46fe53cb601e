//! Reads poses of one person from the arrays that `run` writes: npy, or npz with sigma and roots beside them.

use std::path::{Path, PathBuf};

use super::array::{Array, shape_text};
use super::npy::read_array;
use super::npz::{Archive, ReadSeek};
use super::{PoseInfo, PoseReader};
use crate::error::{Error, Result};
use crate::pose::{Axes, LiftedFrame, LiftedPerson, Unit};
use crate::skeleton::{H36M17, H36M23, Layout};

/// The skeletons that arrays are taken to be of, by their number of joints.
const SKELETONS: [&Layout; 2] = [&H36M17, &H36M23];

/// The names of the arrays in an archive.
const POSES: &str = "poses";
const SIGMA: &str = "sigma";
const ROOTS: &str = "roots";

/// A 3D stream in an array `[T, J, 3]`, which names neither joints nor units: they are taken to be Human3.6M-17, or that with feet, in
/// metres, in the camera's axes.
pub(super) struct PoseArrays {
    name: PathBuf,
    info: PoseInfo,
    poses: Array,
    /// `[T, J]`.
    sigma: Option<Array>,
    /// `[T, 3]` where the root is; NaN where that is unknown.
    roots: Option<Array>,
    next: usize,
}

impl PoseArrays {
    /// Reads an npy file.
    ///
    /// # Errors
    /// Bytes that are no npy file, or an array that is not `[T, 17 or 23, 3]`.
    pub(super) fn npy(bytes: &[u8], name: &Path) -> Result<Self> {
        Self::new(read_array(bytes).map_err(|error| error.at(name))?, None, None, name)
    }

    /// Reads an npz archive: its array `poses`, and `sigma` and `roots` if they are there.
    ///
    /// # Errors
    /// As [`Self::npy`]; an archive without such an array.
    pub(super) fn npz(input: Box<dyn ReadSeek>, name: &Path) -> Result<Self> {
        let mut archive = Archive::new(input, name)?;
        let names = archive.names();
        if !names.iter().any(|array| array == POSES) {
            let found = names.join(", ");
            return Err(Error::input(format!("the archive holds the arrays {found}, expected '{POSES}'")).at(name));
        }
        let mut beside = |wanted: &str| match names.iter().any(|array| array == wanted) {
            true => archive.array(wanted).map(Some),
            false => Ok(None),
        };
        let (sigma, roots) = (beside(SIGMA)?, beside(ROOTS)?);
        Self::new(archive.array(POSES)?, sigma, roots, name)
    }

    fn new(poses: Array, sigma: Option<Array>, roots: Option<Array>, name: &Path) -> Result<Self> {
        let of_shape = |skeleton: &&Layout| matches!(poses.shape[..], [_, found, 3] if found == skeleton.len());
        let Some(skeleton) = SKELETONS.into_iter().find(of_shape) else {
            let shape = shape_text(&poses.shape);
            let expected = SKELETONS.map(|skeleton| format!("[frames, {}, 3]", skeleton.len())).join(" or ");
            return Err(Error::input(format!("the array's shape is {shape}, expected {expected}"))
                .at(name)
                .hint("poses of another skeleton name their joints in JSON Lines"));
        };
        let joints = skeleton.len();
        for (array, array_name, expected) in
            [(&sigma, SIGMA, [poses.shape[0], joints]), (&roots, ROOTS, [poses.shape[0], 3])]
        {
            if let Some(array) = array.as_ref().filter(|array| array.shape != expected) {
                let (shape, expected) = (shape_text(&array.shape), shape_text(&expected));
                return Err(Error::input(format!("'{array_name}' has the shape {shape}, expected {expected}")).at(name));
            }
        }
        let info = PoseInfo {
            skeleton: skeleton.name.to_owned(),
            joints: skeleton.joints.iter().map(|joint| (*joint).to_owned()).collect(),
            parents: skeleton.parents.to_vec(),
            unit: Unit::Metres,
            axes: Axes::Camera,
            fps: None,
            model: String::new(),
        };
        Ok(Self { name: name.to_path_buf(), info, poses, sigma, roots, next: 0 })
    }
}

impl PoseReader for PoseArrays {
    fn info(&self) -> &PoseInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<LiftedFrame>> {
        let (frame, joints) = (self.next, self.info.joints.len());
        let Some(numbers) = self.poses.numbers.get(frame * joints * 3..(frame + 1) * joints * 3) else {
            return Ok(None);
        };
        self.next += 1;
        let mut lifted = LiftedFrame { index: frame as u64, ..LiftedFrame::default() };
        let missing = numbers.iter().filter(|number| !number.is_finite()).count();
        if missing == numbers.len() {
            return Ok(Some(lifted));
        }
        if missing > 0 {
            let message =
                format!("frame {frame}: {missing} of {} numbers are not finite, expected all or none", numbers.len());
            return Err(Error::input(message).at(&self.name));
        }
        let sigma = self.sigma.as_ref().map(|sigma| sigma.numbers[frame * joints..(frame + 1) * joints].to_vec());
        let root = self.roots.as_ref().map(|roots| [0, 1, 2].map(|axis| roots.numbers[frame * 3 + axis]));
        lifted.people.push(LiftedPerson {
            id: Some(0),
            joints: numbers.as_chunks().0.to_vec(),
            score: 1.0,
            sigma: sigma.unwrap_or_default(),
            root: root.filter(|root| root.iter().all(|axis| axis.is_finite())),
            ..LiftedPerson::default()
        });
        Ok(Some(lifted))
    }
}
