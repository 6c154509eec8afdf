//! Attempts to connect that failed, and what they come to: one failure that says what every server answered, and what to do.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dunlin_planner::{Failure, FailureClass};
use rustls::CertificateError;
use tokio_postgres::Error;

use crate::auth::AuthRefused;
use crate::failure::{chain, of_db};
use crate::hosts::Endpoint;
use crate::options::{ConnectOptions, Server};
use crate::tls::HandshakeError;

/// Why one attempt failed.
pub(crate) enum Refusal {
    /// The host's name could not be looked up.
    Name(io::Error),
    /// Nobody answered.
    Connect(io::Error),
    /// Nobody answered in time.
    Timeout(Duration),
    /// There was no encrypted connection to be had.
    Handshake(HandshakeError),
    /// The server refused, or the login failed; `settled` says that the other way of encryption would change nothing.
    Startup { error: Error, encrypted: bool, settled: bool },
    /// It is not the kind of server that is wanted.
    Unfit(&'static str),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Startup { error, encrypted: false, settled: true }
    }
}

impl Refusal {
    /// Whether the other way of encryption is worth a try, as libpq has it: TLS that fails, and a login that is refused.
    pub(crate) fn leaves_other_encryption(&self) -> bool {
        match self {
            Self::Handshake(_) => true,
            Self::Startup { error, settled, .. } => !settled && error.as_db_error().is_some(),
            Self::Name(_) | Self::Connect(_) | Self::Timeout(_) | Self::Unfit(_) => false,
        }
    }

    /// Whether it is the answer, whatever other servers would say.
    fn is_final(&self) -> bool {
        match self {
            Self::Name(_) | Self::Connect(_) | Self::Timeout(_) | Self::Unfit(_) => false,
            Self::Handshake(HandshakeError::Failed(error)) => !is_cut(error),
            Self::Handshake(_) => true,
            // One that is starting or full may be the one that failed over.
            Self::Startup { error, .. } => error.as_db_error().map_or(!(error.is_closed() || is_cut(error)), |db| {
                !matches!(db.code().code(), "57P03" | "53300" | "57P01" | "57P02")
            }),
        }
    }

    /// How much it tells: an answer says more than silence.
    fn weight(&self) -> u8 {
        match self {
            Self::Startup { error, .. } if error.as_db_error().is_some() => 4,
            Self::Startup { .. } => 3,
            Self::Handshake(_) => 2,
            Self::Unfit(_) => 1,
            Self::Name(_) | Self::Connect(_) | Self::Timeout(_) => 0,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Name(error) | Self::Connect(error) => error.to_string(),
            Self::Timeout(time) => format!("no answer within {} s", time.as_secs()),
            Self::Handshake(error) => chain(error),
            Self::Startup { error, .. } => match error.as_db_error() {
                Some(db) => db.message().to_owned(),
                None => chain(error),
            },
            Self::Unfit(why) => (*why).to_owned(),
        }
    }
}

/// An attempt at one server.
pub(crate) struct Tried {
    server: Server,
    address: Option<SocketAddr>,
    refusal: Refusal,
}

impl Tried {
    pub(crate) fn new(server: &Server, address: Option<SocketAddr>, refusal: Refusal) -> Self {
        Self { server: server.clone(), address, refusal }
    }

    pub(crate) fn at(endpoint: &Endpoint, refusal: Refusal) -> Self {
        Self::new(&endpoint.server, endpoint.address, refusal)
    }

    pub(crate) fn is_final(&self) -> bool {
        self.refusal.is_final()
    }

    /// One line of several.
    fn line(&self) -> String {
        let address = self.address.filter(|address| address.ip().to_string() != self.server.host.to_string());
        let address = address.map_or_else(String::new, |address| format!(" ({})", address.ip()));
        let tls = match self.refusal {
            Refusal::Handshake(_) | Refusal::Startup { encrypted: true, .. } => " with TLS",
            _ => "",
        };
        format!("{}{address}{tls}: {}", self.server, self.refusal.text())
    }
}

/// What all attempts come to: the one that tells most, with every other in the detail.
pub(crate) fn failure(options: &ConnectOptions, tried: &[Tried]) -> Failure {
    // Of equals the first: where encryption was tried both ways, that is the way that was wanted.
    let told = tried.iter().rev().max_by_key(|tried| tried.refusal.weight());
    let Some(told) = told else { return unreachable(options, "the host's name has no address") };
    let mut failure = one(options, told);
    if tried.len() > 1 {
        let own = failure.detail.filter(|detail| *detail != told.refusal.text());
        let lines: Vec<String> = own.into_iter().chain(tried.iter().map(Tried::line)).collect();
        failure.detail = Some(lines.join("\n"));
    }
    failure
}

fn one(options: &ConnectOptions, tried: &Tried) -> Failure {
    match &tried.refusal {
        Refusal::Startup { error, .. } => match error.as_db_error() {
            Some(db) => of_server(of_db(db), options, &tried.server),
            None if error.is_closed() || is_cut(error) => unreachable(options, &tried.refusal.text()),
            None => refused(options, tried.refusal.text(), login_hint(error)),
        },
        Refusal::Handshake(HandshakeError::Failed(error)) if is_cut(error) => {
            unreachable(options, &tried.refusal.text())
        }
        Refusal::Handshake(error) => refused(options, tried.refusal.text(), handshake_hint(error)),
        Refusal::Unfit(_) => unfit(options, &tried.refusal),
        other => unreachable(options, &other.text()),
    }
}

/// What the server said while we logged in.
fn of_server(mut failure: Failure, options: &ConnectOptions, server: &Server) -> Failure {
    let password = match (&options.password, &server.password) {
        (Some(_), _) => "the configured password was sent",
        (None, Some(_)) => "the password of the password file was sent",
        (None, None) => "no password is configured",
    };
    let (user, database) = (options.user(), options.database());
    let (class, hint) = match failure.sqlstate.as_deref().unwrap_or_default() {
        "28P01" => (FailureClass::Rejected, format!("user `{user}` at {server}: {password}")),
        "28000" => {
            let hint = format!(
                "user `{user}`, database `{database}` at {server}: the server's pg_hba.conf decides who may log in, from where and how"
            );
            (FailureClass::Rejected, hint)
        }
        "3D000" => {
            (FailureClass::Rejected, format!("create database `{database}`, or let the target say `create = true`"))
        }
        "53300" => (FailureClass::Unreachable, format!("the server at {server} has no free connection")),
        "57P03" => (FailureClass::Unreachable, format!("the server at {server} is starting or shutting down")),
        "08P01" => {
            let hint =
                "a pooler refuses parameters of the startup, such as `options`: leave them out, or name a `direct_url`";
            (FailureClass::Rejected, hint.to_owned())
        }
        _ => (failure.class, format!("while connecting to {options}")),
    };
    failure.class = if class == FailureClass::Unknown { FailureClass::Unreachable } else { class };
    failure.hint = Some(hint);
    failure
}

fn refused(options: &ConnectOptions, detail: String, hint: &str) -> Failure {
    Failure {
        detail: Some(detail),
        hint: Some(hint.to_owned()),
        ..Failure::new(FailureClass::Rejected, format!("the connection to {options} was refused"))
    }
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

/// Every server that answered is of another kind: that can change, as roles do when a primary fails.
fn unfit(options: &ConnectOptions, refusal: &Refusal) -> Failure {
    let message = format!("no server at {} is of the kind that `target_session_attrs` asks for", options.address());
    let hint =
        "migrations need the primary: see which server that is; `target_session_attrs=any` takes whichever answers";
    Failure {
        detail: Some(refusal.text()),
        hint: Some(hint.to_owned()),
        ..Failure::new(FailureClass::Unreachable, message)
    }
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn std::error::Error + 'static)| {
        let error: &'a (dyn std::error::Error + 'static) = *error;
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as &'a (dyn std::error::Error + 'static)).or_else(|| error.source())
    })
}

/// Whether the connection ended in the middle: as silence, not as an answer. A proxy before a server that is gone does so.
fn is_cut(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    causes(error).any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind.is_some_and(|kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
    })
}

fn login_hint(error: &Error) -> &'static str {
    let found = causes(error).find_map(|cause| {
        if cause.is::<AuthRefused>() {
            return Some(
                "let `require_auth` name what the server's pg_hba.conf asks for, or let that ask for something better",
            );
        }
        cause.downcast_ref().and_then(tls_hint)
    });
    let text = chain(error);
    found.unwrap_or(match text.as_str() {
        text if text.contains("password missing") => "give the target a password",
        text if text.contains("channel binding") => {
            "binding needs TLS, SCRAM, and a server certificate whose signature has a hash (RSA or ECDSA, not Ed25519)"
        }
        text if text.contains("unsupported authentication") => {
            "the server asks for Kerberos or SSPI: let its pg_hba.conf ask this user for scram-sha-256 or cert"
        }
        _ => "look at the server's own log",
    })
}

fn handshake_hint(error: &HandshakeError) -> &'static str {
    match error {
        HandshakeError::NotOffered => "the server has no TLS; `sslmode=disable` would send everything in the clear",
        HandshakeError::NotPostgres => "see that the host and port are those of a PostgreSQL server",
        HandshakeError::NoAlpn => "servers before version 17 cannot do that: leave `sslnegotiation` out",
        HandshakeError::NotAsked => {
            "the server asks for one where its `ssl_ca_file` is set; else leave `sslcertmode` out"
        }
        HandshakeError::Name(_) => "give the host by a name that certificates can have, and its address as `hostaddr`",
        HandshakeError::Failed(error) => causes(error)
            .find_map(|cause| cause.downcast_ref().and_then(tls_hint))
            .unwrap_or("look at `sslmode`, `sslrootcert` and the server's own log"),
    }
}

fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::AlertReceived(_) => {
            return Some("the server ended TLS: look at its log, and at `sslcert` if it asks for a client certificate");
        }
        rustls::Error::PeerIncompatible(_) => {
            return Some("the server speaks neither TLS 1.2 nor 1.3 as it is asked to");
        }
        _ => return None,
    };
    Some(match certificate {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate names another host; `sslmode=verify-ca` checks its issuer only"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "give the issuer's certificate with `sslrootcert`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the server's certificate has expired",
        CertificateError::Revoked => "the server's certificate was revoked",
        CertificateError::UnknownRevocationStatus | CertificateError::ExpiredRevocationList => {
            "`sslcrl` and `sslcrldir` need a list of every authority in the chain that has not expired"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not for servers: its extended key usage needs serverAuth"
        }
        CertificateError::BadEncoding => "the certificate cannot be read: perhaps it is empty where it should not be",
        CertificateError::Other(other) => match other.to_string().as_str() {
            text if text.contains("UnsupportedCertVersion") => {
                "the certificate is of X.509 version 1: make it anew as version 3 (openssl x509 -req with -extfile)"
            }
            text if text.contains("CaUsedAsEndEntity") => {
                "the server shows the certificate of an authority: give it one of its own, or pin it with `sslrootcert`"
            }
            _ => "the certificate is not as TLS servers should have it",
        },
        _ => return None,
    })
}
