//! `poselift eval --stream --truth`: a 3D stream beside a recording of markers.

use std::path::Path;

use serde::Serialize;

use super::super::{ExitStatus, input, report::Terminal};
use super::print;
use crate::error::Result;
use crate::format::{Markers, open_pose_reader};
use crate::metric::truth::{Agreement, Recording, TRUTH_JOINTS, agreement};

/// Compares the stream at `poses`, `-` being stdin, with the recording at `truth`.
pub(super) fn run(poses: &Path, truth: &Path, json: bool) -> Result<ExitStatus> {
    let terminal = Terminal::new(false);
    let source = input::file_or_stdin(poses);
    let markers = Recording::of_markers(&Markers::read(truth)?).map_err(|error| error.at(truth))?;
    let mut reader = open_pose_reader(&source)?;
    let stream = Recording::of_stream(reader.as_mut()).map_err(|error| error.at(source.name()))?;
    if stream.tracks > 1 {
        let tracks = stream.tracks;
        let poses = stream.recording.times.len();
        terminal.note(&format!("{tracks} tracks: the one with the most poses, {poses}, is compared"));
    }
    if stream.unreadable > 0 {
        terminal.warning(&format!("{}: {} frames could not be read", source.name().display(), stream.unreadable));
    }
    let agreement = agreement(&stream.recording, &markers).map_err(|error| error.at(truth))?;
    for doubt in agreement.doubts() {
        terminal.warning(&doubt);
    }
    let report = Report::new(source.name(), truth, stream.recording.times.len(), &agreement);
    print(&report, || report.table(), json)?;
    Ok(ExitStatus::partly_if(stream.unreadable > 0))
}

/// The report; serialised, it is the JSON.
#[derive(Debug, Serialize)]
struct Report {
    stream: String,
    truth: String,
    poses: usize,
    compared: usize,
    shift_s: f64,
    /// The rows of the matrix that takes the poses' axes to the recording's.
    rotation: [[f64; 3]; 3],
    mpjpe_mm: f64,
    n_mpjpe_mm: f64,
    p_mpjpe_mm: f64,
    /// `null` where the stream has no sigma.
    within_sigma: Option<f64>,
    /// `null` where no two frames in a row were compared.
    velocity_error_mm_per_s: Option<f64>,
    /// `null` where the stream has no roots.
    root_path_mm: Option<f64>,
    joints: Vec<Joint>,
    angles: Vec<Angle>,
}

#[derive(Debug, Serialize)]
struct Joint {
    joint: &'static str,
    mpjpe_mm: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Angle {
    angle: &'static str,
    error_deg: f64,
    offset_deg: f64,
    error_without_offset_deg: f64,
}

impl Report {
    fn new(stream: &Path, truth: &Path, poses: usize, found: &Agreement) -> Self {
        let joints = TRUTH_JOINTS.iter().zip(found.joints);
        let angles = found.angles.iter().map(|angle| Angle {
            angle: angle.name,
            error_deg: angle.error,
            offset_deg: angle.offset,
            error_without_offset_deg: angle.without_offset,
        });
        Self {
            stream: stream.display().to_string(),
            truth: truth.display().to_string(),
            poses,
            compared: found.frames,
            shift_s: found.shift,
            rotation: std::array::from_fn(|row| std::array::from_fn(|column| found.rotation[(row, column)])),
            mpjpe_mm: found.mpjpe,
            n_mpjpe_mm: found.n_mpjpe,
            p_mpjpe_mm: found.p_mpjpe,
            within_sigma: found.within_sigma,
            velocity_error_mm_per_s: found.velocity,
            root_path_mm: found.root_path,
            joints: joints.map(|(joint, mpjpe_mm)| Joint { joint, mpjpe_mm }).collect(),
            angles: angles.collect(),
        }
    }

    fn table(&self) -> String {
        let facts = [
            ("stream", self.stream.clone()),
            ("truth", self.truth.clone()),
            ("poses", format!("{} of {} compared", self.compared, self.poses)),
            ("clock", format!("{:+.3} s added to the poses' times", self.shift_s)),
            ("axes", format!("one rotation of the clip, by {:.0} degrees", self.turned_by())),
            ("", String::new()),
            ("MPJPE", format!("{:.1} mm", self.mpjpe_mm)),
            ("N-MPJPE", format!("{:.1} mm", self.n_mpjpe_mm)),
            ("P-MPJPE", format!("{:.1} mm", self.p_mpjpe_mm)),
            ("within sigma", self.sigma()),
            ("velocity", figure_or_why(self.velocity_error_mm_per_s, "mm/s", "no two frames in a row were compared")),
            (
                "path of the hips",
                figure_or_why(self.root_path_mm, "mm", "the poses have no roots (`run --root` adds them)"),
            ),
            ("", String::new()),
        ];
        let mut text: String =
            facts.iter().map(|(name, value)| format!("{name:<18}{value}").trim_end().to_owned() + "\n").collect();
        text.push_str(&format!("{:<18}{:>10}{:>10}{:>16}\n", "angle, degrees", "error", "offset", "without offset"));
        for Angle { angle, error_deg, offset_deg, error_without_offset_deg } in &self.angles {
            let row = format!("{angle:<18}{error_deg:>10.1}{offset_deg:>+10.1}{error_without_offset_deg:>16.1}\n");
            text.push_str(&row);
        }
        text.push_str(&format!("\n{:<18}{:>10}\n", "joint, mm", "MPJPE"));
        for Joint { joint, mpjpe_mm } in &self.joints {
            let error = mpjpe_mm.map_or_else(|| "-".to_owned(), |error| format!("{error:.1}"));
            text.push_str(&format!("{joint:<18}{error:>10}\n"));
        }
        text
    }

    fn sigma(&self) -> String {
        let share = self.within_sigma.map(|share| {
            format!(
                "{:.1} % of the joints (about 76 % are meant to be, as the clip's rotation is taken out)",
                100.0 * share
            )
        });
        share.unwrap_or_else(|| "not given: the poses have no sigma (`run --sigma` writes it)".to_owned())
    }

    /// Degrees.
    fn turned_by(&self) -> f64 {
        let trace: f64 = (0..3).map(|axis| self.rotation[axis][axis]).sum();
        ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees()
    }
}

/// A figure, or why there is none.
fn figure_or_why(figure: Option<f64>, unit: &str, why: &str) -> String {
    match figure {
        Some(figure) => format!("{figure:.1} {unit}"),
        None => format!("not given: {why}"),
    }
}
