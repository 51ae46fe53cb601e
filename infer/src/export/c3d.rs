//! C3D, the binary files of motion laboratories: a header, named parameters, and four floats per point and frame.
//!
//! Written according to the public description of the format (c3d.org): little-endian ("Intel"), floating-point data.
//! Readers need the groups ANALOG and FORCE_PLATFORM even if they are empty. A point that was not seen has the
//! residual −1.

use super::clip_file::FileInfo;
use super::labels::marker_name;
use super::motion::Clip;
use crate::error::{Error, Result};

/// Bytes of a block; all parts of a C3D file are whole blocks.
const BLOCK: usize = 512;
/// The block that parameters start in; the header is the first.
const PARAMETER_BLOCK: u8 = 2;
/// Marks numbers as little-endian.
const INTEL: u8 = 84;
/// The longest list that a parameter's dimension, one byte, can hold; further labels stand in LABELS2 and so on.
const MAX_LABELS: usize = 255;
/// The last frame number that the header's field can hold.
const LAST_FRAME: usize = 65_535;
/// A byte holds how many there are.
const MAX_PARAMETER_BLOCKS: usize = 255;

/// A whole clip, every person in it, as a C3D file.
///
/// # Errors
/// More people than there is room for labels of.
pub(super) fn render(clip: &Clip, info: &FileInfo<'_>) -> Result<Vec<u8>> {
    let labels = labels(clip, info);
    let parameters = parameters(clip, info, &labels);
    let blocks = parameters.len() / BLOCK;
    if blocks > MAX_PARAMETER_BLOCKS {
        let people = clip.people.len();
        return Err(Error::usage(format!("{people} people, whose labels are too many for one C3D file"))
            .hint("--person writes one of them"));
    }
    let data_block = usize::from(PARAMETER_BLOCK) + blocks;
    let mut out = header(clip, labels.len(), data_block);
    out.extend(parameters);
    push_data(&mut out, clip, info.poses.joints.len());
    Ok(out)
}

/// `RKnee`, or `Person3:RKnee` where there are several people.
fn labels(clip: &Clip, info: &FileInfo<'_>) -> Vec<String> {
    let mut labels = Vec::new();
    for motion in &clip.people {
        let prefix = if clip.people.len() > 1 { format!("Person{}:", motion.number) } else { String::new() };
        labels.extend(info.poses.joints.iter().map(|joint| format!("{prefix}{}", marker_name(joint))));
    }
    labels
}

fn header(clip: &Clip, points: usize, data_block: usize) -> Vec<u8> {
    let mut out = vec![PARAMETER_BLOCK, 0x50];
    let words = [points as u16, 0, 1, clip.rows.min(LAST_FRAME) as u16, 0];
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    // A negative scale marks the data as floats.
    out.extend((-1.0f32).to_le_bytes());
    out.extend((data_block as u16).to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out.extend((clip.rate as f32).to_le_bytes());
    out.resize(BLOCK, 0);
    out
}

fn push_data(out: &mut Vec<u8>, clip: &Clip, joints: usize) {
    for row in 0..clip.rows {
        for motion in &clip.people {
            let pose =
                row.checked_sub(motion.first).and_then(|row| motion.points.get(row * joints..(row + 1) * joints));
            for joint in 0..joints {
                let point = pose.map(|pose| pose[joint]).filter(|point| point.iter().all(|axis| axis.is_finite()));
                let [x, y, z] = point.unwrap_or_default();
                let residual = if point.is_some() { 0.0 } else { -1.0 };
                out.extend([x, y, z, residual].iter().flat_map(|number: &f32| number.to_le_bytes()));
            }
        }
    }
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// The parameter section, whole blocks of it.
fn parameters(clip: &Clip, info: &FileInfo<'_>, labels: &[String]) -> Vec<u8> {
    // The section holds its own length, and where the data start: it is first written with a guess, then with the
    // result.
    let mut blocks = 1;
    loop {
        let section = section(clip, info, labels, blocks);
        let found = section.len() / BLOCK;
        if found == blocks {
            return section;
        }
        blocks = found;
    }
}

fn section(clip: &Clip, info: &FileInfo<'_>, labels: &[String], blocks: usize) -> Vec<u8> {
    let mut section = Section { bytes: vec![1, 0x50, blocks as u8, INTEL], group: 0 };
    let rate = clip.rate as f32;
    let screen = if info.poses.axes == crate::pose::Axes::ZUp { ["+X", "+Z"] } else { ["+X", "+Y"] };

    section.group("POINT", "positions of joints");
    section.integers("USED", &[labels.len() as i16]);
    match u16::try_from(clip.rows) {
        // Readers take it for unsigned.
        Ok(rows) => section.integers("FRAMES", &[rows.cast_signed()]),
        Err(_) => section.floats("FRAMES", &[clip.rows as f32]),
    }
    section.integers("DATA_START", &[(usize::from(PARAMETER_BLOCK) + blocks) as i16]);
    section.floats("SCALE", &[-1.0]);
    section.floats("RATE", &[rate]);
    section.texts("UNITS", &[info.poses.unit.name()]);
    section.texts("X_SCREEN", &screen[..1]);
    section.texts("Y_SCREEN", &screen[1..]);
    for (number, chunk) in labels.chunks(MAX_LABELS).enumerate() {
        let suffix = if number == 0 { String::new() } else { (number + 1).to_string() };
        let texts: Vec<_> = chunk.iter().map(String::as_str).collect();
        section.text_list(&format!("LABELS{suffix}"), &texts);
        section.text_list(&format!("DESCRIPTIONS{suffix}"), &vec![""; chunk.len()]);
    }

    section.group("ANALOG", "none");
    section.integers("USED", &[0]);
    section.text_list("LABELS", &[]);
    section.text_list("DESCRIPTIONS", &[]);
    section.floats("GEN_SCALE", &[1.0]);
    section.float_list("SCALE", &[]);
    section.integer_list("OFFSET", &[]);
    section.text_list("UNITS", &[]);
    // No samples per frame, as in the header: readers compare the two.
    section.floats("RATE", &[0.0]);

    section.group("TRIAL", "the clip");
    let [low, high] = [clip.rows as u32 & 0xffff, clip.rows as u32 >> 16];
    section.integer_list("ACTUAL_START_FIELD", &[1, 0]);
    section.integer_list("ACTUAL_END_FIELD", &[low as u16 as i16, high as i16]);
    section.floats("CAMERA_RATE", &[rate]);

    section.group("FORCE_PLATFORM", "none");
    section.integers("USED", &[0]);
    section.integer_list("TYPE", &[]);
    section.integer_list("ZERO", &[1, 0]);

    section.group("MANUFACTURER", "who wrote this");
    section.texts("COMPANY", &["poselift"]);
    section.texts("SOFTWARE", &[concat!("poselift ", env!("CARGO_PKG_VERSION"))]);
    section.texts("MODEL", &[&info.poses.model]);

    section.bytes.resize(section.bytes.len().next_multiple_of(BLOCK), 0);
    section.bytes
}

/// Parameters as they are built.
struct Section {
    bytes: Vec<u8>,
    /// The number of the group that parameters belong to.
    group: i8,
}

impl Section {
    fn group(&mut self, name: &str, description: &str) {
        self.group += 1;
        let mut body = Vec::new();
        push_text(&mut body, description);
        self.entry(name, -self.group, &body);
    }

    fn integers(&mut self, name: &str, numbers: &[i16; 1]) {
        self.parameter(name, 2, &[], &numbers[0].to_le_bytes());
    }

    fn floats(&mut self, name: &str, numbers: &[f32; 1]) {
        self.parameter(name, 4, &[], &numbers[0].to_le_bytes());
    }

    fn integer_list(&mut self, name: &str, numbers: &[i16]) {
        let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.parameter(name, 2, &[numbers.len() as u8], &bytes);
    }

    fn float_list(&mut self, name: &str, numbers: &[f32]) {
        let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.parameter(name, 4, &[numbers.len() as u8], &bytes);
    }

    fn texts(&mut self, name: &str, text: &[&str]) {
        let text: Vec<u8> = text[0].bytes().take(MAX_LABELS).collect();
        self.parameter(name, -1, &[text.len() as u8], &text);
    }

    /// A table of texts, each padded with blanks to the longest.
    fn text_list(&mut self, name: &str, texts: &[&str]) {
        let width = texts.iter().map(|text| text.len()).max().unwrap_or(0).min(MAX_LABELS);
        let mut bytes = Vec::new();
        for text in texts {
            let start = bytes.len();
            bytes.extend(text.bytes().take(width));
            bytes.resize(start + width, b' ');
        }
        self.parameter(name, -1, &[width as u8, texts.len() as u8], &bytes);
    }

    fn parameter(&mut self, name: &str, kind: i8, sides: &[u8], data: &[u8]) {
        let mut body = vec![kind as u8, sides.len() as u8];
        body.extend_from_slice(sides);
        body.extend_from_slice(data);
        push_text(&mut body, "");
        self.entry(name, self.group, &body);
    }

    /// A group or a parameter: its name, its group, the offset of the next one, and its contents.
    fn entry(&mut self, name: &str, group: i8, body: &[u8]) {
        self.bytes.extend([name.len() as u8, group as u8]);
        self.bytes.extend_from_slice(name.as_bytes());
        // Counted from the number's own first byte.
        self.bytes.extend((body.len() as u16 + 2).to_le_bytes());
        self.bytes.extend_from_slice(body);
    }
}

/// A text of up to 255 bytes after its length.
fn push_text(body: &mut Vec<u8>, text: &str) {
    body.push(text.len() as u8);
    body.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::motion::Motion;
    use crate::format::PoseInfo;
    use crate::pose::{Axes, Unit};

    fn rendered(people: i64) -> Result<Vec<u8>> {
        let joints: Vec<String> = (0..17).map(|joint| format!("joint_{joint}")).collect();
        let motion = |number| Motion { number, first: 0, joints: 17, points: vec![[0.0; 3]; 17], sigma: Vec::new() };
        let people = (0..people).map(motion).collect();
        let clip = Clip { rate: 30.0, start: 0.0, rows: 1, has_root: false, people, notices: Vec::new() };
        let poses = PoseInfo {
            skeleton: "custom".to_owned(),
            joints,
            parents: vec![-1; 17],
            unit: Unit::Metres,
            axes: Axes::YUp,
            fps: Some(30.0),
            stature: None,
            is_level: None,
            model: String::new(),
        };
        render(&clip, &FileInfo { file_name: String::new(), poses: &poses, decimals: 5 })
    }

    #[test]
    fn a_file_tells_the_length_of_its_parameters_or_is_not_written() {
        for people in [1, 40, 200] {
            let file = rendered(people).unwrap();
            let data_block = usize::from(file[16]) + 256 * usize::from(file[17]);
            assert_eq!(usize::from(file[BLOCK + 2]) + usize::from(PARAMETER_BLOCK), data_block, "{people} people");
        }
        assert!(rendered(800).unwrap_err().to_string().contains("800 people, whose labels are too many"));
    }
}
