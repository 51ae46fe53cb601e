//! `poselift view`: poses that are there already, as a page to look at.

mod clip;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::output;
use super::report::Terminal;
use super::{frame_rate, image_size, input};
use crate::error::{Error, Result};
use crate::format::Target;
use crate::skeleton::Layout;
use crate::view::{PageInfo, PageWriter, PoseSet};
use clip::{Clip, ReadOptions};

/// Look at 3D poses
///
/// Reads what `poselift run` writes: JSON Lines, npy, npz (told apart by content). Several files of poses are compared, frame
/// by frame of the same number. A file of 2D key points, in any format that `run` reads, is shown beside them. The page shows
/// the floor and the root's path where the poses have them, sigma, and joint angles; it needs only a browser.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ViewArgs {
    /// Files of poses, and one of key points; - for stdin
    #[arg(value_name = "POSES", required = true)]
    inputs: Vec<PathBuf>,
    /// The page, .html
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The key points, where they are not told apart from poses by content, as in .npy
    #[arg(long, value_name = "FILE")]
    keypoints: Option<PathBuf>,
    /// The key points' layout, over what the file says
    #[arg(long, value_name = "LAYOUT", value_parser = super::run::layout)]
    layout: Option<&'static Layout>,
    /// Image size in pixels, for key points that do not say
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    size: Option<[u32; 2]>,
    /// Frames a second, for inputs that do not say
    #[arg(long, value_name = "F", value_parser = frame_rate)]
    fps: Option<f64>,
    /// Say nothing but what could not be done
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  poselift view poses.jsonl -o page.html
  poselift view poses.jsonl keypoints.jsonl -o page.html          with the key points beside
  poselift view raw.jsonl smooth.jsonl -o page.html               to compare

Exit codes: 0 all frames are shown, 1 some could not be read (they are named on stderr), 2 nothing could be done.";

pub(super) fn run(args: &ViewArgs) -> Result<ExitCode> {
    let terminal = Terminal::new(args.quiet);
    let sources = input::inputs(&args.inputs)?.sources;
    let keypoints = args.keypoints.as_ref().map(|path| input::inputs(std::slice::from_ref(path))).transpose()?;
    let keypoints = keypoints.map(|inputs| inputs.sources).unwrap_or_default();
    let is_stdout = args.output.as_os_str() == "-";
    let target = if is_stdout { Target::Stdout } else { Target::File(args.output.clone()) };
    let all_sources = [sources.as_slice(), keypoints.as_slice()].concat();
    output::refuse_overwriting(&all_sources, None, std::slice::from_ref(&target))?;
    check_extension(&args.output)?;
    let options = ReadOptions { layout: args.layout, size: args.size, fps: args.fps };
    let clip = Clip::read(&sources, &keypoints, &options, terminal)?;
    let page = page(&clip, &args.output)?;
    write(&target, &page)?;
    terminal.note(&format!("{}: written", target.name().display()));
    Ok(ExitCode::from(u8::from(clip.unreadable > 0)))
}

fn check_extension(output: &Path) -> Result<()> {
    let extension = output.extension().unwrap_or_default();
    if output.as_os_str() == "-" || extension.eq_ignore_ascii_case("html") {
        return Ok(());
    }
    Err(Error::usage("its extension names no picture").at(output).hint("name a page: -o page.html"))
}

fn page(clip: &Clip, name: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let sets: Vec<_> = clip.sets.iter().map(|set| PoseSet { name: &set.name, poses: &set.info, device: "" }).collect();
    let info = PageInfo { title: &clip.title(), sets: &sets, layout: clip.layout, notes: &clip.notes };
    let mut page = PageWriter::new(&mut bytes, name, &info)?;
    for moment in clip.moments.values() {
        let sets: Vec<_> = moment.sets.iter().collect();
        page.write_sets(&moment.frame, &sets)?;
    }
    page.close()?;
    Ok(bytes)
}

fn write(target: &Target, bytes: &[u8]) -> Result<()> {
    match target {
        Target::Stdout => Ok(std::io::Write::write_all(&mut std::io::stdout(), bytes)?),
        Target::File(path) => std::fs::write(path, bytes).map_err(|error| Error::io("cannot write", path, error)),
    }
}
