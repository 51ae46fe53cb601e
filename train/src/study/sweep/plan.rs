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
    let change = |key, name, change: fn(&mut NetworkConfig)| {
        let mut network = base.clone();
        change(&mut network);
        Variant { key, name, network }
    };
    vec![
        change(BASELINE, "baseline", |_| ()),
        change(ONE_BLOCK, "1 block", |network| network.blocks = 1),
        change(THREE_BLOCKS, "3 blocks", |network| network.blocks = 3),
        change(NO_BATCH_NORM, "no BatchNorm", |network| network.batch_norm = false),
        change(NO_DROPOUT, "no dropout", |network| network.dropout = 0.0),
        change(ONE_LAYER, "1 layer a block", |network| network.layers_per_block = 1),
        change(SINGLES, "4 blocks of 1 layer", |network| {
            network.blocks = 4;
            network.layers_per_block = 1;
        }),
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
