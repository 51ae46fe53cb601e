//! SHA-256 of a file's weights, which its card promises.

use sha2::{Digest, Sha256};

use crate::proto::GraphProto;

/// SHA-256 of the initialisers' bytes in the order of the graph.
pub(crate) fn weights_digest(graph: &GraphProto) -> [u8; 32] {
    let mut hash = Sha256::new();
    for tensor in &graph.initializer {
        hash.update(&tensor.raw_data);
        for number in &tensor.float_data {
            hash.update(number.to_le_bytes());
        }
    }
    hash.finalize().into()
}

/// [`weights_digest`] in hex.
pub(crate) fn weights_sha256(graph: &GraphProto) -> String {
    hex(&weights_digest(graph))
}

/// A digest in hex.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
