//! Status, one migration explained, and history.

use dunlin_planner::{
    Class, Finding, Graph, LedgerRow, LogEntry, MigrationIx, MigrationStatus, Observed, Scope, Selection, Status,
    TargetName, Timestamp,
};
use dunlin_render::{Logs, Traces};

use crate::support::{FLEET, bare, catalog, id, observed, row};

const SOME: [&str; 4] = ["auth/20240101_001", "iot/1", "iot/2", "billing/1"];

fn status(applied: &[&str], change: impl FnOnce(&mut dunlin_planner::Catalog)) -> Status {
    let before = catalog(FLEET);
    let observed = observed(&before, applied);
    let mut catalog = before;
    change(&mut catalog);
    let graph = Graph::build(&catalog).unwrap();
    let all = Selection::of(&graph, &Scope::default()).unwrap();
    dunlin_planner::status(&graph, &all, &observed)
}

#[test]
fn what_is_applied_is_one_line_and_the_rest_is_listed() {
    insta::assert_snapshot!(bare(&dunlin_render::status(&status(&SOME, |_| ()), false, 100)), @r#"
    core  postgres  PostgreSQL 17.11
      auth  1 applied, 2 pending
        20240101_002  pending  add sessions
        views         pending  session views  waits for auth/20240101_002
      billing  1 applied, 1 pending
        2  pending  drop the old totals
      demo  1 held
        1  held  demo data  the policy loads no seeds

    jobs  cron  switched off in this environment
      nightly  1 held

    metrics  timescale  PostgreSQL 17.11
      iot  2 applied

    9 migrations: 4 applied, 3 pending, 2 held
    "#);
}

#[test]
fn a_database_that_does_not_answer_is_one_line_a_set() {
    let before = catalog(FLEET);
    let mut observed = observed(&before, &SOME);
    let trouble = Finding::error("unreachable", "core did not answer:\u{7} connection refused").class(Class::Blocked);
    observed.insert("core".parse().unwrap(), Observed::Failed(trouble));
    let graph = Graph::build(&before).unwrap();
    let all = Selection::of(&graph, &Scope::default()).unwrap();
    insta::assert_snapshot!(bare(&dunlin_render::status(&dunlin_planner::status(&graph, &all, &observed), false, 100)), @r#"
    core  postgres  not read, see below
      auth     3 unknown
      billing  2 unknown
      demo     1 unknown

    jobs  cron  switched off in this environment
      nightly  1 held

    metrics  timescale  PostgreSQL 17.11
      iot  2 applied

    error[unreachable]: core did not answer:\u{7} connection refused

    9 migrations: 2 applied, 1 held, 6 unknown
    "#);
}

#[test]
fn verbose_lists_everything() {
    insta::assert_snapshot!(bare(&dunlin_render::status(&status(&SOME, |_| ()), true, 120)), @r#"
    core  postgres  PostgreSQL 17.11
      auth  1 applied, 2 pending
        20240101_001  applied  create users table  2026-11-20 11:58:45 UTC  dunlin_runner  has a down
        20240101_002  pending  add sessions
        views         pending  session views                                               waits for auth/20240101_002
      billing  1 applied, 1 pending
        1  applied  invoices             2026-11-20 11:58:48 UTC  dunlin_runner
        2  pending  drop the old totals
      demo  1 held
        1  held  demo data  the policy loads no seeds

    jobs  cron  switched off in this environment
      nightly  1 held
        1  held  schedule the nightly roll up  its target is switched off in this environment

    metrics  timescale  PostgreSQL 17.11
      iot  2 applied
        1  applied  readings           2026-11-20 11:58:46 UTC  dunlin_runner
        2  applied  compress readings  2026-11-20 11:58:47 UTC  dunlin_runner

    9 migrations: 4 applied, 3 pending, 2 held
    "#);
}

#[test]
fn what_does_not_fit_is_said() {
    let drifted = status(&SOME, |catalog| {
        catalog.migrations.retain(|migration| migration.id != id("iot/2"));
        catalog.migrations.retain(|migration| migration.id != id("nightly/1"));
        catalog.migrations[0].up.digest = dunlin_planner::Digest::of(b"edited");
        catalog.migrations[0].up.tokens = catalog.migrations[0].up.digest;
    });
    insta::assert_snapshot!(bare(&dunlin_render::status(&drifted, false, 100)), @"
    core  postgres  PostgreSQL 17.11
      auth  2 pending, 1 edited
        20240101_001  edited   create users table  2026-11-20 11:58:45 UTC  dunlin_runner  has a down
        20240101_002  pending  add sessions
        views         pending  session views                                               waits for
                                                                                           auth/20240101_002
      billing  1 applied, 1 pending
        2  pending  drop the old totals
      demo  1 held
        1  held  demo data  the policy loads no seeds

    metrics  timescale  PostgreSQL 17.11
      iot  1 applied, 1 missing
        2  missing  compress readings  2026-11-20 11:58:47 UTC  dunlin_runner

    error[migration-edited]: `auth/20240101_001` is applied in `core` with checksum a560019b, and its file was edited since
    --> migrations/auth/20240101_001.sql:1:1
    hint: put the file back as it was, and write the change as a new migration; or say `dunlin repair accept auth/20240101_001 --reason TEXT` if the database is as the file says now

    error[migration-missing]: `iot/2` is applied in `metrics`, and no file has it any more
    hint: bring the file back from version control; or say `dunlin repair forget iot/2 --reason TEXT` if nothing of it is there any more, or it no longer matters

    8 migrations: 2 applied, 3 pending, 1 held, 1 edited, 1 missing
    ");
}

#[test]
fn a_status_as_json_has_moments_in_rfc_3339() {
    let mut one = status(&SOME, |_| ());
    one.migrations.truncate(2);
    one.targets.truncate(1);
    insta::assert_snapshot!(dunlin_render::status_json(&one), @r#"
    {
      "version": 1,
      "targets": [
        {
          "name": "core",
          "kind": "postgres",
          "enabled": true,
          "server": "PostgreSQL 17.11",
          "same_as": null,
          "has_ledger": true,
          "paused": [],
          "trouble": null
        }
      ],
      "migrations": [
        {
          "id": "auth/20240101_001",
          "name": "create users table",
          "service": "auth",
          "target": "core",
          "state": "applied",
          "finished": "2026-11-20T11:58:45.000000Z",
          "by": "dunlin_runner",
          "has_down": true,
          "waits_for": [],
          "reason": null
        },
        {
          "id": "billing/1",
          "name": "invoices",
          "service": "billing",
          "target": "core",
          "state": "applied",
          "finished": "2026-11-20T11:58:48.000000Z",
          "by": "dunlin_runner",
          "has_down": false,
          "waits_for": [],
          "reason": null
        }
      ],
      "findings": []
    }
    "#);
}

/// A line of the log.
fn entry(text: &str, what: &str, message: &str) -> LogEntry {
    LogEntry {
        id: Some(id(text)),
        at: Timestamp(1_795_175_925_000_000),
        run: Some("run-1".parse().unwrap()),
        what: what.to_owned(),
        by: "dunlin_runner".to_owned(),
        message: Some(message.to_owned()),
        sqlstate: (what == "failed").then(|| "40P01".to_owned()),
    }
}

/// Says with `say` what there is to say of `text`, which has a row when `applied`.
fn explained(
    text: &str,
    applied: bool,
    say: impl Fn(&Graph<'_>, MigrationIx, &Traces<'_>, &MigrationStatus) -> String,
) -> String {
    let catalog = catalog(FLEET);
    let graph = Graph::build(&catalog).unwrap();
    let lines = status(&SOME, |_| ()).migrations;
    let line = lines.iter().find(|line| line.id == id(text)).unwrap();
    let row = applied.then(|| row(&catalog, &id(text), 3));
    let log = if applied { vec![entry(text, "failed", "deadlock detected")] } else { Vec::new() };
    bare(&say(&graph, graph.find(&id(text)).unwrap(), &Traces { row: row.as_ref(), log }, line))
}

#[test]
fn a_migration_is_explained_with_its_edges_and_its_row() {
    let explain = |text, applied| {
        explained(text, applied, |graph, ix, traces, line| dunlin_render::explain(graph, ix, traces, line, 100))
    };
    insta::assert_snapshot!(explain("billing/1", true), @"
    billing/1  invoices
      file      migrations/billing/1.sql
      set       billing, up/down suffix files
      target    core (postgres)
      kind      versioned
      checksum  60dfc60094cd97a3b9fb998c16ccedf360410769f17428bd7696a6dbb45b3775
      state     applied

    Runs migrations/billing/1.sql: 2 statements, one after the other, as role core_owner
      1  line 3  in a transaction of its own
      2  line 7  alone: CREATE INDEX CONCURRENTLY; when interrupted, done if index invoices_due on
                 invoices is valid

    Needs: nothing

    Is needed by:
      core  auth/20240101_002  declared at migrations/auth/20240101_002.sql:1:20
      core  billing/2          by the order of the set

    Ledger:
      state     applied
      started   2026-11-20 11:58:47 UTC by the database's clock
      finished  2026-11-20 11:58:48 UTC, after 12 ms
      by        dunlin_runner
      run       0193-run-1, attempt 1
      checksum  60dfc60094cd97a3b9fb998c16ccedf360410769f17428bd7696a6dbb45b3775
      progress  0 of 2 statements finished

    Log:
      2026-11-20 11:58:45 UTC failed by dunlin_runner: deadlock detected (40P01)

    Next:
      nothing is left to do
    ");
    insta::assert_snapshot!(explain("auth/20240101_002", false), @"
    auth/20240101_002  add sessions
      file      migrations/auth/20240101_002.sql
      set       auth, up/down suffix files
      target    core (postgres)
      kind      versioned
      checksum  9cfc9096b6c4a0477d8d575a4f4cb5ba6db340549667479a61ef9e807fc248d0
      state     pending

    Runs migrations/auth/20240101_002.sql: 1 statement in one transaction, as role core_owner
      lines  3

    Needs:
      core  auth/20240101_001  by the order of the set
      core  billing/1          declared at migrations/auth/20240101_002.sql:1:20

    Is needed by:
      core  auth/views  by the order of the set

    Ledger: no row

    Next:
      `dunlin up` applies it
    ");
}

#[test]
fn a_migration_explained_as_json_names_its_neighbours() {
    let json = explained("billing/1", true, dunlin_render::explain_json);
    let edges = json.split_once("\"needs\"").unwrap().1.split_once("\"ledger\"").unwrap().0;
    insta::assert_snapshot!(edges, @r#"
    : [],
      "needed_by": [
        {
          "id": "auth/20240101_002",
          "kind": "declared",
          "place": {
            "file": "migrations/auth/20240101_002.sql",
            "line": 1,
            "column": 20,
            "text": "-- dunlin: depends billing/1",
            "width": 9
          }
        },
        {
          "id": "billing/2",
          "kind": "sequence"
        }
      ],
    "#);
}

/// Rows of two databases, and lines of two logs.
fn remembered() -> (Vec<(TargetName, LedgerRow)>, Logs) {
    let catalog = catalog(FLEET);
    let at = |target: &str, text: &str, seconds, run: &str| {
        let mut row = row(&catalog, &id(text), seconds);
        row.run = run.parse().unwrap();
        (target.parse::<TargetName>().unwrap(), row)
    };
    let rows = [
        at("core", "billing/1", 70, "run-2"),
        at("metrics", "iot/1", 5, "run-1"),
        at("core", "auth/20240101_001", 1, "run-1"),
        at("core", "auth/20240101_002", 2, "run-1"),
    ];
    let said = ["failed", "applied", "repaired"].map(|what| entry("billing/1", what, "it was seen"));
    let logs = Logs::from([("core".parse().unwrap(), said.to_vec()), ("jobs".parse().unwrap(), said[..1].to_vec())]);
    (rows.to_vec(), logs)
}

fn borrowed(rows: &[(TargetName, LedgerRow)]) -> Vec<(TargetName, &LedgerRow)> {
    rows.iter().map(|(target, row)| (target.clone(), row)).collect()
}

#[test]
fn history_keeps_the_clocks_of_two_databases_apart() {
    let (rows, logs) = remembered();
    let rows = borrowed(&rows);
    insta::assert_snapshot!(bare(&dunlin_render::history(&rows, &logs, 100)), @"
    core  3 migrations, times in UTC
      run run-1 by dunlin_runner
        2026-11-20 11:58:46  applied  auth/20240101_001  create users table  12 ms
        2026-11-20 11:58:47  applied  auth/20240101_002  add sessions        12 ms
      run run-2 by dunlin_runner
        2026-11-20 11:59:55  applied  billing/1  invoices  12 ms
      failures and repairs
        2026-11-20 11:58:45  failed    billing/1  it was seen (40P01)  by dunlin_runner
        2026-11-20 11:58:45  repaired  billing/1  it was seen          by dunlin_runner

    metrics  1 migration, times in UTC
      run run-1 by dunlin_runner
        2026-11-20 11:58:50  applied  iot/1  readings  12 ms

    jobs  0 migrations, times in UTC
      failures and repairs
        2026-11-20 11:58:45  failed  billing/1  it was seen (40P01)  by dunlin_runner
    ");
}

#[test]
fn history_as_json_keeps_rows_and_log() {
    let (rows, mut logs) = remembered();
    logs.retain(|target, _| target.as_str() == "jobs");
    let rows = borrowed(&rows);
    insta::assert_snapshot!(dunlin_render::history_json(&rows[1..2], &logs), @r#"
    {
      "version": 1,
      "targets": {
        "metrics": [
          {
            "id": "iot/1",
            "name": "readings",
            "kind": "versioned",
            "transactional": true,
            "state": "applied",
            "checksum": "4067ab742842793293550ffadb9a9432f70e6f887e3c556bc082d6e3aeb58edd",
            "step": 0,
            "run": "run-1",
            "attempt": 1,
            "dependencies": [],
            "started": "2026-11-20T11:58:49.988000Z",
            "finished": "2026-11-20T11:58:50.000000Z",
            "by": "dunlin_runner",
            "in_doubt": false,
            "holder": null
          }
        ]
      },
      "log": {
        "jobs": [
          {
            "at": "2026-11-20T11:58:45.000000Z",
            "id": "billing/1",
            "run": "run-1",
            "what": "failed",
            "by": "dunlin_runner",
            "message": "it was seen",
            "sqlstate": "40P01"
          }
        ]
      }
    }
    "#);
    insta::assert_snapshot!(bare(&dunlin_render::history(&[], &Logs::new(), 100)), @r#"
    No ledger holds anything yet.
    "#);
}
