//! The zip archive around arrays that are written as they come, byte by byte, as PKWARE's APPNOTE 6.3 has it.
//!
//! Arrays are stored, not deflated, which is also how `numpy.savez` has them.

/// One array of an archive.
pub(super) struct Member {
    /// The file's name in the archive, `poses.npy`.
    pub(super) name: &'static str,
    pub(super) checksum: u32,
    pub(super) length: u32,
    /// Where its header begins.
    pub(super) offset: u32,
}

/// The longest that an archive of this plain kind may be, with room for what stands around the arrays.
pub(super) const LIMIT: u64 = u32::MAX as u64 - 2048;

impl Member {
    /// What stands before the member.
    pub(super) fn local_header(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.fields()[..], self.name.as_bytes()].concat()
    }

    /// Where the next one may begin.
    pub(super) fn end(&self) -> u32 {
        self.offset + self.local_header().len() as u32 + self.length
    }

    /// Its entry in the directory.
    fn entry(&self) -> Vec<u8> {
        let made_by = 20u16.to_le_bytes();
        // No comment, disk 0, no attributes.
        let plain = [0; 10];
        let offset = self.offset.to_le_bytes();
        [b"PK\x01\x02", &made_by[..], &self.fields(), &plain, &offset, self.name.as_bytes()].concat()
    }

    /// The 26 bytes that the header and the directory share.
    fn fields(&self) -> Vec<u8> {
        let version = 20u16.to_le_bytes();
        let flags = [0; 2];
        let stored = [0; 2];
        // 1980-01-01 00:00, so that the same poses give the same bytes.
        let time = [0; 2];
        let date = 0x21u16.to_le_bytes();
        let checksum = self.checksum.to_le_bytes();
        let length = self.length.to_le_bytes();
        let name_length = (self.name.len() as u16).to_le_bytes();
        let no_extra = [0; 2];
        [&version[..], &flags, &stored, &time, &date, &checksum, &length, &length, &name_length, &no_extra].concat()
    }
}

/// What stands at the archive's end, right behind the last of its `members`: what they are, and where that is.
pub(super) fn directory(members: &[Member]) -> Vec<u8> {
    let entries: Vec<u8> = members.iter().flat_map(Member::entry).collect();
    let count = (members.len() as u16).to_le_bytes();
    let size = (entries.len() as u32).to_le_bytes();
    let start = members.last().map_or(0, Member::end).to_le_bytes();
    let end = [b"PK\x05\x06", &[0; 4][..], &count, &count, &size, &start, &[0; 2]].concat();
    [entries, end].concat()
}
