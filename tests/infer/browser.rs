//! The page in a real browser: no errors, keys and slider move the skeleton, and nothing overlaps.
//!
//! With `POSELIFT_PICTURES=FOLDER` the test leaves its screenshots there for inspection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::chromium::{Chromium, Screen};
use crate::program::CLIP;

const PHONE: Screen = Screen { width: 420, height: 900, scheme: "light" };
const DESKTOP: Screen = Screen { width: 1280, height: 800, scheme: "light" };

/// Pixels of the canvas `id`, as a data URL.
fn pixels(browser: &mut Chromium, id: &str) -> String {
    browser.evaluate(&format!("document.getElementById('{id}').toDataURL()")).as_str().unwrap().to_owned()
}

/// The number of the visible frame.
fn frame(browser: &mut Chromium) -> u64 {
    let value = browser.evaluate("document.getElementById('strip').getAttribute('aria-valuenow')");
    value.as_str().unwrap().parse().unwrap()
}

/// Lifts the demonstration clip into a page.
fn lift_page(folder: &Path) -> PathBuf {
    let page = folder.join("poses.html");
    let status = Command::new(env!("CARGO_BIN_EXE_poselift"))
        .args(["run", "--quiet", "--device", "cpu", CLIP, "-o"])
        .arg(&page)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    page
}

/// Poses of the demonstration clip in level axes, with sigma and roots; `options` besides.
fn lift_poses(folder: &Path, name: &str, options: &[&str]) -> PathBuf {
    let poses = folder.join(name);
    let status = Command::new(env!("CARGO_BIN_EXE_poselift"))
        .args(["run", "--quiet", "--device", "cpu", "--sigma", "--root", "--pitch", "5", CLIP])
        .args(options)
        .arg("-o")
        .arg(&poses)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    poses
}

fn view_page(page: &Path, inputs: &[&Path]) {
    let status = Command::new(env!("CARGO_BIN_EXE_poselift"))
        .args(["view", "--quiet"])
        .args(inputs)
        .arg("-o")
        .arg(page)
        .status();
    assert!(status.unwrap().success());
}

fn save_picture(browser: &mut Chromium, name: &str) {
    let Some(folder) = std::env::var_os("POSELIFT_PICTURES") else { return };
    let file = std::fs::File::create(Path::new(&folder).join(format!("{name}.png"))).unwrap();
    let mut decoder = Command::new("base64").arg("--decode").stdin(Stdio::piped()).stdout(file).spawn().unwrap();
    decoder.stdin.take().unwrap().write_all(browser.picture().as_bytes()).unwrap();
    assert!(decoder.wait().unwrap().success());
}

#[test]
fn page_works_in_chromium() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = lift_page(folder.path());
    for screen in [DESKTOP, Screen { scheme: "dark", ..DESKTOP }, PHONE, Screen { scheme: "dark", ..PHONE }] {
        browser.show(&page, screen);
        // It plays from the start; the space bar stops it.
        browser.press(" ");
        keys_move_the_skeleton(&mut browser);
        slider_moves_the_skeleton(&mut browser);
        nothing_overlaps(&mut browser, screen);
        save_picture(&mut browser, &format!("{}-{}", screen.width, screen.scheme));
        assert_eq!(browser.complaints(), &[] as &[String], "{screen:?}");
    }
    schemes_differ(&mut browser, &page);
}

fn keys_move_the_skeleton(browser: &mut Chromium) {
    let stopped = (frame(browser), pixels(browser, "space"));
    browser.paint();
    assert_eq!(frame(browser), stopped.0, "it stands still once the space bar was pressed");
    for _ in 0..5 {
        browser.press("ArrowRight");
    }
    assert_eq!(frame(browser), stopped.0 + 5);
    assert_ne!(pixels(browser, "space"), stopped.1, "the 3D pose moves");
    for _ in 0..5 {
        browser.press("ArrowLeft");
    }
    assert_eq!((frame(browser), pixels(browser, "space")), stopped, "and back");
}

fn slider_moves_the_skeleton(browser: &mut Chromium) {
    let before = [pixels(browser, "space"), pixels(browser, "image")];
    let place = browser.evaluate(
        "{ const strip = document.getElementById('strip'); strip.scrollIntoView({block: 'center'}); \
         const box = strip.getBoundingClientRect(); [box.left + box.width / 2, box.top + box.height / 2] }",
    );
    browser.click(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    let middle = frame(browser);
    assert!((110..=120).contains(&middle), "the middle of 230 frames, found {middle}");
    let after = [pixels(browser, "space"), pixels(browser, "image")];
    assert!(before[0] != after[0] && before[1] != after[1], "both views move");
}

/// Text and buttons keep clear of each other, and the page is no wider than the screen.
fn nothing_overlaps(browser: &mut Chromium, screen: Screen) {
    let overlaps = browser.evaluate(
        "[...document.querySelectorAll('h1, #legend, .caption, .views, .chart select, .player > *, details, #facts, footer p')] \
         .map(part => [part.id || part.className || part.tagName, part.getBoundingClientRect()]) \
         .flatMap(([name, a], at, all) => all.slice(at + 1) \
         .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) \
         .map(([other]) => name + ' and ' + other))",
    );
    assert_eq!(overlaps, serde_json::json!([]), "{screen:?}");
    let width = browser.evaluate("document.scrollingElement.scrollWidth").as_u64().unwrap();
    assert!(width <= u64::from(screen.width), "{width} pixels wide on {screen:?}");
}

#[test]
fn a_comparison_works_in_chromium() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let raw = lift_poses(folder.path(), "raw.jsonl", &[]);
    let smooth = lift_poses(folder.path(), "smooth.jsonl", &["--smooth", "clip"]);
    let page = folder.path().join("comparison.html");
    view_page(&page, &[&raw, Path::new(CLIP), &smooth]);
    for screen in [DESKTOP, Screen { scheme: "dark", ..DESKTOP }, PHONE, Screen { scheme: "dark", ..PHONE }] {
        browser.show(&page, screen);
        browser.press(" ");
        let legend = browser.evaluate("[...document.querySelectorAll('#legend li')].map(item => item.textContent)");
        assert_eq!(legend, serde_json::json!(["raw", "smooth"]));
        keys_move_the_skeleton(&mut browser);
        slider_moves_the_skeleton(&mut browser);
        angles_follow_the_cursor(&mut browser);
        nothing_overlaps(&mut browser, screen);
        save_picture(&mut browser, &format!("beside-{}-{}", screen.width, screen.scheme));
        let beside = pixels(&mut browser, "space");
        browser.evaluate("document.querySelector('[data-overlay=yes]').click()");
        assert_ne!(pixels(&mut browser, "space"), beside, "one in the other");
        save_picture(&mut browser, &format!("overlay-{}-{}", screen.width, screen.scheme));
        for id in ["grounded", "follow", "sigma"] {
            let before = pixels(&mut browser, "space");
            browser.evaluate(&format!("document.getElementById('{id}').click()"));
            assert_ne!(pixels(&mut browser, "space"), before, "{id} changes the picture");
        }
        assert_eq!(browser.complaints(), &[] as &[String], "{screen:?}");
    }
}

/// The chart's cursor and its values are those of the frame, and a click in a chart goes to a frame.
fn angles_follow_the_cursor(browser: &mut Chromium) {
    let chart = "const chart = document.querySelector('.chart'); const canvas = chart.querySelector('canvas');";
    let mut values = || {
        let script = format!("{{ {chart} [chart.querySelector('.caption').textContent, canvas.toDataURL()] }}");
        browser.evaluate(&script)
    };
    let before = values();
    assert!(before[0].as_str().is_some_and(|text| text.contains("R ") && text.contains('°')), "{}", before[0]);
    let place = browser.evaluate(&format!(
        "{{ {chart} canvas.scrollIntoView({{block: 'center'}}); const box = canvas.getBoundingClientRect(); \
         [box.left + 38 + (box.width - 48) / 4, box.top + box.height / 2] }}"
    ));
    browser.click(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    let quarter = frame(browser);
    assert!((52..=62).contains(&quarter), "a quarter of 230 frames, found {quarter}");
    let script = format!("{{ {chart} [chart.querySelector('.caption').textContent, canvas.toDataURL()] }}");
    let after = browser.evaluate(&script);
    assert!(after[0] != before[0] && after[1] != before[1], "values and the cursor move");
    let hip = format!(
        "{{ {chart} const select = chart.querySelector('select'); select.selectedIndex = 1; \
         select.dispatchEvent(new Event('change')); canvas.toDataURL() }}"
    );
    assert_ne!(browser.evaluate(&hip), after[1], "another angle is another curve");
}

#[test]
fn poses_alone_are_a_page() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let poses = lift_poses(folder.path(), "poses.jsonl", &["--axes", "y-up", "--units", "mm"]);
    let page = folder.path().join("alone.html");
    view_page(&page, &[&poses]);
    for screen in [DESKTOP, PHONE] {
        browser.show(&page, screen);
        browser.press(" ");
        assert_eq!(browser.evaluate("document.getElementById('image').checkVisibility()"), false);
        keys_move_the_skeleton(&mut browser);
        nothing_overlaps(&mut browser, screen);
        save_picture(&mut browser, &format!("alone-{}", screen.width));
        let facts = browser.evaluate("document.getElementById('facts').textContent");
        assert!(facts.as_str().is_some_and(|facts| facts.contains("y-up: x right, y up, z back")), "{facts}");
        assert_eq!(browser.complaints(), &[] as &[String]);
    }
}

#[test]
fn ten_minutes_at_60_hz_draw() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("long.html");
    crate::page::write_long_page(&page);
    browser.show(&page, DESKTOP);
    browser.press(" ");
    let last = browser.evaluate("document.getElementById('strip').getAttribute('aria-valuemax')");
    assert_eq!(last, (crate::page::LONG - 1).to_string());
    keys_move_the_skeleton(&mut browser);
    let before = [pixels(&mut browser, "space"), pixels(&mut browser, "image"), pixels(&mut browser, "strip")];
    browser.press("End");
    assert_eq!(frame(&mut browser), crate::page::LONG - 1);
    let after = [pixels(&mut browser, "space"), pixels(&mut browser, "image"), pixels(&mut browser, "strip")];
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    save_picture(&mut browser, "long");
    let script = "{ const start = performance.now(); const press = key => document.dispatchEvent(new KeyboardEvent('keydown', {key})); \
                  press('Home'); \
                  for (let at = 0; at < 60; at++) press('ArrowRight'); \
                  (performance.now() - start) / 60 }";
    println!("ten minutes: {} ms a picture", browser.evaluate(script));
    assert_eq!(frame(&mut browser), 60);
    assert_eq!(browser.complaints(), &[] as &[String]);
}

fn schemes_differ(browser: &mut Chromium, page: &Path) {
    let mut ground = |scheme| {
        browser.show(page, Screen { scheme, ..DESKTOP });
        browser.evaluate("getComputedStyle(document.body).backgroundColor")
    };
    assert_ne!(ground("light"), ground("dark"));
}
