//! The options of `poselift run`, and what follows from them alone.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use crate::camera::{Attitude, MAX_PITCH, MAX_ROLL, USUAL_FOCAL};
use crate::cli::camera::{CameraArgs, CameraSetup, CameraUpArgs};
use crate::cli::exports::ExportArgs;
use crate::cli::interrupt::Interruption;
use crate::cli::layout::{self, LayoutArg};
use crate::cli::live::LiveArgs;
use crate::cli::output::FileRead;
use crate::cli::read::ReadArgs;
use crate::cli::report::Terminal;
use crate::cli::{DeviceArgs, batch_size, frame_rate, image_size, milliseconds, positive};
use crate::error::Result;
use crate::format::{InputFormat, Source, Target};
use crate::guard::ReadOptions;
use crate::output::{OutputFormat, PageNotes, known_names};
use crate::place::RootOptions;
use crate::pose::Unit;
use crate::skeleton::Layout;
use crate::smooth::Smoothing;
use crate::stream::PoseChanges;

/// Lift 2D key points to 3D poses
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, disable_help_flag = true)]
pub(in crate::cli) struct RunArgs {
    /// Files, folders, or - for stdin [default: stdin, where something is piped in]
    #[arg(value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Where poses go: a file, or a folder for several inputs [default: stdout]
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: Option<PathBuf>,
    /// A model file, or a built-in model: coco17, coco17-int8, coco17-memory (remembers each person), coco23-memory (feet, too)
    /// [default: coco17; on a CPU its int8 version]
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<PathBuf>,
    #[arg(long, value_name = "FORMAT", help = from_help())]
    pub(super) from: Option<InputFormat>,
    #[arg(long, value_name = "FORMAT", help = to_help())]
    pub(super) to: Option<OutputFormat>,
    #[arg(long, value_name = "LAYOUT", help = layout::help())]
    pub(super) layout: Option<LayoutArg>,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    /// Largest batch given to the network, 1 to 262144 [default: the fastest]
    #[arg(long, value_name = "N", value_parser = batch_size)]
    pub(super) batch: Option<usize>,
    /// With several live inputs: how long a frame may wait, in milliseconds, to be lifted in one batch with those of others
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub(super) max_delay: Duration,
    /// Frames a second, for inputs that do not say; gives frames their time
    #[arg(long, value_name = "F", value_parser = frame_rate)]
    pub(super) fps: Option<f64>,
    /// Image size in pixels, for inputs that do not say: 1920x1080
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    pub(super) size: Option<[u32; 2]>,
    /// The clip of a file that holds several: S1/Walking/0 of VideoPose3D's npz, 0 for the first camera of FreeMoCap's npy
    #[arg(long, value_name = "NAME")]
    pub(super) clip: Option<String>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    /// Focal length in pixels; used only if the image size is known [default: 0.9 times the longer side]
    #[arg(long, value_name = "PX", value_parser = positive)]
    pub(super) focal: Option<f32>,
    #[command(flatten)]
    pub(super) camera: CameraArgs,
    /// Camera pitch in degrees, positive where it looks down. Poses then come in level axes: y points down as gravity does
    #[arg(long, value_name = "DEG", value_parser = pitch, allow_negative_numbers = true)]
    pub(super) pitch: Option<f32>,
    /// Camera roll in degrees, clockwise; levels the axes as --pitch does
    #[arg(long, value_name = "DEG", value_parser = roll, allow_negative_numbers = true)]
    pub(super) roll: Option<f32>,
    #[command(flatten)]
    pub(super) camera_up: CameraUpArgs,
    /// Write for each joint the distance that 68 % of its errors stay within, and which joints were missing
    #[arg(long)]
    pub(super) sigma: bool,
    /// Mark and count people as unsure whose mean sigma exceeds M metres
    #[arg(long, value_name = "M", value_parser = positive)]
    pub(super) max_sigma: Option<f32>,
    /// Smooth each person's poses over time, and keep the lengths of bones constant. clip[:S]: by the poses of S seconds before and
    /// after (0.1; 0.05 for fast sports). live[:HZ]: by earlier poses alone; One Euro filter, cut-off at rest HZ (2)
    #[arg(long, value_name = "WAY")]
    pub(super) smooth: Option<Smoothing>,
    /// Average the poses with those of a backward pass that starts S seconds ahead (1 is enough). Needs a model with a memory; not
    /// with --listen, --follow or --send
    #[arg(long, value_name = "S", value_parser = look_ahead)]
    pub(super) look_ahead: Option<f64>,
    #[command(flatten)]
    pub(super) export: ExportArgs,
    /// Locate people's hips in the camera's space, by their key points and by feet that stand; needs the image's size and focal
    /// length. With --pitch or --roll, motion files stand on the floor
    #[arg(long)]
    pub(super) root: bool,
    #[command(flatten)]
    pub(super) live: LiveArgs,
    /// Print a summary in JSON, on stdout if poses go to a file, else on stderr
    #[arg(long)]
    pub(super) json: bool,
    /// Print only errors and warnings
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Print help
    // Always the compact form: with a blank line between options, so many fill three screens.
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(super) help: Option<bool>,
}

const AFTER_HELP: &str = "\
Formats are recognised by content and written by OUT's extension. Every input frame gets its line,
in order; from a pipe each is answered at once, except with --smooth clip and --look-ahead.

Examples:
  poselift run clip.jsonl -o poses.jsonl
  poselift run clip.jsonl -o poses.html               a page: 2D beside 3D, to play and turn
  poselift run clips/ -o poses/ --to npz              every clip of a folder
  detector | poselift run | viewer                    live
  poselift run clip.jsonl --smooth clip --pitch 12 -o poses.jsonl
  poselift run cam1.fifo cam2.fifo -o poses/          live, two named pipes at the same time

Exit codes: 0 everyone was lifted, 1 some frames or people could not be lifted (named on stderr), 2 none
could be lifted, or the input or output cannot be used.";

fn from_help() -> String {
    format!("The input's format, where its content does not show it: {}", InputFormat::known())
}

fn to_help() -> String {
    format!("The output's format, where its extension does not show it: {}", known_names("").join(", "))
}

fn look_ahead(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=60.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, 0.01 to 60".to_owned())
}

pub(in crate::cli) fn pitch(text: &str) -> Result<f32, String> {
    degrees(text, MAX_PITCH)
}

pub(in crate::cli) fn roll(text: &str) -> Result<f32, String> {
    degrees(text, MAX_ROLL)
}

fn degrees(text: &str, most: f32) -> Result<f32, String> {
    let angle = text.parse().ok().filter(|angle: &f32| angle.abs() <= most);
    angle.ok_or_else(|| format!("expected degrees, -{most} to {most}"))
}

/// A camera that was told on the terminal.
struct ToldCamera {
    /// `None` where no camera file is named.
    name: Option<String>,
    setup: CameraSetup,
}

impl RunArgs {
    /// Whether poses go to -o or to stdout, and not to receivers alone.
    pub(super) fn has_output(&self) -> bool {
        self.output.is_some() || !self.live.is_output()
    }

    /// The layout that was asked for.
    pub(super) fn layout(&self) -> Option<&'static Layout> {
        self.layout.as_ref().map(|asked| asked.layout)
    }

    /// The files that are read beside the inputs.
    pub(super) fn files_read(&self) -> Vec<FileRead<'_>> {
        let files = [
            FileRead::new(self.model.as_deref(), "the model"),
            FileRead::new(self.camera.path(), "the camera file"),
            FileRead::new(self.layout.as_ref().and_then(LayoutArg::path), "the layout"),
        ];
        files.into_iter().flatten().collect()
    }

    /// The handler that completes files when a signal comes; `None` where the signal ends the inputs, or nothing is to be completed.
    pub(super) fn interruption(&self, targets: &[Target], terminal: Terminal) -> Result<Option<Interruption>> {
        if !self.has_output() || self.live.is_input() {
            return Ok(None);
        }
        let holds_back = self.look_ahead.is_some()
            || self.root
            || self.export.contacts
            || matches!(self.smooth, Some(Smoothing::Clip(_)));
        Interruption::on_signals(targets, holds_back, terminal)
    }

    /// The sources, each of them the clip that is asked for in it.
    pub(super) fn parts(&self, sources: Vec<Source>) -> Vec<Source> {
        let Some(part) = &self.clip else { return sources };
        let mut parts = Vec::with_capacity(sources.len());
        for source in sources {
            parts.push(match source {
                Source::File(path) => Source::Part { path, part: part.clone() },
                other => other,
            });
        }
        parts
    }

    /// The camera of each source. Each camera is told once.
    ///
    /// # Errors
    /// A camera file that cannot be read, or that does not tell which camera saw a source.
    pub(super) fn cameras(&self, sources: &[Source], terminal: Terminal) -> Result<Vec<(Source, CameraSetup)>> {
        let attitude = Attitude::if_known(self.pitch, self.roll)?;
        let mut told: Vec<ToldCamera> = Vec::new();
        let mut cameras = Vec::with_capacity(sources.len());
        for (source, camera) in sources.iter().zip(self.camera.read_for(sources)?) {
            let name = camera.as_ref().map(|camera| camera.name.clone());
            let setup = match told.iter().find(|told| told.name == name) {
                Some(told) => told.setup,
                None => {
                    let setup = self.camera_up.setup(camera.as_ref(), self.read.rotate, attitude, terminal);
                    told.push(ToldCamera { name, setup });
                    setup
                }
            };
            cameras.push((source.clone(), setup));
        }
        Ok(cameras)
    }

    /// `guess_layout`: whether the model reads a known layout.
    pub(super) fn read_options(&self, guess_layout: bool, camera: &CameraSetup) -> ReadOptions {
        let ReadArgs { rotate, y_up, min_score, person, max_gap, keep_sides } = self.read;
        ReadOptions {
            guess_layout,
            from: self.from,
            layout: self.layout(),
            size: self.size.or(camera.intrinsics.and_then(|intrinsics| intrinsics.size)),
            fps: self.fps,
            min_score,
            camera: camera.intrinsics,
            rotate,
            y_up,
            person,
            track: true,
            max_gap,
            keep_sides,
        }
    }

    /// Notes of a page on what is assumed before the first frame.
    pub(super) fn page_notes(&self, unit: Unit, camera: &CameraSetup) -> PageNotes {
        let notes = PageNotes::default();
        if camera.attitude.is_none() {
            notes.add("the camera is taken as level: give --pitch and --roll where it is not".to_owned());
        }
        if camera.intrinsics.is_some() {
            notes.add(
                "key points are undistorted by the camera file: they are drawn as without a lens (--camera)".to_owned(),
            );
        } else if self.focal.is_none() {
            notes.add(format!("focal length: {USUAL_FOCAL} longer image sides where the input names none (--focal)"));
        }
        self.export.form().note_height(&unit, &notes);
        notes
    }

    /// The changes of a stream's poses on their way to its writer.
    pub(super) fn changes(&self, attitude: Option<Attitude>, is_live: bool) -> PoseChanges {
        let root = RootOptions { size: self.size, focal: self.focal, smooth: !is_live };
        PoseChanges {
            smoothing: self.smooth,
            contacts: self.export.contacts,
            root: self.root.then_some(root),
            attitude,
            waits: !is_live,
        }
    }
}
