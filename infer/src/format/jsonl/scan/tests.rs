use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::io::{BufReader, Cursor, Read};

fn lines(text: impl Into<Vec<u8>>) -> Lines {
    Lines::new(Box::new(Cursor::new(text.into())), Path::new("a.jsonl"))
}

#[test]
fn tolerates_mark_carriage_returns_and_blanks() {
    let mut lines = lines("\u{feff}one\r\n\n  \r\ntwo \nthree\n\u{1a}\0\0");
    let mut seen = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        seen.push((String::from_utf8(line.text.to_vec()).unwrap(), line.number, line.ended));
    }
    assert_eq!(seen, [("one".into(), 1, true), ("two".into(), 4, true), ("three".into(), 5, true)]);
}

#[test]
fn joined_and_padded_files_lose_no_line() {
    let mut lines = lines("\u{feff}\u{feff}one\0\0\r\n\u{feff}two\n\0\0\0three\x1a\n");
    let mut seen = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        seen.push(String::from_utf8(line.text.to_vec()).unwrap());
    }
    assert_eq!(seen, ["one", "two", "three"]);
}

#[test]
fn goes_on_behind_a_line_that_is_too_long() {
    let endless = std::io::repeat(b'x').take(MAX_LINE as u64 * 2).chain(&b"\nnext\n"[..]);
    let mut lines = Lines::new(Box::new(BufReader::new(endless)), Path::new("a.jsonl"));
    let message = lines.next().map(|_| ()).unwrap_err().to_string();
    assert_eq!(message, "a.jsonl:1: the line is longer than 16 MB, expected one frame a line");
    let line = lines.next().unwrap().unwrap();
    assert_eq!((line.text, line.number), (&b"next"[..], 2));
}

fn skips(text: &[u8]) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip().and_then(|()| scanner.end()).is_ok()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn skips_whatever_is_json(value in any_value()) {
        prop_assert!(skips(value.to_string().as_bytes()));
        prop_assert!(skips(serde_json::to_string_pretty(&value).unwrap().as_bytes()));
    }

    /// What is skipped is JSON, but for escapes and Unicode, which are not looked into.
    #[test]
    fn skips_nothing_else(text in "[\\[\\]{}:,\" a0-9.eE+-]{0,12}|(\\[|\\]|\\{|\\}|:|,|\"a\"|1|null|true|nul){0,9}") {
        prop_assert_eq!(skips(text.as_bytes()), serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        skips(&bytes);
    }
}

#[test]
fn a_nesting_bomb_is_refused() {
    assert!(!skips("[".repeat(100_000).as_bytes()));
}

#[test]
fn a_number_beyond_f64_is_none() {
    for (text, expected) in [("1e400", None), ("-1e999,", None), ("null", None), ("-0.25}", Some(-0.25))] {
        assert_eq!(Scanner::new(text.as_bytes()).optional_f64().map_err(|e| e.to_string()), Ok(expected), "{text}");
    }
}

#[test]
fn integers_are_whole() {
    let read = |text: &str| Scanner::new(text.as_bytes()).integer("an integer").map_err(|e| e.to_string());
    assert_eq!(read(" -12,"), Ok(-12));
    for text in ["1.5", "1e3", "99999999999999999999", "--1", "\"7\"", ""] {
        assert!(read(text).is_err(), "{text}");
    }
}
