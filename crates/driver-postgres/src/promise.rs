//! Whether what a statement promises is so: policies, hypertables and continuous aggregates of TimescaleDB, as its catalog shows
//! them. With IF NOT EXISTS a statement only warns, or not even that, where something else is there under the same name.
//!
//! The server judges: expressions of the file are compared with what is stored, and the query of an aggregate with that of a
//! temporary view which is made of the file's text. Where that view cannot be made, nothing is compared.

use std::fmt::Write as _;

use dunlin_planner::{
    AggregateShape, Body, Compression, CompressionSetting, Dimension, Failure, Policed, ProbeFact, Promise,
    QualifiedName, Refresh, Slicing, StepSettings,
};

use crate::messages;
use crate::rows::{begins_with, rows, truth};
use crate::session::PostgresSession;
use crate::sql::{identifier, text};

/// The view that an aggregate's query is compared with.
const SHADOW: &str = "pg_temp.dunlin_promise";

/// The hypertable behind relation `r`, its own or that of the continuous aggregate, as its number.
const HYPERTABLE: &str = "COALESCE(\
    (SELECT a.mat_hypertable_id FROM _timescaledb_catalog.continuous_agg a WHERE a.user_view_schema = n.nspname AND a.user_view_name = r.relname), \
    (SELECT t.id FROM _timescaledb_catalog.hypertable t WHERE t.schema_name = n.nspname AND t.table_name = r.relname))";

/// What has to be there before [`query`] can be asked.
fn shadow(promise: &Promise) -> Option<String> {
    let Promise::Aggregate(AggregateShape { columns, query, .. }) = promise else { return None };
    Some(format!("CREATE TEMPORARY VIEW {} {columns} AS {query}", SHADOW.trim_start_matches("pg_temp.")))
}

/// A query of at most one row: `same`, and what differs in words. No row, where nothing of it is there.
fn query(promise: &Promise) -> String {
    match promise {
        Promise::Policy(policed) => policy(policed),
        Promise::Hypertable { relation, column, interval } => {
            hypertable(relation, column.as_deref(), interval.as_deref())
        }
        Promise::Dimension(it) => dimension(it),
        Promise::Compression(it) => compression(it),
        Promise::Aggregate(shape) => aggregate(shape),
        Promise::MaterializedOnly { relation, only } => materialized_only(relation, *only),
        Promise::Routine { name, .. } => routine(name),
    }
}

/// From relation `r` in schema `n`.
fn from(relation: &str) -> String {
    format!(
        "FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace AND r.oid = pg_catalog.to_regclass({})",
        text(relation)
    )
}

/// A comparison and its words, as a condition and an expression of text that is null where both are the same.
struct Compared {
    same: String,
    words: String,
}

fn compared(what: &str, found: &str, wanted: &str, says: &str) -> Compared {
    let same = format!("{found} IS NOT DISTINCT FROM {wanted}");
    let shown = |side: &str| format!("COALESCE(({side})::pg_catalog.text, 'none')");
    let words = format!(
        "CASE WHEN NOT ({same}) THEN pg_catalog.format('%s is %s, and the file says %s', {}, {}, {}) END",
        text(what),
        shown(found),
        text(says)
    );
    Compared { same, words }
}

fn answer(subject: &str, compared: &[Compared], rest: &str) -> String {
    let same: Vec<_> = compared.iter().map(|one| one.same.as_str()).chain(["true"]).collect();
    let words: Vec<_> = compared.iter().map(|one| one.words.as_str()).chain(["NULL"]).collect();
    format!(
        "SELECT {} AS same, r.xmin = pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid AS fresh, pg_catalog.concat({}, ' is there already, and is another one: ', pg_catalog.concat_ws('; ', {})) AS what {rest} LIMIT 1",
        same.join(" AND "),
        text(subject),
        words.join(", ")
    )
}

fn policy(policed: &Policed) -> String {
    let mut each = Vec::new();
    for (key, expression) in &policed.config {
        let stored = format!("(j.config ->> {})", text(key));
        let (found, wanted) = if expression.eq_ignore_ascii_case("null") {
            (stored, "NULL".to_owned())
        } else if key == "index_name" {
            (stored, format!("({expression})::pg_catalog.text"))
        } else if is_integer(expression) {
            (format!("{stored}::pg_catalog.int8"), format!("({expression})::pg_catalog.int8"))
        } else {
            (format!("{stored}::pg_catalog.interval"), format!("({expression})::pg_catalog.interval"))
        };
        each.push(compared(key, &found, &wanted, expression));
    }
    if let Some(expression) = &policed.schedule {
        let wanted = format!("({expression})::pg_catalog.interval");
        each.push(compared("schedule_interval", "j.schedule_interval", &wanted, expression));
    }
    let rest = format!(
        "{} JOIN timescaledb_information.jobs j ON j.proc_name = {} \
         AND COALESCE(j.config ->> 'mat_hypertable_id', j.config ->> 'hypertable_id') = {HYPERTABLE}::pg_catalog.text",
        from(&policed.relation),
        text(&policed.procedure)
    );
    answer(&Promise::Policy(policed.clone()).to_string(), &each, &rest)
}

fn hypertable(relation: &str, column: Option<&str>, interval: Option<&str>) -> String {
    let mut each = Vec::new();
    if let Some(column) = column {
        each.push(compared("its time column", "d.column_name::pg_catalog.text", &text(column), column));
    }
    if let Some(expression) = interval {
        each.push(length("its chunk interval", "d.interval_length", expression));
    }
    let rest = format!("{} JOIN _timescaledb_catalog.dimension d ON {}", from(relation), time());
    let subject = Promise::Hypertable { relation: relation.to_owned(), column: None, interval: None };
    answer(&subject.to_string(), &each, &rest)
}

/// The condition that `d` is the time dimension of that hypertable: its first that goes by ranges.
fn time() -> String {
    format!(
        "d.id = (SELECT pg_catalog.min(m.id) FROM _timescaledb_catalog.dimension m WHERE m.interval_length IS NOT NULL \
         AND m.hypertable_id = {HYPERTABLE})"
    )
}

/// A comparison of a length of time, or of a range of numbers, that the catalog has in microseconds or in that unit.
fn length(what: &str, found: &str, expression: &str) -> Compared {
    if is_integer(expression) {
        return compared(what, found, &format!("({expression})::pg_catalog.int8"), expression);
    }
    let wanted =
        format!("(pg_catalog.date_part('epoch', ({expression})::pg_catalog.interval) * 1000000)::pg_catalog.int8");
    let mut one = compared(what, found, &wanted, expression);
    let shown = format!("pg_catalog.make_interval(secs => {found} / 1000000.0)");
    one.words = one.words.replace(&format!("({found})::pg_catalog.text"), &format!("({shown})::pg_catalog.text"));
    one
}

fn dimension(dimension: &Dimension) -> String {
    let Dimension { relation, column, by } = dimension;
    let found = "CASE WHEN d.num_slices IS NULL THEN 'range' ELSE 'hash' END";
    let (kind, amount) = match by {
        Slicing::Hash(number) => {
            let amount = number.as_ref().map(|number| {
                compared(
                    "its number of partitions",
                    "d.num_slices::pg_catalog.int8",
                    &format!("({number})::pg_catalog.int8"),
                    number,
                )
            });
            ("hash", amount)
        }
        Slicing::Range(interval) => {
            ("range", interval.as_ref().map(|it| length("its chunk interval", "d.interval_length", it)))
        }
    };
    let each: Vec<_> = [compared("its kind", found, &text(kind), kind)].into_iter().chain(amount).collect();
    let rest = format!(
        "{} JOIN _timescaledb_catalog.dimension d ON d.hypertable_id = {HYPERTABLE} AND d.column_name = {}",
        from(relation),
        text(column)
    );
    answer(&Promise::Dimension(dimension.clone()).to_string(), &each, &rest)
}

/// What is known of the settings is compared where there is compression at all.
fn compression(compression: &Compression) -> String {
    let is_on = "COALESCE((SELECT pg_catalog.bool_or(c.compression_enabled) FROM (\
        SELECT h.hypertable_schema, h.hypertable_name, h.compression_enabled FROM timescaledb_information.hypertables h \
        UNION ALL SELECT a.view_schema, a.view_name, a.compression_enabled FROM timescaledb_information.continuous_aggregates a) c \
        WHERE c.hypertable_schema = n.nspname AND c.hypertable_name = r.relname), false)";
    let mut each = vec![Compared {
        same: is_on.to_owned(),
        words: format!("CASE WHEN NOT {is_on} THEN 'it is switched off' END"),
    }];
    for (setting, said) in &compression.settings {
        let mut one = match setting {
            CompressionSetting::SegmentBy => {
                let found = "NULLIF(pg_catalog.array_to_string(s.segmentby, ', '), '')";
                let says = if said.is_empty() { "none" } else { said };
                compared("its segmentby", found, &format!("NULLIF({}, '')", text(said)), says)
            }
            CompressionSetting::OrderBy => ordered(said),
            CompressionSetting::Interval => {
                length("its compress_chunk_time_interval", "d.compress_interval_length", said)
            }
        };
        one.same = format!("(NOT {is_on} OR {})", one.same);
        one.words = format!("CASE WHEN {is_on} THEN {} END", one.words);
        each.push(one);
    }
    let mut rest = from(&compression.relation);
    write!(rest, " JOIN _timescaledb_catalog.hypertable h ON h.id = {HYPERTABLE}").expect("a string takes all");
    if !compression.settings.is_empty() {
        write!(
            rest,
            " LEFT JOIN _timescaledb_catalog.dimension d ON {} LEFT JOIN _timescaledb_catalog.compression_settings s \
             ON s.relid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', h.schema_name, h.table_name))",
            time()
        )
        .expect("a string takes all");
    }
    answer(&Promise::Compression(compression.clone()).to_string(), &each, &rest)
}

/// The order of compressed rows. TimescaleDB puts the time behind all, latest first, where it is not named.
fn ordered(said: &str) -> Compared {
    let found = "(SELECT pg_catalog.string_agg(pg_catalog.concat(u.c, CASE WHEN u.d THEN ' DESC' END, \
                 CASE WHEN u.f <> u.d THEN CASE WHEN u.f THEN ' NULLS FIRST' ELSE ' NULLS LAST' END END), ', ' ORDER BY u.i) \
                 FROM ROWS FROM (pg_catalog.unnest(s.orderby), pg_catalog.unnest(s.orderby_desc), pg_catalog.unnest(s.orderby_nullsfirst)) \
                 WITH ORDINALITY AS u(c, d, f, i))";
    let literal = text(said);
    let whole = format!("pg_catalog.concat_ws(', ', NULLIF({literal}, ''), d.column_name || ' DESC')");
    let wanted = format!("CASE WHEN {found} = {whole} THEN {whole} ELSE {literal} END");
    compared("its orderby", found, &wanted, said)
}

fn materialized_only(relation: &str, only: bool) -> String {
    let subject = Promise::MaterializedOnly { relation: relation.to_owned(), only };
    let found = compared("it", "a.materialized_only", &only.to_string(), &only.to_string());
    let rest = format!(
        "{} JOIN _timescaledb_catalog.continuous_agg a ON a.user_view_schema = n.nspname AND a.user_view_name = r.relname",
        from(relation)
    );
    answer(&subject.to_string(), &[found], &rest)
}

fn aggregate(shape: &AggregateShape) -> String {
    let of = |oid: &str| {
        format!("pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.pg_get_viewdef({oid}), '\\s+', ' ', 'g'), ' ;')")
    };
    let found = "(SELECT v.oid FROM _timescaledb_catalog.continuous_agg a JOIN pg_catalog.pg_namespace s ON s.nspname = a.direct_view_schema \
         JOIN pg_catalog.pg_class v ON v.relnamespace = s.oid AND v.relname = a.direct_view_name \
         WHERE a.user_view_schema = n.nspname AND a.user_view_name = r.relname)";
    let (found, wanted) = (of(found), of(&format!("{}::pg_catalog.regclass", text(SHADOW))));
    let same = format!("{found} IS NOT DISTINCT FROM {wanted}");
    let words = format!(
        "pg_catalog.format('it is `%s`, the file says `%s`', COALESCE({found}, 'no continuous aggregate'), {wanted})"
    );
    let subject = Promise::Aggregate(shape.clone()).to_string();
    answer(&subject, &[Compared { same, words }], &from(&shape.name.quoted()))
}

/// What only looks like a call, such as `coalesce`, is a key word.
fn routine(name: &QualifiedName) -> String {
    let anywhere = name.schema.as_deref().is_none_or(|schema| schema == "public");
    let schema = name.schema.as_deref().filter(|_| !anywhere);
    format!(
        "SELECT true AS same WHERE EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         WHERE p.proname = {word} {}) OR EXISTS (SELECT FROM pg_catalog.pg_get_keywords() k WHERE k.word = {word})",
        schema.map(|schema| format!("AND n.nspname = {}", text(schema))).unwrap_or_default(),
        word = text(&name.name),
    )
}

/// A number of whatever unit the time column has.
fn is_integer(expression: &str) -> bool {
    let bare = expression.to_ascii_lowercase();
    let bare = bare.split("::").next().unwrap_or_default();
    let bare = ["bigint", "integer", "smallint", "int8", "int4", "int"]
        .iter()
        .fold(bare, |bare, name| bare.strip_prefix(name).unwrap_or(bare));
    let digits = bare.trim().trim_matches('\'').trim_start_matches('-');
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Statements that fail where what these statements promise is not so, for the end of their transaction. `only` is one of them.
pub(crate) fn checks(body: &Body, only: Option<usize>) -> String {
    let mut checks = String::new();
    let chosen = body.needs.promises.iter().filter(|one| only.is_none_or(|only| one.statement == only));
    for promised in chosen {
        let promise = &promised.promise;
        let make = shadow(promise).map(|shadow| {
            format!(
                "BEGIN EXECUTE {}; EXCEPTION WHEN insufficient_privilege OR feature_not_supported THEN RETURN; END;",
                text(&shadow)
            )
        });
        let drop = make.as_ref().map_or_else(String::new, |_| format!("EXECUTE 'DROP VIEW {SHADOW}';"));
        let line = body.statements.get(promised.statement).map_or(0, |statement| statement.line);
        writeln!(
            checks,
            "DO $dunlin$ DECLARE it pg_catalog.record; BEGIN {make} EXECUTE {query} INTO it; {drop} \
             IF NOT it.same AND NOT it.fresh THEN RAISE EXCEPTION USING ERRCODE = '42710', MESSAGE = it.what, \
             HINT = {hint}; END IF; END $dunlin$;",
            make = make.unwrap_or_default(),
            query = text(&query(promise)),
            hint = text(&format!(
                "the statement at line {line} says IF NOT EXISTS and has changed nothing; let the file say what is there, or change that first"
            )),
        )
        .expect("a string takes all");
    }
    checks
}

impl PostgresSession {
    /// Whether what is promised is there.
    pub(crate) async fn promised(&mut self, settings: &StepSettings, promise: &Promise) -> Result<ProbeFact, Failure> {
        let client = self.line_or_lost()?.connection.client();
        let message = format!(
            "BEGIN READ WRITE; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'; {} {}; {}; ROLLBACK",
            messages::body_settings(settings, true),
            shadow(promise).unwrap_or_default(),
            query(promise)
        );
        match rows(client, &message).await {
            Ok(found) => Ok(match found.iter().find(|row| begins_with(row, "same")) {
                None => ProbeFact::Absent,
                Some(row) if truth(row, "same") => ProbeFact::Done,
                Some(row) => ProbeFact::Other { what: row.get("what").unwrap_or_default().to_owned() },
            }),
            Err(error) => Err(self.left_by(&error).await),
        }
    }

    /// Where TimescaleDB has its functions.
    async fn functions(&mut self, body: &Body) -> Result<String, Failure> {
        let query = "SELECT n.nspname AS schema FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
                     WHERE e.extname = 'timescaledb'";
        let found = self.look(body, query).await?;
        Ok(found.first().and_then(|row| row.get("schema")).unwrap_or("public").to_owned())
    }

    /// The statement that refreshes a continuous aggregate.
    pub(crate) async fn refreshing(&mut self, body: &Body, refresh: &Refresh) -> Result<String, Failure> {
        let schema = self.functions(body).await?;
        // Its characters were looked at when the file was read; the type of a bare literal follows from the aggregate.
        let bound =
            |bound: &Option<String>| bound.as_ref().map_or_else(|| "NULL".to_owned(), |bound| format!("'{bound}'"));
        Ok(format!(
            "CALL {}.refresh_continuous_aggregate({}, {}, {})",
            identifier(&schema),
            text(&refresh.name.quoted()),
            bound(&refresh.from),
            bound(&refresh.to)
        ))
    }

    /// Whether an extension has the version that an update gives it.
    pub(crate) async fn updated(
        &mut self,
        body: &Body,
        extension: &str,
        version: Option<&str>,
    ) -> Result<ProbeFact, Failure> {
        let wanted = version.map_or_else(|| "a.default_version".to_owned(), text);
        let query = format!(
            "SELECT e.extversion = {wanted} AS same FROM pg_catalog.pg_extension e \
             JOIN pg_catalog.pg_available_extensions a ON a.name = e.extname WHERE e.extname = {}",
            text(extension)
        );
        let found = self.look(body, &query).await?;
        Ok(match found.first() {
            Some(row) if truth(row, "same") => ProbeFact::Done,
            _ => ProbeFact::Absent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_intervals() {
        for (expression, expected) in [
            ("86400000000", true),
            ("BIGINT '1000'", true),
            ("-5", true),
            ("'1000'::bigint", true),
            ("INTERVAL '1 day'", false),
            ("'7 days'", false),
            ("interval", false),
            ("NULL", false),
        ] {
            assert_eq!(is_integer(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_a_policy_is_configured_with_is_compared_as_what_it_is() {
        let query = |key: &str, expression: &str| {
            policy(&Policed {
                procedure: "policy_it".to_owned(),
                relation: "t".to_owned(),
                config: vec![(key.to_owned(), expression.to_owned())],
                schedule: None,
            })
        };
        for (key, expression, found_as, wanted) in [
            ("index_name", "'t_idx'", "", "('t_idx')::pg_catalog.text"),
            ("drop_after", "INTERVAL '1 week'", "::pg_catalog.interval", "(INTERVAL '1 week')::pg_catalog.interval"),
            ("drop_after", "7", "::pg_catalog.int8", "(7)::pg_catalog.int8"),
            ("end_offset", "null", "", "NULL"),
        ] {
            let compared = format!("(j.config ->> {}){found_as} IS NOT DISTINCT FROM {wanted}", text(key));
            let query = query(key, expression);
            assert!(query.starts_with(&format!("SELECT {compared} AND true AS same")), "{query}");
        }
    }
}
