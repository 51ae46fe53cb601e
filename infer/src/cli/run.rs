//! `poselift run`: lifts files, folders and pipes.

mod args;
mod summary;
mod total;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::camera::CameraSetup;
use super::interrupt::Interruption;
use super::live::SentStream;
use super::output::StdoutStream;
use super::read::Notices;
use super::report::{StreamReport, Terminal};
use super::{ExitStatus, input, live_inputs, open_lifter, output, read_model};
use crate::camera::Attitude;
use crate::error::{Error, Result};
use crate::format::{PoseInfo, PoseWriter, Source, Target};
use crate::guard;
use crate::lift::{Lifter, LookAhead};
use crate::live::{AnswerWriter, WebSocketServer};
use crate::model::{ModelFile, PoseNetwork, Provider, View, no_sigma};
use crate::output::{Described, OutputFormat, PageNotes};
use crate::place::MODEL_STATURE;
use crate::pose::Axes;
use crate::skeleton::Layout;
use crate::stream::{Outcome, Stop, StreamOptions, Tally, Undone, lift_stream, peek_layout, pose_info};
use crate::thread::lock;
pub(super) use args::RunArgs;
#[cfg(feature = "serve")]
pub(super) use args::{pitch, roll};
use total::Total;

/// What all inputs of a run share: what the model runs on, the cameras, what a signal completes, and stdout.
pub(super) struct RunContext {
    model: String,
    provider: Provider,
    engine: &'static str,
    threads: usize,
    /// Of each input; the clients of a server all have the first.
    cameras: Vec<(Source, CameraSetup)>,
    /// Completes files when a signal comes; `None` where it ends the inputs.
    interruption: Option<Interruption>,
    /// The state of stdout after the inputs so far.
    stdout: StdoutStream,
}

impl RunContext {
    fn camera_of(&self, source: &Source) -> CameraSetup {
        let own = self.cameras.iter().find(|(seen, _)| seen == source);
        own.or(self.cameras.first()).map_or_else(CameraSetup::default, |(_, camera)| *camera)
    }
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
    let session = lifter.session();
    let context = RunContext {
        model: lifter.card().name.clone(),
        provider: lifter.provider(),
        engine: session.engine(),
        threads: session.threads(),
        cameras,
        interruption: args.interruption(&targets, terminal)?,
        stdout: StdoutStream::default(),
    };
    let started = Instant::now();
    let notices = Notices::default();
    let total = match &listening.server {
        Some(server) => serve(args, server, &targets[0], lifter, &context, &notices)?,
        None if input::are_live(&sources) => lift_at_once(args, &sources, &targets, lifter, &context, &notices)?,
        None => lift_in_turn(args, &sources, &targets, &mut lifter, &context, &notices)?,
    };
    listening.close(terminal);
    let poses_on_stdout = targets.contains(&Target::Stdout) && args.has_output();
    summary::report(args, &total, &context, started.elapsed().as_secs_f64(), poses_on_stdout, notices.all())?;
    if args.model.is_none() && total.has_feet() {
        terminal.note("the key points of the feet were not used: --model coco23-memory lifts them, with less error");
    }
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

/// Lifts sources one after the other.
fn lift_in_turn(
    args: &RunArgs,
    sources: &[Source],
    targets: &[Target],
    lifter: &mut Lifter,
    context: &RunContext,
    notices: &Notices,
) -> Result<Total> {
    let terminal = Terminal::new(args.quiet);
    let mut total = Total::default();
    for (source, target) in sources.iter().zip(targets) {
        let stream = LiftedStream { source, target, answers: None };
        let outcome = lift_one(args, &stream, lifter, context, terminal, notices);
        total.count_one_of(sources.len(), outcome, terminal)?;
    }
    Ok(total)
}

/// Lifts live sources at the same time.
fn lift_at_once(
    args: &RunArgs,
    sources: &[Source],
    targets: &[Target],
    lifter: Lifter,
    context: &RunContext,
    notices: &Notices,
) -> Result<Total> {
    let terminal = Terminal::new(args.quiet);
    let outcomes = live_inputs::lift(sources, targets, lifter, args.max_delay, |source, target, lifter| {
        let stream = LiftedStream { source, target, answers: None };
        lift_one(args, &stream, lifter, context, terminal, notices)
    })?;
    let mut total = Total::default();
    for outcome in outcomes {
        total.count_one_of(sources.len(), outcome, terminal)?;
    }
    Ok(total)
}

/// Lifts what the clients of a server send, until it stops.
fn serve(
    args: &RunArgs,
    server: &WebSocketServer,
    target: &Target,
    lifter: Lifter,
    context: &RunContext,
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
        let outcome = lift_one(args, &stream, lifter, context, terminal, notices);
        if let Some(error) = failure(&outcome) {
            open.answers.refuse(error);
        }
        open.answers.close();
        let counted = lock(&total).count(outcome, terminal);
        if let Err(error) = counted {
            terminal.error(&error);
        }
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The error that ended an input early, where its sender can do something about it.
fn failure(outcome: &Result<Outcome>) -> Option<&Error> {
    match outcome {
        Err(error)
        | Ok(Outcome { stopped: Some(Stop::Reading(error) | Stop::Lifting(error) | Stop::Writing(error)), .. }) => {
            Some(error)
        }
        Ok(_) => None,
    }
}

/// One input and where its poses go.
struct LiftedStream<'a> {
    source: &'a Source,
    target: &'a Target,
    /// Where the input itself gets its poses back, if it wants them.
    answers: Option<&'a AnswerWriter>,
}

fn lift_one<N: PoseNetwork>(
    args: &RunArgs,
    stream: &LiftedStream<'_>,
    lifter: &mut Lifter<N>,
    context: &RunContext,
    terminal: Terminal,
    notices: &Notices,
) -> Result<Outcome> {
    let LiftedStream { source, target, .. } = *stream;
    if !args.sigma && args.max_sigma.is_none() && !args.root {
        lifter.leave_out_sigma();
    }
    let guess_layout = Layout::by_name(&lifter.card().input.layout).is_ok();
    let camera = context.camera_of(source);
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
        None if format == OutputFormat::Page || args.root || args.export.contacts => peek_layout(reader, lifter)?,
        known => (reader, known),
    };
    let seen = SeenStream { info: &poses, layout: drawn, attitude: camera.attitude, format };
    let writer = writer_of(args, stream, &seen, context, terminal, &notes)?;
    let reader = match &context.interruption {
        Some(interruption) if args.look_ahead.is_some() => interruption.ends(reader)?,
        _ => reader,
    };
    let heard = notes.along(notices.report_on(source, terminal));
    let mut report = StreamReport::new(terminal, source.name(), info.frames, heard);
    let RunArgs { fps, size, focal, look_ahead, .. } = *args;
    // Asked for of people as tall as they are written.
    let growth = args.export.height.map_or(1.0, |height| height / MODEL_STATURE);
    let max_sigma = args.max_sigma.map(|most| (f64::from(most) / growth) as f32);
    if max_sigma.is_some() && format != OutputFormat::JSON_LINES && args.has_output() {
        terminal.note("people of a sigma beyond --max-sigma are counted, and marked in JSON Lines alone");
    }
    let options = StreamOptions { fps, size, focal, max_sigma, look_ahead };
    let outcome = lift_stream(lifter, reader, writer, layout, &options, &mut report);
    report.close();
    if let Ok(outcome) = &outcome {
        report_nothing_lifted(source, target, outcome, terminal);
    }
    outcome
}

/// The facts about a stream that are known before its poses are written.
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
    context: &RunContext,
    terminal: Terminal,
    notes: &PageNotes,
) -> Result<Box<dyn PoseWriter>> {
    let LiftedStream { source, target, answers } = *stream;
    let SeenStream { info, layout, attitude, format } = *seen;
    let form = args.export.form();
    let extras = form.extras(info, args.sigma, args.root);
    let described = Described {
        title: input::stem(source).into_owned(),
        poses: form.written_info(info, format)?,
        layout,
        device: format!("{}, {}, {} threads", context.provider.device(), context.engine, context.threads),
        notes: notes.clone(),
        extras,
        is_upright: info.is_upright(),
        rate: args.fps,
        goes_on: false,
    };
    let writer = match args.has_output() {
        true => Some(form.on_the_way_to(
            output::prepare(target, args.to, described, terminal, &context.stdout)?,
            info,
            format,
        )?),
        false => None,
    };
    let is_live = input::is_pipe(source);
    let is_ending = context.interruption.as_ref().map(Interruption::is_ending).unwrap_or_default();
    let sent = SentStream { info, form: &form, extras, answers, is_live, is_ending };
    let writer = args.live.beside(writer, &sent, terminal)?;
    for assumption in form.assumptions(info, format, extras) {
        terminal.note(&assumption);
    }
    let onto_page = notes.clone();
    let changes = args.changes(attitude, is_live);
    let writer = changes.on_the_way_to(writer, info, layout, move |undone| {
        report_undone(undone, terminal, &onto_page);
    })?;
    Ok(match &context.interruption {
        Some(interruption) => interruption.completes(target, writer),
        None => writer,
    })
}

/// Says what is not done though it was asked for; that roots are missing stands on the page, too.
fn report_undone(undone: Undone, terminal: Terminal, onto_page: &PageNotes) {
    let notice = undone.notice().to_string();
    terminal.note(&notice);
    if matches!(undone, Undone::Root(_)) {
        onto_page.add(notice);
    }
}

/// Says where there is nothing to show for an input, that this is no mishap of the output.
fn report_nothing_lifted(source: &Source, target: &Target, outcome: &Outcome, terminal: Terminal) {
    let Tally { frames, lifted, .. } = outcome.tally;
    if frames == 0 {
        terminal.note(&format!("{}: no frames in it", source.name().display()));
    }
    if lifted == 0 && output::is_deferred(target) {
        terminal.note(&format!("{}: {}", target.name().display(), output::NOT_WRITTEN));
    }
}
