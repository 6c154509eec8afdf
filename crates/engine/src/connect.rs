//! How the engine reaches databases, and how long it is patient with them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_driver::Driver;
use dunlin_planner::{Failure, FailureClass, TargetName};
use tokio::time::Instant;

/// Makes the driver of a target; the command line implements it, being the only place that knows every kind.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// The driver of `target`.
    ///
    /// # Errors
    /// A [`Failure`] when its configuration cannot be resolved or an embedded server does not start.
    async fn driver(&self, target: &TargetName) -> Result<Arc<dyn Driver>, Failure>;
}

/// How long a server that cannot be reached is waited for before anything is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Patience {
    /// Tries again, with a pause that doubles up to two seconds, while the server is out of reach and time is left.
    pub(crate) async fn with<T, F>(self, mut attempt: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + self.0;
        let mut pause = Duration::from_millis(100);
        loop {
            match attempt().await {
                Err(failure) if failure.class == FailureClass::Unreachable && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                result => return result,
            }
        }
    }
}
