//! A migration as it was read from its files: identity, order, settings, and the shape of what it runs.
//!
//! The text itself stays outside (see [`Bodies`](crate::Bodies)); a body holds its digests and where its statements lie.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::{Batch, Digest, Effect, Jobs, MigrationId, Needs, Place, Promise, Reference, Refresh, SetName};

/// How a migration takes part in its set's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Runs once, in the order of the versions.
    Versioned,
    /// Runs after the versioned ones of its set, and again whenever its text changes.
    Repeatable,
    /// Initial data: runs once where the policy loads seeds, and no sequence waits for it. One without a down is forgotten
    /// when what it needs is taken back, and the next `up` loads it again.
    Seed,
}

/// The phase of an expand and contract change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Adds, so that old and new code both work.
    Expand,
    /// Moves or fills data.
    Data,
    /// Removes what no code uses any more.
    Contract,
}

/// One migration of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migration {
    /// `set/version`.
    pub id: MigrationId,
    /// The description out of its file name.
    pub name: String,
    /// Versioned, repeatable or seed.
    pub kind: Kind,
    /// Its phase, where one is declared.
    pub phase: Option<Phase>,
    /// Where it begins.
    pub place: Place,
    /// What it runs.
    pub up: Body,
    /// What takes it back.
    pub down: Option<Body>,
    /// What its own headers say it needs.
    pub depends: Vec<Reference>,
}

/// One file's executable text: digests, settings, and the statements in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Body {
    /// The file, relative to the project's root.
    pub path: Arc<str>,
    /// SHA-256 of what runs: the checksum.
    pub digest: Digest,
    /// SHA-256 of the file's bytes as they are.
    pub raw: Digest,
    /// SHA-256 of the bare tokens; equal digests here mean that only comments or white space differ.
    pub tokens: Digest,
    /// What surrounds its statements.
    pub settings: StepSettings,
    /// Its statements in order, not overlapping; none of a streamed one, which is always one transaction.
    pub statements: Vec<Statement>,
    /// How its one statement is run over ranges of keys, where it is a backfill.
    pub batch: Option<Batch>,
    /// What its statements need of their server, and what they bring.
    #[serde(skip_serializing_if = "Needs::is_empty")]
    pub needs: Needs,
    /// The jobs that it declares: then it has no statements, and what runs follows from the server's jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Jobs>,
    /// Its size, where it is too large to be held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streamed: Option<Streamed>,
}

/// The size of a body that is read again while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Streamed {
    /// Bytes of its file.
    pub bytes: u64,
    /// Statements that run.
    pub statements: u64,
}

impl Body {
    /// A body that runs nothing.
    #[must_use]
    pub fn empty(path: &Arc<str>) -> Self {
        let nothing = Digest::of(b"");
        let (path, settings) = (Arc::clone(path), StepSettings::default());
        let (statements, batch, needs, jobs, streamed) = (Vec::new(), None, Needs::default(), None, None);
        Self {
            path,
            digest: nothing,
            raw: nothing,
            tokens: nothing,
            settings,
            statements,
            batch,
            needs,
            jobs,
            streamed,
        }
    }

    /// Whether there is no text to fetch: no statement, neither held nor streamed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.streamed.is_none()
    }

    /// Whether the whole body can run in one transaction (`-- dunlin: transaction none` makes every statement stand alone).
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        let transactional = |statement: &Statement| statement.class == StatementClass::Transactional;
        self.batch.is_none() && self.statements.iter().all(transactional)
    }

    /// What tells whether an interrupted attempt was at the same: a digest per statement, or one for all of a backfill.
    #[must_use]
    pub fn sums(&self) -> Vec<Digest> {
        match self.batch {
            Some(_) => vec![self.digest],
            None => self.statements.iter().map(|statement| statement.digest).collect(),
        }
    }

    /// Where a statement is, counted from 0, without its text.
    #[must_use]
    pub fn place(&self, statement: usize) -> Place {
        let (file, line) = (Arc::clone(&self.path), self.statements[statement].line);
        Place { file, line, column: 1, text: Arc::from(""), width: 0 }
    }

    /// The tables that its statements outside transactions work on; none where one of them does not tell.
    #[must_use]
    pub fn tables(&self) -> Option<Vec<&QualifiedName>> {
        let probes = self.statements.iter().filter_map(|statement| match &statement.class {
            StatementClass::Alone { probe, .. } => Some(probe),
            StatementClass::Transactional => None,
        });
        let tables: Option<Vec<_>> = probes.map(Probe::tables).collect();
        tables.map(|tables| tables.concat())
    }
}

/// What surrounds a body's statements: its headers laid over its set's and its target's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StepSettings {
    /// The isolation level and access mode of the file's own BEGIN, such as `ISOLATION LEVEL SERIALIZABLE`.
    pub isolation: Option<String>,
    /// How long a statement waits for a lock.
    #[serde(serialize_with = "milliseconds")]
    pub lock_timeout: Option<Duration>,
    /// How long a statement may take; zero is no limit.
    #[serde(serialize_with = "milliseconds")]
    pub timeout: Option<Duration>,
    /// SET ROLE for the body.
    pub role: Option<String>,
    /// The search path for the body, as SET takes it.
    pub search_path: Option<String>,
    /// Further server settings for the body, name to value.
    pub settings: BTreeMap<String, String>,
}

pub(crate) fn milliseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_millis()).serialize(serializer)
}

/// One statement of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its bytes in the text that runs, without trailing semicolon.
    pub range: Range<usize>,
    /// Its first line in the file, from 1 (the text that runs keeps the file's lines).
    pub line: u32,
    /// SHA-256 of its text.
    pub digest: Digest,
    /// How it may run.
    pub class: StatementClass,
    /// The data lines of a `COPY … FROM STDIN`, without the closing `\.`.
    pub copy: Option<Copy>,
}

/// Where the data of a `COPY … FROM STDIN` lies in the text that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// The bytes of the data.
    pub data: Range<usize>,
}

/// How a statement may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatementClass {
    /// In a transaction with others.
    Transactional,
    /// Only by itself, outside any transaction.
    Alone {
        /// What it is, for people: `CREATE INDEX CONCURRENTLY`.
        what: String,
        /// How to find out whether it was done.
        probe: Probe,
    },
}

/// How to find out, from outside, whether a statement that ran alone was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// The named index is there, valid, on this table, and as it is to be.
    IndexValid {
        /// The index, in its table's schema.
        index: String,
        /// The table.
        table: QualifiedName,
        /// How it is to be; none where that is not known.
        shape: Option<IndexShape>,
    },
    /// As `IndexValid`, of a hypertable whose chunks get it one after the other, each in a transaction.
    ChunkIndex {
        /// The index, in its table's schema.
        index: String,
        /// The hypertable.
        table: QualifiedName,
        /// How it is to be; none where that is not known.
        shape: Option<IndexShape>,
    },
    /// None of these indexes is there.
    IndexAbsent(Vec<QualifiedName>),
    /// Nothing is left of what REINDEX CONCURRENTLY builds on its way; it can be run again.
    Rebuilt(Rebuilt),
    /// The partition is no part of the table any more; one that is only half detached is finished.
    Detached {
        /// The partitioned table.
        table: QualifiedName,
        /// The partition.
        partition: QualifiedName,
    },
    /// The enum has this label.
    EnumValue {
        /// The enum.
        name: QualifiedName,
        /// The label.
        value: String,
    },
    /// The database is there, and usable.
    DatabaseThere(String),
    /// The database is not there.
    DatabaseGone(String),
    /// What holds after it, where nothing is a transaction.
    Effects {
        /// What holds; never empty.
        effects: Vec<Effect>,
        /// Whether it does no harm to run it again, whatever of it is there.
        again: bool,
        /// The cluster on every replica of which it is to hold.
        cluster: Option<String>,
    },
    /// What the statement makes is there as it says.
    Promised(Promise),
    /// A refresh that the file asks for in a directive: no text of the file runs, and it can run again.
    Refreshed(Refresh),
    /// The extension has the version that an update gives it. The statement has to be the first of its session.
    Updated {
        /// The extension.
        extension: String,
        /// The version, where the statement names one.
        version: Option<String>,
    },
    /// Running it again does no harm.
    Repeat,
    /// The author's query; its first column says true once it is done.
    Query(String),
    /// Nothing is known: after a crash a person decides.
    Unknown,
    /// Nothing is known, and it commits on its way: even what the server refuses may be done in part.
    Piecemeal,
}

/// What tells one index of a table from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexShape {
    /// Whether it is UNIQUE.
    pub unique: bool,
    /// What the statement says behind the table's name: method, columns, predicate and the like.
    pub rest: String,
}

/// What REINDEX CONCURRENTLY rebuilds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rebuilt {
    /// One index.
    Index(QualifiedName),
    /// The indexes of one table.
    Table(QualifiedName),
    /// The indexes of a schema.
    Schema(String),
    /// The indexes of the whole database.
    Database,
}

impl Probe {
    /// Whether the server itself refuses the statement, or does nothing, when its effect is there already.
    #[must_use]
    pub fn is_judged_by_server(&self) -> bool {
        match self {
            Self::IndexValid { .. }
            | Self::ChunkIndex { .. }
            | Self::Promised(_)
            | Self::Updated { .. }
            | Self::IndexAbsent(_)
            | Self::Detached { .. }
            | Self::EnumValue { .. }
            | Self::DatabaseThere(_)
            | Self::DatabaseGone(_) => true,
            // The server counts no mutations: it does the same one twice.
            Self::Effects { effects, .. } => !effects.iter().any(|effect| matches!(effect, Effect::Mutated { .. })),
            Self::Refreshed(_) | Self::Rebuilt(_) | Self::Repeat | Self::Query(_) | Self::Unknown | Self::Piecemeal => {
                false
            }
        }
    }

    /// Whether the statement waits for other transactions to end, and leaves something behind when it gives up.
    #[must_use]
    pub fn waits_for_others(&self) -> bool {
        matches!(self, Self::IndexValid { .. } | Self::IndexAbsent(_) | Self::Rebuilt(_) | Self::Detached { .. })
    }

    /// The tables that it works on; none where they are not known.
    #[must_use]
    pub fn tables(&self) -> Option<Vec<&QualifiedName>> {
        match self {
            Self::IndexValid { table, .. } | Self::ChunkIndex { table, .. } | Self::Rebuilt(Rebuilt::Table(table)) => {
                Some(vec![table])
            }
            Self::Detached { table, partition } => Some(vec![table, partition]),
            Self::EnumValue { .. } => Some(Vec::new()),
            _ => None,
        }
    }
}

/// A name as SQL writes it, perhaps with its schema; parts are already unquoted and folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QualifiedName {
    /// The schema, where one is written.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

impl QualifiedName {
    /// The name as SQL takes it back, each part quoted.
    #[must_use]
    pub fn quoted(&self) -> String {
        let quote = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(&self.name)),
            None => quote(&self.name),
        }
    }

    /// The name in a string such as `app.readings` or `"App"."Readings"`, as the server reads it there.
    #[must_use]
    pub fn in_string(text: &str) -> Self {
        let (mut parts, mut quoted, mut after_quote) = (vec![String::new()], false, false);
        for one in text.trim().chars() {
            let part = parts.last_mut().expect("there is one from the start, and none is taken away");
            match one {
                '"' => {
                    if after_quote {
                        part.push('"');
                    }
                    after_quote = quoted;
                    quoted = !quoted;
                    continue;
                }
                '.' if !quoted => parts.push(String::new()),
                one if quoted => part.push(one),
                one => part.extend(one.to_lowercase()),
            }
            after_quote = false;
        }
        let name = parts.pop().unwrap_or_default();
        Self { schema: parts.pop(), name }
    }

    /// May both mean the same? A missing schema matches any.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let schemas = self.schema.as_ref().zip(other.schema.as_ref());
        self.name == other.name && schemas.is_none_or(|(mine, theirs)| mine == theirs)
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}

impl Migration {
    /// What runs when it is taken back: its down, or nothing for a seed without one.
    #[must_use]
    pub fn way_back(&self) -> Option<Body> {
        let forgotten = || (self.kind == Kind::Seed).then(|| Body::empty(&self.up.path));
        self.down.clone().or_else(forgotten)
    }

    /// The set it belongs to.
    #[must_use]
    pub fn set(&self) -> &SetName {
        &self.id.set
    }
}
