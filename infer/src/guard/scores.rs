//! Scores that are no scores of 0 to 1, as visibilities, percents, logits, all zero; and scores that are low for all people.
//!
//! The models learned from detectors whose sure points reach 0.9, and take points below 0.5 for guesses. Where all points are below,
//! nothing is left to go by: beside markers, `coco17-int8` is 48 mm off with scores of 0.7 or 0.9, 60 with 0.5 and 116 with
//! 0.35 at the same places.

use super::Notice;
use super::geometry::Extent;
use super::missing::{BODY_POINTS, PointExtent};
use crate::median::median;
use crate::pose::Person;

/// Scores up to this are clamped without a word: SimCC's reach 1.06, AlphaPose's 1.11.
pub const SILENTLY_CLAMPED: f32 = 1.2;

/// A person's level is the mean score of the better half of their points. A median level below this is raised, and told.
const LOW: f64 = 0.6;
/// What it is raised to.
const RAISED: f64 = 0.7;
/// People from whose levels the detector's is known.
const SAMPLE: usize = 30;
/// The fewest people that show how a detector scores: single ones may be hidden.
const ENOUGH: usize = 10;

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
    pub(super) fn set(&mut self, person: &mut Person, extent: &PointExtent) -> Option<Notice> {
        let is_odd = extent.largest_score > SILENTLY_CLAMPED || extent.least_score < 0.0;
        let mut notice = None;
        if *self == Self::Plain && is_odd {
            let extent = Extent::of(std::iter::once(&*person));
            let scale = extent.score_scale();
            if scale != Self::Depth || extent.are_clear_depths() {
                notice = self.change_to(scale);
            }
        } else if *self == Self::AllZero && extent.largest_score > 0.0 {
            notice = self.change_to(Self::Plain);
        }
        if *self == Self::Plain && extent.largest_score <= 1.0 && extent.least_score >= 0.0 {
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

/// Raises the scores of a detector whose scores are all low. Single people who are hardly seen keep theirs.
#[derive(Debug)]
pub(super) struct LowScores {
    /// Of the first people.
    levels: Vec<f64>,
    factor: f32,
    scores: Vec<f32>,
}

impl Default for LowScores {
    fn default() -> Self {
        Self { levels: Vec::new(), factor: 1.0, scores: Vec::new() }
    }
}

impl LowScores {
    /// Scales a person's scores as those of the people so far ask for.
    #[inline]
    pub(super) fn raise(&mut self, person: &mut Person) -> Option<Notice> {
        let notice = if self.levels.len() < SAMPLE { self.learn_from(person) } else { None };
        if self.factor > 1.0 {
            for point in &mut person.keypoints {
                point.score = (point.score * self.factor).min(1.0);
            }
        }
        notice
    }

    fn learn_from(&mut self, person: &Person) -> Option<Notice> {
        let level = self.level_of(person)?;
        self.levels.push(level);
        let median = median(&mut self.levels).filter(|_| self.levels.len() >= ENOUGH)?;
        self.factor = if median < LOW { (RAISED / median) as f32 } else { 1.0 };
        if self.factor == 1.0 || self.levels.len() != ENOUGH {
            return None;
        }
        let text = format!(
            "scores are low: {median:.2} is usual for the better half of a person's points; multiplied by {:.1}, since models take such \
             points for guesses",
            self.factor
        );
        Some(Notice::new(text, ""))
    }

    /// The mean score of the better half of a person's points; `None` without any.
    fn level_of(&mut self, person: &Person) -> Option<f64> {
        let body = &person.keypoints[..person.keypoints.len().min(BODY_POINTS)];
        self.scores.clear();
        self.scores.extend(body.iter().filter(|point| !point.is_missing()).map(|point| point.score));
        self.scores.sort_unstable_by(|one, other| other.total_cmp(one));
        let half = self.scores.len().div_ceil(2);
        (half > 0).then(|| self.scores[..half].iter().copied().map(f64::from).sum::<f64>() / half as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::Keypoint;

    fn person(scores: &[f32]) -> Person {
        let points = scores.iter().map(|&score| Keypoint { x: 1.0, y: 2.0, score });
        Person { id: None, keypoints: points.collect() }
    }

    fn raised(low: &mut LowScores, scores: &[f32]) -> Vec<f32> {
        let mut person = person(scores);
        low.raise(&mut person);
        person.keypoints.iter().map(|point| (point.score * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn low_scores_keep_their_ratios() {
        let of = |scores: &[f32]| {
            let mut low = LowScores::default();
            for _ in 1..ENOUGH {
                assert_eq!(raised(&mut low, scores), scores, "few people do not tell");
            }
            raised(&mut low, scores)
        };
        assert_eq!(of(&[0.35; 4]), [0.7; 4]);
        assert_eq!(of(&[0.5, 0.2, 0.1, 0.2]), [1.0, 0.4, 0.2, 0.4]);
        // Face and hands do not tell.
        let mut whole = vec![0.35; 33];
        whole.extend([0.9; 100]);
        assert_eq!(of(&whole)[..33], [0.7; 33]);
    }

    #[test]
    fn usual_scores_stay() {
        for scores in [&[0.9, 0.8, 0.1, 0.0][..], &[0.7; 4], &[1.0, 0.5, 0.1], &[0.0; 4], &[]] {
            assert_eq!(raised(&mut LowScores::default(), scores), scores);
        }
    }

    #[test]
    fn the_detector_counts_and_not_the_person() {
        let mut low = LowScores::default();
        for _ in 0..SAMPLE {
            raised(&mut low, &[0.9; 5]);
        }
        assert_eq!(raised(&mut low, &[0.3; 5]), [0.3; 5]);
        let mut low = LowScores::default();
        for _ in 0..SAMPLE {
            raised(&mut low, &[0.35; 5]);
        }
        assert_eq!(raised(&mut low, &[0.45, 0.3]), [0.9, 0.6]);
    }

    #[test]
    fn it_is_told_once() {
        let told = |score: f32| -> Vec<usize> {
            let mut low = LowScores::default();
            (0..100).filter(|_| low.raise(&mut person(&[score; 5])).is_some()).collect()
        };
        assert_eq!(told(0.3), [ENOUGH - 1]);
        assert_eq!(told(0.65), [0; 0]);
    }
}
