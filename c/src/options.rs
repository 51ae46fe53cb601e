//! Options of a lifter and of a stream. All zero is what is usual.

use std::ffi::c_char;
use std::path::Path;
use std::str::FromStr;

use poselift::camera::{Attitude, CameraFile, NamedCamera, UpAxis};
use poselift::guard::{ReadOptions, Rotation, USUAL_GAP, check_focal};
use poselift::skeleton::{Layout, layout_file};
use poselift::stream::PushOptions;
use poselift::{Error, LifterOptions, Result};

use crate::text::text;

/// Where and how a model runs. Set it to zero and then what differs from the usual.
#[repr(C)]
#[derive(Debug)]
pub struct Options {
    /// "auto", "cpu", "cuda" or "cuda:1"; NULL for auto.
    pub device: *const c_char,
    /// What computes on a CPU: "auto", "own", "onnxruntime" or "openvino"; NULL for auto.
    pub engine: *const c_char,
    /// Threads that share a large batch, 1 to 512; 0 for all cores, 16 at most.
    pub threads: usize,
    /// Most poses that the network gets at once, 1 to 262144; 0 for what runs fastest.
    pub batch: usize,
    /// Reserved; must be 0.
    pub reserved: [u64; 4],
}

/// What the frames of a stream are, and what is done with their poses. Set it to zero and then what differs from the usual.
/// Each field is the option of `poselift run` with the same name, which docs/guide.md describes.
#[repr(C)]
#[derive(Debug)]
pub struct StreamOptions {
    /// The key points' layout, "coco17", or a JSON file of joint names and places; NULL to find out by the first person.
    pub layout: *const c_char,
    /// The image's width in pixels; 0 if it is unknown. With the size, people are turned to the optical axis first.
    pub width: u32,
    /// The image's height in pixels; 0 if it is unknown.
    pub height: u32,
    /// The focal length in pixels; 0 for 0.9 times the longer side.
    pub focal: f32,
    /// Frames a second, which gives a time to frames that have none; 0 if it is unknown.
    pub fps: f64,
    /// "live", "live:HZ", "clip" or "clip:SECONDS"; NULL for none. Frames need times.
    pub smooth: *const c_char,
    /// Whether poses come in level axes, by `pitch` and `roll`.
    pub level: bool,
    /// How far the camera looks down, degrees.
    pub pitch: f32,
    /// How far the camera is turned clockwise about where it looks, degrees.
    pub roll: f32,
    /// Whether people's roots are placed in front of the camera, also by feet that have stood for a second, by a camera that stands
    /// still.
    pub root: bool,
    /// Whether it is said of people's feet whether they stand.
    pub contacts: bool,
    /// How far the image has to be turned clockwise to stand upright: 0, 90, 180 or 270 degrees.
    pub rotate: u32,
    /// Whether y points up in the key points.
    pub y_up: bool,
    /// Key points of a lower score count as missing.
    pub min_score: f32,
    /// "all", "largest" or an id; NULL for all.
    pub person: *const c_char,
    /// Frames that a person may be out of sight and keep the id, where ids come from tracking; 0 for 30.
    pub max_gap: u64,
    /// A calibration file; NULL for none.
    pub camera: *const c_char,
    /// The camera's name in that file; NULL for the only one.
    pub camera_name: *const c_char,
    /// The axis that is up in that file's world, "z" or "-y"; NULL for what the file says.
    pub camera_up: *const c_char,
    /// Whether left and right legs that change places for a moment stay as the detector has them.
    pub keep_sides: bool,
    /// Reserved; must be 0.
    pub reserved_bytes: [u8; 7],
    /// Reserved; must be 0.
    pub reserved: [u64; 7],
}

impl Options {
    /// What Rust calls them; the usual for `None`.
    ///
    /// # Errors
    /// A value that is not possible.
    ///
    /// # Safety
    /// Each text is NULL or ends with a NUL.
    pub(crate) unsafe fn read(options: Option<&Self>) -> Result<LifterOptions> {
        let Some(Self { device, engine, threads, batch, reserved }) = options else {
            return Ok(LifterOptions::default());
        };
        check_reserved(reserved)?;
        Ok(LifterOptions {
            // SAFETY: the caller's promise.
            device: unsafe { parsed(*device, "device") }?.unwrap_or_default(),
            // SAFETY: the caller's promise.
            engine: unsafe { parsed(*engine, "engine") }?.unwrap_or_default(),
            threads: count(*threads, 512, "threads")?,
            batch: count(*batch, 1 << 18, "batch")?,
        })
    }
}

impl StreamOptions {
    /// What Rust calls them; the usual for `None`.
    ///
    /// # Errors
    /// A value that is not possible; a layout or a calibration that cannot be read.
    ///
    /// # Safety
    /// Each text is NULL or ends with a NUL.
    pub(crate) unsafe fn read(options: Option<&Self>) -> Result<PushOptions> {
        let Some(options) = options else { return Ok(PushOptions::default()) };
        check_reserved(&options.reserved)?;
        check_reserved(&options.reserved_bytes)?;
        let rotate: Rotation = options.rotate.to_string().parse()?;
        let focal = known(options.focal);
        check_focal(focal, false)?;
        // SAFETY: the caller's promise.
        let name = unsafe { text(options.camera_name, "camera_name") }?;
        // SAFETY: the caller's promise.
        let up: Option<UpAxis> = unsafe { parsed(options.camera_up, "camera_up") }?;
        // SAFETY: the caller's promise.
        let camera = match unsafe { text(options.camera, "camera") }? {
            None => {
                check_no_camera(name.is_some(), "camera_name")?;
                check_no_camera(up.is_some(), "camera_up")?;
                None
            }
            Some(_) if focal.is_some() => {
                return Err(Error::usage("a focal length beside a camera file, expected one"));
            }
            Some(path) => Some(camera(path, name)?),
        };
        let from_file = camera.as_ref().and_then(|camera| camera.attitude(up));
        let measured = attitude(options)?;
        let intrinsics = camera.map(|camera| camera.intrinsics);
        let read = ReadOptions {
            // SAFETY: the caller's promise.
            layout: unsafe { text(options.layout, "layout") }?.map(layout).transpose()?,
            size: size(options)?.or(intrinsics.and_then(|intrinsics| intrinsics.size)),
            fps: known(options.fps),
            min_score: known(options.min_score),
            camera: intrinsics,
            rotate,
            y_up: options.y_up,
            // SAFETY: the caller's promise.
            person: unsafe { parsed(options.person, "person") }?.unwrap_or_default(),
            max_gap: if options.max_gap == 0 { USUAL_GAP } else { options.max_gap },
            keep_sides: options.keep_sides,
            ..ReadOptions::default()
        };
        read.check()?;
        Ok(PushOptions {
            read,
            focal,
            // SAFETY: the caller's promise.
            smoothing: unsafe { parsed(options.smooth, "smooth") }?,
            attitude: measured.or(from_file.map(|attitude| attitude.rolled(-rotate.clockwise()))),
            root: options.root,
            contacts: options.contacts,
            ..PushOptions::default()
        })
    }
}

/// Refuses what a later version gives a meaning to, rather than passing over it.
fn check_reserved<T: Default + PartialEq>(reserved: &[T]) -> Result<()> {
    if reserved.iter().all(|number| *number == T::default()) {
        return Ok(());
    }
    Err(Error::usage("reserved fields of the options are not 0")
        .hint("set options to zero first; or the program expects a later poselift than this"))
}

/// The value that a text stands for; `None` for NULL.
///
/// # Safety
/// As [`text`].
unsafe fn parsed<T: FromStr<Err = E>, E: ToString>(pointer: *const c_char, name: &str) -> Result<Option<T>> {
    // SAFETY: the caller's promise.
    let text = unsafe { text(pointer, name) }?;
    text.map(|text| text.parse().map_err(|error: E| Error::usage(format!("{name}: {}", error.to_string())))).transpose()
}

fn count(count: usize, most: usize, name: &str) -> Result<Option<usize>> {
    match count {
        0 => Ok(None),
        count if count <= most => Ok(Some(count)),
        _ => Err(Error::usage(format!("{name} is {count}, expected 0 to {most}"))),
    }
}

/// 0 is not known.
fn known<T: Default + PartialEq>(number: T) -> Option<T> {
    (number != T::default()).then_some(number)
}

/// Refuses what is said about a camera file where there is none.
fn check_no_camera(is_given: bool, name: &str) -> Result<()> {
    if !is_given {
        return Ok(());
    }
    Err(Error::usage(format!("{name} without camera")).hint("camera is the calibration file that it is about"))
}

fn size(options: &StreamOptions) -> Result<Option<[u32; 2]>> {
    match [options.width, options.height] {
        [0, 0] => Ok(None),
        [width, height] if width == 0 || height == 0 => {
            Err(Error::usage(format!("an image of {width}x{height} pixels, expected both sides or none")))
        }
        size => Ok(Some(size)),
    }
}

fn attitude(options: &StreamOptions) -> Result<Option<Attitude>> {
    let StreamOptions { level, pitch, roll, .. } = *options;
    for (angle, name) in [(pitch, "pitch"), (roll, "roll")] {
        if !level && angle != 0.0 {
            return Err(Error::usage(format!("{name} without level")).hint("set level to get poses in level axes"));
        }
    }
    let held = Attitude::from_degrees(pitch, roll)?;
    Ok(level.then_some(held))
}

/// A layout by name, or from a JSON file.
pub(crate) fn layout(name: &str) -> Result<&'static Layout> {
    if name.ends_with(".json") { layout_file(Path::new(name)) } else { Layout::by_name(name) }
}

fn camera(path: &str, name: Option<&str>) -> Result<NamedCamera> {
    let file = CameraFile::read(Path::new(path))?;
    file.camera(name).cloned().map_err(|error| error.at(path))
}
