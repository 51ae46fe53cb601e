//! Streams: frames in, one by one, and poses out.

use std::collections::VecDeque;
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Mutex;

use ndarray::ArrayView3;
use poselift::model::PoseNetwork;
use poselift::stream::PushStream;
use poselift::{Result, pose};

use crate::arguments::{array, key_points, lock, non_null, write_box};
use crate::boundary::{Status, catch, catch_pointer};
use crate::lifter::{Lifter, empty};
use crate::options::StreamOptions;
use crate::text::{c_string, in_fields};

/// A stream of frames of one camera. Streams of one model lift on the threads that call them and do not wait for each other.
/// One stream is for one thread at a time, since what it gives is valid until its next call.
pub struct Stream {
    state: Mutex<State>,
}

/// What a stream keeps between calls.
struct State {
    stream: PushStream<Box<dyn PoseNetwork>>,
    /// Frames pushed so far.
    pushed: u64,
    /// Finished frames that the caller did not take yet.
    ready: VecDeque<pose::LiftedFrame>,
    /// The frame and the notice that the caller looks at.
    shown: Option<Box<Shown>>,
    notices: VecDeque<String>,
    notice: CString,
}

/// A frame with its poses.
#[repr(C)]
#[derive(Debug)]
pub struct Frame {
    /// How many frames were pushed before it.
    pub index: u64,
    /// Seconds; NaN if it is unknown.
    pub time: f64,
    /// The number of people who were lifted.
    pub people_count: usize,
    /// `[people_count]`.
    pub people: *const Person,
}

/// A person who was lifted.
#[repr(C)]
#[derive(Debug)]
pub struct Person {
    /// Whether `id` is set; with several people the tracker sets it.
    pub has_id: bool,
    /// Whether `root` is known.
    pub has_root: bool,
    /// Whether the left foot stands, if the options asked for it: 1, 0, or -1 where it is not known.
    pub left_contact: i8,
    /// The same of the right foot.
    pub right_contact: i8,
    /// The person's track.
    pub id: i64,
    /// The mean score of the key points that the model took.
    pub score: f32,
    /// Where the root joint is from the camera, if the options asked for it.
    pub root: [f32; 3],
    /// `[joints, 3]`: x right, y down, z forward, from the root joint, in the model's unit.
    pub joints: *const f32,
    /// `[joints]` the distance that 68 % of a joint's errors stay within; NULL if the model has no sigma.
    pub sigma: *const f32,
    /// `[joints]` whether the joint's key point was missing, so that the others placed it.
    pub missing: *const bool,
}

/// The frame that the caller looks at, with all that its pointers lead to.
struct Shown {
    _lifted: pose::LiftedFrame,
    /// `[people][joints]`.
    _missing: Vec<Vec<bool>>,
    _people: Vec<Person>,
    frame: Frame,
}

// SAFETY: the pointers lead to memory that this object owns.
unsafe impl Send for Shown {}

/// Begins a stream, to be closed with `poselift_stream_close`. It stays valid after the model is closed, and waits for no other
/// call.
///
/// `options` may be NULL. `stream` gets the stream, or NULL after an error.
///
/// Errors: NULL for `lifter` or `stream`; options that are not possible; a calibration or a layout that cannot be read.
///
/// # Safety
/// Texts are NULL or end with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poselift_stream_open(
    lifter: Option<&Lifter>,
    options: Option<&StreamOptions>,
    stream: Option<&mut MaybeUninit<*mut Stream>>,
) -> Status {
    catch(|| {
        let place = empty(stream)?;
        // SAFETY: the caller's promise.
        let options = unsafe { StreamOptions::read(options) }?;
        let handle = non_null(lifter, "lifter")?.own();
        if let Some(layout) = options.read.layout {
            handle.conversion(layout)?;
        }
        write_box(place, Stream::new(PushStream::new(handle, options)));
        Ok(())
    })
}

/// Closes a stream; NULL is nothing to close.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_stream_close(stream: Option<Box<Stream>>) {
    catch(|| {
        drop(stream);
        Ok(())
    });
}

/// Lifts a frame, and tells how many are `ready` for `poselift_stream_next`: this one, unless smoothing by "clip" waits for
/// later ones.
///
/// - `time` in seconds; NaN if it is unknown.
/// - `key_points` `[people, joints, channels]`, as for `poselift_lift`. The frame is empty where `people` is 0.
/// - `ids` `[people]` of the detector's tracks; NULL for none. Where several people have none, they are tracked.
/// - `ready` may be NULL.
///
/// A person who cannot be lifted is left out, and `poselift_stream_notice` says why.
///
/// Errors: NULL; channels that are not 2 or 3; people without joints; coordinates that are no pixels, and no size to take
/// them to pixels by; no time where poses are smoothed. The frame is then lost, and the stream goes on with the next.
///
/// # Safety
/// Arrays have the lengths that are said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poselift_stream_push(
    stream: Option<&Stream>,
    time: f64,
    key_points: *const f32,
    people: usize,
    joints: usize,
    channels: usize,
    ids: *const i64,
    ready: Option<&mut MaybeUninit<usize>>,
) -> Status {
    catch(|| {
        let mut state = lock(&non_null(stream, "stream")?.state)?;
        // SAFETY: the caller's promise.
        let found = unsafe { self::key_points(key_points, people, joints, channels) }?;
        let ids = match ids.is_null() {
            true => None,
            // SAFETY: the caller's promise.
            false => Some(unsafe { array(ids, people, "ids") }?),
        };
        state.push(time, found, ids)?;
        tell(ready, &state);
        Ok(())
    })
}

/// Finishes the frames that wait for later ones, and tells how many are `ready`, which may be NULL. The next push begins
/// another clip.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_stream_finish(stream: Option<&Stream>, ready: Option<&mut MaybeUninit<usize>>) -> Status {
    catch(|| {
        let mut state = lock(&non_null(stream, "stream")?.state)?;
        let finished = state.stream.finish()?;
        state.ready.extend(finished);
        tell(ready, &state);
        Ok(())
    })
}

/// The next frame that is ready, in the order of the pushes, valid until the stream's next call; NULL if none is.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_stream_next(stream: Option<&Stream>) -> *const Frame {
    catch_pointer(|| {
        let mut state = lock(&non_null(stream, "stream")?.state)?;
        state.shown = state.ready.pop_front().map(|lifted| Box::new(Shown::new(lifted)));
        Ok(state.shown.as_ref().map(|shown| &raw const shown.frame))
    })
}

/// The next of what was assumed, found odd, or could not be lifted, valid until the stream's next call; NULL if there is
/// nothing to say. Of more than 256 that were not asked for, the oldest are dropped. What helps is named by the fields of the
/// stream's options.
#[unsafe(no_mangle)]
pub extern "C" fn poselift_stream_notice(stream: Option<&Stream>) -> *const c_char {
    catch_pointer(|| {
        let mut state = lock(&non_null(stream, "stream")?.state)?;
        if state.notices.is_empty() {
            state.notices = state.stream.take_notices();
        }
        let Some(notice) = state.notices.pop_front() else { return Ok(None) };
        state.notice = c_string(&in_fields(&notice));
        Ok(Some(state.notice.as_ptr()))
    })
}

fn tell(ready: Option<&mut MaybeUninit<usize>>, state: &State) {
    if let Some(ready) = ready {
        ready.write(state.ready.len());
    }
}

impl Stream {
    pub(crate) fn new(stream: PushStream<Box<dyn PoseNetwork>>) -> Self {
        let state = State {
            stream,
            pushed: 0,
            ready: VecDeque::new(),
            shown: None,
            notices: VecDeque::new(),
            notice: CString::default(),
        };
        Self { state: Mutex::new(state) }
    }
}

impl State {
    fn push(&mut self, time: f64, key_points: ArrayView3<'_, f32>, ids: Option<&[i64]>) -> Result<()> {
        let mut people = Vec::with_capacity(key_points.dim().0);
        for (at, points) in key_points.outer_iter().enumerate() {
            people.push(pose::Person {
                id: ids.map(|ids| ids[at]),
                keypoints: points.outer_iter().map(pose::Keypoint::from_row).collect(),
            });
        }
        let frame = pose::Frame {
            index: self.pushed,
            time: Some(time).filter(|time| time.is_finite()),
            people,
            ..pose::Frame::default()
        };
        self.pushed += 1;
        self.ready.extend(self.stream.push(frame)?);
        Ok(())
    }
}

impl Shown {
    fn new(lifted: pose::LiftedFrame) -> Self {
        let missing: Vec<Vec<bool>> = lifted.people.iter().map(missing).collect();
        let people: Vec<Person> =
            lifted.people.iter().zip(&missing).map(|(person, missing)| Person::new(person, missing)).collect();
        let frame = Frame {
            index: lifted.index,
            time: lifted.time.unwrap_or(f64::NAN),
            people_count: people.len(),
            people: people.as_ptr(),
        };
        Self { _lifted: lifted, _missing: missing, _people: people, frame }
    }
}

fn missing(person: &pose::LiftedPerson) -> Vec<bool> {
    (0..person.joints.len()).map(|joint| person.missing_joints.contains(&joint)).collect()
}

impl Person {
    /// `person` as C sees it, valid as long as both.
    fn new(person: &pose::LiftedPerson, missing: &[bool]) -> Self {
        let [left_contact, right_contact] = person.contacts.map(|contact| contact.map_or(-1, i8::from));
        Self {
            has_id: person.id.is_some(),
            has_root: person.root.is_some(),
            left_contact,
            right_contact,
            id: person.id.unwrap_or(-1),
            score: person.score,
            root: person.root.unwrap_or_default(),
            joints: person.joints.as_flattened().as_ptr(),
            sigma: if person.sigma.is_empty() { ptr::null() } else { person.sigma.as_ptr() },
            missing: missing.as_ptr(),
        }
    }
}

#[cfg(test)]
mod tests {
    use poselift::Lifter;
    use poselift::model::{Batch, Card, ModelFile};
    use poselift::stream::PushOptions;

    use super::*;
    use crate::boundary::last_error;

    /// A network with a bug.
    struct Panicking(Card);

    impl PoseNetwork for Panicking {
        fn card(&self) -> &Card {
            &self.0
        }

        fn run(&mut self, _: Batch<'_>) -> Result<()> {
            panic!("index 3 of 2")
        }
    }

    #[test]
    fn a_panic_is_a_status_and_the_stream_can_only_be_closed() {
        let card = ModelFile::bundled().expect("the bundled model").card().clone();
        let network: Box<dyn PoseNetwork> = Box::new(Panicking(card));
        let stream = Box::new(Stream::new(PushStream::new(Lifter::with_network(network, 8), PushOptions::default())));
        let points: Vec<f32> = (0..51).map(|number| number as f32 + 10.0).collect();
        // SAFETY: the array is as long as is said.
        let push = || unsafe { poselift_stream_push(Some(&stream), 0.0, points.as_ptr(), 1, 17, 3, ptr::null(), None) };
        assert_eq!(push(), Status::Internal);
        assert_eq!(last_error(), "poselift has a bug: index 3 of 2");
        assert_eq!(push(), Status::Internal);
        assert_eq!(last_error(), "this object broke down in an earlier call, it can only be closed");
        assert!(poselift_stream_next(Some(&stream)).is_null());
        assert_eq!(poselift_stream_finish(Some(&stream), None), Status::Internal);
        poselift_stream_close(Some(stream));
    }
}
