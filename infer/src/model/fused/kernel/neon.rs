//! Registers of 128 bits, of ARM's 64-bit processors.

use std::arch::aarch64::*;
use std::arch::asm;

use super::lanes::{Lanes, Products, instructions};

/// NEON.
pub(super) struct Neon;

impl Lanes for Neon {
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

/// Four levels, cut off at 0 and 255, of 16 bits each.
#[inline(always)]
unsafe fn narrow(levels: int32x4_t) -> uint16x4_t {
    // SAFETY: as for those who call it.
    unsafe { vqmovun_s32(vminq_s32(levels, vdupq_n_s32(255))) }
}

/// Four bytes at a time, with the dot product of ARMv8.2. It multiplies bytes of the same kind, so levels lie 128 lower.
pub(super) struct QuadsDot;

impl Products for QuadsDot {
    type On = Neon;
    const GROUP: usize = 4;
    const LOWER_BY: i32 = 128;

    instructions! {
        store_levels(levels: int32x4_t, to: *mut u8) = {
            let levels = narrow(levels);
            let levels = vmovn_u16(vcombine_u16(levels, levels));
            let levels = veor_u8(levels, vdup_n_u8(128));
            vst1_lane_u32(to.cast(), vreinterpret_u32_u8(levels), 0);
        };
        load_weights(from: *const i8) -> int32x4_t = vreinterpretq_s32_s8(vld1q_s8(from));
        add(sums: int32x4_t, levels: int32x4_t, weights: int32x4_t) -> int32x4_t = {
            // Rust's own name for the instruction is not stable yet.
            let mut sums = sums;
            asm!(
                "sdot {sums:v}.4s, {levels:v}.16b, {weights:v}.16b",
                sums = inout(vreg) sums,
                levels = in(vreg) levels,
                weights = in(vreg) weights,
                options(pure, nomem, nostack, preserves_flags),
            );
            sums
        };
    }
}

/// Two at a time, as numbers of 16 bits, on processors without the dot product.
pub(super) struct PairsNeon;

impl Products for PairsNeon {
    type On = Neon;
    const GROUP: usize = 2;

    instructions! {
        store_levels(levels: int32x4_t, to: *mut u8) = vst1_u8(to, vreinterpret_u8_u16(narrow(levels)));
        load_weights(from: *const i8) -> int32x4_t = vreinterpretq_s32_s16(vmovl_s8(vld1_s8(from)));
        add(sums: int32x4_t, levels: int32x4_t, weights: int32x4_t) -> int32x4_t = {
            let (levels, weights) = (vreinterpretq_s16_s32(levels), vreinterpretq_s16_s32(weights));
            let low = vmull_s16(vget_low_s16(levels), vget_low_s16(weights));
            vaddq_s32(sums, vpaddq_s32(low, vmull_high_s16(levels, weights)))
        };
    }
}
