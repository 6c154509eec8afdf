//! One transaction as messages in one flush: the opening, the body, the closing. Sent before any is answered, so that a
//! migration costs one round trip.
//!
//! A simple-Query message stops at its first error, and each body message begins with the guard; so nothing of the body runs
//! unless the opening succeeded, whatever becomes of the transaction in between.

use std::fmt::Write as _;
use std::ops::Range;
use std::pin::pin;

use bytes::Bytes;
use dunlin_planner::{Body, Place};
use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryStream};

use crate::place;
use crate::rows::begins_with;

/// The backend needs about eleven times a message's size: bodies above this are cut between statements.
const MESSAGE: usize = 1_048_576;
const COPY_CHUNK: usize = 65_536;

/// What is sent.
pub(crate) struct Window<'a> {
    pub(crate) opening: String,
    pub(crate) guard: String,
    pub(crate) body: &'a Body,
    pub(crate) text: &'a str,
    /// The bytes of `text` that run.
    pub(crate) range: Range<usize>,
    pub(crate) closing: String,
    /// Sent behind it; what comes of it does not matter.
    pub(crate) trailer: Option<&'static str>,
}

/// Which part of a window failed.
pub(crate) enum Part {
    /// The claim.
    Opening,
    /// The body, at this byte of the text where that is known.
    Body(Option<usize>),
    /// A piece of a streamed body, at this place where that is known.
    Piece(Option<Place>),
    /// Guard, finish or commit.
    Closing,
}

/// The first error of a window.
pub(crate) struct Broken {
    pub(crate) part: Part,
    pub(crate) error: Error,
    /// The server's process that began, where the opening asked for it with [`messages::WHO`](crate::messages::WHO).
    pub(crate) backend: Option<String>,
}

enum Segment {
    Text(Range<usize>),
    Copy { statement: Range<usize>, data: Range<usize> },
}

impl Window<'_> {
    /// Sends everything and awaits every answer.
    pub(crate) async fn run(&self, client: &Client) -> Result<(), Broken> {
        let segments = segments(self.body, self.text, &self.range);
        if segments.iter().any(|segment| matches!(segment, Segment::Copy { .. })) {
            return self.run_in_turn(client, &segments).await;
        }
        let mut answers = Vec::with_capacity(segments.len() + 2);
        let parts = segments.iter().filter_map(|segment| match segment {
            Segment::Text(range) => Some(range),
            Segment::Copy { .. } => None,
        });
        answers.push((None, send(client, &self.opening).await));
        for range in parts {
            answers.push((Some(range), send(client, &self.guarded(range)).await));
        }
        // A message that could not even be put together must not be followed by the commit.
        let whole = answers.iter().all(|(_, answer)| answer.is_ok());
        let closing = if whole { &self.closing } else { "ROLLBACK" };
        answers.push((None, send(client, closing).await));
        let trailer = match self.trailer {
            Some(trailer) => Some(send(client, trailer).await),
            None => None,
        };
        let broken = self.first_error(answers).await;
        if let Some(answer) = trailer {
            drained(answer).await.ok();
        }
        broken.map_or(Ok(()), Err)
    }

    /// Every answer is awaited, also behind an error: only then does the connection stand still.
    async fn first_error(&self, answers: Vec<(Option<&Range<usize>>, Answer)>) -> Option<Broken> {
        let (mut broken, mut began, last) = (None, None, answers.len() - 1);
        for (index, (range, answer)) in answers.into_iter().enumerate() {
            let (completed, error) = match drained(answer).await {
                Ok(backend) => {
                    began = began.or(backend);
                    continue;
                }
                Err(failed) => failed,
            };
            let part = match range {
                Some(range) => Part::Body(self.offset(range, completed, &error)),
                None if index == last => Part::Closing,
                None => Part::Opening,
            };
            broken.get_or_insert(Broken { part, error, backend: began.clone() });
        }
        broken
    }

    /// COPY data goes in another mode of the protocol, so each part is awaited before the next is sent.
    async fn run_in_turn(&self, client: &Client, segments: &[Segment]) -> Result<(), Broken> {
        let opened = drained(send(client, &self.opening).await).await;
        let backend = opened.map_err(|(_, error)| Broken { part: Part::Opening, error, backend: None })?;
        let broken = |part| |(_, error)| Broken { part, error, backend: backend.clone() };
        for segment in segments {
            match segment {
                Segment::Text(range) => {
                    let answer = drained(send(client, &self.guarded(range)).await).await;
                    answer.map_err(|(completed, error)| Broken {
                        part: Part::Body(self.offset(range, completed, &error)),
                        error,
                        backend: backend.clone(),
                    })?;
                }
                Segment::Copy { statement, data } => {
                    drained(send(client, &self.guard).await).await.map_err(broken(Part::Body(None)))?;
                    let copied = copy(client, &self.text[statement.clone()], &self.text[data.clone()]).await;
                    let part = Part::Body(Some(statement.start));
                    copied.map_err(|error| Broken { part, error, backend: backend.clone() })?;
                }
            }
        }
        drained(send(client, &self.closing).await).await.map_err(broken(Part::Closing))?;
        if let Some(trailer) = self.trailer {
            drained(send(client, trailer).await).await.ok();
        }
        Ok(())
    }

    fn guarded(&self, range: &Range<usize>) -> String {
        let mut message = String::with_capacity(self.guard.len() + 1 + range.len());
        write!(message, "{} {}", self.guard, &self.text[range.clone()]).expect("writing to a string does not fail");
        message
    }

    /// Where in the text the statement behind the guard failed.
    fn offset(&self, range: &Range<usize>, completed: usize, error: &Error) -> Option<usize> {
        let prefix = u32::try_from(self.guard.chars().count() + 1).ok()?;
        match error.as_db_error()?.position() {
            Some(ErrorPosition::Original(position)) => {
                let behind = position.checked_sub(prefix)?;
                Some(range.start + place::offset_of(&self.text[range.clone()], behind))
            }
            _ => {
                let index = completed.checked_sub(1)?;
                let statements = self.body.statements.iter().filter(|statement| range.contains(&statement.range.start));
                statements.map(|statement| statement.range.start).nth(index)
            }
        }
    }
}

/// Sends the texts of one transaction in one flush and awaits every answer, in order.
pub(crate) async fn exchange(client: &Client, texts: &[String]) -> Vec<Result<Vec<SimpleQueryMessage>, Error>> {
    let mut answers = Vec::with_capacity(texts.len());
    for text in texts {
        answers.push(send(client, text).await);
        // A message that could not even be put together must not be followed by the commit.
        if answers.last().is_some_and(Result::is_err) {
            answers.push(send(client, "ROLLBACK").await);
            break;
        }
    }
    let mut ended = Vec::with_capacity(texts.len());
    for answer in answers {
        ended.push(match answer {
            Ok(stream) => pin!(stream).try_collect().await,
            Err(error) => Err(error),
        });
    }
    ended
}

pub(crate) type Answer = Result<SimpleQueryStream, Error>;

/// Sends at once: the future is ready without waiting for the server.
pub(crate) async fn send(client: &Client, message: &str) -> Answer {
    client.simple_query_raw(message).await
}

/// Reads an answer to its end, with the server's process where it says so; an error tells how many statements were
/// completed before it.
pub(crate) async fn drained(answer: Answer) -> Result<Option<String>, (usize, Error)> {
    let mut stream = pin!(answer.map_err(|error| (0, error))?);
    let (mut completed, mut backend) = (0, None);
    while let Some(message) = stream.try_next().await.map_err(|error| (completed, error))? {
        match message {
            SimpleQueryMessage::CommandComplete(_) => completed += 1,
            SimpleQueryMessage::Row(row) if begins_with(&row, "dunlin_backend") => {
                backend = row.get(0).map(str::to_owned)
            }
            _ => {}
        }
    }
    Ok(backend)
}

async fn copy(client: &Client, statement: &str, data: &str) -> Result<(), Error> {
    let mut sink = pin!(client.copy_in::<_, Bytes>(statement).await?);
    for chunk in data.as_bytes().chunks(COPY_CHUNK) {
        sink.send(Bytes::copy_from_slice(chunk)).await?;
    }
    sink.finish().await.map(drop)
}

/// Cuts the body where COPY data begins and ends, and between statements where it grows too large for one message.
fn segments(body: &Body, text: &str, range: &Range<usize>) -> Vec<Segment> {
    let (mut segments, mut start) = (Vec::new(), range.start);
    for statement in body.statements.iter().filter(|statement| range.contains(&statement.range.start)) {
        if statement.copy.is_some() || statement.range.end - start > MESSAGE {
            push_text(&mut segments, start..statement.range.start);
            start = statement.range.start;
        }
        if let Some(copy) = &statement.copy {
            segments.push(Segment::Copy { statement: statement.range.clone(), data: copy.data.clone() });
            start = copy.data.end + end_of_data(&text[copy.data.end..]);
        }
    }
    // An empty body is sent too: its guard is what makes a claim without effect visible.
    if start < range.end || segments.is_empty() {
        segments.push(Segment::Text(start..range.end));
    }
    segments
}

fn push_text(segments: &mut Vec<Segment>, range: Range<usize>) {
    if !range.is_empty() {
        segments.push(Segment::Text(range));
    }
}

/// The length of the `\.` line behind COPY data.
fn end_of_data(text: &str) -> usize {
    let line = text.split_inclusive('\n').next().unwrap_or_default();
    if line.trim_end() == "\\." { line.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dunlin_planner::{Copy, Digest, Statement, StatementClass};

    use super::*;

    /// The segments of a text from `start` on, with data as `statement ⇐ data`. Statements end at `;`, data at `\.`.
    fn cut(text: &str, start: usize) -> Vec<String> {
        let mut body = Body::empty(&Arc::from("a.sql"));
        let (mut at, mut line) = (0, 1);
        while let Some(length) = text[at..].find(';') {
            let range = at..at + length;
            let behind = &text[range.end + 1..];
            let data = text[range.clone()].trim_start().starts_with("COPY").then(|| {
                let (from, length) = (range.end + 2, behind[1..].find("\\.").unwrap_or(behind.len() - 1));
                Copy { data: from..from + length }
            });
            at = data.as_ref().map_or(range.end + 1, |copy| (copy.data.end + 3).min(text.len()));
            let digest = Digest::of(text[range.clone()].as_bytes());
            body.statements.push(Statement { range, line, digest, class: StatementClass::Transactional, copy: data });
            line += 1;
        }
        let shown = |segment: &Segment| match segment {
            Segment::Text(range) => text[range.clone()].to_owned(),
            Segment::Copy { statement, data } => format!("{} ⇐ {}", &text[statement.clone()], &text[data.clone()]),
        };
        segments(&body, text, &(start..text.len())).iter().map(shown).collect()
    }

    #[test]
    fn a_body_is_cut_around_its_data() {
        assert_eq!(cut("", 0), [""]);
        assert_eq!(cut("a;b;", 0), ["a;b;"]);
        assert_eq!(cut("a;b;c;", 2), ["b;c;"]);
        assert_eq!(cut("a;COPY t;\n1\n2\n\\.\nb;", 0), ["a;", "COPY t ⇐ 1\n2\n", "b;"]);
        assert_eq!(cut("COPY t;\n1\n\\.\nCOPY u;\n\\.\n", 0), ["COPY t ⇐ 1\n", "COPY u ⇐ "]);
        assert_eq!(cut("COPY t;\n1\n\\.\nb;", 13), ["b;"]);
    }

    #[test]
    fn a_large_body_is_cut_between_statements() {
        let half = format!("{};", "x".repeat(MESSAGE / 2));
        let pieces = |text: &str| cut(text, 0).iter().map(String::len).collect::<Vec<_>>();
        assert_eq!(pieces(&half.repeat(3)), [half.len(); 3]);
        assert_eq!(pieces(&half[1..].repeat(5)), [MESSAGE, MESSAGE, MESSAGE / 2]);
        // A message holds as much, and not a byte more.
        let whole = |more: usize| format!("{};", "x".repeat(MESSAGE - 2 + more));
        assert_eq!(pieces(&format!("a;{}", whole(0))), [MESSAGE + 1]);
        assert_eq!(pieces(&format!("a;{}", whole(1))), [2, MESSAGE]);
        assert_eq!(pieces(&whole(3)), [MESSAGE + 2]);
    }

    #[test]
    fn data_end_with_a_line_of_their_own() {
        assert_eq!(["\\.\na", "\\. \r\na", "\\.", "a\n\\.\n", ""].map(end_of_data), [3, 5, 2, 0, 0]);
    }
}
