//! Lifting allocates nothing after the first calls: a counting allocator proves it, on all threads.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

mod small_model;

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ndarray::Array3;
use poselift::lift::{Lifter, LifterOptions};
use poselift::model::{Device, ModelFile};
use poselift::pose::{Frame, Keypoint, Person};
use poselift::skeleton::Conversion;
use small_model::SmallModel;

/// The system's allocator with a counter. Allocations inside ONNX Runtime, which is C++, are not counted.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// Whether the next allocation's backtrace is to be stored in [`FIRST`].
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// Backtrace of the first allocation since watching began.
static FIRST: Mutex<Option<Backtrace>> = Mutex::new(None);

impl Counting {
    fn count() {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // A backtrace allocates too: watching is off by then.
        if IS_WATCHED.swap(false, Ordering::SeqCst) {
            let backtrace = Backtrace::force_capture();
            *FIRST.lock().unwrap_or_else(PoisonError::into_inner) = Some(backtrace);
        }
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the contract is the same, and the caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Waits until all other threads of the process wait: on a busy machine a pool's thread may start, and allocate its
/// name, only after the caller alone has lifted hundreds of times.
fn wait_until_all_wait() {
    #[cfg(target_os = "linux")]
    let is_running = || {
        let others = std::fs::read_dir("/proc/self/task").unwrap().filter(|task| {
            let stat = std::fs::read_to_string(task.as_ref().unwrap().path().join("stat")).unwrap_or_default();
            // `PID (NAME) STATE …`; a thread that has just ended has no state.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('S'))
        });
        // The asking thread itself is running.
        others.count() > 1
    };
    #[cfg(target_os = "linux")]
    let until = std::time::Instant::now() + Duration::from_secs(60);
    #[cfg(target_os = "linux")]
    while is_running() {
        assert!(std::time::Instant::now() < until, "other threads never rest");
        std::thread::sleep(Duration::from_millis(1));
    }
    #[cfg(not(target_os = "linux"))]
    std::thread::sleep(Duration::from_millis(100));
}

/// Lifts `people` repeatedly by `lift`, and panics with the place of the first allocation after the warm-up; the
/// counter covers the whole process.
fn assert_no_allocations(what: &str, people: usize, mut lift: impl FnMut()) {
    let calls = (30_000 / people).clamp(10, 100);
    for _ in 0..calls {
        lift();
    }
    wait_until_all_wait();
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    IS_WATCHED.store(true, Ordering::SeqCst);
    for _ in 0..calls {
        lift();
    }
    let is_clean = IS_WATCHED.swap(false, Ordering::SeqCst);
    let found = ALLOCATIONS.load(Ordering::SeqCst) - before;
    let first = FIRST.lock().unwrap().take();
    assert!(is_clean && found == 0, "{what}, {people} people, {calls} times: allocated, first at\n{first:?}");
}

/// Lifting frames allocates nothing after the warm-up if the memory of earlier lifted frames is reused.
fn assert_frames_allocate_nothing(lifter: &mut Lifter, threads: usize, people: usize) {
    let point = |joint: usize| Keypoint { x: 900.0 + joint as f64, y: 10.0, score: if joint == 9 { 0.0 } else { 0.5 } };
    let person = Person { id: None, keypoints: (0..17).map(point).collect() };
    let frames: Vec<_> = (0..people.div_ceil(3))
        .map(|index| Frame {
            people: vec![person.clone(); 3],
            size: Some([1920, 1080]),
            index: index as u64,
            ..Frame::default()
        })
        .collect();
    let own = Conversion::identity(17);
    let mut refusals = Vec::new();
    let mut lifted = Vec::new();
    assert_no_allocations(&format!("frames on {threads} threads"), people, || {
        lifter.lift_frames_into(&frames, &own, &mut refusals, &mut lifted).unwrap();
    });
    assert!(refusals.is_empty() && lifted.iter().all(|frame| frame.people.len() == 3));
}

/// Only one test, since the counter covers the whole process: a single person, a few, and batches that threads share.
#[test]
fn lifting_allocates_nothing_once_it_has_begun() {
    let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
    // Own code around ONNX Runtime, and our own kernels if the processor has the instructions.
    for (file, threads) in [(&small, 1), (&small, 2), (&ModelFile::bundled().unwrap(), 2)] {
        let options = LifterOptions { device: Device::Cpu, threads: Some(threads), ..LifterOptions::default() };
        let mut lifter = Lifter::from_model(file, &options).unwrap();
        for people in [1, 20, 64, 3000] {
            let keypoints = Array3::<f32>::ones((people, 17, 3));
            let mut poses = Array3::zeros((people, 17, 3));
            assert_no_allocations(&format!("arrays on {threads} threads"), people, || {
                lifter.lift_into(keypoints.view(), poses.view_mut()).unwrap();
            });
            assert_frames_allocate_nothing(&mut lifter, threads, people);
            let fits = |value: &f32| !std::ptr::eq(file, &small) || (value - 0.001).abs() < 1e-6;
            assert!(poses.iter().all(|value: &f32| value.is_finite() && fits(value)));
        }
    }
}
