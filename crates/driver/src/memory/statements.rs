//! The few statements that leave something behind in memory.

use std::collections::BTreeMap;

use dunlin_planner::{Failure, FailureClass, Probe, ProbeFact};

/// The tables and indexes, by name.
pub(super) type Objects = BTreeMap<String, Object>;

/// A table, or an index on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// The table of an index.
    pub(super) table: Option<String>,
    pub(super) valid: bool,
}

pub(super) fn run(statement: &str, objects: &mut Objects) -> Result<(), Failure> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words.as_slice() {
        ["SELECT", "1/0"] => Err(refused("22012", "division by zero")),
        ["CREATE", "TABLE", name, ..] => create(objects, name, None),
        ["CREATE", "INDEX", "CONCURRENTLY", name, "ON", table, ..] => {
            if !objects.contains_key(*table) {
                return Err(refused("42P01", &format!("relation \"{table}\" does not exist")));
            }
            create(objects, name, Some((*table).to_owned()))
        }
        ["DROP", "TABLE", name] => {
            remove(objects, name)?;
            objects.retain(|_, object| object.table.as_deref() != Some(name));
            Ok(())
        }
        ["DROP", "INDEX", "CONCURRENTLY", name] => remove(objects, name),
        _ => Ok(()),
    }
}

fn create(objects: &mut Objects, name: &str, table: Option<String>) -> Result<(), Failure> {
    if objects.contains_key(name) {
        return Err(refused("42P07", &format!("relation \"{name}\" already exists")));
    }
    objects.insert(name.to_owned(), Object { table, valid: true });
    Ok(())
}

fn remove(objects: &mut Objects, name: &str) -> Result<(), Failure> {
    match objects.remove(name) {
        Some(_) => Ok(()),
        None => Err(refused("42P01", &format!("relation \"{name}\" does not exist"))),
    }
}

fn refused(sqlstate: &str, message: &str) -> Failure {
    Failure { sqlstate: Some(sqlstate.to_owned()), ..Failure::new(FailureClass::Rejected, message) }
}

pub(super) fn probe(probe: &Probe, objects: &Objects) -> ProbeFact {
    match probe {
        Probe::IndexValid { index, table, .. } => match objects.get(index) {
            None => ProbeFact::Absent,
            Some(object) if object.table.as_ref() != Some(&table.name) => {
                ProbeFact::Other { what: format!("`{index}` is there already, and not on `{table}`") }
            }
            Some(object) if object.valid => ProbeFact::Done,
            Some(_) => ProbeFact::Garbage { what: format!("index `{index}` is not valid") },
        },
        Probe::IndexAbsent(indexes) if indexes.iter().any(|index| objects.contains_key(&index.name)) => {
            ProbeFact::Absent
        }
        Probe::IndexAbsent(_) => ProbeFact::Done,
        Probe::Repeat | Probe::Rebuilt(_) => ProbeFact::Repeatable,
        _ => ProbeFact::Unknown,
    }
}
