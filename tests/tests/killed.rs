//! Runs that are killed at any moment, and what the next run makes of it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "only tests call this, and they tell what they covered")]

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};
use std::{fs, thread};

use dunlin_devdb::Cluster;
use dunlin_tests::{Dunlin, Fleet, Server, Workspace, difference, home, repository, wait_until};

/// Moments that each of two tests kills at, spread over the whole run.
const MOMENTS: usize = 10;

/// Kills at the ends of steps.
#[test]
fn a_run_killed_after_a_step_is_finished_by_the_next() {
    converge(|_| Duration::ZERO);
}

/// Kills a little after the ends of steps.
#[test]
fn a_run_killed_between_steps_is_finished_by_the_next() {
    converge(|moment| Duration::from_micros(RandomState::new().hash_one(moment) % 6_000));
}

fn converge(delay: impl Fn(usize) -> Duration) {
    let fleet = Fleet::new();
    let dunlin = fleet.dunlin();
    let clean = dunlin.run("up --yes --format json").exits(0);
    let steps = clean.done().len();
    let (dumps, ledgers) = (fleet.dumps(), fleet.ledgers());
    let mut left = Vec::new();
    for moment in 0..MOMENTS {
        fleet.clear();
        let mut run = dunlin.start("up --yes");
        let (event, nth) = match moment {
            0 => ("run-started", 1),
            1 => ("ledger-ready", 2),
            _ => ("step-ended", 1 + (moment - 2) * (steps - 2) / (MOMENTS - 3)),
        };
        assert!(run.reach(event, nth), "there are fewer than {nth} events `{event}`");
        let delay = delay(moment);
        thread::sleep(delay);
        run.kill();
        let rerun = dunlin.run("up --yes --format json").exits(0);
        let (rest, at) = (rerun.json()["steps"].as_array().map_or(0, Vec::len), format!("{event} {nth} + {delay:?}"));
        assert!(fleet.ledgers() == ledgers, "the ledgers differ after a kill at {at}");
        for (now, then) in fleet.dumps().iter().zip(&dumps) {
            let difference = difference(then, now);
            assert!(difference.is_empty(), "a database differs after a kill at {at}:\n{difference}");
        }
        left.push(rest);
    }
    println!("{MOMENTS} kills; the reruns had {left:?} of {steps} steps to do");
    assert!(left.iter().any(|rest| (1..steps).contains(rest)), "no kill hit the middle: {left:?}");
}

#[test]
fn a_killed_down_is_finished_by_the_next() {
    const DOWN: &str = "down --version inosec-edge/20240101_009 --cascade --yes --format json";
    let fleet = Fleet::with_seeds(false);
    let dunlin = fleet.dunlin();
    let _ = dunlin.run("up --yes").exits(0);
    let steps = dunlin.run(DOWN).exits(0).done().len();
    let (dumps, ledgers) = (fleet.dumps(), fleet.ledgers());
    let mut left = Vec::new();
    for nth in (1..steps).step_by(2) {
        let _ = dunlin.run("up --yes").exits(0);
        let mut run = dunlin.start(DOWN);
        assert!(run.reach("step-ended", nth));
        run.kill();
        let rerun = dunlin.run(DOWN).exits(0);
        // Where the kill came too late there is nothing left to plan, and a plan is all that is said.
        let data = rerun.json();
        let nothing = data["plan"]["steps"].as_array().is_some_and(Vec::is_empty);
        left.push(if nothing { 0 } else { rerun.done().len() });
        assert!(fleet.ledgers() == ledgers, "the ledgers differ after a kill at step {nth}");
        for (now, then) in fleet.dumps().iter().zip(&dumps) {
            let difference = difference(then, now);
            assert!(difference.is_empty(), "a database differs after a kill at step {nth}:\n{difference}");
        }
    }
    println!("{} kills; the reruns had {left:?} of {steps} steps to do", left.len());
    assert!(left.iter().any(|rest| (1..steps).contains(rest)), "no kill hit the middle: {left:?}");
}

#[test]
fn an_embedded_server_ends_with_its_owner_or_serves_the_next() {
    let name = format!("e2e-{}", std::process::id());
    let _guard = Removed(&name);
    let dunlin = Dunlin::at(repository()).with("DUNLIN_CLUSTER", &name).with("DUNLIN_ENV", "dev");
    let mut run = dunlin.start("up --yes");
    assert!(run.reach("run-started", 1));
    assert!(servers(&name) > 0);
    assert!(run.reach("step-ended", 5));
    run.kill();
    // The next one comes at once: it joins, or starts anew what the watchdog has just stopped.
    let _ = dunlin.run("up --yes").exits(0);
    let mut run = dunlin.start("down --version auth/20240101_001 --cascade --yes");
    let _ = run.reach("step-ended", 1);
    run.kill();
    let since = Instant::now();
    while servers(&name) > 0 {
        assert!(since.elapsed() < Duration::from_secs(15), "a server goes on without an owner");
        thread::sleep(Duration::from_millis(20));
    }
    println!("the servers ended {:?} after their owner", since.elapsed());
}

/// How many processes work in the directories of this cluster, and of the ClickHouse beside it.
fn servers(name: &str) -> usize {
    let data = ["", "-clickhouse"].map(|kind| format!("/clusters/{name}{kind}/data"));
    let places = fs::read_dir("/proc").unwrap().filter_map(|dir| fs::read_link(dir.ok()?.path().join("cwd")).ok());
    places.filter(|place| data.iter().any(|data| place.to_string_lossy().ends_with(data))).count()
}

/// A cluster that goes with the test, and the ClickHouse beside it.
struct Removed<'a>(&'a str);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        for kind in ["", "-clickhouse"] {
            let _ = Cluster::destroy(&home(), &format!("{}{kind}", self.0));
        }
    }
}

#[test]
fn an_index_build_that_was_killed_is_built_anew() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_t.sql", "CREATE TABLE t (a int);\n");
    let dunlin = Dunlin::at(files.dir());
    let _ = dunlin.run("up --yes").exits(0);
    files.write("migrations/app/002_index.sql", "CREATE INDEX CONCURRENTLY t_a ON t (a);\n");

    let mut holder = database.session();
    holder.run("BEGIN; INSERT INTO t VALUES (1);");
    let mut run = dunlin.start("up --yes");
    assert!(run.reach("step-started", 1));
    let state = || database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('t_a')");
    wait_until("the index is begun", || state() == "f");
    run.kill();
    // The killed run's backend may still wait for the other session: the next run has to cope with both.
    let rerun = dunlin.start("up --yes");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(state(), "f");
    holder.run("COMMIT;");
    let _ = rerun.finish().exits(0);
    assert_eq!(state(), "t");
    assert_eq!(database.sql("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), "1");
    assert_eq!(database.sql("SELECT state, pre IS NULL FROM dunlin.ledger WHERE id = 'app/002'"), "applied|t");
}
