//! Notes of a page on what was assumed of its input.

use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::format::PoseWriter;
use crate::guard::Report;
use crate::pose::{Frame, LiftedFrame};
use crate::thread::lock;
use crate::view::PageWriter;

/// Notes on one input that its page does not show yet; clones share them.
#[derive(Debug, Clone, Default)]
pub struct PageNotes(Arc<Mutex<Vec<String>>>);

impl PageNotes {
    /// Adds a note.
    pub fn add(&self, text: String) {
        lock(&self.0).push(text);
    }

    /// A report that notes what it passes on to `report`.
    pub fn along(&self, mut report: Report) -> Report {
        let notes = self.clone();
        Box::new(move |notice| {
            notes.add(notice.to_string());
            report(notice);
        })
    }

    /// The notes since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// A page that shows notes as they come, so that an interrupted run keeps them.
pub(super) struct NotedPage {
    page: PageWriter,
    notes: PageNotes,
}

impl NotedPage {
    pub(super) fn new(page: PageWriter, notes: PageNotes) -> Self {
        Self { page, notes }
    }

    fn write_notes(&mut self) -> Result<()> {
        for note in self.notes.take() {
            self.page.write_note(&note)?;
        }
        Ok(())
    }
}

impl PoseWriter for NotedPage {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        self.write_notes()?;
        self.page.write(frame, lifted)
    }

    fn flush(&mut self) -> Result<()> {
        self.page.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.write_notes()?;
        Box::new(self.page).finish()
    }
}
