//! May a statement run inside a transaction?
//!
//! Read off the tokens, not off a syntax tree: a wrong answer costs a half-applied migration, so it must not depend on a
//! parser that may lag behind the server's grammar. A name that is written in a way not understood here, such as a psql
//! variable, comes out empty. Tested against PostgreSQL 15 and TimescaleDB 2.19.

use std::ops::Range;

use squawk_lexer::TokenKind;

use crate::lexer::{Lexer, Token, string_value};
use crate::name::{QualifiedName, Words};

/// Whether a statement may run inside a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementClass {
    /// It may.
    Transactional,
    /// The server refuses it there (SQLSTATE 25001), or it ends the transaction itself.
    NonTransactional(NonTx),
    /// A CALL of a procedure that is defined elsewhere and may commit.
    Unknown {
        /// The procedure.
        procedure: QualifiedName,
    },
}

/// What cannot run in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NonTx {
    /// CREATE INDEX CONCURRENTLY.
    CreateIndexConcurrently(IndexBuild),
    /// DROP INDEX CONCURRENTLY.
    DropIndexConcurrently {
        /// The indexes.
        names: Vec<QualifiedName>,
    },
    /// REINDEX … CONCURRENTLY.
    ReindexConcurrently {
        /// What is rebuilt.
        target: ReindexTarget,
        /// Its name.
        name: Option<QualifiedName>,
    },
    /// REINDEX of a schema, a database or the system catalogs.
    ReindexMany {
        /// What is rebuilt.
        target: ReindexTarget,
        /// Its name.
        name: Option<QualifiedName>,
    },
    /// VACUUM.
    Vacuum,
    /// CREATE DATABASE.
    CreateDatabase {
        /// The database.
        name: String,
    },
    /// DROP DATABASE.
    DropDatabase {
        /// The database.
        name: String,
    },
    /// ALTER DATABASE … SET TABLESPACE.
    AlterDatabaseTablespace,
    /// ALTER SYSTEM.
    AlterSystem,
    /// CREATE or DROP TABLESPACE.
    Tablespace,
    /// A subscription that makes or drops its replication slot, or refreshes its publications.
    Subscription,
    /// ALTER TABLE … DETACH PARTITION … CONCURRENTLY.
    DetachConcurrently {
        /// The partitioned table.
        table: QualifiedName,
        /// The partition.
        partition: QualifiedName,
    },
    /// CALL refresh_continuous_aggregate(…).
    RefreshContinuousAggregate {
        /// The aggregate, if it is given as a literal.
        name: Option<QualifiedName>,
    },
    /// CREATE MATERIALIZED VIEW … WITH (timescaledb.continuous) that is filled at once.
    ContinuousAggregateWithData {
        /// The aggregate.
        name: QualifiedName,
    },
    /// CREATE INDEX … WITH (timescaledb.transaction_per_chunk).
    IndexTransactionPerChunk(IndexBuild),
    /// DISCARD ALL.
    DiscardAll,
    /// CLUSTER of all tables.
    Cluster,
    /// A DO whose body commits, rolls back or calls what cannot run in a transaction.
    CommittingDo,
    /// A DO whose body does nothing but refresh continuous aggregates.
    RefreshingDo,
    /// ALTER EXTENSION timescaledb UPDATE, which has to be the first statement of a session.
    UpdateTimescale {
        /// The version, where one is given.
        version: Option<String>,
    },
    /// A CALL of a procedure of the same file that commits.
    CommittingCall {
        /// The procedure.
        procedure: QualifiedName,
    },
}

/// The index that a statement builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexBuild {
    /// The index, without schema: it lives in its table's. None where the server is to choose.
    pub name: Option<String>,
    /// Its table.
    pub table: QualifiedName,
    /// UNIQUE.
    pub unique: bool,
    /// IF NOT EXISTS, which takes an invalid index of that name for done.
    pub if_not_exists: bool,
    /// Where the text behind the table's name begins: method, columns, predicate.
    pub rest: Option<usize>,
    /// Where the WITH list stands that the index is stored by.
    pub options: Option<Range<usize>>,
}

/// What REINDEX rebuilds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexTarget {
    /// One index.
    Index,
    /// A table's indexes.
    Table,
    /// A schema's indexes.
    Schema,
    /// A database's indexes.
    Database,
    /// The system catalogs' indexes.
    System,
}

/// Procedures of TimescaleDB that run inside a transaction.
const TRANSACTIONAL_PROCEDURES: [&str; 4] =
    ["add_columnstore_policy", "remove_columnstore_policy", "convert_to_columnstore", "convert_to_rowstore"];

const REFRESH: &str = "refresh_continuous_aggregate";

/// Classifies the statement at `range`.
pub(crate) fn classify(text: &str, range: &Range<usize>) -> StatementClass {
    let relevant = ["create", "drop", "alter", "reindex", "vacuum", "cluster", "discard", "call", "do"];
    let first = Lexer::within(text, range).significant().next();
    if !first.is_some_and(|token| relevant.iter().any(|word| token.is(word))) {
        return StatementClass::Transactional;
    }
    let tokens: Vec<_> = Lexer::within(text, range).significant().collect();
    let mut words = Words::new(&tokens);
    let non_tx = if words.eat("create") {
        create(words)
    } else if words.eat("drop") {
        drop_statement(words)
    } else if words.eat("alter") {
        alter(words)
    } else if words.eat("reindex") {
        reindex(words)
    } else if words.eat("vacuum") {
        Some(NonTx::Vacuum)
    } else if words.eat("cluster") {
        words.eat("verbose");
        words.group();
        words.is_empty().then_some(NonTx::Cluster)
    } else if words.eat("discard") {
        words.eat("all").then_some(NonTx::DiscardAll)
    } else if words.eat("call") {
        return call(words);
    } else {
        match refreshes_only(&tokens) {
            true => Some(NonTx::RefreshingDo),
            false => body_commits(&tokens).then_some(NonTx::CommittingDo),
        }
    };
    non_tx.map_or(StatementClass::Transactional, StatementClass::NonTransactional)
}

fn create(mut words: Words<'_, '_>) -> Option<NonTx> {
    if words.eat("database") {
        let name = words.required_name().name;
        return Some(NonTx::CreateDatabase { name });
    }
    if words.eat("tablespace") {
        return Some(NonTx::Tablespace);
    }
    if words.eat("subscription") {
        return (!makes_no_slot(words)).then_some(NonTx::Subscription);
    }
    if words.eat("materialized view") {
        words.eat("if not exists");
        let name = words.required_name();
        let fills = has_option(words, "continuous") && !words.contains("with no data");
        return fills.then_some(NonTx::ContinuousAggregateWithData { name });
    }
    let unique = words.eat("unique");
    if !words.eat("index") {
        return None;
    }
    let concurrently = words.eat("concurrently");
    let if_not_exists = words.eat("if not exists");
    let name = (!words.eat("on")).then(|| words.required_name().name);
    words.eat("on");
    words.eat("only");
    words.eat_kind(TokenKind::OpenParen);
    let table = words.required_name();
    words.eat_kind(TokenKind::CloseParen);
    words.eat_kind(TokenKind::Star);
    let rest = words.peek().map(|token| token.range.start);
    let options = stored_by(words);
    let build = IndexBuild { name, table, unique, if_not_exists, rest, options };
    if concurrently {
        Some(NonTx::CreateIndexConcurrently(build))
    } else {
        has_option(words, "transaction_per_chunk").then_some(NonTx::IndexTransactionPerChunk(build))
    }
}

/// The first WITH list.
fn stored_by(mut words: Words<'_, '_>) -> Option<Range<usize>> {
    while let Some(token) = words.peek() {
        let start = token.range.start;
        let mut rest = words;
        if rest.eat("with") && rest.group().is_some() {
            let end = words.until(&rest);
            return Some(start..end);
        }
        words.advance();
    }
    None
}

/// Is `timescaledb.NAME` among the options?
fn has_option(mut words: Words<'_, '_>, name: &str) -> bool {
    while let Some(token) = words.advance() {
        let mut rest = words;
        if (token.is("timescaledb") || token.is("tsdb")) && rest.eat_kind(TokenKind::Dot) && rest.eat(name) {
            let off = rest.eat_kind(TokenKind::Eq) && rest.peek().is_some_and(is_false);
            return !off;
        }
    }
    false
}

fn is_false(value: &Token<'_>) -> bool {
    let text = value.text.trim_matches('\'').to_ascii_lowercase();
    matches!(text.as_str(), "false" | "off" | "0" | "no" | "none")
}

/// `connect = false`, `create_slot = false` or `slot_name = none`.
fn makes_no_slot(mut words: Words<'_, '_>) -> bool {
    while let Some(token) = words.advance() {
        let mut rest = words;
        let option = token.is("connect") || token.is("create_slot") || token.is("slot_name");
        if option && rest.eat_kind(TokenKind::Eq) && rest.peek().is_some_and(is_false) {
            return true;
        }
    }
    false
}

fn drop_statement(mut words: Words<'_, '_>) -> Option<NonTx> {
    if words.eat("index concurrently") {
        words.eat("if exists");
        let names = words.names();
        return Some(NonTx::DropIndexConcurrently { names });
    }
    if words.eat("database") {
        words.eat("if exists");
        let name = words.required_name().name;
        return Some(NonTx::DropDatabase { name });
    }
    if words.eat("tablespace") {
        return Some(NonTx::Tablespace);
    }
    words.eat("subscription").then_some(NonTx::Subscription)
}

fn alter(mut words: Words<'_, '_>) -> Option<NonTx> {
    if words.eat("system") {
        return Some(NonTx::AlterSystem);
    }
    if words.eat("extension") {
        let updates = words.name().is_some_and(|name| name.name == "timescaledb") && words.eat("update");
        let version = words.eat("to").then(|| words.peek()).flatten();
        let version = version.map(|token| string_value(token).map_or_else(|| token.text.to_owned(), |(text, _)| text));
        return updates.then_some(NonTx::UpdateTimescale { version });
    }
    if words.eat("database") {
        return words.contains("set tablespace").then_some(NonTx::AlterDatabaseTablespace);
    }
    if words.eat("subscription") {
        let refreshes = words.contains("refresh publication")
            || ["set publication", "add publication", "drop publication"].iter().any(|change| words.contains(change));
        return refreshes.then_some(NonTx::Subscription);
    }
    if !words.eat("table") {
        return None;
    }
    words.eat("if exists");
    words.eat("only");
    let table = words.required_name();
    if !words.eat("detach partition") {
        return None;
    }
    let partition = words.required_name();
    words.eat("concurrently").then_some(NonTx::DetachConcurrently { table, partition })
}

fn reindex(mut words: Words<'_, '_>) -> Option<NonTx> {
    let mut concurrently = words.group().is_some_and(|mut options| {
        while let Some(token) = options.advance() {
            if token.is("concurrently") {
                return !options.peek().is_some_and(is_false);
            }
        }
        false
    });
    let target = [
        ("index", ReindexTarget::Index),
        ("table", ReindexTarget::Table),
        ("schema", ReindexTarget::Schema),
        ("database", ReindexTarget::Database),
        ("system", ReindexTarget::System),
    ]
    .into_iter()
    .find_map(|(word, target)| words.eat(word).then_some(target))?;
    concurrently |= words.eat("concurrently");
    let name = words.name();
    match target {
        _ if concurrently => Some(NonTx::ReindexConcurrently { target, name }),
        ReindexTarget::Index | ReindexTarget::Table => None,
        _ => Some(NonTx::ReindexMany { target, name }),
    }
}

fn call(mut words: Words<'_, '_>) -> StatementClass {
    let Some(procedure) = words.name() else {
        return StatementClass::Transactional;
    };
    if procedure.name == REFRESH {
        let first = words.group().and_then(|mut arguments| arguments.advance());
        let name = first.and_then(string_value).and_then(|(text, _)| QualifiedName::from_text(&text));
        StatementClass::NonTransactional(NonTx::RefreshContinuousAggregate { name })
    } else if TRANSACTIONAL_PROCEDURES.contains(&procedure.name.as_str()) {
        StatementClass::Transactional
    } else {
        StatementClass::Unknown { procedure }
    }
}

/// Does a procedure's or DO's body, a string among these tokens, end transactions?
fn body_commits(tokens: &[Token<'_>]) -> bool {
    let longest = tokens.iter().filter(|token| token.is_string()).max_by_key(|token| token.text.len());
    let Some((body, _)) = longest.and_then(string_value) else {
        return false;
    };
    let tokens: Vec<_> = Lexer::new(&body).significant().collect();
    (0..tokens.len()).any(|at| {
        let starts = at == 0 || starts_statement(&tokens[at - 1]);
        let mut words = Words::new(&tokens[at..]);
        starts
            && (words.eat("commit")
                || (words.eat("rollback") && !words.contains_before_semicolon("to"))
                || (words.eat("call") && words.name().is_some_and(|name| name.name == REFRESH)))
    })
}

/// Does the body of a DO refresh continuous aggregates and change nothing else? It can be repeated then.
fn refreshes_only(tokens: &[Token<'_>]) -> bool {
    let longest = tokens.iter().filter(|token| token.is_string()).max_by_key(|token| token.text.len());
    let Some((body, _)) = longest.and_then(string_value) else {
        return false;
    };
    let tokens: Vec<_> = Lexer::new(&body).significant().collect();
    let harmless = ["begin", "end", "raise", "if", "else", "elsif", "for", "null"];
    let mut refreshes = false;
    let begins = |at: usize| at == 0 || starts_statement(&tokens[at - 1]);
    let each = (0..tokens.len()).filter(|at| begins(*at)).all(|at| {
        let mut words = Words::new(&tokens[at..]);
        let refresh = words.eat("call") && words.name().is_some_and(|name| name.name == REFRESH);
        refreshes |= refresh;
        refresh || harmless.iter().any(|word| tokens[at].is(word))
    });
    each && refreshes
}

pub(crate) fn starts_statement(previous: &Token<'_>) -> bool {
    let opens = ["begin", "then", "else", "loop"];
    previous.kind == TokenKind::Semi || previous.kind == TokenKind::Gt || opens.iter().any(|word| previous.is(word))
}

/// The procedure that a statement creates, and whether its body ends transactions.
pub(crate) fn created_procedure(text: &str, range: &Range<usize>) -> Option<(QualifiedName, bool)> {
    let mut head: Vec<_> = Lexer::within(text, range).significant().take(8).collect();
    let mut words = Words::new(&head);
    if !words.eat("create") {
        return None;
    }
    words.eat("or replace");
    let name = words.eat("procedure").then(|| words.name())??;
    head = Lexer::within(text, range).significant().collect();
    Some((name, body_commits(&head)))
}

/// A value that ALTER TYPE … ADD VALUE adds. It runs in a transaction, but the value cannot be used before it commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// The enum.
    pub name: QualifiedName,
    /// The label.
    pub value: String,
}

/// The enum value that a statement adds.
pub(crate) fn added_enum_value(text: &str, range: &Range<usize>) -> Option<EnumValue> {
    let tokens: Vec<_> = Lexer::within(text, range).significant().take(16).collect();
    let mut words = Words::new(&tokens);
    let name = words.eat("alter type").then(|| words.name())??;
    if !words.eat("add value") {
        return None;
    }
    words.eat("if not exists");
    let (value, _) = string_value(words.peek()?)?;
    Some(EnumValue { name, value })
}
