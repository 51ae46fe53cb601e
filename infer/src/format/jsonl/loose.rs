//! A whole frame in another spelling than ours: a person's points alone, by name, or in a list too many; points and people
//! that are null; numbers as texts.
//!
//! A line is read so where the scanner of frames gave up on it, so that streams as they should be cost nothing. What is not
//! understood here either keeps the scanner's complaint.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use serde_json::{Map, Value};

use super::keypoints::{are_of_points, take_scores};
use crate::format::detector::{Label, flat_keypoints, score};
use crate::format::keys::{self, FrameTime, OWN_TIME, TimeRank, is_one_of, time_key};
use crate::format::numbered_points::in_order;
use crate::format::values::Values;
use crate::pose::image_side;
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{COCO17, COCO23, LAYOUTS, Layout, is_of_foot, joint_name};

/// The frame in a line; one that names no number is `next_index`. Where no `layout` is known, the names of joints decide it.
/// `None` where the frame is in no spelling that is known.
#[cold]
pub(super) fn frame(line: &[u8], next_index: u64, layout: &mut Option<&'static Layout>) -> Option<Frame> {
    let Value::Object(fields) = parse(line)? else { return None };
    let number = match first_of(&fields, &keys::FRAME) {
        None => next_index,
        Some(number) => label(number).frame()?,
    };
    let known = layout.or_else(|| layout_of_names(&fields));
    let people = match fields.get("people") {
        Some(people) => people_of(people, known)?,
        None => person(&fields, Label::None, known)?.into_iter().collect(),
    };
    let size = size_beside(&fields)?;
    let mut time = FrameTime::default();
    for (name, value) in &fields {
        let key = if name == "time" { Some(OWN_TIME) } else { time_key(name) };
        let Some(key) = key.filter(|_| !value.is_null()) else { continue };
        let found = label(value).seconds();
        if found.is_none() && key.rank > TimeRank::Perhaps {
            return None;
        }
        time.take(key, found);
    }
    let time = time.seconds();
    *layout = known;
    Some(Frame { index: number, time, size, people, ..Frame::default() })
}

/// The JSON in a text, in which Python's NaN and infinities, which are none, are null; `None` unless it is one value and no more.
pub(super) fn parse(text: &[u8]) -> Option<Value> {
    let mut values = Values::new(Box::new(Cursor::new(text.to_vec())), Path::new(""));
    let whole = values.next().ok()?.filter(|value| !value.is_cut_off)?;
    let value = serde_json::from_slice(&whole.text).ok()?;
    values.next().ok()?.is_none().then_some(value)
}

/// The layout of the joints that a frame names: one that has just these, else COCO's, with feet if it names any of them.
/// `None` where it names none of COCO's.
fn layout_of_names(frame: &Map<String, Value>) -> Option<&'static Layout> {
    let people: Vec<&Value> = match frame.get("people") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(by_id)) => by_id.values().collect(),
        _ => Vec::new(),
    };
    let keypoints = people.into_iter().map(|person| person.get("keypoints")).chain([frame.get("keypoints")]);
    let names = keypoints.flatten().flat_map(|points| match points {
        Value::Object(by_name) => by_name.keys().map(String::as_str).collect(),
        Value::Array(list) => list.iter().filter_map(name_of).collect(),
        _ => Vec::new(),
    });
    let names: BTreeSet<String> = names.map(joint_name).collect();
    for layout in LAYOUTS {
        if layout.len() == names.len() && names.iter().all(|name| layout.position(name).is_some()) {
            return Some(layout);
        }
    }
    let mut of_coco = names.iter().filter(|name| COCO23.position(name).is_some()).peekable();
    of_coco.peek()?;
    Some(if of_coco.any(|name| is_of_foot(name)) { &COCO23 } else { &COCO17 })
}

/// The joint that a point names beside its coordinates.
fn name_of(point: &Value) -> Option<&str> {
    let fields = point.as_object()?;
    keys::JOINT.iter().chain(&["label"]).find_map(|name| first_of(fields, &[name])?.as_str())
}

/// The number of the joint that a point names beside its coordinates.
fn number_of(point: &Value) -> Option<i64> {
    // `joint` and the like may hold a name, or a number.
    let fields = point.as_object()?;
    let known = keys::JOINT_NUMBER.iter().chain(&keys::JOINT).chain(&keys::PERHAPS_JOINT_NUMBER);
    known.into_iter().find_map(|name| label(first_of(fields, &[name])?).whole())
}

/// What stands under the first of `known` keys that is there and not null.
pub(super) fn first_of<'a>(fields: &'a Map<String, Value>, known: &[&str]) -> Option<&'a Value> {
    for known in known {
        for (key, value) in fields {
            if is_one_of(key, &[known]) && !value.is_null() {
                return Some(value);
            }
        }
    }
    None
}

fn label(value: &Value) -> Label {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// A list of people, or an object of them by their ids; those of whom nothing is said are left out.
fn people_of(people: &Value, layout: Option<&'static Layout>) -> Option<Vec<Person>> {
    let mut found = Vec::new();
    match people {
        Value::Null => {}
        Value::Array(list) => {
            for entry in list {
                match entry {
                    Value::Null => {}
                    Value::Object(fields) => found.extend(person(fields, Label::None, layout)?),
                    _ => return None,
                }
            }
        }
        Value::Object(by_id) => {
            for (id, entry) in by_id {
                found.extend(person(entry.as_object()?, Label::Text(id.clone()), layout)?);
            }
        }
        _ => return None,
    }
    Some(found)
}

/// A person, or none whose key points are null or an empty list.
fn person(fields: &Map<String, Value>, id: Label, layout: Option<&'static Layout>) -> Option<Option<Person>> {
    let mut keypoints = points(fields.get("keypoints")?, layout)?;
    if keypoints.is_empty() {
        return Some(None);
    }
    if layout.is_some_and(|layout| layout.len() != keypoints.len()) {
        return None;
    }
    if let Some(scores) = scores_beside(fields, keypoints.len())
        && !take_scores(&mut keypoints, &scores)
    {
        return None;
    }
    let id = first_of(fields, &keys::ID).map_or(id, label);
    Some(Some(Person { id: id.track(), keypoints }))
}

/// The scores of a person's points that stand beside them.
fn scores_beside(fields: &Map<String, Value>, points: usize) -> Option<Vec<f64>> {
    list_under(fields, &keys::SCORES).or_else(|| {
        let perhaps = list_under(fields, &keys::PERHAPS_SCORES);
        perhaps.filter(|scores| are_of_points(scores, points))
    })
}

/// The first list of numbers, not an empty one, under a key that is one of `known`.
fn list_under(fields: &Map<String, Value>, known: &[&str]) -> Option<Vec<f64>> {
    let mut lists = fields.iter().filter(|(key, _)| is_one_of(key, known)).filter_map(|(_, list)| numbers(list));
    lists.find(|list| !list.is_empty())
}

/// Whether any point of a list names a joint of COCO's.
pub(super) fn names_joints(list: &Value) -> bool {
    let names = list.as_array().into_iter().flatten().filter_map(name_of);
    names.into_iter().any(|name| COCO23.position(&joint_name(name)).is_some())
}

/// A person's key points: by name, or a list of numbers, of lists, or of objects. Where these have names of the `layout`, they are
/// put in its order, and others are left out. `None` where they are spelt in no way that is known.
pub(super) fn points(value: &Value, layout: Option<&Layout>) -> Option<Vec<Keypoint>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Object(by_name) => named_points(by_name, layout),
        Value::Array(list) => {
            // A list of one person's points, as arrays with a side of 1 become.
            if let [Value::Array(inner)] = &list[..]
                && inner.first().is_some_and(Value::is_array)
            {
                return points(&list[0], layout);
            }
            if list.iter().all(is_number) {
                return Some(flat_keypoints(&list.iter().map(number).collect::<Option<Vec<_>>>()?));
            }
            if list.iter().all(lacks_place) && list.iter().any(is_nested) {
                return None;
            }
            let by_name: Option<Map<String, Value>> =
                list.iter().map(|one| Some((name_of(one)?.to_owned(), one.clone()))).collect();
            if let Some(named) = by_name.and_then(|by_name| named_points(&by_name, layout)) {
                return Some(named);
            }
            let channels = list.iter().filter_map(Value::as_array).map(Vec::len).filter(|count| *count > 0).max();
            let found: Vec<Keypoint> = list.iter().map(|one| point(one, channels)).collect::<Option<_>>()?;
            let numbered: Vec<_> = list.iter().map(number_of).zip(found).collect();
            Some(in_order(&numbered, layout.map(Layout::len)))
        }
        _ => None,
    }
}

/// Points by their joints' names, in the order of the `layout`; `None` where no name is one of its.
fn named_points(by_name: &Map<String, Value>, layout: Option<&Layout>) -> Option<Vec<Keypoint>> {
    let layout = layout?;
    let mut keypoints = vec![Keypoint::MISSING; layout.len()];
    let mut is_known = false;
    for (name, value) in by_name {
        let Some(place) = layout.position(&joint_name(name)) else { continue };
        is_known = true;
        keypoints[place] = point(value, value.as_array().map(Vec::len))?;
    }
    is_known.then_some(keypoints)
}

/// Whether a point is an object without coordinates, known or not.
fn lacks_place(point: &Value) -> bool {
    point.as_object().is_some_and(|fields| coordinate(fields, "x").is_none())
}

/// Whether an object holds a list or another object.
fn is_nested(point: &Value) -> bool {
    let mut values = point.as_object().into_iter().flat_map(Map::values);
    values.any(|value| value.is_array() || value.is_object())
}

/// A point of as many numbers as the others, an object of x, y and score, or nothing.
fn point(value: &Value, channels: Option<usize>) -> Option<Keypoint> {
    match value {
        Value::Null => Some(Keypoint::MISSING),
        Value::Array(numbers) if numbers.is_empty() => Some(Keypoint::MISSING),
        Value::Array(numbers) if channels == Some(numbers.len()) && matches!(numbers.len(), 2 | 3) => {
            let own = numbers.get(2).map(number);
            let own = if let Some(own) = own { Some(own?) } else { None };
            Some(Keypoint { x: number(&numbers[0])?, y: number(&numbers[1])?, score: score(own) })
        }
        Value::Object(fields) => {
            let x = coordinate(fields, "x");
            let y = coordinate(fields, "y");
            if x.is_none()
                && y.is_none()
                && (name_of(value).is_some() || fields.keys().all(|key| is_one_of(key, &keys::SCORE)))
            {
                return Some(Keypoint::MISSING);
            }
            let own = first_of(fields, &keys::SCORE).and_then(number);
            Some(Keypoint { x: number(x?)?, y: number(y?)?, score: score(own) })
        }
        _ => None,
    }
}

/// What a point that is an object has as its place along `axis`.
fn coordinate<'a>(fields: &'a Map<String, Value>, axis: &str) -> Option<&'a Value> {
    fields.get(axis).or_else(|| fields.get("position")?.get(axis))
}

/// The numbers of a list, which may lie in lists of their own; `None` where there is no list, or something else in it.
pub(super) fn numbers(list: &Value) -> Option<Vec<f64>> {
    let mut found = Vec::new();
    for value in list.as_array()? {
        match value {
            Value::Array(_) => found.extend(numbers(value)?),
            value => found.push(number(value)?),
        }
    }
    Some(found)
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Number(_) | Value::Null)
}

/// A number, in a text too; what is null, empty or `nan` is none, true and false are 1 and 0.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(f64::NAN),
        Value::Bool(is_true) => Some(f64::from(u8::from(*is_true))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => Some(f64::NAN),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The size that an object names, if it names one: as one value, or by both sides. `None` where it is no size.
pub(super) fn size_beside(fields: &Map<String, Value>) -> Option<Option<[u32; 2]>> {
    match first_of(fields, &keys::SIZE) {
        Some(size) => size_of(size),
        None => Some(sides_of(fields, &keys::WIDTH, &keys::HEIGHT)),
    }
}

/// Width and height in a list, an object or a text as `1920x1080`; sides of 0 are what a detector writes that does not know them.
pub(super) fn size_of(value: &Value) -> Option<Option<[u32; 2]>> {
    match value {
        Value::Object(fields) => {
            let [width, height] = keys::SHORT_SIDES;
            let sides = sides_of(fields, &keys::WIDTH, &keys::HEIGHT);
            Some(sides.or_else(|| sides_of(fields, &[width], &[height])))
        }
        Value::Array(sides) => match &sides[..] {
            [width, height] => sides_in_pixels(number(width)?, number(height)?),
            _ => None,
        },
        Value::String(text) => {
            let (width, height) = text.split_once(['x', 'X'])?;
            sides_in_pixels(width.trim().parse().ok()?, height.trim().parse().ok()?)
        }
        _ => None,
    }
}

/// The width and height that an object says, if it says both and they can be an image's.
fn sides_of(fields: &Map<String, Value>, width: &[&str], height: &[&str]) -> Option<[u32; 2]> {
    let (width, height) = first_of(fields, width).zip(first_of(fields, height))?;
    sides_in_pixels(number(width)?, number(height)?).flatten()
}

fn sides_in_pixels(width: f64, height: f64) -> Option<Option<[u32; 2]>> {
    if width == 0.0 && height == 0.0 {
        return Some(None);
    }
    Some(Some([image_side(width)?, image_side(height)?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::MEDIAPIPE33;

    const POINT: Keypoint = Keypoint { x: 1.5, y: 2.0, score: 0.5 };

    fn people(text: &str, layout: Option<&'static Layout>) -> Option<Vec<Person>> {
        frame(text.as_bytes(), 4, &mut { layout }).map(|frame| frame.people)
    }

    #[test]
    fn what_is_not_there_is_missing_and_not_the_whole_frame() {
        for list in [
            "[1.5,2,0.5],null",
            "[1.5,2,0.5],[]",
            "[\"1.5\",\"2\",\"0.5\"],[\"\",\"nan\",\"0\"]",
            "[1.5,2,0.5],[NaN,NaN,null]",
        ] {
            let found = people(
                &format!("{{\"people\":[null,{{\"id\":3,\"keypoints\":[]}},{{\"keypoints\":[{list}]}}]}}"),
                None,
            );
            let [person] = &found.unwrap()[..] else { panic!("{list}") };
            assert!(person.keypoints[0] == POINT && person.keypoints[1].is_missing(), "{list}");
        }
        assert_eq!(people("{\"people\":[{\"keypoints\":[[1.5,2,true]]}]}", None).unwrap()[0].keypoints[0].score, 1.0);
    }

    #[test]
    fn a_name_counts_before_a_number_and_a_number_before_an_id() {
        let point = |fields: &str| serde_json::from_str::<Value>(fields).unwrap();
        let named = point(r#"{"joint":0,"label":"person","name":"nose","x":1,"y":2}"#);
        assert_eq!(name_of(&named), Some("nose"));
        let numbered = point(r#"{"id":7,"joint":3,"label":"person","x":1,"y":2}"#);
        assert_eq!((name_of(&numbered), number_of(&numbered)), (Some("person"), Some(3)));
    }

    #[test]
    fn a_list_of_points_that_have_numbers_is_in_their_order() {
        for key in ["id", "index", "keypoint_id", "jointIndex"] {
            let point = |place: usize| format!(r#"{{"{key}":{place},"x":{place},"y":2,"score":0.5}}"#);
            let list = |places: Vec<usize>| -> Vec<f64> {
                let points: Vec<String> = places.into_iter().map(point).collect();
                let found = people(&format!(r#"{{"people":[{{"keypoints":[{}]}}]}}"#, points.join(",")), Some(&COCO17));
                found.unwrap()[0].keypoints.iter().map(|point| point.x).collect()
            };
            let whole: Vec<f64> = (0..17).map(f64::from).collect();
            assert_eq!(list((0..17).rev().collect()), whole, "{key}");
            let found = list(vec![5, 16, 0]);
            assert!(found.len() == 17 && found[5] == 5.0 && found[1].is_nan(), "{key}");
        }
    }

    #[test]
    fn a_list_of_points_that_have_names_is_in_the_order_of_the_names() {
        let list = |layout: &Layout| -> String {
            let point = |name: &&str| format!(r#"{{"name":"{name}","x":{},"y":2}}"#, layout.position(name).unwrap());
            // Alphabetical, as a table's columns may be.
            let mut names = layout.joints.to_vec();
            names.sort_unstable();
            format!(r#"{{"people":[{{"keypoints":[{}]}}]}}"#, names.iter().map(point).collect::<Vec<_>>().join(","))
        };
        for layout in [&COCO17, &MEDIAPIPE33] {
            let mut found = None;
            let people = frame(list(layout).as_bytes(), 0, &mut found).unwrap().people;
            assert_eq!(found.map(|layout| layout.name), Some(layout.name));
            let places: Vec<usize> = people[0].keypoints.iter().map(|point| point.x as usize).collect();
            assert_eq!(places, (0..layout.len()).collect::<Vec<_>>(), "{}", layout.name);
        }
        let by_part = r#"{"people":[{"keypoints":[{"part":"left_eye","position":{"x":1.5,"y":2},"score":0.5}]}]}"#;
        assert_eq!(people(by_part, None).unwrap()[0].keypoints[1], POINT);
        let elsewhere =
            r#"{"people":[{"keypoints":[{"joint":"nose","point":[1,2]},{"joint":"left_eye","point":[1,2]}]}]}"#;
        assert!(people(elsewhere, None).is_none());
        let half =
            r#"{"people":[{"keypoints":[{"name":"left_eye","x":1.5,"y":2,"score":0.5},{"name":"nose","score":0}]}]}"#;
        let found = people(half, None).unwrap();
        assert!(found[0].keypoints[0].is_missing() && found[0].keypoints[1] == POINT);
    }

    #[test]
    fn points_by_name_alone_and_in_a_list_too_many() {
        let named =
            r#"{"keypoints":{"LeftEye":[1.5,2,0.5],"nose":{"x":1.5,"y":2,"score":0.5},"tail":[1,2,3]},"track_id":"7"}"#;
        let found = people(named, None).unwrap();
        assert_eq!((found[0].id, found[0].keypoints.len()), (Some(7), 17));
        assert_eq!(found[0].keypoints[..2], [POINT, POINT]);
        assert!(found[0].keypoints[2].is_missing());
        let found = people(r#"{"people":{"5":{"keypoints":[[[1.5,2,0.5],[1.5,2,0.5]]]}}}"#, None).unwrap();
        assert_eq!((found[0].id, &found[0].keypoints[..]), (Some(5), &[POINT, POINT][..]));
    }

    #[test]
    fn scores_beside_the_points_in_other_spellings() {
        for scores in ["[\"0.5\",0.25]", "[[0.5],[0.25]]", "[[0.5,0.25]]"] {
            let text = format!(r#"{{"people":[{{"keypoints":[[1.5,2],[3,4]],"kp_scores":{scores}}}]}}"#);
            let found = people(&text, None).unwrap();
            assert_eq!(found[0].keypoints, [POINT, Keypoint { x: 3.0, y: 4.0, score: 0.25 }], "{scores}");
        }
        assert_eq!(people(r#"{"people":[{"keypoints":[[1.5,2],[3,4]],"scores":[0.5]}]}"#, None), None);
        // A person's own score is none of the points', nor are flags of COCO's.
        for own in [
            r#""keypoints":[[1.5,2,0.5],[3,4,0.5]],"confidence":[0.9]"#,
            r#""keypoints":[[1.5,2,0.5],[3,4,0.5]],"visibility":[2,1]"#,
            r#""confidence":0.9,"keypoints":[[1.5,2],[3,4]],"kp_scores":[0.5,0.25]"#,
        ] {
            let text = format!(r#"{{"people":[{{{own}}}]}}"#);
            assert_eq!(people(&text, None).unwrap()[0].keypoints[0], POINT, "{own}");
        }
        let own = people(r#"{"people":[{"keypoints":[[1.5,2],[3,4]],"confidence":0.5}]}"#, None).unwrap();
        assert_eq!(own[0].keypoints[0].score, 1.0);
    }

    #[test]
    fn names_decide_the_layout_of_a_stream_once() {
        let body = r#"{"people":[{"keypoints":{"nose":[1.5,2,0.5]}}]}"#;
        let feet = r#"{"people":[{"keypoints":{"nose":[1.5,2,0.5]}},{"keypoints":{"right_heel":[1.5,2,0.5]}}]}"#;
        let mut layout = None;
        let found = frame(feet.as_bytes(), 0, &mut layout).unwrap().people;
        assert_eq!(layout, Some(&COCO23));
        assert_eq!(found[1].keypoints[COCO23.position("right_heel").unwrap()], POINT);
        // A person without feet has missing ones then.
        assert_eq!(frame(body.as_bytes(), 1, &mut layout).unwrap().people[0].keypoints.len(), 23);
        layout = None;
        frame(body.as_bytes(), 0, &mut layout).unwrap();
        assert_eq!(layout, Some(&COCO17));
    }

    #[test]
    fn numbers_times_and_sizes_in_other_spellings() {
        let found = frame(br#"{"frame":null,"time":"00:01:02.5","size":[0,0],"people":[]}"#, 4, &mut None).unwrap();
        assert_eq!((found.index, found.time, found.size), (4, Some(62.5), None));
        let found = frame(br#"{"frame_id":"img_0012.png","size":["64","48"],"people":null}"#, 4, &mut None).unwrap();
        assert_eq!((found.index, found.size), (12, Some([64, 48])));
    }

    #[test]
    fn what_is_in_no_spelling_keeps_its_complaint() {
        for text in [
            "{\"people\":[{\"id\":1}]}",
            "{\"people\":[{\"keypoints\":[[1,2,3,4]]}]}",
            "{\"people\":[{\"keypoints\":[[1,2,3],[1,2]]}]}",
            "{\"people\":[{\"keypoints\":[[1,2,\"high\"]]}]}",
            "{\"frame\":\"last\",\"people\":[]}",
            "{\"people\":[",
            "{\"people\":[]} x",
            "{}",
        ] {
            assert_eq!(frame(text.as_bytes(), 0, &mut None), None, "{text}");
        }
        assert_eq!(people("{\"people\":[{\"keypoints\":[[1,2,3],null]}]}", Some(&COCO17)), None);
    }
}
