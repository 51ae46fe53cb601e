//! The layers of a folded network as the graph multiplies them.
//!
//! In a mirror-equivariant network hidden units come in pairs a and b that a mirror exchanges
//! ([`crate::net::Mirror`]). A layer's matrix is then [[P, Q], [Q, P]] and is not written: over a + b and a − b it is
//! two matrices of half the width, ½(P + Q) and ½(P − Q), which halves the file and the products. In other networks a
//! layer stays one matrix.

use ndarray::{Array1, ArrayView2, Axis, s};

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
        if !folded.twins {
            return Self::by(folded, single, single, single);
        }
        Self::by(folded, if folded.input_relu { read_by_relu } else { twins_added }, inner, outer)
    }

    /// With these ways to split the layers.
    fn by(folded: &Folded, first: Split, hidden: Split, last: Split) -> Self {
        Self {
            input: first(&folded.input),
            input_relu: folded.input_relu,
            blocks: folded.blocks.iter().map(|block| block.iter().map(hidden).collect()).collect(),
            output: last(&folded.output),
        }
    }
}

/// A layer as its planes.
type Split = fn(&FoldedLayer) -> Layer;

fn single(layer: &FoldedLayer) -> Layer {
    vec![layer.clone()]
}

/// Between twins: z_a = even·(a + b) + bias + odd·(a − b), z_b the same with a minus.
fn inner(layer: &FoldedLayer) -> Layer {
    let half = layer.bias.len() / 2;
    let own = layer.weight.slice(s![..half, ..half]);
    let other = layer.weight.slice(s![..half, half..]);
    halved(layer, own, other, layer.bias.slice(s![..half]).to_owned())
}

/// From features to z_a and z_b, as [`inner`].
fn read_by_relu(layer: &FoldedLayer) -> Layer {
    let half = layer.bias.len() / 2;
    let (a, b) = layer.weight.view().split_at(Axis(0), half);
    halved(layer, a, b, layer.bias.slice(s![..half]).to_owned())
}

/// From features to a + b and a − b.
fn twins_added(layer: &FoldedLayer) -> Layer {
    let mut planes = read_by_relu(layer);
    for plane in &mut planes {
        plane.weight *= 2.0;
        plane.bias *= 2.0;
    }
    planes
}

/// From a + b and a − b to the outputs.
fn outer(layer: &FoldedLayer) -> Layer {
    let (a, b) = layer.weight.view().split_at(Axis(1), layer.weight.ncols() / 2);
    halved(layer, a, b, layer.bias.clone())
}

/// Half the sum and half the difference of a layer's two matrices as its planes.
fn halved(layer: &FoldedLayer, a: ArrayView2<f32>, b: ArrayView2<f32>, bias: Array1<f32>) -> Layer {
    vec![
        FoldedLayer { name: format!("{}.even", layer.name), weight: (&a + &b) * 0.5, bias },
        FoldedLayer { name: format!("{}.odd", layer.name), weight: (&a - &b) * 0.5, bias: Array1::zeros(0) },
    ]
}
