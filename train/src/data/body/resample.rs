//! Resampling takes to one rate.

use super::map::Body;

/// Resamples `bodies` from `rate` to `target` frames a second, by straight lines between the two nearest frames.
///
/// At 120 Hz a joint that turns at 10 rad/s on a 0.5 m limb strays 0.1 mm from that line.
pub fn resample(bodies: &[Body], rate: f64, target: f64) -> Vec<Body> {
    let Some(last) = bodies.len().checked_sub(1) else { return Vec::new() };
    let step = rate / target;
    // A small tolerance, so that 120 Hz is 24 times 5 Hz whichever way the header rounds its decimals.
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
        [[value; 3]; 28]
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
}
