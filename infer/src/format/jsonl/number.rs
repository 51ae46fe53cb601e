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
    /// Digits before the exponent, zeros and all; beyond 19 the mantissa may have overflowed.
    digits: usize,
    /// Bytes that the number takes.
    length: usize,
}

/// The number that `text` begins with as the nearest `f64`, and its length in bytes.
///
/// `None` where the text begins with no JSON number. Numbers beyond the range become infinite.
#[inline]
pub(super) fn read_f64(text: &[u8]) -> Option<(f64, usize)> {
    if let Some(short) = read_short(text) {
        return Some(short);
    }
    let decimal = Decimal::read(text)?;
    let value = match decimal.exact_f64() {
        Some(value) => value,
        None => standard(&text[..decimal.length])?,
    };
    Some((value, decimal.length))
}

/// The same for what coordinates and scores mostly are: digits, a point and digits, seven bytes at most; `None` for all
/// else. Eight bytes are looked at in one go, and the point is shifted away.
#[inline(always)]
fn read_short(text: &[u8]) -> Option<(f64, usize)> {
    let negative = *text.first()? == b'-';
    let values = values_of(text.get(usize::from(negative)..)?.first_chunk()?);
    let others = no_digits(values);
    let point = others.trailing_zeros() / 8;
    let end = (others & others.wrapping_sub(1)).trailing_zeros() / 8;
    if point == 0 || end < point + 2 || end > 7 {
        return None;
    }
    if byte_at(values, point) != b'.' || byte_at(values, end) | 0x20 == b'e' {
        return None;
    }
    if byte_at(values, 0) == b'0' && point > 1 {
        return None;
    }
    let before_point = (1 << (8 * point)) - 1;
    let digits = (values & before_point) | ((values >> 8) & !before_point);
    let mantissa = eight_digits(digits << (64 - 8 * (end - 1))) as f64;
    let magnitude = mantissa / POWERS_OF_TEN[(end - point - 1) as usize];
    Some((if negative { -magnitude } else { magnitude }, usize::from(negative) + end as usize))
}

/// A byte of the text that [`values_of`] took, 0 being the first.
#[inline(always)]
fn byte_at(values: u64, at: u32) -> u8 {
    (values >> (8 * at)) as u8 ^ b'0'
}

fn standard(number: &[u8]) -> Option<f64> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

impl Decimal {
    /// JSON's grammar: `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`.
    #[inline(always)]
    fn read(text: &[u8]) -> Option<Self> {
        let negative = *text.first()? == b'-';
        let unsigned = &text[usize::from(negative)..];
        let (mut mantissa, mut rest) = read_digits(0, unsigned);
        let whole = unsigned.len() - rest.len();
        if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
            return None;
        }
        let mut fraction = 0;
        if let [b'.', after @ ..] = rest {
            (mantissa, rest) = read_digits(mantissa, after);
            fraction = after.len() - rest.len();
            if fraction == 0 {
                return None;
            }
        }
        let exponent = -(fraction as i64);
        let digits = whole + fraction;
        let mut number = Self { mantissa, exponent, negative, digits, length: text.len() - rest.len() };
        if let [b'e' | b'E', ..] = rest {
            number.read_exponent(text)?;
        }
        Some(number)
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

/// Appends the digits that `text` begins with to `mantissa`; returns it and what stands behind them.
///
/// Eight at a time: how long the next number is cannot be foreseen, and a branch for each digit would be guessed
/// wrong at every number's end.
#[inline(always)]
fn read_digits(mantissa: u64, text: &[u8]) -> (u64, &[u8]) {
    let Some((chunk, _)) = text.split_first_chunk::<8>() else { return read_digits_singly(mantissa, text) };
    let values = values_of(chunk);
    let others = no_digits(values);
    if others == 0 {
        return read_digits_singly(mantissa, text);
    }
    let count = (others.trailing_zeros() / 8) as usize;
    // The digits, and in place of what stands behind them zeros in front; twice, as 64 bits cannot be shifted at once.
    let digits = (values << (56 - 8 * count)) << 8;
    (mantissa.wrapping_mul(SMALL_POWERS[count]).wrapping_add(eight_digits(digits)), &text[count..])
}

/// What each byte is a digit of: 0 to 9, or more where it is none. The first byte is the lowest.
#[inline(always)]
fn values_of(chunk: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*chunk) ^ 0x3030_3030_3030_3030
}

/// The high bit of each byte that is no digit; behind one that is not ASCII a 9 may seem none.
#[inline(always)]
pub(super) fn no_digits(values: u64) -> u64 {
    (values.wrapping_add(0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
}

/// The same where there are more than seven, or the line ends.
#[cold]
fn read_digits_singly(mut mantissa: u64, mut text: &[u8]) -> (u64, &[u8]) {
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        text = rest;
    }
    (mantissa, text)
}

/// 10^0 to 10^7.
const SMALL_POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The number of which each byte is a digit's value, the lowest byte's the highest: neighbours are joined to pairs,
/// those to fours, those to all eight.
#[inline(always)]
pub(super) fn eight_digits(values: u64) -> u64 {
    let pairs = (values.wrapping_mul(10 * 256 + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul((100 << 16) + 1) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul((10_000 << 32) + 1) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn follows_the_grammar() {
        for (text, expected) in [
            ("0", Some((0.0, 1))),
            ("-0.5,", Some((-0.5, 4))),
            ("12.25e1]", Some((122.5, 7))),
            ("1E-2", Some((0.01, 4))),
            ("9007199254740993", Some((9_007_199_254_740_992.0, 16))),
            ("1e400", Some((f64::INFINITY, 5))),
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
            assert_eq!(read_f64(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_every_float_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = zmij::Buffer::new().format_finite(value).to_owned();
            let (read, length) = read_f64(text.as_bytes()).unwrap();
            prop_assert_eq!((read.to_bits(), length), (bits, text.len()));
        }

        /// Behind a number more of the line follows, and what is short enough is read by another way.
        #[test]
        fn what_follows_does_not_matter(
            text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,8})?([eE][+-]?[0-9])?",
            behind in "[,\\] }][0-9.,eE\\]é-]{0,9}",
        ) {
            let (read, length) = read_f64((text.clone() + &behind).as_bytes()).unwrap();
            prop_assert_eq!(length, text.len());
            prop_assert_eq!(read.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }

        #[test]
        fn what_is_no_number_is_none_however_long(text in "-?(0[0-9]{1,5}\\.[0-9]|[0-9]{0,5}\\.|\\.[0-9]{1,5}|[1-9]\\.[0-9]e)[,\\]]{8}") {
            prop_assert_eq!(read_f64(text.as_bytes()), None, "{}", text);
        }

        #[test]
        fn agrees_with_the_standard_library(text in "-?(0|[1-9][0-9]{0,21})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
            let (read, length) = read_f64(text.as_bytes()).unwrap();
            prop_assert_eq!(length, text.len());
            prop_assert_eq!(read.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }
    }
}
