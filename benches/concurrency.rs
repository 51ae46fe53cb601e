//! Compares the library's thread pool and batch queue with `rayon` and `crossbeam-channel` on the same work.
//!
//! `cargo bench -p poselift --features concurrency-rivals --bench concurrency [-- --turns 20]`. Pool: the bundled model on
//! batches of 1 to 8192 poses, cut into the same chunks: by the session's own pool, by a rayon pool in place, and by threads
//! that get owned chunks through crossbeam channels. Queue: frames from one thread or eight through a bounded queue, taken
//! in batches: the library's queue, crossbeam's channel, and the standard library's. All take turns, and each figure is the
//! median of the turns' ratios to the library's time: above 1 the library is faster. stdout gets two Markdown tables.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

// The queue is not part of the public library, and its file needs nothing else of it.
#[path = "../infer/src/stream/queue.rs"]
#[allow(dead_code, unused_imports, reason = "the bench uses a part, and none of its tests")]
mod queue;

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use crossbeam_channel::{Receiver, Sender};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis};
use poselift::model::{Batch, Device, Engine, ModelFile, PoseNetwork, Session, SessionOptions};
use queue::{BatchQueue, Queued};
use rayon::prelude::*;

/// Poses of the batches.
const BATCHES: [usize; 7] = [1, 8, 16, 64, 256, 1024, 8192];

/// The fewest and the most poses of a chunk, as in a session with own kernels.
const MIN_CHUNK: usize = 4;
const MAX_CHUNK: usize = 96;

/// Frames that go through a queue in one turn, the queue's capacity, and the largest batch.
const FRAMES: usize = 200_000;
const BOUND: usize = 4 * 480;
const BATCH: usize = 480;

/// Measures the thread pool and the batch queue against rayon and crossbeam
#[derive(Parser)]
struct Options {
    /// Threads of each pool
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Turns of each
    #[arg(long, default_value_t = 20)]
    turns: usize,
    /// Milliseconds that a pool runs in one turn
    #[arg(long, default_value_t = 30)]
    millis: u64,
    /// Arguments that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    println!("| poses | ThreadPool, µs | rayon | crossbeam |\n|---|---|---|---|");
    let mut pools = Pools::new(options.threads);
    for batch in BATCHES {
        let (own, ratios) = pools.compare(batch, &options);
        println!("| {batch} | {own:.1} | {:.2} | {:.2} |", ratios[0], ratios[1]);
    }
    println!("\n| threads that push | BatchQueue, ns a frame | crossbeam | std |\n|---|---|---|---|");
    for pushers in [1, 8] {
        let turns = [own_queue, crossbeam_queue, std_queue].map(|run| move || run(pushers));
        let (own, ratios) = in_turns(options.turns, turns);
        println!("| {pushers} | {:.0} | {:.2} | {:.2} |", own / FRAMES as f64 * 1e9, ratios[0], ratios[1]);
    }
}

/// Runs three contenders in turns, each of which returns its seconds: the median of the first, and the medians of the
/// others' ratios to it.
fn in_turns<F: FnMut() -> f64>(turns: usize, mut contenders: [F; 3]) -> (f64, [f64; 2]) {
    let mut own = Vec::new();
    let mut ratios = [Vec::new(), Vec::new()];
    for turn in 0..turns {
        let mut seconds = [0.0; 3];
        // Each is first equally often.
        for place in 0..3 {
            let at = (turn + place) % 3;
            seconds[at] = contenders[at]();
        }
        own.push(seconds[0]);
        ratios[0].push(seconds[1] / seconds[0]);
        ratios[1].push(seconds[2] / seconds[0]);
    }
    (median(own), ratios.map(median))
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The same network behind three pools.
struct Pools {
    session: Session,
    rayon: RayonPool,
    crossbeam: CrossbeamPool,
}

impl Pools {
    fn new(threads: usize) -> Self {
        let file = ModelFile::bundled().unwrap();
        let options = SessionOptions { device: Device::Cpu, threads: Some(threads), engine: Engine::Own };
        let mut session = Session::new(&file, &options).unwrap();
        let rayon = RayonPool::new(&mut session, threads);
        let crossbeam = CrossbeamPool::new(&mut session, threads);
        Self { session, rayon, crossbeam }
    }

    /// Microseconds of the session's own pool per batch of this many poses, and the others' ratios.
    fn compare(&mut self, batch: usize, options: &Options) -> (f64, [f64; 2]) {
        let keypoints = keypoints(batch);
        let time = Duration::from_millis(options.millis);
        let Self { session, rayon, crossbeam } = self;
        let contenders: [Box<dyn FnMut() -> f64 + '_>; 3] = [
            Box::new(|| seconds_a_batch(time, batch, |poses| run(session, keypoints.view(), poses))),
            Box::new(|| seconds_a_batch(time, batch, |poses| rayon.run(keypoints.view(), poses))),
            Box::new(|| seconds_a_batch(time, batch, |poses| crossbeam.run(keypoints.view(), poses))),
        ];
        let (own, ratios) = in_turns(options.turns, contenders);
        (own * 1e6, ratios)
    }
}

/// Seconds per batch, repeated for `time`.
fn seconds_a_batch(time: Duration, batch: usize, mut run: impl FnMut(ArrayViewMut3<'_, f32>)) -> f64 {
    let mut poses = Array3::zeros((batch, 17, 3));
    for _ in 0..3 {
        run(poses.view_mut());
    }
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < time {
        run(black_box(poses.view_mut()));
        count += 1;
    }
    started.elapsed().as_secs_f64() / f64::from(count)
}

/// People scattered over an image.
fn keypoints(batch: usize) -> Array3<f32> {
    Array3::from_shape_fn((batch, 17, 3), |(n, joint, number)| match number {
        2 => 0.9,
        _ => 300.0 + ((n * 31 + joint * 17 + number * 7) % 400) as f32,
    })
}

fn run(network: &mut dyn PoseNetwork, keypoints: ArrayView3<'_, f32>, poses: ArrayViewMut3<'_, f32>) {
    let card = network.card().clone();
    network.run(Batch::new(&card, keypoints, poses, None).unwrap()).unwrap();
}

/// Poses of the chunks that a batch is cut into.
fn chunk_len(total: usize, threads: usize) -> usize {
    let rounds = total.div_ceil(threads * MAX_CHUNK).max(1);
    total.div_ceil((rounds * threads).min(total / MIN_CHUNK).max(1))
}

/// A handle for each chunk that may run at the same time.
fn handles(session: &mut Session, count: usize) -> Vec<Box<dyn PoseNetwork>> {
    let mut handles = Vec::new();
    while handles.len() < count {
        handles.extend(session.thread_handles().unwrap());
    }
    handles.truncate(count);
    handles
}

/// Chunks in place, by rayon.
struct RayonPool {
    pool: rayon::ThreadPool,
    handles: Vec<Mutex<Box<dyn PoseNetwork>>>,
}

impl RayonPool {
    fn new(session: &mut Session, threads: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let handles = handles(session, threads).into_iter().map(Mutex::new).collect();
        Self { pool, handles }
    }

    fn run(&self, keypoints: ArrayView3<'_, f32>, mut poses: ArrayViewMut3<'_, f32>) {
        let len = chunk_len(keypoints.dim().0, self.handles.len());
        if keypoints.dim().0 <= len {
            // The calling thread runs one chunk, as in the session.
            return run(self.handles[0].lock().unwrap().as_mut(), keypoints, poses);
        }
        let mut chunks: Vec<_> =
            keypoints.axis_chunks_iter(Axis(0), len).zip(poses.axis_chunks_iter_mut(Axis(0), len)).collect();
        self.pool.install(|| {
            chunks.par_iter_mut().with_max_len(1).for_each(|(keypoints, poses)| {
                let handle = &self.handles[rayon::current_thread_index().unwrap()];
                run(handle.lock().unwrap().as_mut(), *keypoints, poses.view_mut());
            });
        });
    }
}

/// A chunk in its own memory.
struct Chunk {
    start: usize,
    keypoints: Array3<f32>,
    poses: Array3<f32>,
}

/// Owned chunks through two channels, one in each direction; the caller runs chunks too.
struct CrossbeamPool {
    push: Option<Sender<Chunk>>,
    waiting: Receiver<Chunk>,
    completed: Receiver<Chunk>,
    handle: Box<dyn PoseNetwork>,
    threads: Vec<JoinHandle<()>>,
    recycled: Vec<Chunk>,
}

impl CrossbeamPool {
    fn new(session: &mut Session, threads: usize) -> Self {
        let (push, waiting) = crossbeam_channel::unbounded::<Chunk>();
        let (complete, completed) = crossbeam_channel::unbounded();
        let mut handles = handles(session, threads);
        let handle = handles.pop().unwrap();
        let start = |mut handle: Box<dyn PoseNetwork>| {
            let waiting = waiting.clone();
            let complete = complete.clone();
            std::thread::spawn(move || {
                for mut chunk in waiting {
                    run(handle.as_mut(), chunk.keypoints.view(), chunk.poses.view_mut());
                    complete.send(chunk).unwrap();
                }
            })
        };
        let threads = handles.into_iter().map(start).collect();
        Self { push: Some(push), waiting, completed, handle, threads, recycled: Vec::new() }
    }

    fn run(&mut self, keypoints: ArrayView3<'_, f32>, mut poses: ArrayViewMut3<'_, f32>) {
        let len = chunk_len(keypoints.dim().0, self.threads.len() + 1);
        if keypoints.dim().0 <= len {
            return run(self.handle.as_mut(), keypoints, poses);
        }
        let mut outstanding = 0;
        for (index, keypoints) in keypoints.axis_chunks_iter(Axis(0), len).enumerate() {
            let mut chunk = self.recycled.pop().unwrap_or_else(|| Chunk {
                start: 0,
                keypoints: Array3::zeros((0, 17, 3)),
                poses: Array3::zeros((0, 17, 3)),
            });
            if chunk.keypoints.dim() == keypoints.dim() {
                chunk.keypoints.assign(&keypoints);
            } else {
                chunk.keypoints = keypoints.to_owned();
                chunk.poses = Array3::zeros(keypoints.dim());
            }
            chunk.start = index * len;
            self.push.as_ref().unwrap().send(chunk).unwrap();
            outstanding += 1;
        }
        while outstanding > 0 {
            let chunk = match self.waiting.try_recv() {
                Ok(mut chunk) => {
                    run(self.handle.as_mut(), chunk.keypoints.view(), chunk.poses.view_mut());
                    chunk
                }
                Err(_) => self.completed.recv().unwrap(),
            };
            outstanding -= 1;
            let rows = chunk.start..chunk.start + chunk.poses.dim().0;
            poses.slice_mut(ndarray::s![rows, .., ..]).assign(&chunk.poses);
            self.recycled.push(chunk);
        }
    }
}

impl Drop for CrossbeamPool {
    fn drop(&mut self) {
        self.push = None;
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// An entry of the queues: as large as a frame.
struct Sent([u64; 14]);

impl Queued for Sent {
    fn weight(&self) -> usize {
        1
    }
}

/// Seconds for all frames, pushed by this many threads, each by `push`, and taken in batches by `take`, which returns
/// their number.
fn through_a_queue(pushers: usize, push: impl Fn(Sent) + Send + Clone, mut take: impl FnMut() -> usize) -> f64 {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..pushers {
            let push = push.clone();
            scope.spawn(move || (0..FRAMES / pushers).for_each(|number| push(Sent([number as u64; 14]))));
        }
        let mut taken = 0;
        while taken < FRAMES / pushers * pushers {
            taken += take();
        }
    });
    started.elapsed().as_secs_f64()
}

fn own_queue(pushers: usize) -> f64 {
    let queue = Arc::new(BatchQueue::new(BOUND, Duration::ZERO));
    let push = Arc::clone(&queue);
    through_a_queue(pushers, move |sent| assert!(push.push(sent)), || total(queue.take(BATCH)))
}

fn crossbeam_queue(pushers: usize) -> f64 {
    let (push, taken) = crossbeam_channel::bounded(BOUND);
    let take = || {
        let first = taken.recv().unwrap();
        total(std::iter::once(first).chain(taken.try_iter().take(BATCH - 1)).collect())
    };
    through_a_queue(pushers, move |sent| push.send(sent).unwrap(), take)
}

fn std_queue(pushers: usize) -> f64 {
    let (push, taken) = std::sync::mpsc::sync_channel(BOUND);
    let take = || {
        let first = taken.recv().unwrap();
        total(std::iter::once(first).chain(taken.try_iter().take(BATCH - 1)).collect())
    };
    through_a_queue(pushers, move |sent| push.send(sent).unwrap(), take)
}

/// The batch is read, so that no contender can skip creating it.
fn total(batch: Vec<Sent>) -> usize {
    black_box(batch.iter().map(|sent| sent.0[3]).max());
    batch.len()
}
