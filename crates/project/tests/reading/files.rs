//! What lies on the disk: links, loops, special files, files that two sets want.

use insta::assert_snapshot;

use crate::fixture::{Fixture, ONE_SET, catalog, fifo, shown};

#[test]
fn a_mounted_config_map_is_read_once() {
    assert_snapshot!(shown(
        &format!("{ONE_SET}//- m/..2024_01_01/V1__a.sql\nselect 1\n//> m/..data -> ..2024_01_01\n//> m/V1__a.sql -> ..data/V1__a.sql\n//> m/again -> ..data\n//- m/.hidden.sql\nselect\n"),
        catalog
    ), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
"#);
}

#[test]
fn links_may_not_leave_the_project_or_go_in_circles() {
    assert_snapshot!(shown(
        &format!("{ONE_SET}//- m/V1__a.sql\nselect 1\n//> m/V2__b.sql -> /etc/passwd\n//> m/out -> /etc\n//> m/loop -> .\n//> m/V3__gone.sql -> nowhere.sql\n//> m/.loop -> .\n"),
        catalog
    ), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[path-outside]: `m/V2__b.sql` is a link that leads out of the project
  at m/V2__b.sql:1:1
  hint: copy the file instead
error[file-unreadable]: `m/V3__gone.sql` cannot be read: it does not exist
  at m/V3__gone.sql:1:1
error[file-unreadable]: `m/loop` cannot be read: it is a link back to `m`, which holds it
  at m/loop:1:1
error[path-outside]: `m/out` is a link that leads out of the project
  at m/out:1:1
  hint: copy the file instead
"#);
}

#[test]
fn folders_must_lie_inside() {
    let with = |path: &str| {
        shown(
            &format!(
                "{}//- m/V1__a.sql\nselect 1\n//> out -> /etc\n",
                ONE_SET.replace("\"m\"", &format!("\"{path}\""))
            ),
            catalog,
        )
    };
    assert_snapshot!(with("../.."), @r#"
set s of s on db: 
error[path-invalid]: path `../..` leads out of the project
  at dunlin.toml:7:8
   | path = "../.."
   |        ^^^^^^^
  hint: move the folder into the project, or the configuration above both
"#);
    assert_snapshot!(with("out"), @r#"
set s of s on db: 
error[path-invalid]: path `out` leads out of the project
  at dunlin.toml:7:8
   | path = "out"
   |        ^^^^^
  hint: move the folder into the project, or the configuration above both
"#);
    assert_snapshot!(with("m/V1__a.sql"), @r#"
set s of s on db: 
error[path-invalid]: path `m/V1__a.sql` is not a directory
  at dunlin.toml:7:8
   | path = "m/V1__a.sql"
   |        ^^^^^^^^^^^^^
"#);
}

#[test]
fn special_files_are_not_opened() {
    let fixture = Fixture::new(&format!("{ONE_SET}//- m/V1__a.sql\nselect 1\n"));
    fifo(&fixture.directory.path().join("m/V2__pipe.sql"));
    fifo(&fixture.directory.path().join("m/pipe"));
    assert_snapshot!(catalog(&fixture.read(None).unwrap()), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[file-unreadable]: `m/V2__pipe.sql` cannot be read: it is not a regular file
  at m/V2__pipe.sql:1:1
"#);
}

#[test]
fn a_file_belongs_to_one_set() {
    let two = "[services.t]\ntarget = \"db\"\npaths = [\"m/sub\", \"n\"]\n";
    assert_snapshot!(shown(&format!("{ONE_SET}{two}//- m/sub/V1__a.sql\nselect 1\n//- n/V2__b.sql\nselect 1\n"), catalog), @r#"
set s of s on db: flyway
set t of t on db: flyway
s/1 a Versioned up m/sub/V1__a.sql {1tx}
t/2 b Versioned up n/V2__b.sql {1tx}
error[file-in-two-sets]: `m/sub/V1__a.sql` belongs to set `s` and to set `t`
  at dunlin.toml:8:11
   | [services.t]
   |           ^
  as `s` has it: m/sub/V1__a.sql:1:1
  hint: let `include` and `exclude` tell them apart
"#);
}
