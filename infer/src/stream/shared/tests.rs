use ndarray::s;

use super::*;
use crate::model::MockNetwork;

fn keypoints(people: usize, first: f32) -> Array3<f32> {
    Array3::from_shape_fn((people, 17, 3), |(n, joint, _)| first + n as f32 + joint as f32)
}

/// Poses of COCO-17 key points.
fn run(network: &mut SharedNetwork, keypoints: &Array3<f32>) -> Result<Array3<f32>> {
    let mut poses = Array3::zeros(keypoints.dim());
    let batch = Batch::new(network.card(), keypoints.view(), poses.view_mut(), None)?;
    network.run(batch)?;
    Ok(poses)
}

#[test]
fn each_caller_gets_its_own_rows() {
    let shared = SharedNetwork::start(MockNetwork::of_subject_with_sigma(), 8, Duration::from_millis(2)).unwrap();
    let threads: Vec<_> = (0..12usize)
        .map(|caller| {
            let mut network = shared.clone();
            std::thread::spawn(move || {
                for turn in 0..30 {
                    let keypoints = keypoints((caller + turn) % 5, (1000 * caller + 10 * turn) as f32);
                    let people = keypoints.dim().0;
                    let (mut poses, mut sigma) = (Array3::zeros((people, 17, 3)), Array2::zeros((people, 17)));
                    let wanted = caller.is_multiple_of(2).then(|| sigma.view_mut());
                    let batch = Batch::new(network.card(), keypoints.view(), poses.view_mut(), wanted).unwrap();
                    network.run(batch).unwrap();
                    assert_eq!(poses, &keypoints * 0.001);
                    if caller.is_multiple_of(2) {
                        assert_eq!(sigma, keypoints.slice(s![.., .., 1]).mapv(|y| y * 1e-4));
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn requests_at_the_same_time_are_one_batch_and_a_full_one_does_not_wait() {
    // Without a delay one pose is answered although no other one arrives.
    let mut alone = SharedNetwork::start(MockNetwork::new(), 8, Duration::ZERO).unwrap();
    run(&mut alone, &keypoints(1, 0.0)).unwrap();

    /// Records the largest batch.
    struct Watched(MockNetwork, Arc<Mutex<usize>>);
    impl PoseNetwork for Watched {
        fn card(&self) -> &Card {
            self.0.card()
        }
        fn run(&mut self, batch: Batch<'_>) -> Result<()> {
            let mut largest = self.1.lock().unwrap();
            *largest = batch.len().max(*largest);
            self.0.run(batch)
        }
    }
    let largest = Arc::new(Mutex::new(0));
    let watched = Watched(MockNetwork::new(), Arc::clone(&largest));
    let shared = SharedNetwork::start(watched, 4, Duration::from_secs(600)).unwrap();
    // Four callers fill the batch: none waits for the delay.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut network = shared.clone();
            scope.spawn(move || run(&mut network, &keypoints(1, 0.0)).unwrap());
        }
    });
    assert_eq!(*largest.lock().unwrap(), 4);
}

#[test]
fn a_failure_is_each_callers_and_the_next_call_may_succeed() {
    struct Failing(MockNetwork, usize);
    impl PoseNetwork for Failing {
        fn card(&self) -> &Card {
            self.0.card()
        }
        fn run(&mut self, batch: Batch<'_>) -> Result<()> {
            self.1 += 1;
            if self.1 == 1 {
                return Err(Error::runtime("out of memory"));
            }
            self.0.run(batch)
        }
    }
    let mut shared = SharedNetwork::start(Failing(MockNetwork::new(), 0), 8, Duration::ZERO).unwrap();
    let error = run(&mut shared, &keypoints(2, 1.0)).unwrap_err();
    assert_eq!(error.to_string(), "out of memory");
    assert_eq!(run(&mut shared, &keypoints(2, 1.0)).unwrap(), keypoints(2, 1.0) * 0.001);
}

/// Hands the answer to the test, which may have gone.
struct Heard(std::sync::mpsc::Sender<Result<TimedPoses>>, Arc<std::sync::atomic::AtomicBool>);

impl Receiver for Heard {
    fn is_waiting(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }

    fn receive(self: Box<Self>, answer: Result<TimedPoses>) {
        self.0.send(answer).unwrap();
    }
}

#[test]
fn what_is_submitted_is_answered_unless_its_caller_left_and_a_full_queue_refuses() {
    let network = MockNetwork::of_subject_with_sigma();
    // Room for two poses, and batches of three that wait for as long as the test takes.
    let shared = SharedNetwork::start_with_room(network, 3, Duration::from_secs(600), 2).unwrap();
    let (answers, heard) = std::sync::mpsc::channel();
    let submit = |first: f32, waits: bool| {
        let waits = Arc::new(std::sync::atomic::AtomicBool::new(waits));
        shared.submit(keypoints(1, first), true, Box::new(Heard(answers.clone(), waits)))
    };
    submit(1.0, true).unwrap();
    submit(2.0, false).unwrap();
    assert!(matches!(submit(3.0, true), Err(NotSubmitted::Full)));
    assert!(matches!(
        shared.submit(Array3::zeros((1, 16, 3)), true, Box::new(Heard(answers.clone(), Arc::default()))),
        Err(NotSubmitted::Refused(_))
    ));
    drop(shared);
    drop(answers);
    let answered: Vec<TimedPoses> = heard.iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answered.len(), 1, "the other one went away");
    assert_eq!(answered[0].poses, keypoints(1, 1.0) * 0.001);
    assert_eq!(answered[0].sigma.as_ref().unwrap()[[0, 0]], 1e-4);
}

#[test]
fn a_network_that_panics_fails_the_calls_that_wait_and_all_after() {
    struct Panicking(MockNetwork);
    impl PoseNetwork for Panicking {
        fn card(&self) -> &Card {
            self.0.card()
        }
        fn run(&mut self, _: Batch<'_>) -> Result<()> {
            std::panic::resume_unwind(Box::new("a bug"))
        }
    }
    let mut shared = SharedNetwork::start(Panicking(MockNetwork::new()), 8, Duration::ZERO).unwrap();
    let error = run(&mut shared, &keypoints(2, 1.0)).unwrap_err();
    assert_eq!(error.to_string(), "the shared network broke down");
    let error = run(&mut shared, &keypoints(2, 1.0)).unwrap_err();
    assert_eq!(error.to_string(), "the shared network broke down");
}
