//! From raw key points to what the network reads: who is seen, centred on their weighted mean and scaled by their
//! weighted spread, as the nodes before the first layer do it.

/// Number of a coordinate's axes, and of a key point's numbers with its score.
const AXES: usize = 2;
const NUMBERS: usize = 3;
/// What sums of scores start from, and the least spread in pixels: nothing is divided by 0. As in the file.
const NOBODY: f32 = 1e-30;
const LEAST_SCALE: f32 = 1e-3;

/// Features whose weights are the same, or opposite, in a plane: they are added up, or subtracted, before the product.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Merged {
    /// For each number that is multiplied, the features that it is made of, with their signs.
    pub(super) terms: Vec<Vec<(usize, f32)>>,
}

/// Features of some people.
#[derive(Debug)]
pub(super) struct Features {
    merged: [Merged; 2],
    /// `[people, terms]` for each plane.
    planes: [Vec<f32>; 2],
    /// `[J, 3]` of one person.
    person: Vec<f32>,
}

impl Features {
    /// For at most `people` people of `joints` joints.
    pub(super) fn new(merged: [Merged; 2], joints: usize, people: usize) -> Self {
        let planes = merged.each_ref().map(|merged| vec![0.0; people * merged.terms.len()]);
        Self { merged, planes, person: vec![0.0; joints * NUMBERS] }
    }

    /// Numbers of a person in a plane.
    pub(super) fn width(&self, plane: usize) -> usize {
        self.merged[plane].terms.len()
    }

    /// `[people, width]`.
    pub(super) fn plane(&self, plane: usize) -> &[f32] {
        &self.planes[plane]
    }

    /// Takes in `keypoints` `[people, J, 3]`, pixels and scores.
    pub(super) fn read(&mut self, keypoints: &[f32], people: usize) {
        let numbers = self.person.len();
        for (index, raw) in keypoints.chunks_exact(numbers).take(people).enumerate() {
            normalise(raw, &mut self.person);
            for (merged, plane) in self.merged.iter().zip(&mut self.planes) {
                let own = &mut plane[index * merged.terms.len()..][..merged.terms.len()];
                for (number, terms) in own.iter_mut().zip(&merged.terms) {
                    *number = terms.iter().map(|&(feature, sign)| self.person[feature] * sign).sum();
                }
            }
        }
    }
}

/// Whether there is a key point: all numbers are finite and the score is over 0. Cubes, as in the file, count absurd
/// coordinates and scores as none too.
fn is_visible(point: &[f32]) -> bool {
    let [x, y, score] = [point[0], point[1], point[2]].map(|number| number * number * number);
    let witness = score + (x + y) * 0.0;
    witness > 0.0 && witness.is_finite()
}

/// Features `[J, 3]` of one person's key points `[J, 3]`.
fn normalise(raw: &[f32], features: &mut [f32]) {
    for (point, raw) in features.chunks_exact_mut(NUMBERS).zip(raw.chunks_exact(NUMBERS)) {
        point.copy_from_slice(if is_visible(raw) { raw } else { &[0.0; NUMBERS] });
    }
    let total = NOBODY + features.iter().skip(2).step_by(NUMBERS).sum::<f32>();
    // Twice: the first centre carries the rounding of large pixel numbers, the second does not.
    for _ in 0..2 {
        let mut centre = [0.0; AXES];
        for point in features.chunks_exact(NUMBERS) {
            (0..AXES).for_each(|axis| centre[axis] += point[axis] * (point[2] / total));
        }
        for point in features.chunks_exact_mut(NUMBERS) {
            (0..AXES).for_each(|axis| point[axis] -= centre[axis]);
        }
    }
    let square = |point: &[f32]| (point[0] * point[0] + point[1] * point[1]) * (point[2] / total);
    let scale = features.chunks_exact(NUMBERS).map(square).sum::<f32>().sqrt().max(LEAST_SCALE);
    for point in features.chunks_exact_mut(NUMBERS) {
        let seen = if point[2] > 0.0 { 1.0 } else { 0.0 };
        (0..AXES).for_each(|axis| point[axis] = point[axis] / scale * seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_centred_scaled_and_without_what_is_missing() {
        // Two visible joints 6 px apart, weights 1/5 and 4/5: centre at 14.8, scale √(4.8²/5 + 4·1.2²/5) = 2.4.
        let raw = [10.0, 5.0, 0.25, 16.0, 5.0, 1.0, f32::NAN, 1.0, 0.9, 3.0, f32::INFINITY, 0.5, 7.0, 7.0, 0.0];
        let mut features = [9.0; 15];
        normalise(&raw, &mut features);
        let expected = [-2.0, 0.0, 0.25, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert!(features.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{features:?}");
        normalise(&[f32::NAN; 15], &mut features);
        assert_eq!(features, [0.0; 15]);
    }

    #[test]
    fn features_are_merged_with_their_signs() {
        let merged = |terms: &[&[(usize, f32)]]| Merged { terms: terms.iter().map(|terms| terms.to_vec()).collect() };
        let even = merged(&[&[(0, 1.0), (3, -1.0)], &[(2, 1.0), (5, 1.0)]]);
        let mut features = Features::new([even, merged(&[&[(1, 1.0)]])], 2, 2);
        features.read(&[0.0, 0.0, 1.0, 2.0, 0.0, 0.5], 1);
        // Centred at 2/3 with weights 2/3 and 1/3: −2/3 and 4/3, spread √(8/9).
        let scale = (8.0f32 / 9.0).sqrt();
        assert!((features.plane(0)[0] + 2.0 / scale).abs() < 1e-6 && (features.plane(0)[1] - 1.5).abs() < 1e-6);
        assert_eq!((features.width(0), features.width(1), features.plane(1)[0]), (2, 1, 0.0));
    }
}
