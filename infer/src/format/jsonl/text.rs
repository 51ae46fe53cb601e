//! Lines of text put together from very many very short pieces.
//!
//! Appending a few bytes to a vector is a call and a copy of unforeseen length; a pose has a hundred of them, which take
//! longer than turning its numbers into digits. Here numbers are written where they will stay.

use super::decimal;

/// Whole lines in the making.
#[derive(Default)]
pub(super) struct Text {
    /// The text, and room behind it.
    bytes: Vec<u8>,
    length: usize,
}

impl Text {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Takes back all behind the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Appends a piece of any length.
    #[inline]
    pub(super) fn push(&mut self, piece: &[u8]) {
        let end = self.length + piece.len();
        if self.bytes.len() < end {
            self.grow(end);
        }
        self.bytes[self.length..end].copy_from_slice(piece);
        self.length = end;
    }

    /// Appends an integer.
    #[inline]
    pub(super) fn push_integer(&mut self, integer: impl itoa::Integer) {
        self.push(itoa::Buffer::new().format(integer).as_bytes());
    }

    /// Appends a finite number, in the fewest digits that read back to the same bits.
    #[inline]
    pub(super) fn push_f64(&mut self, finite: f64) {
        self.push(zmij::Buffer::new().format_finite(finite).as_bytes());
    }

    /// As [`Self::push_f64`].
    #[inline]
    pub(super) fn push_f32(&mut self, finite: f32) {
        if self.bytes.len() < self.length + decimal::ROOM {
            self.grow(self.length + decimal::ROOM);
        }
        let room = self.bytes[self.length..].first_chunk_mut();
        match room.and_then(|room| decimal::write_f32(finite, room)) {
            Some(length) => self.length += length,
            None => self.push(zmij::Buffer::new().format_finite(finite).as_bytes()),
        }
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        self.bytes.resize(length.max(2 * self.bytes.len()), 0);
    }
}
