//! What the statements of ClickHouse are, and what is left of them.

use dunlin_sql::clickhouse::{Analysis, Effect, Thing, Way};
use dunlin_sql::{Dialect, Source};

fn source(sql: &str) -> Source {
    Source::read_as(sql.as_bytes(), Dialect::ClickHouse).unwrap_or_else(|problem| panic!("{sql}: {}", problem.message))
}

fn thing(thing: &Thing) -> String {
    match thing {
        Thing::Database(name) => format!("database {name}"),
        Thing::Table(name) => format!("table {name}"),
        Thing::Column(table, name) => format!("column {name} of {table}"),
        Thing::Index(table, name) => format!("index {name} of {table}"),
        Thing::Projection(table, name) => format!("projection {name} of {table}"),
        Thing::Constraint(table, name) => format!("constraint {name} of {table}"),
        Thing::Function(name) => format!("function {name}"),
        Thing::User(name) => format!("user {name}"),
        Thing::Role(name) => format!("role {name}"),
    }
}

fn shown(analysis: &Analysis) -> String {
    let effect = |effect: &Effect| match effect {
        Effect::There(it) => format!("+{}", thing(it)),
        Effect::Gone(it) => format!("-{}", thing(it)),
        Effect::Mutated { table, command } => format!("~{table}: {command}"),
    };
    let way = match &analysis.way {
        Way::Effects { effects, again } => {
            let effects: Vec<_> = effects.iter().map(effect).collect();
            format!("{}{}", effects.join(" "), if *again { " again" } else { "" })
        }
        Way::Repeat => "repeat".to_owned(),
        Way::Unknown => "unknown".to_owned(),
    };
    let cluster = analysis.cluster.as_ref().map(|cluster| format!(" on {cluster}")).unwrap_or_default();
    format!("{}: {way}{cluster}", analysis.what)
}

fn check(sql: &str, expected: &str) {
    let source = source(sql);
    let found: Vec<_> = source.clickhouse().iter().map(shown).collect();
    assert_eq!(found.join("; "), expected, "{sql}");
}

#[test]
fn what_is_made_is_there() {
    check("CREATE TABLE t (a Int32) ENGINE = Memory", "CREATE TABLE: +table t");
    check(
        "create table if not exists Db.`T x` on cluster 'c 1' (a Int32) engine = Memory",
        "CREATE TABLE: +table Db.T x again on c 1",
    );
    check("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE VIEW: +table v again");
    check("CREATE TABLE t AS u ENGINE = Memory", "CREATE TABLE: +table t");
    check("CREATE TABLE t (a Int32 DEFAULT CAST(1 AS Int32)) ENGINE = Memory", "CREATE TABLE: +table t");
    check("CREATE MATERIALIZED VIEW v TO u AS SELECT a FROM t", "CREATE MATERIALIZED VIEW: +table v");
    check("CREATE DICTIONARY IF NOT EXISTS d (a UInt64) PRIMARY KEY a", "CREATE DICTIONARY: +table d again");
    check("CREATE DATABASE d", "CREATE DATABASE: +database d");
    check("CREATE FUNCTION f AS (x) -> x", "CREATE FUNCTION: +function f");
    check("CREATE USER IF NOT EXISTS u; CREATE ROLE a, b", "CREATE USER: +user u again; CREATE ROLE: +role a +role b");
    check("CREATE USER u@'host'", "CREATE USER: unknown");
    check("CREATE QUOTA IF NOT EXISTS q; CREATE ROW POLICY p ON t", "CREATE QUOTA: repeat; CREATE ROW POLICY: unknown");
    check("CREATE INDEX i ON t (a) TYPE minmax; ATTACH TABLE t", "CREATE INDEX: +index i of t; ATTACH TABLE: +table t");
}

#[test]
fn what_fills_as_it_is_made_is_there_before_its_rows_are() {
    check("CREATE TABLE t ENGINE = Memory AS SELECT 1", "CREATE TABLE … AS SELECT: unknown");
    check("CREATE TABLE IF NOT EXISTS t ENGINE = Memory AS (SELECT 1)", "CREATE TABLE … AS SELECT: unknown");
    check("CREATE OR REPLACE TABLE t ENGINE = Memory AS SELECT 1", "CREATE TABLE … AS SELECT: repeat");
    check("CREATE TABLE t ENGINE = Memory EMPTY AS SELECT 1", "CREATE TABLE: +table t");
    let populated = "CREATE MATERIALIZED VIEW IF NOT EXISTS v ENGINE = Memory POPULATE AS SELECT a FROM t";
    check(populated, "CREATE MATERIALIZED VIEW … POPULATE: unknown");
}

#[test]
fn what_is_dropped_or_renamed_is_gone() {
    check("DROP TABLE IF EXISTS a, b.c SYNC", "DROP TABLE: -table a -table b.c again");
    check("DROP VIEW v; DETACH TABLE t PERMANENTLY", "DROP VIEW: -table v; DETACH TABLE: -table t");
    check("DROP INDEX i ON t", "DROP INDEX: -index i of t");
    check("RENAME TABLE a TO b", "RENAME TABLE: +table b -table a");
    check("RENAME TABLE a TO b, c TO a", "RENAME TABLE: +table b -table c");
    // As many names as before: nothing is seen of it.
    check("RENAME TABLE a TO t, b TO a, t TO b", "RENAME TABLE: unknown");
    check("EXCHANGE TABLES a AND b", "EXCHANGE TABLES: unknown");
    check("RENAME DATABASE a TO b", "RENAME DATABASE: +database b -database a");
}

#[test]
fn an_alter_is_all_of_its_commands() {
    check("ALTER TABLE t ADD COLUMN a Int32 DEFAULT 1", "ALTER TABLE … ADD COLUMN: +column a of t");
    check(
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS n.a Array(Tuple(x Int8, y Int8)), DROP COLUMN IF EXISTS b",
        "ALTER TABLE … ADD COLUMN, DROP COLUMN: +column n.a of t -column b of t again",
    );
    // What has a guard passes beside what has none.
    check(
        "ALTER TABLE t ADD COLUMN a Int8, ADD COLUMN IF NOT EXISTS b Int8",
        "ALTER TABLE … ADD COLUMN: +column a of t",
    );
    check(
        "ALTER TABLE t (ADD COLUMN a Int8), (DROP COLUMN b)",
        "ALTER TABLE … ADD COLUMN, DROP COLUMN: +column a of t -column b of t",
    );
    check("ALTER TABLE t DROP COLUMN a, ADD COLUMN a Int8", "ALTER TABLE … DROP COLUMN, ADD COLUMN: unknown");
    check(
        "ALTER TABLE d.t ON CLUSTER c RENAME COLUMN a TO b",
        "ALTER TABLE … RENAME COLUMN: -column a of d.t +column b of d.t on c",
    );
    check(
        "ALTER TABLE t MODIFY COLUMN a Int64, COMMENT COLUMN a 'x'",
        "ALTER TABLE … MODIFY COLUMN, COMMENT COLUMN: repeat",
    );
    check("ALTER TABLE t MODIFY COLUMN a REMOVE DEFAULT", "ALTER TABLE … MODIFY COLUMN: unknown");
    check("ALTER TABLE t MODIFY SETTING a = 1, b = 2", "ALTER TABLE … MODIFY SETTING: repeat");
    check(
        "ALTER TABLE t ADD INDEX i a TYPE minmax, MATERIALIZE INDEX i",
        "ALTER TABLE … ADD INDEX, MATERIALIZE INDEX: +index i of t",
    );
    check("ALTER TABLE t ADD PROJECTION p (SELECT a)", "ALTER TABLE … ADD PROJECTION: +projection p of t");
    check("ALTER TABLE t DROP CONSTRAINT c", "ALTER TABLE … DROP CONSTRAINT: -constraint c of t");
    check(
        "ALTER TABLE t UPDATE a = 1, comment = 'x' WHERE (b, c) IN (1, 2), DELETE WHERE d",
        "ALTER TABLE … UPDATE, DELETE: ~t: UPDATE a = 1, comment = 'x' WHERE (b, c) IN (1, 2) ~t: DELETE WHERE d",
    );
    check("ALTER TABLE t DROP PARTITION '2020'", "ALTER TABLE … DROP PARTITION: unknown");
}

#[test]
fn the_rest_is_repeated_or_unknown() {
    check("OPTIMIZE TABLE t FINAL; SYSTEM RELOAD DICTIONARIES", "OPTIMIZE TABLE: repeat; SYSTEM RELOAD: repeat");
    check("GRANT SELECT ON d.* TO u; ALTER USER u RENAME TO v", "GRANT: repeat; ALTER USER: unknown");
    check("WITH 1 AS x SELECT x; WITH 1 AS x INSERT INTO t SELECT x", "WITH: repeat; WITH: unknown");
    check("INSERT INTO t VALUES (1); TRUNCATE TABLE t", "INSERT INTO: unknown; TRUNCATE: unknown");
    check(
        "DELETE FROM t WHERE a; ALTER TABLE; CREATE; x",
        "DELETE FROM: unknown; ALTER TABLE: unknown; CREATE: unknown; X: unknown",
    );
}

#[test]
fn what_older_servers_lack_is_named() {
    let needs = |sql: &str| source(sql).clickhouse().iter().flat_map(Analysis::needs).collect::<Vec<_>>();
    assert_eq!(needs("CREATE TABLE user (index Int8) ENGINE = Memory; DROP TABLE role; TRUNCATE role"), [""; 0]);
    assert_eq!(
        needs("ALTER TABLE t ADD INDEX i a TYPE minmax, RENAME COLUMN a TO b"),
        ["skip-indexes", "rename-column"]
    );
    assert_eq!(
        needs("GRANT r TO u; CREATE QUOTA q; DELETE FROM t WHERE 1"),
        ["access-control", "access-control", "lightweight-delete",]
    );
    assert_eq!(needs("EXCHANGE TABLES a AND b; ALTER TABLE t DROP PROJECTION p"), ["exchange-tables", "projections"]);
}

#[test]
fn headers_and_digests_are_those_of_the_dialect() {
    let read = source(
        "-- dunlin: phase contract\n# a remark\nDROP TABLE t; -- dunlin: probe SELECT 1\nINSERT INTO t FORMAT TSV\n1\t2\n",
    );
    assert_eq!(read.problems(), []);
    assert_eq!(read.headers().phase.as_ref().map(|phase| phase.value.to_string()).as_deref(), Some("contract"));
    assert_eq!(read.probe(0), None);
    assert_eq!(read.probe(1).map(|probe| probe.value.as_str()), Some("SELECT 1"));
    let tokens = |sql: &str| source(sql).digests().tokens;
    assert_eq!(tokens("SELECT 1 /* a */;"), tokens("SELECT\n1"));
    assert_ne!(tokens("INSERT INTO t FORMAT TSV\n1\t2\n"), tokens("INSERT INTO t FORMAT TSV\n1 2\n"));
}
