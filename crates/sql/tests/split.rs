//! Where statements end, and what is refused, by example.

#![expect(clippy::unwrap_used, reason = "a test that fails here should say so")]

use dunlin_sql::{Source, split};

/// Splits `sql` and compares the statements, with their COPY data behind `⇐`, or the error.
#[track_caller]
fn check(sql: &str, expected: &[&str]) {
    let got: Vec<_> = match split(sql) {
        Ok(script) => script
            .statements
            .iter()
            .map(|statement| {
                let text = &sql[statement.range.clone()];
                assert_eq!(statement.line, sql[..statement.range.start].matches('\n').count() + 1);
                match &statement.copy_data {
                    Some(data) => format!("{text} ⇐ {:?}", &sql[data.clone()]),
                    None => text.to_owned(),
                }
            })
            .collect(),
        Err(error) => {
            let range = error.range();
            vec![format!("{error} @ {}", &sql[range])]
        }
    };
    assert_eq!(got, expected, "{sql:?}");
}

#[test]
fn semicolons_end_statements() {
    check("", &[]);
    check(" ;; ;-- x\n", &[]);
    check("select 1", &["select 1"]);
    check("select 1;select 2 -- b\n;\n", &["select 1", "select 2"]);
    check("-- a\nselect /* ; */ 1 -- c\n; -- d", &["select /* ; */ 1"]);
    check("select 'é;'; select 2", &["select 'é;'", "select 2"]);
}

#[test]
fn literals_and_comments_hide_semicolons() {
    for hidden in [
        "'a;''b;'",
        r"E'a\';b'",
        r"E'\';b'",
        r"E'a''\';b'",
        r"'a;\'",
        "\"a;\"\"b\"",
        "U&'d\\0061;'",
        "U&\"a;\"",
        "N'a;'",
        "B'0;'",
        "$$a;b$$",
        "$x$a;$$;$y$;$x$",
        "$é$;$é$",
        "/* a; /* b; */ c; */ 1",
        "-- a;\n1",
        "E'a'\n'b\\';c'",
        "E'a'\n'\\';c'",
        "E'a'\n'b''\\';c'",
        "'a'\n'b;'",
        "(a;b)",
    ] {
        let sql = format!("select {hidden}; select 2");
        check(&sql, &[&format!("select {hidden}"), "select 2"]);
    }
    check("select a$b; select $1", &["select a$b", "select $1"]);
    check("select 1 \"a\"\"\"; select 2", &["select 1 \"a\"\"\"", "select 2"]);
}

#[test]
fn bodies_and_rules_keep_their_semicolons() {
    let function = "create or replace function f() returns int language sql begin atomic select case when true then 1 end; select 2; end";
    check(&format!("{function}; select 1"), &[function, "select 1"]);
    let procedure = "CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END";
    check(&format!("{procedure}; select 1"), &[procedure, "select 1"]);
    for inner in [
        "select a as case, b.end, 1 end",
        "select begin atomic, (select 1 end) atomic",
        "create function g() returns int language sql begin atomic select case 1 when 1 then 2 end; end",
        ";; values (1)",
    ] {
        let named = format!("create function f() returns int language sql begin atomic {inner}; end");
        check(&format!("{named}; select 1"), &[&named, "select 1"]);
    }
    let rule = "create rule r as on insert to t do also (insert into a values (1); insert into b values (2))";
    check(&format!("{rule}; select 1"), &[rule, "select 1"]);
    check("do $$ begin perform 1; end $$; select 1", &["do $$ begin perform 1; end $$", "select 1"]);
    let old = "create function f() returns int as $$ begin return 1; end $$ language plpgsql";
    check(&format!("{old}; select case when true then 1 end"), &[old, "select case when true then 1 end"]);
    check("create table begin_atomic (a int); select 1", &["create table begin_atomic (a int)", "select 1"]);
    // Only a routine has a body, and only outside its parentheses.
    for other in [
        "drop function begin atomic",
        "create table begin atomic",
        "create or alter function begin atomic",
        "create function f(begin atomic)",
    ] {
        check(&format!("{other}; select 1"), &[other, "select 1"]);
    }
    let defaulted = "create function f(a int default (1; 2)) begin atomic select a; end";
    check(&format!("{defaulted}; select 1"), &[defaulted, "select 1"]);
}

#[test]
fn copy_takes_the_lines_behind_it() {
    check("copy t (a) from stdin; -- x\n1;\n'\n\\.\nselect 1;", &["copy t (a) from stdin ⇐ \"1;\\n'\\n\"", "select 1"]);
    check("COPY t FROM STDIN WITH (FORMAT csv);\n\\.", &["COPY t FROM STDIN WITH (FORMAT csv) ⇐ \"\""]);
    check("copy t from stdout;\n1\n\\.\n", &["copy t from stdout ⇐ \"1\\n\""]);
    check("copy t from '/x'; select 1", &["copy t from '/x'", "select 1"]);
    check("copy t from stdin;\n1\n", &["data of this COPY does not end with a line `\\.` @ copy t from stdin"]);
    check("copy t from stdin", &["data of this COPY does not end with a line `\\.` @ copy t from stdin"]);
    check("copy t from stdin; select 1;\n\\.\n", &["text between `COPY … FROM STDIN;` and its data @ select"]);
    check("select 1 from stdin; select 2", &["select 1 from stdin", "select 2"]);
}

#[test]
fn psql_variables_pass_and_its_commands_do_not() {
    check("select :'x', :\"y\", :z;", &["select :'x', :\"y\", :z"]);
    check("select 1;\n\\connect other x\nselect 2", &["`\\connect` is a command of psql, not SQL @ \\connect other x"]);
    check("select 1 \\gexec", &["`\\gexec` is a command of psql, not SQL @ \\gexec"]);
    check("select '\n\\! rm'", &["select '\n\\! rm'"]);
    check("-- \\i x\nselect 1", &["select 1"]);
}

/// What to do about each text that cannot be split.
#[test]
fn what_cannot_be_split_says_what_to_do() {
    for (sql, hint) in [
        ("\\i x", Some("make the included file a migration of its own")),
        ("\\include_relative x", Some("make the included file a migration of its own")),
        ("\\c other", Some("put it into a migration set of that database's target")),
        ("\\connect other", Some("put it into a migration set of that database's target")),
        ("\\set a b", Some("remove the line; a migration always stops at its first error")),
        ("\\restrict a", Some("remove the line; a migration always stops at its first error")),
        ("\\copy t from x", Some("use COPY … FROM STDIN with the data behind it")),
        ("select 1 \\gexec", Some("use DO with EXECUTE format(…)")),
        ("\\.", Some("it ends COPY data, and there is none here")),
        ("\\watch", Some("remove it, or write it in SQL")),
        ("copy t from stdin; 1\n\\.\n", Some("start the data on the next line")),
        ("copy t from stdin;\n1\n", Some("end the data with a line that holds only `\\.`")),
        ("select 1; \u{feff}select 2", Some("remove it; it is invisible in most editors")),
        ("select 'a", None),
    ] {
        assert_eq!(split(sql).unwrap_err().hint(), hint, "{sql:?}");
    }
}

#[test]
fn what_is_opened_must_be_closed() {
    check("select 'a", &["string that begins here is never closed @ '"]);
    check("select E'a\\'", &["string that begins here is never closed @ E'"]);
    check("select \"a", &["quoted identifier that begins here is never closed @ \""]);
    check("select 1 /* /* */", &["comment that begins here is never closed @ /*"]);
    check("do $a$ $$", &["dollar-quoted string that begins here is never closed @ $a$"]);
    check("select (1; select 2", &["parenthesis that begins here is never closed @ ("]);
    check("create function f() begin atomic select 1;", &["`BEGIN ATOMIC` that begins here has no END @ atomic"]);
    check("select 1; \u{feff}select 2", &["byte order mark in the middle of the text @ \u{feff}"]);
    check("select 1)); select 2", &["select 1))", "select 2"]);
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("select {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(split(&nested(1_000)).is_ok());
    let error = split(&nested(1_001)).unwrap_err();
    assert_eq!(error.to_string(), "nested more than 1000 levels deep");
    assert_eq!(error.range().start, "select ".len() + 1_000);
}

/// The executable text, the transaction's modes and the problems.
#[track_caller]
fn check_control(sql: &str, expected: &str) {
    let source = Source::read(sql.as_bytes()).unwrap();
    assert_eq!(source.executable().len(), sql.len());
    let newlines = |text: &str| -> Vec<_> { text.match_indices('\n').map(|(at, _)| at).collect() };
    assert_eq!(newlines(source.executable()), newlines(sql));
    let statements = source.statements().iter();
    let runs: Vec<_> = statements.map(|statement| &source.executable()[statement.range.clone()]).collect();
    let modes = source.script().modes.as_ref().map(|modes| {
        let only = if modes.read_only { " read only" } else { "" };
        let deferrable = if modes.deferrable { " deferrable" } else { "" };
        format!(" | {:?}{only}{deferrable}", modes.isolation)
    });
    let problems: Vec<_> =
        source.problems().iter().map(|problem| format!(" | {}: {}", problem.position, problem.message)).collect();
    let got = format!("{}{}{}", runs.join("; "), modes.unwrap_or_default(), problems.concat());
    assert_eq!(got, expected, "{sql:?}");
}

#[test]
fn one_outermost_pair_is_taken_off() {
    check_control("begin; select 1; commit;", "select 1");
    check_control("-- x\nBEGIN\nTRANSACTION;\nselect 1;\nEND", "select 1");
    check_control("start transaction; commit work;", "");
    check_control(
        "begin; savepoint a; rollback to a; release a; commit and no chain;",
        "savepoint a; rollback to a; release a",
    );
    check_control(
        "begin isolation level serializable, read only; select 1; commit;",
        "select 1 | Some(Serializable) read only",
    );
    check_control("set transaction isolation level repeatable read; select 1;", "select 1 | Some(RepeatableRead)");
    check_control("begin; set local transaction read only; commit;", " | None read only");
    check_control(
        "set transaction read only, deferrable; set transaction isolation level serializable; select 1",
        "select 1 | Some(Serializable) read only deferrable",
    );
    check_control(
        "set transaction isolation level serializable not deferrable; select 1",
        "select 1 | Some(Serializable)",
    );
    for snapshot in ["set transaction snapshot '1'", "set local transaction snapshot '1'"] {
        check_control(&format!("{snapshot}; select 1"), &format!("{snapshot}; select 1"));
    }
    check_control("do $$ begin commit; end $$", "do $$ begin commit; end $$");
}

#[test]
fn other_transaction_control_is_a_problem() {
    let breaks = |word: &str| format!("`{word}` would break the transaction that this migration runs in");
    check_control("select 1;\ncommit;", &format!("select 1; commit | 2:1: {}", breaks("commit")));
    check_control("rollback;", &format!("rollback | 1:1: {}", breaks("rollback")));
    check_control("abort", &format!("abort | 1:1: {}", breaks("abort")));
    check_control("select 1; end", &format!("select 1; end | 1:11: {}", breaks("end")));
    check_control(
        "begin; select 1; commit and chain;",
        &format!("begin; select 1; commit and chain | 1:1: {} | 1:18: {}", breaks("begin"), breaks("commit and chain")),
    );
    check_control(
        "begin; select 1; commit; select 2;",
        &format!("begin; select 1; commit; select 2 | 1:1: {} | 1:18: {}", breaks("begin"), breaks("commit")),
    );
    check_control(
        "begin; commit; begin; commit;",
        &format!("commit; begin | 1:8: {} | 1:16: {}", breaks("commit"), breaks("begin")),
    );
    check_control("begin; select 1", "begin; select 1 | 1:1: this BEGIN has no COMMIT at the end of the file");
    for statement in ["prepare transaction 'x'", "commit prepared 'x'", "rollback prepared 'x'"] {
        check_control(
            statement,
            &format!(
                "{statement} | 1:1: `{statement}` leaves or ends a prepared transaction, whose locks outlive the migration"
            ),
        );
    }
    check_control(
        "select 1; set transaction read only",
        "select 1; set transaction read only | 1:11: SET TRANSACTION must come before the first statement",
    );
    check_control(
        "begin; prepare transaction 'x'",
        "begin; prepare transaction 'x' | 1:1: this BEGIN has no COMMIT at the end of the file \
         | 1:8: `prepare transaction 'x'` leaves or ends a prepared transaction, whose locks outlive the migration",
    );
    check_control("copy t to '/x'; copy t from stdin;\n\\.\n", "copy t to '/x'; copy t from stdin");
    check_control("copy t to stdin", "copy t to stdin | 1:1: COPY … TO STDOUT has nowhere to go in a migration");
    check_control("copy t to stdout", "copy t to stdout | 1:1: COPY … TO STDOUT has nowhere to go in a migration");
    check_control("select 1 as commit; prepare x as select 1", "select 1 as commit; prepare x as select 1");
}

#[test]
fn transaction_control_says_what_to_do() {
    for (sql, hint) in [
        (
            "commit",
            "keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own",
        ),
        ("begin", "remove the BEGIN; a migration runs in one transaction anyway"),
        ("commit prepared 'x'", "remove it; a migration commits with its ledger row"),
        ("select 1; set transaction read only", "move it to the start of the file"),
        ("copy t to stdout", "remove it, or copy into a table"),
    ] {
        let source = Source::read(sql.as_bytes()).unwrap();
        let hints: Vec<_> = source.problems().iter().map(|problem| problem.hint.as_deref()).collect();
        assert_eq!(hints, [Some(hint)], "{sql}");
    }
}
