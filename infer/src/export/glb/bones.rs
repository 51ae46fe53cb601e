//! A body of one octahedron a bone, in the rest pose.

use crate::export::rig::{Rig, Vector};

/// The width of a bone, as a share of its length, and where it is widest.
const WIDTH_SHARE: f64 = 0.12;
const WIDEST_AT: f64 = 0.2;
/// A bone is no wider than this, metres.
const MAX_WIDTH: f64 = 0.06;
/// Shorter bones, metres, get no octahedron.
const MIN_LENGTH: f64 = 1e-4;

/// A surface whose points each move with one node.
#[derive(Debug, Default)]
pub(super) struct BoneMesh {
    pub(super) positions: Vec<[f32; 3]>,
    pub(super) normals: Vec<[f32; 3]>,
    /// The node, then three that do not count.
    pub(super) joints: Vec<[u16; 4]>,
    /// Three points a triangle, counter-clockwise as seen from outside.
    pub(super) triangles: Vec<u32>,
    /// `[nodes]` what takes a point of the body to the node's own axes, by columns.
    pub(super) inverse_binds: Vec<[f32; 16]>,
}

/// The body of a rig in its rest pose, the root at the origin.
pub(super) fn bone_mesh(rig: &Rig) -> BoneMesh {
    let places = rig.rest_places();
    let mut mesh = BoneMesh::default();
    for (place, node) in rig.nodes.iter().enumerate() {
        if let Some(parent) = node.parent {
            mesh.push_bone(places[parent], places[place], parent);
        }
        if let Some(end) = node.end {
            mesh.push_bone(places[place], places[place] + end, place);
        }
        let [x, y, z] = [places[place].x, places[place].y, places[place].z].map(|axis| -axis as f32);
        mesh.inverse_binds.push([1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, x, y, z, 1.0]);
    }
    mesh
}

impl BoneMesh {
    /// An octahedron from `start` to `end` that moves with `node`.
    fn push_bone(&mut self, start: Vector, end: Vector, node: usize) {
        let bone = end - start;
        let length = bone.norm();
        if length < MIN_LENGTH {
            return;
        }
        let other = if bone.x.abs() < 0.9 * length { Vector::x() } else { Vector::y() };
        let width = (length * WIDTH_SHARE).min(MAX_WIDTH);
        let across = bone.cross(&other).normalize() * width;
        let along = bone.normalize().cross(&across);
        let middle = start + bone * WIDEST_AT;
        let ring = [middle + across, middle + along, middle - across, middle - along];
        for side in 0..4 {
            let next = (side + 1) % 4;
            self.push_triangle([ring[side], ring[next], end], node);
            self.push_triangle([ring[next], ring[side], start], node);
        }
    }

    fn push_triangle(&mut self, corners: [Vector; 3], node: usize) {
        let normal = (corners[1] - corners[0]).cross(&(corners[2] - corners[0])).normalize();
        for corner in corners {
            self.triangles.push(self.positions.len() as u32);
            self.positions.push(single(corner));
            self.normals.push(single(normal));
            self.joints.push([node as u16, 0, 0, 0]);
        }
    }
}

/// In single precision.
fn single(vector: Vector) -> [f32; 3] {
    [vector.x as f32, vector.y as f32, vector.z as f32]
}
