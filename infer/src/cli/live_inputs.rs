//! Several live inputs at the same time: each is lifted on its own thread, all by one network ([`SharedNetwork`]). They are
//! known from the start, or clients that come and go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::{Source, Target};
use crate::lift::Lifter;
use crate::live::{Client, WebSocketServer};
use crate::stream::{Outcome, SharedNetwork};

/// Lifts all sources at the same time, each by `lift` with its own lifter; returns the results in order.
///
/// # Errors
/// A target that several sources would write to at once, or a thread that cannot be started.
pub(super) fn lift(
    sources: &[Source],
    targets: &[Target],
    lifter: Lifter,
    max_delay: Duration,
    lift: impl Fn(&Source, &Target, &mut Lifter<SharedNetwork>) -> Result<Outcome> + Sync,
) -> Result<Vec<Result<Outcome>>> {
    if targets.contains(&Target::Stdout) {
        let found = sources.len();
        return Err(Error::usage(format!("{found} live inputs at the same time, expected a folder for their poses"))
            .hint("name one: -o poses/"));
    }
    let batch = lifter.batch();
    let network = SharedNetwork::start(lifter.into_network(), batch, max_delay)?;
    std::thread::scope(|scope| {
        let mut threads = Vec::with_capacity(sources.len());
        for (source, target) in sources.iter().zip(targets) {
            let mut lifter = Lifter::with_network(network.clone(), batch);
            let lift = &lift;
            let thread = std::thread::Builder::new().name("input".to_owned());
            threads.push(thread.spawn_scoped(scope, move || lift(source, target, &mut lifter))?);
        }
        let mut outcomes = Vec::with_capacity(sources.len());
        for thread in threads {
            let outcome = thread.join();
            outcomes.push(outcome.unwrap_or_else(|_| Err(Error::runtime("the thread of an input broke down"))));
        }
        Ok(outcomes)
    })
}

/// Clients that are lifted at the same time; more are turned away.
const MAX_CLIENTS: usize = 64;

/// Lifts what the clients of `server` send until it stops, each by `lift` with its own lifter.
///
/// # Errors
/// The socket fails, or a thread cannot be started.
pub(super) fn serve(
    server: &WebSocketServer,
    lifter: Lifter,
    max_delay: Duration,
    lift: impl Fn(Client, &mut Lifter<SharedNetwork>) + Sync,
) -> Result<()> {
    let batch = lifter.batch();
    let network = SharedNetwork::start(lifter.into_network(), batch, max_delay)?;
    let clients = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        while let Some(client) = server.accept() {
            if clients.load(Ordering::Relaxed) >= MAX_CLIENTS {
                server.skip(&Error::input(format!("a client beyond {MAX_CLIENTS} at the same time")).at(client.name()));
                continue;
            }
            clients.fetch_add(1, Ordering::Relaxed);
            let mut lifter = Lifter::with_network(network.clone(), batch);
            let lift = &lift;
            let clients = &clients;
            std::thread::Builder::new().name("input".to_owned()).spawn_scoped(scope, move || {
                lift(client, &mut lifter);
                clients.fetch_sub(1, Ordering::Relaxed);
            })?;
        }
        Ok(())
    })
}
