//! Targets that cannot do what is asked of them.

use dunlin_devdb::{Cluster, ClusterSpec, Flavour, Template};
use dunlin_tests::{Project, Server};

use crate::support::{check, offline, project, transcript};

fn of_kind(kind: &str, more: &str) -> String {
    format!(
        r#"
//- auth/1_users.sql
CREATE TABLE users (id int);
//- dunlin.toml
[project]
name = "acme"
[targets.core]
kind = "{kind}"
url = "${{CORE}}"
[services.auth]
target = "core"
path = "auth"
{more}"#
    )
}

#[test]
fn a_timescale_target_needs_timescaledb() {
    let server = Cluster::start(&ClusterSpec::temporary(dunlin_tests::home(), Flavour::Plain), &|_| {}).unwrap();
    server.create_database("plain", Template::Plain).unwrap();
    let project = Project::of(&of_kind("timescale", "")).with("CORE", server.url("plain"));
    insta::assert_snapshot!(transcript(&project, "plan\nup --yes"), @"
    $ dunlin plan
    [stdout]
    error[target-refused]: target `core`: the target is of kind `timescale` but the server has no timescaledb
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: install TimescaleDB on the server, or let the target be of kind `postgres`

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]

    $ dunlin up --yes
    [stdout]
    error[target-refused]: target `core`: the target is of kind `timescale` but the server has no timescaledb
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: install TimescaleDB on the server, or let the target be of kind `postgres`

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]
    ");
}

#[test]
fn a_cron_target_has_to_be_the_database_of_its_jobs() {
    let server = Server::shared();
    insta::assert_snapshot!(transcript(&project(&server.scratch(), &of_kind("cron", "")), "plan\nup --yes"), @"
    $ dunlin plan
    [stdout]
    error[target-refused]: target `core`: pg_cron keeps its jobs in database `postgres`, and the target names `DATABASE`
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: let the target's URL name `postgres`, or change `cron.database_name` and restart the server

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]

    $ dunlin up --yes
    [stdout]
    error[target-refused]: target `core`: pg_cron keeps its jobs in database `postgres`, and the target names `DATABASE`
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: let the target's URL name `postgres`, or change `cron.database_name` and restart the server

    Nothing runs in acme: 1 error must be mended first.
    [exit 1]
    ");
}

#[test]
fn clickhouse_is_reached_by_http_alone() {
    insta::assert_snapshot!(check(&of_kind("clickhouse", ""), "plan"), @"
    $ dunlin plan
    [stdout]
    error[target-misconfigured]: target `core`: a ClickHouse target is reached by `http://` or `https://`, and its URL begins otherwise
     --> dunlin.toml:3:10
      |
    3 | [targets.core]
      |          ^^^^
    hint: write `http://user:password@host:8123/database`, or `https://` and port 8443

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]
    ");
    let parts = of_kind("clickhouse", "").replace("url = \"${CORE}\"", "host = \"db\"\nservice = \"x\"");
    insta::assert_snapshot!(offline(&parts, "validate"), @"
    $ dunlin validate
    [stderr]
    error[key-unsupported]: `targets.core.service` means nothing to ClickHouse, which is reached by HTTP
     --> dunlin.toml:6:1
      |
    6 | service = …
      | ^^^^^^^
    hint: remove it; `url`, or host, port, database, user, password, sslmode and sslrootcert say how it is reached
    [stdout]
    1 migration of 1 service in 1 target: 1 error
    [exit 2]
    ");
}

#[test]
fn what_a_server_does_not_offer_holds_back_or_refuses() {
    insta::assert_snapshot!(check(&of_kind("postgres", "requires = [\"timescaledb-tsl\"]\n"), "up --yes\nup --yes --require-complete"), @"
    $ dunlin up --yes
    [stdout]
    acme: nothing to do: 1 migration held back

    Held back: 1 migration
      1 because the server of core does not offer `timescaledb-tsl`: auth/1
    [exit 0]

    $ dunlin up --yes --require-complete
    [stdout]
    acme: nothing to do: 1 migration held back

    Held back: 1 migration
      1 because the server of core does not offer `timescaledb-tsl`: auth/1
    [exit 75]
    ");
    insta::assert_snapshot!(check(&of_kind("postgres", "requires = [\"timescaledb-tsl\"]\nmissing = \"error\"\n"), "plan"), @r#"
    $ dunlin plan
    [stdout]
    error[feature-missing]: set `auth` requires `timescaledb-tsl`, which the server of `core` does not offer
     --> dunlin.toml:6:11
      |
    6 | [services.auth]
      |           ^^^^
    hint: install `timescaledb-tsl` there, or set `missing = "hold"` for set `auth`

    Nothing runs in acme: 1 error must be mended first.
    [exit 2]
    "#);
}
