//! Numbers with a fixed count of decimals as text: motion files hold little else, and the standard library takes ten
//! times as long.

use std::io::Write;

const POWERS: [u64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Above this many steps an f64 no longer has single steps.
const MOST_STEPS: f64 = 9e15;

/// Appends `value`, rounded to `decimals`, nine at most; a number that is not finite as `nan`.
pub(super) fn push_fixed(out: &mut Vec<u8>, value: f64, decimals: usize) {
    let power = POWERS[decimals];
    let steps = (value * power as f64).round();
    if steps.abs() < MOST_STEPS {
        push_steps(out, steps as i64, power, decimals);
    } else if value.is_finite() {
        write!(out, "{value:.decimals$}").expect("memory takes all that is written");
    } else {
        out.extend_from_slice(b"nan");
    }
}

fn push_steps(out: &mut Vec<u8>, steps: i64, power: u64, decimals: usize) {
    if steps < 0 {
        out.push(b'-');
    }
    let magnitude = steps.unsigned_abs();
    push_integer(out, magnitude / power);
    if decimals == 0 {
        return;
    }
    out.push(b'.');
    let mut rest = magnitude % power;
    let start = out.len();
    out.resize(start + decimals, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Appends an integer.
pub(super) fn push_integer(out: &mut Vec<u8>, integer: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;

    fn fixed(value: f64, decimals: usize) -> String {
        let mut out = Vec::new();
        push_fixed(&mut out, value, decimals);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn signs_zeros_and_what_is_no_number() {
        for (value, decimals, expected) in [
            (0.0, 3, "0.000"),
            (-0.0004, 3, "0.000"),
            (-0.0006, 3, "-0.001"),
            (1.999_999_9, 6, "2.000000"),
            (12.05, 2, "12.05"),
            (-7.0, 0, "-7"),
            (1e300, 1, &format!("{:.1}", 1e300)),
            (f64::NAN, 6, "nan"),
            (f64::NEG_INFINITY, 6, "nan"),
        ] {
            assert_eq!(fixed(value, decimals), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_to_half_a_step(value in -1e6f64..1e6, decimals in 0usize..9) {
            let read: f64 = fixed(value, decimals).parse().unwrap();
            let rounding = 4.0 * f64::EPSILON * value.abs();
            prop_assert!((read - value).abs() <= 0.5 / POWERS[decimals] as f64 + rounding);
        }
    }
}
