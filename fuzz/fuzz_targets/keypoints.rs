//! Any bytes as a 2D stream: recognised, read frame by frame, lifted.
#![no_main]

use std::cell::RefCell;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use poselift::Lifter;
use poselift::format::{FrameReader, Source, open_reader};
use poselift::model::{ModelFile, View};
use poselift::pose::{Frame, LiftedFrame};
use poselift::skeleton::COCO17;
use poselift_fuzz::{TinyModel, bounded, is_about_input, own_lifter, with_file};

/// Frames and errors that a byte can stand for at most: a packed byte unpacks to a thousand.
const MAX_PER_BYTE: usize = 1100;

thread_local! {
    static LIFTER: RefCell<Lifter> = RefCell::new(lifter());
}

fn lifter() -> Lifter {
    let model = TinyModel {
        layout: COCO17.name,
        joints: COCO17.joints,
        channels: 3,
        joints_out: 17,
        planes: 1,
        int8: true,
        centred: true,
        input_relu: true,
        sigma: true,
        view: View::Subject,
    };
    let file = ModelFile::from_bytes("tiny.onnx", model.to_bytes()).expect("our own model is one of ours");
    own_lifter(&file).expect("our own kernels run our own model")
}

fuzz_target!(|bytes: &[u8]| {
    LIFTER.with_borrow_mut(|lifter| {
        with_file(bytes, |path| bounded(bytes.len(), || read(path, lifter, bytes.len())));
    });
});

fn read(path: &Path, lifter: &mut Lifter, length: usize) {
    let mut reader = match open_reader(&Source::File(path.to_path_buf()), None, None) {
        Ok(reader) => reader,
        Err(error) => {
            is_about_input(&error);
            return;
        }
    };
    let most = MAX_PER_BYTE * (length + 64);
    for _ in 0..most {
        match reader.read() {
            Ok(None) => return,
            Ok(Some(frame)) => lift(reader.as_ref(), lifter, frame),
            Err(error) if is_about_input(&error) => {}
            Err(_) => return,
        }
    }
    panic!("{most} frames and errors from {length} bytes");
}

fn lift(reader: &dyn FrameReader, lifter: &mut Lifter, frame: Frame) {
    check_frame(&frame);
    let layout = reader.info().layout.unwrap_or(&COCO17);
    let Ok(conversion) = lifter.conversion(layout) else { return };
    let people = frame.people.len();
    let mut refusals = Vec::new();
    let lifted = lifter.lift_frames(&[frame], &conversion, &mut refusals).expect("our own kernels do not fail");
    let [lifted] = &lifted[..] else { panic!("{} frames lifted from one", lifted.len()) };
    assert_eq!(lifted.people.len() + refusals.len(), people, "each person is lifted or refused");
    check_lifted(lifted);
}

fn check_frame(frame: &Frame) {
    assert!(frame.time.is_none_or(f64::is_finite), "time {:?}", frame.time);
    assert!(frame.size.is_none_or(|size| !size.contains(&0)), "size {:?}", frame.size);
    assert!(frame.focal.is_none_or(|focal| focal.is_finite() && focal > 0.0), "focal {:?}", frame.focal);
    for point in frame.people.iter().flat_map(|person| &person.keypoints) {
        let score = point.score;
        assert!(point.is_missing() || (score.is_finite() && score > 0.0), "{point:?}");
    }
}

fn check_lifted(lifted: &LiftedFrame) {
    for person in &lifted.people {
        assert!(person.joints.as_flattened().iter().all(|number| number.is_finite()), "{person:?}");
        assert!(person.score.is_finite() && !person.sigma.iter().any(|sigma| sigma.is_nan()), "{person:?}");
    }
}
