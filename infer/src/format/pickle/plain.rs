//! A pickle's values as they are, for the few that are no arrays: names, sizes.

use super::machine::Machine;
use super::{Id, Value};
use crate::error::{Error, Result};

/// Deeper than such values are nested.
const MAX_DEPTH: usize = 12;

/// A value; what is neither text, whole number nor a collection of them is `Other`.
#[derive(Debug, PartialEq)]
pub(in crate::format) enum Plain {
    Number(i64),
    Text(String),
    List(Vec<Plain>),
    Dict(Vec<(Plain, Plain)>),
    Other,
}

impl Plain {
    /// What stands under a key of a dictionary; the last of equal ones, as in Python.
    pub(in crate::format) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(entries) => {
                entries.iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
            }
            // An array of one object holds a dictionary as NumPy saves it.
            Self::List(elements) if elements.len() == 1 => elements[0].get(key),
            _ => None,
        }
    }

    pub(in crate::format) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::format) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// The value that a pickle of protocol 0 to 5 holds.
///
/// # Errors
/// Bytes that are no pickle, are cut off, or want to run anything; values nested too deep or within each other.
pub(in crate::format) fn plain(bytes: &[u8]) -> Result<Plain> {
    let (values, root) = Machine::run(bytes)?;
    // Each mention of a value takes a byte of the pickle; more of them are the same ones over and over.
    let mut budget = bytes.len().saturating_mul(4);
    visit(&values, root, 0, &mut budget)
}

fn visit(values: &[Value<'_>], id: Id, depth: usize, budget: &mut usize) -> Result<Plain> {
    if depth > MAX_DEPTH || *budget == 0 {
        return Err(Error::input("the pickle's values are nested too deep or within each other"));
    }
    *budget -= 1;
    match &values[id] {
        Value::Int(number) => Ok(Plain::Number(*number)),
        Value::List(ids) | Value::Tuple(ids) => visit_list(values, ids, depth, budget),
        Value::Array(_) => match super::numpy::objects(values, id) {
            Some(ids) => visit_list(values, ids, depth, budget),
            None => Ok(Plain::Other),
        },
        Value::Dict(entries) => {
            let mut plain = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                plain.push((visit(values, *key, depth + 1, budget)?, visit(values, *value, depth + 1, budget)?));
            }
            Ok(Plain::Dict(plain))
        }
        other => Ok(other.text().map_or(Plain::Other, |text| Plain::Text(text.into_owned()))),
    }
}

/// The values of a list that stands at `depth`.
fn visit_list(values: &[Value<'_>], ids: &[Id], depth: usize, budget: &mut usize) -> Result<Plain> {
    let mut elements = Vec::new();
    for id in ids {
        elements.push(visit(values, *id, depth + 1, budget)?);
    }
    Ok(Plain::List(elements))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_any_protocol() {
        // [('a', 'x'), ('a', 'y')], protocol 0, the second 'a' from the memo.
        let columns = plain(b"(lp0\n(Va\np1\nVx\ntp2\na(g1\nVy\ntp3\na.").unwrap();
        let text = |text: &str| Plain::Text(text.to_owned());
        let pair = |second| Plain::List(vec![text("a"), text(second)]);
        assert_eq!(columns, Plain::List(vec![pair("x"), pair("y")]));
        let sizes = plain(b"\x80\x04}\x8c\x01wM\x00\x05s.").unwrap();
        assert_eq!(sizes.get("w").and_then(Plain::number), Some(1280));
        assert!(plain(b"\x80\x04]\x94h\x00a.").is_err());
    }
}
