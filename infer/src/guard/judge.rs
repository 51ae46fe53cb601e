//! What the first frames of a stream tell: their layout, what coordinates are measured in, scales of scores and times, ids.

use super::geometry::{self, Extent, layout_shown};
use super::turn::YAxis;
use super::{Coordinates, GuardedReader, Notice, id_notice};
use crate::error::{Error, Result};
use crate::pose::Person;
use crate::skeleton::LAYOUTS;
use crate::track::Tracker;

impl GuardedReader {
    /// The people in the frames that were looked at.
    pub(super) fn people(&self) -> impl Iterator<Item = &Person> {
        self.peeked.iter().filter_map(|frame| frame.as_ref().ok()).flat_map(|frame| &frame.people)
    }

    /// Holds the number and the geometry of the first people's points against the layouts that they fit.
    pub(super) fn judge_layout(&mut self) {
        if self.options.layout.is_some() {
            return;
        }
        let Some(points) = self.people().next().map(|person| person.keypoints.len()) else { return };
        let Some(shown) = layout_shown(self.people(), points) else { return };
        match self.info.layout {
            None if !self.options.guess_layout => {}
            None => {
                self.info.layout = Some(shown);
                let text =
                    format!("no layout named, {points} key points taken to be {} by their positions", shown.name);
                self.tell(&Notice::new(text, "--layout"));
            }
            // A layout by names in the file needs no witness.
            Some(named) if named.len() == points && named.name != shown.name && LAYOUTS.contains(&named) => {
                let text = format!("the key points are named {}, but lie as those of {} do", named.name, shown.name);
                self.tell(&Notice::new(text, &format!("--layout {}", shown.name)));
                self.info.is_layout_doubted = true;
            }
            Some(_) => {}
        }
    }

    /// Decides what coordinates are measured in.
    pub(super) fn judge_coordinates(&mut self) -> Result<()> {
        let is_array = self.is_array;
        let extent = Extent::of(self.people());
        let coordinates = extent.coordinates();
        let is_third_odd = is_array && extent.is_third_coordinate();
        if is_third_odd || extent.are_3d_points(coordinates.unwrap_or(Coordinates::Unknown)) {
            return Err(Error::usage(format!(
                "the third number of each point runs from {} to {}, which no score does: 3D points, expected x, y, score",
                extent.least_score, extent.largest_score
            ))
            .hint("give the 2D key points that they were made from, [frames, joints, 2 or 3]"));
        }
        match coordinates {
            None => return Ok(()),
            Some(Coordinates::Pixels) => {
                self.coordinates = Coordinates::Pixels;
                if self.y_axis == YAxis::UpFromBottom && extent.is_above_origin() {
                    self.y_axis = YAxis::UpFromTop;
                }
                return Ok(());
            }
            Some(found) => self.coordinates = found,
        }
        if geometry::are_world_landmarks(self.people()) {
            return Err(Error::usage(
                "coordinates within about 1 of the middle of the hips: metres of world landmarks, which \
                 are 3D already, expected key points in the image",
            )
            .hint("give MediaPipe's `landmarks`, not its `worldLandmarks`"));
        }
        if self.coordinates == Coordinates::Metres {
            return Err(Error::usage(
                "coordinates within 10 of the origin, but not within 1: neither pixels nor normalised, but \
                 metres, expected key points in the image",
            ));
        }
        if is_array && geometry::lie_on_their_side(self.people(), self.info.layout) {
            return Err(Error::usage(
                "normalised coordinates by which all people lie on the side: y, x, score as MoveNet gives \
                 it, or an image that is turned",
            )
            .hint("say which: --from movenet, or --from npy --rotate 90 (or 270) --size WxH"));
        }
        let has_size = self.options.size.is_some() || self.peeked.iter().flatten().any(|frame| frame.size.is_some());
        if !has_size {
            return Err(self.without_size());
        }
        let text = match self.coordinates {
            Coordinates::CentredNormalised => {
                "coordinates are normalised about the image's centre, −1 to 1 in x and in y: multiplied by the image size"
            }
            _ => "coordinates are normalised (0 to 1): multiplied by the image size",
        };
        self.tell(&Notice::new(text, "give pixels, or another --size"));
        Ok(())
    }

    pub(super) fn without_size(&self) -> Error {
        // Another kind than of a frame that cannot be read: the stream ends here.
        Error::usage("coordinates are normalised (0 to 1), and the image size is not known")
            .hint("give the image's size in pixels: --size 1920x1080")
    }

    pub(super) fn judge_scores(&mut self) {
        let scale = Extent::of(self.people()).score_scale();
        if let Some(notice) = self.scores.change_to(scale) {
            self.tell(&notice);
        }
    }

    pub(super) fn judge_clock(&mut self) {
        let times: Vec<(u64, f64)> =
            self.peeked.iter().flatten().filter_map(|frame| Some((frame.index, frame.time?))).collect();
        if let Some(notice) = self.clock.look_ahead(&times) {
            self.tell(&notice);
        }
    }

    /// Lets the tracker take over from the start where ids are of no use later on.
    pub(super) fn judge_ids(&mut self) {
        let fault = self.peeked.iter().flatten().find_map(Tracker::fault);
        if let Some(fault) = fault.filter(|_| self.options.track) {
            self.tracker.take_over();
            self.tell(&id_notice(fault));
        }
    }
}
