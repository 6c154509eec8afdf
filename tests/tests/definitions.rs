//! Indexes that are built concurrently under a name that is taken: by the same index, or by another one.

use dunlin_tests::{Dunlin, Outcome, Scratch, Server, Workspace, wait_until};

const FILE: &str = "migrations/app/001_index.sql";

/// Where a column was dropped, the numbers of its neighbours are not those of a copy.
const TABLES: &str =
    "CREATE TABLE t (gone int, id int, a int, b text); ALTER TABLE t DROP COLUMN gone; CREATE TABLE u (a int);";

/// What is there, and how a file writes the same behind `CREATE`.
const SAME: &[(&str, &str)] = &[
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"),
    (
        "INDEX i ON t (a)",
        "index concurrently if not exists I on only public.\"t\" using BTREE (\"a\" int4_ops ASC NULLS LAST)",
    ),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) WITH (fillfactor = 70) -- more room"),
    ("INDEX i ON t (a DESC, id)", "INDEX CONCURRENTLY IF NOT EXISTS \"i\" ON public.t (a DESC NULLS FIRST, id)"),
    (
        "INDEX i ON t (lower(b)) WHERE a > 0",
        "INDEX CONCURRENTLY IF NOT EXISTS i ON t (pg_catalog.lower( b )) /* big ones */ WHERE ((a>0))",
    ),
    ("UNIQUE INDEX i ON t (a) INCLUDE (id)", "UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) INCLUDE (\"id\")"),
    (
        "INDEX i ON t USING gin (to_tsvector('simple', b))",
        "INDEX CONCURRENTLY IF NOT EXISTS i ON t USING gin (to_tsvector('simple'::regconfig, b))",
    ),
];

/// What is there, and what a file says that is something else.
const OTHER: &[(&str, &str)] = &[
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (id)"),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY i ON t (id)"),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a, id)"),
    ("INDEX i ON t (a)", "UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"),
    ("UNIQUE INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"),
    ("UNIQUE INDEX i ON t (a)", "UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) NULLS NOT DISTINCT"),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) WHERE a > 0"),
    ("INDEX i ON t (a) WHERE a > 0", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) WHERE a > 1"),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t USING hash (a)"),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a DESC)"),
    ("INDEX i ON t (b)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (b COLLATE \"C\")"),
    ("INDEX i ON t (b)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (b text_pattern_ops)"),
    ("INDEX i ON t (lower(b))", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (upper(b))"),
    ("INDEX i ON t (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a) INCLUDE (id)"),
    ("INDEX i ON u (a)", "INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"),
];

fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stderr, outcome.stdout)
}

fn project<'s>(server: &'s Server) -> (Scratch<'s>, Workspace, Dunlin) {
    let database = server.scratch();
    let _ = database.sql(TABLES);
    let files = Workspace::small(&database.url());
    let dunlin = Dunlin::at(files.dir());
    (database, files, dunlin)
}

#[test]
fn the_same_index_counts_as_done_however_it_is_written() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    for (there, text) in SAME {
        let _ = database.sql(&format!("CREATE {there}"));
        files.write(FILE, &format!("CREATE {text};\n"));
        let _ = dunlin.run("up --yes").exits(0);
        let _ = database.sql("DROP INDEX i; DROP SCHEMA dunlin CASCADE");
    }
}

#[test]
fn another_index_of_that_name_is_a_failure_that_shows_both() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    for (there, text) in OTHER {
        let _ = database.sql(&format!("CREATE {there}"));
        files.write(FILE, &format!("\nCREATE {text};\n"));
        let refused = said(&dunlin.run("up --yes").exits(1));
        let found = database.sql("SELECT pg_get_indexdef('i'::regclass)");
        let told = if there.contains("ON u") { "already, on `u`" } else { &*found };
        let told = [told, "statement 1 cannot run", "001_index.sql:2", "rename or drop it, then run again"];
        assert!(told.iter().all(|words| refused.contains(words)), "{there}, {text}: {refused}");
        assert!(there.contains("ON u") || refused.contains("the file says `CREATE"), "{refused}");
        assert_eq!(database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()"), "0");
        let _ = database.sql("DROP INDEX i");
        let _ = dunlin.run("up --yes").exits(0);
        let _ = database.sql("DROP INDEX i; DROP SCHEMA dunlin CASCADE");
    }
}

/// An index that is not valid is dropped only if it is what the statement would have left.
#[test]
fn another_index_in_the_place_of_an_interrupted_build_is_not_adopted() {
    let server = Server::shared();
    let (database, files, dunlin) = project(&server);
    let slow = "CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN $1; END'";
    let _ = database.sql(&format!("{slow}; INSERT INTO t (id, a) VALUES (1, 1), (2, 2)"));
    files.write(FILE, "CREATE INDEX CONCURRENTLY i ON t (slow(a));\n");
    let run = dunlin.start("up --yes");
    wait_until("the index is being built", || {
        // The ledger has indexes, too.
        database.sql("SELECT count(*) FROM pg_stat_progress_create_index WHERE relid = 't'::regclass AND datname = current_database()") == "1"
    });
    run.kill();
    wait_until("the build is over", || {
        database.sql("SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = to_regclass('i')") == "1"
    });
    let _ = database.sql("DROP INDEX i; UPDATE t SET id = 1; CREATE INDEX i ON t (id)");
    let refused = said(&dunlin.run("up --yes").exits(1));
    assert!(refused.contains("is another one: it is `CREATE INDEX i ON public.t USING btree (id)`"), "{refused}");

    let _ = database.sql("DROP INDEX i");
    let mut session = database.session();
    session.run("CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);"); // refused half way: it is left, not valid
    assert_eq!(database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "f");
    let refused = said(&dunlin.run("up --yes").exits(1));
    assert!(refused.contains("it is `CREATE UNIQUE INDEX i ON public.t USING btree (id)`"), "{refused}");
    assert_eq!(database.sql("SELECT count(*) FROM pg_class WHERE relname = 'i'"), "1", "it is not ours to drop");
    let _ = database.sql("DROP INDEX i");
    let _ = dunlin.run("up --yes").exits(0);
    assert_eq!(
        database.sql("SELECT state || ' ' || indisvalid FROM dunlin.ledger, pg_index WHERE indexrelid = 'i'::regclass"),
        "applied true"
    );
}

/// Whoever may not make temporary tables gets what the names alone tell, and is told so.
#[test]
fn without_temporary_tables_names_are_compared() {
    let server = Server::shared();
    let (database, files, _) = project(&server);
    let (name, role) = (database.name(), format!("plain_{}", database.name()));
    let _ = database.sql(&format!(
        "CREATE ROLE {role} LOGIN; REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC; GRANT CREATE ON DATABASE {name} TO {role};
         ALTER TABLE t OWNER TO {role}; GRANT ALL ON SCHEMA public TO {role}; CREATE INDEX i ON t (a);"
    ));
    let url = database.url().replace("postgres@", &format!("{role}@"));
    files.replace("dunlin.toml", &database.url(), &url);
    files.write(FILE, "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);\n");
    let passed = Dunlin::at(files.dir()).run("up --yes").exits(0);
    assert!(said(&passed).contains("could not be compared"), "{}", said(&passed));
    let _ = database.sql(&format!("REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"));
}
