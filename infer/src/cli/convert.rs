//! `poselift convert`: poses from one format to another, without a model.

use std::path::PathBuf;

use clap::Args;

use super::exports::ExportArgs;
use super::interrupt::Interruption;
use super::output::{self, StdoutStream};
use super::report::Terminal;
use super::{ExitStatus, frame_rate, input, is_of_one_input};
use crate::error::{Error, Result};
use crate::format::{Format, Source, Target, open_pose_reader};
use crate::output::{Described, NO_CONTACTS, OutputFormat, PageNotes, copy_poses};

/// Convert 3D poses from one format to another
///
/// Reads what `poselift run` writes: JSON Lines, npy, npz (told apart by content). Writes OUT by its extension: .jsonl, .npy,
/// .npz, .csv, .trc and .mot (OpenSim), .c3d (motion laboratories), .bvh (Blender, MotionBuilder), .glb (browsers, Unity,
/// Unreal), .html (a page). TRC, BVH and MOT hold one person: several become OUT_person0, OUT_person1 and so on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ConvertArgs {
    /// Files, folders, or - for stdin
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Where poses go: a file, or a folder for several inputs [default: stdout]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// The output's format, where its extension does not show it: jsonl, npy, npz, csv, csv-long, trc, c3d, bvh, glb, mot, html
    #[arg(long, value_name = "FORMAT")]
    to: Option<OutputFormat>,
    /// Frames a second, for inputs that do not say
    #[arg(long, value_name = "F", value_parser = frame_rate)]
    fps: Option<f64>,
    #[command(flatten)]
    export: ExportArgs,
    /// Write sigma too, where the input has it
    #[arg(long)]
    sigma: bool,
    /// Print only errors and warnings
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  poselift convert poses.jsonl -o poses.trc --height 1.82
  poselift convert poses.jsonl -o poses.bvh
  poselift convert poses.npz --fps 50 -o poses.csv --axes z-up --angles

Exit codes: 0 all converted, 1 some frames could not be read (they are named on stderr), 2 nothing could be done.";

pub(super) fn run(args: &ConvertArgs) -> Result<ExitStatus> {
    let terminal = Terminal::new(args.quiet);
    let inputs = input::inputs(&args.inputs, terminal)?;
    let targets = output::targets(&inputs, &[], args.output.as_deref(), args.to)?;
    let interruption = Interruption::on_signals(&targets, false, terminal)?;
    let stdout = StdoutStream::default();
    let mut unreadable = 0;
    let mut broken = 0;
    for (source, target) in inputs.sources.iter().zip(&targets) {
        match convert(args, Way { source, target, stdout: &stdout }, interruption.as_ref(), terminal) {
            Ok(frames) => unreadable += frames,
            // The others do not suffer for what this one holds, or for its not being readable; they do for a full disk.
            Err(error) if targets.len() > 1 && (is_of_one_input(&error) || is_reading(&error, source)) => {
                terminal.error(&error);
                broken += 1;
            }
            Err(error) => return Err(error),
        }
    }
    if broken == targets.len() {
        return Ok(ExitStatus::Nothing);
    }
    Ok(ExitStatus::partly_if(unreadable > 0 || broken > 0))
}

/// Whether `error` is of reading `source`, not of writing.
fn is_reading(error: &Error, source: &Source) -> bool {
    error.place().path.as_deref() == Some(source.name())
}

/// From where to where one stream goes.
#[derive(Clone, Copy)]
struct Way<'a> {
    source: &'a Source,
    target: &'a Target,
    /// The state of stdout after other streams.
    stdout: &'a StdoutStream,
}

/// Converts one stream; gives back how much of it could not be read or written.
fn convert(
    args: &ConvertArgs,
    Way { source, target, stdout }: Way<'_>,
    interruption: Option<&Interruption>,
    terminal: Terminal,
) -> Result<u64> {
    let mut reader = open_pose_reader(source)?;
    let mut info = reader.info().clone();
    info.fps = args.fps.or(info.fps);
    let format = OutputFormat::of(target, args.to).unwrap_or(OutputFormat::JSON_LINES);
    let form = args.export.form();
    let written = form.written_info(&info, format)?;
    // Roots that the input has are written where there is room for them.
    let has_room = matches!(format, OutputFormat::Stream(Format::JsonLines | Format::Npz));
    let extras = form.extras(&info, args.sigma, has_room);
    let described = Described {
        title: input::stem(source).into_owned(),
        poses: written,
        layout: None,
        device: String::new(),
        notes: PageNotes::default(),
        extras,
        is_upright: info.is_upright(),
        rate: args.fps,
        goes_on: false,
    };
    let writer = output::prepare(target, args.to, described, terminal, stdout)?;
    let mut writer = form.on_the_way_to(writer, &info, format)?;
    if let Some(interruption) = interruption {
        writer = interruption.completes(target, writer);
    }
    for assumption in form.assumptions(&info, format, extras) {
        terminal.note(&assumption);
    }
    let copied = copy_poses(reader.as_mut(), writer, info.fps, &mut |fault| terminal.warning(&fault.to_string()));
    let copied = copied.map_err(|error| error.at(source.name()))?;
    if form.contacts && !copied.has_contacts {
        terminal.note(NO_CONTACTS);
    }
    let written = if copied.people > 0 || !output::is_deferred(target) { "written" } else { output::NOT_WRITTEN };
    terminal.note(&format!("{}: {written}", target.name().display()));
    if let Some(error) = &copied.left_out {
        terminal.error(error);
    }
    Ok(copied.unreadable + u64::from(copied.left_out.is_some()))
}
