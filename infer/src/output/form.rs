//! How poses are written: their axes, unit and height, and angles beside them.

use super::format::OutputFormat;
use super::page_notes::PageNotes;
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter};
use crate::place::{AngleWriter, MODEL_STATURE, Reference, ReferenceWriter, angle_names};
use crate::pose::{Axes, Unit};

/// Axes, unit, height and extras that are asked for of the output; `None` is the format's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// The axes.
    pub axes: Option<Axes>,
    /// The unit of length.
    pub unit: Option<Unit>,
    /// How tall the person is, metres: poses are scaled.
    pub height: Option<f64>,
    /// Whether joint angles are added, degrees.
    pub angles: bool,
    /// Whether it is written which feet stand, where the stream says so.
    pub contacts: bool,
}

/// The assumption about the camera where poses of `info` are written in upright `axes`.
fn level_assumption(info: &PoseInfo, axes: Axes) -> Option<String> {
    match (info.axes, info.is_level) {
        (Axes::Camera, _) => {
            Some(format!("{axes} as if the camera were level: give --pitch and --roll where it is not"))
        }
        (Axes::YUp | Axes::ZUp, Some(false)) => Some(format!(
            "{axes} as if the camera were level, as the poses were lifted: `poselift run` takes --pitch and --roll where it is not"
        )),
        (Axes::YUp | Axes::ZUp, None) => {
            Some(format!("{axes}: the poses do not say whether the camera was level: taken to be upright"))
        }
        (Axes::Level, _) | (Axes::YUp | Axes::ZUp, Some(true)) => None,
    }
}

impl Form {
    /// Data written in addition to the joints of a stream of `info`.
    pub fn extras(&self, info: &PoseInfo, sigma: bool, root: bool) -> Extras {
        let angles = if self.angles { angle_names(&info.joints) } else { &[] };
        Extras { sigma, root, angles, contacts: self.contacts }
    }

    /// The axes and unit in which a stream of `info` is written.
    fn reference(&self, info: &PoseInfo, format: OutputFormat) -> Result<Reference> {
        let mut usual = Reference { axes: info.axes, unit: info.unit.clone(), height: self.height };
        match format {
            // A page finds angles by itself.
            OutputFormat::Stream(_) | OutputFormat::Page => {}
            OutputFormat::Export(export) => {
                if let Some(axes) = self.axes.filter(|axes| export.has_fixed_axes() && *axes != export.usual_axes()) {
                    let usual = export.usual_axes();
                    return Err(Error::usage(format!("{export} files are {usual}, so they cannot be {axes}"))
                        .hint("leave --axes out: programs that read them turn them themselves"));
                }
                if let Some(unit) =
                    self.unit.as_ref().filter(|unit| export.has_fixed_unit() && **unit != export.usual_unit())
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
            unit: self.unit.clone().unwrap_or(usual.unit),
            height: self.height,
        })
    }

    /// The axes and unit in which avatars are moved: y up, metres.
    pub fn avatar_reference(&self) -> Reference {
        Reference { axes: Axes::YUp, unit: Unit::Metres, height: self.height }
    }

    /// The header of a stream of `info` as it is written.
    ///
    /// # Errors
    /// Axes, a unit or a height that the format or the stream does not allow.
    pub fn written_info(&self, info: &PoseInfo, format: OutputFormat) -> Result<PoseInfo> {
        ReferenceWriter::info(info, &self.reference(info, format)?)
    }

    /// Wraps `writer`, of an output in `format`, in the writers that change the axes, the unit and the size of a
    /// stream of `info`, and add angles.
    ///
    /// # Errors
    /// As [`Self::written_info`]; a joint that angles need is missing.
    pub fn on_the_way_to(
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
    pub fn note_height(&self, unit: &Unit, notes: &PageNotes) {
        if self.height.is_none() && unit.in_metres().is_some() {
            notes.add(format!("people are {MODEL_STATURE:.2} m tall, as the model has them (--height)"));
        }
    }

    /// Sentences on assumptions about axes and size that an export does not show, and on all that it has no room for.
    pub fn assumptions(&self, info: &PoseInfo, format: OutputFormat, extras: Extras) -> Vec<String> {
        let mut assumptions = Vec::new();
        if format == OutputFormat::Page && self.contacts {
            assumptions.push("pages have no room for contacts: --contacts adds nothing".to_owned());
        }
        let reference = self.reference(info, format).ok();
        let axes = reference.as_ref().map(|reference| reference.axes).filter(|axes| *axes != Axes::Camera);
        assumptions.extend(axes.and_then(|axes| level_assumption(info, axes)));
        let OutputFormat::Export(export) = format else { return assumptions };
        for (option, is_left_out) in [
            ("sigma", extras.sigma && !export.has_room_for_sigma()),
            ("angles", self.angles && !export.has_room_for_angles()),
            ("contacts", self.contacts && !export.has_room_for_contacts()),
        ] {
            if is_left_out {
                assumptions.push(format!("{export} files have no room for {option}: --{option} adds nothing"));
            }
        }
        if reference.is_some() && self.height.or(info.stature).is_none() && info.unit.in_metres().is_some() {
            assumptions.push(format!("people are {MODEL_STATURE:.2} m tall, as the model has them: give --height M"));
        }
        assumptions
    }
}
