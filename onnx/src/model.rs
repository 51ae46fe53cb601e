//! A model file in memory: its messages, its inputs and outputs, its hash, and its network.

use bytes::Bytes;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::graph::Graph;
use crate::hash::{hex, weights_digest};
use crate::network::Network;
use crate::proto::{GraphProto, ModelProto};
use crate::{Error, Result, read};

/// A decoded ONNX file, ours or not; its tensors are views of its bytes.
#[derive(Debug, Clone)]
pub struct Model {
    proto: ModelProto,
    /// Length of the file.
    length: usize,
}

impl Model {
    /// Decodes `bytes`; `None` where they are no ONNX model with a graph, or cut off.
    pub fn decode(bytes: Bytes) -> Option<Self> {
        let length = bytes.len();
        let proto = ModelProto::decode(bytes).ok()?;
        (proto.graph.is_some() && proto.ir_version > 0).then_some(Self { proto, length })
    }

    /// The file's messages.
    pub fn proto(&self) -> &ModelProto {
        &self.proto
    }

    fn graph(&self) -> &GraphProto {
        self.proto.graph.as_ref().expect("`decode` takes no file without a graph")
    }

    /// The file's inputs, outputs, operators and metadata.
    pub fn to_graph(&self) -> Graph {
        Graph::of(&self.proto, self.graph())
    }

    /// SHA-256 of all initialisers' bytes in the order of the graph. It reads all weights: callers keep what they got.
    pub fn weights_digest(&self) -> WeightsDigest {
        WeightsDigest(weights_digest(self.graph()))
    }

    /// SHA-256 of all that is in the file, made from the `weights` that are hashed already and the rest.
    pub fn content_digest(&self, weights: &WeightsDigest) -> [u8; 32] {
        let mut rest = self.proto.clone();
        for tensor in rest.graph.iter_mut().flat_map(|graph| &mut graph.initializer) {
            tensor.raw_data = Bytes::new();
            tensor.float_data = Vec::new();
        }
        let mut hash = Sha256::new();
        hash.update(weights.0);
        hash.update(self.length.to_le_bytes());
        hash.update(rest.encode_to_vec());
        hash.finalize().into()
    }

    /// The network, where the file is exactly as [`crate::write`] writes it.
    ///
    /// # Errors
    /// The first part of the file that is not.
    pub fn network(&self) -> Result<Network> {
        // Fields that our messages lack are not in what they encode to.
        if self.proto.encoded_len() != self.length {
            let found = format!("has {} bytes", self.length);
            return Err(Error::new("the file", found, format!("{}: it holds other fields", self.proto.encoded_len())));
        }
        read::network(&self.proto)
    }

    /// The network of a file whose [`Self::network`] is known to be no error: only its initialisers are read.
    ///
    /// # Errors
    /// An initialiser that is missing or of another shape.
    pub fn network_as_tested(&self) -> Result<Network> {
        read::initialisers(&self.proto)
    }
}

/// SHA-256 of a file's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsDigest([u8; 32]);

impl WeightsDigest {
    /// In hex, as cards have it.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}
