//! Files too large to be held: what is known of them, what they cannot be, and that they run as they were read.

use dunlin_planner::{Bodies, Piece};
use insta::assert_snapshot;

use crate::fixture::{Fixture, ONE_SET, catalog};

/// A project whose files are all too large.
fn large(text: &str) -> Fixture {
    let mut fixture = Fixture::new(&format!("{ONE_SET}//- m/V1__a.sql\n{text}"));
    fixture.held = 0;
    fixture
}

fn check(text: &str) -> String {
    catalog(&large(text).read(None).unwrap())
}

#[test]
fn headers_and_the_outer_transaction_count() {
    let text = "-- Dependencies: b/2\n-- dunlin: phase data\nbegin isolation level serializable;\n\
        copy t from stdin;\n1\n\\.\nselect 1; -- dunlin: depends c/3\ncommit;\n";
    assert_snapshot!(check(text), @"
    set s of s on db: flyway
    s/1 a Versioned Data up m/V1__a.sql {2 streamed} needs b/2 (m/V1__a.sql:1:18) needs c/3 (m/V1__a.sql:7:30)
    ");
    let project = large(text).read(None).unwrap();
    assert_eq!(project.catalog.migrations[0].up.settings.isolation.as_deref(), Some("ISOLATION LEVEL SERIALIZABLE"));
}

#[test]
fn it_is_one_transaction() {
    assert_snapshot!(check("-- dunlin: transaction none\nselect 1;\n"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1 streamed}
    error[large-file]: a file as large as this runs as one transaction, and this directive says that it does not
      at m/V1__a.sql:1:24
       | -- dunlin: transaction none
       |                        ^^^^
      hint: move the statement to a file of its own
    ");
    assert_snapshot!(check("-- dunlin: batch table=t key=id size=10\nupdate t set a = 1 where :batch;\n"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1 streamed}
    error[large-file]: a file as large as this runs as one transaction, and a backfill is many
      at m/V1__a.sql:1:18
       | -- dunlin: batch table=t key=id size=10
       |                  ^^^^^^^^^^^^^^^^^^^^^^
      hint: move the statement to a file of its own
    ");
    assert_snapshot!(check("select 1;\n-- dunlin: probe select true\ncreate index concurrently i on t (a);\n"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {2 streamed}
    error[sql-invalid]: `create index concurrently` cannot run in a transaction, and a file as large as this runs as one
      at m/V1__a.sql:3:1
       | create index concurrently i on t (a);
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: move the statement to a file of its own
    error[large-file]: a file as large as this runs as one transaction, and this probe is for a statement that runs alone
      at m/V1__a.sql:2:18
       | -- dunlin: probe select true
       |                  ^^^^^^^^^^^
      hint: move the statement to a file of its own
    ");
    assert_snapshot!(check("begin read only;\nselect 1;\ncommit;\nselect 2;\n"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {4 streamed}
    error[sql-invalid]: `begin read only` would break the transaction that this migration runs in
      at m/V1__a.sql:1:1
       | begin read only;
       | ^^^^^^^^^^^^^^^
      hint: keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own
    error[sql-invalid]: `commit` would break the transaction that this migration runs in
      at m/V1__a.sql:3:1
       | commit;
       | ^^^^^^
      hint: keep one BEGIN … COMMIT around the whole file or none, and split what must commit separately into migrations of its own
    ");
    assert_snapshot!(check("begin read only;\nselect 1;\ncommit;\n"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {1 streamed}
    error[transaction-read-only]: a read-only transaction cannot record that its migration was applied
      at m/V1__a.sql:1:1
       | begin read only;
       | ^^^^^^^^^^^^^^^
      hint: remove READ ONLY
    ");
    assert_snapshot!(check("-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;\n"), @"
    set s of s on db: flyway
    s/1 a Versioned up m/V1__a.sql {2 streamed}
    error[style-not-supported]: the file holds up and down behind markers, as goose writes them, which is not supported yet
      at m/V1__a.sql:1:1
       | -- +goose Up
       | ^^^^^^^^^^^^
      hint: split it into an up file and a down file
    ");
}

#[test]
fn its_pieces_come_only_as_they_were_read() {
    let fixture = large("select 1;\ncopy t from stdin;\n1\n\\.\n");
    let project = fixture.read(None).unwrap();
    let body = &project.catalog.migrations[0].up;
    let pieces = || project.bodies.pieces(&body.path, &body.digest);
    let all: Result<Vec<_>, _> = pieces().unwrap().collect();
    let [Piece::Statements(first), Piece::Copy(copy), Piece::Data(data), Piece::EndOfData] = &*all.unwrap() else {
        panic!("there are other pieces");
    };
    assert_eq!((&first.text[first.range.clone()], first.line), ("select 1;", 1));
    assert_eq!((&copy.text[copy.range.clone()], copy.line, data.as_str()), ("copy t from stdin", 2, "1\n"));
    assert!(project.bodies.open(&body.path, &body.digest).is_err(), "it is not held");

    let gone = "the text of `m/V1__a.sql` with checksum";
    fixture.write("m/V1__a.sql", b"select 2;\ncopy t from stdin;\n1\n\\.\n");
    let changed: Vec<_> = pieces().unwrap().collect();
    assert!(matches!(&*changed, [Err(error)] if error.to_string().starts_with(gone)), "{changed:?}");
    fixture.write("m/V1__a.sql", b"select 1;");
    assert!(pieces().is_err(), "it is shorter");
    std::fs::remove_file(fixture.directory.path().join("m/V1__a.sql")).unwrap();
    assert!(pieces().is_err(), "it is gone");
}
