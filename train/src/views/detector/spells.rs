//! Faults that come and last: a joint that is lost for some frames, legs that are exchanged for some.

use tch::{Kind, Tensor};

use super::{Bounds, Sampler};
use crate::views::each_frame;

/// The frames of B windows of T steps, as times.
#[derive(Debug)]
pub(super) struct Frames {
    /// `[B, T]` seconds since the frame before; what the first frame has does not count.
    dt: Tensor,
    /// `[B, T, 1]` seconds since the first frame.
    time: Tensor,
    pub(super) windows: Sampler,
    pub(super) each: Sampler,
    pub(super) steps: i64,
}

impl Frames {
    pub(super) fn new(dt: &Tensor) -> Self {
        let count = dt.size()[0];
        let steps = dt.size()[1];
        let time = dt.cumsum(1, Kind::Float) - dt.narrow(1, 0, 1);
        Self {
            dt: dt.shallow_clone(),
            time: time.unsqueeze(2),
            windows: Sampler::new(count, dt.device()),
            each: Sampler::new(count * steps, dt.device()),
            steps,
        }
    }

    /// The same of each window for all its frames: `[B, …]` to `[B·T, …]`.
    pub(super) fn repeated(&self, windows: &Tensor) -> Tensor {
        each_frame(windows, self.steps)
    }

    /// `[B·T, n, 1]` whether each of `n` faults lasts. A fault takes up `share` of the time, a number or one for each
    /// `[n]`, in spells of uniform length between two bounds, seconds.
    pub(super) fn spells(&self, count: i64, share: &Tensor, lengths: Bounds) -> Tensor {
        let rate = share / ((lengths.least + lengths.greatest) / 2.0);
        let begins = self.each.unit(&[count]).view([-1, self.steps, count]);
        let begins = begins.lt_tensor(&(self.dt.unsqueeze(2) * rate));
        let length = self.each.uniform(&[count], lengths).view([-1, self.steps, count]);
        let never = Tensor::full_like(&length, -1.0);
        let ends = (&self.time + &length).where_self(&begins, &never);
        // A spell that the window begins in has some of its length left.
        let left = (self.windows.unit(&[1, count]) * lengths.greatest).where_self(
            &self.windows.unit(&[1, count]).lt_tensor(share),
            &Tensor::full([1], -1.0, (Kind::Float, length.device())),
        );
        let last_end = ends.cummax(1).0.maximum(&left);
        last_end.gt_tensor(&self.time).reshape([-1, count, 1])
    }

    /// `[B·T, n, c]` slow noise of deviation 1 that forgets itself over `memory` `[B, 1, 1]` seconds (an Ornstein-Uhlenbeck
    /// process).
    pub(super) fn slow_noise(&self, shape: [i64; 2], memory: &Tensor) -> Tensor {
        let kept = (-self.dt.view([-1, self.steps, 1, 1]) / memory.unsqueeze(1)).exp();
        let fresh = self.each.normal(&shape).view([-1, self.steps, shape[0], shape[1]]);
        let fresh = fresh * (1.0f64 - kept.square()).sqrt();
        let mut value = self.windows.normal(&shape);
        let mut all = vec![value.shallow_clone()];
        for step in 1..self.steps {
            value = value * kept.select(1, step) + fresh.select(1, step);
            all.push(value.shallow_clone());
        }
        Tensor::stack(&all, 1).flatten(0, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::generator;

    fn frames(rate: f64) -> Frames {
        tch::manual_seed(6);
        Frames::new(&Tensor::full([2000, 60], 1.0 / rate, tch::kind::FLOAT_CPU))
    }

    #[test]
    fn spells_take_their_share_of_the_time_at_any_rate() {
        let _held = generator();
        for rate in [15.0, 60.0] {
            let share = Tensor::from_slice(&[0.05f32, 0.2]);
            let found = frames(rate).spells(2, &share, Bounds::new(0.1, 0.5)).to_kind(Kind::Float);
            let shares = found.mean_dim(&[0i64, 2][..], false, Kind::Float);
            for (fault, wanted) in [(0, 0.05), (1, 0.2)] {
                let found = shares.double_value(&[fault]);
                assert!((0.7..1.2).contains(&(found / wanted)), "{found} at {rate} Hz, expected {wanted}");
            }
            // Lasting 0.3 s on the mean, a spell of the first fault begins or ends every 0.3 s of it.
            let first = found.select(1, 0).view([2000, 60]);
            let changes = (first.narrow(1, 1, 59) - first.narrow(1, 0, 59)).abs().sum(Kind::Double).double_value(&[]);
            let lasted = first.sum(Kind::Double).double_value(&[]) / rate / (changes / 2.0);
            assert!((0.2..0.45).contains(&lasted), "{lasted} s at {rate} Hz");
        }
    }

    #[test]
    fn slow_noise_has_deviation_one_and_forgets_itself_by_time_not_by_frames() {
        let _held = generator();
        for rate in [15.0, 60.0] {
            let frames = frames(rate);
            let memory = Tensor::full([2000, 1, 1], 0.4, tch::kind::FLOAT_CPU);
            let noise = frames.slow_noise([1, 1], &memory).view([2000, 60]);
            assert!((noise.std(true).double_value(&[]) - 1.0).abs() < 0.05);
            let lag = (0.4 * rate) as i64;
            let product = noise.narrow(1, 0, 60 - lag) * noise.narrow(1, lag, 60 - lag);
            let correlation = product.mean(Kind::Double).double_value(&[]);
            assert!((correlation - (-1f64).exp()).abs() < 0.06, "{correlation} at {rate} Hz");
        }
    }
}
