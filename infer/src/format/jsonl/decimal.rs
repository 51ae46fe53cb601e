//! Floats to their shortest decimal text, for the numbers that poses consist of.
//!
//! Lengths in metres lie between a hundredth of a millimetre and eight metres. There, 64 bits hold all that is to be
//! reckoned, exactly, and no step asks what the step before it found: the compiler reckons eight numbers at once where the
//! processor has AVX-512, in a quarter of the time that they take one by one; two eights, as neither waits for the other. All
//! other numbers, but for 0, are left to the general algorithm.

use super::wide::Wide;

/// Numbers that are turned to text at once.
pub(super) const AT_ONCE: usize = 16;

/// The longest text of a number: a sign, `0.`, and twelve decimals.
const MAX_LENGTH: usize = 15;

/// Bytes that a number's text comes in.
pub(super) const ROOM: usize = MAX_LENGTH + 1;

/// Bits of a float's fraction.
const FRACTION_BITS: u32 = 23;

/// The exponents, as they are stored, of 2^−16 and of 2^2: the smallest and the largest that are dealt with here.
const EXPONENTS: std::ops::RangeInclusive<u64> = 111..=129;

/// Floats with a stored exponent e are multiples of 2^−(SHIFT − e).
const SHIFT: u64 = 127 + FRACTION_BITS as u64;

/// 10^7 to 10^12, the units that numbers are written in.
const POWERS: [u64; 6] = [10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000, 100_000_000_000, 1_000_000_000_000];

const TEN_TO_8: u64 = 100_000_000;

/// `'0'` in each byte.
pub(super) const ZEROS: u64 = 0x3030_3030_3030_3030;

/// `0.0`, the first character in the lowest byte.
const ZERO: u64 = u32::from_le_bytes(*b"0.0\0") as u64;

/// The text of [`AT_ONCE`] numbers, each the fewest digits that read back to the same bits, of those the nearest to it.
#[derive(Debug, Default)]
pub(super) struct Decimals {
    /// The first eight characters of each, the first in the lowest byte.
    first: [u64; AT_ONCE],
    /// The next eight.
    second: [u64; AT_ONCE],
    /// How many there are; 0 where a number is not dealt with.
    lengths: [u64; AT_ONCE],
}

impl Decimals {
    /// The text of `numbers`.
    #[inline]
    pub(super) fn of(numbers: &[f32; AT_ONCE], wide: Option<Wide>) -> Self {
        let mut decimals = Self::default();
        match wide {
            // SAFETY: `wide` proves the processor's features.
            #[cfg(target_arch = "x86_64")]
            Some(_) => unsafe { decimals.fill_wide(numbers) },
            _ => decimals.fill(numbers),
        }
        decimals
    }

    /// The text of one number.
    #[inline]
    pub(super) fn of_one(number: f32) -> ([u8; ROOM], Option<usize>) {
        let (first, second, length) = decimal(number);
        (room(first, second), (length > 0).then_some(length as usize))
    }

    /// The text of a number, and its length; `None` for a number that is not dealt with.
    #[inline]
    pub(super) fn get(&self, number: usize) -> ([u8; ROOM], Option<usize>) {
        let length = self.lengths[number];
        (room(self.first[number], self.second[number]), (length > 0).then_some(length as usize))
    }

    #[inline(always)]
    fn fill(&mut self, numbers: &[f32; AT_ONCE]) {
        for (at, &number) in numbers.iter().enumerate() {
            (self.first[at], self.second[at], self.lengths[at]) = decimal(number);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
    fn fill_wide(&mut self, numbers: &[f32; AT_ONCE]) {
        self.fill(numbers);
    }
}

#[inline(always)]
fn room(first: u64, second: u64) -> [u8; ROOM] {
    (u128::from(first) | u128::from(second) << 64).to_le_bytes()
}

/// The first eight characters of a number's text, the next eight, and how many there are; none for what is not dealt with.
#[inline(always)]
fn decimal(number: f32) -> (u64, u64, u64) {
    let bits = u64::from(number.to_bits());
    let sign = bits >> 31;
    let magnitude = bits & 0x7fff_ffff;
    let fraction = magnitude & ((1 << FRACTION_BITS) - 1);
    let exponent = magnitude >> FRACTION_BITS;
    // Below a power of two floats lie closer than above it.
    let is_dealt_with = (exponent >= *EXPONENTS.start()) & (exponent <= *EXPONENTS.end()) & (fraction != 0);
    let exponent = if is_dealt_with { exponent } else { *EXPONENTS.end() };
    let shift = SHIFT - exponent;
    // The unit is 10^−n, the largest that is no larger than 2^−s, n = ⌈s · log10 2⌉; as whole numbers, for s up to 39.
    let decimals = ((shift * 1233) >> 12) + 1;
    let value = shortest(fraction | (1 << FRACTION_BITS), shift, power_of_ten(decimals));
    // At most 2^24 · 10^n / 2^s: nine digits, of which the first is 0 or 1.
    let ninth = u64::from(value >= TEN_TO_8);
    let digits = eight_digits(value - ninth * TEN_TO_8);
    // With 7 decimals the first of the eight is the whole, and stands before the point; else all are decimals.
    let whole = if decimals == 7 { digits & 0xff } else { 0 };
    // Where the eight begin behind `0.` and zeros; the ninth stands before them.
    let begin = 8 * (decimals - 6);
    let before = (1 << begin) - 1;
    let text = digits | ZEROS;
    let first = (text << begin) | ((ZEROS | ((ninth << begin) >> 8)) & before);
    let first = (first & !0xffff) | (ZERO & 0xffff) | whole;
    let second = text >> (64 - begin);
    let zeros_behind = u64::from(digits.leading_zeros()) / 8;
    let length = (begin / 8 + 8 - zeros_behind).max(3);
    let (first, second, length) = if magnitude == 0 { (ZERO, 0, 3) } else { (first, second, length) };
    let is_dealt_with = is_dealt_with | (magnitude == 0);
    // A sign moves all one further.
    let move_by = 8 * sign;
    let second = (second << move_by) | ((first >> 56) * sign);
    let first = (first << move_by) | (u64::from(b'-') * sign);
    (first, second, if is_dealt_with { length + sign } else { 0 })
}

/// 10^`decimals`, for 7 to 12 of them: found by comparing, since looking eight up at once takes longer.
#[inline(always)]
fn power_of_ten(decimals: u64) -> u64 {
    let mut power = POWERS[0];
    for (more, &larger) in (8..).zip(&POWERS[1..]) {
        power = if decimals >= more { larger } else { power };
    }
    power
}

/// The shortest decimal that is nearer to `mantissa` · 2^−`shift` than to any other float, in units of 1 / `power`.
///
/// In units that are at most 2^−s and more than a tenth of it, floats lie between 1 and 10 apart. So half that distance
/// to both sides there is at most one multiple of ten, and at least one integer.
#[inline(always)]
fn shortest(mantissa: u64, shift: u64, power: u64) -> u64 {
    // The number, and all distances, in 2^−s of a unit: 24 bits times 40.
    let exact = mantissa * power;
    let integer = exact >> shift;
    let tens = by_reciprocal(integer, 0xcccc_cccd, 35) * 10;
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

/// A number of 32 bits over another one: times its reciprocal, in units of 2^−`shift` (Granlund and Montgomery 1994).
#[inline(always)]
fn by_reciprocal(number: u64, reciprocal: u64, shift: u32) -> u64 {
    ((number & 0xffff_ffff) * reciprocal) >> shift
}

/// The values of the eight digits of `number`, the first in the lowest byte: it is split to fours, those to pairs, those
/// to single digits.
#[inline(always)]
fn eight_digits(number: u64) -> u64 {
    let high = by_reciprocal(number, 0xd1b7_1759, 45);
    let fours = high | ((number - high * 10_000) << 32);
    let hundreds = ((fours * 5243) >> 19) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string((room, length): ([u8; ROOM], Option<usize>)) -> Option<String> {
        length.map(|length| String::from_utf8(room[..length].to_vec()).unwrap())
    }

    /// The text of a number, by itself and among others, with the processor's help and without.
    fn text(number: f32) -> Option<String> {
        let alone = string(Decimals::of_one(number));
        let mut numbers = [0.3; AT_ONCE];
        (numbers[1], numbers[2], numbers[3], numbers[AT_ONCE - 1]) = (number, f32::NAN, 0.0, number);
        for wide in [None, Wide::detect()] {
            let among = Decimals::of(&numbers, wide);
            assert_eq!([1, AT_ONCE - 1].map(|at| string(among.get(at))), [alone.clone(), alone.clone()]);
            assert_eq!([0, 2, 3].map(|at| string(among.get(at))), [Some("0.3".into()), None, Some("0.0".into())]);
        }
        alone
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
            (0.0, Some("0.0")),
            (-0.0, Some("-0.0")),
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
