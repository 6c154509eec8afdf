//! A change of a table that is read all the time, behind somebody who reads for long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dunlin_tests::{Dunlin, Scratch, Server, Workspace};
use serde_json::Value;

use crate::tally::{Tally, Verdict, is_full, share};

/// Sessions that read, and reads of each per second.
const SESSIONS: u64 = 4;
const RATE: u64 = 50;

/// What a statement waits for a lock where nothing is declared.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a reader may wait beyond that: where everything is tried, for 99 of 100 reads; in the quick share, beside other
/// tests on a busy machine, for any.
const MARGIN: Duration = Duration::from_millis(50);
const AMPLE: Duration = Duration::from_secs(3);

#[test]
fn a_change_behind_a_long_reader_does_not_stall_the_others() {
    let server = Server::shared();
    let database = server.scratch();
    let _ =
        database.sql("CREATE TABLE accounts AS SELECT n AS id, 'name ' || n AS name FROM generate_series(1, 10000) n");
    let _ = database.sql("CREATE UNIQUE INDEX ON accounts (id)");
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_change.sql", "ALTER TABLE accounts ADD COLUMN balance int;\n");

    let over = AtomicBool::new(false);
    let (mut stalls, outcome) = thread::scope(|scope| {
        let sessions: Vec<_> = (0..SESSIONS).map(|_| scope.spawn(|| read(&database, &over))).collect();
        let mut reader = database.session();
        reader.run("BEGIN; SELECT count(*) FROM accounts;");
        let run = Dunlin::at(files.dir()).start("up --yes");
        thread::sleep(Duration::from_secs(u64::try_from(share(6, 60)).unwrap()));
        reader.run("COMMIT;");
        let outcome = run.finish();
        over.store(true, Ordering::SeqCst);
        let stalls: Vec<_> = sessions.into_iter().flat_map(|session| session.join().unwrap()).collect();
        (stalls, outcome)
    });
    stalls.sort_unstable();
    let (p99, longest) = (stalls[stalls.len() * 99 / 100], stalls[stalls.len() - 1]);

    let mut tally = Tally::new("reads during a change behind a long reader", "up, direct");
    tally.note(format!("{} reads, p99 {} ms, longest {} ms", stalls.len(), p99.as_millis(), longest.as_millis()));
    let is_bounded = if is_full() { p99 <= LOCK_TIMEOUT + MARGIN } else { longest <= LOCK_TIMEOUT + AMPLE };
    let retried: Vec<_> = outcome.events().filter(|event| event["event"] == "step-retried").collect();
    let is_named =
        |event: &Value| event["failure"]["message"].as_str().unwrap().contains("SELECT count(*) FROM accounts");
    let waited = !retried.is_empty() && retried.iter().all(is_named);
    let told = format!("p99 {p99:?}, longest {longest:?}\n{}", outcome.stderr);
    tally.add(match outcome.code {
        Some(0) if is_bounded && waited => Verdict::Recovered,
        Some(0) => Verdict::Wrong(told),
        _ => Verdict::Stuck(told),
    });
    tally.end();
}

/// Reads one row at a time until it is over; how long each took.
fn read(database: &Scratch<'_>, over: &AtomicBool) -> Vec<Duration> {
    let mut session = database.session();
    let mut took = Vec::new();
    let pause = Duration::from_millis(1_000 / RATE);
    while !over.load(Ordering::SeqCst) {
        let since = Instant::now();
        session.run("SELECT name FROM accounts WHERE id = 4711;");
        took.push(since.elapsed());
        thread::sleep(pause.saturating_sub(since.elapsed()));
    }
    took
}
