//! Lens distortion by OpenCV's models, forwards in closed form and backwards by iteration.
//!
//! Points are directions at depth 1, (x, y) = (X/Z, Y/Z), before the camera matrix makes pixels of them. The formulas
//! are those of OpenCV's documentation of the modules `calib3d` and `fisheye`.

use nalgebra::{Matrix2, Matrix3, Rotation3, Vector2, Vector3};

/// Steps of the iteration backwards; five are usual.
const MAX_STEPS: usize = 60;
/// The iteration ends where the distorted point is met this closely: a thousand pixels of focal length make it 1e-9 pixels.
const CLOSE: f64 = 1e-12;
/// How far, as a share of 1 and its distance from the axis, an undistorted point may fall from where it was.
const MAX_MISS: f64 = 1e-9;
/// What is given back is met at least this closely.
const CLOSE_ENOUGH: f64 = 1e-9;
/// Places between the axis and a direction at which a model is asked whether it has turned back.
const SAMPLES: u32 = 8;
/// A fisheye's directions this near to a right angle from the axis, radians, have no place in a pinhole's image.
const SIDEWAYS: f64 = 0.02;

/// How a lens distorts directions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Distortion {
    /// Not at all.
    #[default]
    None,
    /// OpenCV's usual model, in its order: k1, k2, p1, p2, k3 (radial and tangential), k4, k5, k6 (rational), s1, s2,
    /// s3, s4 (thin prism), τx, τy (tilted sensor); 0 where there are fewer than 14.
    Standard([f64; 14]),
    /// OpenCV's fisheye model (Kannala and Brandt): k1, k2, k3, k4.
    Fisheye([f64; 4]),
}

/// A distorted point, and how it changes with the undistorted one.
struct Distorted {
    place: Vector2<f64>,
    slope: Matrix2<f64>,
}

impl Distortion {
    /// The direction in which a lens shows what lies in `direction`, both as (x, y) at depth 1.
    pub fn distort(&self, direction: [f64; 2]) -> [f64; 2] {
        let direction = Vector2::from(direction);
        match self {
            Self::None => direction.into(),
            Self::Standard(coefficients) => {
                tilt(coefficients, standard(coefficients, direction).place).unwrap_or(Vector2::repeat(f64::NAN)).into()
            }
            Self::Fisheye(coefficients) => {
                let radius = direction.norm();
                let stretch = if radius > 0.0 { fisheye(coefficients, radius.atan()) / radius } else { 1.0 };
                (direction * stretch).into()
            }
        }
    }

    /// The direction that a lens shows in `distorted`, both as (x, y) at depth 1: the inverse of [`Self::distort`], to
    /// within 1e-9. `None` if there is none: beyond the circle where the model turns back, or beside the camera.
    pub fn undistort(&self, distorted: [f64; 2]) -> Option<[f64; 2]> {
        let distorted = Vector2::from(distorted);
        if !distorted.iter().all(|axis| axis.is_finite()) {
            return None;
        }
        let found = match self {
            Self::None => distorted,
            Self::Standard(coefficients) => invert_standard(coefficients, untilt(coefficients, distorted)?)?,
            Self::Fisheye(coefficients) => invert_fisheye(coefficients, distorted)?,
        };
        // Tilts beyond a right angle and points far outside the image lose all digits on the way.
        let again = Vector2::from(self.distort(found.into()));
        let is_met = (0..2).all(|axis| {
            let miss = (again[axis] - distorted[axis]).abs();
            miss < MAX_MISS * (1.0 + distorted[axis].abs())
        });
        is_met.then(|| found.into())
    }
}

/// `x (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶) + 2 p1 x y + p2 (r² + 2 x²) + s1 r² + s2 r⁴`, and y
/// likewise with p1 and p2 exchanged and s3, s4; and its derivatives.
fn standard(coefficients: &[f64; 14], direction: Vector2<f64>) -> Distorted {
    let [k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, ..] = *coefficients;
    let [x, y]: [f64; 2] = direction.into();
    let square = x * x + y * y;
    let above = 1.0 + square * (k1 + square * (k2 + square * k3));
    let below = 1.0 + square * (k4 + square * (k5 + square * k6));
    let radial = above / below;
    // By r².
    let above_slope = k1 + square * (2.0 * k2 + square * 3.0 * k3);
    let below_slope = k4 + square * (2.0 * k5 + square * 3.0 * k6);
    let radial_slope = (above_slope - radial * below_slope) / below;
    let prism = Vector2::new(s1 + s2 * square, s3 + s4 * square) * square;
    let prism_slope = Vector2::new(s1 + 2.0 * s2 * square, s3 + 2.0 * s4 * square);
    let tangential =
        Vector2::new(2.0 * p1 * x * y + p2 * (square + 2.0 * x * x), p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y);
    let tangential_slope = Matrix2::new(
        2.0 * p1 * y + 6.0 * p2 * x,
        2.0 * p1 * x + 2.0 * p2 * y,
        2.0 * p1 * x + 2.0 * p2 * y,
        6.0 * p1 * y + 2.0 * p2 * x,
    );
    let square_slope = direction.transpose() * 2.0;
    Distorted {
        place: direction * radial + tangential + prism,
        slope: Matrix2::identity() * radial
            + (direction * radial_slope + prism_slope) * square_slope
            + tangential_slope,
    }
}

/// Newton's method from the distorted point itself, or nearer to the axis where the model turns back before it, with
/// smaller steps where a whole one would lead away.
fn invert_standard(coefficients: &[f64; 14], wanted: Vector2<f64>) -> Option<Vector2<f64>> {
    let mut direction = wanted * outward_share(coefficients, wanted);
    let mut distorted = standard(coefficients, direction);
    for _ in 0..MAX_STEPS {
        let miss = wanted - distorted.place;
        if miss.norm() < CLOSE {
            break;
        }
        let step = distorted.slope.try_inverse()? * miss;
        let Some(next) = shortened(coefficients, direction, step, wanted) else { break };
        direction = next;
        distorted = standard(coefficients, direction);
    }
    let miss = (wanted - distorted.place).norm();
    (miss < CLOSE_ENOUGH && outward_share(coefficients, direction) == 1.0).then_some(direction)
}

/// The end of the longest of the steps 1, 1/2, 1/4 … that comes nearer.
fn shortened(
    coefficients: &[f64; 14],
    from: Vector2<f64>,
    mut step: Vector2<f64>,
    wanted: Vector2<f64>,
) -> Option<Vector2<f64>> {
    let miss = (wanted - standard(coefficients, from).place).norm();
    for _ in 0..MAX_STEPS {
        let there = standard(coefficients, from + step);
        if is_outward(&there) && (wanted - there.place).norm() < miss {
            return Some(from + step);
        }
        step *= 0.5;
    }
    None
}

/// How far from the axis towards `direction` the model shows outer directions farther out, as a lens does: 1 for all the way.
/// Beyond, it shows places a second time.
fn outward_share(coefficients: &[f64; 14], direction: Vector2<f64>) -> f64 {
    let mut outward = 0.0;
    for sample in 1..=SAMPLES {
        let share = f64::from(sample) / f64::from(SAMPLES);
        if !is_outward(&standard(coefficients, direction * share)) {
            break;
        }
        outward = share;
    }
    outward
}

fn is_outward(distorted: &Distorted) -> bool {
    // Where it has turned back through the axis, both of the slope's eigenvalues are negative.
    let is_finite = distorted.place.iter().all(|axis| axis.is_finite());
    is_finite && distorted.slope.determinant() > 0.0 && distorted.slope.trace() > 0.0
}

/// The projection onto a sensor that is tilted by τx and τy.
fn tilt_matrix(coefficients: &[f64; 14]) -> Matrix3<f64> {
    let [.., tilt_x, tilt_y] = *coefficients;
    let turned = (Rotation3::from_axis_angle(&Vector3::y_axis(), -tilt_y)
        * Rotation3::from_axis_angle(&Vector3::x_axis(), -tilt_x))
    .into_inner();
    let [x, y, z] = [turned[(0, 2)], turned[(1, 2)], turned[(2, 2)]];
    Matrix3::new(z, 0.0, -x, 0.0, z, -y, 0.0, 0.0, 1.0) * turned
}

fn tilt(coefficients: &[f64; 14], place: Vector2<f64>) -> Option<Vector2<f64>> {
    match coefficients {
        [.., 0.0, 0.0] => Some(place),
        _ => from_homogeneous(tilt_matrix(coefficients) * place.push(1.0)),
    }
}

fn untilt(coefficients: &[f64; 14], place: Vector2<f64>) -> Option<Vector2<f64>> {
    match coefficients {
        [.., 0.0, 0.0] => Some(place),
        _ => from_homogeneous(tilt_matrix(coefficients).try_inverse()? * place.push(1.0)),
    }
}

fn from_homogeneous(point: Vector3<f64>) -> Option<Vector2<f64>> {
    (point.z > 0.0).then(|| point.xy() / point.z)
}

/// `θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸)`, of the angle θ from the axis.
fn fisheye(coefficients: &[f64; 4], angle: f64) -> f64 {
    let [k1, k2, k3, k4] = coefficients;
    let square = angle * angle;
    angle * (1.0 + square * (k1 + square * (k2 + square * (k3 + square * k4))))
}

fn fisheye_slope(coefficients: &[f64; 4], angle: f64) -> f64 {
    let [k1, k2, k3, k4] = coefficients;
    let square = angle * angle;
    1.0 + square * (3.0 * k1 + square * (5.0 * k2 + square * (7.0 * k3 + square * 9.0 * k4)))
}

/// Newton's method from the axis outwards; with smaller steps where a whole one would pass the angle at which the
/// model turns back.
fn invert_fisheye(coefficients: &[f64; 4], wanted: Vector2<f64>) -> Option<Vector2<f64>> {
    let radius = wanted.norm();
    if radius == 0.0 {
        return Some(wanted);
    }
    let most = std::f64::consts::FRAC_PI_2 - SIDEWAYS;
    let mut angle = radius.min(most);
    while fisheye_slope(coefficients, angle) <= 0.0 {
        angle *= 0.5;
    }
    for _ in 0..MAX_STEPS {
        let miss = radius - fisheye(coefficients, angle);
        if miss.abs() < CLOSE {
            break;
        }
        let mut step = miss / fisheye_slope(coefficients, angle);
        for _ in 0..MAX_STEPS {
            let there = angle + step;
            let is_better = (radius - fisheye(coefficients, there)).abs() < miss.abs();
            if is_better && there > 0.0 && there < most && fisheye_slope(coefficients, there) > 0.0 {
                break;
            }
            step *= 0.5;
        }
        angle += step;
    }
    let is_met = (radius - fisheye(coefficients, angle)).abs() < CLOSE_ENOUGH;
    is_met.then(|| wanted * (angle.tan() / radius))
}

#[cfg(test)]
mod tests;
