//! An exported model that a run starts from instead of fresh weights (`fit --init`).
//!
//! Its layers have BatchNorm and z-scores folded into them. They are unfolded so that the network begins as the same function:
//! z-scores become those of the new data, and each BatchNorm gets the mean and variance that its input has on them
//! ([`LiftNet::measure_norms`]).

use bytes::Bytes;
use poselift::model::{Card, ModelFile};
use poselift::skeleton::{COCO17, COCO23, H36M17};
use poselift::{Error, Result};
use poselift_onnx::{Features, Model, Network};

use super::widen::{Ends, Widening};
use crate::config::{InitConfig, InputBlock, NetworkConfig};
use crate::dataset::{Dataset, DatasetCard};
use crate::features::features;
use crate::net::LiftNet;
use crate::trained::InputTransform;
use crate::unfold;

/// Training samples that the BatchNorms are measured on.
const MEASURED: i64 = 16_384;

/// A model's layers, to start from.
#[derive(Debug)]
pub(crate) struct Start {
    network: Network,
    init: InitConfig,
    card: Card,
}

impl Start {
    /// Reads the model that `init` names.
    ///
    /// # Errors
    /// The file cannot be read, was not written by `export`, remembers frames, or is another one than the run began with.
    pub(crate) fn open(init: &InitConfig) -> Result<Self> {
        let file = ModelFile::read(&init.model)?;
        file.check_weights()?;
        let network = network_of(&file)?;
        if network.memory.is_some() {
            return Err(Error::usage("--init with a model that remembers, expected one of single frames")
                .at(&init.model)
                .hint("start from the model that its memory stands behind, then fit a memory with `poselift-train memory`"));
        }
        Ok(Self { network, init: init.read_as(file.card())?, card: file.card().clone() })
    }

    /// The model as a configuration names it, with its weights.
    pub(crate) fn named(&self) -> &InitConfig {
        &self.init
    }

    /// The shape of the model's network, trained as `config` says.
    pub(crate) fn shape(&self, config: &NetworkConfig) -> NetworkConfig {
        let network = &self.network;
        let layers = network.blocks.layers();
        NetworkConfig {
            blocks: layers.len(),
            hidden: network.hidden() * network.planes(),
            layers_per_block: layers.first().copied().unwrap_or(1),
            input_block: if network.input_relu { InputBlock::Full } else { InputBlock::Linear },
            sigma: network.sigma,
            mirror: network.planes() == 2,
            ..config.clone()
        }
    }

    /// Refuses data that the model does not fit.
    ///
    /// # Errors
    /// Other key points, other joints, or paired arrays for a model of motion and the other way round.
    pub(crate) fn check(&self, data: &DatasetCard) -> Result<()> {
        if !self.lacks_feet_of(data) {
            data.expect_model("the model of --init", &self.card)?;
        }
        match (&self.network.features, data.transform()) {
            (Features::Centred, InputTransform::Centred) | (Features::Absolute(_), InputTransform::Absolute) => Ok(()),
            (Features::Centred, InputTransform::Absolute) => {
                Err(Error::usage("the model of --init was fitted on motion, the data are paired arrays"))
            }
            (Features::Absolute(_), InputTransform::Centred) => {
                Err(Error::usage("the model of --init was fitted on paired arrays, the data are motion"))
            }
        }
    }

    /// Whether the model is one of motion that differs from `data` in having no feet.
    fn lacks_feet_of(&self, data: &DatasetCard) -> bool {
        let theirs = &self.card;
        let ours = data;
        theirs.input.joints == COCO17.joints
            && ours.input.joints == COCO23.joints
            && theirs.output.joints == H36M17.joints
            && (theirs.input.channels, theirs.input.view) == (ours.input.channels, ours.input.view)
            && theirs.output.unit == ours.output.unit
    }

    /// Gives `net` the model's weights; feet that the model does not know are added ([`Widening`]).
    ///
    /// # Errors
    /// The network has another shape.
    pub(crate) fn load_into(&self, net: &mut LiftNet, dataset: &Dataset) -> Result<()> {
        let ours = &dataset.card;
        let theirs = &self.card;
        let network = unfold::network(&self.network);
        if self.lacks_feet_of(ours) {
            let model = Ends { input: &theirs.input, output: &theirs.output };
            let run = Ends { input: &ours.input, output: &ours.output };
            let widening = Widening::new(model, run)?;
            net.start_from(&widening.widened(network, &net.zscores().1.mean))?;
        } else {
            net.start_from(&network)?;
        }
        let keypoints = dataset.calibration(MEASURED).to_device(net.device());
        let means = net.feature_means();
        net.measure_norms(&features(&keypoints, &dataset.card.transform(), &means));
        Ok(())
    }
}

/// The network in a model file that `export` wrote.
///
/// # Errors
/// A file that is not as `export` writes it.
pub(crate) fn network_of(file: &ModelFile) -> Result<Network> {
    let model = Model::decode(Bytes::copy_from_slice(file.bytes()));
    let model = model.ok_or_else(|| Error::model("is no ONNX model").at(file.name()))?;
    model.network().map_err(|error| Error::from(error).at(file.name()))
}
