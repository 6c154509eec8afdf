//! The connection is cut at every single message, before, while and after the server runs it; trying again reaches the same end.

use std::sync::Arc;
use std::time::Duration;

use dunlin_driver::{Bench, Session, StepText};
use dunlin_planner::FailureClass::{Busy, Rejected, Unknown, Unreachable};
use dunlin_planner::{Failure, LaneKind, RowState};
use futures_util::{FutureExt, StreamExt};

use crate::proxy::{Cut, Proxy};
use crate::support::{Fresh, options, raw};

const EXPECTED: &str = "1|2|3|5|6";

/// Transactional steps, one of several messages, an index build, a down; their inserts would show a second run.
fn steps() -> Vec<(LaneKind, StepText)> {
    let base = raw("a/1", "CREATE TABLE audit (n int); INSERT INTO audit VALUES (1)");
    let index = StepText::apply(
        "a/3",
        &[
            "INSERT INTO audit VALUES (3)",
            "CREATE INDEX CONCURRENTLY audit_n ON audit (n)",
            "INSERT INTO audit VALUES (5)",
        ],
    );
    let mistake = raw("a/4", "INSERT INTO audit VALUES (4)");
    let regret = StepText::revert(&mistake, &["DELETE FROM audit WHERE n = 4", "INSERT INTO audit VALUES (6)"], &[]);
    let second = raw("a/2", "INSERT INTO audit VALUES (2)");
    vec![
        (LaneKind::Main, base),
        (LaneKind::Main, second),
        (LaneKind::Long, index),
        (LaneKind::Main, mistake),
        (LaneKind::Main, regret),
    ]
}

/// What a run does with a step: again after whatever may pass, and nothing else.
pub(crate) async fn done(bench: &Bench, lane: LaneKind, step: &StepText) -> Result<(), Failure> {
    let mut session: Option<Box<dyn Session>> = None;
    for _ in 0..100 {
        let open = match session.take() {
            Some(open) => Ok(open),
            None => bench.driver().session(lane).await,
        };
        let ended = match open {
            Err(failure) => Err(failure),
            Ok(mut open) => {
                let ended = match lane {
                    LaneKind::Main => bench.apply_on(&mut *open, step).await.map(drop),
                    LaneKind::Long => bench.walk(&mut *open, step).await.map(drop),
                    LaneKind::Batch => bench.backfill(&mut *open, step).await.map(drop),
                };
                session = Some(open);
                ended
            }
        };
        match ended {
            Ok(()) => return Ok(()),
            Err(failure) if matches!(failure.class, Unknown | Busy | Unreachable) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(failure) => return Err(failure),
        }
    }
    panic!("{bench}: it does not end");
}

/// Runs everything with one cut; says whether the cut came.
async fn run(cut: Cut, at: usize) -> bool {
    let fresh = Fresh::new();
    let proxy = Proxy::start(fresh.port(), cut, at).await;
    let direct = Bench::new("direct", Box::new(fresh.clone()));
    direct.bootstrap().await;
    let mut settings = fresh.settings();
    settings.options = options(&fresh.url_through(proxy.port()));
    let bench = Bench::new(&format!("{cut:?} {at}"), Box::new(fresh.with(settings)));
    for (lane, step) in steps() {
        let ended = done(&bench, lane, &step).await;
        assert_eq!(ended, Ok(()), "{bench}: {}", step.step.id);
    }
    let audit = fresh.psql("SELECT string_agg(n::text, '|' ORDER BY n) FROM audit");
    assert_eq!(audit.trim(), EXPECTED, "{bench}: each effect once");
    let states: Vec<RowState> = direct.rows().await.into_values().map(|row| row.state).collect();
    assert_eq!(states, [RowState::Applied, RowState::Applied, RowState::Applied, RowState::Reverted], "{bench}");
    assert_eq!(fresh.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid").trim(), "0", "{bench}");
    proxy.has_cut()
}

/// Runs with one cut, at the first message, the second, and so on; `run` says whether the cut came.
pub(crate) async fn every_message<T: Future<Output = bool>>(run: impl Fn(usize) -> T) {
    let mut trials = futures_util::stream::iter(0..200).map(|at| run(at).map(move |came| (at, came))).buffered(4);
    while let Some((at, came)) = trials.next().await {
        if !came {
            assert!(at > 20, "a run has more messages than {at}");
            return;
        }
    }
    panic!("the messages do not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_before_any_message_converges() {
    every_message(|at| run(Cut::Before, at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_during_any_message_converges() {
    every_message(|at| run(Cut::During, at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_after_any_message_converges() {
    every_message(|at| run(Cut::After, at)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_only_transactional_steps_run() {
    let fresh = Fresh::new();
    let proxy = Proxy::pooler(fresh.port()).await;
    let mut settings = fresh.settings();
    settings.options = options(&fresh.url_through(proxy.port()));
    let bench = Bench::new("pooler", Box::new(fresh.with(settings.clone())));
    bench.bootstrap().await;
    assert_eq!(bench.apply(&raw("a/1", "CREATE TABLE one (id int)")).await, Ok(true));
    let refused = bench.driver().session(LaneKind::Long).await.err().unwrap();
    assert_eq!(refused.class, Rejected);
    assert!(refused.hint.unwrap_or_default().contains("`direct_url`"));
    settings.direct = Some(options(&fresh.url()));
    let bench = Bench::new("pooler and direct URL", Box::new(fresh.with(settings)));
    let mut session = bench.session(LaneKind::Long).await;
    let step = StepText::apply("a/2", &["CREATE INDEX CONCURRENTLY one_id ON one (id)"]);
    let walked = bench.walk(&mut *session, &step).await;
    assert!(walked.is_ok(), "{walked:?}");
}

/// What is left of an index that could not be built is removed at once: a unique one would refuse writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_unique_index_that_cannot_be_built_leaves_nothing() {
    let fresh = Fresh::new();
    let bench = Bench::new("unique", Box::new(fresh.clone()));
    bench.bootstrap().await;
    fresh.psql("CREATE TABLE one (id int); INSERT INTO one VALUES (1), (1)");
    let mut step = StepText::apply("a/1", &["CREATE INDEX CONCURRENTLY one_id ON one (id)"]);
    step.text = Arc::from("CREATE UNIQUE INDEX CONCURRENTLY one_id ON one (id);\n");
    step.step.body.statements[0].range = 0..51;
    let mut session = bench.session(LaneKind::Long).await;
    let refused = bench.walk(&mut *session, &step).await.unwrap_err();
    assert_eq!(refused.sqlstate.as_deref(), Some("23505"), "{refused:?}");
    assert_eq!(bench.objects().await, ["one"]);
    fresh.psql("DELETE FROM one; INSERT INTO one VALUES (1)");
    let walked = bench.walk(&mut *session, &step).await;
    assert!(walked.is_ok(), "{walked:?}");
    assert_eq!(bench.objects().await, ["one", "one_id"]);
}
