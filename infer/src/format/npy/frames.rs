//! Reads the frames of one person from an array, a frame at a time.

use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

use super::NpyHeader;
use crate::error::{Error, Result};
use crate::format::array::{Array, Dtype, byte_length, shape_text};
use crate::format::detector::is_padding;
use crate::format::{FrameReader, InputFormat, StreamInfo};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::Layout;

/// More than any skeleton has: an array with more is something else, and its rows would not fit in memory.
const MAX_JOINTS: usize = 4096;

/// A 2D stream in an array `[T, J, 2 or 3]`.
pub(in crate::format) struct ArrayFrames {
    input: Box<dyn BufRead + Send>,
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
        let (joints, channels) = joints_and_channels(&header.shape, layout).map_err(|e| e.at(name))?;
        if header.fortran {
            input = turned_round(input, &mut header).map_err(|e| e.at(name))?;
        }
        let frames = header.shape[0] as u64;
        Ok(Self {
            input,
            name: name.to_path_buf(),
            info: StreamInfo { layout, frames: Some(frames), format: Some(InputFormat::Npy), ..StreamInfo::default() },
            dtype: header.dtype,
            channels,
            frames,
            next: 0,
            bytes: vec![0; joints * channels * header.dtype.size],
            numbers: Vec::with_capacity(joints * channels),
        })
    }
}

fn joints_and_channels(shape: &[usize], layout: Option<&Layout>) -> Result<(usize, usize)> {
    let [_, joints, channels @ 2..=3] = *shape else {
        let shape = shape_text(shape);
        return Err(Error::input(format!("the array's shape is {shape}, expected [frames, joints, 2 or 3]"))
            .hint("an array holds one person; many people fit in JSON Lines"));
    };
    match layout {
        _ if joints == 0 || joints > MAX_JOINTS => {
            Err(Error::input(format!("the array has {joints} joints, expected 1 to {MAX_JOINTS}")))
        }
        Some(layout) if layout.len() != joints => {
            let (expected, name) = (layout.len(), layout.name);
            Err(Error::input(format!("the array has {joints} joints, expected {expected} ({name})")))
        }
        _ => Ok((joints, channels)),
    }
}

/// The whole array with its last axis fastest, as bytes again; the header is changed to fit.
fn turned_round(input: impl Read, header: &mut NpyHeader) -> Result<Box<dyn BufRead + Send>> {
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
    Ok(Box::new(Cursor::new(array.numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())))
}

impl FrameReader for ArrayFrames {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if self.next >= self.frames {
            return Ok(None);
        }
        let index = self.next;
        if let Err(e) = self.input.read_exact(&mut self.bytes) {
            let frames = std::mem::replace(&mut self.next, self.frames);
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
