//! Poses from a reader to a writer.

use crate::error::{Error, ErrorKind, Result};
use crate::format::{PoseReader, PoseWriter};
use crate::pose::Frame;

/// Copies all frames and completes the output in any case; gives back how many frames could not be read, each of which is
/// told to `report`. Frames without a time get it by `fps`.
///
/// # Errors
/// An input that breaks off, or an output that cannot be written.
pub fn copy_poses(
    reader: &mut dyn PoseReader,
    mut writer: Box<dyn PoseWriter>,
    fps: Option<f64>,
    report: &mut dyn FnMut(&Error),
) -> Result<u64> {
    let copied = copy_frames(reader, writer.as_mut(), fps, report);
    let finished = writer.finish();
    let unreadable = copied?;
    finished.map(|()| unreadable)
}

fn copy_frames(
    reader: &mut dyn PoseReader,
    writer: &mut dyn PoseWriter,
    fps: Option<f64>,
    report: &mut dyn FnMut(&Error),
) -> Result<u64> {
    let mut unreadable = 0;
    loop {
        let mut lifted = match reader.read() {
            Ok(Some(lifted)) => lifted,
            Ok(None) => return Ok(unreadable),
            Err(fault) if fault.kind() == ErrorKind::BadInput => {
                unreadable += 1;
                report(&fault);
                continue;
            }
            Err(error) => return Err(error),
        };
        lifted.time = lifted.time.or_else(|| fps.map(|fps| lifted.index as f64 / fps));
        let frame = Frame { index: lifted.index, time: lifted.time, ..Frame::default() };
        writer.write(&frame, &lifted)?;
    }
}
