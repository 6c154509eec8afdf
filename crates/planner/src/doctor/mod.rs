//! What `dunlin doctor` says: facts about a database that no migration needs to run, and what they mean for one that will.
//!
//! [`Health`] holds the facts, as a driver read them; [`diagnose`] judges. Nothing here decides whether a run begins: what a
//! run must know it finds out by itself.

mod blocking;
mod capacity;
mod check;
mod diagnose;
mod health;
mod ledger;
mod privileges;
mod reach;
mod replication;
mod server;

pub use check::{Area, Check, Diagnosis, Level, TargetDiagnosis};
pub use diagnose::{Examination, diagnose};
pub use health::{
    Access, Creation, Direct, Encryption, ExtensionSeen, Freeze, Health, HostSeen, InvalidIndex, Lag, Line, Load,
    LongTransaction, Membership, Mutation, Prepared, Replication, RoleSeen, Room, Route, RunsUnder, ServerRole,
    Setting, Slot, StandbySeen, Told, Transactions, Used, Verified,
};
