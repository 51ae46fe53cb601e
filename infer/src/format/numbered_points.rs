//! Key points that say which joint they are by a number, in whichever order they are listed.

use crate::pose::Keypoint;

/// Key points in the order of their numbers, which begin at 0, or at 1 where the last one says so; those of `count` that are not listed are
/// missing. Without a `count`, all are listed. Where the numbers are no such ones, as those of annotations are, the points stay as listed.
pub(super) fn in_order(points: &[(Option<i64>, Keypoint)], count: Option<usize>) -> Vec<Keypoint> {
    by_number(points, count).unwrap_or_else(|| as_listed(points))
}

/// Key points as they are listed, whatever their numbers.
pub(super) fn as_listed(points: &[(Option<i64>, Keypoint)]) -> Vec<Keypoint> {
    points.iter().map(|(_, point)| *point).collect()
}

/// As [`in_order`]; `None` where the numbers do not tell the order.
fn by_number(points: &[(Option<i64>, Keypoint)], count: Option<usize>) -> Option<Vec<Keypoint>> {
    let count = count.unwrap_or(points.len());
    let numbers: Vec<i64> = points.iter().map(|(number, _)| *number).collect::<Option<_>>()?;
    let least = *numbers.iter().min()?;
    let most = *numbers.iter().max()?;
    let first = i64::from(most == i64::try_from(count).ok()?);
    // Where neither 0 nor the count is there, they may begin at either.
    if first == 0 && least > 0 && points.len() < count {
        return None;
    }
    if least < first || most - first >= i64::try_from(count).ok()? {
        return None;
    }
    let mut keypoints = vec![None; count];
    for (number, (_, point)) in numbers.iter().zip(points) {
        let slot = keypoints.get_mut(usize::try_from(number - first).ok()?)?;
        if slot.replace(*point).is_some() {
            return None;
        }
    }
    Some(keypoints.into_iter().map(|point| point.unwrap_or(Keypoint::MISSING)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_0_or_1_and_may_leave_points_out() {
        let order = |numbers: &[i64], count| {
            let point = |number: &i64| (Some(*number), Keypoint { x: *number as f64, y: 0.0, score: 1.0 });
            let points: Vec<_> = numbers.iter().map(point).collect();
            by_number(&points, count).map(|points| points.iter().map(|point| point.x as i64).collect::<Vec<_>>())
        };
        assert_eq!(order(&[2, 0, 1], None), Some(vec![0, 1, 2]));
        assert_eq!(order(&[2, 3, 1], None), Some(vec![1, 2, 3]));
        assert_eq!(order(&[3, 0], Some(4)), Some(vec![0, 0, 0, 3]));
        for (numbers, count) in
            [(&[0, 0, 1][..], None), (&[5, 6, 7], None), (&[-1, 0], None), (&[0, 4], Some(4)), (&[1, 3], Some(4))]
        {
            assert_eq!(order(numbers, count), None, "{numbers:?}");
        }
        assert_eq!(by_number(&[(None, Keypoint::MISSING)], None), None);
    }
}
