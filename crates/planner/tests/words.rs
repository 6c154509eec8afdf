//! What names, kinds and bodies say of themselves.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use dunlin_planner::{
    Body, Digest, Effect, Feature, Kind, MigrationId, Needs, Pattern, Place, Probe, QualifiedName, Rebuilt, Refresh,
    Streamed, Support, TargetKind, Thing, Version,
};

use crate::support::{body, statement};

#[test]
fn kinds_are_called_as_they_are_written() {
    let kinds = [TargetKind::Postgres, TargetKind::Timescale, TargetKind::Cron, TargetKind::Clickhouse];
    assert_eq!(kinds.map(|kind| kind.to_string()), ["postgres", "timescale", "cron", "clickhouse"]);
    assert_eq!(kinds.map(TargetKind::as_str), ["postgres", "timescale", "cron", "clickhouse"]);
    let kinds = [Kind::Versioned, Kind::Repeatable, Kind::Seed];
    assert_eq!(kinds.map(Kind::as_str), ["versioned", "repeatable", "seed"]);
}

#[test]
fn names_print_as_they_were_written() {
    let (id, version): (MigrationId, Version) = ("auth/01.2".parse().unwrap(), "01.2".parse().unwrap());
    let place = Place { line: 3, column: 7, ..Place::file("a.sql") };
    let pattern = Pattern::new("nightly-*");
    let digest = Digest::of(b"select 1");
    assert_eq!([format!("{id}"), format!("{id:?}")], ["auth/01.2", "`auth/01.2`"]);
    assert_eq!([format!("{version}"), format!("{version:?}")], ["01.2", "`01.2`"]);
    assert_eq!(version.as_str(), "01.2");
    assert_eq!([format!("{place}"), format!("{place:?}")], ["a.sql:3:7", "a.sql:3:7"]);
    assert_eq!(format!("{pattern}"), "nightly-*");
    assert_eq!([format!("{digest:?}"), digest.to_string()[..8].to_owned()], ["822ae07d", "822ae07d"]);
}

#[test]
fn qualified_names_are_quoted_for_the_server_and_bare_for_people() {
    for (schema, name, bare, quoted) in
        [(None, "t", "t", "\"t\""), (Some("a b"), "x\"y", "a b.x\"y", "\"a b\".\"x\"\"y\"")]
    {
        let name = QualifiedName { schema: schema.map(str::to_owned), name: name.to_owned() };
        assert_eq!([name.to_string(), name.quoted()], [bare, quoted]);
    }
}

/// As the server reads a name in a string: folded, but for what is quoted.
#[test]
fn names_in_strings_are_read_as_the_server_reads_them() {
    for (text, schema, name) in [
        ("t", None, "t"),
        (" Readings ", None, "readings"),
        ("App.Readings", Some("app"), "readings"),
        ("\"App\".\"Readings\"", Some("App"), "Readings"),
        ("\"App\".Readings", Some("App"), "readings"),
        ("\"a.b\".c", Some("a.b"), "c"),
        ("\"say \"\"Hi\"\"\"", None, "say \"Hi\""),
        ("\"A\"B\"C\"", None, "AbC"),
    ] {
        let read = QualifiedName::in_string(text);
        assert_eq!((read.schema.as_deref(), read.name.as_str()), (schema, name), "{text}");
    }
}

#[test]
fn what_a_statement_leaves_is_said_in_words() {
    let named = |thing: fn(QualifiedName, String) -> Thing| Effect::There(thing(name("t"), "x".to_owned()));
    for (effect, words) in [
        (Effect::There(Thing::Database("d".to_owned())), "database d is there"),
        (Effect::Gone(Thing::Table(name("t"))), "table t is gone"),
        (named(|table, name| Thing::Column { table, name }), "column x of t is there"),
        (named(|table, name| Thing::Index { table, name }), "index x of t is there"),
        (named(|table, name| Thing::Projection { table, name }), "projection x of t is there"),
        (named(|table, name| Thing::Constraint { table, name }), "constraint x of t is there"),
        (Effect::There(Thing::Function("f".to_owned())), "function f is there"),
        (Effect::There(Thing::User("u".to_owned())), "user u is there"),
        (Effect::Gone(Thing::Role("r".to_owned())), "role r is gone"),
        (Effect::Mutated { table: name("t"), command: "DELETE WHERE a".to_owned() }, "DELETE WHERE a is done in t"),
    ] {
        assert_eq!(effect.to_string(), words);
    }
    let refresh = |from: Option<&str>, to: Option<&str>| {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        Refresh { name: name("hourly"), from, to }.to_string()
    };
    assert_eq!(refresh(None, None), "refresh of `hourly`");
    assert_eq!(refresh(Some("2026-01-01"), Some("2026-02-01")), "refresh of `hourly` from 2026-01-01 to 2026-02-01");
}

/// A plan in JSON says nothing of what a body does not need.
#[test]
fn a_body_without_needs_says_nothing_of_them() {
    let nothing = body("up", &"a/1".parse().unwrap(), vec![statement(None)]);
    let brings = Needs { brings: BTreeSet::from([Feature("postgis".to_owned())]), ..Needs::default() };
    for (needs, told) in [(Needs::default(), false), (brings, true)] {
        let json = serde_json::to_value(Body { needs, ..nothing.clone() }).unwrap();
        assert_eq!(json.get("needs").is_some(), told, "{json}");
    }
}

#[test]
fn what_is_there_in_part_is_there() {
    let supports = [Support::Yes, Support::Partly("but for seeds"), Support::No("nothing to do")];
    assert_eq!(supports.map(Support::is_there), [true, true, false]);
}

/// Versions are keys: those that are equal have one hash, and others mostly have not.
#[test]
fn equal_versions_have_one_hash() {
    let hash = |text: &str| {
        let mut hasher = DefaultHasher::new();
        text.parse::<Version>().unwrap().hash(&mut hasher);
        hasher.finish()
    };
    assert_eq!(hash("1.2"), hash("01_002"));
    let hashes: HashSet<_> = ["1", "2", "1.2", "1.3", "a", "b"].map(hash).into_iter().collect();
    assert_eq!(hashes.len(), 6);
}

fn name(text: &str) -> QualifiedName {
    QualifiedName { schema: None, name: text.to_owned() }
}

fn effects(effect: Effect) -> Probe {
    Probe::Effects { effects: vec![effect], again: false, cluster: None }
}

/// Each probe: whether the server judges a repetition, whether its statement waits for others, and on which tables it works.
#[test]
fn what_a_probe_says_of_its_statement() {
    let (table, partition) = (name("t"), name("p"));
    let index = Probe::IndexValid { index: "i".to_owned(), table: table.clone(), shape: None };
    let tables = |probe: &Probe| {
        probe.tables().map(|tables| tables.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    for (probe, judged, waits, on) in [
        (index, true, true, Some("t")),
        (Probe::IndexAbsent(vec![name("i")]), true, true, None),
        (Probe::Detached { table: table.clone(), partition }, true, true, Some("t p")),
        (Probe::EnumValue { name: name("e"), value: "v".to_owned() }, true, false, Some("")),
        (Probe::DatabaseThere("d".to_owned()), true, false, None),
        (Probe::DatabaseGone("d".to_owned()), true, false, None),
        (Probe::Rebuilt(Rebuilt::Table(table)), false, true, Some("t")),
        (Probe::Rebuilt(Rebuilt::Database), false, true, None),
        (effects(Effect::There(Thing::Table(name("t")))), true, false, None),
        (effects(Effect::Mutated { table: name("t"), command: "DELETE WHERE a".to_owned() }), false, false, None),
        (Probe::Repeat, false, false, None),
        (Probe::Query("SELECT true".to_owned()), false, false, None),
        (Probe::Unknown, false, false, None),
        (Probe::Piecemeal, false, false, None),
    ] {
        assert_eq!((probe.is_judged_by_server(), probe.waits_for_others()), (judged, waits), "{probe:?}");
        assert_eq!(tables(&probe).as_deref(), on, "{probe:?}");
        let on: Option<BTreeSet<_>> = on.map(|on| on.split_whitespace().chain(["t"]).map(str::to_owned).collect());
        let rebuilt = statement(Some(Probe::Rebuilt(Rebuilt::Table(name("t")))));
        let both = body("up", &"a/1".parse().unwrap(), vec![statement(None), statement(Some(probe.clone())), rebuilt]);
        let said = both.tables().map(|tables| tables.iter().map(ToString::to_string).collect());
        assert_eq!(said, on, "{probe:?}");
    }
}

#[test]
fn a_body_is_empty_that_has_no_statement_here_nor_in_its_file() {
    let id = "a/1".parse().unwrap();
    let (nothing, one) = (body("up", &id, Vec::new()), body("up", &id, vec![statement(None)]));
    let streamed = Body { streamed: Some(Streamed { bytes: 9, statements: 1 }), ..nothing.clone() };
    assert_eq!([&nothing, &one, &streamed].map(Body::is_empty), [true, false, false]);
    assert!(Body::empty(&nothing.path).is_empty());
}
