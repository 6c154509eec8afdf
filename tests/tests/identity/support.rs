//! Projects, servers and copies of databases.

use std::process::{Command, Stdio};

use dunlin_devdb::{Cluster, ClusterSpec, Flavour};
use dunlin_tests::{Project, home};

/// Two migrations of one database, `CORE`.
pub(crate) const ONE: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- auth/2_names.sql
ALTER TABLE users ADD name text;
//- auth/2_names.down.sql
ALTER TABLE users DROP name;
";

/// Two services, in `CORE` and `CRM`, of which the second needs the first.
pub(crate) const TWO: &str = r#"
//- dunlin.toml
[project]
name = "acme"

[targets.core]
kind = "postgres"
url = "${CORE}"

[targets.crm]
kind = "postgres"
url = "${CRM}"

[services.auth]
target = "core"
path = "auth"

[services.crm]
target = "crm"
path = "crm"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- auth/2_names.sql
ALTER TABLE users ADD name text;
//- auth/2_names.down.sql
ALTER TABLE users DROP name;
//- crm/1_customers.sql
-- Dependencies: auth/2
CREATE TABLE customers (id int);
//- crm/1_customers.down.sql
DROP TABLE customers;
"#;

/// The project [`ONE`].
pub(crate) fn one(core: &str) -> Project {
    Project::of(ONE).with("CORE", core)
}

/// The project [`TWO`].
pub(crate) fn two(core: &str, crm: &str) -> Project {
    Project::of(TWO).with("CORE", core).with("CRM", crm)
}

/// Applies everything.
pub(crate) fn apply(project: &Project) {
    let _ = project.dunlin().run("up --yes").exits(0);
}

/// What `dunlin` says to each line of `commands`.
pub(crate) fn transcript(project: &Project, commands: &str) -> String {
    let said = commands.lines().map(|words| format!("$ dunlin {words}\n{}", project.says(words)));
    said.collect::<Vec<_>>().join("\n\n")
}

/// How `dunlin` exits after each line of `commands`.
pub(crate) fn exits(project: &Project, commands: &str) -> Vec<i32> {
    let exits = commands.lines().map(|words| project.dunlin().run(words).code);
    exits.map(|code| code.expect("no signal ends it")).collect()
}

/// `project`, with what the database that `psql` asks is shown as: its number by `name`, its server by `of`.
pub(crate) fn naming(project: Project, name: &str, of: &str, psql: impl Fn(&str) -> String) -> Project {
    let system = psql("SELECT system_identifier FROM pg_control_system()");
    let oid = psql("SELECT oid FROM pg_database WHERE datname = current_database()");
    project
        .hiding(format!("database {oid} of"), &format!("database {name} of"))
        .hiding(format!("\"database\": {oid},"), &format!("\"database\": {name},"))
        .hiding(system, of)
}

/// A server that goes with the test.
pub(crate) fn plain() -> Cluster {
    let spec = ClusterSpec::temporary(home(), Flavour::Plain);
    Cluster::start(&spec, &|_| {}).expect("a server starts")
}

/// Restores a dump of a database into an empty one.
pub(crate) fn restore(server: &Cluster, from: &str, into: &str) {
    let mut dump = Command::new(server.bin("pg_dump")).arg(from).stdout(Stdio::piped()).spawn().expect("pg_dump runs");
    let mut psql = Command::new(server.bin("psql"));
    psql.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", into]).stdin(dump.stdout.take().expect("it is a pipe"));
    assert!(psql.stdout(Stdio::null()).status().expect("psql runs").success(), "the dump could not be restored");
    assert!(dump.wait().expect("it is a child").success(), "pg_dump failed");
}
