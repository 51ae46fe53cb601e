//! Axes on the body: a detector that puts a joint a little beside its place puts it beside the same place of the limb
//! however the limb turns.

#[cfg(doc)]
use poselift::skeleton::BODY28;
use poselift::skeleton::Layout;
use tch::{Device, Tensor};

use super::{lengths, part_of_body, places, sums_of_axes};

/// For each of J joints of a layout the points of [`BODY28`] that its axes are made of, `[J]` indices each.
#[derive(Debug)]
pub(super) struct LimbAxes {
    /// The y axis points from `far` to `near` along the limb.
    near: Tensor,
    far: Tensor,
    /// The x axis points from `right` to `left`, across the limb.
    left: Tensor,
    right: Tensor,
}

/// The names of the points that make up the axes at a joint: near and far end of the limb, left, right.
struct AxisPoints {
    near: String,
    far: String,
    left: String,
    right: String,
}

impl AxisPoints {
    /// At the joint of this name.
    fn at(joint: &str) -> Self {
        let side = if joint.starts_with("right") { "right_" } else { "left_" };
        match part_of_body(joint) {
            "elbow" => Self::of_limb(side, "shoulder", "elbow", "shoulder"),
            "wrist" => Self::of_limb(side, "elbow", "wrist", "shoulder"),
            "knee" => Self::of_limb(side, "hip", "knee", "hip"),
            "ankle" => Self::of_limb(side, "knee", "ankle", "hip"),
            "toe" | "heel" => Self::of_foot(side),
            "hip" | "spine" => Self::of_trunk("thorax", "hip", "hip"),
            "nose" | "eye" | "ear" | "head" => Self::of_trunk("neck_nose", "thorax", "ear"),
            _ => Self::of_trunk("thorax", "hip", "shoulder"),
        }
    }

    /// Between two joints of the trunk, and across between both joints of the kind `across`.
    fn of_trunk(near: &str, far: &str, across: &str) -> Self {
        Self {
            near: near.to_owned(),
            far: far.to_owned(),
            left: format!("left_{across}"),
            right: format!("right_{across}"),
        }
    }

    /// Between two joints of one side, and across between both joints of the kind `across`.
    fn of_limb(side: &str, near: &str, far: &str, across: &str) -> Self {
        Self::of_trunk(&format!("{side}{near}"), &format!("{side}{far}"), across)
    }

    /// Along the foot of one side, and across its toes.
    fn of_foot(side: &str) -> Self {
        let (left, right) = if side == "right_" { ("big_toe", "small_toe") } else { ("small_toe", "big_toe") };
        Self {
            near: format!("{side}heel"),
            far: format!("{side}big_toe"),
            left: format!("{side}{left}"),
            right: format!("{side}{right}"),
        }
    }
}

impl LimbAxes {
    pub(super) fn new(layout: &Layout, device: Device) -> Self {
        let points: Vec<AxisPoints> = layout.joints.iter().map(|joint| AxisPoints::at(joint)).collect();
        Self {
            near: places(points.iter().map(|points| points.near.as_str()), device),
            far: places(points.iter().map(|points| points.far.as_str()), device),
            left: places(points.iter().map(|points| points.left.as_str()), device),
            right: places(points.iter().map(|points| points.right.as_str()), device),
        }
    }

    /// `[N, J, 3, 3]` the axes at each joint of `bodies` `[N, 28, 3]`, as columns: to the left, towards the trunk, and
    /// their cross product.
    pub(super) fn of(&self, bodies: &Tensor) -> Tensor {
        let along = unit(&(bodies.index_select(1, &self.near) - bodies.index_select(1, &self.far)));
        let across = bodies.index_select(1, &self.left) - bodies.index_select(1, &self.right);
        let shared = sums_of_axes(&(&across * &along));
        let across = unit(&(across - shared * &along));
        let third = across.cross(&along, 2);
        Tensor::stack(&[across, along, third], 3)
    }
}

fn unit(v: &Tensor) -> Tensor {
    v / lengths(v).clamp_min(1e-6)
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::{BODY28, COCO17, COCO23, H36M17};

    use super::*;
    use crate::data::generator;

    #[test]
    fn axes_are_rotations_and_turn_with_the_body() {
        let _held = generator();
        tch::manual_seed(2);
        for layout in [&COCO17, &H36M17, &COCO23] {
            let axes = LimbAxes::new(layout, Device::Cpu);
            let bodies = Tensor::randn([50, BODY28.len() as i64, 3], tch::kind::FLOAT_CPU);
            let found = axes.of(&bodies);
            assert_eq!(found.size(), [50, layout.len() as i64, 3, 3]);
            let identity = Tensor::eye(3, tch::kind::FLOAT_CPU);
            let worst = |difference: Tensor| difference.abs().max().double_value(&[]);
            assert!(worst(found.transpose(2, 3).matmul(&found) - identity) < 1e-4);
            // A quarter turn about z: x becomes y.
            let turn = Tensor::from_slice(&[0.0f32, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]).view([3, 3]);
            let turned = axes.of(&bodies.matmul(&turn.tr()));
            assert!(worst(turned - turn.matmul(&found)) < 1e-4);
        }
    }
}
