//! A chart as a list of marks, and its painting: the only file that names `plotters`.
//!
//! Logical pixels, origin at the top left corner, x right, y down. `plotters`
//! knows whole pixels only, so marks are painted [`FINE`] times as large: an
//! SVG scales that down by its view box, a PNG by averaging.

use std::path::Path;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use poselift::Result;

use super::colour::Colour;
use crate::output;

/// Painted pixels per logical pixel.
const FINE: u32 = 4;
/// Pixels of a PNG per logical pixel.
const PNG_RATIO: u32 = 2;
/// The font's name in an SVG, where the viewer uses its own; a PNG uses the font registered under it.
const FONT: &str = "sans-serif";

/// Differences between the two backends of `plotters`.
struct Brush {
    /// Whether sharp corners of a wide path are cut off as they should be; if not, they form spikes, so each segment
    /// is painted separately with a disc where two meet.
    joins_paths: bool,
    /// Factor by which a font size must be multiplied to be painted as given.
    em: f64,
    /// How far a text must move down to be centred in its line, in ems.
    lower: f64,
}

const SVG: Brush = Brush { joins_paths: true, em: 1.24, lower: 0.0 };
/// Ubuntu Light is 1.12 em from its highest to its lowest point.
const PNG: Brush = Brush { joins_paths: false, em: 1.12, lower: 0.12 };

/// A point in logical pixels.
pub(super) type Point = (f64, f64);

/// Horizontal anchor of a text; vertically its middle is at the point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// One thing to paint.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    Path { points: Vec<Point>, colour: Colour, width: f64 },
    Rectangle { corners: [Point; 2], colour: Colour },
    Disc { centre: Point, radius: f64, colour: Colour },
    Text { at: Point, text: String, size: f64, colour: Colour, align: Align, turned: bool },
}

/// A finished chart, ready to be saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    pub(super) size: (u32, u32),
    pub(super) marks: Vec<Mark>,
}

impl Chart {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { size: (width, height), marks: Vec::new() }
    }

    pub(super) fn path(&mut self, points: Vec<Point>, colour: Colour, width: f64) {
        if points.len() > 1 {
            self.marks.push(Mark::Path { points, colour, width });
        }
    }

    pub(super) fn rectangle(&mut self, corners: [Point; 2], colour: Colour) {
        self.marks.push(Mark::Rectangle { corners, colour });
    }

    pub(super) fn disc(&mut self, centre: Point, radius: f64, colour: Colour) {
        self.marks.push(Mark::Disc { centre, radius, colour });
    }

    /// A disc with a white centre.
    pub(super) fn ring(&mut self, centre: Point, radius: f64, colour: Colour) {
        self.disc(centre, radius, colour);
        self.disc(centre, radius * 0.58, (0xff, 0xff, 0xff));
    }

    pub(super) fn text(&mut self, at: Point, text: impl Into<String>, size: f64, colour: Colour, align: Align) {
        self.marks.push(Mark::Text { at, text: text.into(), size, colour, align, turned: false });
    }

    /// A text that reads from bottom to top, centred on its point.
    pub(super) fn turned_text(&mut self, at: Point, text: impl Into<String>, size: f64, colour: Colour) {
        self.marks.push(Mark::Text { at, text: text.into(), size, colour, align: Align::Centre, turned: true });
    }

    /// A dotted vertical line.
    pub(super) fn dotted_upright(&mut self, x: f64, top: f64, bottom: f64, colour: Colour) {
        const DOT: f64 = 2.0;
        let dots = ((bottom - top) / (3.0 * DOT)) as usize;
        for y in (0..=dots).map(|dot| top + dot as f64 * 3.0 * DOT) {
            self.path(vec![(x, y), (x, (y + DOT).min(bottom))], colour, 1.0);
        }
    }

    /// The chart as the text of an SVG document; its text uses the viewer's sans-serif font.
    pub fn to_svg(&self) -> String {
        let (width, height) = self.size;
        let fine_width = width * FINE;
        let fine_height = height * FINE;
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (fine_width, fine_height)).into_drawing_area();
        self.paint(&area, &SVG).expect("painting into memory cannot fail");
        drop(area);
        let painted_size = format!("width=\"{fine_width}\" height=\"{fine_height}\"");
        svg.replacen(&painted_size, &format!("width=\"{width}\" height=\"{height}\""), 1)
    }

    /// Writes the chart as SVG.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_svg(&self, path: &Path) -> Result<()> {
        output::write_whole(path, self.to_svg().as_bytes())
    }

    /// The chart as the bytes of a PNG file, two pixels per logical pixel.
    pub fn to_png(&self) -> Vec<u8> {
        let width = self.size.0 * FINE;
        let height = self.size.1 * FINE;
        let mut fine = vec![0; (width * height * 3) as usize];
        let area = BitMapBackend::with_buffer(&mut fine, (width, height)).into_drawing_area();
        self.paint(&area, &PNG).expect("painting into memory with a registered font cannot fail");
        drop(area);
        let width = self.size.0 * PNG_RATIO;
        let height = self.size.1 * PNG_RATIO;
        encode_png(&averaged(&fine, width as usize, (FINE / PNG_RATIO) as usize), width, height)
    }

    /// Writes the chart as PNG.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_png(&self, path: &Path) -> Result<()> {
        output::write_whole(path, &self.to_png())
    }

    fn paint<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        brush: &Brush,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        register_the_font();
        area.fill(&WHITE)?;
        for mark in &self.marks {
            paint_mark(mark, area, brush)?;
        }
        area.present()
    }
}

fn paint_mark<DB: DrawingBackend>(
    mark: &Mark,
    area: &DrawingArea<DB, Shift>,
    brush: &Brush,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    match mark {
        Mark::Path { points, colour, width } => paint_path(points, *colour, *width, area, brush),
        Mark::Rectangle { corners, colour } => {
            area.draw(&Rectangle::new(corners.map(fine_point), ink(*colour).filled()))
        }
        Mark::Disc { centre, radius, colour } => {
            area.draw(&Circle::new(fine_point(*centre), fine(*radius), ink(*colour).filled()))
        }
        Mark::Text { at: (x, y), text, size, colour, align, turned } => {
            let horizontal = match align {
                Align::Left => HPos::Left,
                Align::Centre => HPos::Center,
                Align::Right => HPos::Right,
            };
            let lower = brush.lower * size;
            let (turn, at) = if *turned {
                (FontTransform::Rotate270, (x + lower, *y))
            } else {
                (FontTransform::None, (*x, y + lower))
            };
            let font = FontDesc::from((FONT, size * brush.em * f64::from(FINE))).transform(turn);
            let colour = ink(*colour);
            let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
            area.draw_text(text, &style, fine_point(at))
        }
    }
}

fn paint_path<DB: DrawingBackend>(
    points: &[Point],
    colour: Colour,
    width: f64,
    area: &DrawingArea<DB, Shift>,
    brush: &Brush,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let points: Vec<_> = points.iter().map(|&point| fine_point(point)).collect();
    let style = ink(colour).stroke_width(fine(width) as u32);
    if brush.joins_paths {
        return area.draw(&PathElement::new(points, style));
    }
    for stretch in points.windows(2) {
        area.draw(&PathElement::new(stretch, style))?;
    }
    let joints = points.get(1..points.len() - 1).unwrap_or_default();
    for &joint in joints {
        area.draw(&Circle::new(joint, fine(width) / 2, style.filled()))?;
    }
    Ok(())
}

fn fine(length: f64) -> i32 {
    (length * f64::from(FINE)).round() as i32
}

fn fine_point(point: Point) -> (i32, i32) {
    let (x, y) = point;
    (fine(x), fine(y))
}

fn ink(colour: Colour) -> RGBColor {
    let (red, green, blue) = colour;
    RGBColor(red, green, blue)
}

fn register_the_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let readable = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok();
        assert!(readable, "the font that is built in is readable");
    });
}

/// Averages squares of `ratio`² RGB pixels; `width` is that of the result.
fn averaged(fine: &[u8], width: usize, ratio: usize) -> Vec<u8> {
    let mut coarse = Vec::with_capacity(fine.len() / (ratio * ratio));
    let mut sums = vec![0u16; width * 3];
    for rows in fine.chunks_exact(width * ratio * 3 * ratio) {
        sums.fill(0);
        for row in rows.chunks_exact(width * ratio * 3) {
            for (sum, pixels) in sums.chunks_exact_mut(3).zip(row.chunks_exact(ratio * 3)) {
                for pixel in pixels.chunks_exact(3) {
                    for channel in 0..3 {
                        sum[channel] += u16::from(pixel[channel]);
                    }
                }
            }
        }
        coarse.extend(sums.iter().map(|&sum| (sum / (ratio * ratio) as u16) as u8));
    }
    coarse
}

fn encode_png(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(rgb))
        .expect("writing into memory cannot fail");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_takes_squares() {
        let white = [255; 3];
        let fine = [[0; 3], white, white, white, [0; 3], [1, 1, 1], white, white].concat();
        assert_eq!(averaged(&fine, 2, 2), [[64; 3], white].concat());
    }

    #[test]
    fn words_are_escaped_and_the_view_box_is_finer_than_the_picture() {
        let mut chart = Chart::new(100, 50);
        chart.text((5.0, 5.0), "a < b & c", 12.0, (0, 0, 0), Align::Left);
        let svg = chart.to_svg();
        assert!(svg.starts_with("<svg width=\"100\" height=\"50\" viewBox=\"0 0 400 200\""), "{svg}");
        assert!(svg.contains("a &lt; b &amp; c") && svg.trim_end().ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn a_png_shows_what_was_marked() {
        let mut chart = Chart::new(10, 10);
        chart.rectangle([(0.0, 0.0), (5.0, 10.0)], (200, 0, 0));
        let png = chart.to_png();
        let mut reader = png::Decoder::new(png.as_slice()).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!((info.width, info.height), (20, 20));
        assert_eq!((&pixels[..3], &pixels[57..60]), (&[200, 0, 0][..], &[255, 255, 255][..]));
    }
}
