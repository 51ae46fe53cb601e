//! The constants of Adam (Kingma and Ba 2015), the same on every device.

/// Adam's decay rates and ε, PyTorch's defaults.
pub(super) const BETAS: (f64, f64) = (0.9, 0.999);
pub(super) const EPSILON: f64 = 1e-8;

/// The learning rate over the first bias correction, and 1/√ of the second.
pub(super) fn scales(step: u64, learning_rate: f64) -> (f64, f64) {
    let correction = |beta: f64| 1.0 - beta.powf(step as f64);
    (learning_rate / correction(BETAS.0), 1.0 / correction(BETAS.1).sqrt())
}
