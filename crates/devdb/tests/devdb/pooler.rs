//! A pooler before a cluster.

use std::process::Command;

use dunlin_devdb::{ClusterSpec, Flavour, Pooler, Template};

use crate::support::{Owner, assert_gone, home, processes, start};

#[test]
fn clients_share_sessions_and_nothing_is_left_behind() {
    let spec = ClusterSpec::temporary(home(), Flavour::Full);
    let cluster = start(&spec);
    cluster.create_database("shared", Template::Plain).unwrap();
    let before = processes(&spec).len();
    let mut pooler = Pooler::start(&home(), &cluster, 1, &|_| ()).unwrap_or_else(|error| panic!("{error:?}"));
    let url = pooler.url("shared");
    let through = |script: &str| {
        let mut psql = Command::new(cluster.bin("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--command", script]);
        let output = psql.arg("--dbname").arg(&url).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(through("SELECT pg_backend_pid()"), through("SELECT pg_backend_pid()"), "one session for two clients");
    through("SET lock_timeout = '7s'");
    assert_eq!(through("SHOW lock_timeout").trim(), "7s", "a setting leaks: this is what poolers do");
    assert!(processes(&spec).len() > before);
    pooler.crash().unwrap();
    assert_eq!(through("SHOW lock_timeout").trim(), "0", "another pooler has other sessions");
    cluster.crash().unwrap();
    assert_eq!(through("SELECT 1").trim(), "1", "the server is there again, at its port");
    drop(pooler);
    assert_eq!(processes(&spec).len(), before, "{:?}", processes(&spec));
    cluster.close().unwrap();
    assert_gone(&spec);
}

#[test]
fn a_pooler_ends_with_an_owner_that_is_killed() {
    let spec = ClusterSpec::temporary(home(), Flavour::Full);
    let mut owner = Owner::spawn_pooled(&spec);
    owner.url();
    assert!(processes(&spec).iter().any(|(_, line)| line.contains("pgbouncer ")), "{:?}", processes(&spec));
    owner.kill();
    assert_gone(&spec);
}
