//! An output file that is not touched before there is a pose to write.
//!
//! A run that lifts nothing leaves no file, and an existing one as it was. Until the first pose the frames wait in memory;
//! without a pose in them they are a small multiple of the input's own bytes. From then on everything goes straight to the
//! writer, so that an interrupted run keeps what was lifted. Motion files need a frame rate: there the first poses may wait for a frame
//! that has a time. So that a live stream of an empty room stays in bounded memory,
//! no more than [`MAX_WAITING_FRAMES`] frames wait: then the file is written without a pose.

use crate::error::Result;
use crate::format::PoseWriter;
use crate::pose::{Frame, LiftedFrame};

/// Frames that wait for the first pose: an hour at 30 Hz.
const MAX_WAITING_FRAMES: usize = 108_000;

/// Makes the writer, told whether any of the frames so far has a time.
type Create = Box<dyn FnOnce(bool) -> Result<Box<dyn PoseWriter>> + Send>;

/// A writer that is created when the first pose comes.
pub(super) enum DeferredWriter {
    /// No pose has come yet, or none with a time.
    Waiting { create: Option<Create>, frames: Vec<(Frame, LiftedFrame)>, poses: usize, patience: usize },
    /// The first pose has come.
    Created(Box<dyn PoseWriter>),
}

impl DeferredWriter {
    /// A writer that `create` will make; `patience` frames with poses wait for a frame that has a time.
    pub(super) fn new(
        patience: usize,
        create: impl FnOnce(bool) -> Result<Box<dyn PoseWriter>> + Send + 'static,
    ) -> Self {
        Self::Waiting { create: Some(Box::new(create)), frames: Vec::new(), poses: 0, patience }
    }

    /// Makes the writer, and gives it the frames that waited; `has_time`: whether the frame behind them has one.
    fn create(&mut self, has_time: bool) -> Result<&mut dyn PoseWriter> {
        if let Self::Waiting { create, frames, .. } = self {
            let has_times = has_time || frames.iter().any(|(_, lifted)| lifted.time.is_some());
            let create = create.take().expect("a stream ends at its first error, so nothing is created twice");
            let mut writer = create(has_times)?;
            for (frame, lifted) in std::mem::take(frames) {
                writer.write(&frame, &lifted)?;
            }
            *self = Self::Created(writer);
        }
        match self {
            Self::Created(writer) => Ok(writer.as_mut()),
            Self::Waiting { .. } => unreachable!("the writer was created above"),
        }
    }
}

impl PoseWriter for DeferredWriter {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        match self {
            Self::Created(writer) => writer.write(frame, lifted),
            Self::Waiting { frames, poses, patience, .. } => {
                *poses += usize::from(!lifted.people.is_empty());
                let has_time = lifted.time.is_some();
                let waits = *poses == 0 || *poses <= *patience && !has_time;
                if waits && frames.len() < MAX_WAITING_FRAMES {
                    frames.push((frame.clone(), lifted.clone()));
                    return Ok(());
                }
                self.create(has_time)?.write(frame, lifted)
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Created(writer) => writer.flush(),
            Self::Waiting { .. } => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if matches!(*self, Self::Waiting { poses: 1.., .. }) {
            self.create(false)?;
        }
        match *self {
            Self::Created(writer) => writer.finish(),
            Self::Waiting { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::pose::LiftedPerson;

    /// What was done to a writer: its creation, frames and end.
    type Log = Arc<Mutex<Vec<String>>>;

    struct LoggingWriter(Log);

    impl PoseWriter for LoggingWriter {
        fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
            self.0.lock().unwrap().push(format!("frame {} of {}", frame.index, lifted.people.len()));
            Ok(())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<()> {
            self.0.lock().unwrap().push("end".to_owned());
            Ok(())
        }
    }

    /// Writes frames of so many people each.
    fn log_of(people: &[usize]) -> Vec<String> {
        let log = Log::default();
        let of_writer = Arc::clone(&log);
        let mut writer = Box::new(DeferredWriter::new(0, move |_| {
            of_writer.lock().unwrap().push("created".to_owned());
            Ok(Box::new(LoggingWriter(of_writer)))
        }));
        for (index, &count) in (0..).zip(people) {
            let lifted = LiftedFrame { index, time: None, people: vec![LiftedPerson::default(); count] };
            writer.write(&Frame { index, ..Frame::default() }, &lifted).unwrap();
            writer.flush().unwrap();
        }
        writer.finish().unwrap();
        Arc::into_inner(log).unwrap().into_inner().unwrap()
    }

    #[test]
    fn nothing_is_created_before_the_first_pose_and_no_frame_is_lost() {
        assert_eq!(log_of(&[]), [""; 0]);
        assert_eq!(log_of(&[0, 0]), [""; 0]);
        let frames = ["frame 0 of 0", "frame 1 of 2", "frame 2 of 0", "frame 3 of 1"];
        assert_eq!(log_of(&[0, 2, 0, 1]), [&["created"][..], &frames, &["end"]].concat());
    }

    #[test]
    fn no_more_frames_wait_than_fit_in_memory() {
        assert_eq!(log_of(&vec![0; MAX_WAITING_FRAMES]), [""; 0]);
        let log = log_of(&vec![0; MAX_WAITING_FRAMES + 1]);
        assert_eq!(log.len(), 1 + MAX_WAITING_FRAMES + 1 + 1);
        assert_eq!((log[0].as_str(), log[MAX_WAITING_FRAMES + 1].as_str()), ("created", "frame 108000 of 0"));
    }
}
