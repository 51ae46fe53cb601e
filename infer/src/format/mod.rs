//! Reading 2D streams and writing 3D ones: a trait for each side, a file a format.

mod array;
mod arrays;
mod clip_metadata;
mod content;
mod detector;
mod detectron2;
mod frames_apart;
mod growing;
mod input;
mod jsonl;
mod keys;
mod kind;
mod line_ends;
mod markers;
mod messages;
mod movenet;
mod named;
mod npy;
mod npz;
mod npz_writer;
mod numbered_points;
mod open;
pub mod pairs;
mod pairs_with_cameras;
mod pickle;
mod pose_arrays;
mod shape;
mod size_limit;
mod sniff;
mod unpack;
mod values;
mod whole_file;

pub use detector::FrameFiles;
#[cfg(feature = "live")]
pub(crate) use detector::around_last_number;
pub use growing::{frame_files_in, holds_frame, is_frame_written, open_frame_files, open_stream};
pub use input::InputFormat;
pub(crate) use jsonl::is_header;
pub use kind::Format;
pub use markers::Markers;
pub use messages::{MessageSource, open_messages};
pub use named::NamedArray;
pub use npz_writer::{Element, NpzWriter};
pub use open::{
    LiveSource, Source, Target, check_target, continued_lines, create_writer, line_writer, open_pose_reader,
    open_reader,
};
pub use pairs::PairedArrays;
pub use pairs_with_cameras::SeenPairs;
pub use whole_file::{unfinished, write_whole};

use crate::error::Result;
use crate::pose::{Axes, Frame, LiftedFrame, Unit};
use crate::skeleton::Layout;

/// What a stream says about itself before its first frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamInfo {
    /// The key points' layout, if the stream names one.
    pub layout: Option<&'static Layout>,
    /// Frames a second, if known.
    pub fps: Option<f64>,
    /// Whether frames come as they are seen, as messages of a socket: one without a time has that of its arrival.
    pub is_live: bool,
    /// Number of frames, where the format knows it beforehand.
    pub frames: Option<u64>,
    /// The format that it is read in, if that was not said but found out.
    pub format: Option<InputFormat>,
    /// What was passed over or assumed on the way in, a sentence each.
    pub notes: Vec<String>,
    /// Whether it was told that the key points lie as those of another layout.
    pub is_layout_doubted: bool,
}

/// Lines that are no frames and were passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// How many.
    pub lines: u64,
    /// The number of the first, from 1.
    pub first: u64,
}

/// A source of 2D frames.
///
/// Reading never looks further ahead than the frame it returns, so that a live pipe is answered at once.
pub trait FrameReader: Send {
    /// What the stream says about itself; known once the reader exists.
    fn info(&self) -> &StreamInfo;

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BadInput`] for one frame that cannot be read, named by file and line: reading may go on
    /// behind it. Any other kind ends the stream.
    fn read(&mut self) -> Result<Option<Frame>>;

    /// Lines of other text, as programs log them, that were passed over between frames so far.
    fn passed_over(&self) -> PassedOver {
        PassedOver::default()
    }

    /// Takes back a frame that is done with, for its memory to hold one of the next. Readers to whom that is no gain drop it.
    fn reuse(&mut self, spent: Frame) {
        drop(spent);
    }

    /// Whether the next frame is there already, so that reading it will not wait. Readers that cannot tell say yes.
    fn has_more(&mut self) -> bool {
        true
    }
}

/// What a 3D stream says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct PoseInfo {
    /// The output skeleton's name.
    pub skeleton: String,
    /// `[J]` joint names.
    pub joints: Vec<String>,
    /// `[J]` parents, −1 for none.
    pub parents: Vec<i32>,
    /// The unit of length.
    pub unit: Unit,
    /// The camera's, or level ones where its pitch and roll were undone.
    pub axes: Axes,
    /// Frames a second, if known.
    pub fps: Option<f64>,
    /// How tall people were made, metres; `None` where they are as tall as the model has them
    /// ([`crate::place::MODEL_STATURE`]).
    pub stature: Option<f64>,
    /// Whether the pitch and roll of the camera were undone, of poses in upright axes; `None` where the stream does not say.
    pub is_level: Option<bool>,
    /// The model's name.
    pub model: String,
}

impl PoseInfo {
    /// Whether up is up. Upright axes of which nothing else is said are.
    pub fn is_upright(&self) -> bool {
        match self.axes {
            Axes::Camera => false,
            Axes::Level => true,
            Axes::YUp | Axes::ZUp => self.is_level != Some(false),
        }
    }
}

/// What is written of each person beside the joints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    /// What the model expects its errors to be, and the joints that were not seen.
    pub sigma: bool,
    /// Where the root joint is.
    pub root: bool,
    /// The names of the angles that people have; none at all for no angles.
    pub angles: &'static [&'static str],
    /// Which feet stand.
    pub contacts: bool,
}

/// A sink of 3D frames.
pub trait PoseWriter: Send {
    /// Writes one lifted frame; the 2D frame that it came from is there for writers that show both.
    ///
    /// # Errors
    /// The output cannot be written.
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()>;

    /// Hands everything written so far to the operating system.
    ///
    /// # Errors
    /// The output cannot be written.
    fn flush(&mut self) -> Result<()>;

    /// Completes the output; what was written before a failure stays readable.
    ///
    /// # Errors
    /// The output cannot be written.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A source of 3D frames, as [`PoseWriter`] writes them.
pub trait PoseReader: Send {
    /// What the stream says about itself; known once the reader exists.
    fn info(&self) -> &PoseInfo;

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// As [`FrameReader::read`].
    fn read(&mut self) -> Result<Option<LiftedFrame>>;
}
