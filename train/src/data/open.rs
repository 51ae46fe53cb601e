//! From the arguments of `--data` to the data.

use std::path::Path;

use poselift::{Error, Result};

use crate::config::FitConfig;

use super::read::{archive, arrays, mocap, ui_prmd};
use super::synthetic::Repertoire;
use super::{MotionBuilder, Pairs, RootChoice, TrainingData, synthetic};

/// How sources are opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenOptions {
    /// Poses a second that motion is resampled to.
    pub rate: f64,
    /// Seed of synthetic motion.
    pub seed: u64,
    /// The root of paired arrays.
    pub root: RootChoice,
}

/// Opened data, with notes about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The data.
    pub data: TrainingData,
    /// Lines for the user: units found, frames cut, the root taken.
    pub notes: Vec<String>,
}

/// Opens `sources`: `synthetic`, `postures`, folders of motion capture, arrays of motion, clips archives, or one file of paired
/// arrays.
///
/// # Errors
/// As [`OpenOptions::open`].
pub fn open(sources: &[String], rate: f64, seed: u64) -> Result<TrainingData> {
    Ok(open_with(sources, rate, seed)?.data)
}

/// As [`open`], with notes about the sources.
///
/// # Errors
/// As [`OpenOptions::open`].
pub fn open_with(sources: &[String], rate: f64, seed: u64) -> Result<Opened> {
    OpenOptions { rate, seed, root: RootChoice::Auto }.open(sources)
}

/// What a source is, before it is opened.
enum Kind<'a> {
    MadeUp(Repertoire, usize),
    Folder(&'a Path),
    /// An array with its description in a file of the same name.
    Described(&'a Path),
    Arrays(&'a Path),
    PoseFile(&'a Path),
    Archive(&'a Path),
    Pairs(&'a Path),
}

impl OpenOptions {
    /// The options with which a run opens its data.
    ///
    /// # Errors
    /// The root is not valid.
    pub fn from_config(config: &FitConfig) -> Result<Self> {
        Ok(Self { rate: config.rate, seed: config.seed, root: config.root.parse()? })
    }

    /// Opens `sources` and joins them end to end.
    ///
    /// # Errors
    /// A source that does not exist, is of no known kind, or is broken; motion mixed with paired arrays, or several
    /// of these.
    pub fn open(&self, sources: &[String]) -> Result<Opened> {
        let kinds = sources.iter().map(|source| kind(source)).collect::<Result<Vec<_>>>()?;
        match kinds.as_slice() {
            [] => Err(Error::usage("no data given, expected at least one source").hint("`synthetic` needs no file")),
            [Kind::Pairs(path)] => {
                let (pairs, note) = Pairs::from_file(path, self.root)?;
                Ok(Opened { data: TrainingData::Pairs(pairs), notes: vec![note] })
            }
            several if several.iter().any(|kind| matches!(kind, Kind::Pairs(_))) => {
                Err(Error::usage("paired arrays among other sources, expected one file of them, or motion alone"))
            }
            motion => self.open_motion(motion),
        }
    }

    fn open_motion(&self, kinds: &[Kind]) -> Result<Opened> {
        let mut builder = MotionBuilder::new(self.rate)?;
        for kind in kinds {
            match kind {
                Kind::MadeUp(repertoire, frames) => synthetic::add(*repertoire, *frames, self.seed, &mut builder),
                Kind::Folder(path) => mocap::add_folder(path, &mut builder)?,
                Kind::Described(path) => ui_prmd::add_file(path, &mut builder)?,
                Kind::Arrays(path) => arrays::add_file(path, None, &mut builder)?,
                Kind::PoseFile(path) => arrays::add_h5(path, &mut builder)?,
                Kind::Archive(path) | Kind::Pairs(path) => archive::add_file(path, &mut builder)?,
            }
        }
        let (motion, notes) = builder.finish()?;
        Ok(Opened { data: TrainingData::Motion(motion), notes })
    }
}

fn kind(source: &str) -> Result<Kind<'_>> {
    if let Some((repertoire, frames)) = made_up(source)? {
        return Ok(Kind::MadeUp(repertoire, frames));
    }
    let path = Path::new(source);
    let metadata = std::fs::metadata(path).map_err(|e| Error::io("cannot read", path, e))?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        _ if metadata.is_dir() => Ok(Kind::Folder(path)),
        Some("npy") if path.with_extension("json").is_file() => Ok(Kind::Described(path)),
        Some("npy") => Ok(Kind::Arrays(path)),
        Some("npz") if archive::is_archive(path) => Ok(Kind::Archive(path)),
        Some("npz") if !arrays::is_paired(path) => Ok(Kind::Arrays(path)),
        Some("h5" | "hdf5") => Ok(Kind::PoseFile(path)),
        Some("pkl" | "pickle" | "npz") => Ok(Kind::Pairs(path)),
        _ => Err(Error::usage("no kind of data that is known by its name").at(path).hint(
            "expected synthetic, postures, a .pkl or .npz of paired arrays, a folder of .bvh or of .amc and .asf files, a clips archive, \
             .npy, .npz or .h5 files of [frames, joints, 3]",
        )),
    }
}

/// Whether `source` is generated motion: `synthetic`, `postures`.
pub fn is_made_up(source: &str) -> bool {
    matches!(made_up(source), Ok(Some(_)))
}

/// Most frames that are made up: they fill some gigabytes, and 100 hours at 25 Hz.
const MAX_SYNTHETIC_FRAMES: usize = 10_000_000;

/// What `synthetic`, `synthetic:FRAMES` or the same of `postures` asks for; `None` if `source` is something else.
fn made_up(source: &str) -> Result<Option<(Repertoire, usize)>> {
    let (name, frames) = source.split_once(':').map_or((source, None), |(name, frames)| (name, Some(frames)));
    let Some(repertoire) = Repertoire::ALL.into_iter().find(|repertoire| repertoire.name() == name) else {
        return Ok(None);
    };
    match frames.map_or(Ok(synthetic::DEFAULT_FRAMES), str::parse) {
        Ok(frames) if (1..=MAX_SYNTHETIC_FRAMES).contains(&frames) => Ok(Some((repertoire, frames))),
        _ => Err(Error::usage(format!(
            "'{source}', expected {name}:FRAMES with a number of 1 to {MAX_SYNTHETIC_FRAMES}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(sources: &[&str]) -> Result<Opened> {
        open_with(&sources.iter().map(|&source| source.to_owned()).collect::<Vec<_>>(), 25.0, 0)
    }

    #[test]
    fn synthetic_takes_a_number_of_frames_and_sources_add_up() {
        let TrainingData::Motion(motion) = opened(&["synthetic:130", "synthetic:20"]).unwrap().data else {
            panic!("motion expected")
        };
        assert_eq!(motion.positions.dim(), (150, 28, 3));
        let clips: Vec<_> = motion.clips.iter().map(|clip| (clip.name.as_str(), clip.start, clip.frames)).collect();
        assert_eq!(clips, [("walk_0000", 0, 120), ("sit_0001", 120, 10), ("walk_0000.2", 130, 20)]);
    }

    #[test]
    fn refusals_say_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        let pickle = folder.path().join("data.pkl");
        std::fs::write(&text, "hello").unwrap();
        std::fs::write(&pickle, "hello").unwrap();
        let (text, pickle, empty) = (text.to_str().unwrap(), pickle.to_str().unwrap(), folder.path().to_str().unwrap());
        for (sources, expected) in [
            (&["synthetic:0"][..], "synthetic:FRAMES"),
            (&["postures:few"], "postures:FRAMES"),
            (&["synthetic:1000000000000"], "a number of 1 to 10000000"),
            (&["nowhere/at/all"], "nowhere/at/all: cannot read"),
            (&[text], "no kind of data"),
            (&[empty], "no motion capture"),
            (&[], "no data given"),
            (&["synthetic", pickle], "paired arrays among other sources"),
        ] {
            let message = opened(sources).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
