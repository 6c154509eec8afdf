//! Who owns a cluster, and that nothing is left when nobody does.

use std::thread;
use std::thread::sleep;
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, Departure, Flavour};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Named, Owner, assert_gone, dir, home, processes, server_pid, start};

#[test]
fn a_closed_cluster_leaves_nothing() {
    let spec = ClusterSpec::temporary(home(), Flavour::Full);
    let cluster = start(&spec);
    assert!(!processes(&spec).is_empty());
    assert_eq!(cluster.close().unwrap(), Departure::Stopped);
    assert!(!dir(&spec).exists());
    assert_gone(&spec);
}

#[test]
fn a_dropped_cluster_is_stopped_by_its_watchdog() {
    let named = Named::new("dropped", Flavour::Plain);
    drop(start(&named.spec));
    assert_gone(&named.spec);
    assert!(dir(&named.spec).exists());
}

#[test]
fn a_killed_owner_leaves_nothing() {
    let spec = ClusterSpec::temporary(home(), Flavour::Full);
    let mut owner = Owner::spawn(&spec);
    owner.url();
    owner.kill();
    assert_gone(&spec);
    assert!(!dir(&spec).exists());
}

#[test]
fn an_owner_can_be_killed_at_any_moment_of_its_start() {
    let named = Named::new("early", Flavour::Full);
    for moment in 0..12 {
        let owner = Owner::spawn(&named.spec);
        sleep(Duration::from_millis(moment * 90));
        owner.kill();
        assert_gone(&named.spec);
    }
    let cluster = start(&named.spec);
    assert_eq!(
        cluster.psql("postgres", "SELECT extname FROM pg_extension WHERE extname = 'pg_cron'").unwrap(),
        "pg_cron"
    );
    assert_eq!(cluster.close().unwrap(), Departure::Stopped);
}

#[test]
fn the_last_of_two_owners_stops_the_server() {
    let named = Named::new("shared", Flavour::Plain);
    let mut killed = Owner::spawn(&named.spec);
    let url = killed.url();
    let cluster = start(&named.spec);
    assert_eq!(cluster.url("postgres"), url);
    let pid = server_pid(&named.spec);
    killed.kill();
    sleep(Duration::from_millis(300));
    assert_eq!(server_pid(&named.spec), pid);
    assert_eq!(cluster.psql("postgres", "SELECT 1").unwrap(), "1");
    let other = Cluster::find(&named.spec.home, &named.spec.name).unwrap().expect("the server runs");
    assert_eq!(cluster.close().unwrap(), Departure::Shared);
    assert_eq!(other.close().unwrap(), Departure::Stopped);
    assert_gone(&named.spec);
}

#[test]
fn runs_that_start_at_once_share_one_server() {
    let named = Named::new("crowd", Flavour::Plain);
    let mut owners: Vec<Owner> = (0..5).map(|_| Owner::spawn(&named.spec)).collect();
    let urls: Vec<String> = owners.iter_mut().map(Owner::url).collect();
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
    let watchdogs = processes(&named.spec).iter().filter(|(_, line)| line.contains("/watchdog")).count();
    assert_eq!(watchdogs, 1);
    owners.into_iter().for_each(Owner::leave);
    assert_gone(&named.spec);
}

#[test]
fn a_stop_never_hits_who_joins() {
    let named = Named::new("race", Flavour::Plain);
    let come_and_go = || {
        for _ in 0..8 {
            let cluster = start(&named.spec);
            assert_eq!(cluster.psql("postgres", "SELECT 1").unwrap(), "1");
            drop(cluster);
        }
    };
    let stop = || {
        for _ in 0..8 {
            Cluster::stop(&named.spec.home, &named.spec.name).unwrap();
        }
    };
    thread::scope(|scope| {
        scope.spawn(come_and_go);
        scope.spawn(come_and_go);
        scope.spawn(stop);
    });
    assert_gone(&named.spec);
}

#[test]
fn a_lingering_server_is_warm_for_the_next_owner() {
    let mut named = Named::new("linger", Flavour::Plain);
    named.spec.linger = Duration::from_millis(1500);
    drop(start(&named.spec));
    let pid = server_pid(&named.spec);
    sleep(Duration::from_millis(300));
    drop(start(&named.spec));
    assert_eq!(server_pid(&named.spec), pid);
    assert_gone(&named.spec);
}

#[test]
fn a_cluster_without_owner_and_watchdog_is_swept_away() {
    let spec = ClusterSpec::temporary(home(), Flavour::Plain);
    let mut owner = Owner::spawn(&spec);
    owner.url();
    let watchdogs = processes(&spec).into_iter().filter(|(_, line)| line.contains("/watchdog"));
    watchdogs.for_each(|(pid, _)| kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap());
    owner.kill();
    sleep(Duration::from_millis(500));
    start(&ClusterSpec::temporary(home(), Flavour::Plain)).close().unwrap();
    assert_gone(&spec);
    assert!(!dir(&spec).exists());
}
