//! A folder of motion capture: finding its takes, telling its people apart, keeping what is sound.

use std::path::{Path, PathBuf};

use poselift::error::{Error, Result};

use super::body::{Body, BodyMap};
use super::bvh::Bvh;
use super::kinematics::place;
use super::rig::FittedRig;
use super::{MotionBuilder, Source, resample, ui_prmd};

/// Adds every take below `folder`, any depth, in the order of their paths.
///
/// # Errors
/// A folder without motion capture, or the first take that cannot be read.
pub fn add_folder(folder: &Path, builder: &mut MotionBuilder) -> Result<()> {
    let takes = takes(folder)?;
    if takes.is_empty() {
        return Err(Error::input("no motion capture in this folder, expected .bvh files, any depth")
            .at(folder)
            .hint("CMU's collection is one; `--data synthetic` needs no files"));
    }
    let mut report = FolderReport::default();
    for take in &takes {
        if is_array(take) {
            ui_prmd::add_file(take, builder)?;
        } else {
            add_take(folder, take, builder, &mut report)?;
        }
    }
    report.tell(folder, builder);
    Ok(())
}

/// What became of a folder's takes.
#[derive(Default)]
struct FolderReport {
    takes: usize,
    cut: Vec<String>,
    /// Rig and unit, and how many takes had them.
    rigs: std::collections::BTreeMap<String, usize>,
}

impl FolderReport {
    fn tell(&self, folder: &Path, builder: &mut MotionBuilder) {
        if self.takes == 0 {
            return;
        }
        builder.note(format!("{}: {} takes of BVH", folder.display(), self.takes));
        for (rig, takes) in &self.rigs {
            builder.note(format!("  {takes} on rig {rig}"));
        }
        for cut in &self.cut {
            builder.note(format!("  {cut}"));
        }
    }
}

/// Adds one BVH file.
fn add_take(folder: &Path, path: &Path, builder: &mut MotionBuilder, report: &mut FolderReport) -> Result<()> {
    let bvh = Bvh::from_file(path)?;
    let rig = FittedRig::find(&bvh).map_err(|e| e.at(path))?;
    let map = BodyMap::new(rig, &bvh).map_err(|e| e.at(path))?;
    let rate = 1.0 / bvh.frame_seconds;
    let bodies = bodies(&bvh, &map);
    let found = resample::pieces(&bodies, rate);

    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let collection = map.rig().collection;
    let source = builder.source(match collection {
        Some(known) => Source { name: known.name.into(), licence: known.licence.into() },
        None => Source { name: name_of(folder), licence: "unknown".into() },
    });
    let subject = subject_of(&stem, collection.map(|known| known.name));
    for range in &found.ranges {
        let resampled = resample::resample(&bodies[range.clone()], rate, builder.rate());
        builder.clip(&stem, &subject, source, map.human_lengths, &resampled);
    }

    report.takes += 1;
    *report.rigs.entry(format!("{}, unit {}", map.rig().name, map.unit)).or_default() += 1;
    // One frame may be a rest pose of a kind that the rig's table does not know.
    if found.cut > 1 || found.not_finite > 0 || found.ranges.is_empty() {
        report.cut.push(format!(
            "{stem}: {} of {} frames cut ({} jumps, {} frames that are no numbers)",
            found.cut,
            bodies.len(),
            found.jumps,
            found.not_finite
        ));
    }
    Ok(())
}

/// Our bodies of all frames; the rest pose that a file may begin with is left out.
fn bodies(bvh: &Bvh, map: &BodyMap) -> Vec<Body> {
    let mut placements = Vec::with_capacity(bvh.joints.len());
    let mut bodies: Vec<_> = bvh
        .frames
        .rows()
        .into_iter()
        .map(|row| {
            place(bvh, row, &mut placements);
            map.body(&placements)
        })
        .collect();
    if !bodies.is_empty() && map.starts_at_rest(bvh) {
        bodies.drain(..map.rig().rest_frames.min(bodies.len()));
    }
    bodies
}

/// The person in the take called `stem`: what stands before the last `_NN`; bare numbers get the collection's name.
///
/// `16_01` is `cmu16`, `cmu_10_03` is `cmu10`, `indian_04` is `indian`.
pub fn subject_of(stem: &str, collection: Option<&str>) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let person = match stem.rsplit_once('_') {
        Some((person, take)) if is_number(take) && !person.is_empty() => person,
        _ => stem,
    };
    let Some(collection) = collection else { return person.to_owned() };
    let number = person.strip_prefix(collection).map_or(person, |rest| rest.trim_start_matches('_'));
    if is_number(number) { format!("{collection}{number}") } else { person.to_owned() }
}

fn name_of(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    absolute.file_name().map_or_else(|| "motion capture".into(), |name| name.to_string_lossy().into_owned())
}

/// Every take below `folder`, sorted: `.bvh`, and `.npy` with a `.json` of the same name beside it.
fn takes(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let unreadable = |e| Error::io("cannot read", &folder, e);
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            // A linked folder is not followed: it may lead back here.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(path);
            } else if has_extension(&path, "bvh") || (is_array(&path) && path.with_extension("json").is_file()) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_array(path: &Path) -> bool {
    has_extension(path, "npy")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_apart_by_the_files_name() {
        for (stem, collection, expected) in [
            ("16_01", Some("cmu"), "cmu16"),
            ("131_02", Some("cmu"), "cmu131"),
            ("cmu_10_03", Some("cmu"), "cmu10"),
            ("indian_04", Some("cmu"), "indian"),
            ("anna_walk_02", None, "anna_walk"),
            ("walk", None, "walk"),
            ("16_01", None, "16"),
            ("_01", None, "_01"),
        ] {
            assert_eq!(subject_of(stem, collection), expected, "{stem}");
        }
    }
}
