//! Joins clips of many sources into one [`Motion`].

use std::collections::HashSet;

use ndarray::Array3;
use poselift::error::{Error, Result};
use poselift::skeleton::BODY28;

use super::body::{Body, feet, resample};
use super::check::{self, Figure, Sifted};
use super::{Clip, Motion, Source};

/// Where a take comes from.
#[derive(Debug, Clone, Copy)]
pub struct TakeOf<'a> {
    /// The take's name.
    pub name: &'a str,
    /// The person's name.
    pub subject: &'a str,
    /// The collection's index, by [`MotionBuilder::source`].
    pub source: usize,
    /// What is known of the figure.
    pub figure: Figure,
}

/// Collects clips, sources and notes about them.
#[derive(Debug)]
pub struct MotionBuilder {
    rate: f64,
    coordinates: Vec<f32>,
    clips: Vec<Clip>,
    sources: Vec<Source>,
    names: HashSet<(usize, String)>,
    notes: Vec<String>,
}

impl MotionBuilder {
    /// For motion of `rate` poses a second.
    ///
    /// # Errors
    /// The rate is not above 0.
    pub fn new(rate: f64) -> Result<Self> {
        if !(rate.is_finite() && rate > 0.0) {
            return Err(Error::usage(format!("a rate of {rate} poses a second, expected more than 0")));
        }
        Ok(Self {
            rate,
            coordinates: Vec::new(),
            clips: Vec::new(),
            sources: Vec::new(),
            names: HashSet::new(),
            notes: Vec::new(),
        })
    }

    /// Poses a second that clips must have.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The index of `source`, which is added if it is new.
    pub fn source(&mut self, source: Source) -> usize {
        if let Some(known) = self.sources.iter().position(|known| *known == source) {
            return known;
        }
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Adds a note for the user about the sources.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds the sound parts of a take, `bodies` at `rate` a second, as clips at [`Self::rate`]; returns the faults
    /// found.
    pub fn take(&mut self, take: TakeOf<'_>, bodies: &[Body], rate: f64) -> Sifted {
        let sifted = check::sift(bodies, rate, take.figure);
        for range in &sifted.sound {
            let resampled = resample::resample(&bodies[range.clone()], rate, self.rate);
            self.clip(take.name, take.subject, take.source, take.figure.human_lengths, &resampled);
        }
        sifted
    }

    /// Adds a clip at [`Self::rate`]; if its source already has the name, a number is appended.
    ///
    /// Feet that are NaN are made up ([`feet::complete`]).
    pub fn clip(&mut self, name: &str, subject: &str, source: usize, human_lengths: bool, bodies: &[Body]) {
        if bodies.is_empty() {
            return;
        }
        let mut bodies = bodies.to_vec();
        feet::complete(&mut bodies);
        let mut unique = name.to_owned();
        let mut piece = 1;
        while !self.names.insert((source, unique.clone())) {
            piece += 1;
            unique = format!("{name}.{piece}");
        }
        self.clips.push(Clip {
            name: unique,
            subject: subject.to_owned(),
            source,
            start: self.frames(),
            frames: bodies.len(),
            human_lengths,
        });
        self.coordinates.extend(bodies.iter().flatten().flatten());
    }

    /// Frames collected so far.
    pub fn frames(&self) -> usize {
        self.coordinates.len() / (BODY28.len() * 3)
    }

    /// Everything collected, and the notes about it.
    ///
    /// # Errors
    /// There is no clip.
    pub fn finish(self) -> Result<(Motion, Vec<String>)> {
        if self.clips.is_empty() {
            return Err(
                Error::input("no clip of motion is left, expected at least one of 0.4 s").hint(self.notes.join("\n"))
            );
        }
        let positions = Array3::from_shape_vec((self.frames(), BODY28.len(), 3), self.coordinates)
            .map_err(|e| Error::input(format!("the clips do not form a table: {e}")))?;
        Ok((Motion { positions, rate: self.rate, clips: self.clips, sources: self.sources }, self.notes))
    }
}
