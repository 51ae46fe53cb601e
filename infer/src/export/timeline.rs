//! When frames are in a motion file, whose time only goes on.
//!
//! A detector that is started again writes times from the beginning again, and so does a stream behind another one in the same file: what
//! follows is put behind what came before. A frame alone that comes too early has no place.

use crate::median::median;
use crate::pose::Frame;

/// Frames that go on from an earlier time, before time is taken to have begun anew.
const FRAMES_OF_A_BEGINNING: usize = 5;

/// When frames are.
#[derive(Debug, PartialEq)]
pub(super) struct Timeline {
    /// `[T]` seconds, each after the one before; `None` for frames that have no place.
    pub(super) times: Vec<Option<f64>>,
    /// The frames at which time begins anew.
    pub(super) begun_anew: Vec<usize>,
}

impl Timeline {
    /// Of frames that say these times.
    pub(super) fn new(told: &[f64]) -> Self {
        let mut timeline = Self { times: Vec::with_capacity(told.len()), begun_anew: Vec::new() };
        let mut rising: Vec<f64> = told.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0.0).collect();
        let step = median(&mut rising).unwrap_or(Frame::USUAL_STEP);
        let mut last = f64::NEG_INFINITY;
        let mut shift = 0.0;
        for (frame, &time) in told.iter().enumerate() {
            if time + shift <= last && begins_anew(&told[frame..], last - shift) {
                shift = last + step - time;
                timeline.begun_anew.push(frame);
            }
            let place = Some(time + shift).filter(|time| *time > last);
            last = place.unwrap_or(last);
            timeline.times.push(place);
        }
        timeline
    }
}

/// Whether frames of these times, the first of which is not after `last`, go on from there.
fn begins_anew(times: &[f64], last: f64) -> bool {
    let first = &times[..times.len().min(FRAMES_OF_A_BEGINNING)];
    first.len() > 1 && first.is_sorted_by(|one, next| one < next) && first.iter().all(|time| *time <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(told: &[f64]) -> (Vec<Option<f64>>, Vec<usize>) {
        let Timeline { times, begun_anew } = Timeline::new(told);
        (times, begun_anew)
    }

    #[test]
    fn what_begins_anew_goes_on_behind_what_came_before() {
        let told = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 7.0, 2.0, 3.0];
        let (times, begun_anew) = timeline(&told);
        let expected = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 13.0, 14.0, 15.0].map(Some);
        assert_eq!((&times[..], &begun_anew[..]), (&expected[..], &[6, 12][..]));
    }

    #[test]
    fn a_frame_that_comes_too_early_has_no_place() {
        let (times, begun_anew) = timeline(&[1.0, 1.1, 1.1, 0.2, 1.2, 1.3, 0.5]);
        assert_eq!(times, [Some(1.0), Some(1.1), None, None, Some(1.2), Some(1.3), None]);
        assert!(begun_anew.is_empty());
    }
}
