//! The ranges of a backfill's keys as SQL, and where the next one lies.
//!
//! Keys travel as the text that the server gave of them, and are cast back to their column's type: a literal for the planner,
//! so that it can use the key's index.

use std::fmt::Write as _;
use std::ops::Range;

use dunlin_driver::StepTask;
use dunlin_planner::Batch;
use serde_json::{Value, json};

use crate::sql;

/// Texts of keys that mean the same under any setting.
const FORMATS: &str = "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC'; \
    SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex';";

/// A column of the key.
pub(crate) struct Column {
    pub(crate) name: String,
    /// As `format_type` gives it.
    pub(crate) data_type: String,
}

/// Where a claimed backfill goes on.
pub(crate) struct Ranges {
    /// The row of the ledger is still to be claimed, with the next range.
    pub(crate) unclaimed: bool,
    pub(crate) step: u32,
    /// Rows in the ranges that are done.
    pub(crate) rows: u64,
    pub(crate) table: String,
    pub(crate) columns: Vec<Column>,
    /// The last key that is done; none at the beginning.
    pub(crate) after: Option<Vec<String>>,
    pub(crate) next: Found,
}

/// The range that was found behind a key.
pub(crate) struct Found {
    pub(crate) rows: u64,
    /// Its last key; none where there are no rows.
    pub(crate) upto: Option<Vec<String>>,
    /// Whether nothing was behind it when it was found. What is added later is not its business.
    pub(crate) last: bool,
}

/// The statement with its range in place of the placeholders, and how its bytes lie in the original text.
pub(crate) struct Filled {
    pub(crate) text: String,
    /// Pieces of `text` and of the original.
    pieces: Vec<(Range<usize>, Range<usize>)>,
}

impl Filled {
    /// The offset in the original text of an offset in this one.
    pub(crate) fn original(&self, offset: usize) -> usize {
        let piece = self.pieces.iter().find(|(here, _)| here.contains(&offset)).or(self.pieces.last());
        let Some((here, there)) = piece else { return 0 };
        // Inside a range that was filled in, the placeholder is what people see.
        if here.len() == there.len() { there.start + (offset - here.start).min(there.len()) } else { there.start }
    }
}

impl Ranges {
    fn names(&self, alias: Option<&str>) -> Vec<String> {
        let prefix = alias.map(|alias| format!("{}.", sql::identifier(alias))).unwrap_or_default();
        self.columns.iter().map(|column| format!("{prefix}{}", sql::identifier(&column.name))).collect()
    }

    fn values(&self, key: &[String]) -> String {
        let value = |(column, value): (&Column, &String)| format!("CAST({} AS {})", literal(value), column.data_type);
        self.columns.iter().zip(key).map(value).collect::<Vec<_>>().join(", ")
    }

    /// The condition that a row lies in the next range.
    fn condition(&self, alias: Option<&str>) -> String {
        let names = self.names(alias).join(", ");
        let Some(upto) = &self.next.upto else { return "(false)".to_owned() };
        let upto = format!("({names}) <= ({})", self.values(upto));
        match &self.after {
            Some(after) => format!("(({names}) > ({}) AND {upto})", self.values(after)),
            None => format!("({upto})"),
        }
    }

    /// The statement for the next range.
    pub(crate) fn fill(&self, task: &StepTask<'_>, batch: &Batch) -> Filled {
        let statement = task.step.body.statements[0].range.clone();
        let mut filled = Filled { text: String::new(), pieces: Vec::new() };
        let mut at = statement.start;
        for place in &batch.places {
            filled.push(&task.text[at..place.range.start], at..place.range.start);
            filled.push(&self.condition(place.alias.as_deref()), place.range.clone());
            at = place.range.end;
        }
        filled.push(&task.text[at..statement.end], at..statement.end);
        filled
    }

    /// Finds the range of `size` rows behind `after`: how many rows there are, and its last key.
    pub(crate) fn find(&self, after: Option<&Vec<String>>, size: u64) -> String {
        let names = self.names(None);
        let aliases: Vec<String> = (1..=names.len()).map(|number| format!("k{number}")).collect();
        let named: Vec<_> = names.iter().zip(&aliases).map(|(name, alias)| format!("{name} AS {alias}")).collect();
        let keys: Vec<_> = aliases.iter().map(|alias| format!("CAST({alias} AS pg_catalog.text)")).collect();
        let (order, aliases) = (names.join(", "), aliases.join(", "));
        let behind = after.map(|key| format!("WHERE ({order}) > ({})", self.values(key))).unwrap_or_default();
        format!(
            "{FORMATS} SELECT n, {keys} FROM (SELECT {aliases}, pg_catalog.row_number() OVER (ORDER BY {aliases}) AS n \
             FROM (SELECT {named} FROM {table} {behind} ORDER BY {order} LIMIT {size}) AS s) AS t ORDER BY n DESC LIMIT 1",
            keys = keys.join(", "),
            named = named.join(", "),
            table = self.table,
        )
    }

    /// The cursor behind the next range, as the ledger keeps it.
    pub(crate) fn cursor(&self) -> Value {
        json!({"after": self.next.upto.as_ref().or(self.after.as_ref()), "rows": self.rows + self.next.rows})
    }

    /// The next range is done, and `found` is behind it.
    pub(crate) fn advance(&mut self, found: Found) {
        let done = std::mem::replace(&mut self.next, found);
        self.unclaimed = false;
        self.step += 1;
        self.rows += done.rows;
        self.after = done.upto;
    }
}

impl Filled {
    fn push(&mut self, text: &str, original: Range<usize>) {
        let start = self.text.len();
        write!(self.text, "{text}").expect("writing to a string does not fail");
        self.pieces.push((start..self.text.len(), original));
    }
}

/// A literal of unknown type: plain where nothing in it could be taken for anything else under any setting.
fn literal(value: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || " .:+-/_".contains(char);
    if value.chars().all(plain) { format!("'{value}'") } else { sql::text(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_literal_that_no_setting_changes() {
        for plain in ["7", "2026-01-01 00:00:00+00", "a_b/c.d"] {
            assert_eq!(literal(plain), format!("'{plain}'"));
        }
        for other in ["it's", "a\\b", "ä", "{1,2}"] {
            assert_eq!(literal(other), sql::text(other));
        }
    }

    #[test]
    fn an_offset_leads_back_to_the_file() {
        let mut filled = Filled { text: String::new(), pieces: Vec::new() };
        assert_eq!(filled.original(3), 0);
        filled.push("UPDATE t WHERE ", 10..25);
        filled.push("(a > 1 AND a <= 9)", 25..31);
        filled.push(" AND b", 31..37);
        let offsets = [0, 14, 15, 20, 32, 33, 35, 38, 99].map(|offset| filled.original(offset));
        assert_eq!(offsets, [10, 24, 25, 25, 25, 31, 33, 36, 37]);
        assert_eq!(filled.text, "UPDATE t WHERE (a > 1 AND a <= 9) AND b");
    }

    #[test]
    fn a_cursor_is_behind_the_range_that_is_done() {
        let found = |rows, upto: Option<&str>| Found { rows, upto: upto.map(|key| vec![key.to_owned()]), last: false };
        let column = Column { name: "id".to_owned(), data_type: "bigint".to_owned() };
        let mut ranges = Ranges {
            unclaimed: true,
            step: 0,
            rows: 0,
            table: "t".to_owned(),
            columns: vec![column],
            after: None,
            next: found(10, Some("9")),
        };
        assert_eq!(ranges.condition(None), "((\"id\") <= (CAST('9' AS bigint)))");
        assert_eq!(ranges.cursor(), json!({"after": ["9"], "rows": 10}));
        ranges.advance(found(5, Some("14")));
        assert_eq!((ranges.unclaimed, ranges.step, ranges.rows), (false, 1, 10));
        let range = "((\"t\".\"id\") > (CAST('9' AS bigint)) AND (\"t\".\"id\") <= (CAST('14' AS bigint)))";
        assert_eq!(ranges.condition(Some("t")), range);
        assert_eq!(ranges.cursor(), json!({"after": ["14"], "rows": 15}));
        ranges.advance(found(0, None));
        assert_eq!(ranges.condition(None), "(false)");
        assert_eq!((ranges.step, ranges.rows, ranges.cursor()), (2, 15, json!({"after": ["14"], "rows": 15})));
    }
}
