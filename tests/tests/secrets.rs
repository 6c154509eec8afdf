//! A password that stands in for every secret, given in every way there is, and looked for in everything that is written,
//! shown, kept or logged while all commands run, and while they fail.

#![expect(clippy::unwrap_used, reason = "what surrounds the test has to work before anything can be tried")]

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use dunlin_devdb::{Cluster, ClusterSpec, Flavour};
use dunlin_tests::{Dunlin, Outcome, Workspace, wait_until};
use fs_err as fs;

const CANARY: &str = "kanari7Qz-vogel";

/// A server that asks `app` for its password and logs everything that it can, and a project in its one database.
struct Cage {
    server: Cluster,
    files: Workspace,
    _rules: tempfile::NamedTempFile,
}

impl Cage {
    fn new() -> Self {
        let rules = tempfile::NamedTempFile::new().unwrap();
        fs::write(rules.path(), "local all all trust\nhost all postgres all trust\nhost all all all scram-sha-256\n")
            .unwrap();
        fs::set_permissions(rules.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let settings = [
            ("hba_file", rules.path().display().to_string()),
            ("log_statement", "all".to_owned()),
            ("log_connections", "on".to_owned()),
            ("log_min_messages", "debug1".to_owned()),
            ("log_min_error_statement", "debug1".to_owned()),
            ("log_min_duration_statement", "0".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let spec = ClusterSpec { settings, ..ClusterSpec::temporary(dunlin_tests::home(), Flavour::Plain) };
        let server = Cluster::start(&spec, &|_| {}).unwrap();
        let silent = "SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_messages = fatal";
        server.psql("postgres", &format!("{silent}; CREATE ROLE app LOGIN PASSWORD '{CANARY}'")).unwrap();
        server.psql("postgres", "CREATE DATABASE main OWNER app").unwrap();
        let files = Workspace::of(&[("dunlin.toml", ""), ("secret", &format!("{CANARY}\n"))]);
        files.write("migrations/app/001_t_UP.sql", "CREATE TABLE app (a int);\n");
        files.write("migrations/app/001_t_DOWN.sql", "DROP TABLE app;\n");
        files.write("migrations/app/002_i_UP.sql", "CREATE INDEX CONCURRENTLY app_a ON app (a);\n");
        files.write("migrations/app/002_i_DOWN.sql", "DROP INDEX CONCURRENTLY app_a;\n");
        files.write("migrations/app/003_s_UP.sql", "SELECT 3;\n");
        files.write("migrations/app/003_s_DOWN.sql", "SELECT 3;\n");
        Self { server, files, _rules: rules }
    }

    fn port(&self) -> u16 {
        self.server.port()
    }

    fn url(&self, password: &str) -> String {
        format!("postgres://app:{password}@127.0.0.1:{}/main", self.port())
    }

    /// Writes the project with these lines for its target.
    fn target(&self, lines: &str) {
        let text = format!(
            "[project]\nname = \"small\"\n\n[targets.main]\nkind = \"postgres\"\n{lines}\n\n\
             [services.app]\ntarget = \"main\"\npath = \"migrations/app\"\n"
        );
        self.files.write("dunlin.toml", &text);
    }

    fn parts(&self, password: &str) {
        let port = self.port();
        self.target(&format!("host = \"127.0.0.1\"\nport = {port}\ndatabase = \"main\"\nuser = \"app\"\n{password}"));
    }

    fn dunlin(&self) -> Dunlin {
        let dir = self.files.dir().display().to_string();
        Dunlin::at(self.files.dir()).with("RUST_BACKTRACE", "1").with("HOME", dir).with("DUNLIN_LOG", "trace")
    }

    /// Everything that the server keeps: its log, the ledger, what its sessions do.
    fn kept(&self) -> String {
        let mut kept = String::from_utf8_lossy(&std::fs::read(self.server.log()).unwrap()).into_owned();
        for query in [
            "SELECT a FROM pg_stat_activity a",
            "SELECT e FROM dunlin.event e",
            "SELECT l FROM dunlin.ledger l",
            "SELECT m FROM dunlin.meta m",
            "SELECT o FROM dunlin.obligation o",
        ] {
            kept.push_str(&self.server.psql("main", query).unwrap_or_default());
        }
        kept
    }
}

/// The command lines of all processes.
fn command_lines() -> String {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{}", String::from_utf8_lossy(&line));
        all
    })
}

/// What was written, without the logs.
fn said(outcome: &Outcome) -> String {
    let is_log =
        |line: &&str| [" TRACE ", " DEBUG ", "\"TRACE\"", "\"DEBUG\""].iter().any(|level| line.contains(level));
    outcome.stderr.lines().chain(outcome.stdout.lines()).filter(|line| !is_log(line)).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn is_free(text: &str, what: &str) {
    let line = text.lines().find(|line| line.contains(CANARY));
    assert!(line.is_none(), "{what}: {}", line.unwrap_or_default());
}

/// Every command, in an order in which each has something to say.
const COMMANDS: &[&str] = &[
    "validate",
    "graph",
    "-vv plan",
    "plan --format json",
    "-vv up --yes",
    "--log-format json down --set app --yes --format json",
    "--log-format json up --yes --format json",
    "status --all",
    "status --format json",
    "history",
    "history --verify --format json",
    "explain app/001",
    "explain app/002 --format json",
    "repair",
    "repair forget app/003 --reason gone --yes",
    "up --yes",
    "-vv down --version app/001 --cascade --yes",
    "init --roles",
];

/// Runs every command; each has to do what it does, or nothing was tried.
#[track_caller]
fn sing(cage: &Cage, dunlin: &Dunlin, way: &str) {
    for words in COMMANDS {
        let outcome = dunlin.run(words);
        is_free(&outcome.stdout, &format!("{way}: stdout of {words}"));
        is_free(&outcome.stderr, &format!("{way}: stderr of {words}"));
        assert_eq!(outcome.code, Some(0), "{way}: {words}: {}", said(&outcome));
    }
    is_free(&cage.kept(), way);
}

#[test]
fn a_password_is_nowhere_whichever_way_it_comes() {
    let cage = Cage::new();
    let (port, keywords) =
        (cage.port(), format!("host=127.0.0.1 port={} dbname=main user=app password={CANARY}", cage.port()));
    cage.target("url = \"${URL}\"");
    sing(&cage, &cage.dunlin().with("URL", cage.url(CANARY)), "a URL in a variable");
    sing(&cage, &cage.dunlin().with("URL", &keywords), "a keyword string in a variable");
    cage.target(&format!("url = \"{}\"", cage.url(CANARY)));
    sing(&cage, &cage.dunlin(), "a URL in the file");
    cage.parts(&format!("password = \"{CANARY}\""));
    sing(&cage, &cage.dunlin(), "a password in the file");
    cage.parts("password = \"${SECRET}\"");
    sing(&cage, &cage.dunlin().with("SECRET", CANARY), "a password in a variable");
    cage.parts("password = { file = \"secret\" }");
    sing(&cage, &cage.dunlin(), "a secret file");
    // The command shows what others could see of it.
    cage.parts("password = { command = \"env >> seen; tr '\\\\0' ' ' < /proc/$$/cmdline >> seen; cat secret\" }");
    sing(&cage, &cage.dunlin(), "a secret command");
    is_free(&fs::read_to_string(cage.files.path("seen")).unwrap(), "the command's surroundings");
    cage.parts("");
    sing(&cage, &cage.dunlin().with("PGPASSWORD", CANARY), "PGPASSWORD");
    cage.files.write(".pgpass", &format!("127.0.0.1:{port}:main:app:{CANARY}\n"));
    fs::set_permissions(cage.files.path(".pgpass"), std::fs::Permissions::from_mode(0o600)).unwrap();
    sing(&cage, &cage.dunlin(), "a password file");
    fs::remove_file(cage.files.path(".pgpass")).unwrap();
    cage.files.write(
        ".pg_service.conf",
        &format!("[one]\nhost=127.0.0.1\nport={port}\ndbname=main\nuser=app\npassword={CANARY}\n"),
    );
    cage.target("service = \"one\"");
    sing(&cage, &cage.dunlin(), "a service");
}

/// Commands that change the project or what its ledger belongs to, or that ask no server.
#[test]
fn a_password_is_nowhere_in_what_is_seldom_said() {
    let cage = Cage::new();
    cage.target(&format!("url = \"{}\"", cage.url(CANARY)));
    let _ = cage.dunlin().run("up --yes").exits(0);
    let expected = [
        ("completions bash", 0),
        ("new app more rows", 0),
        ("dev url main", 2),
        ("dev up", 2),
        ("dev psql main", 2),
        ("dev down", 0),
        ("init", 2),
        ("-vv adopt --after-restore --target main --reason why --yes", 2),
        ("-vv adopt --fork --target main --reason why", 2),
        ("-vv adopt --fork --target main --reason why --yes --format json", 0),
        ("adopt --fork --target nowhere --reason why --yes", 2),
        ("history --verify", 0),
        ("help up", 0),
    ];
    let codes = expected.map(|(words, _)| {
        let outcome = cage.dunlin().run(words);
        is_free(&outcome.stdout, &format!("stdout of {words}"));
        is_free(&outcome.stderr, &format!("stderr of {words}"));
        (words, outcome.code.unwrap_or(-1))
    });
    assert_eq!(codes, expected);
    is_free(&cage.kept(), "what was kept");
}

#[test]
fn a_password_is_nowhere_while_a_run_goes_on() {
    let cage = Cage::new();
    cage.target("url = \"${URL}\"");
    cage.files.write("migrations/app/004_s_UP.sql", "SELECT pg_sleep(3);\n");
    let run = cage.dunlin().with("DUNLIN_LOG", "info").with("URL", cage.url(CANARY)).start("-vv up --yes");
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait_until("it sleeps", || cage.server.psql("main", sleeping).unwrap().trim() == "1");
    is_free(&cage.kept(), "the server");
    is_free(&command_lines(), "command lines");
    let outcome = run.finish().exits(0);
    is_free(&format!("{}{}", outcome.stdout, outcome.stderr), "what it wrote");
}

/// What is said of connections that fail, and of connection strings that cannot be read.
#[test]
fn a_password_is_nowhere_when_nothing_works() {
    let cage = Cage::new();
    let port = cage.port();
    let urls = [
        (format!("postgres://app:{CANARY}x@127.0.0.1:{port}/main"), 1),
        (format!("postgres://nobody:{CANARY}@127.0.0.1:{port}/main"), 1),
        (format!("postgres://app:{CANARY}@127.0.0.1:{port}/{CANARY}-not"), 1),
        (format!("postgres://app:{CANARY}@127.0.0.1:1/main"), 75),
        (format!("postgres://app:{CANARY}@no-such-host.invalid/main"), 75),
        (format!("postgres://app:{CANARY}@127.0.0.1:{port}/main?sslmode=require"), 1),
        (format!("postgres://app:{CANARY}@127.0.0.1:port/main"), 2),
        (format!("postgres://app:{CANARY}@127.0.0.1:99999/main"), 2),
        (format!("postgres://app:{CANARY}@[::1/main"), 2),
        (format!("postgres://app:{CANARY}%zz@127.0.0.1/main"), 2),
        (format!("postgres//app:{CANARY}@127.0.0.1/main"), 2),
        (format!("mysql://app:{CANARY}@127.0.0.1/main"), 2),
        (format!("postgres://app@127.0.0.1/main?pasword={CANARY}"), 2),
        (format!("postgres://app@127.0.0.1/main?sslmode={CANARY}"), 2),
        (format!("postgres://app@127.0.0.1/main?{CANARY}"), 2),
        (format!("postgres://app@127.0.0.1/main?{CANARY}=1"), 2),
        (format!("host=127.0.0.1 password='{CANARY}"), 2),
        (format!("host=127.0.0.1 pasword={CANARY}"), 2),
        (format!("host=127.0.0.1 {CANARY}"), 2),
        (format!("host=127.0.0.1 port={CANARY}"), 2),
        (format!("host=127.0.0.1 connect_timeout={CANARY}"), 2),
        (format!("host=127.0.0.1 target_session_attrs={CANARY}"), 2),
        (format!("host=127.0.0.1 hostaddr={CANARY}"), 2),
        (CANARY.to_owned(), 2),
    ];
    for (url, code) in &urls {
        // A database whose name is the password is one that somebody asked for by name.
        let is_named = url.contains("-not");
        for (lines, variable) in
            [("url = \"${URL}\"".to_owned(), url.as_str()), (format!("url = \"{}\"", url.replace('\\', "\\\\")), "")]
        {
            cage.target(&lines);
            for words in [
                "validate",
                "-vv plan",
                "up --yes --format json",
                "--log-format json status",
                "repair forget app/001 --reason x --yes",
            ] {
                let outcome = cage.dunlin().with("URL", variable).run(words);
                let code = if words == "validate" { outcome.code } else { Some(*code) };
                assert_eq!(outcome.code, code, "{url}: {words}: {}", said(&outcome));
                if !is_named {
                    is_free(&outcome.stdout, &format!("{url}: stdout of {words}"));
                    is_free(&outcome.stderr, &format!("{url}: stderr of {words}"));
                }
            }
        }
    }
}

/// What is said where a secret cannot be had, or the file around it is broken.
#[test]
fn a_secret_is_nowhere_when_it_cannot_be_had() {
    let cage = Cage::new();
    for lines in [
        format!("password = {{ command = \"echo {CANARY} >&2; exit 3\" }}"),
        format!("password = {{ command = \"echo {CANARY}; exit 3\" }}"),
        format!("password = {{ command = \"printf '{CANARY}\\\\377'\" }}"),
        format!("password = {{ cmd = \"{CANARY}\" }}"),
        format!("password = [\"{CANARY}\"]"),
        format!("password = \"{CANARY}"),
        format!("password = {CANARY}"),
        format!("password = \"{CANARY}${{MISSING}}\""),
        format!("password = \"${{{CANARY}\""),
        format!("pasword = \"{CANARY}\""),
        format!("url = \"postgres://app:{CANARY}@127.0.0.1/main\""),
        format!("direct_url = \"postgres://app:{CANARY}@127.0.0.1:port/main\""),
        format!("password = \"a\"\npassword = \"{CANARY}\""),
        format!("parameters = {{ password = \"{CANARY}\" }}"),
    ] {
        cage.parts(&lines);
        for words in ["validate", "-vv plan", "validate --format json", "--log-format json status"] {
            let outcome = cage.dunlin().run(words);
            assert!(words.contains("validate") || outcome.code != Some(0), "{lines}: {words}: {}", said(&outcome));
            is_free(&outcome.stdout, &format!("{lines}: stdout of {words}"));
            is_free(&outcome.stderr, &format!("{lines}: stderr of {words}"));
        }
    }
}
