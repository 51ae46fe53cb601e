//! The exponential function as plain arithmetic, which a compiler turns into vectors: the C library's is a call for each number,
//! and a memory needs three for each of its units.
//!
//! x = n·ln 2 + f with |f| ≤ ½·ln 2; e^f by the polynomial of Cephes' `expf` (S. Moshier 1984), 2ⁿ by the exponent's bits.

/// 1.5·2²³: a number added to it is rounded to a whole one, which is then in the sum's lowest bits.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts, the first of few bits, so that n times it is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// Coefficients of f⁷ to f².
const POLYNOMIAL: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
/// Beyond it 2ⁿ is no normal number.
const MAX_EXPONENT: f32 = 87.0;

/// eˣ to two units in the last place, of x held between ±[`MAX_EXPONENT`]; NaN of NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let f = x - n * LN_2[0] - n * LN_2[1];
    let mut sum = POLYNOMIAL[0];
    for coefficient in &POLYNOMIAL[1..] {
        sum = sum * f + coefficient;
    }
    // The lowest nine bits of `rounded` are n's; all others leave at the top.
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    (sum * f * f + f + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_function_to_two_units_in_the_last_place() {
        let mut worst = 0f64;
        for step in -86_999..=86_999 {
            let x = step as f32 * 1e-3;
            let expected = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) / expected - 1.0).abs());
        }
        assert!(worst < 2.4e-7, "{worst:.1e}");
        assert_eq!((exp(0.0), exp(f32::INFINITY), exp(f32::NEG_INFINITY)), (1.0, exp(87.0), exp(-87.0)));
        assert!(exp(f32::NAN).is_nan());
    }
}
