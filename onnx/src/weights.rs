//! Numbers of a network as the file holds them: little-endian, seen in place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytemuck::Pod;
use bytes::Bytes;
use half::f16;

use crate::names::MAX_WEIGHT_CODE;
use crate::proto::{FLOAT, FLOAT16, INT8, INT32, TensorProto, UINT8};

// Numbers are seen in place as they lie in the file.
const _: () = assert!(cfg!(target_endian = "little"), "the numbers of a model file are little-endian");

/// A number that tensors consist of.
pub trait Element: Pod + PartialEq + fmt::Debug {
    /// ONNX's number of the type (`TensorProto.DataType`).
    const DATA_TYPE: i32;
    /// The type in words.
    const NAME: &'static str;
    /// The numbers that a file may hold, in words.
    const ALLOWED: &'static str;

    /// Whether a file may hold the number.
    fn is_allowed(self) -> bool;
}

impl Element for f32 {
    const DATA_TYPE: i32 = FLOAT;
    const NAME: &'static str = "float32";
    const ALLOWED: &'static str = "finite numbers";

    fn is_allowed(self) -> bool {
        self.is_finite()
    }
}

impl Element for f16 {
    const DATA_TYPE: i32 = FLOAT16;
    const NAME: &'static str = "float16";
    const ALLOWED: &'static str = "finite numbers";

    fn is_allowed(self) -> bool {
        self.is_finite()
    }
}

impl Element for i8 {
    const DATA_TYPE: i32 = INT8;
    const NAME: &'static str = "int8";
    const ALLOWED: &'static str = "codes of -63 to 63";

    fn is_allowed(self) -> bool {
        self.unsigned_abs() <= MAX_WEIGHT_CODE.unsigned_abs()
    }
}

impl Element for i32 {
    const DATA_TYPE: i32 = INT32;
    const NAME: &'static str = "int32";
    const ALLOWED: &'static str = "any integer";

    fn is_allowed(self) -> bool {
        true
    }
}

impl Element for u8 {
    const DATA_TYPE: i32 = UINT8;
    const NAME: &'static str = "uint8";
    const ALLOWED: &'static str = "any code";

    fn is_allowed(self) -> bool {
        true
    }
}

/// A tensor of numbers, the last dimension fastest; a view of the file's bytes where it was read from one.
#[derive(Clone)]
pub struct Weights<T> {
    dims: Vec<usize>,
    bytes: Bytes,
    element: PhantomData<T>,
}

impl<T: Element> Weights<T> {
    /// A tensor of shape `dims`.
    ///
    /// # Panics
    /// If the number of values is not the product of `dims`.
    pub fn new(dims: &[usize], values: impl IntoIterator<Item = T>) -> Self {
        let values = Vec::from_iter(values);
        assert_eq!(values.len(), dims.iter().product::<usize>(), "a tensor of shape {dims:?}");
        let bytes = Bytes::copy_from_slice(bytemuck::cast_slice(&values));
        Self { dims: dims.to_vec(), bytes, element: PhantomData }
    }

    /// The numbers of `tensor`; `None` where they are of another type, or not as many as its shape says.
    pub fn of(tensor: &TensorProto) -> Option<Self> {
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        let dims = dims?;
        let count = dims.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim))?;
        let fits = tensor.data_type == T::DATA_TYPE && Some(tensor.raw_data.len()) == count.checked_mul(size_of::<T>());
        fits.then(|| Self { dims, bytes: tensor.raw_data.clone(), element: PhantomData })
    }

    pub(crate) fn to_tensor(&self, name: &str) -> TensorProto {
        let dims = self.dims.iter().map(|&dim| dim as i64).collect();
        TensorProto {
            data_type: T::DATA_TYPE,
            name: name.to_owned(),
            raw_data: self.bytes.clone(),
            dims,
            ..TensorProto::default()
        }
    }

    /// Its shape.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / size_of::<T>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The numbers: the file's own bytes where they lie on the type's boundary, else a copy.
    pub fn values(&self) -> Cow<'_, [T]> {
        match bytemuck::try_cast_slice(&self.bytes) {
            Ok(values) => Cow::Borrowed(values),
            Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(&self.bytes)),
        }
    }
}

impl<T> PartialEq for Weights<T> {
    /// To the bit.
    fn eq(&self, other: &Self) -> bool {
        self.dims == other.dims && self.bytes == other.bytes
    }
}

impl<T> fmt::Debug for Weights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", std::any::type_name::<T>(), self.dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_seen_in_place_wherever_they_begin() {
        let numbers = [1.5f32, -2.0, f32::MIN_POSITIVE];
        let aligned = Weights::new(&[3, 1], numbers);
        let mut shifted = vec![0u8];
        shifted.extend_from_slice(&aligned.bytes);
        let shifted = Weights { bytes: Bytes::from(shifted).slice(1..), ..aligned.clone() };
        for weights in [&aligned, &shifted] {
            assert_eq!((&*weights.values(), weights.len(), weights.dims()), (&numbers[..], 3, &[3, 1][..]));
        }
        assert_eq!(aligned, shifted);
    }

    #[test]
    fn a_tensor_of_another_type_or_length_is_none() {
        let tensor = Weights::new(&[2], [1i8, -1]).to_tensor("w");
        assert_eq!(Weights::<i8>::of(&tensor), Some(Weights::new(&[2], [1, -1])));
        assert_eq!(Weights::<u8>::of(&tensor), None);
        for dims in [vec![3], vec![-2, -1], vec![i64::MAX, i64::MAX, 2]] {
            assert_eq!(Weights::<i8>::of(&TensorProto { dims, ..tensor.clone() }), None);
        }
    }
}
