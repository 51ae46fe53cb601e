//! Models: what a file says about itself, and running it.

mod card;

pub use card::{CARD_KEY, CARD_SCHEMA, Card, DataCard, InputCard, Metric, NetworkCard, OutputCard, TrainingCard};
