//! Paired arrays: finding the root joint that their poses are relative to.

use std::path::Path;
use std::str::FromStr;

use ndarray::{Array1, Array3, ArrayView2, Axis, s};
use poselift::format::PairedArrays;
use poselift::{Error, Result};

use crate::data::{Pairs, Source};

/// Position of the root joint of the assignment's data, which is not among the arrays' joints.
const ASSIGNMENT_ROOT: [f32; 3] = [0.0, 0.0, -1.0];

/// The point that poses are made relative to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RootChoice {
    /// A joint that never moves; else the assignment's root, if the poses surround it; else none.
    #[default]
    Auto,
    /// Poses are kept as they are.
    None,
    /// The joint with this index, wherever it is.
    Joint(usize),
    /// A fixed position that is not a joint of the arrays.
    Position([f32; 3]),
}

impl FromStr for RootChoice {
    type Err = Error;

    /// `auto`, `none`, a joint's index, or `x,y,z`.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Option<Vec<f32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
        match (text, numbers.as_deref()) {
            ("auto", _) => Ok(Self::Auto),
            ("none", _) => Ok(Self::None),
            (_, Some(&[x, y, z])) if [x, y, z].iter().all(|value| value.is_finite()) => Ok(Self::Position([x, y, z])),
            _ => text.parse().map(Self::Joint).map_err(|_| {
                Error::usage(format!("root '{text}', expected auto, none, the index of a joint, or x,y,z"))
            }),
        }
    }
}

impl Pairs {
    /// Reads a pickle or an npz of paired arrays; the text says which root was used.
    ///
    /// # Errors
    /// A file that cannot be read, or an error of [`Self::from_arrays`].
    pub fn from_file(path: &Path, root: RootChoice) -> Result<(Self, String)> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = Source { name, licence: "unknown".into() };
        let (pairs, note) =
            Self::from_arrays(PairedArrays::from_file(path)?, root, source).map_err(|error| error.at(path))?;
        Ok((pairs, format!("{}: {note}", path.display())))
    }

    /// Makes poses relative to their root. The text says which root was used, and how many samples were left out
    /// because their poses hold a number that is not finite.
    ///
    /// # Errors
    /// No samples, or a root that is not a joint.
    pub fn from_arrays(arrays: PairedArrays, root: RootChoice, source: Source) -> Result<(Self, String)> {
        let given = arrays.poses.dim().0;
        let PairedArrays { keypoints, mut poses } = with_finite_poses(arrays);
        let (samples, joints, _) = poses.dim();
        if samples == 0 && given > 0 {
            return Err(Error::input(format!("each of {given} poses holds NaN or infinity, expected finite numbers")));
        }
        if samples == 0 || joints == 0 {
            return Err(Error::input(format!("{samples} poses of {joints} joints, expected at least 1 of 1")));
        }
        let (chosen, why) = match root {
            RootChoice::Auto => detect(&poses),
            named => (named, "as asked for"),
        };
        let (root, root_position, note) = match chosen {
            RootChoice::Joint(joint) if joint >= joints => {
                return Err(Error::usage(format!("root joint {joint}, expected less than {joints}")));
            }
            RootChoice::Joint(joint) => {
                let place = fixed_place(&poses, joint);
                subtract_joint(&mut poses, joint);
                let moved = place.filter(|place| *place != [0.0; 3]);
                (Some(joint), moved, format!("joint {joint} is the root, {why}"))
            }
            RootChoice::Position(place) => {
                for mut point in poses.lanes_mut(Axis(2)) {
                    for (value, root) in point.iter_mut().zip(place) {
                        *value -= root;
                    }
                }
                (None, Some(place), format!("the root is no joint of the arrays and lies at {place:?}, {why}"))
            }
            RootChoice::None | RootChoice::Auto => (None, None, format!("no root taken, poses as they are, {why}")),
        };
        let note = format!("{samples} pairs, {} key points to {joints} joints; {note}", keypoints.dim().1);
        let note = match given - samples {
            0 => note,
            left_out => format!("{note}; {left_out} of {given} pairs left out, for their poses hold NaN or infinity"),
        };
        Ok((Self { keypoints, poses, root, root_position, unit: "unknown".into(), source }, note))
    }
}

/// The samples whose poses hold only finite numbers: a single other one would turn every weight into NaN. Key points
/// may hold NaN, which means missing.
fn with_finite_poses(arrays: PairedArrays) -> PairedArrays {
    let samples = arrays.poses.dim().0;
    let finite: Vec<usize> = (0..samples)
        .filter(|&sample| arrays.poses.index_axis(Axis(0), sample).iter().all(|value| value.is_finite()))
        .collect();
    if finite.len() == samples {
        return arrays;
    }
    PairedArrays { keypoints: arrays.keypoints.select(Axis(0), &finite), poses: arrays.poses.select(Axis(0), &finite) }
}

/// The root that [`RootChoice::Auto`] picks, and why.
fn detect(poses: &Array3<f32>) -> (RootChoice, &'static str) {
    // One pose does not show which joints move.
    let still = (0..poses.dim().1).find(|&joint| poses.dim().0 > 1 && fixed_place(poses, joint).is_some());
    if let Some(joint) = still {
        return (RootChoice::Joint(joint), "for it never moves");
    }
    let mean = poses.mean_axis(Axis(0)).and_then(|mean| mean.mean_axis(Axis(0)));
    let Some(mean) = mean else { return (RootChoice::None, "for there are none") };
    let size = pose_size(poses);
    // The camera is at the origin, one unit away, so a pose about that root is smaller than one unit.
    if size < 1.0
        && distance(&mean, ASSIGNMENT_ROOT) < size / 2.0
        && distance(&mean, ASSIGNMENT_ROOT) < distance(&mean, [0.0; 3])
    {
        return (RootChoice::Position(ASSIGNMENT_ROOT), "for the poses surround it, as the assignment's do");
    }
    (RootChoice::None, "for no joint stays in its place")
}

fn distance(point: &Array1<f32>, place: [f32; 3]) -> f32 {
    (0..3).map(|axis| (point[axis] - place[axis]).powi(2)).sum::<f32>().sqrt()
}

/// The position of `joint`, if it moves by no more than a hundred-thousandth of the pose's size.
fn fixed_place(poses: &Array3<f32>, joint: usize) -> Option<[f32; 3]> {
    let place: [f32; 3] = std::array::from_fn(|axis| poses[[0, joint, axis]]);
    let slack = 1e-5 * pose_size(poses);
    let points = poses.index_axis(Axis(1), joint);
    let stays =
        points.rows().into_iter().all(|row| row.iter().zip(place).all(|(value, at)| (value - at).abs() <= slack));
    stays.then_some(place)
}

/// Mean distance of the farthest joint from its pose's middle.
fn pose_size(poses: &Array3<f32>) -> f32 {
    let total: f64 = poses.outer_iter().map(|pose| f64::from(radius(pose))).sum();
    (total / poses.dim().0 as f64) as f32
}

/// Distance of the farthest joint from the pose's middle.
fn radius(pose: ArrayView2<'_, f32>) -> f32 {
    let middle = pose.mean_axis(Axis(0)).unwrap_or_default();
    let squared = pose.rows().into_iter().map(|row| row.iter().zip(&middle).map(|(a, b)| (a - b).powi(2)).sum::<f32>());
    squared.fold(0.0, f32::max).sqrt()
}

fn subtract_joint(poses: &mut Array3<f32>, joint: usize) {
    for mut pose in poses.outer_iter_mut() {
        let root = pose.slice(s![joint, ..]).to_owned();
        pose -= &root;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source { name: "test".into(), licence: "unknown".into() }
    }

    /// `[N, 4, 3]`: four joints at random positions within half of `size` of `middle`.
    fn arrays(middle: [f32; 3], size: f32) -> PairedArrays {
        let value = |(n, joint, axis): (usize, usize, usize)| {
            middle[axis] + size * (((n * 31 + joint * 17 + axis * 7) % 13) as f32 / 13.0 - 0.5)
        };
        PairedArrays { keypoints: Array3::zeros((40, 4, 2)), poses: Array3::from_shape_fn((40, 4, 3), value) }
    }

    #[test]
    fn a_joint_that_never_moves_is_the_root() {
        let mut given = arrays([0.0, 0.0, 4.0], 1.0);
        given.poses.slice_mut(s![.., 2, ..]).assign(&ndarray::arr1(&[0.5, 0.0, 4.0]));
        let (pairs, note) = Pairs::from_arrays(given.clone(), RootChoice::Auto, source()).unwrap();
        assert_eq!((pairs.root, pairs.root_position), (Some(2), Some([0.5, 0.0, 4.0])));
        assert!(pairs.poses.slice(s![.., 2, ..]).iter().all(|value| *value == 0.0));
        assert!((pairs.poses[[7, 1, 2]] - (given.poses[[7, 1, 2]] - 4.0)).abs() < 1e-6);
        assert!(note.contains("joint 2 is the root, for it never moves"), "{note}");
    }

    #[test]
    fn the_assignments_root_is_found_and_others_are_not_invented() {
        let (pairs, _) = Pairs::from_arrays(arrays([0.02, 0.0, -1.0], 0.4), RootChoice::Auto, source()).unwrap();
        assert_eq!((pairs.root, pairs.root_position), (None, Some([0.0, 0.0, -1.0])));
        // Root-centred in millimetres or in metres, root left out; and far from the camera.
        for (middle, size) in [([0.0, 0.0, 0.0], 900.0), ([0.0, 0.0, 0.0], 0.9), ([0.0, 0.0, -4.0], 1.0)] {
            let given = arrays(middle, size);
            let (pairs, note) = Pairs::from_arrays(given.clone(), RootChoice::Auto, source()).unwrap();
            assert_eq!((pairs.root, pairs.root_position, pairs.poses), (None, None, given.poses), "{note}");
        }
    }

    #[test]
    fn a_root_that_is_asked_for_is_taken() {
        let given = arrays([1.0, 2.0, 3.0], 1.0);
        let taken = |root| Pairs::from_arrays(given.clone(), root, source());
        let (pairs, _) = taken(RootChoice::Joint(1)).unwrap();
        assert_eq!((pairs.root, pairs.root_position), (Some(1), None));
        assert!(pairs.poses.slice(s![.., 1, ..]).iter().all(|value| *value == 0.0));
        let (pairs, _) = taken(RootChoice::Position([1.0, 0.0, 0.0])).unwrap();
        assert_eq!(pairs.poses[[3, 2, 0]], given.poses[[3, 2, 0]] - 1.0);
        assert_eq!(taken(RootChoice::None).unwrap().0.poses, given.poses);
        assert!(taken(RootChoice::Joint(4)).unwrap_err().to_string().contains("less than 4"));
    }

    #[test]
    fn poses_that_are_not_finite_are_left_out_and_counted() {
        let whole = arrays([0.0, 0.0, 4.0], 1.0);
        let mut given = whole.clone();
        (given.poses[[3, 0, 1]], given.poses[[8, 2, 0]]) = (f32::NAN, f32::INFINITY);
        given.keypoints[[5, 1, 0]] = f32::NAN;
        let (pairs, note) = Pairs::from_arrays(given.clone(), RootChoice::None, source()).unwrap();
        assert_eq!((pairs.poses.dim().0, pairs.keypoints.dim().0), (38, 38));
        assert_eq!(pairs.poses.slice(s![3, .., ..]), whole.poses.slice(s![4, .., ..]));
        assert!(note.contains("2 of 40 pairs left out"), "{note}");
        given.poses.fill(f32::NAN);
        let refused = Pairs::from_arrays(given, RootChoice::None, source()).unwrap_err().to_string();
        assert!(refused.contains("each of 40 poses holds NaN"), "{refused}");
    }

    #[test]
    fn choices_are_read() {
        for (text, expected) in [
            ("auto", Some(RootChoice::Auto)),
            ("none", Some(RootChoice::None)),
            ("14", Some(RootChoice::Joint(14))),
            ("0,0,-1", Some(RootChoice::Position([0.0, 0.0, -1.0]))),
            ("0,0", None),
            ("hip", None),
            ("0,0,inf", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
