//! Pieces of JSON that detectors write in more than one way.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::image_number;
use crate::error::{Error, Result};

/// A value of the type `T` out of a text whose first line is the `line`th.
///
/// # Errors
/// A text that is no such value, named by its line.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8], line: u64) -> Result<T> {
    serde_json::from_slice(text).map_err(|e| {
        let at = line + (e.line() as u64).saturating_sub(1);
        let what = if e.is_eof() { "cut off" } else { "not as its format has it" };
        Error::input(format!("the JSON value is {what}: {e}")).line(at)
    })
}

/// A list or an object, told apart by the kind of the value, so that what is wrong in one is told by its place; null is an empty list.
#[derive(Debug)]
pub(super) enum ListOr<O, T> {
    List(Vec<T>),
    Object(O),
}

impl<'de, O: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for ListOr<O, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKind<O, T>(PhantomData<(O, T)>);

        impl<'de, O: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for OfKind<O, T> {
            type Value = ListOr<O, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an object")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(ListOr::List(Vec::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(object)).map(ListOr::Object)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(ListOr::List)
            }
        }

        deserializer.deserialize_any(OfKind(PhantomData))
    }
}

/// A flat list of numbers; what is null is no number. Anything else than a list is an empty one.
#[derive(Debug, Default)]
pub(super) struct Numbers(pub(super) Vec<f64>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_unit<E>(self) -> Result<Numbers, E> {
                Ok(Numbers::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
                let mut numbers = Vec::with_capacity(78);
                while let Some(number) = list.next_element::<Option<f64>>()? {
                    numbers.push(number.unwrap_or(f64::NAN));
                }
                Ok(Numbers(numbers))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// Points of two or three numbers, one list a point.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// A number that a point lacks is NaN.
    pub(super) points: Vec<[f64; 3]>,
    /// How many numbers the longest point has.
    pub(super) channels: usize,
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Points;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of points, [x, y] each")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Points, A::Error> {
                let mut points = Points::default();
                while let Some(OnePoint { numbers, count }) = list.next_element()? {
                    points.points.push(numbers);
                    points.channels = points.channels.max(count);
                }
                Ok(points)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// One point and how many numbers it has.
struct OnePoint {
    numbers: [f64; 3],
    count: usize,
}

impl<'de> Deserialize<'de> for OnePoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = OnePoint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a point of two or three numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OnePoint, A::Error> {
                let mut numbers = [f64::NAN; 3];
                let mut count = 0;
                while let Some(number) = list.next_element::<Option<f64>>()? {
                    if let Some(slot) = numbers.get_mut(count) {
                        *slot = number.unwrap_or(f64::NAN);
                    }
                    count += 1;
                }
                Ok(OnePoint { numbers, count })
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// What tells a person or a frame apart, whatever JSON type it has: a number, a text, `[0.0]`, `[[0.0],[0.0]]`, null.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::format) enum Label {
    #[default]
    None,
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Label {
    /// This label, or `other` where there is none.
    pub(in crate::format) fn or(self, other: Self) -> Self {
        if matches!(self, Self::None) { other } else { self }
    }

    /// The track that the label names; negative ones mean none to detectors. A text that is no number has one of its own.
    pub(in crate::format) fn track(&self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Whole(number) => (*number >= 0).then_some(*number),
            Self::Number(number) if *number < 0.0 || !number.is_finite() => None,
            Self::Number(number) => Some(*number as i64),
            Self::Text(text) => match text.trim().parse::<f64>() {
                Ok(number) if number < 1e15 => Self::Number(number).track(),
                _ => {
                    let mut hasher = DefaultHasher::new();
                    text.hash(&mut hasher);
                    // Whole numbers that every JSON reader keeps.
                    Some((hasher.finish() >> 11) as i64)
                }
            },
        }
    }

    /// A whole number, also one that is written as 3.0 or "3".
    pub(in crate::format) fn whole(&self) -> Option<i64> {
        self.number().filter(|number| number.fract() == 0.0 && number.abs() < 1e15).map(|number| number as i64)
    }

    /// The number of the frame or image that the label names: itself, or the last number in a file's name.
    pub(in crate::format) fn frame(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Whole(number) => u64::try_from(*number).ok(),
            Self::Number(number) => (*number >= 0.0).then_some(*number as u64),
            Self::Text(text) => text.trim().parse().ok().or_else(|| image_number(text)),
        }
    }

    /// The text, if it is one.
    pub(super) fn as_name(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Seconds: a number, or the time of a clock, perhaps behind a date: `00:01:02.5`, `2026-01-31T12:00:00Z`.
    pub(in crate::format) fn seconds(&self) -> Option<f64> {
        let Self::Text(text) = self else { return self.number() };
        self.number().or_else(|| clock_seconds(text.trim()))
    }

    /// Seconds, or whatever the label counts.
    pub(in crate::format) fn number(&self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// A number, or a fraction of two as ffprobe writes frame rates: `30000/1001`.
pub(in crate::format) fn number_in_text(text: &str) -> Option<f64> {
    match text.split_once('/') {
        Some((above, below)) => Some(above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?),
        None => text.trim().parse().ok(),
    }
}

/// Seconds since midnight of a clock's time, or since 1970 where a date stands before it, whatever the zone.
fn clock_seconds(text: &str) -> Option<f64> {
    let (date, clock) = match text.find(['T', ' ']) {
        Some(at) => (Some(&text[..at]), &text[at + 1..]),
        None => (None, text),
    };
    let end = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let mut parts = clock[..end].rsplit(':');
    let seconds: f64 = parts.next()?.replace(',', ".").parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let hours: f64 = parts.next().map_or(Some(0.0), |hours| hours.parse().ok())?;
    let days = date.map_or(Some(0), days_since_1970)?;
    let is_over = parts.next().is_some() || !(0.0..61.0).contains(&seconds) || !(0.0..60.0).contains(&minutes);
    (!is_over && hours >= 0.0).then_some(days as f64 * 86400.0 + hours * 3600.0 + minutes * 60.0 + seconds)
}

/// Days from 1970-01-01 to a date such as `2026-01-31`, by Gregory's calendar.
fn days_since_1970(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, ['-', '/']).map(|part| part.parse::<i64>().ok());
    let year = parts.next()??;
    let month = parts.next()??;
    let day = parts.next()??;
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have their leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468)
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Label;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text or a list of one")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Label, E> {
                Ok(Label::None)
            }

            fn visit_unit<E>(self) -> Result<Label, E> {
                Ok(Label::None)
            }

            fn visit_i64<E>(self, number: i64) -> Result<Label, E> {
                Ok(Label::Whole(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Label, E> {
                // Beyond what a track can be it is a name.
                Ok(i64::try_from(number).map_or_else(|_| Label::Text(number.to_string()), Label::Whole))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Label, E> {
                Ok(Label::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Label, E> {
                Ok(Label::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Label, A::Error> {
                let first = list.next_element::<Label>()?.unwrap_or_default();
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(first)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Label, A::Error> {
                while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Label::None)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        parse(text.as_bytes(), 1).unwrap()
    }

    #[test]
    fn times_of_clocks_are_seconds() {
        for (text, seconds) in [
            ("00:01:02.5", Some(62.5)),
            ("01:02,5", Some(62.5)),
            ("1970-01-02T00:00:01Z", Some(86401.0)),
            ("2024-03-01 00:00:00+01:00", Some(1_709_251_200.0)),
            ("12.25", Some(12.25)),
            ("00:99", None),
            ("noon", None),
            ("2024-13-01 00:00:00", None),
        ] {
            assert_eq!(Label::Text(text.to_owned()).seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn ids_come_in_many_forms() {
        for (text, track) in [
            ("3", Some(3)),
            ("[0.0]", Some(0)),
            ("[[2.0],[2.0]]", Some(2)),
            ("\"7\"", Some(7)),
            ("null", None),
            ("[-1]", None),
            ("{}", None),
            ("true", None),
            ("[]", None),
        ] {
            assert_eq!(label(text).track(), track, "{text}");
        }
        assert_ne!(label("\"anna\"").track(), label("\"ben\"").track());
        assert_eq!(label("\"anna\"").track(), label("\"anna\"").track());
    }

    #[test]
    fn frames_too() {
        for (text, frame) in
            [("7.0", Some(7)), ("\"12\"", Some(12)), ("\"out0000012.png\"", Some(12)), ("-1", None), ("\"x\"", None)]
        {
            assert_eq!(label(text).frame(), frame, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let message = parse::<Numbers>(b"[1,\n2,\n\"a\"]", 10).unwrap_err().to_string();
        assert!(message.contains(":12: the JSON value is not as its format has it"), "{message}");
        assert!(parse::<Numbers>(b"[1,", 1).unwrap_err().to_string().contains("cut off"));
    }
}
