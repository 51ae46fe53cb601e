//! Poses for other programs: OpenSim, Visual3D, Blender, Unity, spreadsheets.
//!
//! Each format has axes and a unit that its users expect ([`Export::usual_axes`], [`Export::usual_unit`]). CSV is
//! written as frames come. The others need a whole clip, at one rate, and are written at its end: TRC, BVH and MOT
//! one file per person, C3D and GLB with all people in one.

mod ankle;
mod bvh;
mod c3d;
mod clip_file;
mod csv;
mod decimal;
mod glb;
pub mod humanoid;
mod labels;
mod mot;
mod motion;
mod rate;
mod rig;
mod timeline;
mod trc;

use std::fs::File;
use std::path::Path;

use poselift_onnx::are_trees;

use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter, Target};
use crate::pose::{Axes, Unit};
use clip_file::ClipWriter;
use csv::{CsvWriter, Shape};

/// A format that other programs read poses in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Export {
    /// Text for spreadsheets, a line a person and frame.
    Csv,
    /// The same, a line a joint.
    CsvLong,
    /// OpenSim's markers.
    Trc,
    /// Motion laboratories' points.
    C3d,
    /// A skeleton's animation, for Blender, MotionBuilder and Unity.
    Bvh,
    /// Binary glTF, for browsers, Blender, Unity and Unreal.
    Glb,
    /// OpenSim's joint angles.
    Mot,
}

impl Export {
    /// Every export.
    pub const ALL: [Self; 7] = [Self::Csv, Self::CsvLong, Self::Trc, Self::C3d, Self::Bvh, Self::Glb, Self::Mot];

    /// The name used in options, `trc`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::CsvLong => "csv-long",
            Self::Trc => "trc",
            Self::C3d => "c3d",
            Self::Bvh => "bvh",
            Self::Glb => "glb",
            Self::Mot => "mot",
        }
    }

    /// The extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::CsvLong => "csv",
            other => other.name(),
        }
    }

    /// The export called `name`.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|export| export.name() == name)
    }

    /// The export that a file's extension names.
    pub fn by_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|export| export.extension() == extension)
    }

    /// The axes that its users expect.
    pub fn usual_axes(self) -> Axes {
        match self {
            Self::Csv | Self::CsvLong => Axes::Camera,
            Self::C3d => Axes::ZUp,
            Self::Trc | Self::Bvh | Self::Glb | Self::Mot => Axes::YUp,
        }
    }

    /// The unit of length that its users expect.
    pub fn usual_unit(self) -> Unit {
        match self {
            Self::C3d => Unit::Millimetres,
            Self::Bvh => Unit::Centimetres,
            _ => Unit::Metres,
        }
    }

    /// Whether the format itself states the axes of its files: others would be misread.
    pub fn has_fixed_axes(self) -> bool {
        matches!(self, Self::Bvh | Self::Glb | Self::Mot)
    }

    /// Whether the format itself states the unit of its files.
    pub fn has_fixed_unit(self) -> bool {
        matches!(self, Self::Glb | Self::Mot)
    }

    /// Whether the format can mark a person as not seen for a while; in others lines fill the gap.
    pub fn has_gaps(self) -> bool {
        matches!(self, Self::Csv | Self::CsvLong | Self::Trc | Self::C3d)
    }

    /// Whether the sigma of joints, or of angles, is written where it is asked for.
    pub fn has_room_for_sigma(self) -> bool {
        matches!(self, Self::Csv | Self::CsvLong | Self::Mot)
    }

    /// Whether joint angles are written: in CSV where they are asked for, in MOT always.
    pub fn has_room_for_angles(self) -> bool {
        matches!(self, Self::Csv | Self::Mot)
    }

    /// Whether it is written which feet stand, where that is asked for.
    pub fn has_room_for_contacts(self) -> bool {
        self == Self::Csv
    }

    /// Whether files are written as frames come, so that a pipe can take them.
    pub fn is_written_as_frames_come(self) -> bool {
        matches!(self, Self::Csv | Self::CsvLong)
    }
}

impl std::fmt::Display for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Hears what was done on the way to a file, a sentence at a time.
pub type Tell = Box<dyn FnMut(&str) + Send>;

/// What is said of a file of `all` poses of which some have no root, and so are left empty; `None` where all have one, or none has.
fn unplaced_notice(placed: usize, all: usize) -> Option<String> {
    let unplaced = all - placed;
    (placed > 0 && unplaced > 0)
        .then(|| format!("{unplaced} of {all} poses are left empty: their place in space (root) is not known"))
}

/// What motion files are made by beside their stream's header.
pub struct ExportOptions {
    /// Whether gravity is known, so that a clip with known positions can be put on its floor.
    pub is_upright: bool,
    /// Rows a second that the user names: they hold whatever times the frames have.
    pub rate: Option<f64>,
    /// Whether the header of CSV stands on stdout already.
    pub goes_on: bool,
    /// Hears how rows were made where frames do not come at one rate, and what has no place in space.
    pub tell: Tell,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { is_upright: false, rate: None, goes_on: false, tell: Box::new(|_| ()) }
    }
}

impl std::fmt::Debug for ExportOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { is_upright, rate, goes_on, tell: _ } = self;
        let mut shown = f.debug_struct("ExportOptions");
        shown.field("is_upright", is_upright).field("rate", rate).field("goes_on", goes_on).finish_non_exhaustive()
    }
}

/// Returns the errors that [`create_export`] would return for the target, without touching it.
///
/// # Errors
/// A pipe for a format that needs a whole clip.
pub fn check_export(target: &Target, export: Export) -> Result<()> {
    if *target == Target::Stdout && !export.is_written_as_frames_come() {
        let complaint = format!("{export} cannot be written to a pipe");
        return Err(Error::usage(complaint).hint(format!("name a file: -o poses.{export}")));
    }
    Ok(())
}

/// Creates the writer of an export. Poses must come in the axes and the unit that `info` names.
///
/// # Errors
/// The target cannot be created; a skeleton without joints, or whose parents make no trees; as [`check_export`].
pub fn create_export(
    target: &Target,
    export: Export,
    info: &PoseInfo,
    extras: Extras,
    options: ExportOptions,
) -> Result<Box<dyn PoseWriter>> {
    check_export(target, export)?;
    if info.joints.is_empty() {
        return Err(Error::usage("a skeleton without joints, expected one or more").at(target.name()));
    }
    if !are_trees(&info.parents) {
        return Err(Error::usage("a joint is its own ancestor, by the skeleton's parents").at(target.name()));
    }
    let shape = if export == Export::CsvLong { Shape::Long } else { Shape::Wide };
    match target {
        Target::File(path) if export.is_written_as_frames_come() => {
            let file = File::create(path).map_err(|error| Error::io("cannot create", path, error))?;
            Ok(Box::new(CsvWriter::new(file, shape, info, extras, path).telling(options.tell)))
        }
        Target::File(path) => Ok(Box::new(ClipWriter::new(path, export, info, extras, options))),
        Target::Stdout => {
            let writer = CsvWriter::new(std::io::stdout(), shape, info, extras, target.name()).telling(options.tell);
            Ok(Box::new(if options.goes_on { writer.without_header() } else { writer }))
        }
    }
}

/// Decimals that lengths are written with: a micrometre where the unit's size is known.
fn decimals(unit: &Unit) -> usize {
    match unit {
        Unit::Metres | Unit::Named(_) => 6,
        Unit::Centimetres => 4,
        Unit::Millimetres => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_extensions_lead_back() {
        for export in Export::ALL {
            assert_eq!(Export::by_name(export.name()), Some(export));
            let found = Export::by_extension(Path::new(&format!("walk.{}", export.extension().to_uppercase())));
            assert_eq!(found.map(Export::extension), Some(export.extension()));
        }
        assert_eq!(Export::by_extension(Path::new("walk.csv")), Some(Export::Csv));
        assert_eq!(Export::by_name("html"), None);
    }

    #[test]
    fn a_skeleton_without_joints_is_refused() {
        let info = PoseInfo {
            skeleton: "nothing".to_owned(),
            joints: Vec::new(),
            parents: Vec::new(),
            unit: Unit::Metres,
            axes: Axes::Camera,
            fps: Some(30.0),
            stature: None,
            is_level: None,
            model: String::new(),
        };
        let target = Target::File("walk.bvh".into());
        for export in Export::ALL {
            let refused = create_export(&target, export, &info, Extras::default(), ExportOptions::default());
            let message = refused.err().map(|error| error.to_string());
            assert_eq!(
                message.as_deref(),
                Some("walk.bvh: a skeleton without joints, expected one or more"),
                "{export:?}"
            );
        }
    }
}
