//! The colours of figures: those of the page in its light scheme.

use super::bones::Side;
use super::shape::Colour;

pub(super) const WHITE: Colour = [255, 255, 255];
pub(super) const INK: Colour = [27, 31, 39];
pub(super) const GRID: Colour = [176, 184, 196];
pub(super) const IMAGE: Colour = [232, 235, 239];
const LEFT: Colour = [47, 111, 228];
const RIGHT: Colour = [228, 87, 46];
const MIDDLE: Colour = [89, 97, 111];

/// What tells people apart by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// One person: left and right.
    Sides,
    /// People of one stream by track, given its place among all.
    Track(usize),
    /// Streams that are compared, by their place.
    Set(usize),
}

/// The colour of a side of a person.
pub(super) fn colour(scheme: Scheme, side: Side) -> Colour {
    let hue = match scheme {
        Scheme::Sides => {
            return match side {
                Side::Left => LEFT,
                Side::Right => RIGHT,
                Side::Middle => MIDDLE,
            };
        }
        Scheme::Track(place) => 205.0 + 137.5 * place as f32,
        Scheme::Set(place) => 205.0 + 177.0 * place as f32,
    };
    let lightness = match side {
        Side::Left => 0.46,
        Side::Middle => 0.54,
        Side::Right => 0.64,
    };
    from_hue(hue % 360.0, 0.68, lightness)
}

/// The colour of a hue in degrees, a saturation and a lightness, as CSS's `hsl`.
fn from_hue(hue: f32, saturation: f32, lightness: f32) -> Colour {
    let reach = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let place = (offset + hue / 30.0) % 12.0;
        let share = (place - 3.0).min(9.0 - place).clamp(-1.0, 1.0);
        ((lightness - reach * share) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_those_of_css() {
        assert_eq!(from_hue(0.0, 1.0, 0.5), [255, 0, 0]);
        assert_eq!(from_hue(120.0, 1.0, 0.25), [0, 128, 0]);
        assert_eq!(from_hue(205.0, 0.68, 0.46), [38, 131, 197]);
    }
}
