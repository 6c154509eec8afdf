//! A proxy between driver and server that cuts every connection at one message of the driver, or passes a pooler off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// When the message is cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// Before the server sees it.
    Before,
    /// As soon as the server has it.
    During,
    /// When the server has answered, and the driver has not seen it.
    After,
}

/// The message that is cut off.
enum At {
    Number(usize),
    /// The first with these words.
    Words(&'static str),
    Never,
}

struct Plan {
    cut: Cut,
    at: At,
    messages: AtomicUsize,
    done: AtomicBool,
    hang_up: Notify,
    /// Gives another process id at startup than the backend's.
    pooler: bool,
}

impl Plan {
    fn is_for(&self, number: usize, message: &[u8]) -> bool {
        match self.at {
            At::Number(at) => number == at,
            At::Words(words) => {
                !self.done.load(Ordering::SeqCst)
                    && message.windows(words.len()).any(|window| window == words.as_bytes())
            }
            At::Never => false,
        }
    }
}

pub(crate) struct Proxy {
    port: u16,
    plan: Arc<Plan>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(upstream: u16, cut: Cut, at: usize) -> Self {
        Self::with(upstream, cut, At::Number(at), false).await
    }

    /// Cuts the first message that has these words, before the server sees it.
    pub(crate) async fn before(upstream: u16, words: &'static str) -> Self {
        Self::with(upstream, Cut::Before, At::Words(words), false).await
    }

    pub(crate) async fn pooler(upstream: u16) -> Self {
        Self::with(upstream, Cut::Before, At::Never, true).await
    }

    async fn with(upstream: u16, cut: Cut, at: At, pooler: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (messages, done, hang_up) = (AtomicUsize::new(0), AtomicBool::new(false), Notify::new());
        let plan = Arc::new(Plan { cut, at, messages, done, hang_up, pooler });
        let accepting = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&accepting)));
            }
        });
        Self { port, plan, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether the message came at all.
    pub(crate) fn has_cut(&self) -> bool {
        self.plan.done.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both directions, until either ends or the cut comes; then both sockets are closed.
async fn relay(client: TcpStream, server: TcpStream, plan: Arc<Plan>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Behind the cut the driver sees nothing more.
    let deaf = AtomicBool::new(false);
    tokio::select! {
        _ = requests(from_client, to_server, &plan, &deaf) => {}
        _ = answers(from_server, to_client, &plan, &deaf) => {}
        () = plan.hang_up.notified() => {}
    }
}

/// Type, length and body of the next message; the first one of a connection has no type.
async fn message(from: &mut OwnedReadHalf, typed: bool) -> std::io::Result<Vec<u8>> {
    let mut head = vec![0; if typed { 5 } else { 4 }];
    from.read_exact(&mut head).await?;
    let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize;
    let start = head.len();
    head.resize(start + length - 4, 0);
    from.read_exact(&mut head[start..]).await?;
    Ok(head)
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    plan: &Plan,
    deaf: &AtomicBool,
) -> std::io::Result<()> {
    to.write_all(&message(&mut from, false).await?).await?;
    loop {
        let message = message(&mut from, true).await?;
        let number = plan.messages.fetch_add(1, Ordering::SeqCst);
        if plan.is_for(number, &message) {
            plan.done.store(true, Ordering::SeqCst);
            deaf.store(true, Ordering::SeqCst);
            if plan.cut != Cut::Before {
                to.write_all(&message).await?;
            }
            if plan.cut == Cut::After {
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            plan.hang_up.notify_waiters();
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    plan: &Plan,
    deaf: &AtomicBool,
) -> std::io::Result<()> {
    loop {
        let mut message = message(&mut from, true).await?;
        if plan.pooler && message[0] == b'K' {
            message[5] ^= 1;
        }
        if !deaf.load(Ordering::SeqCst) {
            to.write_all(&message).await?;
        }
    }
}
