//! Frames that are pushed come out as those of a pipe do, with all that the program does to them on their way.

use poselift::camera::Attitude;
use poselift::format::{FrameReader, Source, open_reader};
use poselift::guard::ReadOptions;
use poselift::model::Device;
use poselift::pose::{Frame, LiftedPerson};
use poselift::skeleton::MEDIAPIPE33;
use poselift::smooth::Smoothing;
use poselift::stream::{PushOptions, PushStream};
use poselift::{Lifter, LifterOptions};
use serde_json::Value;

use crate::program::{CLIP, assert_code, feed, frames, poselift, stdout};

fn clip() -> Vec<Frame> {
    let mut reader: Box<dyn FrameReader> = open_reader(&Source::File(CLIP.into()), None, None).unwrap();
    std::iter::from_fn(|| reader.read().unwrap()).collect()
}

fn lifter() -> Lifter {
    Lifter::bundled(&LifterOptions { device: Device::Cpu, threads: Some(1), ..LifterOptions::default() }).unwrap()
}

/// The joints of one person, and of the root, as the program wrote them.
fn written(person: &Value) -> Vec<[f32; 3]> {
    let mut numbers: Vec<[f32; 3]> = serde_json::from_value(person["joints"].clone()).unwrap();
    numbers.extend(serde_json::from_value::<[f32; 3]>(person["root"].clone()).ok());
    numbers
}

fn pushed(person: &LiftedPerson) -> Vec<[f32; 3]> {
    person.joints.iter().copied().chain(person.root).collect()
}

#[test]
fn what_is_pushed_comes_out_as_from_a_pipe() {
    let text = std::fs::read_to_string(CLIP).unwrap();
    for smooth in ["live", "clip"] {
        let options =
            ["--size", "1768x994", "--focal", "1500", "--pitch", "12", "--root", "--contacts", "--smooth", smooth];
        let live = ["run", "--device", "cpu", "--threads", "1", "--layout", "mediapipe33"];
        let output = feed(poselift().args(live).args(options), &text);
        assert_code(&output, 0);
        let expected = frames(&stdout(&output));

        let smoothing: Smoothing = smooth.parse().unwrap();
        let read = ReadOptions { layout: Some(&MEDIAPIPE33), size: Some([1768, 994]), ..ReadOptions::default() };
        let attitude = Attitude { pitch: 12f32.to_radians(), ..Attitude::default() };
        let options = PushOptions {
            read,
            focal: Some(1500.0),
            smoothing: Some(smoothing),
            attitude: Some(attitude),
            root: true,
            contacts: true,
            arrivals: false,
        };
        let mut stream = PushStream::new(lifter(), options);
        let mut lifted: Vec<_> = clip().into_iter().flat_map(|frame| stream.push(frame).unwrap()).collect();
        let before_end = lifted.len();
        lifted.extend(stream.finish().unwrap());
        assert_eq!(before_end == lifted.len(), smooth == "live");

        assert_eq!(lifted.len(), expected.len());
        let mut feet = Vec::new();
        for (found, expected) in lifted.iter().zip(&expected) {
            assert_eq!(Some(found.index), expected["frame"].as_u64());
            let people = expected["people"].as_array().unwrap();
            assert_eq!(found.people.len(), people.len());
            for (found, expected) in found.people.iter().zip(people) {
                assert_eq!(found.id, expected["id"].as_i64());
                let contacts = ["left", "right"].map(|side| expected["contacts"][side].as_bool());
                // The program's clip waits for later frames; a stream's never do.
                if smooth == "live" {
                    assert_eq!(found.contacts, contacts);
                }
                feet.extend(found.contacts);
                let (found, expected) = (pushed(found), written(expected));
                assert_eq!((found.len(), expected.len()), (18, 18));
                let apart = found.as_flattened().iter().zip(expected.as_flattened()).map(|(a, b)| (a - b).abs());
                assert!(apart.fold(0.0, f32::max) < 2e-5, "{found:?}, expected {expected:?}");
            }
        }
        assert!(feet.contains(&Some(true)) && feet.contains(&Some(false)), "{feet:?}");
    }
}

#[test]
fn frames_without_times_have_those_of_their_push_where_that_is_asked_for() {
    let smoothing = Some(Smoothing::Live(2.0));
    let mut stream = PushStream::new(lifter(), PushOptions { smoothing, arrivals: true, ..PushOptions::default() });
    let timeless = clip().into_iter().take(3).map(|frame| Frame { time: None, ..frame });
    let mut times = Vec::new();
    for (place, frame) in timeless.enumerate() {
        // A pause of more than a second is no sign of milliseconds, nor are short steps odd.
        std::thread::sleep(std::time::Duration::from_millis(if place == 1 { 1100 } else { 0 }));
        times.extend(stream.push(frame).unwrap().iter().map(|lifted| lifted.time.unwrap()));
    }
    assert!(times[0] == 0.0 && times[1] >= 1.1 && times[2] > times[1], "{times:?}");
    let notices = stream.take_notices();
    assert!(notices.iter().all(|notice| !notice.contains("times")), "{notices:?}");
    stream.finish().unwrap();
    let timed = Frame { time: Some(5.0), ..clip().swap_remove(0) };
    assert_eq!(stream.push(timed).unwrap()[0].time, Some(5.0));
}

#[test]
fn a_stream_says_what_it_assumed_and_whom_it_left_out_and_goes_on_after_an_error() {
    let mut stream =
        PushStream::new(lifter(), PushOptions { smoothing: Some(Smoothing::Live(2.0)), ..PushOptions::default() });
    let mut clip = clip();
    let mut timeless = clip[0].clone();
    timeless.time = None;
    let message = stream.push(timeless).unwrap_err().to_string();
    assert!(message.contains("has no time, which smoothing needs"), "{message}");
    let mut hidden = clip.swap_remove(1);
    for point in &mut hidden.people[0].keypoints[3..] {
        point.score = 0.0;
    }
    assert!(stream.push(hidden).unwrap()[0].people.is_empty());
    assert_eq!(stream.push(clip.swap_remove(2)).unwrap()[0].people.len(), 1);
    let notices = Vec::from(stream.take_notices());
    let has = |text: &str| notices.iter().any(|notice| notice.contains(text));
    assert!(has("33 key points taken to be mediapipe33"), "{notices:?}");
    assert!(has("of 17 joints visible, at least 4 needed"), "{notices:?}");
    assert!(stream.take_notices().is_empty());
}

/// Handles of one lifter on several threads give what it gives alone.
#[test]
fn handles_lift_beside_each_other() {
    let lifter = lifter();
    let frames = clip();
    let lift = |handle| {
        let mut stream = PushStream::new(handle, PushOptions::default());
        frames.iter().flat_map(|frame| stream.push(frame.clone()).unwrap()).collect::<Vec<_>>()
    };
    let expected = lift(lifter.handle());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let handle = lifter.handle();
            scope.spawn(|| assert_eq!(lift(handle), expected));
        }
    });
}

#[test]
fn a_clip_after_another_knows_nothing_of_it() {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/coco17-memory.onnx");
    let options = LifterOptions { device: Device::Cpu, threads: Some(1), ..LifterOptions::default() };
    let open = || PushStream::new(Lifter::from_file_with(model, &options).unwrap(), PushOptions::default());
    let clip = clip();
    let lift = |stream: &mut PushStream<_>, frames: &[Frame]| -> Vec<_> {
        frames.iter().flat_map(|frame| stream.push(frame.clone()).unwrap()).collect()
    };
    let (mut stream, mut fresh) = (open(), open());
    lift(&mut stream, &clip[..60]);
    stream.finish().unwrap();
    // Its times follow those of the clip before, as those of one camera do.
    assert_eq!(lift(&mut stream, &clip[60..90]), lift(&mut fresh, &clip[60..90]));
}
