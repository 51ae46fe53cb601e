//! Lines of text put together from very many very short pieces.
//!
//! Appending a few bytes to a vector is a call and a copy of unforeseen length; a pose has a hundred of them, which take
//! longer than turning its numbers into digits. Here numbers are written where they will stay.

use super::decimal::{AT_ONCE, Decimals, ROOM};
use super::wide::Wide;

/// What stands between two points.
const BETWEEN_POINTS: [u8; 3] = *b"],[";

/// Whole lines in the making.
pub(super) struct Text {
    /// The text, and room behind it.
    bytes: Vec<u8>,
    length: usize,
    wide: Option<Wide>,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: Vec::new(), length: 0, wide: Wide::detect() }
    }
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
        self.reserve(piece.len());
        let end = self.length + piece.len();
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
    pub(super) fn push_f32(&mut self, finite: f32) {
        self.reserve(ROOM);
        self.put(finite, Decimals::of_one(finite));
    }

    /// Appends finite points as a list of lists of three numbers, each as [`Self::push_f32`] has it.
    pub(super) fn push_points(&mut self, points: &[[f32; 3]]) {
        let numbers = points.as_flattened();
        self.reserve(b"[[]]".len() + numbers.len() * (ROOM + BETWEEN_POINTS.len()));
        self.push(b"[[");
        let (whole, rest) = numbers.as_chunks();
        whole.iter().enumerate().for_each(|(index, some)| self.put_numbers(some, AT_ONCE, index * AT_ONCE));
        let mut some = [0.0; AT_ONCE];
        some[..rest.len()].copy_from_slice(rest);
        self.put_numbers(&some, rest.len(), whole.len() * AT_ONCE);
        // Behind the last number stands what parts points, and behind none nothing is open but the list.
        self.length -= if points.is_empty() { b"[".len() } else { BETWEEN_POINTS.len() - b"]".len() };
        self.push(b"]");
    }

    /// Writes the first `count` of some numbers of points, the first of which is the `index`th, and what parts each from the
    /// next one, where there is room for them.
    #[inline(always)]
    fn put_numbers(&mut self, some: &[f32; AT_ONCE], count: usize, index: usize) {
        let decimals = Decimals::of(some, self.wide);
        for (at, &number) in some.iter().enumerate().take(count) {
            self.put(number, decimals.get(at));
            self.put_between((index + at) % 3 == 2);
        }
    }

    /// Writes a number where there is room for it.
    #[inline(always)]
    fn put(&mut self, finite: f32, (text, length): ([u8; ROOM], Option<usize>)) {
        let Some(length) = length else { return self.push(zmij::Buffer::new().format_finite(finite).as_bytes()) };
        self.bytes[self.length..self.length + ROOM].copy_from_slice(&text);
        self.length += length;
    }

    /// Writes what parts points, or a point's numbers, where there is room for the longer of the two.
    #[inline(always)]
    fn put_between(&mut self, points: bool) {
        let (text, length) = if points { (BETWEEN_POINTS, BETWEEN_POINTS.len()) } else { (*b",  ", 1) };
        self.bytes[self.length..self.length + text.len()].copy_from_slice(&text);
        self.length += length;
    }

    /// Makes room for `bytes` more.
    #[inline]
    fn reserve(&mut self, bytes: usize) {
        if self.bytes.len() < self.length + bytes {
            self.grow(self.length + bytes);
        }
    }

    #[cold]
    fn grow(&mut self, length: usize) {
        self.bytes.resize(length.max(2 * self.bytes.len()), 0);
    }
}
