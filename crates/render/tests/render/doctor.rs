//! What a doctor found, and what kinds of databases can do, as people and programs read it.

use dunlin_planner::{Area, Check, Class, Diagnosis, Finding, Level, Offers, Support, TargetDiagnosis, TargetKind};
use dunlin_render::{capabilities, diagnosis, diagnosis_json};

use crate::support::bare;

/// Everything but two things.
const OFFERS: Offers = Offers {
    transactions: Support::Yes,
    statements: Support::Yes,
    probes: Support::Yes,
    large: Support::Partly("small ones"),
    rows: Support::Yes,
    backfills: Support::Yes,
    downs: Support::Yes,
    pausing: Support::No("there are none"),
    jobs: Support::Yes,
    chain: Support::Yes,
    repairs: Support::Yes,
    claims: Support::Yes,
    roles: Support::Yes,
    cancel: Support::Yes,
    notices: Support::Yes,
    blockers: Support::Yes,
    replicas: Support::Yes,
    poolers: Support::Yes,
    doctor: Support::Yes,
};

fn check(area: Area, level: Level, message: &str, hint: Option<&str>) -> Check {
    let class = (level == Level::Error).then_some(Class::Blocked);
    Check { area, level, class, message: message.to_owned(), hint: hint.map(str::to_owned) }
}

fn found() -> Diagnosis {
    let target = |name: &str, same_as: Option<&str>, checks| TargetDiagnosis {
        name: name.parse().unwrap(),
        kind: TargetKind::Postgres,
        server: Some("PostgreSQL 17.11".to_owned()),
        same_as: same_as.map(|name| name.parse().unwrap()),
        offers: Some(OFFERS),
        checks,
    };
    let sick = vec![
        check(Area::Reach, Level::Ok, "db:5432 answers", None),
        check(Area::Reach, Level::Warning, "db:5433 does not answer:\n\u{1b}[31mno route", Some("look")),
        check(Area::Replication, Level::Error, "the server is a standby", Some("let the target name the primary")),
        check(Area::Disk, Level::Info, "what is free is not known", None),
        check(Area::Clock, Level::Ok, "the clocks agree", None),
    ];
    let well = vec![check(Area::Reach, Level::Ok, "db:5432 answers", None)];
    Diagnosis {
        targets: vec![target("core", None, sick), target("jobs", Some("core"), well)],
        off: vec!["analytics".parse().unwrap()],
        findings: vec![Finding::error("environment-other", "`core` belongs to environment `dev`").class(Class::Drift)],
    }
}

#[test]
fn what_is_well_is_short_unless_more_is_asked_for() {
    insta::assert_snapshot!(bare(&diagnosis(&found(), false, 80)), @r"
    core  postgres  PostgreSQL 17.11
      warning  reach        db:5433 does not answer: \u{1b}[31mno route
                            hint: look
      error    replication  the server is a standby
                            hint: let the target name the primary
      info     disk         what is free is not known
      ok                    reach, clock

    jobs  postgres  the same database as core
      ok  reach

    switched off in this environment: analytics

    error[environment-other]: `core` belongs to environment `dev`

    2 targets: 2 errors, 1 warning
    ");
    insta::assert_snapshot!(bare(&diagnosis(&found(), true, 80)), @r"
    core  postgres  PostgreSQL 17.11
      ok       reach        db:5432 answers
      warning  reach        db:5433 does not answer: \u{1b}[31mno route
                            hint: look
      error    replication  the server is a standby
                            hint: let the target name the primary
      info     disk         what is free is not known
      ok       clock        the clocks agree
      in part  offers       Files of any size, read while they run: small ones
      no       offers       Jobs rest while a database is migrated that they work
                            in: there are none

    jobs  postgres  the same database as core
      ok       reach   db:5432 answers
      in part  offers  Files of any size, read while they run: small ones
      no       offers  Jobs rest while a database is migrated that they work in:
                       there are none

    switched off in this environment: analytics

    error[environment-other]: `core` belongs to environment `dev`

    2 targets: 2 errors, 1 warning
    ");
    let nothing = Diagnosis { targets: Vec::new(), off: Vec::new(), findings: Vec::new() };
    insta::assert_snapshot!(bare(&diagnosis(&nothing, false, 80)), @"No target is examined.");
}

#[test]
fn programs_get_everything() {
    let one = Diagnosis { targets: found().targets.split_off(1), off: found().off, findings: Vec::new() };
    insta::assert_snapshot!(diagnosis_json(&one), @r#"
    {
      "version": 1,
      "targets": [
        {
          "name": "jobs",
          "kind": "postgres",
          "server": "PostgreSQL 17.11",
          "same_as": "core",
          "offers": {
            "transactions": "yes",
            "statements": "yes",
            "probes": "yes",
            "large": {
              "partly": "small ones"
            },
            "rows": "yes",
            "backfills": "yes",
            "downs": "yes",
            "pausing": {
              "no": "there are none"
            },
            "jobs": "yes",
            "chain": "yes",
            "repairs": "yes",
            "claims": "yes",
            "roles": "yes",
            "cancel": "yes",
            "notices": "yes",
            "blockers": "yes",
            "replicas": "yes",
            "poolers": "yes",
            "doctor": "yes"
          },
          "checks": [
            {
              "area": "reach",
              "level": "ok",
              "message": "db:5432 answers"
            }
          ]
        }
      ],
      "off": [
        "analytics"
      ],
      "findings": []
    }
    "#);
}

#[test]
fn what_kinds_can_do_is_a_table() {
    let other = Offers { backfills: Support::No("there are none"), ..OFFERS };
    let table = capabilities(&[(TargetKind::Postgres, OFFERS), (TargetKind::Clickhouse, other)]);
    let lines: Vec<_> = table.lines().filter(|line| !line.ends_with("| yes | yes |")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    | | postgres | clickhouse |
    |---|:-:|:-:|
    | Files of any size, read while they run | in part (1) | in part (1) |
    | Backfills in batches | yes | no (2) |
    | Jobs rest while a database is migrated that they work in | no (2) | no (2) |

    1. small ones
    2. there are none
    ");
}
