//! Weights in the order in which kernels read them.

/// Numbers of f32 in a register.
pub(super) const LANES: usize = 16;
/// Most registers of columns that a kernel takes at once.
pub(super) const MOST_LANES: usize = 4;
/// Columns of a panel of bytes.
pub(super) const PANEL: usize = LANES * MOST_LANES;
/// Bytes that one instruction multiplies and adds up in each lane.
pub(super) const QUAD: usize = 4;

/// A layer in f32: panels of [`Self::lanes`] registers of columns, each `[rows, columns]` end to end.
#[derive(Debug)]
pub(super) struct Floats {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) panels: Vec<f32>,
    /// As long as [`Self::padded`].
    pub(super) bias: Vec<f32>,
}

impl Floats {
    /// Of `weight` `[rows, columns]` and a bias, or none.
    pub(super) fn new(weight: &[f32], columns: usize, bias: Option<&[f32]>) -> Self {
        let mut packed = Self { rows: weight.len() / columns, columns, panels: Vec::new(), bias: Vec::new() };
        let (padded, wide) = (packed.padded(), packed.lanes() * LANES);
        packed.bias = bias.map_or_else(Vec::new, <[f32]>::to_vec);
        packed.bias.resize(padded, 0.0);
        for first in (0..padded).step_by(wide) {
            for row in weight.chunks_exact(columns) {
                let at = |column: usize| row.get(column).copied().unwrap_or(0.0);
                packed.panels.extend((first..first + wide).map(at));
            }
        }
        packed
    }

    /// Registers of columns in a panel.
    pub(super) fn lanes(&self) -> usize {
        self.columns.div_ceil(LANES).min(MOST_LANES)
    }

    /// Columns with those that make panels full.
    pub(super) fn padded(&self) -> usize {
        self.columns.next_multiple_of(self.lanes() * LANES)
    }
}

/// The products of one plane's layer in 8 bits, and what makes numbers of their sums.
#[derive(Debug)]
pub(super) struct Bytes {
    /// Panels of [`PANEL`] columns, each `[rows / QUAD, PANEL, QUAD]` end to end.
    pub(super) panels: Vec<i8>,
    /// What of each column's sum comes from the levels' zero.
    pub(super) of_zero: Vec<i32>,
    /// What a column's sum is worth, over the person's range.
    pub(super) scale: Vec<f32>,
}

impl Bytes {
    /// Of `weight` `[rows, columns]`, both multiples of [`PANEL`], for levels whose zero is `zero`.
    pub(super) fn new(weight: &[i8], scale: Vec<f32>, zero: i32) -> Self {
        let columns = scale.len();
        let mut of_zero = vec![0; columns];
        for row in weight.chunks_exact(columns) {
            of_zero.iter_mut().zip(row).for_each(|(sum, &weight)| *sum += zero * i32::from(weight));
        }
        let mut panels = Vec::with_capacity(weight.len());
        for first in (0..columns).step_by(PANEL) {
            for quad in weight.chunks_exact(QUAD * columns) {
                for column in first..first + PANEL {
                    panels.extend((0..QUAD).map(|row| quad[row * columns + column]));
                }
            }
        }
        Self { panels, of_zero, scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_hold_columns_side_by_side() {
        let weight: Vec<f32> = (0..2 * 70).map(|at| at as f32).collect();
        let packed = Floats::new(&weight, 70, Some(&[1.0; 70]));
        assert_eq!((packed.rows, packed.lanes(), packed.padded(), packed.panels.len()), (2, 4, 128, 256));
        // Row 1 of column 3, then row 0 of column 65 in the second panel, then what pads it.
        assert_eq!([packed.panels[64 + 3], packed.panels[128 + 1], packed.panels[128 + 6]], [73.0, 65.0, 0.0]);
        assert_eq!((packed.bias[69], packed.bias[70]), (1.0, 0.0));
        assert_eq!(Floats::new(&weight[..72], 36, None).padded(), 48);
    }

    #[test]
    fn bytes_go_four_rows_of_a_column_together() {
        let weight: Vec<i8> = (0..8 * 64).map(|at| (at % 100) as i8 - 50).collect();
        let packed = Bytes::new(&weight, vec![1.0; 64], 128);
        // Rows 4 to 7 of column 2.
        let expected = [4, 5, 6, 7].map(|row| weight[row * 64 + 2]);
        assert_eq!(packed.panels[256 + 8..256 + 12], expected);
        assert_eq!(packed.of_zero[2], (0..8).map(|row| 128 * i32::from(weight[row * 64 + 2])).sum::<i32>());
    }
}
