//! Counts poses whose place in space is not known, which files of places leave out.

use crate::cli::report::Terminal;
use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// A writer that says at its end how many poses have no root where others have one: those are gaps in motion files, and empty in CSV.
pub(super) struct UnplacedCounter {
    writer: Box<dyn PoseWriter>,
    terminal: Terminal,
    name: String,
    placed: u64,
    unplaced: u64,
}

impl UnplacedCounter {
    /// Counts for `writer`, of the output called `name`.
    pub(super) fn new(writer: Box<dyn PoseWriter>, terminal: Terminal, name: String) -> Self {
        Self { writer, terminal, name, placed: 0, unplaced: 0 }
    }

    /// What there is to say.
    fn notice(&self) -> Option<String> {
        let Self { name, placed, unplaced, .. } = self;
        let all = placed + unplaced;
        (*placed > 0 && *unplaced > 0).then(|| {
            format!("{name}: {unplaced} of {all} poses are left empty: their place in space (root) is not known")
        })
    }
}

impl PoseWriter for UnplacedCounter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let placed = lifted.people.iter().filter(|person| person.root.is_some()).count();
        self.placed += placed as u64;
        self.unplaced += (lifted.people.len() - placed) as u64;
        self.writer.write(frame, lifted)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if let Some(notice) = self.notice() {
            self.terminal.note(&notice);
        }
        self.writer.finish()
    }
}
