//! The nodes of residual blocks in float16, between two Casts: for GPUs, which multiply it several times as fast.

use half::f16;
use poselift::{Error, Result};

use super::blocks::{Inner, residual};
use super::builder::GraphBuilder;
use super::fold::FoldedLayer;
use super::onnx::{AttributeProto, TensorProto};
use super::planes::Layer;

/// Writes `blocks` behind `stream`, both float32 outside, in planes; gives back the names of the last sum.
///
/// # Errors
/// A weight or a bias beyond the range of float16; it names its layer.
pub(super) fn write(graph: &mut GraphBuilder, blocks: &[Vec<Layer>], stream: Vec<String>) -> Result<Vec<String>> {
    if blocks.is_empty() {
        return Ok(stream);
    }
    let halves = cast(graph, &stream, AttributeProto::to_half, "half");
    let sum = residual(graph, blocks, halves, Inner::Written, |graph, _, layer, x| {
        layer.iter().zip(x).map(|(plane, x)| write_layer(graph, plane, x)).collect()
    })?;
    Ok(cast(graph, &sum, AttributeProto::to_float, "float"))
}

fn cast(graph: &mut GraphBuilder, planes: &[String], to: fn() -> AttributeProto, name: &str) -> Vec<String> {
    planes.iter().map(|plane| graph.node_with("Cast", &[plane], &format!("{plane}.{name}"), vec![to()])).collect()
}

fn write_layer(graph: &mut GraphBuilder, layer: &FoldedLayer, x: &str) -> Result<String> {
    let (outputs, inputs) = layer.weight.dim();
    let weight = halves(layer, layer.weight.t().iter().copied())?;
    let weight = TensorProto::halves(&format!("{}.weight", layer.name), &[inputs, outputs], weight);
    let weight = graph.constant_tensor(weight);
    if layer.bias.is_empty() {
        return Ok(graph.node("MatMul", &[x, &weight], &layer.name));
    }
    let bias = halves(layer, layer.bias.iter().copied())?;
    let bias = graph.constant_tensor(TensorProto::halves(&format!("{}.bias", layer.name), &[outputs], bias));
    Ok(graph.node("Gemm", &[x, &weight, &bias], &layer.name))
}

/// The nearest float16 of each number.
fn halves(layer: &FoldedLayer, values: impl Iterator<Item = f32>) -> Result<Vec<f16>> {
    let half = |value: f32| match f16::from_f32(value) {
        half if half.is_finite() => Ok(half),
        _ => Err(Error::input(format!(
            "layer '{}' holds {value:.1e}, expected numbers within the range of f16 (65504)",
            layer.name
        ))
        .hint("export it with --precision f32 or int8")),
    };
    values.map(half).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that fails here should stop here.

    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn numbers_beyond_float16_are_named_with_their_layer() {
        let layer = |weight: f32| FoldedLayer {
            name: "block1.layer0".into(),
            weight: array![[1.0, weight]],
            bias: Array1::zeros(1),
        };
        let mut graph = GraphBuilder::default();
        assert_eq!(write_layer(&mut graph, &layer(65504.0), "x").unwrap(), "block1.layer0");
        let message = write_layer(&mut graph, &layer(-7e4), "x").unwrap_err().to_string();
        assert_eq!(message, "layer 'block1.layer0' holds -7.0e4, expected numbers within the range of f16 (65504)");
    }
}
