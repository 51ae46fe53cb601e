//! What is wrong with a 2D stream that can be read: found by its people's geometry, set right where that is safe, reported
//! once, refused where it is ambiguous.
//!
//! [`open`] is the way in for programs: it opens a source, looks at what is there already without waiting for more, and gives
//! a reader whose frames hold pixels, scores of 0 to 1, seconds, and only people who are there. Good streams pass unchanged.

mod check;
mod clock;
mod geometry;
mod judge;
mod missing;
mod scores;
mod turn;
mod undistort;
mod watch;

use std::collections::VecDeque;

use crate::camera::Intrinsics;
use crate::error::{ErrorKind, Result};
use crate::format::{FrameReader, InputFormat, PassedOver, Source, StreamInfo, open_reader};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{COCO17, Layout};
use crate::track::{IdFault, LegSides, PersonChoice, PersonFilter, Tracker};
pub use check::{FRAME_RATES, SCORES, check_focal, check_fps, check_size};
use clock::Clock;
pub use clock::{other_rate, other_rate_of_steps};
pub use geometry::MAX_NORMALISED;
pub(crate) use geometry::layout_shown;
use missing::WildJoints;
pub use missing::is_mark;
pub use scores::SILENTLY_CLAMPED;
use scores::{LowScores, ScoreScale};
pub use turn::Rotation;
use turn::YAxis;
pub use undistort::Lens;
use watch::Watch;

/// Frames that are looked at before the first is handed on, where they are there already.
const FRAMES_TO_PEEK_AT: usize = 32;

/// Frames that a track waits through where nothing else is asked for.
pub const USUAL_GAP: u64 = 30;

/// How a source is read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// The format, where the content does not show it.
    pub from: Option<InputFormat>,
    /// The layout, over what the source says; then geometry is not asked.
    pub layout: Option<&'static Layout>,
    /// Whether geometry tells the layout where the source names none; no for a model of joints that no known layout has.
    pub guess_layout: bool,
    /// Image size in pixels, for frames that do not say.
    pub size: Option<[u32; 2]>,
    /// Frames a second, for sources that do not say.
    pub fps: Option<f64>,
    /// Key points of a lower score count as missing.
    pub min_score: Option<f32>,
    /// The camera that saw the image, before it is turned: key points are undistorted, and frames get its focal length.
    pub camera: Option<Intrinsics>,
    /// How the image has to be turned to stand upright.
    pub rotate: Rotation,
    /// Whether y points up in the source: from the image's bottom, or from its top where people's points lie below 0.
    pub y_up: bool,
    /// Which people are handed on.
    pub person: PersonChoice,
    /// Whether ids are held against where people are, and people without ids are tracked.
    pub track: bool,
    /// Frames that a track of the tracker waits through.
    pub max_gap: u64,
    /// Leave left and right legs as the detector has them, even where they change places for a moment.
    pub keep_sides: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            from: None,
            layout: None,
            guess_layout: true,
            size: None,
            fps: None,
            min_score: None,
            camera: None,
            rotate: Rotation::None,
            y_up: false,
            person: PersonChoice::All,
            track: true,
            max_gap: USUAL_GAP,
            keep_sides: false,
        }
    }
}

/// Something that was assumed, changed or found odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What, and what was done about it.
    pub text: String,
    /// How to overrule it.
    pub hint: Option<String>,
}

impl Notice {
    pub(crate) fn new(text: impl Into<String>, hint: &str) -> Self {
        Self { text: text.into(), hint: (!hint.is_empty()).then(|| hint.to_owned()) }
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Hears each notice once.
pub type Report = Box<dyn FnMut(&Notice) + Send>;

/// Opens a source as [`open_reader`] does, and guards what comes of it.
///
/// # Errors
/// As [`open_reader`]; normalised coordinates of an image of unknown size; 3D points.
pub fn open(source: &Source, options: &ReadOptions, report: Report) -> Result<Box<dyn FrameReader>> {
    let reader = open_reader(source, options.from, options.layout)?;
    guarded(reader, options, report).map_err(|e| e.at(source.name()))
}

/// Guards the frames of a reader that is open already.
///
/// # Errors
/// Normalised coordinates of an image of unknown size; 3D points.
pub fn guarded(reader: Box<dyn FrameReader>, options: &ReadOptions, report: Report) -> Result<Box<dyn FrameReader>> {
    Ok(Box::new(GuardedReader::new(reader, *options, report)?))
}

/// What coordinates are measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Coordinates {
    /// Not known before the first person.
    Unknown,
    Pixels,
    /// Normalised by the image's width and height: 0 to 1.
    Normalised,
    /// Normalised about the image's centre: −1 to 1.
    CentredNormalised,
    /// Neither pixels nor normalised: no person is so small or so large.
    Metres,
}

impl Coordinates {
    /// Where on a side of the image a normalised coordinate lies, 0 to 1.
    fn share_of_side(self, normalised: f64) -> f64 {
        if self == Self::CentredNormalised { (normalised + 1.0) / 2.0 } else { normalised }
    }
}

/// How often people were left out whose points are of no use.
#[derive(Debug, Clone, Copy, Default)]
struct LeftOut {
    /// Below the least score.
    unsure: u64,
    /// Beyond any image.
    nowhere: u64,
}

/// A reader that guards another.
struct GuardedReader {
    reader: Box<dyn FrameReader>,
    options: ReadOptions,
    info: StreamInfo,
    report: Report,
    /// Frames that were looked at and not yet handed on.
    peeked: VecDeque<Result<Frame>>,
    coordinates: Coordinates,
    scores: ScoreScale,
    low_scores: LowScores,
    clock: Clock,
    wild: WildJoints,
    lens: Option<Lens>,
    y_axis: YAxis,
    /// Whether images stand upright and y points down, so that nothing has to be turned.
    is_upright: bool,
    /// Whether the source is an array: then a row stands for a frame, and a person need not be in it.
    is_array: bool,
    watch: Watch,
    /// Whether more people would tell the watch more.
    is_watching: bool,
    /// The last frame's, if it was known.
    size: Option<[u32; 2]>,
    /// The last size that a frame said, which holds for those behind it that say none.
    said_size: Option<[u32; 2]>,
    is_size_told: bool,
    left_out: LeftOut,
    tracker: Tracker,
    /// `None` where all people are handed on.
    filter: Option<PersonFilter>,
    legs: LegSides,
    are_legs_told: bool,
    /// Whether lines of other text were told of.
    is_log_told: bool,
}

impl GuardedReader {
    fn new(reader: Box<dyn FrameReader>, options: ReadOptions, report: Report) -> Result<Self> {
        let info = reader.info().clone();
        let chosen = Some(options.person).filter(|person| *person != PersonChoice::All);
        let mut guarded = Self {
            reader,
            options,
            clock: Clock::new(options.fps.or(info.fps)),
            report,
            peeked: VecDeque::new(),
            coordinates: Coordinates::Unknown,
            scores: ScoreScale::default(),
            low_scores: LowScores::default(),
            wild: WildJoints::default(),
            lens: options.camera.map(Lens::new),
            y_axis: if options.y_up { YAxis::UpFromBottom } else { YAxis::Down },
            is_upright: options.rotate == Rotation::None && !options.y_up,
            is_array: matches!(info.format, Some(InputFormat::Npy | InputFormat::Npz)),
            watch: Watch::default(),
            is_watching: true,
            size: None,
            said_size: None,
            is_size_told: false,
            left_out: LeftOut::default(),
            tracker: Tracker::new(options.max_gap),
            filter: chosen.map(PersonFilter::new),
            legs: LegSides::default(),
            are_legs_told: false,
            is_log_told: false,
            info,
        };
        guarded.tell_origin();
        guarded.peek()?;
        guarded.said_size = guarded.peeked.iter().flatten().find_map(|frame| frame.size);
        guarded.judge_layout();
        guarded.judge_coordinates()?;
        guarded.judge_scores();
        guarded.judge_clock();
        guarded.judge_ids();
        Ok(guarded)
    }

    /// Gives a frame that does not say its size that of the frames before it, unless one was given for such frames.
    fn complete_size(&mut self, frame: &mut Frame) {
        self.said_size = frame.size.or(self.said_size);
        let Some([width, height]) = self.options.size else {
            frame.size = self.said_size;
            return;
        };
        if let Some([own_width, own_height]) = frame.size.filter(|own| *own != [width, height])
            && !std::mem::replace(&mut self.is_size_told, true)
        {
            let text = format!("frames are of {own_width}×{own_height} as they say, not {width}×{height}");
            self.tell(&Notice::new(text, "--size is for frames that say no size"));
        }
    }

    /// What was found out about the source itself.
    fn tell_origin(&mut self) {
        for note in std::mem::take(&mut self.info.notes) {
            self.tell(&Notice::new(note, ""));
        }
        let Some(format) = self.info.format else { return };
        // What our own formats are read as is nothing to be told.
        let is_own = matches!(format, InputFormat::JsonLines | InputFormat::Npy | InputFormat::Npz);
        if self.options.from.is_none() && !is_own {
            self.tell(&Notice::new(format!("detected as {format}"), "--from"));
        }
    }

    fn tell(&mut self, notice: &Notice) {
        (self.report)(notice);
    }

    /// Reads what is there already, and never waits.
    fn peek(&mut self) -> Result<()> {
        while self.peeked.len() < FRAMES_TO_PEEK_AT && self.reader.has_more() {
            match self.reader.read() {
                Ok(Some(frame)) => self.peeked.push_back(Ok(frame)),
                Ok(None) => break,
                Err(fault) if fault.kind() == ErrorKind::BadInput => self.peeked.push_back(Err(fault)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says when the first line of other text was passed over, and at the end how many.
    fn tell_log(&mut self, is_end: bool) {
        let PassedOver { lines, first } = self.reader.passed_over();
        if lines > 0 && !std::mem::replace(&mut self.is_log_told, true) {
            self.tell(&Notice::new(format!("line {first} is other text: such lines are passed over"), ""));
        }
        if is_end && lines > 1 {
            self.tell(&Notice::new(format!("{lines} lines of other text among the frames were passed over"), ""));
        }
    }

    /// Says what the whole stream tells.
    fn tell_end(&mut self) {
        if let Some(text) = self.filter.as_ref().and_then(PersonFilter::absence) {
            self.tell(&Notice::new(text, "--person"));
        }
        let LeftOut { unsure, nowhere } = self.left_out;
        if let Some(least) = self.options.min_score.filter(|_| unsure > 0) {
            let text = format!("left out {unsure} times a person without a key point of a score of {least} or more");
            self.tell(&Notice::new(text, "--min-score"));
        }
        if nowhere > 0 {
            let text = format!("left out {nowhere} times a person whose key points lie beyond any image");
            self.tell(&Notice::new(text, "give pixels"));
        }
        if let Some(notice) = self.watch.at_end(self.size) {
            self.tell(&notice);
        }
    }

    /// Sets a frame right.
    fn mend(&mut self, frame: &mut Frame) -> Result<()> {
        if self.coordinates == Coordinates::Unknown && !frame.people.is_empty() {
            self.judge_by(frame)?;
        }
        if let Some(notice) = self.clock.set(frame) {
            self.tell(&notice);
        }
        self.complete_size(frame);
        let size = frame.size.or(self.options.size);
        if matches!(self.coordinates, Coordinates::Normalised | Coordinates::CentredNormalised)
            && !frame.people.is_empty()
        {
            let Some(size) = size else { return Err(self.without_size()) };
            for person in &mut frame.people {
                scale(person, size, self.coordinates);
            }
            frame.size = Some(size);
        }
        let index = frame.index;
        for (place, person) in frame.people.iter_mut().enumerate() {
            self.mend_person(person, size, index, place);
        }
        frame.people.retain(|person| !missing::is_no_person(person));
        if self.options.track
            && let Some(fault) = self.tracker.follow(frame)
        {
            self.tell(&id_notice(fault));
        }
        if let Some(filter) = &mut self.filter {
            filter.apply(frame);
        }
        self.undo_exchanged_legs(frame);
        self.set_upright(frame, size)?;
        self.size = frame.size.or(self.options.size);
        if self.is_watching {
            self.watch(frame);
        }
        Ok(())
    }

    /// Judges by a frame what no frame before it told.
    fn judge_by(&mut self, frame: &Frame) -> Result<()> {
        self.peeked.push_front(Ok(frame.clone()));
        let judged = self.judge_coordinates();
        self.judge_scores();
        self.peeked.pop_front();
        judged
    }

    /// Sets the points and scores of a person right, who is the `place`th of frame `index`.
    fn mend_person(&mut self, person: &mut Person, size: Option<[u32; 2]>, index: u64, place: usize) {
        let seen = missing::mark(person);
        if let Some(notice) = self.scores.set(person, &seen) {
            self.tell(&notice);
        }
        if self.is_array && person.keypoints.iter().all(|point| point.is_missing()) {
            person.keypoints.fill(Keypoint::MISSING);
        }
        self.left_out.nowhere += u64::from(seen.is_nowhere());
        if let Some(least) = self.options.min_score {
            missing::mark_unsure(person, least);
            self.left_out.unsure += u64::from(seen.is_there() && missing::is_no_person(person));
        }
        if let Some(notice) = self.low_scores.raise(person) {
            self.tell(&notice);
        }
        if let Some(notice) = self.wild.leave_out(person, &seen, size, || (index, place, self.info.layout)) {
            (self.report)(&notice);
        }
    }

    /// Turns a frame's image upright and its y axis down, and undistorts its points.
    fn set_upright(&mut self, frame: &mut Frame, size: Option<[u32; 2]>) -> Result<()> {
        match &mut self.lens {
            None if self.is_upright => {}
            None => turn::turn(frame, size, self.options.rotate, self.y_axis),
            Some(lens) => {
                turn::turn(frame, size, Rotation::None, self.y_axis);
                if let Some(notice) = lens.undistort(frame, size)? {
                    (self.report)(&notice);
                }
                turn::turn(frame, frame.size, self.options.rotate, YAxis::Down);
            }
        }
        Ok(())
    }

    /// Has the watch look at a frame's people.
    fn watch(&mut self, frame: &Frame) {
        // Without a size an image is turned about its origin, and has no top.
        let has_top = self.size.is_some() || self.options.rotate == Rotation::None;
        for person in &frame.people {
            if let Some(notice) = self.watch.see(person, self.size, has_top, self.info.layout) {
                (self.report)(&notice);
            }
        }
        self.is_watching = !self.watch.is_done();
    }

    /// Takes back what a detector did to left and right legs for a moment, by [`LegSides`].
    fn undo_exchanged_legs(&mut self, frame: &mut Frame) {
        if self.options.keep_sides {
            return;
        }
        let undone = self.legs.undo(frame, self.info.layout.unwrap_or(&COCO17));
        if undone > 0 && !self.are_legs_told {
            self.are_legs_told = true;
            let text = format!(
                "left and right leg changed places for a moment at frame {}: taken back, by where they were; so will others",
                frame.index
            );
            self.tell(&Notice::new(text, "--keep-sides"));
        }
    }
}

fn id_notice(fault: IdFault) -> Notice {
    let text = match fault {
        IdFault::Absent => "a person among several has no id: people are tracked by where they are",
        IdFault::Repeated => "several people with one id: ids are left aside, people tracked by where they are",
        IdFault::Swapped => "two people exchanged their ids: taken back, by where they are",
    };
    Notice::new(text, "")
}

/// Makes pixels of normalised coordinates; a point that is marked as missing keeps its mark.
fn scale(person: &mut Person, size: [u32; 2], coordinates: Coordinates) {
    let [width, height] = size.map(f64::from);
    for point in &mut person.keypoints {
        if is_mark([point.x, point.y]) {
            continue;
        }
        point.x = coordinates.share_of_side(point.x) * width;
        point.y = coordinates.share_of_side(point.y) * height;
    }
}

impl FrameReader for GuardedReader {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let frame = match self.peeked.pop_front() {
            Some(peeked) => peeked.map(Some),
            None => self.reader.read(),
        }?;
        self.tell_log(frame.is_none());
        let Some(mut frame) = frame else {
            self.tell_end();
            return Ok(None);
        };
        self.mend(&mut frame)?;
        Ok(Some(frame))
    }

    fn reuse(&mut self, spent: Frame) {
        self.reader.reuse(spent);
    }

    fn has_more(&mut self) -> bool {
        !self.peeked.is_empty() || self.reader.has_more()
    }
}

#[cfg(test)]
mod tests;
