//! Text protocol buffers, as MediaPipe's own tests and tools write landmarks: `landmarks { landmark { x: 0.5 y: 0.25 } }`.
//!
//! They become JSON, a field a key; fields of one name that come more than once become a list. Messages that stand behind each
//! other, as a program prints one for each image, are a frame each.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::skeleton::MEDIAPIPE33;

/// Deeper than any message.
const MAX_DEPTH: usize = 16;
/// The fields of MediaPipe's messages that hold what is shown in the image.
const LANDMARKS: [&str; 3] = ["landmarks", "landmark", "pose_landmarks"];

/// Whether a text begins as such a message of landmarks, behind comments.
pub(in crate::format) fn is_landmarks(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().and_then(|line| line.strip_suffix('{')).map(|name| name.trim().trim_end_matches(':'));
    first.is_some_and(|name| LANDMARKS.contains(&name.trim()))
}

/// A message as JSON, or several as a list. Where the text `is_one_frame`, what comes several times is of several people.
///
/// # Errors
/// A text that is no such message, named by its line.
pub(in crate::format) fn to_json(text: &str, is_one_frame: bool) -> Result<Vec<u8>> {
    let mut words = Words { words: Vec::new(), next: 0 };
    for (number, line) in (1..).zip(text.lines()) {
        // What people put between two messages.
        if !line.is_empty() && line.trim_end().bytes().all(|byte| matches!(byte, b'-' | b'=')) {
            continue;
        }
        let line =
            line.split('#').next().unwrap_or_default().replace('{', " { ").replace('}', " } ").replace(':', ": ");
        words.words.extend(line.split_whitespace().map(|word| (number, word.trim_end_matches([',', ';']).to_owned())));
    }
    let message = words.message(0)?;
    let message = if is_one_frame { people(message) } else { messages(message) };
    Ok(serde_json::to_vec(&message).expect("names and numbers can be written as JSON"))
}

/// Several people's landmarks, if a message has those of more than one body: a list of them each.
fn bodies(fields: &Value) -> Option<Vec<Value>> {
    let points = fields.get("landmark")?.as_array()?;
    let are_several = points.len() > MEDIAPIPE33.len() && points.len().is_multiple_of(MEDIAPIPE33.len());
    are_several.then(|| points.chunks(MEDIAPIPE33.len()).map(|body| serde_json::json!({"landmark": body})).collect())
}

/// The fields of a frame, which may be of several people.
fn people(fields: Value) -> Value {
    match bodies(&fields) {
        Some(bodies) => serde_json::json!({"landmarks": bodies}),
        None => fields,
    }
}

/// The fields of several messages, parted again: landmarks that are more than one body's, or lists of them.
fn messages(fields: Value) -> Value {
    if let Some(bodies) = bodies(&fields) {
        return bodies.into();
    }
    let Value::Object(mut fields) = fields else { return fields };
    let lists = LANDMARKS.iter().find_map(|key| fields.get(*key)?.as_array().filter(|_| *key != "landmark"));
    let Some(count) = lists.map(Vec::len) else { return fields.into() };
    let mut frames = vec![Map::new(); count];
    for (key, value) in &mut fields {
        // What does not come with each message belongs to none.
        if let Value::Array(values) = value.take()
            && values.len() == count
        {
            for (frame, value) in frames.iter_mut().zip(values) {
                frame.insert(key.clone(), value);
            }
        }
    }
    frames.into_iter().map(Value::Object).collect()
}

/// The words of a text, each with its line.
struct Words {
    words: Vec<(u64, String)>,
    next: usize,
}

impl Words {
    fn take(&mut self) -> Option<(u64, String)> {
        let word = self.words.get_mut(self.next)?;
        self.next += 1;
        Some((word.0, std::mem::take(&mut word.1)))
    }

    /// The fields up to the end of the text, or of the message that is `depth` deep.
    fn message(&mut self, depth: usize) -> Result<Value> {
        let mut fields = Map::new();
        while let Some((line, word)) = self.take() {
            if word == "}" && depth > 0 {
                return Ok(fields.into());
            }
            let name = word.trim_end_matches(':').to_owned();
            let (line, value) = self.take().ok_or_else(|| malformed(line, "cut off behind a name"))?;
            let value = match value.as_str() {
                "{" if depth < MAX_DEPTH => self.message(depth + 1)?,
                "{" => return Err(malformed(line, "nested too deep")),
                text if word.ends_with(':') => text.parse::<f64>().map_or_else(|_| text.into(), Into::into),
                _ => {
                    let what = format!("'{}' behind '{name}', expected ':' or '{{'", value.escape_debug());
                    return Err(malformed(line, &what));
                }
            };
            match fields.get_mut(&name) {
                None => {
                    fields.insert(name, value);
                }
                Some(Value::Array(list)) => list.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        if depth > 0 {
            Err(Error::input("no text protocol buffer: a message without its end"))
        } else {
            Ok(fields.into())
        }
    }
}

/// The error of a text that is no message, by its line.
fn malformed(line: u64, what: &str) -> Error {
    Error::input(format!("no text protocol buffer: {what}")).line(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_objects_and_repeated_fields_lists() {
        let text = "# a comment\nlandmarks {\n  landmark {\n    x: 0.5 y: -1e-3\n  }\n  landmark: { x: nan }\n}\nname: \"a\"\n";
        assert!(is_landmarks(text) && !is_landmarks("name: 3\n") && !is_landmarks(""));
        let json: serde_json::Value = serde_json::from_slice(&to_json(text, false).unwrap()).unwrap();
        let expected =
            serde_json::json!({"landmarks": {"landmark": [{"x": 0.5, "y": -1e-3}, {"x": null}]}, "name": "\"a\""});
        assert_eq!(json, expected);
    }

    #[test]
    fn messages_behind_each_other_are_frames() {
        let body = |x: f64| format!("landmark {{ x: {x} }}\n").repeat(33);
        let parted = ["---\n", "\n", "# the next image\n", ""].map(|between| [body(0.25), body(0.5)].join(between));
        let lists = [body(0.25), body(0.5)].map(|body| format!("landmarks {{\n{body}}}\nworld {{ x: 1 }}\n")).concat();
        for text in parted.iter().chain([&lists]) {
            let json: Value = serde_json::from_slice(&to_json(text, false).unwrap()).unwrap();
            let list = |frame: &Value| frame.get("landmarks").unwrap_or(frame)["landmark"].as_array().unwrap().clone();
            let frames: Vec<_> = json.as_array().unwrap().iter().map(list).collect();
            assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [33, 33], "{text}");
            assert_eq!(frames[1][32]["x"], 0.5);
        }
        let two = format!("{0}\n{0}", body(0.5));
        let read = |is_one_frame| serde_json::from_slice::<Value>(&to_json(&two, is_one_frame).unwrap()).unwrap();
        assert_eq!(read(false).as_array().unwrap().len(), 2);
        assert_eq!(read(true)["landmarks"].as_array().unwrap().len(), 2);
        let one: Value = serde_json::from_slice(&to_json(&body(0.5), false).unwrap()).unwrap();
        assert_eq!(one["landmark"].as_array().unwrap().len(), 33);
    }

    #[test]
    fn what_is_no_message_is_named_by_its_line() {
        for (text, expected) in [
            ("landmarks {\n x: 1\n", "without its end"),
            ("landmarks {\n x 1\n}", "'1' behind 'x'"),
            ("landmarks", "cut off"),
        ] {
            let message = to_json(text, false).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let deep = "a {".repeat(40);
        assert!(to_json(&deep, false).unwrap_err().to_string().contains("nested too deep"));
    }
}
