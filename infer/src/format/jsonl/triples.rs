//! Key points as detectors write them, `[[x,y,score],…]` in short decimals: many numbers at once.
//!
//! Where a number ends is seen in a point's 32 bytes at one go, and its digits are put together beside those of all others,
//! without a step that asks what the step before it found: the compiler works on eight numbers at once. What is written in
//! any other way is left to the general reader.

use std::arch::x86_64::*;

use super::decimal::ZEROS;
use super::number::{eight_digits, no_digits};
use super::wide::Wide;
use crate::pose::Keypoint;

/// Points whose numbers are put together at once.
const POINTS: usize = 8;

/// Their numbers.
const NUMBERS: usize = 3 * POINTS;

/// Bytes that hold a point of three short numbers and what stands behind it.
const BLOCK: usize = 32;

/// The longest number that is dealt with: a sign among them, and a point.
const MAX_LENGTH: usize = 8;

/// Numbers as they stand in a line.
struct Words {
    /// The first eight bytes of each and of what is behind it, the first in the lowest byte.
    words: [u64; NUMBERS],
    /// The bytes of each, 1 to [`MAX_LENGTH`].
    lengths: [u64; NUMBERS],
}

/// Appends the points of the list that `text` begins with to `points`, and gives its length in bytes; `None` for a list
/// that is written in another way, or is none: then nothing that was appended counts.
#[inline]
pub(super) fn read_points(text: &[u8], points: &mut Vec<Keypoint>, _: Wide) -> Option<usize> {
    // SAFETY: the proof of the processor's features was given.
    unsafe { read_wide(text, points) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi1,bmi2,lzcnt")]
fn read_wide(text: &[u8], points: &mut Vec<Keypoint>) -> Option<usize> {
    if *text.first()? != b'[' {
        return None;
    }
    let mut at = 1;
    let mut is_last = false;
    while !is_last {
        // What is not filled below is 1, as short as it is valid.
        let mut words = Words { words: [u64::from(b'1'); NUMBERS], lengths: [1; NUMBERS] };
        let mut count = 0;
        while count < POINTS && !is_last {
            let (length, ends_list) = words.split_point(count, text.get(at..)?)?;
            at += length;
            is_last = ends_list;
            count += 1;
        }
        let numbers = words.numbers()?;
        let read = numbers.as_chunks().0[..count].iter();
        points.extend(read.map(|&[x, y, score]| Keypoint { x, y, score: score as f32 }));
    }
    Some(at)
}

impl Words {
    /// Takes the three numbers of the point that `text` begins with, to be the point `index`; gives the bytes up to the next
    /// point, and whether this one ends the list instead.
    #[inline]
    #[target_feature(enable = "avx512bw,avx512vl")]
    fn split_point(&mut self, index: usize, text: &[u8]) -> Option<(usize, bool)> {
        let block = match text.first_chunk() {
            Some(block) => *block,
            None => padded(text),
        };
        // From here on three short numbers cannot reach beyond the block.
        if block[0] != b'[' {
            return None;
        }
        let mut others = no_part_of_numbers(&block);
        let mut end = 0;
        let mut is_well_formed = true;
        for (axis, expected) in [b',', b',', b']'].into_iter().enumerate() {
            let start = end + 1;
            others &= others.wrapping_sub(1);
            end = others.trailing_zeros() as usize;
            let length = end - start;
            if !(1..=MAX_LENGTH).contains(&length) {
                return None;
            }
            is_well_formed &= block[end] == expected;
            self.words[3 * index + axis] = u64::from_le_bytes(*block[start..].first_chunk()?);
            self.lengths[3 * index + axis] = length as u64;
        }
        let behind = block[end + 1];
        (is_well_formed && (behind == b',' || behind == b']')).then_some((end + 2, behind == b']'))
    }

    /// The numbers, each the `f64` nearest to its decimal; `None` where one of them is no number in JSON, or no short one.
    #[inline(always)]
    fn numbers(&self) -> Option<[f64; NUMBERS]> {
        let mut numbers = [0.0; NUMBERS];
        let mut are_valid = true;
        for ((number, &word), &length) in numbers.iter_mut().zip(&self.words).zip(&self.lengths) {
            let (value, is_valid) = short_decimal(word, length);
            *number = value;
            are_valid &= is_valid;
        }
        are_valid.then_some(numbers)
    }
}

/// What is left of a line, and zeros behind it.
fn padded(text: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let length = text.len().min(BLOCK);
    block[..length].copy_from_slice(&text[..length]);
    block
}

/// A bit for each byte that is not one of `-./0123456789`, the first the lowest; one more behind them.
#[inline]
#[target_feature(enable = "avx512bw,avx512vl")]
fn no_part_of_numbers(block: &[u8; BLOCK]) -> u64 {
    // SAFETY: a block is as long as what is loaded.
    let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
    let from_sign = _mm256_sub_epi8(bytes, _mm256_set1_epi8(b'-' as i8));
    let others = _mm256_cmpgt_epu8_mask(from_sign, _mm256_set1_epi8((b'9' - b'-') as i8));
    u64::from(others) | 1 << BLOCK
}

/// The number that is the first `length` bytes of `word`, at most [`MAX_LENGTH`], and whether it is one: digits and at most a
/// point among them, with a sign or without, as JSON has it.
#[inline(always)]
fn short_decimal(word: u64, length: u64) -> (f64, bool) {
    let is_negative = word & 0xff == u64::from(b'-');
    let sign = u64::from(is_negative);
    let word = word >> (8 * sign);
    let length = length - sign;
    let has_digits = length > 0;
    let length = length.max(1);
    let values = word ^ ZEROS;
    let others = no_digits(values) & (u64::MAX >> (64 - 8 * length));
    let has_point = others != 0;
    let point = if has_point { u64::from(others.trailing_zeros()) / 8 } else { length };
    let byte_at_point = (values >> (8 * (point & 7))) & 0xff;
    let is_point = !has_point | (byte_at_point == u64::from(b'.' ^ b'0'));
    let is_alone = others & others.wrapping_sub(1) == 0;
    // Digits on both sides of it, and no 0 before others.
    let is_enclosed = (point > 0) & (!has_point | (point + 1 < length));
    let is_leading_zero = (values & 0xff == 0) & (point > 1);
    let digits = length - u64::from(has_point);
    let is_short = digits < 8;
    let before_point = (1 << (8 * (point & 7))) - 1;
    let together = (values & before_point) | ((values >> 8) & !before_point);
    let mantissa = eight_digits(together << (64 - 8 * digits.clamp(1, 7)));
    let magnitude = mantissa as f64 / power_of_ten(digits - point.min(digits));
    let is_valid = has_digits & is_point & is_alone & is_enclosed & !is_leading_zero & is_short;
    (if is_negative { -magnitude } else { magnitude }, is_valid)
}

/// 10^`decimals`, for 0 to 6 of them: found by comparing, since looking eight up at once takes longer.
#[inline(always)]
fn power_of_ten(decimals: u64) -> f64 {
    let mut power = 1.0;
    for (more, larger) in [(1, 1e1), (2, 1e2), (3, 1e3), (4, 1e4), (5, 1e5), (6, 1e6)] {
        power = if decimals >= more { larger } else { power };
    }
    power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keypoints::read_list;
    use super::super::scan::Scanner;
    use super::*;

    /// What the general reader makes of it: the points, and the bytes that they took.
    fn in_general(text: &[u8]) -> Option<(Vec<Keypoint>, usize)> {
        let (mut scanner, mut points) = (Scanner::new(text), Vec::new());
        read_list(&mut scanner, 0, &mut points).ok()?;
        Some((points, text.len() - scanner.rest().len()))
    }

    /// The same at once; nothing on processors that cannot.
    fn at_once(text: &[u8]) -> Option<(Vec<Keypoint>, usize)> {
        let mut points = Vec::new();
        let length = read_points(text, &mut points, Wide::detect()?)?;
        Some((points, length))
    }

    fn list(numbers: &[String]) -> String {
        let points: Vec<_> = numbers.chunks_exact(3).map(|point| format!("[{}]", point.join(","))).collect();
        format!("[{}]", points.join(","))
    }

    /// A number that is short enough, of all kinds.
    const SHORT: &str =
        "-?(0|[1-9][0-9]{0,2})\\.[0-9]{1,3}|-?(0|[1-9][0-9]{0,5})|[1-9][0-9]{3}\\.[0-9]{1,3}|0\\.[0-9]{4,6}";

    #[test]
    fn what_is_written_otherwise_is_left_to_the_general_reader() {
        if Wide::detect().is_none() {
            return println!("skipped: no AVX-512");
        }
        assert_eq!(at_once(b"[[1,2.5,0.5],[-1.25,0,1]]}").unwrap().1, 25);
        for text in [
            "",
            "[",
            "[]",
            "[[]]",
            "[[1,2]]",
            "[[1,2,3,4]]",
            "[[1,2,3]",
            "[[1,2,3],]",
            "[[1,2,3] ,[1,2,3]]",
            "[ [1,2,3]]",
            "[[1, 2,3]]",
            "[[1e2,2,3]]",
            "[[01,2,3]]",
            "[[-,2,3]]",
            "[[1.,2,3]]",
            "[[.5,2,3]]",
            "[[1.2.3,2,3]]",
            "[[1-2,2,3]]",
            "[[1/2,2,3]]",
            "[[--1,2,3]]",
            "[[null,2,3]]",
            "[[12345678,2,3]]",
            "[[1.2345678,2,3]]",
            "[[,2,3]]",
            "[[1,2,3[,4]]",
            "[[1,2,3},{1,2,3]]",
            "{{1,2,3}}",
            "[[1,2,\u{e9}]]",
            "[[1,2,3]x[1,2,3]]",
            "[[1,2,3],111111111111111111111111[11111111111111111111111]]",
            "[[1,2,3],1111111111111,11111111,11111111,11111111,1111111]]",
        ] {
            assert_eq!(at_once(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn short_numbers_are_read_as_the_standard_library_has_them(
            numbers in prop::collection::vec(SHORT, 3..120),
            behind in "[}\\], 0-9.-]{0,40}",
        ) {
            let numbers = &numbers[..numbers.len() / 3 * 3];
            let text = list(numbers);
            if let Some((points, length)) = at_once((text.clone() + &behind).as_bytes()) {
                prop_assert_eq!(length, text.len());
                let found: Vec<_> = points.iter().flat_map(|p| [p.x, p.y, f64::from(p.score)]).map(f64::to_bits).collect();
                let value = |(at, number): (usize, &String)| {
                    let number: f64 = number.parse().unwrap();
                    if at % 3 == 2 { f64::from(number as f32) } else { number }.to_bits()
                };
                prop_assert_eq!(found, numbers.iter().enumerate().map(value).collect::<Vec<_>>());
            } else {
                prop_assert!(Wide::detect().is_none(), "{}", text);
            }
        }

        /// Whatever is read at once, the general reader reads as the same.
        #[test]
        fn nothing_else_is_read(
            numbers in prop::collection::vec(SHORT, 3..40),
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\],.0-9eE/ -]|[a-zé\"]"), 1..3),
        ) {
            let mut text = list(&numbers[..numbers.len() / 3 * 3]).into_bytes();
            for (place, change) in changes {
                let at = place.index(text.len());
                text.splice(at..=at, change.bytes());
            }
            if let Some(found) = at_once(&text) {
                prop_assert_eq!(Some(found), in_general(&text), "{}", String::from_utf8_lossy(&text));
            }
        }
    }
}
