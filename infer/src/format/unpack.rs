//! What may lie around any text or array: gzip, zstd, and Unicode in 16 bits, told apart by their first bytes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::error::{Error, Result};

/// Bytes unpacked at once.
const READ_AHEAD: usize = 128 << 10;

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// `input` without what is packed around it, however often that is done; an input with nothing around it comes back as it is.
///
/// Nothing is unpacked before it is asked for, so that memory does not grow with what a small file unpacks to.
///
/// # Errors
/// An input that cannot be read, or that begins as a packed one and is none.
pub(super) fn unpacked(mut input: Box<dyn BufRead + Send>, name: &Path) -> Result<Box<dyn BufRead + Send>> {
    /// Deeper than files are packed.
    const MAX_LAYERS: usize = 4;
    for _ in 0..MAX_LAYERS {
        let start = input.fill_buf().map_err(|e| Error::io("cannot read", name, e))?;
        input = if start.starts_with(GZIP) {
            buffered(MultiGzDecoder::new(input))
        } else if start.starts_with(ZSTD) {
            let decoder = StreamingDecoder::new(input)
                .map_err(|e| Error::input(format!("a zstd file that cannot be unpacked: {e}")).at(name))?;
            buffered(decoder)
        } else if let Some(big_endian) = utf16_order(start) {
            buffered(Utf16Reader { input, big_endian, text: Vec::new(), given: 0, high: None })
        } else {
            return Ok(input);
        };
    }
    Ok(input)
}

/// Whether a text in UTF-16 has the high byte of each letter first; `None` for anything else. Without a byte order mark it is
/// known by two letters that need one byte each.
fn utf16_order(start: &[u8]) -> Option<bool> {
    match *start {
        [0xff, 0xfe, ..] => Some(false),
        [0xfe, 0xff, ..] => Some(true),
        [one, 0, other, 0, ..] if is_letter(one) && is_letter(other) => Some(false),
        [0, one, 0, other, ..] if is_letter(one) && is_letter(other) => Some(true),
        _ => None,
    }
}

/// Whether a byte stands in text, space between words included.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// Whether there is something to unpack around what begins with `start`.
pub(super) fn is_packed(start: &[u8]) -> bool {
    start.starts_with(GZIP) || start.starts_with(ZSTD) || utf16_order(start).is_some()
}

fn buffered(reader: impl Read + Send + 'static) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(READ_AHEAD, reader))
}

/// UTF-8 out of UTF-16; the byte order mark becomes UTF-8's, what is no character a replacement character.
struct Utf16Reader {
    input: Box<dyn BufRead + Send>,
    big_endian: bool,
    /// Text that is decoded, of which `given` bytes are handed out.
    text: Vec<u8>,
    given: usize,
    /// The first half of a character whose second one is still to come.
    high: Option<u16>,
}

impl Utf16Reader {
    /// Decodes what is there; at the end of the input nothing is.
    fn decode(&mut self) -> std::io::Result<()> {
        self.text.clear();
        self.given = 0;
        let there = self.input.fill_buf()?;
        if there.is_empty() {
            if self.high.take().is_some() {
                self.push(char::REPLACEMENT_CHARACTER);
            }
            return Ok(());
        }
        let mut units: Vec<u8> = there[..there.len() & !1].to_vec();
        let mut taken = units.len();
        if units.is_empty() {
            // Half a unit: the other half may come with the next read, or never.
            units = vec![there[0]];
            self.input.consume(1);
            let rest = self.input.fill_buf()?;
            let Some(&second) = rest.first() else { return Ok(()) };
            units.push(second);
            taken = 1;
        }
        self.input.consume(taken);
        for unit in units.as_chunks::<2>().0 {
            let unit = if self.big_endian { u16::from_be_bytes(*unit) } else { u16::from_le_bytes(*unit) };
            self.push_unit(unit);
        }
        Ok(())
    }

    fn push_unit(&mut self, unit: u16) {
        let is_high = (0xd800..0xdc00).contains(&unit);
        match self.high.take() {
            None if is_high => self.high = Some(unit),
            None => self.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)),
            Some(high) => {
                let pair = char::decode_utf16([high, unit]).next();
                match pair {
                    Some(Ok(letter)) => self.push(letter),
                    _ => {
                        self.push(char::REPLACEMENT_CHARACTER);
                        self.push_unit(unit);
                    }
                }
            }
        }
    }

    fn push(&mut self, letter: char) {
        self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Read for Utf16Reader {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.text.len() {
            self.decode()?;
            // A unit that is half a character gives no text yet.
            while self.text.is_empty() && self.high.is_some() {
                self.decode()?;
            }
        }
        let rest = &self.text[self.given..];
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::{Cursor, Write};

    const TEXT: &str = "\u{feff}{\"people\":[]}\n{\"ü𝄞\":1}\n";

    fn read(bytes: Vec<u8>) -> String {
        let mut text = String::new();
        unpacked(Box::new(Cursor::new(bytes)), Path::new("x")).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_unpacked_once_or_twice() {
        assert_eq!(read(TEXT.into()), TEXT);
        assert_eq!(read(gzip(TEXT.as_bytes())), TEXT);
        assert_eq!(read(gzip(&gzip(TEXT.as_bytes()))), TEXT);
        assert_eq!(read([gzip(b"a\n"), gzip(b"b\n")].concat()), "a\nb\n");
    }

    #[test]
    fn zstd_is_unpacked() {
        let packed = ruzstd::encoding::compress_to_vec(TEXT.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
        assert_eq!(read(packed), TEXT);
    }

    #[test]
    fn sixteen_bits_become_eight_wherever_the_bytes_are_parted() {
        for big_endian in [false, true] {
            let unit = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let bytes: Vec<u8> = TEXT.encode_utf16().flat_map(unit).collect();
            assert_eq!(read(bytes.clone()), TEXT);
            let (mark, rest) = bytes.split_at(2);
            let by_one = BufReader::with_capacity(1, Cursor::new(rest.to_vec()));
            let input = BufReader::new(Cursor::new(mark.to_vec()).chain(by_one));
            let mut text = String::new();
            unpacked(Box::new(input), Path::new("x")).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, TEXT);
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let packed = gzip(TEXT.as_bytes());
        let mut text = String::new();
        let input = Box::new(Cursor::new(packed[..packed.len() - 12].to_vec()));
        assert!(unpacked(input, Path::new("x")).unwrap().read_to_string(&mut text).is_err());
    }
}
