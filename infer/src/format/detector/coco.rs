//! COCO key points: a list of results, or an object of `images` and `annotations`.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::json::{Label, Numbers, parse};
use super::{Detector, Document, flat_keypoints};
use crate::error::Result;
use crate::pose::Person;

#[derive(Deserialize)]
pub(super) struct Item {
    /// Home-made files call it `frame_id` or `frame`.
    #[serde(default, alias = "frame_id", alias = "frame")]
    pub(super) image_id: Label,
    #[serde(default)]
    pub(super) keypoints: Numbers,
    #[serde(default, alias = "idx")]
    pub(super) track_id: Label,
}

impl Item {
    pub(super) fn person(self) -> Person {
        Person { id: self.track_id.track(), keypoints: flat_keypoints(&self.keypoints.0) }
    }
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(default)]
    images: Vec<Image>,
    annotations: Vec<Item>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(default)]
    id: Label,
    #[serde(default)]
    file_name: Label,
    width: Option<u32>,
    height: Option<u32>,
}

/// The format.
pub(super) struct Coco;

impl Detector for Coco {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if text.trim_ascii_start().starts_with(b"[") {
            let items: Vec<Item> = parse(text, document.line)?;
            document.push_images(by_image(items));
            return Ok(());
        }
        let whole = serde_json::from_slice::<Annotations>(text);
        match whole {
            Ok(annotations) => push_annotations(annotations, document),
            // One result a line.
            Err(_) => {
                let item: Item = parse(text, document.line)?;
                document.push(item.image_id.frame(), None, vec![item.person()]);
            }
        }
        Ok(())
    }
}

/// People by the number of their image; those without key points are left out.
pub(super) fn by_image(items: Vec<Item>) -> BTreeMap<u64, Vec<Person>> {
    let mut images: BTreeMap<u64, Vec<Person>> = BTreeMap::new();
    let mut last = 0;
    for item in items {
        last = item.image_id.frame().unwrap_or(last);
        let people = images.entry(last).or_default();
        if !item.keypoints.0.is_empty() {
            people.push(item.person());
        }
    }
    images
}

/// Annotations by the numbers in their images' names where every name has one, else by their ids; each image has a size.
fn push_annotations(whole: Annotations, document: &mut Document) {
    let named =
        whole.images.iter().all(|image| matches!(image.file_name, Label::Text(_)) && image.file_name.frame().is_some());
    let mut sizes = HashMap::new();
    let mut number_of = HashMap::new();
    for image in &whole.images {
        let Some(id) = image.id.frame() else { continue };
        let number = if named { image.file_name.frame() } else { None }.unwrap_or(id);
        number_of.insert(id, number);
        if let (Some(width), Some(height)) = (image.width, image.height) {
            sizes.insert(number, [width, height]);
        }
    }
    let has_images = !whole.images.is_empty();
    // An image without annotations is a frame without people.
    let mut people: BTreeMap<u64, Vec<Person>> = number_of.values().map(|number| (*number, Vec::new())).collect();
    for (id, mut seen) in by_image(whole.annotations) {
        if has_images {
            seen.iter_mut().for_each(visibility_to_score);
        }
        people.entry(number_of.get(&id).copied().unwrap_or(id)).or_default().append(&mut seen);
    }
    for (number, people) in people {
        document.push(Some(number), None, people);
        if let (Some(frame), Some(size)) = (document.frames.back_mut(), sizes.get(&number)) {
            frame.size = Some(*size);
        }
    }
}

/// COCO's visibility as a score: 0 is not labelled, 1 hidden, 2 seen.
fn visibility_to_score(person: &mut Person) {
    for point in &mut person.keypoints {
        point.score = (point.score / 2.0).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn decode(text: &str) -> Document {
        let mut document = Document::default();
        Coco.decode(text.as_bytes(), &mut document).unwrap();
        document
    }

    fn numbers(number: &str) -> String {
        vec![number; 51].join(",")
    }

    #[test]
    fn results_come_by_image_and_gaps_stay() {
        let item =
            |image: u64| format!(r#"{{"image_id":{image},"category_id":1,"keypoints":[{}],"score":1}}"#, numbers("3"));
        let document = decode(&format!("[{},{},{}]", item(7), item(2), item(7)));
        let frames: Vec<_> = document.frames.iter().map(|frame| (frame.index, frame.people.len())).collect();
        assert_eq!(frames, [(2, 1), (7, 2)]);
        assert_eq!(document.layout.unwrap().name, "coco17");
    }

    #[test]
    fn annotations_have_sizes_and_visibility() {
        let text = format!(
            r#"{{"images":[{{"id":900,"file_name":"f_0002.jpg","width":64,"height":48}},{{"id":901,"file_name":"f_0001.jpg"}}],
            "annotations":[{{"image_id":900,"keypoints":[{}]}}]}}"#,
            numbers("1")
        );
        let frames: Vec<_> = decode(&text).frames.into();
        assert_eq!((frames[0].index, frames[0].people.len()), (1, 0));
        assert_eq!((frames[1].index, frames[1].size), (2, Some([64, 48])));
        assert_eq!(frames[1].people[0].keypoints[0].score, 0.5);
    }
}
