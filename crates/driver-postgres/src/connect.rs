//! The one place where connections are made and kept: a deadpool of them per target. Which server they go to is decided in
//! [`hosts`](crate::hosts).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use deadpool_postgres::{ClientWrapper, Runtime};
use dunlin_driver::NoticeSink;
use dunlin_planner::{Failure, FailureClass};
use tokio_postgres::{CancelToken, Client};

use crate::backend_key::backend_pid;
use crate::hosts::{self, Endpoint, Live};
use crate::notices::Tap;
use crate::options::ConnectOptions;
use crate::refusal;
use crate::rows::{field, one_row};
use crate::tls::Tls;
use crate::wire::AsItIs;

/// Inspection, the lane of transactions, that of backfills, four for what runs statement by statement, and one to spare.
pub(crate) const CONNECTIONS: usize = 8;

/// Makes and keeps the connections of one target.
#[derive(Clone)]
pub(crate) struct Connector {
    options: Arc<ConnectOptions>,
    pool: Pool<Maker>,
}

/// A connection out of the pool. Dropping it closes it: whoever was stopped half way may have left a transaction open, or
/// settings; only [`Connection::give_back`] keeps it.
pub(crate) struct Connection {
    kept: Option<Object<Maker>>,
    /// The backend's process id, as the startup gave it; behind a pooler that is not the one that `pg_backend_pid()` gives.
    pub(crate) startup_pid: i32,
}

impl Connector {
    pub(crate) fn new(options: Arc<ConnectOptions>) -> Result<Self, Failure> {
        let tls = options.needs_tls().then(|| Tls::new(options.ssl_mode, &options.tls)).transpose();
        let tls = tls.map_err(|error| {
            let detail = std::error::Error::source(&error).map(crate::failure::chain);
            Failure { detail, ..Failure::new(FailureClass::Misconfigured, error.to_string()) }
        })?;
        let maker = Maker { options: Arc::clone(&options), tls };
        let pool = Pool::builder(maker)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(60)))
            .build()
            .expect("a runtime is given, and nothing else can be missing");
        Ok(Self { options, pool })
    }

    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let kept = self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(failure) => failure,
            _ => refusal::unreachable(&self.options, "all connections to it are in use"),
        })?;
        let startup_pid = kept.startup_pid;
        Ok(Connection { kept: Some(kept), startup_pid })
    }
}

impl Connection {
    fn kept(&self) -> &Kept {
        self.kept.as_ref().expect("it is taken out only by what consumes the connection")
    }

    pub(crate) fn client(&self) -> &Client {
        &self.kept().client
    }

    /// Whether the backend is another one than the startup named.
    pub(crate) async fn is_pooled(&self) -> Result<bool, Failure> {
        let row = one_row(self.client(), "SELECT pg_catalog.pg_backend_pid() AS pid").await?;
        Ok(field::<i32>(&row, "pid")? != self.startup_pid)
    }

    /// Back into the pool, for others to use: nothing must be left behind in it.
    pub(crate) fn give_back(mut self) {
        drop(self.kept.take());
    }

    /// A new session on the same server, with further settings for its start, in which nothing was asked yet.
    pub(crate) async fn another(&self, settings: &str) -> Result<Fresh, Failure> {
        let Kept { endpoint, maker: Maker { options, tls }, .. } = self.kept();
        let mut with = ConnectOptions::clone(options);
        with.options.get_or_insert_default().push_str(settings);
        let live = hosts::connect(&with, tls.as_ref(), endpoint.clone()).await;
        let Live { client, task, tap, .. } =
            live.map_err(|_| refusal::unreachable(options, "no further session could be made"))?;
        Ok(Fresh { client: ClientWrapper::new(client, task), tap })
    }

    /// Sends notices to `sink` from here on; nowhere, without one.
    pub(crate) fn listen(&self, sink: Option<NoticeSink>) {
        self.kept().tap.listen(sink);
    }

    /// Whether a commit was let go before the synchronous standbys had it, since this was asked last.
    pub(crate) fn gave_up_waiting(&self) -> bool {
        self.kept().tap.gave_up_waiting()
    }

    /// Where it goes.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.kept().endpoint
    }

    pub(crate) fn cancel_request(&self) -> CancelRequest {
        let kept = self.kept();
        CancelRequest { token: kept.client.cancel_token(), maker: kept.maker.clone(), endpoint: kept.endpoint.clone() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            drop(Object::take(kept));
        }
    }
}

/// A session in which nothing was asked yet.
pub(crate) struct Fresh {
    client: ClientWrapper,
    tap: Tap,
}

impl Fresh {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn listen(&self, sink: NoticeSink) {
        self.tap.listen(Some(sink));
    }
}

/// Asks the server to cancel what a connection runs.
#[derive(Clone)]
pub(crate) struct CancelRequest {
    token: CancelToken,
    maker: Maker,
    endpoint: Endpoint,
}

impl CancelRequest {
    /// Sends one request, the way the connection itself went. Whether it hit anything shows in the statement's own end.
    pub(crate) async fn cancel(&self) {
        let Maker { options, tls } = &self.maker;
        if let Ok(wire) = hosts::wire(options, tls.as_ref(), &self.endpoint).await {
            self.token.cancel_query_raw(wire, AsItIs).await.ok();
        }
    }
}

/// Makes connections for the pool.
#[derive(Clone)]
struct Maker {
    options: Arc<ConnectOptions>,
    tls: Option<Tls>,
}

/// A connection in the pool, and what was found out while it was made.
struct Kept {
    client: ClientWrapper,
    startup_pid: i32,
    tap: Tap,
    endpoint: Endpoint,
    maker: Maker,
}

impl managed::Manager for Maker {
    type Type = Kept;
    type Error = Failure;

    async fn create(&self) -> Result<Kept, Failure> {
        let Live { client, task, tap, endpoint } = hosts::open(&self.options, self.tls.as_ref()).await?;
        let startup_pid = backend_pid(&client).await;
        tracing::debug!(server = %endpoint.server, encrypted = endpoint.encrypted, pid = startup_pid, "connected");
        Ok(Kept { client: ClientWrapper::new(client, task), startup_pid, tap, endpoint, maker: self.clone() })
    }

    async fn recycle(&self, kept: &mut Kept, _: &Metrics) -> RecycleResult<Failure> {
        if kept.client.is_closed() { Err(RecycleError::message("the connection is closed")) } else { Ok(()) }
    }
}

/// A panic while holding one of these locks leaves nothing half done.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
