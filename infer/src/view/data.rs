//! The page's data block: a header line of JSON, then a line per frame, and lines of notes where there are any.
//!
//! A frame's line is its row of bytes ([`super::rows`]) in base64; a note's line is a JSON object, `{"note":"…"}`.
//! `page/clip.js` reads them. Ten minutes of one person at 60 Hz, with key points, sigma and joint angles, stay below
//! 10 MB.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Serialize;

use super::angles::page_angles;
use super::rows::{ANGLE_STEPS, PIXEL_STEPS};
use crate::format::PoseInfo;
use crate::pose::{Axes, Unit};
use crate::skeleton::Layout;

/// The header of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageInfo<'a> {
    /// The clip's name, shown on top.
    pub title: &'a str,
    /// The 3D streams: one, or several to compare.
    pub sets: &'a [PoseSet<'a>],
    /// The layout of the 2D stream; without it points are drawn with no bones between them.
    pub layout: Option<&'a Layout>,
    /// What was assumed on the way, a sentence each.
    pub notes: &'a [String],
}

/// One 3D stream of a page.
#[derive(Debug, Clone, Copy)]
pub struct PoseSet<'a> {
    /// Its name in a comparison.
    pub name: &'a str,
    /// What the stream says about itself.
    pub poses: &'a PoseInfo,
    /// What ran the model, in words: `CPU, 2 threads`; empty where that is not known.
    pub device: &'a str,
}

#[derive(Serialize)]
struct Header<'a> {
    poselift: u32,
    title: &'a str,
    pixel_steps: f64,
    angle_steps: f64,
    angles: &'a [&'a str],
    layout: Option<Skeleton<'a>>,
    notes: &'a [String],
    sets: Vec<SetHeader<'a>>,
}

#[derive(Serialize)]
struct SetHeader<'a> {
    name: &'a str,
    model: &'a str,
    device: &'a str,
    fps: Option<f64>,
    unit: &'a Unit,
    /// The unit in metres, if its size is known.
    metres: Option<f64>,
    axes: Axes,
    skeleton: Skeleton<'a>,
}

#[derive(Serialize)]
struct Skeleton<'a> {
    name: &'a str,
    joints: Vec<&'a str>,
    parents: &'a [i32],
}

/// The first line of the data block.
pub(super) fn header(info: &PageInfo<'_>) -> String {
    let header = Header {
        poselift: 1,
        title: info.title,
        pixel_steps: PIXEL_STEPS,
        angle_steps: ANGLE_STEPS,
        angles: page_angles(info.sets.iter().map(|set| set.poses)),
        layout: info.layout.map(|layout| Skeleton {
            name: layout.name,
            joints: layout.joints.to_vec(),
            parents: layout.parents,
        }),
        notes: info.notes,
        sets: info.sets.iter().map(set_header).collect(),
    };
    json_line(&header)
}

fn set_header<'a>(set: &PoseSet<'a>) -> SetHeader<'a> {
    let poses = set.poses;
    SetHeader {
        name: set.name,
        model: &poses.model,
        device: set.device,
        fps: poses.fps,
        unit: &poses.unit,
        metres: poses.unit.in_metres(),
        axes: poses.axes,
        skeleton: Skeleton {
            name: &poses.skeleton,
            joints: poses.joints.iter().map(String::as_str).collect(),
            parents: &poses.parents,
        },
    }
}

/// The line of a note.
pub(super) fn note_line(note: &str) -> String {
    #[derive(Serialize)]
    struct Note<'a> {
        note: &'a str,
    }
    json_line(&Note { note })
}

/// The line of a frame's row.
pub(super) fn append_row_line(row: &[u8], text: &mut String) {
    STANDARD_NO_PAD.encode_string(row, text);
    text.push('\n');
}

fn json_line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("strings and finite numbers can be written as JSON");
    // Inside <script> only '<' can end the block or change its parsing.
    json.replace('<', "\\u003c") + "\n"
}
