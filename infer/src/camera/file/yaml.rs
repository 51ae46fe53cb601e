//! YAML, from the events of a parser: no anchors, so that no small file stands for a large tree, and no deep nesting.

use saphyr_parser::{Event, Parser};

use super::node::{Entry, Node};
use crate::error::{Error, Result};

/// Lists and maps within each other.
const DEEPEST: usize = 64;

/// A list or map that is not complete.
enum Open {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The key whose value comes next.
        key: Option<String>,
    },
}

/// The first document in `text`.
pub(super) fn parse(text: &str) -> Result<Node> {
    let text = without_directive(text);
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(&text) {
        let (event, span) = event
            .map_err(|error| Error::input(format!("no YAML: {}", error.info())).line(error.marker().line() as u64))?;
        let line = span.start.line() as u64;
        let complete = match event {
            Event::Alias(_) => return Err(Error::input("a YAML alias, expected plain values").line(line)),
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == DEEPEST => {
                return Err(Error::input("lists within lists beyond all measure, expected a camera file").line(line));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map { entries: Vec::new(), key: None });
                continue;
            }
            Event::Scalar(text, ..) => Node::Scalar(text.into_owned()),
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map { entries, .. }) => Node::Map(entries),
                None => unreachable!("the parser ends only what it began"),
            },
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => continue,
            Event::DocumentEnd | Event::StreamEnd => break,
        };
        match open.last_mut() {
            None => return Ok(complete),
            Some(Open::List(items)) => items.push(complete),
            Some(Open::Map { entries, key }) => match (key.take(), complete) {
                (Some(key), value) => entries.push(Entry { key, value }),
                (None, Node::Scalar(text)) => *key = Some(text),
                (None, _) => {
                    return Err(Error::input("a list or a map as a YAML key, expected a name").line(line));
                }
            },
        }
    }
    Err(Error::input("an empty YAML document, expected a camera"))
}

/// OpenCV before 5.0 writes `%YAML:1.0`, which is no directive of YAML; the line stays, empty.
fn without_directive(text: &str) -> std::borrow::Cow<'_, str> {
    match text.strip_prefix("%YAML:") {
        Some(rest) => rest.find('\n').map_or("", |end| &rest[end..]).into(),
        None => text.into(),
    }
}
