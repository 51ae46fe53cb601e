use super::*;
use crate::pose::LiftedPerson;

fn frame(index: u64, time: Option<f64>, people: &[(Option<i64>, f32)]) -> LiftedFrame {
    let person = |&(id, x): &(Option<i64>, f32)| LiftedPerson {
        id,
        joints: vec![[0.0; 3], [x, 0.0, 0.0]],
        ..LiftedPerson::default()
    };
    LiftedFrame { index, time, people: people.iter().map(person).collect() }
}

fn clip(frames: &[LiftedFrame], fps: Option<f64>) -> Result<Clip> {
    let mut recorder = Recorder::new(2, fps);
    for frame in frames {
        recorder.push(frame)?;
    }
    recorder.into_clip(MAX_FILLED_GAP).map(|(clip, _)| clip)
}

fn xs(motion: &Motion) -> Vec<f32> {
    motion.poses().map(|pose| pose[1][0]).collect()
}

#[test]
fn people_without_a_place_among_others_are_told() {
    let mut recorder = Recorder::new(2, Some(10.0));
    recorder.push(&frame(0, None, &[(Some(1), 1.0), (Some(2), 1.0)])).unwrap();
    assert!(recorder.without_place().is_none());
    let mut placed = frame(1, None, &[(Some(1), 1.0), (Some(2), 1.0)]);
    placed.people[0].root = Some([0.0; 3]);
    recorder.push(&placed).unwrap();
    let message = recorder.without_place().unwrap().to_string();
    assert!(message.contains("a person is not in it"), "{message}");
    let (clip, loss) = recorder.into_clip(MAX_FILLED_GAP).unwrap();
    assert_eq!((clip.people.len(), loss.unwrap().to_string()), (1, message));
}

#[test]
fn a_short_gap_is_bridged_and_a_long_one_stays() {
    let one = [(Some(3), 1.0)];
    let frames = [
        frame(0, Some(0.0), &[]),
        frame(1, Some(0.1), &one),
        frame(2, Some(0.2), &[]),
        frame(3, Some(0.3), &[(Some(3), 2.0)]),
        frame(9, Some(0.9), &[(Some(3), 5.0), (Some(1), 7.0)]),
    ];
    let clip = clip(&frames, Some(10.0)).unwrap();
    assert_eq!((clip.rows, clip.people.len(), clip.people[0].first), (10, 2, 9));
    let motion = &clip.people[1];
    assert_eq!((motion.number, motion.first, motion.rows()), (3, 1, 9));
    let found = xs(motion);
    assert_eq!(found[..3], [1.0, 1.5, 2.0]);
    assert!(found[3..8].iter().all(|x| x.is_nan()) && found[8] == 5.0, "{found:?}");
}

#[test]
fn people_with_and_without_ids_have_numbers_of_their_own() {
    let frames: Vec<_> = (0..9).map(|at| frame(at, None, &[(None, 1.0), (None, 2.0), (Some(1), 3.0)])).collect();
    let clip = clip(&frames, Some(10.0)).unwrap();
    let found: Vec<_> = clip.people.iter().map(|motion| (motion.number, xs(motion)[0])).collect();
    assert_eq!(found, [(1, 3.0), (0, 1.0), (2, 2.0)]);
}

#[test]
fn a_person_alone_without_an_id_is_the_first_who_is_tracked() {
    let mut frames: Vec<_> = (0..9).map(|at| frame(at, None, &[(None, 1.0)])).collect();
    frames[5] = frame(5, None, &[(Some(1), 7.0), (Some(0), 1.0)]);
    (6..9).for_each(|at| frames[at] = frame(at as u64, None, &[(Some(0), 1.0)]));
    let clip = clip(&frames, Some(10.0)).unwrap();
    let found: Vec<_> = clip.people.iter().map(|motion| (motion.number, motion.rows())).collect();
    assert_eq!(found, [(0, 9), (1, 1)]);
}

#[test]
fn the_rate_is_that_of_most_frames() {
    let times = [0.0, 0.0333, 0.0667, 0.1, 0.1333, 0.1667, 0.2];
    let frames: Vec<_> = times.iter().map(|time| frame(0, Some(*time), &[(None, *time as f32)])).collect();
    let clip = clip(&frames, None).unwrap();
    assert_eq!(clip.rate, 30.0);
    let halved = {
        let mut recorder = Recorder::new(2, None).at_rate(Some(15.0));
        frames.iter().for_each(|frame| recorder.push(frame).unwrap());
        recorder.into_clip(MAX_FILLED_GAP).unwrap().0
    };
    assert_eq!(halved.rows, 4);
    let found = xs(&halved.people[0]);
    assert!(found.iter().zip([0.0, 0.0667, 0.1333]).all(|(found, x)| (found - x).abs() < 1e-3), "{found:?}");
}

/// Ten seconds at 30 frames a second, then two at 60; x is the frame's number.
fn changing_rate() -> Vec<LiftedFrame> {
    let time = |at: u64| if at < 300 { at as f64 / 30.0 } else { 10.0 + (at - 300) as f64 / 60.0 };
    (0..420).map(|at| frame(at, Some(time(at)), &[(Some(0), at as f32)])).collect()
}

#[test]
fn no_frame_is_left_out_where_the_rate_changes() {
    let frames = changing_rate();
    for stated in [None, Some(30.0)] {
        let mut recorder = Recorder::new(2, stated);
        frames.iter().for_each(|frame| recorder.push(frame).unwrap());
        let (clip, loss) = recorder.into_clip(MAX_FILLED_GAP).unwrap();
        assert!(loss.is_none());
        assert_eq!((clip.rate, clip.rows), (60.0, 720));
        let found = xs(&clip.people[0]);
        assert_eq!(found[..4], [0.0, 0.5, 1.0, 1.5]);
        assert!((0..420).all(|at| found.iter().any(|x| (x - at as f32).abs() < 1e-3)), "a frame is left out");
        let notice = clip.notices.join("; ");
        assert!(notice.contains("frames come at 30 a second and for a while at 60"), "{notice}");
        assert!(notice.contains("300 of 720 rows are between frames"), "{notice}");
    }
}

#[test]
fn a_named_rate_overrules_times_and_says_what_is_left_out() {
    let mut recorder = Recorder::new(2, Some(60.0)).at_rate(Some(30.0));
    changing_rate().iter().for_each(|frame| recorder.push(frame).unwrap());
    let (clip, _) = recorder.into_clip(MAX_FILLED_GAP).unwrap();
    assert_eq!((clip.rate, clip.rows), (30.0, 361));
    let notice = clip.notices.join("; ");
    assert!(notice.starts_with("59 of 420 frames are left out"), "{notice}");
}

#[test]
fn a_clock_that_jitters_changes_no_rate_and_says_nothing() {
    let time = |at: u64| (at as f64 + 0.2 * (at as f64 * 2.4).sin()) / 30.0;
    let frames: Vec<_> = (0..300).map(|at| frame(at, Some(time(at)), &[(None, at as f32)])).collect();
    let clip = clip(&frames, Some(30.0)).unwrap();
    assert_eq!((clip.rate, clip.notices.is_empty()), (30.0, true));
}

#[test]
fn frames_that_no_row_can_hold_are_left_out_and_named() {
    let one = [(None, 1.0)];
    let times = [Some(1.0), Some(1.1), Some(1.1), None, Some(0.2), Some(1.2), Some(1.3)];
    let mut recorder = Recorder::new(2, None);
    for (index, time) in (4..).zip(times) {
        recorder.push(&frame(index, time, &one)).unwrap();
    }
    let (clip, loss) = recorder.into_clip(MAX_FILLED_GAP).unwrap();
    assert_eq!(
        loss.unwrap().to_string(),
        "3 frames are not in it; frame 6 has the time 1.1 s, expected one after 1.1 s, the time of the frame before"
    );
    assert_eq!((clip.rows, clip.people[0].rows()), (4, 4));
}

#[test]
fn frames_without_a_time_need_a_rate() {
    let timeless = [frame(0, None, &[]), frame(2, None, &[(None, 1.0)])];
    assert_eq!(clip(&timeless, Some(10.0)).unwrap().time(2), 0.2);
    assert!(clip(&timeless, None).map(|_| ()).unwrap_err().to_string().contains("frame rate is not known"));
    assert_eq!(clip(&[frame(0, Some(0.5), &[(None, 1.0)])], None).unwrap().rows, 1);
}

#[test]
fn a_stream_that_begins_anew_goes_on_behind_itself() {
    let one = [(Some(0), 1.0)];
    let mut frames: Vec<_> = (0..20).map(|at| frame(at, Some(at as f64 / 10.0), &one)).collect();
    frames.extend((0..10).map(|at| frame(at, Some(at as f64 / 10.0), &[(Some(0), 2.0)])));
    let mut recorder = Recorder::new(2, None);
    frames.iter().for_each(|frame| recorder.push(frame).unwrap());
    let (clip, loss) = recorder.into_clip(MAX_FILLED_GAP).unwrap();
    assert!(loss.is_none());
    assert_eq!(xs(&clip.people[0]), [[1.0; 20].as_slice(), &[2.0; 10]].concat());
    assert_eq!(
        clip.notices,
        ["times begin anew at frame 0, which has 0 s after 1.9 s: what follows is put behind what came before"]
    );
}

#[test]
fn poses_before_the_first_time_are_told() {
    let one = [(None, 1.0)];
    let mut recorder = Recorder::new(2, None);
    for (index, time) in [(0, None), (1, Some(0.1)), (2, Some(0.2))] {
        recorder.push(&frame(index, time, &one)).unwrap();
    }
    let (clip, loss) = recorder.into_clip(MAX_FILLED_GAP).unwrap();
    assert!(loss.unwrap().to_string().starts_with("a frame is not in it; frame 0 has no time"));
    assert_eq!(clip.rows, 2);
}
