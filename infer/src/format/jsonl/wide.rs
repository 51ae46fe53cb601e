//! Whether the processor works on eight 64-bit numbers at once.

/// The proof that this processor has AVX-512, with all that functions of this folder are compiled for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wide(());

impl Wide {
    /// `None` without it.
    pub(super) fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let has_it = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512cd")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt");
            has_it.then_some(Self(()))
        }
        #[cfg(not(target_arch = "x86_64"))]
        None
    }
}
