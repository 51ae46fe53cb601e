//! `poselift-train robustness`.

use std::path::PathBuf;

use clap::Args;
use poselift::lift::{Lifter, LifterOptions};
use poselift::{Error, Result};

use super::data::data_of;
use crate::output;
use crate::study::robustness;

/// Arguments of `robustness`.
#[derive(Debug, Args)]
pub(super) struct RobustnessArgs {
    /// The model to measure
    model: PathBuf,
    /// The folder of the run whose validation split it is measured on; its sources must still be where they were
    #[arg(long, value_name = "RUN")]
    on: PathBuf,
    /// The folder for robustness.md, robustness.svg and robustness.png, and sigma.svg of a model that gives sigma
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// At most this many views for each row of the tables
    #[arg(long, value_name = "N", default_value_t = 4096)]
    views: usize,
}

pub(super) fn run(args: &RobustnessArgs) -> Result<()> {
    let mut lifter = Lifter::from_file_with(&args.model, &LifterOptions::default())?;
    let (dataset, sources) = data_of(&args.on)?;
    dataset.card.expect_model(&args.model.display().to_string(), lifter.card())?;
    let study = robustness::study(&mut lifter, &dataset, &sources, args.views)?;
    std::fs::create_dir_all(&args.output).map_err(|e| Error::io("cannot create", &args.output, e))?;
    let name = &lifter.card().name;
    let text = robustness::markdown(&study, name, &dataset.card.validated_on, args.views);
    output::write_whole(&args.output.join("robustness.md"), text.as_bytes())?;
    let chart = robustness::chart(&study, name)?;
    chart.save_svg(&args.output.join("robustness.svg"))?;
    chart.save_png(&args.output.join("robustness.png"))?;
    if let Some(sigma) = robustness::sigma_chart(&study, name)? {
        sigma.save_svg(&args.output.join("sigma.svg"))?;
    }
    eprintln!("{}: {} curves", args.output.join("robustness.md").display(), study.len());
    Ok(())
}
