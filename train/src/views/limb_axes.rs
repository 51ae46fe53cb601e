//! Axes on the body: a detector that puts a joint a little beside its place puts it beside the same place of the limb
//! however the limb turns.

use poselift::skeleton::{BODY28, Layout};
use tch::{Device, Kind, Tensor};

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

/// Which points make up the axes at a joint: near and far end of the limb, left, right.
fn points(joint: &str) -> [String; 4] {
    let side = if joint.starts_with("right") { "right_" } else { "left_" };
    let across = |kind: &str| ["left_", "right_"].map(|side| format!("{side}{kind}"));
    let limb = |near: &str, far: &str, kind: &str| {
        let [left, right] = across(kind);
        [format!("{side}{near}"), format!("{side}{far}"), left, right]
    };
    let trunk = |[left, right]: [String; 2]| ["thorax".to_owned(), "hip".to_owned(), left, right];
    match joint.rsplit('_').next() {
        Some("elbow") => limb("shoulder", "elbow", "shoulder"),
        Some("wrist") => limb("elbow", "wrist", "shoulder"),
        Some("knee") => limb("hip", "knee", "hip"),
        Some("ankle") => limb("knee", "ankle", "hip"),
        Some("toe" | "heel") => {
            let mut across = ["small_toe", "big_toe"].map(|toe| format!("{side}{toe}"));
            if side == "right_" {
                across.reverse();
            }
            let [left, right] = across;
            [format!("{side}heel"), format!("{side}big_toe"), left, right]
        }
        Some("hip" | "spine") => trunk(across("hip")),
        Some("nose" | "eye" | "ear" | "head") => {
            let [left, right] = across("ear");
            ["neck_nose".to_owned(), "thorax".to_owned(), left, right]
        }
        _ => trunk(across("shoulder")),
    }
}

impl LimbAxes {
    pub(super) fn new(layout: &Layout, device: Device) -> Self {
        let named: Vec<[String; 4]> = layout.joints.iter().map(|joint| points(joint)).collect();
        let indices = |which: usize| {
            let indices: Vec<i64> = named.iter().map(|points| BODY28.joint(&points[which]) as i64).collect();
            Tensor::from_slice(&indices).to_device(device)
        };
        Self { near: indices(0), far: indices(1), left: indices(2), right: indices(3) }
    }

    /// `[N, J, 3, 3]` the axes at each joint of `bodies` `[N, 28, 3]`, as columns: to the left, towards the trunk, and
    /// their cross product.
    pub(super) fn of(&self, bodies: &Tensor) -> Tensor {
        let at = |points: &Tensor| bodies.index_select(1, points);
        let along = unit(&(at(&self.near) - at(&self.far)));
        let across = at(&self.left) - at(&self.right);
        let shared = (&across * &along).sum_dim_intlist(&[2i64][..], true, Kind::Float);
        let across = unit(&(across - shared * &along));
        let third = across.cross(&along, 2);
        Tensor::stack(&[across, along, third], 3)
    }
}

fn unit(v: &Tensor) -> Tensor {
    v / v.square().sum_dim_intlist(&[2i64][..], true, Kind::Float).sqrt().clamp_min(1e-6)
}

#[cfg(test)]
mod tests {
    use poselift::skeleton::{COCO17, COCO23, H36M17};

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
