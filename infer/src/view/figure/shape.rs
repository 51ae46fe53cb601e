//! What a figure is made of, in pixels from the top left corner.

/// A point of the picture.
pub(super) type Point = [f32; 2];

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

/// A part of the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

impl View {
    pub(super) fn middle(&self) -> Point {
        [self.left + self.width / 2.0, self.top + self.height / 2.0]
    }
}

/// A picture on white, in the order of painting.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) shapes: Vec<Shape>,
}

/// Something painted in one colour.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) colour: Colour,
    /// 0..1.
    pub(super) opacity: f32,
    /// Outside this part nothing is painted.
    pub(super) clip: View,
}

/// The form of a shape.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Lines with round ends; where they cross they are no darker.
    Lines { lines: Vec<Vec<Point>>, width: f32 },
    /// A disc.
    Dot { centre: Point, radius: f32 },
    /// A filled polygon.
    Area { corners: Vec<Point> },
    /// A line of text, from `start` on its base line.
    Text { start: Point, size: f32, text: String },
}

impl Drawing {
    pub(super) fn new(width: f32, height: f32) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// Whole pixels.
    pub(super) fn size(&self) -> [u32; 2] {
        [self.width, self.height].map(|side| (side.round() as u32).max(1))
    }
}

/// Paints into one part of a drawing.
pub(super) struct Painter<'a> {
    pub(super) drawing: &'a mut Drawing,
    pub(super) view: View,
}

impl Painter<'_> {
    pub(super) fn line(&mut self, from: Point, to: Point, width: f32, colour: Colour, opacity: f32) {
        self.lines(vec![vec![from, to]], width, colour, opacity);
    }

    pub(super) fn lines(&mut self, lines: Vec<Vec<Point>>, width: f32, colour: Colour, opacity: f32) {
        if !lines.is_empty() {
            self.add(Kind::Lines { lines, width }, colour, opacity);
        }
    }

    pub(super) fn dot(&mut self, centre: Point, radius: f32, colour: Colour, opacity: f32) {
        self.add(Kind::Dot { centre, radius }, colour, opacity);
    }

    pub(super) fn area(&mut self, corners: Vec<Point>, colour: Colour, opacity: f32) {
        self.add(Kind::Area { corners }, colour, opacity);
    }

    pub(super) fn text(&mut self, start: Point, size: f32, text: String, colour: Colour) {
        self.add(Kind::Text { start, size, text }, colour, 1.0);
    }

    fn add(&mut self, kind: Kind, colour: Colour, opacity: f32) {
        self.drawing.shapes.push(Shape { kind, colour, opacity, clip: self.view });
    }
}
