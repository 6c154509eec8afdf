//! Whether an index that is there is the one that a statement describes.
//!
//! The server judges: it makes the same index on an empty copy of the table, in a transaction that is rolled back, and what
//! it made of both statements is compared. So it does not matter how a definition is written. What an index is stored with,
//! such as its fill factor and tablespace, is no part of what it is. Where the copy cannot be made, because the role may not
//! have temporary tables for example, nothing is compared, and a notice says so.

use dunlin_planner::{Body, Failure, FailureClass, IndexShape, Notice};

use crate::messages;
use crate::rows::{begins_with, rows, truth};
use crate::session::PostgresSession;
use crate::sql::{identifier, text};

/// What the server makes of an index `i`, but for names. One column came with 15.
const MADE: &str = "pg_catalog.jsonb_build_array(i.indisunique, pg_catalog.to_jsonb(i) -> 'indnullsnotdistinct', \
    (SELECT m.amname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am m ON m.oid = c.relam WHERE c.oid = i.indexrelid), \
    i.indnkeyatts, i.indclass::text, i.indcollation::text, i.indoption::text, pg_catalog.pg_get_expr(i.indpred, i.indrelid), \
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(pg_catalog.pg_get_indexdef(i.indexrelid, a.attnum, false), \
    a.attoptions) ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indexrelid))";

/// An index that is there, and its table.
pub(crate) struct There<'a> {
    pub(crate) index: &'a str,
    pub(crate) schema: &'a str,
    pub(crate) table: &'a str,
    pub(crate) is_valid: bool,
}

impl PostgresSession {
    /// What differs between the index that is there and the one that a statement describes, for people.
    pub(crate) async fn otherwise(
        &mut self,
        body: &Body,
        there: &There<'_>,
        shape: &IndexShape,
    ) -> Result<Option<String>, Failure> {
        let client = self.line_or_lost()?.connection.client();
        let failure = match rows(client, &shadow(body, there, shape)).await {
            Ok(found) => {
                let row = found.iter().find(|row| begins_with(row, "same")).filter(|row| !truth(row, "same"));
                let text = |name| row.and_then(|row| row.get(name));
                return Ok(text("found").zip(text("made")).map(|(found, made)| in_words(there, found, made)));
            }
            Err(error) => self.left_by(&error).await,
        };
        if failure.class != FailureClass::Rejected || failure.sqlstate.as_deref() == Some("57014") {
            return Err(failure);
        }
        if let Some(claimed) = self.claimed.as_ref().filter(|_| there.is_valid) {
            (claimed.notices)(uncompared(there, failure.message));
        }
        Ok(None)
    }
}

fn shadow(body: &Body, there: &There<'_>, shape: &IndexShape) -> String {
    let (index, schema, table) = (identifier(there.index), identifier(there.schema), identifier(there.table));
    let oid = |name: &str| format!("{}::pg_catalog.regclass", text(name));
    format!(
        "BEGIN READ WRITE; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'; {settings} \
         CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table}); \
         CREATE {unique} INDEX {index} ON pg_temp.{table} {rest}\n; SET LOCAL search_path = pg_catalog, pg_temp; \
         SELECT l.made = r.made AS same, pg_catalog.pg_get_indexdef(l.indexrelid) AS found, \
         pg_catalog.pg_get_indexdef(r.indexrelid) AS made \
         FROM (SELECT i.indexrelid, {MADE} AS made FROM pg_catalog.pg_index i WHERE i.indexrelid = {found}) AS l, \
         (SELECT i.indexrelid, {MADE} AS made FROM pg_catalog.pg_index i WHERE i.indexrelid = {made}) AS r; \
         ROLLBACK",
        settings = messages::body_settings(&body.settings, true),
        unique = if shape.unique { "UNIQUE" } else { "" },
        rest = shape.rest,
        found = oid(&format!("{schema}.{index}")),
        made = oid(&format!("pg_temp.{index}")),
    )
}

fn uncompared(there: &There<'_>, why: String) -> Notice {
    let message = format!("index `{}` is there already; its definition could not be compared", there.index);
    let hint = Some("see by yourself that it is the one that the file describes".to_owned());
    Notice { severity: "WARNING".to_owned(), message, detail: Some(why), hint }
}

/// Both definitions, as the server writes them; that of the copy as if it were the table's.
fn in_words(there: &There<'_>, found: &str, made: &str) -> String {
    let own = found.split_once(" ON ").and_then(|(_, rest)| rest.split_once('.')).map(|(schema, _)| schema);
    let copy = made.split_once(" ON pg_temp").and_then(|(head, rest)| Some((head, rest.split_once('.')?.1)));
    let made = match (own, copy) {
        (Some(schema), Some((head, rest))) => format!("{head} ON {schema}.{rest}"),
        _ => made.to_owned(),
    };
    format!("index `{}` is there already and is another one: it is `{found}`, the file says `{made}`", there.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_of_an_index_is_said_to_be_on_the_table_itself() {
        let there = There { index: "i", schema: "app", table: "t", is_valid: true };
        let found = "CREATE INDEX i ON app.t USING btree (a)";
        for (made, said) in [
            ("CREATE UNIQUE INDEX i ON pg_temp_3.t USING btree (a)", "CREATE UNIQUE INDEX i ON app.t USING btree (a)"),
            ("CREATE INDEX i ON elsewhere", "CREATE INDEX i ON elsewhere"),
        ] {
            let words = in_words(&there, found, made);
            assert!(words.ends_with(&format!("it is `{found}`, the file says `{said}`")), "{words}");
        }
    }
}
