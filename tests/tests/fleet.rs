//! The example fleet, run as people run it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read an answer has failed")]

use std::collections::BTreeSet;

use dunlin_tests::{DATABASES, Dunlin, Fleet, Graph, JOBS, Server, repository};
use serde_json::Value;

/// What the ledgers of `databases` say is applied.
fn applied(server: &Server, databases: &[&str]) -> BTreeSet<String> {
    const IDS: &str = "SELECT id FROM dunlin.ledger WHERE state = 'applied'";
    databases
        .iter()
        .flat_map(|database| server.sql(database, IDS).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn ids(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn set<T: Ord + Clone>(list: &[T]) -> BTreeSet<T> {
    list.iter().cloned().collect()
}

#[test]
fn one_command_migrates_everything() {
    let server = Server::own();
    let sidecar = server.sidecar();
    let dunlin = Dunlin::at(repository()).with("DUNLIN_CLUSTER", server.name()).with("DUNLIN_ENV", "dev");
    let plan = dunlin.run("plan --format json").exits(0).json();
    let planned = ids(&plan["plan"]["steps"]);
    let held = ids(&plan["plan"]["held"]);

    let up = dunlin.run("up --yes --format json").exits(0);
    assert_eq!(up.json()["verdict"], "done");
    assert_eq!(set(&up.done()), planned);
    assert_eq!(up.done().len(), planned.len(), "each once");
    let databases = [&DATABASES[..], &[JOBS]].concat();
    let elsewhere: BTreeSet<_> = planned.iter().filter(|id| id.starts_with("harvestry.clickhouse/")).cloned().collect();
    let recorded = &applied(&server, &databases) | &elsewhere;
    assert_eq!(recorded, planned, "the ledgers say what the report says");
    assert_eq!(elsewhere.len(), 3);
    let columns = "SELECT count() FROM system.columns WHERE database = 'analytics' AND name IN ('quality', 'average')";
    assert_eq!(sidecar.query("", columns).unwrap(), "3", "of the facts, of the averages, and of what holds those");

    let again = dunlin.run("up --yes").exits(0);
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    let again = dunlin.run("up --yes --format json").exits(0).json();
    assert_eq!(again["plan"]["steps"], Value::Array(Vec::new()));

    let status = dunlin.run("status --format json").exits(0).json();
    for migration in status["migrations"].as_array().unwrap() {
        let expected = if held.contains(migration["id"].as_str().unwrap()) { "held" } else { "applied" };
        assert_eq!(migration["state"], expected, "{migration}");
    }
    assert_eq!(ids(&status["migrations"]).len(), planned.len() + held.len());
    println!("{} migrations applied in {} databases, {} held", planned.len(), databases.len(), held.len());
}

#[test]
fn a_selection_takes_along_what_it_needs_and_nothing_else() {
    let fleet = Fleet::new();
    let dunlin = fleet.dunlin();
    let graph = Graph::of(&dunlin);
    let held = ids(&dunlin.run("plan --format json").exits(0).json()["plan"]["held"]);
    let cases = [
        ("--service auth-service", graph.closure(|node| node.service == "auth")),
        ("--service crm-service", graph.closure(|node| node.service == "crm")),
        ("--to inosec-edge/20240301_009", graph.needs("inosec-edge/20240301_009")),
        ("--to 20240201_004", graph.needs("crm/20240201_004")),
        ("--set iot.cron", graph.closure(|node| node.id.starts_with("iot.cron/"))),
        ("--target core", graph.closure(|node| node.target == "core")),
    ];
    // On top of one another: what the one has applied, the next one finds.
    let mut before = BTreeSet::new();
    for (scope, needed) in cases {
        let needed: BTreeSet<_> = needed.difference(&held).cloned().collect();
        let expected: BTreeSet<_> = needed.difference(&before).cloned().collect();
        let plan = dunlin.run(&format!("plan {scope} --format json")).exits(0).json();
        assert_eq!(ids(&plan["plan"]["steps"]), expected, "plan {scope}");
        let up = dunlin.run(&format!("up {scope} --yes --format json")).exits(0);
        assert_eq!(if expected.is_empty() { BTreeSet::new() } else { set(&up.done()) }, expected, "up {scope}");
        println!("{scope}: {} of {} were missing", expected.len(), needed.len());
        before.extend(needed);
    }
    let everything = dunlin.run("up --yes --format json").exits(0);
    before.extend(everything.done());
    assert_eq!(before.len(), graph.order.iter().filter(|node| !held.contains(&node.id)).count());
}

#[test]
fn only_refuses_what_is_not_ready() {
    let fleet = Fleet::new();
    let dunlin = fleet.dunlin();
    let refused = dunlin.run("up --service crm-service --only --yes").exits(2);
    assert!(refused.stdout.contains("pull-in-refused") || refused.stderr.contains("pull-in-refused"));
    assert_eq!(fleet.server().sql("core", "SELECT to_regnamespace('dunlin') IS NULL"), "t", "nothing was touched");
    let _ = dunlin.run("up --to user/20240401_002 --yes").exits(0);
    let _ = dunlin.run("up --service auth --yes").exits(0);
    let allowed = dunlin.run("up --service crm-service --only --yes --format json").exits(0);
    assert!(allowed.done().iter().all(|id| id.starts_with("crm/")), "{:?}", allowed.done());
}

#[test]
fn down_takes_dependents_in_other_databases_first() {
    const ROOT: &str = "inosec-edge/20240101_009";
    let fleet = Fleet::with_seeds(false);
    let dunlin = fleet.dunlin();
    let graph = Graph::of(&dunlin);
    let gone = graph.dependents(ROOT);
    for node in graph.order.iter().filter(|node| !gone.contains(&node.id) && node.target != "analytics") {
        // The last ones bring the others along.
        let is_needed =
            |other: &str| !gone.contains(other) && other != node.id && graph.needs(other).contains(&node.id);
        if !graph.order.iter().any(|other| is_needed(&other.id)) {
            let _ = dunlin.run(&format!("up --to {} --yes", node.id)).exits(0);
        }
    }
    let before = fleet.dumps();
    let everything = dunlin.run("up --yes --format json").exits(0);
    assert_ne!(fleet.dumps(), before);

    let refused = dunlin.run(&format!("down --version {ROOT} --yes")).exits(2);
    assert!(refused.stdout.contains("--cascade") || refused.stderr.contains("--cascade"), "{}", refused.stderr);
    let down = dunlin.run(&format!("down --version {ROOT} --cascade --yes --format json --log-format json")).exits(0);
    assert_eq!(set(&down.done()), gone.intersection(&set(&everything.done())).cloned().collect());
    let order: Vec<_> = down.events().filter_map(ended).collect();
    let at = |id: &str| order.iter().position(|(ended, _)| ended == id).unwrap();
    let databases: BTreeSet<_> = order.iter().map(|(_, target)| target).collect();
    for (id, _) in &order {
        for needed in graph.needs(id).iter().filter(|needed| *needed != id && gone.contains(*needed)) {
            assert!(at(id) < at(needed), "`{id}` needs `{needed}` and went later: {order:?}");
        }
    }
    assert!(databases.len() > 1, "{databases:?}");
    for (now, before) in fleet.dumps().iter().zip(&before) {
        assert!(now == before, "a schema is not as it was before");
    }
    println!("{} migrations taken back in {} databases", order.len(), databases.len());
}

/// The migration and the target of an event that tells of a step's end.
fn ended(event: Value) -> Option<(String, String)> {
    let text = |key: &str| event[key].as_str().unwrap().to_owned();
    (event["event"] == "step-ended").then(|| (text("migration"), text("target")))
}

#[test]
fn seeds_are_held_until_they_are_wanted() {
    let fleet = Fleet::with_seeds(false);
    let dunlin = fleet.dunlin();
    let up = dunlin.run("up --service auth --yes --format json").exits(0);
    assert!(!up.done().is_empty());
    let standing = |word: &str| {
        let status = dunlin.run("status --service auth --format json").exits(0).json();
        let with = status["migrations"].as_array().unwrap().iter().filter(|migration| migration["state"] == word);
        with.map(|migration| migration["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(standing("held"), ["auth/20240401_001"]);
    let users = || fleet.server().sql("core", "SELECT count(*) FROM users");
    assert_eq!(users(), "0");
    fleet.set_seeds(true);
    assert_eq!(dunlin.run("up --service auth --yes --format json").exits(0).done(), ["auth/20240401_001"]);
    assert_ne!(users(), "0");
    assert!(standing("held").is_empty());
}

#[test]
fn the_ledger_tells_what_ran() {
    let fleet = Fleet::new();
    let dunlin = fleet.dunlin();
    let planned = dunlin.run("plan --format json").exits(0).json();
    let runs = ["auth", "crm"].map(|service| {
        let up = dunlin.run(&format!("up --service {service} --yes --format json")).exits(0).json();
        up["run"].as_str().unwrap().to_owned()
    });
    let sql = |query: &str| fleet.server().sql("core", query);
    let plan = dunlin.run("plan --format json").exits(0).json();
    assert_eq!(sql("SELECT environment FROM dunlin.meta"), "test");
    assert_eq!(sql("SELECT ledger_id FROM dunlin.meta"), plan["plan"]["targets"]["core"]["ledger"].as_str().unwrap());
    let file = fs_err::read_to_string(
        fleet.files().path("migrations/auth-service/schema/20240115_001_auth_create_sessions_table.sql"),
    );
    let row = format!("FROM dunlin.ledger WHERE id = 'auth/20240115_001' AND run_id = '{}'", runs[0]);
    assert_eq!(sql(&format!("SELECT raw = sha256(convert_to($file${}$file$, 'UTF8')) {row}", file.unwrap())), "t");
    assert_eq!(sql(&format!("SELECT deps->0->>'id' {row}")), "auth/20240101_001");
    assert_eq!(
        sql(
            "SELECT DISTINCT d->>'ledger' = ledger_id::text FROM dunlin.ledger, dunlin.meta, jsonb_array_elements(deps) d"
        ),
        "t"
    );
    assert_eq!(
        sql(&format!(
            "SELECT count(*) FROM dunlin.ledger WHERE finished < started OR by_user <> 'postgres' OR run_id NOT IN ('{}', '{}')",
            runs[0], runs[1]
        )),
        "0"
    );

    let history = dunlin.run("history --format json").exits(0).json();
    let rows = history["targets"]["core"].as_array().unwrap();
    let found: BTreeSet<_> = rows.iter().map(|row| row["run"].as_str().unwrap()).collect();
    assert_eq!(found, runs.iter().map(String::as_str).collect());

    let steps = planned["plan"]["steps"].as_array().unwrap();
    for row in rows {
        let step = steps.iter().find(|step| step["id"] == row["id"]).unwrap();
        assert_eq!((&row["checksum"], &row["state"]), (&step["checksum"], &Value::from("applied")), "{row}");
    }

    fleet.write_environment("other", true);
    let refused = dunlin.clone().with("DUNLIN_ENV", "other").run("up --yes").exits(4);
    assert!(refused.stdout.contains("`test`") || refused.stderr.contains("`test`"), "{}", refused.stderr);
}
