//! A folder of motion capture: finds its takes, identifies its people, keeps what is sound.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use poselift::error::{Error, Result};

use super::{acclaim, arrays, bvh, ui_prmd};
use crate::data::TakeOf;
use crate::data::body::kinematics::place;
use crate::data::body::rig::FittedRig;
use crate::data::body::take::Take;
use crate::data::body::{Body, BodyMap};
use crate::data::check::Figure;
use crate::data::{MotionBuilder, Source};

/// Adds every take below `folder`, at any depth, in the order of their paths.
///
/// # Errors
/// A folder without motion capture, or the first take that cannot be read.
pub fn add_folder(folder: &Path, builder: &mut MotionBuilder) -> Result<()> {
    let takes = takes(folder)?;
    if takes.is_empty() {
        return Err(Error::input(
            "no motion capture in this folder, expected .bvh files, .amc with their .asf, or .npy of [frames, joints, 3], any depth",
        )
        .at(folder)
        .hint("CMU's collection is one; `--data synthetic` needs no files"));
    }
    let mut report = FolderReport::default();
    for take in &takes {
        if is_described(take) {
            ui_prmd::add_file(take, builder)?;
        } else if has_extension(take, "npy") {
            arrays::add_file(take, Some(&name_of(folder)), builder)?;
        } else if arrays::is_pose_file(take) {
            arrays::add_h5(take, builder)?;
        } else {
            add_take(folder, take, builder, &mut report)?;
        }
    }
    report.add_notes(folder, builder);
    Ok(())
}

/// Counts of what a folder's takes were.
#[derive(Default)]
struct FolderReport {
    /// Takes of BVH.
    bvh: usize,
    /// Takes of Acclaim.
    acclaim: usize,
    cut: Vec<String>,
    /// Rig and unit, and how many takes had them.
    rigs: std::collections::BTreeMap<String, usize>,
}

impl FolderReport {
    fn add_notes(&self, folder: &Path, builder: &mut MotionBuilder) {
        if self.bvh > 0 {
            builder.note(format!("{}: {} takes of BVH", folder.display(), self.bvh));
        }
        if self.acclaim > 0 {
            builder.note(format!(
                "{}: {} takes of Acclaim ASF/AMC, read at CMU's {} Hz: these files name no rate",
                folder.display(),
                self.acclaim,
                acclaim::FRAME_RATE
            ));
        }
        for (rig, takes) in &self.rigs {
            builder.note(format!("  {takes} on rig {rig}"));
        }
        for cut in &self.cut {
            builder.note(format!("  {cut}"));
        }
    }
}

/// A file's take, and the person in it.
struct Recording {
    take: Take,
    /// The person's name in the files.
    person: String,
}

impl Recording {
    fn from_file(path: &Path) -> Result<Self> {
        if !is_acclaim(path) {
            return Ok(Self { take: bvh::from_file(path)?, person: person_of(&stem_of(path)).to_owned() });
        }
        let skeleton = acclaim::skeleton_file(path)?;
        let take = acclaim::from_files(&skeleton, path)?;
        // A skeleton belongs to one person, whatever names the takes have, unless the skeleton's name is not a
        // person's.
        let person = match acclaim::is_named_after(path, &skeleton) {
            true => stem_of(&skeleton),
            false => person_of(&stem_of(path)).to_owned(),
        };
        Ok(Self { take, person })
    }
}

/// Adds one BVH or AMC file.
fn add_take(folder: &Path, path: &Path, builder: &mut MotionBuilder, report: &mut FolderReport) -> Result<()> {
    let Recording { take, person } = Recording::from_file(path)?;
    let rig = FittedRig::find(&take).map_err(|e| e.at(path))?;
    let map = BodyMap::new(rig, &take).map_err(|e| e.at(path))?;
    let rate = 1.0 / take.frame_seconds;
    let bodies = bodies(&take, &map);

    let stem = stem_of(path);
    let collection = map.rig().collection;
    let source = builder.source(match collection {
        Some(known) => Source { name: known.name.into(), licence: known.licence.into() },
        None => Source { name: name_of(folder), licence: "unknown".into() },
    });
    let subject = subject_of(&person, collection.map(|known| known.name));
    let figure = Figure { human_lengths: map.human_lengths, own_face: true };
    let whose = TakeOf { name: &stem, subject: &subject, source, figure };
    let sifted = builder.take(whose, &bodies, rate);
    report.cut.extend(sifted.complaint(&stem, bodies.len()));

    *if is_acclaim(path) { &mut report.acclaim } else { &mut report.bvh } += 1;
    *report.rigs.entry(format!("{}, unit {}", map.rig().name, map.unit)).or_default() += 1;
    Ok(())
}

/// Our bodies of all frames; the rest pose that a file may begin with is left out.
fn bodies(take: &Take, map: &BodyMap) -> Vec<Body> {
    let mut placements = Vec::with_capacity(take.joints.len());
    let mut bodies = Vec::with_capacity(take.frames.nrows());
    for row in take.frames.rows() {
        place(take, row, &mut placements);
        bodies.push(map.body(&placements));
    }
    if !bodies.is_empty() && map.starts_at_rest(take) {
        bodies.drain(..map.rig().rest_frames.min(bodies.len()));
    }
    bodies
}

/// The person in the take called `stem`: the part before the last `_NN`.
fn person_of(stem: &str) -> &str {
    match stem.rsplit_once('_') {
        Some((person, take)) if is_number(take) && !person.is_empty() => person,
        _ => stem,
    }
}

/// Our name of `person`; bare numbers get the collection's name in front.
///
/// `16` is `cmu16`, `cmu_10` is `cmu10`, `indian` stays.
fn subject_of(person: &str, collection: Option<&str>) -> String {
    let Some(collection) = collection else { return person.to_owned() };
    let number = person.strip_prefix(collection).map_or(person, |rest| rest.trim_start_matches('_'));
    if is_number(number) { format!("{collection}{number}") } else { person.to_owned() }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn stem_of(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn name_of(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    absolute.file_name().map_or_else(|| "motion capture".into(), |name| name.to_string_lossy().into_owned())
}

/// Every take below `folder`, in linked folders too, sorted: `.bvh`, `.amc`, `.npy` that hold a clip or have a `.json` of the same name, and
/// the 3D poses of Martinez's archive.
fn takes(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    // Links come last and in order, so that a folder that is here already keeps its own path.
    let mut links = BTreeSet::new();
    let mut known = HashSet::new();
    while let Some(folder) = folders.pop().or_else(|| links.pop_first()) {
        // A link may lead back to where it is.
        if !known.insert(folder.canonicalize().map_err(|e| unreadable(&folder, e))?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(|e| unreadable(&folder, e))? {
            let entry = entry.map_err(|e| unreadable(&folder, e))?;
            let path = entry.path();
            if entry.file_type().map_err(|e| unreadable(&folder, e))?.is_dir() {
                folders.push(path);
            } else if path.is_dir() {
                links.insert(path);
            } else if has_extension(&path, "bvh")
                || is_acclaim(&path)
                || is_described(&path)
                || (has_extension(&path, "npy") && arrays::is_clip(&path))
                || arrays::is_positions(&path)
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn unreadable(folder: &Path, error: std::io::Error) -> Error {
    Error::io("cannot read", folder, error)
}

fn is_acclaim(path: &Path) -> bool {
    has_extension(path, "amc")
}

/// Whether the array has a `.json` of the same name that describes it.
fn is_described(path: &Path) -> bool {
    has_extension(path, "npy") && path.with_extension("json").is_file()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link to a folder elsewhere is followed; one that leads back, or to what is here already, adds nothing.
    #[cfg(unix)]
    #[test]
    fn linked_folders_are_followed_once() {
        use std::fs;
        use std::os::unix::fs::symlink;

        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, elsewhere) = (here.path(), elsewhere.path());
        for folder in [here.join("own"), elsewhere.join("deep")] {
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("walk_01.bvh"), "").unwrap();
        }
        symlink(elsewhere, here.join("linked")).unwrap();
        symlink(here.join("own"), here.join("again")).unwrap();
        symlink(here, elsewhere.join("back")).unwrap();
        symlink(here.join("nowhere"), here.join("broken")).unwrap();
        let expected = [here.join("linked/deep/walk_01.bvh"), here.join("own/walk_01.bvh")];
        assert_eq!(takes(here).unwrap(), expected);
    }

    #[test]
    fn people_are_identified_by_the_files_name() {
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
            assert_eq!(subject_of(person_of(stem), collection), expected, "{stem}");
        }
    }
}
