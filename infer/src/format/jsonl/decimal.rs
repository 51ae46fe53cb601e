//! Floats to their shortest decimal text, for the numbers that poses consist of.
//!
//! Lengths in metres lie between a hundredth of a millimetre and eight metres. There, 64 bits hold all that is to be
//! reckoned, exactly; the digits come eight at a time and are written where they belong. All other numbers are left to
//! the general algorithm.

/// Bytes that [`write_f32`] may touch.
pub(super) const ROOM: usize = 24;

/// Bits of a float's fraction.
const FRACTION_BITS: u32 = 23;

/// The exponents, as they are stored, of 2^−16 and of 2^2: the smallest and the largest that are dealt with here.
const EXPONENTS: std::ops::RangeInclusive<u32> = 111..=129;

/// The unit that floats with an exponent are written in: 10^−n, the largest that is no larger than 2^−s.
#[derive(Clone, Copy)]
struct Unit {
    /// n, from 7 to 12.
    decimals: usize,
    /// 10^n.
    power: u64,
}

/// For each of [`EXPONENTS`], smallest first.
const UNITS: [Unit; 19] = {
    let mut units = [Unit { decimals: 0, power: 1 }; 19];
    let mut index = 0;
    while index < units.len() {
        while units[index].power < 1 << shift(*EXPONENTS.start() + index as u32) {
            units[index].power *= 10;
            units[index].decimals += 1;
        }
        index += 1;
    }
    units
};

const TEN_TO_8: u64 = 100_000_000;

/// The s of floats with an exponent: they are multiples of 2^−s.
const fn shift(exponent: u32) -> u32 {
    127 + FRACTION_BITS - exponent
}

/// Writes the fewest digits that read back to the same bits, of those the nearest to the number, and gives their length;
/// `None` for numbers that are not dealt with here: then nothing that was written counts.
#[inline]
pub(super) fn write_f32(number: f32, room: &mut [u8; ROOM]) -> Option<usize> {
    let bits = number.to_bits();
    let exponent = bits << 1 >> (FRACTION_BITS + 1);
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    // Below a power of two floats lie closer than above it.
    if !EXPONENTS.contains(&exponent) || fraction == 0 {
        return None;
    }
    let unit = UNITS[(exponent - EXPONENTS.start()) as usize];
    let value = shortest(u64::from(fraction | (1 << FRACTION_BITS)), shift(exponent), unit.power);
    // At most 2^24 · 10^n / 2^s: nine digits, of which the first is 0 or 1.
    let first = u64::from(value >= TEN_TO_8);
    let others = eight_digits(value - first * TEN_TO_8);
    // With 7 decimals the first of the eight is the whole, and stands before the point; else all are decimals.
    let whole = if unit.decimals == 7 { others as u8 } else { 0 };
    let sign = (bits >> 31) as usize;
    let at = sign + unit.decimals - 6;
    room[0] = b'-';
    room[sign + 2..sign + 10].copy_from_slice(&ZEROS.to_le_bytes());
    room[at - 1] = b'0' + first as u8;
    room[at..at + 8].copy_from_slice(&(others | ZEROS).to_le_bytes());
    room[sign..sign + 2].copy_from_slice(&[b'0' + whole, b'.']);
    let zeros_behind = others.leading_zeros() as usize / 8;
    Some((at + 8 - zeros_behind).max(sign + 3))
}

/// The shortest decimal that is nearer to `mantissa` · 2^−`shift` than to any other float, in units of 1 / `power`.
///
/// In units that are at most 2^−s and more than a tenth of it, floats lie between 1 and 10 apart. So half that distance
/// to both sides there is at most one multiple of ten, and at least one integer.
#[inline]
fn shortest(mantissa: u64, shift: u32, power: u64) -> u64 {
    // The number, and all distances, in 2^−s of a unit: 24 bits times 40.
    let exact = mantissa * power;
    let integer = exact >> shift;
    let tens = integer / 10 * 10;
    let above_tens = exact - (tens << shift);
    let below_next = (10 << shift) - above_tens;
    // What lies just between two floats is read as the even one.
    let reach = power - (mantissa & 1);
    let remainder = exact & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    let rounded = integer + u64::from(remainder + (integer & 1) > half);
    let nearest = if 2 * above_tens <= reach { tens } else { rounded };
    if 2 * below_next <= reach { tens + 10 } else { nearest }
}

/// `'0'` in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The values of the eight digits of `number`, the first in the lowest byte: it is split to fours, those to pairs, those
/// to single digits.
#[inline]
fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 5243) >> 19) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    fn text(number: f32) -> Option<String> {
        let mut room = [0; ROOM];
        let length = write_f32(number, &mut room)?;
        Some(String::from_utf8(room[..length].to_vec()).unwrap())
    }

    #[test]
    fn numbers_are_written_as_people_would() {
        for (number, expected) in [
            (0.3, Some("0.3")),
            (-0.047876507, Some("-0.047876507")),
            (1.5, Some("1.5")),
            (3.0, Some("3.0")),
            (7.9999995, Some("7.9999995")),
            (0.99999994, Some("0.99999994")),
            (0.000_015_3, Some("0.0000153")),
            (0.0, None),
            (1.0, None),
            (0.000_015, None),
            (8.5, None),
            (f32::NAN, None),
            (f32::NEG_INFINITY, None),
        ] {
            assert_eq!(text(number).as_deref(), expected, "{number}");
        }
    }

    proptest! {
        #[test]
        fn every_float_is_as_the_general_algorithm_has_it(fraction in 1u32..1 << 23, exponent in 111u32..=129, sign in 0u32..2) {
            let number = f32::from_bits((sign << 31) | (exponent << 23) | fraction);
            let found = text(number).unwrap();
            prop_assert_eq!(found.parse::<f32>().unwrap().to_bits(), number.to_bits());
            prop_assert_eq!(found, zmij::Buffer::new().format_finite(number).to_owned());
        }

        #[test]
        fn eight_digits_are_all_there(number in 0u64..100_000_000) {
            let digits = (eight_digits(number) | ZEROS).to_le_bytes();
            prop_assert_eq!(String::from_utf8(digits.to_vec()).unwrap(), format!("{number:08}"));
        }
    }
}
