//! A figure as pixels.

use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::lettering;
use super::shape::{Drawing, Kind, Shape, View};
use crate::error::{Error, Result};

/// Dots a metre that a PNG names: 300 an inch, as journals ask for.
const DOTS_PER_METRE: u32 = 11_811;

/// A PNG file.
///
/// # Errors
/// The picture does not fit in memory.
pub(super) fn png(drawing: &Drawing) -> Result<Vec<u8>> {
    let [width, height] = drawing.size();
    let pixels = paint(drawing)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Best);
    encoder.set_adaptive_filter(png::AdaptiveFilterType::Adaptive);
    let dots = DOTS_PER_METRE;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: dots, yppu: dots, unit: png::Unit::Meter }));
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.map_err(|error| Error::runtime(format!("cannot write a PNG: {error}")))?;
    Ok(bytes)
}

/// Red, green and blue of each pixel, row by row.
///
/// # Errors
/// The picture does not fit in memory.
pub(super) fn paint(drawing: &Drawing) -> Result<Vec<u8>> {
    let [width, height] = drawing.size();
    let mut pixmap = Pixmap::new(width, height).ok_or_else(|| too_large(width, height))?;
    pixmap.fill(tiny_skia::Color::WHITE);
    let is_alone = drawing.shapes.iter().all(|shape| covers(&shape.clip, drawing));
    for part in drawing.shapes.chunk_by(|a, b| a.clip.left == b.clip.left && a.clip.top == b.clip.top) {
        let mask = match is_alone {
            true => None,
            false => Some(mask(&part[0].clip, width, height).ok_or_else(|| too_large(width, height))?),
        };
        for shape in part {
            paint_shape(&mut pixmap, shape, mask.as_ref());
        }
    }
    // Every pixel is opaque, so that nothing is premultiplied.
    Ok(pixmap.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect())
}

fn too_large(width: u32, height: u32) -> Error {
    Error::usage(format!("a picture of {width} × {height} pixels is too large"))
}

fn covers(view: &View, drawing: &Drawing) -> bool {
    view.left <= 0.0 && view.top <= 0.0 && view.width >= drawing.width && view.height >= drawing.height
}

fn mask(view: &View, width: u32, height: u32) -> Option<Mask> {
    let mut mask = Mask::new(width, height)?;
    let rect = Rect::from_xywh(view.left, view.top, view.width, view.height)?;
    mask.fill_path(&PathBuilder::from_rect(rect), FillRule::Winding, true, Transform::identity());
    Some(mask)
}

fn paint_shape(pixmap: &mut Pixmap, shape: &Shape, mask: Option<&Mask>) {
    let [red, green, blue] = shape.colour;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, (shape.opacity * 255.0).round() as u8);
    let transform = Transform::identity();
    // A shape without extent has no path and leaves no trace.
    match &shape.kind {
        Kind::Lines { lines, width } => {
            let mut builder = PathBuilder::new();
            for line in lines {
                push_outline(&mut builder, line);
            }
            let Some(path) = builder.finish() else { return };
            let stroke =
                Stroke { width: *width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
            pixmap.stroke_path(&path, &paint, &stroke, transform, mask);
        }
        Kind::Dot { centre: [x, y], radius } => {
            let Some(path) = PathBuilder::from_circle(*x, *y, *radius) else { return };
            pixmap.fill_path(&path, &paint, FillRule::Winding, transform, mask);
        }
        Kind::Area { corners } => {
            let Some(path) = area(corners) else { return };
            pixmap.fill_path(&path, &paint, FillRule::Winding, transform, mask);
        }
        Kind::Text { start, size, text } => {
            let Some(path) = lettering::path(text, *start, *size) else { return };
            pixmap.fill_path(&path, &paint, FillRule::Winding, transform, mask);
        }
    }
}

fn area(corners: &[[f32; 2]]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    push_outline(&mut builder, corners);
    builder.close();
    builder.finish()
}

fn push_outline(builder: &mut PathBuilder, points: &[[f32; 2]]) {
    for (place, [x, y]) in points.iter().enumerate() {
        if place == 0 {
            builder.move_to(*x, *y);
        } else {
            builder.line_to(*x, *y);
        }
    }
}
