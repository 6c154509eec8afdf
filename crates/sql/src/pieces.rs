//! A file that was scanned, read again to be run: in pieces, and only as long as its bytes are what they were.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use crate::blocks::{Marks, StreamError};
use crate::control;
use crate::split::Statement;
use crate::stream::{LINE_KEPT, Part, Script, Sizes, Stream};

/// A piece of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Whole statements, with comments and semicolons.
    Statements(Fragment),
    /// One COPY … FROM STDIN, without semicolon; its data follow.
    Copy(Fragment),
    /// Data of it.
    Data(String),
    /// They are complete.
    EndOfData,
}

/// Text that runs, and where in the file it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// From the beginning of the first line on; of a long line, from somewhere within it.
    pub text: String,
    /// The bytes of it that run.
    pub range: Range<usize>,
    /// The number of the first line.
    pub line: usize,
    /// Characters of the first line that are left out before `text`.
    pub column: usize,
    /// Where in `text` each statement begins.
    pub statements: Vec<usize>,
}

/// The pieces of a file. An error is the last item.
pub struct Pieces<R> {
    stream: Option<Stream<R>>,
    size: usize,
    ready: VecDeque<Piece>,
}

impl<R: Read> Pieces<R> {
    /// Reads `file` again, which had these `marks` when it was scanned with the same `sizes` and had no problem.
    pub fn new(file: R, sizes: Sizes, marks: Marks) -> Self {
        Self { stream: Some(Stream::new(file, sizes, Some(marks))), size: sizes.window, ready: VecDeque::new() }
    }

    /// Makes pieces of the next part; false at the end.
    fn read(&mut self) -> Result<bool, StreamError> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let Some(part) = stream.next()? else { return Ok(false) };
        match part {
            Part::Script(Script { statements, reads_data, .. }) => {
                let (before, copy) = statements.split_at(statements.len() - usize::from(reads_data));
                for group in grouped(before, self.size) {
                    self.ready.extend(fragment(stream, group).map(Piece::Statements));
                }
                for copy in copy {
                    let range = copy.range.clone();
                    self.ready.push_back(Piece::Copy(around(stream, range.clone(), vec![range.start])));
                }
            }
            Part::Data(range) if range.is_empty() => {}
            Part::Data(range) => self.ready.push_back(Piece::Data(stream.text[range].to_owned())),
            Part::EndOfData(_) => self.ready.push_back(Piece::EndOfData),
        }
        Ok(true)
    }
}

impl<R: Read> Iterator for Pieces<R> {
    type Item = Result<Piece, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.stream = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Cuts statements into groups of about `size` bytes.
fn grouped(statements: &[Statement], size: usize) -> Vec<&[Statement]> {
    let (mut groups, mut start) = (Vec::new(), 0);
    for (at, statement) in statements.iter().enumerate() {
        if at > start && statement.end - statements[start].range.start > size {
            groups.push(&statements[start..at]);
            start = at;
        }
    }
    groups.push(&statements[start..]);
    groups
}

/// What runs of these statements: without the transaction control, which is the outermost pair's.
fn fragment<R: Read>(stream: &Stream<R>, statements: &[Statement]) -> Option<Fragment> {
    let is_removed = |statement: &&Statement| control::control(&stream.text, statement).is_some();
    let (removed, runs): (Vec<_>, Vec<_>) = statements.iter().partition(is_removed);
    let range = runs.first()?.range.start..runs.last()?.end;
    let starts = runs.iter().map(|statement| statement.range.start).collect();
    let mut fragment = around(stream, range.clone(), starts);
    let shift = range.start - fragment.range.start;
    for statement in removed.iter().filter(|statement| range.contains(&statement.range.start)) {
        let cut = statement.range.start - shift..statement.end - shift;
        let blank: String = fragment.text[cut.clone()].bytes().map(|it| if it == b'\n' { '\n' } else { ' ' }).collect();
        fragment.text.replace_range(cut, &blank);
    }
    Some(fragment)
}

/// The text of a range with what of its lines is shown in messages.
fn around<R: Read>(stream: &Stream<R>, range: Range<usize>, statements: Vec<usize>) -> Fragment {
    let text = &stream.text;
    let first = text.floor_char_boundary(range.start.saturating_sub(LINE_KEPT));
    let last = text.ceil_char_boundary((range.end + LINE_KEPT).min(text.len()));
    let start = stream.line_at(range.start).start.max(first);
    let end = stream.line_at(range.end).end.min(last);
    let position = stream.position(start);
    Fragment {
        text: text[start..end].to_owned(),
        range: range.start - start..range.end - start,
        line: position.line,
        column: position.column - 1,
        statements: statements.into_iter().map(|at| at - start).collect(),
    }
}
