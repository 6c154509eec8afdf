//! A file's bytes to text, one block after the other: [`normalize`](crate::normalize) for files that are not held.
//!
//! What it says of bad bytes is the same, word for word. Each block is hashed as it comes, and the digest of all bytes so
//! far is a mark. Whoever reads the file again compares mark by mark, so that no byte that differs is ever handed out.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::lines::Position;
use crate::problem::Problem;
use crate::read::{BOM, ReadError, first_fault, looks_like_utf16, push_without_carriage_returns};

/// How much of the beginning of a line is kept for messages.
const LINE_KEPT: usize = 4096;

/// The digest of a file's bytes up to the end of each block; the last one is the whole file's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks(pub(crate) Vec<Digest>);

/// Why a file cannot be streamed.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The system cannot read it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is unfit to run.
    #[error("{}", .0.message)]
    Unfit(Problem),
    /// Its bytes are not those that were read before.
    #[error("the file has changed while it was read")]
    Changed,
}

/// Reads a file block by block.
pub(crate) struct Blocks<R> {
    file: R,
    size: usize,
    hash: Sha256,
    marks: Marks,
    expected: Option<Marks>,
    /// What could not be told yet of the block before: part of a character, or a CR; and then the new block.
    raw: Vec<u8>,
    /// Bytes of the file before `raw`.
    offset: usize,
    bytes: u64,
    is_ended: bool,
    at: At,
}

/// Where `raw` begins.
struct At {
    line: usize,
    /// Characters of its line that were read before.
    column: usize,
    /// The first bytes of its line.
    head: Vec<u8>,
}

impl<R: Read> Blocks<R> {
    /// Reads `file` in blocks of `size` bytes, at least 32; with `expected`, only for as long as it is what it was.
    pub(crate) fn new(file: R, size: usize, expected: Option<Marks>) -> Self {
        Self {
            file,
            size,
            hash: Sha256::new(),
            marks: Marks::default(),
            expected,
            raw: Vec::with_capacity(size + 4),
            offset: 0,
            bytes: 0,
            is_ended: false,
            at: At { line: 1, column: 0, head: Vec::new() },
        }
    }

    /// Has everything been read?
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The digest of all bytes, their number, and the marks.
    pub(crate) fn end(self) -> (Digest, u64, Marks) {
        (self.hash.finalize().into(), self.bytes, self.marks)
    }

    /// Appends the next block's text to `text`.
    pub(crate) fn read(&mut self, text: &mut String) -> Result<(), StreamError> {
        let new = self.read_raw()?;
        let is_first = self.bytes == new as u64;
        if is_first && looks_like_utf16(&self.raw) {
            return Err(self.unfit(ReadError::Utf16, 0));
        }
        if is_first && self.raw.starts_with(BOM) {
            self.raw.drain(..BOM.len());
            self.offset = BOM.len();
            self.at.head.extend_from_slice(BOM);
        }
        let (valid, fault) = first_fault(&self.raw);
        // What the block's end cuts in two is told with the next one.
        let is_cut = !self.is_ended && fault.is_some_and(|fault| fault.is_cut);
        if let Some(fault) = fault.filter(|_| !is_cut) {
            let position = self.at.position(&valid.as_bytes()[..fault.at]);
            let (offset, at) = (self.offset + fault.at, fault.at);
            let error = if fault.is_nul {
                ReadError::Nul { offset, position }
            } else {
                ReadError::InvalidUtf8 { offset, position }
            };
            return Err(self.unfit(error, at));
        }
        let valid = if self.is_ended { valid } else { valid.strip_suffix('\r').unwrap_or(valid) };
        push_without_carriage_returns(valid, text);
        let done = valid.len();
        self.at.pass(valid.as_bytes());
        self.raw.drain(..done);
        self.offset += done;
        Ok(())
    }

    /// Reads the bytes of the next block behind what is left of the one before, and compares its mark.
    fn read_raw(&mut self) -> Result<usize, StreamError> {
        let before = self.raw.len();
        let new = self.file.by_ref().take(self.size as u64).read_to_end(&mut self.raw)?;
        self.is_ended = new < self.size;
        self.bytes += new as u64;
        if new > 0 {
            self.hash.update(&self.raw[before..]);
            self.marks.0.push(self.hash.clone().finalize().into());
        }
        if let Some(expected) = &self.expected {
            let read = self.marks.0.len();
            let is_same = self.marks.0.last() == expected.0.get(..read).and_then(<[Digest]>::last);
            if !is_same || (self.is_ended && read != expected.0.len()) {
                return Err(StreamError::Changed);
            }
        }
        Ok(new)
    }

    fn unfit(&self, error: ReadError, at: usize) -> StreamError {
        let before = &self.raw[..at];
        let line = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => before[newline + 1..].to_vec(),
            None => [&self.at.head, before].concat(),
        };
        StreamError::Unfit(error.problem(&line))
    }
}

impl At {
    /// Where the byte behind `text` is.
    fn position(&self, text: &[u8]) -> Position {
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        let (before, start) = match text.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => (0, newline + 1),
            None => (self.column, 0),
        };
        let column = before + String::from_utf8_lossy(&text[start..]).chars().count() + 1;
        Position { line: self.line + lines, column }
    }

    fn pass(&mut self, text: &[u8]) {
        let position = self.position(text);
        let start = text.iter().rposition(|byte| *byte == b'\n').map(|newline| newline + 1);
        if start.is_some() {
            self.head.clear();
        }
        let room = LINE_KEPT.saturating_sub(self.head.len());
        self.head.extend(text[start.unwrap_or(0)..].iter().take(room));
        (self.line, self.column) = (position.line, position.column - 1);
    }
}
