//! Shared by `run` and `convert`: the axes, units, heights and angles of written poses.

use clap::Args;

use crate::error::Error;
use crate::output::Form;
use crate::place::allowed_height;
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
    pub(super) height: Option<f64>,
    /// Add joint angles in degrees, named as in OpenSim's gait models; NaN or null where the joints do not tell
    #[arg(long)]
    angles: bool,
    /// Report for each foot whether it stands on the ground, in JSON Lines and CSV. `run` judges it, before a camera that stands
    /// still; `convert` takes it from the input
    #[arg(long)]
    pub(crate) contacts: bool,
}

fn axes(name: &str) -> Result<Axes, String> {
    let known = [Axes::Camera, Axes::YUp, Axes::ZUp];
    known.into_iter().find(|axes| axes.name() == name).ok_or_else(|| "expected camera, y-up or z-up".to_owned())
}

fn unit(name: &str) -> Result<Unit, String> {
    let unit = Unit::from(name);
    unit.in_metres().map(|_| unit.clone()).ok_or_else(|| "expected m, cm or mm".to_owned())
}

fn height(text: &str) -> Result<f64, Error> {
    // What is no number is no height.
    allowed_height(text.parse().unwrap_or(f64::NAN))
}

impl ExportArgs {
    /// The form of poses that is asked for.
    pub(crate) fn form(&self) -> Form {
        Form {
            axes: self.axes,
            unit: self.units.clone(),
            height: self.height,
            angles: self.angles,
            contacts: self.contacts,
        }
    }
}
