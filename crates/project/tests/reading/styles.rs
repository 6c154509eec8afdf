//! How files become migrations: styles that are told apart, pairs, and what fits none.

use insta::assert_snapshot;

use crate::fixture::{ONE_SET, catalog, shown};

/// A set of these files, each with one harmless statement.
fn check(paths: &str) -> String {
    let files: String = paths.split_whitespace().map(|path| format!("//- m/{path}\nselect 1;\n")).collect();
    shown(&format!("{ONE_SET}{files}"), catalog)
}

#[test]
fn each_style_becomes_migrations() {
    assert_snapshot!(check("V1__a.sql U1__a.sql deep/V1.1__b.sql R__views.sql README.md"), @r#"
set s of s on db: flyway
s/views views Repeatable up m/R__views.sql {1tx}
s/1 a Versioned up m/V1__a.sql {1tx} down m/U1__a.sql {1tx}
s/1.1 b Versioned up m/deep/V1.1__b.sql {1tx}
"#);
    assert_snapshot!(check("000_init.sql 001_a_UP.sql 001_a_DOWN.sql 0002_b.up.sql 0002_b.down.sql"), @r#"
set s of s on db: up-down
s/0002 b Versioned up m/0002_b.up.sql {1tx} down m/0002_b.down.sql {1tx}
s/000 init Versioned up m/000_init.sql {1tx}
s/001 a Versioned up m/001_a_UP.sql {1tx} down m/001_a_DOWN.sql {1tx}
"#);
    assert_snapshot!(check("schema/20240101_001_s_users.sql rollback/20240101_001_s_users.sql data/20240101_002_s_fill.sql seeds/20240101_003_s_demo.sql"), @r#"
set s of s on db: timestamp-service
s/20240101_002 fill Versioned Data up m/data/20240101_002_s_fill.sql {1tx}
s/20240101_001 users Versioned up m/schema/20240101_001_s_users.sql {1tx} down m/rollback/20240101_001_s_users.sql {1tx}
s/20240101_003 demo Seed up m/seeds/20240101_003_s_demo.sql {1tx}
"#);
    assert_snapshot!(check("20250929140000_AddX_Expand.sql 20250929140000_AddX_Expand.down.sql 20250930000000_DropX_Contract.sql"), @r#"
set s of s on db: timestamp-phase
s/20250929140000 AddX Versioned Expand up m/20250929140000_AddX_Expand.sql {1tx} down m/20250929140000_AddX_Expand.down.sql {1tx}
s/20250930000000 DropX Versioned Contract up m/20250930000000_DropX_Contract.sql {1tx}
"#);
}

#[test]
fn what_fits_no_style_or_two_is_an_error() {
    assert_snapshot!(check("V1__a.sql 001_b_UP.sql"), @r#"
set s of s on db: 
error[style-ambiguous]: the files of set `s` fit the naming styles `flyway` or `up-down` equally
  at dunlin.toml:5:11
   | [services.s]
   |           ^
  `flyway`: m/V1__a.sql:1:1
  `up-down`: m/001_b_UP.sql:1:1
  hint: add `naming = "flyway"` to the set, or move the other files out
"#);
    assert_snapshot!(check("V1__a.sql V2__b.sql setup.sql"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
s/2 b Versioned up m/V2__b.sql {1tx}
error[file-without-style]: `m/setup.sql` does not follow the naming style `flyway` of its set `s`
  at m/setup.sql:1:1
  hint: name it like `V5__core.sql`, `U5__core.sql`, `R__views.sql`; or leave it out: exclude = ["setup.sql"]
"#);
    assert_snapshot!(check("setup.sql"), @r#"
set s of s on db: 
error[style-unknown]: no file of set `s` follows a naming style that Dunlin knows
  at m/setup.sql:1:1
  hint: name them like `V5__core.sql`, `U5__core.sql`, `R__views.sql`; or `001_x_UP.sql` and `001_x_DOWN.sql`, `0001_x.up.sql` and `0001_x.down.sql`, or plain `001_x.sql`; or `20240101_001_auth_x.sql` in `schema/`, `data/`, `seeds/` and `rollback/`; or `20250929140000_AddBatchPhase_Expand.sql`, with `_Contract`, `_Data` or `_Timescale`
"#);
    assert_snapshot!(check("README.md"), @r#"
    set s of s on db: 
    warning[set-empty]: set `s` has no `.sql` files
      at dunlin.toml:7:8
       | path = "m"
       |        ^^^
      hint: `dunlin new s WHAT IT DOES` writes the first one
    "#);
    assert_snapshot!(check("2024-01-01-000000_x/up.sql 2024-01-01-000000_x/down.sql"), @r#"
set s of s on db: 
error[style-not-supported]: the files of set `s` look like `2024-01-01-000000_x/up.sql` and `down.sql`, a style that is not supported yet
  at m/2024-01-01-000000_x/down.sql:1:1
"#);
    assert_snapshot!(check("deploy/a.sql revert/a.sql verify/a.sql"), @r#"
set s of s on db: 
error[style-not-supported]: the files of set `s` look like `sqitch.plan` with `deploy/`, `revert/` and `verify/`, a style that is not supported yet
  at m/deploy/a.sql:1:1
"#);
    assert_snapshot!(check("V1__a.sql B2__base.sql"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[style-not-supported]: `m/B2__base.sql` is a Flyway baseline migration, which is not supported yet
  at m/B2__base.sql:1:1
"#);
}

#[test]
fn naming_chooses_where_files_do_not_tell() {
    let forced = ONE_SET.to_owned() + "naming = \"flyway\"\n//- m/V1__a.sql\nselect 1\n//- m/001_b_UP.sql\nselect 1\n";
    assert_snapshot!(shown(&forced, catalog), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[file-without-style]: `m/001_b_UP.sql` does not follow the naming style `flyway` of its set `s`
  at m/001_b_UP.sql:1:1
  hint: name it like `V5__core.sql`, `U5__core.sql`, `R__views.sql`; or leave it out: exclude = ["001_b_UP.sql"]
"#);
}

#[test]
fn pairs_that_do_not_match_are_errors() {
    assert_snapshot!(check("V1__a.sql U2__a.sql U3__b.sql"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[down-without-up]: `m/U2__a.sql` takes back version 2, which no file applies
  at m/U2__a.sql:1:1
  the same name with another version: m/V1__a.sql:1:1
error[down-without-up]: `m/U3__b.sql` takes back version 3, which no file applies
  at m/U3__b.sql:1:1
  hint: add the file that applies it, or remove this one
"#);
    assert_snapshot!(check("V1__a.sql U1__a.sql x/U01__b.sql"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx} down m/U1__a.sql {1tx}
error[down-twice]: `m/x/U01__b.sql` is a second down for version 01
  at m/x/U01__b.sql:1:1
  the first one: m/U1__a.sql:1:1
  hint: remove one of them
"#);
    assert_snapshot!(check("V1__a.sql R__no_space,.sql"), @r#"
set s of s on db: flyway
s/1 a Versioned up m/V1__a.sql {1tx}
error[version-invalid]: `m/R__no_space,.sql`: `no_space,` is not a valid name: letters, digits, `.`, `_` and `-` only, at most 200
  at m/R__no_space,.sql:1:1
"#);
}

#[test]
fn both_directions_in_one_file_are_not_run_together() {
    assert_snapshot!(shown(&format!("{ONE_SET}//- m/001_a.sql\n-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;\n"), catalog), @r#"
set s of s on db: up-down
s/001 a Versioned up m/001_a.sql {2tx 4tx}
error[style-not-supported]: the file holds up and down behind markers, as dbmate writes them, which is not supported yet
  at m/001_a.sql:1:1
   | -- migrate:up
   | ^^^^^^^^^^^^^
  hint: split it into an up file and a down file
"#);
}

#[test]
fn a_shared_folder_is_divided_by_patterns() {
    assert_snapshot!(shown(
        "//- dunlin.toml
[project]
name = \"p\"
[targets.db]
url = \"embedded\"
[services.crm]
target = \"db\"
path = \"m\"
include = [\"*_crm_*.sql\"]
[services.auth]
target = \"db\"
path = \"m\"
include = [\"schema/*_auth_*.sql\", \"*_users.sql\", \"[\"]
exclude = [\"old/**\"]
aliases = [\"auth-service\"]
//- m/schema/20240101_001_auth_users.sql
select 1
//- m/schema/20240101_002_crm_users.sql
select 1
//- m/schema/20240101_003_erp_orders.sql
select 1
//- m/old/20230101_001_erp_orders.sql
select 1",
        catalog
    ), @r#"
set auth of auth on db: timestamp-service
set crm of crm on db: timestamp-service
crm/20240101_002 users Versioned up m/schema/20240101_002_crm_users.sql {1tx}
auth/20240101_001 users Versioned up m/schema/20240101_001_auth_users.sql {1tx}
error[config-value]: `[` is not a pattern: unclosed character class; missing ']'
  at dunlin.toml:12:50
   | include = ["schema/*_auth_*.sql", "*_users.sql", "["]
   |                                                  ^^^
error[file-in-two-sets]: `m/schema/20240101_002_crm_users.sql` belongs to set `crm` and to set `auth`
  at dunlin.toml:9:11
   | [services.auth]
   |           ^^^^
  as `crm` has it: m/schema/20240101_002_crm_users.sql:1:1
  hint: let `include` and `exclude` tell them apart
warning[file-unclaimed]: no set takes `m/schema/20240101_003_erp_orders.sql`
  at m/schema/20240101_003_erp_orders.sql:1:1
  hint: widen an `include`, or name it in `exclude`
"#);
}
