//! Changes poses between the lifter and their writer: smoothing, then foot contact, roots, and level axes.
//!
//! The order matters: contact and roots are judged by poses that are smooth, in the camera's own axes, in which key points
//! show them.

use std::fmt;

use crate::camera::{Attitude, USUAL_FOCAL};
use crate::error::Result;
use crate::format::{PoseInfo, PoseWriter};
use crate::guard::Notice;
use crate::place::{ContactWriter, LiveStandingWriter, RootOptions, RootSolver, RootWriter, StandingWriter, Unplaced};
use crate::skeleton::Layout;
use crate::smooth::{LevelWriter, SmoothWriter, Smoothing, Unsmoothed};

/// The changes of a stream's poses on their way to a writer; none unless it is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoseChanges {
    /// How poses are smoothed.
    pub smoothing: Option<Smoothing>,
    /// Whether it is said which feet stand ([`crate::pose::LiftedPerson::contacts`]).
    pub contacts: bool,
    /// Places each person's root in front of the camera.
    pub root: Option<RootOptions>,
    /// How the camera is held: poses then come in level axes ([`crate::pose::Axes::Level`]).
    pub attitude: Option<Attitude>,
    /// Whether frames may wait for later ones, as those of a file: bones and foot contact are then judged by these, too.
    pub waits: bool,
}

/// Why something that was asked for is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// No root: the layout of the key points is unknown.
    RootWithoutLayout,
    /// No root, or one that is uncertain.
    Root(Unplaced),
    /// No foot contact: the layout of the key points is unknown.
    ContactWithoutLayout,
    /// No foot contact in any frame that came.
    Contact,
    /// No smoothing.
    Smoothing(Unsmoothed),
}

impl PoseChanges {
    /// `writer` behind all that changes the poses of a stream of `info` on their way to it; `layout` is that of its key points.
    /// `report` hears each cause once.
    ///
    /// # Errors
    /// Key points or poses that do not tell which feet stand, where that is asked for.
    pub fn on_the_way_to(
        &self,
        mut writer: Box<dyn PoseWriter>,
        info: &PoseInfo,
        layout: Option<&Layout>,
        report: impl Fn(Undone) + Clone + Send + 'static,
    ) -> Result<Box<dyn PoseWriter>> {
        if let Some(attitude) = self.attitude {
            writer = Box::new(LevelWriter::new(writer, attitude));
        }
        // Paths go by the feet that stand, too.
        let goes_by_feet = self.root.is_some() && layout.is_some_and(|layout| ContactWriter::can_judge(info, layout));
        match (self.root, layout) {
            (Some(options), Some(layout)) => {
                if goes_by_feet {
                    writer = match self.waits {
                        true => Box::new(StandingWriter::new(writer, info, self.contacts)?),
                        false => Box::new(LiveStandingWriter::new(writer, info, self.contacts)?),
                    };
                }
                let solver = RootSolver::new(layout, &info.joints).in_unit(&info.unit);
                let report = report.clone();
                writer = Box::new(RootWriter::new(writer, solver, options, move |cause| report(Undone::Root(cause))));
            }
            (Some(_), None) => report(Undone::RootWithoutLayout),
            (None, _) => {}
        }
        match layout {
            Some(layout) if self.contacts || goes_by_feet => {
                let report = report.clone();
                let contacts = ContactWriter::new(writer, info, layout, self.attitude.unwrap_or_default(), self.waits)?;
                let is_asked = self.contacts;
                writer = Box::new(contacts.reporting(move || {
                    if is_asked {
                        report(Undone::Contact);
                    }
                }));
            }
            None if self.contacts => report(Undone::ContactWithoutLayout),
            _ => {}
        }
        if let Some(smoothing) = self.smoothing {
            let smooth = SmoothWriter::new(writer, smoothing, &info.parents, move |cause| {
                report(Undone::Smoothing(cause));
            });
            let smooth = smooth.with_sides(&info.joints);
            writer = Box::new(if self.waits { smooth.waiting_for_bones() } else { smooth });
        }
        Ok(writer)
    }
}

impl Undone {
    /// The notice that it is not done and why, with the option that helps.
    pub fn notice(self) -> Notice {
        let hint = match self {
            Self::RootWithoutLayout | Self::ContactWithoutLayout => "--layout",
            Self::Root(Unplaced::UnknownSize) => "--size",
            Self::Root(Unplaced::UsualFocal) => "--focal",
            Self::Contact => "--fps gives times where the input has none",
            Self::Smoothing(_) => "",
        };
        Notice::new(self.to_string(), hint)
    }
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootWithoutLayout => f.write_str("layout of the key points unknown: no root is written"),
            Self::Root(Unplaced::UnknownSize) => f.write_str("image size unknown: no root is written of people in such frames"),
            Self::Root(Unplaced::UsualFocal) => {
                write!(f, "focal length unknown: roots are as from a camera of {USUAL_FOCAL} longer image sides")
            }
            Self::ContactWithoutLayout => f.write_str("layout of the key points unknown: no foot contact is written"),
            Self::Contact => f.write_str(
                "no foot contact: it needs times, 7 frames a second in files and 11 live, ankles that are seen, and people who keep their ids",
            ),
            Self::Smoothing(cause) => write!(f, "{cause}: such poses are not smoothed"),
        }
    }
}
