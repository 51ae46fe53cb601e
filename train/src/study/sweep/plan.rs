//! The networks of a sweep: the baseline, and one change at a time.

use crate::config::NetworkConfig;

/// One network of the sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Prefix of its runs' folder names.
    pub key: &'static str,
    /// Its name for readers: the difference from the baseline.
    pub name: &'static str,
    /// Its shape.
    pub network: NetworkConfig,
}

/// Key of the baseline.
pub(super) const BASELINE: &str = "baseline";
/// Keys of the changes.
pub(super) const ONE_BLOCK: &str = "1-block";
pub(super) const THREE_BLOCKS: &str = "3-blocks";
pub(super) const NO_BATCH_NORM: &str = "no-batch-norm";
pub(super) const NO_DROPOUT: &str = "no-dropout";
pub(super) const ONE_LAYER: &str = "1-layer";
/// As many hidden layers as the baseline, but each in its own block: separates depth from grouping.
pub(super) const SINGLES: &str = "4-single-layer-blocks";

/// All networks: `baseline` with two blocks of two layers and BatchNorm, then each change.
///
/// The baseline's width, dropout and input block are kept.
pub fn variants(baseline: &NetworkConfig) -> Vec<Variant> {
    let base = NetworkConfig { blocks: 2, layers_per_block: 2, batch_norm: true, ..baseline.clone() };
    vec![
        Variant { key: BASELINE, name: "baseline", network: base.clone() },
        Variant { key: ONE_BLOCK, name: "1 block", network: NetworkConfig { blocks: 1, ..base.clone() } },
        Variant { key: THREE_BLOCKS, name: "3 blocks", network: NetworkConfig { blocks: 3, ..base.clone() } },
        Variant {
            key: NO_BATCH_NORM,
            name: "no BatchNorm",
            network: NetworkConfig { batch_norm: false, ..base.clone() },
        },
        Variant { key: NO_DROPOUT, name: "no dropout", network: NetworkConfig { dropout: 0.0, ..base.clone() } },
        Variant {
            key: ONE_LAYER,
            name: "1 layer a block",
            network: NetworkConfig { layers_per_block: 1, ..base.clone() },
        },
        Variant {
            key: SINGLES,
            name: "4 blocks of 1 layer",
            network: NetworkConfig { blocks: 4, layers_per_block: 1, ..base.clone() },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_change() {
        let all = variants(&NetworkConfig { hidden: 256, ..NetworkConfig::default() });
        let base = &all[0].network;
        for variant in &all[1..] {
            let network = &variant.network;
            let differences = usize::from(network.blocks != base.blocks)
                + usize::from(network.layers_per_block != base.layers_per_block)
                + usize::from(network.batch_norm != base.batch_norm)
                + usize::from(network.dropout != base.dropout);
            let expected = if variant.key == SINGLES { 2 } else { 1 };
            assert_eq!(differences, expected, "{variant:?}");
            assert_eq!(network.hidden, 256);
        }
        let singles = &all.iter().find(|variant| variant.key == SINGLES).expect("is among them").network;
        assert_eq!(singles.blocks * singles.layers_per_block, base.blocks * base.layers_per_block);
    }
}
