//! Human-like motion generated from a seed, so that everything can be tried, tested and timed without a file.
//!
//! A figure with anatomical bone lengths and joint limits (`figure`, `angles`) goes through everyday movements
//! (`movement`), or, as [`Repertoire::Postures`], through what joints allow beyond them. It does not replace captured
//! motion: it has no balance and no style. Together with captured motion it makes networks better on people of other
//! recordings (`models/README.md` has the figures).

mod angles;
mod figure;
mod movement;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::body::feet;
use super::{MotionBuilder, Source};
use figure::Figure;
use movement::{EVERYDAY, Movement, POSTURES};

/// Frames of a bare `synthetic` or `postures`: 200 clips of 120 frames.
pub const DEFAULT_FRAMES: usize = 24_000;

/// Frames per clip.
const CLIP_FRAMES: usize = 120;

/// Clips that one person performs: each movement comes from several people, each person performs several.
const CLIPS_PER_PERSON: usize = 10;

/// The set of movements that synthetic people perform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repertoire {
    /// Walking, squats, reaching, dancing …: `synthetic`.
    Everyday,
    /// Gestures, the floor, sports, arms and legs in any pose: `postures`.
    Postures,
}

impl Repertoire {
    /// Every repertoire.
    pub const ALL: [Self; 2] = [Self::Everyday, Self::Postures];

    /// Its name as a source.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everyday => "synthetic",
            Self::Postures => "postures",
        }
    }

    fn movements(self) -> &'static [Movement] {
        match self {
            Self::Everyday => &EVERYDAY,
            Self::Postures => &POSTURES,
        }
    }

    /// The prefix of its people's names.
    fn people(self) -> &'static str {
        match self {
            Self::Everyday => "p",
            Self::Postures => "q",
        }
    }
}

/// Adds `frames` frames of motion; the same seed, rate and number give the same motion, bit for bit.
pub fn add(repertoire: Repertoire, frames: usize, seed: u64, builder: &mut MotionBuilder) {
    let movements = repertoire.movements();
    let source = builder.source(Source { name: repertoire.name().into(), licence: "none needed".into() });
    let mut left = frames;
    for clip in 0.. {
        if left == 0 {
            break;
        }
        let person = clip / CLIPS_PER_PERSON;
        // A person's body depends on the seed and the person alone, a clip on the seed and the clip alone.
        let figure = Figure::random(&mut StdRng::seed_from_u64(mix(seed, 2 * person as u64)));
        let mut rng = StdRng::seed_from_u64(mix(seed, 2 * clip as u64 + 1));
        // Seven is coprime to the number of clips of a person, so people perform different movements.
        let movement = &movements[(clip * 7 + person) % movements.len()];
        let angles = (movement.compose)(&mut rng);
        let heading = rng.random_range(0.0..360.0);
        let count = left.min(CLIP_FRAMES);
        let mut bodies: Vec<_> = (0..count)
            .map(|frame| figure.body(&angles(frame as f64 / builder.rate()).facing(heading).within_limits()))
            .collect();
        feet::complete_above(&mut bodies, figure.ankle_height());
        builder.clip(
            &format!("{}_{clip:04}", movement.name),
            &format!("{}{person:03}", repertoire.people()),
            source,
            true,
            &bodies,
        );
        left -= count;
    }
}

/// A seed for part number `part` of `seed` (Steele, Lea and Flood, 2014: SplitMix64).
fn mix(seed: u64, part: u64) -> u64 {
    let mut mixed = seed.wrapping_add(part.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests;
