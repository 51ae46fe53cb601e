//! A model file in another form: fixed scales, shorter weights, another name.

use poselift::model::{CARD_KEY, Card, ModelFile, Quantisation, verify_kernels};
use poselift::{Error, Result};

use super::{ExportArgs, Exported, Form, Target, paths, report_kernels};
use crate::cli::data::{data_of, data_of_config};
use crate::config::{FitConfig, NetworkConfig};
use crate::dataset::Dataset;
use crate::export::mantissa;
use crate::fit::start::network_of;
use crate::output;
use crate::verify::{self, PrecisionCost};

/// A file that was exported before: as it is, or with fixed scales.
pub(super) fn from_model(args: &ExportArgs, form: Form) -> Result<Exported> {
    let file = ModelFile::read(&args.source)?;
    file.check_weights()?;
    if matches!(args.target(), Target::Triton(_)) && file.card().memory.is_some() {
        return Err(Error::usage("has a memory of each person, which no batch of a server keeps").at(&args.source));
    }
    let name = args.name_or(&file.card().name)?;
    for path in paths(args, &name) {
        output::refuse_overwriting(&path, [args.source.as_path()], "which is read")?;
    }
    if let Some(bits) = args.mantissa {
        return with_short_weights(args, bits, &renamed(&file, name)?);
    }
    if form.quantisation != Quantisation::Dynamic {
        let dataset = data_for(args, file.card())?;
        let named = renamed(&file, name)?;
        return with_fixed_scales(args, form, &named, &dataset);
    }
    let is_another_form =
        args.quantisation.is_some() || args.precision.is_some_and(|other| other != file.card().network.precision);
    if is_another_form || matches!(args.target(), Target::File(_)) {
        let message =
            "a model file is written anew with --quantisation qdq or qdq-full, --mantissa, --hub or --triton only";
        return Err(Error::usage(message).at(&args.source).hint("another precision is exported from the run's folder"));
    }
    let named = renamed(&file, name)?;
    Ok(Exported { card: named.card().clone(), bytes: named.bytes().to_vec(), verification: None, loss: None })
}

/// The file with another name on its card.
fn renamed(file: &ModelFile, name: String) -> Result<ModelFile> {
    if file.card().name == name {
        return Ok(file.clone());
    }
    let mut proto = poselift_onnx::Model::decode(file.bytes().to_vec().into())
        .map(|model| model.proto().clone())
        .ok_or_else(|| Error::model("is no ONNX model").at(file.name()))?;
    let card = Card { name, ..file.card().clone() };
    for entry in proto.metadata_props.iter_mut().filter(|entry| entry.key == CARD_KEY) {
        entry.value = card.to_json();
    }
    ModelFile::from_bytes(file.name(), proto.to_bytes())
}

/// The data that a model file is quantised on: those of `--on`, or made-up people.
fn data_for(args: &ExportArgs, card: &Card) -> Result<Dataset> {
    let dataset = match &args.on {
        Some(run) => data_of(run)?.0,
        None => {
            let data = ["synthetic", "postures"].map(str::to_owned).into();
            let config = FitConfig { data, layout: card.input.layout.clone(), ..FitConfig::default() };
            let network = NetworkConfig { sigma: card.output.sigma, ..NetworkConfig::default() };
            let config = FitConfig { network, ..config };
            config.input_layout().map_err(|_| {
                let message = format!(
                    "the model reads key points of the layout {}, which made-up people do not have",
                    card.input.layout
                );
                Error::usage(message).at(&args.source).hint("--on RUN names the run that it is from")
            })?;
            data_of_config(&config)?.0
        }
    };
    dataset.card.expect_model("the model", card).map_err(|error| error.at(&args.source))?;
    Ok(dataset)
}

/// The float32 file `exact` with scales taken from `dataset`, and what that costs.
pub(super) fn with_fixed_scales(
    args: &ExportArgs,
    form: Form,
    exact: &ModelFile,
    dataset: &Dataset,
) -> Result<Exported> {
    if exact.card().memory.is_some() {
        return Err(Error::usage("has a memory, which fixed scales are not taken for").at(exact.name()));
    }
    let model = poselift_onnx::Model::decode(exact.bytes().to_vec().into());
    let model = model.ok_or_else(|| Error::model("is no ONNX model").at(exact.name()))?;
    let ranges = verify::ranges(&model, form.quantisation, dataset).map_err(|error| error.at(exact.name()))?;
    let network = model.network()?;
    let mut card = exact.card().clone();
    card.network.precision = form.precision;
    card.network.quantisation = form.quantisation;
    let loss = match args.no_loss {
        true => None,
        false => {
            let rounded = poselift_onnx::write_qdq(&network, form.quantisation, &ranges, card.clone())?;
            Some(verify::cost(exact, &ModelFile::from_bytes(exact.name(), rounded.bytes)?, dataset)?)
        }
    };
    card.metrics.extend(loss.iter().flat_map(PrecisionCost::metrics));
    let written = poselift_onnx::write_qdq(&network, form.quantisation, &ranges, card)?;
    Ok(Exported { card: written.card, bytes: written.bytes, verification: None, loss })
}

/// The float32 file `exact` with `bits` bits of fraction for each hidden weight, and what that costs.
fn with_short_weights(args: &ExportArgs, bits: u32, exact: &ModelFile) -> Result<Exported> {
    let network = mantissa::shorten(network_of(exact)?, bits).map_err(|error| error.at(exact.name()))?;
    let written = poselift_onnx::write(&network, exact.card().clone())?;
    let short = ModelFile::from_bytes(exact.name(), written.bytes.clone())?;
    report_kernels(&verify_kernels(&short)?);
    let loss = match args.no_loss {
        true => None,
        false => {
            let dataset = data_for(args, exact.card())?;
            Some(verify::cost(exact, &short, &dataset)?)
        }
    };
    Ok(Exported { card: written.card, bytes: written.bytes, verification: None, loss })
}
