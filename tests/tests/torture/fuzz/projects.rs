//! Everything that a project consists of.

use dunlin_planner::{Finding, Severity};
use dunlin_project::{MAX_HELD, ReadFailure, Request, read};
use dunlin_tests::Workspace;
use fs_err as fs;

use super::changes::changed;
use crate::simulation::random::Random;
use crate::splitter::trials::catching;

const CONFIG: &str = r#"[project]
name = "p"
dependencies = ["d.yml", "d.toml"]
[targets.core]
kind = "postgres"
host = "db"
port = 5432
user = "app"
password = "${PASSWORD}"
parameters = { connect_timeout = "5" }
lock_timeout = "500ms"
settings = { "app.role" = "service" }
[targets.jobs]
kind = "cron"
url = "embedded"
pause = ["m-*"]
[services.auth]
target = "core"
path = "m"
aliases = ["auth-service"]
exclude = ["*.bak.sql"]
[services.iot.sets.one]
target = "core"
paths = ["iot/a", "iot/b"]
after = ["auth"]
search_path = "x, public"
requires = ["timescaledb-tsl"]
"#;

const ENVIRONMENT: &str = "[targets.core]\npassword = { file = \"secret\" }\nsslmode = \"require\"\n[targets.jobs]\nenabled = false\n[policy]\nbackup = \"none\"\n";

const YAML: &str = "# seed\nmigrations:\n  - version: \"1\"\n    service: \"auth-service\"\n    dependencies: []\n\n  - version: 2\n    service: auth\n    dependencies: [\"1\", auth/1]\n  - {version: 2, service: auth-service, dependencies: [iot/1]}\n";

const TOML: &str = "[[migrations]]\nversion = \"1\"\nservice = \"iot.one\"\ndependencies = [\"auth/1\", \"2\"]\n";

/// Every text, and where it is.
const TEXTS: &[(&str, &str)] = &[
    ("dunlin.toml", CONFIG),
    ("configs/env.toml", ENVIRONMENT),
    ("d.yml", YAML),
    ("d.toml", TOML),
    ("m/V1__a.sql", "-- Dependencies: iot/1\ncreate table t (a int);\n"),
    ("m/V2__b.sql", "-- dunlin: phase contract\ndrop table t;\n"),
    ("iot/a/1_a.up.sql", "select 1;\n"),
    ("iot/a/1_a.down.sql", "select 2;\n"),
    ("iot/b/2_c.sql", "begin;\nselect 1;\ncommit;\n"),
];

/// Names of files in many styles.
const NAMES: &[&str] = &[
    "V1__a.sql",
    "U1__a.sql",
    "R__a.sql",
    "1_a.up.sql",
    "1_a.down.sql",
    "20240101120000_a.sql",
    "20240101_001_auth_a.sql",
    "001_a_UP.sql",
    "001_a_DOWN.sql",
    "2024_01_01_expand_a.sql",
    "0001-a/up.sql",
    "deploy/a.sql",
    "revert/a.sql",
    "verify/a.sql",
    "sqitch.plan",
    "V1.2.3__a.sql.gz",
    "B1__a.sql",
    "99999999999999999999_a.sql",
];

pub(crate) fn trial(random: &mut Random) -> Result<(), String> {
    let files = Workspace::of(TEXTS);
    let others: Vec<Vec<u8>> = TEXTS.iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
    let mut told = String::new();
    if random.percent(70) {
        // Configuration and dependencies above all: what is in migrations has a test of its own.
        let texts = if random.percent(90) { &TEXTS[..4] } else { TEXTS };
        let (path, text) = random.one_of(texts);
        let bytes = changed(random, text.as_bytes(), &others);
        fs::write(files.dir().join(path), &bytes).unwrap();
        told = format!("{path}: {:?}", String::from_utf8_lossy(&bytes));
    } else {
        let names: Vec<Vec<u8>> = NAMES.iter().map(|name| name.as_bytes().to_vec()).collect();
        for _ in 0..1 + random.below(5) {
            let name = random.one_of(NAMES).as_bytes();
            let name = changed(random, name, &names);
            let name: String = String::from_utf8_lossy(&name).chars().filter(|char| *char != '\0').take(80).collect();
            // What the system does not take for a name is none of a reader's business.
            let path = files.dir().join("m").join(name.trim_start_matches(['/', '.']));
            let dir = path
                .parent()
                .is_some_and(|dir| dir.starts_with(files.dir().join("m")) && fs::create_dir_all(dir).is_ok());
            if dir && !name.contains("..") && fs::write(&path, "select 1;\n").is_ok() {
                told += &format!("{name:?} ");
            }
        }
    }
    catching(|| judge(&files)).map_err(|what| format!("{what}\n{told}"))
}

/// The project is right before it is changed, so that what is changed is read to its end.
pub(super) fn unchanged_is_read() {
    let files = Workspace::of(TEXTS);
    let (start_dir, environment) = (files.dir().to_owned(), Some("env".to_owned()));
    let request = Request { config: None, start_dir, environment, variables: &|_| None, held: MAX_HELD };
    let findings = read(&request).unwrap().catalog.findings;
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn judge(files: &Workspace) -> Result<(), String> {
    let variables = |name: &str| (name == "PASSWORD").then(|| "canary".to_owned());
    let request = |held| Request {
        config: None,
        start_dir: files.dir().to_owned(),
        environment: Some("env".to_owned()),
        variables: &variables,
        held,
    };
    let findings = match read(&request(MAX_HELD)) {
        Ok(project) => project.catalog.findings,
        Err(ReadFailure { findings }) if findings.is_empty() => return Err("refused without a reason".to_owned()),
        Err(ReadFailure { findings }) => findings,
    };
    let again = match read(&request(MAX_HELD)) {
        Ok(project) => project.catalog.findings,
        Err(ReadFailure { findings }) => findings,
    };
    if findings != again {
        return Err(format!("read twice: {findings:?}\n{again:?}"));
    }
    findings.iter().try_for_each(|finding| placed(files, finding))
}

/// Does an error say where it is, and is that there?
fn placed(files: &Workspace, finding: &Finding) -> Result<(), String> {
    if finding.message.contains("canary") {
        return Err(format!("a secret is told: {finding:?}"));
    }
    let Some(place) = &finding.place else {
        return if finding.severity == Severity::Error { Err(format!("no place: {finding:?}")) } else { Ok(()) };
    };
    let Ok(bytes) = fs::read(files.dir().join(&*place.file)) else { return Ok(()) };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let is_there = (1..=lines).contains(&(place.line as usize)) && place.column > 0;
    if is_there { Ok(()) } else { Err(format!("line {} of {lines}: {finding:?}", place.line)) }
}
