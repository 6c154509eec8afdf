//! What statements need of their server, and where it comes from.

use dunlin_planner::{Feature, Graph, Have, Need, Place, Scope, Selection, Severity, UpRequest, plan_up};
use insta::assert_snapshot;

use crate::support::{Fixture, show};

#[test]
fn what_a_server_does_not_offer_is_found_at_the_statement() {
    assert_snapshot!(show("
        target metrics timescale offers timescaledb
        set iot metrics
        iot/1 wants timescaledb pg_trgm
        iot/2 wants timescaledb-tsl
        iot/3 perhaps timescaledb-tsl
    ", "up"), @r#"
apply iot/1 on metrics
apply iot/2 on metrics <sequence iot/1 checks iot/1
apply iot/3 on metrics <sequence iot/2 checks iot/2
error feature-needed Invalid: `use_pg_trgm` needs `pg_trgm`, which the server of `metrics` does not offer: it is PostgreSQL 17.11 (line 4)
  hint: add `requires = ["pg_trgm"]` to set `iot`, so that it is held back where the server lacks it; or use a server that has it
error feature-needed Invalid: `use_timescaledb-tsl` needs `timescaledb-tsl`, which the server of `metrics` does not offer: it is PostgreSQL 17.11 (line 5)
  hint: add `requires = ["timescaledb-tsl"]` to set `iot`, so that it is held back where the server lacks it; or use a server that has it
warning feature-needed Invalid: `use_timescaledb-tsl` needs `timescaledb-tsl`, which the server of `metrics` does not offer: it is PostgreSQL 17.11 (line 6)
  hint: add `requires = ["timescaledb-tsl"]` to set `iot`, so that it is held back where the server lacks it; or use a server that has it
"#);
}

#[test]
fn what_nobody_can_tell_is_not_held_against_a_migration() {
    assert_snapshot!(show("
        target metrics timescale unknown timescaledb-tsl
        set iot metrics
        iot/1 wants timescaledb-tsl
    ", "up"), @"apply iot/1 on metrics");
}

#[test]
fn an_extension_is_there_or_comes_before() {
    assert_snapshot!(show("
        target metrics timescale installed postgis
        target other timescale
        set a metrics
        set b metrics
        set c metrics
        set d other
        a/1 brings timescaledb
        a/2 uses timescaledb postgis
        b/1 needs a/1
        b/2 uses timescaledb
        c/1 uses timescaledb
        d/1 needs a/1 uses timescaledb
    ", "up"), @"
apply a/1 on metrics
apply a/2 on metrics <sequence a/1 checks a/1
apply b/1 on metrics <declared a/1 checks a/1*
apply b/2 on metrics <sequence b/1 checks b/1
apply c/1 on metrics
apply d/1 on other <declared a/1 checks a/1*
warning extension-needed Invalid: `use_timescaledb` needs extension `timescaledb`, which is not in the database of `metrics`; `a/1` creates it, and nothing says that it comes first (line 12)
  hint: add `-- dunlin: depends a/1`
error extension-needed Invalid: `use_timescaledb` needs extension `timescaledb`, which is not in the database of `other`, and no migration before it creates it (line 13)
  hint: create it in an earlier migration: CREATE EXTENSION IF NOT EXISTS timescaledb
");
}

#[test]
fn a_version_may_come_with_an_update() {
    assert_snapshot!(show("
        target metrics timescale installed timescaledb
        set a metrics
        set b metrics
        a/1 brings timescaledb
        a/2 since timescaledb-2.20
        b/1 since timescaledb-2.20
    ", "up"), @r#"
apply a/1 on metrics
apply a/2 on metrics <sequence a/1 checks a/1
apply b/1 on metrics
error feature-needed Invalid: `use_timescaledb-2.20` needs `timescaledb-2.20`, which the server of `metrics` does not offer: it is PostgreSQL 17.11 (line 7)
  hint: add `requires = ["timescaledb-2.20"]` to set `b`, so that it is held back where the server lacks it; or use a server that has it
"#);
}

/// Of several statements that need one thing, the first that certainly does is named, or else the first.
#[test]
fn one_statement_is_named_for_each_thing() {
    for (certain, named) in [
        ([true, true], (Severity::Error, 3)),
        ([true, false], (Severity::Error, 3)),
        ([false, true], (Severity::Error, 4)),
        ([false, false], (Severity::Warning, 3)),
    ] {
        let mut fixture = Fixture::parse(
            "
            target metrics timescale
            set iot metrics
            iot/1
        ",
        );
        let need = |(line, is_certain)| Need {
            what: "use_it".to_owned(),
            feature: Feature("pg_trgm".to_owned()),
            have: Have::Offered,
            is_certain,
            place: Place { line, ..Place::file("m.sql") },
        };
        fixture.catalog.migrations[0].up.needs.all = (3..).zip(certain).map(need).collect();
        let graph = Graph::build(&fixture.catalog).unwrap();
        let selection = Selection::of(&graph, &Scope::default()).unwrap();
        let plan = plan_up(&graph, &selection, &fixture.observed, UpRequest { only: false });
        let said = plan.findings.iter().map(|finding| (finding.severity, finding.place.as_ref().unwrap().line));
        assert_eq!(said.collect::<Vec<_>>(), [named], "{certain:?}");
    }
}
