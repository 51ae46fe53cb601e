use std::sync::{Arc, Mutex};

use super::*;
use crate::skeleton::{BODY25, BODY25B, COCO17, COCO23, H36M17, H36M23};

/// Frames that are all there.
struct Clip {
    info: StreamInfo,
    frames: VecDeque<Frame>,
    is_live: bool,
}

impl FrameReader for Clip {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        Ok(self.frames.pop_front())
    }

    fn has_more(&mut self) -> bool {
        !self.is_live && !self.frames.is_empty()
    }
}

/// A person who stands before the camera, 400 px tall, in COCO's order; `phase` swings the legs.
fn standing(phase: f64) -> Vec<Keypoint> {
    let swing = 40.0 * phase.sin();
    let at = |x: f64, y: f64| Keypoint { x, y, score: 0.9 };
    vec![
        at(640.0, 110.0),
        at(648.0, 100.0),
        at(632.0, 100.0),
        at(660.0, 108.0),
        at(620.0, 108.0),
        at(690.0, 180.0),
        at(590.0, 180.0),
        at(705.0, 250.0 + swing),
        at(575.0, 250.0 - swing),
        at(700.0, 310.0),
        at(580.0, 310.0),
        at(665.0, 310.0),
        at(615.0, 310.0),
        at(665.0 + swing, 400.0),
        at(615.0 - swing, 400.0),
        at(665.0, 490.0 + swing),
        at(615.0, 490.0 - swing),
    ]
}

fn person(keypoints: Vec<Keypoint>) -> Person {
    Person { id: Some(0), keypoints }
}

fn clip(change: impl Fn(&mut Frame)) -> Clip {
    let frame = |index: u64| {
        let people = vec![person(standing(index as f64 / 4.0))];
        let mut frame = Frame { index, size: Some([1280, 720]), people, ..Frame::default() };
        change(&mut frame);
        frame
    };
    Clip { info: StreamInfo::default(), frames: (0..60).map(frame).collect(), is_live: false }
}

/// What comes of a clip, and what was reported.
fn guarded(clip: Clip, options: ReadOptions) -> Result<(Vec<Frame>, Vec<String>, StreamInfo)> {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notices);
    let report = Box::new(move |notice: &Notice| heard.lock().unwrap().push(notice.to_string()));
    let mut reader = GuardedReader::new(Box::new(clip), options, report)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.read()? {
        frames.push(frame);
    }
    let info = reader.info().clone();
    let notices = notices.lock().unwrap().clone();
    Ok((frames, notices, info))
}

fn each_point(change: impl Fn(usize, &mut Keypoint)) -> impl Fn(&mut Frame) {
    move |frame| {
        for person in &mut frame.people {
            person.keypoints.iter_mut().enumerate().for_each(|(place, point)| change(place, point));
        }
    }
}

#[test]
fn a_good_clip_passes_unchanged_and_without_a_word() {
    for is_live in [false, true] {
        let (frames, notices, _) = guarded(Clip { is_live, ..clip(|_| ()) }, ReadOptions::default()).unwrap();
        assert_eq!(frames, Vec::from(clip(|_| ()).frames));
        assert!(notices.iter().all(|notice| notice.contains("coco17")), "{notices:?}");
    }
}

fn are_close(frames: &[Frame], expected: &[Frame]) -> bool {
    frames.len() == expected.len()
        && frames.iter().zip(expected).all(|(frame, expected)| {
            let mut points = frame.people[0].keypoints.iter().zip(&expected.people[0].keypoints);
            frame.size == expected.size && points.all(|(a, b)| (a.x - b.x).hypot(a.y - b.y) < 1e-9)
        })
}

#[test]
fn normalised_coordinates_become_pixels_or_are_refused() {
    let normalised = |has_size: bool| {
        clip(move |frame| {
            each_point(|_, point| (point.x, point.y) = (point.x / 1280.0, point.y / 720.0))(frame);
            frame.size = frame.size.filter(|_| has_size);
        })
    };
    let expected = Vec::from(clip(|_| ()).frames);
    let close = |frames: &[Frame]| are_close(frames, &expected);
    for is_live in [false, true] {
        let (frames, notices, _) = guarded(Clip { is_live, ..normalised(true) }, ReadOptions::default()).unwrap();
        assert!(close(&frames) && notices.iter().any(|notice| notice.contains("normalised")), "{notices:?}");
        let sized = ReadOptions { size: Some([1280, 720]), ..ReadOptions::default() };
        assert!(close(&guarded(Clip { is_live, ..normalised(false) }, sized).unwrap().0));
        let error = guarded(Clip { is_live, ..normalised(false) }, ReadOptions::default()).map(|_| ()).unwrap_err();
        assert!(error.hint_text().unwrap().contains("--size") && error.kind() == ErrorKind::BadUsage, "{error}");
    }
}

#[test]
fn points_that_are_marked_as_missing_are() {
    for (x, y) in [(0.0, 0.0), (-1.0, -1.0)] {
        let marked = clip(each_point(move |place, point| {
            if place == 7 {
                *point = Keypoint { x, y, score: 0.3 };
            }
        }));
        let (frames, ..) = guarded(marked, ReadOptions::default()).unwrap();
        assert!(frames.iter().all(|frame| frame.people[0].keypoints[7].is_missing()));
    }
    let options = ReadOptions { min_score: Some(0.5), ..ReadOptions::default() };
    let low = clip(each_point(|place, point| point.score = if place > 12 { 0.4 } else { 0.6 }));
    let (frames, ..) = guarded(low, options).unwrap();
    assert_eq!(frames[0].people[0].keypoints.iter().filter(|point| point.is_missing()).count(), 4);
    let padded = clip(|frame| frame.people.push(person(vec![Keypoint::MISSING; 17])));
    assert!(guarded(padded, ReadOptions::default()).unwrap().0.iter().all(|frame| frame.people.len() == 1));
}

/// A detector's mark for a missing point says nothing of the other points' scores, and is no normalised coordinate.
#[test]
fn marks_of_missing_points_are_neither_scores_nor_places() {
    for (width, height) in [(1.0, 1.0), (1280.0, 720.0)] {
        let marked = clip(each_point(move |place, point| {
            (point.x, point.y) = (point.x / width, point.y / height);
            if place == 7 {
                *point = Keypoint { x: -1.0, y: -1.0, score: -1.0 };
            }
        }));
        let (frames, notices, _) = guarded(marked, ReadOptions::default()).unwrap();
        assert!(!notices.iter().any(|notice| notice.contains("scores")), "{notices:?}");
        for frame in &frames {
            let points = &frame.people[0].keypoints;
            assert!(points[7].is_missing() && points[6].score == 0.9, "{points:?}");
        }
    }
}

#[test]
fn scores_of_every_kind_become_scores() {
    for (score, expected, told) in [
        (1.06, 1.0, None),
        (0.0, 1.0, Some("every score is 0")),
        (5.2, 0.994, Some("logits")),
        (90.0, 0.9, Some("up to 100")),
        (255.0, 1.0, Some("so it is no score")),
    ] {
        let (frames, notices, _) =
            guarded(clip(each_point(move |_, point| point.score = score)), ReadOptions::default()).unwrap();
        assert!((frames[5].people[0].keypoints[3].score - expected).abs() < 1e-3, "{score}");
        let heard = notices.iter().filter(|notice| notice.contains("score")).collect::<Vec<_>>();
        assert_eq!(heard.len(), usize::from(told.is_some()), "{notices:?}");
        assert!(told.is_none_or(|told| heard[0].contains(told)), "{notices:?}");
    }
    let visible = clip(each_point(|place, point| point.score = (place % 3) as f32));
    let (frames, ..) = guarded(visible, ReadOptions::default()).unwrap();
    let scores: Vec<f32> = frames[0].people[0].keypoints[..3].iter().map(|point| point.score).collect();
    assert_eq!(scores, [0.0, 0.5, 1.0]);
}

#[test]
fn a_wild_joint_is_left_out_and_named_once() {
    for size in [Some([1280, 720]), None] {
        let wild = clip(move |frame| {
            frame.size = size;
            frame.people[0].keypoints[9].x = 1e6;
        });
        let (frames, notices, _) = guarded(wild, ReadOptions::default()).unwrap();
        assert!(frames.iter().all(|frame| frame.people[0].keypoints[9].is_missing()));
        assert!(frames.iter().all(|frame| !frame.people[0].keypoints[10].is_missing()));
        let wild: Vec<_> = notices.iter().filter(|notice| notice.contains("far from all")).collect();
        assert!(wild.len() == 1 && wild[0].contains("left_wrist of person 0"), "{notices:?}");
    }
}

/// The standing person's points in another layout; those that COCO-17 lacks between or beside those that it has.
fn in_layout(layout: &Layout) -> Clip {
    let joints = layout.joints.to_vec();
    clip(move |frame| {
        let coco = frame.people[0].keypoints.clone();
        let middle = |one: usize, other: usize| Keypoint {
            x: (coco[one].x + coco[other].x) / 2.0,
            y: (coco[one].y + coco[other].y) / 2.0,
            score: 0.9,
        };
        let point = |name: &&str| match *name {
            "neck" | "thorax" => middle(5, 6),
            "hip" => middle(11, 12),
            "spine" => {
                let (up, down) = (middle(5, 6), middle(11, 12));
                Keypoint { x: (up.x + down.x) / 2.0, y: (up.y + down.y) / 2.0, score: 0.9 }
            }
            "neck_nose" => coco[0],
            "head" | "head_top" => middle(1, 2),
            name if name.starts_with("left") => COCO17.position(name).map_or(coco[15], |at| coco[at]),
            name => COCO17.position(name).map_or(coco[16], |at| coco[at]),
        };
        frame.people[0].keypoints = joints.iter().map(point).collect();
    })
}

#[test]
fn layouts_of_as_many_points_are_told_apart() {
    for layout in [&BODY25, &BODY25B, &COCO17, &H36M17, &COCO23, &H36M23] {
        let (_, _, info) = guarded(in_layout(layout), ReadOptions::default()).unwrap();
        assert_eq!(info.layout.unwrap().name, layout.name);
        // A contradiction is told, and what was named stays.
        let other =
            crate::skeleton::LAYOUTS.into_iter().find(|one| one.len() == layout.len() && one.name != layout.name);
        let mut named = in_layout(layout);
        named.info.layout = other;
        let (_, notices, info) = guarded(named, ReadOptions::default()).unwrap();
        assert_eq!(info.layout, other);
        assert!(
            notices.iter().any(|notice| notice.contains(&format!("lie as those of {}", layout.name))),
            "{notices:?}"
        );
        let mut named = in_layout(layout);
        named.info.layout = Some(layout);
        assert!(guarded(named, ReadOptions::default()).unwrap().1.is_empty());
    }
}

#[test]
fn images_that_are_turned_are_told_and_set_right() {
    let expected = Vec::from(clip(|_| ()).frames);
    let turned = |rotation: Rotation| {
        // Turned the other way, so that the option undoes it.
        let back = match rotation {
            Rotation::Quarter => Rotation::ThreeQuarters,
            Rotation::ThreeQuarters => Rotation::Quarter,
            same => same,
        };
        clip(move |frame| {
            let size = frame.size;
            turn::turn(frame, size, back, YAxis::Down);
        })
    };
    for (rotation, hint) in [
        (Rotation::Quarter, "--rotate 90"),
        (Rotation::Half, "--rotate 180"),
        (Rotation::ThreeQuarters, "--rotate 270"),
    ] {
        let (_, notices, _) = guarded(turned(rotation), ReadOptions::default()).unwrap();
        let walk: Vec<_> = notices.iter().filter(|notice| notice.contains("people walk in an image")).collect();
        assert!(walk.len() == 1 && walk[0].contains(hint), "{hint}: {notices:?}");
        let (frames, notices, _) =
            guarded(turned(rotation), ReadOptions { rotate: rotation, ..ReadOptions::default() }).unwrap();
        assert!(are_close(&frames, &expected));
        assert!(!notices.iter().any(|notice| notice.contains("walk")), "{notices:?}");
    }
    let flipped = clip(each_point(|_, point| point.y = 720.0 - point.y));
    let (frames, ..) = guarded(flipped, ReadOptions { y_up: true, ..ReadOptions::default() }).unwrap();
    assert!(are_close(&frames, &expected));
}

#[test]
fn who_lies_or_stands_on_the_hands_without_walking_is_nothing_odd() {
    for back in [Rotation::Quarter, Rotation::Half] {
        let still = clip(move |frame| {
            // Breathing, no steps.
            frame.people[0].keypoints = standing(0.05 * (frame.index as f64).sin());
            let size = frame.size;
            turn::turn(frame, size, back, YAxis::Down);
        });
        let (_, notices, _) = guarded(still, ReadOptions::default()).unwrap();
        assert!(!notices.iter().any(|notice| notice.contains("image")), "{notices:?}");
    }
}

#[test]
fn a_size_that_is_not_the_images_is_told() {
    let (_, notices, _) = guarded(clip(|frame| frame.size = Some([320, 180])), ReadOptions::default()).unwrap();
    assert!(notices.iter().any(|notice| notice.contains("outside the image of 320x180")), "{notices:?}");
}

#[test]
fn times_become_seconds() {
    let times = |time: fn(u64) -> f64, fps: Option<f64>| {
        let mut timed = clip(move |frame| frame.time = Some(time(frame.index)));
        timed.info.fps = fps;
        let (frames, notices, _) = guarded(timed, ReadOptions::default()).unwrap();
        (frames.iter().take(3).map(|frame| frame.time).collect::<Vec<_>>(), notices)
    };
    for fps in [Some(25.0), None] {
        let (seconds, notices) = times(|index| index as f64 / 25.0, fps);
        assert_eq!(seconds, [Some(0.0), Some(0.04), Some(0.08)]);
        assert!(!notices.iter().any(|notice| notice.contains("time")), "{notices:?}");
        for unit in [|index: u64| index as f64 * 40.0 + 5000.0, |index: u64| index as f64 * 40_000.0 + 5e6] {
            let (seconds, notices) = times(unit, fps);
            assert!((seconds[1].unwrap() - 5.04).abs() < 1e-9, "{seconds:?}");
            assert!(notices.iter().any(|notice| notice.contains("taken to seconds")), "{notices:?}");
        }
        let (seconds, notices) = times(|_| 1.0, fps);
        assert_eq!(seconds[2], fps.map(|fps| 2.0 / fps));
        assert!(notices.iter().any(|notice| notice.contains("do not rise")), "{notices:?}");
    }
    let (_, notices) = times(|index| 1.7e9 + index as f64 / 25.0, Some(25.0));
    assert!(notices.iter().any(|notice| notice.contains("since 1970")), "{notices:?}");
    let (seconds, _) = times(|index| 1.7e12 + index as f64 * 40.0, None);
    assert!((seconds[1].unwrap() - 1.7e9 - 0.04).abs() < 1e-5);
}

#[test]
fn a_third_coordinate_is_no_score() {
    let mut clip = clip(each_point(|place, point| point.score = place as f32 * 10.0 - 80.0));
    clip.info.format = Some(InputFormat::Npy);
    let error = guarded(clip, ReadOptions::default()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("3D points"), "{error}");
}

#[test]
fn exchanged_legs_are_told_once_and_taken_back_unless_they_are_to_stay() {
    let exchanged = |frame: &mut Frame| {
        if (20..26).contains(&frame.index) || (40..44).contains(&frame.index) {
            for [left, right] in [[11, 12], [13, 14], [15, 16]] {
                frame.people[0].keypoints.swap(left, right);
            }
        }
    };
    let (good, ..) = guarded(clip(|_| {}), ReadOptions::default()).unwrap();
    let (frames, notices, _) = guarded(clip(exchanged), ReadOptions::default()).unwrap();
    assert_eq!(frames, good);
    let told: Vec<&String> = notices.iter().filter(|notice| notice.contains("changed places")).collect();
    assert!(
        matches!(told[..], [notice] if notice.contains("frame 20") && notice.contains("--keep-sides")),
        "{notices:?}"
    );

    let (frames, notices, _) =
        guarded(clip(exchanged), ReadOptions { keep_sides: true, ..ReadOptions::default() }).unwrap();
    assert_ne!(frames[22], good[22]);
    assert!(notices.iter().all(|notice| !notice.contains("changed places")), "{notices:?}");
}

/// A clip in normalised coordinates, changed.
fn normalised(change: impl Fn(usize, &mut Keypoint)) -> Clip {
    clip(each_point(move |place, point| {
        (point.x, point.y) = (point.x / 1280.0, point.y / 720.0);
        change(place, point);
    }))
}

#[test]
fn a_few_points_beyond_the_image_do_not_make_normalised_coordinates_pixels() {
    for (place, x, y) in [(9, -0.47, 0.4), (15, 0.5, 1.9), (16, 0.5, 9.0), (3, 1e6, 1e6)] {
        let (frames, notices, _) = guarded(
            normalised(|at, point| {
                if at == place {
                    (point.x, point.y) = (x, y);
                }
            }),
            ReadOptions::default(),
        )
        .unwrap();
        let nose = frames[0].people[0].keypoints[0];
        assert!((nose.x - 640.0).abs() < 1e-9 && (nose.y - 110.0).abs() < 1e-9, "{nose:?} {notices:?}");
    }
    // Small in the middle of the image, where no coordinate is far below 0.
    let small = clip(each_point(|_, point| {
        (point.x, point.y) = ((point.x / 640.0 - 1.0) * 0.3, (point.y / 360.0 - 1.0) * 0.3);
    }));
    let (frames, notices, _) = guarded(small, ReadOptions::default()).unwrap();
    assert!((frames[0].people[0].keypoints[0].y - (360.0 - 0.3 * 250.0)).abs() < 1e-9, "{notices:?}");
    assert!(notices.iter().any(|notice| notice.contains("about the image's centre")), "{notices:?}");
}

#[test]
fn third_coordinates_are_no_scores_in_any_format() {
    let depth = |place: usize| place as f32 / 40.0 - 0.2;
    // Root-relative in metres and millimetres, before a camera, in a room.
    for (scale, offset_x, offset_z) in [(0.004, 640.0, 0.0), (4.0, 640.0, 0.0), (0.004, 640.0, 4.0), (0.004, 0.0, 4.0)]
    {
        let lifted = clip(each_point(move |place, point| {
            (point.x, point.y) = ((point.x - offset_x) * scale, (point.y - 310.0) * scale);
            point.score = depth(place) * 250.0 * scale as f32 + offset_z;
        }));
        let error = guarded(lifted, ReadOptions::default()).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("3D points") && error.kind() == ErrorKind::BadUsage, "{scale}: {error}");
    }
    let flat = clip(each_point(|_, point| (point.x, point.y) = (point.x * 0.004 + 1.0, point.y * 0.004)));
    let error = guarded(flat, ReadOptions::default()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("metres"), "{error}");
    // A depth behind pixels or normalised coordinates is no score, and the points are there.
    for depths in [
        clip(each_point(move |place, point| point.score = 500.0 * depth(place))),
        normalised(move |place, point| point.score = depth(place)),
    ] {
        let (frames, notices, _) = guarded(depths, ReadOptions::default()).unwrap();
        assert!(frames[59].people[0].keypoints.iter().all(|point| point.score == 1.0), "{notices:?}");
        assert!(notices.iter().any(|notice| notice.contains("as depths do")), "{notices:?}");
    }
}

#[test]
fn scores_a_little_below_0_and_marks_are_neither_logits_nor_depths() {
    for (low, told) in [(-1.0, None), (-0.013, None), (-0.3, None), (1.4, Some("above 1.2"))] {
        let unseen = clip(each_point(move |place, point| {
            if place == 15 {
                point.score = low;
            }
        }));
        let (frames, notices, _) = guarded(unseen, ReadOptions::default()).unwrap();
        let points = &frames[40].people[0].keypoints;
        assert_eq!((points[15].score, points[14].score), (if low > 0.0 { 1.0 } else { 0.0 }, 0.9));
        let heard: Vec<&String> = notices.iter().filter(|notice| notice.contains("scores")).collect();
        assert_eq!(heard.len(), usize::from(told.is_some()), "{low}: {notices:?}");
    }
    let unknown = clip(each_point(|_, point| point.score = -1.0));
    let (frames, notices, _) = guarded(unknown, ReadOptions::default()).unwrap();
    assert!(frames[0].people[0].keypoints.iter().all(|point| point.score == 1.0), "{notices:?}");
    // A limit is one of scores, not of what they are written as.
    let percent = clip(each_point(|place, point| point.score = if place > 12 { 30.0 } else { 90.0 }));
    let (frames, ..) = guarded(percent, ReadOptions { min_score: Some(0.5), ..ReadOptions::default() }).unwrap();
    assert_eq!(frames[0].people[0].keypoints.iter().filter(|point| point.is_missing()).count(), 4);
}

#[test]
fn a_person_who_is_hardly_seen_makes_no_scores_depths() {
    let hidden = clip(|frame| {
        if frame.index == 50 {
            for (place, point) in frame.people[0].keypoints.iter_mut().enumerate() {
                point.score = if place % 3 == 0 { -0.01 } else { 0.45 };
            }
        }
    });
    let (frames, notices, _) = guarded(hidden, ReadOptions::default()).unwrap();
    let scores = |frame: usize| frames[frame].people[0].keypoints.iter().map(|point| point.score).collect::<Vec<_>>();
    assert_eq!((scores(50)[0], scores(50)[1], scores(51)[0]), (0.0, 0.45, 0.9), "{notices:?}");
}

#[test]
fn a_joint_too_far_for_a_body_is_left_out_even_in_a_large_image() {
    for (places, x, y) in
        [(&[9][..], 2600.0, 300.0), (&[15, 16][..], -1900.0, -1900.0), (&[9, 10][..], 65535.0, 65535.0)]
    {
        for size in [None, Some([3840, 2160])] {
            let wild = clip(|frame| {
                frame.size = size;
                for place in places {
                    (frame.people[0].keypoints[*place].x, frame.people[0].keypoints[*place].y) = (x, y);
                }
            });
            let (frames, notices, _) = guarded(wild, ReadOptions::default()).unwrap();
            for frame in &frames {
                let missing: Vec<usize> =
                    (0..17).filter(|place| frame.people[0].keypoints[*place].is_missing()).collect();
                assert_eq!(missing, places, "{notices:?}");
            }
            assert!(!notices.iter().any(|notice| notice.contains("lie as those")), "{notices:?}");
        }
    }
}

#[test]
fn y_may_point_up_from_the_top() {
    let negative = || clip(each_point(|_, point| point.y = -point.y));
    let (frames, ..) = guarded(negative(), ReadOptions { y_up: true, ..ReadOptions::default() }).unwrap();
    assert!(are_close(&frames, &Vec::from(clip(|_| ()).frames)));
    let (_, notices, _) = guarded(negative(), ReadOptions::default()).unwrap();
    assert!(notices.iter().any(|notice| notice.contains("seems to point up (--y-up)")), "{notices:?}");
}

#[test]
fn clocks_of_devices_are_no_times_since_1970() {
    // The time of the first frame, how far each goes on, seconds a unit, and whether a live stream's first times look like
    // this century's: then a second step has to agree, and time falls once.
    for (first, step, unit, misleads) in [
        (5e12, 4e7, 1e-9, false),
        (1.5e8, 4e4, 1e-6, false),
        (1.7e9, 4e4, 1e-6, true),
        (2e15, 4e7, 1e-9, true),
        (2e9, 40.0, 1e-3, true),
        (1.7e9, 0.04, 1.0, false),
        (1.7e12, 40.0, 1e-3, false),
    ] {
        for is_live in [false, true] {
            let mut timed = clip(|frame| frame.time = Some(first + frame.index as f64 * step));
            timed.is_live = is_live;
            let (frames, _, _) = guarded(timed, ReadOptions::default()).unwrap();
            let begin = if is_live { 2 } else { 0 };
            let gone = frames[begin + 10].time.unwrap() - frames[begin].time.unwrap();
            assert!((gone - 10.0 * step * unit).abs() < 1e-4, "{first} and {step}: {gone}");
            let falls = frames.windows(2).filter(|pair| pair[1].time <= pair[0].time).count();
            assert_eq!(falls, usize::from(is_live && misleads), "{first}");
        }
    }
}

#[test]
fn a_pause_makes_no_other_unit() {
    for is_live in [false, true] {
        // Milliseconds since 1970; ten seconds after the first frame the next one comes.
        let mut paused = clip(|frame| {
            frame.time = Some(1.7e12 + frame.index as f64 * 40.0 + if frame.index == 0 { 0.0 } else { 1e4 });
        });
        paused.is_live = is_live;
        let (frames, _, _) = guarded(paused, ReadOptions::default()).unwrap();
        let gone = frames[12].time.unwrap() - frames[0].time.unwrap();
        assert!((gone - 10.48).abs() < 1e-4, "{gone}");
    }
}

#[test]
fn times_that_count_frames_or_ticks_are_known() {
    let times = |step: f64, fps: Option<f64>| {
        let mut timed = clip(move |frame| frame.time = Some(frame.index as f64 * step));
        timed.info.fps = fps;
        let (frames, notices, _) = guarded(timed, ReadOptions::default()).unwrap();
        (frames[30].time, notices)
    };
    for (step, fps, expected, told) in [
        (1.0, Some(30.0), Some(1.0), "count frames"),
        (1.0, None, Some(30.0), "as if they counted frames"),
        (1000.0, None, Some(30.0), "milliseconds"),
        (3000.0, None, None, "no frame rate in any unit"),
    ] {
        let (time, notices) = times(step, fps);
        assert!(notices.iter().any(|notice| notice.contains(told)), "{step}: {notices:?}");
        assert_eq!(time, expected, "{step}");
    }
}

/// The notices of a clip.
fn notices_of(clip: Clip, options: ReadOptions) -> String {
    guarded(clip, options).unwrap().1.join("\n")
}

#[test]
fn people_who_are_left_out_are_told_at_the_end() {
    let strict = ReadOptions { min_score: Some(0.95), ..ReadOptions::default() };
    let told = notices_of(clip(|_| ()), strict);
    assert!(told.contains("left out 60 times a person without a key point of a score of 0.95 or more"), "{told}");
    let beyond = clip(|frame| {
        if frame.index > 40 {
            each_point(|_, point| point.x *= 1e6)(frame);
        }
    });
    let told = notices_of(beyond, ReadOptions::default());
    assert!(told.contains("left out 19 times a person whose key points lie beyond any image"), "{told}");
    assert!(
        !notices_of(clip(|_| ()), ReadOptions { min_score: Some(0.3), ..ReadOptions::default() }).contains("left out")
    );
}

#[test]
fn short_clips_are_judged_at_their_end() {
    let short = |change: &dyn Fn(&mut Frame)| {
        let mut short = clip(change);
        short.frames.truncate(12);
        short
    };
    let small = notices_of(short(&|frame| frame.size = Some([320, 240])), ReadOptions::default());
    assert!(small.contains("lie outside the image of 320x240"), "{small}");
    let percent = short(&each_point(|_, point| (point.x, point.y) = (point.x / 12.8, point.y / 7.2)));
    let told = notices_of(percent, ReadOptions::default());
    assert!(told.contains("no point lies beyond 100 pixels in an image of 1280x720"), "{told}");
    let usual = notices_of(short(&|_| ()), ReadOptions::default());
    assert!(!usual.contains("lie"), "{usual}");
}

#[test]
fn an_image_that_is_turned_without_a_size_has_no_top() {
    let unsized_clip = || clip(|frame| frame.size = None);
    let turned = ReadOptions { rotate: Rotation::Half, ..ReadOptions::default() };
    assert!(!notices_of(unsized_clip(), turned).contains("above the image"));
    let flipped = clip(|frame| {
        frame.size = None;
        each_point(|_, point| point.y *= -1.0)(frame);
    });
    assert!(notices_of(flipped, ReadOptions::default()).contains("above the image"));
}

#[test]
fn fast_cameras_in_milliseconds_and_slow_ones_in_seconds() {
    let timed = |step: f64| clip(move |frame| frame.time = Some(frame.index as f64 * step));
    let (frames, notices, _) = guarded(timed(1000.0 / 240.0), ReadOptions::default()).unwrap();
    assert!((frames[24].time.unwrap() - 0.1).abs() < 1e-9, "{notices:?}");
    for step in [2.0, 1e-5] {
        let (frames, notices, _) = guarded(timed(step), ReadOptions::default()).unwrap();
        assert_eq!(frames[3].time, Some(3.0 * step));
        assert!(notices.iter().any(|notice| notice.contains("a frame: read as seconds")), "{step}: {notices:?}");
    }
    let usual = notices_of(timed(0.02), ReadOptions::default());
    assert!(!usual.contains("times"), "{usual}");
}

#[test]
fn a_detector_of_low_scores_is_told() {
    let (frames, notices, _) =
        guarded(clip(each_point(|_, point| point.score = 0.35)), ReadOptions::default()).unwrap();
    assert!(notices.iter().any(|notice| notice.contains("scores are low: 0.35 is usual")), "{notices:?}");
    assert!(frames[9..].iter().all(|frame| (frame.people[0].keypoints[3].score - 0.7).abs() < 1e-6));
}

#[test]
fn frames_that_say_no_size_have_the_one_that_others_say() {
    for is_live in [false, true] {
        let some = || Clip { is_live, ..clip(|frame| frame.size = frame.size.filter(|_| frame.index % 4 == 0)) };
        let (frames, notices, _) = guarded(some(), ReadOptions::default()).unwrap();
        assert!(frames.iter().all(|frame| frame.size == Some([1280, 720])), "{notices:?}");
        // A size that is given counts for them.
        let given = ReadOptions { size: Some([1920, 1080]), ..ReadOptions::default() };
        let (frames, notices, _) = guarded(some(), given).unwrap();
        assert_eq!((frames[4].size, frames[5].size), (Some([1280, 720]), None));
        let told = notices.iter().filter(|notice| notice.contains("1280×720 as they say, not 1920×1080")).count();
        assert_eq!(told, 1, "{notices:?}");
    }
}

#[test]
fn a_long_pause_and_another_rate_than_is_named_are_told() {
    let timed = |step: f64, jump: f64, fps| {
        let later = |frame: &Frame| if frame.index < 30 { 0.0 } else { jump };
        let clip = clip(|frame| frame.time = Some(frame.index as f64 * step + later(frame)));
        guarded(clip, ReadOptions { fps, ..ReadOptions::default() }).unwrap().1
    };
    let has = |notices: &[String], text: &str| notices.iter().filter(|notice| notice.contains(text)).count();
    let notices = timed(0.04, 3600.0, None);
    assert_eq!(has(&notices, "frame 30: 3600 s after the frame before it"), 1, "{notices:?}");
    let notices = timed(1.0 / 59.35, 0.0, Some(100.0));
    assert_eq!(has(&notices, "times say 59.35 frames a second, and 100 is named: times count"), 1, "{notices:?}");
    for (step, fps) in [(0.04, Some(25.0)), (0.0417, Some(25.0)), (0.04, None)] {
        let notices = timed(step, 20.0, fps);
        assert_eq!(has(&notices, "times count") + has(&notices, "after the frame"), 0, "{notices:?}");
    }
}

#[test]
fn another_rate_is_that_of_the_median_step() {
    let told = other_rate_of_steps(&mut [0.05, 0.04, 7.0, 0.02], 50.0).unwrap();
    assert_eq!(told, "times say 22.22 frames a second, and 50 is named: times count");
    assert_eq!(other_rate_of_steps(&mut [0.02, 9.0, 0.02], 50.0), None);
    assert_eq!(other_rate_of_steps(&mut [], 50.0), None);
}
