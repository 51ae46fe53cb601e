//! Left and right: mirror-equivariant networks, which map a mirror image to the mirror image of their answer.
//!
//! A mirrored person is a person: x changes its sign, left joints become right ones. A network that is equivariant
//! under this reflection (Cohen and Welling 2016, for a group of two) learns both from each view. Its output already
//! equals the mean of the poses of a view and its mirror image, which other networks have to lift twice for.
//!
//! Hidden units come in twins, a and b, that a mirror exchanges. A linear map that commutes with the exchange splits
//! in two, one for the even halves (a + b)/√2 and one for the odd halves (a − b)/√2, each half as wide: half the
//! weights, half the products. So everything between two products is kept as an even and an odd plane (`planes`), and
//! only the ReLU, which works on each twin, needs a and b.

use ndarray::Array2;
use poselift::skeleton::mirrored;
use std::f32::consts::FRAC_1_SQRT_2;
use tch::{Device, Tensor};

use super::layer::Widths;
use super::planes::Planes;
use crate::trained::ZScore;

/// How features and coordinates change in a mirror.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    pub(super) input: Reflection,
    pub(super) output: Reflection,
}

impl Mirror {
    /// For features `[J_in · channels]`, the first channel being x, and coordinates `[J_out · 3]`, both joint by
    /// joint; `input` is the joints of the features and the channels.
    pub fn new<S: AsRef<str>>(input: (&[S], usize), output: &[S]) -> Self {
        let (joints, channels) = input;
        Self { input: Reflection::of(joints, channels), output: Reflection::of(output, 3) }
    }
}

/// A reflection of a row of numbers: number k becomes `sign[k]` times number `twin[k]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reflection {
    pub twin: Vec<usize>,
    pub sign: Vec<f32>,
}

impl Reflection {
    /// The reflection of `axes` numbers for each of `joints`, the first of which is x.
    fn of<S: AsRef<str>>(joints: &[S], axes: usize) -> Self {
        let other = mirrored(joints);
        let slots = 0..joints.len() * axes;
        Self {
            twin: slots.clone().map(|slot| other[slot / axes] * axes + slot % axes).collect(),
            sign: slots.map(|slot| if slot.is_multiple_of(axes) { -1.0 } else { 1.0 }).collect(),
        }
    }

    /// The same with one more number, σ, for each joint that has 3 in `self`; it has no sign.
    pub(super) fn with_sigma(&self) -> Self {
        let len = self.twin.len();
        let sigma = (0..len / 3).map(|joint| len + self.twin[joint * 3] / 3);
        let sign = self.sign.iter().copied().chain(std::iter::repeat_n(1.0, len / 3)).collect();
        Self { twin: self.twin.iter().copied().chain(sigma).collect(), sign }
    }

    /// An orthonormal basis `[n, n]`, one vector per row: the even ones, which a mirror leaves unchanged, then the
    /// odd ones, which it negates; and the number of even ones.
    pub(super) fn basis(&self) -> (Array2<f32>, usize) {
        let len = self.twin.len();
        let even = self.vectors(1.0);
        let odd = self.vectors(-1.0);
        let count = even.len() / len.max(1);
        let rows = Array2::from_shape_vec((len, len), [even, odd].concat());
        (rows.expect("a twin is another's twin"), count)
    }

    /// The vectors of the basis, row by row, that a mirror multiplies by `sign`, 1 or −1.
    fn vectors(&self, sign: f32) -> Vec<f32> {
        let mut vectors = Vec::new();
        for (slot, &twin) in self.twin.iter().enumerate() {
            let mut vector = vec![0.0; self.twin.len()];
            if twin > slot {
                vector[slot] = FRAC_1_SQRT_2;
                vector[twin] = sign * self.sign[slot] * FRAC_1_SQRT_2;
            } else if twin == slot && self.sign[slot] == sign {
                vector[slot] = 1.0;
            } else {
                continue;
            }
            vectors.extend(vector);
        }
        vectors
    }

    /// `zscore` of numbers that are mirrored half of the time.
    pub(super) fn evened(&self, zscore: &ZScore) -> ZScore {
        let mut mean = Vec::new();
        let mut std = Vec::new();
        for (slot, &twin) in self.twin.iter().enumerate() {
            mean.push(0.5 * (zscore.mean[slot] + self.sign[slot] * zscore.mean[twin]));
            std.push((0.5 * (zscore.std[slot].powi(2) + zscore.std[twin].powi(2))).sqrt());
        }
        ZScore { mean: mean.into(), std: std.into() }
    }
}

/// A change of basis that splits a row of numbers into even and odd.
#[derive(Debug)]
pub(super) struct Basis {
    /// `[n, n]` one vector per row, even ones first.
    pub rows: Tensor,
    /// Number of even vectors.
    pub even: i64,
}

impl Basis {
    pub(super) fn of(reflection: &Reflection, device: Device) -> Self {
        let (rows, even) = reflection.basis();
        let len = rows.nrows() as i64;
        let values: Vec<f32> = rows.iter().copied().collect();
        Self { rows: Tensor::from_slice(&values).view([len, len]).to_device(device), even: even as i64 }
    }

    /// Number of vectors per plane.
    pub(super) fn widths(&self) -> Widths {
        Widths { first: self.even, odd: Some(self.rows.size()[0] - self.even) }
    }

    /// Planes of `x` `[B, n]`.
    pub(super) fn split(&self, x: &Tensor) -> Planes {
        let x = x.mm(&self.rows.tr());
        let odd = x.size()[1] - self.even;
        Planes::two(x.narrow(1, 0, self.even), x.narrow(1, self.even, odd))
    }

    /// Rows `[B, n]` from planes.
    pub(super) fn join(&self, planes: &Planes) -> Tensor {
        Tensor::cat(&planes.iter().collect::<Vec<_>>(), 1).mm(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    const JOINTS: [&str; 4] = ["left_hip", "nose", "right_hip", "neck"];

    fn reflected(reflection: &Reflection, x: &Array1<f32>) -> Array1<f32> {
        (0..x.len()).map(|k| reflection.sign[k] * x[reflection.twin[k]]).collect()
    }

    #[test]
    fn a_basis_is_orthonormal_and_splits_even_from_odd() {
        for reflection in
            [Reflection::of(&JOINTS, 3), Reflection::of(&JOINTS, 3).with_sigma(), Reflection::of(&JOINTS, 2)]
        {
            let (basis, even) = reflection.basis();
            let len = reflection.twin.len();
            assert!((basis.dot(&basis.t()) - Array2::<f32>::eye(len)).iter().all(|x| x.abs() < 1e-6));
            for (k, row) in basis.rows().into_iter().enumerate() {
                let sign = if k < even { 1.0 } else { -1.0 };
                assert_eq!(reflected(&reflection, &row.to_owned()), row.to_owned() * sign);
            }
        }
    }

    #[test]
    fn evened_statistics_stay_in_a_mirror() {
        let reflection = Reflection::of(&JOINTS, 3);
        let numbers = |seed: f32| (0..12).map(|k| (k as f32 * seed).sin().abs() + 0.1).collect();
        let evened = reflection.evened(&ZScore { mean: numbers(0.7), std: numbers(1.3) });
        assert_eq!(reflected(&reflection, &evened.mean), evened.mean);
        assert_eq!(evened.std[0], evened.std[6]);
        assert_eq!(evened.mean[3], 0.0, "the nose is in the middle");
    }
}
