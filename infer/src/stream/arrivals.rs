//! Completes frames that do not say all of themselves: their times, by their numbers or as they arrive, and the image's size and
//! focal length.

use std::time::Instant;

use crate::pose::Frame;

/// The clock of a live stream: seconds since its first frame.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    first: Option<Instant>,
    /// Whether a frame has said its time: then the two clocks would mix.
    has_own_times: bool,
}

impl Arrivals {
    /// The time of a frame that arrives now and says `own`, seconds since the first.
    pub(super) fn time_of(&mut self, own: Option<f64>) -> Option<f64> {
        self.has_own_times |= own.is_some();
        if self.has_own_times {
            return own;
        }
        let now = Instant::now();
        Some(now.duration_since(*self.first.get_or_insert(now)).as_secs_f64())
    }
}

/// The properties of frames that do not say them themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameDefaults {
    /// Frames a second, by which a frame's number gives its time.
    pub(super) fps: Option<f64>,
    /// Width and height of the image, pixels.
    pub(super) size: Option<[u32; 2]>,
    /// Focal length, pixels.
    pub(super) focal: Option<f32>,
}

impl FrameDefaults {
    /// `frame` completed: its time by its number, or else, where `arrivals` are given, by when it came.
    pub(super) fn complete(self, frame: Frame, arrivals: Option<&mut Arrivals>) -> Frame {
        let numbered = frame.time_at(self.fps);
        let time = match arrivals {
            Some(arrivals) => arrivals.time_of(numbered),
            None => numbered,
        };
        let size = frame.size.or(self.size);
        let focal = frame.focal.or(self.focal);
        Frame { time, size, focal, ..frame }
    }
}
