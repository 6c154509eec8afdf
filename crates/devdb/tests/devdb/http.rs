//! Servers of ClickHouse: the one of Debian, and the engine of today.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use dunlin_devdb::{Cluster, ClusterSpec, DevdbError, Flavour, Template, install};

use crate::support::{Named, Owner, assert_gone, home, processes, server_pid, start};

/// The flavours that this machine can have; the engine of today is left out, by name, where there is no Python for it.
#[expect(clippy::print_stderr, reason = "what is left out is said")]
fn flavours() -> Vec<Flavour> {
    let mut flavours = vec![Flavour::ClickHouse];
    match install(&home(), Flavour::Chdb, &|_| ()) {
        Ok(_) => flavours.push(Flavour::Chdb),
        Err(error) => eprintln!("skipped: the engine of today, for {error}"),
    }
    flavours
}

#[test]
fn statements_run_and_data_survive_a_crash() {
    for (flavour, version) in flavours().into_iter().zip(["18.16.1", "26.9.2.1"]) {
        let spec = ClusterSpec::temporary(home(), flavour);
        let cluster = start(&spec);
        assert_eq!(cluster.query("", "SELECT version()").unwrap(), version);
        assert_eq!(cluster.url("a b"), format!("http://default@127.0.0.1:{}/a%20b", cluster.port()));
        cluster.ensure_database("a b", Template::Plain).unwrap();
        cluster.ensure_database("a b", Template::Plain).unwrap();
        cluster.query("a b", "CREATE TABLE kept (n Int32) ENGINE = MergeTree ORDER BY n").unwrap();
        cluster.query("a b", "INSERT INTO kept VALUES (3), (4)").unwrap();
        let before = server_pid(&spec);
        cluster.crash().unwrap();
        assert_ne!(server_pid(&spec), before);
        assert_eq!(cluster.query("a b", "SELECT sum(n) FROM kept").unwrap(), "7");
        cluster.drop_database("a b").unwrap();
        match cluster.query("", "SELECT * FROM `a b`.kept") {
            Err(DevdbError::Refused { output }) => assert!(output.starts_with("Code: "), "{output}"),
            other => panic!("{other:?}"),
        }
        cluster.close().unwrap();
        assert_gone(&spec);
    }
}

/// Else the client's next request may be lost with the connection, and nobody knows what became of it.
#[test]
fn a_connection_that_ends_behind_a_refusal_is_said_to_end() {
    for flavour in flavours() {
        let cluster = start(&ClusterSpec::temporary(home(), flavour));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, cluster.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        for round in ["the first", "the second"] {
            let statement = "SELECT * FROM nowhere.nothing";
            let length = statement.len();
            write!(stream, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{statement}")
                .unwrap();
            let mut answer = Vec::new();
            let ends = stream.read_to_end(&mut answer).is_ok();
            let answer = String::from_utf8_lossy(&answer).to_lowercase();
            assert!(answer.contains("code: "), "{flavour:?} answers {round}: {answer}");
            assert_eq!(ends, answer.contains("connection: close\r\n"), "{flavour:?}: {answer}");
            if ends {
                break;
            }
        }
        cluster.close().unwrap();
    }
}

#[test]
fn a_named_server_is_shared_and_keeps_its_data() {
    let named = Named::new("clickhouse", Flavour::ClickHouse);
    let cluster = start(&named.spec);
    cluster.query("default", "CREATE TABLE kept (n Int32) ENGINE = MergeTree ORDER BY n").unwrap();
    let again = start(&named.spec);
    assert_eq!(again.port(), cluster.port());
    drop(again);
    assert_eq!(cluster.query("default", "EXISTS TABLE kept").unwrap(), "1");
    cluster.close().unwrap();
    assert!(Cluster::find(&home(), &named.spec.name).unwrap().is_none());
    let cluster = start(&named.spec);
    assert_eq!(cluster.query("default", "EXISTS TABLE kept").unwrap(), "1");
    cluster.close().unwrap();
}

#[test]
fn a_server_ends_with_an_owner_that_is_killed() {
    for flavour in flavours() {
        let spec = ClusterSpec::temporary(home(), flavour);
        let mut owner = Owner::spawn(&spec);
        assert!(owner.url().starts_with("http://"));
        assert!(!processes(&spec).is_empty());
        owner.kill();
        assert_gone(&spec);
    }
}
