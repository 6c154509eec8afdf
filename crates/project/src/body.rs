//! From a file's statements to what the planner runs: how each may run, and how to find out whether it did.

use dunlin_planner::{
    Body, Copy, Digest, Finding, IndexShape, Needs, Probe, QualifiedName, Rebuilt, Statement, StatementClass,
    StepSettings, Streamed, TargetKind,
};
use dunlin_sql as sql;
use sql::NonTx;

use crate::batch::batch;
use crate::clickhouse;
use crate::large;
use crate::needs;
use crate::sql_file::{Large, SqlFile};
use crate::timescale;

/// The body of `file`; `base` are its set's settings, which its headers change.
pub(crate) fn body(file: &SqlFile, kind: TargetKind, base: &StepSettings, findings: &mut Vec<Finding>) -> Body {
    let empty = Body {
        path: file.path.clone(),
        digest: file.raw,
        raw: file.raw,
        tokens: file.raw,
        settings: base.clone(),
        statements: Vec::new(),
        batch: None,
        needs: Needs::default(),
        jobs: None,
        streamed: None,
    };
    let with = |digests: sql::Digests, settings| Body {
        digest: Digest(digests.body),
        raw: Digest(digests.raw),
        tokens: Digest(digests.tokens),
        settings,
        ..empty.clone()
    };
    match (&file.source, &file.large) {
        (Some(source), _) => {
            let statements = statements(file, source, kind, findings);
            let has_ranges = kind != TargetKind::Clickhouse;
            let batch = has_ranges.then(|| batch(file, source, &statements, findings)).flatten();
            let needs = needs::needs(file, source, kind);
            Body {
                statements,
                batch,
                needs,
                ..with(source.digests(), settings(file, source.headers(), base, findings))
            }
        }
        (None, Some(Large { scan, .. })) => {
            findings.extend(large::misfits(file, scan));
            let streamed = Some(Streamed { bytes: scan.bytes, statements: scan.statements });
            Body { streamed, ..with(scan.digests, settings(file, &scan.headers, base, findings)) }
        }
        (None, None) => empty,
    }
}

fn settings(file: &SqlFile, headers: &sql::Headers, base: &StepSettings, findings: &mut Vec<Finding>) -> StepSettings {
    let modes = file.modes();
    if let Some(modes) = modes.filter(|modes| modes.read_only) {
        let message = "a read-only transaction cannot record that its migration was applied";
        findings.push(
            Finding::error("transaction-read-only", message).at(file.place(&modes.range)).hint("remove READ ONLY"),
        );
    }
    let isolation = modes.and_then(|modes| modes.isolation).map(|level| match level {
        sql::IsolationLevel::ReadUncommitted => "ISOLATION LEVEL READ UNCOMMITTED",
        sql::IsolationLevel::ReadCommitted => "ISOLATION LEVEL READ COMMITTED",
        sql::IsolationLevel::RepeatableRead => "ISOLATION LEVEL REPEATABLE READ",
        sql::IsolationLevel::Serializable => "ISOLATION LEVEL SERIALIZABLE",
    });
    let text = |header: &Option<sql::Placed<String>>, base: &Option<String>| {
        header.as_ref().map(|header| header.value.clone()).or_else(|| base.clone())
    };
    StepSettings {
        isolation: isolation.map(str::to_owned).or_else(|| base.isolation.clone()),
        lock_timeout: headers.lock_timeout.as_ref().map(|header| header.value).or(base.lock_timeout),
        timeout: headers.timeout.as_ref().map(|header| header.value).or(base.timeout),
        role: text(&headers.role, &base.role),
        search_path: text(&headers.search_path, &base.search_path),
        settings: base.settings.clone(),
    }
}

fn statements(file: &SqlFile, source: &sql::Source, kind: TargetKind, findings: &mut Vec<Finding>) -> Vec<Statement> {
    if kind == TargetKind::Clickhouse {
        return clickhouse::statements(file, source, findings);
    }
    let alone = source.headers().no_transaction.is_some();
    let statement = |(number, (statement, analysis)): (usize, (&sql::Statement, &sql::Analysis))| {
        let text = &source.text()[statement.range.clone()];
        let asked = source.probe(number);
        let class = match (&analysis.class, asked) {
            (sql::StatementClass::NonTransactional(what), _) => {
                findings.extend(refusal(what).map(|finding| finding.at(file.place(&statement.range))));
                let (what, probe) = non_transactional(what, &source.text()[..statement.range.end]);
                StatementClass::Alone { what: what.to_owned(), probe }
            }
            // Its data go in a mode of the protocol that needs a message of its own, and it never needs to be alone.
            _ if alone && statement.copy_data.is_none() => {
                StatementClass::Alone { what: first_words(text), probe: repeatable(text, analysis) }
            }
            (_, Some(probe)) => {
                let message = "this probe belongs to a statement that runs in a transaction, where none is needed";
                let hint = "remove it, or add `-- dunlin: transaction none`";
                findings.push(Finding::error("probe-unused", message).at(file.place(&probe.range)).hint(hint));
                StatementClass::Transactional
            }
            _ => StatementClass::Transactional,
        };
        let class = match (class, asked) {
            (StatementClass::Alone { what, .. }, Some(query)) => {
                StatementClass::Alone { what, probe: Probe::Query(query.value.clone()) }
            }
            (StatementClass::Alone { what, probe: Probe::Unknown }, None) => {
                let promised = timescale::promised(source, number).map(Probe::Promised);
                StatementClass::Alone { what, probe: promised.unwrap_or(Probe::Unknown) }
            }
            (class, _) => class,
        };
        Statement {
            range: statement.range.clone(),
            line: u32::try_from(statement.line).unwrap_or(u32::MAX),
            digest: Digest::of(text.as_bytes()),
            class,
            copy: statement.copy_data.clone().map(|data| Copy { data }),
        }
    };
    source.statements().iter().zip(source.analysis()).enumerate().map(statement).collect()
}

/// `text` ends where the statement does.
fn non_transactional(what: &NonTx, text: &str) -> (&'static str, Probe) {
    match what {
        NonTx::CreateIndexConcurrently(build) => ("CREATE INDEX CONCURRENTLY", index_valid(build, text)),
        NonTx::DropIndexConcurrently { names } => ("DROP INDEX CONCURRENTLY", index_absent(names)),
        NonTx::ReindexConcurrently { target, name } => ("REINDEX CONCURRENTLY", rebuilt(*target, name.as_ref())),
        NonTx::ReindexMany { .. } => ("REINDEX", Probe::Repeat),
        NonTx::Vacuum => ("VACUUM", Probe::Repeat),
        NonTx::AlterSystem => ("ALTER SYSTEM", Probe::Repeat),
        NonTx::Cluster => ("CLUSTER", Probe::Repeat),
        NonTx::DiscardAll => ("DISCARD ALL", Probe::Repeat),
        NonTx::RefreshContinuousAggregate { .. } => ("CALL refresh_continuous_aggregate", Probe::Repeat),
        NonTx::CreateDatabase { name } if !name.is_empty() => ("CREATE DATABASE", Probe::DatabaseThere(name.clone())),
        NonTx::CreateDatabase { .. } => ("CREATE DATABASE", Probe::Unknown),
        NonTx::DropDatabase { name } if !name.is_empty() => ("DROP DATABASE", Probe::DatabaseGone(name.clone())),
        NonTx::DropDatabase { .. } => ("DROP DATABASE", Probe::Unknown),
        NonTx::AlterDatabaseTablespace => ("ALTER DATABASE … SET TABLESPACE", Probe::Repeat),
        NonTx::Tablespace => ("CREATE or DROP TABLESPACE", Probe::Unknown),
        NonTx::Subscription => ("CREATE, ALTER or DROP SUBSCRIPTION", Probe::Unknown),
        NonTx::DetachConcurrently { table, partition } => ("DETACH PARTITION CONCURRENTLY", detached(table, partition)),
        NonTx::ContinuousAggregateWithData { .. } => ("CREATE MATERIALIZED VIEW … WITH DATA", Probe::Unknown),
        NonTx::IndexTransactionPerChunk(build) => ("CREATE INDEX … transaction_per_chunk", chunk_index(build, text)),
        NonTx::RefreshingDo => ("DO that refreshes", Probe::Repeat),
        NonTx::UpdateTimescale { version } => ("ALTER EXTENSION … UPDATE", updated(version.as_ref())),
        NonTx::CommittingDo => ("DO that commits", Probe::Piecemeal),
        NonTx::CommittingCall { .. } => ("CALL that commits", Probe::Piecemeal),
    }
}

/// Names that could not be read come out empty, and nothing can be asked about them.
fn index_valid(build: &sql::IndexBuild, text: &str) -> Probe {
    match &build.name {
        Some(index) if !index.is_empty() && !build.table.name.is_empty() => {
            let shape = build.rest.map(|rest| IndexShape { unique: build.unique, rest: text[rest..].to_owned() });
            Probe::IndexValid { index: index.clone(), table: qualified(&build.table), shape }
        }
        _ => Probe::Unknown,
    }
}

/// As [`index_valid`]; how an index is stored is no part of what it is, and TimescaleDB's option would not do elsewhere.
fn chunk_index(build: &sql::IndexBuild, text: &str) -> Probe {
    let Probe::IndexValid { index, table, shape } = index_valid(build, text) else { return Probe::Unknown };
    let bare = |shape: IndexShape| {
        let rest = build
            .rest
            .zip(build.options.clone())
            .map(|(rest, options)| format!("{} {}", &text[rest..options.start], &text[options.end..]));
        IndexShape { rest: rest.unwrap_or_else(|| shape.rest.clone()), ..shape }
    };
    Probe::ChunkIndex { index, table, shape: shape.map(bare) }
}

fn updated(version: Option<&String>) -> Probe {
    Probe::Updated { extension: "timescaledb".to_owned(), version: version.cloned() }
}

fn index_absent(names: &[sql::QualifiedName]) -> Probe {
    if names.is_empty() || names.iter().any(|name| name.name.is_empty()) {
        return Probe::Unknown;
    }
    Probe::IndexAbsent(names.iter().map(qualified).collect())
}

fn rebuilt(target: sql::ReindexTarget, name: Option<&sql::QualifiedName>) -> Probe {
    match (target, name.filter(|name| !name.name.is_empty())) {
        (sql::ReindexTarget::Index, Some(name)) => Probe::Rebuilt(Rebuilt::Index(qualified(name))),
        (sql::ReindexTarget::Table, Some(name)) => Probe::Rebuilt(Rebuilt::Table(qualified(name))),
        (sql::ReindexTarget::Schema, Some(name)) => Probe::Rebuilt(Rebuilt::Schema(name.name.clone())),
        _ => Probe::Rebuilt(Rebuilt::Database),
    }
}

fn detached(table: &sql::QualifiedName, partition: &sql::QualifiedName) -> Probe {
    if table.name.is_empty() || partition.name.is_empty() {
        return Probe::Unknown;
    }
    Probe::Detached { table: qualified(table), partition: qualified(partition) }
}

/// What no server would do, or what could not be taken up again after an interruption.
fn refusal(what: &NonTx) -> Option<Finding> {
    let (code, message, hint) = match what {
        NonTx::CreateIndexConcurrently(build) | NonTx::IndexTransactionPerChunk(build) if build.name.is_none() => (
            "unnamed-concurrent-index",
            "an interrupted build of an index without a name leaves an invalid one, and a second try makes another",
            "name the index",
        ),
        NonTx::DropIndexConcurrently { names } if names.len() > 1 => (
            "concurrent-drop-of-several",
            "DROP INDEX CONCURRENTLY takes one index at a time",
            "write a statement for each index",
        ),
        NonTx::DiscardAll => (
            "discard-all",
            "DISCARD ALL would give up the lock that this migration runs under",
            "remove it: each statement begins with settings of its own, and the session is cleared afterwards",
        ),
        _ => return None,
    };
    Some(Finding::error(code, message).hint(hint))
}

pub(crate) fn qualified(name: &sql::QualifiedName) -> QualifiedName {
    QualifiedName { schema: name.schema.clone(), name: name.name.clone() }
}

/// The statement's first two words, in capitals.
fn first_words(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().take(2).map(str::to_uppercase).collect();
    words.join(" ")
}

/// How to find out about a statement that could be in a transaction, and is asked not to be: one that adds an enum's value
/// can be looked at, one that says IF EXISTS or IF NOT EXISTS can be run again, as can what only refreshes.
fn repeatable(text: &str, analysis: &sql::Analysis) -> Probe {
    if let Some(added) = &analysis.adds_enum_value {
        return Probe::EnumValue { name: qualified(&added.name), value: added.value.clone() };
    }
    if matches!(analysis.class, sql::StatementClass::Unknown { .. }) {
        return Probe::Piecemeal;
    }
    let words: Vec<_> = text.split_whitespace().take(8).map(str::to_uppercase).collect();
    let guarded = words.windows(2).any(|pair| pair[0] == "IF" && (pair[1] == "EXISTS" || pair[1] == "NOT"));
    let first = words.first().map_or("", String::as_str);
    let refreshes = matches!(first, "REFRESH" | "REINDEX" | "ANALYZE" | "CLUSTER" | "CHECKPOINT");
    if guarded || refreshes { Probe::Repeat } else { Probe::Unknown }
}
