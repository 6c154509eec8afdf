//! The facts that a driver reads of a database for `dunlin doctor`: nothing is locked for them, and nothing created.
//!
//! Kinds of databases differ in what there is to ask: each thing is [`Told`], or it is said why not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{Catalog, TargetName};

/// What came of asking about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<T> {
    /// It was read.
    Known(T),
    /// It could not be read, and why.
    Unknown(String),
    /// This kind of database has no such thing.
    Foreign,
}

/// Nobody asked: a driver that examines nothing says so.
impl<T> Default for Told<T> {
    fn default() -> Self {
        Self::Unknown("this kind of target is not examined for it".to_owned())
    }
}

/// Everything that was read of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// The hosts that the target names, each as it was found.
    pub hosts: Vec<HostSeen>,
    /// The way to the server that is used.
    pub line: Told<Line>,
    /// A pooler in between.
    pub pooled: Told<bool>,
    /// The way past a pooler.
    pub direct: Direct,
    /// Extensions of the database, and those that its kind needs.
    pub extensions: Told<Vec<ExtensionSeen>>,
    /// The libraries that the server loads when it starts.
    pub preloaded: Told<Vec<String>>,
    /// What the role may do that migrates.
    pub role: Told<RoleSeen>,
    /// Who has to follow the server, and does.
    pub replication: Told<Replication>,
    /// What goes on there that a migration would have to wait for.
    pub transactions: Told<Transactions>,
    /// Transactions that wait for the second half of their commit.
    pub prepared: Told<Vec<Prepared>>,
    /// Indexes that no query uses.
    pub indexes: Told<Vec<InvalidIndex>>,
    /// What is used of what the server has.
    pub limits: Told<Load>,
    /// How large the database is, and how much more fits.
    pub room: Told<Room>,
    /// How far the server's clock is ahead of this machine's, in milliseconds.
    pub clock: Told<i64>,
    /// Settings of the server, the database or the role that end what takes long; zero is none.
    pub settings: Told<Vec<Setting>>,
    /// How old the oldest transaction number is that is still in use.
    pub freeze: Told<Freeze>,
    /// Changes of rows that go on by themselves.
    pub mutations: Told<Vec<Mutation>>,
    /// What only this kind of database has, name to value.
    pub extra: BTreeMap<String, String>,
}

/// What the migrations of a target run under, as far as it matters to privileges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunsUnder {
    /// Roles and search paths of bodies; none is the role that logs in, and its own search path.
    pub bodies: BTreeSet<(Option<String>, Option<String>)>,
}

impl RunsUnder {
    /// What the files say of `target`.
    #[must_use]
    pub fn of(catalog: &Catalog, target: &TargetName) -> Self {
        let here = catalog
            .migrations
            .iter()
            .filter(|migration| catalog.sets.get(migration.set()).is_some_and(|set| set.target == *target));
        let bodies =
            here.map(|migration| (migration.up.settings.role.clone(), migration.up.settings.search_path.clone()));
        Self { bodies: bodies.collect() }
    }
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerRole {
    /// It takes writes.
    Primary,
    /// It follows another one.
    Standby,
    /// It is set to read only.
    ReadOnly,
}

/// One host of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSeen {
    /// Host and port.
    pub name: String,
    /// What answered there, or why nothing did.
    pub answer: Result<ServerRole, String>,
}

/// The way that the bytes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A socket of this machine.
    Socket,
    /// This machine's own network.
    Loopback,
    /// The network.
    Network,
}

/// How far the server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// Not at all.
    Nothing,
    /// Who issued it.
    Issuer,
    /// Who issued it, and the server's name.
    Name,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// The version of the protocol, such as `TLS 1.3`.
    pub version: String,
    /// What is verified.
    pub verified: Verified,
}

/// A connection to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Host and port.
    pub host: String,
    /// Its way.
    pub way: Route,
    /// Its encryption, where it has one.
    pub encryption: Option<Encryption>,
}

/// The way past a pooler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Direct {
    /// None is configured.
    #[default]
    None,
    /// It leads to the server.
    Reached,
    /// It does not, and why.
    Failed(String),
}

/// An extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionSeen {
    /// Its name.
    pub name: String,
    /// The version that the server has.
    pub available: String,
    /// The version in the database.
    pub installed: Option<String>,
}

/// What a role may do with a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// There is none yet; whether it may make one.
    Absent {
        /// Whether it may.
        may_create: bool,
    },
    /// There is one.
    Present {
        /// Whose it is.
        owner: String,
        /// Whether the role has the owner's rights.
        owns: bool,
        /// Whether it may write what a run writes.
        writes: bool,
    },
}

/// A role that bodies run under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its name.
    pub role: String,
    /// Whether there is such a role.
    pub exists: bool,
    /// Whether the role that logs in may become it.
    pub may_set: bool,
}

/// Where unqualified names of bodies are created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The role that creates.
    pub role: String,
    /// The first schema of its search path that is there.
    pub schema: String,
    /// Whether it may create there.
    pub may_create: bool,
}

/// The role that logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSeen {
    /// Its name.
    pub name: String,
    /// Whether no privilege is checked for it.
    pub superuser: bool,
    /// Whether it sees what others do.
    pub sees_others: bool,
    /// The ledger.
    pub ledger: Access,
    /// Roles of bodies.
    pub members: Vec<Membership>,
    /// Schemas of bodies.
    pub creations: Vec<Creation>,
}

/// By how much a standby is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// In bytes of the log, where it is told.
    pub bytes: Option<u64>,
    /// In time, where it is told.
    pub time: Option<Duration>,
}

/// A server that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbySeen {
    /// What it calls itself.
    pub name: String,
    /// Whether commits wait for it, where that is told.
    pub synchronous: Option<bool>,
    /// By how much it is behind.
    pub lag: Lag,
}

/// A place that the server keeps its log for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Whether somebody reads from it.
    pub active: bool,
    /// How much of the log is kept for it.
    pub kept: u64,
}

/// Replication from the server's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// Whether the server itself is a standby; its lag then.
    pub standby: Option<Lag>,
    /// `synchronous_standby_names`.
    pub names: String,
    /// `synchronous_commit`.
    pub commit: String,
    /// Who follows.
    pub standbys: Vec<StandbySeen>,
    /// What the log is kept for.
    pub slots: Vec<Slot>,
}

/// A transaction that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongTransaction {
    /// Its process.
    pub pid: u32,
    /// What it calls itself.
    pub application: String,
    /// Its role.
    pub role: String,
    /// What it does, in the server's word.
    pub state: String,
    /// For how long it has gone on.
    pub age: Duration,
    /// The statement, or the last one, shortened.
    pub query: String,
    /// How many tables and indexes it holds locks on.
    pub locks: u32,
}

/// What others do in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transactions {
    /// Those that go on, the oldest first.
    pub open: Vec<LongTransaction>,
    /// Connections of others that this role may not look at.
    pub hidden: u32,
}

/// A prepared transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its name.
    pub gid: String,
    /// Its role.
    pub role: String,
    /// For how long it has been prepared.
    pub age: Duration,
}

/// An index that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidIndex {
    /// Its name with its schema.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Whether somebody may be building it now.
    pub building: bool,
}

/// What is used of a number of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// So many are in use.
    pub used: u64,
    /// There are so many.
    pub of: u64,
}

impl Used {
    /// How many are free.
    #[must_use]
    pub fn free(self) -> u64 {
        self.of.saturating_sub(self.used)
    }
}

/// What is used of what the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Connections, by what bounds them: the server, and the role and the database where they have a bound.
    pub connections: Vec<(String, Used)>,
    /// How many connections a run may open at most.
    pub wanted: u64,
    /// Entries of the lock table.
    pub locks: Option<Used>,
}

/// How much there is, and how much fits, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The database's size.
    pub size: u64,
    /// What is free where it lies, where the server tells.
    pub free: Option<Used>,
}

/// A setting, and its value as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value with its unit.
    pub value: String,
    /// Its value in milliseconds, where it is a time.
    pub time: Option<Duration>,
}

/// The age of transaction numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// Of transactions.
    pub transactions: u64,
    /// Of multixacts.
    pub multixacts: u64,
    /// Whether autovacuum runs.
    pub autovacuum: bool,
}

/// A change of rows that goes on by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// Its table.
    pub table: String,
    /// Its name there.
    pub id: String,
    /// What it does, shortened.
    pub command: String,
    /// For how long it has gone on.
    pub age: Duration,
    /// Why it does not get on, where the server says so.
    pub trouble: Option<String>,
}
