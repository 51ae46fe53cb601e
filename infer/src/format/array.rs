//! NumPy's way to lay out numbers in bytes, as npy files and pickles share it, taken to `f32`.

use std::slice::ChunksExact;

use crate::error::{Error, Result};
use crate::skeleton::{Layout, MAX_JOINTS};

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    kind: Kind,
    /// Bytes an element.
    pub(super) size: usize,
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
}

impl Dtype {
    /// Little-endian `f32`, which is what we write.
    pub(super) const F32: Self = Self { kind: Kind::Float, size: 4, big_endian: false };

    pub(super) const U8: Self = Self { kind: Kind::Unsigned, size: 1, big_endian: false };
    pub(super) const F64: Self = Self { kind: Kind::Float, size: 8, big_endian: false };
    pub(super) const I64: Self = Self { kind: Kind::Signed, size: 8, big_endian: false };

    /// Reads NumPy's short name of a type: `<f4`, `>i8`, `|u1`; without a sign it is little-endian.
    ///
    /// # Errors
    /// A type that is no plain number: Python objects, text, structures, complex and long floats.
    pub(super) fn parse(name: &str) -> Result<Self> {
        let (big_endian, bare) = match name.as_bytes().first() {
            Some(b'>') => (true, &name[1..]),
            Some(b'<' | b'|' | b'=') => (false, &name[1..]),
            _ => (false, name),
        };
        let (kind, size) = match bare {
            "f2" | "f4" | "f8" => (Kind::Float, &bare[1..]),
            "i1" | "i2" | "i4" | "i8" => (Kind::Signed, &bare[1..]),
            "u1" | "u2" | "u4" | "u8" => (Kind::Unsigned, &bare[1..]),
            _ if bare.starts_with('O') => {
                return Err(Error::input("holds Python objects, expected an array of numbers"));
            }
            _ => {
                let name: String = name.chars().take(40).collect();
                return Err(Error::input(format!(
                    "has elements of type '{name}', expected float32, float64 or integers"
                )));
            }
        };
        Ok(Self { kind, size: usize::from(size.as_bytes()[0] - b'0'), big_endian })
    }

    /// Whether its numbers are whole.
    pub(super) fn is_integer(self) -> bool {
        self.kind != Kind::Float
    }

    /// The same type in this byte order.
    pub(super) fn in_byte_order(self, big_endian: bool) -> Self {
        Self { big_endian, ..self }
    }

    fn decode_halves(self, bytes: &[u8], numbers: &mut Vec<f32>) {
        let (halves, _) = bytes.as_chunks();
        if self.big_endian {
            numbers.extend(halves.iter().map(|half| half::f16::from_be_bytes(*half).to_f32()));
        } else {
            numbers.extend(halves.iter().map(|half| half::f16::from_le_bytes(*half).to_f32()));
        }
    }

    /// Appends the numbers that `bytes` hold, the nearest `f32` to each; a remainder is left out.
    pub(super) fn decode(self, bytes: &[u8], numbers: &mut Vec<f32>) {
        macro_rules! decode {
            ($type:ty) => {{
                let (chunks, _) = bytes.as_chunks();
                if self.big_endian {
                    numbers.extend(chunks.iter().map(|chunk| <$type>::from_be_bytes(*chunk) as f32));
                } else {
                    numbers.extend(chunks.iter().map(|chunk| <$type>::from_le_bytes(*chunk) as f32));
                }
            }};
        }
        match (self.kind, self.size) {
            (Kind::Float, 2) => self.decode_halves(bytes, numbers),
            (Kind::Float, 4) => decode!(f32),
            (Kind::Float, _) => decode!(f64),
            (Kind::Signed, 1) => decode!(i8),
            (Kind::Signed, 2) => decode!(i16),
            (Kind::Signed, 4) => decode!(i32),
            (Kind::Signed, _) => decode!(i64),
            (Kind::Unsigned, 1) => decode!(u8),
            (Kind::Unsigned, 2) => decode!(u16),
            (Kind::Unsigned, 4) => decode!(u32),
            (Kind::Unsigned, _) => decode!(u64),
        }
    }
}

/// A shape as Python writes it: `[3, 17, 2]`.
pub(super) fn shape_text(shape: &[usize]) -> String {
    let sides: Vec<_> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sides.join(", "))
}

/// Holds an array of `joints`, of which `kept` are read, against the layout. One with more than a layout may have is something else, and
/// its rows would not fit in memory.
///
/// # Errors
/// None or too many joints, or another number than the layout's.
pub(super) fn check_joints(joints: usize, kept: usize, layout: Option<&Layout>) -> Result<()> {
    if joints == 0 || joints > MAX_JOINTS {
        return Err(Error::input(format!("the array has {joints} joints, expected 1 to {MAX_JOINTS}")));
    }
    match layout {
        Some(layout) if layout.len() != kept => {
            let expected = layout.len();
            Err(Error::input(format!("the array has {joints} joints, expected {expected} ({})", layout.name)))
        }
        _ => Ok(()),
    }
}

/// The number of bytes that an array takes, if that is a number a computer can hold.
pub(super) fn byte_length(shape: &[usize], dtype: Dtype) -> Option<usize> {
    shape.iter().try_fold(dtype.size, |length, side| length.checked_mul(*side)).filter(|&n| n <= isize::MAX as usize)
}

/// A whole array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    /// The last axis runs fastest.
    pub(super) numbers: Vec<f32>,
}

impl Array {
    /// Takes an array from its bytes; `fortran`: the first axis runs fastest.
    ///
    /// # Errors
    /// Another number of bytes than the shape asks for.
    pub(super) fn from_bytes(shape: Vec<usize>, dtype: Dtype, fortran: bool, bytes: &[u8]) -> Result<Self> {
        if byte_length(&shape, dtype) != Some(bytes.len()) {
            let shape = shape_text(&shape);
            return Err(Error::input(format!(
                "holds {} bytes, which does not fit its shape {shape} of {}-byte numbers",
                bytes.len(),
                dtype.size
            )));
        }
        let mut numbers = Vec::with_capacity(bytes.len() / dtype.size);
        dtype.decode(bytes, &mut numbers);
        let numbers = if fortran { gathered(&shape, &running_products(shape.iter()), &numbers) } else { numbers };
        Ok(Self { shape, numbers })
    }

    /// Exchanges the first two numbers of the last axis, as of points that are written y before x.
    pub(super) fn swap_first_two(&mut self) {
        let channels = self.shape.last().copied().unwrap_or(0);
        if channels >= 2 {
            for point in self.numbers.chunks_exact_mut(channels) {
                point.swap(0, 1);
            }
        }
    }

    /// What stands at `index` of the first axis: an array of one axis less.
    pub(super) fn entry(&self, index: usize) -> Self {
        let size = self.numbers.len() / self.shape[0];
        let numbers = self.numbers[index * size..(index + 1) * size].to_vec();
        Self { shape: self.shape[1..].to_vec(), numbers }
    }

    /// The array with its axes in another order, `axes[i]` becoming the i-th.
    ///
    /// # Errors
    /// `axes` that do not name each axis once.
    pub(super) fn transposed(self, axes: &[usize]) -> Result<Self> {
        let mut named = axes.to_vec();
        named.sort_unstable();
        if !named.into_iter().eq(0..self.shape.len()) {
            return Err(Error::input(format!("has axes {axes:?} of {}", self.shape.len())));
        }
        let mut strides = running_products(self.shape.iter().rev());
        strides.reverse();
        let shape: Vec<_> = axes.iter().map(|axis| self.shape[*axis]).collect();
        let strides: Vec<_> = axes.iter().map(|axis| strides[*axis]).collect();
        let numbers = gathered(&shape, &strides, &self.numbers);
        Ok(Self { shape, numbers })
    }
}

/// Each side's stride, when the first one runs fastest.
fn running_products<'a>(sides: impl Iterator<Item = &'a usize>) -> Vec<usize> {
    let mut strides = Vec::new();
    let mut stride = 1usize;
    for side in sides {
        strides.push(stride);
        stride = stride.wrapping_mul(*side);
    }
    strides
}

/// The numbers with the last axis fastest, taken from where `strides` say that they are.
fn gathered(shape: &[usize], strides: &[usize], numbers: &[f32]) -> Vec<f32> {
    let mut position = vec![0; shape.len()];
    let mut at = 0;
    let mut reordered = Vec::with_capacity(numbers.len());
    for _ in 0..numbers.len() {
        reordered.push(numbers[at]);
        for axis in (0..shape.len()).rev() {
            position[axis] += 1;
            at += strides[axis];
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
            at -= strides[axis] * shape[axis];
        }
    }
    reordered
}

/// Whether points move less from one to the next along the second of four sides than along the first: there the second is
/// time. With one element in the first, less than a fifth of a body, as people beside each other do not stand.
pub(super) fn is_second_side_time(array: &Array) -> bool {
    let [first, second, joints, channels] = array.shape[..] else { return false };
    if second < 3 || joints == 0 || channels < 2 {
        return false;
    }
    let people = People { numbers: &array.numbers, joints, channels };
    // As many as show it.
    const LOOKED_AT: usize = 64;
    let along_second = mean((1..second.min(LOOKED_AT)).map(|at| people.distance(at - 1, at)));
    let along_first = if first > 1 {
        mean((1..first.min(LOOKED_AT)).map(|at| people.distance((at - 1) * second, at * second))) / 2.0
    } else {
        people.extent(0) / 2.5
    };
    along_second > 0.0 && along_second < along_first
}

/// The people of an array, in the order that they stand in it.
struct People<'a> {
    numbers: &'a [f32],
    joints: usize,
    channels: usize,
}

impl<'a> People<'a> {
    /// The points of a person; none behind the last person.
    fn points(&self, person: usize) -> ChunksExact<'a, f32> {
        let body = self.numbers.chunks_exact(self.joints * self.channels).nth(person);
        body.unwrap_or_default().chunks_exact(self.channels)
    }

    /// How far the points of two people lie apart in the mean.
    fn distance(&self, one: usize, other: usize) -> f32 {
        let pairs = self.points(one).zip(self.points(other));
        mean(pairs.map(|(one, other)| distance(one, other)))
    }

    /// How far the points of a person lie from their middle in the mean.
    fn extent(&self, person: usize) -> f32 {
        let points = self.points(person);
        let middle = [0, 1].map(|axis| mean(points.clone().map(|point| point[axis])));
        mean(points.map(|point| distance(point, &middle)))
    }
}

/// How far two points lie apart along x or along y, the larger of both.
fn distance(one: &[f32], other: &[f32]) -> f32 {
    (one[0] - other[0]).abs().max((one[1] - other[1]).abs())
}

/// The mean of the numbers among `numbers`; 0 without one.
fn mean(numbers: impl Iterator<Item = f32>) -> f32 {
    let mut sum = 0.0;
    let mut count = 0.0f32;
    for number in numbers.filter(|number| number.is_finite()) {
        sum += number;
        count += 1.0;
    }
    sum / count.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_by_name() {
        let decode = |name: &str, bytes: &[u8]| {
            let mut numbers = Vec::new();
            Dtype::parse(name).unwrap().decode(bytes, &mut numbers);
            numbers
        };
        assert_eq!(decode("<f4", &1.5f32.to_le_bytes()), [1.5]);
        assert_eq!(decode("<f2", &[0, 0x3e]), [1.5]);
        assert_eq!(decode(">f2", &[0x3e, 0]), [1.5]);
        assert_eq!(decode(">f8", &[1.5f64.to_be_bytes(), 0.1f64.to_be_bytes()].concat()), [1.5, 0.1]);
        assert_eq!(decode(">i2", &[0xff, 0xfe, 0, 3]), [-2.0, 3.0]);
        assert_eq!(decode("|u1", &[255, 0]), [255.0, 0.0]);
        assert_eq!(decode("i8", &(-7i64).to_le_bytes()), [-7.0]);
        for (name, expected) in [("|O", "Python objects"), ("<U3", "'<U3'"), ("<c8", "'<c8'"), ("", "''"), ("é", "'é'")]
        {
            let message = Dtype::parse(name).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn fortran_order_is_turned_round() {
        // Element [i, j, k] is 100 i + 10 j + k, laid out with i fastest.
        let shape = vec![2, 3, 2];
        let mut bytes = Vec::new();
        for (k, j, i) in (0..2).flat_map(|k| (0..3).flat_map(move |j| (0..2).map(move |i| (k, j, i)))) {
            bytes.push(100 * i + 10 * j + k);
        }
        let array = Array::from_bytes(shape, Dtype::parse("u1").unwrap(), true, &bytes).unwrap();
        let expected = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121].map(|n| n as f32);
        assert_eq!(array.numbers, expected);
    }

    #[test]
    fn axes_are_put_in_another_order() {
        let array = Array { shape: vec![2, 3], numbers: vec![0.0, 1.0, 2.0, 10.0, 11.0, 12.0] };
        let expected = Array { shape: vec![3, 2], numbers: vec![0.0, 10.0, 1.0, 11.0, 2.0, 12.0] };
        assert_eq!(array.clone().transposed(&[1, 0]).unwrap(), expected);
        for axes in [&[0, 0][..], &[0], &[0, 2], &[0, 1, 2]] {
            assert!(array.clone().transposed(axes).is_err());
        }
    }

    #[test]
    fn the_shape_must_fit_the_bytes() {
        let message = Array::from_bytes(vec![2, 2], Dtype::F32, false, &[0; 12]).unwrap_err().to_string();
        assert_eq!(message, "holds 12 bytes, which does not fit its shape [2, 2] of 4-byte numbers");
        assert!(Array::from_bytes(vec![usize::MAX, 8], Dtype::F32, false, &[0; 12]).is_err());
        assert!(Array::from_bytes(vec![0, 3], Dtype::F32, true, &[]).unwrap().numbers.is_empty());
    }
}
