//! Registers of 128 bits, of ARM's 64-bit processors.

use std::arch::aarch64::*;
use std::arch::asm;

use crate::simd::{Int8Dot, Simd, instructions};

/// NEON.
pub(crate) struct Neon;

impl Simd for Neon {
    const LANES: usize = 4;
    type F = float32x4_t;
    type I = int32x4_t;

    instructions! {
        splat(number: f32) -> float32x4_t = vdupq_n_f32(number);
        load(from: *const f32) -> float32x4_t = vld1q_f32(from);
        store(numbers: float32x4_t, to: *mut f32) = vst1q_f32(to, numbers);
        fused_multiply_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
        add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        subtract(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        multiply(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmaxnmq_f32(a, b);
        magnitude(a: float32x4_t) -> float32x4_t = vabsq_f32(a);
        largest(a: float32x4_t) -> f32 = vmaxvq_f32(a);
        splat_whole(number: i32) -> int32x4_t = vdupq_n_s32(number);
        load_whole(from: *const i32) -> int32x4_t = vld1q_s32(from);
        add_whole(a: int32x4_t, b: int32x4_t) -> int32x4_t = vaddq_s32(a, b);
        subtract_whole(a: int32x4_t, b: int32x4_t) -> int32x4_t = vsubq_s32(a, b);
        round(a: float32x4_t) -> int32x4_t = vcvtnq_s32_f32(a);
        to_floats(a: int32x4_t) -> float32x4_t = vcvtq_f32_s32(a);
    }
}

/// Four codes, clamped to 0..=255, of 16 bits each.
#[inline(always)]
unsafe fn narrow(codes: int32x4_t) -> uint16x4_t {
    // SAFETY: as for the callers.
    unsafe { vqmovun_s32(vminq_s32(codes, vdupq_n_s32(255))) }
}

/// Four bytes at once, with the dot product of ARMv8.2. It multiplies bytes of the same kind, so codes are stored 128
/// lower.
pub(crate) struct SdotNeon;

impl Int8Dot for SdotNeon {
    type Registers = Neon;
    const GROUP: usize = 4;
    const LOWER_BY: i32 = 128;

    instructions! {
        store_codes(codes: int32x4_t, to: *mut u8) = {
            let codes = narrow(codes);
            let codes = vmovn_u16(vcombine_u16(codes, codes));
            let codes = veor_u8(codes, vdup_n_u8(128));
            vst1_lane_u32(to.cast(), vreinterpret_u32_u8(codes), 0);
        };
        load_weights(from: *const i8) -> int32x4_t = vreinterpretq_s32_s8(vld1q_s8(from));
        add(sums: int32x4_t, codes: int32x4_t, weights: int32x4_t) -> int32x4_t = {
            // Rust's own intrinsic for the instruction is not stable yet.
            let mut sums = sums;
            asm!(
                "sdot {sums:v}.4s, {codes:v}.16b, {weights:v}.16b",
                sums = inout(vreg) sums,
                codes = in(vreg) codes,
                weights = in(vreg) weights,
                options(pure, nomem, nostack, preserves_flags),
            );
            sums
        };
    }
}

/// Two at once, as numbers of 16 bits, on processors without the dot product.
pub(crate) struct MullNeon;

impl Int8Dot for MullNeon {
    type Registers = Neon;
    const GROUP: usize = 2;

    instructions! {
        store_codes(codes: int32x4_t, to: *mut u8) = vst1_u8(to, vreinterpret_u8_u16(narrow(codes)));
        load_weights(from: *const i8) -> int32x4_t = vreinterpretq_s32_s16(vmovl_s8(vld1_s8(from)));
        add(sums: int32x4_t, codes: int32x4_t, weights: int32x4_t) -> int32x4_t = {
            let codes = vreinterpretq_s16_s32(codes);
            let weights = vreinterpretq_s16_s32(weights);
            let low = vmull_s16(vget_low_s16(codes), vget_low_s16(weights));
            vaddq_s32(sums, vpaddq_s32(low, vmull_high_s16(codes, weights)))
        };
    }
}
