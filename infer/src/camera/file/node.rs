//! The tree that TOML, YAML and JSON files are read into.

use std::cmp::Ordering;

use toml::{Table, Value};

use super::yaml;
use crate::error::{Error, Result};

/// A value in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A number, word or text.
    Scalar(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in the file's order.
    Map(Vec<Entry>),
}

/// One key of a map and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Node,
}

/// What a text is written in.
enum Form {
    Json,
    Yaml,
    Toml,
}

impl Node {
    /// The tree in a file's bytes; the first characters show its form.
    ///
    /// # Errors
    /// Bytes that are no text, or in no known form.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Error::input("bytes that are no UTF-8 text, expected a camera file in TOML, YAML or JSON").line(line as u64)
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match Form::of(text)? {
            Form::Json => json(text),
            Form::Yaml => yaml::parse(text),
            Form::Toml => toml(text),
        }
    }

    /// The number that a scalar stands for.
    pub(super) fn number(&self) -> Option<f64> {
        let Self::Scalar(text) = self else { return None };
        match text.to_ascii_lowercase().as_str() {
            // As YAML writes them.
            ".nan" => Some(f64::NAN),
            ".inf" | "+.inf" => Some(f64::INFINITY),
            "-.inf" => Some(f64::NEG_INFINITY),
            _ => text.parse().ok(),
        }
    }

    /// Whether a scalar says yes: `true`, or a number other than 0.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Scalar(text) if text.eq_ignore_ascii_case("true") => true,
            _ => self.number().is_some_and(|number| number != 0.0),
        }
    }

    /// Whether it stands for nothing: `null` is written as a word too.
    pub(super) fn is_null(&self) -> bool {
        match self {
            Self::Scalar(text) => matches!(text.to_ascii_lowercase().as_str(), "" | "~" | "null" | "none"),
            Self::List(items) => items.is_empty(),
            Self::Map(_) => false,
        }
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Self::Map(entries) => entries,
            Self::Scalar(_) | Self::List(_) => &[],
        }
    }

    /// The value of the first of `keys`, in a map that has it; keys are compared by letters and digits alone, in lower case.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&Self> {
        let entry = keys.iter().find_map(|key| self.entry(key))?;
        Some(&entry.value).filter(|value| !value.is_null())
    }

    /// The entry of a key, which is as [`plain`] makes it.
    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| plain(&entry.key) == key)
    }
}

/// Letters and digits alone, in lower case: `Camera_Matrix` and `cameraMatrix` are the same key.
pub(super) fn plain(key: &str) -> String {
    key.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Form {
    fn of(text: &str) -> Result<Self> {
        let start = text.trim_start();
        let after = start.get(1..).unwrap_or_default().trim_start();
        match start.chars().next() {
            Some('{') => return Ok(Self::Json),
            Some('[') if after.starts_with('{') => return Ok(Self::Json),
            Some('[') => return Ok(Self::Toml),
            Some('%') => return Ok(Self::Yaml),
            Some('<') => {
                return Err(Error::input("XML, expected a camera file in TOML, YAML or JSON")
                    .hint("OpenCV's FileStorage writes YAML where the name ends in .yml"));
            }
            _ if start.starts_with("---") => return Ok(Self::Yaml),
            _ => {}
        }
        let mut lines = text.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        let equals = first.find('=').unwrap_or(usize::MAX);
        let colon = first.find(':').unwrap_or(usize::MAX);
        match equals.cmp(&colon) {
            Ordering::Less => Ok(Self::Toml),
            Ordering::Greater => Ok(Self::Yaml),
            Ordering::Equal => Err(Error::input("no camera file, expected one in TOML, YAML or JSON")
                .hint("Pose2Sim's Calib.toml, Caliscope's and Anipose's TOML, OpenCV's FileStorage in YAML or JSON")),
        }
    }
}

/// OpenCV's JSON holds `.Nan`, which YAML has and JSON does not; JSON is YAML otherwise, but for its tabs.
fn json(text: &str) -> Result<Node> {
    serde_json::from_str::<serde_json::Value>(text).map(from_json).or_else(|error| {
        let fault = Error::input(format!("no JSON: {error}")).line(error.line() as u64);
        yaml::parse(text).map_err(|_| fault)
    })
}

fn from_json(value: serde_json::Value) -> Node {
    match value {
        serde_json::Value::Null => Node::Scalar("null".to_owned()),
        serde_json::Value::Bool(flag) => Node::Scalar(flag.to_string()),
        serde_json::Value::Number(number) => Node::Scalar(number.to_string()),
        serde_json::Value::String(text) => Node::Scalar(text),
        serde_json::Value::Array(items) => Node::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            Node::Map(entries.into_iter().map(|(key, value)| Entry { key, value: from_json(value) }).collect())
        }
    }
}

fn toml(text: &str) -> Result<Node> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::input(format!("no TOML: {}", error.message())).line(line as u64)
    })?;
    Ok(from_toml(Value::Table(table)))
}

fn from_toml(value: Value) -> Node {
    match value {
        Value::String(text) => Node::Scalar(text),
        Value::Integer(number) => Node::Scalar(number.to_string()),
        Value::Float(number) => Node::Scalar(number.to_string()),
        Value::Boolean(flag) => Node::Scalar(flag.to_string()),
        Value::Datetime(time) => Node::Scalar(time.to_string()),
        Value::Array(items) => Node::List(items.into_iter().map(from_toml).collect()),
        Value::Table(entries) => {
            Node::Map(entries.into_iter().map(|(key, value)| Entry { key, value: from_toml(value) }).collect())
        }
    }
}
