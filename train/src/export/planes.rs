//! The layers of a folded network as the graph multiplies them.
//!
//! In a mirror-equivariant network hidden units come in pairs a and b that a mirror exchanges
//! ([`crate::net::Mirror`]). A layer's matrix is then [[P, Q], [Q, P]] and is not written: over a + b and a − b it is
//! two matrices of half the width, ½(P + Q) and ½(P − Q), which halves the file and the products. In other networks a
//! layer stays one matrix.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::fold::{Folded, FoldedLayer};

/// One matrix per plane: one, or an even and an odd one. The bias belongs to the first plane; the other's is empty.
pub(super) type Layer = Vec<FoldedLayer>;

/// A folded network in planes.
#[derive(Debug)]
pub(super) struct Planes {
    /// From features to the first residual, or to the input of its ReLU.
    pub input: Layer,
    /// Whether a ReLU follows it.
    pub input_relu: bool,
    /// From the sum and difference of twins to the inputs of their ReLUs: the even part plus and minus the odd one.
    pub blocks: Vec<Vec<Layer>>,
    /// From the last residual to the outputs, which are the sum over the planes.
    pub output: Layer,
}

impl Planes {
    pub(super) fn of(folded: &Folded) -> Self {
        let of = |layer: &FoldedLayer, split: fn(&FoldedLayer) -> Layer| {
            if folded.twins { split(layer) } else { vec![layer.clone()] }
        };
        let to_stream = if folded.input_relu { read_by_relu } else { twins_added };
        let block = |block: &Vec<FoldedLayer>| block.iter().map(|layer| of(layer, inner)).collect();
        Self {
            input: of(&folded.input, to_stream),
            input_relu: folded.input_relu,
            blocks: folded.blocks.iter().map(block).collect(),
            output: of(&folded.output, outer),
        }
    }
}

/// Between twins: z_a = even·(a + b) + bias + odd·(a − b), z_b the same with a minus.
fn inner(layer: &FoldedLayer) -> Layer {
    let half = layer.bias.len() / 2;
    let (own, other) = (layer.weight.slice(s![..half, ..half]), layer.weight.slice(s![..half, half..]));
    planes(layer, halved(own, other), layer.bias.slice(s![..half]).to_owned())
}

/// From features to z_a and z_b, as [`inner`].
fn read_by_relu(layer: &FoldedLayer) -> Layer {
    let half = layer.bias.len() / 2;
    let (a, b) = layer.weight.view().split_at(Axis(0), half);
    planes(layer, halved(a, b), layer.bias.slice(s![..half]).to_owned())
}

/// From features to a + b and a − b.
fn twins_added(layer: &FoldedLayer) -> Layer {
    let [even, odd] = read_by_relu(layer).try_into().unwrap_or_else(|_| unreachable!("two planes"));
    let twice = |plane: FoldedLayer| FoldedLayer { weight: plane.weight * 2.0, bias: plane.bias * 2.0, ..plane };
    vec![twice(even), twice(odd)]
}

/// From a + b and a − b to the outputs.
fn outer(layer: &FoldedLayer) -> Layer {
    let (a, b) = layer.weight.view().split_at(Axis(1), layer.weight.ncols() / 2);
    planes(layer, halved(a, b), layer.bias.clone())
}

/// Half the sum and half the difference.
fn halved(a: ArrayView2<f32>, b: ArrayView2<f32>) -> [Array2<f32>; 2] {
    [(&a + &b) * 0.5, (&a - &b) * 0.5]
}

fn planes(layer: &FoldedLayer, [even, odd]: [Array2<f32>; 2], bias: Array1<f32>) -> Layer {
    let named = |plane: &str| format!("{}.{plane}", layer.name);
    vec![
        FoldedLayer { name: named("even"), weight: even, bias },
        FoldedLayer { name: named("odd"), weight: odd, bias: Array1::zeros(0) },
    ]
}
