//! What applied migrations promise of a database, followed statement by statement, and what is there that none of them declares.

use std::collections::BTreeMap;
use std::fmt::Write;

use dunlin_planner::{
    AggregateShape, Claim, Claimed, Compression, CompressionSetting, Confirmed, Declared, Dimension, Expected, Failure,
    FailureClass, Finding, Found, Graph, Listed, Place, Policed, ProbeFact, Promise, QualifiedName, Scope, Selection,
    Slicing, StepSettings, Verification, expected,
};
use insta::assert_snapshot;

use crate::support::Fixture;

const PROJECT: &str = "
    target metrics timescale
    set iot metrics
    iot/1
    iot/2
    iot/3
    row metrics iot/1
    row metrics iot/2
";

fn hypertable(relation: &str) -> Claim {
    let (column, interval) = (Some("ts".to_owned()), Some("'1 day'".to_owned()));
    Claim::Makes(Promise::Hypertable { relation: relation.to_owned(), column, interval })
}

fn hash(relation: &str, column: &str, number: &str) -> Claim {
    let by = Slicing::Hash(Some(number.to_owned()));
    Claim::Makes(Promise::Dimension(Dimension { relation: relation.to_owned(), column: column.to_owned(), by }))
}

fn aggregate(name: &str) -> Claim {
    let name = QualifiedName { schema: None, name: name.to_owned() };
    Claim::Makes(Promise::Aggregate(AggregateShape { name, columns: String::new(), query: "select 1".to_owned() }))
}

fn retention(relation: &str) -> Claim {
    policy("policy_retention", relation)
}

fn policy(procedure: &str, relation: &str) -> Claim {
    let (procedure, relation) = (procedure.to_owned(), relation.to_owned());
    Claim::Makes(Promise::Policy(Policed { procedure, relation, config: Vec::new(), schedule: None }))
}

fn compress(relation: &str, settings: &[(CompressionSetting, Option<&str>)]) -> Claim {
    let settings = settings.iter().map(|(setting, value)| (*setting, value.map(str::to_owned))).collect();
    Claim::Compresses { relation: relation.to_owned(), settings }
}

fn slice(relation: Option<&str>, column: Option<&str>, by: Slicing) -> Claim {
    Claim::Slices { relation: relation.map(str::to_owned), column: column.map(str::to_owned), by }
}

fn range(interval: &str) -> Slicing {
    Slicing::Range(Some(interval.to_owned()))
}

/// What is expected once the claims of `iot/1`, `iot/2` and `iot/3` were followed, of which the last one is not applied; and what
/// is said of what is there.
fn check(claims: [Vec<Claim>; 3], there: Result<Vec<Listed>, Failure>) -> String {
    let mut fixture = Fixture::parse(PROJECT);
    for (migration, claims) in fixture.catalog.migrations.iter_mut().zip(claims) {
        let claimed = |claim| Claimed { claim, place: Place::file("m.sql") };
        migration.up.needs.claims = claims.into_iter().map(claimed).collect();
    }
    let graph = Graph::build(&fixture.catalog).unwrap();
    let selection = Selection::of(&graph, &Scope::default()).unwrap();
    let (declared, hidden) = expected(&graph, &selection, &fixture.observed);
    let mut shown = String::new();
    let mut verification = Verification { confirmed: Vec::new(), findings: hidden };
    for (target, declared) in &declared {
        for one in &declared.expected {
            writeln!(shown, "{}: {} {:?}", one.migration, one.promise, details(&one.promise)).unwrap();
        }
        let facts = vec![ProbeFact::Done; declared.expected.len()];
        verification.compare(target, declared, &Found { facts, listed: there.clone() });
    }
    for finding in &verification.findings {
        writeln!(shown, "{:?} {}: {}", finding.severity, finding.code, finding.message).unwrap();
    }
    shown
}

fn details(promise: &Promise) -> BTreeMap<&str, String> {
    let mut details = BTreeMap::new();
    match promise {
        Promise::Hypertable { interval, .. } => drop(details.insert("interval", format!("{interval:?}"))),
        Promise::Dimension(Dimension { by, .. }) => drop(details.insert("by", format!("{by:?}"))),
        Promise::Compression(Compression { settings, .. }) => drop(details.insert("set", format!("{settings:?}"))),
        Promise::MaterializedOnly { only, .. } => drop(details.insert("only", only.to_string())),
        Promise::Policy(_) | Promise::Aggregate(_) | Promise::Routine { .. } => {}
    }
    details
}

#[test]
fn a_later_statement_replaces_what_an_earlier_one_said() {
    use CompressionSetting as S;
    assert_snapshot!(check([
        vec![
            hypertable("app.t"),
            hash("app.t", "site", "4"),
            hypertable("other.t"),
            compress("app.t", &[(S::SegmentBy, Some("a")), (S::OrderBy, Some("ts DESC"))]),
            aggregate("hourly"),
            Claim::Shows { relation: "\"hourly\"".to_owned(), only: Some(true) },
        ],
        vec![
            slice(Some("app.t"), None, range("'2 days'")),
            slice(Some("app.t"), Some("site"), Slicing::Hash(Some("8".to_owned()))),
            slice(Some("\"other\".\"t\""), Some("ts"), Slicing::Range(None)),
            compress("\"app\".\"t\"", &[(S::SegmentBy, Some("b")), (S::OrderBy, None), (S::Interval, Some("'7 days'"))]),
            Claim::Shows { relation: "\"hourly\"".to_owned(), only: Some(false) },
        ],
        vec![slice(None, None, range("'9 days'"))],
    ], Ok(Vec::new())), @r#"
iot/1: hypertable `app.t` {"interval": "Some(\"'2 days'\")"}
iot/1: dimension `site` of `app.t` {"by": "Hash(Some(\"8\"))"}
iot/1: hypertable `other.t` {"interval": "None"}
iot/1: continuous aggregate `hourly` {}
iot/2: compression of `app.t` {"set": "{SegmentBy: \"b\", Interval: \"'7 days'\"}"}
iot/2: materialized_only of `hourly` {"only": "false"}
"#);
    assert_snapshot!(check([
        vec![hypertable("t"), hypertable("u"), compress("t", &[]), retention("t"), aggregate("hourly")],
        vec![
            slice(None, None, Slicing::Range(None)),
            Claim::Decompresses { relation: "\"t\"".to_owned() },
            Claim::Drops { name: "\"hourly\"".to_owned() },
            Claim::Shows { relation: "\"hourly\"".to_owned(), only: None },
        ],
        vec![],
    ], Ok(Vec::new())), @r#"
iot/1: hypertable `t` {"interval": "None"}
iot/1: hypertable `u` {"interval": "None"}
iot/1: retention policy of `t` {}
"#);
}

/// What is said twice is one thing, and is where it was said last; what has a name or a column of its own is another.
#[test]
fn what_is_said_twice_is_one_thing() {
    assert_snapshot!(check([
        vec![hypertable("t"), retention("t"), policy("policy_reorder", "t"), hash("t", "site", "4"), hash("t", "room", "2")],
        vec![hypertable("t"), hypertable("u"), retention("t"), retention("u"), hash("t", "site", "8")],
        vec![],
    ], Ok(Vec::new())), @r#"
iot/1: reorder policy of `t` {}
iot/1: dimension `room` of `t` {"by": "Hash(Some(\"2\"))"}
iot/2: hypertable `t` {"interval": "Some(\"'1 day'\")"}
iot/2: hypertable `u` {"interval": "Some(\"'1 day'\")"}
iot/2: retention policy of `t` {}
iot/2: retention policy of `u` {}
iot/2: dimension `site` of `t` {"by": "Hash(Some(\"8\"))"}
"#);
}

#[test]
fn a_dimension_is_changed_by_what_means_it() {
    let dimensions = || vec![hypertable("t"), hash("t", "site", "4"), hash("t", "room", "2")];
    let eight = || Slicing::Hash(Some("8".to_owned()));
    for (means, by, left) in [
        (Some("site"), eight(), ["'1 day'", "8", "2"]),
        (None, eight(), ["'1 day'", "8", "8"]),
        (Some("site"), range("'9 days'"), ["'1 day'", "4", "2"]),
        (Some("ts"), range("'9 days'"), ["'9 days'", "4", "2"]),
        (None, range("'9 days'"), ["'9 days'", "4", "2"]),
    ] {
        let shown = check([dimensions(), vec![slice(Some("t"), means, by)], vec![]], Ok(Vec::new()));
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert!(
            lines.iter().zip(left).all(|(line, left)| line.contains(&format!("\\\"{left}\\\""))),
            "{means:?}: {shown}"
        );
    }
}

/// What a script drops altogether is gone, and nobody knows what was made behind it.
#[test]
fn what_drops_everything_hides_what_was_declared() {
    let all = || Claim::Drops { name: "*".to_owned() };
    assert_snapshot!(check([vec![hypertable("t")], vec![all()], vec![]], Ok(there())), @"
Note verify-unknown: 4 of the hypertables, continuous aggregates and policies in `metrics` are declared by no migration, unless `iot/2` made them: what it makes shows only when it runs
");
    let nothing = check([vec![], vec![], vec![]], Ok(there()));
    assert_eq!(check([vec![all()], vec![], vec![]], Ok(there())), nothing, "nothing was known before");
    let again = check([vec![hypertable("u"), all()], vec![hypertable("t")], vec![]], Ok(Vec::new()));
    assert_eq!(again.lines().count(), 1, "{again}");
}

/// A table, an aggregate and two policies of that table.
fn there() -> Vec<Listed> {
    let name = |name: &str| QualifiedName { schema: Some("public".to_owned()), name: name.to_owned() };
    let policy = |procedure: &str| Listed::Policy { procedure: procedure.to_owned(), relation: name("t") };
    let all = [Listed::Hypertable(name("t")), Listed::Aggregate(name("hourly"))];
    all.into_iter().chain([policy("policy_retention"), policy("policy_compression")]).collect()
}

#[test]
fn what_no_migration_declares_is_worth_a_note() {
    assert_snapshot!(check([vec![], vec![], vec![hypertable("t")]], Ok(there())), @"
Note verify-undeclared: hypertable `public.t` is in `metrics`, and no applied migration declares it
Note verify-undeclared: continuous aggregate `public.hourly` is in `metrics`, and no applied migration declares it
Note verify-undeclared: retention policy of `public.t` is in `metrics`, and no applied migration declares it
Note verify-undeclared: compression policy of `public.t` is in `metrics`, and no applied migration declares it
");
    let allows = Claim::Allows { procedure: "policy_compression".to_owned(), relation: "\"t\"".to_owned() };
    assert_snapshot!(
        check([vec![hypertable("t"), allows], vec![aggregate("hourly"), retention("public.t")], vec![]], Ok(there())),
        @r#"
iot/1: hypertable `t` {"interval": "Some(\"'1 day'\")"}
iot/2: continuous aggregate `hourly` {}
iot/2: retention policy of `public.t` {}
"#
    );
    let elsewhere = Claim::Allows { procedure: "policy_compression".to_owned(), relation: "u".to_owned() };
    let said = check([vec![elsewhere], vec![], vec![]], Ok(there()));
    assert!(said.contains("compression policy of `public.t` is in `metrics`"), "{said}");
    assert_snapshot!(check([vec![hypertable("app.t")], vec![], vec![]], Ok(there())), @r#"
iot/1: hypertable `app.t` {"interval": "Some(\"'1 day'\")"}
Note verify-undeclared: hypertable `public.t` is in `metrics`, and no applied migration declares it
Note verify-undeclared: continuous aggregate `public.hourly` is in `metrics`, and no applied migration declares it
Note verify-undeclared: retention policy of `public.t` is in `metrics`, and no applied migration declares it
Note verify-undeclared: compression policy of `public.t` is in `metrics`, and no applied migration declares it
"#);
    let denied = Failure::new(FailureClass::Rejected, "permission denied for schema timescaledb_information");
    assert_snapshot!(check([vec![], vec![], vec![]], Err(denied)), @"
Note verify-unknown: what else is in `metrics` could not be listed: permission denied for schema timescaledb_information
");
}

#[test]
fn what_nobody_can_tell_is_said_once() {
    assert_snapshot!(check([vec![hypertable("t"), Claim::Obscures], vec![], vec![]], Ok(there())), @r#"
iot/1: hypertable `t` {"interval": "Some(\"'1 day'\")"}
Note verify-unknown: what `iot/1` does to jobs shows only when it runs: policies are not verified
Note verify-undeclared: continuous aggregate `public.hourly` is in `metrics`, and no applied migration declares it
"#);
    assert_snapshot!(check([vec![Claim::Hides], vec![Claim::Hides, hypertable("t")], vec![]], Ok(there())), @r#"
iot/2: hypertable `t` {"interval": "Some(\"'1 day'\")"}
Note verify-unknown: 3 of the hypertables, continuous aggregates and policies in `metrics` are declared by no migration, unless `iot/1` made them: what it makes shows only when it runs
"#);
    let renames = Claim::Renames { name: "\"t\"".to_owned() };
    assert_snapshot!(check([vec![renames.clone()], vec![hypertable("t")], vec![]], Ok(there())), @r#"
iot/2: hypertable `t` {"interval": "Some(\"'1 day'\")"}
Note verify-undeclared: continuous aggregate `public.hourly` is in `metrics`, and no applied migration declares it
Note verify-undeclared: retention policy of `public.t` is in `metrics`, and no applied migration declares it
Note verify-undeclared: compression policy of `public.t` is in `metrics`, and no applied migration declares it
"#);
    assert_snapshot!(check([vec![hypertable("t")], vec![renames], vec![]], Ok(there())), @"
Note verify-unknown: 4 of the hypertables, continuous aggregates and policies in `metrics` are declared by no migration, unless `iot/2` made them: what it makes shows only when it runs
");
}

/// What is answered of a hypertable that is expected and of a function that a job calls.
#[test]
fn an_answer_is_confirmed_or_found() {
    let hypertable = Promise::Hypertable { relation: "t".to_owned(), column: None, interval: None };
    let name = QualifiedName { schema: None, name: "rollup".to_owned() };
    let routine = Promise::Routine { job: "nightly".to_owned(), name };
    let other = "hypertable `t` is there already, and is another one: its chunk interval is 1, and the file says 2";
    let mut said = String::new();
    for promise in [hypertable, routine] {
        let facts =
            [ProbeFact::Done, ProbeFact::Absent, ProbeFact::Other { what: other.to_owned() }, ProbeFact::Unknown];
        for fact in facts {
            let (migration, place) = ("iot/1".parse().unwrap(), Place::file("m.sql"));
            let one = Expected { promise: promise.clone(), migration, place, settings: StepSettings::default() };
            let mut declared = Declared::default();
            declared.expected.push(one);
            let mut verification = Verification::default();
            let found = Found { facts: vec![fact], listed: Ok(Vec::new()) };
            verification.compare(&"metrics".parse().unwrap(), &declared, &found);
            for Confirmed { what, .. } in &verification.confirmed {
                writeln!(said, "confirmed: {what}").unwrap();
            }
            for Finding { severity, code, message, hint, class, .. } in &verification.findings {
                let hint = hint.as_ref().map(|hint| format!("\n  {hint}")).unwrap_or_default();
                writeln!(said, "{severity:?} {class:?} {code}: {message}{hint}").unwrap();
            }
        }
    }
    assert_snapshot!(said, @"
confirmed: hypertable `t`
Error Drift verify-missing: hypertable `t` is not in `metrics`, and `iot/1` made it
  make it again, by hand or in a new migration; or write a migration that removes it
Error Drift verify-differs: in `metrics`, hypertable `t` is not as its migration says: its chunk interval is 1, and the file says 2
  put it back, by hand or in a new migration; or write a migration that says what it is now
Note Drift verify-unknown: nobody can tell whether hypertable `t` is as its migration says
Error Drift job-orphan: `rollup`, which job `nightly` calls, is not in `metrics`
  each of its runs fails: make it again, or take the job back
Error Drift verify-differs: in `metrics`, hypertable `t` is not as its migration says: its chunk interval is 1, and the file says 2
  put it back, by hand or in a new migration; or write a migration that says what it is now
Note Drift verify-unknown: nobody can tell whether `rollup`, which job `nightly` calls, is as its migration says
");
}

/// Only a database with TimescaleDB is asked what else it has; another one is of interest while something is expected of it.
#[test]
fn databases_of_which_nothing_is_expected_are_left_out() {
    for (claim, asked) in [(hypertable("t"), true), (Claim::Drops { name: "t".to_owned() }, false)] {
        let mut fixture = Fixture::parse(
            "
            target core postgres
            set auth core
            auth/1
            row core auth/1
        ",
        );
        let claimed = Claimed { claim, place: Place::file("m.sql") };
        fixture.catalog.migrations[0].up.needs.claims = vec![claimed];
        let graph = Graph::build(&fixture.catalog).unwrap();
        let selection = Selection::of(&graph, &Scope::default()).unwrap();
        let (declared, _) = expected(&graph, &selection, &fixture.observed);
        assert_eq!(declared.len(), usize::from(asked));
        assert!(declared.values().all(|declared| !declared.lists()));
    }
    assert!(check([vec![], vec![], vec![]], Ok(there())).contains("verify-undeclared"), "this one is asked");
}
