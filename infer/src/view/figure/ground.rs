//! The ground that people stand on, as a grid.

use nalgebra::Vector3;

use super::palette::GRID;
use super::scene::{Eye, Projected};
use super::shape::Painter;

/// The grid on the ground.
pub(super) struct Grid<'a> {
    pub(super) eye: &'a Eye,
    /// x and z.
    pub(super) middle: [f32; 2],
    /// y.
    pub(super) height: f32,
    /// From line to line.
    pub(super) step: f32,
    /// From the middle to the end.
    pub(super) reach: f32,
}

impl Grid<'_> {
    /// What is `x` and `z` from its middle.
    fn project(&self, x: f32, z: f32) -> Projected {
        self.eye.project(&Vector3::new(self.middle[0] + x, self.height, self.middle[1] + z))
    }

    /// Discs one upon another, so that the floor is lighter at its end.
    pub(super) fn draw_floor(&self, painter: &mut Painter<'_>) {
        for share in [0.95, 0.8, 0.65, 0.5] {
            let mut corners = Vec::with_capacity(64);
            for corner in 0..64 {
                let (sin, cos) = (corner as f32 * std::f32::consts::TAU / 64.0).sin_cos();
                corners.push(self.project(share * self.reach * cos, share * self.reach * sin).at);
            }
            painter.area(corners, GRID, 0.07);
        }
    }

    pub(super) fn draw_lines(&self, painter: &mut Painter<'_>) {
        let lines = (self.reach / self.step).ceil() as i32;
        let width = painter.view.height / 900.0;
        for row in -lines..=lines {
            for cell in -lines..lines {
                let far = (row as f32).hypot(cell as f32 + 0.5) / lines as f32;
                let across = row as f32 * self.step;
                let along = [cell, cell + 1].map(|cell| cell as f32 * self.step);
                for ends in [along.map(|z| self.project(across, z)), along.map(|x| self.project(x, across))] {
                    if far < 1.0 && ends.iter().all(|end| end.depth > 0.0) {
                        painter.line(ends[0].at, ends[1].at, width, GRID, 1.0 - far);
                    }
                }
            }
        }
    }
}
