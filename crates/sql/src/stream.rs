//! A file in parts: whole statements, and the data of COPY between them, as they come off the disk.
//!
//! The splitter works on a window of text that ends anywhere; what a semicolon has ended in it is certain, and the rest
//! waits for more text. Data are never held. A statement is, so there is a longest one.

use std::io::Read;
use std::ops::Range;

use crate::blocks::{Blocks, Marks, StreamError};
use crate::digest::Digest;
use crate::lines::Position;
use crate::problem::Problem;
use crate::split::{Prefix, SplitError, Statement, split_prefix};

/// How much of a line is kept for messages.
pub(crate) const LINE_KEPT: usize = 4096;

/// How much is looked at, at a time.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Bytes read at once, at least 32. Marks fit one size only.
    pub block: usize,
    /// Bytes that are split at once, where statements are shorter.
    pub window: usize,
    /// The longest statement.
    pub statement: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { block: 1 << 20, window: 1 << 20, statement: 16 << 20 }
    }
}

/// A file that is split while it is read.
pub(crate) struct Stream<R> {
    blocks: Blocks<R>,
    sizes: Sizes,
    /// From the beginning of a line on; of a long line, from somewhere within it.
    pub(crate) text: String,
    /// Up to here it was handed out.
    from: usize,
    /// Bytes of the normalised text before `text`.
    pub(crate) base: usize,
    /// The line that `text` begins in, and the characters of it before.
    pub(crate) line: usize,
    pub(crate) column: usize,
    is_begun: bool,
    /// The COPY whose data come next.
    copy: Option<Copy>,
}

/// A COPY whose data are read.
struct Copy {
    /// What to say where they do not end.
    unterminated: Problem,
    /// Does the next byte begin a line?
    starts_line: bool,
}

/// Statements with what stands around them; ranges are of [`Stream::text`].
pub(crate) struct Script {
    pub(crate) range: Range<usize>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) comments: Vec<Range<usize>>,
    /// Each statement's tokens, each ended by NUL.
    tokens: (Vec<u8>, Vec<usize>),
    /// Data of the last statement follow.
    pub(crate) reads_data: bool,
}

impl Script {
    /// The tokens of one statement.
    pub(crate) fn tokens(&self, statement: usize) -> &[u8] {
        let (tokens, ends) = &self.tokens;
        let start = statement.checked_sub(1).map_or(0, |before| ends[before]);
        &tokens[start..ends[statement]]
    }
}

/// A part of a file; ranges are of [`Stream::text`].
pub(crate) enum Part {
    Script(Script),
    /// Data of the last COPY.
    Data(Range<usize>),
    /// The line that ends them.
    EndOfData(Range<usize>),
}

impl<R: Read> Stream<R> {
    pub(crate) fn new(file: R, sizes: Sizes, expected: Option<Marks>) -> Self {
        let blocks = Blocks::new(file, sizes.block, expected);
        let text = String::with_capacity(sizes.window + sizes.block);
        Self { blocks, sizes, text, from: 0, base: 0, line: 1, column: 0, is_begun: false, copy: None }
    }

    /// The next part; none at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Part>, StreamError> {
        self.forget();
        match self.copy.take() {
            Some(copy) => self.data(copy),
            None => self.script(),
        }
    }

    /// The digest of all bytes, their number, and the marks.
    pub(crate) fn end(self) -> (Digest, u64, Marks) {
        self.blocks.end()
    }

    /// Where in the file an offset of the text is.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = &self.text[..offset];
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        let (start, column) = before.rfind('\n').map_or((0, self.column), |newline| (newline + 1, 0));
        Position { line: self.line + lines, column: column + before[start..].chars().count() + 1 }
    }

    /// The line of the text around an offset.
    pub(crate) fn line_at(&self, offset: usize) -> Range<usize> {
        let start = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        start..self.text[offset..].find('\n').map_or(self.text.len(), |length| offset + length)
    }

    /// Something that is wrong at a range of the text.
    pub(crate) fn problem(&self, message: String, hint: Option<String>, range: &Range<usize>) -> Problem {
        let line = self.line_at(range.start);
        let shown = self.text.floor_char_boundary(line.end.min(line.start + LINE_KEPT));
        Problem {
            message,
            hint,
            range: self.base + range.start..self.base + range.end,
            position: self.position(range.start),
            line: self.text[line.start..shown].to_owned(),
        }
    }

    /// Lets go of what was handed out, but for the line that goes on.
    fn forget(&mut self) {
        let line_start = self.text[..self.from].rfind('\n').map_or(0, |newline| newline + 1);
        let is_long = self.from - line_start > LINE_KEPT;
        let keep = if is_long { self.text.floor_char_boundary(self.from - LINE_KEPT / 2) } else { line_start };
        let position = self.position(keep);
        (self.line, self.column) = (position.line, position.column - 1);
        self.base += keep;
        self.from -= keep;
        self.text.drain(..keep);
    }

    /// Reads until `wanted` bytes lie behind `from`, or all.
    fn fill(&mut self, wanted: usize) -> Result<(), StreamError> {
        while self.text.len() - self.from < wanted && !self.blocks.is_ended() {
            self.blocks.read(&mut self.text)?;
        }
        Ok(())
    }

    /// Reads until the line around `offset` is whole, as far as lines are shown.
    fn fill_line(&mut self, offset: usize) -> Result<(), StreamError> {
        while !self.blocks.is_ended() && self.text.len() - offset < LINE_KEPT && !self.text[offset..].contains('\n') {
            self.blocks.read(&mut self.text)?;
        }
        Ok(())
    }

    fn script(&mut self) -> Result<Option<Part>, StreamError> {
        let mut wanted = self.sizes.window;
        let prefix = loop {
            self.fill(wanted)?;
            let part = self.from..self.text.len();
            let is_all = self.blocks.is_ended();
            if is_all && part.is_empty() {
                return Ok(None);
            }
            let mut prefix = split_prefix(&self.text, &part, self.is_begun, is_all);
            if !prefix.statements.is_empty() {
                break prefix;
            }
            match prefix.error.take() {
                None if is_all => break prefix,
                Some(error) if is_all || self.is_certain(&error) => return Err(self.refuse(&error)),
                error if part.len() >= self.sizes.statement => return Err(self.too_long(error.as_ref())),
                _ => wanted = (part.len() * 2).min(self.sizes.statement),
            }
        };
        self.fill_line(prefix.end)?;
        let range = self.from..prefix.end;
        self.from = prefix.end;
        self.is_begun = true;
        let Prefix { statements, comments, tokens, reads_data, .. } = prefix;
        if let Some(copy) = statements.last().filter(|_| reads_data) {
            let error = SplitError::UnterminatedData { range: copy.range.clone() };
            let unterminated = self.problem(error.to_string(), error.hint().map(str::to_owned), &copy.range);
            self.copy = Some(Copy { unterminated, starts_line: true });
        }
        Ok(Some(Part::Script(Script { range, statements, comments, tokens, reads_data })))
    }

    /// The next data. A line that may be the last one is kept back until it is whole.
    fn data(&mut self, copy: Copy) -> Result<Option<Part>, StreamError> {
        const END: &str = "\\.\n";
        self.fill(self.sizes.window.max(END.len()))?;
        let (from, is_all) = (self.from, self.blocks.is_ended());
        let rest = &self.text[from..];
        let end = end_of_data(rest, copy.starts_line).filter(|at| is_all || rest.len() >= at + END.len());
        if let Some(at) = end {
            let line = rest[at..].split_inclusive('\n').next().unwrap_or_default();
            if at > 0 {
                self.from += at;
                self.copy = Some(Copy { starts_line: true, ..copy });
                return Ok(Some(Part::Data(from..self.from)));
            }
            self.from += line.len();
            return Ok(Some(Part::EndOfData(from..self.from)));
        }
        let tail = rest.rfind('\n').map_or(usize::from(!copy.starts_line) * rest.len(), |newline| newline + 1);
        let kept = if !is_all && END.starts_with(&rest[tail..]) { rest.len() - tail } else { 0 };
        let length = rest.len() - kept;
        if is_all && length == 0 {
            return Err(self.drained(copy.unterminated));
        }
        let starts_line = rest[..length].ends_with('\n') || (length == 0 && copy.starts_line);
        self.from += length;
        self.copy = Some(Copy { starts_line, ..copy });
        Ok(Some(Part::Data(from..self.from)))
    }

    /// Would more text make no difference to this error?
    fn is_certain(&self, error: &SplitError) -> bool {
        let grows = matches!(
            error,
            SplitError::Unterminated { .. }
                | SplitError::UnclosedParenthesis { .. }
                | SplitError::UnclosedBody { .. }
                | SplitError::UnterminatedData { .. }
        );
        // What stands behind a command of psql in its line belongs to it.
        let behind = &self.text[error.range().start..];
        let is_cut =
            matches!(error, SplitError::MetaCommand { .. }) && !behind.contains('\n') && behind.len() < LINE_KEPT;
        !grows && !is_cut && error.range().end < self.text.len()
    }

    fn refuse(&mut self, error: &SplitError) -> StreamError {
        let range = error.range();
        match self.fill_line(range.start) {
            Ok(()) => self.drained(self.problem(error.to_string(), error.hint().map(str::to_owned), &range)),
            Err(unread) => unread,
        }
    }

    fn too_long(&mut self, error: Option<&SplitError>) -> StreamError {
        let start = self.text[self.from..].find(|char: char| !char.is_whitespace()).unwrap_or_default() + self.from;
        let limit = self.sizes.statement >> 20;
        let opened = error.map(|error| self.position(error.range().start));
        let opened = opened.map(|at| format!("; what opens at {at} is not closed within it")).unwrap_or_default();
        let hint = format!("use COPY … FROM STDIN for data, or several statements{opened}");
        let message = format!("the statement that begins here is longer than {limit} MiB");
        self.drained(self.problem(message, Some(hint), &(start..start + 1)))
    }

    /// A problem of the text; that it is no text comes first.
    fn drained(&mut self, problem: Problem) -> StreamError {
        while !self.blocks.is_ended() {
            self.text.clear();
            if let Err(unread) = self.blocks.read(&mut self.text) {
                return unread;
            }
        }
        StreamError::Unfit(problem)
    }
}

/// Where the line that ends data begins; it may be cut.
fn end_of_data(text: &str, starts_line: bool) -> Option<usize> {
    let starts = |at: usize| if at == 0 { starts_line } else { text.as_bytes()[at - 1] == b'\n' };
    let ends = |at: usize| matches!(text.as_bytes().get(at + 2), None | Some(b'\n'));
    text.match_indices("\\.").map(|(at, _)| at).find(|at| starts(*at) && ends(*at))
}
