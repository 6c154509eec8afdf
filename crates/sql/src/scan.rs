//! A file too large to be held, read once: the same digests, headers and problems as [`Source`](crate::Source) gives.
//!
//! What needs a syntax tree is left out: locks, phases, and the lint rules. Such a file runs as one transaction, and what
//! cannot run in one is a problem here.

use std::io::Read;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::blocks::{Marks, StreamError};
use crate::classify::{self, StatementClass};
use crate::control::{self, Control, TransactionModes};
use crate::digest::{Digests, TokenHash};
use crate::excerpt::Excerpt;
use crate::headers::{self, Headers};
use crate::lexer::Lexer;
use crate::lines::LineIndex;
use crate::problem::Problem;
use crate::split::Statement;
use crate::stream::{Part, Script, Sizes, Stream};

/// How many problems of one kind are told.
const TOLD: usize = 100;
/// How much leading comments and directives may take.
const MAX_EXCERPT: usize = 1 << 20;

/// A migration file that was read without being held.
#[derive(Debug, Clone)]
pub struct Scan {
    /// What identifies the content.
    pub digests: Digests,
    /// Its size on disk.
    pub bytes: u64,
    /// What its bytes must be when they are read again.
    pub marks: Marks,
    /// How many statements run.
    pub statements: u64,
    /// The headers; ranges are bytes of the excerpt.
    pub headers: Headers,
    /// What its own BEGIN asks for, with its range in the excerpt.
    pub modes: Option<TransactionModes>,
    /// The lines that headers and modes stand in.
    pub excerpt: Excerpt,
    /// What makes the file unfit to run, in order.
    pub problems: Vec<Problem>,
}

impl Scan {
    /// Reads a file.
    ///
    /// # Errors
    /// [`StreamError::Io`], or [`StreamError::Unfit`] for what [`Source::read`](crate::Source::read) would refuse, and for
    /// a statement longer than `sizes` allow.
    pub fn read(file: impl Read, sizes: Sizes) -> Result<Self, StreamError> {
        let mut stream = Stream::new(file, sizes, None);
        let mut scanner = Scanner::default();
        while let Some(part) = stream.next()? {
            match part {
                Part::Script(script) => {
                    scanner.comments(&stream, &script.comments);
                    scanner.script(&stream, &script);
                }
                Part::Data(range) => {
                    scanner.body.update(&stream.text[range.clone()]);
                    scanner.tokens.data(&stream.text[range]);
                }
                Part::EndOfData(range) => {
                    scanner.body.update(&stream.text[range]);
                    scanner.tokens.end_statement();
                }
            }
        }
        scanner.finish(stream)
    }
}

#[derive(Default)]
struct Scanner {
    excerpt: Excerpt,
    comments: Vec<Range<usize>>,
    body: Sha256,
    tokens: TokenHash,
    count: usize,
    controls: Vec<Seen>,
    /// Statements at the start that are taken off, if all is well.
    leading: usize,
    begins: bool,
    /// A COMMIT that is taken off if it is the last statement.
    last: Option<Last>,
    apart: Vec<Problem>,
}

/// Transaction control among the statements.
struct Seen {
    number: usize,
    control: Control,
    modes: Option<TransactionModes>,
    told: Option<Told>,
}

/// What to say of it where it is wrong.
struct Told {
    problem: Problem,
    /// Of a BEGIN that nothing ends.
    unpaired: Problem,
}

/// Text whose part in the digests is not known yet.
struct Last {
    statement: String,
    tokens: Vec<u8>,
    behind: String,
}

impl Scanner {
    fn comments<R: Read>(&mut self, stream: &Stream<R>, comments: &[Range<usize>]) {
        let Some(last) = comments.last() else { return };
        let lines = LineIndex::new(&stream.text[..last.start]);
        for comment in comments {
            if self.excerpt.text().len() <= MAX_EXCERPT {
                let start = self.line(stream, comment.start, stream.line + lines.line(comment.start) - 1);
                self.comments.push(start..start + comment.len());
            } else if self.apart.len() < TOLD {
                let message = "the leading comments and directives of this file are too long".to_owned();
                self.apart.push(stream.problem(message, Some("shorten them".to_owned()), comment));
            }
        }
    }

    /// Takes the line around an offset of the text, whose number it is, into the excerpt; where the offset is there.
    fn line<R: Read>(&mut self, stream: &Stream<R>, offset: usize, number: usize) -> usize {
        let line = stream.line_at(offset);
        self.excerpt.add(number, stream.base + line.start, &stream.text[line.clone()]) + (offset - line.start)
    }

    fn script<R: Read>(&mut self, stream: &Stream<R>, script: &Script) {
        let text = &stream.text;
        let mut from = script.range.start;
        for (at, statement) in script.statements.iter().enumerate() {
            self.behind(&text[from..statement.range.start]);
            self.settle_last();
            let control = control::control(text, statement);
            if let Some(control) = control {
                self.control(stream, statement, control);
            }
            self.class(stream, statement);
            let removed = self.count < self.leading;
            if control == Some(Control::Commit) && self.begins {
                let tokens = script.tokens(at).to_vec();
                let statement = text[statement.range.start..statement.end].to_owned();
                self.last = Some(Last { statement, tokens, behind: String::new() });
            } else if !removed {
                self.body.update(&text[statement.range.start..statement.end]);
                self.tokens.tokens(script.tokens(at));
                if !(script.reads_data && at + 1 == script.statements.len()) {
                    self.tokens.end_statement();
                }
            }
            from = statement.end;
            self.count += 1;
        }
        self.behind(&text[from..script.range.end]);
    }

    /// Text between statements.
    fn behind(&mut self, text: &str) {
        match &mut self.last {
            Some(last) => last.behind.push_str(text),
            None => self.body.update(text),
        }
    }

    /// Another statement follows, so that the COMMIT was none of the outermost pair.
    fn settle_last(&mut self) {
        let Some(last) = self.last.take() else { return };
        self.body.update(&last.statement);
        self.body.update(&last.behind);
        self.tokens.tokens(&last.tokens);
        self.tokens.end_statement();
    }

    fn control<R: Read>(&mut self, stream: &Stream<R>, statement: &Statement, control: Control) {
        let number = self.count;
        match control {
            Control::Begin if number == 0 => (self.begins, self.leading) = (true, 1),
            Control::SetTransaction if number == self.leading => self.leading += 1,
            _ => {}
        }
        // The last one decides; of those before it, some are enough to be told of.
        if self.controls.len() > TOLD {
            let (modes, told) = (None, None);
            self.controls[TOLD] = Seen { number, control, modes, told };
            return;
        }
        let told = |unpaired| {
            let error = control::error(&stream.text, control, &statement.range, unpaired);
            stream.problem(error.to_string(), Some(error.hint().to_owned()), &error.range())
        };
        let told = Some(Told { problem: told(false), unpaired: told(true) });
        let modes = control::modes(&stream.text, statement).map(|modes| {
            let start = self.line(stream, statement.range.start, stream.position(statement.range.start).line);
            let line = stream.line_at(statement.range.start);
            let end = statement.range.end.min(line.end);
            TransactionModes { range: start..start + (end - statement.range.start), ..modes }
        });
        self.controls.push(Seen { number, control, modes, told });
    }

    fn class<R: Read>(&mut self, stream: &Stream<R>, statement: &Statement) {
        let text = &stream.text;
        let class = classify::classify(text, &statement.range);
        if !matches!(class, StatementClass::NonTransactional(_)) || self.apart.len() >= TOLD {
            return;
        }
        let words = Lexer::within(text, &statement.range).significant().take(3);
        let words: Vec<_> = words.filter(|token| !token.is_string()).map(|token| token.text).collect();
        let message = format!(
            "`{}` cannot run in a transaction, and a file as large as this runs as one",
            words.join(" ").trim_end_matches([' ', '('])
        );
        let hint = "move the statement to a file of its own".to_owned();
        self.apart.push(stream.problem(message, Some(hint), &statement.range));
    }

    fn finish<R: Read>(mut self, stream: Stream<R>) -> Result<Scan, StreamError> {
        let controls: Vec<_> = self.controls.iter().map(|seen| (seen.number, seen.control)).collect();
        let verdict = control::judge(&controls, self.count);
        match self.last.take() {
            Some(last) if verdict.pair => self.body.update(&last.behind),
            last => {
                self.last = last;
                self.settle_last();
            }
        }
        let mut modes = None;
        let mut problems = self.apart;
        for seen in self.controls {
            if let Some((_, unpaired)) = verdict.wrong.iter().find(|(at, _)| *at == seen.number) {
                problems.extend(seen.told.map(|told| if *unpaired { told.unpaired } else { told.problem }));
            } else {
                control::merge(&mut modes, seen.modes);
            }
        }
        let headers = headers::in_comments(self.excerpt.text(), &self.comments);
        let wrong = headers.wrong().into_iter().take(TOLD);
        problems.extend(wrong.map(|(message, hint, range)| self.excerpt.problem(message, hint, &range)));
        problems.sort_by_key(|problem| problem.range.start);
        let (raw, bytes, marks) = stream.end();
        let digests = Digests { raw, body: self.body.finalize().into(), tokens: self.tokens.finish() };
        let statements = (self.count - verdict.removed.len()) as u64;
        Ok(Scan { digests, bytes, marks, statements, headers, modes, excerpt: self.excerpt, problems })
    }
}
