use std::sync::{Arc, Mutex};

use super::*;
use crate::pose::LiftedPerson;

/// Keeps the written frames.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LiftedFrame>>>);

impl PoseWriter for Kept {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        assert_eq!(frame.index, lifted.index, "a frame is written with another's poses");
        self.0.lock().unwrap().push(lifted.clone());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

const WAYS: [Smoothing; 2] = [Smoothing::Clip(USUAL_REACH), Smoothing::Live(USUAL_CUTOFF)];

/// A stream of `rate` frames a second; `people` returns the people at each of `count` times.
fn stream(count: usize, rate: f64, people: impl Fn(f64) -> Vec<LiftedPerson>) -> Vec<LiftedFrame> {
    let frame = |index: usize| {
        let time = index as f64 / rate;
        LiftedFrame { index: index as u64, time: Some(time), people: people(time) }
    };
    (0..count).map(frame).collect()
}

fn person(id: Option<i64>, joints: &[[f64; 3]]) -> LiftedPerson {
    let joints = joints.iter().map(|joint| joint.map(|axis| axis as f32)).collect();
    LiftedPerson { id, joints, score: 0.75, ..LiftedPerson::default() }
}

/// The output for `frames`, and the reports.
fn smoothed(smoothing: Smoothing, frames: &[LiftedFrame]) -> (Vec<LiftedFrame>, Vec<Unsmoothed>) {
    let (kept, reported) = (Kept::default(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&reported);
    let report = move |cause| heard.lock().unwrap().push(cause);
    let mut writer = SmoothWriter::new(Box::new(kept.clone()), smoothing, &[-1], report);
    for lifted in frames {
        writer.write(&Frame { index: lifted.index, ..Frame::default() }, lifted).unwrap();
    }
    Box::new(writer).finish().unwrap();
    let kept = kept.0.lock().unwrap().clone();
    let reported = reported.lock().unwrap().clone();
    (kept, reported)
}

/// The first joint of each frame's first person.
fn first_joint(frames: &[LiftedFrame]) -> Vec<[f64; 3]> {
    frames.iter().map(|frame| frame.people[0].joints[0].map(f64::from)).collect()
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt()
}

/// Half a metre from the root, to the right.
const REST: [f64; 3] = [0.5, 0.0, 0.0];

#[test]
fn ways_have_names() {
    for (text, way, name) in [
        ("clip", Smoothing::Clip(0.1), "clip:0.1"),
        ("clip:0.25", Smoothing::Clip(0.25), "clip:0.25"),
        ("live", Smoothing::Live(2.0), "live:2"),
        ("live:0.5", Smoothing::Live(0.5), "live:0.5"),
    ] {
        assert_eq!(text.parse::<Smoothing>().unwrap(), way);
        assert_eq!(way.to_string(), name);
    }
    for text in ["", "clips", "clip:", "clip:0", "clip:-1", "live:inf", "live:NaN", "butterworth:6", "clip:0.1:2"] {
        let message = text.parse::<Smoothing>().unwrap_err().to_string();
        assert!(message.contains("expected clip, clip:SECONDS, live or live:HZ"), "{message}");
    }
}

#[test]
fn what_shakes_shakes_less_and_stays_where_it_is() {
    // Sines of widely spaced numbers are nearly random.
    let noise = |time: f64, axis: usize| 0.02 * (1e4 * (time + 0.1) * (axis as f64 + 1.7)).sin();
    let shaken = |time: f64| std::array::from_fn(|axis| REST[axis] + noise(time, axis));
    let frames = stream(600, 30.0, |time| vec![person(None, &[shaken(time)])]);
    for way in WAYS {
        let (smooth, reported) = smoothed(way, &frames);
        assert_eq!(reported, []);
        let places = first_joint(&smooth);
        let mean: [f64; 3] = std::array::from_fn(|axis| places.iter().map(|place| place[axis]).sum::<f64>() / 600.0);
        assert!(distance(mean, REST) < 0.002, "{way} moves what stands: {mean:?}");
        let step = |places: &[[f64; 3]]| places.windows(2).map(|pair| distance(pair[0], pair[1])).sum::<f64>();
        let (before, after) = (step(&first_joint(&frames)), step(&places));
        assert!(after < 0.4 * before, "{way}: steps of {after} instead of {before}");
    }
}

#[test]
fn a_clip_keeps_what_moves_evenly_from_its_first_to_its_last_frame() {
    // Times that are as uneven as those of a camera that drops frames.
    let times: Vec<f64> = (0..60).filter(|index| index % 7 != 3).map(|index| f64::from(index) / 30.0).collect();
    let at = |time: f64| [1.0 + 2.0 * time, -0.5 * time, 0.3];
    let frames: Vec<LiftedFrame> = (0u64..)
        .zip(&times)
        .map(|(index, &time)| LiftedFrame { index, time: Some(time), people: vec![person(Some(4), &[at(time)])] })
        .collect();
    let (smooth, _) = smoothed(Smoothing::Clip(0.2), &frames);
    for (time, place) in times.iter().zip(first_joint(&smooth)) {
        assert!(distance(place, at(*time)) < 1e-6, "at {time}: {place:?}");
    }
}

/// An arm of 0.3 and a forearm of 0.25 that rotate; the mean of positions on an arc is too close to the shoulder.
#[test]
fn bones_keep_their_lengths() {
    // Children before parents, unlike our skeletons.
    let parents = [1, 2, -1];
    let arm = |time: f64, stretch: f64| {
        let (sin, cos) = (9.0 * time).sin_cos();
        let elbow = [0.3 * stretch * cos, 0.3 * stretch * sin, 0.0];
        let hand = [elbow[0] - 0.25 * sin, elbow[1] + 0.25 * cos, 0.0];
        vec![person(None, &[hand, elbow, [0.0; 3]])]
    };
    let stretch = |time: f64| 1.0 + 0.1 * (1e4 * (time + 0.1)).sin();
    for way in WAYS {
        for (stretched, least_steady) in [(false, 1e-6), (true, 0.015)] {
            let frames = stream(300, 30.0, |time| arm(time, if stretched { stretch(time) } else { 1.0 }));
            let kept = Kept::default();
            let mut writer = SmoothWriter::new(Box::new(kept.clone()), way, &parents, |_| ());
            for lifted in &frames {
                writer.write(&Frame { index: lifted.index, ..Frame::default() }, lifted).unwrap();
            }
            Box::new(writer).finish().unwrap();
            // The means of stretched bones need the first second to settle.
            for lifted in &kept.0.lock().unwrap()[if stretched { 30 } else { 0 }..] {
                let [hand, elbow, shoulder] = [0, 1, 2].map(|joint| lifted.people[0].joints[joint].map(f64::from));
                assert_eq!(shoulder, [0.0; 3]);
                assert!((distance(elbow, shoulder) - 0.3).abs() < least_steady, "{way}: {elbow:?}");
                assert!((distance(hand, elbow) - 0.25).abs() < 1e-6, "{way}: {hand:?}");
            }
        }
    }
}

#[test]
fn a_clip_waits_for_no_more_than_its_reach() {
    let frames = stream(30, 30.0, |time| vec![person(None, &[[time, 0.0, 0.0]])]);
    let kept = Kept::default();
    let mut writer = SmoothWriter::new(Box::new(kept.clone()), Smoothing::Clip(0.1), &[-1], |_| ());
    for (index, lifted) in frames.iter().enumerate() {
        writer.write(&Frame { index: index as u64, ..Frame::default() }, lifted).unwrap();
        // A tenth of a second is three frames.
        let written = kept.0.lock().unwrap().len();
        assert!((index.saturating_sub(3)..=index.saturating_sub(2)).contains(&written), "{written} by frame {index}");
    }
    Box::new(writer).finish().unwrap();
    let kept = kept.0.lock().unwrap();
    assert!(kept.iter().zip(&frames).all(|(smooth, frame)| (smooth.index, smooth.time) == (frame.index, frame.time)));
    assert_eq!(kept.len(), 30);
}

#[test]
fn a_clip_that_may_wait_has_bones_of_one_length_from_its_first_frame() {
    // The first second's bones are found too short.
    let length = |time: f64| if time < 1.0 { 0.2 } else { 0.3 };
    let lengths = |seconds: f64| {
        let frames =
            stream((seconds * 30.0) as usize, 30.0, |time| vec![person(None, &[[0.0; 3], [length(time), 0.0, 0.0]])]);
        let kept = Kept::default();
        let writer = SmoothWriter::new(Box::new(kept.clone()), Smoothing::Clip(0.1), &[-1, 0], |_| ());
        let mut writer = Box::new(writer.waiting_for_bones());
        let mut most = 0;
        for (index, lifted) in frames.iter().enumerate() {
            writer.write(&Frame { index: lifted.index, ..Frame::default() }, lifted).unwrap();
            most = most.max(index + 1 - kept.0.lock().unwrap().len());
        }
        writer.finish().unwrap();
        let kept = kept.0.lock().unwrap();
        assert!(
            kept.iter().zip(&frames).all(|(smooth, frame)| (smooth.index, smooth.time) == (frame.index, frame.time))
        );
        assert_eq!(kept.len(), frames.len());
        (most, kept.iter().map(|frame| frame.people[0].joints[1][0]).collect::<Vec<_>>())
    };
    let (most, short) = lengths(5.0);
    assert_eq!(most, 150, "a short clip waits for its end");
    let mean = 0.2 + 0.1 * 0.8;
    assert!((short[0] - mean).abs() < 0.005, "{}", short[0]);
    assert!(short.iter().all(|length| (length - short[0]).abs() < 1e-6), "{short:?}");
    let (most, long) = lengths(30.0);
    assert!((300..=303).contains(&most), "{most} frames wait");
    assert!(long.iter().all(|length| (length - long[0]).abs() < 0.015), "{long:?}");
}

#[test]
fn nothing_waits_live_and_what_moves_lags_little() {
    let frames = stream(90, 30.0, |time| vec![person(None, &[[0.5 + time, 0.0, 0.0]])]);
    let kept = Kept::default();
    let mut writer = SmoothWriter::new(Box::new(kept.clone()), Smoothing::Live(USUAL_CUTOFF), &[-1], |_| ());
    for (index, lifted) in frames.iter().enumerate() {
        writer.write(&Frame { index: index as u64, ..Frame::default() }, lifted).unwrap();
        assert_eq!(kept.0.lock().unwrap().len(), index + 1);
    }
    let (smooth, found) = (first_joint(&kept.0.lock().unwrap()), first_joint(&frames));
    assert_eq!(smooth[0], found[0]);
    let lag = distance(smooth[89], found[89]);
    assert!((0.001..0.06).contains(&lag), "a metre a second lags by {lag} m");
}

#[test]
fn feet_do_not_make_a_person_larger() {
    let path = |time: f64| [0.4 * (5.0 * time).sin(), 0.3, 0.1];
    let smooth = |joints: &[&str]| {
        let frames =
            stream(60, 30.0, |time| vec![person(None, &[[0.0; 3], path(time), [0.0, 0.9, 0.3]][..joints.len()])]);
        let kept = Kept::default();
        let parents = vec![-1; joints.len()];
        let mut writer = SmoothWriter::new(Box::new(kept.clone()), Smoothing::Live(USUAL_CUTOFF), &parents, |_| ())
            .with_sides(joints);
        for lifted in &frames {
            writer.write(&Frame { index: lifted.index, ..Frame::default() }, lifted).unwrap();
        }
        let kept = kept.0.lock().unwrap();
        kept.iter().map(|frame| frame.people[0].joints[1]).collect::<Vec<_>>()
    };
    let alone = smooth(&["hip", "left_knee"]);
    assert_eq!(smooth(&["hip", "left_knee", "left_heel"]), alone);
    assert_ne!(smooth(&["hip", "left_knee", "left_ankle"]), alone);
}

/// One Euro filters numbers; ours does not depend on the axes' directions.
#[test]
fn turned_axes_give_turned_poses() {
    let path = |time: f64| [0.4 + 0.2 * (5.0 * time).sin(), 0.1 * (3.0 * time).cos(), 0.3 * time];
    let turned = |[x, y, z]: [f64; 3]| [0.6 * x - 0.8 * y, 0.8 * x + 0.6 * y, z];
    for way in WAYS {
        let straight = smoothed(way, &stream(60, 30.0, |time| vec![person(None, &[path(time)])])).0;
        let other = smoothed(way, &stream(60, 30.0, |time| vec![person(None, &[turned(path(time))])])).0;
        for (a, b) in first_joint(&straight).into_iter().zip(first_joint(&other)) {
            assert!(distance(turned(a), b) < 1e-6, "{way}");
        }
    }
}

#[test]
fn millimetres_are_smoothed_as_metres_are() {
    let path = |time: f64, scale: f64| [0.5, 0.2 * (5.0 * time).sin(), 0.3 * time].map(|axis| scale * axis);
    for way in WAYS {
        let [m, mm] = [1.0, 1000.0].map(|scale| {
            first_joint(&smoothed(way, &stream(60, 30.0, |time| vec![person(None, &[path(time, scale)])])).0)
        });
        let apart = m.iter().zip(&mm).map(|(a, b)| distance(a.map(|axis| axis * 1000.0), *b)).fold(0.0, f64::max);
        assert!(apart < 1e-3, "{way}: {apart} mm");
    }
}

#[test]
fn people_are_identified_by_their_ids_alone() {
    let crowd = |time: f64, ids: [Option<i64>; 2]| {
        let (left, right) = (person(ids[0], &[[-1.0, 0.0, 0.0]]), person(ids[1], &[[1.0, 0.0, 0.0]]));
        // They swap indices in the list at each frame.
        if ((time * 30.0).round() as usize).is_multiple_of(2) { vec![left, right] } else { vec![right, left] }
    };
    for way in WAYS {
        for ids in [[Some(7), Some(3)], [None, None]] {
            let frames = stream(30, 30.0, |time| crowd(time, ids));
            let (smooth, reported) = smoothed(way, &frames);
            let expected: &[_] = if ids[0].is_none() { &[Unsmoothed::Nameless] } else { &[] };
            assert_eq!(reported, expected, "{way}");
            for (found, frame) in smooth.iter().zip(&frames) {
                for (a, b) in found.people.iter().zip(&frame.people) {
                    assert_eq!((a.id, a.score), (b.id, b.score));
                    assert!((a.joints[0][0] - b.joints[0][0]).abs() < 1e-6, "{way} mixes {:?}", b.id);
                }
            }
        }
    }
}

#[test]
fn a_person_who_was_away_comes_back_where_they_are() {
    let came_back = |time: f64| time > 2.0;
    let frames = stream(90, 30.0, |time| match time {
        time if came_back(time) => vec![person(Some(1), &[[0.9, 0.0, 0.0]])],
        time if time < 1.0 => vec![person(Some(1), &[REST])],
        _ => Vec::new(),
    });
    for way in WAYS {
        let (smooth, _) = smoothed(way, &frames);
        assert_eq!(smooth.len(), 90);
        for (found, frame) in smooth.iter().zip(&frames) {
            assert_eq!(found.people.len(), frame.people.len());
            for (a, b) in found.people.iter().zip(&frame.people) {
                assert!((a.joints[0][0] - b.joints[0][0]).abs() < 1e-6, "{way}, {:?}", frame.time);
            }
        }
    }
}

#[test]
fn time_that_begins_anew_is_another_clip() {
    let mut frames = stream(30, 30.0, |_| vec![person(None, &[REST])]);
    frames.extend(stream(30, 30.0, |_| vec![person(None, &[[0.9, 0.0, 0.0]])]));
    for way in WAYS {
        let (smooth, _) = smoothed(way, &frames);
        let apart = first_joint(&smooth).into_iter().zip(first_joint(&frames)).map(|(a, b)| distance(a, b));
        assert!(apart.fold(0.0, f64::max) < 1e-6, "{way}");
        assert!(smooth.iter().zip(&frames).all(|(a, b)| a.time == b.time), "{way}");
    }
}

/// A line that cannot be read has no time, and no people.
#[test]
fn frames_without_people_need_no_time() {
    let mut frames = stream(30, 30.0, |_| vec![person(None, &[REST])]);
    for index in [0, 1, 7, 29] {
        frames[index] = LiftedFrame { index: index as u64, ..LiftedFrame::default() };
    }
    for way in WAYS {
        assert_eq!(smoothed(way, &frames), (frames.clone(), Vec::new()), "{way}");
    }
}

#[test]
fn time_that_stands_still_is_reported() {
    let mut frames = stream(10, 30.0, |time| vec![person(None, &[[0.5 + time, 0.0, 0.0]])]);
    frames.iter_mut().for_each(|frame| frame.time = Some(1.0));
    for way in WAYS {
        let (smooth, reported) = smoothed(way, &frames);
        assert_eq!(reported, [Unsmoothed::SameTime], "{way}");
        assert_eq!(smooth, frames, "{way}");
    }
}

#[test]
fn a_frame_without_time_among_others_is_passed_on_as_it_is() {
    let mut frames = stream(30, 30.0, |time| vec![person(None, &[[0.5 + time, (40.0 * time).sin(), 0.0]])]);
    frames[12].time = None;
    for way in WAYS {
        let (smooth, reported) = smoothed(way, &frames);
        assert_eq!(reported, [Unsmoothed::Timeless], "{way}");
        assert_eq!(smooth[12], frames[12], "{way}");
        let order: Vec<u64> = smooth.iter().map(|frame| frame.index).collect();
        assert_eq!(order, (0..30).collect::<Vec<_>>(), "{way}");
    }
}

#[test]
fn a_stream_without_time_is_refused() {
    for way in WAYS {
        let mut writer = SmoothWriter::new(Box::new(Kept::default()), way, &[-1], |_| ());
        let lifted = LiftedFrame { index: 3, time: None, people: vec![person(None, &[REST])] };
        let error = writer.write(&Frame { index: 3, ..Frame::default() }, &lifted).unwrap_err();
        assert_eq!(error.to_string(), "frame 3 has no time, which smoothing needs");
    }
}
