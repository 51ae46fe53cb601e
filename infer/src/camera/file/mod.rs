//! Camera files: what a calibration program wrote of one camera or several.
//!
//! | written by | form | says which way is up |
//! |---|---|---|
//! | Pose2Sim, Sports2D | TOML, a table a camera | yes: z |
//! | Caliscope | TOML, tables in `cameras` | yes: z, once an origin was set |
//! | Anipose | TOML, `cam_0`, `cam_1` … | no |
//! | FreeMoCap | as Anipose | yes: z, where `groundplane_calibration` is true |
//! | OpenCV's FileStorage, ROS, own scripts | YAML or JSON | no |
//!
//! They are told apart by content. A file is read into a tree ([`node`]), in which whatever holds a camera matrix is a
//! camera ([`find`]); keys are known by the names that programs give them.

mod find;
mod node;
mod up;
mod yaml;

use std::io::Read;
use std::path::Path;

use nalgebra::Matrix3;

use super::{Attitude, Intrinsics};
use crate::error::{Error, Result};
use crate::only_one::only_one;
use node::Node;
pub use up::UpAxis;

/// A longer file is no camera file, bytes.
const MAX_BYTES: u64 = 4 << 20;

/// The cameras in a file; there is at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraFile {
    /// The cameras: YAML's in the file's order, others by name.
    pub cameras: Vec<NamedCamera>,
}

/// One camera of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedCamera {
    /// The name that the file gives it; empty where it gives none.
    pub name: String,
    /// The names it may be asked for by: its own, and that of its table.
    names: Vec<String>,
    /// Focal lengths, principal point, size and lens.
    pub intrinsics: Intrinsics,
    /// The rotation that takes directions in the file's world to camera axes (x right, y down, z forward).
    pub camera_from_world: Option<Matrix3<f64>>,
    /// The world's axis that points up, where the file's format says so.
    pub up: Option<UpAxis>,
}

/// Whether `name` stands in `text` with no letter or digit right before or behind it.
fn is_word_in(name: &str, text: &str) -> bool {
    !name.is_empty()
        && text.match_indices(name).any(|(start, _)| {
            let before = text[..start].chars().next_back();
            let behind = text[start + name.len()..].chars().next();
            [before, behind].into_iter().flatten().all(|letter| !letter.is_alphanumeric())
        })
}

impl CameraFile {
    /// Reads a camera file.
    ///
    /// # Errors
    /// A file that cannot be read, is in no known form, or holds no camera; a camera whose numbers are no camera's.
    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Error::io("cannot read", path, error))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Error::input(format!("longer than {} MiB, expected a camera file", MAX_BYTES >> 20)).at(path));
        }
        Self::parse(&bytes).map_err(|error| error.at(path))
    }

    /// The cameras in what a camera file holds.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let root = Node::parse(bytes)?;
        let mut cameras = find::cameras(&root)?;
        up::set_up(&root, &mut cameras);
        Ok(Self { cameras })
    }

    /// The camera of that name, or the only one.
    ///
    /// # Errors
    /// No camera, or several, have the name; no name is given and there are several. The cameras are listed.
    pub fn camera(&self, name: Option<&str>) -> Result<&NamedCamera> {
        let Some(name) = name else {
            return match &self.cameras[..] {
                [only] => Ok(only),
                _ => Err(Error::usage(format!("holds {} cameras: {}, expected one", self.cameras.len(), self.names()))
                    .hint("say which: --camera-name NAME")),
            };
        };
        let mut found = self.cameras.iter().filter(|camera| camera.names.iter().any(|known| known == name));
        match (found.next(), found.next()) {
            (Some(camera), None) => Ok(camera),
            (Some(_), Some(_)) => Err(Error::usage(format!("several cameras are named '{name}': {}", self.names()))),
            (None, _) => Err(Error::usage(format!("no camera is named '{name}', expected one of {}", self.names()))),
        }
    }

    /// The camera whose name stands in `input`, the name of a clip, as a word of its own: `cam01` in `walk_cam01.jsonl`.
    /// `None` if no name or several do; of `cam` and `cam_left` the longer one is meant.
    pub fn camera_in_name(&self, input: &str) -> Option<&NamedCamera> {
        let longest = self.cameras.iter().filter_map(|camera| camera.longest_name_in(input)).max()?;
        only_one(self.cameras.iter().filter(|camera| camera.longest_name_in(input) == Some(longest)))
    }

    /// All names, for messages.
    fn names(&self) -> String {
        /// More are not listed.
        const MAX_NAMED: usize = 40;
        let mut names: Vec<&str> = self.cameras.iter().take(MAX_NAMED).map(|camera| camera.name.as_str()).collect();
        if self.cameras.len() > MAX_NAMED {
            names.push("…");
        }
        names.join(", ")
    }
}

impl NamedCamera {
    /// How the camera is held, if it is known which axis of its world points up: `up`, or else what the file's format says.
    pub fn attitude(&self, up: Option<UpAxis>) -> Option<Attitude> {
        let up_in_camera = self.camera_from_world? * up.or(self.up)?.direction();
        Some(Attitude::from_up(up_in_camera))
    }

    /// The length of the longest of its names that stand in `input` as words.
    fn longest_name_in(&self, input: &str) -> Option<usize> {
        self.names.iter().filter(|name| is_word_in(name, input)).map(String::len).max()
    }
}

#[cfg(test)]
mod tests;
