//! Several runs at the same time.

use std::collections::BTreeMap;

use dunlin_tests::{Dunlin, Fleet, Outcome, Server, Workspace, difference};

const ROUNDS: usize = 4;
const RUNNERS: usize = 4;

/// Migrations of two databases that wait for one another; each leaves a mark that a second time would double.
const MIGRATIONS: &[(&str, &str, &str)] = &[
    ("left", "001", ""),
    ("right", "001", "-- dunlin: depends left/001\n"),
    ("left", "002", "-- dunlin: depends right/001\n"),
    ("left", "003", "SELECT pg_sleep(0.05);\n"),
    ("right", "002", "-- dunlin: depends left/003\n"),
    ("right", "003", "SELECT pg_sleep(0.05);\n"),
];

#[test]
fn runs_at_the_same_time_do_everything_once() {
    let server = Server::shared();
    for round in 0..ROUNDS {
        let databases = [server.scratch(), server.scratch()];
        let urls = databases.each_ref().map(|database| database.url());
        let services = [("left", "left"), ("right", "right")];
        let files = Workspace::project(&[("left", &urls[0]), ("right", &urls[1])], &services);
        for (service, version, body) in MIGRATIONS {
            let mark = format!("{body}INSERT INTO marks VALUES ('{service}/{version}');\n");
            files.write(&format!("migrations/{service}/{version}_mark.sql"), &mark);
        }
        for (service, _) in services {
            let index = "CREATE INDEX CONCURRENTLY marks_name ON marks (name);\n";
            files.write(&format!("migrations/{service}/004_index.sql"), index);
        }
        databases.iter().for_each(|database| drop(database.sql("CREATE TABLE marks (name text)")));

        let dunlin = Dunlin::at(files.dir());
        let runs: Vec<_> = (0..RUNNERS).map(|_| dunlin.start("up --yes --format json")).collect();
        let outcomes: Vec<_> = runs.into_iter().map(|run| run.finish().exits(0)).collect();
        let counted = count(&outcomes);
        assert!(counted.values().all(|done| *done == 1), "round {round}: {counted:?}");
        assert_eq!(counted.len(), MIGRATIONS.len() + services.len(), "round {round}: {counted:?}");
        for (database, (service, _)) in databases.iter().zip(services) {
            let marks = database.sql("SELECT string_agg(name, ' ' ORDER BY name) FROM marks");
            assert_eq!(marks, format!("{service}/001 {service}/002 {service}/003"), "round {round}");
            assert_eq!(database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'marks_name'::regclass"), "t");
        }
    }
    println!("{ROUNDS} rounds of {RUNNERS} runs at once");
}

#[test]
fn the_fleet_ends_alike_with_one_run_and_with_several() {
    let fleet = Fleet::new();
    let dunlin = fleet.dunlin();
    let steps = dunlin.run("up --yes --format json").exits(0).done().len();
    let (dumps, ledgers) = (fleet.dumps(), fleet.ledgers());
    fleet.clear();
    let runs: Vec<_> = (0..RUNNERS).map(|_| dunlin.start("up --yes --format json")).collect();
    let outcomes: Vec<_> = runs.into_iter().map(|run| run.finish().exits(0)).collect();
    let counted = count(&outcomes);
    assert!(counted.len() == steps && counted.values().all(|done| *done == 1), "{counted:?}");
    assert_eq!(fleet.ledgers(), ledgers);
    for (now, then) in fleet.dumps().iter().zip(&dumps) {
        assert_eq!(difference(then, now), "");
    }
}

/// How many of the runs say that they did it, for each migration.
fn count(outcomes: &[Outcome]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for outcome in outcomes {
        // A run that comes late finds nothing to do, and shows its plan instead of a report.
        let steps = outcome.json()["steps"].as_array().cloned().unwrap_or_default();
        for step in steps.iter().filter(|step| step["end"] == "done") {
            *counted.entry(step["migration"].to_string()).or_default() += 1;
        }
    }
    counted
}
