//! A driver without a server: databases in memory that keep the protocol's promises, for tests of whatever uses drivers.
//!
//! It understands a handful of statements ([`conformance`](crate::conformance) lists them) and takes every other one as an
//! effect without objects. Faults are injected by a script that sees each act before it happens: what a crash at that point
//! leaves behind is then what a real server would show.

mod backfill;
mod database;
mod fault;
mod jobs;
mod session;
mod statements;

pub use database::MemoryDatabase;
pub use fault::{Act, Fault};
