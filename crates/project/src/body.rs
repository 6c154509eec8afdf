//! From a file's statements to what the planner runs: how each may run, and how to find out whether it did.

use dunlin_planner::{
    Body, Copy, Digest, Finding, Probe, QualifiedName, Statement, StatementClass, StepSettings, TargetKind,
};
use dunlin_sql as sql;
use sql::NonTx;

use crate::sql_file::SqlFile;

/// The body of `file`; `base` are its set's settings, which its headers change.
pub(crate) fn body(file: &SqlFile, kind: TargetKind, base: &StepSettings, findings: &mut Vec<Finding>) -> Body {
    let Some(source) = &file.source else {
        return Body {
            path: file.path.clone(),
            digest: file.raw,
            raw: file.raw,
            tokens: file.raw,
            settings: base.clone(),
            statements: Vec::new(),
        };
    };
    let digests = source.digests();
    Body {
        path: file.path.clone(),
        digest: Digest(digests.body),
        raw: Digest(digests.raw),
        tokens: Digest(digests.tokens),
        settings: settings(file, source, base, findings),
        statements: statements(file, source, kind, findings),
    }
}

fn settings(file: &SqlFile, source: &sql::Source, base: &StepSettings, findings: &mut Vec<Finding>) -> StepSettings {
    let headers = source.headers();
    let modes = source.script().modes.as_ref();
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
    let alone = source.headers().no_transaction.is_some() || kind == TargetKind::Clickhouse;
    let statement = |(number, (statement, analysis)): (usize, (&sql::Statement, &sql::Analysis))| {
        let text = &source.text()[statement.range.clone()];
        let asked = source.probe(number);
        let class = match (&analysis.class, asked) {
            (sql::StatementClass::NonTransactional(what), _) => {
                let (what, probe) = non_transactional(what);
                StatementClass::Alone { what: what.to_owned(), probe }
            }
            _ if alone => StatementClass::Alone { what: first_words(text), probe: repeatable(text) },
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

fn non_transactional(what: &NonTx) -> (&'static str, Probe) {
    match what {
        NonTx::CreateIndexConcurrently(build) => ("CREATE INDEX CONCURRENTLY", index_valid(build)),
        NonTx::DropIndexConcurrently { names } => ("DROP INDEX CONCURRENTLY", index_absent(names)),
        NonTx::ReindexConcurrently { .. } => ("REINDEX CONCURRENTLY", Probe::Repeat),
        NonTx::ReindexMany { .. } => ("REINDEX", Probe::Repeat),
        NonTx::Vacuum => ("VACUUM", Probe::Repeat),
        NonTx::AlterSystem => ("ALTER SYSTEM", Probe::Repeat),
        NonTx::Cluster => ("CLUSTER", Probe::Repeat),
        NonTx::DiscardAll => ("DISCARD ALL", Probe::Repeat),
        NonTx::RefreshContinuousAggregate { .. } => ("CALL refresh_continuous_aggregate", Probe::Repeat),
        NonTx::CreateDatabase { .. } => ("CREATE DATABASE", Probe::Unknown),
        NonTx::DropDatabase { .. } => ("DROP DATABASE", Probe::Unknown),
        NonTx::AlterDatabaseTablespace => ("ALTER DATABASE … SET TABLESPACE", Probe::Unknown),
        NonTx::Tablespace => ("CREATE or DROP TABLESPACE", Probe::Unknown),
        NonTx::Subscription => ("CREATE, ALTER or DROP SUBSCRIPTION", Probe::Unknown),
        NonTx::DetachConcurrently { .. } => ("DETACH PARTITION CONCURRENTLY", Probe::Unknown),
        NonTx::ContinuousAggregateWithData { .. } => ("CREATE MATERIALIZED VIEW … WITH DATA", Probe::Unknown),
        NonTx::IndexTransactionPerChunk(_) => ("CREATE INDEX … transaction_per_chunk", Probe::Unknown),
        NonTx::CommittingDo => ("DO that commits", Probe::Unknown),
        NonTx::CommittingCall { .. } => ("CALL that commits", Probe::Unknown),
    }
}

/// Names that could not be read come out empty, and nothing can be asked about them.
fn index_valid(build: &sql::IndexBuild) -> Probe {
    match &build.name {
        Some(index) if !index.is_empty() && !build.table.name.is_empty() => {
            Probe::IndexValid { index: index.clone(), table: qualified(&build.table) }
        }
        _ => Probe::Unknown,
    }
}

fn index_absent(names: &[sql::QualifiedName]) -> Probe {
    if names.is_empty() || names.iter().any(|name| name.name.is_empty()) {
        return Probe::Unknown;
    }
    Probe::IndexAbsent(names.iter().map(qualified).collect())
}

fn qualified(name: &sql::QualifiedName) -> QualifiedName {
    QualifiedName { schema: name.schema.clone(), name: name.name.clone() }
}

/// The statement's first two words, in capitals.
fn first_words(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().take(2).map(str::to_uppercase).collect();
    words.join(" ")
}

/// A statement that says IF EXISTS or IF NOT EXISTS can be run again.
fn repeatable(text: &str) -> Probe {
    let words: Vec<_> = text.split_whitespace().take(8).map(str::to_uppercase).collect();
    let guarded = words.windows(2).any(|pair| pair[0] == "IF" && (pair[1] == "EXISTS" || pair[1] == "NOT"));
    if guarded { Probe::Repeat } else { Probe::Unknown }
}
