//! The author's own query: whether a statement that the catalog tells nothing of was done.
//!
//! It runs read only and with a time limit, as a subquery, so that it is one query and nothing else. It has to give one row
//! whose first column is a truth value: what "no row" or NULL was meant to say is not guessed, because a wrong guess would
//! take a statement for done, or run it twice.

use dunlin_planner::{Body, Failure, FailureClass, ProbeFact};

use crate::rows::{begins_with, truth};
use crate::session::PostgresSession;

const HINT: &str = "correct the line `-- dunlin: probe …`: it needs one row with one truth value, such as `SELECT EXISTS (SELECT FROM …)`";

impl PostgresSession {
    pub(crate) async fn author_query(&mut self, body: &Body, index: usize, query: &str) -> Result<ProbeFact, Failure> {
        let query = query.trim().trim_end_matches(';');
        let query = format!(
            "SELECT p.dunlin_done AS done, p.dunlin_done IS NULL AS is_null, pg_catalog.pg_typeof(p.dunlin_done) AS type \
             FROM ({query}\n) AS p(dunlin_done) LIMIT 2"
        );
        let refused = |failure: Failure| Failure {
            hint: Some(HINT.to_owned()),
            place: Some(body.place(index)),
            message: format!("the probe of this statement {}", failure.message),
            ..failure
        };
        let found = match self.look(body, &query).await {
            Ok(found) => found,
            Err(failure) => {
                // It wrote, in a transaction that is read only by us and not by the server.
                let wrote = failure.sqlstate.as_deref() == Some("25006");
                let class = if wrote { FailureClass::Rejected } else { failure.class };
                return Err(refused(Failure { class, message: format!("failed: {}", failure.message), ..failure }));
            }
        };
        let rows: Vec<_> = found.iter().filter(|row| begins_with(row, "done")).collect();
        let why = match rows.as_slice() {
            [row] if row.get("type") != Some("boolean") => {
                format!("gave a value of type {}", row.get("type").unwrap_or("unknown"))
            }
            [row] if truth(row, "is_null") => "gave NULL".to_owned(),
            [row] => return Ok(if truth(row, "done") { ProbeFact::Done } else { ProbeFact::Absent }),
            [] => "gave no row".to_owned(),
            _ => "gave more than one row".to_owned(),
        };
        Err(refused(Failure::new(FailureClass::Rejected, why)))
    }
}
