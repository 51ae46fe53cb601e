//! The kinds of our own kernels, by what they need of a processor.

use std::fmt;

/// Kernels for one kind of processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// AVX-512 with VNNI: four bytes multiplied and added up in one instruction.
    Avx512Vnni,
    /// AVX-512; bytes as numbers of 16 bits.
    Avx512,
    /// AVX2, FMA and AVX-VNNI.
    AvxVnni,
    /// AVX2 and FMA; bytes as numbers of 16 bits.
    Avx2,
    /// ARM's NEON with the dot product of ARMv8.2.
    NeonDot,
    /// ARM's NEON; bytes as numbers of 16 bits.
    Neon,
}

impl Kernels {
    /// All of them, the fastest of each family of processors first.
    pub const ALL: [Self; 6] = [Self::Avx512Vnni, Self::Avx512, Self::AvxVnni, Self::Avx2, Self::NeonDot, Self::Neon];

    /// Its name, as `--engine` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512Vnni => "avx512-vnni",
            Self::Avx512 => "avx512",
            Self::AvxVnni => "avx-vnni",
            Self::Avx2 => "avx2",
            Self::NeonDot => "neon-dot",
            Self::Neon => "neon",
        }
    }

    /// What of a processor it uses for hidden layers of 8 bits, or of f32, in words.
    pub(super) fn in_words(self, in_bytes: bool) -> &'static str {
        match self {
            Self::Avx512Vnni if in_bytes => "own kernels, AVX-512 VNNI",
            Self::Avx512Vnni | Self::Avx512 => "own kernels, AVX-512",
            Self::AvxVnni if in_bytes => "own kernels, AVX-VNNI",
            Self::AvxVnni | Self::Avx2 => "own kernels, AVX2",
            Self::NeonDot if in_bytes => "own kernels, NEON dot product",
            Self::NeonDot | Self::Neon => "own kernels, NEON",
        }
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
