//! Reads a project's files into the planner's input: `dunlin.toml`, environment files, dependency files, and migration
//! folders of every naming style.
//!
//! [`read`] is the front door. It never stops at the first problem: what is wrong becomes a finding in the catalog, with
//! file, line, column and the source line. Only a project without a readable configuration is a [`ReadFailure`].
//!
//! A file larger than [`MAX_HELD`] is read once for what it is, and once more when it runs, which one of those that is told
//! by its marks. It always is one transaction, and rules that need a syntax tree are not applied to it.
//!
//! This crate opens files and nothing else: no database, no terminal, and the process's environment only through the
//! function that [`Request`] carries. Secrets from files and commands are read when a connection is resolved, not before.

mod batch;
mod bodies;
mod body;
mod calls;
mod claims;
mod clickhouse;
mod config;
mod connection;
mod dependencies;
mod disk;
mod draft;
mod fill;
mod folder;
mod headers;
mod jobs;
mod keys;
mod large;
mod needs;
mod project;
mod secret;
mod set;
mod source;
mod sql_file;
mod styles;
mod timescale;
mod tree;
mod words;

pub use bodies::HeldBodies;
pub use config::policy::{BackupGate, PolicyGates};
pub use connection::{Connection, Endpoint, Resolved};
pub use draft::{DraftRequest, NewFile, draft};
pub use keys::{JOB, KEYS, Key, Shape};
pub use project::{Project, ReadFailure, Request, read};
pub use sql_file::MAX_HELD;
pub use styles::NAMES as STYLE_NAMES;
pub use words::{NotADuration, duration};
