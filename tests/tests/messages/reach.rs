//! Servers that are not reached, or do not let us in.

use std::time::{Duration, Instant};

use dunlin_devdb::{Cluster, ClusterSpec, Flavour};
use dunlin_tests::{Project, Server};

use crate::support::transcript;

const ONE: &str = r"
//- auth/1_users.sql
CREATE TABLE users (id int);
";

fn reach(url: &str, commands: &str) -> String {
    transcript(&Project::of(ONE).with("CORE", url), commands)
}

#[test]
fn a_server_that_is_down_is_waited_for_a_little() {
    let start = Instant::now();
    // Nobody listens on that port.
    insta::assert_snapshot!(reach("postgres://app:secret@127.0.0.1:9/app", "status"), @"
    $ dunlin status
    [stderr]
    waiting for an answer of core
    [stdout]
    core  postgres  not read, see below
      auth  1 unknown

    error[target-unreachable]: target `core`: the server at 127.0.0.1:PORT cannot be reached: Connection refused (os error 111)
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: see that it runs and that the target names its host and port, then try again

    1 migration: 1 unknown
    [exit 75]
    ");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    insta::assert_snapshot!(reach("postgres://app:secret@no-such-host.invalid/app", "plan"), @"
    $ dunlin plan
    [stderr]
    waiting for an answer of core
    [stdout]
    error[target-unreachable]: target `core`: the server at no-such-host.invalid:5432 cannot be reached: failed to lookup address information: Name or service not known
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: see that it runs and that the target names its host and port, then try again

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]
    ");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://app@{}/app", silent.local_addr().unwrap());
    let start = Instant::now();
    insta::assert_snapshot!(reach(&url, "plan"), @"
    $ dunlin plan
    [stderr]
    waiting for an answer of core
    [stdout]
    error[target-unreachable]: target `core`: the server at 127.0.0.1:PORT cannot be reached: no answer within TIME
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: see that it runs and that the target names its host and port, then try again

    Nothing runs in acme: 1 error must be mended first.
    [exit 75]
    ");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn a_database_or_a_role_that_is_missing_is_named() {
    let server = Server::shared();
    insta::assert_snapshot!(reach(&server.url("no_such_database"), "plan"), @r#"
    $ dunlin plan
    [stdout]
    error[target-refused]: target `core`: database "no_such_database" does not exist (SQLSTATE 3D000)
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: create database `no_such_database`, or let the target say `create = true`

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]
    "#);
    let stranger = server.url("postgres").replace("postgres@", "stranger@");
    insta::assert_snapshot!(reach(&stranger, "plan"), @r#"
    $ dunlin plan
    [stdout]
    error[target-refused]: target `core`: role "stranger" does not exist (SQLSTATE 28000)
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: user `stranger`, database `postgres` at 127.0.0.1:PORT: the server's pg_hba.conf decides who may log in, from where and how

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]
    "#);
}

#[test]
fn a_wrong_password_is_refused_without_being_shown() {
    let rules = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(rules.path(), "local all all trust\nhost all postgres all trust\nhost all all all scram-sha-256\n")
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(rules.path(), mode).unwrap();
    let settings = vec![("hba_file".to_owned(), rules.path().display().to_string())];
    let spec = ClusterSpec { settings, ..ClusterSpec::temporary(dunlin_tests::home(), Flavour::Plain) };
    let server = Cluster::start(&spec, &|_| {}).unwrap();
    server.psql("postgres", "CREATE ROLE app LOGIN PASSWORD 'right'").unwrap();
    let url = |user: &str| server.url("postgres").replace("postgres@", &format!("{user}@"));
    insta::assert_snapshot!(reach(&url("app:wrong"), "plan"), @r#"
    $ dunlin plan
    [stdout]
    error[target-refused]: target `core`: password authentication failed for user "app" (SQLSTATE 28P01)
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: user `app` at 127.0.0.1:PORT: the configured password was sent

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]
    "#);
    insta::assert_snapshot!(reach(&url("app"), "plan"), @"
    $ dunlin plan
    [stdout]
    error[target-refused]: target `core`: the connection to $CORE was refused: invalid configuration: password missing
     --> dunlin.toml:4:10
      |
    4 | [targets.core]
      |          ^^^^
    hint: give the target a password

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]
    ");
    insta::assert_snapshot!(reach(&url("app:right"), "up --yes"), @r#"
    $ dunlin up --yes
    [stderr]
    Plan for acme: 1 step on 1 database

      core  postgres  PostgreSQL VERSION: 1 step; its ledger will be created

      1  core  auth/1  users

    CLOCK run RUN starts: 1 step
    CLOCK core  auth/1 failed after TIME: the ledger cannot be made: role `app` may not create a schema in database `postgres`
    [stdout]
    Run RUN: 0 of 1 step done in TIME

      core  1 failed  TIME of work

    error[42501]: `auth/1` failed on core: the ledger cannot be made: role `app` may not create a schema in database `postgres`
    hint: as the database's owner: GRANT CREATE ON DATABASE "postgres" TO "app"

    Nothing of what failed was kept. Next: mend the cause and run `dunlin up` again; what is done is not
    repeated.
    [exit 1]
    "#);
}
