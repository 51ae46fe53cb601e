//! Reads the frames of one person from an array, a frame at a time.

use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

use super::NpyHeader;
use crate::error::{Error, Result};
use crate::format::array::{Array, Dtype, byte_length, check_joints, shape_text};
use crate::format::detector::is_padding;
use crate::format::{FrameReader, InputFormat, StreamInfo};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::Layout;

/// A 2D stream in an array `[T, J, 2 or 3]`, or in several behind each other, as `numpy.save` adds them to an open file; a frame may be an
/// array `[J, 2 or 3]` of its own.
pub(in crate::format) struct ArrayFrames {
    input: Box<dyn BufRead + Send>,
    /// The array that is read, where its last axis was not the fastest.
    turned: Option<Cursor<Vec<u8>>>,
    name: PathBuf,
    info: StreamInfo,
    dtype: Dtype,
    /// Numbers a key point: 2 or 3.
    channels: usize,
    /// Frames that the header promises, of which `next` have been read.
    frames: u64,
    next: u64,
    /// One frame, before and after decoding.
    bytes: Vec<u8>,
    numbers: Vec<f32>,
}

impl ArrayFrames {
    /// The frames behind a `header` that was read already; an array in Fortran's order is read whole.
    ///
    /// # Errors
    /// An array of another shape.
    pub(in crate::format) fn with_header(
        mut header: NpyHeader,
        mut input: Box<dyn BufRead + Send>,
        name: &Path,
        layout: Option<&'static Layout>,
    ) -> Result<Self> {
        add_time(&mut header.shape);
        let (joints, channels) = joints_and_channels(&header.shape, layout).map_err(|e| e.at(name))?;
        let turned = turned_round(&mut input, &mut header).map_err(|e| e.at(name))?;
        let frames = header.shape[0] as u64;
        Ok(Self {
            input,
            turned,
            name: name.to_path_buf(),
            info: StreamInfo { layout, frames: Some(frames), format: Some(InputFormat::Npy), ..StreamInfo::default() },
            dtype: header.dtype,
            channels,
            frames,
            next: 0,
            bytes: vec![0; joints * channels * header.dtype.size],
            numbers: vec![0.0; joints * channels],
        })
    }
}

/// Gives the array of one frame a side of time.
fn add_time(shape: &mut Vec<usize>) {
    if shape.len() == 2 {
        shape.insert(0, 1);
    }
}

fn joints_and_channels(shape: &[usize], layout: Option<&Layout>) -> Result<(usize, usize)> {
    let [_, joints, channels @ 2..=3] = *shape else {
        let shape = shape_text(shape);
        return Err(Error::input(format!("the array's shape is {shape}, expected [frames, joints, 2 or 3]"))
            .hint("an array holds one person; many people fit in JSON Lines"));
    };
    check_joints(joints, joints, layout)?;
    Ok((joints, channels))
}

/// Of an array in Fortran's order all of it with its last axis fastest, as bytes again; the header is changed to fit.
fn turned_round(input: &mut dyn BufRead, header: &mut NpyHeader) -> Result<Option<Cursor<Vec<u8>>>> {
    if !header.fortran {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let expected = byte_length(&header.shape, header.dtype).unwrap_or(usize::MAX);
    input.take(expected as u64).read_to_end(&mut bytes)?;
    // Of an array that is cut off every frame lacks something.
    if bytes.len() < expected {
        return Err(Error::input(format!("cut off: {} bytes of data, expected {expected}", bytes.len())));
    }
    let array = Array::from_bytes(header.shape.clone(), header.dtype, true, &bytes)?;
    drop(bytes);
    *header = NpyHeader { dtype: Dtype::F32, fortran: false, shape: array.shape };
    let turned: Vec<u8> = array.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Ok(Some(Cursor::new(turned)))
}

impl ArrayFrames {
    /// Goes on with the array behind the last one; false where there is none.
    fn next_array(&mut self) -> Result<bool> {
        if self.input.fill_buf().map_err(|e| Error::io("cannot read", &self.name, e))?.is_empty() {
            return Ok(false);
        }
        let mut input = std::mem::replace(&mut self.input, Box::new(std::io::empty()));
        let mut header = NpyHeader::read(&mut input).map_err(|e| {
            let read = self.next;
            Error::input(format!("something else behind the first {read} frames: {e}")).at(&self.name)
        })?;
        add_time(&mut header.shape);
        let joints = self.numbers.len() / self.channels;
        if !matches!(header.shape[..], [_, other, channels] if other == joints && channels == self.channels) {
            let found = shape_text(&header.shape);
            let channels = self.channels;
            let message =
                format!("behind the first array one of the shape {found}, expected [frames, {joints}, {channels}]");
            return Err(Error::input(message).at(&self.name));
        }
        self.turned = turned_round(&mut input, &mut header).map_err(|e| e.at(&self.name))?;
        self.input = input;
        self.dtype = header.dtype;
        self.bytes.resize(joints * self.channels * header.dtype.size, 0);
        let Some(frames) = self.frames.checked_add(header.shape[0] as u64) else {
            return Err(Error::input("more frames than can be counted").at(&self.name));
        };
        self.frames = frames;
        Ok(true)
    }
}

impl FrameReader for ArrayFrames {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        while self.next >= self.frames {
            if !self.next_array()? {
                return Ok(None);
            }
        }
        let index = self.next;
        let read = match &mut self.turned {
            Some(turned) => turned.read_exact(&mut self.bytes),
            None => self.input.read_exact(&mut self.bytes),
        };
        if let Err(e) = read {
            let frames = std::mem::replace(&mut self.next, self.frames);
            self.input = Box::new(std::io::empty());
            return Err(match e.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    Error::input(format!("cut off: {frames} whole frames, expected {}", self.frames)).at(&self.name)
                }
                _ => Error::io("cannot read", &self.name, e),
            });
        }
        self.next += 1;
        self.numbers.clear();
        self.dtype.decode(&self.bytes, &mut self.numbers);
        let keypoints: Vec<_> = self.numbers.chunks_exact(self.channels).map(keypoint).collect();
        let people = if !is_padding(&keypoints) { vec![Person { id: Some(0), keypoints }] } else { Vec::new() };
        Ok(Some(Frame { index, people, ..Frame::default() }))
    }
}

fn keypoint(numbers: &[f32]) -> Keypoint {
    let score = match numbers.get(2) {
        Some(score) if score.is_nan() => 0.0,
        Some(score) => *score,
        None => 1.0,
    };
    Keypoint { x: f64::from(numbers[0]), y: f64::from(numbers[1]), score }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(shape: &[u64], descr: &str, numbers: &[u8]) -> Vec<u8> {
        [NpyHeader::to_bytes(descr, shape, 128), numbers.to_vec()].concat()
    }

    fn reader(bytes: Vec<u8>) -> Result<ArrayFrames> {
        let mut input: Box<dyn BufRead + Send> = Box::new(Cursor::new(bytes));
        let header = NpyHeader::read(&mut input)?;
        ArrayFrames::with_header(header, input, Path::new("a.npy"), None)
    }

    #[test]
    fn arrays_behind_each_other_are_one_clip() {
        let bytes = [
            npy(&[2, 2, 2], "|u1", &[1, 2, 3, 4, 5, 6, 7, 8]),
            npy(&[2, 2], "<i2", &[9, 0, 10, 0, 11, 0, 12, 0]),
            npy(&[0, 2, 2], "|u1", &[]),
            npy(&[1, 2, 2], "|u1", &[13, 14, 15, 16]),
        ];
        let mut frames = reader(bytes.concat()).unwrap();
        let places = std::iter::from_fn(|| frames.read().unwrap())
            .map(|frame| (frame.index, frame.people[0].keypoints[0].x, frame.people[0].keypoints[1].y));
        assert_eq!(places.collect::<Vec<_>>(), [(0, 1.0, 4.0), (1, 5.0, 8.0), (2, 9.0, 12.0), (3, 13.0, 16.0)]);
    }

    #[test]
    fn what_else_stands_behind_an_array_is_told_once() {
        let one = npy(&[1, 2, 2], "|u1", &[1, 2, 3, 4]);
        for (behind, expected) in [
            (npy(&[1, 3, 2], "|u1", &[1; 6]), "one of the shape [1, 3, 2], expected [frames, 2, 2]"),
            (b"more bytes".to_vec(), "something else behind the first 1 frames: no npy file"),
            (npy(&[1, 2, 2], "|u1", &[1]), "cut off: 1 whole frames, expected 2"),
        ] {
            let mut frames = reader([one.clone(), behind].concat()).unwrap();
            assert!(frames.read().unwrap().is_some());
            let message = frames.read().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert_eq!(frames.read().unwrap(), None);
        }
    }
}
