//! Server errors as failures: what each SQLSTATE means for the step, and what to do about it (PROTOCOL.md, "Classes").

use dunlin_planner::{Failure, FailureClass};
use rustls::CertificateError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, ErrorPosition};

use crate::options::ConnectOptions;

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
    let state = db.code().code();
    Failure {
        class: class_of_state(state),
        message: db.message().to_owned(),
        sqlstate: Some(state.to_owned()),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned).or_else(|| hint(state).map(str::to_owned)),
        context: context(db),
        place: None,
    }
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

/// A failed attempt to connect.
pub(crate) fn of_connect(error: &Error, options: &ConnectOptions) -> Failure {
    let address = options.address();
    let Some(db) = error.as_db_error() else { return of_network(error, options) };
    let mut failure = of_db(db);
    let configured =
        if options.has_password() { "the configured password was sent" } else { "no password is configured" };
    let (class, hint) = match failure.sqlstate.as_deref().unwrap_or_default() {
        "28P01" => (FailureClass::Rejected, format!("user `{}` at {address}: {configured}", options.user())),
        "28000" => {
            let hint = format!(
                "user `{}`, database `{}` at {address}: the server's pg_hba.conf decides who may log in, from where and how",
                options.user(),
                options.database()
            );
            (FailureClass::Rejected, hint)
        }
        "3D000" => {
            let hint = format!("create database `{}`, or let the target say `create = true`", options.database());
            (FailureClass::Rejected, hint)
        }
        "53300" => (FailureClass::Unreachable, format!("the server at {address} has no free connection")),
        "57P03" => (FailureClass::Unreachable, format!("the server at {address} is starting or shutting down")),
        _ => (failure.class, format!("while connecting to {options}")),
    };
    failure.class = if class == FailureClass::Unknown { FailureClass::Unreachable } else { class };
    failure.hint = Some(hint);
    failure
}

fn of_network(error: &Error, options: &ConnectOptions) -> Failure {
    let detail = chain(error);
    let refused = ["error performing TLS handshake", "invalid configuration", "authentication error"];
    if refused.iter().any(|kind| detail.starts_with(kind)) {
        let hint = certificate_hint(error).unwrap_or(match detail.as_str() {
            text if text.contains("does not support TLS") => {
                "the server has no TLS; `sslmode=disable` would send everything in the clear"
            }
            text if text.contains("password missing") => "give the target a password",
            _ => "look at `sslmode`, `sslrootcert` and the server's own log",
        });
        let message = format!("the connection to {options} was refused");
        return Failure {
            detail: Some(detail),
            hint: Some(hint.to_owned()),
            ..Failure::new(FailureClass::Rejected, message)
        };
    }
    unreachable(options, detail.strip_prefix("error connecting to server: ").unwrap_or(&detail))
}

/// Nobody answers there, or nobody in time.
pub(crate) fn unreachable(options: &ConnectOptions, why: &str) -> Failure {
    let message = format!("the server at {} cannot be reached", options.address());
    Failure {
        detail: Some(why.to_owned()),
        hint: Some("see that it runs and that the target names its host and port, then try again".to_owned()),
        ..Failure::new(FailureClass::Unreachable, message)
    }
}

fn certificate_hint(error: &Error) -> Option<&'static str> {
    let io = std::error::Error::source(error)?.downcast_ref::<std::io::Error>()?;
    let rustls::Error::InvalidCertificate(certificate) = io.get_ref()?.downcast_ref::<rustls::Error>()? else {
        return None;
    };
    Some(match certificate {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate names another host; `sslmode=verify-ca` checks its issuer only"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "give the issuer's certificate with `sslrootcert`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the server's certificate has expired",
        _ => return None,
    })
}
