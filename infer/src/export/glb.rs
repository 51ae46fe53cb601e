//! GLB, the binary form of glTF 2.0, for browsers, Blender, Unity and Unreal: a skeleton, its animation, and a body
//! of one octahedron per bone, because viewers do not show a skeleton without a surface.
//!
//! Metres, y up, rotations as quaternions x, y, z, w. All people are in one file: a skin and a mesh each, one
//! animation for all.

mod bones;
mod buffer;

use nalgebra::{Rotation3, UnitQuaternion};
use serde_json::{Value, json};

use super::clip_file::FileInfo;
use super::motion::{Clip, Motion};
use super::rig::{Rig, RigPose};
use bones::{BoneMesh, bone_mesh};
use buffer::{Buffer, Target};

/// GLB's names of its two chunks.
const JSON_CHUNK: u32 = 0x4e4f_534a;
const BINARY_CHUNK: u32 = 0x004e_4942;
/// Bodies' colours, red, green, blue, which colour-blind people can distinguish (Okabe and Ito).
const COLOURS: [[f64; 3]; 6] = [
    [0.0, 0.168, 0.445],
    [0.672, 0.112, 0.0],
    [0.0, 0.342, 0.171],
    [0.604, 0.191, 0.386],
    [0.093, 0.456, 0.815],
    [0.791, 0.347, 0.0],
];

/// A whole clip, every person in it, as a GLB file.
pub(super) fn render(clip: &Clip, info: &FileInfo<'_>) -> Vec<u8> {
    let mut scene = Scene::default();
    for (number, motion) in clip.people.iter().enumerate() {
        scene.push_person(clip, motion, info, number);
    }
    let json = scene.document(info).to_string();
    file(json.into_bytes(), scene.buffer.into_bytes())
}

/// The header, and both chunks padded to whole words.
fn file(mut json: Vec<u8>, mut binary: Vec<u8>) -> Vec<u8> {
    json.resize(json.len().next_multiple_of(4), b' ');
    binary.resize(binary.len().next_multiple_of(4), 0);
    let length = 12 + 8 + json.len() + 8 + binary.len();
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(b"glTF");
    push_words(&mut out, [2, length as u32]);
    push_words(&mut out, [json.len() as u32, JSON_CHUNK]);
    out.extend(json);
    push_words(&mut out, [binary.len() as u32, BINARY_CHUNK]);
    out.extend(binary);
    out
}

fn push_words(out: &mut Vec<u8>, words: [u32; 2]) {
    for word in words {
        out.extend(word.to_le_bytes());
    }
}

/// The parts of a document as it is built.
#[derive(Default)]
struct Scene {
    buffer: Buffer,
    nodes: Vec<Value>,
    roots: Vec<usize>,
    meshes: Vec<Value>,
    materials: Vec<Value>,
    skins: Vec<Value>,
    samplers: Vec<Value>,
    channels: Vec<Value>,
}

impl Scene {
    fn push_person(&mut self, clip: &Clip, motion: &Motion, info: &FileInfo<'_>, number: usize) {
        let rig = Rig::new(&info.poses.joints, &info.poses.parents, motion);
        let first_node = self.nodes.len();
        let prefix = if clip.people.len() > 1 { format!("Person{} ", motion.number) } else { String::new() };
        self.push_skeleton(&rig, first_node, &prefix);
        self.push_body(&rig, first_node, &format!("{prefix}Body"), number);
        self.push_animation(clip, motion, &rig, first_node);
    }

    fn push_skeleton(&mut self, rig: &Rig, first_node: usize, prefix: &str) {
        self.roots.push(first_node);
        for (place, node) in rig.nodes.iter().enumerate() {
            let children: Vec<_> = (0..rig.nodes.len())
                .filter(|child| rig.nodes[*child].parent == Some(place))
                .map(|child| first_node + child)
                .collect();
            let mut value = json!({
                "name": format!("{prefix}{}", node.name),
                "translation": [node.offset.x as f32, node.offset.y as f32, node.offset.z as f32],
            });
            if !children.is_empty() {
                value["children"] = json!(children);
            }
            self.nodes.push(value);
        }
    }

    fn push_body(&mut self, rig: &Rig, first_node: usize, name: &str, number: usize) {
        let BoneMesh { positions, normals, joints, triangles, inverse_binds } = bone_mesh(rig);
        let weights = vec![[1.0, 0.0, 0.0, 0.0]; positions.len()];
        let attributes = json!({
            "POSITION": self.buffer.push_positions(&positions),
            "NORMAL": self.buffer.push_floats("VEC3", &normals, Some(Target::Vertices)),
            "JOINTS_0": self.buffer.push_joints(&joints),
            "WEIGHTS_0": self.buffer.push_floats("VEC4", &weights, Some(Target::Vertices)),
        });
        let indices = self.buffer.push_indices(&triangles);
        let inverse_binds = self.buffer.push_floats("MAT4", &inverse_binds, None);
        let [red, green, blue] = COLOURS[number % COLOURS.len()];
        self.materials.push(json!({
            "name": name,
            "pbrMetallicRoughness": {"baseColorFactor": [red, green, blue, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8},
        }));
        let primitive = json!({"attributes": attributes, "indices": indices, "material": self.materials.len() - 1});
        self.meshes.push(json!({"name": name, "primitives": [primitive]}));
        let joints: Vec<_> = (first_node..first_node + rig.nodes.len()).collect();
        self.skins.push(json!({"inverseBindMatrices": inverse_binds, "joints": joints, "skeleton": first_node}));
        // A mesh with a skin is next to the skeleton, not in it: its own transform would be ignored.
        self.roots.push(self.nodes.len());
        self.nodes.push(json!({"name": name, "mesh": self.meshes.len() - 1, "skin": self.skins.len() - 1}));
    }

    fn push_animation(&mut self, clip: &Clip, motion: &Motion, rig: &Rig, first_node: usize) {
        let times: Vec<f32> = (0..motion.rows()).map(|row| ((motion.first + row) as f64 / clip.rate) as f32).collect();
        let times = self.buffer.push_times(&times);
        let mut roots = Vec::with_capacity(motion.rows());
        let mut turns = vec![Vec::with_capacity(motion.rows()); rig.nodes.len()];
        let mut pose = RigPose::default();
        for points in motion.poses() {
            rig.pose(points, &mut pose);
            roots.push([pose.root.x as f32, pose.root.y as f32, pose.root.z as f32]);
            for (turns, local) in turns.iter_mut().zip(&pose.local) {
                let turn = quaternion(local, turns.last().copied());
                turns.push(turn);
            }
        }
        let roots = self.buffer.push_floats("VEC3", &roots, None);
        self.push_channel(times, roots, first_node, "translation");
        for (place, turns) in turns.iter().enumerate() {
            // A node that never turns needs no track.
            if turns.iter().any(|turn| turn[3].abs() < 1.0) {
                let output = self.buffer.push_floats("VEC4", turns, None);
                self.push_channel(times, output, first_node + place, "rotation");
            }
        }
    }

    fn push_channel(&mut self, times: usize, output: usize, node: usize, path: &str) {
        self.channels.push(json!({"sampler": self.samplers.len(), "target": {"node": node, "path": path}}));
        self.samplers.push(json!({"input": times, "output": output, "interpolation": "LINEAR"}));
    }

    fn document(&self, info: &FileInfo<'_>) -> Value {
        json!({
            "asset": {"version": "2.0", "generator": concat!("poselift ", env!("CARGO_PKG_VERSION"))},
            "scene": 0,
            "scenes": [{"name": info.file_name, "nodes": self.roots}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.materials,
            "skins": self.skins,
            "animations": [{"name": info.file_name, "samplers": self.samplers, "channels": self.channels}],
            "accessors": self.buffer.accessors(),
            "bufferViews": self.buffer.views(),
            "buffers": [{"byteLength": self.buffer.len()}],
        })
    }
}

/// A rotation as x, y, z, w; of the two equivalent ones, the one that is closer to the row before.
fn quaternion(rotation: &super::rig::Rotation, before: Option<[f32; 4]>) -> [f32; 4] {
    let turn = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(*rotation));
    let turn: [f32; 4] = turn.coords.map(|part| part as f32).into();
    let product: f32 = before.unwrap_or([0.0, 0.0, 0.0, 1.0]).iter().zip(turn).map(|(a, b)| a * b).sum();
    if product < 0.0 { turn.map(|part| -part) } else { turn }
}
