//! Formats that need the whole clip: frames are kept until the last has come, then each person's file is written.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ankle::{ankle_height, ankles};
use super::motion::{Clip, MAX_FILLED_GAP, Motion, RATE_HINT, Recorder};
use super::rig::median_length;
use super::{Export, ExportOptions, Tell, bvh, c3d, decimals, glb, mot, trc};
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter, write_whole};
use crate::pose::{Axes, Frame, LiftedFrame};

/// The share of ankles below the floor that are ignored: a few bad poses must not lift the whole clip.
const LOWEST_SHARE: f64 = 0.02;

/// Header data of a file.
pub(super) struct FileInfo<'a> {
    /// The file's own name.
    pub(super) file_name: String,
    /// The stream, in the axes and the unit of the file.
    pub(super) poses: &'a PoseInfo,
    /// Decimals of lengths.
    pub(super) decimals: usize,
}

/// A writer of a format that needs the whole clip.
pub(super) struct ClipWriter {
    path: PathBuf,
    export: Export,
    info: PoseInfo,
    recorder: Recorder,
    /// Whether axes are upright, so that the floor is where feet are lowest.
    is_upright: bool,
    /// Hears what is done about the rate.
    tell: Tell,
}

impl ClipWriter {
    /// A writer to `path`, for a stream described by `info`.
    pub(super) fn new(path: &Path, export: Export, info: &PoseInfo, extras: Extras, options: ExportOptions) -> Self {
        let ExportOptions { is_upright, rate, tell, .. } = options;
        let mut recorder = Recorder::new(info.joints.len(), info.fps).at_rate(rate);
        if extras.sigma && export == Export::Mot {
            recorder = recorder.with_sigma();
        }
        Self { path: path.to_path_buf(), export, info: info.clone(), recorder, is_upright, tell }
    }

    fn write_files(&mut self, clip: &Clip) -> Result<()> {
        match self.export {
            Export::C3d => self.write_file(&self.path, |info| c3d::render(clip, info)),
            Export::Glb => self.write_file(&self.path, |info| Ok(glb::render(clip, info))),
            Export::Trc => self.write_each(clip, |motion, info| Ok(trc::render(clip, motion, info))),
            Export::Bvh => self.write_each(clip, |motion, info| Ok(bvh::render(clip, motion, info))),
            Export::Mot => {
                self.write_each(clip, |motion, info| mot::render(clip, motion, info))?;
                self.write_sigma(clip)
            }
            Export::Csv | Export::CsvLong => unreachable!("CSV is written as frames come"),
        }
    }

    /// One file per person.
    fn write_each(&self, clip: &Clip, render: impl Fn(&Motion, &FileInfo<'_>) -> Result<Vec<u8>>) -> Result<()> {
        for motion in &clip.people {
            self.write_file(&self.person_path(clip, motion), |info| render(motion, info))?;
        }
        Ok(())
    }

    /// The error bars of each person's angles, `walk_sigma.sto` beside `walk.mot`, where they were asked for.
    fn write_sigma(&self, clip: &Clip) -> Result<()> {
        for motion in &clip.people {
            let path = self.person_path(clip, motion);
            let mut name = OsString::from(path.file_stem().unwrap_or_default());
            name.push("_sigma.sto");
            let path = path.with_file_name(name);
            let info = self.file_info(&path);
            if let Some(bytes) = mot::render_sigma(clip, motion, &info).map_err(|error| error.at(&path))? {
                remove_link(&path)?;
                write_whole(&path, &bytes)?;
            }
        }
        Ok(())
    }

    /// Where a person's file goes: to the output itself if the clip has no other person.
    fn person_path(&self, clip: &Clip, motion: &Motion) -> PathBuf {
        if clip.people.len() == 1 { self.path.clone() } else { person_path(&self.path, motion.number) }
    }

    fn write_file(&self, path: &Path, render: impl FnOnce(&FileInfo<'_>) -> Result<Vec<u8>>) -> Result<()> {
        let bytes = render(&self.file_info(path)).map_err(|error| error.at(path))?;
        if path != self.path {
            remove_link(path)?;
        }
        write_whole(path, &bytes)
    }

    fn file_info(&self, path: &Path) -> FileInfo<'_> {
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        FileInfo { file_name, poses: &self.info, decimals: decimals(&self.info.unit) }
    }

    /// Moves a clip with known positions so that the floor under its feet is at height 0.
    fn put_on_floor(&self, clip: &mut Clip) {
        let (axis, sign) = match self.info.axes {
            Axes::YUp => (1, 1.0),
            Axes::ZUp => (2, 1.0),
            Axes::Camera | Axes::Level => (1, -1.0),
        };
        let ankles = ankles(&self.info.joints);
        // Where the floor would be below each ankle, if it stood on it.
        let mut floors = Vec::new();
        for motion in &clip.people {
            let ankle_height = ankle_height(&self.info.joints, |a, b| median_length(motion, a, b));
            for pose in motion.poses() {
                floors.extend(ankles.iter().map(|ankle| f64::from(pose[*ankle][axis]) * sign - ankle_height));
            }
        }
        floors.retain(|height| height.is_finite());
        if floors.is_empty() {
            return;
        }
        let place = (floors.len() as f64 * LOWEST_SHARE) as usize;
        let rise = (-*floors.select_nth_unstable_by(place, f64::total_cmp).1 * sign) as f32;
        for point in clip.people.iter_mut().flat_map(|motion| &mut motion.points) {
            point[axis] += rise;
        }
    }
}

impl PoseWriter for ClipWriter {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.recorder.push(lifted).map_err(|error| error.at(&self.path))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes the files; a clip without people leaves none.
    ///
    /// # Errors
    /// Frames that no row can hold, people without a place: the files are whole but for these. Others: files that cannot be written.
    fn finish(mut self: Box<Self>) -> Result<()> {
        let joints = self.info.joints.len();
        let mut recorder = std::mem::replace(&mut self.recorder, Recorder::new(joints, None));
        if !recorder.has_people() {
            let left_out = recorder.loss();
            return left_out
                .map_or(Ok(()), |error| Err(Error::usage(error.to_string()).at(&self.path).hint(RATE_HINT)));
        }
        let max_gap = if self.export.has_gaps() { MAX_FILLED_GAP } else { f64::INFINITY };
        let (mut clip, left_out) = recorder.into_clip(max_gap).map_err(|error| error.at(&self.path))?;
        for notice in &clip.notices {
            (self.tell)(&format!("{}: {notice}", self.path.display()));
        }
        if self.is_upright && clip.has_root {
            self.put_on_floor(&mut clip);
        }
        self.write_files(&clip)?;
        left_out.map_or(Ok(()), |error| Err(error.at(&self.path)))
    }
}

/// Removes a link to a file: a name that was made up here may stand for any file, an input too, which stays as it is.
fn remove_link(path: &Path) -> Result<()> {
    if path.is_symlink() && path.is_file() {
        std::fs::remove_file(path).map_err(|error| Error::io("cannot write", path, error))?;
    }
    Ok(())
}

/// `walk.trc` for person 3 is `walk_person3.trc`.
fn person_path(path: &Path, number: i64) -> PathBuf {
    let mut name = OsString::from(path.file_stem().unwrap_or_default());
    name.push(format!("_person{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}
