//! The instruction sets that have kernels.

use std::fmt;

use crate::Processor;

/// An instruction set, by the processor features that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 F, BW and VL with VNNI: four bytes multiplied and added up in one instruction.
    Avx512Vnni,
    /// AVX-512 F, BW and VL; bytes as numbers of 16 bits.
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

impl Isa {
    /// All instruction sets, the fastest of each processor family first.
    pub const ALL: [Self; 6] = [Self::Avx512Vnni, Self::Avx512, Self::AvxVnni, Self::Avx2, Self::NeonDot, Self::Neon];

    /// Those that this processor has, the fastest first, as reported by CPUID.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available())
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        Processor::detect(Some(self)).is_some()
    }

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
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The operating system's kernel reports CPUID under its own names: an independent check of `is_available`.
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_available_is_what_the_system_says() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let line = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features")).unwrap();
        let flags: Vec<_> = line.split_whitespace().collect();
        for isa in Isa::ALL {
            let needed: &[&str] = match isa {
                Isa::Avx512Vnni => &["avx512f", "avx512bw", "avx512vl", "avx512_vnni"],
                Isa::Avx512 => &["avx512f", "avx512bw", "avx512vl"],
                Isa::AvxVnni => &["avx2", "fma", "avx_vnni"],
                Isa::Avx2 => &["avx2", "fma"],
                Isa::NeonDot => &["asimd", "asimddp"],
                Isa::Neon => &["asimd"],
            };
            let is_here = needed.iter().all(|flag| flags.contains(flag));
            println!("{isa}: {}", if is_here { "here" } else { "not here" });
            assert_eq!(isa.is_available(), is_here, "{isa}");
        }
    }
}
