//! Views of people, and the same views after their cameras were turned towards the person: [`poselift::camera::LookAt`] for
//! whole batches, so that networks learn from what `poselift run` will show them.

use poselift::camera::{MIN_DEPTH, USUAL_FOCAL};
use tch::{Kind, Tensor};

/// B people as seen by cameras.
#[derive(Debug)]
pub struct Seen {
    /// `[B, J, 3]` of the detectors' layout: pixels from the top left corner, and scores.
    pub keypoints: Tensor,
    /// `[B, J_out, 3]` Human3.6M-17, with feet where detectors see them: camera axes, root-relative, metres.
    pub poses: Tensor,
    /// `[B]` focal lengths, pixels.
    pub focal: Tensor,
    /// `[B, 2]` width and height of the images, pixels.
    pub size: Tensor,
}

impl Seen {
    /// The focal lengths that are assumed if none is known, `[B]` pixels.
    pub fn usual_focal(&self) -> Tensor {
        self.size.amax(&[1i64][..], false) * f64::from(USUAL_FOCAL)
    }

    /// Key points and poses as if the cameras had looked at the person (the mean of the visible joints, weighted by
    /// their scores), with `focal` `[B]` used as the focal length.
    pub fn turned(&self, focal: &Tensor) -> (Tensor, Tensor) {
        let focal = focal.view([-1, 1, 1]);
        let centre = (&self.size / 2.0).unsqueeze(1);
        let score = self.keypoints.narrow(2, 2, 1);
        let visible = score.gt(0.0);
        let points = self.keypoints.narrow(2, 0, 2);
        let directions = (points - &centre) / &focal;
        let weight = score.where_self(&visible, &score.zeros_like());
        let total = weight.sum_dim_intlist(&[1i64][..], true, Kind::Float).clamp_min(1e-9);
        let weighted = (&directions * &weight).where_self(&visible, &directions.zeros_like());
        let mean = weighted.sum_dim_intlist(&[1i64][..], true, Kind::Float) / total;
        let turn = turned_from_camera(&mean);
        let rays = Tensor::cat(&[&directions, &score.ones_like()], 2).bmm(&turn.transpose(1, 2));
        let depth = rays.narrow(2, 2, 1);
        let in_sight = visible.logical_and(&depth.gt(MIN_DEPTH));
        let pixels = rays.narrow(2, 0, 2) / depth.clamp_min(MIN_DEPTH) * focal + centre;
        let seen = Tensor::cat(&[pixels, weight], 2);
        let keypoints = seen.where_self(&in_sight, &seen.zeros_like());
        (keypoints, self.poses.bmm(&turn.transpose(1, 2)))
    }
}

/// Rotations `[B, 3, 3]` that bring directions `[B, 1, 2]` (x and y at depth 1) to the optical axis by the smallest
/// angle; the formula is [`poselift::camera::LookAt::towards`]'s.
fn turned_from_camera(direction: &Tensor) -> Tensor {
    let length = (direction.square().sum_dim_intlist(&[1i64, 2][..], false, Kind::Float) + 1.0).sqrt();
    let a = direction.select(2, 0).squeeze_dim(1) / &length;
    let b = direction.select(2, 1).squeeze_dim(1) / &length;
    let c = length.reciprocal();
    let k = (&c + 1.0).reciprocal();
    let ab = -(&a * &b * &k);
    let elements = [1.0 - &a * &a * &k, ab.shallow_clone(), -&a, ab, 1.0 - &b * &b * &k, -&b, a, b, c];
    Tensor::stack(&elements, 1).view([-1, 3, 3])
}

#[cfg(test)]
mod tests {
    use poselift::camera::{Camera, LookAt};

    use super::*;

    fn plain(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.flatten(0, -1)).unwrap()
    }

    #[test]
    fn whole_batches_turn_as_one_person_does() {
        let (size, focal) = ([1280u32, 720u32], 900.0f32);
        let person = [[900.0, 200.0, 0.9], [1000.0, 330.0, 0.5], [f32::NAN, f32::NAN, 0.0], [950.0, 500.0, 1.0f32]];
        let pose = [[0.0, 0.0, 0.0], [0.3, -0.2, 0.5f32]];
        let seen = Seen {
            keypoints: Tensor::from_slice(person.as_flattened()).view([1, 4, 3]),
            poses: Tensor::from_slice(pose.as_flattened()).view([1, 2, 3]),
            focal: Tensor::from_slice(&[focal]),
            size: Tensor::from_slice(&size.map(|pixels| pixels as f32)).view([1, 2]),
        };
        let (keypoints, poses) = seen.turned(&seen.focal);
        let total: f32 = person.iter().map(|point| point[2]).sum();
        let visible = || person.iter().filter(|point| point[2] > 0.0);
        let looked_at = [0, 1].map(|axis| visible().map(|point| point[axis] * point[2]).sum::<f32>() / total);
        let turn = LookAt::towards(&Camera::with_focal(Some(focal), size), looked_at);
        for (found, point) in plain(&keypoints).chunks(3).zip(person) {
            let expected = turn.pixel([point[0], point[1]]).filter(|_| point[2] > 0.0);
            let [x, y] = expected.unwrap_or([0.0; 2]);
            assert!((found[0] - x).abs() < 1e-2 && (found[1] - y).abs() < 1e-2 && found[2] == point[2], "{found:?}");
        }
        for (found, joint) in plain(&poses).chunks(3).zip(pose) {
            let back = turn.undo(found.try_into().unwrap());
            assert!(back.iter().zip(joint).all(|(a, b)| (a - b).abs() < 1e-6), "{back:?}");
        }
    }
}
