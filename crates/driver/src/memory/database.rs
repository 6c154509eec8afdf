//! The database itself: ledger, objects, effects, locks, and the script of faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dunlin_planner::{
    Adoption, Body, Capabilities, Digest, EnvironmentName, Failure, FailureClass, Feature, Holder, How, Identity,
    LaneKind, Ledger, LedgerId, LedgerRow, LogEntry, MigrationId, Offers, Pausable, ProbeFact, ProjectName, Resumption,
    RowMark, RunId, ServerVersion, Settlement, Support, TargetFacts, TargetName, Timestamp,
};

use super::fault::{Act, Fault};
use super::jobs::Jobs;
use super::session::MemorySession;
use super::statements::Objects;
use crate::conformance::Database;
use crate::{Driver, Paused, Session};

/// The number of every database in memory on its server, which is its own.
pub(super) const DATABASE: u32 = 1;

/// It stands for a real database as far as runs are concerned.
const OFFERS: Offers = Offers {
    transactions: Support::Yes,
    statements: Support::Yes,
    probes: Support::Yes,
    large: Support::No("it holds everything in memory"),
    rows: Support::No("it has no rows"),
    backfills: Support::Yes,
    downs: Support::Yes,
    pausing: Support::Yes,
    jobs: Support::No("its jobs come from nowhere"),
    chain: Support::No("its log dies with it"),
    repairs: Support::Yes,
    claims: Support::Yes,
    roles: Support::No("nobody logs in"),
    cancel: Support::No("nothing takes time"),
    notices: Support::No("nobody says anything"),
    blockers: Support::No("nobody waits"),
    replicas: Support::No("there is one of it"),
    poolers: Support::No("there is no connection"),
    doctor: Support::No("there is nothing to examine"),
};

/// A database in memory; clones are the same database.
#[derive(Clone)]
pub struct MemoryDatabase {
    target: TargetName,
    state: Arc<Mutex<State>>,
}

type Script = dyn FnMut(&Act) -> Option<Fault> + Send;

pub(super) struct State {
    pub(super) ledger: Option<LedgerId>,
    environment: Option<EnvironmentName>,
    pub(super) rows: BTreeMap<RowKey, Row>,
    pub(super) objects: Objects,
    pub(super) effects: Vec<String>,
    /// How often each row of a table was changed, by its key.
    pub(super) tables: BTreeMap<String, BTreeMap<u64, u64>>,
    /// Who works on which step.
    pub(super) locks: BTreeMap<RowKey, u64>,
    sessions: u64,
    clock: i64,
    features: BTreeSet<Feature>,
    pub(super) log: Vec<(ProjectName, LogEntry)>,
    pub(super) jobs: Jobs,
    latency: Duration,
    script: Box<Script>,
}

pub(super) type RowKey = (ProjectName, MigrationId);

/// A row, with what only the driver needs to know of it.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) row: LedgerRow,
    pub(super) sums: Vec<Digest>,
    pub(super) pre: Option<ProbeFact>,
    /// The last key and the number of rows that a backfill has behind it.
    pub(super) cursor: (Option<u64>, u64),
}

impl Row {
    /// The digests of what was finished or begun.
    pub(super) fn begun(&self) -> &[Digest] {
        let begun = self.row.step as usize + usize::from(self.pre.is_some());
        &self.sums[..begun.min(self.sums.len())]
    }

    fn settle(&mut self, settlement: &Settlement, at: Timestamp) {
        let after = &settlement.after;
        (self.row.state, self.row.step, self.pre) = (after.state, after.step, None);
        self.row.attempt += 1;
        if settlement.before.state.is_open() && !after.state.is_open() {
            self.row.finished = Some(at);
        }
        if let Some(sums) = &after.checksums {
            (self.row.checksum, self.row.tokens) = (sums.checksum, sums.tokens);
        }
        if let Some(sums) = &after.sums {
            self.sums.clone_from(sums);
        }
    }

    /// The row as it is read.
    pub(super) fn read(&self) -> LedgerRow {
        LedgerRow { begun: self.begun().to_vec(), ..self.row.clone() }
    }
}

impl MemoryDatabase {
    /// An empty database behind this target.
    #[must_use]
    pub fn new(target: TargetName) -> Self {
        let state = State {
            ledger: None,
            environment: None,
            rows: BTreeMap::new(),
            objects: Objects::new(),
            effects: Vec::new(),
            tables: BTreeMap::new(),
            locks: BTreeMap::new(),
            sessions: 0,
            clock: 0,
            features: BTreeSet::new(),
            log: Vec::new(),
            jobs: Jobs::default(),
            latency: Duration::ZERO,
            script: Box::new(|_| None),
        };
        Self { target, state: Arc::new(Mutex::new(state)) }
    }

    /// Lets `script` decide before each act what goes wrong with it.
    pub fn script(&self, script: impl FnMut(&Act) -> Option<Fault> + Send + 'static) {
        self.lock().script = Box::new(script);
    }

    /// Lets every statement take this long; a cancel request cuts it short.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// Lets the server offer this.
    pub fn offer(&self, feature: &str) {
        self.lock().features.insert(Feature(feature.to_owned()));
    }

    /// The texts of the statements that took effect, in order.
    #[must_use]
    pub fn effects(&self) -> Vec<String> {
        self.lock().effects.clone()
    }

    /// Gives `table` rows with these keys, none of which was changed.
    pub fn fill(&self, table: &str, keys: impl IntoIterator<Item = u64>) {
        let rows = keys.into_iter().map(|key| (key, 0));
        self.lock().tables.entry(table.to_owned()).or_default().extend(rows);
    }

    /// How often each row of `table` was changed by backfills, by its key.
    #[must_use]
    pub fn changes(&self, table: &str) -> BTreeMap<u64, u64> {
        self.lock().tables.get(table).cloned().unwrap_or_default()
    }

    /// The rows of every project, by migration.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<MigrationId, LedgerRow> {
        self.lock().rows.iter().map(|((_, id), row)| (id.clone(), row.read())).collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn latency(&self) -> Duration {
        self.lock().latency
    }

    pub(super) fn fault(&self, act: &Act) -> Option<Fault> {
        (self.lock().script)(act)
    }

    /// Performs an act under the script's eyes, for acts that leave nothing half way.
    pub(super) fn perform<T>(
        &self,
        act: &Act,
        work: impl FnOnce(&mut State) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self.fault(act) {
            Some(Fault::Before(failure) | Fault::Halfway(failure)) => Err(failure),
            Some(Fault::After(failure)) => work(&mut self.lock()).and(Err(failure)),
            None => work(&mut self.lock()),
        }
    }
}

impl State {
    /// The next moment of this database's clock.
    pub(super) fn tick(&mut self) -> dunlin_planner::Timestamp {
        self.clock += 1;
        dunlin_planner::Timestamp(self.clock)
    }

    fn bootstrap(&mut self, target: &TargetName, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure> {
        self.environment.as_ref().map_or(Ok(()), |stamped| stamped.admits(environment))?;
        self.environment = environment.cloned();
        let id = LedgerId::new(&format!("ledger-{target}")).expect("a target's name fits");
        Ok(self.ledger.get_or_insert(id).clone())
    }

    fn facts(&self, target: &TargetName, project: &ProjectName) -> TargetFacts {
        let rows = self.rows.iter().filter(|((of, _), _)| of == project);
        let rows =
            rows.map(|(key, row)| (key.1.clone(), LedgerRow { holder: self.holder(key), ..row.read() })).collect();
        let identity = Identity { system: format!("memory-{target}"), database: DATABASE, timeline: 1 };
        let ledger = match &self.ledger {
            None => Ledger::Absent,
            Some(id) => {
                let environment = self.environment.clone();
                let born = Some(identity.clone());
                let lost = BTreeSet::new();
                Ledger::Present { id: id.clone(), protocol: 1, outdated: false, environment, born, lost, rows }
            }
        };
        TargetFacts {
            target: target.clone(),
            identity,
            started: Timestamp(0),
            standby: false,
            capabilities: Capabilities {
                server: "memory".to_owned(),
                version: ServerVersion(170_000),
                transactional_ddl: true,
                sessions: true,
                features: self.features.clone(),
                unknown: BTreeSet::new(),
                installed: BTreeSet::new(),
            },
            ledger,
            pausing: self.jobs.facts(),
            database: "memory".to_owned(),
            jobs: None,
        }
    }
}

impl State {
    fn holder(&self, key: &RowKey) -> Option<Holder> {
        let pid = u32::try_from(*self.locks.get(key)?).ok()?;
        Some(Holder { pid, application: "memory".to_owned(), seconds: 0 })
    }

    fn settle(&mut self, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure> {
        let (id, key) = (&settlement.id, (project.clone(), settlement.id.clone()));
        if let Some(holder) = self.holder(&key) {
            return Err(Failure::new(FailureClass::Busy, format!("`{id}` is held by {holder}")));
        }
        settlement.check(self.rows.iter().filter(|(key, _)| key.0 == *project).map(|(_, row)| &row.row))?;
        let at = self.tick();
        let shown = |row: &&mut Row| RowMark::of(&row.read()) == settlement.before;
        let Some(row) = self.rows.get_mut(&key).filter(shown) else {
            return Err(settlement.outrun());
        };
        row.settle(settlement, at);
        self.log.push((project.clone(), repaired(settlement, at)));
        Ok(())
    }
}

impl State {
    /// A database in memory has no identity but its ledger's.
    fn adopt(&mut self, project: &ProjectName, adoption: &Adoption) -> Result<LedgerId, Failure> {
        let Some(old) = self.ledger.clone().filter(|id| *id == adoption.ledger) else {
            return Err(Failure::new(FailureClass::Estranged, "the ledger is not as it was shown any more"));
        };
        let id = match adoption.how {
            How::Fork => LedgerId::new(&format!("{old}-fork")).expect("a ledger's name fits"),
            How::AfterRestore => old.clone(),
        };
        let needed = self.rows.values_mut().flat_map(|row| &mut row.row.dependencies);
        needed.filter(|needed| needed.ledger == old).for_each(|needed| needed.ledger.clone_from(&id));
        self.ledger = Some(id.clone());
        self.environment.clone_from(&adoption.after.environment);
        let (at, message) = (self.tick(), format!("`adopt --{}`: {}", adoption.how.word(), adoption.reason));
        let what = "adopted".to_owned();
        let entry =
            LogEntry { id: None, at, run: None, what, by: "memory".to_owned(), message: Some(message), sqlstate: None };
        self.log.push((project.clone(), entry));
        Ok(id)
    }
}

impl State {
    /// What the end of a step leaves in the log.
    pub(super) fn tell_done(&mut self, (project, id): &RowKey, row: &Row) {
        let entry = LogEntry {
            id: Some(id.clone()),
            at: row.row.finished.unwrap_or(Timestamp(0)),
            run: Some(row.row.run.clone()),
            what: row.row.state.as_str().to_owned(),
            by: row.row.by.clone(),
            message: None,
            sqlstate: None,
        };
        self.log.push((project.clone(), entry));
    }
}

fn repaired(settlement: &Settlement, at: Timestamp) -> LogEntry {
    LogEntry {
        id: Some(settlement.id.clone()),
        at,
        run: None,
        what: "repaired".to_owned(),
        by: "memory".to_owned(),
        message: Some(format!("`repair {}`: {}", settlement.repair.word(), settlement.reason)),
        sqlstate: None,
    }
}

#[async_trait]
impl Driver for MemoryDatabase {
    fn offers(&self) -> Offers {
        OFFERS
    }

    async fn inspect(&self, project: &ProjectName) -> Result<TargetFacts, Failure> {
        self.perform(&Act::Inspect, |state| Ok(state.facts(&self.target, project)))
    }

    async fn bootstrap(&self, environment: Option<&EnvironmentName>) -> Result<LedgerId, Failure> {
        self.perform(&Act::Bootstrap, |state| state.bootstrap(&self.target, environment))
    }

    async fn session(&self, lane: LaneKind) -> Result<Box<dyn Session>, Failure> {
        self.perform(&Act::Session(lane), |state| {
            state.sessions += 1;
            Ok(Box::new(MemorySession::new(self.clone(), state.sessions)) as Box<dyn Session>)
        })
    }

    async fn settle(&self, project: &ProjectName, settlement: &Settlement) -> Result<(), Failure> {
        self.perform(&Act::Settle(settlement.id.clone()), |state| state.settle(project, settlement))
    }

    async fn adopt(&self, project: &ProjectName, adoption: &Adoption) -> Result<LedgerId, Failure> {
        self.perform(&Act::Bootstrap, |state| state.adopt(project, adoption))
    }

    async fn pause(&self, project: &ProjectName, run: &RunId, what: &[Pausable]) -> Result<Paused, Failure> {
        self.perform(&Act::Pause, |state| state.pause(project, run, what))
    }

    async fn resume(&self, project: &ProjectName, run: &RunId) -> Result<Vec<Resumption>, Failure> {
        self.perform(&Act::Resume, |state| Ok(state.resume(&self.target, project, run)))
    }

    async fn log(&self, project: &ProjectName) -> Result<Vec<LogEntry>, Failure> {
        self.perform(&Act::Inspect, |state| {
            Ok(state.log.iter().filter(|(of, _)| of == project).map(|(_, entry)| entry.clone()).collect())
        })
    }

    async fn estimate(&self, body: &Body) -> Result<Option<u64>, Failure> {
        let table = body.batch.as_ref().map(|batch| batch.table.name.as_str()).unwrap_or_default();
        Ok(self.lock().tables.get(table).map(|rows| rows.len() as u64))
    }
}

#[async_trait]
impl Database for MemoryDatabase {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(self.clone())
    }

    async fn objects(&self) -> BTreeSet<String> {
        self.lock().objects.keys().cloned().collect()
    }

    fn jobs(&self) -> Option<&dyn crate::Jobs> {
        Some(self)
    }
}
