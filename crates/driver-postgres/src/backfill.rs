//! A backfill: its statement over one range of keys after another, each with the cursor in one transaction (PROTOCOL.md,
//! "Backfill").
//!
//! A range is one round trip: its transaction also finds the next range. Where that one ends decides nothing but its size,
//! for the cursor alone says what is done; so it does not matter what happens to the table in between.

use dunlin_driver::{BatchClaim, StepTask};
use dunlin_planner::{Action, Batch, BatchFacts, Begun, Body, Failure, FailureClass, StepSettings};
use serde_json::{Value, json};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Error, SimpleQueryMessage, SimpleQueryRow};

use crate::apply::{busy, estranged, in_part, row_now};
use crate::messages::{self, Course, FENCED, Key, LEFT, NEEDS, NOT_CLAIMED, OTHER_LEDGER, OTHER_TIMELINE};
use crate::ranges::{Column, Filled, Found, Ranges};
use crate::rows::{begins_with, field, one_row, rows, truth};
use crate::session::{Claimed, PostgresSession};
use crate::window::{Part, exchange};
use crate::{failure, place, pressure, sql};

/// How long a backfill that runs through a pooler is left alone after its last sign of life: no lock tells that it is gone.
const LEASE: &str = "30 seconds";

/// What the ledger says before a backfill is claimed.
struct Row {
    attempt: u32,
    step: u32,
    rows: u64,
    after: Option<Vec<String>>,
    done: bool,
    leased: bool,
}

fn batch_of<'a>(task: &'a StepTask<'_>) -> Result<&'a Batch, Failure> {
    let none = || Failure::new(FailureClass::Rejected, format!("`{}` is no backfill", task.step.id));
    task.step.body.batch.as_ref().filter(|_| task.step.body.statements.len() == 1).ok_or_else(none)
}

fn fixed(key: &Key) -> String {
    format!("project = {} AND id = {}", key.project, key.id)
}

impl PostgresSession {
    pub(crate) async fn claim_ranges(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchClaim, Failure> {
        let key = Key::new(task)?;
        let batch = batch_of(task)?;
        let line = self.line().await?;
        let (pooled, client) = (line.pooled, line.connection.client());
        if !pooled {
            let query = format!("SELECT pg_catalog.pg_try_advisory_lock({}, {}) AS taken", sql::LOCK_CLASS, key.lock);
            let answer = one_row(client, &query).await.map_err(|failure| self.perhaps_interrupted(failure))?;
            if !truth(&answer, "taken") {
                let client = self.line_or_lost()?.connection.client();
                return Err(busy(client, task, held(task)).await);
            }
        }
        let found = self.find_first(task, &key, batch, size).await;
        match found {
            Ok(Some((attempt, ranges, total))) => {
                let begun = Begun { batches: ranges.step, rows: ranges.rows, total };
                let notices = task.notices.clone();
                self.claimed = Some(Claimed { lock: key.lock, attempt, ranges: Some(ranges), notices });
                Ok(BatchClaim::Taken(begun))
            }
            Ok(None) => {
                self.unlock().await;
                Ok(BatchClaim::AlreadyDone)
            }
            Err(failure) => {
                self.settle().await;
                self.unlock().await;
                Err(self.perhaps_interrupted(failure))
            }
        }
    }

    /// Reads the row, checks the table, and finds the range behind the cursor. Writes nothing.
    async fn find_first(
        &mut self,
        task: &StepTask<'_>,
        key: &Key,
        batch: &Batch,
        size: u64,
    ) -> Result<Option<(u32, Ranges, Option<u64>)>, Failure> {
        let row = self.read_row(task, key).await?;
        if row.as_ref().is_some_and(|row| row.leased) {
            return Err(held(task));
        }
        let gone = row.is_none() && matches!(task.step.action, Action::Revert { .. });
        if gone || row.as_ref().is_some_and(|row| row.done) {
            return Ok(None);
        }
        let client = self.line_or_lost()?.connection.client();
        let (table, columns) = (batch.table.quoted(), self.columns(&task.step.body, batch).await?);
        let total = pressure::count(client, &task.step.body, &batch.table).await?;
        let row = row.unwrap_or(Row { attempt: 0, step: 0, rows: 0, after: None, done: false, leased: false });
        let (step, rows, next) = (row.step, row.rows, Found { rows: 0, upto: None, last: true });
        let mut ranges = Ranges { unclaimed: true, step, rows, table, columns, after: row.after, next };
        let answer = self.look_up(&task.step.body, &ranges.find(ranges.after.as_ref(), size)).await?;
        ranges.next = found(answer.last(), &ranges, size)?;
        Ok(Some((row.attempt + 1, ranges, total)))
    }

    /// Reads under the body's own settings, so that names mean what they mean in the body.
    async fn look_up(&self, body: &Body, query: &str) -> Result<Vec<SimpleQueryRow>, Failure> {
        let message = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE; SET LOCAL lock_timeout = '5s'; {} {query}; COMMIT",
            messages::body_settings(&body.settings, true)
        );
        rows(self.line_or_lost()?.connection.client(), &message).await.map_err(|error| failure::of(&error))
    }

    async fn read_row(&self, task: &StepTask<'_>, key: &Key) -> Result<Option<Row>, Failure> {
        let course = Course::of(&task.step.action);
        let applies = matches!(task.step.action, Action::Apply { .. });
        let query = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE; SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL row_security = off; \
             SELECT attempt, state = '{during}' AND cursor IS NOT NULL AND stmt_sums = {sums} AS resumes, step, cursor, \
             state = '{after}' AND (NOT {applies} OR checksum = {checksum}) AS done, \
             state IN ('running', 'reverting') AND run_id <> '{run}' AND (cursor->>'pooled')::boolean \
             AND (cursor->>'at')::timestamptz > clock_timestamp() - interval '{LEASE}' AS leased \
             FROM dunlin.ledger WHERE {fixed}; COMMIT",
            during = course.during,
            after = course.after,
            sums = sql::digests(task.step.body.sums().iter()),
            checksum = sql::digest(&task.step.checksum),
            run = key.run,
            fixed = fixed(key),
        );
        let found =
            rows(self.line_or_lost()?.connection.client(), &query).await.map_err(|error| failure::of(&error))?;
        let Some(row) = found.first() else { return Ok(None) };
        let resumes = truth(row, "resumes");
        let cursor: Value =
            row.get("cursor").filter(|_| resumes).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let keys = |keys: &Vec<Value>| keys.iter().map(|key| key.as_str().unwrap_or_default().to_owned()).collect();
        Ok(Some(Row {
            attempt: field(row, "attempt")?,
            step: if resumes { field(row, "step")? } else { 0 },
            rows: cursor["rows"].as_u64().unwrap_or_default(),
            after: cursor["after"].as_array().map(keys),
            done: truth(row, "done"),
            leased: truth(row, "leased"),
        }))
    }

    /// The columns of the key with their types, where the table can be walked by them.
    async fn columns(&self, body: &Body, batch: &Batch) -> Result<Vec<Column>, Failure> {
        let names: Vec<String> = batch.key.iter().map(|name| sql::text(name)).collect();
        let query = format!(
            "WITH key AS (SELECT k.name, k.ord, a.attnum, a.attnotnull, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, c.oid, c.relkind \
             FROM (SELECT pg_catalog.to_regclass({table})::pg_catalog.oid AS oid) AS t LEFT JOIN pg_catalog.pg_class c USING (oid) \
             CROSS JOIN pg_catalog.unnest(ARRAY[{names}]) WITH ORDINALITY AS k(name, ord) \
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped) \
             SELECT name, type, attnotnull AS filled, attnum IS NOT NULL AS there, relkind, EXISTS (SELECT FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam \
             WHERE i.indrelid = key.oid AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree' \
             AND NOT EXISTS (SELECT FROM key AS o WHERE o.attnum IS DISTINCT FROM i.indkey[o.ord - 1] \
             OR i.indoption[o.ord - 1] <> i.indoption[0] OR i.indoption[0] NOT IN (0, 3))) AS indexed FROM key ORDER BY ord",
            table = sql::text(&batch.table.quoted()),
            names = names.join(", "),
        );
        let found = self.look_up(body, &query).await?;
        found.iter().filter(|row| begins_with(row, "name")).map(|row| column(batch, row)).collect()
    }

    pub(crate) async fn run_range(&mut self, task: &StepTask<'_>, size: u64) -> Result<BatchFacts, Failure> {
        self.mark_interruptible();
        let (key, batch) = (Key::new(task)?, batch_of(task)?);
        let (_, claimed) = self.held()?;
        let lost = || Failure::new(FailureClass::Unknown, "this step's claim was lost with its connection");
        let ranges = claimed.ranges.as_ref().ok_or_else(lost)?;
        let filled = ranges.fill(task, batch);
        let (rows, last) = (ranges.next.rows, ranges.next.last);
        let texts = self.texts(task, &key, &filled, size)?;
        let lookout = self.lookout(key.lock, task);
        let line = self.begin_work()?;
        line.listen(Some(task.notices.clone()));
        let (answers, seen) = lookout.watch(exchange(line.connection.client(), &texts)).await;
        self.end_work();
        self.blockers = seen;
        let answers = match all(answers) {
            Ok(answers) => answers,
            Err((at, error)) => {
                let part = match at {
                    0 => Part::Opening,
                    1 => Part::Body(Some(offset(task, &texts[1], &filled, &error))),
                    _ => Part::Closing,
                };
                return Err(self.range_failed(task, &key, &part, &error).await);
            }
        };
        if last {
            self.unlock().await;
        } else if let Some(ranges) = self.claimed.as_mut().and_then(|claimed| claimed.ranges.as_mut()) {
            let row = answers[2].iter().rev().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            let next = found(row, ranges, size)?;
            ranges.advance(next);
        }
        Ok(BatchFacts { rows, changed: changed(&answers[1]), last })
    }

    /// The transaction of the next range: opening, statement, the look at the range behind it, closing.
    fn texts(&self, task: &StepTask<'_>, key: &Key, filled: &Filled, size: u64) -> Result<Vec<String>, Failure> {
        let (line, claimed) = self.held()?;
        let ranges = claimed.ranges.as_ref().expect("the caller has looked at them");
        let course = Course::of(&task.step.action);
        let settings = StepSettings { isolation: None, ..task.step.body.settings.clone() };
        let last = ranges.next.last;
        let mut cursor = sql::json(&ranges.cursor());
        let mut opening = messages::begin(&settings, line.watches_client)?;
        if line.pooled {
            cursor = format!(
                "{cursor} || {} || pg_catalog.jsonb_build_object('at', pg_catalog.clock_timestamp())",
                sql::json(&json!({"pooled": true}))
            );
            opening.push_str(&messages::lock_once(key));
        }
        if ranges.unclaimed {
            opening.push_str(&messages::claim_batch(key, task));
        }
        let set = format!("step = {}, cursor = {cursor}", ranges.step + 1);
        let step = usize::try_from(ranges.step).unwrap_or(usize::MAX);
        opening.push_str(&messages::fenced(key, claimed.attempt, course, step, &set));
        opening.push_str(&messages::body_settings(&settings, true));
        let guard = messages::guard(key, course.during);
        let mut texts = vec![opening, format!("{guard} {}", filled.text)];
        if !last {
            texts.push(format!("{guard} {}", ranges.find(ranges.next.upto.as_ref(), size)));
        }
        let closing = messages::closing(key, &settings, course.during, last.then_some(course.after));
        texts.push(format!("{}{closing}", line.shed()));
        Ok(texts)
    }

    /// What a range that failed means. Nothing of it happened, and it stays the next one, unless the claim is gone.
    async fn range_failed(&mut self, task: &StepTask<'_>, key: &Key, part: &Part, error: &Error) -> Failure {
        let failure = in_part(task, part, self.left_by(error).await);
        if failure.class == FailureClass::Unknown {
            return failure;
        }
        let taken = |message: String| Failure::new(FailureClass::Busy, message);
        let failure = match (part, failure.sqlstate.as_deref()) {
            (Part::Opening, Some(FENCED)) => taken(format!("another run has taken over `{}`", task.step.id)),
            (Part::Opening, Some(NOT_CLAIMED)) => match self.line_or_lost() {
                Ok(line) => match row_now(line.connection.client(), key)
                    .await
                    .and_then(|row| task.step.not_claimed(row.as_ref()))
                {
                    Ok(_) => taken(format!("another run has finished `{}`", task.step.id)),
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            },
            (Part::Opening, Some(NEEDS | OTHER_LEDGER | OTHER_TIMELINE)) => estranged(task, &failure),
            (_, Some(LEFT)) => Failure {
                hint: Some("a batch is one transaction: take what ends it out of the file".to_owned()),
                ..Failure::new(FailureClass::Rejected, "the statement ended the transaction of its batch")
            },
            // The lock of a row or table, or a collision: the claim is still ours.
            _ => return failure,
        };
        self.unlock().await;
        failure
    }
}

fn held(task: &StepTask<'_>) -> Failure {
    Failure::new(FailureClass::Busy, format!("`{}` is held by another session", task.step.id))
}

fn column(batch: &Batch, row: &SimpleQueryRow) -> Result<Column, Failure> {
    let refuse = |message: String, hint: &str| {
        let hint = Some(hint.to_owned());
        Err(Failure { hint, ..Failure::new(FailureClass::Rejected, message) })
    };
    let (table, name): (_, String) = (&batch.table, field(row, "name")?);
    let columns = batch.key.join(", ");
    match row.get("relkind") {
        None => {
            return refuse(
                format!("there is no table `{table}` to walk over"),
                "correct `table=…` in `-- dunlin: batch`",
            );
        }
        Some("r" | "p") => {}
        Some(_) => return refuse(format!("`{table}` is no table"), "walk over the table that holds the rows"),
    }
    if !truth(row, "there") {
        return refuse(format!("`{table}` has no column `{name}`"), "correct `key=…` in `-- dunlin: batch`");
    }
    if !truth(row, "filled") {
        let hint = "walk by columns that are NOT NULL, such as the primary key";
        return refuse(
            format!("`{name}` of `{table}` may be null, and a row without a key would never be reached"),
            hint,
        );
    }
    if !truth(row, "indexed") {
        let hint = "walk by the primary key, or make an index that begins with these columns first";
        return refuse(
            format!("`{table}` has no index that begins with ({columns}), and each batch would read the whole table"),
            hint,
        );
    }
    Ok(Column { name, data_type: field(row, "type")? })
}

/// The range behind the cursor; the last one where there are fewer rows than asked for.
fn found(row: Option<&SimpleQueryRow>, ranges: &Ranges, size: u64) -> Result<Found, Failure> {
    let Some(row) = row.filter(|row| begins_with(row, "n")) else {
        return Ok(Found { rows: 0, upto: None, last: true });
    };
    let rows: u64 = field(row, "n")?;
    let key = (1..=ranges.columns.len()).map(|at| row.get(at).map(str::to_owned)).collect();
    Ok(Found { rows, upto: key, last: rows < size })
}

/// Every answer, or the first error and where it came.
fn all(answers: Vec<Result<Vec<SimpleQueryMessage>, Error>>) -> Result<Vec<Vec<SimpleQueryMessage>>, (usize, Error)> {
    answers.into_iter().enumerate().map(|(at, answer)| answer.map_err(|error| (at, error))).collect()
}

/// Rows that the statement behind the guard changed.
fn changed(answer: &[SimpleQueryMessage]) -> u64 {
    let counts = answer.iter().rev().find_map(|message| match message {
        SimpleQueryMessage::CommandComplete(count) => Some(*count),
        _ => None,
    });
    counts.unwrap_or_default()
}

/// Where in the file an error of the statement is.
fn offset(task: &StepTask<'_>, sent: &str, filled: &Filled, error: &Error) -> usize {
    let prefix = sent.len() - filled.text.len();
    let at = match error.as_db_error().and_then(tokio_postgres::error::DbError::position) {
        Some(ErrorPosition::Original(position)) => place::offset_of(sent, *position).checked_sub(prefix),
        _ => None,
    };
    at.map_or(task.step.body.statements[0].range.start, |at| filled.original(at))
}
