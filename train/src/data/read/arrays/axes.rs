//! Which axis of an array is up, and how long a thigh is, judged by the bodies in it.

use std::fmt;

use nalgebra::Vector3;
use poselift::error::{Error, Result};

use crate::data::body::Body;
use crate::data::body::joints::{ANKLES, THIGHS, THORAX};
use crate::median::upper_median;

/// The axis that people stand along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Up {
    Y,
    /// Camera axes.
    MinusY,
    /// Human3.6M's world, Blender, ROS.
    Z,
    MinusZ,
}

impl fmt::Display for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Y => "y",
            Self::MinusY => "-y",
            Self::Z => "z",
            Self::MinusZ => "-z",
        })
    }
}

impl Up {
    /// The axis along which the median direction from the middle of the ankles to the thorax points.
    ///
    /// # Errors
    /// There is no body, or people stand along x.
    pub(super) fn of<'a>(bodies: impl Iterator<Item = &'a Body> + Clone) -> Result<Self> {
        let [x, y, z] = [0, 1, 2].map(|axis| median(bodies.clone().map(|body| height_along(body, axis))));
        match [x, y, z].map(f64::abs) {
            [_, y_long, z_long] if y_long > x.abs() && y_long >= z_long => Ok(if y > 0.0 { Self::Y } else { Self::MinusY }),
            [_, _, z_long] if z_long > x.abs() => Ok(if z > 0.0 { Self::Z } else { Self::MinusZ }),
            _ => Err(Error::input(format!(
                "from ankles to thorax it is ({x:.3}, {y:.3}, {z:.3}) in the median, expected people who stand along y or z"
            ))
            .hint("joints may be in another order: expected Human3.6M-17, body28 or Human3.6M's 32")),
        }
    }

    /// `point` in axes with y up; handedness is preserved.
    pub(super) fn turned(self, point: [f32; 3]) -> [f32; 3] {
        let [x, y, z] = point;
        match self {
            Self::Y => [x, y, z],
            Self::MinusY => [x, -y, -z],
            Self::Z => [x, z, -y],
            Self::MinusZ => [x, -z, y],
        }
    }
}

/// From the middle of the ankles to the thorax along an axis.
fn height_along(body: &Body, axis: usize) -> f64 {
    let [left, right] = ANKLES;
    f64::from(body[THORAX][axis] - (body[left][axis] + body[right][axis]) / 2.0)
}

/// The lengths of both thighs.
pub(super) fn thighs(body: &Body) -> [f64; 2] {
    THIGHS.map(|[hip, knee]| (Vector3::from(body[hip]) - Vector3::from(body[knee])).cast::<f64>().norm())
}

/// The median of the values that are numbers; 0 if there are none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.filter(|value| value.is_finite()).collect();
    upper_median(&mut values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ankles at 0.1 and thorax at 1.4 along `axis`, from the origin.
    fn body(axis: usize, sign: f32) -> Body {
        let mut body = [[f32::NAN; 3]; 28];
        for (joint, height) in [(ANKLES[0], 0.1), (ANKLES[1], 0.1), (THORAX, 1.4)] {
            body[joint] = [0.0; 3];
            body[joint][axis] = height * sign;
        }
        body
    }

    #[test]
    fn people_stand_along_the_up_axis() {
        for (axis, sign, up) in [(1, 1.0, Up::Y), (1, -1.0, Up::MinusY), (2, 1.0, Up::Z), (2, -1.0, Up::MinusZ)] {
            let body = body(axis, sign);
            assert_eq!(Up::of([body].iter()).unwrap(), up);
            assert!((up.turned(body[THORAX])[1] - 1.4).abs() < 1e-6);
            // The three axes stay right-handed.
            let [x, y, z] =
                [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|unit| Vector3::from(up.turned(unit)));
            assert_eq!(x.cross(&y), z);
        }
        let message = Up::of([body(0, 1.0)].iter()).unwrap_err().to_string();
        assert!(message.contains("(1.300, 0.000, 0.000)"), "{message}");
        assert!(Up::of([].iter()).is_err());
    }
}
