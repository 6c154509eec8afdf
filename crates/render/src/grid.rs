//! Aligned columns: cells of styled text, the last of which wraps under itself.
//!
//! Widths are what a terminal shows, so that wide letters align too. Only the last column wraps; the others are as wide as
//! their widest cell, which the caller keeps short ([`shorten`]).

use std::fmt::{Display, Write};

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::style::{PLAIN, paint};

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    style: Style,
    text: String,
}

/// A cell in `style`.
pub(crate) fn cell(style: Style, text: impl Display) -> Cell {
    Cell { style, text: text.to_string() }
}

/// A cell without a style.
pub(crate) fn plain(text: impl Display) -> Cell {
    cell(PLAIN, text)
}

/// The room that a last column gets at least, however narrow the terminal is.
const LEAST: usize = 24;

/// Rows of cells under one indentation.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    indent: usize,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    pub(crate) fn new(indent: usize) -> Self {
        Self { indent, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The rows as lines of at most `width`, each ended by a line feed; without trailing blanks.
    pub(crate) fn render(&self, width: usize) -> String {
        let widths = self.widths();
        self.rows.iter().map(|row| self.line(row, &widths, width)).collect()
    }

    /// The width of every column but the last of the longest row.
    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
        let wide = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width()).max().unwrap_or(0)
        };
        (0..columns).map(wide).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize], width: usize) -> String {
        let mut line = " ".repeat(self.indent);
        let (mut at, mut open) = (self.indent, 0);
        for (cell, column) in row.iter().zip(widths) {
            if !cell.text.is_empty() {
                line.push_str(&" ".repeat(open));
                line.push_str(&paint(cell.style, &cell.text));
                open = 0;
            }
            let gap = if *column == 0 { 0 } else { 2 };
            open += column - cell.text.width() + gap;
            at += column + gap;
        }
        let last = row.get(widths.len()).filter(|cell| !cell.text.is_empty());
        for (number, part) in last.iter().flat_map(|cell| wrapped(&cell.text, width.saturating_sub(at))).enumerate() {
            let style = last.map_or(PLAIN, |cell| cell.style);
            let gap = if number == 0 { " ".repeat(open) } else { format!("\n{}", " ".repeat(at)) };
            let _ = write!(line, "{gap}{}", paint(style, part));
        }
        line.push('\n');
        line
    }
}

/// `text` in lines of at most `width` (but at least [`LEAST`]), broken at blanks.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(LEAST);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `text` in at most `width` columns, with `…` in place of what does not fit.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |letter: &char| {
        let wide = letter.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.truncate(short.trim_end().len());
    short + "…"
}
