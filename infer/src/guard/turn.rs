//! Images that do not stand upright, set right on the way in.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::pose::Frame;

/// How far an image has to be turned clockwise to stand upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// It stands upright.
    #[default]
    None,
    /// A quarter.
    Quarter,
    /// Half.
    Half,
    /// Three quarters.
    ThreeQuarters,
}

impl Rotation {
    /// The angle, radians.
    pub fn clockwise(self) -> f32 {
        use std::f32::consts::{FRAC_PI_2, PI};
        match self {
            Self::None => 0.0,
            Self::Quarter => FRAC_PI_2,
            Self::Half => PI,
            Self::ThreeQuarters => 3.0 * FRAC_PI_2,
        }
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Quarter => "90",
            Self::Half => "180",
            Self::ThreeQuarters => "270",
        })
    }
}

impl FromStr for Rotation {
    type Err = Error;

    fn from_str(degrees: &str) -> Result<Self> {
        match degrees {
            "0" => Ok(Self::None),
            "90" => Ok(Self::Quarter),
            "180" => Ok(Self::Half),
            "270" => Ok(Self::ThreeQuarters),
            _ => Err(Error::usage(format!("a rotation of '{degrees}' degrees, expected 0, 90, 180 or 270"))),
        }
    }
}

/// Which way y points in the source, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum YAxis {
    /// Down from the image's top.
    Down,
    /// Up from its bottom.
    UpFromBottom,
    /// Up from its top, so that all that is in the image lies below 0.
    UpFromTop,
}

/// Turns a frame's image, its size and all points in it. Without a size it is turned about its origin, which moves people but
/// leaves their poses as they are.
pub(super) fn turn(frame: &mut Frame, size: Option<[u32; 2]>, rotation: Rotation, y_axis: YAxis) {
    if rotation == Rotation::None && y_axis == YAxis::Down {
        return;
    }
    let [width, height] = size.unwrap_or([0, 0]).map(f64::from);
    for point in frame.people.iter_mut().flat_map(|person| &mut person.keypoints) {
        let x = point.x;
        let y = match y_axis {
            YAxis::Down => point.y,
            YAxis::UpFromBottom => height - point.y,
            YAxis::UpFromTop => -point.y,
        };
        (point.x, point.y) = match rotation {
            Rotation::None => (x, y),
            Rotation::Quarter => (height - y, x),
            Rotation::Half => (width - x, height - y),
            Rotation::ThreeQuarters => (y, width - x),
        };
    }
    let is_on_side = matches!(rotation, Rotation::Quarter | Rotation::ThreeQuarters);
    frame.size = size.map(|[width, height]| if is_on_side { [height, width] } else { [width, height] });
}
