//! Bytes of a file to the text that Dunlin works with.
//!
//! Refused here, before any connection exists: NUL (clients disagree about what follows it), UTF-16 and invalid UTF-8.
//! Taken off: one byte order mark, and the CR of CRLF, so that a checkout on another system is the same migration.

use std::borrow::Cow;
use std::ops::Range;

use crate::digest::{self, Digest};
use crate::lines::Position;
use crate::problem::Problem;

pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Why bytes are no SQL text. Each carries the byte offset in the file and where that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A NUL byte.
    #[error("NUL byte at {position} (byte {offset})")]
    Nul {
        /// Byte offset in the file.
        offset: usize,
        /// Line and column.
        position: Position,
    },
    /// UTF-16 by its byte order mark, or by a NUL in every second byte.
    #[error("the file is UTF-16, not UTF-8")]
    Utf16,
    /// A byte sequence that is not UTF-8.
    #[error("invalid UTF-8 at {position} (byte {offset})")]
    InvalidUtf8 {
        /// Byte offset in the file.
        offset: usize,
        /// Line and column.
        position: Position,
    },
}

impl ReadError {
    /// Byte offset in the file.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            Self::Nul { offset, .. } | Self::InvalidUtf8 { offset, .. } => *offset,
            Self::Utf16 => 0,
        }
    }

    /// Line and column in the file.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Nul { position, .. } | Self::InvalidUtf8 { position, .. } => *position,
            Self::Utf16 => Position { line: 1, column: 1 },
        }
    }

    /// The same as a problem; `line` holds the bytes before it in its line.
    pub(crate) fn problem(&self, line: &[u8]) -> Problem {
        Problem {
            message: self.to_string(),
            hint: Some("save the file as UTF-8 text".to_owned()),
            range: self.offset()..self.offset() + 1,
            position: self.position(),
            line: String::from_utf8_lossy(line).into_owned(),
        }
    }
}

/// A file's text with its byte order mark and carriage returns before newlines taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    text: String,
    raw_digest: Digest,
    bom: bool,
    /// Offsets, in the normalised text, of the newlines that were CRLF.
    crlf: Vec<usize>,
}

impl Normalized {
    /// The normalised text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the bytes as they are on disk.
    #[must_use]
    pub fn raw_digest(&self) -> Digest {
        self.raw_digest
    }

    /// The byte range of the file that a range of the normalised text came from.
    #[must_use]
    pub fn raw_range(&self, range: &Range<usize>) -> Range<usize> {
        let raw = |offset: usize| {
            let carriage_returns = self.crlf.partition_point(|newline| *newline < offset);
            offset + carriage_returns + if self.bom { BOM.len() } else { 0 }
        };
        raw(range.start)..raw(range.end)
    }
}

/// Reads a file's bytes as SQL text.
///
/// # Errors
/// The first NUL or byte that is not UTF-8, or that the file is UTF-16.
pub fn normalize(bytes: &[u8]) -> Result<Normalized, ReadError> {
    if looks_like_utf16(bytes) {
        return Err(ReadError::Utf16);
    }
    let content = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let skipped = bytes.len() - content.len();
    let (text, fault) = first_fault(content);
    if let Some(Fault { at, is_nul, .. }) = fault {
        let (offset, position) = place(content, at);
        let offset = offset + skipped;
        return Err(if is_nul {
            ReadError::Nul { offset, position }
        } else {
            ReadError::InvalidUtf8 { offset, position }
        });
    }
    let (text, crlf) = without_carriage_returns(text);
    Ok(Normalized { raw_digest: digest::of_bytes(bytes), bom: skipped > 0, text: text.into_owned(), crlf })
}

/// The first byte that is no text.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    /// A NUL; otherwise it is no UTF-8.
    pub(crate) is_nul: bool,
    /// The bytes end within a character, which may be whole with those that follow.
    pub(crate) is_cut: bool,
}

/// The UTF-8 at the start of `bytes`, and the first thing in them that is no text.
pub(crate) fn first_fault(bytes: &[u8]) -> (&str, Option<Fault>) {
    let (text, fault) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.valid_up_to();
            let text = std::str::from_utf8(&bytes[..at]).expect("it is valid up to there");
            (text, Some(Fault { at, is_nul: false, is_cut: error.error_len().is_none() }))
        }
    };
    let nul = text.bytes().position(|byte| byte == 0);
    (text, nul.map(|at| Fault { at, is_nul: true, is_cut: false }).or(fault))
}

/// Appends `text` with LF for each CRLF.
pub(crate) fn push_without_carriage_returns(text: &str, to: &mut String) {
    if !text.as_bytes().contains(&b'\r') {
        return to.push_str(text);
    }
    for (number, line) in text.split("\r\n").enumerate() {
        if number > 0 {
            to.push('\n');
        }
        to.push_str(line);
    }
}

fn without_carriage_returns(text: &str) -> (Cow<'_, str>, Vec<usize>) {
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    if first.len() == text.len() {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut normal = String::with_capacity(text.len());
    let mut crlf = Vec::new();
    normal.push_str(first);
    for line in lines {
        crlf.push(normal.len());
        normal.push('\n');
        normal.push_str(line);
    }
    (Cow::Owned(normal), crlf)
}

/// A byte order mark of UTF-16, or ASCII text in UTF-16 without one: a NUL in every second of the first bytes.
pub(crate) fn looks_like_utf16(bytes: &[u8]) -> bool {
    let pairs = bytes.chunks_exact(2).take(16);
    bytes.starts_with(b"\xFF\xFE")
        || bytes.starts_with(b"\xFE\xFF")
        || (bytes.len() >= 4
            && (pairs.clone().all(|pair| pair[0] == 0 && pair[1] != 0)
                || pairs.clone().all(|pair| pair[0] != 0 && pair[1] == 0)))
}

fn place(bytes: &[u8], offset: usize) -> (usize, Position) {
    let before = &bytes[..offset];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let position = Position {
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
    };
    (offset, position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let got = match normalize(bytes) {
            Ok(normal) => format!("{:?}", normal.text()),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{bytes:?}");
    }

    #[test]
    fn text_is_read_or_refused_with_its_place() {
        check(b"select 1;\r\n--x\r\n", r#""select 1;\n--x\n""#);
        check(b"\xEF\xBB\xBFselect 1", r#""select 1""#);
        check(b"\xEF\xBB\xBF\xEF\xBB\xBFx", "\"\\u{feff}x\"");
        check(b"a\rb", r#""a\rb""#);
        check(b"a\n\xC3\xA9\0b", "NUL byte at 2:2 (byte 4)");
        check(b"\xEF\xBB\xBFa\0", "NUL byte at 1:2 (byte 4)");
        check(b"a\nbc\xFFd", "invalid UTF-8 at 2:3 (byte 4)");
        check(b"\xFF\xFEs\0", "the file is UTF-16, not UTF-8");
        check(b"s\0e\0l\0", "the file is UTF-16, not UTF-8");
        check(b"\0s\0e", "the file is UTF-16, not UTF-8");
        check(b"", "\"\"");
    }

    #[test]
    fn ranges_map_back_to_the_file() {
        let bytes = b"\xEF\xBB\xBFa\r\nb\nc\r\nd";
        let normal = normalize(bytes).unwrap();
        for (at, byte) in normal.text().bytes().enumerate() {
            let raw = normal.raw_range(&(at..at + 1));
            assert_eq!(bytes[raw.end - 1], byte, "{at}");
        }
        assert_eq!(normal.raw_range(&(0..normal.text().len())), 3..bytes.len());
    }
}
