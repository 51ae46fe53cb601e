//! What callers get wrong, and threads.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;

use poselift_c::*;

use crate::library::CLIP;

fn error() -> String {
    // SAFETY: the text is this thread's, and no other call is made while it is read.
    unsafe { CStr::from_ptr(poselift_error()) }.to_str().unwrap().to_owned()
}

/// A lifter of the built-in model on two threads.
struct Opened(*mut Lifter);

// SAFETY: the header promises it.
unsafe impl Sync for Opened {}

impl Opened {
    fn new() -> Self {
        let options = options(c"cpu".as_ptr(), 2);
        let mut lifter = MaybeUninit::uninit();
        // SAFETY: the text ends with a NUL.
        let status = unsafe { poselift_open(ptr::null(), Some(&options), Some(&mut lifter)) };
        assert_eq!(status, Status::Ok, "{}", error());
        // SAFETY: the call succeeded.
        Self(unsafe { lifter.assume_init() })
    }

    fn get(&self) -> &Lifter {
        // SAFETY: it is closed when this is dropped.
        unsafe { &*self.0 }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: it came from `poselift_open`, and no caller has it any more.
        poselift_close(Some(unsafe { Box::from_raw(self.0) }));
    }
}

fn options(device: *const c_char, threads: usize) -> Options {
    Options { device, engine: ptr::null(), threads, batch: 0, reserved: [0; 4] }
}

fn stream_options() -> StreamOptions {
    // SAFETY: all zero is what is usual, as C has it.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// `[people, 17, 3]`.
fn key_points(people: usize, seed: usize) -> Vec<f32> {
    (0..people * 17)
        .flat_map(|at| [400.0 + ((at * 37 + seed) % 211) as f32, 200.0 + (at % 17 * 30) as f32, 0.9])
        .collect()
}

#[derive(Clone)]
struct Lift {
    people: usize,
    joints: usize,
    channels: usize,
    layout: *const c_char,
    camera: Option<Camera>,
    poses_length: usize,
    sigma_length: usize,
}

impl Lift {
    fn of(people: usize) -> Self {
        let (poses_length, sigma_length) = (people * 51, people * 17);
        Self { people, joints: 17, channels: 3, layout: ptr::null(), camera: None, poses_length, sigma_length }
    }

    fn run(&self, lifter: &Lifter, key_points: &[f32]) -> (Status, Vec<f32>, Vec<f32>) {
        let (mut poses, mut sigma) = (vec![7.0; self.poses_length.max(1)], vec![7.0; self.sigma_length.max(1)]);
        // SAFETY: the arrays are as long as is said, or the call refuses them before it looks.
        let status = unsafe {
            poselift_lift(
                Some(lifter),
                key_points.as_ptr(),
                self.people,
                self.joints,
                self.channels,
                self.layout,
                self.camera.as_ref(),
                poses.as_mut_ptr(),
                self.poses_length,
                sigma.as_mut_ptr(),
                self.sigma_length,
            )
        };
        (status, poses, sigma)
    }
}

#[test]
fn wrong_sizes_and_values_are_refused_and_nothing_is_written() {
    let lifter = Opened::new();
    let points = key_points(3, 0);
    let usual = Lift::of(2);
    let camera = |width, focal| Some(Camera { width, height: 720, focal });
    let cases = [
        (Lift { poses_length: 101, ..usual.clone() }, Status::BadUsage, "poses has room for 101 floats, expected 102"),
        (Lift { sigma_length: 3, ..usual.clone() }, Status::BadUsage, "sigma has room for 3 floats, expected 34"),
        (Lift { channels: 4, ..usual.clone() }, Status::BadUsage, "4 channels, expected 2 (x, y) or 3 (x, y, score)"),
        (Lift { joints: 16, ..usual.clone() }, Status::BadInput, "16 key points a person, expected the 17 of coco17"),
        (Lift { people: 1 << 40, joints: 0, ..usual.clone() }, Status::BadUsage, "[1099511627776, 0, 3]: no joints"),
        (Lift { people: usize::MAX / 2, ..usual.clone() }, Status::BadUsage, "people of 17 joints are too many"),
        (Lift { people: 1 << 57, ..usual.clone() }, Status::BadUsage, "more than memory can hold"),
        (Lift { layout: c"coco19".as_ptr(), ..usual.clone() }, Status::BadUsage, "unknown joint layout 'coco19'"),
        (Lift { layout: c"\xff".as_ptr(), ..usual.clone() }, Status::BadUsage, "layout is not UTF-8"),
        (Lift { layout: c"h36m17".as_ptr(), ..usual.clone() }, Status::BadInput, "does not hold what the model reads"),
        (Lift { camera: camera(0, 0.0), ..usual.clone() }, Status::BadUsage, "a camera of 0x720 pixels"),
        (Lift { camera: camera(9, f32::NAN), ..usual.clone() }, Status::BadUsage, "focal length of NaN"),
    ];
    for (call, expected, text) in cases {
        let (status, poses, sigma) = call.run(lifter.get(), &points);
        assert_eq!(status, expected, "{text}");
        assert!(error().contains(text), "{}, expected {text}", error());
        assert!(poses.iter().chain(&sigma).all(|number| *number == 7.0), "{text}");
    }
    let (status, poses, sigma) = usual.run(lifter.get(), &points);
    assert_eq!(status, Status::Ok);
    assert!(poses.iter().chain(&sigma).all(|number| number.is_finite() && *number != 7.0));
}

#[test]
fn null_is_refused_wherever_it_cannot_be() {
    let lifter = Opened::new();
    let mut stream = MaybeUninit::uninit();
    // SAFETY: no pointer leads anywhere else than is said.
    unsafe {
        assert_eq!(poselift_open(ptr::null(), None, None), Status::BadUsage);
        assert_eq!(poselift_open_bytes(ptr::null(), 5, None, Some(&mut MaybeUninit::uninit())), Status::BadUsage);
        assert_eq!(error(), "bytes is NULL");
        assert_eq!(poselift_layout(c"coco17".as_ptr(), None), Status::BadUsage);
        assert_eq!(poselift_layout(ptr::null(), Some(&mut MaybeUninit::uninit())), Status::BadUsage);
        assert!(poselift_model(None).is_null());
        assert_eq!(error(), "lifter is NULL");
        let mut poses = [0.0; 51];
        let into = poses.as_mut_ptr();
        let lift = |lifter, points, poses, length| {
            poselift_lift(lifter, points, 1, 17, 3, ptr::null(), None, poses, length, ptr::null_mut(), 0)
        };
        let points = key_points(1, 0);
        assert_eq!(lift(None, points.as_ptr(), into, 51), Status::BadUsage);
        assert_eq!(lift(Some(lifter.get()), ptr::null(), into, 51), Status::BadUsage);
        assert_eq!(error(), "key_points is NULL");
        assert_eq!(lift(Some(lifter.get()), points.as_ptr(), ptr::null_mut(), 51), Status::BadUsage);
        assert_eq!(error(), "poses is NULL");
        assert_eq!(lift(Some(lifter.get()), points.as_ptr().byte_add(1), into, 51), Status::BadUsage);
        assert_eq!(error(), "key_points is at an address that no f32 has");
        assert_eq!(lift(Some(lifter.get()), points.as_ptr(), into, 51), Status::Ok);
        assert_eq!(poselift_stream_open(None, None, Some(&mut stream)), Status::BadUsage);
        assert!(stream.assume_init().is_null());
        assert_eq!(poselift_stream_open(Some(lifter.get()), None, None), Status::BadUsage);
        assert_eq!(poselift_stream_push(None, 0.0, ptr::null(), 0, 17, 3, ptr::null(), None), Status::BadUsage);
    }
    assert_eq!(poselift_stream_finish(None, None), Status::BadUsage);
    assert!(poselift_stream_next(None).is_null() && poselift_stream_notice(None).is_null());
    poselift_close(None);
    poselift_stream_close(None);
}

#[test]
fn files_and_options_that_cannot_be_are_refused_by_name() {
    let open = |path: &CStr, options: Options| {
        let mut lifter = MaybeUninit::uninit();
        // SAFETY: texts end with a NUL.
        let status = unsafe { poselift_open(path.as_ptr(), Some(&options), Some(&mut lifter)) };
        // SAFETY: it is written in any case.
        assert!(unsafe { lifter.assume_init() }.is_null());
        (status, error())
    };
    let usual = || options(ptr::null(), 0);
    let (status, text) = open(c"/nowhere/model.onnx", usual());
    assert_eq!(status, Status::Io);
    assert!(text.starts_with("/nowhere/model.onnx: "), "{text}");
    let (status, text) = open(&CString::new(CLIP).unwrap(), usual());
    assert_eq!(status, Status::BadModel, "{text}");
    let (status, text) = open(c"", Options { threads: 513, ..usual() });
    assert_eq!((status, &*text), (Status::BadUsage, "threads is 513, expected 0 to 512"));
    let (status, text) = open(c"", Options { device: c"tpu".as_ptr(), ..usual() });
    assert!(status == Status::BadUsage && text.starts_with("device: "), "{text}");
    let (status, text) = open(c"", Options { reserved: [0, 1, 0, 0], ..usual() });
    assert!(status == Status::BadUsage && text.contains("\nhint: "), "{text}");

    let lifter = Opened::new();
    let refused = |options: StreamOptions, expected: &str| {
        let mut stream = MaybeUninit::uninit();
        // SAFETY: texts end with a NUL.
        let status = unsafe { poselift_stream_open(Some(lifter.get()), Some(&options), Some(&mut stream)) };
        assert_ne!(status, Status::Ok, "{expected}");
        assert!(error().contains(expected), "{}, expected {expected}", error());
    };
    let usual = stream_options;
    refused(StreamOptions { width: 640, ..usual() }, "640x0 pixels");
    refused(StreamOptions { fps: f64::NAN, ..usual() }, "fps is NaN");
    refused(StreamOptions { focal: -1.0, ..usual() }, "focal is -1");
    refused(StreamOptions { smooth: c"strong".as_ptr(), ..usual() }, "smooth: unknown smoothing 'strong'");
    refused(StreamOptions { pitch: 10.0, ..usual() }, "pitch without level");
    refused(StreamOptions { level: true, pitch: f32::NAN, ..usual() }, "pitch is NaN");
    refused(StreamOptions { rotate: 45, ..usual() }, "45");
    refused(StreamOptions { person: c"tallest".as_ptr(), ..usual() }, "person: ");
    refused(StreamOptions { layout: c"h36m17".as_ptr(), ..usual() }, "does not hold what the model reads");
    refused(StreamOptions { camera: c"/nowhere.toml".as_ptr(), ..usual() }, "/nowhere.toml");
    refused(StreamOptions { camera: c"/nowhere.toml".as_ptr(), focal: 900.0, ..usual() }, "beside a camera file");
    refused(StreamOptions { camera_name: c"left".as_ptr(), ..usual() }, "camera_name without camera");
    refused(StreamOptions { camera_up: c"z".as_ptr(), ..usual() }, "camera_up without camera");
    for score in [50.0, -0.1, f32::NAN] {
        refused(
            StreamOptions { min_score: score, ..usual() },
            &format!("min_score is {score}, expected a score, 0 to 1"),
        );
    }
    refused(StreamOptions { reserved: [1; 7], ..usual() }, "reserved");
    refused(StreamOptions { reserved_bytes: [0, 0, 0, 0, 0, 0, 1], ..usual() }, "reserved");
}

#[test]
fn two_channels_and_other_layouts_lift_as_the_models_own() {
    let lifter = Opened::new();
    let own: Vec<f32> = key_points(2, 5).chunks(3).flat_map(|point| [point[0], point[1], 1.0]).collect();
    let call = Lift { camera: Some(Camera { width: 1280, height: 720, focal: 0.0 }), ..Lift::of(2) };
    let (status, expected, expected_sigma) = call.run(lifter.get(), &own);
    assert_eq!(status, Status::Ok, "{}", error());
    let plain: Vec<f32> = own.chunks(3).flat_map(|point| [point[0], point[1]]).collect();
    let (status, poses, sigma) = Lift { channels: 2, ..call.clone() }.run(lifter.get(), &plain);
    assert_eq!((status, &poses, &sigma), (Status::Ok, &expected, &expected_sigma));
    // In Halpe-26 the first 17 are those of COCO-17.
    let padded: Vec<f32> = own.chunks(51).flat_map(|person| [person, &[5.0; 27]].concat()).collect();
    let halpe = Lift { joints: 26, layout: c"halpe26".as_ptr(), ..call };
    let (status, poses, sigma) = halpe.run(lifter.get(), &padded);
    assert_eq!((status, &poses, &sigma), (Status::Ok, &expected, &expected_sigma));
}

#[test]
fn a_person_with_too_few_joints_is_nan_and_the_others_are_not() {
    let lifter = Opened::new();
    let mut points = key_points(3, 1);
    for joint in 3..17 {
        points[51 + joint * 3 + 2] = 0.0;
    }
    let (status, poses, _) = Lift::of(3).run(lifter.get(), &points);
    assert_eq!(status, Status::Ok);
    let is_lifted: Vec<bool> = poses.chunks(51).map(|pose| pose.iter().all(|number| number.is_finite())).collect();
    assert_eq!(is_lifted, [true, false, true]);
    assert!(poses[51..102].iter().all(|number| number.is_nan()));
}

#[test]
fn models_and_layouts_tell_their_names() {
    let lifter = Opened::new();
    // SAFETY: valid until the lifter is closed.
    let model = unsafe { &*poselift_model(Some(lifter.get())) };
    let names = |skeleton: &Skeleton| -> Vec<&str> {
        // SAFETY: as many as it says, valid as long as the skeleton.
        let names = unsafe { std::slice::from_raw_parts(skeleton.joint_names, skeleton.joints) };
        // SAFETY: as above.
        names.iter().map(|name| unsafe { CStr::from_ptr(*name) }.to_str().unwrap()).collect()
    };
    assert_eq!(names(&model.input), poselift::skeleton::COCO17.joints);
    assert_eq!(names(&model.output), poselift::skeleton::H36M17.joints);
    // SAFETY: as many as it says.
    let parents = unsafe { std::slice::from_raw_parts(model.output.parents, model.output.joints) };
    assert_eq!(parents, poselift::skeleton::H36M17.parents);
    assert!(model.has_sigma);
    for layout in poselift::skeleton::LAYOUTS {
        let mut found = MaybeUninit::uninit();
        let name = CString::new(layout.name).unwrap();
        // SAFETY: the text ends with a NUL.
        assert_eq!(unsafe { poselift_layout(name.as_ptr(), Some(&mut found)) }, Status::Ok);
        // SAFETY: the call succeeded; it is valid for good.
        assert_eq!(names(unsafe { &*found.assume_init() }), layout.joints);
    }
    // SAFETY: both are texts for good.
    assert_eq!(unsafe { CStr::from_ptr(poselift_version()) }.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    assert_eq!(poselift_abi(), ABI);
}

#[test]
fn a_model_in_memory_is_the_model_of_the_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/coco17-int8.onnx");
    let bytes = std::fs::read(path).unwrap();
    let mut lifter = MaybeUninit::uninit();
    // SAFETY: the array is as long as is said.
    let status = unsafe { poselift_open_bytes(bytes.as_ptr().cast(), bytes.len(), None, Some(&mut lifter)) };
    drop(bytes);
    assert_eq!(status, Status::Ok, "{}", error());
    // SAFETY: the call succeeded.
    let lifter = Opened(unsafe { lifter.assume_init() });
    let points = key_points(2, 0);
    assert_eq!(Lift::of(2).run(lifter.get(), &points), Lift::of(2).run(Opened::new().get(), &points));
}

/// Threads lift batches and streams of one lifter at the same time, and each gets what it would get alone; errors are each
/// thread's own.
#[test]
fn threads_share_a_lifter() {
    let lifter = Opened::new();
    let batches: Vec<Vec<f32>> = (0..4).map(|seed| key_points(40 * seed + 1, seed)).collect();
    let alone: Vec<_> = batches.iter().map(|batch| Lift::of(batch.len() / 51).run(lifter.get(), batch)).collect();
    let streamed: Vec<Vec<f32>> = (0..4).map(|seed| stream(lifter.get(), seed)).collect();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (lifter, batch, alone, streamed) = (&lifter, &batches[seed], &alone[seed], &streamed[seed]);
            scope.spawn(move || {
                assert_eq!(error(), "");
                for turn in 0..10 {
                    let people = batch.len() / 51;
                    assert_eq!(&Lift::of(people).run(lifter.get(), batch), alone);
                    let wrong = Lift { poses_length: seed + turn, ..Lift::of(people) };
                    assert_eq!(wrong.run(lifter.get(), batch).0, Status::BadUsage);
                    assert!(error().starts_with(&format!("poses has room for {} ", seed + turn)), "{}", error());
                }
            });
            scope.spawn(move || assert_eq!(&stream(lifter.get(), seed), streamed));
        }
    });
}

/// Feet that keep their places stand, once two frames were seen; where it is not asked for, it is not known.
#[test]
fn a_stream_says_which_feet_stand() {
    for contacts in [false, true] {
        let lifter = Opened::new();
        let options = StreamOptions { contacts, width: 1280, height: 720, fps: 30.0, ..stream_options() };
        let stream = open_stream(lifter.get(), &options);
        let points = key_points(1, 3);
        let mut feet = Vec::new();
        for _ in 0..3 {
            // SAFETY: the array is as long as is said.
            let status =
                unsafe { poselift_stream_push(Some(&stream), f64::NAN, points.as_ptr(), 1, 17, 3, ptr::null(), None) };
            assert_eq!(status, Status::Ok, "{}", error());
            // SAFETY: valid until the stream's next call.
            let frame = unsafe { poselift_stream_next(Some(&stream)).as_ref() }.unwrap();
            // SAFETY: as above.
            let person = unsafe { &*frame.people };
            feet.push([person.left_contact, person.right_contact]);
        }
        assert_eq!(feet[0], [-1, -1]);
        assert_eq!(feet[2].contains(&1), contacts, "{feet:?}");
        poselift_stream_close(Some(stream));
    }
}

/// More people than memory holds, whose points take none, are refused before they are gathered. An empty frame is no error.
#[test]
fn people_without_joints_are_refused() {
    let lifter = Opened::new();
    let stream = open_stream(lifter.get(), &stream_options());
    let push = |people: usize, joints: usize| {
        // SAFETY: an array of no numbers may be NULL.
        unsafe { poselift_stream_push(Some(&stream), 0.0, ptr::null(), people, joints, 3, ptr::null(), None) }
    };
    assert_eq!(push(1 << 40, 0), Status::BadUsage);
    assert!(
        error().starts_with("key_points [1099511627776, 0, 3]: no joints, expected at least 1\nhint: "),
        "{}",
        error()
    );
    assert_eq!(push(usize::MAX, 2), Status::BadUsage);
    assert!(error().ends_with("people of 2 joints are too many"), "{}", error());
    assert_eq!(push(0, 0), Status::Ok);
    poselift_stream_close(Some(stream));
}

/// A thread's last error is gone before destructors of older thread-local objects run, which may call poselift still.
#[test]
fn destructors_of_an_ending_thread_may_still_fail() {
    struct Last;

    impl Drop for Last {
        fn drop(&mut self) {
            assert!(poselift_model(None).is_null());
            assert_eq!(error(), "");
        }
    }

    thread_local!(static LAST: Last = const { Last });
    let thread = std::thread::spawn(|| {
        LAST.with(|_| ());
        assert!(poselift_model(None).is_null());
        assert_eq!(error(), "lifter is NULL");
    });
    thread.join().unwrap();
}

/// Legs that change places for a moment are changed back, and it is said; `keep_sides` leaves them.
#[test]
fn exchanged_legs_stay_where_they_are_to_stay() {
    for keep_sides in [false, true] {
        let lifter = Opened::new();
        let options =
            StreamOptions { keep_sides, layout: c"coco17".as_ptr(), width: 1280, height: 720, ..stream_options() };
        let stream = open_stream(lifter.get(), &options);
        for frame in 0..40 {
            let mut points = standing();
            if (20..26).contains(&frame) {
                for [left, right] in [[11, 12], [13, 14], [15, 16]] {
                    (0..3).for_each(|axis| points.swap(left * 3 + axis, right * 3 + axis));
                }
            }
            let time = f64::from(frame) / 30.0;
            // SAFETY: the array is as long as is said.
            let status =
                unsafe { poselift_stream_push(Some(&stream), time, points.as_ptr(), 1, 17, 3, ptr::null(), None) };
            assert_eq!(status, Status::Ok, "{}", error());
        }
        let notices = notices(&stream);
        assert_eq!(notices.iter().any(|notice| notice.contains("(keep_sides)")), !keep_sides, "{notices:?}");
        poselift_stream_close(Some(stream));
    }
}

/// Programs that were compiled with an older header find each field where it was: what was added lies in reserved room.
#[cfg(target_pointer_width = "64")]
#[test]
fn options_of_a_stream_keep_their_places() {
    use std::mem::{offset_of, size_of};

    assert_eq!(offset_of!(StreamOptions, contacts), offset_of!(StreamOptions, root) + 1);
    assert_eq!(offset_of!(StreamOptions, rotate), 56);
    assert_eq!(offset_of!(StreamOptions, camera_up), 104);
    assert_eq!(offset_of!(StreamOptions, keep_sides), 112);
    assert_eq!(offset_of!(StreamOptions, reserved), 120);
    assert_eq!(size_of::<StreamOptions>(), 112 + 8 * 8);
    assert_eq!((offset_of!(Options, reserved), size_of::<Options>()), (32, 64));
}

/// `[17, 3]` of a person who stands.
fn standing() -> Vec<f32> {
    const PLACES: [[f32; 2]; 17] = [
        [640.0, 110.0],
        [650.0, 100.0],
        [630.0, 100.0],
        [660.0, 105.0],
        [620.0, 105.0],
        [700.0, 170.0],
        [580.0, 170.0],
        [715.0, 260.0],
        [565.0, 260.0],
        [720.0, 340.0],
        [560.0, 340.0],
        [670.0, 350.0],
        [610.0, 350.0],
        [675.0, 470.0],
        [605.0, 470.0],
        [680.0, 590.0],
        [600.0, 590.0],
    ];
    PLACES.iter().flat_map(|[x, y]| [*x, *y, 0.9]).collect()
}

fn open_stream(lifter: &Lifter, options: &StreamOptions) -> Box<Stream> {
    let mut stream = MaybeUninit::uninit();
    // SAFETY: texts end with a NUL.
    let status = unsafe { poselift_stream_open(Some(lifter), Some(options), Some(&mut stream)) };
    assert_eq!(status, Status::Ok, "{}", error());
    // SAFETY: the call succeeded.
    unsafe { Box::from_raw(stream.assume_init()) }
}

fn notices(stream: &Stream) -> Vec<String> {
    let next = || {
        let notice = poselift_stream_notice(Some(stream));
        // SAFETY: valid until the stream's next call.
        (!notice.is_null()).then(|| unsafe { CStr::from_ptr(notice) }.to_str().unwrap().to_owned())
    };
    std::iter::from_fn(next).collect()
}

/// The joints of all people of a stream of 30 frames, smoothed by clip, which is closed after its lifter's next use.
fn stream(lifter: &Lifter, seed: usize) -> Vec<f32> {
    let options =
        StreamOptions { smooth: c"clip:0.09".as_ptr(), width: 1280, height: 720, fps: 30.0, ..stream_options() };
    let stream = open_stream(lifter, &options);
    let mut joints = Vec::new();
    for turn in 0..30 {
        let points = key_points(1, seed + turn);
        let mut ready = MaybeUninit::uninit();
        // SAFETY: the array is as long as is said.
        let status = unsafe {
            poselift_stream_push(Some(&stream), f64::NAN, points.as_ptr(), 1, 17, 3, ptr::null(), Some(&mut ready))
        };
        assert_eq!(status, Status::Ok, "{}", error());
        // SAFETY: the call succeeded. Smoothing waits for a tenth of a second.
        assert_eq!(unsafe { ready.assume_init() }, usize::from(turn >= 3), "{turn}");
        take(&stream, &mut joints);
    }
    let mut ready = MaybeUninit::uninit();
    assert_eq!(poselift_stream_finish(Some(&stream), Some(&mut ready)), Status::Ok);
    // SAFETY: the call succeeded.
    assert_eq!(unsafe { ready.assume_init() }, 3);
    take(&stream, &mut joints);
    assert_eq!(joints.len(), 30 * 51);
    poselift_stream_close(Some(stream));
    joints
}

fn take(stream: &Stream, joints: &mut Vec<f32>) {
    // SAFETY: valid until the stream's next call.
    while let Some(frame) = unsafe { poselift_stream_next(Some(stream)).as_ref() } {
        assert_eq!(frame.people_count, 1);
        // SAFETY: as above.
        let person = unsafe { &*frame.people };
        assert!(!person.sigma.is_null() && !person.has_root);
        // SAFETY: as many as the model has joints.
        joints.extend(unsafe { std::slice::from_raw_parts(person.joints, 51) });
    }
}

/// Every function that C can call begins by catching panics, or cannot panic.
#[test]
fn every_function_catches_panics() {
    const WITHOUT: [&str; 3] = ["poselift_abi", "poselift_version", "poselift_error"];
    let folder = crate::library::source("src");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for function in text.split("#[unsafe(no_mangle)]").skip(1) {
            let name = function.split("fn ").nth(1).unwrap().split('(').next().unwrap();
            let body = function.split_once("{\n").unwrap().1.trim_start();
            let is_guarded = body.starts_with("catch(") || body.starts_with("catch_pointer(");
            assert!(is_guarded != WITHOUT.contains(&name), "{name}: {body}");
            count += 1;
        }
    }
    assert_eq!(count, 15);
}

/// C# has the header's functions, with as many parameters, and its structures the same sizes.
#[test]
fn c_sharp_knows_the_header() {
    let header = std::fs::read_to_string(crate::library::source("include/poselift.h")).unwrap();
    let c_sharp = std::fs::read_to_string(crate::library::source("unity/Poselift.cs")).unwrap();
    let mut count = 0;
    for declaration in header.split(';').filter(|text| text.contains("poselift_") && text.trim_end().ends_with(')')) {
        let (head, parameters) = declaration.rsplit_once('(').unwrap();
        let name = head.rsplit([' ', '*']).next().unwrap();
        let expected = if parameters == "void)" { 0 } else { parameters.split(',').count() };
        let (_, theirs) = c_sharp.split_once(&format!(" {name}(")).unwrap_or_else(|| panic!("no {name} in C#"));
        let theirs = theirs.split(';').next().unwrap().replace("[MarshalAs(UnmanagedType.LPUTF8Str)]", "");
        let found = theirs.trim_end_matches(')').split(',').filter(|text| !text.trim().is_empty()).count();
        assert_eq!(found, expected, "{name}");
        count += 1;
    }
    assert_eq!(count, 15);
    assert!(c_sharp.contains(&format!("public const uint Abi = {ABI};")));
}
