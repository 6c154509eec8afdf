//! `dunlin doctor` on real servers: one sickness at a time, and what is said of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::thread;
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Standby, Template};
use dunlin_tests::{Project, Scratch, Server, home};

const FILES: &str = "
//- a/1_base.sql
CREATE TABLE t (id int PRIMARY KEY);
";

/// A project in the database, reached as the server's superuser.
fn project(database: &Scratch<'_>) -> Project {
    as_role(database, "postgres")
}

fn as_role(database: &Scratch<'_>, role: &str) -> Project {
    let url = database.url().replace("postgres@", &format!("{role}@"));
    Project::of(FILES).with("CORE", url).hiding(database.name(), "DB")
}

/// What is said of one area, with its hint, and how it ended.
fn says(project: &Project, area: &str, words: &str) -> String {
    let outcome = project.dunlin().run(&format!("doctor --format json {words}"));
    let report = outcome.json();
    let checks = report["targets"].as_array().unwrap().iter().flat_map(|target| target["checks"].as_array().unwrap());
    let lines = checks.filter(|check| check["area"] == area).map(|check| {
        let hint = check["hint"].as_str().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        format!("{}: {}{hint}", check["level"].as_str().unwrap(), check["message"].as_str().unwrap())
    });
    let said = lines.collect::<Vec<_>>().join("\n");
    project.hide(&format!("{said}\n[exit {}]", outcome.code.unwrap()))
}

#[test]
fn a_database_that_is_well() {
    let server = Server::shared();
    let database = server.scratch();
    let project = project(&database);
    let before = database.sql("SELECT count(*) FROM pg_class");
    insta::assert_snapshot!(project.says("doctor"), @"
    [stdout]
    core  postgres  PostgreSQL VERSION
      info  disk  the database has SIZE; what is free is not known: the server does not tell
      ok          reach, encryption, pooler, software, privileges, ledger, replication, transactions,
                  prepared, indexes, connections, locks, timeouts, freeze, clock

    1 target: fit for a run
    [exit 0]
    ");
    assert_eq!(database.sql("SELECT count(*) FROM pg_class"), before, "a doctor creates nothing");
    let _ = project.dunlin().run("up --yes").exits(0);
    insta::assert_snapshot!(project.says("doctor -v"), @"
    [stdout]
    core  postgres  PostgreSQL VERSION
      ok       reach         127.0.0.1:PORT answers and takes writes
      ok       encryption    not encrypted, within this machine
      ok       pooler        none
      ok       software      PostgreSQL VERSION
      ok       privileges    role `postgres`, a superuser, may do what migrations need
      ok       ledger        belongs to `postgres`, 1 line sealed and unchanged
      ok       replication   a primary, without standbys
      ok       transactions  none goes on for 1 min or longer
      ok       prepared      none waits for 1 min or longer
      ok       indexes       all are valid
      ok       connections   SOME of ALL of the server's connections are free
      ok       locks         SOME of ALL entries of the lock table are in use
      info     disk          the database has SIZE; what is free is not known: the server does not tell
      ok       timeouts      nothing is set that ends what takes long
      ok       freeze        the oldest transaction number is young
      ok       clock         the server's clock and this machine's agree
      in part  offers        Files of any size, read while they run: in one transaction; what cannot be
                             in one belongs into a file of its own
      no       offers        Jobs rest while a database is migrated that they work in: there is nothing
                             that goes on by itself
      no       offers        Jobs declared in `jobs.toml`, and put right where somebody changed them:
                             pg_cron keeps them in the database of a target of kind `cron`

    1 target: fit for a run
    [exit 0]
    ");
}

#[test]
fn nobody_answers() {
    let project = Project::of(FILES).with("CORE", "postgres://127.0.0.1:1/core");
    insta::assert_snapshot!(project.says("doctor"), @"
    [stdout]
    core  postgres
      error  reach  the server at 127.0.0.1:PORT cannot be reached: Connection refused (os error 111)
                    hint: see that it runs and that the target names its host and port, then try again

    1 target: 1 error
    [exit 75]
    ");
}

#[test]
fn what_others_left_open() {
    let server = Server::shared();
    let database = server.scratch();
    let project = project(&database);
    let _ = database.sql("CREATE TABLE busy (id int)");
    let mut session = database.session();
    session.run("SET application_name = 'billing'; BEGIN; INSERT INTO busy VALUES (1);");
    thread::sleep(Duration::from_millis(1100));
    insta::assert_snapshot!(says(&project, "transactions", ""), @"
    ok: none goes on for 1 min or longer
    [exit 0]
    ");
    insta::assert_snapshot!(says(&project, "transactions", "--long 1s"), @"
    warning: pid PID (app `billing`, user postgres) is idle in transaction for TIME, with 1 lock on tables and indexes: INSERT INTO busy VALUES (1);
      hint: its locks stay until it ends: see who forgot it; SELECT pg_terminate_backend(PID) ends it
    [exit 0]
    ");
}

#[test]
fn a_transaction_that_was_prepared_and_forgotten() {
    let settings = vec![("max_prepared_transactions".to_owned(), "5".to_owned())];
    let spec = ClusterSpec { settings, ..ClusterSpec::temporary(home(), Flavour::Plain) };
    let server = Cluster::start(&spec, &|_| {}).unwrap();
    let project = Project::of(FILES).with("CORE", server.url("postgres"));
    server.psql("postgres", "BEGIN; CREATE TABLE t2 (id int); PREPARE TRANSACTION 'order''s 7'").unwrap();
    insta::assert_snapshot!(says(&project, "prepared", "--long 0s"), @"
    warning: transaction `order's 7` of user postgres is prepared for TIME and holds its locks
      hint: ask its coordinator; else COMMIT PREPARED 'order''s 7' or ROLLBACK PREPARED 'order''s 7' ends it
    [exit 0]
    ");
}

#[test]
fn an_index_that_no_query_uses() {
    let server = Server::shared();
    let database = server.scratch();
    let project = project(&database);
    let _ = database.sql("CREATE TABLE t2 (id int); INSERT INTO t2 VALUES (1), (1)");
    let _ = server.psql(database.name(), "CREATE UNIQUE INDEX CONCURRENTLY \"Twice\" ON t2 (id)");
    insta::assert_snapshot!(says(&project, "indexes", ""), @r#"
    warning: public."Twice" on public.t2 is not valid: writes keep it up to date, and no query uses it
      hint: DROP INDEX CONCURRENTLY public."Twice", or REINDEX INDEX CONCURRENTLY public."Twice"; one that a migration left is mended by the next run
    [exit 0]
    "#);
}

#[test]
fn a_role_that_may_too_little() {
    let server = Server::shared();
    let database = server.scratch();
    let name = database.name();
    let _ = database.sql(&format!("CREATE ROLE {name}_app LOGIN; CREATE ROLE {name}_owner"));
    let project = as_role(&database, &format!("{name}_app"));
    project.workspace().replace("dunlin.toml", "path = \"a\"", &format!("path = \"a\"\nrole = \"{name}_owner\""));
    insta::assert_snapshot!(says(&project, "privileges", ""), @r#"
    error: role `DB_app` may not create the ledger's schema `dunlin`
      hint: as an administrator: GRANT CREATE ON DATABASE … TO "DB_app", or run what `dunlin init --roles` prints
    error: migrations run under role `DB_owner`, and role `DB_app` may not become it
      hint: as an administrator: GRANT "DB_owner" TO "DB_app"
    warning: role `DB_owner` may not create anything in schema `public`, where unqualified names go
      hint: as an administrator: GRANT CREATE ON SCHEMA "public" TO "DB_owner"; or give the set a `role` that may
    info: role `DB_app` does not see what others do, so messages cannot name their statements
      hint: as an administrator: GRANT pg_read_all_stats TO "DB_app"
    [exit 1]
    "#);
    let _ = database.sql(&format!("GRANT {name}_owner TO {name}_app; GRANT CREATE ON DATABASE {name} TO {name}_app; GRANT CREATE ON SCHEMA public TO {name}_owner; GRANT pg_read_all_stats TO {name}_app"));
    insta::assert_snapshot!(says(&project, "privileges", ""), @"
    ok: role `DB_app` may do what migrations need
    [exit 0]
    ");
    let _ = self::project(&database).dunlin().run("up --yes").exits(0);
    insta::assert_snapshot!(says(&project, "privileges", ""), @"
    error: role `DB_app` may not write the ledger, which belongs to `postgres`
      hint: migrate as `postgres`, or let `dunlin init --roles` make roles that share the ledger
    [exit 1]
    ");
    let _ =
        database.sql(&format!("DROP OWNED BY {name}_app, {name}_owner; DROP ROLE {name}_app; DROP ROLE {name}_owner"));
}

#[test]
fn a_pooler_in_between() {
    let server = Server::shared();
    let database = server.scratch();
    let pooler = server.pooler(3);
    let project = Project::of(FILES).with("CORE", pooler.url(database.name()));
    insta::assert_snapshot!(says(&project, "pooler", ""), @"
    warning: there is one, and no way past it: what needs a session of its own is held back
      hint: give the target a `direct_url` that leads to the server itself
    [exit 0]
    ");
    let direct = |url: &str| {
        let project = Project::of(FILES).with("CORE", pooler.url(database.name())).with("DIRECT", url);
        project.workspace().replace(
            "dunlin.toml",
            "url = \"${CORE}\"",
            "url = \"${CORE}\"\ndirect_url = \"${DIRECT}\"",
        );
        says(&project, "pooler", "")
    };
    insta::assert_snapshot!(direct(&database.url()), @"
    ok: there is one; what needs a session of its own goes past it
    [exit 0]
    ");
    insta::assert_snapshot!(direct("postgres://127.0.0.1:1/core"), @"
    error: `direct_url` does not lead to the server: the server at 127.0.0.1:PORT cannot be reached: Connection refused (os error 111)
      hint: index builds and whatever needs a session of its own take that way
    [exit 75]
    ");
}

#[test]
fn a_standby_and_one_that_is_missing() {
    let spec = ClusterSpec::temporary(home(), Flavour::Plain);
    let primary = Cluster::start(&spec, &|_| {}).unwrap();
    let standby = Standby::of(&primary).unwrap();
    let project = |url: &str| Project::of(FILES).with("CORE", url);
    insta::assert_snapshot!(says(&project(&standby.url("postgres")), "replication", ""), @"
    error: the server is a standby: it takes no writes
      hint: let the target name the primary, or all hosts of it (`host=one,two`), of which the one that takes writes is found
    [exit 75]
    ");
    let (one, two) = (primary.port(), standby.port());
    let all = format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port=1,{two},{one} user=postgres dbname=postgres");
    insta::assert_snapshot!(says(&project(&all), "reach", ""), @"
    warning: 127.0.0.1:PORT does not answer: Connection refused (os error 111)
      hint: another host of the target is used instead
    info: 127.0.0.1:PORT answers and is a standby
    ok: 127.0.0.1:PORT answers and takes writes
    [exit 0]
    ");
    insta::assert_snapshot!(says(&project(&primary.url("postgres")), "replication", ""), @"
    ok: a primary, with 1 standby
    [exit 0]
    ");
    primary.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (elsewhere)'").unwrap();
    primary.psql("postgres", "SELECT pg_reload_conf()").unwrap();
    thread::sleep(Duration::from_millis(300));
    insta::assert_snapshot!(says(&project(&primary.url("postgres")), "replication", ""), @"
    error: commits wait for 1 synchronous standby of `FIRST 1 (elsewhere)`, and 0 of them follow
      hint: every migration would wait until they follow: start them, or take them out of `synchronous_standby_names`
    [exit 75]
    ");
}

#[test]
fn settings_that_end_what_takes_long() {
    let server = Server::shared();
    let database = server.scratch();
    let name = database.name();
    let _ = database.sql(&format!(
        "ALTER DATABASE {name} SET statement_timeout = '3s'; ALTER DATABASE {name} SET idle_session_timeout = '10s'; \
         ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    insta::assert_snapshot!(says(&project(&database), "reach", ""), @"
    warning: 127.0.0.1:PORT answers and is set to read only
      hint: `default_transaction_read_only` is on: Dunlin asks for transactions that write, and of several hosts passes this one over; see that it is meant
    [exit 0]
    ");
    insta::assert_snapshot!(says(&project(&database), "timeouts", ""), @"
    warning: `idle_session_timeout` is TIME for this role or database
      hint: a session that rests between two statements is cut: ALTER ROLE … SET idle_session_timeout = 0
    info: statement_timeout = TIME: Dunlin sets its own in its transactions
    [exit 0]
    ");
    let _ = server.sql("postgres", &format!("ALTER DATABASE {name} RESET ALL"));
}

#[test]
fn a_ledger_that_somebody_changed() {
    let server = Server::shared();
    let database = server.scratch();
    let project = project(&database);
    let _ = project.dunlin().run("up --yes").exits(0);
    let _ = database.sql("UPDATE dunlin.event SET what = 'reverted' WHERE what = 'applied'");
    insta::assert_snapshot!(says(&project, "ledger", ""), @"
    error: in `core` line 1 (`reverted` of `a/1` by `postgres`) was changed after it was sealed
      hint: somebody changed the ledger by hand, or restored a part of it: find out who, and what else they did
    [exit 4]
    ");
    let _ = database
        .sql("ALTER TABLE dunlin.ledger ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON dunlin.ledger USING (false)");
    insta::assert_snapshot!(says(&project, "ledger", ""), @"
    error: the ledger cannot be trusted: `dunlin.ledger` has row security
      hint: find out who made it; nothing was read from it. A schema that belongs to the role that migrates, and tables as Dunlin makes them, are trusted
    [exit 4]
    ");
}

#[test]
fn a_kind_that_the_server_is_not() {
    let spec = ClusterSpec::temporary(home(), Flavour::Plain);
    let server = Cluster::start(&spec, &|_| {}).unwrap();
    let of_kind = |kind: &str| {
        let project = Project::of(FILES).with("CORE", server.url("postgres"));
        project.workspace().replace("dunlin.toml", "kind = \"postgres\"", &format!("kind = \"{kind}\""));
        format!("{}\n{}", says(&project, "software", ""), says(&project, "ledger", ""))
    };
    insta::assert_snapshot!(of_kind("timescale"), @"
    error: the target is of kind `timescale` but the server has no timescaledb
      hint: install TimescaleDB on the server, or let the target be of kind `postgres`
    [exit 1]

    [exit 1]
    ");
    insta::assert_snapshot!(of_kind("cron"), @"
    error: the target is of kind `cron`, and the server does not preload pg_cron
      hint: add pg_cron to `shared_preload_libraries` and restart the server
    [exit 1]
    ok: there is none yet: the first run makes it
    [exit 1]
    ");
}

#[test]
fn connections_that_are_few() {
    let server = Server::shared();
    let database = server.scratch();
    let name = database.name();
    let _ = database
        .sql(&format!("CREATE ROLE {name}_few LOGIN CONNECTION LIMIT 4; GRANT ALL ON DATABASE {name} TO {name}_few"));
    insta::assert_snapshot!(says(&as_role(&database, &format!("{name}_few")), "connections", ""), @"
    warning: SOME of ALL of the role's connections are free, and a run may open 8
      hint: with fewer, parts of a run wait for one another or fail to connect: end what is idle, or raise the limit
    [exit 0]
    ");
    let _ = database.sql(&format!("DROP OWNED BY {name}_few; DROP ROLE {name}_few"));
}

#[test]
fn a_mutation_that_does_not_get_on() {
    let spec = ClusterSpec::temporary(home(), Flavour::ClickHouse);
    let server = match Cluster::start(&spec, &|_| {}) {
        Ok(server) => server,
        Err(DevdbError::Unsupported { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    server.create_database("events", Template::Plain).unwrap();
    let project = Project::of(FILES).with("CORE", server.url("events"));
    project.workspace().replace("dunlin.toml", "kind = \"postgres\"", "kind = \"clickhouse\"");
    insta::assert_snapshot!(project.says("doctor"), @"
    [stdout]
    core  clickhouse  ClickHouse 18.16.1
      info  privileges  not known: what a user may do shows only when it does it
      info  disk        the database has 0 B; what is free is not known: the server does not tell
      ok                reach, encryption, software, ledger, mutations, clock

    1 target: fit for a run
    [exit 0]
    ");
    for statement in [
        "CREATE TABLE clicks (id UInt32, page String) ENGINE = MergeTree ORDER BY id",
        "INSERT INTO clicks VALUES (1, 'home')",
        "ALTER TABLE clicks UPDATE page = toString(toDate(page)) WHERE 1",
    ] {
        let _ = server.query("events", statement).unwrap();
    }
    insta::assert_snapshot!(says(&project, "mutations", "--long 0s"), @"
    warning: `mutation_2.txt` of `clicks` (UPDATE page = toString(toDate(page)) WHERE 1) goes on for TIME
      hint: what changes `clicks` waits behind it; KILL MUTATION WHERE mutation_id = 'mutation_2.txt' gives it up
    [exit 0]
    ");
}
