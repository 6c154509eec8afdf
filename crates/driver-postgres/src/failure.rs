//! Server errors as failures: what each SQLSTATE means for the step, and what to do about it (PROTOCOL.md, "Classes").

use dunlin_planner::{Failure, FailureClass};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, ErrorPosition, Severity};

fn class_of_state(state: &str) -> FailureClass {
    match state {
        "40001" | "40P01" | "55P03" | "55006" => FailureClass::Busy,
        "53300" | "57P03" | "08001" | "08004" | "25006" => FailureClass::Unreachable,
        "57P01" | "57P02" | "57P05" | "25P03" | "08000" | "08003" | "08006" | "08P01" => FailureClass::Unknown,
        _ => FailureClass::Rejected,
    }
}

/// An error of the server with everything it said; the place is for the caller to add.
pub(crate) fn of(error: &Error) -> Failure {
    let Some(db) = error.as_db_error() else {
        let mut failure = Failure::new(FailureClass::Unknown, "the connection to the server was lost");
        failure.detail = Some(chain(error));
        return failure;
    };
    of_db(db)
}

pub(crate) fn of_db(db: &DbError) -> Failure {
    // What a standby says to BEGIN READ WRITE has the code of much else, and its text may be in any language.
    let standby = db.code().code() == "0A000" && db.routine() == Some("call_bool_check_hook");
    let state = if standby { "25006" } else { db.code().code() };
    let outlived = is_outlived(state, db.parsed_severity());
    Failure {
        class: if outlived { FailureClass::Unknown } else { class_of_state(state) },
        message: db.message().to_owned(),
        sqlstate: Some(state.to_owned()),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().or_else(|| hint(state).filter(|_| !outlived)).map(str::to_owned),
        context: context(db),
        place: None,
    }
}

/// TimescaleDB ends every session that has another version loaded than the extension has by now, at its next statement.
fn is_outlived(state: &str, severity: Option<Severity>) -> bool {
    state == "42710" && severity == Some(Severity::Fatal)
}

/// PL/pgSQL tells which line of which function, and for a query inside of it the query itself.
fn context(db: &DbError) -> Option<String> {
    let lines: Vec<&str> =
        db.where_().into_iter().flat_map(str::lines).filter(|line| !line.contains("$dunlin$")).collect();
    let mut context = lines.join("\n");
    if let Some(ErrorPosition::Internal { query, .. }) = db.position() {
        context = format!("in the query: {query}\n{context}").trim_end().to_owned();
    }
    (!context.is_empty()).then_some(context)
}

/// The causes behind an error, as tokio-postgres prints none of them itself.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).fold(
        String::new(),
        |text, next| match text.ends_with(&next) {
            true => text,
            false if text.is_empty() => next,
            false => format!("{text}: {next}"),
        },
    )
}

fn hint(state: &str) -> Option<&'static str> {
    Some(match state {
        "25001" => "let the file say `-- dunlin: transaction none`, or give the statement a file of its own",
        "2D000" => {
            "what it calls commits by itself: let the file say `-- dunlin: transaction none`, with `-- dunlin: probe SELECT …` above the call"
        }
        "55P04" => "a new enum value cannot be used before it is committed: add it in a migration of its own",
        "53100" => "the server's disk is full; nothing of this step was kept",
        "53200" => "raise `max_locks_per_transaction`, or split the migration",
        "57014" => {
            "it took longer than its timeout, or someone cancelled it; `-- dunlin: timeout 1h` gives it more time"
        }
        "42P07" | "42710" | "42701" | "42P06" => {
            "it is there already without the ledger knowing: write `IF NOT EXISTS` where that is right, or remove what is in the way"
        }
        "55006" => "something still uses the object, perhaps pending trigger events of this very migration: split it",
        "42501" => {
            "the role of this target lacks a privilege; `role` in its configuration sets the role for migration bodies"
        }
        "25006" => {
            "this server takes no writes: it is a standby, or set to read only; let the target's URL name the primary"
        }
        "XX001" | "XX002" => "the server found damaged data; do not go on before its storage was checked",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_whether_waiting_helps() {
        use FailureClass::{Busy, Rejected, Unknown, Unreachable};
        for (class, states) in [
            (Busy, "40001 40P01 55P03 55006"),
            (Unreachable, "53300 57P03 08001 08004 25006"),
            (Unknown, "57P01 57P02 57P05 25P03 08000 08003 08006 08P01"),
            (Rejected, "42601 57014 23505 XX000"),
        ] {
            for state in states.split(' ') {
                assert_eq!(class_of_state(state), class, "{state}");
            }
        }
    }

    #[test]
    fn what_migrations_often_meet_has_a_hint_of_its_own() {
        let states = "25001 2D000 55P04 53100 53200 57014 42P07 55006 42501 25006 XX001";
        let hints: std::collections::BTreeSet<_> = states.split(' ').map(|state| hint(state).expect(state)).collect();
        assert_eq!(hints.len(), states.split(' ').count());
        assert_eq!(["42710", "42701", "42P06"].map(hint), [hint("42P07"); 3]);
        assert_eq!((hint("XX002"), hint("42601")), (hint("XX001"), None));
    }

    #[test]
    fn a_session_is_outlived_where_the_server_ends_it_for_its_version() {
        for (state, severity, is) in
            [("42710", Severity::Fatal, true), ("42710", Severity::Error, false), ("57P01", Severity::Fatal, false)]
        {
            assert_eq!(is_outlived(state, Some(severity)), is, "{state}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Caused {
        said: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn causes_are_said_once_each() {
        let error = |said, source: Option<Caused>| Caused { said, source: source.map(Box::new) };
        let refused = || error("connection refused", None);
        assert_eq!(chain(&refused()), "connection refused");
        let whole = error("it failed", Some(error("no way: connection refused", Some(refused()))));
        assert_eq!(chain(&whole), "it failed: no way: connection refused");
    }
}
