//! A standby of a cluster.

use dunlin_devdb::{ClusterSpec, Flavour, Standby};

use crate::support::{assert_gone, home, start};

#[test]
fn a_standby_follows_takes_over_and_leaves_nothing_behind() {
    let spec = ClusterSpec::temporary(home(), Flavour::Plain);
    let cluster = start(&spec);
    let standby = Standby::of(&cluster).unwrap_or_else(|error| panic!("{error:?}"));
    let says = |query: &str| standby.psql("postgres", query).unwrap();
    cluster.psql("postgres", "CREATE TABLE first ()").unwrap();
    standby.catch_up(&cluster).unwrap();
    standby.cut_off().unwrap();
    cluster.psql("postgres", "CREATE TABLE lost ()").unwrap();
    assert!(standby.psql("postgres", "CREATE TABLE x ()").is_err(), "it takes no writes");
    cluster.halt().unwrap();
    assert!(cluster.psql("postgres", "SELECT 1").is_err(), "the primary is gone");
    standby.promote().unwrap();
    assert_eq!(says("CREATE TABLE x (); SELECT to_regclass('first') IS NOT NULL, to_regclass('lost') IS NULL"), "t|t");
    drop(standby);
    cluster.close().unwrap();
    assert_gone(&spec);
}
