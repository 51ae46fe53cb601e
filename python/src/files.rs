//! Files of key points and poses, and pages to look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use poselift::export::Export;
use poselift::format::{Extras, Format, PoseInfo, Source, StreamInfo, Target, open_pose_reader};
use poselift::guard::{self, ReadOptions, check_focal, check_fps};
use poselift::output::{self, Described, Form, NO_CONTACTS, OutputFormat, PageNotes, copy_poses, create};
use poselift::place::allowed_height;
use poselift::pose::{Frame, LiftedFrame, Unit};
use poselift::skeleton::{LAYOUTS, Layout};
use poselift::view::{PageInfo, PageWriter, PoseSet};
use poselift::{Error, Result};
use pyo3::prelude::*;

use crate::camera::Camera;
use crate::clip::{
    Has, KeypointArrays, KeypointClip, KeypointFields, KeypointNumbers, PoseArrays, PoseClip, PoseFields, axes,
    points_of,
};
use crate::error::Answer;
use crate::guarded::{noting, read_all};
use crate::interrupt::{Interruptible, check, interruptible};
use crate::layout::{LayoutName, layout, usual};
use crate::memory::Notes;

/// How a file of key points is read.
#[derive(FromPyObject)]
pub(crate) struct Reading {
    format: Option<String>,
    layout: Option<LayoutName>,
    size: Option<[u32; 2]>,
    focal: Option<f32>,
    fps: Option<f64>,
    camera: Option<Py<Camera>>,
    min_score: Option<f32>,
    person: String,
    max_gap: Option<u64>,
    rotate: u32,
    y_up: bool,
    keep_sides: bool,
}

impl Reading {
    fn options(&self) -> Answer<ReadOptions> {
        let usual = ReadOptions::default();
        let camera = self.camera.as_ref().map(|camera| camera.get().named.intrinsics);
        let options = ReadOptions {
            from: self.format.as_deref().map(str::parse).transpose()?,
            layout: layout(self.layout.as_ref())?,
            size: self.size.or(camera.and_then(|camera| camera.size)),
            fps: self.fps,
            min_score: self.min_score,
            camera,
            rotate: if self.rotate == 0 { usual.rotate } else { self.rotate.to_string().parse()? },
            y_up: self.y_up,
            person: self.person.parse()?,
            max_gap: self.max_gap.unwrap_or(usual.max_gap),
            keep_sides: self.keep_sides,
            ..usual
        };
        options.check()?;
        check_focal(self.focal, camera.is_some())?;
        Ok(options)
    }
}

/// The source at a path: a file, or a folder whose files are the frames of one clip.
///
/// # Errors
/// A folder of several clips, or of none.
fn source(path: &Path) -> Result<Source> {
    if !path.is_dir() {
        return Ok(Source::File(path.to_path_buf()));
    }
    let mut clips = Source::clips_of_frames(path)?;
    if clips.len() == 1 {
        return Ok(clips.swap_remove(0));
    }
    let found = clips.iter().map(|clip| format!("\n  {}", clip.name().display())).collect::<String>();
    Err(Error::input(format!("{} clips in the folder, expected the files of one, a file a frame{found}", clips.len()))
        .at(path))
}

/// Reads a clip of key points.
#[pyfunction]
pub(crate) fn read_keypoints(py: Python<'_>, path: PathBuf, reading: Reading) -> PyResult<KeypointArrays<'_>> {
    let options = reading.options()?;
    let notes = Notes::default();
    let (numbers, info) = interruptible(py, || -> Answer<(KeypointNumbers, StreamInfo)> {
        let mut reader = guard::open(&source(&path)?, &options, noting(&notes))?;
        let mut frames = read_all(|| reader.read(), &notes)?;
        let info = reader.info();
        let fps = options.fps.or(info.fps);
        for frame in &mut frames {
            frame.size = frame.size.or(options.size);
            frame.focal = frame.focal.or(reading.focal);
            frame.time = frame.time_at(fps);
        }
        let layout = options.layout.or(info.layout).or_else(|| usual(points_of(&frames)?, &[]));
        let info = StreamInfo { layout, fps, ..info.clone() };
        Ok((KeypointNumbers::of(&frames, &mut |note| notes.add(note)), info))
    })?;
    Ok(numbers.into_arrays(py, &info, notes.take()))
}

/// Reads a clip of poses.
#[pyfunction]
pub(crate) fn read_poses(py: Python<'_>, path: PathBuf, fps: Option<f64>) -> PyResult<PoseArrays<'_>> {
    let notes = Notes::default();
    let clip = interruptible(py, || -> Answer<PoseClip> {
        check_fps(fps)?;
        let mut reader = open_pose_reader(&Source::File(path))?;
        let mut info = reader.info().clone();
        info.fps = fps.or(info.fps);
        let mut frames = read_all(|| reader.read(), &notes)?;
        complete(&mut frames, info.fps);
        Ok(PoseClip { frames, info })
    })?;
    Ok(clip.into_arrays(py, notes.take()))
}

/// How a file of poses is written.
#[derive(FromPyObject)]
pub(crate) struct Writing {
    format: Option<String>,
    fps: Option<f64>,
    axes: Option<String>,
    units: Option<String>,
    height: Option<f64>,
    angles: bool,
    contacts: Option<bool>,
    sigma: Option<bool>,
    title: String,
}

impl Writing {
    fn format(&self, target: &Target) -> Result<OutputFormat> {
        let format = self.format.as_deref().map(str::parse).transpose()?;
        output::check(target, format, Extras::default())
    }

    fn form(&self, contacts: bool) -> Answer<Form> {
        check_fps(self.fps)?;
        let unit = self.units.as_deref().map(Unit::from);
        if let Some(unit) = unit.as_ref().filter(|unit| unit.in_metres().is_none()) {
            return Err(Error::usage(format!("unknown unit '{unit}', expected m, cm or mm")).into());
        }
        if let Some(height) = self.height {
            allowed_height(height).map_err(|error| Error::usage(format!("a height of {height}, {error}")))?;
        }
        let axes = self.axes.as_deref().map(axes).transpose()?;
        Ok(Form { axes, unit, height: self.height, angles: self.angles, contacts })
    }

    /// The writer of a clip of `info`; gives what was assumed.
    fn open(
        &self,
        target: &Target,
        info: &PoseInfo,
        layout: Option<&'static Layout>,
        has: Has,
        notes: &Notes,
    ) -> Answer<Box<dyn poselift::format::PoseWriter>> {
        let format = self.format(target)?;
        let form = self.form(self.contacts.unwrap_or(has.contacts && holds_contacts(format)))?;
        let has_room = matches!(format, OutputFormat::Stream(Format::JsonLines | Format::Npz));
        let extras = form.extras(info, self.sigma.unwrap_or(has.sigma && holds_sigma(format)), has.roots && has_room);
        output::check(target, Some(format), extras)?;
        let described = Described {
            title: self.title.clone(),
            poses: form.written_info(info, format)?,
            layout,
            device: String::new(),
            notes: PageNotes::default(),
            extras,
            is_upright: info.is_upright(),
            rate: self.fps,
            goes_on: false,
        };
        for assumption in form.assumptions(info, format, extras) {
            notes.add(assumption);
        }
        let told = notes.clone();
        let writer = create(target, format, &described, Box::new(move |text| told.add(text.to_owned())))?;
        Ok(form.on_the_way_to(writer, info, format)?)
    }
}

fn holds_contacts(format: OutputFormat) -> bool {
    match format {
        OutputFormat::Stream(format) => format == Format::JsonLines,
        OutputFormat::Export(export) => export.has_room_for_contacts(),
        OutputFormat::Page => false,
    }
}

fn holds_sigma(format: OutputFormat) -> bool {
    match format {
        OutputFormat::Stream(format) => matches!(format, Format::JsonLines | Format::Npz),
        OutputFormat::Export(export) => matches!(export, Export::Csv | Export::CsvLong),
        OutputFormat::Page => true,
    }
}

/// Writes a clip of poses, with the key points beside them on a page; gives what was assumed.
#[pyfunction]
pub(crate) fn write(
    py: Python<'_>,
    poses: PoseFields<'_>,
    path: PathBuf,
    keypoints: Option<KeypointFields<'_>>,
    writing: Writing,
) -> PyResult<Vec<String>> {
    let PoseClip { mut frames, mut info } = poses.clip()?;
    let keypoints = keypoints.map(|keypoints| keypoints.clip()).transpose()?;
    let notes = Notes::default();
    interruptible(py, || -> Answer<()> {
        let own_fps = info.fps;
        info.fps = writing.fps.or(info.fps);
        let format = writing.format(&Target::File(path.clone()))?;
        let has_rows = matches!(format, OutputFormat::Export(export) if !export.is_written_as_frames_come());
        if let Some(text) = writing.fps.filter(|_| !has_rows).and_then(|fps| other_rate(&frames, fps)) {
            notes.add(text);
            info.fps = own_fps;
        }
        complete(&mut frames, info.fps);
        if frames.iter().all(|frame| frame.people.is_empty()) {
            return Err(Error::input("there is no pose to write").at(&path).into());
        }
        let has = Has::of(&frames);
        // Asked before the file is touched.
        let is_array = matches!(format, OutputFormat::Stream(Format::Npy | Format::Npz));
        if let Some(frame) = frames.iter().find(|frame| is_array && frame.people.len() > 1) {
            let message = format!("frame {} has {} people, an array holds one", frame.index, frame.people.len());
            return Err(Error::usage(message).at(&path).hint("write .jsonl, or one person's poses").into());
        }
        let layout = keypoints.as_ref().and_then(|clip| clip.layout);
        let mut writer = writing.open(&Target::File(path), &info, layout, has, &notes)?;
        let seen = by_index(keypoints);
        for lifted in &frames {
            check()?;
            let bare = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
            writer.write(seen.get(&lifted.index).unwrap_or(&bare), lifted)?;
        }
        Ok(writer.finish()?)
    })?;
    Ok(notes.take())
}

/// What is said where `fps` is named, and the times of frames say another rate.
fn other_rate(frames: &[LiftedFrame], fps: f64) -> Option<String> {
    let mut steps: Vec<f64> = frames.windows(2).filter_map(|pair| step(&pair[0], &pair[1])).collect();
    guard::other_rate_of_steps(&mut steps, fps).map(|text| format!("{text} (--fps)"))
}

/// Seconds a frame from one frame to a later one; `None` where that is not known, or time does not go on.
fn step(one: &LiftedFrame, later: &LiftedFrame) -> Option<f64> {
    let frames = later.index.checked_sub(one.index).filter(|frames| *frames > 0)?;
    Some((later.time? - one.time?) / frames as f64).filter(|step| *step > 0.0)
}

/// Gives frames without a time theirs.
fn complete(frames: &mut [LiftedFrame], fps: Option<f64>) {
    for frame in frames {
        frame.time = frame.time_at(fps);
    }
}

/// Frames of key points by their numbers.
fn by_index(clip: Option<KeypointClip>) -> BTreeMap<u64, Frame> {
    let frames = clip.into_iter().flat_map(|clip| clip.frames);
    frames.map(|frame| (frame.index, frame)).collect()
}

/// Copies a file of poses to another format, frame by frame; gives what was assumed or could not be read.
#[pyfunction]
pub(crate) fn convert(py: Python<'_>, input: PathBuf, output: PathBuf, writing: Writing) -> PyResult<Vec<String>> {
    let notes = Notes::default();
    interruptible(py, || -> Answer<()> {
        if std::fs::canonicalize(&input).is_ok_and(|input| std::fs::canonicalize(&output).is_ok_and(|o| o == input)) {
            return Err(Error::usage("is the input and would be overwritten").at(&output).into());
        }
        let mut reader = open_pose_reader(&Source::File(input.clone()))?;
        let mut info = reader.info().clone();
        info.fps = writing.fps.or(info.fps);
        let has = Has { sigma: false, roots: true, contacts: false };
        let writer = writing.open(&Target::File(output), &info, None, has, &notes)?;
        let mut reader = Interruptible(reader.as_mut());
        let copied = copy_poses(&mut reader, writer, info.fps, &mut |fault| notes.add(format!("{fault}: left out")));
        let copied = copied.map_err(|e| e.at(&input))?;
        if let Some(error) = copied.left_out {
            return Err(error.into());
        }
        if writing.contacts == Some(true) && !copied.has_contacts {
            notes.add(NO_CONTACTS.to_owned());
        }
        Ok(())
    })?;
    Ok(notes.take())
}

/// A page of one clip of poses, or of several to compare, with the key points beside them.
#[pyfunction]
pub(crate) fn page(
    py: Python<'_>,
    title: String,
    sets: Vec<(String, PoseFields<'_>)>,
    keypoints: Option<KeypointFields<'_>>,
    notes: Vec<String>,
) -> PyResult<String> {
    let mut clips = Vec::with_capacity(sets.len());
    for (name, poses) in sets {
        clips.push((name, poses.clip()?));
    }
    let keypoints = keypoints.map(|keypoints| keypoints.clip()).transpose()?;
    interruptible(py, || Ok(compose(&title, clips, keypoints, &notes)?))
}

fn compose(
    title: &str,
    mut clips: Vec<(String, PoseClip)>,
    keypoints: Option<KeypointClip>,
    notes: &[String],
) -> Result<String> {
    let layout = keypoints.as_ref().and_then(|clip| clip.layout);
    let mut seen = by_index(keypoints);
    let mut moments: BTreeMap<u64, Vec<LiftedFrame>> = BTreeMap::new();
    let count = clips.len();
    for (number, (_, clip)) in clips.iter_mut().enumerate() {
        complete(&mut clip.frames, clip.info.fps);
        for frame in std::mem::take(&mut clip.frames) {
            let sets = moments.entry(frame.index).or_insert_with(|| vec![LiftedFrame::default(); count]);
            sets[number] = frame;
        }
    }
    let sets: Vec<_> = clips.iter().map(|(name, clip)| PoseSet { name, poses: &clip.info, device: "" }).collect();
    let mut bytes = Vec::new();
    let info = PageInfo { title, sets: &sets, layout, notes };
    let mut page = PageWriter::new(&mut bytes, Path::new("page"), &info)?;
    for (index, lifted) in &moments {
        check()?;
        let time = lifted.iter().find_map(|frame| frame.time);
        let mut frame = seen.remove(index).unwrap_or_else(|| Frame { index: *index, ..Frame::default() });
        frame.time = frame.time.or(time);
        page.write_sets(&frame, &lifted.iter().collect::<Vec<_>>())?;
    }
    page.close()?;
    String::from_utf8(bytes).map_err(|error| Error::runtime(format!("the page is no text: {error}")))
}

/// The names of all layouts, each with its joints.
#[pyfunction]
pub(crate) fn layouts() -> Vec<(&'static str, Vec<&'static str>)> {
    LAYOUTS.map(|layout| (layout.name, layout.joints.to_vec())).to_vec()
}
