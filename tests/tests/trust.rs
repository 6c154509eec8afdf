//! A ledger that one can believe: roles that cannot take anything out of it, a log that shows what was changed in it, and
//! rows that are compared with the log.

use dunlin_tests::{Dunlin, Outcome, Project, Scratch, Server, Workspace, wait_until};
use nix::sys::signal::Signal;

/// Roles of one test, as roles belong to a whole server.
struct Roles<'s> {
    database: &'s Scratch<'s>,
    files: Workspace,
}

impl<'s> Roles<'s> {
    fn new(database: &'s Scratch<'s>) -> Self {
        let files = Workspace::small("${URL}");
        files.write("migrations/app/001_t.sql", "CREATE TABLE app (a int);\n");
        files.replace("dunlin.toml", "path = \"migrations/app\"", "path = \"migrations/app\"\nrole = \"ROLE_owner\"");
        files.replace("dunlin.toml", "ROLE", database.name());
        let this = Self { database, files };
        this.script();
        this.script();
        let name = database.name();
        let _ = database.sql(&format!(
            "CREATE ROLE {name}_owner; GRANT CREATE, USAGE ON SCHEMA public TO {name}_owner;
             CREATE ROLE {name}_deployer LOGIN IN ROLE dunlin_runner, {name}_owner;
             CREATE ROLE {name}_operator LOGIN IN ROLE dunlin_admin;
             CREATE ROLE {name}_dashboard LOGIN IN ROLE dunlin_reader;
             CREATE ROLE {name}_stranger LOGIN"
        ));
        this
    }

    /// Runs what `dunlin init --roles` prints, as an administrator.
    fn script(&self) {
        let script = Dunlin::at(self.files.dir()).run("init --roles").exits(0).stdout;
        let _ = self.database.sql(&script);
    }

    fn run(&self, role: &str, words: &str) -> Outcome {
        let role = format!("{}_{role}", self.database.name());
        let url = self.database.url().replace("postgres@", &format!("{role}@"));
        let mut outcome = Dunlin::at(self.files.dir()).with("URL", url).run(words);
        for text in [&mut outcome.stdout, &mut outcome.stderr] {
            *text = text.replace(self.database.name(), "DB");
        }
        outcome
    }

    /// What a role is told that may not do this.
    fn refused(&self, role: &str, words: &str, said: &[&str]) {
        let outcome = self.run(role, words).exits(1);
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        said.iter().for_each(|part| assert!(told.contains(part), "`{part}` is not in\n{told}"));
    }
}

impl Drop for Roles<'_> {
    fn drop(&mut self) {
        for role in ["deployer", "operator", "dashboard", "stranger", "owner"] {
            let role = format!("{}_{role}", self.database.name());
            let _ = self.database.sql(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
        }
    }
}

#[test]
fn each_role_does_what_it_may_and_is_told_what_it_may_not() {
    let server = Server::shared();
    let database = server.scratch();
    let roles = Roles::new(&database);
    let name = database.name();
    roles.refused(
        "deployer",
        "up --yes",
        &[
            "migrations run under role `DB_owner`, which may not read the ledger, and role `DB_deployer` may not let it",
            "GRANT USAGE ON SCHEMA dunlin TO \"DB_owner\"; GRANT SELECT ON dunlin.ledger TO \"DB_owner\"",
        ],
    );
    let _ = database
        .sql(&format!("GRANT USAGE ON SCHEMA dunlin TO {name}_owner; GRANT SELECT ON dunlin.ledger TO {name}_owner"));
    let _ = roles.run("deployer", "up --yes").exits(0);
    let owner = database.sql("SELECT relowner::regrole FROM pg_class WHERE relname = 'app'");
    assert_eq!(owner.trim(), format!("{name}_owner"));
    assert_eq!(database.sql("SELECT DISTINCT by_user FROM dunlin.ledger").trim(), format!("{name}_deployer"));
    for role in ["deployer", "operator", "dashboard"] {
        for words in ["status", "history", "history --verify", "plan", "explain app/001"] {
            let _ = roles.run(role, words).exits(0);
        }
    }
    roles.files.write("migrations/app/002_u.sql", "CREATE TABLE more (a int);\n");
    let reads_only = [
        "role `DB_dashboard` may not write the ledger, which belongs to `dunlin_owner`",
        "GRANT dunlin_runner TO \"DB_dashboard\"",
    ];
    roles.refused("dashboard", "up --yes", &reads_only);
    let members = [
        "permission denied for schema dunlin",
        "a member of `dunlin_reader` to look and of `dunlin_runner` to migrate",
    ];
    roles.refused("stranger", "status", &members);
    let _ = roles.run("deployer", "up --yes").exits(0);
    roles.files.write("migrations/app/002_u.sql", "CREATE TABLE more (a bigint);\n");
    let repair = "repair accept app/002 --reason checked --yes";
    roles.refused(
        "deployer",
        repair,
        &[
            "role `DB_deployer` may not repair: it is no member of `dunlin_admin`",
            "GRANT dunlin_admin TO \"DB_deployer\"",
        ],
    );
    roles.refused("dashboard", repair, &[reads_only[0]]);
    let _ = roles.run("operator", repair).exits(0);
    let _ = roles.run("dashboard", "history --verify").exits(0);
}

/// What the server itself forbids whoever migrates.
#[test]
fn a_runner_takes_nothing_out_of_the_ledger() {
    let server = Server::shared();
    let database = server.scratch();
    let _roles = Roles::new(&database);
    let name = database.name();
    for (role, statement) in [
        ("deployer", "DELETE FROM dunlin.ledger"),
        ("deployer", "TRUNCATE dunlin.ledger"),
        ("deployer", "DELETE FROM dunlin.event"),
        ("deployer", "UPDATE dunlin.event SET who = 'nobody'"),
        ("deployer", "DELETE FROM dunlin.obligation"),
        ("deployer", "DELETE FROM dunlin.meta"),
        ("deployer", "ALTER TABLE dunlin.ledger ADD COLUMN odd text"),
        ("operator", "DELETE FROM dunlin.event"),
        ("operator", "UPDATE dunlin.event SET who = 'nobody'"),
        ("dashboard", "UPDATE dunlin.ledger SET step = 0"),
        ("dashboard", "INSERT INTO dunlin.event (project, what) VALUES ('p', 'applied')"),
        ("owner", "SELECT FROM dunlin.event"),
    ] {
        let refused = server.psql(name, &format!("SET ROLE {name}_{role}; {statement}")).unwrap_err();
        let said = refused.details().unwrap_or_default();
        assert!(
            ["permission denied", "must be owner"].iter().any(|part| said.contains(part)),
            "{role}: {statement}: {said}"
        );
    }
}

#[test]
fn a_ledger_that_is_there_is_given_to_the_roles_unless_something_lies_in_wait_in_it() {
    let server = Server::shared();
    let database = server.scratch();
    let files = Workspace::small(&database.url());
    files.write("migrations/app/001_t.sql", "CREATE TABLE app (a int);\n");
    let dunlin = Dunlin::at(files.dir());
    let _ = dunlin.run("up --yes").exits(0);
    let script = dunlin.run("init --roles").exits(0).stdout;
    let name = database.name();
    let _ = database.sql(&format!("CREATE ROLE {name}_mallory; ALTER SCHEMA dunlin OWNER TO {name}_mallory; ALTER TABLE dunlin.meta OWNER TO {name}_mallory"));
    for (planted, undone, said) in [
        (
            "ALTER TABLE dunlin.meta ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE dunlin.meta DISABLE ROW LEVEL SECURITY",
            "`dunlin.meta` has row security",
        ),
        (
            "ALTER TABLE dunlin.meta ADD CHECK (protocol > 0)",
            "ALTER TABLE dunlin.meta DROP CONSTRAINT meta_protocol_check",
            "`meta meta_protocol_check CHECK ((protocol > 0))`",
        ),
    ] {
        let _ = database.sql(planted);
        let refused = server.psql(name, &script).unwrap_err();
        assert!(refused.details().unwrap_or_default().contains(said), "{planted}: {refused:?}");
        let _ = database.sql(undone);
    }
    let _ = database.sql(&script);
    let owners = database.sql("SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'dunlin'::regnamespace AND relkind IN ('r', 'S')");
    assert_eq!(owners.trim(), "dunlin_owner");
    let _ = database.sql(&format!("DROP ROLE {name}_mallory"));
    files.write("migrations/app/002_t.sql", "CREATE TABLE more (a int);\n");
    let _ = dunlin.run("up --yes").exits(0);
}

const PREPARED: &str = r#"
//- dunlin.toml
[project]
name = "acme"

[targets.core]
kind = "postgres"
url = "${CORE}"

[services.auth]
target = "core"
path = "auth"

//- auth/1_users.up.sql
CREATE TABLE users (id int);
//- auth/2_names.up.sql
ALTER TABLE users ADD name text;
"#;

/// What somebody planted would run as whoever migrates, or hide rows from them.
#[test]
fn a_ledger_in_which_something_lies_in_wait_is_refused() {
    let server = Server::shared();
    let database = server.scratch();
    let project = Project::of(PREPARED).with("CORE", database.url());
    let _ = project.dunlin().run("up --yes --to auth/1").exits(0);
    let says = |planted: &str, undone: &str| {
        let _ = database.sql(planted);
        let plan = project.says("plan");
        let codes = ["up --yes", "status", "history", "down --version auth/1 --yes"]
            .map(|words| project.dunlin().run(words).code);
        let _ = database.sql(undone);
        format!("{plan}\n{codes:?}")
    };
    let _ = database.sql("CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
    insta::assert_snapshot!(
        says(
            "CREATE TRIGGER spy BEFORE INSERT OR UPDATE ON dunlin.ledger FOR EACH ROW EXECUTE FUNCTION spy()",
            "DROP TRIGGER spy ON dunlin.ledger",
        ),
        @"
        [stdout]
        error[target-refused]: target `core`: the ledger cannot be trusted: `dunlin.ledger` has the trigger `spy`
         --> dunlin.toml:4:10
          |
        4 | [targets.core]
          |          ^^^^
        hint: find out who made it; nothing was read from it. A schema that belongs to the role that migrates, and tables as Dunlin makes them, are trusted

        Nothing runs in acme: 1 error must be mended first.
        [exit 4]
        [Some(4), Some(4), Some(4), Some(4)]
        "
    );
    insta::assert_snapshot!(
        says(
            "ALTER TABLE dunlin.ledger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            "ALTER TABLE dunlin.ledger DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        ),
        @"
        [stdout]
        error[target-refused]: target `core`: the ledger cannot be trusted: `dunlin.ledger` has row security
         --> dunlin.toml:4:10
          |
        4 | [targets.core]
          |          ^^^^
        hint: find out who made it; nothing was read from it. A schema that belongs to the role that migrates, and tables as Dunlin makes them, are trusted

        Nothing runs in acme: 1 error must be mended first.
        [exit 4]
        [Some(4), Some(4), Some(4), Some(4)]
        "
    );
    insta::assert_snapshot!(
        says("CREATE RULE quiet AS ON INSERT TO dunlin.event DO INSTEAD NOTHING", "DROP RULE quiet ON dunlin.event"),
        @"
        [stdout]
        error[target-refused]: target `core`: the ledger cannot be trusted: `dunlin.event` has the rule `quiet`
         --> dunlin.toml:4:10
          |
        4 | [targets.core]
          |          ^^^^
        hint: find out who made it; nothing was read from it. A schema that belongs to the role that migrates, and tables as Dunlin makes them, are trusted

        Nothing runs in acme: 1 error must be mended first.
        [exit 4]
        [Some(4), Some(4), Some(4), Some(4)]
        "
    );
    let _ = project.dunlin().run("up --yes").exits(0);
}

/// A project in one database with three migrations applied by two runs.
struct Kept<'s> {
    database: Scratch<'s>,
    files: Workspace,
}

impl<'s> Kept<'s> {
    fn new(server: &'s Server) -> Self {
        let database = server.scratch();
        let files = Workspace::small(&database.url());
        let this = Self { database, files };
        this.files.write("migrations/app/001_t_UP.sql", "CREATE TABLE app (a int);\n");
        this.files.write("migrations/app/002_t_UP.sql", "CREATE TABLE more (a int);\n");
        let _ = this.dunlin().run("up --yes").exits(0);
        this.files.write("migrations/app/003_t_UP.sql", "CREATE TABLE most (a int);\n");
        this.files.write("migrations/app/003_t_DOWN.sql", "DROP TABLE most;\n");
        let _ = this.dunlin().run("up --yes").exits(0);
        this
    }

    fn dunlin(&self) -> Dunlin {
        Dunlin::at(self.files.dir())
    }

    fn verify(&self, code: i32) -> String {
        let outcome = self.dunlin().run("history --verify").exits(code);
        format!("{}{}", outcome.stdout, outcome.stderr)
    }
}

/// A change by hand, and what is said of it.
const CHANGES: &[(&str, &str)] = &[
    (
        "UPDATE dunlin.event SET who = 'nobody' WHERE seq = 1",
        "line 1 (`applied` of `app/001` by `nobody`) was changed after it was sealed",
    ),
    (
        "UPDATE dunlin.event SET at = at + interval '1 us' WHERE seq = 2",
        "line 2 (`applied` of `app/002` by `postgres`) was changed",
    ),
    (
        "UPDATE dunlin.event SET detail = detail || '{\"more\": 1}' WHERE seq = 2",
        "line 2 (`applied` of `app/002` by `postgres`) was changed",
    ),
    (
        "UPDATE dunlin.event SET run_id = gen_random_uuid() WHERE seq = 4",
        "line 4 (`applied` of `app/003` by `postgres`) was changed",
    ),
    ("DELETE FROM dunlin.event WHERE seq = 2", "line 2 is gone, which the seal in line 3 covers"),
    (
        "DELETE FROM dunlin.event WHERE seq IN (1, 4)",
        "line 1 is gone, which the seal in line 3 covers, and 1 more line is not as it was",
    ),
    ("DELETE FROM dunlin.event WHERE seq = 3", "line 3 is gone, which the seal in line 5 covers"),
    (
        "DELETE FROM dunlin.event WHERE seq <= 3",
        "line 3 is gone, which the seal in line 5 covers, and 1 more line is not as it was",
    ),
    (
        "UPDATE dunlin.event SET who = 'nobody' WHERE seq = 5",
        "line 5 (`sealed` by `nobody`) was changed, or a line that it covers",
    ),
    (
        "UPDATE dunlin.event SET hash = sha256('x') WHERE seq = 5",
        "line 5 (`sealed` by `postgres`) was changed, or a line that it covers",
    ),
    ("UPDATE dunlin.event SET hash = sha256('x') WHERE seq = 3", "line 3 (`sealed` by `postgres`) was changed"),
    ("UPDATE dunlin.event SET detail = '{}' WHERE seq = 5", "line 5 (`sealed` by `postgres`) cannot be read any more"),
    (
        "INSERT INTO dunlin.event (seq, project, id, what) OVERRIDING SYSTEM VALUE VALUES (0, 'small', 'app/000', 'failed')",
        "line 0 (`failed` of `app/000` by `postgres`) was put in after it was sealed there",
    ),
    (
        "UPDATE dunlin.ledger SET checksum = sha256('x') WHERE id = 'app/002'",
        "the row of `app/002` was changed: its checksum is 2d711642, and line 2 of the log left ",
    ),
    (
        "UPDATE dunlin.ledger SET tokens = sha256('x') WHERE id = 'app/002'",
        "the row of `app/002` was changed: its tokens have the checksum 2d711642",
    ),
    (
        "UPDATE dunlin.ledger SET attempt = 7 WHERE id = 'app/002'",
        "the row of `app/002` was changed: it says attempt 7, and line 2 of the log says 1",
    ),
    (
        "UPDATE dunlin.ledger SET state = 'reverted' WHERE id = 'app/002'",
        "the row of `app/002` was changed: it is reverted, and line 2 of the log left it applied",
    ),
    ("DELETE FROM dunlin.ledger WHERE id = 'app/003'", "the row of `app/003` is gone, which line 4 left as applied"),
    (
        "UPDATE dunlin.ledger SET id = 'app/004', version = '004' WHERE id = 'app/003'",
        "the row of `app/004` is applied, which no line of the log explains, and 1 more row is not as it was",
    ),
];

#[test]
fn whatever_is_changed_by_hand_is_found_and_named() {
    let server = Server::shared();
    for (change, said) in CHANGES {
        let kept = Kept::new(&server);
        let whole = kept.verify(0);
        assert!(whole.contains("ok") && whole.contains("3 lines under 2 seals"), "{whole}");
        let _ = kept.database.sql(change);
        let told = kept.verify(4);
        assert!(told.contains(said), "{change}: `{said}` is not in\n{told}");
    }
}

/// A log that was written anew, or cut off, is whole in itself.
#[test]
fn a_head_that_was_kept_shows_what_was_cut_off() {
    let server = Server::shared();
    let kept = Kept::new(&server);
    kept.files.write("migrations/app/004_t_UP.sql", "SELECT 4;\n");
    let report = kept.dunlin().run("up --yes --format json").exits(0).json();
    let head = report["heads"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(report["heads"][0]["target"], "main");
    kept.files.write("migrations/app/005_t_UP.sql", "SELECT 5;\n");
    let summary = kept.dunlin().run("up --yes").exits(0).stdout;
    let json = kept.dunlin().run("history --verify --format json").exits(0).json();
    let last = json["databases"][0]["head"].as_str().unwrap().to_owned();
    assert!(summary.contains(&format!("log {}", &last[..16])), "{summary}");
    let verify = |head: &str| kept.dunlin().run(&format!("history --verify --head {head}")).code;
    assert_eq!((verify(&head), verify(&head[..16]), verify(&last)), (Some(0), Some(0), Some(0)));
    assert_eq!((verify(&head[..15]), verify("not-a-head-of-any-log")), (Some(2), Some(2)));
    let _ = kept.database.sql("DELETE FROM dunlin.event WHERE seq > 7; DELETE FROM dunlin.ledger WHERE id = 'app/005'");
    assert_eq!((verify(&head), verify(&last)), (Some(0), Some(4)));
    let told = kept.dunlin().run(&format!("history --verify --head {last}")).exits(4).stderr;
    assert!(told.contains(&format!("no log has a seal `{last}`")), "{told}");
}

#[test]
fn repairs_and_downs_are_sealed_and_explain_their_rows() {
    let server = Server::shared();
    let kept = Kept::new(&server);
    kept.files.write("migrations/app/003_t_UP.sql", "CREATE TABLE most (a bigint);\n");
    let _ = kept.dunlin().run("repair accept app/003 --reason checked --yes").exits(0);
    let _ = kept.dunlin().run("repair forget app/002 --reason dropped --yes").exits(0);
    let _ = kept.dunlin().run("down --version app/003 --yes").exits(0);
    let told = kept.verify(0);
    assert!(told.contains("6 lines under 5 seals") && !told.contains("not sealed"), "{told}");
    let _ = kept.database.sql("UPDATE dunlin.ledger SET state = 'applied' WHERE id = 'app/003'");
    let told = kept.verify(4);
    assert!(
        told.contains("the row of `app/003` was changed: it is applied, and line 10 of the log left it reverted"),
        "{told}"
    );
}

/// What a run that was killed did stands in the log, is named as not sealed, and is sealed by the next run.
#[test]
fn what_a_killed_run_left_is_told_and_sealed_by_the_next_one() {
    let server = Server::shared();
    let kept = Kept::new(&server);
    kept.files.write("migrations/app/004_t_UP.sql", "SELECT 4;\n");
    kept.files.write("migrations/app/005_t_UP.sql", "SELECT pg_sleep(60);\n");
    let run = kept.dunlin().start("up --yes");
    let lines = "SELECT count(*) FROM dunlin.event WHERE id = 'app/004'";
    wait_until("the fourth is applied", || kept.database.sql(lines).trim() == "1");
    let told = kept.verify(0);
    assert!(told.contains("1 line not sealed"), "{told}");
    run.signal(Signal::SIGKILL);
    drop(run);
    let told = kept.verify(0);
    assert!(told.contains("1 line not sealed"), "{told}");
    let _ = kept.database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");
    kept.files.write("migrations/app/005_t_UP.sql", "SELECT 5;\n");
    let _ = kept.dunlin().run("up --yes").exits(0);
    let told = kept.verify(0);
    assert!(told.contains("5 lines under 3 seals") && !told.contains("not sealed"), "{told}");
}

#[test]
fn runs_at_once_seal_one_chain() {
    let server = Server::shared();
    let database = server.scratch();
    let projects: Vec<Workspace> = (0..4)
        .map(|project| {
            let files = Workspace::small(&database.url());
            files.replace("dunlin.toml", "name = \"small\"", &format!("name = \"small{project}\""));
            (0..8)
                .for_each(|number| files.write(&format!("migrations/app/{number}_t.sql"), "SELECT pg_sleep(0.02);\n"));
            files
        })
        .collect();
    let runs: Vec<_> = projects.iter().map(|files| Dunlin::at(files.dir()).start("up --yes --format json")).collect();
    for run in runs {
        let report = run.finish().exits(0).json();
        assert!(report["heads"][0]["hash"].is_string(), "{report}");
    }
    let json = Dunlin::at(projects[0].dir()).run("history --verify --format json").exits(0).json();
    assert_eq!(
        (json["databases"][0]["sealed"].clone(), json["databases"][0]["unsealed"].clone()),
        (32.into(), 0.into()),
        "{json}"
    );
}
