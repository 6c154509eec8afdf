//! One suite of cases that every driver passes; a driver's tests call [`run_all`] with a factory of empty databases.
//!
//! The cases speak a few statements that every database here understands (`CREATE TABLE`, `DROP TABLE`,
//! `CREATE INDEX CONCURRENTLY`, `SELECT 1/0`) and panic with the case's name when a driver does something else. What only one
//! kind of database does belongs into that driver's own tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use dunlin_planner::FailureClass::{Busy, Estranged, Rejected};
use dunlin_planner::{
    Adoption, Belonging, EnvironmentName, How, Kind, LaneKind, Ledger, LedgerId, ProbeFact, Repair, RowState,
    StatementClass, WalkAction,
};
use futures_util::future::{BoxFuture, join, join_all};

use crate::bench::{Bench, Said, StepText, class, needs, number_of_statements};
use crate::{Claim, Driver, Jobs, offered, pausing};

/// Makes the databases that the cases run on.
#[async_trait]
pub trait Factory: Send + Sync {
    /// An empty database that nobody else uses.
    async fn fresh(&self) -> Box<dyn Database>;
}

/// A database under test.
#[async_trait]
pub trait Database: Send + Sync {
    /// A driver for it, of the target `target`.
    fn driver(&self) -> Arc<dyn Driver>;

    /// A statement of the cases in this database's words. One that is by itself everywhere, such as an index build, may be any
    /// statement that leaves something of that name behind.
    fn say(&self, statement: &str) -> Said {
        Said::plainly(statement)
    }

    /// The names of the tables and indexes that migrations made.
    async fn objects(&self) -> BTreeSet<String>;

    /// A statement that takes half a minute, where statements can be cancelled.
    fn slow(&self) -> Option<Said> {
        None
    }

    /// A statement that makes the server say `hello` in a notice, where there are such.
    fn notice(&self) -> Option<Said> {
        None
    }

    /// What goes on there by itself, where this kind of database has anything like it.
    fn jobs(&self) -> Option<&dyn Jobs> {
        None
    }
}

pub(crate) type Case = for<'a> fn(&'a Bench) -> BoxFuture<'a, ()>;

/// Every case, with its name.
const CASES: &[(&str, Case)] = &[
    ("inspection creates nothing", |bench| Box::pin(inspection_creates_nothing(bench))),
    ("bootstrapping again changes nothing", |bench| Box::pin(bootstrap_is_idempotent(bench))),
    ("many can bootstrap at once", |bench| Box::pin(bootstrap_is_concurrent(bench))),
    ("a ledger belongs to one environment", |bench| Box::pin(environment_is_kept(bench))),
    ("a copy gets a ledger of its own", |bench| Box::pin(adopt_a_copy(bench))),
    ("applying writes the row", |bench| Box::pin(apply_writes_the_row(bench))),
    ("a failing body leaves nothing", |bench| Box::pin(failing_body_leaves_nothing(bench))),
    ("what a step needs must be applied", |bench| Box::pin(dependencies_are_checked(bench))),
    ("reverting and applying again", |bench| Box::pin(revert_and_reapply(bench))),
    ("a repeatable runs again when its text changes", |bench| Box::pin(repeatable_runs_again(bench))),
    ("two sessions race for one step", |bench| Box::pin(race(bench))),
    ("statement by statement", |bench| Box::pin(statement_by_statement(bench))),
    ("resuming behind a finished statement", |bench| Box::pin(resume(bench))),
    ("a claim excludes others", |bench| Box::pin(claim_excludes(bench))),
    ("an edited beginning is not resumed", |bench| Box::pin(edited_prefix(bench))),
    ("reverting statement by statement", |bench| Box::pin(revert_statement_by_statement(bench))),
    ("an edited file is accepted", |bench| Box::pin(accept_an_edited_file(bench))),
    ("what is needed is not forgotten", |bench| Box::pin(forget_what_nobody_needs(bench))),
    ("a person settles a statement", |bench| Box::pin(settle_a_statement(bench))),
];

/// Runs every case on a database of its own.
///
/// # Panics
/// When the driver fails a case; the message begins with the case's name.
pub async fn run_all(factory: &dyn Factory) {
    for (name, case) in CASES.iter().chain(pausing::CASES).chain(offered::CASES) {
        let bench = Bench::new(name, factory.fresh().await);
        case(&bench).await;
    }
}

async fn inspection_creates_nothing(bench: &Bench) {
    for _ in 0..2 {
        let facts = bench.inspect().await;
        assert_eq!(facts.ledger, Ledger::Absent, "{bench}");
        assert_eq!(facts.target.as_str(), "target", "{bench}");
    }
}

async fn bootstrap_is_idempotent(bench: &Bench) {
    let first = bench.bootstrap().await;
    let facts = bench.inspect().await;
    assert_eq!(bench.bootstrap().await, first, "{bench}");
    let Ledger::Present { id, environment, rows, .. } = facts.ledger else { panic!("{bench}: no ledger") };
    assert_eq!((id, environment, rows.len()), (first, None, 0), "{bench}");
    assert_eq!(facts.identity, bench.inspect().await.identity, "{bench}");
}

async fn bootstrap_is_concurrent(bench: &Bench) {
    let ids: BTreeSet<_> = join_all((0..4).map(|_| bench.bootstrap())).await.into_iter().collect();
    assert_eq!(ids.len(), 1, "{bench}");
}

async fn environment_is_kept(bench: &Bench) {
    let [dev, production] = ["dev", "production"].map(|name| EnvironmentName::new(name).expect("it is a name"));
    let driver = bench.driver();
    let made = driver.bootstrap(Some(&dev)).await;
    assert!(made.is_ok(), "{bench}: {made:?}");
    for other in [Some(&production), None] {
        let refused = driver.bootstrap(other).await.expect_err("another environment is refused");
        assert_eq!(refused.class, Estranged, "{bench}");
        assert!(refused.message.contains("`dev`"), "{bench}: {}", refused.message);
    }
    assert_eq!(driver.bootstrap(Some(&dev)).await, made, "{bench}");
}

async fn adopt_a_copy(bench: &Bench) {
    let old = bench.bootstrap().await;
    let base = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let next = bench.step("a/2", &["CREATE TABLE two (id int)"]).after(&[needs(&base, true)]);
    for step in [&base, &next] {
        assert_eq!(bench.apply(step).await, Ok(true), "{bench}");
    }
    let facts = bench.inspect().await;
    let adoption = |ledger: &LedgerId, how| {
        let identity = facts.identity.is_known().then(|| facts.identity.clone());
        let belongs = Belonging { identity, environment: None };
        let (target, reason) = (facts.target.clone(), "a copy".to_owned());
        Adoption {
            target,
            how,
            reason,
            ledger: ledger.clone(),
            before: belongs.clone(),
            after: belongs,
            lost: Vec::new(),
        }
    };
    let driver = bench.driver();
    let same = driver.adopt(&bench.project, &adoption(&old, How::AfterRestore)).await;
    assert_eq!(same.as_ref(), Ok(&old), "{bench}");
    let new = driver.adopt(&bench.project, &adoption(&old, How::Fork)).await.expect("it is the ledger that was shown");
    assert_ne!(new, old, "{bench}");
    assert_eq!(bench.bootstrap().await, new, "{bench}");
    let row = bench.row(&next).await.expect("the row is there");
    assert_eq!(row.dependencies.first().map(|needed| &needed.ledger), Some(&new), "{bench}");
    let again = driver.adopt(&bench.project, &adoption(&old, How::Fork)).await;
    assert_eq!(class(&again), Some(Estranged), "{bench}: {again:?}");
    let told = bench.log().await.iter().filter(|line| line.what == "adopted").count();
    assert_eq!(told, 2, "{bench}");
}

async fn apply_writes_the_row(bench: &Bench) {
    let ledger = bench.bootstrap().await;
    let base = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let next = bench.step("a/2", &["CREATE TABLE two (id int)"]).after(&[needs(&base, true)]);
    for step in [&base, &next] {
        assert_eq!(bench.apply(step).await, Ok(true), "{bench}");
        assert_eq!(bench.apply(step).await, Ok(false), "{bench}");
    }
    assert_eq!(bench.objects().await, ["one", "two"], "{bench}");
    let row = bench.row(&next).await.expect("the row is there");
    assert_eq!(
        (row.state, row.kind, row.transactional),
        (RowState::Applied, Kind::Versioned, bench.is_transactional().await),
        "{bench}"
    );
    assert_eq!((row.checksum, row.tokens), (next.step.checksum, next.step.body.tokens), "{bench}");
    assert_eq!((row.attempt, row.run, row.finished.is_some()), (1, bench.run.clone(), true), "{bench}");
    let stored: Vec<_> = row.dependencies.iter().map(|stored| (stored.id.clone(), stored.ledger.clone())).collect();
    assert_eq!(stored, [(base.step.id.clone(), ledger)], "{bench}");
}

async fn failing_body_leaves_nothing(bench: &Bench) {
    bench.bootstrap().await;
    let broken = bench.step("a/1", &["CREATE TABLE one (id int)", "SELECT 1/0"]);
    let failure = bench.apply(&broken).await.expect_err("the body fails");
    assert_eq!(failure.class, Rejected, "{bench}: {failure:?}");
    assert_eq!(failure.place.map(|place| place.line), Some(2), "{bench}");
    let mended = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    if bench.is_transactional().await {
        assert_eq!(failure.sqlstate.as_deref(), Some("22012"), "{bench}: {:?}", failure.message);
        assert_eq!(bench.row(&broken).await, None, "{bench}");
        assert!(bench.objects().await.is_empty(), "{bench}");
    } else {
        let row = bench.row(&broken).await.expect("what was done is on record");
        assert_eq!((row.state, row.step, row.in_doubt()), (RowState::Running, 1, false), "{bench}");
        assert_eq!(bench.objects().await, ["one"], "{bench}");
    }
    assert_eq!(bench.apply(&mended).await, Ok(true), "{bench}");
    assert_eq!(bench.objects().await, ["one"], "{bench}");
}

async fn dependencies_are_checked(bench: &Bench) {
    bench.bootstrap().await;
    let base = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let other = bench.step("a/1", &["CREATE TABLE uno (id int)"]);
    let next = bench.step("a/2", &["CREATE TABLE two (id int)"]).after(&[needs(&base, false)]);
    let refused = bench.apply(&next).await;
    assert_eq!(class(&refused), Some(Estranged), "{bench}: {refused:?}");
    assert_eq!(bench.row(&next).await, None, "{bench}");
    assert_eq!(bench.apply(&other).await, Ok(true), "{bench}");
    let refused = bench.apply(&next).await;
    assert_eq!(class(&refused), Some(Estranged), "{bench}: another checksum: {refused:?}");
    let fitting = bench.step("a/2", &["CREATE TABLE two (id int)"]).after(&[needs(&other, false)]);
    assert_eq!(bench.apply(&fitting).await, Ok(true), "{bench}");
    let row = bench.row(&fitting).await.expect("the row is there");
    assert!(row.dependencies.is_empty(), "{bench}: sequence binds pending work only");
    assert_eq!(bench.objects().await, ["two", "uno"], "{bench}");
}

async fn revert_and_reapply(bench: &Bench) {
    bench.bootstrap().await;
    let base = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let next = bench.step("a/2", &["CREATE TABLE two (id int)"]).after(&[needs(&base, true)]);
    let base_down = bench.down(&base, &["DROP TABLE one"], &["a/2"]);
    let next_down = bench.down(&next, &["DROP TABLE two"], &[]);
    for step in [&base, &next] {
        assert_eq!(bench.apply(step).await, Ok(true), "{bench}");
    }
    let refused = bench.apply(&base_down).await;
    assert_eq!(class(&refused), Some(Estranged), "{bench}: {refused:?}");
    for step in [&next_down, &base_down] {
        assert_eq!(bench.apply(step).await, Ok(true), "{bench}");
        assert_eq!(bench.apply(step).await, Ok(false), "{bench}");
        assert_eq!(bench.row(step).await.map(|row| row.state), Some(RowState::Reverted), "{bench}");
    }
    assert!(bench.objects().await.is_empty(), "{bench}");
    assert_eq!(class(&bench.apply(&next).await), Some(Estranged), "{bench}: what it needs is reverted");
    assert_eq!(bench.apply(&base).await, Ok(true), "{bench}");
    let row = bench.row(&base).await.expect("the row is there");
    assert_eq!((row.state, row.attempt), (RowState::Applied, 3), "{bench}");
    let failing = bench.down(&base, &["DROP TABLE one", "SELECT 1/0"], &[]);
    assert_eq!(class(&bench.apply(&failing).await), Some(Rejected), "{bench}");
    if bench.is_transactional().await {
        assert_eq!(bench.row(&base).await.map(|row| row.state), Some(RowState::Applied), "{bench}");
        assert_eq!(bench.objects().await, ["one"], "{bench}");
    } else {
        assert_eq!(bench.row(&base).await.map(|row| (row.state, row.step)), Some((RowState::Reverting, 1)), "{bench}");
        assert!(bench.objects().await.is_empty(), "{bench}");
    }
}

async fn repeatable_runs_again(bench: &Bench) {
    bench.bootstrap().await;
    let first = bench.step("a/views", &["CREATE TABLE one (id int)"]).kind(Kind::Repeatable);
    let second = bench.step("a/views", &["CREATE TABLE two (id int)"]).kind(Kind::Repeatable);
    for (step, expected) in [(&first, true), (&first, false), (&second, true), (&second, false)] {
        assert_eq!(bench.apply(step).await, Ok(expected), "{bench}");
    }
    let row = bench.row(&second).await.expect("the row is there");
    assert_eq!((row.kind, row.checksum, row.attempt), (Kind::Repeatable, second.step.checksum, 2), "{bench}");
    let versioned = bench.step("a/1", &["CREATE TABLE three (id int)"]);
    let edited = bench.step("a/1", &["CREATE TABLE four (id int)"]);
    assert_eq!(bench.apply(&versioned).await, Ok(true), "{bench}");
    assert_eq!(class(&bench.apply(&edited).await), Some(Estranged), "{bench}: an edited applied file");
    assert_eq!(bench.objects().await, ["one", "three", "two"], "{bench}");
}

async fn race(bench: &Bench) {
    bench.bootstrap().await;
    for number in 0..8 {
        let table = format!("CREATE TABLE t{number} (id int)");
        let step = bench.step(&format!("a/{number}"), &[&table]);
        let mut sessions = [bench.session(LaneKind::Main).await, bench.session(LaneKind::Main).await];
        let [left, right] = &mut sessions;
        let (left, right) = join(bench.apply_on(&mut **left, &step), bench.apply_on(&mut **right, &step)).await;
        let done = [&left, &right].iter().filter(|ended| ***ended == Ok(true)).count();
        let others = [&left, &right].iter().filter(|ended| ***ended == Ok(false) || class(ended) == Some(Busy)).count();
        assert_eq!((done, others), (1, 1), "{bench}: {left:?} and {right:?}");
        assert_eq!(bench.apply(&step).await, Ok(false), "{bench}");
    }
}

fn index_step(bench: &Bench) -> StepText {
    bench.step(
        "a/1",
        &["CREATE TABLE one (id int)", "CREATE INDEX CONCURRENTLY one_id ON one (id)", "CREATE TABLE two (id int)"],
    )
}

/// What a walk does for a statement where nothing is in its way.
fn unhindered(step: &StepText, index: usize) -> Vec<WalkAction> {
    if step.step.body.statements[index].class == StatementClass::Transactional {
        return vec![WalkAction::ExecuteRecorded(index)];
    }
    vec![
        WalkAction::Probe(index),
        WalkAction::Intend(index, ProbeFact::Absent),
        WalkAction::Execute(index),
        WalkAction::Probe(index),
        WalkAction::Advance(index),
    ]
}

async fn statement_by_statement(bench: &Bench) {
    bench.bootstrap().await;
    let step = index_step(bench);
    let mut session = bench.session(LaneKind::Long).await;
    let actions = bench.walk(&mut *session, &step).await.expect("the walk ends well");
    let expected: Vec<_> = (0..3).flat_map(|index| unhindered(&step, index)).chain([WalkAction::Finish]).collect();
    assert_eq!(actions, expected, "{bench}");
    let row = bench.row(&step).await.expect("the row is there");
    assert_eq!(
        (row.state, row.transactional, row.step),
        (RowState::Applied, false, number_of_statements(&step)),
        "{bench}"
    );
    assert_eq!(bench.objects().await, ["one", "one_id", "two"], "{bench}");
    assert_eq!(session.claim(&bench.task(&step)).await, Ok(Claim::AlreadyDone), "{bench}");
}

async fn resume(bench: &Bench) {
    bench.bootstrap().await;
    let step = index_step(bench);
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Long).await;
    assert_eq!(session.claim(&task).await, Ok(Claim::Taken { attempt: 1, finished: 0, pre: None }), "{bench}");
    assert_eq!(bench.one(&mut *session, &step, 0).await, Ok(()), "{bench}");
    assert_eq!(session.probe(&step.step.body, 1).await, Ok(ProbeFact::Absent), "{bench}");
    assert_eq!(session.intend(&task, 1, &ProbeFact::Absent).await, Ok(()), "{bench}");
    session.release().await;
    let row = bench.row(&step).await.expect("the row is there");
    assert_eq!((row.state, row.transactional, row.step), (RowState::Running, false, 1), "{bench}");
    let mut session = bench.session(LaneKind::Long).await;
    let actions = bench.walk(&mut *session, &step).await.expect("the walk ends well");
    assert_eq!(actions[..2], [WalkAction::Probe(1), WalkAction::Execute(1)], "{bench}: the intent is on record");
    let row = bench.row(&step).await.expect("the row is there");
    assert_eq!((row.state, row.attempt), (RowState::Applied, 2), "{bench}");
    assert_eq!(bench.objects().await, ["one", "one_id", "two"], "{bench}");
}

async fn claim_excludes(bench: &Bench) {
    bench.bootstrap().await;
    let step = index_step(bench);
    let task = bench.task(&step);
    let mut holder = bench.session(LaneKind::Long).await;
    let mut other = bench.session(LaneKind::Long).await;
    assert!(matches!(holder.claim(&task).await, Ok(Claim::Taken { attempt: 1, .. })), "{bench}");
    let refused = other.claim(&task).await;
    assert_eq!(class(&refused), Some(Busy), "{bench}: {refused:?}");
    holder.release().await;
    assert!(matches!(other.claim(&task).await, Ok(Claim::Taken { attempt: 2, .. })), "{bench}");
    drop(other);
    assert_eq!(
        class(&holder.intend(&task, 1, &ProbeFact::Absent).await),
        Some(dunlin_planner::FailureClass::Unknown),
        "{bench}: it holds nothing any more"
    );
}

async fn edited_prefix(bench: &Bench) {
    bench.bootstrap().await;
    let step = index_step(bench);
    let mut session = bench.session(LaneKind::Long).await;
    let task = bench.task(&step);
    assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })), "{bench}");
    assert_eq!(bench.one(&mut *session, &step, 0).await, Ok(()), "{bench}");
    session.release().await;
    let tail = bench.step(
        "a/1",
        &[
            "CREATE TABLE one (id int)",
            "CREATE TABLE three (id int)",
            "CREATE INDEX CONCURRENTLY three_id ON three (id)",
        ],
    );
    let head = bench.step("a/1", &["CREATE TABLE uno (id int)", "CREATE INDEX CONCURRENTLY uno_id ON uno (id)"]);
    let refused = session.claim(&bench.task(&head)).await;
    assert_eq!(class(&refused), Some(dunlin_planner::FailureClass::Dirty), "{bench}: {refused:?}");
    let walked = bench.walk(&mut *session, &tail).await;
    assert!(walked.is_ok(), "{bench}: {walked:?}");
    assert_eq!(bench.objects().await, ["one", "three", "three_id"], "{bench}");
    assert_eq!(bench.row(&tail).await.map(|row| row.checksum), Some(tail.step.checksum), "{bench}");
}

async fn revert_statement_by_statement(bench: &Bench) {
    bench.bootstrap().await;
    let step = index_step(bench);
    let down = bench.down(&step, &["DROP INDEX CONCURRENTLY one_id", "DROP TABLE one", "DROP TABLE two"], &[]);
    let mut session = bench.session(LaneKind::Long).await;
    for step in [&step, &down] {
        let walked = bench.walk(&mut *session, step).await;
        assert!(walked.is_ok(), "{bench}: {walked:?}");
    }
    assert_eq!(bench.row(&step).await.map(|row| row.state), Some(RowState::Reverted), "{bench}");
    assert!(bench.objects().await.is_empty(), "{bench}");
    assert_eq!(session.claim(&bench.task(&down)).await, Ok(Claim::AlreadyDone), "{bench}");
}

async fn accept_an_edited_file(bench: &Bench) {
    bench.bootstrap().await;
    let was = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let is = bench.step("a/1", &["CREATE TABLE one (id bigint)"]);
    assert_eq!(bench.apply(&was).await, Ok(true), "{bench}");
    let shown = bench.settlement(&is, Repair::Accept).await;
    assert_eq!(bench.settle(&shown).await, Ok(()), "{bench}");
    let row = bench.row(&is).await.expect("the row is there");
    assert_eq!((row.state, row.checksum, row.attempt), (RowState::Applied, is.step.checksum, 2), "{bench}");
    assert_eq!(bench.apply(&is).await, Ok(false), "{bench}");
    assert_eq!(class(&bench.settle(&shown).await), Some(Estranged), "{bench}: the row is not as it was shown");
    let log: Vec<_> = bench.log().await.into_iter().filter(|entry| entry.what == "repaired").collect();
    let [entry] = log.as_slice() else { panic!("{bench}: {log:?}") };
    assert_eq!(
        (entry.id.as_ref(), entry.message.as_deref()),
        (Some(&is.step.id), Some("`repair accept`: it was seen")),
        "{bench}"
    );
}

async fn forget_what_nobody_needs(bench: &Bench) {
    bench.bootstrap().await;
    let base = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let next = bench.step("a/2", &["CREATE TABLE two (id int)"]).after(&[needs(&base, true)]);
    for step in [&base, &next] {
        assert_eq!(bench.apply(step).await, Ok(true), "{bench}");
    }
    let ended = bench.settle(&bench.settlement(&base, Repair::Forget).await).await;
    assert_eq!(class(&ended), Some(Estranged), "{bench}: {ended:?}");
    for step in [&next, &base] {
        assert_eq!(bench.settle(&bench.settlement(step, Repair::Forget).await).await, Ok(()), "{bench}");
        assert_eq!(bench.row(step).await.map(|row| row.state), Some(RowState::Reverted), "{bench}");
    }
    assert_eq!(bench.objects().await, ["one", "two"], "{bench}: a repair touches the ledger alone");
}

async fn settle_a_statement(bench: &Bench) {
    bench.bootstrap().await;
    let step = index_step(bench);
    let task = bench.task(&step);
    let mut session = bench.session(LaneKind::Long).await;
    assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })), "{bench}");
    assert_eq!(bench.one(&mut *session, &step, 0).await, Ok(()), "{bench}");
    assert_eq!(session.intend(&task, 1, &ProbeFact::Absent).await, Ok(()), "{bench}");
    let row = bench.row(&step).await.expect("the row is there");
    assert!(row.in_doubt() && row.holder.is_some(), "{bench}: {row:?}");
    let done = bench.settlement(&step, Repair::Done { statement: Some(2) }).await;
    assert_eq!(class(&bench.settle(&done).await), Some(Busy), "{bench}: somebody works on it");
    session.release().await;
    let row = bench.row(&step).await.expect("the row is there");
    assert!(row.in_doubt() && row.holder.is_none(), "{bench}: {row:?}");
    for (repair, step_after) in [(Repair::Undone { statement: Some(2) }, 1), (Repair::Done { statement: Some(2) }, 2)] {
        assert_eq!(bench.settle(&bench.settlement(&step, repair).await).await, Ok(()), "{bench}");
        let row = bench.row(&step).await.expect("the row is there");
        assert_eq!((row.state, row.step, row.in_doubt()), (RowState::Running, step_after, false), "{bench}");
    }
    let actions = bench.walk(&mut *session, &step).await.expect("the walk ends well");
    let expected: Vec<_> = unhindered(&step, 2).into_iter().chain([WalkAction::Finish]).collect();
    assert_eq!(actions, expected, "{bench}");
    assert_eq!(bench.objects().await, ["one", "two"], "{bench}: a person said that the index is there");
}
