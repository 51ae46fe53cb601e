//! Figures for papers and slides, drawn without a browser: SVG, PNG and GIF.
//!
//! A figure has a panel for each frame and each stream of poses, and for the key points where there are any. It is laid
//! out as shapes, which are written as text or painted.

mod bones;
mod gif;
mod ground;
mod lettering;
mod palette;
mod panel;
mod raster;
mod scene;
mod shape;
mod svg;

use std::ops::RangeInclusive;

use super::PoseSet;
use crate::error::{Error, Result};
use crate::pose::{Frame, LiftedFrame};
use crate::skeleton::Layout;
use panel::{ImagePanel, Panel, SpacePanel};
use scene::Scene;
use shape::Drawing;

/// Height of a panel in pixels, if no width is asked for.
const PANEL_HEIGHT: f32 = 900.0;
/// The same of a GIF.
const GIF_PANEL_HEIGHT: f32 = 400.0;
/// Widest picture, pixels.
pub const MAX_WIDTH: u32 = 8000;
/// Longest GIF, seconds.
const MAX_GIF_SECONDS: f64 = 60.0;

/// What figures are drawn of.
#[derive(Debug, Clone)]
pub struct FigureClip<'a> {
    /// The 3D streams.
    pub sets: &'a [PoseSet<'a>],
    /// The key points' layout.
    pub layout: Option<&'a Layout>,
    /// The frames in order.
    pub moments: Vec<Moment<'a>>,
}

/// What there is at one frame.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The frame with its key points, if there are any.
    pub frame: &'a Frame,
    /// The poses in each stream.
    pub sets: &'a [LiftedFrame],
}

impl Moment<'_> {
    fn has_people(&self) -> bool {
        self.sets.iter().any(|lifted| !lifted.people.is_empty())
    }
}

/// How figures look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureOptions {
    /// Degrees that the eye is turned around the people: 0 sees them as the camera did, 90 from their right in the image.
    pub turn: f32,
    /// Width of the picture in pixels, if it matters.
    pub width: Option<u32>,
    /// Whether words stand on it: which frame it is, which file, which person, and how long a metre is.
    pub words: bool,
}

/// Letters of a file's name that a panel has room for.
const NAME_LETTERS: usize = 24;

/// Draws figures of one clip.
pub struct Figure<'a> {
    clip: FigureClip<'a>,
    options: FigureOptions,
    scene: Scene<'a>,
}

impl<'a> Figure<'a> {
    /// Figures of `clip`.
    ///
    /// # Errors
    /// There is no pose in it.
    pub fn new(clip: FigureClip<'a>, options: FigureOptions) -> Result<Self> {
        let scene = Scene::new(&clip).ok_or_else(|| Error::input("there is no pose to draw"))?;
        Ok(Self { clip, options, scene })
    }

    /// The place of the frame with number `index`.
    ///
    /// # Errors
    /// There is none.
    pub fn moment_of(&self, index: u64) -> Result<usize> {
        let moments = &self.clip.moments;
        moments.iter().position(|moment| moment.frame.index == index).ok_or_else(|| {
            let ends = [moments.first(), moments.last()].map(|end| end.map_or(0, |moment| moment.frame.index));
            let [first, last] = ends;
            Error::usage(format!("there is no frame {index}, expected one of {first} to {last}"))
        })
    }

    /// The place of a frame in the middle of those with poses.
    pub fn middle_moment(&self) -> usize {
        let moments = self.clip.moments.iter().enumerate();
        let with_people: Vec<_> = moments.filter(|(_, moment)| moment.has_people()).map(|(place, _)| place).collect();
        with_people.get(with_people.len() / 2).copied().unwrap_or(0)
    }

    /// The frames at `places` as an SVG document.
    pub fn svg(&self, places: &[usize]) -> String {
        let image = ImagePanel::new(&self.clip, places);
        svg::render(&self.draw(places, image.as_ref(), PANEL_HEIGHT))
    }

    /// The frames at `places` as a PNG file.
    ///
    /// # Errors
    /// The picture does not fit in memory.
    pub fn png(&self, places: &[usize]) -> Result<Vec<u8>> {
        let image = ImagePanel::new(&self.clip, places);
        raster::png(&self.draw(places, image.as_ref(), PANEL_HEIGHT))
    }

    /// The frames in `places` as an animated GIF file, at the clip's own pace.
    ///
    /// # Errors
    /// The frames last for too long, or a picture does not fit in memory.
    pub fn gif(&self, places: RangeInclusive<usize>) -> Result<Vec<u8>> {
        let moments = &self.clip.moments[places.clone()];
        let rate = self.clip.sets.iter().find_map(|set| set.poses.fps).unwrap_or(30.0);
        let start = moments[0].frame;
        let times = moments.iter().map(|moment| match (moment.frame.time, start.time) {
            (Some(time), Some(start)) => time - start,
            _ => (moment.frame.index - start.index) as f64 / rate,
        });
        let times: Vec<f64> = times.collect();
        let seconds = times.iter().fold(0.0_f64, |most, time| most.max(*time));
        if seconds > MAX_GIF_SECONDS {
            return Err(Error::usage(format!("the frames last {seconds:.0} s, expected {MAX_GIF_SECONDS:.0} at most"))
                .hint("name a part of them: --frames 0-600"));
        }
        let chosen = gif::frames_at_pace(&times);
        let mut writer = gif::GifWriter::new(self.scene.colours());
        let shown_places: Vec<_> = chosen.iter().map(|shown| places.start() + shown.place).collect();
        let image = ImagePanel::new(&self.clip, &shown_places);
        for (place, shown) in shown_places.iter().zip(chosen) {
            writer.add(&self.draw(&[*place], image.as_ref(), GIF_PANEL_HEIGHT), shown.hundredths)?;
        }
        writer.finish()
    }

    /// Lays the panels out: one frame in a row, several in columns.
    fn draw(&self, places: &[usize], image: Option<&ImagePanel<'_>>, usual_height: f32) -> Drawing {
        let mut kinds: Vec<Panel<'_>> = image.into_iter().map(Panel::Image).collect();
        for set in 0..self.clip.sets.len() {
            kinds.push(Panel::Space(SpacePanel { scene: &self.scene, set, turn: self.options.turn }));
        }
        let shares: Vec<f32> = kinds.iter().map(Panel::width_for_height).collect();
        let is_row = places.len() == 1;
        let widest = shares.iter().copied().fold(0.0, f32::max);
        let width_share = if is_row { shares.iter().sum() } else { widest * places.len() as f32 };
        let height = self.options.width.map_or(usual_height, |width| width as f32 / width_share);
        let height = height.min(MAX_WIDTH as f32 / width_share);
        let rows = if is_row { 1 } else { kinds.len() };
        let mut drawing = Drawing::new(width_share * height, rows as f32 * height);
        let mut left = 0.0;
        for (row, (kind, share)) in kinds.iter().zip(&shares).enumerate() {
            if is_row {
                let view = shape::View { left, top: 0.0, width: share * height, height };
                kind.draw(&self.clip.moments[places[0]], self.title(kind, places[0]), view, &mut drawing);
                left += share * height;
                continue;
            }
            for (column, place) in places.iter().enumerate() {
                let left = column as f32 * widest * height;
                let top = row as f32 * height;
                let view = shape::View { left, top, width: widest * height, height };
                kind.draw(&self.clip.moments[*place], self.title(kind, *place), view, &mut drawing);
            }
        }
        drawing
    }

    /// What a panel is called: its file where there are several, and the frame.
    fn title(&self, panel: &Panel<'_>, place: usize) -> Option<String> {
        if !self.options.words {
            return None;
        }
        let frame = self.clip.moments[place].frame;
        let mut title = match panel {
            Panel::Image(_) => "key points: ".to_owned(),
            Panel::Space(space) if self.clip.sets.len() > 1 => {
                let name = self.clip.sets[space.set].name;
                let is_long = name.chars().count() > NAME_LETTERS;
                let start: String = name.chars().take(NAME_LETTERS).collect();
                format!("{start}{}: ", if is_long { "…" } else { "" })
            }
            Panel::Space(_) => String::new(),
        };
        title.push_str(&format!("frame {}", frame.index));
        if let Some(time) = frame.time {
            title.push_str(&format!(", {time:.2} s"));
        }
        Some(title)
    }
}
