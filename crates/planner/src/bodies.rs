//! How a plan's bytes are fetched: by digest, so that what runs is what was planned.

use std::sync::Arc;

use crate::Digest;

/// The text behind a digest is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text of `{path}` with checksum {digest} is no longer what was planned")]
pub struct BodyGone {
    /// The file that held it.
    pub path: String,
    /// What was asked for.
    pub digest: Digest,
}

/// Hands out the text of bodies; bytes stay outside the plan.
pub trait Bodies: Send + Sync {
    /// The text that runs, with exactly this digest.
    ///
    /// # Errors
    /// [`BodyGone`] when nothing with that digest is held.
    fn open(&self, path: &str, digest: &Digest) -> Result<Arc<str>, BodyGone>;
}
