//! What is in doubt after a crash, and who may go on.

use dunlin_devdb::Flavour;
use dunlin_driver::conformance::Database;
use dunlin_driver::{Bench, Claim, Said};
use dunlin_planner::{
    Effect, FailureClass, LaneKind, Probe, ProbeFact, QualifiedName, Repair, RowState, StatementClass, WalkAction,
};

use crate::support::{Fresh, say};

/// A bench on a fresh database, and another handle on it.
async fn bench(name: &str, flavour: Flavour) -> Option<(Bench, Fresh)> {
    let fresh = Fresh::new(flavour)?;
    let bench = Bench::new(name, Box::new(fresh.same()));
    bench.bootstrap().await;
    Some((bench, fresh))
}

fn said(text: &str, probe: Probe) -> Said {
    Said { text: text.to_owned(), class: StatementClass::Alone { what: "statement".to_owned(), probe } }
}

fn mutation(command: &str) -> Said {
    let table = QualifiedName { schema: None, name: "t".to_owned() };
    let effects = vec![Effect::Mutated { table, command: command.to_owned() }];
    said(&format!("ALTER TABLE t {command}"), Probe::Effects { effects, again: false, cluster: None })
}

/// The same as one that runs on a cluster; the engine of today does not hand it on.
fn on(cluster: &str, said: Said) -> Said {
    let StatementClass::Alone { what, probe: Probe::Effects { effects, again, .. } } = said.class else {
        panic!("its effects are known");
    };
    let probe = Probe::Effects { effects, again, cluster: Some(cluster.to_owned()) };
    Said { class: StatementClass::Alone { what, probe }, ..said }
}

const TABLE: [&str; 2] =
    ["CREATE TABLE t (a UInt32, v UInt32) ENGINE = MergeTree ORDER BY a", "INSERT INTO t VALUES (1, 0), (2, 0)"];

async fn each(name: &str, case: impl AsyncFn(&Bench, &Fresh)) {
    for flavour in [Flavour::ClickHouse, Flavour::Chdb] {
        if let Some((bench, fresh)) = bench(name, flavour).await {
            case(&bench, &fresh).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_is_awaited_and_never_begun_twice() {
    each("mutation", async |bench, fresh| {
        TABLE.iter().for_each(|statement| drop(fresh.query(statement)));
        for version in ["1", "2"] {
            // The same command twice: each is done once.
            let step = bench.made(&format!("a/{version}"), vec![mutation("UPDATE v = v + 1 WHERE a > 0")]);
            let mut session = bench.session(LaneKind::Long).await;
            let walked = bench.walk(&mut *session, &step).await;
            assert!(walked.is_ok(), "{walked:?}");
        }
        assert_eq!(fresh.query("SELECT sum(v) FROM t"), "4");
        // Begun by a run that is gone, and going on in the server since.
        let step = bench.made("a/3", vec![mutation("UPDATE v = v + 1 WHERE a > 0")]);
        let task = bench.task(&step);
        let mut session = bench.session(LaneKind::Long).await;
        assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })));
        assert_eq!(session.intend(&task, 0, &ProbeFact::Absent).await, Ok(()));
        fresh.query("ALTER TABLE t UPDATE v = v + 1 WHERE a > 0");
        session.release().await;
        let actions = bench.walk(&mut *session, &step).await.expect("it is found");
        assert_eq!(actions, [WalkAction::Probe(0), WalkAction::Advance(0), WalkAction::Finish]);
        assert_eq!(fresh.query("SELECT sum(v) FROM t"), "6");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_overtaken_cannot_write() {
    each("overtaken", async |bench, fresh| {
        let step = bench.made("a/1", vec![said("SELECT 1", Probe::Repeat)]);
        let task = bench.task(&step);
        let mut session = bench.session(LaneKind::Long).await;
        assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { attempt: 1, .. })));
        let columns = "project, id, attempt + 1, n, what, at, run, who, message, state, step, pre, finished, name, kind, checksum, raw, \
             tokens, sums, deps, started, of_run, of_user, before, tool, 'another'";
        fresh.query(&format!("INSERT INTO dunlin_event SELECT {columns} FROM dunlin_event WHERE id = 'a/1'"));
        let ended = session.intend(&task, 0, &ProbeFact::Repeatable).await;
        assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Estranged));
        let ended = session.finish(&task).await;
        assert_eq!(ended.map_err(|failure| failure.class), Err(FailureClass::Estranged));
        assert_eq!(bench.row(&step).await.map(|row| (row.state, row.attempt)), Some((RowState::Running, 2)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_statement_is_in_doubt_only_where_something_of_it_may_be_there() {
    each("refused", async |bench, fresh| {
        TABLE.iter().for_each(|statement| drop(fresh.query(statement)));
        for (version, text, class, in_doubt) in [
            ("1", "INSERT INTO nowhere VALUES (1)", FailureClass::Rejected, false),
            ("2", "INSERT INTO t VALUES ('x', 1)", FailureClass::Rejected, false),
            (
                "3",
                "INSERT INTO t SELECT number + throwIf(number = 7), 0 FROM system.numbers LIMIT 10",
                FailureClass::Dirty,
                true,
            ),
        ] {
            let step = bench.made(&format!("a/{version}"), vec![said(text, Probe::Unknown)]);
            let mut session = bench.session(LaneKind::Long).await;
            let failure = bench.walk(&mut *session, &step).await.expect_err("it is refused");
            assert_eq!(failure.class, class, "{text}: {failure:?}");
            let row = bench.row(&step).await.expect("it was claimed");
            assert_eq!((row.state, row.step, row.in_doubt()), (RowState::Running, 0, in_doubt), "{text}");
            let told = bench.log().await.into_iter().find(|line| line.id.as_ref() == Some(&step.step.id));
            assert_eq!(
                told.map(|line| (line.what, line.message)),
                Some(("failed".to_owned(), Some(failure.message))),
                "{text}"
            );
        }
        // A person looks, and says so.
        let step =
            bench.made("a/3", vec![said("INSERT INTO t SELECT number, 0 FROM system.numbers LIMIT 1", Probe::Unknown)]);
        let undone = bench.settlement(&step, Repair::Undone { statement: Some(1) }).await;
        assert_eq!(bench.settle(&undone).await, Ok(()));
        assert_eq!(bench.row(&step).await.map(|row| row.in_doubt()), Some(false));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_not_made_again() {
    each("there", async |bench, fresh| {
        let step = bench.made("a/1", vec![fresh.say("CREATE TABLE one (id int)"), fresh.say("DROP TABLE one")]);
        let task = bench.task(&step);
        let mut session = bench.session(LaneKind::Long).await;
        assert!(matches!(session.claim(&task).await, Ok(Claim::Taken { .. })));
        assert_eq!(session.intend(&task, 0, &ProbeFact::Absent).await, Ok(()));
        // The request arrived, and its answer did not.
        fresh.query("CREATE TABLE one (id Int32) ENGINE = MergeTree ORDER BY id");
        drop(session);
        let mut session = bench.session(LaneKind::Long).await;
        let actions = bench.walk(&mut *session, &step).await.expect("it is found");
        assert_eq!(actions[..2], [WalkAction::Probe(0), WalkAction::Advance(0)]);
        assert!(bench.objects().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_of_a_cluster_is_asked_at_once() {
    let Some((bench, fresh)) = bench("replicas", Flavour::Chdb).await else { return };
    TABLE.iter().for_each(|statement| drop(fresh.query(statement)));
    for (version, cluster) in [("1", "twice"), ("2", "{pair}")] {
        // Once for each step, and seen on both.
        let step = bench.made(&format!("a/{version}"), vec![on(cluster, mutation("UPDATE v = v + 1 WHERE a > 0"))]);
        let mut session = bench.session(LaneKind::Long).await;
        let walked = bench.walk(&mut *session, &step).await;
        assert!(walked.is_ok(), "{walked:?}");
    }
    assert_eq!(fresh.query("SELECT sum(v) FROM t"), "4");
    let made = |name: &str| say(&format!("CREATE TABLE {name} (id int)"));
    for (version, cluster, class) in [
        ("3", "twice", None),
        ("4", "half", Some(FailureClass::Unreachable)),
        ("5", "nowhere", Some(FailureClass::Rejected)),
    ] {
        let step = bench.made(&format!("a/{version}"), vec![on(cluster, made(cluster))]);
        let mut session = bench.session(LaneKind::Long).await;
        let walked = bench.walk(&mut *session, &step).await;
        assert_eq!(walked.as_ref().err().map(|failure| failure.class), class, "{cluster}: {walked:?}");
        session.release().await;
        let row = bench.row(&step).await.expect("it was claimed");
        assert_eq!((row.state == RowState::Applied, row.in_doubt()), (class.is_none(), false), "{cluster}");
        assert_eq!(fresh.query(&format!("EXISTS TABLE {cluster}")) == "1", class.is_none(), "{cluster}");
    }
}
