//! The median of measurements.

/// The median of `numbers`, which change places; the upper of the two in the middle of an even count. `None` without a number.
pub(crate) fn upper_median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_even_count_it_is_the_upper_of_two() {
        for (numbers, expected) in [
            (&mut [][..], None),
            (&mut [3.0], Some(3.0)),
            (&mut [9.0, 1.0, 4.0], Some(4.0)),
            (&mut [9.0, 1.0, 4.0, 2.0], Some(4.0)),
        ] {
            assert_eq!(upper_median(numbers), expected);
        }
    }
}
