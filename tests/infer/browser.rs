//! The page in a real browser: no errors, keys and slider move the skeleton, and nothing overlaps.
//!
//! With `POSELIFT_PICTURES=FOLDER` the test leaves its screenshots there for inspection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::chromium::{Chromium, Screen};

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../demos/sports2d/sports2d_demo.mediapipe33.jsonl");

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
        "[...document.querySelectorAll('h1, #legend, .caption, .views, .player > *, #facts, footer p')] \
         .map(part => [part.id || part.className || part.tagName, part.getBoundingClientRect()]) \
         .flatMap(([name, a], at, all) => all.slice(at + 1) \
         .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) \
         .map(([other]) => name + ' and ' + other))",
    );
    assert_eq!(overlaps, serde_json::json!([]), "{screen:?}");
    let width = browser.evaluate("document.scrollingElement.scrollWidth").as_u64().unwrap();
    assert!(width <= u64::from(screen.width), "{width} pixels wide on {screen:?}");
}

fn schemes_differ(browser: &mut Chromium, page: &Path) {
    let mut ground = |scheme| {
        browser.show(page, Screen { scheme, ..DESKTOP });
        browser.evaluate("getComputedStyle(document.body).backgroundColor")
    };
    assert_ne!(ground("light"), ground("dark"));
}
