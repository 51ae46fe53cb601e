//! Models of a folder, loaded again when their files change: `NAME.onnx`, or Triton's `NAME/VERSION/model.onnx`.
//!
//! The folder is looked at from time to time, which works on any file system. A model is loaded beside the one that it
//! replaces, and takes its place when it has answered once; one that cannot be loaded replaces nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::model::Model;
use crate::models::{ModelKey, Models};

/// Makes models of files.
pub trait Loader: Send + Sync {
    /// Loads the model at `path` and lets it answer once, so that its first client does not wait for it.
    ///
    /// # Errors
    /// Why it cannot be served.
    fn load(&self, path: &Path) -> Result<Arc<dyn Model>, String>;
}

/// What changed in a folder.
#[derive(Debug)]
pub(crate) enum Change {
    Loaded(ModelKey),
    Removed(ModelKey),
    /// And why; the one that was served before goes on.
    NotLoaded(ModelKey, String),
    /// The folder itself or one in it, and why.
    NotRead(PathBuf, String),
}

/// What tells whether a file is another one than before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    modified: Option<SystemTime>,
    bytes: u64,
}

/// A folder of models.
pub(crate) struct Folder {
    path: PathBuf,
    loader: Arc<dyn Loader>,
    /// Each model's file when it was last loaded, or tried.
    seen: BTreeMap<ModelKey, Stamp>,
}

impl Folder {
    pub(crate) fn new(path: PathBuf, loader: Arc<dyn Loader>) -> Self {
        Self { path, loader, seen: BTreeMap::new() }
    }

    /// Looks at the folder and brings `models` up to date.
    pub(crate) fn refresh(&mut self, models: &Models, mut report: impl FnMut(Change)) {
        // A folder that cannot be read for a moment takes no model away.
        let Found { files: found, unread } = match find(&self.path) {
            Ok(found) => found,
            Err(error) => return report(Change::NotRead(self.path.clone(), error.to_string())),
        };
        for (key, stamp) in &found {
            if self.seen.get(key) == Some(stamp) {
                continue;
            }
            self.seen.insert(key.clone(), stamp.clone());
            match self.loader.load(&stamp.path) {
                Ok(model) => {
                    models.insert(key.clone(), model);
                    report(Change::Loaded(key.clone()));
                }
                Err(why) => report(Change::NotLoaded(key.clone(), why)),
            }
        }
        let mut gone = Vec::new();
        for (key, stamp) in &self.seen {
            let is_unread = unread.iter().any(|(folder, _)| stamp.path.starts_with(folder));
            if !found.contains_key(key) && !is_unread {
                gone.push(key.clone());
            }
        }
        for (folder, why) in &unread {
            report(Change::NotRead(folder.clone(), why.clone()));
        }
        for key in gone {
            self.seen.remove(&key);
            models.remove(&key);
            report(Change::Removed(key));
        }
    }
}

/// What there is in a folder of models.
#[derive(Default)]
struct Found {
    files: BTreeMap<ModelKey, Stamp>,
    /// Folders in it that cannot be read, and why: a system's `lost+found`, or one that was just taken away.
    unread: Vec<(PathBuf, String)>,
}

/// The models' files in the folder at `path`.
fn find(path: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        if path.is_dir() {
            // The whole name: a folder has no extension.
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            match versions(&path) {
                Ok(versions) => {
                    for (version, path) in versions {
                        add(&mut found.files, ModelKey { name: name.clone(), version }, path);
                    }
                }
                Err(error) => found.unread.push((path, error.to_string())),
            }
        } else if path.extension().is_some_and(|extension| extension == "onnx") {
            add(&mut found.files, ModelKey { name, version: 1 }, path);
        }
    }
    Ok(found)
}

/// The versions in a model's folder, as Triton has them.
fn versions(folder: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let file = path.join("model.onnx");
        if let (Some(number), true) = (number, file.is_file()) {
            versions.push((number, file));
        }
    }
    Ok(versions)
}

/// Adds a file that is still there.
fn add(found: &mut BTreeMap<ModelKey, Stamp>, key: ModelKey, path: PathBuf) {
    if let Ok(about) = std::fs::metadata(&path) {
        found.insert(key, Stamp { path, modified: about.modified().ok(), bytes: about.len() });
    }
}
