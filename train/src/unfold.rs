//! A model file's layers as the network of `trained`: the way of `export`, back.
//!
//! What was folded stays in the layers: z-scores in the first and the last, BatchNorm in the others. So the network has no
//! BatchNorm, its input is features, its output coordinates and the logarithms of sigma.

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use poselift_onnx::{Blocks, Dense as FileDense, Element, InputSign, Network as FileNetwork, QuantisedDense, Weights};

use crate::trained::{Dense, Network};

/// The layers of `file`, whatever their precision. 8-bit layers are what their codes stand for.
pub fn network(file: &FileNetwork) -> Network {
    let twins = file.planes() == 2;
    let input = plain(&file.input);
    Network {
        input: match (twins, file.input_relu) {
            (false, _) => only(input),
            (true, true) => to_twins(&input, 1.0),
            (true, false) => to_twins(&input, 0.5),
        },
        input_relu: file.input_relu,
        blocks: match &file.blocks {
            Blocks::F32(blocks) => each(blocks, |_, layer| inner(plain(layer), twins)),
            Blocks::F16(blocks) => each(blocks, |_, layer| inner(plain(layer), twins)),
            Blocks::Int8(blocks) => {
                each(blocks, |number, layer| inner(dequantised(layer, file.input_sign(number)), twins))
            }
        },
        output: if twins { from_twins(&plain(&file.output)) } else { only(plain(&file.output)) },
        twins,
    }
}

/// A layer's matrices `[out, in]`, one a plane, and its bias.
struct Planes {
    weights: Vec<Array2<f32>>,
    bias: Array1<f32>,
}

fn each<L>(blocks: &[Vec<L>], read: impl Fn(usize, &L) -> Dense) -> Vec<Vec<Dense>> {
    let mut all = Vec::new();
    for block in blocks {
        all.push(block.iter().enumerate().map(|(number, layer)| read(number, layer)).collect());
    }
    all
}

fn plain<T: Element + Into<f32>>(layer: &FileDense<T>) -> Planes {
    Planes { weights: layer.weights.iter().map(matrix).collect(), bias: vector(&layer.bias) }
}

/// The codes of W times their step; `first` says what the first plane reads.
fn dequantised(layer: &QuantisedDense, first: InputSign) -> Planes {
    let mut weights = Vec::new();
    for (plane, sign) in layer.planes.iter().zip([first, InputSign::Signed]) {
        let mut codes = matrix(&plane.codes);
        for (mut row, scale) in codes.rows_mut().into_iter().zip(plane.scales.values().iter()) {
            row *= scale / sign.step();
        }
        weights.push(codes);
    }
    Planes { weights, bias: vector(&layer.bias) }
}

/// A matrix `[in, out]` of the file as `[out, in]`.
fn matrix<T: Element + Into<f32>>(weights: &Weights<T>) -> Array2<f32> {
    let inputs = weights.dims()[0];
    let outputs = weights.dims()[1];
    let values = weights.values();
    Array2::from_shape_fn((outputs, inputs), |(output, input)| values[input * outputs + output].into())
}

fn vector<T: Element + Into<f32>>(weights: &Weights<T>) -> Array1<f32> {
    weights.values().iter().map(|&value| value.into()).collect()
}

/// A hidden layer.
fn inner(planes: Planes, twins: bool) -> Dense {
    if twins { between_twins(&planes) } else { only(planes) }
}

fn only(planes: Planes) -> Dense {
    let weight = planes.weights.into_iter().next().expect("a layer has a plane");
    Dense { weight, bias: planes.bias, norm: None }
}

/// From ½(P + Q) and ½(P − Q) to [[P, Q], [Q, P]].
fn between_twins(planes: &Planes) -> Dense {
    let [own, other] = sum_and_difference(&planes.weights);
    let rows = [beside(own.view(), other.view()), beside(other.view(), own.view())];
    Dense { weight: stacked(&rows), bias: stacked_twice(&planes.bias), norm: None }
}

/// From the even and the odd matrix to the rows of a and b; `share` is 1 where the file gives a and b, ½ where it gives
/// a + b and a − b.
fn to_twins(planes: &Planes, share: f32) -> Dense {
    let rows = sum_and_difference(&planes.weights).map(|rows| rows * share);
    Dense { weight: stacked(&rows), bias: stacked_twice(&(&planes.bias * share)), norm: None }
}

/// From ½(A + B) and ½(A − B) to [A, B].
fn from_twins(planes: &Planes) -> Dense {
    let [a, b] = sum_and_difference(&planes.weights);
    Dense { weight: beside(a.view(), b.view()), bias: planes.bias.clone(), norm: None }
}

fn sum_and_difference(planes: &[Array2<f32>]) -> [Array2<f32>; 2] {
    [&planes[0] + &planes[1], &planes[0] - &planes[1]]
}

fn beside(left: ArrayView2<f32>, right: ArrayView2<f32>) -> Array2<f32> {
    concatenate![Axis(1), left, right]
}

fn stacked(rows: &[Array2<f32>; 2]) -> Array2<f32> {
    concatenate![Axis(0), rows[0], rows[1]]
}

fn stacked_twice(values: &Array1<f32>) -> Array1<f32> {
    concatenate![Axis(0), *values, *values]
}
