//! `poselift view` as a user runs it.

use std::fs;

use crate::program::{Bench, assert_code, feed, line, poselift, stderr, stdout};

/// Poses of the small model, of `people` people in each of three frames, at `name`.
fn poses(bench: &Bench, name: &str, people: usize) -> std::path::PathBuf {
    let people: Vec<_> = (0..people).map(|person| (17, 10.0 * person as f32)).collect();
    let input: String = (0..3).map(|frame| line(frame, &people)).collect();
    let path = bench.path(name);
    assert_code(&feed(bench.run().arg("-o").arg(&path), &input), 0);
    path
}

#[test]
fn poses_and_key_points_are_told_apart() {
    let bench = Bench::new();
    let (first, second) = (poses(&bench, "first.jsonl", 2), poses(&bench, "second.npz", 1));
    let keypoints = bench.file("keypoints.jsonl", line(0, &[(17, 1.0)]) + &line(5, &[(17, 1.0)]));
    let page = bench.path("page.html");
    let output = poselift().arg("view").args([&first, &keypoints, &second]).arg("-o").arg(&page).output().unwrap();
    assert_code(&output, 0);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("<title>first and second – poselift</title>"));
    assert!(text.contains("\"layout\":{\"name\":\"coco17\""));
    let data = text[text.find("id=\"clip\">").unwrap()..].split("</script").next().unwrap();
    // A header, and the frames 0, 1, 2 of the poses and 5 of the key points.
    assert_eq!(data.lines().count(), 1 + 1 + 4);
}

#[test]
fn a_page_can_go_to_a_pipe() {
    let bench = Bench::new();
    let output = poselift().arg("view").arg(poses(&bench, "poses.npy", 1)).args(["-o", "-"]).output().unwrap();
    assert_code(&output, 0);
    assert!(stdout(&output).starts_with("<!doctype html>") && stdout(&output).ends_with("</html>\n"));
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let bench = Bench::new();
    let poses = poses(&bench, "poses.jsonl", 1);
    let keypoints = bench.file("keypoints.jsonl", line(0, &[(17, 1.0)]));
    let empty =
        bench.file("empty.jsonl", fs::read_to_string(&poses).unwrap().lines().next().unwrap().to_owned() + "\n");
    let page = bench.path("page.html");
    let other = bench.path("page.xyz");
    for (inputs, out, expected) in [
        (vec![&keypoints], &page, "there are no poses to show"),
        (vec![&poses, &keypoints, &keypoints], &page, "a second file of key points"),
        (vec![&empty], &page, "no pose in any frame"),
        (vec![&poses], &poses, "would be overwritten"),
        (vec![&poses], &other, "its extension names no picture"),
        (vec![&other], &page, "cannot open"),
    ] {
        let output = poselift().arg("view").args(&inputs).arg("-o").arg(out).output().unwrap();
        assert_code(&output, 2);
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!page.exists());
    }
    assert_code(&poselift().arg("view").arg(&poses).output().unwrap(), 2);
}

#[test]
fn an_unreadable_frame_is_named_and_the_rest_shown() {
    let bench = Bench::new();
    let text = fs::read_to_string(poses(&bench, "poses.jsonl", 1)).unwrap();
    let broken = bench.file("broken.jsonl", text + "{\"frame\":3,\"people\":[{]}\n");
    let page = bench.path("page.html");
    let output = poselift().arg("view").arg(&broken).arg("-o").arg(&page).output().unwrap();
    assert_code(&output, 1);
    assert!(stderr(&output).contains("broken.jsonl:5"), "{}", stderr(&output));
    assert!(fs::read_to_string(page).unwrap().ends_with("</html>\n"));
}

#[test]
fn run_puts_what_it_assumed_on_its_page() {
    let bench = Bench::new();
    let page = bench.path("page.html");
    assert_code(&feed(bench.run().arg("-o").arg(&page), &line(0, &[(17, 1.0)])), 0);
    let text = fs::read_to_string(page).unwrap();
    assert!(text.contains("{\"note\":\"the camera is taken as level"), "{}", &text[text.len() - 2000..]);
}
