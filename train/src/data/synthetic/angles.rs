//! The joint angles of a figure and the limits of human joints.

/// Left comes first wherever there are two sides.
pub(super) const LEFT: usize = 0;
/// Right comes second.
pub(super) const RIGHT: usize = 1;

/// Angles of one side's limbs, degrees; at zero the figure stands with the arm hanging.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Side {
    /// Thigh forward, outward, and turned inward.
    pub(super) hip: [f64; 3],
    /// Heel towards the buttock.
    pub(super) knee: f64,
    /// Upper arm forward, outward, and turned inward.
    pub(super) shoulder: [f64; 3],
    /// Hand towards the shoulder.
    pub(super) elbow: f64,
    /// Shoulder raised.
    pub(super) shrug: f64,
}

/// All angles of a figure, degrees, and its position, metres.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Angles {
    /// To the left, seen from above; 0 faces +z.
    pub(super) heading: f64,
    /// Pelvis tilted forward, and to the left.
    pub(super) pelvis: [f64; 2],
    /// Trunk relative to the pelvis: bent forward, bent to the left, turned to the left.
    pub(super) trunk: [f64; 3],
    /// Head relative to the trunk: bent forward, bent to the left, turned to the left.
    pub(super) head: [f64; 3],
    /// Left, right.
    pub(super) sides: [Side; 2],
    /// Along z (forward at heading 0) and x (to the left) from where the clip starts.
    pub(super) travel: [f64; 2],
    /// Height of the lowest point above the floor.
    pub(super) lift: f64,
}

/// Least and greatest angle of each joint, degrees: the clinical normal ranges of the American Academy of Orthopaedic
/// Surgeons (Joint Motion, 1965), rounded inward. The pelvis is not a joint: it is upside down when a person lies or
/// stands on the hands.
pub(super) mod limits {
    pub(crate) const PELVIS: [(f64, f64); 2] = [(-180.0, 180.0), (-180.0, 180.0)];
    pub(crate) const TRUNK: [(f64, f64); 3] = [(-25.0, 75.0), (-30.0, 30.0), (-40.0, 40.0)];
    pub(crate) const HEAD: [(f64, f64); 3] = [(-45.0, 45.0), (-35.0, 35.0), (-70.0, 70.0)];
    pub(crate) const HIP: [(f64, f64); 3] = [(-25.0, 115.0), (-15.0, 45.0), (-35.0, 35.0)];
    pub(crate) const KNEE: (f64, f64) = (0.0, 140.0);
    pub(crate) const SHOULDER: [(f64, f64); 3] = [(-50.0, 170.0), (-20.0, 165.0), (-70.0, 70.0)];
    pub(crate) const ELBOW: (f64, f64) = (0.0, 145.0);
    pub(crate) const SHRUG: (f64, f64) = (-8.0, 30.0);
}

impl Angles {
    /// The same motion started in another direction, `degrees` to the left.
    pub(super) fn facing(mut self, degrees: f64) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let [forward, left] = self.travel;
        self.heading += degrees;
        self.travel = [forward * cosine - left * sine, forward * sine + left * cosine];
        self
    }

    /// The same angles, clamped to the limits of the joints.
    pub(super) fn within_limits(mut self) -> Self {
        clamp(&mut self.pelvis, &limits::PELVIS);
        clamp(&mut self.trunk, &limits::TRUNK);
        clamp(&mut self.head, &limits::HEAD);
        for side in &mut self.sides {
            clamp(&mut side.hip, &limits::HIP);
            clamp(&mut side.shoulder, &limits::SHOULDER);
            for (value, limits) in
                [(&mut side.knee, limits::KNEE), (&mut side.elbow, limits::ELBOW), (&mut side.shrug, limits::SHRUG)]
            {
                *value = value.clamp(limits.0, limits.1);
            }
        }
        self.lift = self.lift.max(0.0);
        self
    }
}

fn clamp<const N: usize>(values: &mut [f64; N], limits: &[(f64, f64); N]) {
    for (value, (least, greatest)) in values.iter_mut().zip(limits) {
        *value = value.clamp(*least, *greatest);
    }
}
