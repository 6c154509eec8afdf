//! Whole files through the front door: digests, parts, probes, problems and lint.

#![expect(clippy::unwrap_used, reason = "a test that fails here should say so")]

use dunlin_sql::{LintContext, Source, normalize};

fn read(sql: &str) -> Source {
    Source::read(sql.as_bytes()).unwrap()
}

/// Which of raw bytes, body and tokens two texts share.
#[track_caller]
fn check_same(left: &str, right: &str, expected: &str) {
    let (left_digests, right_digests) = (read(left).digests(), read(right).digests());
    let mut same = Vec::new();
    if left_digests.raw == right_digests.raw {
        same.push("raw");
    }
    if left_digests.body == right_digests.body {
        same.push("body");
    }
    if left_digests.tokens == right_digests.tokens {
        same.push("tokens");
    }
    assert_eq!(same.join(" "), expected, "{left:?} and {right:?}");
}

#[test]
fn digests_tell_what_was_edited() {
    check_same("select 1;\n", "select 1;\n", "raw body tokens");
    check_same("select 1;\n", "\u{feff}select 1;\r\n", "body tokens");
    check_same("begin;select 1;commit;", "select 1;", "body tokens");
    check_same("select 1; -- a", "select  1 -- b", "tokens");
    check_same("begin;\nselect 1;\ncommit;", "select 1", "tokens");
    check_same("select 1", "select 2", "");
    check_same("select 'a b'", "select 'a  b'", "");
    check_same("select 1; select 2", "select 1 select 2", "");
    check_same("select a b", "select ab", "");
    let copy = |data: &str| format!("copy t from stdin;\n{data}\n\\.\n");
    check_same(&copy("1"), &copy("2"), "");
}

#[test]
fn a_part_keeps_the_places_of_the_file_and_has_digests_of_its_own() {
    let up = "-- migrate:up\nbegin;\nselect 1;\ncommit;\n";
    let file = |down: &str| format!("{up}-- migrate:down\n{down};\n");
    let part = |text: &str| {
        let normalized = normalize(text.as_bytes()).unwrap();
        let upper = Source::part(normalized.clone(), 0..up.len()).unwrap();
        let down = Source::part(normalized, up.len()..text.len()).unwrap();
        (upper, down)
    };
    let text = file("drop table t");
    let (upper, down) = part(&text);
    let (edited_upper, edited_down) = part(&file("drop table u"));
    assert_eq!(upper.statements().len(), 1);
    assert_eq!(upper.statements()[0].line, 3);
    assert_eq!(down.statements()[0].line, 6);
    assert_eq!(&down.text()[down.statements()[0].range.clone()], "drop table t");
    assert_eq!(upper.digests().body, edited_upper.digests().body);
    assert_ne!(down.digests().body, edited_down.digests().body);
    assert_eq!(upper.digests().body, read(&text[..up.len()]).digests().body);
}

#[test]
fn a_probe_belongs_to_the_statement_behind_it() {
    let source = read("-- dunlin: probe SELECT 1\nselect f();\n-- dunlin: probe SELECT 2\n\nselect g();\nselect h();");
    let probes: Vec<_> = (0..3).map(|at| source.probe(at).map(|it| it.value.as_str())).collect();
    assert_eq!(probes, [Some("SELECT 1"), Some("SELECT 2"), None]);
}

#[test]
fn problems_have_their_place_line_and_hint() {
    let show = |bytes: &[u8]| {
        let problems = match Source::read(bytes) {
            Ok(source) => source.problems().to_vec(),
            Err(problem) => vec![problem],
        };
        let show = |it: &dunlin_sql::Problem| {
            let hint = it.hint.as_deref().unwrap_or("-");
            format!("{}: {} | {} | {hint}", it.position, it.message, it.line)
        };
        problems.iter().map(show).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        show("select 'é'; -- dunlin: phse data\n".as_bytes()),
        "1:24: unknown directive `phse` | select 'é'; -- dunlin: phse data | did you mean `phase`?"
    );
    assert_eq!(
        show(b"-- dunlin: allow drop-tabel because old\nselect 1"),
        "1:18: there is no lint rule `drop-tabel` | -- dunlin: allow drop-tabel because old | did you mean `drop-table`?"
    );
    assert_eq!(
        show(b"select 1;\r\n\\i x.sql\r\n"),
        "2:1: `\\i` is a command of psql, not SQL | \\i x.sql | make the included file a migration of its own"
    );
    assert_eq!(
        show(b"select 1;\nselect \xFF"),
        "2:8: invalid UTF-8 at 2:8 (byte 17) | select  | save the file as UTF-8 text"
    );
}

/// The rules that a file breaks, with the text that breaks them.
#[track_caller]
fn check_lint(sql: &str, expected: &[&str]) {
    let source = read(sql);
    let got: Vec<_> = source
        .lint(&LintContext::default())
        .iter()
        .map(|it| format!("{}: {}", it.rule, &source.text()[it.range.clone()]))
        .collect();
    assert_eq!(got, expected, "{sql}");
}

#[test]
fn a_team_s_batched_update_is_found_inside_its_do() {
    check_lint(
        "DO $$
DECLARE batch_size INT := 10000; rows_updated INT;
BEGIN
    LOOP
        UPDATE tasks SET new_status = CASE old_status WHEN 'open' THEN 'pending' ELSE 'unknown' END
        WHERE new_status IS NULL
        LIMIT batch_size;
        GET DIAGNOSTICS rows_updated = ROW_COUNT;
        EXIT WHEN rows_updated = 0;
        COMMIT;
    END LOOP;
END $$;",
        &["update-limit: LIMIT"],
    );
}

#[test]
fn a_team_s_structured_file_is_clean() {
    let sql = "-- Migration: create users
-- Service: auth-service
-- Dependencies: none
BEGIN;
CREATE TABLE IF NOT EXISTS users (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    email VARCHAR(255) UNIQUE NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS idx_users_email ON users(email);
ALTER TABLE users ADD CONSTRAINT chk_email_format
    CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$');
COMMIT;
";
    check_lint(sql, &[]);
    let source = read(sql);
    assert_eq!(source.statements().len(), 3);
    assert!(source.problems().is_empty() && source.is_transactional());
    assert_eq!(source.phase().map(|it| it.as_str()), Some("expand"));
}

#[test]
fn lint_in_detail() {
    check_lint("update t set a = 1 limit 5; create tabel x", &["update-limit: limit", "syntax-error: create"]);
    check_lint("with c as (delete from t returning a) select a from c limit 5", &[]);
    check_lint("insert into t select a from u limit 5", &[]);
    check_lint("with c as (delete from t limit 5) select 1", &["update-limit: limit"]);
    check_lint("select 1 from t for update limit 5", &[]);
    check_lint("create table t (a int); drop table t", &[]);
    check_lint("set local search_path = a; set session role x", &["session-setting: set session role x"]);
    check_lint("reset role; set session authorization x", &["session-setting: set session authorization x"]);
    check_lint("begin; vacuum t; commit", &["non-transactional-in-transaction: vacuum t"]);
    check_lint("begin; call p(); commit", &[]);
}

#[test]
fn a_file_is_transactional_unless_something_in_it_is_not() {
    assert!(read("select 1; call elsewhere()").is_transactional());
    assert!(!read("select 1; vacuum t").is_transactional());
    assert!(!read("-- dunlin: transaction none\nselect 1").is_transactional());
}
