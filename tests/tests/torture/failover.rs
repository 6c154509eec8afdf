//! Another server takes over at a message of a run, without what it had not received by then.

use std::sync::Arc;

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Standby};
use dunlin_tests::{Blow, Dunlin, Fault, Moment, Proxy, Server, Workspace, home};

use crate::tally::{Tally, Verdict, share};

/// Each part of the protocol, each effect with a mark that a second time would double; one database of two fails over.
const FILES: &[(&str, &str)] = &[
    ("migrations/a/1_base.sql", "CREATE TABLE audit (what text);\nINSERT INTO audit VALUES ('a1');\n"),
    (
        "migrations/a/2_items.sql",
        "CREATE TABLE items (id int NOT NULL, n int NOT NULL DEFAULT 0);\nINSERT INTO items SELECT generate_series(1, 300);\nINSERT INTO audit VALUES ('a2');\n",
    ),
    (
        "migrations/b/1_base.sql",
        "-- dunlin: depends a/2\nCREATE TABLE audit (what text);\nINSERT INTO audit VALUES ('b1');\n",
    ),
    (
        "migrations/a/3_index.sql",
        "-- dunlin: depends b/1\nINSERT INTO audit VALUES ('a3');\nCREATE UNIQUE INDEX CONCURRENTLY items_id ON items (id);\nINSERT INTO audit VALUES ('a3 too');\n",
    ),
    (
        "migrations/a/4_backfill.sql",
        "-- dunlin: phase data\n-- dunlin: batch table=items key=id size=100 time=off\nUPDATE items SET n = n + 1 WHERE :batch;\n",
    ),
    ("migrations/a/5_last.sql", "INSERT INTO audit VALUES ('a5');\n"),
];

/// What is there in the end.
const ENDS: &str = "SELECT (SELECT string_agg(what, ', ' ORDER BY what) FROM audit), (SELECT sum(n) FROM items), \
    (SELECT indisvalid FROM pg_index WHERE indexrelid = 'items_id'::regclass), \
    (SELECT string_agg(id || ' ' || state, ', ' ORDER BY id) FROM dunlin.ledger)";
const EXPECTED: &str = "a1, a2, a3, a3 too, a5|300|t|a/1 applied, a/2 applied, a/3 applied, a/4 applied, a/5 applied";

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::During, Moment::After];

#[test]
fn an_up_whose_server_fails_over_at_a_message() {
    let messages = count();
    let number = share(2, 8);
    let fault = |nth: usize| {
        let at = (2 * nth + 1) * messages / (2 * number);
        Fault { blow: Blow::Deed, moment: MOMENTS[nth % MOMENTS.len()], at }
    };
    let tally = Tally::new("server failed over at a message", "up, direct");
    tally.each(1, (0..number).map(fault).collect(), |fault| attempt(*fault));
    tally.end();
}

/// The servers of a trial, and Dunlin on them with the primary behind a proxy.
fn stage(proxy: &Proxy, primary: &Cluster, standby: Option<&Standby>, other: &str) -> (Workspace, Dunlin) {
    let next = standby.map(|standby| format!(",127.0.0.1:{}", standby.port())).unwrap_or_default();
    let one = format!("postgres://postgres@127.0.0.1:{}{next}/postgres?sslmode=disable", proxy.way(primary.port()));
    let files = Workspace::project(&[("one", &one), ("two", other)], &[("a", "one"), ("b", "two")]);
    FILES.iter().for_each(|(path, text)| files.write(path, text));
    let dunlin = Dunlin::at(files.dir());
    (files, dunlin)
}

fn primary() -> Cluster {
    Cluster::start(&ClusterSpec::temporary(home(), Flavour::Plain), &|_| {}).unwrap()
}

/// How many messages a run without a fault sends to the server.
fn count() -> usize {
    let (primary, other) = (primary(), Server::shared());
    let (proxy, two) = (Proxy::new(None), other.scratch());
    let (_files, dunlin) = stage(&proxy, &primary, None, &two.url());
    let _ = proxy.watch(dunlin.start("up --yes")).exits(0);
    assert_eq!(primary.psql("postgres", ENDS).unwrap(), EXPECTED);
    proxy.messages()
}

fn attempt(fault: Fault) -> Verdict {
    let (primary, other) = (Arc::new(primary()), Server::shared());
    let standby = Arc::new(Standby::of(&primary).unwrap());
    let (old, new, two) = (Arc::clone(&primary), Arc::clone(&standby), other.scratch());
    let proxy = Proxy::with_deed(Some(fault), move |_| {
        old.halt().unwrap();
        new.promote().unwrap();
    });
    let (_files, dunlin) = stage(&proxy, &primary, Some(&standby), &two.url());
    let run = proxy.watch(dunlin.start("up --yes"));
    if !proxy.has_struck() {
        return Verdict::Missed;
    }
    let is_alone = run.code == Some(0);
    let ended = if is_alone { run } else { dunlin.run("up --yes") };
    if ended.code != Some(0) {
        return Verdict::Stuck(format!("{fault:?}: {:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr));
    }
    let is = [standby.psql("postgres", ENDS).unwrap(), two.sql("SELECT string_agg(what, ', ') FROM audit")];
    match is {
        is if is != [EXPECTED, "b1"] => Verdict::Wrong(format!("{fault:?}: {is:?}")),
        _ if is_alone => Verdict::Recovered,
        _ => Verdict::Converged,
    }
}
