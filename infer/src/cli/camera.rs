//! `--camera`: the camera that saw the input, from a calibration program's file.

use std::path::{Path, PathBuf};

use clap::Args;

use super::input::stem;
use super::report::Terminal;
use crate::camera::{Attitude, CameraFile, Intrinsics, NamedCamera, UpAxis};
use crate::error::Result;
use crate::format::Source;
use crate::guard::Rotation;

/// Which camera saw the input.
#[derive(Debug, Clone, Args)]
pub(super) struct CameraArgs {
    /// Calibration by Pose2Sim, Caliscope, Anipose (TOML), OpenCV (YAML, JSON): undistorts key points; level axes where it
    /// knows which way is up
    #[arg(long, value_name = "FILE", conflicts_with = "focal")]
    camera: Option<PathBuf>,
    /// The camera of a file that holds several [default: the one whose name is in the input's]
    #[arg(long, value_name = "NAME", requires = "camera")]
    camera_name: Option<String>,
}

/// Which way is up in the camera file.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct CameraUpArgs {
    /// The axis that is up in the camera file's world: x, -x, y, -y, z, -z
    #[arg(long, value_name = "AXIS", requires = "camera", allow_hyphen_values = true)]
    camera_up: Option<UpAxis>,
}

/// How a camera sees and stands, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CameraSetup {
    /// What undistorts key points.
    pub(super) intrinsics: Option<Intrinsics>,
    /// How the camera is held once its image is turned upright.
    pub(super) attitude: Option<Attitude>,
}

impl CameraArgs {
    /// The file that is named.
    pub(super) fn path(&self) -> Option<&Path> {
        self.camera.as_deref()
    }

    /// The camera file, if one is named.
    ///
    /// # Errors
    /// A file that cannot be read or holds no camera.
    fn file(&self) -> Result<Option<CameraFile>> {
        self.camera.as_ref().map(|path| CameraFile::read(path)).transpose()
    }

    /// The camera, if one is named.
    ///
    /// # Errors
    /// A file that cannot be read or holds no camera of the name.
    pub(super) fn read(&self) -> Result<Option<NamedCamera>> {
        let Some(file) = self.file()? else { return Ok(None) };
        self.asked_for(&file).cloned().map(Some)
    }

    /// The camera that saw each of `sources`, if a file is named: the one asked for, or the one that a source's own name
    /// tells, as a session's folders `cam01_json` and `cam02_json` do.
    ///
    /// # Errors
    /// As [`Self::read`]; a source whose name has no camera's in it where the file holds several.
    pub(super) fn read_for(&self, sources: &[Source]) -> Result<Vec<Option<NamedCamera>>> {
        let Some(file) = self.file()? else { return Ok(vec![None; sources.len()]) };
        let mut cameras = Vec::with_capacity(sources.len());
        for source in sources {
            let camera = match file.camera_in_name(&stem(source)) {
                Some(camera) if self.camera_name.is_none() => camera,
                _ => self.asked_for(&file)?,
            };
            cameras.push(Some(camera.clone()));
        }
        Ok(cameras)
    }

    fn asked_for<'f>(&self, file: &'f CameraFile) -> Result<&'f NamedCamera> {
        let path = self.camera.as_deref().unwrap_or(Path::new(""));
        file.camera(self.camera_name.as_deref()).map_err(|error| error.at(path))
    }
}

impl CameraUpArgs {
    /// The camera with its attitude: `measured`, or what its file says, once the image was turned by `rotate`. Says which.
    pub(super) fn setup(
        self,
        camera: Option<&NamedCamera>,
        rotate: Rotation,
        measured: Option<Attitude>,
        terminal: Terminal,
    ) -> CameraSetup {
        let Some(camera) = camera else { return CameraSetup { intrinsics: None, attitude: measured } };
        let from_file = camera.attitude(self.camera_up).map(|attitude| attitude.rolled(-rotate.clockwise()));
        let name = format!("camera {}", camera.name);
        let name = name.trim_end();
        match (measured, from_file) {
            (Some(_), Some(_)) => terminal.note(&format!("{name}: --pitch and --roll overrule the file's rotation")),
            (None, Some(Attitude { pitch, roll, .. })) => {
                // Rounded here, and 0 added, so that no angle is −0.0.
                let [pitch, roll] = [pitch, roll].map(|angle| (angle.to_degrees() * 10.0).round() / 10.0 + 0.0);
                let text = format!("looks {pitch:.1} degrees down, rolled by {roll:.1}: poses come in level axes");
                terminal.note(&format!("{name} {text}"));
            }
            (None, None) if camera.camera_from_world.is_some() => terminal.note(&format!(
                "{name}: its file does not say which way is up: poses stay in the camera's axes (--camera-up, or --pitch and --roll)"
            )),
            (_, None) => {}
        }
        CameraSetup { intrinsics: Some(camera.intrinsics), attitude: measured.or(from_file) }
    }
}
