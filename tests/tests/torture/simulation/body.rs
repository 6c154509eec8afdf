//! Random bodies, out of the few statements that a database in memory understands.

use std::collections::BTreeMap;
use std::sync::Arc;

use dunlin_planner::{
    Batch, Bodies, Body, BodyGone, Digest, Needs, Pace, Probe, QualifiedName, Statement, StatementClass, StepSettings,
};

use super::random::Random;

/// The texts of a project, by what they say.
#[derive(Default, Clone)]
pub(crate) struct Texts(BTreeMap<Digest, Arc<str>>);

impl Bodies for Texts {
    fn open(&self, path: &str, digest: &Digest) -> Result<Arc<str>, BodyGone> {
        self.0.get(digest).cloned().ok_or_else(|| BodyGone { path: path.to_owned(), digest: *digest })
    }
}

/// A statement, and how it may run.
pub(crate) type Spoken = (String, Option<Probe>);

impl Texts {
    /// A body of these statements.
    pub(crate) fn body(&mut self, path: &str, statements: &[Spoken]) -> Body {
        let mut text = String::new();
        let statements = statements.iter().map(|(sql, probe)| {
            let from = text.len();
            text.push_str(sql);
            let range = from..text.len();
            text.push(';');
            let class = match probe {
                None => StatementClass::Transactional,
                Some(probe) => StatementClass::Alone { what: "ALONE".to_owned(), probe: probe.clone() },
            };
            Statement { range, line: 1, digest: Digest::of(sql.as_bytes()), class, copy: None }
        });
        let statements = statements.collect();
        let (path, digest) = (Arc::from(path), Digest::of(text.as_bytes()));
        self.0.insert(digest, Arc::from(text));
        let (settings, needs) = (StepSettings::default(), Needs::default());
        Body {
            path,
            digest,
            raw: digest,
            tokens: digest,
            settings,
            statements,
            batch: None,
            needs,
            jobs: None,
            streamed: None,
        }
    }
}

/// Statements that run alone: an index on a table of its own, what may be repeated, and what leaves no trace.
fn alone(number: usize, at: usize, random: &mut Random) -> Vec<Spoken> {
    let name = |name: String| QualifiedName { schema: None, name };
    match random.below(4) {
        0 | 1 => {
            let (index, table) = (format!("i{number}x{at}"), format!("t{number}x{at}"));
            let built = format!("CREATE INDEX CONCURRENTLY {index} ON {table}");
            let probe = Probe::IndexValid { index, table: name(table.clone()), shape: None };
            vec![(format!("CREATE TABLE {table}"), None), (built, Some(probe))]
        }
        2 => vec![(format!("VACUUM {number}x{at}"), Some(Probe::Repeat))],
        _ => vec![(format!("CALL {number}x{at}"), Some(Probe::Unknown))],
    }
}

/// What a migration runs that is applied once.
pub(crate) fn forward(number: usize, random: &mut Random) -> Vec<Spoken> {
    let is_alone = random.percent(40);
    let statements = (0..random.below(4)).map(|at| match random.below(3) {
        0 | 1 if is_alone => alone(number, at, random),
        1 => vec![(format!("CREATE TABLE t{number}x{at}"), None)],
        _ => vec![(format!("INSERT {number}x{at}"), None)],
    });
    statements.flatten().collect()
}

/// What a repeatable runs, as it is after so many changes.
pub(crate) fn repeatable(number: usize, revision: usize, random: &mut Random) -> Vec<Spoken> {
    let statements = (0..1 + random.below(2)).map(|at| match random.below(3) {
        0 => (format!("VACUUM {number}x{at}r{revision}"), Some(Probe::Repeat)),
        _ => (format!("INSERT {number}x{at}r{revision}"), None),
    });
    statements.collect()
}

/// What takes that back: every object goes, and what left none has a counterpart.
pub(crate) fn backward(forward: &[Spoken], random: &mut Random) -> Vec<Spoken> {
    let name = |name: &str| QualifiedName { schema: None, name: name.to_owned() };
    let is_alone = random.percent(50);
    let back = forward.iter().rev().filter_map(|(sql, _)| {
        let words: Vec<_> = sql.split(' ').collect();
        match words.as_slice() {
            ["CREATE", "TABLE", table] => Some((format!("DROP TABLE {table}"), None)),
            ["CREATE", "INDEX", _, index, ..] if is_alone => {
                let probe = Probe::IndexAbsent(vec![name(index)]);
                Some((format!("DROP INDEX CONCURRENTLY {index}"), Some(probe)))
            }
            ["CREATE", "INDEX", ..] => None,
            ["CALL", what] if is_alone => Some((format!("CALL back {what}"), Some(Probe::Unknown))),
            [_, what] => Some((format!("DELETE {what}"), None)),
            _ => None,
        }
    });
    back.collect()
}

/// The table that the backfill with this number walks.
pub(crate) fn walked(number: usize) -> String {
    format!("w{number}")
}

/// How a backfill is cut.
pub(crate) fn batch(number: usize, random: &mut Random) -> Batch {
    let pace = Pace::of(1 + random.below(9) as u64);
    let time = pace.time.filter(|_| random.percent(30));
    let table = QualifiedName { schema: None, name: walked(number) };
    Batch { table, key: vec!["id".to_owned()], places: Vec::new(), pace: Pace { time, ..pace } }
}
