//! Shared by `run` and `convert`: the axes, units, heights and angles of written poses.

use clap::Args;

use super::output::OutputFormat;
use super::page_notes::PageNotes;
use super::report::Terminal;
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter};
use crate::place::{ANGLE_NAMES, AngleWriter, MODEL_STATURE, Reference, ReferenceWriter};
use crate::pose::{Axes, Unit};

/// Options of written poses.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// Axes of the output: camera (x right, y down, z forward), y-up or z-up [default: y-up for trc, bvh, glb and mot, z-up for
    /// c3d, else camera]
    #[arg(long, value_name = "AXES", value_parser = axes)]
    axes: Option<Axes>,
    /// Unit of the output: m, cm or mm [default: mm for c3d, cm for bvh, else m]
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    units: Option<Unit>,
    /// How tall the person is, metres: poses are scaled [default: the 1.70 m of the bundled models]
    #[arg(long, value_name = "M", value_parser = height)]
    height: Option<f64>,
    /// Add joint angles: degrees, named as OpenSim's gait models do, NaN or null where the joints do not tell
    #[arg(long)]
    angles: bool,
}

fn axes(name: &str) -> Result<Axes, String> {
    let known = [Axes::Camera, Axes::YUp, Axes::ZUp];
    known.into_iter().find(|axes| axes.name() == name).ok_or_else(|| "expected camera, y-up or z-up".to_owned())
}

fn unit(name: &str) -> Result<Unit, String> {
    let unit = Unit::from(name);
    unit.in_metres().map(|_| unit.clone()).ok_or_else(|| "expected m, cm or mm".to_owned())
}

fn height(text: &str) -> Result<f64, String> {
    let metres = text.parse().ok().filter(|metres: &f64| (0.3..=3.0).contains(metres));
    metres.ok_or_else(|| "expected a height in metres, 0.3 to 3".to_owned())
}

impl ExportArgs {
    /// Data written in addition to joints.
    pub(crate) fn extras(&self, sigma: bool, root: bool) -> Extras {
        Extras { sigma, root, angles: if self.angles { &ANGLE_NAMES } else { &[] } }
    }

    /// The axes and unit in which a stream of `info` is written.
    fn reference(&self, info: &PoseInfo, format: OutputFormat) -> Result<Reference> {
        let mut usual = Reference { axes: info.axes, unit: info.unit.clone(), height: self.height };
        match format {
            // A page finds angles by itself.
            OutputFormat::Stream(_) | OutputFormat::Page => {}
            OutputFormat::Export(export) => {
                let is_other = |axes: &Axes| export.has_fixed_axes() && *axes != export.usual_axes();
                if let Some(axes) = self.axes.filter(is_other) {
                    let usual = export.usual_axes();
                    return Err(Error::usage(format!("{export} files are {usual}, so they cannot be {axes}"))
                        .hint("leave --axes out: programs that read them turn them themselves"));
                }
                if let Some(unit) =
                    self.units.as_ref().filter(|unit| export.has_fixed_unit() && **unit != export.usual_unit())
                {
                    let usual = export.usual_unit();
                    return Err(Error::usage(format!("{export} files are in {usual}, so they cannot be in {unit}"))
                        .hint("leave --units out"));
                }
                usual.axes = export.usual_axes();
                if info.unit.in_metres().is_some() {
                    usual.unit = export.usual_unit();
                }
            }
        }
        Ok(Reference {
            axes: self.axes.unwrap_or(usual.axes),
            unit: self.units.clone().unwrap_or(usual.unit),
            height: self.height,
        })
    }

    /// What avatars are moved in: y up, metres.
    pub(crate) fn avatar_reference(&self) -> Reference {
        Reference { axes: Axes::YUp, unit: Unit::Metres, height: self.height }
    }

    /// The header of a stream of `info` as it is written.
    ///
    /// # Errors
    /// Axes, a unit or a height that the format or the stream does not allow.
    pub(crate) fn written_info(&self, info: &PoseInfo, format: OutputFormat) -> Result<PoseInfo> {
        ReferenceWriter::info(info, &self.reference(info, format)?)
    }

    /// Wraps `writer`, of an output in `format`, in the writers that change the axes, the unit and the size of a
    /// stream of `info`, and add angles.
    ///
    /// # Errors
    /// As [`Self::written_info`]; a joint that angles need is missing.
    pub(crate) fn on_the_way_to(
        &self,
        mut writer: Box<dyn PoseWriter>,
        info: &PoseInfo,
        format: OutputFormat,
    ) -> Result<Box<dyn PoseWriter>> {
        let reference = self.reference(info, format)?;
        let is_same = reference.axes == info.axes && reference.unit == info.unit && reference.height.is_none();
        if !is_same {
            writer = Box::new(ReferenceWriter::new(writer, info, &reference)?);
        }
        if self.angles {
            writer = Box::new(AngleWriter::new(writer, info)?);
        }
        Ok(writer)
    }

    /// Notes the height that people have if none was given.
    pub(crate) fn note_height(&self, unit: &Unit, notes: &PageNotes) {
        if self.height.is_none() && unit.in_metres().is_some() {
            notes.add(format!("people are {MODEL_STATURE:.2} m tall, as the model has them (--height)"));
        }
    }

    /// Reports assumptions about axes and size that an export does not show.
    pub(crate) fn report(&self, info: &PoseInfo, format: OutputFormat, terminal: Terminal) {
        let OutputFormat::Export(_) = format else { return };
        let Ok(reference) = self.reference(info, format) else { return };
        if info.axes == Axes::Camera && reference.axes != Axes::Camera {
            let axes = reference.axes;
            terminal.note(&format!("{axes} as if the camera were level: give --pitch and --roll where it is not"));
        }
        if self.height.is_none() && info.unit.in_metres().is_some() {
            terminal.note(&format!("people are {MODEL_STATURE:.2} m tall, as the model has them: give --height M"));
        }
    }
}
