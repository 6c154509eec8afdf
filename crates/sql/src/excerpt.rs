//! The few lines of a streamed file that its messages and headers need.

use std::ops::Range;

use crate::lines::Position;
use crate::problem::Problem;

/// Lines of a file, each whole, in order, with their places in it.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    text: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    /// Its number in the file.
    number: usize,
    /// Its offset in the file's text.
    offset: usize,
    /// Its offset here.
    start: usize,
}

impl Excerpt {
    /// The lines' text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds line `number` of the file, which begins at `offset` of its text, unless it is there already. Returns where it
    /// begins here.
    pub(crate) fn add(&mut self, number: usize, offset: usize, line: &str) -> usize {
        if let Some(last) = self.lines.last().filter(|last| last.number == number) {
            return last.start;
        }
        let start = self.text.len();
        self.lines.push(Line { number, offset, start });
        self.text.push_str(line);
        self.text.push('\n');
        start
    }

    /// Where in the file an offset of the lines is.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let Some(line) = self.line(offset) else { return Position { line: 1, column: 1 } };
        Position { line: line.number, column: self.text[line.start..offset].chars().count() + 1 }
    }

    /// The bytes of the line that holds an offset, without its newline.
    #[must_use]
    pub fn line_range(&self, offset: usize) -> Range<usize> {
        let Some(line) = self.line(offset) else { return 0..0 };
        let end = self.text[line.start..].find('\n').map_or(self.text.len(), |length| line.start + length);
        line.start..end
    }

    /// Something that is wrong at a range of the lines.
    pub(crate) fn problem(&self, message: String, hint: Option<String>, range: &Range<usize>) -> Problem {
        let before = self.line(range.start).map_or(0, |line| line.offset + range.start - line.start);
        let line = self.text[self.line_range(range.start)].to_owned();
        Problem { message, hint, range: before..before + range.len(), position: self.position(range.start), line }
    }

    fn line(&self, offset: usize) -> Option<&Line> {
        let after = self.lines.partition_point(|line| line.start <= offset);
        self.lines.get(after.checked_sub(1)?)
    }
}
