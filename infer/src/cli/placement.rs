//! `--root`: where people are in space.

use clap::Args;

use super::report::Terminal;
use crate::camera::USUAL_FOCAL;
use crate::format::{PoseInfo, PoseWriter};
use crate::output::PageNotes;
use crate::place::{RootOptions, RootSolver, RootWriter, Unplaced};
use crate::skeleton::Layout;

/// Whether people are placed in space.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RootArgs {
    /// Find where people's hips are from the camera, by where their joints appear in the image, which needs its size and focal
    /// length; with --pitch or --roll, files that hold positions stand on the floor
    #[arg(long)]
    pub(crate) root: bool,
}

/// How one stream's people are placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    layout: Option<&'static Layout>,
    options: RootOptions,
}

impl RootArgs {
    /// How people of a stream with key points in `layout` are placed, if that is wanted.
    pub(crate) fn placement(
        self,
        layout: Option<&'static Layout>,
        is_live: bool,
        size: Option<[u32; 2]>,
        focal: Option<f32>,
    ) -> Option<Placement> {
        self.root.then_some(Placement { layout, options: RootOptions { size, focal, smooth: !is_live } })
    }
}

impl Placement {
    /// `writer` behind what finds the roots of a stream of `info`.
    pub(crate) fn on_the_way_to(
        self,
        writer: Box<dyn PoseWriter>,
        info: &PoseInfo,
        terminal: Terminal,
        notes: PageNotes,
    ) -> Box<dyn PoseWriter> {
        let Some(layout) = self.layout else {
            terminal.note("no layout of key points is known, so no root is: give --layout");
            return writer;
        };
        let solver = RootSolver::new(layout, &info.joints);
        let report = move |cause| {
            let text = match cause {
                Unplaced::UnknownSize => "image size unknown, so no root is: give --size WxH".to_owned(),
                Unplaced::UsualFocal => {
                    format!(
                        "focal length unknown: roots are as from a camera of {USUAL_FOCAL} longer image sides, give --focal PX"
                    )
                }
            };
            terminal.note(&text);
            notes.add(text);
        };
        Box::new(RootWriter::new(writer, solver, self.options, report))
    }
}
