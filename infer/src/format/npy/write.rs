//! Writes the poses of one person to an array as they come, bare (npy) or in an archive (npz).
//!
//! How many frames there are stands at a file's start and is known at its end.
//! Room is left for it, and every time that data are handed on the file is
//! made whole again, so that a run that is killed leaves a file that opens.
//! Sigma, the root's places, numbers and times of frames and the stream's header,
//! which an archive holds beside the poses, are arrays behind the one that grows:
//! they are kept in memory and written at the end.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::archive::{LIMIT, Member, directory};
use super::{HEADER, NpyHeader};
use crate::error::{Error, Result};
use crate::format::jsonl::write_pose_info;
use crate::format::{Extras, PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame, LiftedPerson};

/// Bytes gathered before they are handed on.
const CAPACITY: usize = 256 << 10;
/// NumPy's name of the type of all numbers.
const F32: &str = "<f4";
/// The poses' name in an archive.
const POSES: &str = "poses.npy";
/// The name of sigma beside them.
const SIGMA: &str = "sigma.npy";
/// The name of the root's places beside them.
const ROOTS: &str = "roots.npy";
/// The names of the frames' numbers and times, of the stream's header and of its rate.
const FRAMES: &str = "frames.npy";
const TIMES: &str = "times.npy";
const HEADER_TEXT: &str = "header.npy";
const FPS: &str = "fps.npy";

/// A 3D stream as an array `[T, J, 3]`; NaN where no person was lifted.
pub(in crate::format) struct ArrayWriter {
    file: File,
    name: PathBuf,
    joints: usize,
    /// Rows that are still to be handed on.
    rows: Vec<u8>,
    /// Bytes of rows that were handed on.
    length: u64,
    /// The checksum of those, if the array stands in an archive.
    checksum: Option<crc32fast::Hasher>,
    /// All rows of sigma, `[T, J]`, if it is wanted.
    sigma: Option<CompanionArray>,
    /// All places of the root, `[T, 3]`, if they are wanted.
    roots: Option<CompanionArray>,
    /// What else an archive says of its frames.
    described: Option<Described>,
}

/// What an archive says of its frames beside their poses.
struct Described {
    /// The header that the stream has in JSON Lines.
    header: CompanionArray,
    /// Frames a second, `[1]`, if they are known.
    fps: CompanionArray,
    /// The number of each frame, `[T]`.
    frames: CompanionArray,
    /// Its time in seconds, `[T]`; NaN where that is not known.
    times: CompanionArray,
}

impl Described {
    fn new(info: &PoseInfo, extras: Extras) -> Self {
        let text = write_pose_info(info, extras.angles);
        let header = text.trim_ascii_end().to_vec();
        Self {
            header: CompanionArray { is_known: true, rows: header, ..CompanionArray::new(HEADER_TEXT, "|u1", None) },
            fps: CompanionArray {
                is_known: info.fps.is_some(),
                rows: info.fps.unwrap_or(f64::NAN).to_le_bytes().to_vec(),
                ..CompanionArray::new(FPS, "<f8", None)
            },
            frames: CompanionArray { is_known: true, ..CompanionArray::new(FRAMES, "<i8", None) },
            times: CompanionArray::new(TIMES, "<f8", None),
        }
    }

    fn push(&mut self, lifted: &LiftedFrame) {
        self.frames.rows.extend(i64::try_from(lifted.index).unwrap_or(i64::MAX).to_le_bytes());
        self.times.rows.extend(lifted.time.unwrap_or(f64::NAN).to_le_bytes());
        self.times.is_known |= lifted.time.is_some();
    }

    fn arrays(&self) -> [&CompanionArray; 4] {
        [&self.header, &self.fps, &self.frames, &self.times]
    }
}

/// An array beside the poses, kept until the end.
struct CompanionArray {
    name: &'static str,
    /// NumPy's name of the type of its numbers.
    descr: &'static str,
    /// Numbers a row, where rows are lists.
    columns: Option<usize>,
    rows: Vec<u8>,
    /// Whether any of its numbers is known: otherwise it is left out.
    is_known: bool,
}

impl CompanionArray {
    fn new(name: &'static str, descr: &'static str, columns: Option<usize>) -> Self {
        Self { name, descr, columns, rows: Vec::new(), is_known: false }
    }

    fn push(&mut self, numbers: impl Iterator<Item = f32>) {
        self.rows.extend(numbers.flat_map(f32::to_le_bytes));
    }

    /// The npy file.
    fn file(&self) -> Vec<u8> {
        let size = usize::from(self.descr.as_bytes()[2] - b'0') * self.columns.unwrap_or(1);
        let rows = (self.rows.len() / size) as u64;
        let shape: Vec<u64> = std::iter::once(rows).chain(self.columns.map(|columns| columns as u64)).collect();
        [&NpyHeader::to_bytes(self.descr, &shape, HEADER), &self.rows[..]].concat()
    }
}

impl ArrayWriter {
    /// Writes an npy file of no frames yet.
    ///
    /// # Errors
    /// A file that cannot be written, or that cannot be gone back in.
    pub(in crate::format) fn npy(file: File, info: &PoseInfo, name: &Path) -> Result<Self> {
        Self::start(file, info, name, None, Extras::default())
    }

    /// Writes an npz archive with one array, `poses`, of no frames yet; the finished one holds `sigma` and `roots` too,
    /// where `extras` asks for them, and the frames' numbers, times and the stream's header.
    ///
    /// # Errors
    /// As [`Self::npy`].
    pub(in crate::format) fn npz(file: File, info: &PoseInfo, name: &Path, extras: Extras) -> Result<Self> {
        Self::start(file, info, name, Some(crc32fast::Hasher::new()), extras)
    }

    fn start(
        mut file: File,
        info: &PoseInfo,
        name: &Path,
        checksum: Option<crc32fast::Hasher>,
        extras: Extras,
    ) -> Result<Self> {
        if file.stream_position().is_err() {
            return Err(Error::usage("an array cannot be written to a pipe").at(name).hint("name a file with -o"));
        }
        let joints = info.joints.len();
        let name = name.to_path_buf();
        let sigma =
            extras.sigma.then(|| CompanionArray { is_known: true, ..CompanionArray::new(SIGMA, F32, Some(joints)) });
        let roots = extras.root.then(|| CompanionArray::new(ROOTS, F32, Some(3)));
        let described = checksum.is_some().then(|| Described::new(info, extras));
        let mut writer = Self { file, name, joints, rows: Vec::new(), length: 0, checksum, sigma, roots, described };
        writer.flush_rows()?;
        Ok(writer)
    }

    /// Writes what was gathered, and what makes the file whole around it.
    fn flush_rows(&mut self) -> Result<()> {
        let of_companions: usize = self.companions().map(|array| array.rows.len()).sum();
        if self.checksum.is_some() && self.length + (self.rows.len() + of_companions) as u64 > LIMIT {
            return Err(Error::usage("an npz archive may not be larger than 4 GiB").at(&self.name).hint("write npy"));
        }
        if let Err(e) = self.write_around() {
            // A disk that is full has room for what stood there before; the file is made whole as it was.
            self.rows.clear();
            let _ = self.write_around();
            return Err(Error::io("cannot write", &self.name, e));
        }
        Ok(())
    }

    fn write_around(&mut self) -> std::io::Result<()> {
        let length = self.length + self.rows.len() as u64;
        let header = NpyHeader::to_bytes(F32, &[self.frames(length), self.joints as u64, 3], HEADER);
        let mut checksum = self.checksum.clone();
        let (before, after) = match &mut checksum {
            None => (header, Vec::new()),
            Some(rows) => {
                rows.update(&self.rows);
                let poses = poses_member(&header, rows, length);
                ([poses.local_header(), header].concat(), directory(&[poses]))
            }
        };
        self.file.seek(SeekFrom::Start(before.len() as u64 + self.length))?;
        self.file.write_all(&self.rows)?;
        self.file.write_all(&after)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&before)?;
        self.length = length;
        self.checksum = checksum;
        self.rows.clear();
        Ok(())
    }

    /// How many frames `length` bytes of poses are.
    fn frames(&self, length: u64) -> u64 {
        length.checked_div(self.joints as u64 * 12).unwrap_or(0)
    }

    /// Appends the arrays beside the poses, where they are wanted, to the archive, all rows of which were handed on.
    fn append_companions(&mut self) -> std::io::Result<()> {
        let Some(checksum) = &self.checksum else { return Ok(()) };
        let frames = self.frames(self.length);
        let poses_header = NpyHeader::to_bytes(F32, &[frames, self.joints as u64, 3], HEADER);
        let mut members = vec![poses_member(&poses_header, checksum, self.length)];
        let mut bytes = Vec::new();
        let start = members[0].end();
        // Where no root is known, as in a stream that was converted, there is no array of them.
        for companion in self.companions().filter(|companion| companion.is_known) {
            let array = companion.file();
            let checksum = crc32fast::hash(&array);
            let length = array.len() as u32;
            let member = Member { name: companion.name, checksum, length, offset: start + bytes.len() as u32 };
            bytes.extend([member.local_header(), array].concat());
            members.push(member);
        }
        bytes.extend(directory(&members));
        // The directory of the poses alone, which stands here, is written over.
        self.file.seek(SeekFrom::Start(u64::from(start)))?;
        self.file.write_all(&bytes)
    }

    /// The arrays that stand beside the poses.
    fn companions(&self) -> impl Iterator<Item = &CompanionArray> {
        let described = self.described.iter().flat_map(Described::arrays);
        self.sigma.iter().chain(&self.roots).chain(described)
    }

    fn push(&mut self, person: Option<&LiftedPerson>) {
        let numbers = (0..self.joints).flat_map(|joint| person.map_or([f32::NAN; 3], |person| person.joints[joint]));
        self.rows.extend(numbers.flat_map(f32::to_le_bytes));
        if let Some(sigma) = &mut self.sigma {
            sigma.push((0..self.joints).map(|joint| person.map_or(f32::NAN, |person| person.sigma[joint])));
        }
        if let Some(roots) = &mut self.roots {
            roots.is_known |= person.is_some_and(|person| person.root.is_some());
            roots.push(person.and_then(|person| person.root).unwrap_or([f32::NAN; 3]).into_iter());
        }
    }
}

/// The poses as a member of an archive: their npy header, then `length` bytes of rows.
fn poses_member(header: &[u8], rows: &crc32fast::Hasher, length: u64) -> Member {
    let mut whole = crc32fast::Hasher::new();
    whole.update(header);
    whole.combine(rows);
    Member { name: POSES, checksum: whole.finalize(), length: (HEADER as u64 + length) as u32, offset: 0 }
}

impl PoseWriter for ArrayWriter {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let index = lifted.index;
        let person = match &lifted.people[..] {
            [] => None,
            [person] => Some(person),
            people => {
                let message = format!("frame {index} has {} people, an array holds one", people.len());
                return Err(Error::usage(message)
                    .at(&self.name)
                    .hint("lift one of them (--person largest), or write JSON Lines (.jsonl)"));
            }
        };
        for (what, found) in
            person.iter().flat_map(|person| [("", person.joints.len()), ("sigma of ", person.sigma.len())])
        {
            let is_wanted = what.is_empty() || self.sigma.is_some();
            if is_wanted && found != self.joints {
                let message = format!("frame {index}: {what}{found} joints, expected {}", self.joints);
                return Err(Error::runtime(message).at(&self.name));
            }
        }
        self.push(person);
        if let Some(described) = &mut self.described {
            described.push(lifted);
        }
        if self.rows.len() >= CAPACITY { self.flush_rows() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows.is_empty() { Ok(()) } else { self.flush_rows() }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()?;
        self.append_companions().map_err(|e| Error::io("cannot write", &self.name, e))
    }
}
