//! Splits a script into statements where psql would.
//!
//! A semicolon ends a statement outside literals, comments, parentheses and the `BEGIN ATOMIC … END` body of a function
//! or procedure. `COPY … FROM STDIN` takes the lines behind it as data. psql's own commands are no SQL and are refused,
//! and so is what is opened and never closed: psql would run half of it. Whether a statement is valid is not asked here.

use std::ops::Range;

use squawk_lexer::TokenKind;

use crate::control::{self, ControlError, TransactionModes};
use crate::lexer::{Lexer, Token};
use crate::lines::LineIndex;
use crate::stream::LINE_KEPT;

/// Deeper nesting is refused: parsers behind this one recurse.
const MAX_DEPTH: usize = 1_000;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// From its first token to its last; no comments around it, no semicolon.
    pub range: Range<usize>,
    /// Behind its semicolon, or behind its COPY data and the line `\.`.
    pub end: usize,
    /// The line, from 1, of its first token.
    pub line: usize,
    /// The data lines of `COPY … FROM STDIN`, without the line `\.`; or those of ClickHouse's `INSERT … FORMAT X`, which are
    /// part of the range.
    pub copy_data: Option<Range<usize>>,
}

/// A text's statements and what belongs to the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What runs, in order.
    pub statements: Vec<Statement>,
    /// Ranges that do not run: the outermost BEGIN … COMMIT pair and a leading SET TRANSACTION.
    pub removed: Vec<Range<usize>>,
    /// Was there such a pair?
    pub own_transaction: bool,
    /// What those say about the transaction.
    pub modes: Option<TransactionModes>,
    /// Transaction control that would end Dunlin's own transaction.
    pub control: Vec<ControlError>,
    /// `--` comments before the first statement, and those anywhere that address Dunlin.
    pub(crate) comments: Vec<Range<usize>>,
}

impl Script {
    /// `text` with what does not run blanked out; offsets and lines stay the same.
    #[must_use]
    pub fn executable(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for byte in self.removed.iter().flat_map(|range| range.clone()) {
            if bytes[byte] != b'\n' {
                bytes[byte] = b' ';
            }
        }
        String::from_utf8(bytes).expect("blanking whole statements leaves whole characters")
    }
}

/// Why a text cannot be split. Each carries the place to point at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A literal or comment that does not end.
    #[error("{what} that begins here is never closed")]
    Unterminated {
        /// What was opened.
        what: &'static str,
        /// The opening.
        range: Range<usize>,
    },
    /// A parenthesis that does not end.
    #[error("parenthesis that begins here is never closed")]
    UnclosedParenthesis {
        /// The parenthesis.
        range: Range<usize>,
    },
    /// A `BEGIN ATOMIC` without its END.
    #[error("`BEGIN ATOMIC` that begins here has no END")]
    UnclosedBody {
        /// The word ATOMIC.
        range: Range<usize>,
    },
    /// More nesting than any parser bears.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep {
        /// The innermost opening.
        range: Range<usize>,
    },
    /// A command of psql.
    #[error("`{command}` is a command of psql, not SQL")]
    MetaCommand {
        /// The command, with its backslash.
        command: String,
        /// From the backslash to the end of the line, if that is not too far.
        range: Range<usize>,
    },
    /// SQL between `COPY … FROM STDIN;` and the end of its line.
    #[error("text between `COPY … FROM STDIN;` and its data")]
    TextBeforeData {
        /// The first token of it.
        range: Range<usize>,
    },
    /// COPY data without the line `\.`.
    #[error("data of this COPY does not end with a line `\\.`")]
    UnterminatedData {
        /// The COPY statement.
        range: Range<usize>,
    },
    /// A statement of ClickHouse behind the data of an INSERT, which run on to the end of the file.
    #[error("a statement behind data that have no end")]
    TextBehindData {
        /// Its first word.
        range: Range<usize>,
    },
    /// A byte order mark inside the text, as concatenated files have.
    #[error("byte order mark in the middle of the text")]
    StrayByteOrderMark {
        /// The mark.
        range: Range<usize>,
    },
}

impl SplitError {
    /// The place to point at.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::Unterminated { range, .. }
            | Self::UnclosedParenthesis { range }
            | Self::UnclosedBody { range }
            | Self::TooDeep { range }
            | Self::MetaCommand { range, .. }
            | Self::TextBeforeData { range }
            | Self::UnterminatedData { range }
            | Self::TextBehindData { range }
            | Self::StrayByteOrderMark { range } => range.clone(),
        }
    }

    /// What to change, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MetaCommand { command, .. } => Some(meta_command_hint(command)),
            Self::TextBeforeData { .. } => Some("start the data on the next line"),
            Self::UnterminatedData { .. } => Some("end the data with a line that holds only `\\.`"),
            Self::TextBehindData { .. } => Some("end the data with a line that holds only `;`"),
            Self::StrayByteOrderMark { .. } => Some("remove it; it is invisible in most editors"),
            _ => None,
        }
    }
}

fn meta_command_hint(command: &str) -> &'static str {
    match command {
        r"\i" | r"\ir" | r"\include" | r"\include_relative" => "make the included file a migration of its own",
        r"\c" | r"\connect" => "put it into a migration set of that database's target",
        r"\set" | r"\unset" | r"\pset" | r"\timing" | r"\echo" | r"\restrict" | r"\unrestrict" => {
            "remove the line; a migration always stops at its first error"
        }
        r"\copy" => "use COPY … FROM STDIN with the data behind it",
        r"\gexec" => "use DO with EXECUTE format(…)",
        r"\." => "it ends COPY data, and there is none here",
        _ => "remove it, or write it in SQL",
    }
}

/// Splits `text`.
///
/// # Errors
/// The first thing that is never closed, or is no SQL.
pub fn split(text: &str) -> Result<Script, SplitError> {
    split_part(text, &(0..text.len()))
}

/// Splits one part of `text`; ranges stay those of the whole text.
///
/// # Errors
/// As [`split`].
pub fn split_part(text: &str, part: &Range<usize>) -> Result<Script, SplitError> {
    let mut splitter = Splitter::new(text, part);
    while let Some(token) = splitter.lexer.next() {
        splitter.token(&token)?;
    }
    splitter.finish()
}

/// The statements at the start of a text that may go on behind its end.
pub(crate) struct Prefix {
    pub(crate) statements: Vec<Statement>,
    pub(crate) comments: Vec<Range<usize>>,
    /// The statements' tokens, each ended by NUL, and where in them those of each statement end.
    pub(crate) tokens: (Vec<u8>, Vec<usize>),
    /// Behind the last statement, its data not counted.
    pub(crate) end: usize,
    /// The last statement reads the data that begin at `end`.
    pub(crate) reads_data: bool,
    /// What keeps the text behind from being split; with more of it, that may be nothing.
    pub(crate) error: Option<SplitError>,
}

/// Splits as much of `part` as is certain; `is_all` tells that nothing follows, `is_begun` that statements came before.
pub(crate) fn split_prefix(text: &str, part: &Range<usize>, is_begun: bool, is_all: bool) -> Prefix {
    let mut splitter = Splitter { is_begun, streams: Some(is_all), ..Splitter::new(text, part) };
    let mut error = None;
    while error.is_none() && splitter.data.is_none() {
        let Some(token) = splitter.lexer.next() else { break };
        error = splitter.token(&token).err();
    }
    if is_all && error.is_none() && splitter.data.is_none() {
        error = splitter.close().err();
    }
    let whole = is_all && error.is_none() && splitter.data.is_none();
    let last = splitter.statements.last().map_or(part.start, |statement| statement.end);
    let end = if whole { part.end } else { last };
    let comments = splitter.comments.into_iter().filter(|comment| comment.start < end).collect();
    let (statements, tokens, reads_data) = (splitter.statements, splitter.tokens, splitter.data.is_some());
    Prefix { statements, comments, tokens, end, reads_data, error }
}

/// The first unquoted words of a statement, or of one in a body, which say whether it has an SQL body or inline data.
#[derive(Debug, Default)]
struct Head {
    copy: bool,
    /// How far `CREATE [OR REPLACE] FUNCTION|PROCEDURE` has been seen.
    create: Option<Create>,
    words: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Create {
    Verb,
    Or,
    Replace,
    Routine,
}

impl Head {
    fn word(&mut self, word: &Token<'_>) {
        self.copy |= self.words == 0 && word.is("copy");
        self.create = match (self.words, self.create) {
            (0, None) if word.is("create") => Some(Create::Verb),
            (_, Some(Create::Verb)) if word.is("or") => Some(Create::Or),
            (_, Some(Create::Or)) if word.is("replace") => Some(Create::Replace),
            (_, Some(Create::Verb | Create::Replace)) if word.is("function") || word.is("procedure") => {
                Some(Create::Routine)
            }
            (_, Some(Create::Routine)) => Some(Create::Routine),
            _ => None,
        };
        self.words += 1;
    }
}

struct Splitter<'a> {
    text: &'a str,
    end: usize,
    lexer: Lexer<'a>,
    lines: LineIndex,
    statements: Vec<Statement>,
    comments: Vec<Range<usize>>,
    /// The statement that is being read.
    current: Option<Range<usize>>,
    head: Head,
    previous: Option<Token<'a>>,
    parentheses: Vec<Range<usize>>,
    /// The openings of BEGIN ATOMIC, which may be one in another.
    blocks: Vec<Range<usize>>,
    reads_stdin: bool,
    /// Did statements come before this text?
    is_begun: bool,
    /// Where data are handed out in pieces: is this the end of the text?
    streams: Option<bool>,
    /// Where these data begin.
    data: Option<usize>,
    /// What is hashed of the statements, where they are streamed.
    tokens: (Vec<u8>, Vec<usize>),
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, part: &Range<usize>) -> Self {
        Self {
            text,
            end: part.end,
            lexer: Lexer::within(text, part),
            lines: LineIndex::new(text),
            statements: Vec::new(),
            comments: Vec::new(),
            current: None,
            head: Head::default(),
            previous: None,
            parentheses: Vec::new(),
            blocks: Vec::new(),
            reads_stdin: false,
            is_begun: false,
            streams: None,
            data: None,
            tokens: Default::default(),
        }
    }

    fn token(&mut self, token: &Token<'a>) -> Result<(), SplitError> {
        if let Some(what) = token.unterminated() {
            let range = token.range.start..token.range.start + opening_len(token);
            return Err(SplitError::Unterminated { what, range });
        }
        match token.kind {
            TokenKind::Whitespace | TokenKind::BlockComment { .. } => return Ok(()),
            TokenKind::LineComment => {
                self.comment(token);
                return Ok(());
            }
            TokenKind::Unknown => self.refuse_unknown(token)?,
            TokenKind::Semi if self.parentheses.is_empty() && self.blocks.is_empty() => {
                return self.end_statement(token.range.end);
            }
            TokenKind::Semi if self.parentheses.is_empty() => self.head = Head::default(),
            _ => {}
        }
        if self.streams.is_some() {
            self.tokens.0.extend_from_slice(token.text.as_bytes());
            self.tokens.0.push(0);
        }
        match &mut self.current {
            Some(range) => range.end = token.range.end,
            None => self.current = Some(token.range.clone()),
        }
        match token.kind {
            TokenKind::OpenParen => open(&mut self.parentheses, &token.range)?,
            TokenKind::CloseParen => drop(self.parentheses.pop()),
            TokenKind::Ident if self.parentheses.is_empty() => self.word(token)?,
            _ => {}
        }
        self.previous = Some(token.clone());
        Ok(())
    }

    fn comment(&mut self, token: &Token<'_>) {
        let leading = !self.is_begun && self.statements.is_empty() && self.current.is_none();
        if leading || crate::headers::addresses_dunlin(token.text) {
            self.comments.push(token.range.clone());
        }
    }

    fn refuse_unknown(&self, token: &Token<'_>) -> Result<(), SplitError> {
        match token.text {
            "\\" => {
                let rest = &self.text[token.range.start..self.end];
                let line = rest.split('\n').next().unwrap_or_default();
                let line = line[..line.floor_char_boundary(LINE_KEPT)].trim_end();
                let command = line.split_whitespace().next().unwrap_or("\\");
                Err(SplitError::MetaCommand {
                    command: command.to_owned(),
                    range: token.range.start..token.range.start + line.len(),
                })
            }
            "\u{feff}" => Err(SplitError::StrayByteOrderMark { range: token.range.clone() }),
            _ => Ok(()),
        }
    }

    fn word(&mut self, word: &Token<'_>) -> Result<(), SplitError> {
        // In a body, a statement cannot begin with END, while anything may be called `end` or end with one.
        if !self.blocks.is_empty() && self.head.words == 0 && word.is("end") {
            self.blocks.pop();
            return Ok(());
        }
        self.head.word(word);
        let after = |previous: &str| self.previous.as_ref().is_some_and(|it| it.is(previous));
        // The server takes either word for the client, whatever the direction.
        if self.head.copy && self.blocks.is_empty() && (word.is("stdin") || word.is("stdout")) && after("from") {
            self.reads_stdin = true;
        }
        if self.head.create == Some(Create::Routine) && word.is("atomic") && after("begin") {
            open(&mut self.blocks, &word.range)?;
            self.head = Head::default();
        }
        Ok(())
    }

    fn end_statement(&mut self, end: usize) -> Result<(), SplitError> {
        let reads_stdin = std::mem::take(&mut self.reads_stdin);
        self.head = Head::default();
        self.previous = None;
        let Some(range) = self.current.take() else {
            return Ok(());
        };
        let mut statement = Statement { line: self.lines.line(range.start), range, end, copy_data: None };
        if reads_stdin {
            let start = self.data_start(&statement)?;
            if self.streams.is_some() {
                self.data = Some(start);
                statement.end = start;
            } else {
                let (data, end) = self.copy_data(&statement, start)?;
                statement.copy_data = Some(data);
                statement.end = end;
                self.lexer.skip_to(end);
            }
        }
        self.statements.push(statement);
        self.tokens.1.push(self.tokens.0.len());
        Ok(())
    }

    /// Where the data behind a COPY statement begin: in the next line.
    fn data_start(&self, copy: &Statement) -> Result<usize, SplitError> {
        let rest = &self.text[copy.end..self.end];
        let newline = rest.find('\n');
        let line_end = copy.end + newline.unwrap_or(rest.len());
        if let Some(token) = Lexer::within(self.text, &(copy.end..line_end))
            .find(|token| !matches!(token.kind, TokenKind::Whitespace | TokenKind::LineComment))
        {
            return Err(SplitError::TextBeforeData { range: token.range });
        }
        if newline.is_none() && self.streams == Some(false) {
            return Err(SplitError::UnterminatedData { range: copy.range.clone() });
        }
        Ok((line_end + 1).min(self.end))
    }

    /// The data behind a COPY statement, and the offset behind the line that ends it.
    fn copy_data(&self, copy: &Statement, start: usize) -> Result<(Range<usize>, usize), SplitError> {
        let mut at = start;
        for line in self.text[start..self.end].split_inclusive('\n') {
            if line.strip_suffix('\n').unwrap_or(line) == r"\." {
                return Ok((start..at, at + line.len()));
            }
            at += line.len();
        }
        Err(SplitError::UnterminatedData { range: copy.range.clone() })
    }

    /// Takes the end of the text for the end of the last statement.
    fn close(&mut self) -> Result<(), SplitError> {
        if let Some(range) = self.parentheses.pop() {
            return Err(SplitError::UnclosedParenthesis { range });
        }
        if !self.blocks.is_empty() {
            let range = self.blocks.swap_remove(0);
            return Err(SplitError::UnclosedBody { range });
        }
        match &self.current {
            Some(range) => self.end_statement(range.end),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Script, SplitError> {
        self.close()?;
        let split = control::settle(self.text, self.statements);
        Ok(Script {
            statements: split.statements,
            removed: split.removed,
            own_transaction: split.pair,
            modes: split.modes,
            control: split.errors,
            comments: self.comments,
        })
    }
}

fn open(stack: &mut Vec<Range<usize>>, range: &Range<usize>) -> Result<(), SplitError> {
    if stack.len() == MAX_DEPTH {
        let range = range.clone();
        return Err(SplitError::TooDeep { range });
    }
    stack.push(range.clone());
    Ok(())
}

/// The length of the quote, comment opening or dollar tag at the start of a token.
fn opening_len(token: &Token<'_>) -> usize {
    if token.text.starts_with("/*") {
        return 2;
    }
    match token.text.strip_prefix('$') {
        Some(rest) => rest.find('$').map_or(1, |tag| tag + 2),
        None => token.text.find(['\'', '"']).map_or(1, |quote| quote + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str, is_all: bool) -> Prefix {
        split_prefix(text, &(0..text.len()), false, is_all)
    }

    #[test]
    fn a_comment_right_behind_the_last_statement_belongs_to_what_follows() {
        let text = "select 1;-- dunlin: x\nselect 2";
        assert_eq!(prefix(text, false).comments, []);
        assert_eq!(prefix(text, true).comments, vec![Range { start: 9, end: 21 }]);
    }

    #[test]
    fn data_of_copy_may_begin_behind_the_end() {
        let cut = prefix("copy t from stdin;", false);
        assert!(!cut.reads_data && cut.error.is_some());
        let all = prefix("copy t from stdin;", true);
        assert!(all.reads_data && all.error.is_none());
    }
}
