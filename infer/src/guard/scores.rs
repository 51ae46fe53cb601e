//! Scores that are no scores of 0 to 1: visibilities, percents, logits, all zero.

use super::Notice;
use super::geometry::Extent;
use super::missing::Seen;
use crate::pose::Person;

/// Scores up to this are clamped without a word: SimCC's reach 1.06, AlphaPose's 1.11.
pub const SILENTLY_CLAMPED: f32 = 1.2;

/// What a detector's scores mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(super) enum ScoreScale {
    /// 0 to 1; somewhat more is 1, less is 0.
    #[default]
    Plain,
    /// 0 to 1 for most points; more is 1, and that is told.
    Clamped,
    /// Zero or −1 for all people, with coordinates that are there.
    AllZero,
    /// COCO's 0, 1, 2: not labelled, hidden, seen.
    Visibility,
    /// Up to about 20, or below 0: arguments of the logistic function.
    Logit,
    /// Up to 100.
    Percent,
    /// Beyond 100 for more than a tenth of the points: no score, but a depth or a byte.
    NoScore,
    /// To both sides of 0, as a landmark's z.
    Depth,
}

impl ScoreScale {
    /// Takes another scale, and says so.
    pub(super) fn change_to(&mut self, scale: Self) -> Option<Notice> {
        if scale == *self {
            return None;
        }
        *self = scale;
        let text = match scale {
            Self::Plain => "scores are not all zero after all: read as they are",
            Self::Clamped => "scores reach above 1.2: what is above 1 is taken as 1",
            Self::AllZero => {
                "every score is 0 or less, but the coordinates are there: key points are read as seen, with score 1"
            }
            Self::Visibility => "scores are 0, 1 and 2 as COCO's visibility: read as 0, 0.5 and 1",
            Self::Logit => "scores lie beyond 0 to 1 as logits do: taken through the logistic function",
            Self::Percent => "scores reach up to 100: divided by 100",
            Self::Depth => {
                "the third value of key points lies on both sides of 0 as depths do: all points count as seen"
            }
            Self::NoScore => "the third value of key points exceeds 100, so it is no score: all points count as seen",
        };
        Some(Notice::new(text, "write scores of 0 to 1"))
    }

    /// Brings a person's scores to 0 to 1.
    #[inline]
    pub(super) fn set(&mut self, person: &mut Person, seen: &Seen) -> Option<Notice> {
        let is_odd = seen.largest_score > SILENTLY_CLAMPED || seen.least_score < 0.0;
        let mut notice = None;
        if *self == Self::Plain && is_odd {
            let extent = Extent::of(std::iter::once(&*person));
            let scale = extent.score_scale();
            if scale != Self::Depth || extent.are_clear_depths() {
                notice = self.change_to(scale);
            }
        } else if *self == Self::AllZero && seen.largest_score > 0.0 {
            notice = self.change_to(Self::Plain);
        }
        if *self == Self::Plain && seen.largest_score <= 1.0 && seen.least_score >= 0.0 {
            return notice;
        }
        for point in &mut person.keypoints {
            point.score = self.score(point.score, point.x.is_finite());
        }
        notice
    }

    fn score(self, score: f32, is_there: bool) -> f32 {
        match self {
            Self::Plain | Self::Clamped => score.clamp(0.0, 1.0),
            Self::AllZero => f32::from(u8::from(is_there)),
            Self::Depth => f32::from(u8::from(is_there)),
            Self::NoScore => f32::from(u8::from(is_there && score != 0.0)),
            Self::Visibility => (score / 2.0).clamp(0.0, 1.0),
            Self::Logit if is_there => 1.0 / (1.0 + (-score).exp()),
            Self::Logit => 0.0,
            Self::Percent => (score / 100.0).clamp(0.0, 1.0),
        }
    }
}
