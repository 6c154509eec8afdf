//! The body of a window in pieces, for one that is too large to be held: each is awaited before the next is sent.
//!
//! Reading a file blocks, so it is done on a thread for that, a few pieces ahead. The pieces are known to be what was planned
//! when they come; if they end too early, nothing is committed.

use std::fmt::Write as _;
use std::pin::{Pin, pin};

use bytes::Bytes;
use dunlin_driver::OpenPieces;
use dunlin_planner::{BodyGone, Failure, FailureClass, Fragment, Piece, Pieces, Place};
use futures_util::SinkExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, CopyInSink, Error};

use crate::place;
use crate::window::{Broken, Part, Window, drained, send};

/// How many pieces are read ahead.
const AHEAD: usize = 2;

/// Why a body in pieces did not run.
pub(crate) enum Stopped {
    /// The server refused, or is gone.
    Broken(Broken),
    /// Its file is no longer what was planned. The transaction is still open, and nothing of the change was sent.
    Gone(BodyGone),
}

impl From<BodyGone> for Stopped {
    fn from(gone: BodyGone) -> Self {
        Self::Gone(gone)
    }
}

impl Stopped {
    fn at(place: Option<Place>, error: Error, backend: Option<&String>) -> Self {
        Self::Broken(Broken { part: Part::Piece(place), error, backend: backend.cloned() })
    }
}

/// A file that changed is a plan that no longer fits.
pub(crate) fn changed(gone: &BodyGone) -> Failure {
    let hint = Some("the file changed since the plan was made: plan again".to_owned());
    Failure { hint, ..Failure::new(FailureClass::Estranged, gone.to_string()) }
}

/// Pieces on their way from the thread that reads.
struct Reading {
    pieces: mpsc::Receiver<Piece>,
    end: JoinHandle<Result<(), BodyGone>>,
}

impl Reading {
    fn begin(pieces: Pieces) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let read = move || {
            for piece in pieces {
                // Whoever took them has given up.
                if sender.blocking_send(piece?).is_err() {
                    break;
                }
            }
            Ok(())
        };
        Self { pieces: receiver, end: tokio::task::spawn_blocking(read) }
    }

    /// Whether everything was read that was planned.
    async fn end(self) -> Result<(), BodyGone> {
        drop(self.pieces);
        self.end.await.expect("reading does not panic, and nobody aborts it")
    }
}

impl Window<'_> {
    /// Claims, sends every piece, and commits if they were all there.
    pub(crate) async fn run_pieces(&self, client: &Client, open: OpenPieces<'_>) -> Result<(), Stopped> {
        let opened = drained(send(client, &self.opening).await).await;
        let broken = |part, error, backend| Stopped::Broken(Broken { part, error, backend });
        let backend = opened.map_err(|(_, error)| broken(Part::Opening, error, None))?;
        let mut reading = Reading::begin(open()?);
        while let Some(piece) = reading.pieces.recv().await {
            match piece {
                Piece::Statements(fragment) => self.statements(client, &fragment, backend.as_ref()).await?,
                Piece::Copy(fragment) => {
                    if !self.copy(client, &fragment, &mut reading.pieces, backend.as_ref()).await? {
                        break;
                    }
                }
                Piece::Data(_) | Piece::EndOfData => unreachable!("data follow a COPY, which takes them all"),
            }
        }
        reading.end().await?;
        let closed = drained(send(client, &self.closing).await).await;
        closed.map_err(|(_, error)| broken(Part::Closing, error, backend))?;
        if let Some(trailer) = self.trailer {
            drained(send(client, trailer).await).await.ok();
        }
        Ok(())
    }

    async fn statements(&self, client: &Client, fragment: &Fragment, backend: Option<&String>) -> Result<(), Stopped> {
        let text = &fragment.text[fragment.range.clone()];
        let mut message = String::with_capacity(self.guard.len() + 1 + text.len());
        write!(message, "{} {text}", self.guard).expect("writing to a string does not fail");
        let sent = drained(send(client, &message).await).await;
        sent.map(drop).map_err(|(completed, error)| {
            let place = self.offset_in(fragment, completed, &error).map(|offset| self.place_in(fragment, offset));
            Stopped::at(place, error, backend)
        })
    }

    /// Runs a COPY with the data that follow; false where they end too early.
    async fn copy(
        &self,
        client: &Client,
        fragment: &Fragment,
        pieces: &mut mpsc::Receiver<Piece>,
        backend: Option<&String>,
    ) -> Result<bool, Stopped> {
        let guarded = drained(send(client, &self.guard).await).await;
        guarded.map_err(|(_, error)| Stopped::at(None, error, backend))?;
        let statement = &fragment.text[fragment.range.clone()];
        let copied = async {
            let mut sink = pin!(client.copy_in::<_, Bytes>(statement).await?);
            feed(sink.as_mut(), pieces).await
        };
        copied.await.map_err(|error| Stopped::at(Some(self.place_in(fragment, fragment.range.start)), error, backend))
    }

    /// Where in a fragment's text the statement behind the guard failed.
    fn offset_in(&self, fragment: &Fragment, completed: usize, error: &Error) -> Option<usize> {
        let prefix = u32::try_from(self.guard.chars().count() + 1).ok()?;
        match error.as_db_error()?.position() {
            Some(ErrorPosition::Original(position)) if *position > prefix => {
                let text = &fragment.text[fragment.range.clone()];
                Some(fragment.range.start + place::offset_of(text, position - prefix))
            }
            Some(ErrorPosition::Original(_)) => None,
            _ => fragment.statements.get(completed.checked_sub(1)?).copied(),
        }
    }

    fn place_in(&self, fragment: &Fragment, offset: usize) -> Place {
        let place = place::at(self.body, &fragment.text, offset);
        let column = if place.line == 1 { place.column + fragment.column } else { place.column };
        Place { line: place.line + fragment.line - 1, column, ..place }
    }
}

/// Sends data until they are complete; a COPY whose data end too early is given up, and nothing of it stays.
async fn feed(mut sink: Pin<&mut CopyInSink<Bytes>>, pieces: &mut mpsc::Receiver<Piece>) -> Result<bool, Error> {
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Data(data) => sink.send(Bytes::from(data)).await?,
            Piece::EndOfData => return sink.finish().await.map(|_| true),
            Piece::Statements(_) | Piece::Copy(_) => unreachable!("data end before anything else follows"),
        }
    }
    Ok(false)
}
