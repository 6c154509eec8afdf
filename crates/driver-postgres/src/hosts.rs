//! Tries one server after the other until one is reached that is the wanted kind, in libpq's order: hosts, the addresses of
//! each, and for each address first the one and then the other way of encryption where `sslmode` leaves a choice.
//!
//! A server that cannot be reached, or that is none to talk to just now, is passed over; one that refuses the login is the
//! answer, as in libpq.

use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dunlin_planner::Failure;
use futures_util::FutureExt;
use rustls::ProtocolVersion;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage};

use crate::auth::AuthWatch;
use crate::connect::locked;
use crate::notices::Tap;
use crate::options::{ConnectOptions, Host, Server, SessionAttrs, SslMode};
use crate::refusal::{self, Refusal, Tried};
use crate::tls::Tls;
use crate::wire::{self, AsItIs, Wire};

/// Where a connection went, so that a request to cancel goes there too.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) server: Server,
    /// None is the server's Unix socket.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) encrypted: bool,
    /// The version of TLS, once there is a connection.
    pub(crate) version: Option<ProtocolVersion>,
}

/// A connection that a task looks after.
pub(crate) struct Live {
    pub(crate) client: Client,
    pub(crate) task: JoinHandle<()>,
    pub(crate) tap: Tap,
    pub(crate) endpoint: Endpoint,
}

/// Connects to the first server that is fit.
pub(crate) async fn open(options: &ConnectOptions, tls: Option<&Tls>) -> Result<Live, Failure> {
    let mut tried = Vec::new();
    let passes = match options.session {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any][..],
        wanted => &[wanted],
    };
    for wanted in passes {
        for server in shuffled(&options.servers, options.shuffled) {
            let addresses = match within(options, addresses(server)).await {
                Ok(addresses) => addresses,
                Err(refusal) => {
                    tried.push(Tried::new(server, None, refusal));
                    continue;
                }
            };
            for address in shuffled(&addresses, options.shuffled) {
                match at_address(options, tls, server, *address, &mut tried).await {
                    Some(live) => match within(options, check(&live.client, *wanted)).await {
                        Ok(()) => return Ok(live),
                        Err(refusal) => tried.push(Tried::at(&live.endpoint, refusal)),
                    },
                    None if tried.last().is_some_and(Tried::is_final) => return Err(refusal::failure(options, &tried)),
                    None => {}
                }
            }
        }
    }
    Err(refusal::failure(options, &tried))
}

/// In the order given, or in any.
fn shuffled<T>(list: &[T], shuffle: bool) -> Vec<&T> {
    let mut list: Vec<(usize, &T)> = list.iter().enumerate().collect();
    if shuffle {
        let state = RandomState::new();
        list.sort_by_key(|(at, _)| state.hash_one(at));
    }
    list.into_iter().map(|(_, item)| item).collect()
}

/// Where the server is; a Unix socket has no address.
async fn addresses(server: &Server) -> Result<Vec<Option<SocketAddr>>, Refusal> {
    match (&server.host, server.address) {
        (Host::Unix(_), _) => Ok(vec![None]),
        (Host::Tcp(_), Some(address)) => Ok(vec![Some((address, server.port).into())]),
        (Host::Tcp(name), None) => {
            let found = tokio::net::lookup_host((name.as_str(), server.port)).await;
            Ok(found.map_err(Refusal::Name)?.map(Some).collect())
        }
    }
}

/// The ways to try, encrypted or not.
fn ways(mode: SslMode, address: Option<SocketAddr>) -> &'static [bool] {
    match mode {
        _ if address.is_none() => &[false],
        SslMode::Disable => &[false],
        SslMode::Allow => &[false, true],
        SslMode::Prefer => &[true, false],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[true],
    }
}

async fn at_address(
    options: &ConnectOptions,
    tls: Option<&Tls>,
    server: &Server,
    address: Option<SocketAddr>,
    tried: &mut Vec<Tried>,
) -> Option<Live> {
    let before = tried.len();
    for encrypted in ways(options.ssl_mode, address) {
        let endpoint = Endpoint { server: server.clone(), address, encrypted: *encrypted, version: None };
        match within(options, connect(options, tls, endpoint.clone())).await {
            Ok(live) => {
                // The other way is of no interest any more.
                tried.truncate(before);
                return Some(live);
            }
            Err(refusal) => {
                let goes_on = refusal.leaves_other_encryption();
                tried.push(Tried::at(&endpoint, refusal));
                if !goes_on {
                    break;
                }
            }
        }
    }
    None
}

/// Opens the wire, encrypted where the endpoint says so.
pub(crate) async fn wire(options: &ConnectOptions, tls: Option<&Tls>, endpoint: &Endpoint) -> Result<Wire, Refusal> {
    let server = &endpoint.server;
    let stream = match (&server.host, endpoint.address) {
        (Host::Unix(dir), _) => {
            let stream = wire::unix(dir, server.port, options.peer.as_deref()).await;
            return stream.map(Wire::plain).map_err(Refusal::Connect);
        }
        (Host::Tcp(_), Some(address)) => wire::tcp(address, options.keepalive).await.map_err(Refusal::Connect)?,
        (Host::Tcp(_), None) => return Err(Refusal::Name(io::Error::other("the name has no address"))),
    };
    match tls.filter(|_| endpoint.encrypted) {
        Some(tls) => {
            let optional = options.ssl_mode == SslMode::Prefer;
            Wire::encrypted(tls, server, stream, optional).await.map_err(Refusal::Handshake)
        }
        None => Ok(Wire::plain(stream)),
    }
}

/// One session on that endpoint; nothing is asked in it.
pub(crate) async fn connect(
    options: &ConnectOptions,
    tls: Option<&Tls>,
    mut endpoint: Endpoint,
) -> Result<Live, Refusal> {
    let watch = Arc::new(Mutex::new(AuthWatch::new(options.auth)));
    let wire = wire(options, tls, &endpoint).await?.watched(Arc::clone(&watch));
    let asked = std::mem::replace(&mut endpoint.encrypted, wire.encrypted);
    let encrypted = wire.encrypted;
    endpoint.version = wire.version;
    let config = options.startup(&endpoint.server);
    let (client, mut connection) = config.connect_raw(wire, AsItIs).await.map_err(|error| {
        let settled = locked(&watch).let_in() || asked != encrypted;
        Refusal::Startup { error, encrypted, settled }
    })?;
    let tap = Tap::default();
    // What was said during the startup is there already.
    while let Some(Some(Ok(message))) = poll_fn(|cx| connection.poll_message(cx)).now_or_never() {
        if let AsyncMessage::Notice(notice) = message {
            tap.keep(&notice);
        }
    }
    let hears = tap.clone();
    let task = tokio::spawn(async move {
        // An error here ends every answer that is still waited for, and is reported there.
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notice(notice) = message {
                hears.hand_on(&notice);
            }
        }
    });
    Ok(Live { client, task, tap, endpoint })
}

/// Whether the server is of the wanted kind.
async fn check(client: &Client, wanted: SessionAttrs) -> Result<(), Refusal> {
    if wanted == SessionAttrs::Any {
        return Ok(());
    }
    let asked = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')";
    let answer = client.simple_query(asked).await?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (standby, read_only) = row.unwrap_or_default();
    Err(Refusal::Unfit(match wanted {
        SessionAttrs::ReadWrite | SessionAttrs::Primary if standby => "it is a standby",
        SessionAttrs::ReadWrite if read_only => "it is set to read only",
        SessionAttrs::ReadOnly if !standby && !read_only => "it takes writes",
        SessionAttrs::Standby if !standby => "it is no standby",
        _ => return Ok(()),
    }))
}

/// Does one thing in the time that an address has.
async fn within<T>(options: &ConnectOptions, doing: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    match options.connect_timeout {
        None => doing.await,
        Some(time) => tokio::time::timeout(time, doing).await.unwrap_or(Err(Refusal::Timeout(time))),
    }
}
