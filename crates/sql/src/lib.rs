//! SQL text: what a migration file says, without running it.
//!
//! [`Source::read`] is the front door: bytes in, and out come the text that runs, its digests, its headers, its
//! statements with their class, and everything wrong with it, each with its place. [`Source::lint`] adds the rules of
//! [`rules`], one per file. Behind it, in order: [`normalize`] (bytes to text), [`split`] (text to statements), [`headers`]
//! (comments to directives), [`analyze`] (statements to facts).
//!
//! A file too large to be held goes through [`Scan::read`] instead, and is handed out by [`Pieces`] when it runs.
//!
//! Pure: no files, no network, no clock, no output. The dialect is PostgreSQL's with the idioms of TimescaleDB and
//! pg_cron; ClickHouse's is in [`clickhouse`]. Left out: whether a statement is right. That is the server's to say, and
//! rehearsing asks it.
//!
//! Trade-off: what decides about safety (where a statement ends, whether it may run in a transaction, what is transaction
//! control) is read off tokens and works on any text. What helps people and the planner (objects, calls, locks) comes
//! from a syntax tree and may be missing.

mod analysis;
mod batch;
mod blocks;
mod call;
mod classify;
pub mod clickhouse;
mod control;
mod dialect;
mod digest;
mod directive;
mod excerpt;
mod filled;
mod headers;
mod lexer;
mod lines;
mod lock;
mod name;
mod names;
mod needs;
mod phase;
mod pieces;
mod problem;
mod read;
pub mod rules;
mod scan;
mod settings;
mod source;
mod split;
mod stream;
mod timescale;
mod tree;

pub use analysis::{
    Analysis, ColumnChange, ColumnChangeKind, ObjectAction, ObjectKind, ObjectRef, SyntaxIssue, TimescaleOption,
    analyze,
};
pub use batch::BatchPlace;
pub use blocks::{Marks, StreamError};
pub use call::{Argument, Call, CronJob};
pub use classify::{EnumValue, IndexBuild, NonTx, ReindexTarget, StatementClass};
pub use control::{ControlError, IsolationLevel, TransactionModes};
pub use dialect::Dialect;
pub use digest::{Digest, Digests};
pub use directive::{Allow, Batch, HeaderError, Limit, Refresh, duration};
pub use excerpt::Excerpt;
pub use filled::{Filled, Rows};
pub use headers::{Headers, Placed, headers};
pub use lines::{LineIndex, Position};
pub use lock::LockLevel;
pub use name::QualifiedName;
pub use needs::{Need, Needed};
pub use phase::{Phase, UnknownPhase};
pub use pieces::{Fragment, Piece, Pieces};
pub use problem::{Problem, Severity, Violation};
pub use read::{Normalized, ReadError, normalize};
pub use rules::{LintContext, Rule};
pub use scan::Scan;
pub use settings::{Setting, Settings};
pub use source::Source;
pub use split::{Script, SplitError, Statement, split, split_part};
pub use stream::Sizes;
pub use timescale::{AggregateBuild, Hypertable, Promise, Reslicing, Slicing};
