//! A file for ClickHouse: each statement alone, and what its catalog shows of it.

use dunlin_planner::{
    Digest, Effect, Feature, Finding, Have, Need, Needs, Probe, Statement, StatementClass, TargetKind, Thing,
};
use dunlin_sql as sql;
use sql::clickhouse::{self, Way};

use crate::body::qualified;
use crate::sql_file::SqlFile;

/// Whose SQL the files of a target of this kind are.
pub(crate) fn dialect(kind: TargetKind) -> sql::Dialect {
    match kind {
        TargetKind::Postgres | TargetKind::Timescale | TargetKind::Cron => sql::Dialect::Postgres,
        TargetKind::Clickhouse => sql::Dialect::ClickHouse,
    }
}

/// The file's statements.
pub(crate) fn statements(file: &SqlFile, source: &sql::Source, findings: &mut Vec<Finding>) -> Vec<Statement> {
    findings.extend(misplaced(file, source.headers()));
    let statement = |(number, (statement, analysis)): (usize, (&sql::Statement, &clickhouse::Analysis))| {
        let probe = match source.probe(number) {
            Some(query) => Probe::Query(query.value.clone()),
            None => probe(analysis),
        };
        Statement {
            range: statement.range.clone(),
            line: u32::try_from(statement.line).unwrap_or(u32::MAX),
            digest: Digest::of(&source.text().as_bytes()[statement.range.clone()]),
            class: StatementClass::Alone { what: analysis.what.clone(), probe },
            // They are part of the statement, in the one request that it is.
            copy: None,
        }
    };
    source.statements().iter().zip(source.clickhouse()).enumerate().map(statement).collect()
}

/// What its statements need that older servers lack.
pub(crate) fn needs(file: &SqlFile, source: &sql::Source) -> Needs {
    let statements = source.statements().iter().zip(source.clickhouse());
    let need = |(statement, analysis): (&sql::Statement, &clickhouse::Analysis)| {
        let (what, place) = (analysis.what.clone(), file.place(&statement.range));
        let need = move |feature: &str| Need {
            what: what.clone(),
            feature: Feature(feature.to_owned()),
            have: Have::Offered,
            is_certain: true,
            place: place.clone(),
        };
        analysis.needs().map(need).collect::<Vec<_>>()
    };
    Needs { all: statements.flat_map(need).collect(), ..Needs::default() }
}

/// Directives that mean nothing where there are neither transactions nor locks.
fn misplaced(file: &SqlFile, headers: &sql::Headers) -> Vec<Finding> {
    let transaction = headers.no_transaction.as_ref().map(|it| ("transaction", &it.range));
    let batch = headers.batch.as_ref().map(|it| ("batch", &it.range));
    let lock = headers.lock_timeout.as_ref().map(|it| ("lock_timeout", &it.range));
    let path = headers.search_path.as_ref().map(|it| ("search_path", &it.range));
    let hint = |name: &str| match name {
        "batch" => "write one mutation, which ClickHouse runs part by part",
        "search_path" => "write the database in front of each name",
        _ => "remove it: each statement is by itself, and none waits for a lock",
    };
    let finding = |(name, range): (&str, &std::ops::Range<usize>)| {
        let message = format!("the directive `{name}` means nothing on ClickHouse");
        Finding::error("directive-misplaced", message).at(file.place(range)).hint(hint(name))
    };
    [transaction, batch, lock, path].into_iter().flatten().map(finding).collect()
}

fn probe(analysis: &clickhouse::Analysis) -> Probe {
    match &analysis.way {
        Way::Effects { effects, again } => Probe::Effects {
            effects: effects.iter().map(effect).collect(),
            again: *again,
            cluster: analysis.cluster.clone(),
        },
        Way::Repeat => Probe::Repeat,
        Way::Unknown => Probe::Unknown,
    }
}

fn effect(effect: &clickhouse::Effect) -> Effect {
    match effect {
        clickhouse::Effect::There(it) => Effect::There(thing(it)),
        clickhouse::Effect::Gone(it) => Effect::Gone(thing(it)),
        clickhouse::Effect::Mutated { table, command } => {
            Effect::Mutated { table: qualified(table), command: command.clone() }
        }
    }
}

fn thing(thing: &clickhouse::Thing) -> Thing {
    use clickhouse::Thing as Read;
    let of = |table: &sql::QualifiedName, name: &str| (qualified(table), name.to_owned());
    match thing {
        Read::Database(name) => Thing::Database(name.clone()),
        Read::Table(name) => Thing::Table(qualified(name)),
        Read::Column(table, name) => {
            let (table, name) = of(table, name);
            Thing::Column { table, name }
        }
        Read::Index(table, name) => {
            let (table, name) = of(table, name);
            Thing::Index { table, name }
        }
        Read::Projection(table, name) => {
            let (table, name) = of(table, name);
            Thing::Projection { table, name }
        }
        Read::Constraint(table, name) => {
            let (table, name) = of(table, name);
            Thing::Constraint { table, name }
        }
        Read::Function(name) => Thing::Function(name.clone()),
        Read::User(name) => Thing::User(name.clone()),
        Read::Role(name) => Thing::Role(name.clone()),
    }
}
