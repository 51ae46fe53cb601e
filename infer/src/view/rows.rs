//! A frame as a row of bytes: coordinates quantised to whole steps, delta coded against the same person's last frame,
//! as variable-length integers.
//!
//! Integers are LEB128: seven bits a byte, the lowest first, the highest bit set in all but the last byte. Signed ones
//! are zigzag coded: 0, −1, 1, −2 … become 0, 1, 2, 3 …. An optional one is 0 if it is missing, else its code plus 1;
//! the last known value stays what later ones are coded against. A row holds, in this order:
//!
//! 1. the frame's number (signed, delta), its time in milliseconds (optional, delta), and the image size: 0 unchanged,
//!    1 unknown, 2 and then width and height;
//! 2. the number of people in 2D, and for each: the id (optional), the number of coordinates, x and y of each key
//!    point in tenths of a pixel (optional, deltas), and a byte per key point, the score in per cent;
//! 3. for each 3D stream the number of people, and for each: the id (optional), a byte of [`flags`], for the first
//!    person of the stream the exponent n of its step of 5 · 10ⁿ units (signed), the score in per cent, the joints in steps
//!    (optional, deltas), and where flags say so the root and sigma in steps, the angles and their sigma in fifths of
//!    a degree (all optional, deltas), and the number of missing joints with their indices.

use std::collections::BTreeMap;

use super::angles::{SetAngles, page_angles};
use crate::format::PoseInfo;
use crate::place::angles::Unwrapper;
use crate::pose::{Frame, LiftedFrame, LiftedPerson, Person, PersonKey, Unit};

/// Steps per pixel.
pub(super) const PIXEL_STEPS: f64 = 10.0;
/// Steps per degree.
pub(super) const ANGLE_STEPS: f64 = 5.0;
/// A step of lengths, metres, where the unit's size is known: a joint of 1.9 m/s at 60 Hz moves by one byte's worth.
const LENGTH_STEP: f64 = 5e-4;
/// Steps that the first pose extends over, at least, where it is not known.
const STEPS_OF_POSE: f64 = 2e3;
/// Absurd values end here, so that sums and differences are exact in a browser's numbers.
const MAX_VALUE: f64 = (1_u64 << 40) as f64;

/// What is written of a person.
pub(super) mod flags {
    /// The root's position.
    pub(in crate::view) const ROOT: u8 = 1;
    /// The joints' sigma.
    pub(in crate::view) const SIGMA: u8 = 2;
    /// Joint angles.
    pub(in crate::view) const ANGLES: u8 = 4;
    /// The sigma of joint angles.
    pub(in crate::view) const ANGLE_SIGMA: u8 = 8;
    /// The pose is doubtful.
    pub(in crate::view) const UNSURE: u8 = 16;
    /// Indices of joints without a key point.
    pub(in crate::view) const MISSING_JOINTS: u8 = 32;
}

/// Encodes the frames of one page, one after another.
#[derive(Debug)]
pub(super) struct RowEncoder {
    row: Row,
    index: i64,
    time: i64,
    size: Option<[u32; 2]>,
    people: BTreeMap<PersonKey, Vec<i64>>,
    sets: Vec<SetEncoder>,
}

impl RowEncoder {
    /// An encoder of frames with one pose stream for each of `sets`.
    pub(super) fn new<'a>(sets: impl Iterator<Item = &'a PoseInfo> + Clone) -> Self {
        let names = page_angles(sets.clone());
        let sets = sets.map(|info| SetEncoder::new(info, names)).collect();
        Self { row: Row::default(), index: -1, time: 0, size: None, people: BTreeMap::new(), sets }
    }

    /// The row of one frame; `sets` has its poses in each stream.
    pub(super) fn encode(&mut self, frame: &Frame, sets: &[&LiftedFrame]) -> &[u8] {
        self.row.0.clear();
        // Absurd numbers of frames wrap round.
        let index = frame.index.cast_signed();
        self.row.signed(index.wrapping_sub(self.index));
        self.index = index;
        self.row.delta(frame.time.and_then(|time| quantised(time, 1e-3)), &mut self.time);
        self.size(frame.size);
        self.row.unsigned(frame.people.len() as u64);
        for (place, person) in frame.people.iter().enumerate() {
            let last = self.people.entry(PersonKey::of(person.id, place)).or_default();
            encode_person(person, last, &mut self.row);
        }
        assert_eq!(sets.len(), self.sets.len(), "a frame has poses for each stream of the page");
        for (encoder, lifted) in self.sets.iter_mut().zip(sets) {
            self.row.unsigned(lifted.people.len() as u64);
            for (place, person) in lifted.people.iter().enumerate() {
                encoder.encode(person, place, &mut self.row);
            }
        }
        &self.row.0
    }

    fn size(&mut self, size: Option<[u32; 2]>) {
        match size {
            _ if size == self.size => self.row.unsigned(0),
            None => self.row.unsigned(1),
            Some(sides) => {
                self.row.unsigned(2);
                for side in sides {
                    self.row.unsigned(side.into());
                }
            }
        }
        self.size = size;
    }
}

fn encode_person(person: &Person, last: &mut Vec<i64>, row: &mut Row) {
    let points = &person.keypoints;
    row.id(person.id);
    row.unsigned(2 * points.len() as u64);
    last.resize(last.len().max(2 * points.len()), 0);
    for (point, last) in points.iter().zip(last.as_chunks_mut::<2>().0) {
        for (coordinate, last) in [point.x, point.y].into_iter().zip(last) {
            let value = if point.is_missing() { None } else { quantised(coordinate, 1.0 / PIXEL_STEPS) };
            row.delta(value, last);
        }
    }
    row.0.extend(points.iter().map(|point| per_cent(point.score)));
}

/// Encodes the people of one 3D stream.
#[derive(Debug)]
struct SetEncoder {
    /// The length of a step in the stream's unit.
    step: Step,
    angles: Option<SetAngles>,
    tracks: BTreeMap<PersonKey, TrackState>,
}

#[derive(Debug)]
enum Step {
    /// The exponent of ten is yet to be written.
    Due(i32),
    /// The unit is of unknown size: the first pose will tell.
    Unknown,
    Written(f64),
}

/// The last values of one person, in steps.
#[derive(Debug, Default)]
struct TrackState {
    joints: Vec<i64>,
    root: [i64; 3],
    sigma: Vec<i64>,
    angles: Vec<i64>,
    angle_sigma: Vec<i64>,
    unwrapper: Unwrapper,
}

impl SetEncoder {
    /// An encoder of a stream of `info`, on a page that has the angles `page`.
    fn new(info: &PoseInfo, page: &[&str]) -> Self {
        Self { step: Step::of_unit(&info.unit), angles: SetAngles::new(info, page), tracks: BTreeMap::new() }
    }

    fn encode(&mut self, person: &LiftedPerson, place: usize, row: &mut Row) {
        let state = self.tracks.entry(PersonKey::of(person.id, place)).or_default();
        let mut angles = self.angles.as_ref().map(|angles| angles.read(person));
        if let Some(angles) = &mut angles {
            state.unwrapper.unwrap(angles);
        }
        let has_sigma = !person.sigma.is_empty();
        let mut flags = 0;
        for (flag, is_set) in [
            (flags::ROOT, person.root.is_some()),
            (flags::SIGMA, has_sigma),
            (flags::ANGLES, angles.is_some()),
            (flags::ANGLE_SIGMA, angles.is_some() && has_sigma),
            (flags::UNSURE, person.unsure),
            (flags::MISSING_JOINTS, !person.missing_joints.is_empty()),
        ] {
            flags |= if is_set { flag } else { 0 };
        }
        row.id(person.id);
        row.0.push(flags);
        let step = self.step.written(person, row);
        row.0.push(per_cent(person.score));
        row.deltas(person.joints.as_flattened(), step, &mut state.joints);
        if let Some(root) = person.root {
            row.deltas_in_place(&root, step, &mut state.root);
        }
        if has_sigma {
            row.deltas(&person.sigma, step, &mut state.sigma);
        }
        if let Some(angles) = angles {
            row.deltas(&angles.degrees, 1.0 / ANGLE_STEPS, &mut state.angles);
            if has_sigma {
                row.deltas(&angles.sigma, 1.0 / ANGLE_STEPS, &mut state.angle_sigma);
            }
        }
        if !person.missing_joints.is_empty() {
            row.unsigned(person.missing_joints.len() as u64);
            for &joint in &person.missing_joints {
                row.unsigned(joint as u64);
            }
        }
    }
}

impl Step {
    fn of_unit(unit: &Unit) -> Self {
        unit.in_metres().map_or(Self::Unknown, |metres| Self::Due((LENGTH_STEP / metres / 5.0).log10().round() as i32))
    }

    /// The step; the first time its exponent is written, which the first pose tells if nothing else does.
    fn written(&mut self, person: &LiftedPerson, row: &mut Row) -> f64 {
        let exponent = match *self {
            Self::Written(step) => return step,
            Self::Due(exponent) => exponent,
            Self::Unknown => {
                let finite = person.joints.as_flattened().iter().filter(|value| value.is_finite());
                let extent = finite.fold(0.0_f32, |most, value| most.max(value.abs()));
                let least = if extent > 0.0 { f64::from(extent) / STEPS_OF_POSE / 5.0 } else { 1.0 };
                least.log10().floor() as i32
            }
        };
        row.signed(exponent.into());
        let step = 5.0 * 10_f64.powi(exponent);
        *self = Self::Written(step);
        step
    }
}

/// The bytes of a row.
#[derive(Debug, Default)]
struct Row(Vec<u8>);

impl Row {
    fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.unsigned(zigzag(value));
    }

    fn id(&mut self, id: Option<i64>) {
        // The two lowest ids would overflow as others; they are no tracks of any detector.
        self.unsigned(id.map_or(0, |id| zigzag(id).saturating_add(1)));
    }

    /// An optional value against the last one.
    fn delta(&mut self, value: Option<i64>, last: &mut i64) {
        let Some(value) = value else {
            self.unsigned(0);
            return;
        };
        self.unsigned(zigzag(value - *last) + 1);
        *last = value;
    }

    fn deltas(&mut self, values: &[f32], step: f64, last: &mut Vec<i64>) {
        last.resize(values.len(), 0);
        self.deltas_in_place(values, step, last);
    }

    fn deltas_in_place(&mut self, values: &[f32], step: f64, last: &mut [i64]) {
        for (value, last) in values.iter().zip(last) {
            self.delta(quantised(f64::from(*value), step), last);
        }
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// `value` in whole steps; `None` if it is not finite.
fn quantised(value: f64, step: f64) -> Option<i64> {
    value.is_finite().then(|| (value / step).round().clamp(-MAX_VALUE, MAX_VALUE) as i64)
}

/// A score as a byte; NaN becomes 0.
fn per_cent(score: f32) -> u8 {
    (score * 100.0).round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::Keypoint;

    fn info(unit: Unit) -> PoseInfo {
        PoseInfo {
            skeleton: "pair".into(),
            joints: vec!["hip".into(), "head".into()],
            parents: vec![-1, 0],
            unit,
            axes: crate::pose::Axes::Camera,
            fps: None,
            stature: None,
            is_level: None,
            model: String::new(),
        }
    }

    fn row(encoder: &mut RowEncoder, frame: &Frame, lifted: &LiftedFrame) -> Vec<u8> {
        encoder.encode(frame, &[lifted]).to_vec()
    }

    #[test]
    fn integers_are_zigzag_leb128() {
        let mut row = Row::default();
        for value in [0, -1, 1, -64, 64, i64::MIN] {
            row.signed(value);
        }
        let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(row.0, [&[0, 1, 2, 127, 0x80, 1][..], &lowest].concat());
    }

    #[test]
    fn rows_hold_deltas_and_say_what_is_missing() {
        let keypoints = vec![Keypoint { x: 5.0, y: -0.06, score: 0.953 }, Keypoint::MISSING];
        let frame = Frame {
            index: 0,
            time: Some(0.05),
            size: Some([40, 30]),
            people: vec![Person { id: Some(-3), keypoints }],
            ..Frame::default()
        };
        let joints = vec![[0.0, -0.001, 0.002], [f32::NAN, 0.0, 0.0]];
        let person = LiftedPerson { id: Some(-3), joints, score: 0.934, ..LiftedPerson::default() };
        let lifted = LiftedFrame { index: 0, time: frame.time, people: vec![person] };
        let mut encoder = RowEncoder::new([&info(Unit::Metres)].into_iter());
        // The index, the time, the size; a person with an id, four coordinates and two scores.
        let start = [2, 101, 2, 40, 30, 1, 6, 4, 101, 2, 0, 0, 95, 0];
        // A person with an id, no flags, the exponent -4, a score and six coordinates.
        let poses = [1, 6, 0, 7, 93, 1, 4, 9, 0, 1, 1];
        assert_eq!(row(&mut encoder, &frame, &lifted), [&start[..], &poses].concat());
        // The same frame again: nothing moves, the size and the exponent are not repeated.
        let again = [0, 1, 0, 1, 6, 4, 1, 1, 0, 0, 95, 0, 1, 6, 0, 93, 1, 1, 1, 0, 1, 1];
        assert_eq!(row(&mut encoder, &frame, &lifted), again);
        let empty = Frame { index: 1, ..Frame::default() };
        assert_eq!(row(&mut encoder, &empty, &LiftedFrame::default()), [2, 0, 1, 0, 0]);
    }

    #[test]
    fn extras_are_behind_their_flags() {
        let person = LiftedPerson {
            joints: vec![[0.0; 3]; 2],
            sigma: vec![0.001, 0.002],
            root: Some([0.0, 0.0, 0.003]),
            missing_joints: vec![1],
            unsure: true,
            ..LiftedPerson::default()
        };
        let lifted = LiftedFrame { people: vec![person], ..LiftedFrame::default() };
        let mut encoder = RowEncoder::new([&info(Unit::Metres)].into_iter());
        let found = row(&mut encoder, &Frame::default(), &lifted);
        let flags = flags::ROOT | flags::SIGMA | flags::UNSURE | flags::MISSING_JOINTS;
        let start = [2, 0, 0, 0, 1, 0, flags, 7, 0];
        assert_eq!(found, [&start[..], &[1; 6], &[1, 1, 13], &[5, 9], &[1, 1]].concat());
    }

    #[test]
    fn an_unknown_unit_takes_its_step_from_the_first_pose() {
        let joints = vec![[0.0, 2.5, -0.5], [f32::INFINITY, 0.0, 0.0]];
        let person = LiftedPerson { joints, score: f32::NAN, ..LiftedPerson::default() };
        let lifted = LiftedFrame { people: vec![person], ..LiftedFrame::default() };
        let mut encoder = RowEncoder::new([&info("unknown".into())].into_iter());
        let found = row(&mut encoder, &Frame::default(), &lifted);
        // Steps of 5 · 10⁻⁴: 2.5 is 5000 of them, zigzag 10000 and 1.
        assert_eq!(found[5..], [0, 0, 7, 0, 1, 0x91, 0x4e, 0xd0, 0x0f, 0, 1, 1]);
    }

    #[test]
    fn absurd_values_stay_within_what_browsers_count_exactly() {
        let keypoints = vec![Keypoint { x: 3e38, y: f64::from(f32::MIN), score: 7.0 }];
        let person = Person { id: Some(i64::MIN), keypoints };
        let frame = Frame { index: u64::MAX, time: Some(f64::NAN), people: vec![person], ..Frame::default() };
        let mut encoder = RowEncoder::new(std::iter::empty());
        let first = encoder.encode(&frame, &[]).to_vec();
        let mut opposite = frame;
        opposite.people[0].keypoints[0].x = -3e38;
        // x takes a byte more, for a delta of 2⁴¹; y has not moved.
        assert_eq!(encoder.encode(&opposite, &[]).len(), first.len() + 1 - 5);
    }
}
