//! Findings and failures.

use dunlin_planner::{Failure, FailureClass, Finding, Place};
use dunlin_render::{failure, findings, findings_json};

use crate::support::{bare, place};

#[test]
fn a_finding_shows_its_lines_and_its_hint() {
    let found = [
        Finding::error("dependency-missing", "`auth/2` depends on `billing/7`, which no migration set contains")
            .at(place("migrations/auth/2.sql", 4, 20, "-- dunlin: depends billing/7", 9))
            .hint("did you mean `billing/8`?"),
        Finding::warning("wide", "tabs and wide letters keep their columns")
            .at(place("b.sql", 120, 5, "\t\t表 drop table x;", 4))
            .also("the same table", place("c.sql", 7, 1, "create table x ();", 0))
            .also("the whole file", Place::file("d.sql"))
            .hint("first line\nsecond line"),
        Finding::note("far", "a column behind the end of its line").at(place("e.sql", 1, 99, "short", 3)),
    ];
    insta::assert_snapshot!(bare(&findings(&found)), @r#"
    error[dependency-missing]: `auth/2` depends on `billing/7`, which no migration set contains
     --> migrations/auth/2.sql:4:20
      |
    4 | -- dunlin: depends billing/7
      |                    ^^^^^^^^^
    hint: did you mean `billing/8`?

    warning[wide]: tabs and wide letters keep their columns
       --> b.sql:120:5
        |
    120 |         表 drop table x;
        |            ^^^^
        |
    note: the same table
       --> c.sql:7:1
        |
      7 | create table x ();
        | ^
    note: the whole file
       --> d.sql:1:1
    hint: first line
          second line

    note[far]: a column behind the end of its line
     --> e.sql:1:6
      |
    1 | short
      |      ^
    "#);
}

#[test]
fn a_failure_tells_all_that_the_server_said() {
    let said = Failure {
        sqlstate: Some("23503".to_owned()),
        detail: Some("Key (owner)=(7) is not present.\nSecond line.".to_owned()),
        hint: Some("insert it first".to_owned()),
        context: Some("PL/pgSQL function fill() line 3\u{1b}[2J".to_owned()),
        place: Some(place("a.sql", 3, 1, "select fill();", 13)),
        ..Failure::new(FailureClass::Rejected, "insert violates\u{8} foreign key")
    };
    insta::assert_snapshot!(bare(&failure(&said, "`auth/1` failed on core")), @r#"
    error[23503]: `auth/1` failed on core: insert violates\u{8} foreign key
     --> a.sql:3:1
      |
    3 | select fill();
      | ^^^^^^^^^^^^^
      |
      = detail: Key (owner)=(7) is not present.
                Second line.
      = context: PL/pgSQL function fill() line 3\u{1b}[2J
    hint: insert it first
    "#);
    let bare_one = Failure::new(FailureClass::Unreachable, "the connection was refused");
    insta::assert_snapshot!(bare(&failure(&bare_one, "`auth/1` failed on core")), @r#"
    error: `auth/1` failed on core: the connection was refused
    "#);
}

#[test]
fn findings_as_json_keep_every_place() {
    let found =
        Finding::error("version-duplicate", "`a/1` is there twice\u{1b}").also("the same", Place::file("b.sql"));
    insta::assert_snapshot!(findings_json(&[found]), @r#"
    {
      "version": 1,
      "findings": [
        {
          "code": "version-duplicate",
          "severity": "error",
          "class": "invalid",
          "message": "`a/1` is there twice\u001b",
          "related": [
            [
              "the same",
              {
                "file": "b.sql",
                "line": 1,
                "column": 1,
                "text": "",
                "width": 0
              }
            ]
          ]
        }
      ]
    }
    "#);
}
