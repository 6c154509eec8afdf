//! What the startup of a connection named its backend by.
//!
//! tokio-postgres keeps process id and secret to itself, but a cancel request holds both, and can be sent into a stream of
//! our own. Behind a pooler the process id is the pooler's invention, which is how one is found out.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::Client;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// The process id and the secret for cancelling, as bytes of the protocol.
pub(crate) type BackendKey = [u8; 8];

/// The code of an SSLRequest message (protocol documentation, "SSLRequest").
const SSL_REQUEST: [u8; 4] = 80_877_103u32.to_be_bytes();

/// Reads the key out of a cancel request that goes nowhere.
pub(crate) async fn backend_key(client: &Client) -> BackendKey {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let token = client.cancel_token();
    let request = token.cancel_query_raw(ours, Unencrypted);
    let (_, key) = tokio::join!(request, read_key(&mut theirs));
    key.expect("a cancel request holds the key in its bytes 8 to 16")
}

async fn read_key(stream: &mut DuplexStream) -> io::Result<BackendKey> {
    let mut head = [0; 8];
    stream.read_exact(&mut head).await?;
    if head[4..] == SSL_REQUEST {
        stream.write_all(b"S").await?;
        stream.read_exact(&mut head).await?;
    }
    let mut key = BackendKey::default();
    stream.read_exact(&mut key).await?;
    Ok(key)
}

/// Satisfies an `sslmode` that insists on TLS, for a stream that stays inside this process.
struct Unencrypted;

impl TlsConnect<DuplexStream> for Unencrypted {
    type Stream = Passed;
    type Error = Infallible;
    type Future = Ready<Result<Passed, Infallible>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Passed(stream)))
    }
}

struct Passed(DuplexStream);

impl TlsStream for Passed {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Passed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Passed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
