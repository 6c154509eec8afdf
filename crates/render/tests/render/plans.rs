//! Plans: what a newcomer reads before anything runs.

use dunlin_planner::{DownRequest, DownScope, Finding, Graph, Plan, Scope, Selection, UpRequest, plan_down, plan_up};
use dunlin_render::{plan, plan_json};

use crate::support::{FLEET, bare, catalog, observed, place, up};

const ALL: [&str; 7] =
    ["auth/20240101_001", "auth/20240101_002", "auth/views", "billing/1", "billing/2", "iot/1", "iot/2"];

fn down(applied: &[&str], version: &str) -> Plan {
    let catalog = catalog(FLEET);
    let graph = Graph::build(&catalog).unwrap();
    let all = Selection::of(&graph, &Scope::default()).unwrap();
    let request = DownRequest { scope: DownScope::Version(version.to_owned()), cascade: true };
    plan_down(&graph, &all, &observed(&catalog, applied), &request)
}

#[test]
fn a_first_run_shows_the_order_over_all_databases() {
    insta::assert_snapshot!(bare(&plan(&up(&catalog(FLEET), &[]), 100)), @r#"
    Plan for acme (production): 7 steps on 2 databases; the longest chain has 3

      core     postgres   PostgreSQL 17.11: 5 steps; its ledger will be created
      metrics  timescale  PostgreSQL 17.11: 2 steps; its ledger will be created

      1  core     auth/20240101_001  create users table
      2  core     billing/1          invoices             alone: CREATE INDEX CONCURRENTLY
      3  core     auth/20240101_002  add sessions         waits for 1, 2
      4  core     billing/2          drop the old totals  contract phase; waits for 2
      5  metrics  iot/1              readings             waits for 1
      6  metrics  iot/2              compress readings
      7  core     auth/views         session views        repeatable; waits for 3

    Held back: 2 migrations
      1 because jobs is switched off in this environment: nightly/1
      1 because the policy loads no seeds: demo/1
    "#);
}

#[test]
fn a_narrow_terminal_wraps_the_last_column_only() {
    insta::assert_snapshot!(bare(&plan(&up(&catalog(FLEET), &ALL[..3]), 60)), @"
    Plan for acme (production): 4 steps on 2 databases; the longest chain has 2

      core     postgres   PostgreSQL 17.11: 2 steps
      metrics  timescale  PostgreSQL 17.11: 2 steps; its ledger
                          will be created

      1  core     billing/1  invoices             alone: CREATE INDEX
                                                  CONCURRENTLY
      2  core     billing/2  drop the old totals  contract phase
      3  metrics  iot/1      readings
      4  metrics  iot/2      compress readings

    Held back: 2 migrations
      1 because jobs is switched off in this environment:
        nightly/1
      1 because the policy loads no seeds: demo/1

    3 migrations are applied already.
    ");
}

#[test]
fn a_selection_names_what_is_pulled_in_and_errors_stop_it() {
    let catalog = catalog(FLEET);
    let graph = Graph::build(&catalog).unwrap();
    let scope = Scope { services: vec!["auth".to_owned()], ..Scope::default() };
    let auth = Selection::of(&graph, &scope).unwrap();
    let plan = plan_up(&graph, &auth, &observed(&catalog, &ALL[..1]), UpRequest { only: true });
    insta::assert_snapshot!(bare(&dunlin_render::plan(&plan, 100)), @"
    error[pull-in-refused]: `auth/20240101_002` needs `billing/1` of service `billing`, which is pending and was not selected
    hint: run `dunlin up --service billing` first

    Nothing runs in acme (production): 1 error must be mended first.
    ");
}

#[test]
fn nothing_to_do_is_one_sentence() {
    let none = catalog("core postgres");
    insta::assert_snapshot!(bare(&plan(&up(&none, &[]), 100)), @r#"
    acme (production): nothing to do: no migration is selected
    "#);
    let one = catalog("core postgres\n  auth/1 users");
    insta::assert_snapshot!(bare(&plan(&up(&one, &["auth/1"]), 100)), @"acme (production): nothing to do: 1 migration applied");
    insta::assert_snapshot!(bare(&plan(&up(&catalog(FLEET), &ALL), 100)), @r#"
    acme (production): nothing to do: 7 migrations applied, 2 held back

    Held back: 2 migrations
      1 because jobs is switched off in this environment: nightly/1
      1 because the policy loads no seeds: demo/1
    "#);
    insta::assert_snapshot!(bare(&plan(&down(&[], "iot/2"), 100)), @"acme (production): nothing to take back");
}

#[test]
fn a_down_plan_says_that_it_takes_back() {
    insta::assert_snapshot!(bare(&plan(&down(&["auth/20240101_001"], "auth/20240101_001"), 100)), @r#"
    Plan for acme (production): takes back 1 migration on 1 database

      core  postgres  PostgreSQL 17.11: 1 step

      1  core  auth/20240101_001  create users table
    "#);
}

#[test]
fn what_is_wrong_stands_at_the_end_and_cannot_steer_the_terminal() {
    let mut plan = up(&catalog("core postgres\n  auth/1 users\u{1b}[2J of\ttwo"), &[]);
    let at = place("migrations/auth/1.sql", 3, 1, "drop table users;\u{1b}[2J", 10);
    plan.findings.push(
        Finding::warning("drops-table", "drops a table\u{7}").at(at).hint("wait a release\u{1b}").of(&plan.steps[0].id),
    );
    plan.targets.values_mut().for_each(|target| target.server = "PostgreSQL\u{1b}]0;x\u{7} 17".to_owned());
    insta::assert_snapshot!(bare(&dunlin_render::plan(&plan, 100)), @r#"
    Plan for acme (production): 1 step on 1 database

      core  postgres  PostgreSQL\u{1b}]0;x\u{7} 17: 1 step; its ledger will be created

      1  core  auth/1  users\u{1b}[2J of two

    warning[drops-table]: drops a table\u{7}
     --> migrations/auth/1.sql:3:1
      |
    3 | drop table users;␛[2J
      | ^^^^^^^^^^
    hint: wait a release\u{1b}
    "#);
}

#[test]
fn a_plan_as_json_is_versioned_and_whole() {
    let json = plan_json(&up(&catalog("core postgres\n  auth/1 users"), &[]));
    let outline: Vec<_> = json.lines().filter(|line| line.starts_with("    \"") || line.starts_with("  \"")).collect();
    insta::assert_snapshot!(outline.join("\n"), @r#"
    "version": 1,
    "plan": {
      "project": "acme",
      "environment": "production",
      "direction": "up",
      "targets": {
      "steps": [
      "pauses": [],
      "left_paused": [],
      "held": [],
      "settled": 0,
      "findings": []
    "#);
}
