//! The options of reading 2D streams, and what is reported of them.

use std::sync::{Arc, Mutex};

use clap::Args;

use super::report::Terminal;
use crate::format::Source;
use crate::guard::{Report, Rotation, SCORES, USUAL_GAP};
use crate::thread::lock;
use crate::track::PersonChoice;

/// How inputs are read.
#[derive(Debug, Clone, Args)]
pub(super) struct ReadArgs {
    /// Turn the image clockwise before lifting: 90, 180 or 270 degrees
    #[arg(long, value_name = "DEG", default_value_t = Rotation::None, hide_default_value = true)]
    pub(super) rotate: Rotation,
    /// Take y to point up in the input
    #[arg(long)]
    pub(super) y_up: bool,
    /// Treat key points of a lower score as missing [default: none; good detectors do not need it]
    #[arg(long, value_name = "SCORE", value_parser = score)]
    pub(super) min_score: Option<f32>,
    /// Lift one person alone: an id, or largest; or all
    #[arg(long, value_name = "WHO", default_value_t = PersonChoice::All)]
    pub(super) person: PersonChoice,
    /// Frames that a person may be out of sight and keep the id, where ids come from tracking
    #[arg(long, value_name = "FRAMES", default_value_t = USUAL_GAP)]
    pub(super) max_gap: u64,
    /// Do not correct legs that the detector exchanges for a moment
    #[arg(long)]
    pub(super) keep_sides: bool,
}

/// Parses a score.
pub(super) fn score(text: &str) -> Result<f32, String> {
    let score = text.parse().ok().filter(|score| SCORES.contains(score));
    score.ok_or_else(|| "expected a score, 0 to 1".to_owned())
}

/// Notices of what was assumed or found odd about all inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices(Arc<Mutex<Vec<String>>>);

impl Notices {
    /// Reports what is noticed of a source on the terminal, and keeps it.
    pub(super) fn report_on(&self, source: &Source, terminal: Terminal) -> Report {
        let notices = self.clone();
        let source = source.name().display().to_string();
        Box::new(move |notice| {
            let text = format!("{source}: {notice}");
            terminal.note(&text);
            lock(&notices.0).push(text);
        })
    }

    /// All that was noticed so far.
    pub(super) fn all(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}
