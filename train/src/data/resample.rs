//! Cutting takes where they are broken, and bringing what is left to one rate.

use std::ops::Range;

use super::body::Body;

/// Faster than any joint of a person moves, metres a second (a pitcher's hand reaches about 20).
const TELEPORT_SPEED: f64 = 20.0;

/// Shortest piece of a take that is kept, seconds.
const SHORTEST_PIECE: f64 = 0.4;

/// The usable pieces of a take, and how much was cut away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pieces {
    /// Ranges of frames without a broken frame or a jump inside.
    pub ranges: Vec<Range<usize>>,
    /// Frames outside of them.
    pub cut: usize,
    /// Frames with a coordinate that is no number.
    pub not_finite: usize,
    /// Jumps that no body makes.
    pub jumps: usize,
}

/// Cuts `bodies`, taken at `rate` a second, at frames that are no numbers and at jumps of over 20 m/s.
///
/// A first frame that is a rest pose put before the motion is such a jump, and is cut off as a piece of its own,
/// too short to be kept.
pub fn pieces(bodies: &[Body], rate: f64) -> Pieces {
    let mut pieces = Pieces::default();
    let mut start = 0;
    let close = |range: Range<usize>, pieces: &mut Pieces| {
        if range.len() as f64 >= SHORTEST_PIECE * rate {
            pieces.ranges.push(range);
        } else {
            pieces.cut += range.len();
        }
    };
    for (frame, body) in bodies.iter().enumerate() {
        if !body.iter().flatten().all(|value| value.is_finite()) {
            pieces.not_finite += 1;
            pieces.cut += 1;
            close(start..frame, &mut pieces);
            start = frame + 1;
        } else if frame > start && fastest(&bodies[frame - 1], body, rate) > TELEPORT_SPEED {
            pieces.jumps += 1;
            close(start..frame, &mut pieces);
            start = frame;
        }
    }
    close(start.min(bodies.len())..bodies.len(), &mut pieces);
    pieces
}

/// Metres a second of the joint that moves fastest from `before` to `after`.
fn fastest(before: &Body, after: &Body, rate: f64) -> f64 {
    let squared = |(a, b): (&[f32; 3], &[f32; 3])| (0..3).map(|axis| f64::from(a[axis] - b[axis]).powi(2)).sum::<f64>();
    before.iter().zip(after).map(squared).fold(0.0, f64::max).sqrt() * rate
}

/// `bodies` at `rate` a second brought to `target` a second, by straight lines between the two nearest frames.
///
/// At 120 Hz a joint that turns at 10 rad/s on a 0.5 m limb strays 0.1 mm from that line.
pub fn resample(bodies: &[Body], rate: f64, target: f64) -> Vec<Body> {
    let Some(last) = bodies.len().checked_sub(1) else { return Vec::new() };
    let step = rate / target;
    // A hair of slack, so that 120 Hz is 24 times 5 Hz whatever the header's decimals.
    let count = ((last as f64 + 1e-3) / step) as usize + 1;
    (0..count).map(|index| between(bodies, index as f64 * step)).collect()
}

fn between(bodies: &[Body], at: f64) -> Body {
    let first = (at as usize).min(bodies.len() - 1);
    let second = (first + 1).min(bodies.len() - 1);
    let share = (at - first as f64).clamp(0.0, 1.0) as f32;
    let mut body = bodies[first];
    for (point, next) in body.iter_mut().flatten().zip(bodies[second].iter().flatten()) {
        *point += (next - *point) * share;
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body whose every coordinate is `value`.
    fn all(value: f32) -> Body {
        [[value; 3]; 22]
    }

    #[test]
    fn straight_lines_stay_straight() {
        let bodies: Vec<_> = (0..121).map(|frame| all(frame as f32 / 120.0)).collect();
        for target in [25.0, 30.0, 50.0, 120.0, 200.0] {
            let resampled = resample(&bodies, 120.0, target);
            assert_eq!(resampled.len(), target as usize + 1);
            for (index, body) in resampled.iter().enumerate() {
                assert!((f64::from(body[3][1]) - index as f64 / target).abs() < 1e-5, "{target} {index}");
            }
        }
        assert!(resample(&[], 120.0, 25.0).is_empty());
    }

    #[test]
    fn a_rest_pose_before_the_motion_and_broken_frames_are_cut() {
        let mut bodies = vec![all(0.0); 301];
        bodies[0][13][1] = 0.6; // one wrist 60 cm away for one frame at 120 Hz: 72 m/s
        bodies[150][4][2] = f32::NAN;
        let found = pieces(&bodies, 120.0);
        assert_eq!(found, Pieces { ranges: vec![1..150, 151..301], cut: 2, not_finite: 1, jumps: 1 });
    }

    #[test]
    fn a_sprinters_foot_is_no_jump() {
        let bodies: Vec<_> = (0..100).map(|frame| all(frame as f32 * 11.0 / 120.0)).collect();
        assert_eq!(pieces(&bodies, 120.0).ranges.as_slice(), std::slice::from_ref(&(0..100)));
    }

    #[test]
    fn nothing_left_is_no_piece() {
        assert_eq!(pieces(&[], 120.0), Pieces::default());
        let short = pieces(&[all(0.0); 5], 120.0);
        assert!(short.ranges.is_empty() && short.cut == 5);
    }
}
