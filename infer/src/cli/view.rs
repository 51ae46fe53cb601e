//! `poselift view`: poses that are there already, as a page to look at or a figure.

mod clip;
mod matching;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;

use super::layout::LayoutArg;
use super::output::{self, FileRead};
use super::report::Terminal;
use super::{ExitStatus, frame_rate, image_size, input};
use crate::error::{Error, Result};
use crate::format::{Target, write_whole};
use crate::view::figure::{Figure, FigureClip, FigureOptions, MAX_WIDTH, Moment};
use crate::view::{PageInfo, PageWriter};
use clip::{Clip, ReadOptions};

/// Look at 3D poses
///
/// Reads what `poselift run` writes: JSON Lines, npy, npz (told apart by content). Several files of poses are compared, by the
/// times of their frames, or by their numbers where there are no times. A file of 2D key points, in any format that `run` reads, is shown beside them. The page shows
/// the floor and the root's path where the poses have them, sigma, and joint angles; it needs only a browser. Figures are of
/// one frame (.svg, .png), of several side by side (--svg 0,30,60), or move (.gif).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ViewArgs {
    /// Files of poses, and one of key points; - for stdin
    #[arg(value_name = "POSES", required = true)]
    inputs: Vec<PathBuf>,
    /// A page (.html) or a figure (.svg, .png, .gif); - for stdout
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// A figure of these frames, by their numbers: 120, or 0,30,60 [default: one in the middle]
    #[arg(long, value_name = "FRAMES", value_delimiter = ',', conflicts_with_all = ["png", "gif"])]
    svg: Vec<u64>,
    /// The same as a PNG
    #[arg(long, value_name = "FRAMES", value_delimiter = ',', conflicts_with = "gif")]
    png: Vec<u64>,
    /// An animated figure
    #[arg(long)]
    gif: bool,
    /// These frames alone, by their numbers
    #[arg(long, value_name = "FROM-TO", value_parser = frame_range)]
    frames: Option<RangeInclusive<u64>>,
    /// The angle that figures are seen from, degrees: 0 as the camera sees people, 90 from the side
    #[arg(long, value_name = "DEG", default_value_t = USUAL_TURN, allow_negative_numbers = true)]
    turn: f32,
    /// Width of a figure, pixels, 16 to 8000 [default: by what is on it]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=i64::from(MAX_WIDTH)))]
    width: Option<u32>,
    /// Leave labels out of figures: the frame, the file, the person, the scale
    #[arg(long)]
    no_words: bool,
    /// The key points, if content cannot tell them from poses, as in .npy
    #[arg(long, value_name = "FILE")]
    keypoints: Option<PathBuf>,
    /// The key points' layout, over what the file says
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<LayoutArg>,
    /// Image size in pixels, for key points that do not say
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    size: Option<[u32; 2]>,
    /// Frames a second, for inputs that do not say
    #[arg(long, value_name = "F", value_parser = frame_rate)]
    fps: Option<f64>,
    /// Print only errors and warnings
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  poselift view poses.jsonl -o page.html
  poselift view poses.jsonl keypoints.jsonl -o page.html          with the key points beside
  poselift view raw.jsonl smooth.jsonl -o page.html               to compare
  poselift view poses.jsonl --svg 0,30,60 -o figure.svg           for a paper
  poselift view poses.jsonl --gif --frames 0-120 -o figure.gif    for a talk

Exit codes: 0 all frames are shown, 1 some could not be read (they are named on stderr), 2 nothing could be done.";

/// How far figures are turned, if nothing else is asked for.
const USUAL_TURN: f32 = -32.0;

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    Page,
    Svg,
    Png,
    Gif,
}

impl Picture {
    const ALL: [Self; 4] = [Self::Page, Self::Svg, Self::Png, Self::Gif];

    fn extension(self) -> &'static str {
        match self {
            Self::Page => "html",
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Gif => "gif",
        }
    }

    /// The kind that options ask for, or else the one that the extension names.
    fn of(args: &ViewArgs) -> Result<Self> {
        let asked = [(Self::Svg, !args.svg.is_empty()), (Self::Png, !args.png.is_empty()), (Self::Gif, args.gif)];
        let asked = asked.into_iter().find(|(_, is_asked)| *is_asked).map(|(picture, _)| picture);
        if args.output.as_os_str() == "-" {
            return Ok(asked.unwrap_or(Self::Page));
        }
        let extension = args.output.extension().unwrap_or_default();
        let named = Self::ALL.into_iter().find(|picture| extension.eq_ignore_ascii_case(picture.extension()));
        match (asked, named) {
            (Some(asked), Some(named)) if asked != named => {
                let asked = asked.extension();
                let named = named.extension();
                let complaint = format!("--{asked} writes another format than .{named}");
                Err(Error::usage(complaint)
                    .at(&args.output)
                    .hint(format!("name a .{asked} file, or leave --{asked} out")))
            }
            (Some(picture), _) | (None, Some(picture)) => Ok(picture),
            (None, None) => Err(Error::usage("its extension names no picture")
                .at(&args.output)
                .hint("known are .html, .svg, .png and .gif")),
        }
    }
}

/// Parses `--frames`.
fn frame_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let range = ends.map(|(from, to)| from..=to).filter(|range| !range.is_empty());
    range.ok_or_else(|| "expected the first and the last frame, like 0-120".to_owned())
}

pub(super) fn run(args: &ViewArgs) -> Result<ExitStatus> {
    let terminal = Terminal::new(args.quiet);
    let sources = input::inputs(&args.inputs, terminal)?.sources;
    let keypoints = args.keypoints.as_ref().map(std::slice::from_ref);
    let keypoints = keypoints.map(|path| input::inputs(path, terminal)).transpose()?;
    let keypoints = keypoints.map(|inputs| inputs.sources).unwrap_or_default();
    let is_stdout = args.output.as_os_str() == "-";
    let target = if is_stdout { Target::Stdout } else { Target::File(args.output.clone()) };
    let all_sources = [sources.as_slice(), keypoints.as_slice()].concat();
    let layout_read = FileRead::new(args.layout.as_ref().and_then(LayoutArg::path), "the layout");
    output::refuse_overwriting(&all_sources, layout_read.as_slice(), std::slice::from_ref(&target))?;
    let picture = Picture::of(args)?;
    let options = ReadOptions {
        layout: args.layout.as_ref().map(|asked| asked.layout),
        size: args.size,
        fps: args.fps,
        frames: args.frames.clone(),
    };
    let clip = Clip::read(&sources, &keypoints, &options, terminal)?;
    let bytes = match picture {
        Picture::Page => page(&clip, &args.output)?,
        figure => draw(args, &clip, figure)?,
    };
    write(&target, &bytes)?;
    terminal.note(&format!("{}: written", target.name().display()));
    Ok(ExitStatus::partly_if(clip.unreadable > 0))
}

fn draw(args: &ViewArgs, clip: &Clip, picture: Picture) -> Result<Vec<u8>> {
    let sets = clip.pose_sets();
    let moments = clip.moments.iter().map(|moment| Moment { frame: &moment.frame, sets: &moment.sets }).collect();
    let figure = Figure::new(
        FigureClip { sets: &sets, layout: clip.layout, moments },
        FigureOptions { turn: args.turn, width: args.width, words: !args.no_words },
    )?;
    match picture {
        Picture::Svg => Ok(figure.svg(&moments_of(&figure, &args.svg)?).into_bytes()),
        Picture::Png => figure.png(&moments_of(&figure, &args.png)?),
        Picture::Gif => figure.gif(0..=clip.moments.len() - 1),
        Picture::Page => unreachable!("a page is no figure"),
    }
}

/// The places of `frames` in the figure; one in the middle where none is named.
fn moments_of(figure: &Figure<'_>, frames: &[u64]) -> Result<Vec<usize>> {
    if frames.is_empty() {
        return Ok(vec![figure.middle_moment()]);
    }
    frames.iter().map(|index| figure.moment_of(*index)).collect()
}

fn page(clip: &Clip, name: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let sets = clip.pose_sets();
    let info = PageInfo { title: &clip.title(), sets: &sets, layout: clip.layout, notes: &clip.notes };
    let mut page = PageWriter::new(&mut bytes, name, &info)?;
    for moment in clip.moments.iter() {
        let sets: Vec<_> = moment.sets.iter().collect();
        page.write_sets(&moment.frame, &sets)?;
    }
    page.close()?;
    Ok(bytes)
}

fn write(target: &Target, bytes: &[u8]) -> Result<()> {
    match target {
        Target::Stdout => Ok(std::io::Write::write_all(&mut std::io::stdout(), bytes)?),
        Target::File(path) => write_whole(path, bytes),
    }
}
