//! Residual blocks, whatever their layers are written as.

use poselift::Result;

use super::builder::GraphBuilder;
use super::planes::Layer;

/// What becomes of the ReLU between two layers of one plane.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inner {
    /// It is a node.
    Written,
    /// The next layer takes what is below 0 as 0.
    LeftToTheNext,
}

/// Where a layer stands among the residual blocks.
pub(super) struct Place<'a> {
    /// `block0.layer1`, whatever planes it has.
    pub name: &'a str,
    /// Whether it is the first of its block, and so reads the stream.
    pub is_first: bool,
}

/// Writes residual blocks whose layers are `written` by their place and the names of what they read, in planes; gives back
/// the names of the last sum.
pub(super) fn residual(
    graph: &mut GraphBuilder,
    blocks: &[Vec<Layer>],
    mut stream: Vec<String>,
    inner: Inner,
    mut written: impl FnMut(&mut GraphBuilder, Place<'_>, &Layer, &[String]) -> Result<Vec<String>>,
) -> Result<Vec<String>> {
    for (index, block) in blocks.iter().enumerate() {
        let mut x = stream.clone();
        for (place, layer) in block.iter().enumerate() {
            let name = format!("block{index}.layer{place}");
            let z = written(graph, Place { name: &name, is_first: place == 0 }, layer, &x)?;
            let left = inner == Inner::LeftToTheNext && z.len() == 1 && place + 1 < block.len();
            x = if left { z } else { graph.relu(&z, &name) };
        }
        let named = names(stream.len(), &format!("block{index}"));
        let sums = stream.iter().zip(&x).zip(&named);
        stream = sums.map(|((stream, branch), name)| graph.node("Add", &[stream, branch], name)).collect();
    }
    Ok(stream)
}

/// What the planes of `name` are called.
fn names(planes: usize, name: &str) -> Vec<String> {
    match planes {
        2 => vec![format!("{name}.even"), format!("{name}.odd")],
        _ => vec![name.to_owned()],
    }
}
