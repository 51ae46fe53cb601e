//! TRC, the marker files of OpenSim, Pose2Sim and Blender's add-ons: tab-separated text, a row of positions a frame.
//!
//! OpenSim wants all eight keys of the header, labels from X1 on, and times that rise. A marker that was not seen is NaN: blank
//! cells at the end of a line are none to OpenSim, which then refuses the file.

use super::clip_file::FileInfo;
use super::decimal::{push_fixed, push_integer};
use super::labels::marker_name;
use super::motion::{Clip, Motion};

/// One person's motion as a TRC file; `name` is what the file calls itself.
pub(super) fn render(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Vec<u8> {
    let mut out = header(clip, motion, info);
    for (row, pose) in motion.poses().enumerate() {
        push_integer(&mut out, row + 1);
        out.push(b'\t');
        push_fixed(&mut out, clip.time(motion.first + row), 6);
        for point in pose {
            if point.iter().all(|axis| axis.is_finite()) {
                for axis in point {
                    out.push(b'\t');
                    push_fixed(&mut out, f64::from(*axis), info.decimals);
                }
            } else {
                out.extend_from_slice(b"\tNaN\tNaN\tNaN");
            }
        }
        out.push(b'\n');
    }
    out
}

fn header(clip: &Clip, motion: &Motion, info: &FileInfo<'_>) -> Vec<u8> {
    let rate = clip.rate;
    let rows = motion.rows();
    let joints = motion.joints;
    let markers: String = info.poses.joints.iter().map(|joint| format!("{}\t\t\t", marker_name(joint))).collect();
    let axes: String = (1..=joints).map(|number| format!("\tX{number}\tY{number}\tZ{number}")).collect();
    format!(
        "PathFileType\t4\t(X/Y/Z)\t{}\n\
         DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n\
         {rate}\t{rate}\t{rows}\t{joints}\t{}\t{rate}\t1\t{rows}\n\
         Frame#\tTime\t{}\n\
         \t{axes}\n\n",
        info.file_name,
        info.poses.unit,
        markers.trim_end_matches('\t'),
    )
    .into_bytes()
}
