//! Packs weights in the order in which kernels read them.

/// The panel shape of one instruction set's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelShape {
    /// Numbers of f32 in a register.
    pub(crate) lanes: usize,
    /// Codes of 8 bits that one instruction multiplies and adds in each lane, in 4 bytes.
    pub(crate) group: usize,
    /// Offset by which stored codes are lower than their values.
    pub(crate) lower_by: i32,
    /// As [`Self::panel`].
    pub(crate) panel: usize,
    /// As [`Self::code_bytes`].
    pub(crate) code_bytes: usize,
}

impl PanelShape {
    /// Panels of at most `registers` registers of columns.
    pub(crate) const fn new(lanes: usize, registers: usize, group: usize, lower_by: i32) -> Self {
        Self { lanes, group, lower_by, panel: lanes * registers, code_bytes: 4 / group }
    }

    /// Columns of a full panel; widths of hidden layers are multiples of it.
    pub fn panel(self) -> usize {
        self.panel
    }

    /// Bytes that a code takes.
    pub fn code_bytes(self) -> usize {
        self.code_bytes
    }
}

/// A dense layer in f32: panels of a few registers of columns, each `[rows, panel_width]` end to end.
#[derive(Debug)]
pub struct DenseF32 {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Columns of a panel.
    pub(crate) panel_width: usize,
    /// As [`Self::padded`].
    pub(crate) padded: usize,
    pub(crate) panels: Vec<f32>,
    /// As long as [`Self::padded`].
    pub(crate) bias: Vec<f32>,
}

impl DenseF32 {
    /// Packs `weight` `[rows, columns]` and a bias, or none, for kernels of `shape`. A layer without rows returns its
    /// bias, one without columns a panel of zeros.
    ///
    /// # Panics
    /// A weight whose length is not a multiple of `columns`; a bias that is longer.
    pub fn new(weight: &[f32], columns: usize, bias: Option<&[f32]>, shape: PanelShape) -> Self {
        assert!(weight.len().is_multiple_of(columns), "a weight of rows of {columns} columns");
        let rows = weight.len().checked_div(columns).unwrap_or(0);
        let panel_width = columns.next_multiple_of(shape.lanes).clamp(shape.lanes, shape.panel());
        let padded = columns.max(1).next_multiple_of(panel_width);
        let mut packed = Self { rows, columns, panel_width, padded, panels: Vec::new(), bias: Vec::new() };
        packed.bias = bias.map_or_else(Vec::new, <[f32]>::to_vec);
        assert!(packed.bias.len() <= columns, "a bias for each column");
        packed.bias.resize(padded, 0.0);
        packed.panels.reserve_exact(rows * padded);
        for first in (0..padded).step_by(panel_width) {
            for row in 0..rows {
                let row = &weight[row * columns..][..columns];
                let own = &row[first.min(columns)..(first + panel_width).min(columns)];
                packed.panels.extend_from_slice(own);
                packed.panels.extend(std::iter::repeat_n(0.0, panel_width - own.len()));
            }
        }
        packed
    }

    /// Columns including the padding of panels.
    pub fn padded(&self) -> usize {
        self.padded
    }
}

/// The weights of one plane of a dense layer in int8, and the numbers that convert integer sums back to floats.
#[derive(Debug)]
pub struct DenseInt8 {
    /// The panel shape that it is packed for.
    pub(crate) shape: PanelShape,
    /// Panels of [`PanelShape::panel`] columns, each `[rows / group, panel, group]` end to end.
    pub(crate) panels: Vec<i8>,
    /// `[columns]` the part of each column's sum that comes from the codes' zero point.
    pub(crate) zero_point_sums: Vec<i32>,
    /// `[columns]` the scale of each column's sum, relative to the pose's scale.
    pub(crate) scales: Vec<f32>,
}

impl DenseInt8 {
    /// Packs `weight` `[rows, columns]`, both multiples of [`PanelShape::panel`], and the `scales` of its columns,
    /// for codes with the zero point `zero_point`.
    pub fn new(weight: &[i8], scales: Vec<f32>, zero_point: i32, shape: PanelShape) -> Self {
        let columns = scales.len();
        let mut zero_point_sums = column_sums(weight, columns);
        for sum in &mut zero_point_sums {
            *sum *= zero_point - shape.lower_by;
        }
        let panels = match shape.group {
            2 => interleave::<2>(weight, columns, shape.panel(), interleave_pairs),
            _ => interleave::<4>(weight, columns, shape.panel(), interleave_fours),
        };
        Self { shape, panels, zero_point_sums, scales }
    }
}

/// A hidden layer in int8 with its ReLU; with two planes, the ReLUs are those of the pair whose sum and difference
/// the planes are.
#[derive(Debug)]
pub struct LayerInt8 {
    /// The sign of its input.
    pub sign: InputSign,
    /// One plane, or an even and an odd one.
    pub planes: Vec<DenseInt8>,
    /// `[H]` of the first plane.
    pub bias: Vec<f32>,
}

/// The sign of the first plane that a layer reads; the odd plane always has either sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputSign {
    /// Either sign: [`MAX_SIGNED_CODE`](crate::MAX_SIGNED_CODE) codes on both sides of 0.
    Signed,
    /// ReLUs or their sums, none below 0 and none below the odd plane's magnitude: [`MAX_POSITIVE_CODE`](crate::MAX_POSITIVE_CODE) codes.
    Positive,
}

/// The sum of each column of `weight` `[rows, columns]`. Sums of as many rows as fit 16 bits come first: a register
/// holds twice as many of them.
fn column_sums(weight: &[i8], columns: usize) -> Vec<i32> {
    const ROWS: usize = 256;
    let mut sums = vec![0; columns];
    let mut partial = vec![0_i16; columns];
    for rows in weight.chunks(ROWS * columns.max(1)) {
        partial.fill(0);
        for row in rows.chunks_exact(columns) {
            for (sum, &weight) in partial.iter_mut().zip(row) {
                *sum += i16::from(weight);
            }
        }
        for (sum, &partial) in sums.iter_mut().zip(&partial) {
            *sum += i32::from(partial);
        }
    }
    sums
}

/// Panels of `panel` columns of `weight` `[rows, columns]`, each `[rows / G, panel, G]`; `interleave_rows` writes the
/// `[panel, G]` of G rows.
fn interleave<const G: usize>(
    weight: &[i8],
    columns: usize,
    panel: usize,
    interleave_rows: fn([&[i8]; G], &mut [i8]),
) -> Vec<i8> {
    let mut panels = vec![0; weight.len()];
    let mut places = panels.chunks_exact_mut(panel * G);
    for first in (0..columns).step_by(panel) {
        for group in weight.chunks_exact(G * columns) {
            let rows = std::array::from_fn(|row| &group[row * columns + first..][..panel]);
            interleave_rows(rows, places.next().expect("as many places as groups of rows in a panel"));
        }
    }
    panels
}

// Codes are put together as words, and not one by one, so that the compiler takes a register full of them at a time.

fn interleave_pairs(rows: [&[i8]; 2], to: &mut [i8]) {
    let [a, b] = rows;
    for ((to, &a), &b) in to.as_chunks_mut().0.iter_mut().zip(a).zip(b) {
        let word = u16::from(a.cast_unsigned()) | u16::from(b.cast_unsigned()) << 8;
        *to = word.to_le_bytes().map(u8::cast_signed);
    }
}

fn interleave_fours(rows: [&[i8]; 4], to: &mut [i8]) {
    let [a, b, c, d] = rows;
    for ((((to, &a), &b), &c), &d) in to.as_chunks_mut().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let [a, b, c, d] = [a, b, c, d].map(|code| u32::from(code.cast_unsigned()));
        *to = (a | b << 8 | c << 16 | d << 24).to_le_bytes().map(u8::cast_signed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: PanelShape = PanelShape::new(16, 4, 4, 0);
    const NARROW: PanelShape = PanelShape::new(8, 2, 2, 100);

    #[test]
    fn panels_hold_columns_side_by_side() {
        let weight: Vec<f32> = (0..2 * 70).map(|at| at as f32).collect();
        let packed = DenseF32::new(&weight, 70, Some(&[1.0; 70]), WIDE);
        assert_eq!((packed.rows, packed.panel_width, packed.padded(), packed.panels.len()), (2, 64, 128, 256));
        // Row 1 of column 3, then row 0 of column 65 in the second panel, then its padding.
        assert_eq!([packed.panels[64 + 3], packed.panels[128 + 1], packed.panels[128 + 6]], [73.0, 65.0, 0.0]);
        assert_eq!((packed.bias[69], packed.bias[70]), (1.0, 0.0));
        assert_eq!(DenseF32::new(&weight[..72], 36, None, WIDE).padded(), 48);
        let packed = DenseF32::new(&weight, 70, None, NARROW);
        // Row 1 of column 17, in the second panel.
        assert_eq!((packed.panel_width, packed.padded(), packed.panels[2 * 16 + 16 + 1]), (16, 80, 87.0));
    }

    #[test]
    fn bytes_of_a_group_of_rows_of_a_column_go_together() {
        let weight: Vec<i8> = (0..8 * 64).map(|at| (at % 100) as i8 - 50).collect();
        let packed = DenseInt8::new(&weight, vec![1.0; 64], 128, WIDE);
        // Rows 4 to 7 of column 2.
        let expected = [4, 5, 6, 7].map(|row| weight[row * 64 + 2]);
        assert_eq!(packed.panels[256 + 8..256 + 12], expected);
        assert_eq!(packed.zero_point_sums[2], (0..8).map(|row| 128 * i32::from(weight[row * 64 + 2])).sum::<i32>());
        let packed = DenseInt8::new(&weight, vec![1.0; 64], 0, NARROW);
        // Rows 2 and 3 of column 18, in the second panel of 16 columns.
        assert_eq!(packed.panels[8 * 16 + 32 + 4..][..2], [2, 3].map(|row| weight[row * 64 + 18]));
        assert_eq!(packed.zero_point_sums[2], (0..8).map(|row| -100 * i32::from(weight[row * 64 + 2])).sum::<i32>());
    }
}
