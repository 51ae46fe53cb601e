//! Reads poses of one person from the arrays that `run` writes: npy, or npz with sigma and roots beside them.

use std::path::{Path, PathBuf};

use super::array::{Array, Dtype, shape_text};
use super::jsonl::{is_header, pose_info_of};
use super::npy::{data_of, read_array};
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
const FRAMES: &str = "frames";
const TIMES: &str = "times";
const HEADER: &str = "header";

/// A 3D stream in an array `[T, J, 3]`. An archive that `run` wrote has the stream's header beside it; another, and a bare array, names
/// neither joints nor units: they are taken to be Human3.6M-17, or that with feet, in metres, in the camera's axes.
pub(super) struct PoseArrays {
    name: PathBuf,
    info: PoseInfo,
    poses: Array,
    companions: Companions,
    next: usize,
}

/// The arrays beside the poses.
#[derive(Default)]
struct Companions {
    info: Option<PoseInfo>,
    /// `[T, J]`.
    sigma: Option<Array>,
    /// `[T, 3]` where the root is; NaN where that is unknown.
    roots: Option<Array>,
    /// `[T]` the frames' numbers and times.
    frames: Option<Vec<u64>>,
    times: Option<Vec<f64>>,
}

impl Companions {
    fn of(archive: &mut Archive) -> Result<Self> {
        let sigma = archive.array_if_any(SIGMA)?;
        let roots = archive.array_if_any(ROOTS)?;
        // Other archives may call other things so.
        let header = if archive.has(HEADER) { Some(archive.member(HEADER)?) } else { None };
        let text = header.as_deref().and_then(|member| data_of(member, Dtype::U8).ok()).filter(|text| is_header(text));
        let Some(text) = text else { return Ok(Self { sigma, roots, ..Self::default() }) };
        let info = Some(pose_info_of(text).map_err(|e| archive.in_array(HEADER, &e))?);
        let frames = numbers(archive, FRAMES, Dtype::I64)?;
        let times = numbers(archive, TIMES, Dtype::F64)?;
        let frames = frames.map(|frames| frames.into_iter().map(frame_number).collect::<Result<_>>()).transpose()?;
        let times = times.map(|times| times.into_iter().map(f64::from_le_bytes).collect());
        Ok(Self { info, sigma, roots, frames, times })
    }

    /// Holds that each array has as many rows as there are frames.
    fn check(&self, frames: usize, joints: usize) -> Result<()> {
        for (array, name, expected) in [(&self.sigma, SIGMA, [frames, joints]), (&self.roots, ROOTS, [frames, 3])] {
            if let Some(array) = array.as_ref().filter(|array| array.shape != expected) {
                return Err(wrong_shape(name, &array.shape, &expected));
            }
        }
        let lengths = [(FRAMES, self.frames.as_ref().map(Vec::len)), (TIMES, self.times.as_ref().map(Vec::len))];
        for (name, length) in lengths {
            if let Some(length) = length.filter(|length| *length != frames) {
                return Err(wrong_shape(name, &[length], &[frames]));
            }
        }
        Ok(())
    }
}

/// The numbers of an array of eight bytes each, if the array is there.
fn numbers(archive: &mut Archive, name: &str, dtype: Dtype) -> Result<Option<Vec<[u8; 8]>>> {
    if !archive.has(name) {
        return Ok(None);
    }
    let member = archive.member(name)?;
    let data = data_of(&member, dtype).map_err(|e| archive.in_array(name, &e))?;
    Ok(Some(data.as_chunks().0.to_vec()))
}

fn frame_number(bytes: [u8; 8]) -> Result<u64> {
    let frame = i64::from_le_bytes(bytes);
    u64::try_from(frame).map_err(|_| Error::input(format!("'{FRAMES}' has the number {frame}, expected 0 or more")))
}

fn wrong_shape(name: &str, found: &[usize], expected: &[usize]) -> Error {
    let found = shape_text(found);
    let expected = shape_text(expected);
    Error::input(format!("'{name}' has the shape {found}, expected {expected}"))
}

impl PoseArrays {
    /// Reads an npy file.
    ///
    /// # Errors
    /// Bytes that are no npy file, or an array that is not `[T, 17 or 23, 3]`.
    pub(super) fn npy(bytes: &[u8], name: &Path) -> Result<Self> {
        Self::new(read_array(bytes).map_err(|error| error.at(name))?, Companions::default(), name)
    }

    /// Reads an npz archive: its array `poses`, and what stands beside it.
    ///
    /// # Errors
    /// As [`Self::npy`]; an archive without such an array.
    pub(super) fn npz(input: Box<dyn ReadSeek>, name: &Path) -> Result<Self> {
        let mut archive = Archive::new(input, name)?;
        if !archive.has(POSES) {
            let found = archive.names().join(", ");
            return Err(Error::input(format!("the archive holds the arrays {found}, expected '{POSES}'")).at(name));
        }
        let companions = Companions::of(&mut archive).map_err(|e| e.at(name))?;
        Self::new(archive.array(POSES)?, companions, name)
    }

    fn new(poses: Array, mut companions: Companions, name: &Path) -> Result<Self> {
        let info = match companions.info.take() {
            Some(info) => info,
            None => assumed_info(&poses.shape).map_err(|e| e.at(name))?,
        };
        let joints = info.joints.len();
        if !matches!(poses.shape[..], [_, found, 3] if found == joints) {
            let shape = shape_text(&poses.shape);
            return Err(Error::input(format!("the array's shape is {shape}, its header has {joints} joints")).at(name));
        }
        companions.check(poses.shape[0], joints).map_err(|e| e.at(name))?;
        Ok(Self { name: name.to_path_buf(), info, poses, companions, next: 0 })
    }
}

/// What poses of this shape are taken to be, where nothing says it.
fn assumed_info(shape: &[usize]) -> Result<PoseInfo> {
    let joints = if let [_, joints, 3] = *shape { Some(joints) } else { None };
    let Some(skeleton) = SKELETONS.into_iter().find(|skeleton| joints == Some(skeleton.len())) else {
        let shape = shape_text(shape);
        let expected = SKELETONS.map(|skeleton| format!("[frames, {}, 3]", skeleton.len())).join(" or ");
        return Err(Error::input(format!("the array's shape is {shape}, expected {expected}"))
            .hint("poses of another skeleton name their joints in JSON Lines"));
    };
    Ok(PoseInfo {
        skeleton: skeleton.name.to_owned(),
        joints: skeleton.joints.iter().map(|joint| (*joint).to_owned()).collect(),
        parents: skeleton.parents.to_vec(),
        unit: Unit::Metres,
        axes: Axes::Camera,
        fps: None,
        stature: None,
        is_level: None,
        model: String::new(),
    })
}

impl PoseReader for PoseArrays {
    fn info(&self) -> &PoseInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<LiftedFrame>> {
        let frame = self.next;
        let joints = self.info.joints.len();
        let Some(numbers) = self.poses.numbers.get(frame * joints * 3..(frame + 1) * joints * 3) else {
            return Ok(None);
        };
        self.next += 1;
        let index = self.companions.frames.as_ref().map_or(frame as u64, |frames| frames[frame]);
        let time = self.companions.times.as_ref().map(|times| times[frame]).filter(|time| time.is_finite());
        let mut lifted = LiftedFrame { index, time, ..LiftedFrame::default() };
        let missing = numbers.iter().filter(|number| !number.is_finite()).count();
        if missing == numbers.len() {
            return Ok(Some(lifted));
        }
        if missing > 0 {
            let message =
                format!("frame {frame}: {missing} of {} numbers are not finite, expected all or none", numbers.len());
            return Err(Error::input(message).at(&self.name));
        }
        let sigma =
            self.companions.sigma.as_ref().map(|sigma| sigma.numbers[frame * joints..(frame + 1) * joints].to_vec());
        let root = self.companions.roots.as_ref().map(|roots| [0, 1, 2].map(|axis| roots.numbers[frame * 3 + axis]));
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
