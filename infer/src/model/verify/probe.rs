//! Probe inputs: people that kernels and ONNX Runtime both lift, to check whether they agree.
//!
//! They cover what a graph could treat differently: coordinates from −1e4 to 1e5, people of all sizes, scores, and
//! joints that are missing in every way that the contract allows.

/// Probe inputs of a model.
pub(super) const COUNT: usize = 64;

/// Range of the people's positions, in pixels, on either axis.
const PLACES: [f32; 8] = [0.0, 320.0, 640.0, 1000.0, 4000.0, 25_000.0, 1e5, -1e4];
/// Range of their sizes, in pixels.
const SIZES: [f32; 7] = [200.0, 8.0, 60.0, 500.0, 1500.0, 6000.0, 20_000.0];

/// Key points `[COUNT, J, channels]`, the same at every call.
pub(super) fn inputs(joints: usize, channels: usize) -> Vec<f32> {
    let mut scatter = Scatter(1);
    let mut keypoints = Vec::with_capacity(COUNT * joints * channels);
    for n in 0..COUNT {
        let place = [PLACES[n % PLACES.len()], PLACES[(n * 3 + n / PLACES.len()) % PLACES.len()]];
        let size = SIZES[n % SIZES.len()];
        for joint in 0..joints {
            let mut point = [
                place[0] + size * (scatter.unit() - 0.5),
                place[1] + size * (scatter.unit() - 0.5),
                // A third of the people have low scores, a few joints have the score 1.
                if joint % 5 == 4 {
                    1.0
                } else if n % 3 == 1 {
                    0.02 + 0.3 * scatter.unit()
                } else {
                    scatter.unit()
                },
            ];
            if is_missing(n, joint) {
                lose(&mut point, (n + joint) % WAYS, channels);
            }
            keypoints.extend_from_slice(&point[..channels]);
        }
    }
    keypoints
}

/// Whether a joint is missing: none for every other person, up to half for the others.
fn is_missing(n: usize, joint: usize) -> bool {
    match n % 8 {
        1 => joint == n % 17,
        3 => joint.is_multiple_of(4),
        5 => joint.is_multiple_of(2),
        7 => joint % 3 == 1,
        _ => false,
    }
}

/// Ways in which a joint is missing.
const WAYS: usize = 6;

/// Marks a joint as missing.
fn lose(point: &mut [f32; 3], way: usize, channels: usize) {
    match (way, channels) {
        (0, 3) => point[2] = 0.0,
        (1, 3) => *point = [0.0; 3],
        (2, 3) => point[2] = f32::NAN,
        (0..=3, _) => point[way % 2] = f32::NAN,
        (4, _) => point[0] = f32::INFINITY,
        _ => point[1] = f32::NEG_INFINITY,
    }
}

/// Pseudo-random numbers in 0..1.
pub(super) struct Scatter(pub(super) u32);

impl Scatter {
    /// The next number.
    pub(super) fn unit(&mut self) -> f32 {
        // Linear congruential generator of Numerical Recipes: its quality is sufficient here.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_cover_coordinates_sizes_scores_and_missing_joints() {
        let keypoints = inputs(17, 3);
        assert_eq!(keypoints.len(), COUNT * 17 * 3);
        let finite = |channel: usize| keypoints.iter().skip(channel).step_by(3).copied().filter(|x| x.is_finite());
        for axis in 0..2 {
            assert!(finite(axis).fold(0f32, f32::max) > 9.9e4 && finite(axis).fold(0f32, f32::min) < -9.9e3);
        }
        assert!(finite(2).all(|score| (0.0..=1.0).contains(&score)));
        let people = keypoints.chunks_exact(17 * 3);
        let missing = |person: &[f32]| {
            person.chunks_exact(3).filter(|point| point.iter().any(|x| !x.is_finite()) || point[2] == 0.0).count()
        };
        let counts: Vec<_> = people.clone().map(missing).collect();
        assert!(counts.iter().all(|count| *count <= 9) && counts.iter().filter(|count| **count == 0).count() >= 32);
        // Of the people with all joints, some span more than 20,000 pixels and some are smaller than 10.
        let extent = |person: &[f32]| {
            let x = person.iter().step_by(3);
            x.clone().fold(f32::MIN, |a, b| a.max(*b)) - x.fold(f32::MAX, |a, b| a.min(*b))
        };
        let whole: Vec<_> = people.zip(&counts).filter(|(_, count)| **count == 0).map(|(p, _)| extent(p)).collect();
        assert!(whole.iter().any(|extent| *extent < 10.0) && whole.iter().any(|extent| *extent > 10_000.0));
        // Without scores a missing joint has no coordinates.
        assert!(inputs(17, 2).iter().any(|x| x.is_nan()));
    }
}
