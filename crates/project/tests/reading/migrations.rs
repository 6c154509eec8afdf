//! What files say inside: classes and probes, headers, text that cannot run, and the linter's findings.

use insta::assert_snapshot;

use crate::fixture::{Fixture, ONE_SET, catalog, findings, shown};

fn check(sql: &str) -> String {
    shown(&format!("{ONE_SET}//- m/V1__a.sql\n{sql}"), catalog)
}

#[test]
fn statements_that_stand_alone_have_probes() {
    assert_snapshot!(check("create table t (id int);
create index concurrently t_id on app.t (id);
drop index concurrently app.old;
vacuum t;
reindex index concurrently t_id;
alter system set work_mem = '1MB';
call refresh_continuous_aggregate('c', null, null);
-- dunlin: probe SELECT true
alter table p detach partition q concurrently;
create database d;
call elsewhere();
alter table p detach partition q concurrently;
drop database if exists d;
reindex (concurrently) table app.t;
reindex schema concurrently app;
reindex database concurrently;
alter database d set tablespace fast;
do $$ begin commit; end $$;
"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1tx 2[CREATE INDEX CONCURRENTLY: index t_id of app.t is valid] 3[DROP INDEX CONCURRENTLY: app.old absent] 4[VACUUM: repeat] 5[REINDEX CONCURRENTLY: rebuilds index t_id] 6[ALTER SYSTEM: repeat] 7[CALL refresh_continuous_aggregate: repeat] 9[DETACH PARTITION CONCURRENTLY: SELECT true] 10[CREATE DATABASE: database d there] 11tx 12[DETACH PARTITION CONCURRENTLY: q no part of p] 13[DROP DATABASE: database d gone] 14[REINDEX CONCURRENTLY: rebuilds indexes of app.t] 15[REINDEX CONCURRENTLY: rebuilds indexes in app] 16[REINDEX CONCURRENTLY: rebuilds all indexes] 17[ALTER DATABASE … SET TABLESPACE: repeat] 18[DO that commits: piecemeal]}
    ");
    assert_snapshot!(check("-- dunlin: transaction none\nupdate t set a = 1 where b = 2;\n-- dunlin: probe SELECT 2\ninsert into t values (1);\ncreate table if not exists u (id int);\nalter type mood add value 'so so';\ncall elsewhere();\nrefresh materialized view concurrently v;"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {2[UPDATE T: unknown] 4[INSERT INTO: SELECT 2] 5[CREATE TABLE: repeat] 6[ALTER TYPE: mood has so so] 7[CALL ELSEWHERE(): piecemeal] 8[REFRESH MATERIALIZED: repeat]}
    ");
    assert_snapshot!(check("-- dunlin: probe SELECT 1\nselect 1;"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {2tx}
error[probe-unused]: this probe belongs to a statement that runs in a transaction, where none is needed
  at m/V1__a.sql:1:18
   | -- dunlin: probe SELECT 1
   |                  ^^^^^^^^
  hint: remove it, or add `-- dunlin: transaction none`
"#);
}

#[test]
fn what_would_fail_or_could_not_be_taken_up_again_is_refused() {
    let unnamed =
        "-- dunlin: allow unnamed-concurrent-index because it was always so\ncreate index concurrently on t (id);";
    assert_snapshot!(check(unnamed), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {2[CREATE INDEX CONCURRENTLY: unknown]}
    error[unnamed-concurrent-index]: an interrupted build of an index without a name leaves an invalid one, and a second try makes another
      at m/V1__a.sql:2:1
       | create index concurrently on t (id);
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: name the index
    ");
    assert_snapshot!(check("drop index concurrently app.old, older;"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1[DROP INDEX CONCURRENTLY: app.old, older absent]}
    error[concurrent-drop-of-several]: DROP INDEX CONCURRENTLY takes one index at a time
      at m/V1__a.sql:1:1
       | drop index concurrently app.old, older;
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write a statement for each index
    ");
    assert_snapshot!(check("discard all;"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1[DISCARD ALL: repeat]}
    error[discard-all]: DISCARD ALL would give up the lock that this migration runs under
      at m/V1__a.sql:1:1
       | discard all;
       | ^^^^^^^^^^^
      hint: remove it: each statement begins with settings of its own, and the session is cleared afterwards
    ");
}

#[test]
fn clickhouse_has_no_transactions() {
    let clickhouse = ONE_SET.replace("url =", "kind = \"clickhouse\"\nurl =");
    assert_snapshot!(shown(&format!("{clickhouse}//- m/V1__a.sql\nCREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = Memory;\nALTER TABLE t ADD COLUMN b UInt8;\n"), catalog), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1[CREATE TABLE: table t is there, again] 2[ALTER TABLE … ADD COLUMN: column b of t is there]}
"#);
    // Names keep their case, the driver gets data and all, and what only PostgreSQL has is refused.
    assert_snapshot!(shown(&format!("{clickhouse}//- m/V1__a.sql\n-- dunlin: transaction none\n-- dunlin: batch table=t key=id size=10\n# remark\nALTER TABLE D.T ON CLUSTER c UPDATE a = ';' WHERE 1;\n-- dunlin: probe SELECT count() > 0 FROM T\nINSERT INTO T FORMAT CSV\n1;2\n;\nOPTIMIZE TABLE T;\n"), catalog), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {4[ALTER TABLE … UPDATE: UPDATE a = ';' WHERE 1 is done in D.T on c] 6[INSERT INTO: SELECT count() > 0 FROM T] 9[OPTIMIZE TABLE: repeat]}
error[directive-misplaced]: the directive `transaction` means nothing on ClickHouse
  at m/V1__a.sql:1:24
   | -- dunlin: transaction none
   |                        ^^^^
  hint: remove it: each statement is by itself, and none waits for a lock
error[directive-misplaced]: the directive `batch` means nothing on ClickHouse
  at m/V1__a.sql:2:18
   | -- dunlin: batch table=t key=id size=10
   |                  ^^^^^^^^^^^^^^^^^^^^^^
  hint: write one mutation, which ClickHouse runs part by part
"#);
}

#[test]
fn headers_say_what_a_migration_needs() {
    assert_snapshot!(check("-- Service: s\n-- Dependencies: other/1, 2\n-- dunlin: depends more/3\n-- dunlin: phase contract\ndrop table if exists t;"), @r#"
set s of s on db: flyway
s/1 a Versioned Contract up m/V1__a.sql {5tx} needs other/1 (m/V1__a.sql:2:18) needs 2 (m/V1__a.sql:2:27) needs more/3 (m/V1__a.sql:3:20)
"#);
}

#[test]
fn headers_that_cannot_be_followed_are_errors() {
    assert_snapshot!(check("-- Service: other\n-- dunlin: gate flag\n-- dunlin: batch table=t key=id size=10\n-- dunlin: refresh c\n-- dunlin: phaze data\n-- dunlin: allow no-such-rule because so\nselect 1;"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {7tx}
    error[sql-invalid]: unknown directive `phaze`
      at m/V1__a.sql:5:12
       | -- dunlin: phaze data
       |            ^^^^^
      hint: did you mean `phase`?
    error[sql-invalid]: there is no lint rule `no-such-rule`
      at m/V1__a.sql:6:18
       | -- dunlin: allow no-such-rule because so
       |                  ^^^^^^^^^^^^^^^^^^^^^^^
    error[not-supported]: the directive `gate` is not supported yet
      at m/V1__a.sql:2:17
       | -- dunlin: gate flag
       |                 ^^^^
    error[service-mismatch]: the header says service `other`, but the file belongs to service `s`
      at m/V1__a.sql:1:13
       | -- Service: other
       |             ^^^^^
      hint: correct the header, or add the name to `aliases` in [services.s]
    error[batch-invalid]: the statement does not say where the range of a batch belongs
      at m/V1__a.sql:7:1
       | select 1;
       | ^^^^^^^^
      hint: write `WHERE :batch`, or `WHERE :batch(t)` for the columns of `t`
    error[directive-misplaced]: the directive `refresh` is for targets of kind `timescale`
      at m/V1__a.sql:4:20
       | -- dunlin: refresh c
       |                    ^
      hint: remove it, or let the target be of that kind
    ");
    assert_snapshot!(shown(&format!("{ONE_SET}//- m/20250101000000_A_Expand.sql\n-- dunlin: phase contract\nselect 1\n//- m/20250101000000_A_Expand.down.sql\n-- dunlin: depends x/1\nselect 1"), findings), @r#"
error[phase-conflict]: this phase is not the one that the file's name or folder says
  at m/20250101000000_A_Expand.sql:1:18
   | -- dunlin: phase contract
   |                  ^^^^^^^^
  hint: change one of them
error[directive-misplaced]: the directive `depends` means nothing in a down
  at m/20250101000000_A_Expand.down.sql:1:20
   | -- dunlin: depends x/1
   |                    ^^^
  hint: put it into the up file
"#);
}

#[test]
fn text_that_cannot_run_is_an_error_with_its_place() {
    assert_snapshot!(check("select 1;\n\\i other.sql\n"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {}
error[sql-invalid]: `\i` is a command of psql, not SQL
  at m/V1__a.sql:2:1
   | \i other.sql
   | ^
  hint: make the included file a migration of its own
"#);
    assert_snapshot!(check("begin;\nselect 1;\ncommit;\nselect 2;\n"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx 2tx 3tx 4tx}
error[sql-invalid]: `begin` would break the transaction that this migration runs in
  at m/V1__a.sql:1:1
   | begin;
   | ^^^^^
  hint: keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own
error[sql-invalid]: `commit` would break the transaction that this migration runs in
  at m/V1__a.sql:3:1
   | commit;
   | ^^^^^^
  hint: keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own
"#);
    assert_snapshot!(check("begin read only;\nselect 1;\ncommit;\n"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {2tx}
error[transaction-read-only]: a read-only transaction cannot record that its migration was applied
  at m/V1__a.sql:1:1
   | begin read only;
   | ^^^^^^^^^^^^^^^
  hint: remove READ ONLY
"#);
    let long = check(&format!("select '{}", "x".repeat(2_000)));
    assert!(long.contains("xxx…\n") && long.len() < 1_500, "{long}");
    assert_snapshot!(check("select 'abc;\n"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {}
error[sql-invalid]: string that begins here is never closed
  at m/V1__a.sql:1:8
   | select 'abc;
   |        ^
"#);
}

#[test]
fn bytes_that_are_no_text_are_errors() {
    let fixture = Fixture::new(ONE_SET);
    fixture.write("m/V1__nul.sql", b"select 1;\nsel\0ect 2;");
    fixture.write("m/V2__utf16.sql", b"\xFF\xFEs\0e\0l\0");
    fixture.write("m/V3__latin.sql", b"select '\xe9';");
    fixture.write("m/V4__bom.sql", b"\xEF\xBB\xBFselect 1;\r\nselect 2;\r\n");
    fixture.write("m/V5__empty.sql", b"");
    assert_snapshot!(catalog(&fixture.read(None).unwrap()), @r#"
set s of s on db: flyway
s/1 nul Versioned up m/V1__nul.sql {}
s/2 utf16 Versioned up m/V2__utf16.sql {}
s/3 latin Versioned up m/V3__latin.sql {}
s/4 bom Versioned up m/V4__bom.sql {1tx 2tx}
s/5 empty Versioned up m/V5__empty.sql {}
error[sql-invalid]: NUL byte at 2:4 (byte 13)
  at m/V1__nul.sql:2:4
   | sel
   |    ^
  hint: save the file as UTF-8 text
error[sql-invalid]: the file is UTF-16, not UTF-8
  at m/V2__utf16.sql:1:1
  hint: save the file as UTF-8 text
error[sql-invalid]: invalid UTF-8 at 1:9 (byte 8)
  at m/V3__latin.sql:1:9
   | select '
   |         ^
  hint: save the file as UTF-8 text
"#);
}

#[test]
fn lint_follows_the_policy() {
    let with = |lint: &str| {
        shown(
            &format!(
                "{ONE_SET}[policy]\nlint = \"{lint}\"\n//- m/V1__a.sql\ndrop table t;\n//- m/U1__a.sql\ndrop table u;\n"
            ),
            findings,
        )
    };
    assert_snapshot!(with("warn"), @r#"
warning[drop-table]: table `t` is dropped outside the contract phase
  at m/V1__a.sql:1:12
   | drop table t;
   |            ^
  hint: drop it in a migration with `-- dunlin: phase contract`, once no running version reads it
"#);
    // What is refused is decided per plan: only what is about to run.
    assert_snapshot!(with("deny"), @r#"
warning[drop-table]: table `t` is dropped outside the contract phase
  at m/V1__a.sql:1:12
   | drop table t;
   |            ^
  hint: drop it in a migration with `-- dunlin: phase contract`, once no running version reads it
"#);
    assert_snapshot!(with("off"), @"");
}

#[test]
fn clickhouse_has_lint_rules_of_its_own() {
    let clickhouse = ONE_SET.replace("url =", "kind = \"clickhouse\"\nurl =");
    let sql = "SET max_threads = 1;\nDROP TABLE IF EXISTS t;\n";
    assert_snapshot!(shown(&format!("{clickhouse}[policy]\nlint = \"warn\"\n//- m/V1__a.sql\n{sql}"), findings), @r#"
error[no-session]: SET is gone with its request, and the next statement is another one
  at m/V1__a.sql:1:1
   | SET max_threads = 1;
   | ^^^^^^^^^^^^^^^^^^^
  hint: write SETTINGS behind the statement, or `settings` for the set in dunlin.toml
warning[drop-table]: table `t` is dropped outside the contract phase
  at m/V1__a.sql:2:1
   | DROP TABLE IF EXISTS t;
   | ^^^^^^^^^^^^^^^^^^^^^^
  hint: drop it in a migration with `-- dunlin: phase contract`, once no running version reads it
"#);
}
