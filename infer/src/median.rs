//! The median.

/// The median of `numbers`, which change places; the mean of the two in the middle of an even count. `None` without a number.
pub(crate) fn median(numbers: &mut [f64]) -> Option<f64> {
    if numbers.is_empty() {
        return None;
    }
    let middle = numbers.len() / 2;
    let is_odd = numbers.len() % 2 == 1;
    let (below, upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if is_odd {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_even_count_it_is_the_mean_of_two() {
        for (numbers, expected) in [
            (&mut [][..], None),
            (&mut [3.0], Some(3.0)),
            (&mut [9.0, 1.0, 4.0], Some(4.0)),
            (&mut [9.0, 1.0, 4.0, 2.0], Some(3.0)),
        ] {
            assert_eq!(median(numbers), expected);
        }
    }
}
