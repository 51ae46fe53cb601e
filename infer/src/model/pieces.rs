//! Into how many pieces a batch is cut.

/// How many people a piece holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct PieceSize {
    /// At least: fewer are quicker run as they are, by one thread or with each product shared.
    pub(super) fewest: usize,
    /// At most: what goes from layer to layer then stays in the processor's cache, and little is left to wait for at a
    /// batch's end.
    pub(super) most: usize,
}

impl PieceSize {
    /// Whether `total` people are worth sharing.
    pub(super) fn is_worth_it(self, total: usize) -> bool {
        total >= 2 * self.fewest
    }

    /// How many pieces `total` people make for a crew: even ones, a multiple of the crew where all are large enough.
    pub(super) fn pieces(self, total: usize, crew: usize) -> usize {
        let rounds = total.div_ceil(crew * self.most).max(1);
        (rounds * crew).min(total / self.fewest).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_even_large_enough_and_for_everybody() {
        let size = PieceSize { fewest: 16, most: 128 };
        assert!(!size.is_worth_it(31) && size.is_worth_it(32));
        for (total, crew, expected) in [
            (1, 2, 1),
            (31, 2, 1),
            (32, 2, 2),
            (256, 2, 2),
            (257, 2, 4),
            (1024, 2, 8),
            (1000, 1, 8),
            (40, 16, 2),
            (2048, 16, 16),
        ] {
            assert_eq!(size.pieces(total, crew), expected, "{total} people, {crew} threads");
        }
    }
}
