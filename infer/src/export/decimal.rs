//! Numbers with a fixed count of decimals as text: motion files hold little else, and the standard library takes ten
//! times as long.

use std::io::Write;

const POWERS: [u64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Above this many steps an f64 no longer has single steps.
const MAX_STEPS: f64 = 9e15;

/// Appends `value`, rounded to `decimals`, nine at most; a number that is not finite as `nan`.
pub(super) fn push_fixed(out: &mut Vec<u8>, value: f64, decimals: usize) {
    let scaled = value * POWERS[decimals] as f64;
    if scaled.abs() < MAX_STEPS {
        // Half a step towards the number's own side, and the fraction is cut off: as `round`, which is a call.
        let steps = (scaled + 0.5_f64.copysign(scaled)) as i64;
        push_steps(out, steps, decimals);
    } else if value.is_finite() {
        write!(out, "{value:.decimals$}").expect("memory takes all that is written");
    } else {
        out.extend_from_slice(b"nan");
    }
}

/// Digits of a number below 100, in pairs.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

fn push_steps(out: &mut Vec<u8>, steps: i64, decimals: usize) {
    // Divisions by a number that the compiler knows are multiplications.
    let magnitude = steps.unsigned_abs();
    let (whole, mut rest) = match decimals {
        3 => (magnitude / 1_000, magnitude % 1_000),
        4 => (magnitude / 10_000, magnitude % 10_000),
        6 => (magnitude / 1_000_000, magnitude % 1_000_000),
        _ => (magnitude / POWERS[decimals], magnitude % POWERS[decimals]),
    };
    // A sign, sixteen digits, a point, nine digits; filled from the end.
    let mut text = [b'0'; 32];
    let mut start = text.len();
    let mut left = decimals;
    while left >= 2 {
        start -= 2;
        left -= 2;
        text[start..start + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if left == 1 {
        start -= 1;
        text[start] = b'0' + rest as u8;
    }
    if decimals > 0 {
        start -= 1;
        text[start] = b'.';
    }
    let mut whole = whole;
    loop {
        start -= 1;
        text[start] = b'0' + (whole % 10) as u8;
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    if steps < 0 {
        start -= 1;
        text[start] = b'-';
    }
    out.extend_from_slice(&text[start..]);
}

/// Appends an integer.
pub(super) fn push_integer(out: &mut Vec<u8>, integer: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

#[cfg(test)]
mod tests {
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
