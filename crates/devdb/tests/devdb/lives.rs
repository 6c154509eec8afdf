//! What stays of a cluster, and what is made anew.

use std::time::Duration;

use dunlin_devdb::{Cluster, Departure, Flavour, Life};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Named, Owner, assert_gone, dir, server_pid, start};

#[test]
fn data_stay_for_the_next_run() {
    let named = Named::new("again", Flavour::Full);
    let cluster = start(&named.spec);
    cluster.psql("postgres", "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    let port = cluster.port();
    cluster.close().unwrap();
    let cluster = start(&named.spec);
    assert_eq!(cluster.psql("postgres", "SELECT answer FROM kept").unwrap(), "42");
    assert_eq!(cluster.port(), port);
    cluster.close().unwrap();
}

#[test]
fn a_kept_cluster_runs_until_it_is_stopped() {
    let mut named = Named::new("kept", Flavour::Plain);
    named.spec.life = Life::Kept;
    let (home, name) = (&named.spec.home, named.spec.name.as_str());
    assert_eq!(start(&named.spec).close().unwrap(), Departure::Kept);
    drop(start(&named.spec));
    Owner::spawn(&named.spec).leave();
    std::thread::sleep(Duration::from_millis(300));
    let info = Cluster::list(home).unwrap().into_iter().find(|info| info.name == name).expect("it is listed");
    assert_eq!(info.life, Some(Life::Kept));
    let cluster = Cluster::find(home, name).unwrap().expect("it runs");
    assert_eq!(info.port, Some(cluster.port()));
    assert_eq!(Cluster::stop(home, name).unwrap(), Some(Departure::Shared));
    assert_eq!(cluster.psql("postgres", "SELECT 1").unwrap(), "1");
    assert_eq!(cluster.close().unwrap(), Departure::Stopped);
    assert_gone(&named.spec);
    assert!(Cluster::find(home, name).unwrap().is_none());
    assert_eq!(Cluster::destroy(home, name).unwrap(), Some(Departure::Stopped));
    assert!(!dir(&named.spec).exists());
    assert_eq!(Cluster::stop(home, name).unwrap(), None);
}

#[test]
fn a_killed_server_starts_again_with_its_data() {
    let named = Named::new("killed", Flavour::Full);
    let first = start(&named.spec);
    first.psql("postgres", "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
    kill(Pid::from_raw(server_pid(&named.spec)), Signal::SIGKILL).unwrap();
    let second = start(&named.spec);
    assert_eq!(second.psql("postgres", "SELECT answer FROM kept").unwrap(), "42");
    assert_eq!(first.close().unwrap(), Departure::Shared);
    assert_eq!(second.close().unwrap(), Departure::Stopped);
}

#[test]
fn half_made_data_are_made_anew() {
    let named = Named::new("half", Flavour::Plain);
    start(&named.spec).close().unwrap();
    // As after being killed between `initdb` and the first start.
    std::fs::remove_file(dir(&named.spec).join("state")).unwrap();
    std::fs::remove_file(dir(&named.spec).join("data/global/pg_control")).unwrap();
    let cluster = start(&named.spec);
    assert_eq!(cluster.psql("postgres", "SELECT 1").unwrap(), "1");
    cluster.close().unwrap();
}
