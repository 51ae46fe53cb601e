//! The observer and the outcome of a stream: counts, failures, and why it stopped.

use crate::error::Error;
use crate::guard::Notice;
use crate::lift::Refusal;

/// The counts so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames answered, including those that could not be read.
    pub frames: u64,
    /// Frames that could not be read.
    pub unreadable: u64,
    /// People seen.
    pub people: u64,
    /// People lifted.
    pub lifted: u64,
    /// Of the lifted people, those who were turned to the optical axis.
    pub turned: u64,
    /// Of the lifted people, those whose sigma is larger than was asked for.
    pub unsure: u64,
}

impl Tally {
    /// Failures: unreadable frames, and people who could not be lifted.
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

/// A failure in a stream.
#[derive(Debug)]
pub enum Failure<'a> {
    /// A frame that could not be read.
    Frame(&'a Error),
    /// A person who could not be lifted.
    Person(&'a Refusal),
}

/// Observes the progress of a stream.
pub trait Observer {
    /// Something was assumed, such as the layout, or is odd about the key points or the people's poses. Nothing is done with it unless
    /// this is implemented.
    fn noticed(&mut self, _notice: &Notice) {}

    /// Something could not be lifted; the stream continues.
    fn failed(&mut self, failure: &Failure<'_>);

    /// Frames were answered; ten times a second at most, and only where [`Self::wants_progress`] says so.
    fn advanced(&mut self, tally: &Tally);

    /// Whether it wants to hear of progress; asked once, before the first frame.
    fn wants_progress(&self) -> bool {
        true
    }
}

/// How a stream ended.
#[derive(Debug)]
pub struct Outcome {
    /// The counts.
    pub tally: Tally,
    /// The layout of the key points, if there was any person.
    pub layout: Option<String>,
    /// The error that ended the stream early.
    pub stopped: Option<Stop>,
}

/// The error that ended a stream early; everything lifted before it is written.
#[derive(Debug)]
pub enum Stop {
    /// The source failed.
    Reading(Error),
    /// The runtime failed.
    Lifting(Error),
    /// The output failed.
    Writing(Error),
}
