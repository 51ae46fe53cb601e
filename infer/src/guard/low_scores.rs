//! Scores that are low for all people, as some detectors give them.
//!
//! The models learned from detectors whose sure points reach 0.9, and take points below 0.5 for guesses. Where all points are below,
//! nothing is left to go by: beside markers, `coco17-int8` is 48 mm off with scores of 0.7 or 0.9, 60 with 0.5 and 116 with
//! 0.35 at the same places.

use super::Notice;
use super::missing::BODY_POINTS;
use crate::median::median;
use crate::pose::Person;

/// A person's level is the mean score of the better half of their points. A median level below this is raised, and told.
const LOW: f64 = 0.6;
/// What it is raised to.
const RAISED: f64 = 0.7;
/// People from whose levels the detector's is known.
const SAMPLE: usize = 30;
/// The fewest people that show how a detector scores: single ones may be hidden.
const ENOUGH: usize = 10;

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
