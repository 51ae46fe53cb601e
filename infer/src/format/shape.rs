//! What a JSON value is made of: enough of it to know whose format it is, and no more.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Keys of an object that are looked at; the rest are passed over.
const MAX_KEYS: usize = 64;

/// The outline of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// null, true or false.
    Other,
    Number,
    Text,
    /// Its length, and its first element that is not empty, else the last one.
    List(usize, Option<Box<Shape>>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// The outline of the value in `text`, if it is whole and nothing stands behind it.
    pub(super) fn of(text: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }

    /// What stands under a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, shape)| shape),
            _ => None,
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The first element of a list.
    pub(super) fn first(&self) -> Option<&Self> {
        match self {
            Self::List(_, first) => first.as_deref(),
            _ => None,
        }
    }

    /// The first element of the list under `key`.
    pub(super) fn first_of(&self, key: &str) -> Option<&Self> {
        self.get(key)?.first()
    }

    /// Whether it says nothing: null, an object without anything in it, or a list of nothing else.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Other => true,
            Self::Object(fields) => fields.is_empty(),
            Self::List(_, first) => first.as_deref().is_none_or(Self::is_empty),
            Self::Number | Self::Text => false,
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Outline)
    }
}

struct Outline;

impl<'de> Visitor<'de> for Outline {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut length = 0;
        let mut first: Option<Shape> = None;
        loop {
            let wants_more = first.as_ref().is_none_or(Shape::is_empty);
            if wants_more {
                let Some(element) = list.next_element::<Shape>()? else { break };
                first = Some(element);
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            length += 1;
        }
        Ok(Shape::List(length, first.map(Box::new)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Shape, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            if fields.len() < MAX_KEYS {
                fields.push((key, object.next_value()?));
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Shape::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_that_says_something_is_kept() {
        let shape = Shape::of(br#"[[], null, [{"x": 1.5, "name": "a"}], 3]"#).unwrap();
        let person = shape.first().unwrap().first().unwrap();
        assert_eq!((person.get("x"), person.get("name")), (Some(&Shape::Number), Some(&Shape::Text)));
        assert!(matches!(shape, Shape::List(4, _)));
        assert!(Shape::of(b"[1, 2").is_err());
        assert_eq!(Shape::of(br#"{"a": [], "b": null}"#).unwrap().first_of("a"), None);
    }
}
