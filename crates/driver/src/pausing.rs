//! The cases about what goes on by itself: pausing it, and resuming it whatever becomes of the run that did.

use std::time::Duration;

use async_trait::async_trait;
use dunlin_planner::{Obligation, Pausable, PauseFacts, ResumptionEnd, RunId};

use crate::conformance::Case;
use crate::{Bench, Paused};

/// What goes on by itself in a database under test.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Makes one of this name that goes on.
    async fn start(&self, name: &str);

    /// Switches one off, as somebody else might.
    async fn stop(&self, name: &str);

    /// Removes one.
    async fn remove(&self, name: &str);

    /// Whether one goes on; none where there is none.
    async fn is_active(&self, name: &str) -> Option<bool>;
}

/// The cases, with their names; databases without jobs have nothing to show.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("what is paused is resumed", |bench| Box::pin(pause_and_resume(bench))),
    ("what a run that is gone left paused is resumed", |bench| Box::pin(left_paused(bench))),
    ("what two runs need paused is resumed by the last", |bench| Box::pin(shared(bench))),
    ("what is gone cannot be resumed", |bench| Box::pin(gone(bench))),
];

fn run(number: u8) -> RunId {
    RunId::new(&format!("0197a000-0000-7000-8000-0000000000{number:02}")).expect("it is a name")
}

/// What the database says, once it shows of every open obligation whether its run lives: a connection takes a moment to end.
async fn settled(bench: &Bench, held: &[bool]) -> PauseFacts {
    for _ in 0..200 {
        let facts = bench.inspect().await.pausing;
        if facts.obligations.iter().map(|one| one.held).eq(held.iter().copied()) {
            return facts;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{bench}: {held:?} is not what {:?} shows", bench.inspect().await.pausing.obligations)
}

async fn pause(bench: &Bench, number: u8, what: &[Pausable]) -> Paused {
    let paused = bench.driver().pause(&bench.project, &run(number), what).await;
    paused.unwrap_or_else(|failure| panic!("{bench}: {failure:?}"))
}

async fn resume(bench: &Bench, number: u8) -> Vec<(String, ResumptionEnd)> {
    let ended = bench.driver().resume(&bench.project, &run(number)).await;
    let ended = ended.unwrap_or_else(|failure| panic!("{bench}: {failure:?}"));
    ended.into_iter().map(|one| (one.what, one.end)).collect()
}

fn names(obligations: &[Obligation]) -> Vec<&str> {
    obligations.iter().map(|one| one.what.as_str()).collect()
}

async fn pause_and_resume(bench: &Bench) {
    let Some(jobs) = bench.jobs() else { return };
    bench.bootstrap().await;
    jobs.start("night's").await;
    jobs.start("off").await;
    jobs.stop("off").await;
    let facts = bench.inspect().await;
    let seen: Vec<_> = facts.pausing.pausable.iter().map(|one| (one.name.as_str(), one.active)).collect();
    assert_eq!(seen, [("night's", true), ("off", false)], "{bench}");
    assert!(facts.pausing.pausable.iter().all(|one| one.database == facts.identity.database), "{bench}");
    let paused = pause(bench, 1, &facts.pausing.pausable).await;
    assert_eq!(names(&paused.obligations), ["job `night's`"], "{bench}");
    assert_eq!(jobs.is_active("night's").await, Some(false), "{bench}");
    let facts = settled(bench, &[true]).await;
    assert_eq!((facts.obligations[0].run.clone(), facts.pausable[0].active), (run(1), true), "{bench}");
    assert_eq!(resume(bench, 1).await, [("job `night's`".to_owned(), ResumptionEnd::Resumed)], "{bench}");
    assert_eq!((jobs.is_active("night's").await, jobs.is_active("off").await), (Some(true), Some(false)), "{bench}");
    assert_eq!(resume(bench, 1).await, [], "{bench}: once is enough");
    assert_eq!(settled(bench, &[]).await.obligations, [], "{bench}");
    let log: Vec<_> = bench.log().await.into_iter().map(|line| (line.id, line.what, line.run)).collect();
    let of_run = |what: &str| (None, what.to_owned(), Some(run(1)));
    assert_eq!(log, [of_run("paused"), of_run("resumed")], "{bench}");
}

async fn left_paused(bench: &Bench) {
    let Some(jobs) = bench.jobs() else { return };
    bench.bootstrap().await;
    jobs.start("nightly").await;
    let what = bench.inspect().await.pausing.pausable;
    let paused = pause(bench, 1, &what).await;
    assert_eq!(resume(bench, 2).await, [], "{bench}: its run lives");
    drop(paused);
    settled(bench, &[false]).await;
    assert_eq!(jobs.is_active("nightly").await, Some(false), "{bench}");
    assert_eq!(resume(bench, 2).await, [("job `nightly`".to_owned(), ResumptionEnd::Resumed)], "{bench}");
    assert_eq!(jobs.is_active("nightly").await, Some(true), "{bench}");
}

async fn shared(bench: &Bench) {
    let Some(jobs) = bench.jobs() else { return };
    bench.bootstrap().await;
    jobs.start("nightly").await;
    let what = bench.inspect().await.pausing.pausable;
    let (first, second) = (pause(bench, 1, &what).await, pause(bench, 2, &what).await);
    assert_eq!((first.obligations.len(), second.obligations.len()), (1, 1), "{bench}");
    assert_eq!(resume(bench, 1).await, [("job `nightly`".to_owned(), ResumptionEnd::StillNeeded)], "{bench}");
    assert_eq!(jobs.is_active("nightly").await, Some(false), "{bench}");
    drop(first);
    let third = pause(bench, 3, &what).await;
    drop(second);
    drop(third);
    settled(bench, &[false, false]).await;
    let both =
        [("job `nightly`".to_owned(), ResumptionEnd::Resumed), ("job `nightly`".to_owned(), ResumptionEnd::Resumed)];
    assert_eq!(resume(bench, 4).await, both, "{bench}");
    assert_eq!(jobs.is_active("nightly").await, Some(true), "{bench}");
}

async fn gone(bench: &Bench) {
    let Some(jobs) = bench.jobs() else { return };
    bench.bootstrap().await;
    for name in ["early", "late"] {
        jobs.start(name).await;
    }
    let what = bench.inspect().await.pausing.pausable;
    jobs.remove("early").await;
    let paused = pause(bench, 1, &what).await;
    assert_eq!(names(&paused.obligations), ["job `late`"], "{bench}");
    jobs.remove("late").await;
    assert_eq!(resume(bench, 1).await, [("job `late`".to_owned(), ResumptionEnd::Gone)], "{bench}");
    assert_eq!(resume(bench, 1).await, [], "{bench}");
}
