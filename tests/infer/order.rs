//! Key points in another order than they are said to be in, and with left and right exchanged: told by the model's sigma.

use serde_json::{Value, json};

use crate::program::{CLIP, feed, poselift};

/// MediaPipe's places of COCO's 17 joints.
const COCO: [usize; 17] = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28];

/// The demonstration clip in COCO's order, with `places` `[17]` in place of its own.
fn clip(places: [usize; 17]) -> String {
    let mut text = json!({"poselift": 1, "kind": "keypoints", "layout": "coco17", "fps": 30}).to_string() + "\n";
    for line in std::fs::read_to_string(CLIP).unwrap().lines() {
        let mut frame: Value = serde_json::from_str(line).unwrap();
        for person in frame["people"].as_array_mut().unwrap() {
            let points = person["keypoints"].clone();
            person["keypoints"] = places.iter().map(|&place| points[COCO[place]].clone()).collect();
        }
        text.push_str(&frame.to_string());
        text.push('\n');
    }
    text
}

/// What the program says of a clip; no frame is lost over it.
fn told(input: &str, options: &[&str]) -> String {
    let output = feed(poselift().args(["run", "--device", "cpu"]).args(options), input);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(output.stdout.iter().filter(|&&byte| byte == b'\n').count(), input.lines().count(), "{told}");
    told
}

#[test]
fn the_right_order_is_nothing_odd() {
    let own: [usize; 17] = std::array::from_fn(|place| place);
    for options in [&[][..], &["--layout", "coco17"]] {
        let told = told(&clip(own), options);
        assert!(!told.contains("sigma") && !told.contains("exchanged"), "{told}");
    }
}

#[test]
fn another_order_is_told() {
    // From the feet up, as MPII counts; and no order at all.
    let legs_first = [16, 14, 12, 11, 13, 15, 0, 1, 2, 3, 10, 8, 6, 5, 7, 9, 4];
    let scattered = [5, 13, 0, 16, 9, 2, 11, 7, 14, 3, 8, 1, 15, 10, 4, 12, 6];
    for places in [legs_first, scattered] {
        let told = told(&clip(places), &[]);
        assert_eq!(told.matches("they may be in another order").count(), 1, "{told}");
    }
}
