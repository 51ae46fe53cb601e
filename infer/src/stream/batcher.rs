//! Many live streams through one model: what has come from all of them is lifted as one batch.
//!
//! One thread takes whatever is there, lifts it and hands out the answers; what
//! comes meanwhile is the next batch. So a lone frame is answered at once, and
//! the more streams there are, the larger and cheaper per frame batches get.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::pool::{Pool, Waits};
use crate::error::{Error, Result};
use crate::lift::{Lifter, Refusal};
use crate::model::PoseNetwork;
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::Conversion;

/// Batches that may wait to be lifted before senders have to.
const WAITING_BATCHES: usize = 4;

/// One frame's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The [`Feed`] that it came from.
    pub feed: usize,
    /// The frame as it was sent.
    pub frame: Frame,
    /// Everybody in it who could be lifted.
    pub lifted: LiftedFrame,
    /// Everybody else, and why.
    pub refusals: Vec<Refusal>,
}

/// Lifts the frames of any number of streams in common batches, on a thread of its own.
///
/// ```no_run
/// # // Needs ONNX Runtime, which a documentation test cannot count on.
/// use std::time::Duration;
///
/// use poselift::pose::Frame;
/// use poselift::stream::Batcher;
/// use poselift::{Lifter, LifterOptions};
///
/// # fn main() -> poselift::Result<()> {
/// let lifter = Lifter::bundled(&LifterOptions::default())?;
/// let coco = lifter.conversion(&poselift::skeleton::COCO17)?;
/// let batcher = Batcher::start(lifter, Duration::ZERO, |answer| {
///     println!("camera {}: frame {}, {} people", answer.feed, answer.frame.index, answer.lifted.people.len());
/// })?;
/// let cameras: Vec<_> = (0..8).map(|camera| batcher.feed(camera, coco.clone())).collect();
/// cameras[3].send(Frame::default())?; // from any thread
/// batcher.finish()?; // waits until everything is answered
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Batcher {
    pool: Arc<Pool<Waiting>>,
    /// There until it has been waited for.
    thread: Option<JoinHandle<Result<()>>>,
}

/// The way into a [`Batcher`] for one stream; its frames are answered in the order they are sent.
#[derive(Debug, Clone)]
pub struct Feed {
    id: usize,
    conversion: Arc<Conversion>,
    pool: Arc<Pool<Waiting>>,
}

/// A frame that waits.
#[derive(Debug)]
struct Waiting {
    feed: usize,
    frame: Frame,
    conversion: Arc<Conversion>,
    since: Instant,
}

impl Waits for Waiting {
    fn weight(&self) -> usize {
        self.frame.people.len().max(1)
    }

    fn since(&self) -> Instant {
        self.since
    }
}

impl Feed {
    /// Sends a frame to be lifted; waits for room only where lifting is batches behind.
    ///
    /// # Errors
    /// The batcher lifts no more: it was dropped, or the runtime failed ([`Batcher::finish`] tells how).
    pub fn send(&self, frame: Frame) -> Result<()> {
        let (conversion, since) = (Arc::clone(&self.conversion), Instant::now());
        let waiting = Waiting { feed: self.id, frame, conversion, since };
        match self.pool.push(waiting) {
            true => Ok(()),
            false => Err(Error::runtime(format!("feed {}: the batcher lifts no more", self.id))),
        }
    }
}

impl Batcher {
    /// Starts lifting; `answer` is called for each frame, on the lifting thread.
    ///
    /// A batch is lifted when it is as large as the lifter takes at once, or when its oldest frame has waited for
    /// `max_delay`: with zero, whatever is there goes.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start<N: PoseNetwork + 'static>(
        lifter: Lifter<N>,
        max_delay: Duration,
        answer: impl FnMut(Answer) + Send + 'static,
    ) -> Result<Self> {
        let limit = lifter.batch();
        let pool = Arc::new(Pool::new(limit * WAITING_BATCHES));
        let taken = Arc::clone(&pool);
        let work = move || {
            let lifted = lift_all(lifter, &taken, limit, max_delay, answer);
            taken.abandon();
            lifted
        };
        let thread = std::thread::Builder::new().name("batch".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Error::runtime(format!("cannot start a thread: {error}")))?;
        Ok(Self { pool, thread: Some(thread) })
    }

    /// A way in for stream `id`, whose key points become the model's own by `conversion` ([`Lifter::conversion`]).
    pub fn feed(&self, id: usize, conversion: Conversion) -> Feed {
        Feed { id, conversion: Arc::new(conversion), pool: Arc::clone(&self.pool) }
    }

    /// Waits until all that was sent is answered; what is sent after is refused.
    ///
    /// # Errors
    /// The runtime failed.
    pub fn finish(mut self) -> Result<()> {
        self.pool.close();
        let broken = |_| Err(Error::runtime("the lifting thread broke down"));
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(broken))
    }
}

impl Drop for Batcher {
    /// What waits is not lifted any more.
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.pool.abandon();
            // Whoever drops a batcher does not ask how it went.
            let _ = thread.join();
        }
    }
}

fn lift_all<N: PoseNetwork>(
    mut lifter: Lifter<N>,
    pool: &Pool<Waiting>,
    limit: usize,
    max_delay: Duration,
    mut answer: impl FnMut(Answer),
) -> Result<()> {
    loop {
        let waiting = pool.take(limit, max_delay);
        if waiting.is_empty() {
            return Ok(());
        }
        lift(&mut lifter, waiting, &mut answer)?;
    }
}

/// Lifts frames of several streams, those in one layout together, and answers them.
fn lift<N: PoseNetwork>(
    lifter: &mut Lifter<N>,
    mut waiting: Vec<Waiting>,
    answer: &mut impl FnMut(Answer),
) -> Result<()> {
    while let Some(first) = waiting.first() {
        let conversion = Arc::clone(&first.conversion);
        let is_alike = |other: &Waiting| Arc::ptr_eq(&other.conversion, &conversion) || other.conversion == conversion;
        let (alike, others) = waiting.into_iter().partition(is_alike);
        lift_alike(lifter, alike, &conversion, answer)?;
        waiting = others;
    }
    Ok(())
}

fn lift_alike<N: PoseNetwork>(
    lifter: &mut Lifter<N>,
    alike: Vec<Waiting>,
    conversion: &Conversion,
    answer: &mut impl FnMut(Answer),
) -> Result<()> {
    // Frames of several streams have the same numbers: until they are back at their feeds, their place is their number.
    let numbered = alike.into_iter().zip(0..).map(|(Waiting { feed, mut frame, .. }, place)| {
        let sender = (feed, std::mem::replace(&mut frame.index, place));
        (sender, frame)
    });
    let (senders, frames): (Vec<_>, Vec<_>) = numbered.unzip();
    let mut refusals = Vec::new();
    let lifted = lifter.lift_frames(&frames, conversion, &mut refusals)?;
    // Some are told while people are gathered and some after the network.
    refusals.sort_by_key(|refusal| (refusal.frame, refusal.person));
    let mut refusals = refusals.into_iter().peekable();
    for (((feed, index), mut frame), mut lifted) in senders.into_iter().zip(frames).zip(lifted) {
        let own = std::iter::from_fn(|| refusals.next_if(|refusal| refusal.frame == frame.index));
        let refusals = own.map(|refusal| Refusal { frame: index, ..refusal }).collect();
        (frame.index, lifted.index) = (index, index);
        answer(Answer { feed, frame, lifted, refusals });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::model::MockNetwork;
    use crate::pose::{Keypoint, Person};
    use crate::skeleton::BODY25;

    fn person(joints: usize, x: f32) -> Person {
        Person { id: None, keypoints: vec![Keypoint { x: f64::from(x), y: 1.0, score: 1.0 }; joints] }
    }

    fn frame(index: u64, people: Vec<Person>) -> Frame {
        Frame { index, people, ..Frame::default() }
    }

    fn batcher(batch: usize, max_delay: Duration) -> (Batcher, Receiver<(Answer, Instant)>) {
        let (sender, answers) = channel();
        let lifter = Lifter::with_network(MockNetwork::new(), batch);
        let answer = move |answer| {
            // The other end is gone in tests that do not look at it.
            let _ = sender.send((answer, Instant::now()));
        };
        (Batcher::start(lifter, max_delay, answer).unwrap(), answers)
    }

    fn coco() -> Conversion {
        Conversion::identity(17)
    }

    #[test]
    fn each_stream_gets_its_own_answers_in_order_with_its_own_numbers() {
        let (batcher, answers) = batcher(16, Duration::ZERO);
        let threads: Vec<_> = (0..20)
            .map(|id| {
                let feed = batcher.feed(id, coco());
                std::thread::spawn(move || {
                    for index in 0..50 {
                        let people = vec![person(17, (id * 100) as f32 + index as f32 + 1.0); id % 3];
                        feed.send(frame(index, people)).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        batcher.finish().unwrap();
        let mut next = [0; 20];
        for (answer, _) in answers {
            assert_eq!((answer.frame.index, answer.lifted.index), (next[answer.feed], next[answer.feed]));
            assert_eq!((answer.lifted.people.len(), answer.frame.people.len()), (answer.feed % 3, answer.feed % 3));
            let x = (answer.feed * 100) as f32 + answer.frame.index as f32 + 1.0;
            assert!(answer.lifted.people.iter().all(|person| (person.joints[0][0] - x * 0.001).abs() < 1e-6));
            next[answer.feed] += 1;
        }
        assert_eq!(next, [50; 20]);
    }

    #[test]
    fn layouts_mix_and_refusals_go_to_the_frame_they_are_of() {
        let (batcher, answers) = batcher(64, Duration::from_millis(200));
        let lifter = Lifter::with_network(MockNetwork::new(), 1);
        let (coco, body) = (batcher.feed(0, coco()), batcher.feed(1, lifter.conversion(&BODY25).unwrap()));
        coco.send(frame(7, vec![person(17, 1.0), person(12, 1.0)])).unwrap();
        body.send(frame(7, vec![person(25, 2.0)])).unwrap();
        coco.send(frame(8, vec![person(17, 3.0)])).unwrap();
        body.send(frame(8, vec![person(17, 1.0)])).unwrap();
        batcher.finish().unwrap();
        let mut told: Vec<_> = answers
            .iter()
            .map(|(answer, _)| {
                let refusals: Vec<_> = answer.refusals.iter().map(ToString::to_string).collect();
                (answer.feed, answer.frame.index, answer.lifted.people.len(), refusals.join(", "))
            })
            .collect();
        told.sort();
        let refused = |text: &str| text.to_owned();
        assert_eq!(
            told,
            [
                (0, 7, 1, refused("frame 7: person 1: 12 key points, expected 17")),
                (0, 8, 1, String::new()),
                (1, 7, 1, String::new()),
                (1, 8, 0, refused("frame 8: person 0: 17 key points, expected 25")),
            ]
        );
    }

    #[test]
    fn nobody_waits_longer_than_the_delay_and_without_one_nobody_waits() {
        for (delay, least, most) in [(0, 0, 100), (150, 150, 400)] {
            let (batcher, answers) = batcher(64, Duration::from_millis(delay));
            let started = Instant::now();
            batcher.feed(0, coco()).send(frame(0, vec![person(17, 1.0)])).unwrap();
            let (_, answered) = answers.recv().unwrap();
            let waited = (answered - started).as_millis();
            assert!((least..most).contains(&waited), "{waited} ms with a delay of {delay}");
        }
    }

    #[test]
    fn a_full_batch_does_not_wait_for_the_delay() {
        let (batcher, answers) = batcher(4, Duration::from_secs(600));
        let feed = batcher.feed(0, coco());
        (0..4).for_each(|index| feed.send(frame(index, vec![person(17, 1.0)])).unwrap());
        assert_eq!(answers.iter().take(4).count(), 4);
        // Neither do those who are left at the end.
        feed.send(frame(4, vec![person(17, 1.0)])).unwrap();
        batcher.finish().unwrap();
        assert_eq!(answers.iter().count(), 1);
        assert!(feed.send(frame(5, Vec::new())).unwrap_err().to_string().contains("feed 0: the batcher lifts no more"));
    }

    #[test]
    fn senders_who_wait_for_room_are_let_go_when_the_batcher_is_dropped() {
        let (batcher, _) = batcher(1, Duration::from_secs(600));
        let feed = batcher.feed(0, coco());
        let sender = std::thread::spawn(move || {
            let sent = (0..).map(|index| feed.send(frame(index, vec![person(17, 1.0); 9])));
            sent.take_while(Result::is_ok).count()
        });
        std::thread::sleep(Duration::from_millis(20));
        drop(batcher);
        sender.join().unwrap();
    }
}
