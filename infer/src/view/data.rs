//! The page's data block: a header line, then one short line of JSON per frame.
//!
//! Rows are arrays, not objects, and coordinates are integers (tenths of a
//! pixel; millimetres where the unit allows), so that half a minute of one
//! person stays well below a megabyte. `page/clip.js` reads them.
//!
//! `[index, time, size or 0 for unchanged, [[id, [x, y, …], "scores"], …], [[id, score, [x, y, z, …]], …]]`,
//! with `null` for missing values and two digits of per cent per score.

use std::fmt::Write;

use serde::Serialize;

use crate::format::PoseInfo;
use crate::pose::{Axes, Frame, LiftedFrame, LiftedPerson, Person, Unit};
use crate::skeleton::Layout;

/// The header of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageInfo<'a> {
    /// The clip's name, shown on top.
    pub title: &'a str,
    /// The 3D stream.
    pub poses: &'a PoseInfo,
    /// The layout of the 2D stream; without it points are drawn with no bones between them.
    pub layout: Option<&'a Layout>,
    /// What ran the model, in words: `CPU, 2 threads`.
    pub device: &'a str,
}

/// Steps per pixel.
const PIXEL_STEPS: f32 = 10.0;

#[derive(Serialize)]
struct Header<'a> {
    poselift: u32,
    title: &'a str,
    model: &'a str,
    device: &'a str,
    fps: Option<f64>,
    unit: &'a Unit,
    axes: Axes,
    pixel_steps: f32,
    unit_steps: Option<f32>,
    skeleton: Skeleton<'a>,
    layout: Option<Skeleton<'a>>,
}

#[derive(Serialize)]
struct Skeleton<'a> {
    name: &'a str,
    joints: Vec<&'a str>,
    parents: &'a [i32],
}

/// The first line of the data block.
pub(super) fn header(info: &PageInfo<'_>) -> String {
    let poses = info.poses;
    let header = Header {
        poselift: 1,
        title: info.title,
        model: &poses.model,
        device: info.device,
        fps: poses.fps,
        unit: &poses.unit,
        axes: poses.axes,
        pixel_steps: PIXEL_STEPS,
        unit_steps: unit_steps(&poses.unit),
        skeleton: Skeleton {
            name: &poses.skeleton,
            joints: poses.joints.iter().map(String::as_str).collect(),
            parents: &poses.parents,
        },
        layout: info.layout.map(|layout| Skeleton {
            name: layout.name,
            joints: layout.joints.to_vec(),
            parents: layout.parents,
        }),
    };
    let json = serde_json::to_string(&header).expect("a header holds nothing that JSON cannot");
    // Inside <script> only '<' can end the block or change its parsing.
    json.replace('<', "\\u003c") + "\n"
}

/// Steps of 1 mm per unit; `None` if the unit's size is unknown.
fn unit_steps(unit: &Unit) -> Option<f32> {
    unit.in_metres().map(|metres| (metres * 1000.0) as f32)
}

/// Turns frames into rows, one after another.
#[derive(Debug)]
pub(super) struct Rows {
    unit_steps: Option<f32>,
    /// The image size of the last row.
    size: Option<[u32; 2]>,
}

impl Rows {
    pub(super) fn new(unit: &Unit) -> Self {
        Self { unit_steps: unit_steps(unit), size: None }
    }

    /// Appends one frame's row, with its line end, to `text`.
    pub(super) fn append(&mut self, frame: &Frame, lifted: &LiftedFrame, text: &mut String) {
        let index = frame.index;
        let time = frame.time.filter(|time| time.is_finite());
        let time = time.map_or("null".to_owned(), |seconds| format!("{seconds:.3}"));
        // Writing to a string cannot fail.
        let _ = write!(text, "[{index},{time},");
        self.append_size(frame.size, text);
        text.push_str(",[");
        list(text, &frame.people, append_person);
        text.push_str("],[");
        let steps = self.unit_steps;
        list(text, &lifted.people, |text, person| append_lifted(text, person, steps));
        text.push_str("]]\n");
    }

    fn append_size(&mut self, size: Option<[u32; 2]>, text: &mut String) {
        match size {
            _ if size == self.size => text.push('0'),
            None => text.push_str("null"),
            Some([width, height]) => {
                let _ = write!(text, "[{width},{height}]");
            }
        }
        self.size = size;
    }
}

fn append_person(text: &mut String, person: &Person) {
    text.push('[');
    append_id(text, person.id);
    text.push_str(",[");
    list(text, &person.keypoints, |text, point| {
        let seen = !point.is_missing();
        append_steps(text, point.x as f32, seen.then_some(PIXEL_STEPS));
        text.push(',');
        append_steps(text, point.y as f32, seen.then_some(PIXEL_STEPS));
    });
    text.push_str("],\"");
    for point in &person.keypoints {
        // NaN becomes 0.
        let per_cent = (point.score * 100.0).round().clamp(0.0, 99.0) as u8;
        let _ = write!(text, "{per_cent:02}");
    }
    text.push_str("\"]");
}

fn append_lifted(text: &mut String, person: &LiftedPerson, steps: Option<f32>) {
    text.push('[');
    append_id(text, person.id);
    let score = if person.score.is_finite() { person.score } else { 0.0 };
    let _ = write!(text, ",{score:.2},[");
    list(text, person.joints.as_flattened(), |text, &value| match steps {
        None if value.is_finite() => {
            let _ = write!(text, "{}", four_digits(value));
        }
        _ => append_steps(text, value, steps),
    });
    text.push_str("]]");
}

/// `value` in whole steps, or `null` if it is NaN.
fn append_steps(text: &mut String, value: f32, steps: Option<f32>) {
    match steps.filter(|_| value.is_finite()) {
        // The cast saturates, so absurd values stay numbers.
        Some(steps) => {
            let _ = write!(text, "{}", (value * steps).round() as i64);
        }
        None => text.push_str("null"),
    }
}

fn append_id(text: &mut String, id: Option<i64>) {
    let _ = match id {
        Some(id) => write!(text, "{id}"),
        None => write!(text, "null"),
    };
}

/// The number with four significant digits that is nearest to a finite `value`.
fn four_digits(value: f32) -> f32 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn list<T>(text: &mut String, items: &[T], mut append: impl FnMut(&mut String, &T)) {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        append(text, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::Keypoint;

    fn row(rows: &mut Rows, frame: &Frame, lifted: &LiftedFrame) -> String {
        let mut text = String::new();
        rows.append(frame, lifted, &mut text);
        text
    }

    #[test]
    fn rows_are_short_and_say_what_is_missing() {
        let keypoints = vec![Keypoint { x: 647.11, y: -0.06, score: 0.953 }, Keypoint::MISSING];
        let frame = Frame {
            index: 7,
            time: Some(7.0 / 30.0),
            size: Some([1768, 994]),
            people: vec![Person { id: Some(-3), keypoints }],
            ..Frame::default()
        };
        let joints = vec![[0.0, -0.1234, 1.0006], [f32::NAN, 0.0, 0.0]];
        let people = vec![LiftedPerson { id: Some(-3), joints, score: 0.934, ..LiftedPerson::default() }];
        let lifted = LiftedFrame { index: 7, time: frame.time, people };
        let mut rows = Rows::new(&Unit::Metres);
        let people = r#"[[-3,[6471,-1,null,null],"9500"]],[[-3,0.93,[0,-123,1001,null,0,0]]]"#;
        assert_eq!(row(&mut rows, &frame, &lifted), format!("[7,0.233,[1768,994],{people}]\n"));
        assert_eq!(row(&mut rows, &frame, &lifted), format!("[7,0.233,0,{people}]\n"), "the size is not repeated");
        let empty = Frame { index: 8, ..Frame::default() };
        assert_eq!(row(&mut rows, &empty, &LiftedFrame::default()), "[8,null,null,[],[]]\n");
        assert_eq!(row(&mut rows, &empty, &LiftedFrame::default()), "[8,null,0,[],[]]\n");
    }

    #[test]
    fn an_unknown_unit_keeps_four_digits() {
        let joints = vec![[0.000_012_345_6, -123_456.0, f32::INFINITY]];
        let person = LiftedPerson { joints, score: f32::NAN, ..LiftedPerson::default() };
        let lifted = LiftedFrame { people: vec![person], ..LiftedFrame::default() };
        let text = row(&mut Rows::new(&"unknown".into()), &Frame::default(), &lifted);
        assert_eq!(text, "[0,null,0,[],[[null,0.00,[0.00001235,-123500,null]]]]\n");
    }

    #[test]
    fn absurd_values_stay_json() {
        let keypoints = vec![Keypoint { x: 3e38, y: f64::from(f32::MIN), score: 7.0 }];
        let frame = Frame { people: vec![Person { id: None, keypoints }], time: Some(f64::NAN), ..Frame::default() };
        let text = row(&mut Rows::new(&Unit::Metres), &frame, &LiftedFrame::default());
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }
}
