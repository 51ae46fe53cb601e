//! Linear layers, forward and backward, and their matrix products: libtorch's, except for f32 on a CPU.
//!
//! For f32 on a CPU libtorch calls MKL, which does not use AVX-512 on AMD's processors: on one core of a Zen 5 it
//! reaches 110 GFLOP/s at the sizes of a step, the crate `gemm` 180 to 255.

use tch::{Device, Kind, Tensor};

use super::cpu;
use super::layer::Layer;
use super::planes::Planes;

/// For fewer rows or shorter sums, packing the matrices for kernels does not pay.
const MIN_GEMM_SIZE: usize = 128;
/// A strip's number of rows is a multiple of this: kernels process that many at a time.
const STRIP_MULTIPLE: usize = 16;

/// `x`·Wᵀ + b in f32, plane by plane; only the first has a bias.
pub(super) fn linear_f32(layer: &Layer, x: &Planes) -> Planes {
    x.map(|(plane, x)| {
        let weight = layer.weights[plane].value.tr();
        if plane == 0 { layer.bias.addmm(x, &weight) } else { x.mm(&weight) }
    })
}

/// `z` = `x`·Wᵀ + b, plane by plane, in the precision of products; only the first has a bias.
pub(super) fn linear_into(z: &Planes, layer: &Layer, x: &Planes) {
    for (plane, ((z, x), weight)) in z.iter().zip(x.iter()).zip(&layer.weights).enumerate() {
        let weight = weight.operand.tr();
        if plane == 0 { matmul_and_row(z, x, &weight, &layer.bias_operand) } else { matmul(z, x, &weight, false) }
    }
}

/// `to` = `z_gradient`·W, plane by plane, or `to` plus that if they `accumulate`: the gradient with respect to a layer's input.
pub(super) fn input_gradient(to: &Planes, layer: &Layer, z_gradient: &Planes, accumulate: bool) {
    for ((to, z_gradient), weight) in to.iter().zip(z_gradient.iter()).zip(&layer.weights) {
        matmul(to, z_gradient, &weight.operand, accumulate);
    }
}

/// The gradient of a hidden layer's W; `rounded` is the buffer for it if it is not in f32.
pub(super) fn weight_gradients(layer: &Layer, z_gradient: &Planes, x: &Planes, rounded: Option<&Tensor>) {
    for ((z_gradient, x), weight) in z_gradient.iter().zip(x.iter()).zip(&layer.weights) {
        matmul(rounded.unwrap_or(&weight.gradient), &z_gradient.tr(), x, false);
        if let Some(rounded) = rounded {
            weight.gradient.shallow_clone().copy_(rounded);
        }
    }
}

/// The gradient of the input or output layer's W.
pub(super) fn weight_gradients_f32(layer: &Layer, z_gradient: &Planes, x: &Planes) {
    for ((z_gradient, x), weight) in z_gradient.iter().zip(x.iter()).zip(&layer.weights) {
        weight.gradient.shallow_clone().copy_(&z_gradient.tr().mm(x));
    }
}

/// The gradient of a layer's b. A BatchNorm removes a shift, so in front of one the gradient is and stays exactly
/// zero.
pub(super) fn bias_gradient(layer: &Layer, z_gradient: &Planes) {
    if layer.norm.is_none() {
        let sum = z_gradient.first().sum_dim_intlist(&[0i64][..], false, Kind::Float);
        layer.bias_gradient.shallow_clone().copy_(&sum);
    }
}

/// `out` `[m, n]` = `a` `[m, k]` · `b` `[k, n]`, or `out` plus that if they `accumulate`. All have one kind and one device; `out` shares
/// no memory with the others.
pub(super) fn matmul(out: &Tensor, a: &Tensor, b: &Tensor, accumulate: bool) {
    match accumulate {
        _ if is_for_gemm(out, a) => gemm_strips(out, a, b, accumulate),
        true => drop(out.shallow_clone().addmm_(a, b)),
        false => drop(a.mm_out(out, b)),
    }
}

/// `out` = `a` · `b` + `row` in each row, as for [`matmul`]; `row` `[n]` is of the same kind.
pub(super) fn matmul_and_row(out: &Tensor, a: &Tensor, b: &Tensor, row: &Tensor) {
    if is_for_gemm(out, a) {
        out.shallow_clone().copy_(&row.expand_as(out));
        gemm_strips(out, a, b, true);
    } else {
        let _ = row.addmm_out(out, a, b);
    }
}

fn is_for_gemm(out: &Tensor, a: &Tensor) -> bool {
    let (rows, depth) = shape(a);
    (out.device(), out.kind()) == (Device::Cpu, Kind::Float) && rows.min(depth) >= MIN_GEMM_SIZE
}

/// In strips of rows, one per thread, on libtorch's own threads: threads of `gemm` would compete with them for the
/// cores.
fn gemm_strips(out: &Tensor, a: &Tensor, b: &Tensor, accumulate: bool) {
    let (m, k) = shape(a);
    let (depth, n) = shape(b);
    assert!(shape(out) == (m, n) && depth == k, "{:?} of {:?} and {:?}", out.size(), a.size(), b.size());
    let [out, a, b] = [out, a, b].map(Elements::of);
    let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
    let strip = m.div_ceil(threads.max(1)).next_multiple_of(STRIP_MULTIPLE);
    cpu::for_each(m.div_ceil(strip), |index| {
        let first = index * strip;
        // SAFETY: the shapes were compared, and each matrix is in its tensor's memory as its strides say; strips of
        // `out` are disjoint, and callers write to a buffer that they do not read at the same time.
        unsafe {
            gemm::gemm(
                strip.min(m - first),
                n,
                k,
                out.row(first),
                out.columns,
                out.rows,
                accumulate,
                a.row(first),
                a.columns,
                a.rows,
                b.row(0),
                b.columns,
                b.rows,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
}

/// Start of an f32 matrix in host memory, and the strides of its rows and columns.
struct Elements {
    first: *mut f32,
    rows: isize,
    columns: isize,
}

// SAFETY: a pointer only; each use that reads or writes through it has its own SAFETY comment.
unsafe impl Sync for Elements {}

impl Elements {
    /// Pointer to the start of row `index`.
    fn row(&self, index: usize) -> *mut f32 {
        self.first.wrapping_offset(index as isize * self.rows)
    }

    fn of(matrix: &Tensor) -> Self {
        assert!((matrix.kind(), matrix.device()) == (Kind::Float, Device::Cpu), "a matrix of f32 in host memory");
        let strides = matrix.stride();
        Self { first: matrix.data_ptr().cast(), rows: strides[0] as isize, columns: strides[1] as isize }
    }
}

fn shape(matrix: &Tensor) -> (usize, usize) {
    let size = matrix.size();
    (size[0] as usize, size[1] as usize)
}

#[cfg(test)]
mod tests {
    use tch::kind::{DOUBLE_CPU, FLOAT_CPU};

    use super::*;
    use crate::data::generator;

    #[test]
    fn every_order_of_rows_and_columns_gives_what_f64_gives() {
        let _held = generator();
        tch::manual_seed(4);
        for (m, k, n) in [(1, 1, 1), (7, 51, 33), (64, 128, 65), (200, 96, 256), (500, 130, 70)] {
            for transposed in [[false, false], [true, false], [false, true], [true, true]] {
                let matrix = |rows: i64, columns: i64, transposed: bool| {
                    if transposed {
                        Tensor::randn([columns, rows], FLOAT_CPU).tr()
                    } else {
                        Tensor::randn([rows, columns], FLOAT_CPU)
                    }
                };
                let (a, b) = (matrix(m, k, transposed[0]), matrix(k, n, transposed[1]));
                let out = Tensor::ones([m, n], FLOAT_CPU);
                let expected = a.to_kind(Kind::Double).mm(&b.to_kind(Kind::Double));
                for (accumulate, before) in
                    [(false, Tensor::zeros([m, n], DOUBLE_CPU)), (true, expected.shallow_clone())]
                {
                    matmul(&out, &a, &b, accumulate);
                    let worst = (&out - (&expected + before)).abs().max().double_value(&[]);
                    assert!(worst < 1e-4, "{m} {k} {n} {transposed:?}: {worst}");
                }
                let row = Tensor::randn([n], FLOAT_CPU);
                matmul_and_row(&out, &a, &b, &row);
                assert!((&out - (&expected + &row)).abs().max().double_value(&[]) < 1e-4);
            }
        }
    }
}
