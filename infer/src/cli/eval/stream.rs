//! `poselift eval --stream`: the quality of a 3D stream without ground truth.

use std::path::Path;

use serde::Serialize;

use super::super::{ExitStatus, input, report::Terminal};
use super::print;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{PoseInfo, PoseReader, open_pose_reader};
use crate::metric::{EstimatedAttitude, Steadiness, SteadinessFigures};
use crate::pose::Axes;

/// Measures the stream at `path`, `-` being stdin.
pub(super) fn run(path: &Path, json: bool) -> Result<ExitStatus> {
    let terminal = Terminal::new(false);
    let source = input::file_or_stdin(path);
    let mut reader = open_pose_reader(&source)?;
    let (figures, unreadable) = measure(reader.as_mut(), &terminal)?;
    if figures.poses == 0 {
        let frames = figures.frames;
        return Err(Error::input(format!("no person in any of the {frames} frames, expected poses")).at(source.name()));
    }
    let report = Report::new(reader.info(), source.name(), &figures, unreadable);
    print(&report, || report.table(), json)?;
    Ok(ExitStatus::partly_if(unreadable > 0))
}

/// The stream's figures, and how many of its frames could not be read.
fn measure(reader: &mut dyn PoseReader, terminal: &Terminal) -> Result<(SteadinessFigures, u64)> {
    let PoseInfo { joints, parents, fps, axes, .. } = reader.info();
    let mut steadiness = Steadiness::new(joints, parents, *fps).in_axes(*axes);
    let mut unreadable = 0;
    loop {
        match reader.read() {
            Ok(Some(frame)) => steadiness.add(&frame),
            Ok(None) => return Ok((steadiness.figures(), unreadable)),
            Err(fault) if fault.kind() == ErrorKind::BadInput => {
                unreadable += 1;
                terminal.warning(&fault.to_string());
            }
            Err(error) => return Err(error),
        }
    }
}

/// The report; serialised, it is the JSON. Shares are of the mean, 0..1.
#[derive(Debug, Serialize)]
struct Report<'a> {
    stream: String,
    model: &'a str,
    frames: u64,
    unreadable: u64,
    people: u64,
    tracks: u64,
    unit: &'a str,
    /// The mean over bones of the deviation of their length; `null` where no track has two poses.
    bone_deviation: Option<f64>,
    /// The mean over pairs; `null` where there is none.
    asymmetry: Option<f64>,
    /// m/s²; `null` where times, or the size of the unit, are not known.
    jitter: Option<f64>,
    /// m/s; `null` where both feet never stand long enough, or times or the size of the unit are not known.
    feet_slide: Option<f64>,
    /// Seconds during which both feet stand.
    feet_planted: f64,
    /// The poses' axes.
    #[serde(skip)]
    axes: Axes,
    /// The camera's attitude; `null` if too few people stand upright, or y or z points up.
    camera: Option<Camera>,
    bones: Vec<Bone<'a>>,
    pairs: Vec<Pair<'a>>,
}

/// Degrees down and clockwise, and the poses that show it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Camera {
    pitch: f32,
    roll: f32,
    poses: u64,
}

impl Camera {
    fn of(estimated: EstimatedAttitude) -> Self {
        let EstimatedAttitude { attitude, poses } = estimated;
        Self { pitch: attitude.pitch.to_degrees(), roll: attitude.roll.to_degrees(), poses }
    }

    fn in_words(self, axes: Axes) -> String {
        let Self { pitch, roll, poses } = self;
        let beyond = if axes == Axes::Level { "beyond what was undone, " } else { "" };
        format!("{beyond}{pitch:.1} degrees down, rolled by {roll:.1}, as {poses} poses that stand straight show")
    }
}

#[derive(Debug, Serialize)]
struct Bone<'a> {
    joint: &'a str,
    parent: &'a str,
    length: f64,
    deviation: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Pair<'a> {
    left: &'a str,
    right: &'a str,
    asymmetry: f64,
}

impl<'a> Report<'a> {
    fn new(info: &'a PoseInfo, stream: &Path, figures: &SteadinessFigures, unreadable: u64) -> Self {
        let bones = figures.bones.iter().map(|bone| Bone {
            joint: &info.joints[bone.joint],
            parent: &info.joints[bone.parent],
            length: bone.length,
            deviation: bone.deviation,
        });
        let pairs = figures.pairs.iter().map(|pair| Pair {
            left: &info.joints[pair.left],
            right: &info.joints[pair.right],
            asymmetry: pair.asymmetry,
        });
        let metres = info.unit.in_metres();
        Self {
            stream: stream.display().to_string(),
            model: &info.model,
            axes: info.axes,
            frames: figures.frames,
            unreadable,
            people: figures.poses,
            tracks: figures.tracks,
            unit: info.unit.name(),
            bone_deviation: figures.deviation(),
            asymmetry: figures.asymmetry(),
            jitter: figures.acceleration.zip(metres).map(|(acceleration, metres)| acceleration * metres),
            feet_slide: figures.feet_slide.zip(metres).map(|(slide, metres)| slide * metres),
            feet_planted: figures.feet_planted,
            camera: figures.camera.map(Camera::of),
            bones: bones.collect(),
            pairs: pairs.collect(),
        }
    }

    fn table(&self) -> String {
        let unreadable = match self.unreadable {
            0 => String::new(),
            count => format!(", and {count} that could not be read"),
        };
        let facts = [
            ("stream", self.stream.clone()),
            ("model", self.model.to_owned()),
            ("frames", format!("{}{unreadable}", self.frames)),
            (
                "people",
                format!("{} in {} {}", self.people, self.tracks, if self.tracks == 1 { "track" } else { "tracks" }),
            ),
            ("", String::new()),
            (
                "bone length varies",
                self.bone_deviation.map_or("not given: no track of two poses".into(), |share| {
                    format!("{}, the mean over bones", per_cent(share))
                }),
            ),
            (
                "left and right differ",
                self.asymmetry.map_or("not given: no bones on both sides".into(), |share| {
                    format!("{}, the mean over pairs", per_cent(share))
                }),
            ),
            (
                "jitter",
                self.jitter.map_or("not given: it needs the frames' times and a known unit".into(), |jitter| {
                    format!("{jitter:.2} m/s^2, the median")
                }),
            ),
            (
                "feet slide",
                self.feet_slide.map_or(
                    "not given: both never stand for 0.2 s, or times or the unit are not known".into(),
                    |slide| {
                        format!("{slide:.3} m/s against each other, in the {:.1} s that both stand", self.feet_planted)
                    },
                ),
            ),
            (
                "camera looks",
                self.camera.map_or_else(|| self.no_camera().to_owned(), |camera| camera.in_words(self.axes)),
            ),
            ("", String::new()),
        ];
        let rows = facts.iter().map(|(name, value)| format!("{name:<23}{value}").trim_end().to_owned() + "\n");
        rows.collect::<String>() + &self.bone_table() + "\n" + &self.pair_table()
    }

    /// Why the camera's attitude is not known.
    fn no_camera(&self) -> &'static str {
        match self.axes {
            Axes::Camera | Axes::Level => "not given: too few people stand upright",
            Axes::YUp | Axes::ZUp => "not given: poses are not in the camera's axes",
        }
    }

    fn bone_table(&self) -> String {
        let unit = self.unit;
        let mut text = format!("{:<16}{:<16}{unit:>10}{:>10}\n", "bone to", "from", "varies");
        for Bone { joint, parent, length, deviation } in &self.bones {
            let varies = deviation.map_or_else(String::new, per_cent);
            text.push_str(format!("{joint:<16}{parent:<16}{length:>10.4}{varies:>10}").trim_end());
            text.push('\n');
        }
        text
    }

    fn pair_table(&self) -> String {
        let mut text = format!("{:<16}{:<16}{:>10}{:>10}\n", "left", "right", "", "differ");
        for Pair { left, right, asymmetry } in &self.pairs {
            text.push_str(&format!("{left:<16}{right:<16}{:>10}{:>10}\n", "", per_cent(*asymmetry)));
        }
        text
    }
}

fn per_cent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::{LiftedFrame, LiftedPerson};

    fn info(unit: &str) -> PoseInfo {
        PoseInfo {
            skeleton: "three".into(),
            joints: ["hip", "left_hip", "right_hip"].map(String::from).to_vec(),
            parents: vec![-1, 0, 0],
            unit: unit.into(),
            axes: crate::pose::Axes::Camera,
            fps: Some(10.0),
            stature: None,
            is_level: None,
            model: "none".into(),
        }
    }

    fn figures(info: &PoseInfo) -> SteadinessFigures {
        let mut steadiness = Steadiness::new(&info.joints, &info.parents, info.fps);
        for (index, left) in [(0, 0.1), (1, 0.3), (2, 0.1)] {
            let joints = vec![[0.0; 3], [left, 0.0, 0.0], [-left, 0.0, 0.0]];
            let people = vec![LiftedPerson { joints, ..LiftedPerson::default() }];
            steadiness.add(&LiftedFrame { index, people, ..LiftedFrame::default() });
        }
        steadiness.figures()
    }

    #[test]
    fn the_table_names_every_bone_and_pair() {
        let info = info("m");
        let table = Report::new(&info, Path::new("p.jsonl"), &figures(&info), 2).table();
        for line in [
            "frames                 3, and 2 that could not be read",
            "people                 3 in 1 track",
            "left and right differ  0.00 %, the mean over pairs",
            "jitter                 40.00 m/s^2, the median",
            "feet slide             not given: both never stand for 0.2 s, or times or the unit are not known",
            "bone to         from                     m    varies",
            "left_hip        hip                 0.1667   56.57 %",
            "left_hip        right_hip                     0.00 %",
        ] {
            assert!(table.lines().any(|found| found == line), "{line}\n{table}");
        }
    }

    #[test]
    fn a_unit_of_unknown_size_has_no_jitter() {
        let jitter = |unit| {
            let info = info(unit);
            Report::new(&info, Path::new("p.jsonl"), &figures(&info), 0).jitter
        };
        assert!(jitter("unknown").is_none());
        assert!(jitter("mm").is_some_and(|jitter| (jitter - 0.04).abs() < 1e-6));
        let info = info("m");
        let json = super::super::json(&Report::new(&info, Path::new("p.jsonl"), &figures(&info), 0));
        assert!(json.contains(r#""people":3,"tracks":1,"unit":"m","bone_deviation":0.565"#), "{json}");
    }
}
