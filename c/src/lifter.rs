//! Models: opening them, what they say of themselves, and lifting a batch.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Mutex;

use ndarray::{Array3, ArrayView3, CowArray, Ix3};
use poselift::model::{Card, ModelFile, PoseNetwork, ThreadHandle};
use poselift::pose::Keypoint;
use poselift::skeleton::{Conversion, Layout};
use poselift::{Error, LifterOptions, Result, camera};

use crate::arguments::{array, array_mut, key_points, lock, non_null, write_box};
use crate::boundary::{Status, catch, catch_pointer};
use crate::host;
use crate::options::{Options, layout};
use crate::skeleton::{NamedJoints, Skeleton};
use crate::text::{c_string, text};

/// A model that is ready to run. Any number of threads may use one; only `poselift_close` must be the last call. Calls of
/// `poselift_lift` on one lifter wait for each other; streams do not.
#[derive(Debug)]
pub struct Lifter {
    lifter: Mutex<poselift::Lifter>,
    /// What streams lift with, which wait for nothing.
    handle: ThreadHandle,
    batch: usize,
    /// What `model` points to.
    _words: Vec<CString>,
    _input: NamedJoints,
    _output: NamedJoints,
    model: Model,
}

/// What a model takes and gives.
#[repr(C)]
#[derive(Debug)]
pub struct Model {
    /// The model's name, "coco17-int8".
    pub name: *const c_char,
    /// What computes it: "own kernels, AVX2", "ONNX Runtime".
    pub engine: *const c_char,
    /// Where it runs: "cpu", "cuda:0".
    pub device: *const c_char,
    /// What is worth knowing of that: why there is no GPU, or that the kernels were not compared with ONNX Runtime. Empty if
    /// there is nothing.
    pub note: *const c_char,
    /// The unit of length of poses: "m", or "unknown" where the training data named none.
    pub unit: *const c_char,
    /// The key points that it takes.
    pub input: Skeleton,
    /// The joints that it gives.
    pub output: Skeleton,
    /// Whether it says how far off each joint may be.
    pub has_sigma: bool,
}

/// A camera without distortion whose axis goes through the middle of the image.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    /// The image's width in pixels.
    pub width: u32,
    /// The image's height in pixels.
    pub height: u32,
    /// The focal length in pixels; 0 for 0.9 times the longer side.
    pub focal: f32,
}

/// Opens a model file, or with a NULL `path` the model that is built in: COCO-17 in, Human3.6M-17 out. Where `path` is no
/// file, it may be the name of a model that is built in: `coco17`, `coco17-int8`, `coco17-memory`, which remembers people, or
/// `coco23-memory`, which reads and gives feet, too.
///
/// `options` may be NULL. `lifter` gets the model, to be closed with `poselift_close`, or NULL after an error.
///
/// Errors: NULL for `lifter`; options that are not possible; no such file; no model of poselift; ONNX Runtime missing where
/// the model or the device needs it.
///
/// # Safety
/// Texts are NULL or end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poselift_open(
    path: *const c_char,
    options: Option<&Options>,
    lifter: Option<&mut MaybeUninit<*mut Lifter>>,
) -> Status {
    catch(|| {
        let place = empty(lifter)?;
        // SAFETY: the caller's promise.
        let path = unsafe { text(path, "path") }?;
        let file = path.map_or_else(ModelFile::bundled, ModelFile::read)?;
        // SAFETY: the caller's promise.
        write_box(place, Lifter::open(&file, &unsafe { Options::read(options) }?)?);
        Ok(())
    })
}

/// As `poselift_open`, of a model file that is in memory. The `length` bytes are copied.
///
/// # Safety
/// `bytes` leads to as many bytes; texts are NULL or end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poselift_open_bytes(
    bytes: *const c_void,
    length: usize,
    options: Option<&Options>,
    lifter: Option<&mut MaybeUninit<*mut Lifter>>,
) -> Status {
    catch(|| {
        let place = empty(lifter)?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { array(bytes.cast::<u8>(), length, "bytes") }?;
        let file = ModelFile::from_bytes("<memory>", bytes.to_vec())?;
        // SAFETY: the caller's promise.
        write_box(place, Lifter::open(&file, &unsafe { Options::read(options) }?)?);
        Ok(())
    })
}

/// Closes a model; NULL is nothing to close. Streams of it go on.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_close(lifter: Option<Box<Lifter>>) {
    catch(|| {
        drop(lifter);
        Ok(())
    });
}

/// What a model takes and gives, valid until it is closed; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_model(lifter: Option<&Lifter>) -> *const Model {
    catch_pointer(|| Ok(Some(&raw const non_null(lifter, "lifter")?.model)))
}

/// Lifts `people` at once. A large batch is shared among the model's threads. Calls on one lifter wait for each other.
///
/// - `key_points` `[people, joints, channels]`: x, y in pixels from the top left corner, and of 3 channels the score, 0 to 1.
///   A score of 0, or a coordinate that is no number, means missing.
/// - `layout` names the order of the joints: a name that `poselift_layout` knows, or the path of a .json file of joint names
///   and places; NULL for the model's own.
/// - `camera` saw all of them; NULL if the image's size is not known, which costs accuracy beside the image's middle.
/// - `poses` gets `[people, output.joints, 3]`: x right, y down, z forward, in the model's unit, from the root joint. All are NaN
///   for a person with fewer than 4 joints to be seen. `poses_length`, in floats, must be exactly people * output.joints * 3.
/// - `sigma` gets `[people, output.joints]`: the distance that 68 % of a joint's errors stay within. NULL with a
///   `sigma_length` of 0 if it is not wanted; the model needs `has_sigma`.
///
/// Errors: NULL, other lengths, another number of joints, a layout without joints that the model takes. Nothing is written
/// then.
///
/// # Safety
/// Arrays have the lengths that are said, and do not overlap; texts are NULL or end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poselift_lift(
    lifter: Option<&Lifter>,
    key_points: *const f32,
    people: usize,
    joints: usize,
    channels: usize,
    layout: *const c_char,
    camera: Option<&Camera>,
    poses: *mut f32,
    poses_length: usize,
    sigma: *mut f32,
    sigma_length: usize,
) -> Status {
    catch(|| {
        let lifter = non_null(lifter, "lifter")?;
        // SAFETY: the caller's promise.
        let (found, layout) =
            unsafe { (self::key_points(key_points, people, joints, channels)?, text(layout, "layout")?) };
        // SAFETY: the caller's promise.
        let poses = unsafe { array_mut(poses, poses_length, "poses") }?;
        // SAFETY: the caller's promise.
        let sigma = unsafe { array_mut(sigma, sigma_length, "sigma") }?;
        lift(&mut *lock(&lifter.lifter)?, found, layout, camera, poses, sigma)
    })
}

fn lift(
    lifter: &mut poselift::Lifter,
    key_points: ArrayView3<'_, f32>,
    layout: Option<&str>,
    camera: Option<&Camera>,
    poses: &mut [f32],
    sigma: &mut [f32],
) -> Result<()> {
    let people = key_points.dim().0;
    let joints = lifter.card().output.joints.len();
    check_length(poses, people * joints * 3, "poses")?;
    if !sigma.is_empty() {
        check_length(sigma, people * joints, "sigma")?;
    }
    let conversion = match layout {
        None => Conversion::identity(lifter.card().input.joints.len()),
        Some(name) => lifter.conversion(self::layout(name)?)?,
    };
    let key_points = in_own_layout(lifter, key_points, &conversion, layout)?;
    let cameras: Vec<_> = camera.map(Camera::read).transpose()?.into_iter().collect();
    let lifted = lifter.lift_converted(key_points, &conversion, &cameras)?;
    match &lifted.sigma {
        Some(found) if !sigma.is_empty() => copy(found, sigma),
        None if !sigma.is_empty() => {
            return Err(Error::usage(format!("the model {} gives no sigma", lifter.card().name)));
        }
        _ => {}
    }
    copy(&lifted.poses, poses);
    Ok(())
}

fn check_length(array: &[f32], expected: usize, name: &str) -> Result<()> {
    match array.len() {
        length if length == expected => Ok(()),
        length => Err(Error::usage(format!("{name} has room for {length} floats, expected {expected}"))),
    }
}

fn copy<'a>(from: impl IntoIterator<Item = &'a f32>, to: &mut [f32]) {
    for (place, number) in to.iter_mut().zip(from) {
        *place = *number;
    }
}

/// Key points in the order and with the channels that the model takes; as they are, where they have both.
fn in_own_layout<'a>(
    lifter: &poselift::Lifter,
    key_points: ArrayView3<'a, f32>,
    conversion: &Conversion,
    name: Option<&str>,
) -> Result<CowArray<'a, f32, Ix3>> {
    let input = &lifter.card().input;
    let (people, joints, channels) = key_points.dim();
    if joints != conversion.source_len() {
        let expected = conversion.source_len();
        let named = name.unwrap_or(&input.layout);
        return Err(Error::input(format!("{joints} key points a person, expected the {expected} of {named}")));
    }
    if name.is_none() && channels == input.channels {
        return Ok(CowArray::from(key_points));
    }
    let mut converted = Array3::zeros((people, input.joints.len(), input.channels));
    for (person, mut rows) in key_points.outer_iter().zip(converted.outer_iter_mut()) {
        let points: Vec<Keypoint> = person.outer_iter().map(Keypoint::from_row).collect();
        for (point, mut row) in conversion.apply(&points).zip(rows.outer_iter_mut()) {
            for (cell, number) in row.iter_mut().zip(numbers(point)) {
                *cell = number;
            }
        }
    }
    Ok(CowArray::from(converted))
}

/// x, y, score; all say that a missing point is missing, with or without the score.
fn numbers(point: Keypoint) -> [f32; 3] {
    if point.is_missing() { [f32::NAN, f32::NAN, 0.0] } else { [point.x as f32, point.y as f32, point.score] }
}

impl Camera {
    fn read(&self) -> Result<camera::Camera> {
        let Self { width, height, focal } = *self;
        if width == 0 || height == 0 || !focal.is_finite() || focal < 0.0 {
            let found = format!("a camera of {width}x{height} pixels and a focal length of {focal}");
            return Err(Error::usage(format!(
                "{found}, expected sides above 0, and 0 where the focal length is not known"
            )));
        }
        Ok(camera::Camera::with_focal((focal > 0.0).then_some(focal), [width, height]))
    }
}

impl Lifter {
    fn open(file: &ModelFile, options: &LifterOptions) -> Result<Self> {
        host::tell_once();
        Ok(Self::new(poselift::Lifter::from_model(file, options)?))
    }

    fn new(lifter: poselift::Lifter) -> Self {
        let Card { name, input, output, .. } = lifter.card();
        let session = lifter.session();
        let note = session.notes().next().unwrap_or_default();
        let device = session.provider().device().to_string();
        let words = [name, session.engine(), &device, &note, &output.unit.to_string()].map(c_string).to_vec();
        let parents = Layout::by_name(&input.layout).map_or(&[][..], |layout| layout.parents);
        let parents = if parents.len() == input.joints.len() { parents } else { &[] };
        let taken = NamedJoints::new(&input.layout, &input.joints, parents);
        let made = NamedJoints::new(&output.skeleton, &output.joints, &output.parents);
        let model = Model {
            name: words[0].as_ptr(),
            engine: words[1].as_ptr(),
            device: words[2].as_ptr(),
            note: words[3].as_ptr(),
            unit: words[4].as_ptr(),
            input: taken.skeleton(),
            output: made.skeleton(),
            has_sigma: output.sigma,
        };
        let handle = lifter.session().thread_handle();
        let batch = lifter.batch();
        Self { lifter: Mutex::new(lifter), handle, batch, _words: words, _input: taken, _output: made, model }
    }

    /// A lifter of its own for a stream.
    pub(crate) fn own(&self) -> poselift::Lifter<Box<dyn PoseNetwork>> {
        poselift::Lifter::with_network(Box::new(self.handle.clone()), self.batch)
    }
}

/// The place for a new object, NULL until there is one.
pub(crate) fn empty<T>(place: Option<&mut MaybeUninit<*mut T>>) -> Result<&mut MaybeUninit<*mut T>> {
    let place = non_null(place, "the place for the new object")?;
    place.write(ptr::null_mut());
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream is opened while the lifter lifts.
    #[test]
    fn a_stream_has_a_lifter_of_its_own_while_another_call_holds_the_lifter() {
        let file = ModelFile::bundled().expect("the bundled model");
        let lifter = Lifter::open(&file, &LifterOptions::default()).expect("the bundled model opens");
        let _held = lock(&lifter.lifter).expect("nothing has broken down");
        let own = lifter.own();
        assert_eq!(own.batch(), lifter.batch);
        assert!(own.card().name.starts_with("coco17"), "{}", own.card().name);
    }
}
