//! MoveNet's raw tensors: `[1, 1, 17, 3]` of y, x and score (SinglePose), or `[1, 6, 56]` (MultiPose: 17 points, then the box of the
//! person and their score), a tensor a frame, stacked in any way.

use super::array::{Array, shape_text};
use crate::error::{Error, Result};

const JOINTS: usize = 17;
/// Numbers of a person in MultiPose: the points, y and x of two corners, a score.
const MULTIPOSE: usize = JOINTS * 3 + 5;
/// MultiPose gives six people in any case; those of a lower score are none. TensorFlow.js leaves out as many (`minPoseScore`).
const MIN_SCORE: f32 = 0.25;

/// Tensors as key points `[frames, people, joints, 3]` of x, y and score.
///
/// # Errors
/// A shape that no stack of MoveNet's tensors has.
pub(super) fn arranged(tensors: Array) -> Result<Array> {
    let Array { shape, mut numbers } = tensors;
    if shape.contains(&0) {
        return Err(wrong_shape(&shape));
    }
    let people = match shape[..] {
        [.., people, MULTIPOSE] => {
            numbers = of_multipose(&numbers);
            Some(people)
        }
        // Whatever stands before the sides of a person: frames, and sides of 1. People have a side of their own in no other tensor.
        [_, people, 1, JOINTS, 3] | [_, people, JOINTS, 3] => Some(people),
        [.., JOINTS, 3] => Some(1),
        // Points of another model that writes y before x.
        [.., 2..=3] => None,
        _ => return Err(wrong_shape(&shape)),
    };
    let shape = match people {
        Some(people) => vec![numbers.len() / (people * JOINTS * 3), people, JOINTS, 3],
        None => shape,
    };
    let mut points = Array { shape, numbers };
    points.swap_first_two();
    Ok(points)
}

fn wrong_shape(shape: &[usize]) -> Error {
    let shape = shape_text(shape);
    Error::input(format!("the array's shape is {shape}, expected [frames, 17, 3] or [frames, 6, 56]"))
}

/// The points of MultiPose's people; those who are none are NaN.
fn of_multipose(numbers: &[f32]) -> Vec<f32> {
    let mut points = Vec::with_capacity(numbers.len() / MULTIPOSE * JOINTS * 3);
    for person in numbers.chunks_exact(MULTIPOSE) {
        if person[MULTIPOSE - 1] >= MIN_SCORE {
            points.extend_from_slice(&person[..JOINTS * 3]);
        } else {
            points.extend([f32::NAN; JOINTS * 3]);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stack_of_tensors_becomes_frames_of_people() {
        for (sides, frames, people) in [
            (&[17, 3][..], 1, 1),
            (&[1, 1, 17, 3], 1, 1),
            (&[9, 17, 3], 9, 1),
            (&[9, 1, 17, 3], 9, 1),
            (&[9, 1, 1, 17, 3], 9, 1),
            (&[9, 2, 17, 3], 9, 2),
            (&[1, 6, 56], 1, 6),
            (&[9, 6, 56], 9, 6),
            (&[9, 1, 6, 56], 9, 6),
        ] {
            let numbers: Vec<f32> = (0..sides.iter().product::<usize>()).map(|number| number as f32).collect();
            let array = arranged(Array { shape: sides.to_vec(), numbers }).unwrap();
            assert_eq!(array.shape, [frames, people, 17, 3], "{sides:?}");
            assert_eq!(array.numbers[..3], [1.0, 0.0, 2.0], "{sides:?}");
            assert_eq!(array.numbers.len(), frames * people * 51);
        }
        let other = arranged(Array { shape: vec![1, 2, 2], numbers: vec![1.0, 2.0, 3.0, 4.0] }).unwrap();
        assert_eq!((other.shape, other.numbers), (vec![1, 2, 2], vec![2.0, 1.0, 4.0, 3.0]));
        for sides in [&[9, 33, 4][..], &[51], &[0, 17, 3]] {
            let array = Array { shape: sides.to_vec(), numbers: vec![0.0; sides.iter().product()] };
            assert!(arranged(array).unwrap_err().to_string().contains("expected [frames, 17, 3]"), "{sides:?}");
        }
    }

    #[test]
    fn people_of_no_score_are_left_out() {
        let mut numbers = vec![0.5; 2 * MULTIPOSE];
        numbers[MULTIPOSE - 1] = 0.2;
        let array = arranged(Array { shape: vec![1, 2, MULTIPOSE], numbers }).unwrap();
        assert!(array.numbers[..51].iter().all(|number| number.is_nan()) && array.numbers[51] == 0.5);
    }
}
