//! Settings of a role or a database that mean something else than usual, one by one: nothing that Dunlin says to a server, or
//! understands of its answers, depends on them.

use dunlin_tests::{Dunlin, Server, Workspace};

/// A name and a value. What a server reads text by, what it writes by, how long it waits, what it allows by default.
const TEXT: &[(&str, &str)] = &[
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "off"),
    ("escape_string_warning", "off"),
    ("quote_all_identifiers", "on"),
    ("client_encoding", "LATIN1"),
    ("array_nulls", "off"),
    ("transform_null_equals", "on"),
    ("xmloption", "document"),
    ("search_path", "odd, public"),
    ("search_path", ""),
];
const OUTPUT: &[(&str, &str)] = &[
    ("DateStyle", "German, DMY"),
    ("IntervalStyle", "sql_standard"),
    ("TimeZone", "Asia/Kathmandu"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-15"),
    ("lc_numeric", "C"),
    ("client_min_messages", "error"),
    ("client_min_messages", "debug5"),
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("debug_print_plan", "on"),
    ("application_name", "somebody"),
];
const LIMITS: &[(&str, &str)] = &[
    ("lock_timeout", "1ms"),
    ("statement_timeout", "100ms"),
    ("transaction_timeout", "250ms"),
    ("idle_in_transaction_session_timeout", "1ms"),
    ("idle_session_timeout", "100ms"),
    ("deadlock_timeout", "1ms"),
    ("work_mem", "64kB"),
    ("temp_file_limit", "0"),
    ("synchronous_commit", "off"),
];
const DEFAULTS: &[(&str, &str)] = &[
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"),
    ("row_security", "off"),
    ("session_replication_role", "replica"),
    ("default_tablespace", "nowhere"),
    ("default_toast_compression", "lz4"),
    ("check_function_bodies", "off"),
    ("plpgsql.extra_errors", "all"),
    ("plpgsql.extra_warnings", "all"),
    ("plpgsql.variable_conflict", "use_column"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("jit_above_cost", "0"),
    ("event_triggers", "off"),
];

/// A migration of each kind, with names and texts that quoting could break.
const FILES: &[(&str, &str)] = &[
    (
        "001_it's_a_\"table\"_UP.sql",
        "CREATE TABLE public.app (a bigint PRIMARY KEY, b text);\nINSERT INTO public.app SELECT n FROM generate_series(1, 40) AS n;\nSELECT pg_sleep(0.3);\n",
    ),
    ("001_it's_a_\"table\"_DOWN.sql", "DROP TABLE public.app;\n"),
    ("002_grün\\_UP.sql", "CREATE INDEX CONCURRENTLY app_b ON public.app (b);\nSELECT pg_sleep(0.3);\n"),
    ("002_grün\\_DOWN.sql", "DROP INDEX CONCURRENTLY public.app_b;\n"),
    (
        "003_fill_UP.sql",
        "-- dunlin: batch table=public.app key=a size=10\nUPDATE public.app SET b = 'é' WHERE :batch;\n",
    ),
    (
        "003_fill_DOWN.sql",
        "-- dunlin: batch table=public.app key=a size=10\nUPDATE public.app SET b = NULL WHERE :batch;\n",
    ),
];

/// Everything that writes or reads a ledger, as a role that has the setting.
fn check(settings: &[(&str, &str)]) {
    let server = Server::shared();
    for (name, value) in settings {
        let database = server.scratch();
        let role = format!("{}_app", database.name());
        let _ = database.sql(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}; GRANT CREATE ON SCHEMA public TO {role}",
            database.name()
        ));
        let _ = database.sql(&format!("ALTER ROLE {role} SET {name} = '{value}'"));
        converge(&database.url().replace("postgres@", &format!("{role}@")), &format!("{name} = {value}"));
        let _ = database.sql(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    }
}

fn converge(url: &str, setting: &str) {
    let files = Workspace::small(url);
    FILES.iter().for_each(|(name, text)| files.write(&format!("migrations/app/{name}"), text));
    let run = |words: &str| {
        let outcome = Dunlin::at(files.dir()).run(words);
        assert_eq!(outcome.code, Some(0), "{setting}: {words}\n{}\n{}", outcome.stdout, outcome.stderr);
        outcome
    };
    assert_eq!(run("up --yes --lock-wait 5s --format json").done(), ["app/001", "app/002", "app/003"], "{setting}");
    assert!(run("plan").stdout.contains("nothing to do"), "{setting}: {}", run("plan").stdout);
    run("status --all");
    run("explain app/001");
    files.write(&format!("migrations/app/{}", FILES[2].0), "CREATE INDEX CONCURRENTLY app_b ON public.app (b);\n");
    run("repair accept app/002 --reason it's\\ --yes");
    assert_eq!(run("down --version app/002 --cascade --yes --lock-wait 5s --format json").done().len(), 2, "{setting}");
    run("down --version app/001 --yes");
    assert!(run("history --verify").stdout.contains("ok"), "{setting}");
}

#[test]
fn what_changes_the_meaning_of_text() {
    check(TEXT);
}

#[test]
fn what_changes_the_form_of_answers() {
    check(OUTPUT);
}

#[test]
fn what_limits_time_and_room() {
    check(LIMITS);
}

#[test]
fn what_statements_are_done_by_default() {
    check(DEFAULTS);
}
