//! The trained lifter computed plainly in f64: a reference for the network in libtorch, for the folding and for the
//! exported file. It follows the definitions in `trained` literally and is slow.

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis, Zip};
use poselift_onnx::names::{MIN_SCALE, MIN_SCORE_SUM};

use crate::trained::{Dense, InputTransform, TrainedLifter};

impl TrainedLifter {
    /// Poses `[N, J_out, 3]` of key points `[N, J_in, C]` and, where the output has it, σ `[N, J_out]`; BatchNorm and
    /// z-scores unfolded.
    ///
    /// # Panics
    /// If shapes do not match; [`crate::export::fold::fold`] checks them and returns errors.
    pub fn evaluate(&self, keypoints: ArrayView3<f32>) -> (Array3<f64>, Option<Array2<f64>>) {
        let people = keypoints.len_of(Axis(0));
        let joints = self.output_card.joints.len();
        let mut poses = Array3::zeros((people, joints, 3));
        let mut sigma = Array2::zeros((people, joints));
        for (index, person) in keypoints.outer_iter().enumerate() {
            let numbers = self.evaluate_features(&self.features(person));
            let (coordinates, log_sigma) = numbers.view().split_at(Axis(0), joints * 3);
            poses.index_axis_mut(Axis(0), index).iter_mut().zip(coordinates).for_each(|(to, &from)| *to = from);
            sigma.row_mut(index).iter_mut().zip(log_sigma).for_each(|(to, from)| *to = from.exp());
        }
        (poses, self.output_card.sigma.then_some(sigma))
    }

    /// The `[J_in·C]` features of one person's key points `[J_in, C]`, before the z-score.
    pub fn features(&self, keypoints: ArrayView2<f32>) -> Array1<f64> {
        let points = keypoints.mapv(f64::from);
        let visible: Vec<bool> = points.outer_iter().map(is_visible).collect();
        let features = match self.transform {
            InputTransform::Absolute => self.absolute(points, &visible),
            InputTransform::Centred => centred(points, &visible),
        };
        features.flatten().to_owned()
    }

    fn absolute(&self, mut points: Array2<f64>, visible: &[bool]) -> Array2<f64> {
        let channels = points.ncols();
        for joint in (0..visible.len()).filter(|&joint| !visible[joint]) {
            for channel in 0..channels {
                points[[joint, channel]] = f64::from(self.input_zscore.mean[joint * channels + channel]);
            }
        }
        points
    }

    /// The network's outputs, without z-scores, of `[J_in·C]` features.
    pub fn evaluate_features(&self, features: &Array1<f64>) -> Array1<f64> {
        let input = &self.input_zscore;
        let output = &self.output_zscore;
        let mut z = features - &input.mean.mapv(f64::from);
        Zip::from(&mut z).and(&input.std).for_each(|z, &std| *z = if std > 0.0 { *z / f64::from(std) } else { 0.0 });

        let network = &self.network;
        let mut x = apply(&network.input, &z);
        if network.input_relu {
            x.mapv_inplace(relu);
        }
        for block in &network.blocks {
            x += &block.iter().fold(x.clone(), |y, dense| apply(dense, &y).mapv(relu));
        }
        apply(&network.output, &x) * output.std.mapv(f64::from) + output.mean.mapv(f64::from)
    }
}

/// x, y and, if there is one, the score.
fn is_visible(point: ArrayView1<f64>) -> bool {
    point.iter().take(2).all(|value| value.is_finite()) && point.get(2).is_none_or(|&score| score > 0.0)
}

fn centred(mut points: Array2<f64>, visible: &[bool]) -> Array2<f64> {
    let seen: Vec<usize> = (0..visible.len()).filter(|&joint| visible[joint]).collect();
    let weights: Vec<f64> = seen.iter().map(|&joint| points.get([joint, 2]).copied().unwrap_or(1.0)).collect();
    let mut centre = [0.0; 2];
    for (axis, centre) in centre.iter_mut().enumerate() {
        *centre = weighted_mean(&weights, seen.iter().map(|&joint| points[[joint, axis]]));
    }
    let squares = seen.iter().map(|&joint| (0..2).map(|axis| (points[[joint, axis]] - centre[axis]).powi(2)).sum());
    let scale = weighted_mean(&weights, squares).sqrt().max(f64::from(MIN_SCALE));
    for (joint, mut point) in points.outer_iter_mut().enumerate() {
        if visible[joint] {
            for axis in 0..2 {
                point[axis] = (point[axis] - centre[axis]) / scale;
            }
        } else {
            point.fill(0.0);
        }
    }
    points
}

/// The mean of `values`; weights that add up to nothing give zero.
fn weighted_mean(weights: &[f64], values: impl Iterator<Item = f64>) -> f64 {
    let total = weights.iter().sum::<f64>().max(f64::from(MIN_SCORE_SUM));
    weights.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>() / total
}

fn apply(dense: &Dense, x: &Array1<f64>) -> Array1<f64> {
    let mut y = dense.weight.mapv(f64::from).dot(x) + dense.bias.mapv(f64::from);
    if let Some(norm) = &dense.norm {
        for (row, y) in y.iter_mut().enumerate() {
            let deviation = (f64::from(norm.variance[row]) + norm.epsilon).sqrt();
            *y = (*y - f64::from(norm.mean[row])) / deviation * f64::from(norm.gamma[row]) + f64::from(norm.beta[row]);
        }
    }
    y
}

fn relu(x: f64) -> f64 {
    x.max(0.0)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn centring_ignores_what_is_missing() {
        // Two visible joints 6 px apart, weights 1/5 and 4/5: centre at 14.8, scale √(4.8²/5 + 4·1.2²/5) = 2.4.
        let points = array![[10.0, 5.0, 0.25], [16.0, 5.0, 1.0], [f64::NAN, 1.0, 0.9]];
        let visible: Vec<bool> = points.outer_iter().map(is_visible).collect();
        assert_eq!(visible, [true, true, false]);
        let expected: Array2<f64> = array![[-2.0, 0.0, 0.25], [0.5, 0.0, 1.0], [0.0; 3]];
        assert!((centred(points, &visible) - expected).iter().all(|difference| difference.abs() < 1e-12));
    }

    #[test]
    fn batch_norm_as_written_in_the_paper() {
        let norm = crate::trained::BatchNorm {
            gamma: array![2.0],
            beta: array![10.0],
            mean: array![1.0],
            variance: array![3.0],
            epsilon: 1.0,
        };
        let dense = Dense { weight: array![[1.0, 1.0]], bias: array![1.0], norm: Some(norm) };
        // (3 + 4 + 1 − 1)/√4·2 + 10.
        assert_eq!(apply(&dense, &array![3.0, 4.0]), array![17.0]);
    }
}
