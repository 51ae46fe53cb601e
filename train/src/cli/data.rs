//! `poselift-train data`: imports motion into one archive, and describes a source.

use std::io::{Cursor, Write, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ndarray::{Array1, Array2, s};
use poselift::format::NpzWriter;
use poselift::skeleton::BODY28;
use poselift::{Error, Result};

use crate::config::FitConfig;
use crate::data::read::archive::{self, Precision};
use crate::data::{Motion, OpenOptions, Opened, Pairs, RootChoice, TrainingData};
use crate::dataset::{Dataset, Protocol, Views};
use crate::fit::{checkpoint, device};
use crate::output;
use crate::views::Detector;

/// Arguments of `data`.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Read motion once and keep it as one clips archive, which `fit --data` opens at once
    Import(ImportArgs),
    /// Say what a source holds: people, clips, hours, bone lengths, licences
    Info(InfoArgs),
    /// Write the pairs that a run validates on, for `poselift eval MODEL FILE`
    Validation(ValidationArgs),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// What to read: folders of motion capture (.bvh, .amc with .asf), .npy, .npz or .h5 files of joints, clips archives,
    /// `synthetic`, `postures`
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// The archive to write
    #[arg(short, long, value_name = "CLIPS.npz")]
    output: PathBuf,
    /// Poses a second that motion is resampled to
    #[arg(long, value_name = "HZ", default_value_t = 25.0)]
    rate: f64,
    /// Keep metres as 32-bit numbers instead of whole millimetres
    #[arg(long)]
    f32: bool,
    /// Name of the collection, where the files are of none that is known
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Its licence, which every model that learns from it will carry
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// Seed of synthetic motion
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Args)]
struct InfoArgs {
    /// A clips archive, or any other source of data (folders of .bvh, .amc with .asf; .npy, .npz, .h5; `synthetic`, `postures`)
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Poses a second that motion is resampled to
    #[arg(long, value_name = "HZ", default_value_t = 25.0)]
    rate: f64,
    /// Root of paired arrays: auto, none, a joint's index, or x,y,z
    #[arg(long, value_name = "ROOT", default_value = "auto", allow_hyphen_values = true)]
    root: RootChoice,
}

#[derive(Debug, Args)]
struct ValidationArgs {
    /// The folder of the run; its sources must still be where they were
    run: PathBuf,
    /// The file to write: `joint_2d_1` and `joint_3d`, and of motion the cameras' `size` and `focal` in pixels
    #[arg(short, long, value_name = "PAIRS.npz")]
    output: PathBuf,
    /// Perfect key points, instead of a detector's
    #[arg(long)]
    clean: bool,
    /// Leave joints out too, as detectors do
    #[arg(long)]
    gaps: bool,
    /// At most this many views, evenly spread over the split
    #[arg(long, value_name = "N", default_value_t = 8192)]
    views: usize,
}

/// Runs the subcommand.
///
/// # Errors
/// A source that cannot be read, or an archive that cannot be written.
pub(super) fn run(args: &DataArgs) -> Result<()> {
    match &args.command {
        DataCommand::Import(args) => import(args),
        DataCommand::Info(args) => info(args),
        DataCommand::Validation(args) => validation(args),
    }
}

/// The data that the run in the folder `run` was fitted on, with the same split, on the CPU; and the names of the sources
/// of its motion.
///
/// # Errors
/// The folder is not a run, or sources are no longer where they were.
pub(super) fn data_of(run: &Path) -> Result<(Dataset, Vec<String>)> {
    data_of_config(&checkpoint::read_json(&run.join(checkpoint::CONFIG))?)
}

/// The data of a run with this configuration, as [`data_of`].
///
/// # Errors
/// Sources that cannot be read.
pub(super) fn data_of_config(config: &FitConfig) -> Result<(Dataset, Vec<String>)> {
    let data = OpenOptions::from_config(config)?.open(&config.data)?.data;
    let sources = match &data {
        TrainingData::Motion(motion) => motion.sources.iter().map(|source| source.name.clone()).collect(),
        TrainingData::Pairs(_) => Vec::new(),
    };
    Ok((Dataset::new(data, config, device::choose("cpu")?)?, sources))
}

fn validation(args: &ValidationArgs) -> Result<()> {
    output::refuse_overwriting(&args.output, [args.run.as_path()], "a file of the run")?;
    let config: FitConfig = checkpoint::read_json(&args.run.join(checkpoint::CONFIG))?;
    output::refuse_overwriting(&args.output, config.data.iter().map(Path::new), "data of the run")?;
    let (dataset, _) = data_of_config(&config)?;
    let noise = if args.clean { 0.0 } else { 1.0 };
    let detector = Detector { gaps: f64::from(u8::from(args.gaps)), ..Detector::in_full_view(noise) };
    let views = dataset.held_out(&Protocol { detector, views: args.views, ..Protocol::default() });
    let mut npz = NpzWriter::new(Cursor::new(Vec::new()));
    let (keypoints, poses) = match views {
        Some(Views { keypoints, poses, cameras }) => {
            let focal: Array1<f32> = cameras.iter().map(|camera| camera.focal[0]).collect();
            let size: Vec<[f32; 2]> = cameras.iter().map(|camera| camera.size.map(|pixels| pixels as f32)).collect();
            npz.add("size", &Array2::from(size))?;
            npz.add("focal", &focal)?;
            (keypoints, poses)
        }
        None => dataset.validation.to_arrays(),
    };
    npz.add("joint_2d_1", &keypoints)?;
    npz.add("joint_3d", &poses)?;
    let count = poses.dim().0;
    let bytes = npz.finish()?.into_inner();
    output::write_whole(&args.output, &bytes)?;
    eprintln!("{}: {count} pairs, {}", args.output.display(), dataset.card.validated_on);
    Ok(())
}

fn import(args: &ImportArgs) -> Result<()> {
    let beside: Vec<PathBuf> = args.sources.iter().flat_map(|source| read_beside(Path::new(source))).collect();
    let read = args.sources.iter().map(Path::new).chain(beside.iter().map(PathBuf::as_path));
    output::refuse_overwriting(&args.output, read, "which is read")?;
    let options = OpenOptions { rate: args.rate, seed: args.seed, root: RootChoice::Auto };
    let opened = options.open(&args.sources)?;
    report_notes(&opened);
    let TrainingData::Motion(mut motion) = opened.data else {
        return Err(Error::usage("paired arrays, expected motion")
            .at(&args.sources[0])
            .hint("paired arrays need no import: give them to `fit --data`"));
    };
    for source in motion.sources.iter_mut().filter(|source| source.licence == "unknown") {
        source.name = args.name.clone().unwrap_or_else(|| source.name.clone());
        source.licence = args.licence.clone().unwrap_or_else(|| source.licence.clone());
        if source.licence == "unknown" {
            eprintln!("note: the licence of '{}' is unknown; name it with --licence", source.name);
        }
    }
    let precision = if args.f32 { Precision::Float32 } else { Precision::Millimetres };
    archive::write(&motion, precision, &args.output)?;
    let clips = motion.clips.len();
    let frames = motion.positions.dim().0;
    eprintln!("{}: {clips} clips, {frames} frames at {} Hz", args.output.display(), motion.rate);
    Ok(())
}

/// The file that is read together with a source: the description of an array.
fn read_beside(source: &Path) -> Option<PathBuf> {
    let is_array = source.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
    is_array.then(|| source.with_extension("json"))
}

fn info(args: &InfoArgs) -> Result<()> {
    let options = OpenOptions { rate: args.rate, seed: 0, root: args.root };
    let opened = options.open(std::slice::from_ref(&args.source))?;
    report_notes(&opened);
    let text = match &opened.data {
        TrainingData::Motion(motion) => describe_motion(motion),
        TrainingData::Pairs(pairs) => describe_pairs(pairs),
    };
    stdout().write_all(text.as_bytes()).map_err(Error::from)
}

fn report_notes(opened: &Opened) {
    for note in &opened.notes {
        eprintln!("{note}");
    }
}

fn describe_motion(motion: &Motion) -> String {
    let mut lines = Vec::new();
    for (index, source) in motion.sources.iter().enumerate() {
        let clips: Vec<_> = motion.clips.iter().filter(|clip| clip.source == index).collect();
        let frames: usize = clips.iter().map(|clip| clip.frames).sum();
        let mut people: Vec<(&str, usize)> = Vec::new();
        for clip in &clips {
            match people.iter_mut().find(|(name, _)| *name == clip.subject) {
                Some((_, frames)) => *frames += clip.frames,
                None => people.push((&clip.subject, clip.frames)),
            }
        }
        let people: Vec<_> = people.iter().map(|(name, frames)| format!("{name} {frames}")).collect();
        lines.push(format!("source    {}", source.name));
        lines.push(format!("licence   {}", source.licence));
        let hours = frames as f64 / motion.rate / 3600.0;
        lines.push(format!("motion    {} clips, {frames} frames at {} Hz, {hours:.2} hours", clips.len(), motion.rate));
        lines.push(format!("people    {}, with frames: {}", people.len(), people.join(", ")));
        let lengths: Vec<_> =
            BONES.iter().map(|(name, a, b)| format!("{name} {}", mean_millimetres(motion, index, a, b))).collect();
        lines.push(format!("bones     {} (means, mm)", lengths.join(", ")));
        let not_human = clips.iter().filter(|clip| !clip.human_lengths).count();
        if not_human > 0 {
            lines.push(format!("          {not_human} clips of a figure without human proportions: not counted"));
        }
        lines.push(String::new());
    }
    lines.join("\n")
}

/// Bones that a description names, each from joint to joint.
const BONES: [(&str, &str, &str); 8] = [
    ("thigh", "left_hip", "left_knee"),
    ("shank", "left_knee", "left_ankle"),
    ("hips", "left_hip", "right_hip"),
    ("back", "hip", "thorax"),
    ("shoulders", "left_shoulder", "right_shoulder"),
    ("upper arm", "left_shoulder", "left_elbow"),
    ("forearm", "left_elbow", "left_wrist"),
    ("head", "neck_nose", "head"),
];

/// Mean distance of two joints over the clips of a source that have a real person's bone lengths; `-` without any.
fn mean_millimetres(motion: &Motion, source: usize, from: &str, to: &str) -> String {
    let from = BODY28.joint(from);
    let to = BODY28.joint(to);
    let mut sum = 0.0;
    let mut count = 0;
    for clip in motion.clips.iter().filter(|clip| clip.source == source && clip.human_lengths) {
        let frames = motion.positions.slice(s![clip.start..clip.start + clip.frames, .., ..]);
        for body in frames.outer_iter() {
            let squared: f32 = (0..3).map(|axis| (body[[from, axis]] - body[[to, axis]]).powi(2)).sum();
            sum += f64::from(squared.sqrt());
        }
        count += clip.frames;
    }
    if count == 0 { "-".into() } else { format!("{:.0}", 1000.0 * sum / count as f64) }
}

fn describe_pairs(pairs: &Pairs) -> String {
    let (samples, joints_in, channels) = pairs.keypoints.dim();
    let root = match (pairs.root, pairs.root_position) {
        (Some(joint), _) => format!("joint {joint}"),
        (None, Some([x, y, z])) => format!("left out, at ({x}, {y}, {z})"),
        (None, None) => "none".into(),
    };
    format!(
        "source    {}\nlicence   {}\npairs     {samples}\nkeypoints {joints_in} of {channels} numbers\n\
         poses     {} joints, unit {}\nroot      {root}\n",
        pairs.source.name,
        pairs.source.licence,
        pairs.poses.dim().1,
        pairs.unit,
    )
}
