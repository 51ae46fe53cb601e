//! `poselift run`: lifts files, folders and pipes.

mod summary;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{ArgAction, Args};

use super::camera::{CameraArgs, CameraUpArgs, HeldCamera};
use super::exports::ExportArgs;
use super::interrupt::Interruption;
use super::layout::{self, LayoutArg};
use super::live::{LiveArgs, SentStream};
use super::output::FileRead;
use super::placement::{Placement, RootArgs};
use super::read::{Notices, ReadArgs};
use super::report::{StreamReport, Terminal};
use super::{
    DeviceArgs, ExitStatus, batch_size, frame_rate, image_size, input, is_of_one_input, live_inputs, milliseconds,
    open_lifter, output, positive, read_model,
};
use crate::camera::{Attitude, MOST_PITCH, MOST_ROLL, NamedCamera, USUAL_FOCAL};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{InputFormat, PoseInfo, PoseWriter, Source, Target};
use crate::guard::{self, ReadOptions};
use crate::lift::{Lifter, LookAhead};
use crate::live::{Answers, WebSocketServer};
use crate::model::{ModelFile, PoseNetwork, Provider, View, no_sigma};
use crate::output::{Described, OutputFormat, PageNotes, known_names};
use crate::place::ContactWriter;
use crate::pose::{Axes, Unit};
use crate::skeleton::Layout;
use crate::smooth::{LevelWriter, SmoothWriter, Smoothing};
use crate::stream::{Outcome, SharedNetwork, Stop, StreamOptions, Tally, lift_stream, peek_layout, pose_info};

/// Lift 2D key points to 3D poses
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, disable_help_flag = true)]
pub(super) struct RunArgs {
    /// Files, folders, or - for stdin [default: stdin, where something is piped in]
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Where poses go: a file, or a folder for several inputs [default: stdout]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// A model file, or one that the program holds: coco17, coco17-int8, coco17-memory (remembers each person), coco23-memory
    /// (feet too) [default: coco17, COCO-17 in, Human3.6M-17 out]
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    #[arg(long, value_name = "FORMAT", help = from_help())]
    from: Option<InputFormat>,
    #[arg(long, value_name = "FORMAT", help = to_help())]
    to: Option<OutputFormat>,
    #[arg(long, value_name = "LAYOUT", help = layout::help())]
    layout: Option<LayoutArg>,
    #[command(flatten)]
    device: DeviceArgs,
    /// Most poses given to the network at once, 1 to 262144 [default: what runs fastest]
    #[arg(long, value_name = "N", value_parser = batch_size)]
    batch: Option<usize>,
    /// Milliseconds that a frame of several live inputs may wait for those of others, to be lifted with them
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    max_delay: Duration,
    /// Frames a second, for inputs that do not say; gives frames their time
    #[arg(long, value_name = "F", value_parser = frame_rate)]
    fps: Option<f64>,
    /// Image size in pixels, for inputs that do not say: 1920x1080
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    size: Option<[u32; 2]>,
    /// The clip of a file that holds several: S1/Walking/0 of VideoPose3D's npz, 0 for the first camera of FreeMoCap's npy
    #[arg(long, value_name = "NAME")]
    clip: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Focal length in pixels, which needs an image size to matter [default: 0.9 times the longer side]
    #[arg(long, value_name = "PX", value_parser = positive)]
    focal: Option<f32>,
    #[command(flatten)]
    camera: CameraArgs,
    /// How far the camera looks down, degrees: poses then come in level axes, y as things fall, with upright people upright
    #[arg(long, value_name = "DEG", value_parser = pitch, allow_negative_numbers = true)]
    pitch: Option<f32>,
    /// How far the camera is turned clockwise about where it looks, degrees; level axes too
    #[arg(long, value_name = "DEG", value_parser = roll, allow_negative_numbers = true)]
    roll: Option<f32>,
    #[command(flatten)]
    camera_up: CameraUpArgs,
    /// Write for each joint the distance that 68 % of its errors stay within, and which joints were missing
    #[arg(long)]
    sigma: bool,
    /// Mark and count people as unsure whose mean sigma exceeds M metres
    #[arg(long, value_name = "M", value_parser = positive)]
    max_sigma: Option<f32>,
    /// Smooth each person's poses over time, and keep bones at their lengths. clip[:S]: by the poses of S seconds before and after
    /// (0.1; 0.05 for fast sports), in files with bones of the next 10 s. live[:HZ]: by earlier poses alone (One Euro filter, cut-off
    /// at rest in HZ: 2)
    #[arg(long, value_name = "WAY")]
    smooth: Option<Smoothing>,
    /// Average the forward poses with those of a backward pass that starts S seconds ahead (1 is enough). Needs a model with a
    /// memory, and no live sockets
    #[arg(long, value_name = "S", value_parser = look_ahead)]
    look_ahead: Option<f64>,
    #[command(flatten)]
    export: ExportArgs,
    #[command(flatten)]
    root: RootArgs,
    #[command(flatten)]
    live: LiveArgs,
    /// Summarise as one JSON object, on stdout if poses go to a file, else on stderr
    #[arg(long)]
    json: bool,
    /// Print only errors and warnings
    #[arg(short, long)]
    quiet: bool,
    /// Print help
    // Always the compact form: with a blank line between options, so many fill three screens.
    #[arg(short, long, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

const AFTER_HELP: &str = "\
Formats are recognised by content and written by OUT's extension. Every input frame gets its line,
in order; from a pipe each is answered at once, except with --smooth clip and --look-ahead. With
the image size, people are turned to the optical axis before they are lifted.

Examples:
  poselift run clip.jsonl -o poses.jsonl
  poselift run clip.jsonl -o poses.html               a page: 2D beside 3D, to play and turn
  poselift run clips/ -o poses/ --to npz              every clip of a folder
  poselift run body25.npy --layout body25 > poses.jsonl
  detector | poselift run | viewer                    live
  poselift run clip.jsonl --smooth clip --pitch 12 -o poses.jsonl
  poselift run cam1.fifo cam2.fifo -o poses/          live, two named pipes at the same time

Exit codes: 0 all lifted, 1 some frames or people could not be lifted (named on stderr), 2 nothing could be done.";

fn from_help() -> String {
    format!("The input's format, where its content does not show it: {}", InputFormat::known())
}

fn to_help() -> String {
    format!("The output's format, where its extension does not show it: {}", known_names("").join(", "))
}

fn look_ahead(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.01..=60.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, 0.01 to 60".to_owned())
}

pub(super) fn pitch(text: &str) -> Result<f32, String> {
    degrees(text, MOST_PITCH)
}

pub(super) fn roll(text: &str) -> Result<f32, String> {
    degrees(text, MOST_ROLL)
}

fn degrees(text: &str, most: f32) -> Result<f32, String> {
    let angle = text.parse().ok().filter(|angle: &f32| angle.abs() <= most);
    angle.ok_or_else(|| format!("expected degrees, -{most} to {most}"))
}

/// What the model runs on, and the cameras that saw the inputs.
pub(super) struct Machine {
    model: String,
    provider: Provider,
    engine: &'static str,
    threads: usize,
    /// Of each input; the clients of a server all have the first.
    cameras: Vec<(Source, HeldCamera)>,
    /// What a signal completes; `None` where it ends the inputs.
    interruption: Option<Interruption>,
}

impl Machine {
    fn camera_of(&self, source: &Source) -> HeldCamera {
        let own = self.cameras.iter().find(|(seen, _)| seen == source);
        own.or(self.cameras.first()).map_or_else(HeldCamera::default, |(_, camera)| *camera)
    }
}

/// What all inputs together came to.
#[derive(Default)]
struct Total {
    tally: Tally,
    layout: Option<String>,
    /// Inputs that could not be opened, or that ended in an error.
    broken: usize,
}

pub(super) fn run(args: &RunArgs) -> Result<ExitStatus> {
    let terminal = Terminal::new(args.quiet);
    let (inputs, listening) = args.live.inputs(&args.inputs, terminal)?;
    let targets = output::targets(&inputs, &args.files_read(), args.output.as_deref(), args.to)?;
    let sources = args.parts(inputs.sources);
    let cameras = args.cameras(&sources, terminal)?;
    let file = read_model(args.model.as_ref())?;
    check_model(args, &file, terminal)?;
    let mut lifter = open_lifter(&file, &args.device.options(args.batch), &terminal)?;
    let (model, provider) = (lifter.card().name.clone(), lifter.provider());
    let session = lifter.session();
    let interruption = args.interruption(&targets, terminal)?;
    let machine =
        Machine { model, provider, engine: session.engine(), threads: session.threads(), cameras, interruption };
    let (started, mut total) = (Instant::now(), Total::default());
    let notices = Notices::default();
    if let Some(server) = &listening.server {
        total = serve(args, server, &targets[0], lifter, &machine, &notices)?;
    } else if input::are_live(&sources) {
        let lift = |source: &Source, target: &Target, lifter: &mut Lifter<SharedNetwork>| {
            let stream = LiftedStream { source, target, answers: None };
            lift_one(args, &stream, lifter, &machine, terminal, &notices)
        };
        for outcome in live_inputs::lift(&sources, &targets, lifter, args.max_delay, lift)? {
            total.count_one_of(sources.len(), outcome, terminal)?;
        }
    } else {
        for (source, target) in sources.iter().zip(&targets) {
            let stream = LiftedStream { source, target, answers: None };
            let outcome = lift_one(args, &stream, &mut lifter, &machine, terminal, &notices);
            total.count_one_of(sources.len(), outcome, terminal)?;
        }
    }
    listening.close(terminal);
    let poses_on_stdout = targets.contains(&Target::Stdout) && args.has_output();
    summary::report(args, &total, &machine, started.elapsed().as_secs_f64(), poses_on_stdout, notices.all())?;
    Ok(total.exit_status())
}

/// Refuses what the model cannot give, and says what it has no use for.
fn check_model(args: &RunArgs, file: &ModelFile, terminal: Terminal) -> Result<()> {
    let card = file.card();
    if (args.sigma || args.max_sigma.is_some()) && !card.output.sigma {
        return Err(no_sigma(card).at(file.name()));
    }
    if let Some(seconds) = args.look_ahead {
        LookAhead::new(card, seconds).map_err(|error| error.at(file.name()))?;
        if args.live.is_input() || args.live.is_output() {
            return Err(Error::usage("--look-ahead is for files: live frames cannot wait for later ones"));
        }
    }
    if args.focal.is_some() && card.input.view == View::Camera {
        terminal.note(&format!("--focal changes nothing: {} sees people from the camera as it stands", card.name));
    }
    Ok(())
}

/// Lifts what the clients of a server send, until it stops.
fn serve(
    args: &RunArgs,
    server: &WebSocketServer,
    target: &Target,
    lifter: Lifter,
    machine: &Machine,
    notices: &Notices,
) -> Result<Total> {
    let terminal = Terminal::new(args.quiet);
    let total = Mutex::new(Total::default());
    live_inputs::serve(server, lifter, args.max_delay, |client, lifter| {
        let target = output::client_target(target, client.number);
        let open = match client.open() {
            Ok(open) => open,
            Err(error) => return server.skip(&error),
        };
        let stream = LiftedStream { source: &Source::Live(open.source), target: &target, answers: Some(&open.answers) };
        let outcome = lift_one(args, &stream, lifter, machine, terminal, notices);
        if let Some(error) = failure(&outcome) {
            open.answers.refuse(error);
        }
        open.answers.close();
        let counted = total.lock().unwrap_or_else(PoisonError::into_inner).count(outcome, terminal);
        if let Err(error) = counted {
            terminal.error(&error);
        }
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What ended an input before its end, where its sender can do something about it.
fn failure(outcome: &Result<Outcome>) -> Option<&Error> {
    match outcome {
        Err(error) | Ok(Outcome { stopped: Some(Stop::Reading(error) | Stop::Lifting(error)), .. }) => Some(error),
        Ok(_) => None,
    }
}

/// One input and where its poses go.
struct LiftedStream<'a> {
    source: &'a Source,
    target: &'a Target,
    /// Where the input itself gets its poses back, if it wants them.
    answers: Option<&'a Answers>,
}

fn lift_one<N: PoseNetwork>(
    args: &RunArgs,
    stream: &LiftedStream<'_>,
    lifter: &mut Lifter<N>,
    machine: &Machine,
    terminal: Terminal,
    notices: &Notices,
) -> Result<Outcome> {
    let LiftedStream { source, target, .. } = *stream;
    if !args.sigma && args.max_sigma.is_none() && !args.root.root {
        lifter.leave_out_sigma();
    }
    let guess_layout = Layout::by_name(&lifter.card().input.layout).is_ok();
    let camera = machine.camera_of(source);
    let notes = args.page_notes(lifter.card().output.unit.clone(), &camera);
    let report = notes.along(notices.report_on(source, terminal));
    let reader = guard::open(source, &args.read_options(guess_layout, &camera), report)?;
    let info = reader.info().clone();
    let layout = args.layout().or(info.layout);
    // Asked before the output is made: a layout that the model cannot read leaves no file.
    if let Some(layout) = layout {
        lifter.conversion(layout).map_err(|error| error.at(source.name()))?;
    }
    let mut poses = pose_info(lifter.card(), args.fps.or(info.fps));
    if camera.attitude.is_some() {
        poses.axes = Axes::Level;
    }
    let format = OutputFormat::of(target, args.to).unwrap_or(OutputFormat::JSON_LINES);
    let (reader, drawn) = match layout {
        None if format == OutputFormat::Page || args.root.root || args.export.contacts => peek_layout(reader, lifter)?,
        known => (reader, known),
    };
    let seen = SeenStream { info: &poses, layout: drawn, attitude: camera.attitude, format };
    let writer = writer_of(args, stream, &seen, machine, terminal, &notes)?;
    let reader = match &machine.interruption {
        Some(interruption) if args.look_ahead.is_some() => interruption.ends(reader)?,
        _ => reader,
    };
    let heard = notes.along(notices.report_on(source, terminal));
    let mut report = StreamReport::new(terminal, source.name(), info.frames, notes.clone(), heard);
    let RunArgs { fps, size, focal, max_sigma, look_ahead, .. } = *args;
    let options = StreamOptions { fps, size, focal, max_sigma, look_ahead };
    let outcome = lift_stream(lifter, reader, writer, layout, &options, &mut report);
    report.close();
    if let Ok(outcome) = &outcome {
        report_nothing_lifted(source, target, outcome, terminal);
    }
    outcome
}

/// What is known of a stream before its poses are written.
struct SeenStream<'a> {
    info: &'a PoseInfo,
    /// Of its key points.
    layout: Option<&'static Layout>,
    attitude: Option<Attitude>,
    format: OutputFormat,
}

/// The writer of a stream's poses, behind all that changes them on their way.
fn writer_of(
    args: &RunArgs,
    stream: &LiftedStream<'_>,
    seen: &SeenStream<'_>,
    machine: &Machine,
    terminal: Terminal,
    notes: &PageNotes,
) -> Result<Box<dyn PoseWriter>> {
    let LiftedStream { source, target, answers } = *stream;
    let SeenStream { info, layout, attitude, format } = *seen;
    let form = args.export.form();
    let extras = form.extras(info, args.sigma, args.root.root);
    let described = Described {
        title: source.name().file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        poses: form.written_info(info, format)?,
        layout,
        device: format!("{}, {}, {} threads", machine.provider.device(), machine.engine, machine.threads),
        notes: notes.clone(),
        extras,
        is_upright: info.axes != Axes::Camera,
    };
    let writer = match args.has_output() {
        true => Some(form.on_the_way_to(output::prepare(target, args.to, described, terminal)?, info, format)?),
        false => None,
    };
    let is_live = input::is_pipe(source);
    let is_ending = machine.interruption.as_ref().map(Interruption::is_ending).unwrap_or_default();
    let sent = SentStream { info, form: &form, extras, answers, is_live, is_ending };
    let writer = args.live.beside(writer, &sent, terminal)?;
    form.assumptions(info, format, extras).iter().for_each(|assumption| terminal.note(assumption));
    let place = args.root.placement(layout, is_live, args.size, args.focal);
    let changed = ChangedStream { info, layout, place, attitude, waits: !is_live };
    let writer = args.on_the_way_to(writer, changed, terminal, notes.clone())?;
    Ok(match &machine.interruption {
        Some(interruption) => interruption.completes(target, writer),
        None => writer,
    })
}

/// What is known of a stream whose poses are changed on their way.
struct ChangedStream<'a> {
    info: &'a PoseInfo,
    /// Of its key points.
    layout: Option<&'static Layout>,
    place: Option<Placement>,
    attitude: Option<Attitude>,
    /// Whether frames may wait for later ones.
    waits: bool,
}

/// Says where there is nothing to show for an input, that this is no mishap of the output.
fn report_nothing_lifted(source: &Source, target: &Target, outcome: &Outcome, terminal: Terminal) {
    let Tally { frames, lifted, .. } = outcome.tally;
    if frames == 0 {
        terminal.note(&format!("{}: no frames in it", source.name().display()));
    }
    if lifted == 0 && output::is_deferred(target) {
        terminal.note(&format!("{}: not written, there is no pose to write", target.name().display()));
    }
}

impl RunArgs {
    /// Whether poses go to -o or to stdout, and not to receivers alone.
    fn has_output(&self) -> bool {
        self.output.is_some() || !self.live.is_output()
    }

    /// The layout that was asked for.
    fn layout(&self) -> Option<&'static Layout> {
        self.layout.as_ref().map(|asked| asked.layout)
    }

    /// The files that are read beside the inputs.
    fn files_read(&self) -> Vec<FileRead<'_>> {
        let files = [
            FileRead::new(self.model.as_deref(), "the model"),
            FileRead::new(self.camera.path(), "the camera file"),
            FileRead::new(self.layout.as_ref().and_then(LayoutArg::path), "the layout"),
        ];
        files.into_iter().flatten().collect()
    }

    /// What completes files when a signal comes; `None` where the signal ends the inputs, or nothing is to be completed.
    fn interruption(&self, targets: &[Target], terminal: Terminal) -> Result<Option<Interruption>> {
        if !self.has_output() || self.live.is_input() {
            return Ok(None);
        }
        let holds_back = self.look_ahead.is_some() || matches!(self.smooth, Some(Smoothing::Clip(_)));
        Interruption::on_signals(targets, holds_back, terminal)
    }

    /// The sources, each of them the clip that is asked for in it.
    fn parts(&self, sources: Vec<Source>) -> Vec<Source> {
        let Some(part) = &self.clip else { return sources };
        let part_of = |source| match source {
            Source::File(path) => Source::Part { path, part: part.clone() },
            other => other,
        };
        sources.into_iter().map(part_of).collect()
    }

    /// The camera of each source. Each camera is told once.
    ///
    /// # Errors
    /// A camera file that cannot be read, or that does not tell which camera saw a source.
    fn cameras(&self, sources: &[Source], terminal: Terminal) -> Result<Vec<(Source, HeldCamera)>> {
        let mut told: Vec<(Option<NamedCamera>, HeldCamera)> = Vec::new();
        let mut cameras = Vec::with_capacity(sources.len());
        for (source, camera) in sources.iter().zip(self.camera.read_for(sources)?) {
            let is_same = |told: &&(Option<NamedCamera>, HeldCamera)| {
                told.0.as_ref().map(|told| &told.name) == camera.as_ref().map(|camera| &camera.name)
            };
            let held = match told.iter().find(is_same) {
                Some((_, held)) => *held,
                None => {
                    let held = self.camera_up.held(camera.as_ref(), self.read.rotate, self.attitude(), terminal);
                    told.push((camera, held));
                    held
                }
            };
            cameras.push((source.clone(), held));
        }
        Ok(cameras)
    }

    /// `guess_layout`: whether the model reads a known layout.
    fn read_options(&self, guess_layout: bool, camera: &HeldCamera) -> ReadOptions {
        let ReadArgs { rotate, y_up, min_score, person, max_gap, keep_sides } = self.read;
        ReadOptions {
            guess_layout,
            from: self.from,
            layout: self.layout(),
            size: self.size.or(camera.intrinsics.and_then(|intrinsics| intrinsics.size)),
            fps: self.fps,
            min_score,
            camera: camera.intrinsics,
            rotate,
            y_up,
            person,
            track: true,
            max_gap,
            keep_sides,
        }
    }

    /// What a page says was assumed before the first frame.
    fn page_notes(&self, unit: Unit, camera: &HeldCamera) -> PageNotes {
        let notes = PageNotes::default();
        if camera.attitude.is_none() {
            notes.add("the camera is taken as level: give --pitch and --roll where it is not".to_owned());
        }
        if camera.intrinsics.is_some() {
            notes.add(
                "key points are undistorted by the camera file: they are drawn as without a lens (--camera)".to_owned(),
            );
        } else if self.focal.is_none() {
            notes.add(format!("focal length: {USUAL_FOCAL} longer image sides where the input names none (--focal)"));
        }
        self.export.form().note_height(&unit, &notes);
        notes
    }

    /// How the camera is held, if --pitch or --roll say it.
    fn attitude(&self) -> Option<Attitude> {
        let angle = |degrees: Option<f32>| degrees.unwrap_or(0.0).to_radians();
        let is_known = self.pitch.is_some() || self.roll.is_some();
        is_known.then(|| Attitude { elevation: angle(self.pitch), roll: angle(self.roll), ..Attitude::default() })
    }

    /// `writer` behind all that changes the poses of a stream on their way to it.
    ///
    /// # Errors
    /// Key points or poses that do not tell which feet stand, where that is asked for.
    fn on_the_way_to(
        &self,
        mut writer: Box<dyn PoseWriter>,
        stream: ChangedStream<'_>,
        terminal: Terminal,
        notes: PageNotes,
    ) -> Result<Box<dyn PoseWriter>> {
        let ChangedStream { info, layout, place, attitude, waits } = stream;
        if let Some(attitude) = attitude {
            writer = Box::new(LevelWriter::new(writer, attitude));
        }
        if let Some(place) = place {
            writer = place.on_the_way_to(writer, info, terminal, notes);
        }
        if self.export.contacts {
            match layout {
                Some(layout) => {
                    let attitude = attitude.unwrap_or_default();
                    let report = move || {
                        terminal
                            .note("no foot contact: it needs times (--fps), 7 frames a second in files and 11 from a pipe, ankles that are seen, and people who keep their ids");
                    };
                    writer = Box::new(ContactWriter::new(writer, info, layout, attitude, waits)?.reporting(report));
                }
                None => terminal.note("no layout of key points is known, so no foot contact is: give --layout"),
            }
        }
        if let Some(smoothing) = self.smooth {
            let report = move |cause| terminal.note(&format!("{cause}: such poses are not smoothed"));
            let smooth = SmoothWriter::new(writer, smoothing, &info.parents, report).with_sides(&info.joints);
            writer = Box::new(if waits { smooth.waiting_for_bones() } else { smooth });
        }
        Ok(writer)
    }
}

impl Total {
    /// Counts one of `inputs`. What cannot be written of one, such as two people in an array, does not stop the others; a full disk
    /// does.
    fn count_one_of(&mut self, inputs: usize, outcome: Result<Outcome>, terminal: Terminal) -> Result<()> {
        match self.count(outcome, terminal) {
            Err(error) if inputs > 1 && is_of_one_input(&error) => {
                terminal.error(&error);
                terminal.note("that output is not complete; the other inputs are lifted");
                self.broken += 1;
                Ok(())
            }
            counted => counted,
        }
    }

    /// Counts an input that is through; one that could not be lifted is reported.
    fn count(&mut self, outcome: Result<Outcome>, terminal: Terminal) -> Result<()> {
        match outcome {
            Ok(outcome) => return self.add(outcome, terminal),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(error),
            Err(error) => terminal.error(&error),
        }
        self.broken += 1;
        Ok(())
    }

    fn add(&mut self, outcome: Outcome, terminal: Terminal) -> Result<()> {
        self.tally.add(&outcome.tally);
        self.layout = outcome.layout.or(self.layout.take());
        match outcome.stopped {
            None => {}
            Some(Stop::Writing(error)) => return Err(error),
            Some(Stop::Reading(error) | Stop::Lifting(error)) => {
                terminal.error(&error);
                self.broken += 1;
            }
        }
        Ok(())
    }

    fn exit_status(&self) -> ExitStatus {
        let Tally { frames, unreadable, people, lifted, .. } = self.tally;
        if self.tally.failed() == 0 && self.broken == 0 {
            return ExitStatus::Done;
        }
        // Frames without people count as answered where no person came who could have been lifted.
        let is_answered = lifted > 0 || people == 0 && frames > unreadable;
        if is_answered { ExitStatus::Partly } else { ExitStatus::Nothing }
    }
}
