//! What a stream tells on its way and at its end: counts, failures, what stopped it.

use crate::error::Error;
use crate::lift::Refusal;

/// What has been done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames answered, those that could not be read among them.
    pub frames: u64,
    /// Frames that could not be read.
    pub unreadable: u64,
    /// People seen.
    pub people: u64,
    /// People lifted.
    pub lifted: u64,
    /// Of those, people who were turned to the optical axis.
    pub turned: u64,
    /// Of those, people of whom the model is less sure than was asked for.
    pub unsure: u64,
}

impl Tally {
    /// What could not be done: unreadable frames, and people who could not be lifted.
    pub fn failed(&self) -> u64 {
        self.unreadable + self.people - self.lifted
    }

    /// Adds the counts of another stream.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.unreadable += other.unreadable;
        self.people += other.people;
        self.lifted += other.lifted;
        self.turned += other.turned;
        self.unsure += other.unsure;
    }
}

/// Something in a stream that could not be lifted.
#[derive(Debug)]
pub enum Failure<'a> {
    /// A frame that could not be read.
    Frame(&'a Error),
    /// A person who could not be lifted.
    Person(&'a Refusal),
}

/// Is told how a stream goes.
pub trait Observer {
    /// The stream does not name its layout, and it was taken to be this one from its number of `joints`.
    fn guessed_layout(&mut self, name: &str, joints: usize);

    /// The model looks at the subject, but a person came in a frame of unknown size: such people are lifted as if they stood
    /// on the optical axis. Told once a stream.
    fn unknown_size(&mut self);

    /// Something could not be lifted; the stream goes on.
    fn failed(&mut self, failure: &Failure<'_>);

    /// A batch was answered.
    fn advanced(&mut self, tally: &Tally);
}

/// How a stream ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub tally: Tally,
    /// The layout that the key points were taken to be in, if any person came.
    pub layout: Option<String>,
    /// What ended the stream before its end.
    pub stopped: Option<Stop>,
}

/// What ended a stream before its end; all that was lifted before is written.
#[derive(Debug)]
pub enum Stop {
    /// The source failed.
    Reading(Error),
    /// The runtime failed.
    Lifting(Error),
    /// The output failed.
    Writing(Error),
}
