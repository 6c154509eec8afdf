//! The bytes to a server and back: a socket, encrypted or not, that the protocol runs over.
//!
//! tokio-postgres could open sockets itself, but then nobody could look at the peer of a Unix socket, read the login along
//! (`require_auth`), bind it to certificates it does not know, or tell one address from the next.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready as polled};

use rustls::ProtocolVersion;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::auth::AuthWatch;
use crate::certificate;
use crate::connect::locked;
use crate::options::{Keepalive, Server};
use crate::tls::{HandshakeError, Tls};

/// Anything that bytes go through.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A connection that is as encrypted as it will be.
pub(crate) struct Wire {
    stream: Box<dyn Duplex>,
    pub(crate) encrypted: bool,
    /// The version of TLS.
    pub(crate) version: Option<ProtocolVersion>,
    /// The digest of the server's certificate that a login is bound to.
    binding: Option<Vec<u8>>,
    watch: Option<Arc<Mutex<AuthWatch>>>,
}

impl Wire {
    pub(crate) fn plain(stream: impl Duplex + 'static) -> Self {
        Self { stream: Box::new(stream), encrypted: false, version: None, binding: None, watch: None }
    }

    /// Encrypts where the server offers it; `optional` goes on in the clear where it does not.
    pub(crate) async fn encrypted(
        tls: &Tls,
        server: &Server,
        mut stream: impl Duplex + 'static,
        optional: bool,
    ) -> Result<Self, HandshakeError> {
        if !tls.is_offered(&mut stream).await? {
            return if optional { Ok(Self::plain(stream)) } else { Err(HandshakeError::NotOffered) };
        }
        let stream = tls.handshake(server, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let binding = shown.and_then(certificate::binding);
        let version = stream.get_ref().1.protocol_version();
        Ok(Self { stream: Box::new(stream), encrypted: true, version, binding, watch: None })
    }

    /// The same, with the login read along.
    pub(crate) fn watched(self, watch: Arc<Mutex<AuthWatch>>) -> Self {
        Self { watch: Some(watch), ..self }
    }
}

/// Opens a TCP connection with the probes that are asked for.
pub(crate) async fn tcp(address: std::net::SocketAddr, keepalive: Keepalive) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    if keepalive.on {
        let mut probes = TcpKeepalive::new();
        if !keepalive.idle.is_zero() {
            probes = probes.with_time(keepalive.idle);
        }
        if !keepalive.interval.is_zero() {
            probes = probes.with_interval(keepalive.interval);
        }
        if keepalive.count > 0 {
            probes = probes.with_retries(keepalive.count);
        }
        socket.set_tcp_keepalive(&probes)?;
    }
    if !keepalive.user_timeout.is_zero() {
        socket.set_tcp_user_timeout(Some(keepalive.user_timeout))?;
    }
    Ok(stream)
}

/// Opens the socket of the server at `port`; `peer` is who has to run that server.
pub(crate) async fn unix(dir: &Path, port: u16, peer: Option<&str>) -> io::Result<UnixStream> {
    let path = dir.join(format!(".s.PGSQL.{port}"));
    let stream = match path.to_str().and_then(|path| path.strip_prefix('@')) {
        None => UnixStream::connect(path).await?,
        // Linux's way to write a socket that has a name and no file.
        Some(name) => UnixStream::connect(format!("\0{name}")).await?,
    };
    if let Some(wanted) = peer {
        let uid = stream.peer_cred()?.uid();
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))?;
        if user.is_none_or(|user| user.name != wanted) {
            let why = "another user than `requirepeer` names runs the server";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    Ok(stream)
}

/// Tells tokio-postgres that a wire is encrypted already, or is not to be.
pub(crate) struct AsItIs;

impl TlsConnect<Wire> for AsItIs {
    type Stream = Wire;
    type Error = Infallible;
    type Future = Ready<Result<Wire, Infallible>>;

    fn connect(self, wire: Wire) -> Self::Future {
        ready(Ok(wire))
    }
}

impl TlsStream for Wire {
    fn channel_binding(&self) -> ChannelBinding {
        self.binding.clone().map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        polled!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if let Some(watch) = &self.watch {
            let mut watch_now = locked(watch);
            watch_now.feed(&buffer.filled()[before..])?;
            let let_in = watch_now.let_in();
            drop(watch_now);
            if let_in {
                self.watch = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
