//! Scores that are no scores of 0 to 1: visibilities, percents, logits, all zero.

use super::Notice;
use super::geometry::is_there;
use super::missing::Seen;
use crate::pose::Person;

/// Scores up to this are clamped without a word: SimCC's reach 1.06, AlphaPose's 1.11.
pub const SILENTLY_CLAMPED: f32 = 1.2;

/// What a detector's scores mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(super) enum ScoreScale {
    /// 0 to 1; somewhat more is 1.
    #[default]
    Plain,
    /// Zero for all people, with coordinates that are there.
    AllZero,
    /// COCO's 0, 1, 2: not labelled, hidden, seen.
    Visibility,
    /// Up to about 20, or below 0: arguments of the logistic function.
    Logit,
    /// Up to 100.
    Percent,
    /// Beyond 100 for more than a tenth of the points: no score, but a depth or a byte.
    NoScore,
}

impl ScoreScale {
    /// What the scores of these people mean.
    pub(super) fn of<'a>(people: impl Iterator<Item = &'a Person>) -> Self {
        let (mut points, mut least, mut largest) = (0usize, f32::INFINITY, f32::NEG_INFINITY);
        let mut are_whole = true;
        let mut beyond = 0usize;
        let mut places = Places::default();
        for point in people.flat_map(|person| &person.keypoints).filter(|point| is_there(point)) {
            points += 1;
            least = least.min(point.score);
            largest = largest.max(point.score);
            beyond += usize::from(point.score > 100.0);
            are_whole &= point.score == 0.0 || point.score == 1.0 || point.score == 2.0;
            places.add(point.x, point.y);
        }
        match () {
            () if points < 4 => Self::Plain,
            () if least == 0.0 && largest == 0.0 => {
                if places.vary() {
                    Self::AllZero
                } else {
                    Self::Plain
                }
            }
            () if are_whole && largest == 2.0 => Self::Visibility,
            () if least < 0.0 || (largest > 2.0 && largest <= 20.0) => Self::Logit,
            () if largest > 20.0 && largest <= 100.0 => Self::Percent,
            () if beyond * 10 > points => Self::NoScore,
            () => Self::Plain,
        }
    }

    /// Takes another scale, and says so.
    pub(super) fn change_to(&mut self, scale: Self) -> Option<Notice> {
        if scale == *self {
            return None;
        }
        *self = scale;
        let text = match scale {
            Self::Plain => "scores are not all zero after all: read as they are",
            Self::AllZero => {
                "every score is 0, but the coordinates are there: key points are read as seen, with score 1"
            }
            Self::Visibility => "scores are 0, 1 and 2 as COCO's visibility: read as 0, 0.5 and 1",
            Self::Logit => "scores lie beyond 0 to 1 as logits do: taken through the logistic function",
            Self::Percent => "scores reach up to 100: divided by 100",
            Self::NoScore => "the third numbers of points lie beyond 100, which no scores do: points are read as seen",
        };
        Some(Notice::new(text, "write scores of 0 to 1"))
    }

    /// Brings a person's scores to 0 to 1.
    #[inline]
    pub(super) fn set(&mut self, person: &mut Person, seen: &Seen) -> Option<Notice> {
        let is_odd = seen.largest_score > SILENTLY_CLAMPED || seen.least_score < 0.0;
        let mut notice = None;
        if *self == Self::Plain && is_odd {
            let scale = Self::of(std::iter::once(&*person));
            notice = self.change_to(scale);
        } else if *self == Self::AllZero && seen.largest_score > 0.0 {
            notice = self.change_to(Self::Plain);
        }
        if *self == Self::Plain && seen.largest_score <= 1.0 {
            return notice;
        }
        for point in &mut person.keypoints {
            point.score = self.score(point.score, point.x.is_finite());
        }
        notice
    }

    fn score(self, score: f32, is_there: bool) -> f32 {
        match self {
            Self::Plain => score.min(1.0),
            Self::AllZero => f32::from(u8::from(is_there)),
            Self::NoScore => f32::from(u8::from(is_there && score != 0.0)),
            Self::Visibility => (score / 2.0).clamp(0.0, 1.0),
            Self::Logit if is_there => 1.0 / (1.0 + (-score).exp()),
            Self::Logit => 0.0,
            Self::Percent => (score / 100.0).clamp(0.0, 1.0),
        }
    }
}

/// How far points are apart.
#[derive(Default)]
struct Places {
    first: Option<(f64, f64)>,
    vary: bool,
}

impl Places {
    fn add(&mut self, x: f64, y: f64) {
        let (first_x, first_y) = *self.first.get_or_insert((x, y));
        self.vary |= x != first_x && y != first_y;
    }

    fn vary(&self) -> bool {
        self.vary
    }
}
