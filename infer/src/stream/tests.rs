use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;

use crate::error::{Error, ErrorKind};
use crate::format::StreamInfo;
use crate::model::{Batch, MockNetwork};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{COCO17, H36M17};

/// Reads the frames that are sent into its channel, as a live pipe does.
struct Pipe {
    info: StreamInfo,
    frames: Receiver<Result<Frame>>,
}

impl FrameReader for Pipe {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        self.frames.recv().ok().transpose()
    }
}

/// Keeps the written frames; fails at frame `fail_at`, and reports each flush.
struct Kept {
    frames: Arc<Mutex<Vec<LiftedFrame>>>,
    flushed: Sender<usize>,
    fail_at: Option<u64>,
}

impl PoseWriter for Kept {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        assert_eq!(frame.index, lifted.index);
        if self.fail_at == Some(lifted.index) {
            return Err(Error::from(std::io::ErrorKind::StorageFull));
        }
        self.frames.lock().unwrap().push(lifted.clone());
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        // The receiver is dropped in tests that do not use it.
        let _ = self.flushed.send(self.frames.lock().unwrap().len());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// What is said of people of 17 points.
const GUESSED: &str = "no layout named, 17 key points taken to be coco17 (--layout)";

#[derive(Default)]
struct Notes(Vec<String>);

impl Observer for Notes {
    fn noticed(&mut self, notice: &Notice) {
        self.0.push(notice.to_string());
    }

    fn failed(&mut self, failure: &Failure<'_>) {
        self.0.push(match failure {
            Failure::Frame(error) => error.to_string(),
            Failure::Person(refusal) => refusal.to_string(),
        });
    }

    fn advanced(&mut self, _: &Tally) {}
}

fn frame(index: u64, people: usize) -> Frame {
    let keypoints = vec![Keypoint { x: 1.0 + index as f64, y: 2.0, score: 1.0 }; 17];
    Frame { index, people: vec![Person { id: None, keypoints }; people], ..Frame::default() }
}

struct Run {
    written: Vec<LiftedFrame>,
    outcome: Outcome,
    notes: Vec<String>,
}

fn run(frames: Vec<Result<Frame>>, fail_at: Option<u64>) -> Run {
    let options = StreamOptions { fps: Some(10.0), ..StreamOptions::default() };
    run_with(MockNetwork::new(), &options, frames, fail_at)
}

fn run_with<N: PoseNetwork>(
    network: N,
    options: &StreamOptions,
    frames: Vec<Result<Frame>>,
    fail_at: Option<u64>,
) -> Run {
    let (sender, receiver) = channel();
    frames.into_iter().for_each(|frame| sender.send(frame).unwrap());
    drop(sender);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let writer = Kept { frames: Arc::clone(&kept), flushed: channel().0, fail_at };
    let reader = Pipe { info: StreamInfo::default(), frames: receiver };
    let mut lifter = Lifter::with_network(network, 8);
    let mut notes = Notes::default();
    let outcome = lift_stream(&mut lifter, Box::new(reader), Box::new(writer), None, options, &mut notes).unwrap();
    Run { written: std::mem::take(&mut kept.lock().unwrap()), outcome, notes: notes.0 }
}

#[test]
fn a_model_of_feet_takes_people_without_and_says_so_once() {
    // The mock's sigma is a ten thousandth of y, so that of missing feet is 0.
    let mut with_feet = frame(1, 1);
    with_feet.people[0].keypoints.extend([Keypoint { x: 1.0, y: 9e3, score: 1.0 }; 6]);
    let options = StreamOptions { fps: Some(10.0), max_sigma: Some(0.1), ..StreamOptions::default() };
    let frames = (0..3).map(|index| Ok(frame(index, 1))).collect();
    let without = run_with(MockNetwork::of_feet(), &options, frames, None);
    let said = [GUESSED, "layout coco17 has no feet: toes and heels are missing in every frame"];
    assert_eq!(without.notes, said);
    assert_eq!((without.outcome.tally.lifted, without.outcome.layout.as_deref()), (3, Some("coco17")));
    let person = &without.written[0].people[0];
    assert_eq!((person.joints.len(), &person.missing_joints[..]), (23, &[17, 18, 19, 20, 21, 22][..]));

    let with = run_with(MockNetwork::of_feet(), &options, vec![Ok(with_feet)], None);
    assert_eq!(with.notes, ["no layout named, 23 key points taken to be coco23 (--layout)"]);
    let person = &with.written[0].people[0];
    assert!(person.missing_joints.is_empty() && person.sigma[17] > 0.8 && !person.unsure, "feet alone are unsure");
}

#[test]
fn a_pushed_stream_says_so_too() {
    let lifter = Lifter::with_network(MockNetwork::of_feet(), 8);
    let mut stream = PushStream::new(lifter, PushOptions::default());
    // Frames from 100 on: their points lie so many pixels to the right.
    for index in 100..102 {
        assert_eq!(stream.push(frame(index, 1)).unwrap()[0].people[0].joints.len(), 23);
    }
    let notices = stream.take_notices();
    assert_eq!(notices.iter().filter(|notice| notice.contains("coco17 has no feet")).count(), 1, "{notices:?}");
}

#[test]
fn people_without_feet_are_seen_well_enough_to_judge_the_order_by() {
    let mut card = MockNetwork::of_feet().card;
    let error = crate::model::Metric { value: 50.0, unit: "mm".into(), on: "a test".into() };
    card.metrics.insert("mpjpe".into(), error);
    let conversion = Conversion::new(&COCO17, &card.input.joints).unwrap();
    // Two thirds of the body's points are there, or one fewer; a person of every second frame is kept.
    for (there, is_ready) in [(12, true), (11, false)] {
        let mut check = OrderCheck::new(&card);
        let frames: Vec<Frame> = (0..64)
            .map(|index| {
                let mut frame = frame(index, 1);
                frame.people[0].keypoints[there..].fill(Keypoint::MISSING);
                frame
            })
            .collect();
        check.see(&frames, &conversion);
        assert_eq!(check.is_ready(), is_ready, "{there} points");
    }
}

#[test]
fn feet_alone_are_no_person() {
    let mut feet = frame(0, 1);
    feet.people[0].keypoints.extend([Keypoint { x: 1.0, y: 2.0, score: 1.0 }; 6]);
    feet.people[0].keypoints[3..17].fill(Keypoint::MISSING);
    let run = run_with(MockNetwork::of_feet(), &StreamOptions::default(), vec![Ok(feet)], None);
    assert_eq!(run.notes[1..], ["frame 0: person 0: 3 of 17 joints visible, at least 4 needed (feet do not count)"]);
    assert_eq!(run.outcome.tally.lifted, 0);
}

#[test]
fn many_people_in_many_frames_keep_their_order_and_get_their_time() {
    let run = run((0..500).map(|index| Ok(frame(index, index as usize % 5))).collect(), None);
    assert!(run.outcome.stopped.is_none());
    assert_eq!(run.outcome.tally, Tally { frames: 500, people: 1000, lifted: 1000, ..Tally::default() });
    assert_eq!(run.notes, [GUESSED]);
    for (index, lifted) in run.written.iter().enumerate() {
        assert_eq!((lifted.index, lifted.people.len()), (index as u64, index % 5));
        assert_eq!(lifted.time, Some(index as f64 / 10.0));
        assert!(lifted.people.iter().all(|person| person.joints[4][0] == (1.0 + index as f32) * 0.001));
    }
}

#[test]
fn people_are_turned_where_the_size_is_known_and_a_missing_size_is_reported_once() {
    let sized = |index| Frame { size: Some([1000, 800]), ..frame(index, 2) };
    let frames = || vec![Ok(frame(0, 0)), Ok(frame(1, 1)), Ok(sized(2)), Ok(frame(3, 1))];
    let mixed = run_with(MockNetwork::of_subject_with_sigma(), &StreamOptions::default(), frames(), None);
    assert_eq!((mixed.outcome.tally.lifted, mixed.outcome.tally.turned), (4, 2));
    let unknown_size = "image size unknown: people are lifted as if they stood on the optical axis (--size WxH)";
    assert_eq!(mixed.notes, [GUESSED, unknown_size]);
    let options = StreamOptions { size: Some([640, 480]), ..StreamOptions::default() };
    let all_known = run_with(MockNetwork::of_subject_with_sigma(), &options, frames(), None);
    assert_eq!((all_known.outcome.tally.turned, all_known.notes.len()), (4, 1));
    assert_eq!(all_known.written[2], mixed.written[2], "a frame's own size counts more than the stream's");
    assert_ne!(all_known.written[1], mixed.written[1]);
    let focal = run_with(
        MockNetwork::of_subject_with_sigma(),
        &StreamOptions { focal: Some(3000.0), ..options },
        frames(),
        None,
    );
    assert_ne!(focal.written[1], all_known.written[1]);
    let unasked = run_with(MockNetwork::new(), &options, frames(), None);
    assert_eq!((unasked.outcome.tally.turned, unasked.notes.len()), (0, 1));
}

#[test]
fn people_beyond_the_largest_sigma_are_marked_and_counted() {
    let at_height = |index, y| {
        let mut frame = frame(index, 1);
        frame.people[0].keypoints.iter_mut().for_each(|point| point.y = y);
        Ok(frame)
    };
    // The mock's sigma is y times 0.0001.
    let options = StreamOptions { max_sigma: Some(0.05), ..StreamOptions::default() };
    let frames = vec![at_height(0, 400.0), at_height(1, 600.0)];
    let run = run_with(MockNetwork::of_subject_with_sigma(), &options, frames, None);
    assert_eq!(run.written.iter().map(|frame| frame.people[0].unsure).collect::<Vec<_>>(), [false, true]);
    assert_eq!(run.outcome.tally.unsure, 1);
}

#[test]
fn an_unreadable_frame_is_reported_and_answered_with_no_people() {
    let run = run(vec![Ok(frame(7, 1)), Err(Error::input("cut off").line(2)), Ok(frame(9, 1))], None);
    assert_eq!(run.written.iter().map(|f| (f.index, f.people.len())).collect::<Vec<_>>(), [(7, 1), (8, 0), (9, 1)]);
    assert!(run.notes.contains(&":2: cut off".to_owned()), "{:?}", run.notes);
    assert_eq!(run.outcome.tally.failed(), 1);
}

#[test]
fn a_source_that_breaks_leaves_what_was_done() {
    let run = run(vec![Ok(frame(0, 1)), Err(Error::new(ErrorKind::Io, "gone")), Ok(frame(2, 1))], None);
    assert_eq!(run.written.len(), 1);
    assert!(matches!(run.outcome.stopped, Some(Stop::Reading(_))));
}

#[test]
fn an_output_that_breaks_ends_the_stream_on_either_thread() {
    for count in [2, 400] {
        let run = run((0..count).map(|index| Ok(frame(index, 1))).collect(), Some(count - 1));
        assert!(matches!(run.outcome.stopped, Some(Stop::Writing(_))), "{:?}", run.outcome);
        assert_eq!(run.written.len() as u64, count - 1);
    }
}

#[test]
fn each_frame_is_flushed_before_the_next_arrives() {
    let (sender, receiver) = channel();
    let (flushed, answers) = channel();
    let writer = Kept { frames: Arc::default(), flushed, fail_at: None };
    let reader = Pipe { info: StreamInfo::default(), frames: receiver };
    let lifting = std::thread::spawn(move || {
        let mut lifter = Lifter::with_network(MockNetwork::new(), 1);
        let options = StreamOptions::default();
        let (reader, writer) = (Box::new(reader), Box::new(writer));
        lift_stream(&mut lifter, reader, writer, Some(&COCO17), &options, &mut Notes::default()).unwrap()
    });
    for index in 0..20 {
        sender.send(Ok(frame(index, 1))).unwrap();
        assert_eq!(answers.recv().unwrap() as u64, index + 1);
    }
    drop(sender);
    assert_eq!(lifting.join().unwrap().tally.lifted, 20);
}

#[test]
fn a_layout_without_the_models_joints_is_refused_at_once() {
    let (_sender, frames) = channel();
    let reader = Box::new(Pipe { info: StreamInfo::default(), frames });
    let writer = Box::new(Kept { frames: Arc::default(), flushed: channel().0, fail_at: None });
    let mut lifter = Lifter::with_network(MockNetwork::new(), 1);
    let options = StreamOptions::default();
    let refusal = lift_stream(&mut lifter, reader, writer, Some(&H36M17), &options, &mut Notes::default()).unwrap_err();
    assert!(refusal.hint_text().is_some(), "{refusal}");
}

#[test]
fn people_who_fit_no_layout_are_reported() {
    let mut odd = frame(3, 1);
    odd.people[0].keypoints.truncate(12);
    let run = run(vec![Ok(odd)], None);
    assert_eq!(run.notes, ["frame 3: person 0: 12 key points, expected 17"]);
    assert_eq!(run.outcome.layout, None);
}

/// What a worker's network does when it gets a certain person.
type Misbehaviour = fn() -> Result<()>;

/// A mock that several threads may run; each of its handles does `misbehave` in the batch in which the first key
/// point of a person is at 1 + `at`.
struct Threaded {
    mock: MockNetwork,
    handles: usize,
    misbehave: Misbehaviour,
    at: u64,
}

impl Threaded {
    fn of(handles: usize, at: u64, misbehave: Misbehaviour) -> Self {
        Self { mock: MockNetwork::new(), handles, misbehave, at }
    }
}

impl PoseNetwork for Threaded {
    fn card(&self) -> &Card {
        self.mock.card()
    }

    fn run(&mut self, batch: Batch<'_>) -> Result<()> {
        let keypoints = batch.keypoints();
        let is_met = keypoints.outer_iter().any(|person| person[(0, 0)] == 1.0 + self.at as f32);
        if self.handles == 0 && is_met {
            (self.misbehave)()?;
        }
        // Batches finish in another order than they start.
        std::thread::sleep(std::time::Duration::from_micros(u64::from(keypoints[(0, 0, 0)] as u32 * 7919 % 500)));
        self.mock.run(batch)
    }

    fn thread_handles(&mut self) -> Result<Vec<Box<dyn PoseNetwork>>> {
        let handle = |_| -> Box<dyn PoseNetwork> { Box::new(Self::of(0, self.at, self.misbehave)) };
        Ok((0..self.handles).map(handle).collect())
    }
}

#[test]
fn batches_that_are_lifted_side_by_side_keep_their_order() {
    let frames = (0..3000).map(|index| match index % 100 {
        99 => Err(Error::input(format!("no frame {index}"))),
        _ => Ok(frame(index, index as usize % 3)),
    });
    let options = StreamOptions { fps: Some(10.0), ..StreamOptions::default() };
    let network = Threaded::of(3, u64::MAX, || Ok(()));
    let run = run_with(network, &options, frames.collect(), None);
    assert!(run.outcome.stopped.is_none());
    let tally = run.outcome.tally;
    assert_eq!((tally.frames, tally.unreadable, tally.lifted), (3000, 30, 2970));
    for (index, lifted) in run.written.iter().enumerate() {
        let people = if index % 100 == 99 { 0 } else { index % 3 };
        assert_eq!((lifted.index, lifted.people.len()), (index as u64, people));
        assert!(lifted.people.iter().all(|person| person.joints[4][0] == (1.0 + index as f32) * 0.001));
    }
    let reported: Vec<_> = run.notes.iter().filter(|note| note.starts_with("no frame")).collect();
    let expected: Vec<_> = (0..30).map(|hundred| format!("no frame {}", 100 * hundred + 99)).collect();
    assert_eq!(reported, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_worker_that_fails_or_breaks_down_leaves_what_came_before() {
    let misbehaviours: [(Misbehaviour, &str); 2] = [
        (|| Err(Error::runtime("out of memory")), "out of memory"),
        (|| std::panic::resume_unwind(Box::new("a bug")), "a lifting thread broke down"),
    ];
    for (misbehave, expected) in misbehaviours {
        let frames = (0..2000).map(|index| Ok(frame(index, 1))).collect();
        let run = run_with(Threaded::of(2, 1500, misbehave), &StreamOptions::default(), frames, None);
        let Some(Stop::Lifting(error)) = &run.outcome.stopped else { panic!("{:?}", run.outcome) };
        assert_eq!(error.to_string(), expected);
        assert!((1480..=1500).contains(&run.written.len()), "{}", run.written.len());
        assert!(run.written.iter().enumerate().all(|(index, lifted)| lifted.index == index as u64));
    }
}

#[test]
fn streams_that_share_a_network_keep_their_own_numbers_layouts_and_refusals() {
    let shared = SharedNetwork::start(MockNetwork::new(), 16, Duration::ZERO).unwrap();
    let lift_camera = |camera: usize, network: SharedNetwork| {
        let joints = if camera.is_multiple_of(2) { 17 } else { 25 };
        let frames = (0..50).map(|index| {
            let keypoints = vec![Keypoint { x: (100 * camera + index) as f64, y: 2.0, score: 1.0 }; joints];
            let mut people = vec![Person { id: None, keypoints }; camera % 3 + 1];
            // The last frame's second person fits no layout.
            if index == 49 {
                people.push(Person { id: None, keypoints: vec![Keypoint::MISSING; 12] });
            }
            Ok(Frame { index: index as u64, people, ..Frame::default() })
        });
        run_with(network, &StreamOptions::default(), frames.collect(), None)
    };
    let runs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|camera| {
                let network = shared.clone();
                scope.spawn(move || lift_camera(camera, network))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (camera, run) in runs.iter().enumerate() {
        let (layout, joints) = if camera.is_multiple_of(2) { ("coco17", 17) } else { ("body25", 25) };
        let people = camera % 3 + 1;
        let refusal = format!("frame 49: person {people}: 12 key points, expected {joints}");
        assert_eq!(
            run.notes,
            [format!("no layout named, {joints} key points taken to be {layout} (--layout)"), refusal]
        );
        assert_eq!(run.written.len(), 50);
        for (index, lifted) in run.written.iter().enumerate() {
            assert_eq!((lifted.index, lifted.people.len()), (index as u64, people));
            let x = (100 * camera + index) as f32 * 0.001;
            assert!(lifted.people.iter().all(|person| (person.joints[0][0] - x).abs() < 1e-5));
        }
    }
}
