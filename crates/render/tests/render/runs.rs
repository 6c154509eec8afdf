//! How a run ended, and what is said while it goes on.

use std::time::Duration;

use dunlin_planner::{
    Event, EventKind, Failure, FailureClass, LaneKind, Notice, Plan, RunReport, StepEnd, StepIx, StepReport, Timestamp,
};
use dunlin_render::{event_json, event_line, report_json, summary};

use crate::support::{FLEET, NOON, bare, catalog, place, up};

fn fleet_plan() -> Plan {
    up(&catalog(FLEET), &[])
}

fn rejected(class: FailureClass) -> Failure {
    Failure {
        class,
        message: "relation \"users\u{1b}[2J\" already exists".to_owned(),
        sqlstate: Some("42P07".to_owned()),
        detail: Some("first line\nsecond line".to_owned()),
        hint: Some("drop it first".to_owned()),
        context: None,
        place: Some(place("migrations/billing/1.sql", 7, 14, "create table users (id bigint);", 5)),
    }
}

/// A report of `ends`, step by step; whatever is not named is done.
fn report(plan: &Plan, ends: &[(usize, StepEnd)], interrupted: bool) -> RunReport {
    let end = |ix: StepIx| ends.iter().find(|(step, _)| *step == ix.0).map_or(StepEnd::Done, |(_, end)| end.clone());
    let step = |ix: StepIx| StepReport {
        step: ix,
        end: end(ix),
        took: Duration::from_millis(1200),
        attempts: 1,
        rows: None,
        lost: None,
    };
    let steps = plan.indexes().map(step).collect();
    RunReport {
        run: "0193-run-2".parse().unwrap(),
        steps,
        resumptions: Vec::new(),
        heads: Vec::new(),
        took: Duration::from_millis(6543),
        interrupted,
    }
}

#[test]
fn a_finished_run_is_short() {
    let plan = fleet_plan();
    insta::assert_snapshot!(bare(&summary(&plan, &report(&plan, &[], false), 100)), @"
    Run 0193-run-2: 7 of 7 steps done in 6.5 s

      core     5 done  6.0 s of work
      metrics  2 done  2.4 s of work

    Held back: 2 migrations
      1 because jobs is switched off in this environment: nightly/1
      1 because the policy loads no seeds: demo/1

    Done: 7 migrations applied; 2 migrations held back, as listed above.
    ");
}

#[test]
fn a_failed_step_says_why_what_it_blocks_and_what_to_do() {
    let plan = fleet_plan();
    let failure = rejected(FailureClass::Rejected);
    let ends = [
        (1, StepEnd::Failed { failure }),
        (2, StepEnd::Blocked { by: StepIx(1) }),
        (3, StepEnd::Blocked { by: StepIx(1) }),
        (6, StepEnd::AlreadyDone),
    ];
    insta::assert_snapshot!(bare(&summary(&plan, &report(&plan, &ends, false), 100)), @r#"
    Run 0193-run-2: 4 of 7 steps done in 6.5 s

      core     1 done, 1 done by another run, 1 failed, 2 blocked  6.0 s of work
      metrics  2 done                                              2.4 s of work

    error[42P07]: `billing/1` failed on core: relation "users\u{1b}[2J" already exists
     --> migrations/billing/1.sql:7:14
      |
    7 | create table users (id bigint);
      |              ^^^^^
      |
      = detail: first line
                second line
    hint: drop it first

    Not done:
      core  auth/20240101_002  add sessions         blocked: billing/1 failed
      core  billing/2          drop the old totals  blocked: billing/1 failed

    Held back: 2 migrations
      1 because jobs is switched off in this environment: nightly/1
      1 because the policy loads no seeds: demo/1

    Statements that run alone and were finished before the failure are kept. Next: mend the cause, in
    migrations/billing/1.sql or in the database, and run `dunlin up --env production` again; what is
    done is not repeated.
    "#);
}

#[test]
fn every_end_names_the_next_safe_action() {
    let plan = fleet_plan();
    let last = |ends: &[(usize, StepEnd)], interrupted| {
        let text = bare(&summary(&plan, &report(&plan, ends, interrupted), 200));
        text.lines().last().unwrap().to_owned()
    };
    let failed = |class| [(0, StepEnd::Failed { failure: rejected(class) })];
    let lines = [
        last(&[(6, StepEnd::NotStarted)], true),
        last(&failed(FailureClass::Busy), false),
        last(&failed(FailureClass::Rejected), false),
        last(&failed(FailureClass::Estranged), false),
        last(&failed(FailureClass::Dirty), false),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    The run was stopped. Next: run `dunlin up --env production` again; what is done is not repeated.
    Something stood in the way that may be gone soon. Next: run `dunlin up --env production` again; what is done is not repeated.
    Nothing of what failed was kept. Next: mend the cause, in migrations/auth/20240101_001.sql or in the database, and run `dunlin up --env production` again; what is done is not repeated.
    A database is not as `auth/20240101_001` was planned for, so nothing was changed there. Next: `dunlin status` shows how files and ledgers differ now; plan anew only when you know why.
    `auth/20240101_001` stopped half way, and Dunlin leaves it alone until a person has decided. Next: compare the database with what `dunlin explain auth/20240101_001` shows; `dunlin repair` settles it.
    ");
}

fn events() -> Vec<Event> {
    let step = StepIx(1);
    let said =
        Notice { severity: "WARNING".to_owned(), message: "two\nlines\u{1b}".to_owned(), detail: None, hint: None };
    let failure = rejected(FailureClass::Busy);
    let took = Duration::from_millis(12);
    [
        EventKind::RunStarted { run: "0193-run-2".parse().unwrap(), steps: 7 },
        EventKind::LedgerReady { target: "core".parse().unwrap() },
        EventKind::StepStarted { step, lane: LaneKind::Main, attempt: 1 },
        EventKind::StatementStarted { step, index: 0, of: 2 },
        EventKind::Noticed { step, notice: said },
        EventKind::StepRetried { step, failure: failure.clone(), rest: Duration::from_secs(2) },
        EventKind::StepStarted { step, lane: LaneKind::Long, attempt: 2 },
        EventKind::StepEnded { step, end: StepEnd::Done, took },
        EventKind::StepEnded { step: StepIx(4), end: StepEnd::Failed { failure }, took },
        EventKind::StepEnded { step: StepIx(5), end: StepEnd::Blocked { by: StepIx(4) }, took: Duration::ZERO },
        EventKind::Stopping,
        EventKind::RunEnded { took: Duration::from_secs(75) },
    ]
    .into_iter()
    .map(|kind| Event { at: Timestamp(NOON), kind })
    .collect()
}

#[test]
fn a_log_has_one_line_per_event() {
    let plan = fleet_plan();
    let lines: Vec<_> = events().iter().filter_map(|event| event_line(event, &plan)).map(|line| bare(&line)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    11:58:45Z run 0193-run-2 starts: 7 steps
    11:58:45Z core     its ledger is ready
    11:58:45Z core     billing/1 starts
    11:58:45Z core     billing/1 statement 1 of 2
    11:58:45Z core     billing/1 WARNING: two lines\u{1b}
    11:58:45Z core     billing/1 is tried again in 2.0 s: relation "users\u{1b}[2J" already exists
    11:58:45Z core     billing/1 starts, attempt 2
    11:58:45Z core     billing/1 done in 12 ms
    11:58:45Z metrics  iot/1 failed after 12 ms: relation "users\u{1b}[2J" already exists
    11:58:45Z stopping: what runs gets two seconds, then it is cancelled; nothing new is started
    11:58:45Z the run is over after 1 min 15 s
    "#);
}

#[test]
fn a_json_log_has_one_object_per_event() {
    let plan = fleet_plan();
    let lines: Vec<_> = events().iter().map(|event| event_json(event, &plan)).collect();
    assert!(lines.iter().all(|line| !line.contains('\n')));
    insta::assert_snapshot!([0, 1, 4, 7, 9].map(|at| lines[at].as_str()).join("\n"), @r#"
    {"version":1,"at":"2026-11-20T11:58:45.000000Z","event":"run-started","run":"0193-run-2","steps":7}
    {"version":1,"at":"2026-11-20T11:58:45.000000Z","event":"ledger-ready","target":"core"}
    {"version":1,"at":"2026-11-20T11:58:45.000000Z","migration":"billing/1","target":"core","event":"noticed","step":1,"notice":{"severity":"WARNING","message":"two\nlines\u001b","detail":null,"hint":null}}
    {"version":1,"at":"2026-11-20T11:58:45.000000Z","migration":"billing/1","target":"core","event":"step-ended","step":1,"end":{"end":"done"},"took":0.012}
    {"version":1,"at":"2026-11-20T11:58:45.000000Z","migration":"iot/2","target":"metrics","event":"step-ended","step":5,"end":{"end":"blocked","by":4},"took":0.0}
    "#);
}

#[test]
fn a_report_as_json_names_the_migrations() {
    let plan = up(&catalog("core postgres\n  auth/1 users\n  auth/2 sessions"), &[]);
    let failure = Failure::new(FailureClass::Busy, "locked");
    let ends = [(0, StepEnd::Failed { failure }), (1, StepEnd::Blocked { by: StepIx(0) })];
    insta::assert_snapshot!(report_json(&plan, &report(&plan, &ends, false)), @r#"
    {
      "version": 1,
      "verdict": "blocked",
      "resumptions": [],
      "heads": [],
      "run": "0193-run-2",
      "took": 6.543,
      "interrupted": false,
      "steps": [
        {
          "migration": "auth/1",
          "target": "core",
          "step": 0,
          "end": "failed",
          "failure": {
            "class": "busy",
            "message": "locked",
            "sqlstate": null,
            "detail": null,
            "hint": null,
            "context": null,
            "place": null
          },
          "took": 1.2,
          "attempts": 1,
          "rows": null,
          "lost": null
        },
        {
          "migration": "auth/2",
          "target": "core",
          "step": 1,
          "end": "blocked",
          "by": 0,
          "took": 1.2,
          "attempts": 1,
          "rows": null,
          "lost": null
        }
      ]
    }
    "#);
}
