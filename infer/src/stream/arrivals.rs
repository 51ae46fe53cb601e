//! Times of frames that do not say theirs, as they arrive.

use std::time::Instant;

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
