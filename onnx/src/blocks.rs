//! The nodes of residual blocks, for layers of any precision.

use crate::builder::GraphBuilder;
use crate::names::{self, Plane};

/// Where the ReLU between two layers of one plane is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum InnerRelu {
    /// It is a node.
    Node,
    /// The next layer treats negative numbers as 0.
    InNextLayer,
}

/// Where a layer stands in its block.
pub(crate) struct LayerPosition<'a> {
    /// `block0.layer1`, for any number of planes.
    pub(crate) name: &'a str,
    /// Its number in the block; the first one reads the residual.
    pub(crate) layer: usize,
}

/// Writes residual blocks after `residual`, one name per plane; `write_layer` writes a layer, given its position and its
/// inputs' names. Returns the names of the last sum.
pub(crate) fn write<L>(
    graph: &mut GraphBuilder,
    blocks: &[Vec<L>],
    mut residual: Vec<String>,
    inner_relu: InnerRelu,
    mut write_layer: impl FnMut(&mut GraphBuilder, LayerPosition<'_>, &L, &[String]) -> Vec<String>,
) -> Vec<String> {
    let planes = Plane::of(residual.len());
    for (index, block) in blocks.iter().enumerate() {
        let mut x = residual.clone();
        for (number, layer) in block.iter().enumerate() {
            let name = names::block_layer(index, number);
            x = write_layer(graph, LayerPosition { name: &name, layer: number }, layer, &x);
            let is_last = number + 1 == block.len();
            if is_last || planes.len() == 2 || inner_relu == InnerRelu::Node {
                x = graph.relu(&x, &name);
            }
        }
        for ((residual, branch), plane) in residual.iter_mut().zip(&x).zip(planes) {
            *residual = graph.node("Add", &[residual, branch], &plane.named(&names::block(index)));
        }
    }
    residual
}
