//! Packs the layers of a network in the order in which kernels read their weights.

use poselift_kernels::{DenseF32, DenseInt8, InputSign as KernelSign, LayerInt8, PanelShape};
use poselift_onnx::names::SIGNED_ZERO_POINT;
use poselift_onnx::{Blocks, Dense, InputSign, Network, QuantisedDense, Weights};

use super::Layer;
use super::features::Merged;

/// The last layer: each plane's distinct columns; for each plane, the column and sign of each output number; and the
/// numbers' bias.
pub(super) struct Output {
    pub(super) planes: Vec<DenseF32>,
    pub(super) numbers: Vec<Vec<(usize, f32)>>,
    pub(super) bias: Vec<f32>,
}

/// The features that each plane of the first layer multiplies, and the planes.
pub(super) fn input(layer: &Dense<f32>, shape: PanelShape) -> (Vec<Merged>, Vec<DenseF32>) {
    let mut merged = Vec::new();
    let mut planes = Vec::new();
    for (index, weights) in layer.weights.iter().enumerate() {
        let hidden = layer.bias.len();
        let rows = MergedRows::new(&weights.values(), hidden);
        planes.push(plane(&rows.kept, hidden, first_bias(index, &layer.bias), shape));
        merged.push(Merged::new(&rows.terms));
    }
    (merged, planes)
}

/// The residual blocks.
///
/// # Panics
/// A network in float16, which [`super::plan::check_support`] refuses.
pub(super) fn blocks(network: &Network, shape: PanelShape) -> Vec<Vec<Layer>> {
    let mut packed = Vec::new();
    match &network.blocks {
        Blocks::F16(_) => unreachable!("networks in float16 are refused before they are packed"),
        Blocks::F32(blocks) => {
            for block in blocks {
                packed.push(block.iter().map(|layer| Layer::F32(layer_f32(layer, shape))).collect());
            }
        }
        Blocks::Int8(blocks) => {
            for block in blocks {
                let layers = block.iter().enumerate();
                let packed_layers =
                    layers.map(|(index, layer)| Layer::Int8(layer_int8(layer, input_sign(network, index), shape)));
                packed.push(packed_layers.collect());
            }
        }
    }
    packed
}

/// The last layer.
pub(super) fn output(layer: &Dense<f32>, shape: PanelShape) -> Output {
    let hidden = layer.weights[0].dims()[0];
    let columns = layer.bias.len();
    let mut planes = Vec::new();
    let mut numbers = Vec::new();
    for weights in &layer.weights {
        let rows = MergedRows::new(&transposed(&weights.values(), columns), hidden);
        // Columns of zeros are in no term: they use any column times 0.
        let mut own = vec![(0, 0.0); columns];
        for (column, terms) in rows.terms.iter().enumerate() {
            for &(number, sign) in terms {
                own[number] = (column, sign);
            }
        }
        planes.push(plane(&transposed(&rows.kept, hidden), rows.terms.len(), None, shape));
        numbers.push(own);
    }
    Output { planes, numbers, bias: layer.bias.values().into_owned() }
}

/// The input of layer `layer` of a block.
fn input_sign(network: &Network, layer: usize) -> KernelSign {
    match network.input_sign(layer) {
        InputSign::Signed => KernelSign::Signed,
        InputSign::Positive => KernelSign::Positive,
    }
}

fn layer_f32(layer: &Dense<f32>, shape: PanelShape) -> Vec<DenseF32> {
    let mut planes = Vec::new();
    for (index, weights) in layer.weights.iter().enumerate() {
        planes.push(plane(&weights.values(), layer.bias.len(), first_bias(index, &layer.bias), shape));
    }
    planes
}

fn layer_int8(layer: &QuantisedDense, sign: KernelSign, shape: PanelShape) -> LayerInt8 {
    let mut planes = Vec::new();
    for (index, plane) in layer.planes.iter().enumerate() {
        let zero = if index == 0 && sign == KernelSign::Positive { 0 } else { i32::from(SIGNED_ZERO_POINT) };
        planes.push(DenseInt8::new(&plane.codes.values(), plane.scales.values().into_owned(), zero, shape));
    }
    LayerInt8 { sign, planes, bias: layer.bias.values().into_owned() }
}

/// The bias, which belongs to the first plane only.
fn first_bias(plane: usize, bias: &Weights<f32>) -> Option<&Weights<f32>> {
    (plane == 0).then_some(bias)
}

/// A plane packed for kernels of `shape`, of its weights `[in, columns]` and its bias.
pub(super) fn plane(weights: &[f32], columns: usize, bias: Option<&Weights<f32>>, shape: PanelShape) -> DenseF32 {
    let bias = bias.map(Weights::values);
    DenseF32::new(weights, columns, bias.as_deref(), shape)
}

/// Transposes `[rows, columns]` to `[columns, rows]`.
fn transposed(weights: &[f32], columns: usize) -> Vec<f32> {
    let rows = weights.len() / columns;
    let mut transposed = vec![0.0; weights.len()];
    for (row, weights) in weights.chunks_exact(columns).enumerate() {
        for (column, &weight) in weights.iter().enumerate() {
            transposed[column * rows + row] = weight;
        }
    }
    transposed
}

/// The distinct rows of a matrix up to their sign, without rows of zeros.
struct MergedRows {
    /// `[kept rows, columns]`; at least one row, of zeros if the matrix holds nothing else, so that every layer has
    /// rows and columns.
    kept: Vec<f32>,
    /// For each kept row, the rows of the matrix that it stands for, with their signs.
    terms: Vec<Vec<(usize, f32)>>,
}

impl MergedRows {
    /// The distinct rows of `weights` `[rows, columns]`.
    fn new(weights: &[f32], columns: usize) -> Self {
        let mut kept: Vec<f32> = Vec::new();
        let mut terms: Vec<Vec<(usize, f32)>> = Vec::new();
        for (index, row) in weights.chunks_exact(columns).enumerate() {
            match find_row(&kept, row) {
                Some((at, sign)) => terms[at].push((index, sign)),
                None if row.iter().all(|&weight| weight == 0.0) => {}
                None => {
                    kept.extend_from_slice(row);
                    terms.push(vec![(index, 1.0)]);
                }
            }
        }
        if terms.is_empty() {
            kept.resize(columns, 0.0);
            terms.push(Vec::new());
        }
        Self { kept, terms }
    }
}

/// The first of the `kept` rows that equals `row`, or else its negative; and that sign.
fn find_row(kept: &[f32], row: &[f32]) -> Option<(usize, f32)> {
    for sign in [1.0, -1.0] {
        let mut rows = kept.chunks_exact(row.len());
        if let Some(at) = rows.position(|other| other.iter().zip(row).all(|(other, own)| *other == own * sign)) {
            return Some((at, sign));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_alike_are_merged_and_zeros_left_out() {
        let weight = [1.0, 2.0, 0.0, 0.0, -1.0, -2.0, 3.0, 1.0, 1.0, 2.0];
        let rows = MergedRows::new(&weight, 2);
        assert_eq!(rows.kept, [1.0, 2.0, 3.0, 1.0]);
        assert_eq!(rows.terms, [&[(0, 1.0), (2, -1.0), (4, 1.0)][..], &[(3, 1.0)]]);
    }

    #[test]
    fn of_zeros_alone_one_row_is_kept_that_stands_for_none() {
        let rows = MergedRows::new(&[0.0, -0.0, 0.0, 0.0], 2);
        assert_eq!((rows.kept, rows.terms), (vec![0.0, 0.0], vec![vec![]]));
    }
}
