//! SHA-256 over three views of a file, so that an edit of comments is told from an edit of SQL.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::clickhouse;
use crate::lexer::Lexer;
use crate::split::Script;

/// A SHA-256.
pub type Digest = [u8; 32];

/// What identifies a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// The bytes on disk.
    pub raw: Digest,
    /// The text that runs: normalised, without the outermost BEGIN … COMMIT pair. The migration's checksum.
    pub body: Digest,
    /// The statements' tokens and COPY data, without comments, whitespace and semicolons between statements.
    pub tokens: Digest,
}

/// The digest of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The digest of `part` of `text` with `removed` (in order, not overlapping) cut out.
pub(crate) fn of_body(text: &str, part: &Range<usize>, removed: &[Range<usize>]) -> Digest {
    let mut hash = Sha256::new();
    let mut from = part.start;
    for cut in removed {
        hash.update(&text[from..cut.start]);
        from = cut.end;
    }
    hash.update(&text[from..part.end]);
    hash.finalize().into()
}

/// The digest of the statements' tokens.
pub(crate) fn of_tokens(text: &str, script: &Script) -> Digest {
    let mut hash = TokenHash::default();
    for statement in &script.statements {
        hash.statement(text, &statement.range);
        if let Some(data) = &statement.copy_data {
            hash.data(&text[data.clone()]);
        }
        hash.end_statement();
    }
    hash.finish()
}

/// The same over the tokens of ClickHouse; the data of an INSERT count as they are.
pub(crate) fn of_clickhouse(text: &str, script: &Script) -> Digest {
    let mut hash = TokenHash::default();
    for statement in &script.statements {
        let data = statement.copy_data.clone().unwrap_or(statement.range.end..statement.range.end);
        let sql = statement.range.start..data.start;
        for token in clickhouse::Lexer::within(text, &sql).filter(|token| !token.is_trivia()) {
            hash.tokens(token.text.as_bytes());
            hash.tokens(&[0]);
        }
        hash.data(&text[data]);
        hash.end_statement();
    }
    hash.finish()
}

/// The digest of statements' tokens on its way. NUL, which no text contains, ends each token.
#[derive(Default)]
pub(crate) struct TokenHash(Sha256);

impl TokenHash {
    /// Adds a statement, whose data may follow.
    pub(crate) fn statement(&mut self, text: &str, range: &Range<usize>) {
        for token in Lexer::within(text, range).significant() {
            self.0.update(token.text);
            self.0.update([0]);
        }
    }

    /// Adds a statement's tokens, each ended by NUL.
    pub(crate) fn tokens(&mut self, tokens: &[u8]) {
        self.0.update(tokens);
    }

    /// Adds data of the statement.
    pub(crate) fn data(&mut self, data: &str) {
        self.0.update(data);
    }

    /// Ends the statement.
    pub(crate) fn end_statement(&mut self) {
        self.0.update([0]);
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}
