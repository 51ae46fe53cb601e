//! From the words behind `--data` to what they hold.

use std::path::Path;

use poselift::error::{Error, Result};

use super::{MotionBuilder, TrainingData, mocap, synthetic, ui_prmd};

/// What was opened, with what there is to tell about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The data.
    pub data: TrainingData,
    /// Lines for the user: units found, frames cut, roots taken.
    pub notes: Vec<String>,
}

/// Opens `sources` (`synthetic`, folders of motion capture, clips archives, paired arrays), motion at `rate` poses a
/// second; see [`open_with`] for what is to be told about them.
///
/// # Errors
/// As [`open_with`].
pub fn open(sources: &[String], rate: f64, seed: u64) -> Result<TrainingData> {
    Ok(open_with(sources, rate, seed)?.data)
}

/// Opens `sources` and collects notes about them.
///
/// # Errors
/// A source that is not there, that is of no known kind, or that is broken; motion mixed with paired arrays.
pub fn open_with(sources: &[String], rate: f64, seed: u64) -> Result<Opened> {
    let mut builder = MotionBuilder::new(rate)?;
    for source in sources {
        let path = Path::new(source);
        if let Some(frames) = synthetic_frames(source)? {
            synthetic::add(frames, seed, &mut builder);
        } else if path.is_dir() {
            mocap::add_folder(path, &mut builder)?;
        } else if path.extension().is_some_and(|extension| extension == "npy") {
            ui_prmd::add_file(path, &mut builder)?;
        } else {
            return Err(Error::usage(format!("'{source}' is no known source")));
        }
    }
    let (motion, notes) = builder.finish()?;
    Ok(Opened { data: TrainingData::Motion(motion), notes })
}

/// The frames that `synthetic` or `synthetic:FRAMES` asks for; none where `source` is something else.
fn synthetic_frames(source: &str) -> Result<Option<usize>> {
    match source.strip_prefix("synthetic") {
        Some("") => Ok(Some(synthetic::DEFAULT_FRAMES)),
        Some(count) if count.starts_with(':') => match count[1..].parse() {
            Ok(frames) if frames > 0 => Ok(Some(frames)),
            _ => Err(Error::usage(format!("'{source}', expected synthetic:FRAMES with a number over 0"))),
        },
        _ => Ok(None),
    }
}
