//! The reading thread: frames out of a source into the queue, each with its number, time, size and focal length.

use std::sync::Arc;

use super::StreamOptions;
use super::queue::{Arrival, Queue};
use crate::error::{Error, ErrorKind, Result};
use crate::format::FrameReader;
use crate::pose::Frame;

/// Starts reading into `queue`; the thread ends with the source, or when the queue is abandoned.
///
/// Nobody waits for the thread: it may stand in a read that never comes back.
pub(super) fn start(mut reader: Box<dyn FrameReader>, queue: Arc<Queue>, options: StreamOptions) -> Result<()> {
    let fps = options.fps.or(reader.info().fps);
    let read = move || {
        let end = read_all(reader.as_mut(), &queue, fps, &options);
        queue.close(end);
    };
    let thread = std::thread::Builder::new().name("read".to_owned()).spawn(read);
    thread.map(|_| ()).map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))
}

fn read_all(reader: &mut dyn FrameReader, queue: &Queue, fps: Option<f64>, options: &StreamOptions) -> Result<()> {
    let mut next_index = 0;
    loop {
        let (frame, fault) = match reader.read() {
            Ok(Some(frame)) => (frame, None),
            Ok(None) => return Ok(()),
            Err(fault) if fault.kind() == ErrorKind::BadInput => {
                (Frame { index: next_index, ..Frame::default() }, Some(fault))
            }
            Err(error) => return Err(error),
        };
        next_index = frame.index.saturating_add(1);
        let time = frame.time.or_else(|| fps.map(|fps| frame.index as f64 / fps));
        let (size, focal) = (frame.size.or(options.size), frame.focal.or(options.focal));
        let frame = Frame { time, size, focal, ..frame };
        if !queue.push(Arrival { frame, fault }) {
            return Ok(());
        }
    }
}
