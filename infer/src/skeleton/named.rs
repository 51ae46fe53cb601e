//! Layouts that a file defines by its joints' names, in whichever way detectors and people spell them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use super::Layout;
use crate::error::{Error, Result};
use crate::thread::lock;

/// More joints than any detector names.
pub(crate) const MAX_JOINTS: usize = 4096;

/// Our name of a joint that others call `LShoulder`, `left shoulder`, `l_shoulder`, `shoulder_left` or `leftShoulder`.
///
/// A name that is not known comes back in lower case, with underscores between its words.
pub fn joint_name(theirs: &str) -> String {
    let mut words = words(theirs);
    if words.len() == 1 {
        words = split_side(&words[0]);
    }
    for word in &mut words {
        match word.as_str() {
            "l" => "left".clone_into(word),
            "r" => "right".clone_into(word),
            "mid" | "middle" | "centre" | "center" => "mid".clone_into(word),
            _ => {}
        }
    }
    if words.len() > 1 && words.last().is_some_and(|last| last == "left" || last == "right") {
        words.rotate_right(1);
    }
    let name = words.join("_");
    match name.as_str() {
        "mid_hip" | "hips" | "pelvis" | "root" => "hip".to_owned(),
        "head_top" | "top_head" | "headtop" => "head_top".to_owned(),
        "left_bigtoe" | "left_toe" => "left_big_toe".to_owned(),
        "right_bigtoe" | "right_toe" => "right_big_toe".to_owned(),
        "left_smalltoe" => "left_small_toe".to_owned(),
        "right_smalltoe" => "right_small_toe".to_owned(),
        _ => name,
    }
}

/// The words of a name, in lower case: parted by anything that is no letter or digit, and before a capital.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    let has_case = name.chars().any(char::is_lowercase);
    for letter in name.chars() {
        let starts_word = letter.is_uppercase() && previous.is_lowercase();
        // `LShoulder` is L and Shoulder: the second capital begins a word, behind a side.
        let ends_side = has_case && letter.is_uppercase() && matches!(previous, 'L' | 'R');
        if !letter.is_alphanumeric() || starts_word || ends_side {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            let last = words.last_mut().expect("there is a word from the start");
            last.extend(letter.to_lowercase());
        }
        previous = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `lshoulder`, `reye`: a side and a joint in one word.
fn split_side(word: &str) -> Vec<String> {
    const SIDED: [&str; 12] =
        ["eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "bigtoe", "smalltoe", "toe"];
    for (prefix, side) in [("left", "left"), ("right", "right"), ("l", "left"), ("r", "right")] {
        if let Some(joint) = word.strip_prefix(prefix)
            && SIDED.contains(&joint)
        {
            return vec![side.to_owned(), joint.to_owned()];
        }
    }
    vec![word.to_owned()]
}

/// The layout of joints with these names, in this order; a known one where it is that.
///
/// A layout that is made here lives as long as the program does.
///
/// # Errors
/// No joint, too many, or one name twice.
pub fn named_layout<S: AsRef<str>>(names: &[S]) -> Result<&'static Layout> {
    let names: Vec<String> = names.iter().map(|name| joint_name(name.as_ref())).collect();
    if names.is_empty() || names.len() > MAX_JOINTS {
        return Err(Error::input(format!("{} joints are named, expected 1 to {MAX_JOINTS}", names.len())));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::input(format!("the joint '{}' is named twice", twice[0])));
    }
    if let Some(known) = super::LAYOUTS.into_iter().find(|layout| layout.joints.iter().eq(names.iter())) {
        return Ok(known);
    }
    let mut made = lock(&MADE);
    if let Some(known) = made.iter().find(|layout| layout.joints.iter().eq(names.iter())) {
        return Ok(known);
    }
    let parents = vec![-1; names.len()];
    let joints: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
    let layout = Box::leak(Box::new(Layout { name: "custom", joints: joints.leak(), parents: parents.leak() }));
    made.push(layout);
    Ok(layout)
}

/// The layouts that were made so far, each of which is made once.
static MADE: Mutex<Vec<&'static Layout>> = Mutex::new(Vec::new());

/// The user's own layout, from a JSON file of joint names and their places: `{"nose": 0, "left_eye": 1, …}`, or a list
/// of names in order. Places without a name are points that no model reads.
///
/// # Errors
/// A file that cannot be read, or is no such JSON.
pub fn layout_file(path: &Path) -> Result<&'static Layout> {
    let text = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
    parse(&text).map_err(|e| e.at(path))
}

fn parse(text: &[u8]) -> Result<&'static Layout> {
    let hint = r#"write names and places: {"nose": 0, "left_eye": 1}"#;
    if let Ok(names) = serde_json::from_slice::<Vec<String>>(text) {
        return named_layout(&names);
    }
    let places: BTreeMap<String, usize> = serde_json::from_slice(text)
        .map_err(|e| Error::input(format!("a joint layout that cannot be read: {e}")).hint(hint))?;
    let count = places.values().max().map_or(0, |last| last.saturating_add(1));
    if count > MAX_JOINTS {
        return Err(Error::input(format!("a joint at place {}, expected at most {}", count - 1, MAX_JOINTS - 1)));
    }
    let mut names: Vec<String> = (0..count).map(|place| format!("point_{place}")).collect();
    let mut is_named = vec![false; count];
    for (name, place) in places {
        if std::mem::replace(&mut is_named[place], true) {
            return Err(Error::input(format!("two joints have the place {place}")).hint(hint));
        }
        names[place] = name;
    }
    named_layout(&names)
}

#[cfg(test)]
mod tests {
    use super::super::COCO17;
    use super::*;

    #[test]
    fn one_joint_has_many_spellings() {
        for theirs in ["LShoulder", "left_shoulder", "leftShoulder", "l_shoulder", "shoulder_left", "lshoulder"] {
            assert_eq!(joint_name(theirs), "left_shoulder", "{theirs}");
        }
        for (theirs, ours) in [
            ("Nose", "nose"),
            ("REye", "right_eye"),
            ("reye", "right_eye"),
            ("MidHip", "hip"),
            ("LBigToe", "left_big_toe"),
            ("Left Ear", "left_ear"),
            ("right-heel", "right_heel"),
            ("LEFT_EYE", "left_eye"),
            ("tail", "tail"),
        ] {
            assert_eq!(joint_name(theirs), ours, "{theirs}");
        }
    }

    #[test]
    fn a_known_order_is_the_known_layout() {
        let camel = ["nose", "leftEye", "rightEye", "leftEar", "rightEar", "LShoulder", "RShoulder"];
        let rest = &COCO17.joints[7..];
        assert_eq!(named_layout(&[&camel[..], rest].concat()).unwrap().name, "coco17");
        assert_eq!(named_layout(&["nose", "tail"]).unwrap().joints, ["nose", "tail"]);
        assert!(named_layout(&["nose", "Nose"]).unwrap_err().to_string().contains("'nose' is named twice"));
    }

    #[test]
    fn a_file_gives_names_and_places() {
        let layout = parse(br#"{"nose": 2, "LEye": 0}"#).unwrap();
        assert_eq!(layout.joints, ["left_eye", "point_1", "nose"]);
        assert!(parse(br#"{"nose": 1, "LEye": 1}"#).unwrap_err().to_string().contains("place 1"));
        assert!(parse(br#"{"nose": 99999}"#).unwrap_err().to_string().contains("at most"));
        assert!(parse(b"nose").unwrap_err().hint_text().is_some());
    }
}
