//! COCO key points: a list of results, or an object of `images` and `annotations`.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::json::{Label, Numbers, Points, parse};
use super::{Detector, Document, flat_channels, flat_keypoints, numbers_of_names};
use crate::error::Result;
use crate::pose::{Person, image_side};
use crate::skeleton::{COCO17, Layout, named_layout};

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
    #[serde(default)]
    categories: Vec<Category>,
}

/// The names of a category's key points, in their order.
#[derive(Deserialize)]
struct Category {
    #[serde(default)]
    keypoints: Vec<String>,
}

/// An item whose points are lists of their own, as people's own scripts write them.
#[derive(Deserialize)]
struct NestedItem {
    #[serde(default, alias = "frame_id", alias = "frame")]
    image_id: Label,
    #[serde(default)]
    keypoints: Points,
    #[serde(default, alias = "idx")]
    track_id: Label,
}

impl From<NestedItem> for Item {
    fn from(item: NestedItem) -> Self {
        let Points { points, channels } = item.keypoints;
        let numbers = points.iter().flat_map(|point| point.iter().take(channels).copied()).collect();
        Self { image_id: item.image_id, keypoints: Numbers(numbers), track_id: item.track_id }
    }
}

/// The items of a list; points that are lists of their own are the second guess.
///
/// # Errors
/// A text that is no list of items.
pub(super) fn items(text: &[u8], line: u64) -> Result<Vec<Item>> {
    parse(text, line).or_else(|error| {
        let nested = serde_json::from_slice::<Vec<NestedItem>>(text).map_err(|_| error)?;
        Ok(nested.into_iter().map(Item::from).collect())
    })
}

#[derive(Deserialize)]
struct Image {
    #[serde(default)]
    id: Label,
    #[serde(default)]
    file_name: Label,
    #[serde(default)]
    width: Label,
    #[serde(default)]
    height: Label,
}

impl Image {
    /// Width and height, where both say how many pixels there are.
    fn size(&self) -> Option<[u32; 2]> {
        Some([image_side(self.width.number()?)?, image_side(self.height.number()?)?])
    }
}

/// The format.
pub(super) struct Coco;

impl Detector for Coco {
    fn decode(&mut self, text: &[u8], document: &mut Document) -> Result<()> {
        if text.trim_ascii_start().starts_with(b"[") {
            document.push_images(by_image(items(text, document.line)?));
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

/// People by the number of their image; those without key points are left out. Images whose names do not tell their numbers
/// are counted as they come.
pub(super) fn by_image(items: Vec<Item>) -> BTreeMap<u64, Vec<Person>> {
    let numbers = ImageNumbers::of(items.iter().map(|item| &item.image_id));
    people_by(items, |id| numbers.of_id(id))
}

/// People by the numbers of their images; those without key points are left out. Of an image without a number, that of the item
/// before counts.
fn people_by(items: Vec<Item>, number_of: impl Fn(&Label) -> Option<u64>) -> BTreeMap<u64, Vec<Person>> {
    let mut images: BTreeMap<u64, Vec<Person>> = BTreeMap::new();
    let mut last = 0;
    for item in items {
        last = number_of(&item.image_id).unwrap_or(last);
        let people = images.entry(last).or_default();
        if !item.keypoints.0.is_empty() {
            people.push(item.person());
        }
    }
    images
}

/// What numbers images have that are told apart by numbers or names.
struct ImageNumbers {
    of_name: HashMap<String, u64>,
    /// The ids of all images in their order, where some are below 0 or no whole numbers: their places count.
    ordered: Vec<f64>,
}

impl ImageNumbers {
    fn of<'a>(ids: impl Iterator<Item = &'a Label> + Clone) -> Self {
        let names: Vec<&str> = ids.clone().filter_map(Label::as_name).collect();
        let of_name = numbers_of_names(names.iter().copied()).unwrap_or_else(|| in_order(&names));
        let mut ordered: Vec<f64> = ids.filter(|id| id.as_name().is_none()).filter_map(Label::number).collect();
        if ordered.iter().all(|id| *id >= 0.0 && id.fract() == 0.0) {
            ordered.clear();
        }
        ordered.sort_by(f64::total_cmp);
        ordered.dedup();
        Self { of_name, ordered }
    }

    fn of_id(&self, id: &Label) -> Option<u64> {
        if let Some(name) = id.as_name() {
            return self.of_name.get(name).copied();
        }
        if self.ordered.is_empty() {
            return id.frame();
        }
        let number = id.number()?;
        self.ordered.binary_search_by(|other| other.total_cmp(&number)).ok().map(|place| place as u64)
    }
}

/// Names by their first places among all.
fn in_order(names: &[&str]) -> HashMap<String, u64> {
    let mut place_of = HashMap::new();
    for name in names {
        let next = place_of.len() as u64;
        place_of.entry((*name).to_owned()).or_insert(next);
    }
    place_of
}

/// Annotations by the numbers in their images' names where these tell all images apart, else by their ids; each image has a
/// size.
fn push_annotations(whole: Annotations, document: &mut Document) {
    let ids = ImageNumbers::of(
        whole.images.iter().map(|image| &image.id).chain(whole.annotations.iter().map(|item| &item.image_id)),
    );
    let names: Vec<&str> = whole.images.iter().filter_map(|image| image.file_name.as_name()).collect();
    let number_of_name = numbers_of_names(names.iter().copied()).filter(|numbers| numbers.len() == whole.images.len());
    let mut sizes = HashMap::new();
    let mut number_of = HashMap::new();
    for image in &whole.images {
        let Some(id) = ids.of_id(&image.id) else { continue };
        let name = image.file_name.as_name();
        let number = name.zip(number_of_name.as_ref()).map_or(id, |(name, number_of)| number_of[name]);
        number_of.insert(id, number);
        if let Some(size) = image.size() {
            sizes.insert(number, size);
        }
    }
    document.layout = document.layout.or_else(|| layout_of(&whole.categories));
    let has_visibilities = !whole.images.is_empty() && are_visibilities(&whole.annotations);
    // An image without annotations is a frame without people.
    let mut people: BTreeMap<u64, Vec<Person>> = number_of.values().map(|number| (*number, Vec::new())).collect();
    for (id, mut seen) in people_by(whole.annotations, |id| ids.of_id(id)) {
        if has_visibilities {
            for person in &mut seen {
                visibility_to_score(person);
            }
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

/// The layout that the first category with names has, where it is another than COCO's.
fn layout_of(categories: &[Category]) -> Option<&'static Layout> {
    let names = &categories.iter().find(|category| !category.keypoints.is_empty())?.keypoints;
    let layout = named_layout(names).ok()?;
    Some(if layout.joints == COCO17.joints { &COCO17 } else { layout })
}

/// Whether third numbers are 0, 1 and 2; people keep scores in annotations, too.
fn are_visibilities(items: &[Item]) -> bool {
    let mut largest = 0.0f64;
    let thirds = items.iter().filter(|item| flat_channels(item.keypoints.0.len()) == 3);
    for third in thirds.flat_map(|item| item.keypoints.0.iter().skip(2).step_by(3)) {
        if ![0.0, 1.0, 2.0].contains(third) {
            return false;
        }
        largest = largest.max(*third);
    }
    largest == 2.0
}

/// COCO's visibility as a score: 0 is not labelled, 1 hidden, 2 seen.
fn visibility_to_score(person: &mut Person) {
    for point in &mut person.keypoints {
        point.score = (point.score / 2.0).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
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
            "annotations":[{{"image_id":900,"keypoints":[{},2,2,2]}}]}}"#,
            vec!["1"; 48].join(",")
        );
        let frames: Vec<_> = decode(&text).frames.into();
        assert_eq!((frames[0].index, frames[0].people.len()), (1, 0));
        assert_eq!((frames[1].index, frames[1].size), (2, Some([64, 48])));
        assert_eq!(frames[1].people[0].keypoints[0].score, 0.5);
        // Scores in the place of visibilities stay, and names tell the order.
        let names: Vec<String> = COCO17.joints.iter().rev().map(|name| format!("\"{name}\"")).collect();
        let scored = format!(
            r#"{{"images":[{{"id":1}}],"annotations":[{{"image_id":1,"keypoints":[{}]}}],"categories":[{{"keypoints":[{}]}}]}}"#,
            numbers("0.75"),
            names.join(",")
        );
        let document = decode(&scored);
        assert_eq!(document.frames[0].people[0].keypoints[0].score, 0.75);
        assert_eq!(document.layout.unwrap().joints[0], "right_ankle");
    }

    #[test]
    fn an_image_without_a_width_has_no_known_size() {
        for (width, size) in
            [("64", Some([64, 48])), ("64.0", Some([64, 48])), ("0", None), ("-1", None), ("null", None)]
        {
            let text = format!(
                r#"{{"images":[{{"id":1,"width":{width},"height":48}}],"annotations":[{{"image_id":1,"keypoints":[{}]}}]}}"#,
                numbers("2")
            );
            assert_eq!(decode(&text).frames[0].size, size, "{width}");
        }
    }

    #[test]
    fn names_that_do_not_tell_images_apart_merge_none() {
        let item = |name: &str| format!(r#"{{"image_id":"{name}","keypoints":[{}]}}"#, numbers("3"));
        let people = |names: [&str; 3]| -> Vec<_> {
            let document = decode(&format!("[{}]", names.map(item).join(",")));
            document.frames.iter().map(|frame| (frame.index, frame.people.len())).collect()
        };
        assert_eq!(people(["anna.jpg", "bob.jpg", "anna.jpg"]), [(0, 2), (1, 1)]);
        assert_eq!(people(["f_4_cam2.jpg", "f_5_cam2.jpg", "f_4_cam2.jpg"]), [(4, 2), (5, 1)]);

        let image = |id: u64, name: &str| format!(r#"{{"id":{id},"file_name":"{name}"}}"#);
        let annotated = |names: [&str; 2]| -> Vec<_> {
            let annotation = |id| format!(r#"{{"image_id":{id},"keypoints":[{}]}}"#, numbers("1"));
            let [first, second] = [image(31, names[0]), image(30, names[1])];
            let (one, other) = (annotation(31), annotation(30));
            let document = decode(&format!(r#"{{"images":[{first},{second}],"annotations":[{one},{other}]}}"#));
            document.frames.iter().map(|frame| (frame.index, frame.people.len())).collect()
        };
        assert_eq!(annotated(["f_0001_cam2.png", "f_0002_cam2.png"]), [(1, 1), (2, 1)]);
        assert_eq!(annotated(["left_2.png", "right_2.png"]), [(30, 1), (31, 1)]);

        let named =
            |id: &str, file: u64| format!(r#"{{"id":"{id}","file_name":"{file:04}.png","width":64,"height":48}}"#);
        for ids in [["f_0001_cam2", "f_0002_cam2"], ["5ac3-9", "77b0-9"]] {
            let (images, items) = (ids.iter().zip(11..).map(|(id, file)| named(id, file)), ids.map(item));
            let images: Vec<String> = images.collect();
            let text = format!(r#"{{"images":[{}],"annotations":[{}]}}"#, images.join(","), items.join(","));
            let found: Vec<_> =
                decode(&text).frames.iter().map(|frame| (frame.index, frame.people.len(), frame.size)).collect();
            assert_eq!(found, [(11, 1, Some([64, 48])), (12, 1, Some([64, 48]))]);
        }
    }

    #[test]
    fn ids_below_zero_merge_no_images() {
        let item = |id: &str| format!(r#"{{"image_id":{id},"keypoints":[{}]}}"#, numbers("3"));
        let people = |ids: [&str; 4]| -> Vec<_> {
            let document = decode(&format!("[{}]", ids.map(item).join(",")));
            document.frames.iter().map(|frame| (frame.index, frame.people.len())).collect()
        };
        assert_eq!(people(["-1", "-2", "-1", "0"]), [(0, 1), (1, 2), (2, 1)]);
        assert_eq!(people(["0.25", "0.5", "0.5", "0.75"]), [(0, 1), (1, 2), (2, 1)]);
        assert_eq!(people(["2.0", "4", "4", "7"]), [(2, 1), (4, 2), (7, 1)]);
    }

    #[test]
    fn points_may_be_lists_of_their_own() {
        let points = vec!["[3,4,0.5]"; 17].join(",");
        let document = decode(&format!(r#"[{{"image_id":3,"keypoints":[{points}]}}]"#));
        let person = &document.frames[0].people[0];
        assert_eq!((person.keypoints.len(), person.keypoints[16].y, person.keypoints[16].score), (17, 4.0, 0.5));
    }
}
