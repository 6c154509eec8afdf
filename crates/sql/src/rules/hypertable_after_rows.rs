//! create_hypertable of a table that has rows by then.

use crate::problem::Severity;
use crate::rules::registry::{Findings, Lint, Rule};
use crate::timescale::migrates_data;

pub(super) static RULE: Rule = Rule {
    code: "hypertable-after-rows",
    summary: "create_hypertable refuses a table with rows, unless it is told to migrate them",
    severity: Severity::Warning,
    bad: "CREATE TABLE readings (ts timestamptz NOT NULL);\nINSERT INTO readings VALUES (now());\nSELECT create_hypertable('readings', 'ts');",
    good: "CREATE TABLE readings (ts timestamptz NOT NULL);\nSELECT create_hypertable('readings', 'ts');\nINSERT INTO readings VALUES (now());",
    check,
};

fn check(lint: &Lint<'_>, findings: &mut Findings) {
    let mut filled = lint.context.filled.clone();
    for (_, analysis) in lint.statements() {
        for call in &analysis.calls {
            let Some(table) = call.hypertable() else { continue };
            if !migrates_data(call) && filled.has(&table) {
                findings.add(
                    call.range.clone(),
                    format!("`{table}` has rows by now, and create_hypertable refuses it"),
                    "make it a hypertable first; or add `migrate_data => true`, which locks it while the rows move",
                );
            }
        }
        filled.follow(analysis);
    }
}

#[cfg(test)]
mod tests {
    use crate::{LintContext, Source};

    #[test]
    fn rows_count_until_the_table_is_empty_or_a_hypertable() {
        const MAKE: &str = "SELECT create_hypertable('t', by_range('ts'));";
        let make =
            |arguments: &str| format!("INSERT INTO app.t VALUES (1); SELECT create_hypertable('t', {arguments});");
        for (sql, expected) in [
            (format!("INSERT INTO app.t VALUES (1); {MAKE}"), 1),
            (format!("CREATE TABLE t AS SELECT now() AS ts; {MAKE}"), 1),
            (format!("CREATE UNLOGGED TABLE t (ts) AS SELECT now(); {MAKE}"), 1),
            (format!("CREATE TABLE t AS SELECT now() AS ts WITH NO DATA; {MAKE}"), 0),
            (format!("INSERT INTO t VALUES (1); TRUNCATE t; {MAKE}"), 0),
            (format!("INSERT INTO t VALUES (1); DROP TABLE t; CREATE TABLE t (ts timestamptz); {MAKE}"), 0),
            (format!("INSERT INTO t VALUES (1); CREATE TABLE IF NOT EXISTS t (ts timestamptz); {MAKE}"), 1),
            (format!("INSERT INTO u VALUES (1); {MAKE}"), 0),
            (format!("{MAKE} INSERT INTO t VALUES (1); {MAKE}"), 0),
            (format!("COPY t (ts) TO STDOUT; {MAKE}"), 0),
            (format!("COPY t (ts) FROM STDIN;\n2026-01-01\n\\.\n{MAKE}"), 1),
            (make("by_range('ts'), migrate_data => true"), 0),
            (make("by_range('ts'), migrate_data => false"), 1),
            (make("by_range('ts'), true, false, true"), 0),
            (make("'ts', NULL, NULL, NULL, NULL, 86400000000, true, true, NULL, true"), 0),
        ] {
            let found = Source::read(sql.as_bytes()).unwrap().lint(&LintContext::default());
            let found = found.iter().filter(|violation| violation.rule == super::RULE.code).count();
            assert_eq!(found, expected, "{sql}");
        }
    }
}
