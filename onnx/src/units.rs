//! Units of length and axes by the names that files give them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The unit of length that 3D coordinates are in, serialised as files name it: `m`, `cm`, `mm`, or the data's own word.
///
/// ```
/// use poselift_onnx::Unit;
///
/// assert_eq!(Unit::from("mm").in_metres(), Some(0.001));
/// assert_eq!(Unit::from("unknown").in_metres(), None);
/// assert_eq!(Unit::Metres.name(), "m");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Unit {
    /// `m`, what models lift to unless their data are in another unit.
    #[default]
    Metres,
    /// `cm`.
    Centimetres,
    /// `mm`.
    Millimetres,
    /// The data's own unit, whose size is not known: `unknown`, or any other word.
    Named(String),
}

impl Unit {
    /// The name that files use.
    pub fn name(&self) -> &str {
        match self {
            Self::Metres => "m",
            Self::Centimetres => "cm",
            Self::Millimetres => "mm",
            Self::Named(name) => name,
        }
    }

    /// How many metres one unit is; `None` where its size is not known.
    pub fn in_metres(&self) -> Option<f64> {
        match self {
            Self::Metres => Some(1.0),
            Self::Centimetres => Some(0.01),
            Self::Millimetres => Some(0.001),
            Self::Named(_) => None,
        }
    }
}

impl From<&str> for Unit {
    fn from(name: &str) -> Self {
        match name {
            "m" => Self::Metres,
            "cm" => Self::Centimetres,
            "mm" => Self::Millimetres,
            name => Self::Named(name.to_owned()),
        }
    }
}

impl From<String> for Unit {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        unit.name().to_owned()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The axes that 3D coordinates are in, all of them right-handed, serialised as files name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axes {
    /// `camera`: x right, y down, z forward, as the camera is held.
    #[default]
    Camera,
    /// `level`: x right and level, y down as things fall, z forward and level.
    Level,
    /// `y-up`: y up against gravity, as OpenSim, BVH, glTF and Unity have it.
    YUp,
    /// `z-up`: z up against gravity, as Blender and ROS have it.
    ZUp,
}

impl Axes {
    /// All axes.
    pub const ALL: [Self; 4] = [Self::Camera, Self::Level, Self::YUp, Self::ZUp];

    /// The name that files use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Level => "level",
            Self::YUp => "y-up",
            Self::ZUp => "z-up",
        }
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_axes_are_serialised_by_their_names() {
        for name in ["m", "cm", "mm", "unknown", "inch"] {
            let json = format!("\"{name}\"");
            let unit: Unit = serde_json::from_str(&json).unwrap();
            assert_eq!(unit.to_string(), name);
            assert_eq!(serde_json::to_string(&unit).unwrap(), json);
        }
        for axes in Axes::ALL {
            let json = format!("\"{axes}\"");
            assert_eq!(serde_json::from_str::<Axes>(&json).unwrap(), axes);
            assert_eq!(serde_json::to_string(&axes).unwrap(), json);
        }
        assert!(serde_json::from_str::<Axes>("\"upside down\"").is_err());
    }
}
