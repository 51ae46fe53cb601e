//! Tensors of float32: all that the models here take and give.

use crate::failure::Failure;

/// The protocol's name of the only type of elements.
pub(crate) const DATATYPE: &str = "FP32";

/// A tensor of float32.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The input's or output's name.
    pub name: String,
    /// Its sizes, of which the first is the number of rows.
    pub shape: Vec<usize>,
    /// The elements, row by row, as many as the shape says.
    pub values: Vec<f32>,
}

impl Tensor {
    /// A tensor as a client describes it.
    ///
    /// # Errors
    /// Another datatype, a negative size, or values that the shape does not fit.
    pub(crate) fn of_client(name: String, datatype: &str, shape: &[i64], values: Vec<f32>) -> Result<Self, Failure> {
        if datatype != DATATYPE {
            return Err(Failure::request(format!("input '{name}' has datatype {datatype}, expected {DATATYPE}")));
        }
        let sizes: Option<Vec<usize>> = shape.iter().map(|&size| usize::try_from(size).ok()).collect();
        let expected =
            sizes.as_ref().and_then(|sizes| sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size)));
        match (sizes, expected) {
            (Some(shape), Some(expected)) if expected == values.len() => Ok(Self { name, shape, values }),
            (Some(_), Some(expected)) => {
                let found = values.len();
                Err(Failure::request(format!(
                    "input '{name}' has {found} elements, expected {expected} of shape {shape:?}"
                )))
            }
            _ => Err(Failure::request(format!("input '{name}' has shape {shape:?}, expected sizes of 0 or more"))),
        }
    }

    /// Elements from their bytes, little-endian.
    ///
    /// # Errors
    /// Bytes that are no whole number of elements.
    pub(crate) fn values_of(name: &str, bytes: &[u8]) -> Result<Vec<f32>, Failure> {
        let (elements, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            let found = bytes.len();
            return Err(Failure::request(format!("input '{name}' has {found} bytes, expected 4 for each element")));
        }
        Ok(elements.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    /// Appends the elements' bytes, little-endian.
    pub(crate) fn write_bytes(&self, to: &mut Vec<u8>) {
        to.reserve(4 * self.values.len());
        for value in &self.values {
            to.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// The shape as the protocol has it.
    pub(crate) fn shape_of_protocol(&self) -> Vec<i64> {
        self.shape.iter().map(|&size| size as i64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_said() {
        let refusal = |datatype, shape: &[i64], values| {
            Tensor::of_client("x".to_owned(), datatype, shape, values).unwrap_err().message
        };
        assert_eq!(refusal("FP64", &[1], vec![0.0]), "input 'x' has datatype FP64, expected FP32");
        assert_eq!(refusal("FP32", &[2, 2], vec![0.0]), "input 'x' has 1 elements, expected 4 of shape [2, 2]");
        assert_eq!(refusal("FP32", &[-1, 2], vec![0.0]), "input 'x' has shape [-1, 2], expected sizes of 0 or more");
        let huge = [i64::MAX, i64::MAX];
        assert!(refusal("FP32", &huge, vec![0.0]).contains("expected sizes"), "a product that no machine can hold");
        assert!(Tensor::values_of("x", &[0; 7]).is_err());
    }

    #[test]
    fn bytes_survive_the_round_trip() {
        let tensor = Tensor { name: "x".to_owned(), shape: vec![3], values: vec![1.5, -0.0, f32::MAX] };
        let mut bytes = Vec::new();
        tensor.write_bytes(&mut bytes);
        assert_eq!(Tensor::values_of("x", &bytes).unwrap(), tensor.values);
    }
}
