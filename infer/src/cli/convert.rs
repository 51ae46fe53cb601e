//! `poselift convert`: poses from one format to another, without a model.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::exports::ExportArgs;
use super::output::{self, OutputFormat, OutputInfo};
use super::page_notes::PageNotes;
use super::report::Terminal;
use super::{frame_rate, input};
use crate::error::{ErrorKind, Result};
use crate::format::{Format, PoseReader, PoseWriter, Source, Target, open_pose_reader};
use crate::pose::{Axes, Frame};

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
    /// Say nothing but what could not be done
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  poselift convert poses.jsonl -o poses.trc --height 1.82
  poselift convert poses.jsonl -o poses.bvh
  poselift convert poses.npz --fps 50 -o poses.csv --axes z-up --angles

Exit codes: 0 all converted, 1 some frames could not be read (they are named on stderr), 2 nothing could be done.";

pub(super) fn run(args: &ConvertArgs) -> Result<ExitCode> {
    let terminal = Terminal::new(args.quiet);
    let inputs = input::inputs(&args.inputs)?;
    let targets = output::targets(&inputs, None, args.output.as_deref(), args.to)?;
    let mut unreadable = 0;
    for (source, target) in inputs.sources.iter().zip(&targets) {
        unreadable += convert(args, source, target, terminal)?;
    }
    Ok(ExitCode::from(u8::from(unreadable > 0)))
}

/// Converts one stream; gives back how many frames could not be read.
fn convert(args: &ConvertArgs, source: &Source, target: &Target, terminal: Terminal) -> Result<u64> {
    let mut reader = open_pose_reader(source)?;
    let mut info = reader.info().clone();
    info.fps = args.fps.or(info.fps);
    let format = OutputFormat::of(target, args.to).unwrap_or(OutputFormat::Stream(Format::JsonLines));
    let written = args.export.written_info(&info, format)?;
    let title = source.name().file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // Roots that the input has are written where there is room for them.
    let has_room = matches!(format, OutputFormat::Stream(Format::JsonLines));
    let extras = args.export.extras(args.sigma, has_room);
    let described = OutputInfo {
        title,
        poses: written,
        layout: None,
        device: String::new(),
        notes: PageNotes::default(),
        extras,
        is_upright: info.axes != Axes::Camera,
        terminal,
    };
    let writer = output::prepare(target, args.to, described)?;
    let writer = args.export.on_the_way_to(writer, &info, format)?;
    args.export.report(&info, format, terminal);
    let unreadable = copy(reader.as_mut(), writer, info.fps, terminal)?;
    terminal.note(&format!("{}: written", target.name().display()));
    Ok(unreadable)
}

/// Copies all frames and completes the output in any case.
fn copy(
    reader: &mut dyn PoseReader,
    mut writer: Box<dyn PoseWriter>,
    fps: Option<f64>,
    terminal: Terminal,
) -> Result<u64> {
    let copied = copy_frames(reader, writer.as_mut(), fps, terminal);
    let finished = writer.finish();
    let unreadable = copied?;
    finished.map(|()| unreadable)
}

fn copy_frames(
    reader: &mut dyn PoseReader,
    writer: &mut dyn PoseWriter,
    fps: Option<f64>,
    terminal: Terminal,
) -> Result<u64> {
    let mut unreadable = 0;
    loop {
        let mut lifted = match reader.read() {
            Ok(Some(lifted)) => lifted,
            Ok(None) => return Ok(unreadable),
            Err(error) if error.kind() == ErrorKind::BadInput => {
                unreadable += 1;
                terminal.warning(&error.to_string());
                continue;
            }
            Err(error) => return Err(error),
        };
        lifted.time = lifted.time.or_else(|| fps.map(|fps| lifted.index as f64 / fps));
        let frame = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
        writer.write(&frame, &lifted)?;
    }
}
