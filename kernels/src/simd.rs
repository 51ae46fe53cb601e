//! The operations that kernels need: registers of f32, and sums of products of bytes.
//!
//! Every function needs the processor features of its implementation, and is inlined into a function that is compiled
//! for them (`processor`): otherwise each instruction would be a call.

/// Registers of f32 and of i32.
pub(crate) trait Simd {
    /// Numbers of a register.
    const LANES: usize;
    /// [`Self::LANES`] of f32.
    type F: Copy;
    /// [`Self::LANES`] of i32.
    type I: Copy;

    unsafe fn splat(number: f32) -> Self::F;
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn store(numbers: Self::F, to: *mut f32);
    /// `a` · `b` + `c`, rounded once.
    unsafe fn fused_multiply_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn subtract(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn multiply(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn magnitude(a: Self::F) -> Self::F;
    /// The largest lane of a register.
    unsafe fn largest(a: Self::F) -> f32;

    unsafe fn splat_whole(number: i32) -> Self::I;
    unsafe fn load_whole(from: *const i32) -> Self::I;
    unsafe fn add_whole(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn subtract_whole(a: Self::I, b: Self::I) -> Self::I;
    /// The nearest whole numbers, halves to even.
    unsafe fn round(a: Self::F) -> Self::I;
    unsafe fn to_floats(a: Self::I) -> Self::F;
}

/// Dot products of activations' codes, 0 to 255, with weights of 8 bits, [`Self::GROUP`] in each lane at once. Exact:
/// no sum saturates on the way.
pub(crate) trait Int8Dot {
    /// The registers.
    type Registers: Simd;
    /// Codes that one instruction multiplies and adds in each lane. Together they take 4 bytes.
    const GROUP: usize;
    /// Offset by which stored codes are lower than their values.
    const LOWER_BY: i32 = 0;

    /// Writes codes, clamped to 0..=255, as [`Self::add`] reads them.
    unsafe fn store_codes(codes: <Self::Registers as Simd>::I, to: *mut u8);
    /// A group of weights for each lane.
    unsafe fn load_weights(from: *const i8) -> <Self::Registers as Simd>::I;
    /// `sums` plus the products of the same codes with each lane's weights.
    unsafe fn add(
        sums: <Self::Registers as Simd>::I,
        codes: <Self::Registers as Simd>::I,
        weights: <Self::Registers as Simd>::I,
    ) -> <Self::Registers as Simd>::I;
}

/// Functions of these traits, each of one instruction or a few.
macro_rules! instructions {
    ($($name:ident($($argument:ident: $of:ty),*) $(-> $gives:ty)? = $body:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name($($argument: $of),*) $(-> $gives)? {
            // SAFETY: the caller guarantees the processor's features, and the memory that is read and written.
            unsafe { $body }
        }
    )*};
}
pub(crate) use instructions;
