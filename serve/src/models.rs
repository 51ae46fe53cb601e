//! The models that are served, by name and version.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::failure::{Failure, FailureKind};
use crate::model::Model;

/// A model's name and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ModelKey {
    pub(crate) name: String,
    pub(crate) version: u64,
}

impl fmt::Display for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.name, self.version)
    }
}

/// A model that was found for a client; it stays while the client needs it, also when another takes its place.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) key: ModelKey,
    pub(crate) model: Arc<dyn Model>,
}

/// All models; requests look them up while others are loaded.
#[derive(Default)]
pub(crate) struct Models(RwLock<BTreeMap<ModelKey, Arc<dyn Model>>>);

impl Models {
    /// Serves `model` from now on, in the place of one of the same key.
    pub(crate) fn insert(&self, key: ModelKey, model: Arc<dyn Model>) {
        let replaced = self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, model);
        // Its threads are joined here, where no lock is held.
        drop(replaced);
    }

    /// Serves the model no longer.
    pub(crate) fn remove(&self, key: &ModelKey) {
        let removed = self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        drop(removed);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The name of the only model.
    ///
    /// # Errors
    /// There are none, or several.
    pub(crate) fn only(&self) -> Result<String, Failure> {
        let mut names: Vec<String> = self.all().into_iter().map(|served| served.key.name).collect();
        names.dedup();
        match names.len() {
            1 => Ok(names.swap_remove(0)),
            found => Err(Failure::request(format!("no model named, and there are {found}"))),
        }
    }

    /// All models.
    pub(crate) fn all(&self) -> Vec<Served> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        models.iter().map(|(key, model)| Served { key: key.clone(), model: Arc::clone(model) }).collect()
    }

    /// All versions of the model `name`.
    ///
    /// # Errors
    /// No such model; which there are.
    pub(crate) fn named(&self, name: &str) -> Result<Vec<Served>, Failure> {
        // For what it says where there is none.
        self.find(name, None)?;
        Ok(self.all().into_iter().filter(|served| served.key.name == name).collect())
    }

    /// The versions of `name`, ascending.
    pub(crate) fn versions(&self, name: &str) -> Vec<u64> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        models.keys().filter(|key| key.name == name).map(|key| key.version).collect()
    }

    /// The model `name` of `version`, or of its highest version where none is given.
    ///
    /// # Errors
    /// No such model; which there are.
    pub(crate) fn find(&self, name: &str, version: Option<&str>) -> Result<Served, Failure> {
        let models = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = models.iter().filter(|(key, _)| key.name == name);
        let found = match version {
            None => found.next_back(),
            Some(version) => found.find(|(key, _)| key.version.to_string() == version),
        };
        match found {
            Some((key, model)) => Ok(Served { key: key.clone(), model: Arc::clone(model) }),
            None => {
                let known: Vec<String> = models.keys().map(ToString::to_string).collect();
                let version = version.map_or_else(String::new, |version| format!(" version {version}"));
                let known = if known.is_empty() { "no models yet".to_owned() } else { known.join(", ") };
                Err(Failure::new(FailureKind::NotFound, format!("no model '{name}'{version}, there are {known}")))
            }
        }
    }
}
