//! From an array's joints to bodies: maps the joints, and adds faces if the array has none.

use nalgebra::{Matrix3, Vector3};
use poselift::error::{Error, Result};

use crate::data::body::joints::{HEAD, HIP, NECK, NOSE, SHANKS, SHOULDERS, THIGHS, THORAX};
use crate::data::body::{Body, LEG_PER_STATURE, REFERENCE_STATURE, SKULL, joint_place};

use super::axes::median;

/// Which of Human3.6M's 32 joints are its 17 (Martinez et al. 2017).
const OF_32: [usize; 17] = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27];

/// Weight of the shoulders in estimating where a face looks, next to the neck's joint, which is in front of the line
/// from thorax to head; metres. On UI-PRMD's and CMU's bodies, whose faces are known, 5 to 10 mm of error remain on
/// average.
const SHOULDERS_WEIGHT: f64 = 0.01;

/// The bodies of an array `[T, J, 3]`, or `[T, 3 J]`; faces and feet that it lacks are NaN for now.
///
/// # Errors
/// The array has another shape.
pub(super) fn bodies(shape: &[usize], numbers: &[f32]) -> Result<Vec<Body>> {
    let joints = count(shape).ok_or_else(|| {
        Error::input(format!("a shape of {shape:?}, expected [frames, 17, 22, 28 or 32 joints, 3]"))
            .hint("joints are Human3.6M-17, body28 (the same, nose, eyes, ears, feet), its first 22, or Human3.6M's 32, in their order")
    })?;
    let (points, _) = numbers.as_chunks::<3>();
    Ok(points.chunks_exact(joints).map(body).collect())
}

/// The body of one frame; what the frame lacks is NaN.
fn body(frame: &[[f32; 3]]) -> Body {
    let mut body = [[f32::NAN; 3]; 28];
    if frame.len() == 32 {
        for (point, joint) in body.iter_mut().zip(OF_32) {
            *point = frame[joint];
        }
    } else {
        body[..frame.len()].copy_from_slice(frame);
    }
    body
}

/// The number of joints in an array of this shape, if it can be a clip.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    match *shape {
        [_, joints @ (17 | 22 | 28 | 32), 3] => Some(joints),
        [_, columns @ (51 | 66 | 84 | 96)] => Some(columns / 3),
        _ => None,
    }
}

/// Whether the array had no face; a frame of NaN alone is not evidence.
pub(super) fn lacks_face(body: &Body) -> bool {
    body[NOSE].iter().all(|value| value.is_nan()) && body[HIP].iter().all(|value| value.is_finite())
}

/// Places the missing faces of `bodies`, in metres, on a rigid skull through `neck_nose` and `head`.
pub(super) fn set_faces(bodies: &mut [Body]) {
    let ratio = median(bodies.iter().map(leg_length)) / LEG_PER_STATURE / REFERENCE_STATURE;
    for body in bodies.iter_mut().filter(|body| lacks_face(body)) {
        set_face(body, ratio);
    }
}

/// The mean length of both legs.
fn leg_length(body: &Body) -> f64 {
    let bones = [THIGHS[1], SHANKS[1], THIGHS[0], SHANKS[0]];
    bones.iter().map(|&[a, b]| (joint_place(body, a) - joint_place(body, b)).norm()).sum::<f64>() / 2.0
}

/// The skull is turned so that its own `neck_nose` and `head` are along the body's, and their midpoints coincide.
fn set_face(body: &mut Body, stature_ratio: f64) {
    let [thorax, neck, head] = [THORAX, NECK, HEAD].map(|joint| joint_place(body, joint));
    let upright = (head - thorax).normalize();
    let off_line = (neck - thorax) - upright * upright.dot(&(neck - thorax));
    let shoulders = (joint_place(body, SHOULDERS[0]) - joint_place(body, SHOULDERS[1])).cross(&upright).normalize();
    let ahead = off_line + shoulders * SHOULDERS_WEIGHT;
    let [(_, local_neck), (_, local_head), face @ ..] = SKULL.map(|(slot, local)| (slot, Vector3::from(local)));
    let local = frame(local_head - local_neck, Vector3::z());
    let turn = frame(head - neck, ahead) * local.transpose();
    for (slot, point) in face {
        let from_middle = point - (local_neck + local_head) / 2.0;
        let placed = (neck + head) / 2.0 + turn * from_middle * stature_ratio;
        body[slot] = placed.map(|value| value as f32).into();
    }
}

/// Three perpendicular axes: to the left, along `up`, and as close to `ahead` as possible.
fn frame(up: Vector3<f64>, ahead: Vector3<f64>) -> Matrix3<f64> {
    let up = up.normalize();
    let left = up.cross(&ahead).normalize();
    Matrix3::from_columns(&[left, up, left.cross(&up)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::body::feet::FIRST_OF_FEET;
    use crate::data::body::joints::FIRST_OF_FACE;
    use crate::data::{MotionBuilder, synthetic};

    #[test]
    fn joints_are_taken_by_their_number() {
        let array = |joints: usize| (0..2 * joints * 3).map(|n| n as f32).collect::<Vec<_>>();
        let of_32 = bodies(&[2, 32, 3], &array(32)).unwrap();
        // Frame 1, joint 27, y: 96 + 81 + 1.
        assert!(of_32[1][16][1] == 178.0 && of_32[0][4] == [18.0, 19.0, 20.0] && of_32[0][17][0].is_nan());
        assert_eq!(bodies(&[2, 96], &array(32)).unwrap()[1][..17], of_32[1][..17]);
        assert!(lacks_face(&bodies(&[2, 17, 3], &array(17)).unwrap()[1]));
        let of_22 = bodies(&[2, 22, 3], &array(22)).unwrap();
        assert!(!lacks_face(&of_22[0]) && of_22[1][21][2] == 131.0);
        for shape in [&[2, 16, 3][..], &[2, 17, 2], &[34, 3], &[], &[1, 2, 17, 3]] {
            let message = bodies(shape, &[]).unwrap_err().to_string();
            assert!(message.contains(&format!("a shape of {shape:?}, expected [frames, 17")), "{message}");
        }
    }

    #[test]
    fn faces_come_back_where_they_were() {
        let mut builder = MotionBuilder::new(25.0).unwrap();
        synthetic::add(synthetic::Repertoire::Everyday, 2400, 1, &mut builder);
        let motion = builder.finish().unwrap().0;
        let numbers = motion.positions.as_slice().unwrap();
        let whole = bodies(&[2400, 28, 3], numbers).unwrap();
        for clip in &motion.clips {
            let whole = &whole[clip.start..clip.start + clip.frames];
            let mut faceless = whole.to_vec();
            faceless.iter_mut().for_each(|body| body[FIRST_OF_FACE..FIRST_OF_FEET].fill([f32::NAN; 3]));
            set_faces(&mut faceless);
            for (found, expected) in faceless.iter().zip(whole) {
                for slot in 0..FIRST_OF_FEET {
                    let off = (joint_place(found, slot) - joint_place(expected, slot)).norm();
                    assert!(
                        off < if slot < FIRST_OF_FACE { 1e-9 } else { 0.035 },
                        "{}: joint {slot} {off} m",
                        clip.name
                    );
                }
            }
        }
    }
}
