//! How a plan's bytes are fetched: by digest, so that what runs is what was planned.
//!
//! A text is handed out whole, or in pieces where it is too large to be held.

use std::ops::Range;
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

    /// The pieces of a streamed text that runs, with exactly this digest.
    ///
    /// # Errors
    /// [`BodyGone`] when nothing with that digest is streamed.
    fn pieces(&self, path: &str, digest: &Digest) -> Result<Pieces, BodyGone> {
        Err(BodyGone { path: path.to_owned(), digest: *digest })
    }
}

/// The pieces of a streamed text, in order. Getting one may block the thread. No byte that differs from what was planned is
/// handed out: an error comes instead, and last.
pub type Pieces = Box<dyn Iterator<Item = Result<Piece, BodyGone>> + Send>;

/// A piece of a streamed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Whole statements.
    Statements(Fragment),
    /// One `COPY … FROM STDIN`, whose data follow.
    Copy(Fragment),
    /// Data of it, cut anywhere.
    Data(String),
    /// They are complete.
    EndOfData,
}

/// Statements of a streamed text, and where in its file they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Their text, with what of its lines is shown in messages.
    pub text: String,
    /// The bytes of it that run.
    pub range: Range<usize>,
    /// The line that `text` begins in, from 1.
    pub line: u32,
    /// Characters of that line before `text`.
    pub column: u32,
    /// Where in `text` each statement begins.
    pub statements: Vec<usize>,
}
