//! The two kinds of numbers that activations and their gradients are kept in: f32, and bf16 where the processor
//! multiplies it faster. Sums, statistics, parameters and the optimiser stay in f32.

use tch::Kind;

/// What an element of an activation is; arithmetic on it is f32's.
pub(super) trait Number: Copy + Send + Sync {
    /// The kind of tensors that hold it.
    const KIND: Kind;

    /// Its value.
    fn get(self) -> f32;

    /// The nearest one to `value`, the even one of two.
    fn of(value: f32) -> Self;
}

impl Number for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn get(self) -> f32 {
        self
    }

    #[inline(always)]
    fn of(value: f32) -> Self {
        value
    }
}

/// The upper half of an f32.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(transparent)]
pub(super) struct Bf16(u16);

impl Number for Bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn get(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// Without a branch, so that loops become vectors: infinities stay, and so does arithmetic's own NaN.
    #[inline(always)]
    fn of(value: f32) -> Self {
        let bits = value.to_bits();
        let half_way = 0x7FFF + ((bits >> 16) & 1);
        Self((bits.wrapping_add(half_way) >> 16) as u16)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot set up should fail")]

    use tch::Tensor;

    use super::*;

    #[test]
    fn rounding_is_libtorchs() {
        let mut values: Vec<f32> = (0..4096).map(|k| ((k as f32) * 0.731).sin() * 10f32.powi(k % 60 - 30)).collect();
        // Half way between two: to the even one. Then what is no usual number.
        values.extend([1.003_906_3, 1.011_718_8, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, f32::MAX]);
        let theirs = Tensor::from_slice(&values).to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let ours: Vec<f32> = values.iter().map(|&value| Bf16::of(value).get()).collect();
        assert_eq!(ours, Vec::<f32>::try_from(theirs).unwrap());
        assert!(Bf16::of(f32::NAN).get().is_nan() && Bf16::of(0.0 / -0.0f32).get().is_nan());
    }
}
