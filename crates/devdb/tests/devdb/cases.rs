//! What a cluster offers, what it refuses, and who may run it.

#![expect(clippy::unwrap_used, reason = "only tests call this")]

use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Stdio};

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Home, Template};
use nix::unistd::{User, geteuid};

use crate::support::{assert_gone, hold_arguments, hold_program, home, start};

/// The answers of a fresh cluster to questions about it.
fn check(spec: &ClusterSpec, answers: &[(&str, &str)]) {
    let cluster = start(spec);
    for (question, answer) in answers {
        assert_eq!(cluster.psql("postgres", question).unwrap(), *answer, "{question}");
    }
    cluster.close().unwrap();
    assert_gone(spec);
}

#[test]
fn full_has_both_extensions() {
    let spec = ClusterSpec::temporary(home(), Flavour::Full);
    check(
        &spec,
        &[
            ("SHOW shared_preload_libraries", "timescaledb,pg_cron"),
            ("SELECT count(*) FROM cron.job", "0"),
            ("SELECT current_setting('server_version_num')::int / 10000", "17"),
            ("SHOW fsync", "off"),
            ("SHOW listen_addresses", "127.0.0.1"),
            ("SHOW timezone", "UTC"),
        ],
    );
}

#[test]
fn settings_win_over_ours_and_durable_means_it() {
    let mut spec = ClusterSpec::temporary(home(), Flavour::Plain);
    spec.durable = true;
    spec.settings = vec![
        ("max_connections".to_owned(), "33".to_owned()),
        ("app.quoted".to_owned(), r"it's a \ backslash".to_owned()),
    ];
    check(
        &spec,
        &[
            ("SHOW fsync", "on"),
            ("SHOW max_connections", "33"),
            ("SHOW app.quoted", r"it's a \ backslash"),
            ("SHOW shared_preload_libraries", ""),
        ],
    );
}

#[test]
fn databases_come_and_go() {
    let cluster = start(&ClusterSpec::temporary(home(), Flavour::Full));
    let name = "odd \"name\" ä";
    cluster.create_database(name, Template::Timescale).unwrap();
    cluster.ensure_database(name, Template::Plain).unwrap();
    assert!(matches!(cluster.create_database(name, Template::Plain), Err(DevdbError::Program { .. })));
    let extensions = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'";
    assert_eq!(cluster.psql(name, extensions).unwrap(), "1");
    cluster.ensure_database("plain", Template::Plain).unwrap();
    assert_eq!(cluster.psql("plain", extensions).unwrap(), "0");
    for url in [cluster.url(name), cluster.socket_url(name)] {
        let mut psql = Command::new(cluster.bin("psql"));
        let output = psql.args(["-XAtc", "SELECT current_database()"]).arg(url).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), name);
    }
    let copies: Vec<String> = (0..6).map(|nth| format!("copy{nth}")).collect();
    std::thread::scope(|scope| {
        for copy in &copies {
            scope.spawn(|| cluster.create_database(copy, Template::Timescale).unwrap());
        }
    });
    cluster.drop_database(name).unwrap();
    cluster.drop_database(name).unwrap();
    assert!(cluster.psql(name, "SELECT 1").unwrap_err().details().unwrap().contains("does not exist"));
    cluster.close().unwrap();
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let mut spec = ClusterSpec::temporary(home(), Flavour::Plain);
    spec.settings = vec![("shared_preload_libraries".to_owned(), "no_such_library".to_owned())];
    let error = Cluster::start(&spec, &|_| ()).unwrap_err();
    assert!(matches!(error, DevdbError::Start { .. }), "{error:?}");
    assert!(error.details().unwrap().contains("no_such_library"), "{error:?}");
    assert_gone(&spec);
}

#[test]
fn what_cannot_work_is_refused() {
    let long = format!("/var/tmp/{}", "x".repeat(70));
    for (dir, name, expected) in [
        ("/var/tmp/dunlin-refused", "Upper", "`Upper` cannot be a cluster's name"),
        ("/var/tmp/dunlin-refused", "../up", "`../up` cannot be a cluster's name"),
        ("relative", "x", "`relative` cannot be the home of servers: its path is not absolute"),
    ] {
        let error = Cluster::start(&ClusterSpec::named(Home::new(dir), Flavour::Plain, name), &|_| ()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some());
    }
    let error = Cluster::start(&ClusterSpec::named(Home::new(&long), Flavour::Plain, "x"), &|_| ()).unwrap_err();
    assert!(matches!(error, DevdbError::SocketPath { .. }), "{error:?}");
    std::fs::remove_dir(&long).unwrap();
    std::fs::remove_dir("/var/tmp/dunlin-refused").unwrap();
}

/// Only root can act as somebody else; for everybody else, all other tests are this one.
#[test]
fn an_ordinary_user_needs_a_home_of_its_own() {
    if !geteuid().is_root() {
        return;
    }
    let nobody = User::from_name("nobody").unwrap().expect("the account exists");
    let theirs = tempfile::Builder::new().prefix("dunlin-").tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(theirs.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let hold = theirs.path().join("hold");
    std::fs::copy(hold_program(), &hold).unwrap();
    chown(theirs.path(), Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    let run = |home: &Home| {
        let mut setpriv = Command::new("setpriv");
        setpriv.arg(format!("--reuid={}", nobody.uid)).arg(format!("--regid={}", nobody.gid)).arg("--clear-groups");
        let spec = ClusterSpec::temporary(home.clone(), Flavour::Plain);
        hold_arguments(setpriv.arg(&hold), &spec).stdin(Stdio::null());
        let output = setpriv.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let own = Home::new(theirs.path());
    let (stdout, stderr) = run(&own);
    assert!(stdout.ends_with("Stopped\n"), "{stdout}{stderr}");
    let (_, stderr) = run(&home());
    assert!(stderr.contains("ForeignHome"), "{stderr}");
    let spec = ClusterSpec::named(own, Flavour::Plain, "x");
    assert!(matches!(Cluster::start(&spec, &|_| ()), Err(DevdbError::ForeignHome { .. })));
}
