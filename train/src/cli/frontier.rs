//! `poselift-train frontier`.

use std::path::PathBuf;

use clap::Args;
use poselift::{Error, Result};

use super::data::data_of;
use crate::output;
use crate::study::frontier;

/// Arguments of `frontier`.
#[derive(Debug, Args)]
pub(super) struct FrontierArgs {
    /// The models to compare, all of one layout of key points
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// The folder of the run whose validation split they are measured on; its sources must still be where they were
    #[arg(long, value_name = "RUN")]
    on: PathBuf,
    /// The folder for frontier.md, frontier.svg and frontier.png
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Threads of the CPU [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

pub(super) fn run(args: &FrontierArgs) -> Result<()> {
    let (dataset, _) = data_of(&args.on)?;
    let places = frontier::places(&args.models, &dataset, args.threads)?;
    std::fs::create_dir_all(&args.output).map_err(|e| Error::io("cannot create", &args.output, e))?;
    let text = frontier::markdown(&places, &dataset.card.validated_on);
    output::write_whole(&args.output.join("frontier.md"), text.as_bytes())?;
    let chart = frontier::chart(&places)?;
    chart.save_svg(&args.output.join("frontier.svg"))?;
    chart.save_png(&args.output.join("frontier.png"))?;
    eprintln!("{}: {} models", args.output.join("frontier.md").display(), places.len());
    Ok(())
}
