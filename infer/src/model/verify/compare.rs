//! The tolerance between the numbers of two backends.

/// Tolerance of most poses' numbers, as a share of the pose's largest.
const USUAL: f32 = 1e-4;
/// The same for all poses but one in [`RARE`]. If the two differ in a float's last digit, rounding to int8 may give
/// the next code, which for one pose in some hundreds is as much as a step of 8 bits.
const WORST: f32 = 0.05;
/// One pose in this many may differ more, when int8 rounds differently in several layers. A real difference between
/// graph and kernels shows on more of the probe inputs.
const RARE: usize = 32;

/// Whether the rows of `numbers` in `ours` and `theirs` agree: three quarters of the rows up to rounding, the others
/// roughly.
pub(super) fn are_close(ours: &[f32], theirs: &[f32], numbers: usize) -> bool {
    let mut apart = differences(ours, theirs, numbers);
    apart.sort_unstable_by(f32::total_cmp);
    let rows = apart.len();
    rows == 0 || apart[rows * 3 / 4] <= USUAL && apart[rows - 1 - rows / RARE] <= WORST
}

/// For each row of `numbers`, the largest distance of `ours` from `theirs`, as a share of the row's largest number;
/// infinite if only one of the two is finite, or both are different non-finite numbers.
pub(super) fn differences(ours: &[f32], theirs: &[f32], numbers: usize) -> Vec<f32> {
    let rows = ours.chunks_exact(numbers).zip(theirs.chunks_exact(numbers));
    rows.map(|(ours, theirs)| row_difference(ours, theirs)).collect()
}

fn row_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    let finite = theirs.iter().filter(|number| number.is_finite());
    let largest = finite.fold(f32::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
    let apart = ours.iter().zip(theirs).map(|(&ours, &theirs)| match (ours == theirs, ours - theirs) {
        (true, _) => 0.0,
        (false, _) if ours.is_nan() && theirs.is_nan() => 0.0,
        (false, difference) if difference.is_finite() => difference.abs(),
        (false, _) => f32::INFINITY,
    });
    apart.fold(0.0, f32::max) / largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_compared_by_their_largest_number() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let theirs = [2.0, -4.0, 1.0, inf, nan, 1.0, 0.0, 1.0];
        let ours = [2.0, -3.0, 1.0, inf, nan, 1.0, nan, 1.0];
        assert_eq!(differences(&ours, &theirs, 2), [0.25, 0.0, 0.0, inf]);
        assert!(are_close(&theirs, &theirs, 2) && !are_close(&ours, &theirs, 2) && are_close(&[], &[], 2));
    }

    #[test]
    fn few_rows_may_tip_and_almost_none_may_be_another() {
        let are_close_but = |rows: usize, count: usize, by: f32| {
            let theirs = vec![1.0; rows];
            let mut ours = theirs.clone();
            ours[..count].fill(1.0 + by);
            are_close(&ours, &theirs, 1)
        };
        assert!(are_close_but(20, 4, 0.01) && !are_close_but(20, 6, 0.01) && !are_close_but(20, 1, 0.1));
        assert!(are_close_but(64, 2, 0.1) && !are_close_but(64, 3, 0.1));
    }
}
