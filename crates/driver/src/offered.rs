//! The cases that hold a driver to what it declares ([`Offers`](dunlin_planner::Offers)): what is offered is there, and what is
//! not is refused in so many words.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dunlin_planner::FailureClass::{Interrupted, Rejected};
use dunlin_planner::{
    Digest, Fragment, Health, Job, JobChange, Jobs, Kind, LaneKind, Ledger, LiveJob, Notice, Piece, Pieces, Place,
    RowState, RunsUnder, Streamed, Support, Told, audit,
};

use crate::bench::{Bench, StepText, class};
use crate::conformance::Case;
use crate::{NoticeSink, StepTask};

/// The cases, with their names.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("what is declared is what was read", |bench| Box::pin(declared(bench))),
    ("what is not offered is refused", |bench| Box::pin(not_offered(bench))),
    ("the log tells what was done", |bench| Box::pin(the_log(bench))),
    ("the log is sealed where that is offered", |bench| Box::pin(sealed(bench))),
    ("notices reach whoever runs", |bench| Box::pin(notices(bench))),
    ("a cancelled statement ends", |bench| Box::pin(cancelled(bench))),
    ("a text comes in pieces", |bench| Box::pin(in_pieces(bench))),
    ("jobs are declared where that is offered", |bench| Box::pin(declared_jobs(bench))),
    ("examining creates nothing", |bench| Box::pin(examined(bench))),
];

async fn declared(bench: &Bench) {
    let offers = bench.driver().offers();
    assert_eq!(offers.transactions.is_there(), bench.is_transactional().await, "{bench}");
    assert!(offers.pausing.is_there() || bench.jobs().is_none(), "{bench}");
    assert_eq!(offers.notices.is_there(), bench.database().notice().is_some(), "{bench}");
    assert!(offers.cancel.is_there() || bench.database().slow().is_none(), "{bench}");
}

async fn not_offered(bench: &Bench) {
    bench.bootstrap().await;
    let offers = bench.driver().offers();
    if !offers.pausing.is_there() {
        let refused = bench.driver().pause(&bench.project, &bench.run, &[]).await.map(|_| ());
        assert_eq!(class(&refused), Some(Rejected), "{bench}: {refused:?}");
    }
    if !offers.backfills.is_there() {
        let step = bench.step("a/1", &["CREATE TABLE one (id int)"]);
        let refused = bench.session(LaneKind::Batch).await.claim_batches(&bench.task(&step), 10).await;
        assert_eq!(class(&refused), Some(Rejected), "{bench}: {refused:?}");
        assert_eq!(bench.row(&step).await, None, "{bench}");
    }
}

async fn the_log(bench: &Bench) {
    bench.bootstrap().await;
    assert_eq!(bench.log().await, [], "{bench}");
    let up = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let down = bench.down(&up, &["DROP TABLE one"], &[]);
    for (step, word) in [(&up, "applied"), (&down, "reverted")] {
        assert_eq!(bench.apply(step).await, Ok(true), "{bench}");
        let last = bench.log().await.into_iter().rfind(|line| line.id.as_ref() == Some(&up.step.id));
        let last = last.unwrap_or_else(|| panic!("{bench}: nothing is told of it"));
        assert_eq!((last.what.as_str(), last.run.as_ref()), (word, Some(&bench.run)), "{bench}");
        assert!(!last.by.is_empty(), "{bench}: somebody did it");
    }
}

async fn sealed(bench: &Bench) {
    let ledger = bench.bootstrap().await;
    let step = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    assert_eq!(bench.apply(&step).await, Ok(true), "{bench}: {ledger}");
    let driver = bench.driver();
    let head =
        driver.seal(&bench.project, Some(&bench.run)).await.unwrap_or_else(|failure| panic!("{bench}: {failure:?}"));
    let log = driver.whole_log().await.unwrap_or_else(|failure| panic!("{bench}: {failure:?}"));
    let offered = driver.offers().chain.is_there();
    assert_eq!((head.is_some(), log.is_some()), (offered, offered), "{bench}");
    if let Some(log) = log {
        let audit = audit(&step.step.target, &log);
        assert_eq!((audit.findings, audit.head, audit.sealed, audit.unsealed), (Vec::new(), head, 1, 0), "{bench}");
    }
}

/// A step's task with another place for notices.
fn listening<'a>(task: StepTask<'a>, notices: NoticeSink) -> StepTask<'a> {
    StepTask { notices, ..task }
}

async fn notices(bench: &Bench) {
    let Some(says_hello) = bench.database().notice() else { return };
    bench.bootstrap().await;
    let step = bench.made("a/1", vec![says_hello]);
    let heard = Arc::new(Mutex::new(Vec::<Notice>::new()));
    let keep = Arc::clone(&heard);
    let sink: NoticeSink = Arc::new(move |notice| keep.lock().expect("nobody panics").push(notice));
    let done = bench.session(LaneKind::Main).await.apply(&listening(bench.task(&step), sink)).await;
    assert_eq!(done, Ok(true), "{bench}");
    let heard = heard.lock().expect("nobody panics");
    assert!(heard.iter().any(|notice| notice.message.contains("hello")), "{bench}: {heard:?}");
}

/// The statement takes half a minute by itself.
async fn cancelled(bench: &Bench) {
    let Some(slow) = bench.database().slow() else { return };
    bench.bootstrap().await;
    let step = bench.made("a/1", vec![slow]);
    let mut session = bench.session(LaneKind::Main).await;
    let (canceller, began) = (session.canceller(), Instant::now());
    let ended = {
        let mut running = std::pin::pin!(bench.apply_on(&mut *session, &step));
        loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = tokio::time::sleep(Duration::from_millis(500)) => canceller.cancel().await,
            }
        }
    };
    assert_eq!(class(&ended), Some(Interrupted), "{bench}: {ended:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{bench}: {:?}", began.elapsed());
    let applied = bench.row(&step).await.is_some_and(|row| row.state == RowState::Applied);
    assert!(!applied, "{bench}");
    let next = bench.step("a/2", &["CREATE TABLE two (id int)"]);
    assert_eq!(bench.apply(&next).await, Ok(true), "{bench}");
}

async fn in_pieces(bench: &Bench) {
    bench.bootstrap().await;
    let mut step = bench.step("a/1", &["CREATE TABLE one (id int)"]);
    let (text, body) = (step.text.to_string(), &mut step.step.body);
    let range = body.statements[0].range.clone();
    body.streamed = Some(Streamed { bytes: text.len() as u64, statements: 1 });
    body.statements.clear();
    let open = || {
        let fragment = Fragment { text: text.clone(), range: range.clone(), line: 1, column: 0, statements: vec![0] };
        Ok(Box::new(std::iter::once(Ok(Piece::Statements(fragment)))) as Pieces)
    };
    let task = StepTask { pieces: Some(&open), text: Arc::from(""), ..bench.task(&step) };
    let ended = bench.session(LaneKind::Main).await.apply(&task).await;
    if bench.driver().offers().large.is_there() {
        assert_eq!((ended, bench.objects().await), (Ok(true), vec!["one".to_owned()]), "{bench}");
    } else {
        assert_eq!(class(&ended), Some(Rejected), "{bench}: {ended:?}");
        assert_eq!(bench.row(&step).await, None, "{bench}");
    }
}

async fn declared_jobs(bench: &Bench) {
    bench.bootstrap().await;
    let created = |job: Job| JobChange::Create { job, by_hand: false };
    let (first, second) = (job("first", "0 0 1 1 *"), job("second", "0 0 2 1 *"));
    let step = declaring(bench, std::slice::from_ref(&first), vec![created(first.clone())]);
    let ended = bench.apply(&step).await;
    if !bench.driver().offers().jobs.is_there() {
        assert_eq!(class(&ended), Some(Rejected), "{bench}: {ended:?}");
        assert_eq!(bench.row(&step).await, None, "{bench}");
        return;
    }
    assert_eq!(ended, Ok(true), "{bench}");
    assert_eq!(bench.apply(&step).await, Ok(false), "{bench}: once");
    let live = live(bench).await;
    assert_eq!(names(&live), ["first"], "{bench}");

    let wrong = declaring(bench, &[], vec![created(second.clone()), created(job("wrong", "never"))]);
    let refused = bench.apply(&wrong).await;
    assert_eq!(class(&refused), Some(Rejected), "{bench}: {refused:?}");
    assert_eq!(self::live(bench).await, live, "{bench}: all of it or nothing");
    let row = bench.row(&step).await.unwrap_or_else(|| panic!("{bench}: no row"));
    assert_eq!((row.state, row.checksum), (RowState::Applied, step.step.checksum), "{bench}");

    let removed = JobChange::Remove { id: live[0].id, name: "first".to_owned() };
    let next = declaring(bench, std::slice::from_ref(&second), vec![created(second.clone()), removed]);
    assert_eq!(bench.apply(&next).await, Ok(true), "{bench}");
    let live = self::live(bench).await;
    assert_eq!(names(&live), ["second"], "{bench}");

    let mut down = bench.down(&next, &[], &[]);
    let removed = JobChange::Remove { id: live[0].id, name: "second".to_owned() };
    down.step.body.jobs = Some(Jobs { changes: vec![removed], ..Jobs::default() });
    assert_eq!(bench.apply(&down).await, Ok(true), "{bench}");
    assert_eq!(names(&self::live(bench).await), [""; 0], "{bench}");
}

fn job(name: &str, schedule: &str) -> Job {
    let (name, schedule, command) = (name.to_owned(), schedule.to_owned(), "SELECT 1".to_owned());
    Job { name, schedule, command, database: None, user: None, active: true, place: Place::file("jobs.toml") }
}

/// A step that leaves these jobs behind by these changes.
fn declaring(bench: &Bench, declared: &[Job], changes: Vec<JobChange>) -> StepText {
    let mut step = bench.made("a/jobs", Vec::new()).kind(Kind::Repeatable);
    let digest = Digest::of(format!("{declared:?}{changes:?}").as_bytes());
    (step.step.checksum, step.step.body.digest) = (digest, digest);
    step.step.body.jobs = Some(Jobs { declared: declared.to_vec(), changes, again: None });
    step
}

async fn live(bench: &Bench) -> Vec<LiveJob> {
    bench.inspect().await.jobs.map(|jobs| jobs.live).unwrap_or_default()
}

fn names(live: &[LiveJob]) -> Vec<&str> {
    live.iter().map(|job| job.name.as_str()).collect()
}

async fn examined(bench: &Bench) {
    let driver = bench.driver();
    for made in [false, true] {
        let health =
            driver.examine(&RunsUnder::default()).await.unwrap_or_else(|failure| panic!("{bench}: {failure:?}"));
        match driver.offers().doctor {
            Support::Yes => assert!(matches!(health.role, Told::Known(_)), "{bench}: {health:?}"),
            Support::Partly(_) => assert!(!health.hosts.is_empty(), "{bench}: {health:?}"),
            Support::No(_) => assert_eq!(health, Health::default(), "{bench}"),
        }
        let ledger = bench.inspect().await.ledger;
        assert_eq!(matches!(ledger, Ledger::Present { .. }), made, "{bench}");
        bench.bootstrap().await;
    }
}
