//! Which frames of several files belong together: those of the same time where all files have times, else those of the
//! same number.

use std::collections::BTreeMap;

use crate::median::median;
use crate::pose::{Frame, LiftedFrame};

/// The key points and poses of one moment.
pub(super) struct Moment {
    /// The key points; without people where there are none.
    pub(super) frame: Frame,
    /// The poses of each file.
    pub(super) sets: Vec<LiftedFrame>,
}

/// The frames of all files, each file's in its own order.
pub(super) struct Streams {
    /// Of each file of poses.
    pub(super) sets: Vec<Vec<LiftedFrame>>,
    /// Of the file of key points, if there is one.
    pub(super) keypoints: Vec<Frame>,
}

/// How frames were matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matching {
    /// By their times.
    Time,
    /// By their numbers, since there is a file without times, or with times that do not rise.
    Number,
    /// By their numbers, since the files' times have no second in common.
    NumberOfOtherTimes,
}

impl Moment {
    /// A moment of the number `index`, at which none of `files` has a frame.
    fn empty(index: u64, files: usize) -> Self {
        Self { frame: Frame { index, ..Frame::default() }, sets: vec![LiftedFrame::default(); files] }
    }
}

impl Streams {
    /// The moments in order.
    pub(super) fn moments(self) -> (Vec<Moment>, Matching) {
        let Some(times) = self.times() else { return (self.by_number(), Matching::Number) };
        if times[1..].iter().any(|other| other.is_apart_from(&times[0])) {
            return (self.by_number(), Matching::NumberOfOtherTimes);
        }
        (self.by_time(&times), Matching::Time)
    }

    /// How many frames of each file of poses have a number that is not after the last one's.
    pub(super) fn repeated_numbers(&self) -> Vec<usize> {
        self.sets.iter().map(|set| repeated_numbers_in(set)).collect()
    }

    /// The times of each stream that has frames, the key points' last; `None` if frames have no time or one that does
    /// not rise.
    fn times(&self) -> Option<Vec<Times>> {
        let mut all = Vec::with_capacity(self.sets.len() + 1);
        for set in &self.sets {
            all.push(Times::of(set.iter().map(|lifted| lifted.time))?);
        }
        if !self.keypoints.is_empty() {
            all.push(Times::of(self.keypoints.iter().map(|frame| frame.time))?);
        }
        Some(all)
    }

    fn by_number(self) -> Vec<Moment> {
        let count = self.sets.len();
        let mut moments = BTreeMap::new();
        for frame in self.keypoints {
            let moment = moments.entry(frame.index).or_insert_with_key(|index| Moment::empty(*index, count));
            moment.frame = frame;
        }
        for (number, set) in self.sets.into_iter().enumerate() {
            for lifted in set {
                let moment = moments.entry(lifted.index).or_insert_with_key(|index| Moment::empty(*index, count));
                moment.frame.time = moment.frame.time.or(lifted.time);
                moment.sets[number] = lifted;
            }
        }
        moments.into_values().collect()
    }

    /// The first file's frames, and those of others where it has none near; each moment has of each file the nearest
    /// frame that is no farther than half an interval, of the slower of the two.
    fn by_time(&self, times: &[Times]) -> Vec<Moment> {
        let mut line = times[0].clone();
        for other in &times[1..] {
            let tolerance = line.tolerance(other);
            let far = other.seconds.iter().filter(|time| line.nearest(**time, tolerance).is_none());
            let far: Vec<f64> = far.copied().collect();
            line.seconds.extend(far);
            line.seconds.sort_by(f64::total_cmp);
        }
        line.seconds.iter().map(|time| self.moment_at(*time, &line, times)).collect()
    }

    /// The moment at `time`, one of the times of `line`; `times` are those of the files.
    fn moment_at(&self, time: f64, line: &Times, times: &[Times]) -> Moment {
        let mut sets = Vec::with_capacity(self.sets.len());
        for (set, times) in self.sets.iter().zip(times) {
            let place = times.nearest(time, line.tolerance(times));
            sets.push(place.map(|place| set[place].clone()).unwrap_or_default());
        }
        let keypoint_times = times.get(self.sets.len());
        let place = keypoint_times.and_then(|times| times.nearest(time, line.tolerance(times)));
        let mut frame = place.map(|place| self.keypoints[place].clone()).unwrap_or_default();
        // The number is the first file's, or that of the file that has this moment.
        let numbered = sets.iter().find(|lifted| lifted.time.is_some()).map(|lifted| lifted.index);
        frame.index = numbered.unwrap_or(frame.index);
        frame.time = Some(time);
        Moment { frame, sets }
    }
}

/// How many frames have a number that is not after the last one's.
fn repeated_numbers_in(set: &[LiftedFrame]) -> usize {
    set.windows(2).filter(|pair| pair[1].index <= pair[0].index).count()
}

/// The times of a stream's frames, which rise.
#[derive(Debug, Clone)]
struct Times {
    seconds: Vec<f64>,
    /// The median interval; 0 for fewer than two frames.
    interval: f64,
}

impl Times {
    /// `None` if a frame has no time, or one that is not after the last.
    fn of(times: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        let seconds: Vec<f64> = times.collect::<Option<_>>()?;
        let mut intervals: Vec<f64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if seconds.is_empty() || !intervals.iter().all(|interval| *interval > 0.0) {
            return None;
        }
        let interval = median(&mut intervals).unwrap_or(0.0);
        Some(Self { seconds, interval })
    }

    fn first(&self) -> f64 {
        self.seconds[0]
    }

    fn last(&self) -> f64 {
        self.seconds[self.seconds.len() - 1]
    }

    /// Whether the two have no second in common.
    fn is_apart_from(&self, other: &Self) -> bool {
        self.first() > other.last() || self.last() < other.first()
    }

    /// How far apart frames of two streams may be to belong together.
    fn tolerance(&self, other: &Self) -> f64 {
        // A little more, for frames right in the middle between two.
        0.501 * self.interval.max(other.interval)
    }

    /// The place of the frame nearest to `time`, if it is near enough.
    fn nearest(&self, time: f64, tolerance: f64) -> Option<usize> {
        let after = self.seconds.partition_point(|second| *second < time);
        let near = after.saturating_sub(1)..(after + 1).min(self.seconds.len());
        let nearest = near.min_by(|a, b| self.distance(*a, time).total_cmp(&self.distance(*b, time)))?;
        (self.distance(nearest, time) <= tolerance).then_some(nearest)
    }

    /// Seconds between the frame at `place` and `time`.
    fn distance(&self, place: usize, time: f64) -> f64 {
        (self.seconds[place] - time).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames `first`, `first` + 1 … at `rate`, that begin at `start` seconds.
    fn stream(first: u64, count: u64, start: f64, rate: f64) -> Vec<LiftedFrame> {
        let frame = |place: u64| LiftedFrame {
            index: first + place,
            time: Some(start + place as f64 / rate),
            ..LiftedFrame::default()
        };
        (0..count).map(frame).collect()
    }

    /// The numbers of the frames at each moment; `None` where a file has none.
    fn numbers(sets: Vec<Vec<LiftedFrame>>) -> (Vec<Vec<Option<u64>>>, Matching) {
        let (moments, matching) = Streams { sets, keypoints: Vec::new() }.moments();
        let number = |lifted: &LiftedFrame| lifted.time.map(|_| lifted.index);
        (moments.iter().map(|moment| moment.sets.iter().map(number).collect()).collect(), matching)
    }

    #[test]
    fn frames_of_one_time_belong_together_whatever_their_numbers() {
        let (found, matching) = numbers(vec![stream(0, 4, 0.0, 30.0), stream(101, 4, 0.0335, 30.0)]);
        assert_eq!(matching, Matching::Time);
        let expected = [[Some(0), None], [Some(1), Some(101)], [Some(2), Some(102)], [Some(3), Some(103)]];
        assert_eq!(found[..4], expected.map(Vec::from));
        assert_eq!(found[4], [None, Some(104)]);
    }

    #[test]
    fn a_slower_file_is_held_and_a_faster_one_skipped() {
        let (found, _) = numbers(vec![stream(0, 4, 0.0, 60.0), stream(0, 2, 0.0, 30.0)]);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|moment| moment[1].is_some()), "{found:?}");
        let (found, _) = numbers(vec![stream(0, 2, 0.0, 30.0), stream(0, 4, 0.0, 60.0)]);
        assert_eq!(found, [[Some(0), Some(0)], [Some(1), Some(2)]].map(Vec::from));
    }

    #[test]
    fn without_times_numbers_tell() {
        let mut timeless = stream(1, 2, 0.0, 30.0);
        timeless[1].time = None;
        let (moments, matching) =
            Streams { sets: vec![stream(0, 3, 0.0, 30.0), timeless], keypoints: vec![] }.moments();
        assert_eq!((moments.len(), matching), (3, Matching::Number));
        assert_eq!(moments[2].sets[1].index, 2);
        let (_, matching) = numbers(vec![stream(0, 3, 0.0, 30.0), stream(0, 3, 1.7e9, 30.0)]);
        assert_eq!(matching, Matching::NumberOfOtherTimes);
    }
}
