//! `--listen`, `--follow` and `--send`: frames over sockets and from files that grow, in and out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::input::{self, Inputs};
use super::report::Terminal;
use crate::error::{Error, Result};
use crate::format::{Extras, PoseInfo, PoseWriter, Source};
use crate::live::{
    Address, AnswerWriter, EachFrame, FanOut, Origin, PacedWriter, Protocol, Skipped, StopFlag, WebSocketServer,
    follow, listen_udp, send,
};
use crate::output::{Form, OutputFormat};
use crate::place::ReferenceWriter;
use crate::pose::Axes;

/// Where frames come from and go to beside files and pipes.
#[derive(Debug, Clone, Args)]
pub(super) struct LiveArgs {
    /// Take JSON frames until Ctrl-C: udp://HOST:PORT, one a datagram, of all senders as they come; ws://HOST:PORT, one a
    /// message, and each client gets its poses back
    #[arg(long, value_name = "URL")]
    listen: Vec<Address>,
    /// Let web pages of this origin connect to ws://, as http://localhost:5173 (null: files, *: all) [default: programs other than
    /// browsers alone]
    #[arg(long, value_name = "ORIGIN", requires = "listen")]
    allow_origin: Vec<Origin>,
    /// Take frames from a file or a folder that a detector is still writing, until Ctrl-C or until it is removed
    #[arg(long, value_name = "PATH")]
    follow: Vec<PathBuf>,
    /// Send poses at once, beside -o or alone: osc://HOST:PORT (VMC protocol, for avatars; with /tracking VRChat's trackers),
    /// or JSON, a frame a datagram or message: udp://HOST:PORT, ws://HOST:PORT
    #[arg(long, value_name = "URL")]
    send: Vec<Address>,
}

/// The live inputs of one run.
#[derive(Default)]
pub(super) struct LiveInputs {
    skipped: Vec<(Address, Skipped)>,
    /// Of clients, each an input of its own.
    pub(super) server: Option<WebSocketServer>,
}

impl LiveArgs {
    /// Whether poses go where no -o is needed.
    pub(super) fn is_output(&self) -> bool {
        !self.send.is_empty() || self.listen.iter().any(|address| address.protocol == Protocol::WebSocket)
    }

    /// Whether frames come over sockets or from what grows, until a signal ends them.
    pub(super) fn is_input(&self) -> bool {
        !self.listen.is_empty() || !self.follow.is_empty()
    }

    /// The sources of the INPUT arguments and of these options.
    ///
    /// # Errors
    /// As [`input::inputs`]; an address that cannot be listened at.
    pub(super) fn inputs(&self, words: &[PathBuf], terminal: Terminal) -> Result<(Inputs, LiveInputs)> {
        let mut live = LiveInputs::default();
        if !self.is_input() {
            return Ok((input::inputs(words, terminal)?, live));
        }
        let mut inputs = match words {
            [] => Inputs { sources: Vec::new(), is_folder: false },
            words => input::inputs(words, terminal)?,
        };
        let stop = StopFlag::on_signals()?;
        for path in &self.follow {
            inputs.sources.push(Source::Live(follow(path, &stop)?));
            terminal.note(&format!("following {}; Ctrl-C ends", path.display()));
        }
        for address in &self.listen {
            let skipped = Skipped::new(move |error| {
                terminal.warning(&format!("{error}; such messages are skipped and counted"));
            });
            match address.protocol {
                Protocol::Udp => inputs.sources.push(Source::Live(listen_udp(address, &stop, &skipped)?)),
                Protocol::WebSocket => {
                    let server = WebSocketServer::bind(address, &self.allow_origin, &stop, &skipped)?;
                    inputs.sources.push(Source::Live(server.source()));
                    live.server = Some(server);
                }
                Protocol::Osc => {
                    return Err(Error::usage(format!("cannot listen at {address}, expected udp:// or ws://")));
                }
            }
            terminal.note(&format!("listening at {address}; Ctrl-C ends"));
            live.skipped.push((address.clone(), skipped));
        }
        let is_served = live.server.is_some();
        if is_served && inputs.sources.len() > 1 {
            return Err(Error::usage("a WebSocket server and other inputs").hint("start one poselift for each"));
        }
        if !self.send.is_empty() && (is_served || inputs.sources.len() > 1) {
            return Err(Error::usage("--send has one stream of poses, and there may be several live inputs")
                .hint("start one poselift for each"));
        }
        Ok((inputs, live))
    }

    /// `writer`, if there is one, and the receivers; `info` is the stream's before anything is changed for an output.
    ///
    /// # Errors
    /// A receiver that cannot be found, or be given such poses.
    pub(super) fn beside(
        &self,
        writer: Option<Box<dyn PoseWriter>>,
        stream: &SentStream<'_>,
        terminal: Terminal,
    ) -> Result<Box<dyn PoseWriter>> {
        // Receivers first: a file can wait.
        let mut writers = Vec::with_capacity(self.send.len() + 1);
        for address in &self.send {
            writers.push(sender(address, stream, terminal)?);
        }
        let is_sent = !writers.is_empty();
        if let Some(answers) = stream.answers {
            let info = stream.form.written_info(stream.info, OutputFormat::JSON_LINES)?;
            let writer = EachFrame::new(answers.clone(), &info, "the client", stream.extras)?;
            writers.push(stream.form.on_the_way_to(Box::new(writer), stream.info, OutputFormat::JSON_LINES)?);
        }
        writers.extend(writer);
        let all = match writers.len() {
            1 => writers.swap_remove(0),
            _ => Box::new(FanOut::new(writers)),
        };
        if is_sent && !stream.is_live {
            let paced = PacedWriter::new(all, move || {
                terminal.note("frames without a time are sent as fast as they are read: give --fps");
            });
            return Ok(Box::new(paced.until(stream.is_ending.clone())));
        }
        Ok(all)
    }
}

/// The stream that is sent.
pub(super) struct SentStream<'a> {
    pub(super) info: &'a PoseInfo,
    pub(super) form: &'a Form,
    pub(super) extras: Extras,
    /// Where the input itself gets poses back.
    pub(super) answers: Option<&'a AnswerWriter>,
    /// Whether frames come as they happen; others are played at their times.
    pub(super) is_live: bool,
    /// Whether the program is about to end, so that nothing is played any more.
    pub(super) is_ending: Arc<AtomicBool>,
}

fn sender(address: &Address, stream: &SentStream<'_>, terminal: Terminal) -> Result<Box<dyn PoseWriter>> {
    let report = Box::new(move |text: &str| terminal.warning(text));
    let info = stream.info;
    if address.protocol == Protocol::Osc {
        if info.axes == Axes::Camera {
            terminal.note(&format!("{address}: as if the camera were level: give --pitch and --roll where it is not"));
        }
        let reference = stream.form.avatar_reference();
        let writer = send(address, &ReferenceWriter::info(info, &reference)?, stream.extras, report)?;
        return Ok(Box::new(ReferenceWriter::new(writer, info, &reference)?));
    }
    let writer = send(address, &stream.form.written_info(info, OutputFormat::JSON_LINES)?, stream.extras, report)?;
    stream.form.on_the_way_to(writer, info, OutputFormat::JSON_LINES)
}

impl LiveInputs {
    /// Says what was skipped of them.
    pub(super) fn close(&self, terminal: Terminal) {
        for (address, skipped) in &self.skipped {
            let count = skipped.count();
            if count > 0 {
                let were = if count == 1 {
                    "message could not be read and was"
                } else {
                    "messages could not be read and were"
                };
                terminal.warning(&format!("{address}: {count} {were} skipped"));
            }
        }
    }
}

/// The name of a live source's output, without extension: `udp_9000` of `udp://127.0.0.1:9000`.
pub(super) fn stem(name: &Path) -> PathBuf {
    let address = name.to_str().and_then(|name| name.parse::<Address>().ok());
    match address {
        Some(address) => {
            let port = address.host.rsplit(':').next().unwrap_or_default();
            format!("{}_{port}", if address.protocol == Protocol::Udp { "udp" } else { "ws" }).into()
        }
        None => name.file_stem().unwrap_or(name.as_os_str()).into(),
    }
}
