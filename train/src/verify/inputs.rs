//! Inputs for comparing two networks: what people look like to a detector, and what can go wrong with that.

use ndarray::{Array3, ArrayViewMut2, Axis};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::trained::{InputTransform, TrainedLifter};

/// Key points of one class, run as one batch.
pub(super) struct Batch {
    pub(super) class: &'static str,
    /// `[N, J_in, C]`.
    pub(super) keypoints: Array3<f32>,
}

/// All inputs, the same at every call.
pub(super) fn batches(lifter: &TrainedLifter) -> Vec<Batch> {
    let mut crowd = Crowd { lifter, random: StdRng::seed_from_u64(763) };
    let joints = lifter.input_card.joints.len();
    let mut batches = vec![
        crowd.batch("batch of 1000", 1000, Crowd::ordinary),
        crowd.batch("batch of 7", 7, Crowd::ordinary),
        crowd.batch("far from the origin", 50, |crowd, person| crowd.placed(person, 200.0, 1e5)),
        crowd.batch("0.1 pixels large", 50, |crowd, person| crowd.placed(person, 0.1, 0.0)),
        crowd.batch("10,000 pixels large", 50, |crowd, person| crowd.placed(person, 1e4, 0.0)),
        crowd.batch("most joints missing", 100, Crowd::mostly_missing),
        crowd.batch("all joints missing", 7, Crowd::all_missing),
        crowd.batch("NaN with a score", 50, Crowd::nan_with_score),
    ];
    batches.extend((0..10).map(|_| crowd.batch("batch of 1", 1, Crowd::ordinary)));
    batches.extend((0..joints).map(|joint| {
        crowd.batch("one joint missing", 2, |crowd, mut person| {
            crowd.ordinary(person.view_mut());
            crowd.lose(person, joint);
        })
    }));
    batches
}

/// Generates random people.
struct Crowd<'a> {
    lifter: &'a TrainedLifter,
    random: StdRng,
}

impl Crowd<'_> {
    fn batch(
        &mut self,
        class: &'static str,
        people: usize,
        mut fill: impl FnMut(&mut Self, ArrayViewMut2<f32>),
    ) -> Batch {
        let card = &self.lifter.input_card;
        let mut keypoints = Array3::zeros((people, card.joints.len(), card.channels));
        keypoints.axis_iter_mut(Axis(0)).for_each(|person| fill(self, person));
        Batch { class, keypoints }
    }

    /// A person of the size and at the place that the network was trained on: within two deviations of the mean, or
    /// 50 to 900 pixels high in a frame of 1920×1080.
    fn ordinary(&mut self, person: ArrayViewMut2<f32>) {
        match self.lifter.transform {
            InputTransform::Absolute => {
                let spread: Vec<f32> = self.lifter.input_zscore.std.iter().map(|std| 2.0 * std).collect();
                self.around_the_mean(person, &spread, 0.0);
            }
            InputTransform::Centred => {
                let height = self.random.random_range(50.0..900.0);
                let centre = [self.random.random_range(0.0..1920.0), self.random.random_range(0.0..1080.0)];
                self.around(person, centre, height);
            }
        }
    }

    /// A person `height` pixels high, `shift` pixels from the usual place.
    fn placed(&mut self, person: ArrayViewMut2<f32>, height: f32, shift: f32) {
        match self.lifter.transform {
            InputTransform::Absolute => self.around_the_mean(person, &[height / 2.0], shift),
            InputTransform::Centred => self.around(person, [960.0 + shift, 540.0 - shift], height),
        }
    }

    fn around(&mut self, mut person: ArrayViewMut2<f32>, centre: [f32; 2], height: f32) {
        for mut joint in person.rows_mut() {
            joint[0] = centre[0] + height * self.random.random_range(-0.2..0.2);
            joint[1] = centre[1] + height * self.random.random_range(-0.5..0.5);
        }
        self.score(person);
    }

    fn around_the_mean(&mut self, mut person: ArrayViewMut2<f32>, spread: &[f32], shift: f32) {
        let mean = &self.lifter.input_zscore.mean;
        for (value, (mean, spread)) in person.iter_mut().zip(mean.iter().zip(spread.iter().cycle())) {
            *value = mean + shift + spread * self.random.random_range(-1.0..1.0);
        }
        self.score(person);
    }

    fn score(&mut self, mut person: ArrayViewMut2<f32>) {
        if person.ncols() == 3 {
            person.column_mut(2).mapv_inplace(|_| self.random.random_range(0.05..1.0));
        }
    }

    /// Removes a joint in one of the ways that detectors do.
    fn lose(&mut self, mut person: ArrayViewMut2<f32>, joint: usize) {
        let scored = person.ncols() == 3;
        let mut point = person.row_mut(joint);
        match self.random.random_range(0..if scored { 5 } else { 3 }) {
            0 => point.fill(f32::NAN),
            1 => point[1] = f32::NAN,
            2 => point[0] = f32::NEG_INFINITY,
            3 => point[2] = 0.0,
            _ => point.assign(&ndarray::aview1(&[0.0, 0.0, -0.1])),
        }
    }

    fn mostly_missing(&mut self, mut person: ArrayViewMut2<f32>) {
        self.ordinary(person.view_mut());
        let joints = person.nrows();
        let kept: Vec<usize> =
            (0..self.random.random_range(1..4)).map(|_| self.random.random_range(0..joints)).collect();
        for joint in (0..joints).filter(|joint| !kept.contains(joint)) {
            self.lose(person.view_mut(), joint);
        }
    }

    fn all_missing(&mut self, mut person: ArrayViewMut2<f32>) {
        self.ordinary(person.view_mut());
        (0..person.nrows()).for_each(|joint| self.lose(person.view_mut(), joint));
    }

    fn nan_with_score(&mut self, mut person: ArrayViewMut2<f32>) {
        self.ordinary(person.view_mut());
        let joint = self.random.random_range(0..person.nrows());
        let axis = self.random.random_range(0..2);
        person[[joint, axis]] = f32::NAN;
    }
}
