//! The axes, units and heights that poses are written in.

use nalgebra::{Matrix3, Vector3};

use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Axes, Frame, LiftedFrame, Unit};

/// Stature in metres that the bundled models assume: they cannot distinguish a tall person from a near one.
pub const MODEL_STATURE: f64 = 1.70;

/// A height of a person in metres that may be asked for.
///
/// # Errors
/// Of another number, what is expected in its place.
pub fn allowed_height(metres: f64) -> Result<f64> {
    match (0.3..=3.0).contains(&metres) {
        true => Ok(metres),
        false => Err(Error::usage("expected metres, 0.3 to 3")),
    }
}

/// The axes, unit and height of an output.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The axes.
    pub axes: Axes,
    /// The unit of length.
    pub unit: Unit,
    /// The height of the person, metres, if it is known.
    pub height: Option<f64>,
}

/// The rotation that takes a vector in `axes` to y-up ones: x to the right, y up, z towards the camera.
pub(crate) fn y_up_from(axes: Axes) -> Matrix3<f32> {
    match axes {
        Axes::Camera | Axes::Level => Matrix3::new(1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0),
        Axes::YUp => Matrix3::identity(),
        // x to the right, y away from the camera, z up.
        Axes::ZUp => Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0),
    }
}

/// The rotation that takes a vector in axes `from` to axes `to`.
pub(crate) fn rotation(from: Axes, to: Axes) -> Matrix3<f32> {
    y_up_from(to).transpose() * y_up_from(from)
}

/// A writer that turns and scales poses and passes them on to another writer.
pub struct ReferenceWriter {
    writer: Box<dyn PoseWriter>,
    rotation: Matrix3<f32>,
    scale: f32,
}

impl ReferenceWriter {
    /// The header of a stream of `info` after conversion to `wanted`.
    ///
    /// # Errors
    /// A unit is wanted, or a height is named, and the size of the stream's own unit is not known.
    pub fn info(info: &PoseInfo, wanted: &Reference) -> Result<PoseInfo> {
        scale(&info.unit, info.stature, wanted)?;
        let axes = match wanted.axes {
            // Poses that are upright stay so: the camera's own axes are no longer known.
            Axes::Camera if info.axes == Axes::Level || info.is_level == Some(true) => Axes::Level,
            axes => axes,
        };
        let is_level = match info.axes {
            Axes::Camera => Some(false),
            Axes::Level => Some(true),
            Axes::YUp | Axes::ZUp => info.is_level,
        };
        let stature = wanted.height.or(info.stature);
        Ok(PoseInfo { axes, unit: wanted.unit.clone(), stature, is_level, ..info.clone() })
    }

    /// Converts the poses for `writer`, a stream of `info`, to `wanted`.
    ///
    /// # Errors
    /// As [`Self::info`].
    pub fn new(writer: Box<dyn PoseWriter>, info: &PoseInfo, wanted: &Reference) -> Result<Self> {
        let rotation = rotation(info.axes, wanted.axes);
        Ok(Self { writer, rotation, scale: scale(&info.unit, info.stature, wanted)? as f32 })
    }

    fn change(&self, point: &mut [f32; 3]) {
        *point = (self.rotation * Vector3::from(*point) * self.scale).into();
    }
}

/// The factor of lengths of people who are of this `stature`, or of the model's.
fn scale(unit: &Unit, stature: Option<f64>, wanted: &Reference) -> Result<f64> {
    let growth = wanted.height.map_or(1.0, |height| height / stature.unwrap_or(MODEL_STATURE));
    match (unit.in_metres(), wanted.unit.in_metres()) {
        (Some(from), Some(to)) => Ok(from / to * growth),
        _ if *unit == wanted.unit && wanted.height.is_none() => Ok(1.0),
        _ => Err(Error::usage(format!(
            "the poses are in the unit '{unit}', whose size is not known, expected m, cm or mm"
        ))
        .hint(
            "leave --units and --height out, and choose a format that keeps units as they are: .jsonl, .npz or .csv",
        )),
    }
}

impl PoseWriter for ReferenceWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let mut changed = lifted.clone();
        for person in &mut changed.people {
            for point in person.joints.iter_mut().chain(&mut person.root) {
                self.change(point);
            }
            for sigma in &mut person.sigma {
                *sigma *= self.scale;
            }
        }
        self.writer.write(frame, &changed)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(from: Axes, to: Axes, point: [f32; 3]) -> [f32; 3] {
        (rotation(from, to) * Vector3::from(point)).into()
    }

    #[test]
    fn up_is_where_each_has_it() {
        // A metre above the camera's axis, half a metre to the right, four metres away.
        let camera = [0.5, -1.0, 4.0];
        assert_eq!(turned(Axes::Camera, Axes::YUp, camera), [0.5, 1.0, -4.0]);
        assert_eq!(turned(Axes::Camera, Axes::ZUp, camera), [0.5, 4.0, 1.0]);
        assert_eq!(turned(Axes::ZUp, Axes::Level, [0.5, 4.0, 1.0]), camera);
        for axes in Axes::ALL {
            assert!((y_up_from(axes).determinant() - 1.0).abs() < 1e-6, "{axes} are right-handed");
        }
    }

    #[test]
    fn heights_have_bounds() {
        assert!([0.3, 3.0].into_iter().all(|metres| allowed_height(metres).is_ok_and(|allowed| allowed == metres)));
        for refused in [0.29, 170.0, -1.7, f64::NAN, f64::INFINITY] {
            let message = allowed_height(refused).unwrap_err().to_string();
            assert_eq!(message, "expected metres, 0.3 to 3", "{refused}");
        }
    }

    #[test]
    fn units_and_heights_multiply() {
        let wanted = |unit, height| Reference { axes: Axes::YUp, unit, height };
        assert_eq!(scale(&Unit::Metres, None, &wanted(Unit::Millimetres, None)).unwrap(), 1000.0);
        let growth = |stature| scale(&Unit::Metres, stature, &wanted(Unit::Centimetres, Some(1.87))).unwrap();
        assert!((growth(None) - 110.0).abs() < 1e-9);
        assert!((growth(Some(1.87)) - 100.0).abs() < 1e-9, "people are made tall once");
        let own = Unit::from("inch");
        assert_eq!(scale(&own, None, &wanted(own.clone(), None)).unwrap(), 1.0);
        for wanted in [wanted(own.clone(), Some(1.8)), wanted(Unit::Metres, None)] {
            assert!(scale(&own, None, &wanted).unwrap_err().to_string().contains("the unit 'inch'"));
        }
    }
}
