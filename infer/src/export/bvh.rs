//! BVH, the animation files of Blender, MotionBuilder and Unity: a skeleton in its rest pose, then one line of angles
//! per frame.
//!
//! Angles are degrees in the order Z, X, Y, which readers that ignore the order also assume. BVH has no gaps: rows
//! that lack a person are filled by straight lines.

use nalgebra::Vector3;

use super::clip_file::FileInfo;
use super::decimal::push_fixed;
use super::motion::{Clip, Motion};
use super::rig::{Rig, RigPose, Rotation};

/// Decimals of degrees: a hundredth of a millimetre at the end of an arm.
const ANGLE_DECIMALS: usize = 4;
/// The angles of a node that is never turned.
const FIXED: &[u8] = b"0.0000 0.0000 0.0000 ";

/// One person's motion as a BVH file.
pub(super) fn render(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Vec<u8> {
    let rig = Rig::new(&info.poses.joints, &info.poses.parents, motion);
    let mut out = hierarchy(&rig, info.decimals).into_bytes();
    let frame_time = 1.0 / clip.rate;
    out.extend(format!("MOTION\nFrames: {}\nFrame Time: {frame_time:.8}\n", motion.rows()).into_bytes());
    let mut pose = RigPose::default();
    let mut angles = vec![[0.0; 3]; rig.nodes.len()];
    for points in motion.poses() {
        rig.pose(points, &mut pose);
        for axis in pose.root.iter() {
            push_fixed(&mut out, *axis, info.decimals);
            out.push(b' ');
        }
        for ((node, before), local) in rig.nodes.iter().zip(&mut angles).zip(&pose.local) {
            if node.is_fixed() {
                out.extend_from_slice(FIXED);
                continue;
            }
            let found = zxy_degrees(local);
            for (before, angle) in before.iter_mut().zip(found) {
                // Whole turns are added so that a channel does not jump where the body does not.
                *before = angle + 360.0 * ((*before - angle) / 360.0).round();
                push_fixed(&mut out, *before, ANGLE_DECIMALS);
                out.push(b' ');
            }
        }
        out.pop();
        out.push(b'\n');
    }
    out
}

/// The angles, in degrees, of `R = Rz · Rx · Ry`.
fn zxy_degrees(rotation: &Rotation) -> [f64; 3] {
    let z = (-rotation[(0, 1)]).atan2(rotation[(1, 1)]);
    let x = rotation[(2, 1)].clamp(-1.0, 1.0).asin();
    let y = (-rotation[(2, 0)]).atan2(rotation[(2, 2)]);
    [z.to_degrees(), x.to_degrees(), y.to_degrees()]
}

fn hierarchy(rig: &Rig, decimals: usize) -> String {
    let mut text = "HIERARCHY\n".to_owned();
    push_node(&mut text, rig, 0, 0, decimals);
    text
}

fn push_node(text: &mut String, rig: &Rig, place: usize, depth: usize, decimals: usize) {
    let node = &rig.nodes[place];
    let indent = "\t".repeat(depth);
    let (kind, channels) = match node.parent {
        None => ("ROOT", "6 Xposition Yposition Zposition"),
        Some(_) => ("JOINT", "3"),
    };
    text.push_str(&format!(
        "{indent}{kind} {}\n{indent}{{\n{indent}\t{}\n{indent}\tCHANNELS {channels} Zrotation Xrotation Yrotation\n",
        node.name,
        offset_line(&node.offset, decimals)
    ));
    for child in (place + 1..rig.nodes.len()).filter(|child| rig.nodes[*child].parent == Some(place)) {
        push_node(text, rig, child, depth + 1, decimals);
    }
    if let Some(end) = &node.end {
        text.push_str(&format!(
            "{indent}\tEnd Site\n{indent}\t{{\n{indent}\t\t{}\n{indent}\t}}\n",
            offset_line(end, decimals)
        ));
    }
    text.push_str(&format!("{indent}}}\n"));
}

fn offset_line(offset: &Vector3<f64>, decimals: usize) -> String {
    format!("OFFSET {:.decimals$} {:.decimals$} {:.decimals$}", offset.x, offset.y, offset.z)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::Rotation3;

    use super::*;

    #[test]
    fn the_angles_are_those_of_the_order_z_x_y() {
        let about = |axis, degrees: f64| Rotation3::from_axis_angle(&axis, degrees.to_radians());
        let [x, y, z] = [Vector3::x_axis(), Vector3::y_axis(), Vector3::z_axis()];
        let rotation = about(z, 50.0) * about(x, -35.0) * about(y, 120.0);
        let [found_z, found_x, found_y] = zxy_degrees(rotation.matrix());
        assert_relative_eq!(found_z, 50.0, epsilon = 1e-9);
        assert_relative_eq!(found_x, -35.0, epsilon = 1e-9);
        assert_relative_eq!(found_y, 120.0, epsilon = 1e-9);
    }
}
