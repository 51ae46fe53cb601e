//! JSON numbers to floats, at the speed that a stream of key points needs.
//!
//! Short decimals, which detectors write, are one exact multiplication or
//! division of two exact `f64`s (Clinger 1990); all others go to the standard
//! library. Either way the result is the float nearest to the decimal.

/// 10^0 to 10^22, the powers of ten that `f64` holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A number as its digits say it: ±mantissa · 10^exponent.
struct Decimal {
    mantissa: u64,
    exponent: i64,
    negative: bool,
    /// Significant digits; beyond 19 the mantissa has overflowed.
    digits: u32,
    /// Bytes that the number takes.
    length: usize,
}

/// The number that `text` begins with as the nearest `f32`, and its length in bytes.
///
/// `None` where the text begins with no JSON number. Numbers beyond the range become infinite.
pub(super) fn read_f32(text: &[u8]) -> Option<(f32, usize)> {
    let decimal = Decimal::read(text)?;
    let value = match decimal.exact_f64() {
        Some(wide) if !rounds_twice(wide) => wide as f32,
        _ => standard(&text[..decimal.length])?,
    };
    Some((value, decimal.length))
}

/// As [`read_f32`], to the nearest `f64`.
pub(super) fn read_f64(text: &[u8]) -> Option<(f64, usize)> {
    let decimal = Decimal::read(text)?;
    let value = match decimal.exact_f64() {
        Some(value) => value,
        None => standard(&text[..decimal.length])?,
    };
    Some((value, decimal.length))
}

fn standard<F: std::str::FromStr>(number: &[u8]) -> Option<F> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Whether rounding `wide` on to `f32` could differ from rounding its decimal at once: it lies on the very middle
/// between two `f32`s, or below the normal ones.
fn rounds_twice(wide: f64) -> bool {
    const DROPPED: u64 = (1 << 29) - 1;
    let subnormal = wide != 0.0 && wide.abs() < f64::from(f32::MIN_POSITIVE);
    subnormal || wide.to_bits() & DROPPED == 1 << 28
}

impl Decimal {
    /// JSON's grammar: `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`.
    fn read(text: &[u8]) -> Option<Self> {
        let mut number = Self { mantissa: 0, exponent: 0, negative: false, digits: 0, length: 0 };
        if text.first() == Some(&b'-') {
            number.negative = true;
            number.length = 1;
        }
        let whole = number.read_digits(text);
        let leading_zero = text.get(number.length.checked_sub(whole)?) == Some(&b'0');
        if whole == 0 || (leading_zero && whole > 1) {
            return None;
        }
        if text.get(number.length) == Some(&b'.') {
            number.length += 1;
            let fraction = number.read_digits(text);
            if fraction == 0 {
                return None;
            }
            number.exponent = -(fraction as i64);
        }
        if matches!(text.get(number.length), Some(b'e' | b'E')) {
            number.read_exponent(text)?;
        }
        Some(number)
    }

    /// Takes the digits at the end of what was read; returns how many there were.
    #[inline]
    fn read_digits(&mut self, text: &[u8]) -> usize {
        let start = self.length;
        while let Some(digit) = text.get(self.length).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
            self.mantissa = self.mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.digits += u32::from(self.digits > 0 || digit > 0);
            self.length += 1;
        }
        self.length - start
    }

    #[cold]
    fn read_exponent(&mut self, text: &[u8]) -> Option<()> {
        self.length += 1;
        let negative = match text.get(self.length) {
            Some(sign @ (b'+' | b'-')) => {
                self.length += 1;
                *sign == b'-'
            }
            _ => false,
        };
        let start = self.length;
        let mut exponent: i64 = 0;
        while let Some(digit) = text.get(self.length).filter(|byte| byte.is_ascii_digit()) {
            exponent = exponent.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            self.length += 1;
        }
        self.exponent = self.exponent.saturating_add(if negative { -exponent } else { exponent });
        (self.length > start).then_some(())
    }

    /// The nearest `f64`, where mantissa and power of ten are both exact.
    #[inline]
    fn exact_f64(&self) -> Option<f64> {
        if self.digits > 19 || self.mantissa > 1 << 53 {
            return None;
        }
        let power = *POWERS_OF_TEN.get(usize::try_from(self.exponent.unsigned_abs()).ok()?)?;
        let mantissa = self.mantissa as f64;
        let magnitude = if self.exponent < 0 { mantissa / power } else { mantissa * power };
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn follows_the_grammar() {
        for (text, expected) in [
            ("0", Some((0.0, 1))),
            ("-0.5,", Some((-0.5, 4))),
            ("12.25e1]", Some((122.5, 7))),
            ("1E-2", Some((0.01, 4))),
            ("16777217", Some((16_777_216.0, 8))),
            ("1e400", Some((f32::INFINITY, 5))),
            ("0.000000000000000000000000000000000000000000001", Some((1e-45, 47))),
            ("", None),
            ("-", None),
            ("01", None),
            ("-01.5", None),
            (".5", None),
            ("1.", None),
            ("1.e3", None),
            ("1e", None),
            ("+1", None),
            ("x", None),
        ] {
            assert_eq!(read_f32(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn rounds_once_on_the_middle_between_two_floats() {
        // 1 + 2^-24 lies midway between 1 and 1 + 2^-23; a hair above it, which f64 does not see, must go up.
        assert_eq!(read_f32(b"1.00000005960464477539062500000001").unwrap().0, 1.0 + f32::EPSILON);
        assert_eq!(read_f32(b"1.000000059604644775390625").unwrap().0, 1.0);
    }

    proptest! {
        #[test]
        fn reads_every_float_back(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = zmij::Buffer::new().format_finite(value).to_owned();
            let (read, length) = read_f32(text.as_bytes()).unwrap();
            prop_assert_eq!((read.to_bits(), length), (bits, text.len()));
        }

        #[test]
        fn agrees_with_the_standard_library(text in "-?(0|[1-9][0-9]{0,21})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
            let (narrow, length) = read_f32(text.as_bytes()).unwrap();
            prop_assert_eq!(length, text.len());
            prop_assert_eq!(narrow.to_bits(), text.parse::<f32>().unwrap().to_bits());
            let (wide, _) = read_f64(text.as_bytes()).unwrap();
            prop_assert_eq!(wide.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }
    }
}
