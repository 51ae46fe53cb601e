//! Virtual cameras: their places, rotations and focal lengths.
//!
//! There are two distributions: the protocol that errors are reported with, which films people as people do; and a
//! wide one that training adds, so that unusual cameras are known too.

use std::f64::consts::{PI, TAU};

use tch::{Device, Tensor};

use crate::views::detector::{Bounds, Normal, Sampler};

/// Pixels of the longer side of every image.
const LONGER_SIDE: f64 = 1280.0;
/// Share of the images that are wider than high.
const LANDSCAPE: f64 = 0.75;
/// The shorter side over the longer one, least and greatest.
const ASPECT: Bounds = Bounds::new(9.0 / 16.0, 1.0);
/// Share of the wide views whose camera (or person) has any rotation.
const TUMBLED: f64 = 0.05;

/// The distribution of virtual cameras: each number is drawn anew for each pose. Any heading; distance and focal
/// length are uniform in their logarithms, so near cameras and wide angles are more frequent.
#[derive(Debug, Clone, PartialEq)]
pub struct Cameras {
    /// Mean and deviation of the downward pitch, radians.
    pub pitch: Normal,
    /// Least and greatest pitch, radians.
    pub pitch_limits: Bounds,
    /// Mean and deviation of the roll, radians.
    pub roll: Normal,
    /// Least and greatest distance to the root, metres.
    pub distance: Bounds,
    /// Least and greatest focal length in longer image sides.
    pub focal: Bounds,
    /// How far from the middle the root may be, as a share of the image's width and height.
    pub offset: f64,
    /// Share of the views whose cameras come from the wider distribution instead: pitch −30 to 60 and roll ±30
    /// degrees, 1.2 to 12 m, 0.5 to 3 longer sides, the root anywhere in the image.
    pub wide: f64,
}

/// The wider distribution, each number uniform between its bounds (distance and focal length in their logarithms):
/// pitch and roll in radians, metres, longer image sides, and the offset as in [`Cameras`].
struct Wide {
    pitch: Bounds,
    roll: Bounds,
    distance: Bounds,
    focal: Bounds,
    offset: f64,
    /// Least distance over focal length: nearer cameras show little of a person.
    nearest: f64,
}

const WIDE: Wide = Wide {
    pitch: Bounds::new(-PI / 6.0, PI / 3.0),
    roll: Bounds::new(-PI / 6.0, PI / 6.0),
    distance: Bounds::new(1.2, 12.0),
    focal: Bounds::new(0.5, 3.0),
    offset: 0.5,
    nearest: 0.9,
};

/// Cameras that were drawn, one for each of B poses.
#[derive(Debug)]
pub(super) struct Placed {
    /// `[B, 3, 3]`.
    pub camera_from_world: Tensor,
    /// `[B, 1, 3]` the body's root in camera axes, metres.
    pub root: Tensor,
    /// `[B]` pixels.
    pub focal: Tensor,
    /// `[B, 2]` width and height of the image, whole pixels.
    pub size: Tensor,
}

impl Default for Cameras {
    /// The protocol of `models/README.md`: cameras look from slightly above, as people film people.
    fn default() -> Self {
        Self {
            pitch: Normal::new(10f64.to_radians(), 15f64.to_radians()),
            pitch_limits: Bounds::new(-35f64.to_radians(), 60f64.to_radians()),
            roll: Normal::new(0.0, 8f64.to_radians()),
            distance: Bounds::new(2.0, 8.0),
            focal: Bounds::new(0.8, 2.4),
            offset: 0.25,
            wide: 0.0,
        }
    }
}

impl Cameras {
    /// The training distribution: the protocol and, in three views of ten, the wide distribution.
    pub fn in_training() -> Self {
        Self { wide: 0.3, ..Self::default() }
    }

    /// The cameras that watch windows in training: the protocol and, in one of ten, the wide distribution.
    pub fn of_windows() -> Self {
        Self { wide: 0.1, ..Self::default() }
    }

    /// Draws `rows` cameras from libtorch's generator, which the caller has seeded.
    pub(super) fn place(&self, rows: i64, device: Device) -> Placed {
        let draw = Sampler::new(rows, device);
        let wide = draw.unit(&[]).lt(self.wide);
        let heading = draw.uniform(&[], Bounds::new(0.0, TAU));
        let pitch = normal(&draw, self.pitch).clamp(self.pitch_limits.least, self.pitch_limits.greatest);
        let pitch = usual_or_wider(&wide, &pitch, &draw.uniform(&[], WIDE.pitch));
        let tumbled = draw.unit(&[]).lt(TUMBLED);
        let any = draw.uniform(&[], Bounds::new(-PI, PI)).where_self(&tumbled, &draw.uniform(&[], WIDE.roll));
        let roll = usual_or_wider(&wide, &normal(&draw, self.roll).clamp(-PI, PI), &any);
        let focal = usual_or_wider(&wide, &log_uniform(&draw, self.focal), &log_uniform(&draw, WIDE.focal));
        let far = log_uniform(&draw, WIDE.distance);
        let far = far.maximum(&(&focal * WIDE.nearest));
        let distance = usual_or_wider(&wide, &log_uniform(&draw, self.distance), &far);
        let offset = usual_or_wider(&wide, &draw.constant(self.offset), &draw.constant(WIDE.offset));
        let size = image_size(&draw);
        // In longer image sides from the middle, then in metres at the root's distance.
        let aside = (draw.unit(&[2]) * 2.0 - 1.0) * offset.unsqueeze(1) * &size / LONGER_SIDE;
        let aside = aside * (&distance / &focal).unsqueeze(1);
        let root = Tensor::cat(&[aside, distance.unsqueeze(1)], 1).unsqueeze(1);
        let camera_from_world = camera_from_world(&heading, &pitch, &roll);
        Placed { camera_from_world, root, focal: focal * LONGER_SIDE, size }
    }
}

/// `[B]` the numbers `wider` of the cameras that are `wide`, and `usual` of the others.
fn usual_or_wider(wide: &Tensor, usual: &Tensor, wider: &Tensor) -> Tensor {
    wider.where_self(wide, usual)
}

/// `[B]` uniform in their logarithms between two bounds.
fn log_uniform(draw: &Sampler, bounds: Bounds) -> Tensor {
    draw.uniform(&[], Bounds::new(bounds.least.ln(), bounds.greatest.ln())).exp()
}

/// `[B]` normal numbers.
fn normal(draw: &Sampler, of: Normal) -> Tensor {
    draw.normal(&[]) * of.deviation + of.mean
}

/// `[B, 2]` widths and heights.
fn image_size(draw: &Sampler) -> Tensor {
    let shorter = (draw.uniform(&[], ASPECT) * LONGER_SIDE).round();
    let longer = draw.constant(LONGER_SIDE);
    let landscape = draw.unit(&[]).lt(LANDSCAPE);
    let width = longer.where_self(&landscape, &shorter);
    let height = shorter.where_self(&landscape, &longer);
    Tensor::stack(&[width, height], 1)
}

/// Rotations `[B, 3, 3]` for bodies turned by `heading` about the vertical, before cameras pitched down by
/// `pitch` and rolled by `roll`, radians `[B]` each: Rz(roll)·Rx(pitch)·diag(1, −1, −1)·Ry(heading).
pub(super) fn camera_from_world(heading: &Tensor, pitch: &Tensor, roll: &Tensor) -> Tensor {
    let cos_heading = heading.cos();
    let sin_heading = heading.sin();
    let cos_pitch = pitch.cos();
    let sin_pitch = pitch.sin();
    let cos_roll = roll.cos();
    let sin_roll = roll.sin();
    let level = [cos_heading.shallow_clone(), cos_heading.zeros_like(), sin_heading.shallow_clone()];
    let down = [-(&sin_pitch * &sin_heading), -&cos_pitch, &sin_pitch * &cos_heading];
    let forward = [&cos_pitch * &sin_heading, -sin_pitch, -(&cos_pitch * &cos_heading)];
    let right: Vec<_> = level.iter().zip(&down).map(|(level, down)| &cos_roll * level - &sin_roll * down).collect();
    let lower: Vec<_> = level.iter().zip(&down).map(|(level, down)| &sin_roll * level + &cos_roll * down).collect();
    let elements: Vec<_> = right.iter().chain(&lower).chain(&forward).collect();
    Tensor::stack(&elements, 1).view([-1, 3, 3])
}

#[cfg(test)]
mod tests {
    use poselift::camera::Attitude;
    use tch::Kind;

    use super::*;
    use crate::data::generator;

    #[test]
    fn rotations_are_those_of_the_camera_room() {
        for (heading, pitch, roll) in [(0.0, 0.0, 0.0), (0.7, 0.3, -0.2), (-2.5, -0.4, 0.6)] {
            let angle = |angle: f32| Tensor::from_slice(&[angle]);
            // There the camera moves around the person; here the person turns in front of the camera.
            let turned = camera_from_world(&angle(-heading), &angle(pitch), &angle(-roll));
            let found = Vec::<f32>::try_from(turned.flatten(0, -1)).unwrap();
            let expected = Attitude { heading, pitch, roll }.camera_from_world();
            // nalgebra keeps columns; found are rows.
            let close = found.iter().zip(expected.transpose().iter()).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(close, "{found:?} against {expected:?}");
        }
    }

    #[test]
    fn spreads_are_what_they_say() {
        let _held = generator();
        tch::manual_seed(3);
        let rows = 20_000;
        for (cameras, least_pitch, share_rolled) in
            [(Cameras::default(), -35.0, 0.0..0.003), (Cameras::in_training(), -35.0, 0.02..0.1)]
        {
            let placed = cameras.place(rows, Device::Cpu);
            // The camera's forward direction in the world is the last row of its rotation: y = −sin(pitch).
            let pitch = -placed.camera_from_world.select(1, 2).select(1, 1).asin() * (180.0 / PI);
            assert!(pitch.min().double_value(&[]) > least_pitch - 0.1 && pitch.max().double_value(&[]) < 60.1);
            // The world's up in the image: its x grows with the roll.
            let rolled = placed.camera_from_world.select(1, 0).select(1, 1).abs().gt((25f64).to_radians().sin());
            let share = rolled.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
            assert!(share_rolled.contains(&share), "{share} of the cameras are rolled by more than 25 degrees");
            let inside = placed.root.select(1, 0);
            let pixels = inside.narrow(1, 0, 2) / inside.narrow(1, 2, 1) * placed.focal.unsqueeze(1);
            let share = (pixels.abs() / &placed.size).max().double_value(&[]);
            assert!(share <= 0.5 + 1e-6, "a root stands {share} of the image from its middle");
        }
    }
}
