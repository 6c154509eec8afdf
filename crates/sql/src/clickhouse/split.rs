//! Splits a script of ClickHouse into the statements that a server takes one by one.
//!
//! A semicolon ends a statement outside literals and comments. Behind `INSERT … FORMAT X` stand data that are no SQL: those
//! that begin in the same line are that line, as the server's own client has it; else they run to a line that holds only
//! `;`, or to the end of the file. They are handed on as they are.

use std::ops::Range;

use crate::clickhouse::lexer::{Kind, Lexer, Token};
use crate::lines::LineIndex;
use crate::split::{Script, SplitError, Statement};

/// Words that begin a statement; in a line behind one with a semicolon they are hardly data.
const VERBS: [&str; 12] = [
    "alter", "attach", "create", "detach", "drop", "exchange", "grant", "insert", "optimize", "rename", "system",
    "truncate",
];

/// Splits one part of `text`; ranges stay those of the whole text.
pub(crate) fn split_part(text: &str, part: &Range<usize>) -> Result<Script, SplitError> {
    let mut splitter = Splitter {
        text,
        end: part.end,
        lexer: Lexer::within(text, part),
        lines: LineIndex::new(text),
        statements: Vec::new(),
        comments: Vec::new(),
        current: None,
        parentheses: Vec::new(),
        insert: Insert::default(),
    };
    while let Some(token) = splitter.lexer.next() {
        splitter.token(&token)?;
    }
    splitter.end_statement(part.end)?;
    Ok(Script {
        statements: splitter.statements,
        removed: Vec::new(),
        own_transaction: false,
        modes: None,
        control: Vec::new(),
        comments: splitter.comments,
    })
}

/// What has been seen of an INSERT, outside parentheses.
#[derive(Debug, Default)]
struct Insert {
    begun: bool,
    selects: bool,
    /// It selects from what is behind it: `input('…')`.
    takes_input: bool,
    /// The word before was FORMAT.
    format: bool,
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
    parentheses: Vec<Range<usize>>,
    insert: Insert,
}

impl<'a> Splitter<'a> {
    fn token(&mut self, token: &Token<'a>) -> Result<(), SplitError> {
        if let Some(what) = token.unclosed {
            let opening = token.text.chars().next().map_or(1, char::len_utf8);
            let opening = if what == "comment" { 2 } else { opening };
            return Err(SplitError::Unterminated { what, range: token.range.start..token.range.start + opening });
        }
        match token.kind {
            Kind::Space => return Ok(()),
            Kind::Comment => {
                let leading = self.statements.is_empty() && self.current.is_none();
                let line = token.text.starts_with("--");
                if line && (leading || crate::headers::addresses_dunlin(token.text)) {
                    self.comments.push(token.range.clone());
                }
                return Ok(());
            }
            Kind::Semicolon => return self.end_statement(token.range.end),
            Kind::Open => self.parentheses.push(token.range.clone()),
            Kind::Close => drop(self.parentheses.pop()),
            Kind::Word if self.parentheses.is_empty() => return self.word(token),
            _ => {}
        }
        self.insert.format = false;
        self.extend(&token.range);
        Ok(())
    }

    fn extend(&mut self, range: &Range<usize>) {
        match &mut self.current {
            Some(current) => current.end = range.end,
            None => self.current = Some(range.clone()),
        }
    }

    fn word(&mut self, word: &Token<'a>) -> Result<(), SplitError> {
        let first = self.current.is_none();
        self.extend(&word.range);
        let insert = &mut self.insert;
        if std::mem::take(&mut insert.format) && !word.is("values") {
            return self.data(word.range.end);
        }
        // `WITH … INSERT` is one as well.
        insert.begun |= word.is("insert") && (first || insert.selects);
        insert.selects |= word.is("select") || word.is("with");
        insert.takes_input |= word.is("input");
        insert.format = insert.begun && word.is("format") && (!insert.selects || insert.takes_input);
        Ok(())
    }

    /// Takes the data behind the name of a format, which ends at `at`.
    fn data(&mut self, at: usize) -> Result<(), SplitError> {
        let rest = &self.text[at..self.end];
        let line = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        let here = rest[..line].trim();
        // The server itself refuses a semicolon in this place.
        if rest.starts_with(';') || rest.trim_start().starts_with("--") {
            return Ok(());
        }
        let (data, behind) = if here.is_empty() { self.block(at + line)? } else { (at + line, at + line) };
        let data = if data == at + line { data - usize::from(rest[..line].ends_with('\n')) } else { data };
        self.extend(&(at..data));
        self.lexer.jump(behind);
        self.end_statement(behind)?;
        if let Some(statement) = self.statements.last_mut() {
            statement.copy_data = Some(at..data);
        }
        Ok(())
    }

    /// The end of the data that begin with a line, and what is behind them.
    fn block(&self, start: usize) -> Result<(usize, usize), SplitError> {
        let (mut at, mut ended) = (start, false);
        for line in self.text[start..self.end].split_inclusive('\n') {
            if line.trim() == ";" {
                return Ok((at, at + line.len()));
            }
            let verb = line.split_whitespace().next().unwrap_or_default();
            if ended && VERBS.iter().any(|known| known.eq_ignore_ascii_case(verb)) {
                let range = at..at + verb.len();
                return Err(SplitError::TextBehindData { range });
            }
            ended = line.trim_end().ends_with(';') || (ended && line.trim().is_empty());
            at += line.len();
        }
        Ok((at, at))
    }

    fn end_statement(&mut self, end: usize) -> Result<(), SplitError> {
        self.insert = Insert::default();
        if let Some(range) = std::mem::take(&mut self.parentheses).into_iter().next() {
            return Err(SplitError::UnclosedParenthesis { range });
        }
        if let Some(range) = self.current.take() {
            let line = self.lines.line(range.start);
            self.statements.push(Statement { range, end, line, copy_data: None });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let script = split_part(text, &(0..text.len())).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found: Vec<_> = script.statements.iter().map(|statement| &text[statement.range.clone()]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn statements_end_at_semicolons_of_their_own() {
        check("", &[]);
        check(" ; ;-- x\n;", &[]);
        check("SELECT 1; -- a;\nSELECT ';' /* ; */ ;SELECT 3", &["SELECT 1", "SELECT ';'", "SELECT 3"]);
        check(
            "INSERT INTO t VALUES ('a;b'), ('\\';');\nSELECT 1",
            &["INSERT INTO t VALUES ('a;b'), ('\\';')", "SELECT 1"],
        );
        check(
            "SELECT format FROM t; INSERT INTO t (format) SELECT format FROM u; x",
            &["SELECT format FROM t", "INSERT INTO t (format) SELECT format FROM u", "x"],
        );
    }

    #[test]
    fn data_are_a_line_or_run_to_a_lone_semicolon() {
        check("INSERT INTO t FORMAT CSV 1;2\nSELECT 1;", &["INSERT INTO t FORMAT CSV 1;2", "SELECT 1"]);
        check("INSERT INTO t FORMAT CSV\n'1;\n\n ; \nSELECT 1;", &["INSERT INTO t FORMAT CSV\n'1;\n\n", "SELECT 1"]);
        check(
            "insert into t (a) settings x=1 format JSONEachRow\n{\"a\":\"';\"}\n",
            &["insert into t (a) settings x=1 format JSONEachRow\n{\"a\":\"';\"}\n"],
        );
        check("INSERT INTO t FORMAT Values (1), (2); SELECT 1", &["INSERT INTO t FORMAT Values (1), (2)", "SELECT 1"]);
        check(
            "INSERT INTO t SELECT a FROM input('a Int8') FORMAT TSV\n1\n;\nx",
            &["INSERT INTO t SELECT a FROM input('a Int8') FORMAT TSV\n1\n", "x"],
        );
    }

    #[test]
    fn what_is_never_closed_is_refused() {
        for (text, expected) in [
            ("SELECT 'a", "string that begins here is never closed"),
            ("SELECT (1; SELECT 2", "parenthesis that begins here is never closed"),
            ("/* /* */ SELECT 1", "comment that begins here is never closed"),
            ("INSERT INTO t FORMAT CSV\n1;\n\nDROP TABLE t", "a statement behind data that have no end"),
        ] {
            let error = split_part(text, &(0..text.len())).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
        let text = "INSERT INTO t FORMAT CSV\n1;\n\nDROP TABLE t";
        let hint = split_part(text, &(0..text.len())).unwrap_err().hint();
        assert_eq!(hint, Some("end the data with a line that holds only `;`"));
    }
}
