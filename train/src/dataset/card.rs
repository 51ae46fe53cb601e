//! The description of a data set, for the run and for the model's card.

use poselift::model::{Card, DataCard, InputCard, OutputCard, View};
use poselift::pose::{Axes, Unit};
use poselift::skeleton::Layout;
use poselift::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::config::NetworkConfig;
use crate::data::{Motion, Pairs, Source};
use crate::net::{Mirror, Standardisation};
use crate::trained::{InputTransform, ZScore};
use crate::views::lifted_from;

/// The description of a data set that outlives the run; saved as `dataset.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetCard {
    /// The model's input.
    pub input: InputCard,
    /// The model's output.
    pub output: OutputCard,
    /// Whether key points are centred and scaled by themselves (motion), or taken as they are (pairs).
    pub centred: bool,
    /// Where the data come from.
    pub data: Vec<DataCard>,
    /// The data of the validation figures, in words.
    pub validated_on: String,
    /// The teacher, whose poses are learned in addition to the true ones, by its name and weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// Number of training poses.
    pub train_size: usize,
    /// Number of validation poses.
    pub val_size: usize,
}

impl DatasetCard {
    /// The transform from key points to features.
    pub fn transform(&self) -> InputTransform {
        if self.centred { InputTransform::Centred } else { InputTransform::Absolute }
    }

    /// Refuses a model, called `what`, that reads other key points or gives other poses than these data have.
    ///
    /// # Errors
    /// Both in words.
    pub fn expect_model(&self, what: &str, card: &Card) -> Result<()> {
        let reads_the_same = (&card.input.joints, card.input.channels, card.input.view)
            == (&self.input.joints, self.input.channels, self.input.view);
        let gives_the_same = (&card.output.joints, card.output.root, &card.output.unit)
            == (&self.output.joints, self.output.root, &self.output.unit);
        if reads_the_same && gives_the_same {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{what} lifts {}, expected {}",
            described(&card.input, &card.output),
            described(&self.input, &self.output),
        )))
    }

    /// The standardisation at both ends of a network for these data, by the `zscores` of features and coordinates.
    ///
    /// # Errors
    /// A mirror-equivariant network for a layout whose left and right joints are not known.
    pub fn standardisation(&self, zscores: (ZScore, ZScore), network: &NetworkConfig) -> Result<Standardisation> {
        if network.mirror && !self.centred {
            return Err(Error::usage("--mirror on, but paired arrays do not say which joints are left and right"));
        }
        let (input, output) = zscores;
        let key_points = (&self.input.joints[..], self.input.channels);
        let mirror = network.mirror.then(|| Mirror::new(key_points, &self.output.joints));
        Ok(Standardisation { input, output, mirror })
    }

    /// The unit of reported errors: millimetres if the data are in metres.
    pub fn error_unit(&self) -> ErrorUnit<'_> {
        if self.output.unit == Unit::Metres {
            ErrorUnit { factor: 1000.0, name: "mm" }
        } else {
            ErrorUnit { factor: 1.0, name: self.output.unit.name() }
        }
    }
}

/// The unit that errors are reported in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorUnit<'a> {
    /// How many of it make up one of the data's unit.
    pub factor: f64,
    /// Its name, `mm`.
    pub name: &'a str,
}

/// A model's input, output and unit, in words.
fn described(input: &InputCard, output: &OutputCard) -> String {
    format!("{} to {} in {}", input.layout, output.skeleton, output.unit)
}

fn names(joints: &[&str]) -> Vec<String> {
    joints.iter().map(|&name| name.to_owned()).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|joint| format!("joint_{joint}")).collect()
}

fn data_card(source: &Source) -> DataCard {
    DataCard { name: source.name.clone(), licence: source.licence.clone() }
}

pub(super) fn pairs_card(pairs: &Pairs, training: usize, validating: usize) -> DatasetCard {
    let (_, inputs, channels) = pairs.keypoints.dim();
    let outputs = pairs.poses.dim().1;
    DatasetCard {
        input: InputCard { layout: "custom".into(), joints: numbered(inputs), channels, view: View::Camera },
        output: OutputCard {
            skeleton: "custom".into(),
            joints: numbered(outputs),
            parents: vec![-1; outputs],
            root: pairs.root,
            root_position: pairs.root_position,
            unit: pairs.unit.as_str().into(),
            axes: Axes::Camera,
            sigma: false,
        },
        centred: false,
        data: vec![data_card(&pairs.source)],
        validated_on: format!("the last {validating} of {} samples", training + validating),
        teacher: None,
        train_size: training,
        val_size: validating,
    }
}

pub(super) fn motion_card(
    motion: &Motion,
    layout: &Layout,
    validating: &[usize],
    train_size: usize,
    val_size: usize,
) -> DatasetCard {
    let mut subjects: Vec<_> = validating.iter().map(|&clip| motion.clips[clip].subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let lifted = lifted_from(layout);
    DatasetCard {
        input: InputCard { layout: layout.name.into(), joints: names(layout.joints), channels: 3, view: View::Subject },
        output: OutputCard {
            skeleton: lifted.name.into(),
            joints: names(lifted.joints),
            parents: lifted.parents.to_vec(),
            root: Some(0),
            root_position: None,
            unit: Unit::Metres,
            axes: Axes::Camera,
            sigma: false,
        },
        centred: true,
        data: motion.sources.iter().map(data_card).collect(),
        validated_on: format!("virtual cameras on subjects {}", subjects.join(", ")),
        teacher: None,
        train_size,
        val_size,
    }
}
