//! Lines through the poses around one: local regression (Cleveland 1979), linear, with tricube weights.

/// Puts each of `joints` where a line, laid through the same joint's places `around` it by weighted least squares, passes it.
/// Times are from −1 to 1, 0 being the time of `joints`, who are among those around.
///
/// The weight of a place is (1 − |time|³)³. A line rather than a mean: at a clip's ends, where all others are on one side, a
/// mean would lag behind.
pub(super) fn smooth<'a>(around: impl Iterator<Item = (f64, &'a [[f32; 3]])>, joints: &mut [[f32; 3]]) {
    let weighted = |(time, joints): (f64, &'a [[f32; 3]])| ((1.0 - time.abs().powi(3)).powi(3), time, joints);
    let around: Vec<_> = around.map(weighted).collect();
    let moment = |power: i32| around.iter().map(|(weight, time, _)| weight * time.powi(power)).sum::<f64>();
    let [all, first, second] = [0, 1, 2].map(moment);
    let spread = all * second - first * first;
    // A point that is alone, or as good as, stays.
    if spread <= 1e-9 * all * all {
        return;
    }
    let shares: Vec<f64> = around.iter().map(|(weight, time, _)| weight * (second - first * time) / spread).collect();
    for (joint, place) in joints.iter_mut().enumerate() {
        *place = std::array::from_fn(|axis| {
            let each = around.iter().zip(&shares);
            each.map(|((.., joints), share)| share * f64::from(joints[joint][axis])).sum::<f64>() as f32
        });
    }
}
