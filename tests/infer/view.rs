//! `poselift view` as a user runs it.

use std::fs;

use crate::program::{Bench, CLIP, assert_code, feed, line, poselift, stderr, stdout};

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

/// Poses of the demonstration clip.
fn demonstration(bench: &Bench) -> std::path::PathBuf {
    let poses = bench.path("demonstration.jsonl");
    let output = poselift().args(["run", "--quiet", "--sigma", "--smooth", "clip", CLIP, "-o"]).arg(&poses).output();
    assert_code(&output.unwrap(), 0);
    poses
}

/// With `POSELIFT_PICTURES=FOLDER` figures stay there for inspection.
fn keep(bench: &Bench, name: &str) {
    if let Some(folder) = std::env::var_os("POSELIFT_PICTURES") {
        fs::copy(bench.path(name), std::path::Path::new(&folder).join(name)).unwrap();
    }
}

/// Width, height, and red, green, blue of each pixel.
fn decode_png(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(bytes).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

/// How many pixels are close to a colour.
fn count(pixels: &[u8], colour: [u8; 3]) -> usize {
    let is_near = |pixel: &&[u8]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 12);
    pixels.chunks(3).filter(is_near).count()
}

const LEFT: [u8; 3] = [47, 111, 228];
const RIGHT: [u8; 3] = [228, 87, 46];

#[test]
fn a_png_shows_both_sides_in_their_colours() {
    let bench = Bench::new();
    let poses = demonstration(&bench);
    let figure = bench.path("figure.png");
    let view = |options: &[&str]| {
        let output = poselift().arg("view").arg(&poses).args(options).arg("-o").arg(&figure).output().unwrap();
        assert_code(&output, 0);
        decode_png(&fs::read(&figure).unwrap())
    };
    let (width, height, pixels) = view(&["--png", "57", "--width", "600"]);
    keep(&bench, "figure.png");
    assert!(width == 600 && (400..1000).contains(&height), "{width} × {height}");
    assert!(count(&pixels, LEFT) > 1500 && count(&pixels, RIGHT) > 1500);
    assert!(count(&pixels, [255, 255, 255]) > pixels.len() / 3 / 2, "mostly white");
    let (.., turned) = view(&["--png", "57", "--width", "600", "--turn", "60"]);
    assert_ne!(turned, pixels);
    let (wide, ..) = view(&["--png", "20,57,100"]);
    let (one, ..) = view(&["--png", "57"]);
    assert!(wide.abs_diff(3 * one) <= 3, "{wide} pixels for three frames, {one} for one");
    // The extension alone takes a frame in the middle.
    assert_eq!(view(&[]).0, one);
}

#[test]
fn an_svg_is_a_document_of_lines() {
    let bench = Bench::new();
    let poses = demonstration(&bench);
    let output = poselift().arg("view").arg(&poses).args(["--svg", "57", "-o", "-"]).output().unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.starts_with("<svg xmlns=") && text.ends_with("</svg>\n"));
    // 16 bones, each with a rim.
    assert_eq!(text.matches("stroke=\"#2f6fe4\"").count(), 6);
    assert_eq!(text.matches("stroke=\"#e4572e\"").count(), 6);
    assert!(text.matches("<g ").count() == text.matches("</g>").count() && !text.contains("NaN"));
    assert!(text.len() < 40_000, "{} bytes", text.len());
    assert!(text.contains(">frame 57, 1.90 s</text>") && text.contains(">0.2 m</text>"), "{text}");
    let output = poselift().arg("view").arg(&poses).args(["--svg", "57", "--no-words", "-o", "-"]).output().unwrap();
    assert!(!stdout(&output).contains("<text"));
}

#[test]
fn a_gif_moves_at_the_clips_pace() {
    let bench = Bench::new();
    let poses = demonstration(&bench);
    let figure = bench.path("figure.gif");
    let options = ["--gif", "--frames", "40-69", "--width", "200"];
    let output = poselift().arg("view").arg(&poses).args(options).arg("-o").arg(&figure).output().unwrap();
    assert_code(&output, 0);
    keep(&bench, "figure.gif");
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(fs::File::open(&figure).unwrap()).unwrap();
    assert_eq!(decoder.width(), 200);
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        delays.push(frame.delay);
        let coloured = frame.buffer.chunks(4).filter(|pixel| pixel[2] > 200 && pixel[0] < 80).count();
        assert!(coloured > 50, "frame {} has the left side's blue", delays.len());
    }
    // 30 frames of 1/30 s; the last stays.
    assert_eq!(delays.len(), 30);
    let elapsed: u16 = delays[..29].iter().sum();
    assert!((96..=98).contains(&elapsed), "{delays:?}");
}

#[test]
fn figures_that_cannot_be_are_refused() {
    let bench = Bench::new();
    let poses = poses(&bench, "poses.jsonl", 1);
    let (png, gif) = (bench.path("figure.png"), bench.path("figure.gif"));
    for (options, out, expected) in [
        (&["--png", "7"][..], &png, "no frame 7, expected one of 0 to 2"),
        (&["--svg", "1"], &png, "--svg writes another format than .png"),
        (&["--gif", "--frames", "8-9"], &gif, "no pose in any frame"),
        (&["--gif", "--frames", "9-8"], &gif, "the first and the last frame"),
        (&["--png", "1", "--width", "8"], &png, "16..=8000"),
        (&["--png", "1", "--gif"], &png, "cannot be used with"),
    ] {
        let output = poselift().arg("view").arg(&poses).args(options).arg("-o").arg(out).output().unwrap();
        assert_code(&output, 2);
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert!(!out.exists());
    }
}
