//! Registers of 256 bits.

use std::arch::x86_64::*;

use crate::simd::{Int8Dot, Simd, instructions};

/// AVX2 and FMA.
pub(crate) struct Avx2;

impl Simd for Avx2 {
    const LANES: usize = 8;
    type F = __m256;
    type I = __m256i;

    instructions! {
        splat(number: f32) -> __m256 = _mm256_set1_ps(number);
        load(from: *const f32) -> __m256 = _mm256_loadu_ps(from);
        store(numbers: __m256, to: *mut f32) = _mm256_storeu_ps(to, numbers);
        fused_multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        subtract(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        multiply(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        magnitude(a: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        largest(a: __m256) -> f32 = {
            let a = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
            let a = _mm_max_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_max_ss(a, _mm_shuffle_ps(a, a, 1)))
        };
        splat_whole(number: i32) -> __m256i = _mm256_set1_epi32(number);
        load_whole(from: *const i32) -> __m256i = _mm256_loadu_si256(from.cast());
        add_whole(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        subtract_whole(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi32(a, b);
        round(a: __m256) -> __m256i = _mm256_cvtps_epi32(a);
        to_floats(a: __m256i) -> __m256 = _mm256_cvtepi32_ps(a);
    }
}

/// Eight codes clamped to 0..=255, of 16 bits each.
#[inline(always)]
unsafe fn narrow(codes: __m256i) -> __m128i {
    // SAFETY: as for the callers.
    unsafe {
        let codes = _mm256_min_epi32(codes, _mm256_set1_epi32(255));
        let halves = _mm256_packus_epi32(codes, codes);
        _mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0b10_00))
    }
}

/// Four bytes at once, with AVX-VNNI.
pub(crate) struct VnniAvx2;

impl Int8Dot for VnniAvx2 {
    type Registers = Avx2;
    const GROUP: usize = 4;

    instructions! {
        store_codes(codes: __m256i, to: *mut u8) = {
            let codes = narrow(codes);
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(codes, codes));
        };
        load_weights(from: *const i8) -> __m256i = _mm256_loadu_si256(from.cast());
        add(sums: __m256i, codes: __m256i, weights: __m256i) -> __m256i = _mm256_dpbusd_avx_epi32(sums, codes, weights);
    }
}

/// Two at once, as numbers of 16 bits: bytes alone would saturate at 16 bits when two products are added.
pub(crate) struct MaddAvx2;

impl Int8Dot for MaddAvx2 {
    type Registers = Avx2;
    const GROUP: usize = 2;

    instructions! {
        store_codes(codes: __m256i, to: *mut u8) = _mm_storeu_si128(to.cast(), narrow(codes));
        load_weights(from: *const i8) -> __m256i = _mm256_cvtepi8_epi16(_mm_loadu_si128(from.cast()));
        add(sums: __m256i, codes: __m256i, weights: __m256i) -> __m256i = _mm256_add_epi32(sums, _mm256_madd_epi16(codes, weights));
    }
}
