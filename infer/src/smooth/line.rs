//! Lines through the poses around one: local regression (Cleveland 1979), linear, with tricube weights.

use nalgebra::Vector3;

/// Moves each of `joints` to the value, at time 0, of a line fitted through the same joint's positions `around` it by
/// weighted least squares. Times are from −1 to 1, 0 being the time of `joints`, which are among those around.
///
/// The weight of a position is (1 − |time|³)³. A line instead of a mean: at a clip's ends, where all other positions
/// are on one side, a mean would lag behind.
pub(super) fn smooth<'a>(around: impl Iterator<Item = (f64, &'a [[f32; 3]])>, joints: &mut [[f32; 3]]) {
    let weighted = |(time, joints): (f64, &'a [[f32; 3]])| ((1.0 - time.abs().powi(3)).powi(3), time, joints);
    let around: Vec<_> = around.map(weighted).collect();
    let moment = |power: i32| around.iter().map(|(weight, time, _)| weight * time.powi(power)).sum::<f64>();
    let [all, first, second] = [0, 1, 2].map(moment);
    let spread = all * second - first * first;
    // A point without neighbours stays.
    if spread <= 1e-9 * all * all {
        return;
    }
    let shares: Vec<f64> = around.iter().map(|(weight, time, _)| weight * (second - first * time) / spread).collect();
    for (joint, place) in joints.iter_mut().enumerate() {
        let each = around.iter().zip(&shares);
        let sum: Vector3<f64> =
            each.map(|((.., joints), share)| Vector3::from(joints[joint].map(f64::from)) * *share).sum();
        *place = sum.map(|axis| axis as f32).into();
    }
}
