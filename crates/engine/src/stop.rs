//! Stopping work that a server is doing: ask it to cancel, and wait for its answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use dunlin_driver::Canceller;
use tokio_util::sync::CancellationToken;

/// How long a step may still finish by itself once the run is asked to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How often a cancel request is repeated: one may arrive between two statements and hit nothing.
const REPEAT: Duration = Duration::from_millis(200);

/// Awaits `work`; once `stop` is set it is given [`GRACE`], then cancelled on its server until it ends.
///
/// The future is never dropped: that would leave the server working (PROTOCOL.md, fact 2).
pub(crate) async fn until_stopped<T>(
    work: impl Future<Output = T>,
    canceller: Arc<dyn Canceller>,
    stop: &CancellationToken,
) -> T {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = stop.cancelled() => {}
    }
    let mut pause = GRACE;
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(pause) => canceller.cancel().await,
        }
        pause = REPEAT;
    }
}
