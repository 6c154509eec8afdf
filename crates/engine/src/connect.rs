//! How the engine reaches databases, and how long it is patient with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::Driver;
use dunlin_planner::{Failure, FailureClass, TargetName};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Makes the driver of a target; the command line implements it, being the only place that knows every kind.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// The driver of `target`.
    ///
    /// # Errors
    /// A [`Failure`] when its configuration cannot be resolved or an embedded server does not start.
    async fn driver(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure>;
}

/// Asks every target its question, all at once; what is not known of one says nothing of the others.
pub(crate) async fn ask_each<Q, A, F>(
    connectors: &Arc<dyn Connectors>,
    questions: impl IntoIterator<Item = (TargetName, Q)>,
    ask: impl Fn(Result<Arc<dyn Driver>, Failure>, Q) -> F + Clone + Send + 'static,
) -> BTreeMap<TargetName, A>
where
    Q: Send + 'static,
    A: Send + 'static,
    F: Future<Output = A> + Send,
{
    let mut asking = JoinSet::new();
    for (target, question) in questions {
        let (connectors, ask) = (Arc::clone(connectors), ask.clone());
        asking.spawn(async move {
            let driver = connectors.driver(&target).await;
            (target, ask(driver, question).await)
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        let (target, answer) = answered.expect("asking does not panic, and nobody aborts it");
        answers.insert(target, answer);
    }
    answers
}

/// The answer, if it comes within `limit`. Nothing is changed by asking, so that nothing is left behind when it is given up.
pub(crate) async fn in_time<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| {
        let message = format!("the server accepted the connection, and gave no answer within {} s", limit.as_secs());
        Err(Failure::new(FailureClass::Unreachable, message))
    })
}

/// How long a server that cannot be reached is waited for before anything is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Patience {
    /// Tries again, with a pause that doubles up to two seconds, while the server is out of reach or busy and time is left.
    /// Once `stop` is set there is only `grace` left: what is given up then is at most a transaction without its COMMIT, or one
    /// that whoever comes next finds done.
    pub(crate) async fn with<T, F>(
        self,
        stop: &CancellationToken,
        grace: Duration,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let time_is_up = async {
            stop.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            result = self.tried(attempt) => result,
            () = time_is_up => {
                Err(Failure::new(FailureClass::Interrupted, "the run was stopped while it waited for the server"))
            }
        }
    }

    async fn tried<T, F>(self, mut attempt: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + self.0;
        let mut pause = Duration::from_millis(100);
        loop {
            match attempt().await {
                Err(failure) if is_passing(failure.class) && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                result => return result,
            }
        }
    }
}

fn is_passing(class: FailureClass) -> bool {
    matches!(class, FailureClass::Unreachable | FailureClass::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it took, and what came of it, when the run is asked to stop after five seconds.
    async fn stopped<F: Future<Output = Result<(), Failure>>>(attempt: impl FnMut() -> F) -> (u64, FailureClass) {
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let later = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            later.cancel();
        });
        let ended = Patience(Duration::from_mins(5)).with(&stop, Duration::from_secs(2), attempt).await;
        (began.elapsed().as_secs(), ended.expect_err("no attempt succeeds").class)
    }

    fn failed(class: FailureClass) -> Result<(), Failure> {
        Err(Failure::new(class, "no"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_waiting() {
        use FailureClass::{Busy, Interrupted, Rejected, Unreachable};
        assert_eq!(stopped(|| async { failed(Unreachable) }).await, (7, Interrupted));
        assert_eq!(stopped(|| async { failed(Busy) }).await, (7, Interrupted));
        assert_eq!(stopped(std::future::pending).await, (7, Interrupted));
        assert_eq!(stopped(|| async { failed(Rejected) }).await, (0, Rejected));
    }

    #[tokio::test(start_paused = true)]
    async fn without_one_patience_has_an_end() {
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let attempt = || async { failed(FailureClass::Unreachable) };
        let ended = Patience(Duration::from_mins(5)).with(&stop, Duration::ZERO, attempt).await;
        assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Unreachable));
        assert!((298..=300).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }
}
