//! Acclaim motion capture: a person's skeleton in an `.asf` file, each take of that person in an `.amc` file next to
//! it.
//!
//! A bone's name stands here for the joint that the bone begins at, as in BVH, so that both formats make a
//! [`Take`] that one kinematics places (Acclaim's own: Lander, Working with Motion Capture File Formats, 1998).

mod amc;
mod asf;
mod bone;

use std::path::{Path, PathBuf};

use poselift::error::{Error, Result};

use super::lines::text_of;
use crate::data::body::take::Take;

/// Frames a second: `.amc` files do not state it, and CMU, whose files these are, recorded and published them at 120.
pub const FRAME_RATE: f64 = 120.0;

/// Reads the take in `amc`, of the skeleton in `asf`.
///
/// # Errors
/// A file that cannot be read, or the first line that does not fit, with found and expected.
pub fn from_files(asf: &Path, amc: &Path) -> Result<Take> {
    let skeleton = asf::parse(&text_of(asf)?).map_err(|e| e.at(asf))?;
    let frames = amc::parse(&text_of(amc)?, &skeleton).map_err(|e| e.at(amc))?;
    Ok(take(skeleton, frames))
}

fn take(skeleton: asf::Skeleton, frames: ndarray::Array2<f64>) -> Take {
    Take { joints: skeleton.joints, unit_metres: Some(skeleton.unit_metres), frame_seconds: 1.0 / FRAME_RATE, frames }
}

/// The skeleton that belongs to the take `amc`: the `.asf` in its folder whose name is a prefix of the take's
/// (`02.asf` for `02_01.amc`), or else the only one there.
///
/// # Errors
/// No such file, or several of other names.
pub fn skeleton_file(amc: &Path) -> Result<PathBuf> {
    let folder = amc.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut skeletons = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io("cannot read", folder, e))? {
        let path = entry.map_err(|e| Error::io("cannot read", folder, e))?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("asf")) {
            skeletons.push(path);
        }
    }
    let own = skeletons.iter().filter(|asf| is_named_after(amc, asf)).max_by_key(|asf| asf.as_os_str().len());
    match (own, skeletons.as_slice()) {
        (Some(asf), _) | (None, [asf]) => Ok(asf.clone()),
        (None, several) => {
            let stem = amc.file_stem().unwrap_or_default().to_string_lossy();
            let person = stem.rsplit_once('_').map_or(&*stem, |(person, _)| person);
            Err(Error::input(format!(
                "{} skeletons (.asf) beside this take and none of its name, expected {person}.asf or a single one",
                several.len()
            ))
            .at(amc)
            .hint("CMU has a skeleton for each subject, 02.asf for 02_01.amc; it tells the length of the bones"))
        }
    }
}

/// Whether the take is named like the skeleton with a number appended: `02_01` for `02`, `dance2` for `dance`.
pub fn is_named_after(amc: &Path, asf: &Path) -> bool {
    let Some(take) = amc.file_stem() else { return false };
    let Some(person) = asf.file_stem() else { return false };
    let take = take.to_string_lossy();
    let person = person.to_string_lossy();
    let Some(rest) = take.strip_prefix(&*person) else { return false };
    let number = rest.trim_start_matches(['_', '-']);
    let separated = number.len() < rest.len() || !person.ends_with(|last: char| last.is_ascii_digit());
    rest.is_empty() || (separated && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
