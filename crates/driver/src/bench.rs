//! What the conformance suite works with: steps made out of plain statements, and a driver with everything around it that a
//! session's calls need.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dunlin_planner::{
    Action, Backfill, BackfillAction, Batch, BatchPlace, Body, Dependency, Digest, Failure, FailureClass, Kind,
    LaneKind, LedgerId, LedgerRow, LogEntry, Migration, MigrationId, Needs, Pace, Place, Probe, ProjectName,
    QualifiedName, Repair, RunId, Settlement, Statement, StatementClass, Step, StepSettings, TargetFacts, TargetName,
    Walk, WalkAction, settle,
};

use crate::conformance::Database;
use crate::{BatchClaim, Claim, Driver, Jobs, Session, StepTask};

/// A step of a plan together with the text that it runs.
pub struct StepText {
    /// The step.
    pub step: Step,
    /// The text.
    pub text: Arc<str>,
}

impl StepText {
    /// A migration `set/version` of these statements; what cannot be in a transaction is recognised by `CONCURRENTLY`.
    #[must_use]
    pub fn apply(id: &str, statements: &[&str]) -> Self {
        Self::said(id, statements.iter().map(|statement| Said::plainly(statement)).collect())
    }

    fn said(id: &str, statements: Vec<Said>) -> Self {
        let (body, text) = body(id, statements);
        let id: MigrationId = id.parse().expect("it is a migration's id");
        let step = Step {
            name: "step".to_owned(),
            service: dunlin_planner::ServiceName::new(id.set.as_str()).expect("a set's name fits a service"),
            target: target(),
            kind: Kind::Versioned,
            phase: None,
            action: Action::Apply { after: Vec::new(), again: false },
            checksum: body.digest,
            body,
            waits: Vec::new(),
            pulled_in_by: None,
            resumes: false,
            estimate: None,
            remaining: 1,
            id,
        };
        Self { step, text }
    }

    /// What takes `up` back.
    #[must_use]
    pub fn revert(up: &Self, statements: &[&str], dependents: &[&str]) -> Self {
        up.reverted(statements.iter().map(|statement| Said::plainly(statement)).collect(), dependents)
    }

    fn reverted(&self, statements: Vec<Said>, dependents: &[&str]) -> Self {
        let up = self;
        let dependents = dependents.iter().map(|id| id.parse().expect("it is a migration's id")).collect();
        let (body, text) = body(&up.step.id.to_string(), statements);
        Self { step: Step { action: Action::Revert { dependents }, body, ..up.step.clone() }, text }
    }

    /// A backfill of `table` along `key` whose one statement takes its range at `:batch`; every range has `size` rows.
    #[must_use]
    pub fn backfill(id: &str, table: &str, key: &[&str], size: u64, statement: &str) -> Self {
        Self::apply(id, &[statement]).batched(table, key, size)
    }

    /// The same, as a backfill.
    #[must_use]
    pub fn batched(mut self, table: &str, key: &[&str], size: u64) -> Self {
        let places =
            self.text.match_indices(":batch").map(|(at, word)| BatchPlace { range: at..at + word.len(), alias: None });
        self.step.body.batch = Some(Batch {
            table: QualifiedName { schema: None, name: table.to_owned() },
            key: key.iter().map(|column| (*column).to_owned()).collect(),
            places: places.collect(),
            pace: Pace { time: None, ..Pace::of(size) },
        });
        self
    }

    /// With these predecessors.
    #[must_use]
    pub fn after(mut self, after: &[Dependency]) -> Self {
        self.step.action = Action::Apply { after: after.to_vec(), again: false };
        self
    }

    /// Of this kind.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.step.kind = kind;
        self
    }
}

fn target() -> TargetName {
    TargetName::new("target").expect("it is a name")
}

/// `step` as a predecessor.
pub(crate) fn needs(step: &StepText, declared: bool) -> Dependency {
    Dependency { id: step.step.id.clone(), checksum: step.step.checksum, target: target(), declared }
}

pub(crate) fn number_of_statements(step: &StepText) -> u32 {
    u32::try_from(step.step.body.statements.len()).expect("there are few")
}

/// The class of a failure.
pub(crate) fn class<T>(ended: &Result<T, Failure>) -> Option<FailureClass> {
    ended.as_ref().err().map(|failure| failure.class)
}

fn body(id: &str, statements: Vec<Said>) -> (Body, Arc<str>) {
    let (mut text, mut parsed) = (String::new(), Vec::new());
    for (line, Said { text: statement, class }) in (1..).zip(statements) {
        let range = text.len()..text.len() + statement.len();
        parsed.push(Statement { range, line, digest: Digest::of(statement.as_bytes()), class, copy: None });
        text.push_str(&statement);
        text.push_str(";\n");
    }
    let digest = Digest::of(text.as_bytes());
    let path = Arc::from(format!("migrations/{id}.sql"));
    let body = Body {
        path,
        digest,
        raw: digest,
        tokens: digest,
        settings: StepSettings::default(),
        statements: parsed,
        batch: None,
        needs: Needs::default(),
        jobs: None,
        streamed: None,
    };
    (body, Arc::from(text))
}

/// One of the cases' statements in a database's own words, and how it runs there.
#[derive(Debug, Clone)]
pub struct Said {
    /// The statement.
    pub text: String,
    /// How it runs.
    pub class: StatementClass,
}

impl Said {
    /// As PostgreSQL says it: what cannot be in a transaction is recognised by `CONCURRENTLY`.
    #[must_use]
    pub fn plainly(statement: &str) -> Self {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let name = |name: &str| QualifiedName { schema: None, name: name.to_owned() };
        let alone = |probe| StatementClass::Alone { what: words[..3].join(" "), probe };
        let class = match words.as_slice() {
            ["CREATE", "INDEX", "CONCURRENTLY", index, "ON", table, ..] => {
                alone(Probe::IndexValid { index: (*index).to_owned(), table: name(table), shape: None })
            }
            ["DROP", "INDEX", "CONCURRENTLY", index] => alone(Probe::IndexAbsent(vec![name(index)])),
            _ => StatementClass::Transactional,
        };
        Self { text: statement.to_owned(), class }
    }
}

type Ledgers = dyn Fn(&TargetName) -> Option<LedgerId> + Send + Sync;

/// A database under test, and what a session's calls need besides.
pub struct Bench {
    name: String,
    database: Box<dyn Database>,
    ledgers: Box<Ledgers>,
    known: Arc<std::sync::OnceLock<LedgerId>>,
    pub(crate) project: ProjectName,
    /// The run that every step of this bench belongs to.
    pub run: RunId,
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Bench {
    /// Works on `database`; failures bear `name`.
    #[must_use]
    pub fn new(name: &str, database: Box<dyn Database>) -> Self {
        let known = Arc::new(std::sync::OnceLock::new());
        let read = Arc::clone(&known);
        Self {
            name: name.to_owned(),
            database,
            ledgers: Box::new(move |_| read.get().cloned()),
            known,
            project: ProjectName::new("conformance").expect("it is a name"),
            run: RunId::new("0197a000-0000-7000-8000-000000000001").expect("it is a name"),
        }
    }

    /// The database under test.
    pub(crate) fn database(&self) -> &dyn Database {
        &*self.database
    }

    /// What goes on by itself in the database under test.
    pub(crate) fn jobs(&self) -> Option<&dyn Jobs> {
        self.database.jobs()
    }

    /// A migration `set/version` of these statements, in the words of the database under test.
    pub(crate) fn step(&self, id: &str, statements: &[&str]) -> StepText {
        StepText::said(id, self.said(statements))
    }

    /// A migration `set/version` of statements in the database's own words.
    #[must_use]
    pub fn made(&self, id: &str, statements: Vec<Said>) -> StepText {
        StepText::said(id, statements)
    }

    /// What takes `up` back.
    pub(crate) fn down(&self, up: &StepText, statements: &[&str], dependents: &[&str]) -> StepText {
        up.reverted(self.said(statements), dependents)
    }

    fn said(&self, statements: &[&str]) -> Vec<Said> {
        statements.iter().map(|statement| self.database.say(statement)).collect()
    }

    /// Whether a step that fails leaves nothing.
    pub(crate) async fn is_transactional(&self) -> bool {
        self.inspect().await.capabilities.transactional_ddl
    }

    /// The driver under test.
    #[must_use]
    pub fn driver(&self) -> Arc<dyn Driver> {
        self.database.driver()
    }

    /// Reads the database.
    pub async fn inspect(&self) -> TargetFacts {
        self.driver().inspect(&self.project).await.unwrap_or_else(|failure| panic!("{self}: {failure:?}"))
    }

    /// Makes the ledger.
    pub async fn bootstrap(&self) -> LedgerId {
        let id = self.driver().bootstrap(None).await.unwrap_or_else(|failure| panic!("{self}: {failure:?}"));
        self.known.get_or_init(|| id.clone());
        id
    }

    /// Opens a session.
    pub async fn session(&self, lane: LaneKind) -> Box<dyn Session> {
        self.driver().session(lane).await.unwrap_or_else(|failure| panic!("{self}: {failure:?}"))
    }

    /// A step as sessions take it.
    pub fn task<'a>(&'a self, step: &'a StepText) -> StepTask<'a> {
        StepTask {
            project: &self.project,
            run: &self.run,
            step: &step.step,
            text: Arc::clone(&step.text),
            pieces: None,
            timeline: None,
            ledgers: &*self.ledgers,
            notices: Arc::new(|_| {}),
        }
    }

    /// Runs a step in a session of its own, in one transaction where it can be in one.
    ///
    /// # Errors
    /// The session's failure.
    pub async fn apply(&self, step: &StepText) -> Result<bool, Failure> {
        let mut session = self.session(LaneKind::Main).await;
        self.apply_on(&mut *session, step).await
    }

    /// Runs a step; false where it was done already.
    ///
    /// # Errors
    /// The session's failure.
    pub async fn apply_on(&self, session: &mut dyn Session, step: &StepText) -> Result<bool, Failure> {
        if step.step.body.is_transactional() {
            return session.apply(&self.task(step)).await;
        }
        Ok(!self.walk(session, step).await?.is_empty())
    }

    /// Does what a walk does for the statement at `index`, of a step that is claimed.
    pub(crate) async fn one(&self, session: &mut dyn Session, step: &StepText, index: usize) -> Result<(), Failure> {
        let task = self.task(step);
        if step.step.body.statements[index].class == StatementClass::Transactional {
            return session.execute_recorded(&task, index).await;
        }
        let seen = session.probe(&step.step.body, index).await?;
        session.intend(&task, index, &seen).await?;
        session.execute(&task, index).await?;
        session.advance(&task, index).await
    }

    /// Walks through a step that runs statement by statement, and says what was done; nothing, where it was done already.
    ///
    /// # Errors
    /// The session's failure, or the walk's; the step is given back.
    pub async fn walk(&self, session: &mut dyn Session, step: &StepText) -> Result<Vec<WalkAction>, Failure> {
        let task = self.task(step);
        let Claim::Taken { finished, pre, .. } = session.claim(&task).await? else { return Ok(Vec::new()) };
        let mut walk = Walk::new(&step.step.body, finished, pre);
        let mut actions = Vec::new();
        loop {
            let action = walk.action();
            let ended = act(session, &task, &mut walk, &action).await;
            actions.push(action.clone());
            match ended {
                Ok(()) if action == WalkAction::Finish => return Ok(actions),
                Ok(()) => {}
                Err(failure) => {
                    session.release().await;
                    return Err(failure);
                }
            }
        }
    }

    /// Runs a backfill to its end, and says how many rows each of its ranges had; none, where it was done already.
    ///
    /// # Errors
    /// The session's failure; the step is given back.
    pub async fn backfill(&self, session: &mut dyn Session, step: &StepText) -> Result<Vec<u64>, Failure> {
        let (task, batch) = (self.task(step), step.step.body.batch.as_ref().expect("the step is a backfill"));
        let BatchClaim::Taken(begun) = session.claim_batches(&task, batch.pace.size).await? else {
            return Ok(Vec::new());
        };
        let (mut backfill, mut ranges) = (Backfill::new(batch, begun), Vec::new());
        loop {
            let ended = match backfill.action() {
                BackfillAction::Measure => session.pressure().await.map(|pressure| backfill.measured(&pressure)),
                BackfillAction::Batch { size } => session.batch(&task, size).await.map(|facts| {
                    ranges.push(facts.rows);
                    backfill.ran(facts, Duration::from_millis(1));
                }),
                BackfillAction::Rest { .. } => {
                    backfill.rested();
                    Ok(())
                }
                BackfillAction::Stop(failure) => Err(failure),
                BackfillAction::Done => return Ok(ranges),
            };
            if let Err(failure) = ended {
                session.release().await;
                return Err(failure);
            }
        }
    }

    /// What saying `repair` of a step's migration, as it is now, comes to.
    pub async fn settlement(&self, step: &StepText, repair: Repair) -> Settlement {
        let Step { id, name, kind, body, .. } = step.step.clone();
        let place = Place::file(&body.path);
        let migration = Migration { id, name, kind, phase: None, place, up: body, down: None, depends: Vec::new() };
        let row = self.row(step).await.unwrap_or_else(|| panic!("{self}: no row"));
        settle(Some(&migration), &row, repair, "it was seen").unwrap_or_else(|refused| panic!("{self}: {refused:?}"))
    }

    /// Settles it.
    ///
    /// # Errors
    /// The driver's failure.
    pub async fn settle(&self, settlement: &Settlement) -> Result<(), Failure> {
        self.driver().settle(&self.project, settlement).await
    }

    /// The last lines of the log.
    pub async fn log(&self) -> Vec<LogEntry> {
        self.driver().log(&self.project).await.unwrap_or_else(|failure| panic!("{self}: {failure:?}"))
    }

    /// The row of a step's migration.
    pub async fn row(&self, step: &StepText) -> Option<LedgerRow> {
        self.inspect().await.ledger.row(&step.step.id).cloned()
    }

    /// All rows.
    pub async fn rows(&self) -> BTreeMap<MigrationId, LedgerRow> {
        self.inspect().await.ledger.rows().map(|row| (row.id.clone(), row.clone())).collect()
    }

    /// The names of the tables and indexes that migrations made, in order.
    pub async fn objects(&self) -> Vec<String> {
        self.database.objects().await.into_iter().collect()
    }
}

async fn act(
    session: &mut dyn Session,
    task: &StepTask<'_>,
    walk: &mut Walk<'_>,
    action: &WalkAction,
) -> Result<(), Failure> {
    match *action {
        WalkAction::Probe(index) => {
            walk.probed(session.probe(&task.step.body, index).await?);
            return Ok(());
        }
        WalkAction::Intend(index, ref seen) => session.intend(task, index, seen).await?,
        WalkAction::Clean(index) => session.clean(task, index).await?,
        WalkAction::Execute(index) => session.execute(task, index).await?,
        WalkAction::ExecuteRecorded(index) => session.execute_recorded(task, index).await?,
        WalkAction::Advance(index) => session.advance(task, index).await?,
        WalkAction::Finish => return session.finish(task).await,
        WalkAction::Stop(ref failure) => return Err(failure.clone()),
    }
    walk.done();
    Ok(())
}
