//! What is wrong with a 2D stream that can be read: found by its people's geometry, set right where that is safe, reported
//! once, refused where it is ambiguous.
//!
//! [`open`] is the way in for programs: it opens a source, looks at what is there already without waiting for more, and gives
//! a reader whose frames hold pixels, scores of 0 to 1, seconds, and only people who are there. Good streams pass unchanged.

mod check;
mod clock;
mod geometry;
mod missing;
mod scores;
mod turn;
mod undistort;
mod watch;

use std::collections::VecDeque;

use crate::camera::Intrinsics;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{FrameReader, InputFormat, PassedOver, Source, StreamInfo, open_reader};
use crate::pose::{Frame, Keypoint, Person};
use crate::skeleton::{COCO17, LAYOUTS, Layout};
use crate::track::{IdFault, LegSides, PersonChoice, PersonFilter, Tracker};
pub use check::{FRAME_RATES, SCORES, check_focal, check_fps, check_size};
use clock::Clock;
use geometry::Extent;
pub use geometry::LARGEST_NORMALISED;
pub(crate) use geometry::layout_shown;
use missing::WildJoints;
pub use missing::is_mark;
pub use scores::SILENTLY_CLAMPED;
use scores::ScoreScale;
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
    clock: Clock,
    wild: WildJoints,
    lens: Option<Lens>,
    y_axis: YAxis,
    watch: Watch,
    tracker: Tracker,
    filter: PersonFilter,
    legs: LegSides,
    are_legs_told: bool,
    /// Whether lines of other text were told of.
    is_log_told: bool,
}

impl GuardedReader {
    fn new(reader: Box<dyn FrameReader>, options: ReadOptions, report: Report) -> Result<Self> {
        let info = reader.info().clone();
        let mut guarded = Self {
            reader,
            options,
            clock: Clock::new(options.fps.or(info.fps)),
            info,
            report,
            peeked: VecDeque::new(),
            coordinates: Coordinates::Unknown,
            scores: ScoreScale::default(),
            wild: WildJoints::default(),
            lens: options.camera.map(Lens::new),
            y_axis: if options.y_up { YAxis::UpFromBottom } else { YAxis::Down },
            watch: Watch::default(),
            tracker: Tracker::new(options.max_gap),
            filter: PersonFilter::new(options.person),
            legs: LegSides::default(),
            are_legs_told: false,
            is_log_told: false,
        };
        guarded.tell_origin();
        guarded.peek()?;
        guarded.judge_layout();
        guarded.judge_coordinates()?;
        guarded.judge_scores();
        guarded.judge_clock();
        guarded.judge_ids();
        Ok(guarded)
    }

    /// What was found out about the source itself.
    fn tell_origin(&mut self) {
        for note in std::mem::take(&mut self.info.notes) {
            self.tell(&Notice::new(note, ""));
        }
        // What our own formats are read as is nothing to be told.
        let is_own =
            |format: &InputFormat| matches!(format, InputFormat::JsonLines | InputFormat::Npy | InputFormat::Npz);
        if let Some(format) = self.info.format.filter(|format| self.options.from.is_none() && !is_own(format)) {
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

    /// The people in the frames that were looked at.
    fn people(&self) -> impl Iterator<Item = &Person> {
        self.peeked.iter().filter_map(|frame| frame.as_ref().ok()).flat_map(|frame| &frame.people)
    }

    /// Holds the number and the geometry of the first people's points against the layouts that they fit.
    fn judge_layout(&mut self) {
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

    fn is_array(&self) -> bool {
        matches!(self.info.format, Some(InputFormat::Npy | InputFormat::Npz))
    }

    /// Decides what coordinates are measured in.
    fn judge_coordinates(&mut self) -> Result<()> {
        let is_array = self.is_array();
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

    fn without_size(&self) -> Error {
        // Another kind than of a frame that cannot be read: the stream ends here.
        Error::usage("coordinates are normalised (0 to 1), and the image size is not known")
            .hint("give the image's size in pixels: --size 1920x1080")
    }

    fn judge_scores(&mut self) {
        let scale = Extent::of(self.people()).score_scale();
        if let Some(notice) = self.scores.change_to(scale) {
            self.tell(&notice);
        }
    }

    fn judge_clock(&mut self) {
        let times: Vec<(u64, f64)> =
            self.peeked.iter().flatten().filter_map(|frame| Some((frame.index, frame.time?))).collect();
        if let Some(notice) = self.clock.look_ahead(&times) {
            self.tell(&notice);
        }
    }

    /// Lets the tracker take over from the start where ids are of no use later on.
    fn judge_ids(&mut self) {
        let fault = self.peeked.iter().flatten().find_map(Tracker::fault);
        if let Some(fault) = fault.filter(|_| self.options.track) {
            self.tracker.take_over();
            self.tell(&id_notice(fault));
        }
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

    /// Sets a frame right.
    fn mend(&mut self, frame: &mut Frame) -> Result<()> {
        if self.coordinates == Coordinates::Unknown && !frame.people.is_empty() {
            self.peeked.push_front(Ok(frame.clone()));
            let judged = self.judge_coordinates();
            self.judge_scores();
            self.peeked.pop_front();
            judged?;
        }
        if let Some(notice) = self.clock.set(frame) {
            self.tell(&notice);
        }
        let size = frame.size.or(self.options.size);
        if matches!(self.coordinates, Coordinates::Normalised | Coordinates::CentredNormalised)
            && !frame.people.is_empty()
        {
            let Some(size) = size else { return Err(self.without_size()) };
            frame.people.iter_mut().for_each(|person| scale(person, size, self.coordinates));
            frame.size = Some(size);
        }
        let index = frame.index;
        let is_array = self.is_array();
        for (place, person) in frame.people.iter_mut().enumerate() {
            let seen = missing::mark(person);
            if let Some(notice) = self.scores.set(person, &seen) {
                (self.report)(&notice);
            }
            if is_array && person.keypoints.iter().all(|point| point.is_missing()) {
                // A row of an array stands for a frame, and a person need not be in it.
                person.keypoints.fill(Keypoint::MISSING);
            }
            if let Some(least) = self.options.min_score {
                missing::mark_unsure(person, least);
            }
            if let Some(notice) = self.wild.leave_out(person, &seen, size, || (index, place, self.info.layout)) {
                (self.report)(&notice);
            }
        }
        frame.people.retain(|person| !missing::is_no_person(person));
        if self.options.track
            && let Some(fault) = self.tracker.follow(frame)
        {
            self.tell(&id_notice(fault));
        }
        self.filter.apply(frame);
        self.undo_exchanged_legs(frame);
        match &mut self.lens {
            None => turn::turn(frame, size, self.options.rotate, self.y_axis),
            Some(lens) => {
                turn::turn(frame, size, Rotation::None, self.y_axis);
                if let Some(notice) = lens.undistort(frame, size)? {
                    (self.report)(&notice);
                }
                turn::turn(frame, frame.size, self.options.rotate, YAxis::Down);
            }
        }
        let size = frame.size.or(self.options.size);
        for person in &frame.people {
            if let Some(notice) = self.watch.see(person, size, self.info.layout) {
                (self.report)(&notice);
            }
        }
        Ok(())
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
fn scale(person: &mut Person, [width, height]: [u32; 2], coordinates: Coordinates) {
    for point in &mut person.keypoints {
        if is_mark([point.x, point.y]) {
            continue;
        }
        let share =
            |share: f64| if coordinates == Coordinates::CentredNormalised { (share + 1.0) / 2.0 } else { share };
        point.x = share(point.x) * f64::from(width);
        point.y = share(point.y) * f64::from(height);
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
            if let Some(text) = self.filter.absence() {
                self.tell(&Notice::new(text, "--person"));
            }
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
