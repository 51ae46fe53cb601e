//! Writes the poses of one person to an array as they come, bare (npy) or in an archive (npz).
//!
//! How many frames there are stands at a file's start and is known at its end.
//! Room is left for it, and every time that data are handed on the file is
//! made whole again, so that a run that is killed leaves a file that opens.
//! An archive holds the array stored, not deflated, which is also how
//! `numpy.savez` has it; its layout is that of PKWARE's APPNOTE 6.3.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{ALIGNMENT, NpyHeader};
use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseWriter};
use crate::pose::{Frame, LiftedFrame};

/// Bytes gathered before they are handed on.
const CAPACITY: usize = 256 << 10;
/// Bytes of the npy header, fixed so that it can be written over.
const HEADER: usize = 2 * ALIGNMENT;
/// The array's name in an archive.
const MEMBER: &[u8] = b"poses.npy";

/// A 3D stream as an array `[T, J, 3]`; NaN where nobody was lifted.
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
}

impl ArrayWriter {
    /// Writes an npy file of no frames yet.
    ///
    /// # Errors
    /// A file that cannot be written, or that cannot be gone back in.
    pub(in crate::format) fn npy(file: File, info: &PoseInfo, name: &Path) -> Result<Self> {
        Self::start(file, info, name, None)
    }

    /// Writes an npz archive with one array, `poses`, of no frames yet.
    ///
    /// # Errors
    /// As [`Self::npy`].
    pub(in crate::format) fn npz(file: File, info: &PoseInfo, name: &Path) -> Result<Self> {
        Self::start(file, info, name, Some(crc32fast::Hasher::new()))
    }

    fn start(mut file: File, info: &PoseInfo, name: &Path, checksum: Option<crc32fast::Hasher>) -> Result<Self> {
        if file.stream_position().is_err() {
            return Err(Error::usage("an array cannot be written to a pipe").at(name).hint("name a file with -o"));
        }
        let joints = info.joints.len();
        let name = name.to_path_buf();
        let mut writer = Self { file, name, joints, rows: Vec::new(), length: 0, checksum };
        writer.hand_on()?;
        Ok(writer)
    }

    /// Writes what was gathered, and what makes the file whole around it.
    fn hand_on(&mut self) -> Result<()> {
        let archive_limit = u64::from(u32::MAX) - 1024;
        if self.checksum.is_some() && self.length + self.rows.len() as u64 > archive_limit {
            return Err(Error::usage("an npz array may not be larger than 4 GiB").at(&self.name).hint("write npy"));
        }
        self.write_around().map_err(|e| {
            // A disk that is full has room for what stood there before; the file is made whole as it was.
            self.rows.clear();
            let _ = self.write_around();
            Error::io("cannot write", &self.name, e)
        })
    }

    fn write_around(&mut self) -> std::io::Result<()> {
        let length = self.length + self.rows.len() as u64;
        let frames = length.checked_div(self.joints as u64 * 12).unwrap_or(0);
        let header = NpyHeader::to_bytes(&[frames, self.joints as u64, 3], HEADER);
        let mut checksum = self.checksum.clone();
        let (before, after) = match &mut checksum {
            None => (header, Vec::new()),
            Some(rows) => {
                rows.update(&self.rows);
                let mut whole = crc32fast::Hasher::new();
                whole.update(&header);
                whole.combine(rows);
                let member = Member { checksum: whole.finalize(), length: (HEADER as u64 + length) as u32 };
                ([member.local_header(), header].concat(), member.directory())
            }
        };
        self.file.seek(SeekFrom::Start(before.len() as u64 + self.length))?;
        self.file.write_all(&self.rows)?;
        self.file.write_all(&after)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&before)?;
        (self.length, self.checksum) = (length, checksum);
        self.rows.clear();
        Ok(())
    }
}

impl PoseWriter for ArrayWriter {
    fn write(&mut self, _frame: &Frame, lifted: &LiftedFrame) -> Result<()> {
        let index = lifted.index;
        let joints = match &lifted.people[..] {
            [] => None,
            [person] if person.joints.len() == self.joints => Some(&person.joints),
            [person] => {
                let message = format!("frame {index}: {} joints, expected {}", person.joints.len(), self.joints);
                return Err(Error::runtime(message).at(&self.name));
            }
            people => {
                let message = format!("frame {index} has {} people, an array holds one", people.len());
                return Err(Error::usage(message).at(&self.name).hint("write JSON Lines (.jsonl)"));
            }
        };
        let numbers = (0..self.joints).flat_map(|joint| joints.map_or([f32::NAN; 3], |joints| joints[joint]));
        self.rows.extend(numbers.flat_map(f32::to_le_bytes));
        if self.rows.len() >= CAPACITY { self.hand_on() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows.is_empty() { Ok(()) } else { self.hand_on() }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()
    }
}

/// The one member of an archive.
struct Member {
    checksum: u32,
    length: u32,
}

impl Member {
    /// What stands before the member.
    fn local_header(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.fields()[..], MEMBER].concat()
    }

    /// What stands at an archive's end: its directory of one entry, and where that is.
    fn directory(&self) -> Vec<u8> {
        let made_by = 20u16.to_le_bytes();
        // No comment, disk 0, no attributes, member at offset 0.
        let entry = [b"PK\x01\x02", &made_by[..], &self.fields(), &[0; 14], MEMBER].concat();
        let start = self.local_header().len() as u32 + self.length;
        let (one, size) = (1u16.to_le_bytes(), (entry.len() as u32).to_le_bytes());
        let end = [b"PK\x05\x06", &[0; 4][..], &one, &one, &size, &start.to_le_bytes(), &[0; 2]].concat();
        [entry, end].concat()
    }

    /// The 26 bytes that the header and the directory share.
    fn fields(&self) -> Vec<u8> {
        let version = 20u16.to_le_bytes();
        let (flags, stored) = ([0; 2], [0; 2]);
        // 1980-01-01 00:00, so that the same poses give the same bytes.
        let (time, date) = ([0; 2], 0x21u16.to_le_bytes());
        let (checksum, length) = (self.checksum.to_le_bytes(), self.length.to_le_bytes());
        let (name_length, no_extra) = ((MEMBER.len() as u16).to_le_bytes(), [0; 2]);
        [&version[..], &flags, &stored, &time, &date, &checksum, &length, &length, &name_length, &no_extra].concat()
    }
}
