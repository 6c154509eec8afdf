//! What a rule is, and how all of them are checked.

use std::ops::Range;

use crate::analysis::Analysis;
use crate::clickhouse::{Effect, Thing};
use crate::dialect::Dialect;
use crate::filled::Filled;
use crate::lexer::{Lexer, Token};
use crate::name::QualifiedName;
use crate::phase::Phase;
use crate::problem::{Severity, Violation};
use crate::rules::{
    add_not_null_column, aggregate_not_refilled, compressed_hypertable_change, concurrent_index_if_not_exists,
    concurrent_index_on_hypertable, cron_unnamed_job, drop_column, drop_table, hypertable_after_rows, no_session,
    non_transactional_in_pair, own_tracking_table, populate, session_setting, syntax_error, timescale_not_idempotent,
    unique_without_time_column, unnamed_concurrent_index, unprobed_statement, unreplicated_table, update_limit,
};
use crate::source::Source;
use crate::split::Statement;
use crate::timescale::Hypertable;

/// Every rule for PostgreSQL.
pub const ALL: [&Rule; 17] = [
    &syntax_error::RULE,
    &update_limit::RULE,
    &add_not_null_column::RULE,
    &aggregate_not_refilled::RULE,
    &compressed_hypertable_change::RULE,
    &concurrent_index_if_not_exists::RULE,
    &concurrent_index_on_hypertable::RULE,
    &cron_unnamed_job::RULE,
    &drop_column::RULE,
    &drop_table::RULE,
    &hypertable_after_rows::RULE,
    &non_transactional_in_pair::RULE,
    &own_tracking_table::RULE,
    &session_setting::RULE,
    &timescale_not_idempotent::RULE,
    &unique_without_time_column::RULE,
    &unnamed_concurrent_index::RULE,
];

/// Every rule for ClickHouse.
pub const CLICKHOUSE: [&Rule; 6] = [
    &drop_column::RULE,
    &drop_table::RULE,
    &no_session::RULE,
    &populate::RULE,
    &unprobed_statement::RULE,
    &unreplicated_table::RULE,
];

/// A lint rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in configuration and in `allow`, in kebab case.
    pub code: &'static str,
    /// What it is about, in one line.
    pub summary: &'static str,
    /// How bad breaking it is.
    pub severity: Severity,
    /// A script that breaks it.
    pub bad: &'static str,
    /// The same, done well.
    pub good: &'static str,
    pub(super) check: fn(&Lint<'_>, &mut Findings),
}

/// What rules may know beside the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintContext {
    /// The phase that the file's name gives it, where its headers do not.
    pub phase: Option<Phase>,
    /// Hypertables that other files make.
    pub hypertables: Vec<Hypertable>,
    /// Hypertables that earlier files compress.
    pub compressed: Vec<QualifiedName>,
    /// Tables that earlier files put rows into.
    pub filled: Filled,
}

/// A file under check.
pub(super) struct Lint<'a> {
    pub(super) source: &'a Source,
    pub(super) context: &'a LintContext,
}

impl<'a> Lint<'a> {
    pub(super) fn statements(&self) -> impl Iterator<Item = (&'a Statement, &'a Analysis)> {
        let source = self.source;
        source.statements().iter().zip(source.analysis())
    }

    /// The hypertables that this file or another one makes.
    pub(super) fn hypertables(&self) -> Vec<Hypertable> {
        let here = self.source.analysis().iter().flat_map(Analysis::hypertables);
        here.chain(self.context.hypertables.iter().cloned()).collect()
    }

    /// The first tokens of a statement.
    pub(super) fn head(&self, statement: &Statement) -> Vec<Token<'a>> {
        Lexer::within(self.source.text(), &statement.range).significant().take(8).collect()
    }

    /// What its statements take away on ClickHouse, and did not make before; none of another dialect.
    pub(super) fn taken_away(&self) -> Vec<(&'a Statement, &'a Thing)> {
        let (mut made, mut gone) = (Vec::new(), Vec::new());
        for (statement, analysis) in self.source.statements().iter().zip(self.source.clickhouse()) {
            for effect in analysis.effects() {
                match effect {
                    Effect::There(thing) => made.push(thing),
                    Effect::Gone(thing) if !made.contains(&thing) => gone.push((statement, thing)),
                    _ => {}
                }
            }
        }
        gone
    }

    /// Is the file declared to be a contraction?
    pub(super) fn contracts(&self) -> bool {
        let declared = self.source.headers().phase.as_ref().map(|it| it.value);
        declared.or(self.context.phase) == Some(Phase::Contract)
    }
}

/// Collects what one rule finds.
pub(super) struct Findings {
    rule: &'static Rule,
    found: Vec<Violation>,
}

impl Findings {
    pub(super) fn add(&mut self, range: Range<usize>, message: impl Into<String>, help: &str) {
        self.found.push(Violation {
            rule: self.rule.code,
            severity: self.rule.severity,
            message: message.into(),
            range,
            help: (!help.is_empty()).then(|| help.to_owned()),
        });
    }
}

/// Checks every rule that `source` does not allow itself to break.
pub(crate) fn check(source: &Source, context: &LintContext) -> Vec<Violation> {
    let lint = Lint { source, context };
    let run = |rule: &'static Rule| {
        let allows = &source.headers().allows;
        if allows.iter().any(|allow| allow.value.rule == rule.code) {
            return Vec::new();
        }
        let mut findings = Findings { rule, found: Vec::new() };
        (rule.check)(&lint, &mut findings);
        findings.found
    };
    let mut found = run(&syntax_error::RULE);
    if source.dialect() == Dialect::ClickHouse {
        found = CLICKHOUSE.iter().flat_map(|rule| run(rule)).collect();
    } else if found.is_empty() {
        found = ALL.iter().skip(1).flat_map(|rule| run(rule)).collect();
    } else {
        found.extend(run(&update_limit::RULE));
    }
    found.sort_by_key(|violation| violation.range.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(sql: &str) -> Vec<&'static str> {
        codes_as(sql, Dialect::Postgres)
    }

    fn codes_as(sql: &str, dialect: Dialect) -> Vec<&'static str> {
        let source = Source::read_as(sql.as_bytes(), dialect).unwrap();
        assert_eq!(source.problems(), [], "{sql}");
        let found = source.lint(&LintContext::default());
        found.iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn each_rule_finds_its_bad_example_and_no_rule_minds_the_good_one() {
        for rule in ALL {
            assert!(codes(rule.bad).contains(&rule.code), "{}: bad", rule.code);
            assert_eq!(codes(rule.good), [""; 0], "{}: good", rule.code);
        }
        for rule in CLICKHOUSE {
            assert!(codes_as(rule.bad, Dialect::ClickHouse).contains(&rule.code), "{}: bad", rule.code);
            assert_eq!(codes_as(rule.good, Dialect::ClickHouse), [""; 0], "{}: good", rule.code);
        }
    }

    #[test]
    fn a_rule_can_be_allowed() {
        for rule in ALL {
            let allowed = format!("-- dunlin: allow {} because of a test\n{}", rule.code, rule.bad);
            assert!(!codes(&allowed).contains(&rule.code), "{}", rule.code);
        }
    }

    #[test]
    fn codes_are_kebab_case_and_unique() {
        for rules in [&ALL[..], &CLICKHOUSE[..]] {
            for (at, rule) in rules.iter().enumerate() {
                let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
                assert!(rule.code.chars().all(kebab), "{}", rule.code);
                assert!(rules[..at].iter().all(|it| it.code != rule.code), "{}", rule.code);
            }
        }
    }

    #[test]
    fn a_phase_or_hypertable_from_outside_counts() {
        let lint = |sql: &str, context: &LintContext| {
            let source = Source::read(sql.as_bytes()).unwrap();
            source.lint(context).len()
        };
        let contract = LintContext { phase: Some(Phase::Contract), ..LintContext::default() };
        assert_eq!(lint("DROP TABLE t", &contract), 0);
        assert_eq!(lint("DROP TABLE t", &LintContext::default()), 1);
        let declared_otherwise = "-- dunlin: phase expand\nDROP TABLE t";
        assert_eq!(lint(declared_otherwise, &contract), 1);
        let metrics = QualifiedName { schema: Some("app".to_owned()), name: "metrics".to_owned() };
        let metrics = Hypertable { name: metrics, time: Some("at".to_owned()) };
        let hypertable = LintContext { hypertables: vec![metrics], ..LintContext::default() };
        let index = "CREATE INDEX CONCURRENTLY i ON metrics (at)";
        assert_eq!(lint(index, &hypertable), 1);
        assert_eq!(lint(index, &LintContext::default()), 0);
        let keys = |columns: &str| format!("ALTER TABLE metrics ADD CONSTRAINT k UNIQUE ({columns})");
        assert_eq!([lint(&keys("id"), &hypertable), lint(&keys("id, at"), &hypertable)], [1, 0]);
        let compressed = QualifiedName { schema: None, name: "metrics".to_owned() };
        let compressed = LintContext { compressed: vec![compressed], ..LintContext::default() };
        assert_eq!(lint(&keys("id, at"), &compressed), 1);
        let off = "ALTER TABLE metrics SET (timescaledb.enable_columnstore = off)";
        assert_eq!(lint(&format!("{off}; {}", keys("id, at")), &compressed), 0);
        let mut filled = Filled::default();
        Source::read(b"INSERT INTO app.metrics VALUES (1)").unwrap().analysis().iter().for_each(|it| filled.follow(it));
        let filled = LintContext { filled, ..LintContext::default() };
        assert_eq!(lint("SELECT create_hypertable('metrics', 'at')", &filled), 1);
    }

    #[test]
    fn a_table_that_is_created_as_a_hypertable_is_one() {
        let made =
            "CREATE TABLE m (id int PRIMARY KEY, at timestamptz) WITH (tsdb.hypertable, tsdb.partition_column = 'at');";
        assert_eq!(codes(made), ["unique-without-time-column"]);
        let made = made.replace(" PRIMARY KEY", "");
        let concurrently = format!("{made} CREATE INDEX CONCURRENTLY i ON m (id);");
        assert!(codes(&concurrently).contains(&"concurrent-index-on-hypertable"));
    }

    #[test]
    fn what_changes_a_hypertable_can_run_again() {
        let again = "CREATE TABLE IF NOT EXISTS m (at timestamptz);";
        let found = |rest: &str| codes(&format!("{again} {rest};")).contains(&"timescale-not-idempotent");
        assert!(!found("SELECT set_chunk_time_interval('m', INTERVAL '1 day')"));
        assert!(found("SELECT add_dimension('m', 'id', 4)"));
        assert!(!found("SELECT add_dimension('m', by_hash('id', 4), true)"));
    }
}
