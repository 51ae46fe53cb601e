//! From raw key points to the network's input: which joints are visible, and, as the nodes before the first layer do
//! it, key points centred on their weighted mean and scaled by their weighted spread, or unchanged.

use poselift_onnx::names::{MIN_SCALE, MIN_SCORE_SUM};

/// Number of coordinate axes.
const AXES: usize = 2;

/// The transform of key points.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Centring {
    /// Centred and scaled, weighted by scores or, without any, by visibility.
    Centred,
    /// Unchanged, with these numbers `[J, channels]` for missing values.
    Absolute(Vec<f32>),
}

/// Features that have equal, or opposite, weights in a plane: they are added, or subtracted, before the product.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Merged {
    /// The features and signs of each number that is multiplied, number by number.
    terms: Vec<(usize, f32)>,
    /// Where the terms of each number end.
    ends: Vec<usize>,
}

impl Merged {
    /// The sums for `terms`, the terms of each number.
    pub(super) fn new(terms: &[Vec<(usize, f32)>]) -> Self {
        let ends = terms.iter().scan(0, |end, terms| {
            *end += terms.len();
            Some(*end)
        });
        Self { terms: terms.concat(), ends: ends.collect() }
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The terms of each number.
    pub(super) fn terms(&self) -> impl Iterator<Item = &[(usize, f32)]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.terms[std::mem::replace(&mut start, end)..end])
    }
}

/// Features of a batch of people.
#[derive(Debug)]
pub(super) struct Features {
    centring: Centring,
    merged: Vec<Merged>,
    /// `[N, terms]` for each plane.
    planes: Vec<Vec<f32>>,
    channels: usize,
    /// `[N, J, channels]` as they are, if something behind the network reads them; else empty.
    whole: Vec<f32>,
    /// `[J, channels]` of one person, and `[J]` each joint's weight.
    person: Vec<f32>,
    weights: Vec<f32>,
}

impl Features {
    /// Allocates for at most `people` people, whose key points have the `shape` `[J, channels]`.
    pub(super) fn new(centring: Centring, merged: Vec<Merged>, shape: [usize; 2], people: usize) -> Self {
        let [joints, channels] = shape;
        let planes = merged.iter().map(|merged| vec![0.0; people * merged.len()]).collect();
        let person = vec![0.0; joints * channels];
        Self { centring, merged, planes, channels, whole: Vec::new(), person, weights: vec![0.0; joints] }
    }

    /// Keeps the features of `people` people as they are, too.
    pub(super) fn keep_whole(&mut self, people: usize) {
        self.whole = vec![0.0; people * self.person.len()];
    }

    /// `[N, J·channels]` the features as they are.
    pub(super) fn whole(&self) -> &[f32] {
        &self.whole
    }

    /// Numbers per person in a plane.
    pub(super) fn width(&self, plane: usize) -> usize {
        self.merged[plane].len()
    }

    /// `[N, width]`.
    pub(super) fn plane(&self, plane: usize) -> &[f32] {
        &self.planes[plane]
    }

    /// Computes the features of `keypoints` `[N, J, channels]`, pixels and scores.
    pub(super) fn read(&mut self, keypoints: &[f32], people: usize) {
        for (index, raw) in keypoints.chunks_exact(self.person.len()).take(people).enumerate() {
            match &self.centring {
                Centring::Centred => normalise(raw, self.channels, &mut self.person, &mut self.weights),
                Centring::Absolute(mean) => fill(raw, self.channels, mean, &mut self.person),
            }
            if let Some(whole) = self.whole.chunks_exact_mut(self.person.len()).nth(index) {
                whole.copy_from_slice(&self.person);
            }
            for (merged, plane) in self.merged.iter().zip(&mut self.planes) {
                let own = &mut plane[index * merged.len()..][..merged.len()];
                for (number, terms) in own.iter_mut().zip(merged.terms()) {
                    *number = terms.iter().map(|&(feature, sign)| self.person[feature] * sign).sum();
                }
            }
        }
    }
}

/// Whether the key point is visible: all numbers are finite and the score, if it has one, is over 0. Cubes, as in the
/// file, treat absurd coordinates and scores as missing too.
fn is_visible(point: &[f32]) -> bool {
    let coordinates = (cube(point[0]) + cube(point[1])) * 0.0;
    match point.get(AXES) {
        Some(&score) => {
            let cubed_score = cube(score) + coordinates;
            cubed_score > 0.0 && cubed_score.is_finite()
        }
        None => coordinates == 0.0,
    }
}

fn cube(number: f32) -> f32 {
    number * number * number
}

/// `features` `[J, channels]`: a person's key points, or `mean` for missing values.
fn fill(raw: &[f32], channels: usize, mean: &[f32], features: &mut [f32]) {
    let mean = mean.chunks_exact(channels);
    for ((point, raw), mean) in features.chunks_exact_mut(channels).zip(raw.chunks_exact(channels)).zip(mean) {
        point.copy_from_slice(if is_visible(raw) { raw } else { mean });
    }
}

/// Features `[J, channels]` of one person's key points, of the same shape, and their weights `[J]`.
fn normalise(raw: &[f32], channels: usize, features: &mut [f32], weights: &mut [f32]) {
    let points = features.chunks_exact_mut(channels).zip(raw.chunks_exact(channels));
    for ((point, raw), weight) in points.zip(&mut *weights) {
        if is_visible(raw) {
            point.copy_from_slice(raw);
            *weight = raw.get(AXES).copied().unwrap_or(1.0);
        } else {
            point.fill(0.0);
            *weight = 0.0;
        }
    }
    let total = MIN_SCORE_SUM + weights.iter().sum::<f32>();
    // Twice: the first centre carries the rounding of large pixel numbers, the second does not.
    for _ in 0..2 {
        let mut centre = [0.0; AXES];
        for (point, weight) in features.chunks_exact(channels).zip(&*weights) {
            for (centre, coordinate) in centre.iter_mut().zip(point) {
                *centre += coordinate * (weight / total);
            }
        }
        for point in features.chunks_exact_mut(channels) {
            for (coordinate, centre) in point.iter_mut().zip(&centre) {
                *coordinate -= centre;
            }
        }
    }
    let weighted = features.chunks_exact(channels).zip(&*weights);
    let squares = weighted.map(|(point, weight)| (point[0] * point[0] + point[1] * point[1]) * (weight / total));
    let scale = squares.sum::<f32>().sqrt().max(MIN_SCALE);
    for (point, &weight) in features.chunks_exact_mut(channels).zip(&*weights) {
        let seen = if weight > 0.0 { 1.0 } else { 0.0 };
        for coordinate in &mut point[..AXES] {
            *coordinate = *coordinate / scale * seen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_centred_scaled_and_without_what_is_missing() {
        // Two visible joints 6 px apart, weights 1/5 and 4/5: centre at 14.8, scale √(4.8²/5 + 4·1.2²/5) = 2.4.
        let raw = [10.0, 5.0, 0.25, 16.0, 5.0, 1.0, f32::NAN, 1.0, 0.9, 3.0, f32::INFINITY, 0.5, 7.0, 7.0, 0.0];
        let (mut features, mut weights) = ([9.0; 15], [9.0; 5]);
        normalise(&raw, 3, &mut features, &mut weights);
        let expected = [-2.0, 0.0, 0.25, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert!(features.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{features:?}");
        normalise(&[f32::NAN; 15], 3, &mut features, &mut weights);
        assert_eq!(features, [0.0; 15]);
    }

    #[test]
    fn without_scores_all_who_are_seen_weigh_the_same() {
        // Two joints 6 px apart: centre between them, scale 3; a third is missing.
        let raw = [10.0, 5.0, 16.0, 5.0, f32::NAN, 1.0];
        let (mut features, mut weights) = ([9.0; 6], [9.0; 3]);
        normalise(&raw, 2, &mut features, &mut weights);
        assert_eq!((features, weights), ([-1.0, 0.0, 1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0]));
        fill(&raw, 2, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &mut features);
        assert_eq!(features, [10.0, 5.0, 16.0, 5.0, 4.0, 5.0]);
    }

    #[test]
    fn features_are_merged_with_their_signs() {
        let even = Merged::new(&[vec![(0, 1.0), (3, -1.0)], vec![(2, 1.0), (5, 1.0)]]);
        let planes = vec![even, Merged::new(&[vec![(1, 1.0)]])];
        let mut features = Features::new(Centring::Centred, planes, [2, 3], 2);
        features.read(&[0.0, 0.0, 1.0, 2.0, 0.0, 0.5], 1);
        // Centred at 2/3 with weights 2/3 and 1/3: −2/3 and 4/3, spread √(8/9).
        let scale = (8.0f32 / 9.0).sqrt();
        assert!((features.plane(0)[0] + 2.0 / scale).abs() < 1e-6 && (features.plane(0)[1] - 1.5).abs() < 1e-6);
        assert_eq!((features.width(0), features.width(1), features.plane(1)[0]), (2, 1, 0.0));
    }
}
