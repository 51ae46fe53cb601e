//! A client of HTTP servers that takes as little of the machine as it can: it sends requests that were made before, and of an
//! answer it reads the status, and as many bytes as it is long. benches/serve.py compiles it and asks every server by it.
//!
//!     rustc --edition 2024 -O benches/load.rs
//!     load HOST:PORT FOLDER CONNECTIONS SECONDS [RATE]
//!
//! FOLDER holds whole requests, a file each, which are sent in turns. Without a rate, each connection asks again as soon as it is
//! answered. With one, so many requests a second are due at fixed times, and each counts from the time at which it was due, so
//! that a server that falls behind is not asked more gently. It prints one JSON object: how many answers had which status, how many
//! of status 200 were another than the first one to the same request, the seconds that all took, and the milliseconds of an answer:
//! the median, the 99th percentile, the most.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes that are read at once.
const PART: usize = 64 << 10;

/// A server that takes longer is broken.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is asked, of whom, and how long.
struct Load {
    address: String,
    requests: Vec<Request>,
    connections: usize,
    lasts: Duration,
    /// Requests a second of all connections.
    rate: Option<f64>,
}

struct Request {
    bytes: Vec<u8>,
    /// The body of its first answer.
    answer: OnceLock<Vec<u8>>,
}

/// What came of the requests of a connection, or of all.
#[derive(Default)]
struct Outcome {
    statuses: BTreeMap<u16, u64>,
    wrong: u64,
    /// Of each answer.
    times: Vec<Duration>,
}

fn main() -> Result<()> {
    let load = &read_arguments()?;
    let connections: Vec<_> = (0..load.connections).map(|_| Connection::open(&load.address)).collect::<Result<_>>()?;
    let start = Instant::now();
    let mut all = Outcome::default();
    thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(number, connection)| scope.spawn(move || ask(connection, load, number, start)))
            .collect();
        for thread in threads {
            all.add(thread.join().map_err(|_| "a thread panicked")??);
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    })?;
    println!("{}", all.into_json(start.elapsed()));
    Ok(())
}

fn read_arguments() -> Result<Load> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder, connections, seconds, rate @ ..] = words.as_slice() else {
        return Err("expected HOST:PORT FOLDER CONNECTIONS SECONDS [RATE]".into());
    };
    Ok(Load {
        address: address.clone(),
        requests: read_requests(Path::new(folder))?,
        connections: connections.parse()?,
        lasts: Duration::from_secs_f64(seconds.parse()?),
        rate: rate.first().map(|rate| rate.parse()).transpose()?,
    })
}

fn read_requests(folder: &Path) -> Result<Vec<Request>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let mut requests = Vec::new();
    for path in paths {
        requests.push(Request { bytes: std::fs::read(path)?, answer: OnceLock::new() });
    }
    if requests.is_empty() { Err("no requests in the folder".into()) } else { Ok(requests) }
}

/// Asks on `connection`, of all the one of that `number`, until the time is over.
fn ask(mut connection: Connection, load: &Load, number: usize, start: Instant) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for turn in (number..).step_by(load.connections) {
        let due = match load.rate {
            Some(rate) => start + Duration::from_secs_f64(turn as f64 / rate),
            None => Instant::now(),
        };
        if due >= start + load.lasts {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let request = &load.requests[turn % load.requests.len()];
        let (status, body) = connection.ask(&request.bytes)?;
        if status == 200 && request.answer.get_or_init(|| body.to_vec()) != body {
            outcome.wrong += 1;
        }
        *outcome.statuses.entry(status).or_default() += 1;
        outcome.times.push(due.elapsed());
    }
    Ok(outcome)
}

impl Outcome {
    fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.wrong += other.wrong;
        self.times.extend(other.times);
    }

    fn into_json(mut self, lasted: Duration) -> String {
        self.times.sort();
        // The time that this share of the answers did not exceed.
        let within = |share: f64| {
            let at = (self.times.len() as f64 * share).ceil() as usize;
            self.times.get(at.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        let (p50, p99, most) = (within(0.5), within(0.99), within(1.0));
        let statuses: Vec<String> =
            self.statuses.iter().map(|(status, count)| format!("\"{status}\":{count}")).collect();
        let (statuses, wrong, seconds) = (statuses.join(","), self.wrong, lasted.as_secs_f64());
        format!(
            "{{\"statuses\":{{{statuses}}},\"wrong\":{wrong},\"seconds\":{seconds},\"p50\":{p50},\"p99\":{p99},\"most\":{most}}}"
        )
    }
}

/// HTTP/1.1 without looking into anything but the status and the length.
struct Connection {
    stream: TcpStream,
    /// What was read of an answer.
    answer: Vec<u8>,
}

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Status and body of the answer to `request`, when all of it has come.
    fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request)?;
        self.answer.clear();
        let start = loop {
            self.read()?;
            if let Some(at) = self.answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.answer[..start])?;
        let status = head.get(9..12).ok_or("no status")?.parse()?;
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length: usize = length.ok_or("an answer without a length")?.1.trim().parse()?;
        while self.answer.len() < start + length {
            self.read()?;
        }
        Ok((status, &self.answer[start..start + length]))
    }

    fn read(&mut self) -> Result<()> {
        let filled = self.answer.len();
        self.answer.resize(filled + PART, 0);
        let read = self.stream.read(&mut self.answer[filled..])?;
        self.answer.truncate(filled + read);
        if read == 0 { Err("the server closed the connection".into()) } else { Ok(()) }
    }
}
