//! Text as outlines, for figures made of pixels.

use ab_glyph::{Font, FontRef, OutlineCurve, Point as GlyphPoint, PxScale, ScaleFont};
use tiny_skia::{Path, PathBuilder};

use super::shape::Point;

/// A line of text from `start` on its base line; `None` for text without ink.
pub(super) fn path(text: &str, start: Point, size: f32) -> Option<Path> {
    let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the font that is built in is whole");
    // The font's own unit is its em; `PxScale` is the height from the lowest to the highest stroke.
    let em = font.units_per_em().unwrap_or(1000.0);
    let step = size / em;
    let scaled = font.as_scaled(PxScale::from(font.height_unscaled() * step));
    let mut pen = Pen { at: start, step };
    let mut builder = PathBuilder::new();
    let mut last = None;
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        if let Some(last) = last {
            pen.at[0] += scaled.kern(last, glyph);
        }
        if let Some(outline) = font.outline(glyph) {
            push_curves(&mut builder, &outline.curves, pen);
        }
        pen.at[0] += scaled.h_advance(glyph);
        last = Some(glyph);
    }
    builder.finish()
}

/// Where the next letter begins.
#[derive(Clone, Copy)]
struct Pen {
    at: Point,
    /// Pixels that a unit of the font takes.
    step: f32,
}

impl Pen {
    /// A point of the letter in the picture.
    fn place(self, point: GlyphPoint) -> Point {
        [self.at[0] + point.x * self.step, self.at[1] - point.y * self.step]
    }
}

/// The closed lines of a letter.
fn push_curves(builder: &mut PathBuilder, curves: &[OutlineCurve], pen: Pen) {
    let mut end = None;
    for curve in curves {
        let (first, next) = match curve {
            OutlineCurve::Line(from, to) => (*from, *to),
            OutlineCurve::Quad(from, _, to) => (*from, *to),
            OutlineCurve::Cubic(from, _, _, to) => (*from, *to),
        };
        if end != Some(first) {
            let [x, y] = pen.place(first);
            builder.move_to(x, y);
        }
        let [x, y] = pen.place(next);
        match curve {
            OutlineCurve::Line(..) => builder.line_to(x, y),
            OutlineCurve::Quad(_, by, _) => {
                let [by_x, by_y] = pen.place(*by);
                builder.quad_to(by_x, by_y, x, y);
            }
            OutlineCurve::Cubic(_, by, to, _) => {
                let [first_by, second_by] = [pen.place(*by), pen.place(*to)];
                builder.cubic_to(first_by[0], first_by[1], second_by[0], second_by[1], x, y);
            }
        }
        end = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_on_the_base_line_one_after_another() {
        let size = 100.0;
        let one = path("H", [10.0, 200.0], size).unwrap().bounds();
        assert!((one.bottom() - 200.0).abs() < 1.0 && (60.0..80.0).contains(&one.height()), "{one:?}");
        assert!((10.0..25.0).contains(&one.left()), "{one:?}");
        let three = path("HHH", [10.0, 200.0], size).unwrap().bounds();
        assert!(three.width() > 2.5 * one.width() && (three.height() - one.height()).abs() < 0.1, "{three:?}");
        assert!(path(" ", [0.0; 2], size).is_none());
        // Letters of any language the font has, and a box for those that it does not have.
        assert!(path("é · 漢", [0.0; 2], size).is_some());
    }
}
