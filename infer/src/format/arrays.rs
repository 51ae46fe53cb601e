//! Clips in arrays: of one person or several, flat or by point, with scores beside them, in npy, npz or pickled within.
//!
//! Arrays are read whole and become frames: about eight times the file's bytes at most. Only the plain one, `[T, J, 2 or 3]`
//! in an npy, is read frame by frame, by [`super::npy::ArrayFrames`].

use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, Cursor};
use std::path::Path;

use super::array::{Array, check_joints, is_second_side_time, shape_text};
use super::clip_metadata::{ClipMetadata, chosen_array};
use super::detector::{detectors_layout, flat_channels, is_padding, score};
use super::detectron2;
use super::frames_apart::frames_apart;
use super::movenet;
use super::npy::{ArrayFrames, NpyHeader, pickled, read_array, read_data};
use super::npz::{Archive, ReadSeek};
use super::pickle::{Plain, nested_arrays, plain};
use super::size_limit::read_whole;
use super::{FrameReader, InputFormat, StreamInfo};
use crate::error::{Error, Result};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{COCO17, H36M17, Layout, MEDIAPIPE33};

/// People in one frame beyond which the second side of four is time, and the first cameras.
const MAX_PEOPLE: usize = 64;
/// Cameras of one recording.
const MAX_CAMERAS: usize = 16;
/// Points of MediaPipe's holistic model, whose first 33 are the body's: with face and iris, without, without face.
const HOLISTIC: [usize; 3] = [553, 543, 75];

/// What to do about an archive of something else.
pub(super) const HINT: &str = "save one clip's key points as an array [frames, joints, 2 or 3] with numpy.save";

/// An array of coordinates, and what stands beside it.
#[derive(Default)]
pub(super) struct ClipArrays {
    pub(super) keypoints: Option<Array>,
    pub(super) scores: Option<Array>,
    pub(super) size: Option<[u32; 2]>,
    pub(super) fps: Option<f64>,
    pub(super) layout: Option<&'static Layout>,
}

/// Frames that are all there.
pub(super) struct BufferedFrames {
    pub(super) info: StreamInfo,
    pub(super) frames: VecDeque<Frame>,
}

impl FrameReader for BufferedFrames {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        Ok(self.frames.pop_front())
    }
}

/// The clip in an npy file; `part` is the number of the camera, where there are several.
///
/// # Errors
/// Bytes that are no npy file, or an array of no shape that a clip has.
pub(super) fn open_npy(
    mut input: Box<dyn BufRead + Send>,
    name: &Path,
    layout: Option<&'static Layout>,
    part: Option<&str>,
    tensors: Tensors,
) -> Result<Box<dyn FrameReader>> {
    let there = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
    if pickled(there).is_ok_and(|pickle| pickle.is_some()) {
        let bytes = read_whole(input, name)?;
        let pickle = pickled(&bytes).map_err(|e| e.at(name))?.expect("the header says that there is a pickle");
        let arrays = of_pickle(pickle).and_then(|arrays| arrays.of_camera(part)).map_err(|e| e.at(name))?;
        return frames_of(arrays, layout).map(boxed).map_err(|e| e.at(name));
    }
    let header = NpyHeader::read(&mut input).map_err(|e| e.at(name))?;
    if matches!(header.shape[..], [_, _, 2..=3] | [_, 2..=3]) && tensors == Tensors::Plain && part.is_none() {
        return Ok(Box::new(ArrayFrames::with_header(header, input, name, layout)?));
    }
    if part.is_none() && tensors == Tensors::Plain {
        check_shape(&header.shape, layout).map_err(|e| e.at(name))?;
    }
    let keypoints = read_data(header, input).map_err(|e| e.at(name))?;
    let arrays = ClipArrays { keypoints: Some(keypoints), ..ClipArrays::default() };
    let clip = arrays.of_camera(part).and_then(|arrays| tensors.frames_of(arrays, layout));
    clip.map(boxed).map_err(|e| e.at(name))
}

/// How the numbers of arrays are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tensors {
    /// By frame, person and joint, x before y.
    Plain,
    /// As MoveNet gives them ([`movenet`]).
    MoveNet,
}

impl Tensors {
    fn frames_of(self, mut arrays: ClipArrays, layout: Option<&'static Layout>) -> Result<BufferedFrames> {
        if self == Self::Plain {
            return frames_of(arrays, layout);
        }
        arrays.keypoints = arrays.keypoints.map(movenet::arranged).transpose()?;
        let mut clip = frames_of(arrays, layout)?;
        clip.info.format = Some(InputFormat::MoveNet);
        Ok(clip)
    }
}

/// The clip in a pickle: an array, a dictionary with `keypoints`, or an array a frame. Nothing in it is run.
///
/// # Errors
/// A pickle that cannot be read, or holds no such arrays.
pub(super) fn open_pickle(
    bytes: &[u8],
    name: &Path,
    layout: Option<&'static Layout>,
    part: Option<&str>,
) -> Result<Box<dyn FrameReader>> {
    let arrays = of_pickle(bytes).and_then(|arrays| arrays.of_camera(part));
    arrays.and_then(|arrays| frames_of(arrays, layout)).map(boxed).map_err(|e| e.at(name).hint(HINT))
}

fn boxed(frames: BufferedFrames) -> Box<dyn FrameReader> {
    Box::new(frames)
}

/// The clip in an npz archive: `keypoints`, perhaps with `scores`, the only array, or VideoPose3D's `positions_2d`; of several
/// the one that `part` names.
///
/// # Errors
/// An archive that cannot be read, several arrays none of which is a clip's, or several clips.
pub(super) fn open_npz(
    input: Box<dyn ReadSeek>,
    name: &Path,
    layout: Option<&'static Layout>,
    part: Option<&str>,
    tensors: Tensors,
) -> Result<Box<dyn FrameReader>> {
    let mut archive = Archive::new(input, name)?;
    let names = archive.names();
    if archive.has("positions_2d") {
        let arrays = videopose3d(&mut archive, part).map_err(|e| e.at(name))?;
        return frames_of(arrays, layout).map(boxed).map_err(|e| e.at(name));
    }
    let chosen = chosen_array(&names).map_err(|e| e.at(name))?;
    let member = archive.member(&chosen)?;
    if let Some(pickle) = pickled(&member).map_err(|e| archive.in_array(&chosen, &e).hint(HINT))? {
        let arrays = of_pickle(pickle).and_then(|arrays| arrays.of_camera(part));
        let mut arrays = arrays.map_err(|e| archive.in_array(&chosen, &e).hint(HINT))?;
        if archive.has("metadata") {
            arrays.size = detectron2::size(&mut archive);
        }
        return frames_of(arrays, layout).map(boxed).map_err(|e| e.at(name));
    }
    let metadata = ClipMetadata::of(&mut archive, &names).map_err(|e| e.at(name))?;
    if metadata.is_empty() {
        return open_npy(Box::new(Cursor::new(member)), name, layout, part, tensors)
            .map_err(|e| if e.hint_text().is_some() { e } else { e.hint(HINT) });
    }
    let keypoints = read_array(&member[..]).map_err(|e| archive.in_array(&chosen, &e).hint(HINT))?;
    let arrays = metadata.with(keypoints).of_camera(part).map_err(|e| e.at(name))?;
    tensors.frames_of(arrays, layout).map(boxed).map_err(|e| e.at(name))
}

/// Clips that an error names.
const MAX_LISTED: usize = 12;

/// Whether `part` is a clip's name or some of its steps, as `Walking/0` is of `S1/Walking/0`.
fn is_part(part: &str, name: &str) -> bool {
    let part = format!("/{}/", part.trim_matches('/'));
    let name = format!("/{name}/");
    name.contains(&part)
}

impl ClipArrays {
    /// The arrays of one camera, the `part`th of those that stand in the first side.
    fn of_camera(self, part: Option<&str>) -> Result<Self> {
        let Some(part) = part else { return Ok(self) };
        let shape = self.keypoints.as_ref().map(|array| array.shape.clone()).unwrap_or_default();
        let cameras = match shape[..] {
            [cameras, _, _, 2..=3] if cameras <= MAX_CAMERAS => cameras,
            _ => 1,
        };
        let Some(camera) = part.parse().ok().filter(|camera: &usize| *camera < cameras && cameras > 1) else {
            let shape = shape_text(&shape);
            return Err(Error::usage(format!("the array's shape is {shape}: no clip '{part}' in it (--clip)")).hint(
                match cameras {
                    1 => "it holds one clip: leave --clip out".to_owned(),
                    _ => format!("expected the number of a camera, 0 to {}", cameras - 1),
                },
            ));
        };
        if let Some(scores) = self.scores.as_ref().filter(|scores| scores.shape.first() != Some(&cameras)) {
            let found = shape_text(&scores.shape);
            return Err(Error::input(format!("scores of shape {found} beside {cameras} clips, expected as many")));
        }
        let keypoints = self.keypoints.map(|array| array.entry(camera));
        let scores = self.scores.map(|array| array.entry(camera));
        Ok(Self { keypoints, scores, ..self })
    }
}

/// VideoPose3D's and Detectron2's archive: a clip a video, and what `metadata` says of its size and joints.
fn videopose3d(archive: &mut Archive, part: Option<&str>) -> Result<ClipArrays> {
    let member = archive.member("positions_2d")?;
    let pickle = pickled(&member)?.ok_or_else(|| Error::input("'positions_2d' holds no dictionary of clips"))?;
    let mut clips = nested_arrays(pickle)?;
    clips.retain(|(_, array)| !array.numbers.is_empty());
    let names: Vec<String> = clips.iter().map(|(way, _)| way.join("/")).collect();
    let chosen: Vec<usize> =
        (0..clips.len()).filter(|clip| part.is_none_or(|part| is_part(part, &names[*clip]))).collect();
    let [only] = chosen[..] else {
        let wanted = part.map_or(String::new(), |part| format!(" called '{part}'"));
        let listed = if chosen.is_empty() { names } else { chosen.iter().map(|clip| names[*clip].clone()).collect() };
        let found = chosen.len();
        let shown = listed[..listed.len().min(MAX_LISTED)].join(", ");
        let more = if listed.len() > MAX_LISTED { " …" } else { "" };
        return Err(Error::input(format!("'positions_2d' holds {found} clips{wanted} ({shown}{more}), expected one"))
            .hint("say which: --clip NAME"));
    };
    let (way, keypoints) = clips.swap_remove(only);
    let mut arrays = ClipArrays { keypoints: Some(keypoints), ..ClipArrays::default() };
    if archive.has("metadata") {
        let member = archive.member("metadata")?;
        if let Some(pickle) = pickled(&member)? {
            arrays.take_metadata(&plain(pickle)?, &way);
        }
    }
    Ok(arrays)
}

impl ClipArrays {
    /// Takes the layout that the metadata name, and the size of the video that `way` leads to.
    fn take_metadata(&mut self, metadata: &Plain, way: &[String]) {
        self.layout = match metadata.get("layout_name").and_then(Plain::text) {
            Some("coco") => Some(&COCO17),
            Some("h36m") => Some(&H36M17),
            _ => None,
        };
        let videos = metadata.get("video_metadata");
        self.size = videos.and_then(|videos| detectron2::video_size(videos.get(way.first()?)?));
    }
}

/// The clip in a pickle: the array called `keypoints`, the only one, or one a frame.
fn of_pickle(pickle: &[u8]) -> Result<ClipArrays> {
    let mut found = nested_arrays(pickle)?;
    keep_beside_arrays(&mut found);
    let named: Vec<usize> = (0..found.len()).filter(|at| is_named(&found[*at].0, "keypoints")).collect();
    let scores = found.iter().position(|(way, _)| is_named(way, "scores"));
    let chosen = match (&named[..], found.len()) {
        ([only], _) => *only,
        ([], 1) => 0,
        (_, 0) => return Err(Error::input("the pickle holds no array of numbers")),
        _ => {
            return match detectron2::clip(&found) {
                Some(keypoints) => Ok(ClipArrays { keypoints: Some(keypoints), ..ClipArrays::default() }),
                None => frames_apart(&found),
            };
        }
    };
    let scores = scores.map(|at| std::mem::replace(&mut found[at].1, Array { shape: vec![], numbers: vec![] }));
    Ok(ClipArrays { keypoints: Some(found.swap_remove(chosen).1), scores, ..ClipArrays::default() })
}

/// Whether the last step of a way is `name`.
fn is_named(way: &[String], name: &str) -> bool {
    way.last().is_some_and(|last| last == name)
}

/// Keeps of empty arrays those that are listed beside others, as frames in which no person was seen.
fn keep_beside_arrays(found: &mut Vec<(Vec<String>, Array)>) {
    fn parent(way: &[String]) -> &[String] {
        &way[..way.len().saturating_sub(1)]
    }
    let with_numbers = found.iter().filter(|(_, array)| !array.numbers.is_empty());
    let parents: Vec<Vec<String>> = with_numbers.map(|(way, _)| parent(way).to_vec()).collect();
    // One array is a clip, and what stands beside it is something else.
    let parents: HashSet<_> = if parents.len() > 1 { parents.into_iter().collect() } else { HashSet::new() };
    found.retain(|(way, array)| !array.numbers.is_empty() || parents.contains(parent(way)));
}

/// The sides that a clip's array has, and what is read of it.
#[derive(Debug, PartialEq)]
struct ClipShape {
    frames: usize,
    people: usize,
    joints: usize,
    channels: usize,
    /// The joints that are read: the first ones.
    kept: usize,
}

/// What an array of this shape holds.
///
/// # Errors
/// A shape that no clip has, or one that could mean several things.
fn check_shape(shape: &[usize], layout: Option<&'static Layout>) -> Result<ClipShape> {
    let (frames, people, joints, channels) = match *shape {
        [joints, channels @ 2..=3] => (1, 1, joints, channels),
        [frames, numbers] if numbers >= 8 => {
            let channels = flat_channels(numbers);
            (frames, 1, numbers / channels, channels)
        }
        [frames, joints, channels @ 2..=3] => (frames, 1, joints, channels),
        [cameras, frames, joints, channels @ 2..=3] if frames > MAX_PEOPLE && cameras <= MAX_CAMERAS => {
            if cameras > 1 {
                return Err(Error::input(format!(
                    "the array's shape is {}: {cameras} cameras of {frames} frames, expected one camera's",
                    shape_text(shape)
                ))
                .hint(format!("say which: --clip 0 to --clip {}", cameras - 1)));
            }
            (frames, 1, joints, channels)
        }
        [frames, people, joints, channels @ 2..=3] => (frames, people, joints, channels),
        _ => {
            let shape = shape_text(shape);
            return Err(Error::input(format!(
                "the array's shape is {shape}, expected [frames, joints, 2 or 3], [frames, 2 or 3 times joints] or \
                 [frames, people, joints, 2 or 3]"
            )));
        }
    };
    let kept = if HOLISTIC.contains(&joints) && layout.is_none_or(|layout| layout.len() == MEDIAPIPE33.len()) {
        MEDIAPIPE33.len()
    } else {
        joints
    };
    check_joints(joints, kept, layout)?;
    Ok(ClipShape { frames, people, joints, channels, kept })
}

/// The frames in arrays, with the `layout` that was asked for or the arrays' own.
fn frames_of(arrays: ClipArrays, layout: Option<&'static Layout>) -> Result<BufferedFrames> {
    let ClipArrays { keypoints, scores, size, fps, layout: own } = arrays;
    let keypoints = keypoints.expect("every caller gives an array of key points");
    let layout = layout.or(own);
    let mut shape = check_shape(&keypoints.shape, layout)?;
    if is_second_side_time(&keypoints) {
        if shape.frames > 1 {
            return Err(Error::input(format!(
                "the array's shape is {}, and points go on along the second side: cameras or people of {} frames each, \
                 expected [frames, people, joints, 2 or 3]",
                shape_text(&keypoints.shape),
                shape.people
            ))
            .hint(format!("take one of them by --clip 0 to --clip {}, or exchange the sides", shape.frames - 1)));
        }
        shape.frames = shape.people;
        shape.people = 1;
    }
    let points = keypoints.numbers.len() / shape.channels;
    if let Some(scores) = scores.as_ref().filter(|scores| scores.numbers.len() != points) {
        return Err(Error::input(format!(
            "'scores' has the shape {}, expected one for each of the {points} points of {}",
            shape_text(&scores.shape),
            shape_text(&keypoints.shape)
        )));
    }
    let points = Points { shape: &shape, keypoints: &keypoints.numbers, scores: scores.map(|scores| scores.numbers) };
    let mut frames = VecDeque::with_capacity(shape.frames);
    for index in 0..shape.frames {
        let people = points.people(index);
        frames.push_back(Frame { index: index as u64, size, people, ..Frame::default() });
    }
    let usual = (shape.kept != COCO17.len()).then(|| detectors_layout(shape.kept)).flatten();
    let info = StreamInfo {
        layout: layout.or(usual),
        frames: Some(shape.frames as u64),
        fps,
        format: Some(InputFormat::Npy),
        ..StreamInfo::default()
    };
    Ok(BufferedFrames { info, frames })
}

/// The points of a clip.
struct Points<'a> {
    shape: &'a ClipShape,
    keypoints: &'a [f32],
    /// The score of each, where they stand beside the points.
    scores: Option<Vec<f32>>,
}

impl Points<'_> {
    /// The people in a frame.
    fn people(&self, frame: usize) -> Vec<Person> {
        let ClipShape { people, joints, kept, .. } = *self.shape;
        let mut found = Vec::new();
        for place in 0..people {
            let start = (frame * people + place) * joints;
            let keypoints: Vec<_> = (start..start + kept).map(|at| self.keypoint(at)).collect();
            let is_absent =
                is_padding(&keypoints) || keypoints.iter().all(|point| point.is_missing() && point.x.is_nan());
            if !is_absent {
                let id = (people == 1).then_some(0);
                found.push(Person { id, keypoints });
            }
        }
        found
    }

    fn keypoint(&self, at: usize) -> Keypoint {
        let channels = self.shape.channels;
        let numbers = &self.keypoints[at * channels..][..channels];
        let own = numbers.get(2).copied().map(f64::from);
        let beside = self.scores.as_ref().map(|scores| f64::from(scores[at]));
        Keypoint { x: f64::from(numbers[0]), y: f64::from(numbers[1]), score: score(beside.or(own)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sides: &[usize]) -> (usize, usize, usize, usize) {
        let shape = check_shape(sides, None).unwrap();
        (shape.frames, shape.people, shape.kept, shape.channels)
    }

    #[test]
    fn shapes_tell_what_they_hold() {
        assert_eq!(shape(&[17, 3]), (1, 1, 17, 3));
        assert_eq!(shape(&[60, 34]), (60, 1, 17, 2));
        assert_eq!(shape(&[60, 51]), (60, 1, 17, 3));
        assert_eq!(shape(&[60, 2, 17, 2]), (60, 2, 17, 2));
        assert_eq!(shape(&[1, 100, 553, 3]), (100, 1, 33, 3));
        for (sides, expected) in [
            (&[3, 100, 553, 2][..], "3 cameras of 100 frames"),
            (&[60, 17, 4], "expected [frames, joints, 2 or 3]"),
            (&[60, 0, 3], "has 0 joints"),
            (&[7], "the array's shape is [7]"),
        ] {
            let message = check_shape(sides, None).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(check_shape(&[60, 34], Some(&MEDIAPIPE33)).unwrap_err().to_string().contains("expected 33"));
    }

    #[test]
    fn scores_stand_beside_and_people_who_are_not_there_are_left_out() {
        let mut numbers = vec![5.0; 2 * 2 * 17 * 2];
        numbers[34..68].fill(f32::NAN);
        let keypoints = Some(Array { shape: vec![2, 2, 17, 2], numbers });
        let scores = Some(Array { shape: vec![2, 2, 17], numbers: vec![0.25; 68] });
        let frames = frames_of(ClipArrays { keypoints, scores, ..ClipArrays::default() }, None).unwrap().frames;
        assert_eq!(frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(frames[0].people[0].keypoints[0], Keypoint { x: 5.0, y: 5.0, score: 0.25 });
        let keypoints = Some(Array { shape: vec![1, 17, 2], numbers: vec![1.0; 34] });
        let scores = Some(Array { shape: vec![3], numbers: vec![1.0; 3] });
        let message =
            frames_of(ClipArrays { keypoints, scores, ..ClipArrays::default() }, None).map(|_| ()).unwrap_err();
        assert!(message.to_string().contains("'scores' has the shape [3]"), "{message}");
    }

    #[test]
    fn one_of_several_cameras_is_cut_out() {
        let numbers: Vec<f32> = (0..3 * 100 * 17 * 2).map(|number| number as f32).collect();
        let scores = Some(Array { shape: vec![3, 100, 17], numbers: vec![0.5; 3 * 100 * 17] });
        let arrays = || ClipArrays {
            keypoints: Some(Array { shape: vec![3, 100, 17, 2], numbers: numbers.clone() }),
            scores: scores.clone(),
            ..ClipArrays::default()
        };
        let frames = frames_of(arrays().of_camera(Some("2")).unwrap(), None).unwrap().frames;
        assert_eq!((frames.len(), frames[0].people[0].keypoints[0].x), (100, f64::from(2 * 100 * 17 * 2)));
        for odd in ["3", "left"] {
            let message = arrays().of_camera(Some(odd)).map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(&format!("no clip '{odd}' in it")), "{message}");
        }
        assert!(is_part("Walking/0", "S1/Walking/0") && is_part("S1", "S1/Walking/0") && !is_part("S", "S1/Walking/0"));
    }

    #[test]
    fn a_video_without_a_width_has_no_known_size() {
        fn entry(key: &str, value: Plain) -> (Plain, Plain) {
            (Plain::Text(key.to_owned()), value)
        }
        for (width, size) in [(1920, Some([1920, 1080])), (0, None), (-1, None)] {
            let video = Plain::Dict(vec![entry("w", Plain::Number(width)), entry("h", Plain::Number(1080))]);
            let videos = Plain::Dict(vec![entry("S1", video)]);
            let mut arrays = ClipArrays::default();
            arrays.take_metadata(&Plain::Dict(vec![entry("video_metadata", videos)]), &["S1".to_owned()]);
            assert_eq!(arrays.size, size);
        }
    }

    #[test]
    fn arrays_a_frame_become_one() {
        let frame = |people: usize| Array { shape: vec![people, 17, 2], numbers: vec![1.0; people * 34] };
        let frames = vec![(vec!["0".to_owned()], frame(1)), (vec!["1".to_owned()], frame(2))];
        let array = frames_apart(&frames).unwrap().keypoints.unwrap();
        assert_eq!(array.shape, [2, 2, 17, 2]);
        assert!(array.numbers[34].is_nan() && array.numbers[68] == 1.0);
    }

    #[test]
    fn frames_without_people_may_have_no_shape() {
        let empty = || Array { shape: vec![0], numbers: Vec::new() };
        let person = || Array { shape: vec![1, 17, 2], numbers: vec![1.0; 34] };
        let way = |frame: usize| vec![frame.to_string()];
        let frames = vec![(way(0), empty()), (way(1), person()), (way(2), empty())];
        let clip = frames_of(frames_apart(&frames).unwrap(), None).unwrap();
        assert_eq!(clip.frames.iter().map(|frame| frame.people.len()).collect::<Vec<_>>(), [0, 1, 0]);
    }

    #[test]
    fn key_points_and_scores_of_each_frame_become_two_arrays() {
        let points = |people: usize| Array { shape: vec![people, 17, 2], numbers: vec![1.0; people * 34] };
        let scores_of = |people: usize| Array { shape: vec![people, 17], numbers: vec![0.5; people * 17] };
        let way = |steps: [&str; 2]| steps.map(str::to_owned).to_vec();
        for ways in [
            // A dictionary a frame, a pair a frame, a list of each.
            [["0", "keypoints"], ["0", "scores"], ["1", "keypoints"], ["1", "scores"]],
            [["0", "0"], ["0", "1"], ["1", "0"], ["1", "1"]],
            [["keypoints", "0"], ["scores", "0"], ["keypoints", "1"], ["scores", "1"]],
        ] {
            let arrays = [points(1), scores_of(1), points(2), scores_of(2)];
            let mut found: Vec<_> = ways.into_iter().map(way).zip(arrays).collect();
            let clip = frames_apart(&found).unwrap();
            let (keypoints, scores) = (clip.keypoints.unwrap(), clip.scores.unwrap());
            assert_eq!((&keypoints.shape[..], &scores.shape[..]), (&[2, 2, 17, 2][..], &[2, 2, 17][..]));
            assert!(scores.numbers[17].is_nan() && scores.numbers[34] == 0.5);
            // Scores of one of two people.
            found[3].1 = scores_of(1);
            assert!(frames_apart(&found).is_err());
            found.pop();
            assert!(frames_apart(&found).is_err());
        }
        let last = vec![(vec![usize::MAX.to_string()], points(1))];
        assert!(frames_apart(&last).is_err());
    }
}
