//! Several live inputs at the same time: each is lifted on its own thread, all by one network ([`SharedNetwork`]).

use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::{Source, Target};
use crate::lift::Lifter;
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
        let broken = |_| Err(Error::runtime("the thread of an input broke down"));
        Ok(threads.into_iter().map(|thread| thread.join().unwrap_or_else(broken)).collect())
    })
}
