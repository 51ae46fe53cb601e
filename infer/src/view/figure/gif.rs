//! Figures one after another as an animated GIF.
//!
//! All pictures share one colour table: each colour of the figure in steps to white, which is what anti-aliased lines
//! on white are made of. Only the part of a picture that changes is written.

use gif::{DisposalMethod, Encoder, Frame, Repeat};

use super::palette::{GRID, IMAGE, INK, WHITE};
use super::raster;
use super::shape::{Colour, Drawing};
use crate::error::{Error, Result};

/// Hundredths of a second that a picture is shown for, at least: players slow faster ones down.
const MIN_DELAY: u16 = 3;
/// The last picture stays for longer, so that the loop's end is seen.
const LAST: u16 = 40;
/// Bits that each part of a colour is looked up by.
const LOOKUP_BITS: u32 = 5;

/// A frame to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The place among the frames.
    pub(super) place: usize,
    /// How long.
    pub(super) hundredths: u16,
}

/// The frames to show, given their times in seconds from the first one: every frame, or every second, third … of a fast
/// clip.
pub(super) fn frames_at_pace(times: &[f64]) -> Vec<Shown> {
    let seconds = times.last().copied().unwrap_or(0.0);
    let usual = 100.0 * seconds / times.len().saturating_sub(1).max(1) as f64;
    let stride = if usual > 0.0 { (f64::from(MIN_DELAY) / usual - 0.01).ceil().max(1.0) as usize } else { 1 };
    let places: Vec<_> = (0..times.len()).step_by(stride).collect();
    let mut shown = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        let next = places.get(at + 1).map(|next| hundredths(times[*next]) - hundredths(times[*place]));
        let length = next.map_or(LAST, |length| length.clamp(0, i64::from(u16::MAX)) as u16);
        shown.push(Shown { place: *place, hundredths: length });
    }
    shown
}

/// Seconds in whole hundredths.
fn hundredths(seconds: f64) -> i64 {
    (seconds * 100.0).round() as i64
}

/// A part of a picture, pixels from its left and top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    left: usize,
    top: usize,
    /// The first column and row behind it.
    right: usize,
    bottom: usize,
}

/// Writes pictures of one size.
pub(super) struct GifWriter {
    palette: Palette,
    encoder: Option<Encoder<Vec<u8>>>,
    size: [usize; 2],
    /// The last picture in places of the colour table.
    last: Vec<u8>,
}

impl GifWriter {
    /// A writer of pictures in these `colours`, beside those of the ground.
    pub(super) fn new(colours: Vec<Colour>) -> Self {
        Self { palette: Palette::new(colours), encoder: None, size: [0; 2], last: Vec::new() }
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// It does not fit in memory.
    pub(super) fn add(&mut self, drawing: &Drawing, hundredths: u16) -> Result<()> {
        let [width, height] = drawing.size();
        let pixels = raster::paint(drawing)?;
        let picture: Vec<u8> = pixels.as_chunks().0.iter().map(|pixel| self.palette.place(*pixel)).collect();
        let is_first = self.encoder.is_none();
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            empty => {
                let size = [width, height].map(u16::try_from);
                let [Ok(wide), Ok(high)] = size else {
                    return Err(Error::usage(format!("a GIF of {width} × {height} pixels is too large")));
                };
                self.size = [width as usize, height as usize];
                let mut encoder = Encoder::new(Vec::new(), wide, high, &self.palette.bytes()).map_err(broken)?;
                encoder.set_repeat(Repeat::Infinite).map_err(broken)?;
                empty.insert(encoder)
            }
        };
        let part = if is_first {
            Part { left: 0, top: 0, right: self.size[0], bottom: self.size[1] }
        } else {
            changed(&self.last, &picture, self.size)
        };
        encoder.write_frame(&frame(&picture, self.size[0], part, hundredths)).map_err(broken)?;
        self.last = picture;
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// There is no picture in it.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        let encoder = self.encoder.ok_or_else(|| Error::input("there is no frame to show"))?;
        encoder.into_inner().map_err(|error| Error::runtime(format!("cannot write a GIF: {error}")))
    }
}

fn broken(error: gif::EncodingError) -> Error {
    Error::runtime(format!("cannot write a GIF: {error}"))
}

/// What differs between two pictures of `size`; a pixel where nothing does.
fn changed(before: &[u8], after: &[u8], size: [usize; 2]) -> Part {
    let [width, height] = size;
    let mut part = Part { left: width, top: height, right: 0, bottom: 0 };
    for (place, (before, after)) in before.iter().zip(after).enumerate() {
        if before != after {
            let x = place % width;
            let y = place / width;
            part.left = part.left.min(x);
            part.top = part.top.min(y);
            part.right = part.right.max(x + 1);
            part.bottom = part.bottom.max(y + 1);
        }
    }
    if part.right == 0 { Part { left: 0, top: 0, right: 1, bottom: 1 } } else { part }
}

/// A `part` of a picture of this `width`, as a GIF holds it.
fn frame(picture: &[u8], width: usize, part: Part, hundredths: u16) -> Frame<'static> {
    let Part { left, top, right, bottom } = part;
    let rows = (top..bottom).flat_map(|row| &picture[row * width + left..row * width + right]);
    // The sides are those of a picture whose size fits.
    Frame {
        left: left as u16,
        top: top as u16,
        width: (right - left) as u16,
        height: (bottom - top) as u16,
        delay: hundredths,
        dispose: DisposalMethod::Keep,
        buffer: rows.copied().collect::<Vec<_>>().into(),
        ..Frame::default()
    }
}

/// The colour table.
struct Palette {
    colours: Vec<Colour>,
    /// The nearest place of each colour that was asked for, by its leading bits.
    nearest: Vec<Option<u8>>,
}

impl Palette {
    fn new(mut colours: Vec<Colour>) -> Self {
        colours.extend([GRID, INK, IMAGE]);
        // A table has 256 places; one is white's own.
        colours.truncate(85);
        let steps = 255 / colours.len();
        let mut table = vec![WHITE];
        for colour in &colours {
            for step in 1..=steps {
                table.push(on_white(*colour, step as f32 / steps as f32));
            }
        }
        Self { colours: table, nearest: vec![None; 1 << (3 * LOOKUP_BITS)] }
    }

    fn bytes(&self) -> Vec<u8> {
        self.colours.as_flattened().to_vec()
    }

    fn place(&mut self, pixel: Colour) -> u8 {
        if pixel == WHITE {
            return 0;
        }
        let key = pixel.iter().fold(0, |key, part| key << LOOKUP_BITS | usize::from(part >> (8 - LOOKUP_BITS)));
        if let Some(place) = self.nearest[key] {
            return place;
        }
        let nearest = (0_u8..=255).zip(&self.colours).min_by_key(|(_, colour)| square_distance(**colour, pixel));
        let place = nearest.map_or(0, |(place, _)| place);
        self.nearest[key] = Some(place);
        place
    }
}

/// What `colour` looks like on white, if it is as opaque as `share`.
fn on_white(colour: Colour, share: f32) -> Colour {
    colour.map(|part| (255.0 + (f32::from(part) - 255.0) * share).round() as u8)
}

fn square_distance(one: Colour, other: Colour) -> i32 {
    one.iter().zip(other).map(|(one, other)| (i32::from(*one) - i32::from(other)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_clips_leave_frames_out_and_keep_their_pace() {
        let at_rate = |rate: f64| -> Vec<f64> { (0..60).map(|frame| f64::from(frame) / rate).collect() };
        for (rate, count, length) in [(60.0, 30, 3..=4), (30.0, 60, 3..=4), (25.0, 60, 4..=4), (240.0, 8, 3..=4)] {
            let times = at_rate(rate);
            let shown = frames_at_pace(&times);
            assert_eq!(shown.len(), count, "{rate} Hz");
            let (last, others) = shown.split_last().unwrap();
            assert!(others.iter().all(|shown| length.contains(&shown.hundredths)), "{rate} Hz: {shown:?}");
            let total: u32 = others.iter().map(|shown| u32::from(shown.hundredths)).sum();
            assert_eq!(total, (times[last.place] * 100.0).round() as u32);
        }
        let slow = frames_at_pace(&[0.0, 0.5, 1.0]);
        assert_eq!(slow.iter().map(|shown| shown.hundredths).collect::<Vec<_>>(), [50, 50, LAST]);
        assert_eq!(frames_at_pace(&[0.0]).len(), 1);
    }

    #[test]
    fn only_what_changes_is_written() {
        let (mut before, mut after) = ([0; 12], [0; 12]);
        assert_eq!(changed(&before, &after, [4, 3]), Part { left: 0, top: 0, right: 1, bottom: 1 });
        before[5] = 1;
        after[10] = 1;
        assert_eq!(changed(&before, &after, [4, 3]), Part { left: 1, top: 1, right: 3, bottom: 3 });
    }

    #[test]
    fn a_colour_finds_itself() {
        let mut palette = Palette::new(vec![[47, 111, 228]]);
        for colour in [WHITE, [47, 111, 228], INK] {
            let place = palette.place(colour);
            assert_eq!(palette.colours[usize::from(place)], colour);
        }
    }
}
