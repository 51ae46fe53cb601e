//! Many live cameras through one `SharedNetwork`, as `poselift run` lifts several live inputs: the latency of a
//! frame, and the number of cameras that the machine can serve.
//!
//! `cargo bench -p poselift --bench streams [-- --model FILE --seconds 5 --json FILE]`. Cameras of 30 Hz, with evenly
//! spread phases, one person each; each camera is a stream on its own thread, from its reader to its writer. Frames
//! come from memory and poses are not written, so pipes and their text are not timed. The clock of a frame starts
//! when the frame is due, not when it could be read, so a camera that falls behind is measured. stdout gets one
//! Markdown table.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

#[allow(dead_code, reason = "each bench uses a part")]
mod clip;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use poselift::format::{FrameReader, PoseWriter, StreamInfo};
use poselift::lift::{Lifter, LifterOptions};
use poselift::model::{Device, ModelFile};
use poselift::pose::{Frame, LiftedFrame};
use poselift::skeleton::COCO17;
use poselift::stream::{Failure, Observer, SharedNetwork, StreamOptions, Tally, lift_stream};
use serde_json::json;

/// Frames a second of each camera.
const HZ: f64 = 30.0;

/// The greatest latency before the camera's next frame, milliseconds.
const MAX_MS: f64 = 33.0;

/// Time at the start that is not measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// Time for all threads to start before the first frame is due.
const STARTING: Duration = Duration::from_millis(500);

/// Measures how many cameras one model serves
#[derive(Parser)]
struct Options {
    /// The model [default: the bundled one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Threads
    #[arg(long)]
    threads: Option<usize>,
    /// Numbers of cameras to time
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64, 512, 1000, 2000])]
    cameras: Vec<usize>,
    /// Steps in which the largest number is searched, 0 for none
    #[arg(long, default_value_t = 250)]
    step: usize,
    /// Seconds that each number is timed for
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Milliseconds that a frame may wait for others
    #[arg(long, default_value_t = 0)]
    max_delay: u64,
    /// Writes what was measured as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Arguments that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// Latencies of the frames of this many cameras, milliseconds.
struct Row {
    cameras: usize,
    p50: f64,
    p99: f64,
    worst: f64,
    answers: usize,
}

fn main() {
    let options = Options::parse();
    let mut rows: Vec<Row> = options.cameras.iter().map(|&cameras| measure(&options, cameras)).collect();
    let carried = if options.step > 0 { most_cameras(&options, &mut rows) } else { None };
    print!("{}", table(&rows, carried));
    if let Some(path) = &options.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({"cameras": row.cameras, "p50_ms": row.p50, "p99_ms": row.p99, "worst_ms": row.worst}))
            .collect();
        std::fs::write(path, format!("{:#}\n", json!({"rows": rows, "carried": carried}))).unwrap();
    }
}

/// The largest number of cameras, in steps, whose 99th percentile is below [`MAX_MS`]; measurements on the way are
/// added to `rows`.
fn most_cameras(options: &Options, rows: &mut Vec<Row>) -> Option<usize> {
    let mut carried = rows.iter().filter(|row| row.p99 < MAX_MS).map(|row| row.cameras).max()?;
    loop {
        let row = measure(options, carried + options.step);
        let is_carried = row.p99 < MAX_MS;
        carried += if is_carried { options.step } else { 0 };
        rows.push(row);
        if !is_carried {
            return Some(carried);
        }
    }
}

fn lifter(options: &Options) -> Lifter {
    let file = options.model.as_ref().map_or_else(ModelFile::bundled, ModelFile::read).unwrap();
    let with = LifterOptions { device: Device::Cpu, threads: options.threads, ..LifterOptions::default() };
    Lifter::from_model(&file, &with).unwrap()
}

/// Returns a clip's frames when they are due.
struct Camera {
    info: StreamInfo,
    clip: Arc<Vec<Frame>>,
    started: Instant,
    /// The number of the next frame among all cameras' frames, and the distance between two of this camera.
    next: usize,
    cameras: usize,
    frames: usize,
    spare: Option<Frame>,
}

impl Camera {
    /// When frame `next` is due, seconds after the start.
    fn due(&self) -> f64 {
        self.next as f64 / (HZ * self.cameras as f64)
    }
}

impl FrameReader for Camera {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> poselift::Result<Option<Frame>> {
        if self.next >= self.frames {
            return Ok(None);
        }
        let due = self.due();
        wait_until(self.started, due);
        let mut frame = self.spare.take().unwrap_or_default();
        frame.clone_from(&self.clip[self.next % self.clip.len()]);
        frame.index = (self.next / self.cameras) as u64;
        frame.time = Some(due);
        self.next += self.cameras;
        Ok(Some(frame))
    }

    fn reuse(&mut self, frame: Frame) {
        self.spare = Some(frame);
    }

    fn has_more(&mut self) -> bool {
        self.next < self.frames && self.started.elapsed().as_secs_f64() >= self.due()
    }
}

/// Records each frame's latency, from when it was due to when its poses were available, milliseconds.
struct Clock {
    started: Instant,
    laps: Vec<f64>,
    all: Arc<Mutex<Vec<f64>>>,
}

impl PoseWriter for Clock {
    fn write(&mut self, frame: &Frame, lifted: &LiftedFrame) -> poselift::Result<()> {
        assert_eq!(lifted.people.len(), 1);
        let due = frame.time.unwrap();
        if due > WARM_UP.as_secs_f64() {
            self.laps.push((self.started.elapsed().as_secs_f64() - due) * 1e3);
        }
        Ok(())
    }

    fn flush(&mut self) -> poselift::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> poselift::Result<()> {
        self.all.lock().unwrap().extend(&self.laps);
        Ok(())
    }
}

/// Nothing in these streams fails.
struct Unheard;

impl Observer for Unheard {
    fn failed(&mut self, failure: &Failure<'_>) {
        panic!("{failure:?}");
    }

    fn advanced(&mut self, _: &Tally) {}
}

fn measure(options: &Options, cameras: usize) -> Row {
    eprintln!("{cameras} cameras");
    let lifter = lifter(options);
    let batch = lifter.batch();
    let delay = Duration::from_millis(options.max_delay);
    let shared = SharedNetwork::start(lifter.into_network(), batch, delay).unwrap();
    let clip = Arc::new(clip::coco17_frames());
    let seconds = WARM_UP.as_secs_f64() + options.seconds;
    let frames = (seconds * HZ * cameras as f64) as usize;
    let all = Arc::new(Mutex::new(Vec::with_capacity(frames)));
    let started = Instant::now() + STARTING;
    std::thread::scope(|scope| {
        for camera in 0..cameras {
            let laps = Vec::with_capacity(frames / cameras + 1);
            let writer = Box::new(Clock { started, laps, all: Arc::clone(&all) });
            let info = StreamInfo::default();
            let clip = Arc::clone(&clip);
            let reader = Box::new(Camera { info, clip, started, next: camera, cameras, frames, spare: None });
            let mut lifter = Lifter::with_network(shared.clone(), batch);
            scope.spawn(move || {
                let options = StreamOptions::default();
                let outcome = lift_stream(&mut lifter, reader, writer, Some(&COCO17), &options, &mut Unheard).unwrap();
                assert!(outcome.stopped.is_none());
            });
        }
    });
    let mut laps = std::mem::take(&mut *all.lock().unwrap());
    laps.sort_unstable_by(f64::total_cmp);
    let percentile = |percent: usize| laps[(laps.len() * percent).div_ceil(100).max(1) - 1];
    Row { cameras, p50: percentile(50), p99: percentile(99), worst: percentile(100), answers: laps.len() }
}

/// Waits until `due` seconds after `started`, unless that is over.
fn wait_until(started: Instant, due: f64) {
    let due = started + Duration::from_secs_f64(due);
    let left = due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}

fn table(rows: &[Row], carried: Option<usize>) -> String {
    let mut lines = vec![
        "| cameras at 30 Hz | p50, ms | p99, ms | worst, ms | answers |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for Row { cameras, p50, p99, worst, answers } in rows {
        lines.push(format!("| {cameras} | {p50:.2} | {p99:.2} | {worst:.1} | {answers} |"));
    }
    let carried = carried.map(|carried| format!("carried with p99 below {MAX_MS} ms: {carried}"));
    lines.extend(carried);
    lines.join("\n") + "\n"
}
