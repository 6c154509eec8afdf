//! The way that connections take, and the other hosts of a target.

use std::sync::Arc;

use dunlin_planner::{Encryption, Failure, FailureClass, HostSeen, Line, Route, ServerRole, Verified};
use futures_util::future::join_all;
use rustls::ProtocolVersion;

use crate::connect::Connector;
use crate::health::examine::in_words;
use crate::health::server::STANDS;
use crate::hosts::Endpoint;
use crate::options::{ConnectOptions, Host, Server, SessionAttrs, SslMode};
use crate::rows::one_row;
use crate::tls::Roots;

pub(crate) fn line(options: &ConnectOptions, endpoint: &Endpoint) -> Line {
    let server = &endpoint.server;
    let way = match &server.host {
        Host::Unix(_) => Route::Socket,
        Host::Tcp(_) if server.is_local() => Route::Loopback,
        Host::Tcp(_) => Route::Network,
    };
    let encryption = endpoint.encrypted.then(|| Encryption {
        version: version(endpoint.version),
        verified: match options.ssl_mode {
            SslMode::VerifyFull => Verified::Name,
            SslMode::VerifyCa => Verified::Issuer,
            _ if matches!(options.tls.roots, Roots::File(_)) => Verified::Issuer,
            _ => Verified::Nothing,
        },
    });
    Line { host: server.to_string(), way, encryption }
}

fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        _ => "TLS".to_owned(),
    }
}

/// Every host of the target, in its order: the one that is used as it was found, the others asked for the purpose.
pub(crate) async fn hosts(options: &ConnectOptions, used: &Endpoint, stands: ServerRole) -> Vec<HostSeen> {
    let name = used.server.to_string();
    join_all(options.servers.iter().map(|server| async {
        let answer = if server.to_string() == name { Ok(stands) } else { ask(options, server).await };
        HostSeen { name: server.to_string(), answer: answer.map_err(|failure| why(&failure)) }
    }))
    .await
}

/// That it cannot be reached is said already.
fn why(failure: &Failure) -> String {
    match &failure.detail {
        Some(detail) if failure.class == FailureClass::Unreachable => detail.replace('\n', "; "),
        _ => in_words(failure),
    }
}

async fn ask(options: &ConnectOptions, server: &Server) -> Result<ServerRole, Failure> {
    let alone = ConnectOptions { servers: vec![server.clone()], session: SessionAttrs::Any, ..options.clone() };
    let connection = Connector::new(Arc::new(alone))?.connect().await?;
    let row = one_row(connection.client(), STANDS).await?;
    Ok(super::server::role(&row))
}
