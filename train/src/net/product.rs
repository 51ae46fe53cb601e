//! Products of matrices: libtorch's, but for f32 on a CPU.
//!
//! There libtorch calls MKL, which leaves AVX-512 unused on AMD's processors: on one core of a Zen 5 it reaches 110
//! GFLOP/s at the sizes of a step, the crate `gemm` 180 to 255.

use tch::{Device, Kind, Tensor};

/// `out` `[m, n]` = `a` `[m, k]` · `b` `[k, n]`, or `added` to what is there. All of one kind on one device; `out` shares no
/// memory with the others.
pub(super) fn product(out: &Tensor, a: &Tensor, b: &Tensor, added: bool) {
    match (out.device(), out.kind()) {
        (Device::Cpu, Kind::Float) => product_on_cpu(out, a, b, added),
        _ if added => drop(out.shallow_clone().addmm_(a, b)),
        _ => drop(a.mm_out(out, b)),
    }
}

/// `out` = `a` · `b` + `row` in each row, as for [`product`]; `row` `[n]` is of the same kind.
pub(super) fn product_and_row(out: &Tensor, a: &Tensor, b: &Tensor, row: &Tensor) {
    if (out.device(), out.kind()) == (Device::Cpu, Kind::Float) {
        out.shallow_clone().copy_(&row.expand_as(out));
        product_on_cpu(out, a, b, true);
    } else {
        let _ = row.addmm_out(out, a, b);
    }
}

fn product_on_cpu(out: &Tensor, a: &Tensor, b: &Tensor, added: bool) {
    let ((m, k), (_, n)) = (shape(a), shape(b));
    assert!(shape(out) == (m, n) && shape(b).0 == k, "{:?} of {:?} and {:?}", out.size(), a.size(), b.size());
    let [out, a, b] = [out, a, b].map(Elements::of);
    let threads = match usize::try_from(tch::get_num_threads()) {
        Ok(threads) if threads > 1 => gemm::Parallelism::Rayon(threads),
        _ => gemm::Parallelism::None,
    };
    // SAFETY: the shapes were held against each other, and each matrix lies in its tensor's memory as its strides say;
    // callers write to a buffer that they do not read at the same time.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.first,
            out.columns,
            out.rows,
            added,
            a.first,
            a.columns,
            a.rows,
            b.first,
            b.columns,
            b.rows,
            1.0,
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

/// Where a matrix of f32 in host memory begins, and how far apart its rows and columns are.
struct Elements {
    first: *mut f32,
    rows: isize,
    columns: isize,
}

impl Elements {
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
        for (m, k, n) in [(1, 1, 1), (7, 51, 33), (64, 128, 65), (200, 96, 256)] {
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
                for (added, before) in [(false, Tensor::zeros([m, n], DOUBLE_CPU)), (true, expected.shallow_clone())] {
                    product(&out, &a, &b, added);
                    let worst = (&out - (&expected + before)).abs().max().double_value(&[]);
                    assert!(worst < 1e-4, "{m} {k} {n} {transposed:?}: {worst}");
                }
                let row = Tensor::randn([n], FLOAT_CPU);
                product_and_row(&out, &a, &b, &row);
                assert!((&out - (&expected + &row)).abs().max().double_value(&[]) < 1e-4);
            }
        }
    }
}
