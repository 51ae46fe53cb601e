//! Poses from a reader to a writer.

use crate::error::{Error, ErrorKind, Result};
use crate::format::{PoseReader, PoseWriter};
use crate::pose::Frame;

/// The note on an input without contacts where they are asked for.
pub const NO_CONTACTS: &str = "the input has no foot contacts: `poselift run --contacts` finds them in key points";

/// Counts of what was copied, and what was not.
#[derive(Debug, Default)]
pub struct Copied {
    /// Frames that were written.
    pub frames: u64,
    /// The people in them.
    pub people: u64,
    /// Frames that could not be read.
    pub unreadable: u64,
    /// Whether the input has foot contacts.
    pub has_contacts: bool,
    /// What the output has no room for, if anything; all else is in it.
    pub left_out: Option<Error>,
}

/// Copies all frames and completes the output in any case. Each frame that could not be read is told to `report`. Frames without
/// a time get it by `fps`.
///
/// # Errors
/// An input that breaks off, or of whose frames none can be read; an output that cannot be written.
pub fn copy_poses(
    reader: &mut dyn PoseReader,
    mut writer: Box<dyn PoseWriter>,
    fps: Option<f64>,
    report: &mut dyn FnMut(&Error),
) -> Result<Copied> {
    let copied = copy_frames(reader, writer.as_mut(), fps, report);
    let finished = writer.finish();
    let mut copied = copied?;
    match finished {
        Err(error) if error.kind() == ErrorKind::BadInput => copied.left_out = Some(error),
        finished => finished?,
    }
    if copied.frames == 0 && copied.unreadable > 0 {
        return Err(Error::input(format!("none of its {} frames can be read", copied.unreadable)));
    }
    Ok(copied)
}

fn copy_frames(
    reader: &mut dyn PoseReader,
    writer: &mut dyn PoseWriter,
    fps: Option<f64>,
    report: &mut dyn FnMut(&Error),
) -> Result<Copied> {
    let mut copied = Copied::default();
    loop {
        let mut lifted = match reader.read() {
            Ok(Some(lifted)) => lifted,
            Ok(None) => return Ok(copied),
            Err(fault) if fault.kind() == ErrorKind::BadInput => {
                copied.unreadable += 1;
                report(&fault);
                continue;
            }
            Err(error) => return Err(error),
        };
        lifted.time = lifted.time_at(fps);
        copied.has_contacts |= lifted.people.iter().any(|person| person.contacts != [None; 2]);
        let frame = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
        writer.write(&frame, &lifted)?;
        (copied.frames, copied.people) = (copied.frames + 1, copied.people + lifted.people.len() as u64);
    }
}
