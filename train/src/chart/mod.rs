//! Charts of a run, of a sweep, of a study, of sigma and of several models.
//!
//! A chart is first laid out as a list of marks in logical pixels, which tests can check, and then the same marks are
//! painted as SVG or PNG.

mod axis;
mod calibration;
mod comparison;
mod panels;
mod plot;
mod scene;
mod thin;
mod tradeoff;
mod training;

pub use calibration::calibration_chart;
pub use comparison::{ComparisonRow, Reference, Score, comparison_chart};
pub use panels::{ChartLine, Panel, panels_chart};
pub use scene::Chart;
pub use tradeoff::{Tradeoff, tradeoff_chart};
pub use training::training_chart;

/// A unit in an axis title.
fn unit_label(unit: &str) -> &str {
    if unit == "unknown" { "the data's own unit" } else { unit }
}

/// Colours that colour-blind people can distinguish (Okabe and Ito 2008, with paler shades of the same).
mod colour {
    pub(super) type Colour = (u8, u8, u8);

    pub(super) const INK: Colour = (0x22, 0x22, 0x22);
    pub(super) const FAINT_INK: Colour = (0x6b, 0x6b, 0x6b);
    pub(super) const RULE: Colour = (0xb4, 0xb4, 0xb4);
    pub(super) const GRID: Colour = (0xea, 0xea, 0xea);
    pub(super) const BAND: Colour = (0xfb, 0xee, 0xe6);
    pub(super) const PALE_BLUE: Colour = (0xb5, 0xd3, 0xea);
    pub(super) const BLUE: Colour = (0x00, 0x72, 0xb2);
    pub(super) const VERMILION: Colour = (0xd5, 0x5e, 0x00);
}
