//! A figure as text.

use std::fmt::Write;

use super::shape::{Drawing, Kind, Point, Shape, View};

/// An SVG document; shapes of a part of the picture stand in one group that clips them.
pub(super) fn render(drawing: &Drawing) -> String {
    let [width, height] = drawing.size();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut place = 0;
    for (number, part) in drawing.shapes.chunk_by(|a, b| is_same(&a.clip, &b.clip)).enumerate() {
        let View { left, top, width, height } = part[0].clip;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<clipPath id=\"panel{number}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\n\
             <g clip-path=\"url(#panel{number})\">\n",
            short(left),
            short(top),
            short(width),
            short(height)
        );
        for shape in part {
            append(&mut text, shape);
        }
        text.push_str("</g>\n");
        place += part.len();
    }
    debug_assert_eq!(place, drawing.shapes.len());
    text + "</svg>\n"
}

fn is_same(a: &View, b: &View) -> bool {
    a.left == b.left && a.top == b.top
}

fn append(text: &mut String, shape: &Shape) {
    let [red, green, blue] = shape.colour;
    let colour = format!("#{red:02x}{green:02x}{blue:02x}");
    let _ = match &shape.kind {
        Kind::Lines { lines, width } => writeln!(
            text,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{}/>",
            lines.iter().map(|line| outline(line)).collect::<String>(),
            short(*width),
            opacity("stroke-opacity", shape)
        ),
        Kind::Dot { centre: [x, y], radius } => writeln!(
            text,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{colour}\"{}/>",
            short(*x),
            short(*y),
            short(*radius),
            opacity("fill-opacity", shape)
        ),
        Kind::Area { corners } => {
            writeln!(text, "<path d=\"{}Z\" fill=\"{colour}\"{}/>", outline(corners), opacity("fill-opacity", shape))
        }
        Kind::Text { start: [x, y], size, text: words } => writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" font-family=\"Ubuntu, Helvetica, Arial, sans-serif\" font-size=\"{}\" \
             fill=\"{colour}\">{}</text>",
            short(*x),
            short(*y),
            short(*size),
            escaped(words)
        ),
    };
}

/// The attribute `name` that says how opaque a shape is; nothing for one that is so wholly.
fn opacity(name: &str, shape: &Shape) -> String {
    if shape.opacity < 1.0 { format!(" {name}=\"{}\"", short(shape.opacity)) } else { String::new() }
}

/// Text between two tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn outline(points: &[Point]) -> String {
    let mut text = String::new();
    for (place, [x, y]) in points.iter().enumerate() {
        let command = if place == 0 { 'M' } else { 'L' };
        let _ = write!(text, "{command}{} {}", short(*x), short(*y));
    }
    text
}

/// Two decimals at most.
fn short(number: f32) -> f32 {
    // Adding 0 makes -0 a 0.
    (number * 100.0).round() / 100.0 + 0.0
}
