//! Assumptions about frames that do not say their size or time, each reported once.

use crate::guard::Notice;
use crate::lift::Lifter;
use crate::model::{PoseNetwork, View};
use crate::pose::{Frame, LiftedFrame};

/// An assumption about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assumption {
    /// The image size is unknown: people are lifted as if they stood on the optical axis.
    OpticalAxis,
    /// The frame has no time, and the model's memory goes by times.
    UsualTime,
}

impl Assumption {
    /// The notice of it, and the option that helps.
    pub(super) fn notice(self) -> Notice {
        match self {
            Self::OpticalAxis => {
                Notice::new("image size unknown: people are lifted as if they stood on the optical axis", "--size WxH")
            }
            Self::UsualTime => usual_time_notice(),
        }
    }
}

/// The notice that frames have no times, where a model's memory goes by them ([`Lifter::assumes_time_of`]).
pub fn usual_time_notice() -> Notice {
    Notice::new("frames without times: the model's memory takes them to be a thirtieth of a second apart", "--fps")
}

/// The assumptions that were reported.
#[derive(Debug, Default)]
pub(super) struct Assumed {
    optical_axis: bool,
    usual_time: bool,
}

impl Assumed {
    /// The assumptions of `lifter` about `frame` that it made of none before. Frames in which no person was lifted do not count.
    pub(super) fn first_of<N: PoseNetwork>(
        &mut self,
        lifter: &Lifter<N>,
        frame: &Frame,
        lifted: &LiftedFrame,
    ) -> impl Iterator<Item = Assumption> + use<N> {
        let is_lifted = !lifted.people.is_empty();
        let on_axis = is_lifted && frame.size.is_none() && lifter.card().input.view == View::Subject;
        let at_usual_time = is_lifted && lifter.assumes_time_of(frame);
        let is_axis_news = learn(&mut self.optical_axis, on_axis);
        let is_time_news = learn(&mut self.usual_time, at_usual_time);
        let optical_axis = is_axis_news.then_some(Assumption::OpticalAxis);
        let usual_time = is_time_news.then_some(Assumption::UsualTime);
        optical_axis.into_iter().chain(usual_time)
    }
}

/// Marks an assumption as known if it was made; returns whether it is new.
fn learn(is_known: &mut bool, is_assumed: bool) -> bool {
    let is_news = is_assumed && !*is_known;
    *is_known |= is_assumed;
    is_news
}
