//! Registers of 512 bits.

use std::arch::x86_64::*;

use crate::simd::{Int8Dot, Simd, instructions};

/// AVX-512 F, BW and VL.
pub(crate) struct Avx512;

impl Simd for Avx512 {
    const LANES: usize = 16;
    type F = __m512;
    type I = __m512i;

    instructions! {
        splat(number: f32) -> __m512 = _mm512_set1_ps(number);
        load(from: *const f32) -> __m512 = _mm512_loadu_ps(from);
        store(numbers: __m512, to: *mut f32) = _mm512_storeu_ps(to, numbers);
        fused_multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        subtract(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        multiply(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        magnitude(a: __m512) -> __m512 = _mm512_abs_ps(a);
        largest(a: __m512) -> f32 = _mm512_reduce_max_ps(a);
        splat_whole(number: i32) -> __m512i = _mm512_set1_epi32(number);
        load_whole(from: *const i32) -> __m512i = _mm512_loadu_si512(from.cast());
        add_whole(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        subtract_whole(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        round(a: __m512) -> __m512i = _mm512_cvtps_epi32(a);
        to_floats(a: __m512i) -> __m512 = _mm512_cvtepi32_ps(a);
    }
}

/// Four bytes at once, with VNNI.
pub(crate) struct Vnni512;

impl Int8Dot for Vnni512 {
    type Registers = Avx512;
    const GROUP: usize = 4;

    instructions! {
        store_codes(codes: __m512i, to: *mut u8) = {
            let codes = _mm512_max_epi32(codes, _mm512_setzero_si512());
            _mm_storeu_si128(to.cast(), _mm512_cvtusepi32_epi8(codes));
        };
        load_weights(from: *const i8) -> __m512i = _mm512_loadu_si512(from.cast());
        add(sums: __m512i, codes: __m512i, weights: __m512i) -> __m512i = _mm512_dpbusd_epi32(sums, codes, weights);
    }
}

/// Two at once, as numbers of 16 bits: bytes alone would saturate at 16 bits when two products are added.
pub(crate) struct Madd512;

impl Int8Dot for Madd512 {
    type Registers = Avx512;
    const GROUP: usize = 2;

    instructions! {
        store_codes(codes: __m512i, to: *mut u8) = {
            let codes = _mm512_max_epi32(codes, _mm512_setzero_si512());
            let codes = _mm512_min_epi32(codes, _mm512_set1_epi32(255));
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(codes));
        };
        load_weights(from: *const i8) -> __m512i = _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast()));
        add(sums: __m512i, codes: __m512i, weights: __m512i) -> __m512i = _mm512_add_epi32(sums, _mm512_madd_epi16(codes, weights));
    }
}
