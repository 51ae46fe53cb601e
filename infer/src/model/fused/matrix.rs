//! Layers, their weights in the order in which kernels read them.

/// What kernels read at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Numbers of f32 in a register.
    pub(super) lanes: usize,
    /// Most registers of columns.
    pub(super) most: usize,
    /// Levels of 8 bits that one instruction multiplies and adds up in each lane, in 4 bytes.
    pub(super) group: usize,
    /// By how much levels in memory are lower than they are.
    pub(super) lower_by: i32,
}

impl Shape {
    /// Columns of a full panel, which widths of hidden layers are multiples of.
    pub(super) fn panel(self) -> usize {
        self.lanes * self.most
    }

    /// Bytes that a level takes.
    pub(super) fn level_bytes(self) -> usize {
        4 / self.group
    }
}

/// A layer in f32: panels of some registers of columns, each `[rows, wide]` end to end.
#[derive(Debug)]
pub(super) struct Floats {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Columns of a panel.
    pub(super) wide: usize,
    pub(super) panels: Vec<f32>,
    /// As long as [`Self::padded`].
    pub(super) bias: Vec<f32>,
}

impl Floats {
    /// Of `weight` `[rows, columns]` and a bias, or none, for kernels of `shape`.
    pub(super) fn new(weight: &[f32], columns: usize, bias: Option<&[f32]>, shape: Shape) -> Self {
        let wide = columns.next_multiple_of(shape.lanes).min(shape.panel());
        let mut packed = Self { rows: weight.len() / columns, columns, wide, panels: Vec::new(), bias: Vec::new() };
        let padded = packed.padded();
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

    /// Columns with those that make panels full.
    pub(super) fn padded(&self) -> usize {
        self.columns.next_multiple_of(self.wide)
    }
}

/// The products of one plane's layer in 8 bits, and what makes numbers of their sums.
#[derive(Debug)]
pub(super) struct Bytes {
    /// Panels of [`Shape::panel`] columns, each `[rows / group, panel, group]` end to end.
    pub(super) panels: Vec<i8>,
    /// What of each column's sum comes from the levels' zero.
    pub(super) of_zero: Vec<i32>,
    /// What a column's sum is worth, over the person's range.
    pub(super) scale: Vec<f32>,
}

impl Bytes {
    /// Of `weight` `[rows, columns]`, both multiples of [`Shape::panel`], for levels whose zero is `zero`.
    pub(super) fn new(weight: &[i8], scale: Vec<f32>, zero: i32, shape: Shape) -> Self {
        let columns = scale.len();
        let mut of_zero = vec![0; columns];
        for row in weight.chunks_exact(columns) {
            of_zero.iter_mut().zip(row).for_each(|(sum, &weight)| *sum += (zero - shape.lower_by) * i32::from(weight));
        }
        let panels = match shape.group {
            2 => interleave::<2>(weight, columns, shape.panel()),
            _ => interleave::<4>(weight, columns, shape.panel()),
        };
        Self { panels, of_zero, scale }
    }
}

/// A layer of a block and its ReLU, or those of the twins that two planes are made of.
#[derive(Debug)]
pub(super) enum Layer {
    /// In 8 bits.
    Bytes(BytesLayer),
    /// In f32: each plane, the first with the bias.
    Floats(Vec<Floats>),
}

#[derive(Debug)]
pub(super) struct BytesLayer {
    pub(super) reads: Reads,
    pub(super) planes: Vec<Bytes>,
    /// `[H]` of the first plane.
    pub(super) bias: Vec<f32>,
}

/// What is known of the first plane that a layer reads; the odd one has either sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Either sign: 127 levels on both sides of 0.
    Signed,
    /// ReLUs or their sums, none below 0 and none below the odd plane's magnitude: 255 levels.
    Positive,
}

/// Panels of `panel` columns of `weight` `[rows, columns]`, each `[rows / G, panel, G]`.
fn interleave<const G: usize>(weight: &[i8], columns: usize, panel: usize) -> Vec<i8> {
    let mut panels = vec![0; weight.len()];
    let firsts = (0..columns).step_by(panel);
    let places = firsts.flat_map(|first| weight.chunks_exact(G * columns).map(move |group| (group, first)));
    for (to, (group, first)) in panels.chunks_exact_mut(panel * G).zip(places) {
        let rows: [&[i8]; G] = std::array::from_fn(|row| &group[row * columns + first..][..panel]);
        for (column, to) in to.chunks_exact_mut(G).enumerate() {
            for row in 0..G {
                to[row] = rows[row][column];
            }
        }
    }
    panels
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Shape = Shape { lanes: 16, most: 4, group: 4, lower_by: 0 };
    const NARROW: Shape = Shape { lanes: 8, most: 2, group: 2, lower_by: 100 };

    #[test]
    fn panels_hold_columns_side_by_side() {
        let weight: Vec<f32> = (0..2 * 70).map(|at| at as f32).collect();
        let packed = Floats::new(&weight, 70, Some(&[1.0; 70]), WIDE);
        assert_eq!((packed.rows, packed.wide, packed.padded(), packed.panels.len()), (2, 64, 128, 256));
        // Row 1 of column 3, then row 0 of column 65 in the second panel, then what pads it.
        assert_eq!([packed.panels[64 + 3], packed.panels[128 + 1], packed.panels[128 + 6]], [73.0, 65.0, 0.0]);
        assert_eq!((packed.bias[69], packed.bias[70]), (1.0, 0.0));
        assert_eq!(Floats::new(&weight[..72], 36, None, WIDE).padded(), 48);
        let packed = Floats::new(&weight, 70, None, NARROW);
        // Row 1 of column 17, in the second panel.
        assert_eq!((packed.wide, packed.padded(), packed.panels[2 * 16 + 16 + 1]), (16, 80, 87.0));
    }

    #[test]
    fn bytes_of_a_group_of_rows_of_a_column_go_together() {
        let weight: Vec<i8> = (0..8 * 64).map(|at| (at % 100) as i8 - 50).collect();
        let packed = Bytes::new(&weight, vec![1.0; 64], 128, WIDE);
        // Rows 4 to 7 of column 2.
        let expected = [4, 5, 6, 7].map(|row| weight[row * 64 + 2]);
        assert_eq!(packed.panels[256 + 8..256 + 12], expected);
        assert_eq!(packed.of_zero[2], (0..8).map(|row| 128 * i32::from(weight[row * 64 + 2])).sum::<i32>());
        let packed = Bytes::new(&weight, vec![1.0; 64], 0, NARROW);
        // Rows 2 and 3 of column 18, in the second panel of 16 columns.
        assert_eq!(packed.panels[8 * 16 + 32 + 4..][..2], [2, 3].map(|row| weight[row * 64 + 18]));
        assert_eq!(packed.of_zero[2], (0..8).map(|row| -100 * i32::from(weight[row * 64 + 2])).sum::<i32>());
    }
}
