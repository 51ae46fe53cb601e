//! The kernels' computations in plain Rust, and layers of random weights for both. Every step is rounded as the
//! kernels round it, so the two give the same bits.

use poselift_kernels::{
    Activations, DenseF32, DenseInt8, InputSign, LayerInt8, MIN_RANGE, Processor, Quantised, Rows, RowsMut,
    SIGNED_ZERO_POINT,
};

/// Pseudo-random numbers in −1..1, the same for the same seed.
pub(crate) struct Scatter(pub(crate) u64);

impl Scatter {
    fn next(&mut self) -> u64 {
        // Knuth's linear congruential generator MMIX: its quality is sufficient here.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next() as f32 / (1u64 << 30) as f32 - 1.0).collect()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<i8> {
        // −128 is not a weight's code, but the kernels' sums must handle it.
        (0..count).map(|_| self.next() as u8 as i8).collect()
    }
}

/// A dense layer in f32 before it is packed.
struct Dense {
    weight: Vec<f32>,
    columns: usize,
    bias: Vec<f32>,
}

impl Dense {
    fn random(rows: usize, columns: usize, scatter: &mut Scatter) -> Self {
        Self { weight: scatter.floats(rows * columns), columns, bias: scatter.floats(columns) }
    }

    /// One row's sums: fused multiply-adds in the order of the rows, then the bias.
    fn sums(&self, x: &[f32]) -> Vec<f32> {
        let sum = |column: usize| {
            let weights = self.weight.iter().skip(column).step_by(self.columns);
            x.iter().zip(weights).fold(0f32, |sum, (x, weight)| x.mul_add(*weight, sum)) + self.bias[column]
        };
        (0..self.columns).map(sum).collect()
    }

    fn packed(&self, processor: Processor) -> DenseF32 {
        DenseF32::new(&self.weight, self.columns, Some(&self.bias), processor.shape())
    }
}

/// Compares [`Processor::product`] with plain Rust, for `count` rows `gap` further apart than they are long.
pub(crate) fn check_product(processor: Processor, count: usize, rows: usize, columns: usize, gap: usize) {
    let mut scatter = Scatter((count * 1000 + rows * 10 + columns) as u64);
    let dense = Dense::random(rows, columns, &mut scatter);
    let packed = dense.packed(processor);
    let stride = rows + gap;
    let x = scatter.floats(if count == 0 { 0 } else { (count - 1) * stride + rows });
    let mut out = vec![f32::NAN; count * packed.padded()];
    let out_rows = RowsMut { values: &mut out, stride: packed.padded() };
    processor.product(Rows { values: &x, count, stride }, &packed, out_rows);
    for n in 0..count {
        let row = &out[n * packed.padded()..][..packed.padded()];
        let expected = dense.sums(&x[n * stride..][..rows]);
        assert_eq!(bits(&row[..columns]), bits(&expected), "{}, {count} x {rows} x {columns}", processor.isa());
        assert!(row[columns..].iter().all(|padding| *padding == 0.0), "{}: columns of padding", processor.isa());
    }
}

/// A layer of a network: N poses, P planes, width H.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerShape {
    pub(crate) count: usize,
    pub(crate) planes: usize,
    pub(crate) hidden: usize,
}

impl LayerShape {
    fn numbers(self) -> usize {
        self.count * self.planes * self.hidden
    }
}

/// Compares [`Processor::layer_f32`] with plain Rust.
pub(crate) fn check_layer_f32(processor: Processor, shape: LayerShape) {
    let LayerShape { count, planes, hidden } = shape;
    let mut scatter = Scatter(shape.numbers() as u64);
    let dense: Vec<_> = (0..planes).map(|_| Dense::random(hidden, hidden, &mut scatter)).collect();
    let packed: Vec<_> = dense.iter().map(|dense| dense.packed(processor)).collect();
    let read = scatter.floats(shape.numbers());
    let mut found = vec![f32::NAN; shape.numbers()];
    processor.layer_f32(&read, count, &packed, &mut found);
    for (n, found) in found.chunks_exact(planes * hidden).enumerate() {
        let sums = |plane: usize| dense[plane].sums(&read[(n * planes + plane) * hidden..][..hidden]);
        let expected = rectified((0..planes).map(sums).collect());
        assert_eq!(bits(found), bits(&expected), "{}, {shape:?}", processor.isa());
    }
}

/// Compares [`Processor::quantise`] and [`Processor::layer_int8`] with plain Rust.
pub(crate) fn check_layer_int8(processor: Processor, shape: LayerShape, sign: InputSign, accumulate: bool) {
    let LayerShape { count, planes, hidden } = shape;
    let mut scatter = Scatter(shape.numbers() as u64 + u64::from(accumulate));
    let x = activations(shape, sign, &mut scatter);
    let mut codes = vec![0; shape.numbers() * processor.shape().code_bytes()];
    let mut scales = vec![f32::NAN; count];
    processor.quantise(Activations { values: &x, count, planes, hidden }, sign, &mut codes, &mut scales);

    let weights: Vec<_> = (0..planes).map(|_| (scatter.bytes(hidden * hidden), scatter.floats(hidden))).collect();
    let pack = |(plane, (weight, scales)): (usize, &(Vec<i8>, Vec<f32>))| {
        DenseInt8::new(weight, scales.clone(), zero_point(plane, sign), processor.shape())
    };
    let packed = weights.iter().enumerate().map(pack).collect();
    let layer = LayerInt8 { sign, planes: packed, bias: scatter.floats(hidden) };
    let before = scatter.floats(shape.numbers());
    let mut found = before.clone();
    processor.layer_int8(Quantised { count, codes: &codes, scales: &scales }, &layer, &mut found, accumulate);

    let row_len = planes * hidden;
    for n in 0..count {
        let (expected_codes, range) = quantised(&x[n * row_len..][..row_len], hidden, sign);
        assert_eq!(scales[n].to_bits(), range.to_bits(), "{}, {shape:?}: the range", processor.isa());
        let sums = |plane: usize| {
            let (weight, scales) = &weights[plane];
            let codes = &expected_codes[plane * hidden..][..hidden];
            let sum = |column: usize| {
                let weights = weight[column..].iter().step_by(hidden);
                let zero = zero_point(plane, sign);
                let sum: i32 = codes.iter().zip(weights).map(|(code, weight)| (code - zero) * i32::from(*weight)).sum();
                let number = sum as f32 * scales[column] * range;
                if plane == 0 { number + layer.bias[column] } else { number }
            };
            (0..hidden).map(sum).collect()
        };
        let mut expected = rectified((0..planes).map(sums).collect());
        if accumulate {
            expected.iter_mut().zip(&before[n * row_len..]).for_each(|(number, before)| *number += before);
        }
        let found = &found[n * row_len..][..row_len];
        assert_eq!(bits(found), bits(&expected), "{}, {shape:?}, {sign:?}, accumulate: {accumulate}", processor.isa());
    }
}

fn zero_point(plane: usize, sign: InputSign) -> i32 {
    if plane == 0 && sign == InputSign::Positive { 0 } else { SIGNED_ZERO_POINT }
}

/// Activations as in networks: of either sign, or sums of ReLUs and differences no larger; the first pose is all 0.
fn activations(shape: LayerShape, sign: InputSign, scatter: &mut Scatter) -> Vec<f32> {
    let LayerShape { planes, hidden, .. } = shape;
    let mut x = scatter.floats(shape.numbers());
    for pose in x.chunks_exact_mut(planes * hidden) {
        let (first, odd) = pose.split_at_mut(hidden);
        if sign == InputSign::Positive {
            first.iter_mut().for_each(|x| *x = x.abs());
            odd.iter_mut().zip(first).for_each(|(odd, first)| *odd *= *first);
        }
    }
    if let Some(first) = x.get_mut(..planes * hidden) {
        first.fill(0.0);
    }
    x
}

/// Codes of one pose, and the largest magnitude that is their scale.
fn quantised(x: &[f32], hidden: usize, sign: InputSign) -> (Vec<i32>, f32) {
    let counted = if sign == InputSign::Positive { &x[..hidden] } else { x };
    let range = counted.iter().fold(MIN_RANGE, |range, x| range.max(x.abs()));
    let code = |(at, x): (usize, &f32)| {
        let zero = zero_point(at / hidden, sign);
        let steps = if zero == 0 { 255.0 } else { 127.0 };
        ((x * (steps / range)).round_ties_even() as i32 + zero).clamp(0, 255)
    };
    (x.iter().enumerate().map(code).collect(), range)
}

/// The ReLU of one plane's sums; of two, the sum and the difference of the ReLUs of their sum and difference.
fn rectified(mut planes: Vec<Vec<f32>>) -> Vec<f32> {
    if planes.len() == 1 {
        return planes.remove(0).into_iter().map(|sum| sum.max(0.0)).collect();
    }
    let pairs = planes[0].iter().zip(&planes[1]).map(|(even, odd)| [(even + odd).max(0.0), (even - odd).max(0.0)]);
    let pairs: Vec<_> = pairs.collect();
    let even = pairs.iter().map(|[a, b]| a + b);
    even.chain(pairs.iter().map(|[a, b]| a - b)).collect()
}

/// Bits of numbers, −0 as 0: which zero a ReLU returns depends on the processor.
fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| (number + 0.0).to_bits()).collect()
}

/// Every kernel of `processor`, in all shapes that have their own code path.
pub(crate) fn check_all(processor: Processor) {
    // All remainders of the rows per tile; panels of one register to four, full ones, and a padded one.
    for count in [0, 1, 2, 3, 4, 5, 6, 7, 13] {
        for columns in [0, 1, 4, 9, 17, 33, 51, 64, 68, 130] {
            check_product(processor, count, 37, columns, 0);
        }
        check_product(processor, count, 0, 20, 0);
        check_product(processor, count, 51, 128, 77);
        for planes in [1, 2] {
            for hidden in [64, 128] {
                let shape = LayerShape { count, planes, hidden };
                check_layer_f32(processor, shape);
                for sign in [InputSign::Signed, InputSign::Positive] {
                    check_layer_int8(processor, shape, sign, false);
                    check_layer_int8(processor, shape, sign, true);
                }
            }
        }
    }
}
