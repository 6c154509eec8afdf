//! The one place where connections are made: a deadpool of them per URL, whose connections also hand on what the server
//! says besides answers, and know which backend the startup named.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use dunlin_driver::NoticeSink;
use dunlin_planner::{Failure, FailureClass, Notice};
use tokio::task::JoinHandle;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::backend_key::{BackendKey, backend_key};
use crate::failure;
use crate::options::ConnectOptions;
use crate::rows::{field, one_row};
use crate::tls;

/// Inspection, the lane of transactions, that of backfills, four for what runs statement by statement, and one to spare.
const CONNECTIONS: usize = 8;

/// Where a connection's notices go just now.
pub(crate) type NoticeTap = Arc<Mutex<Option<NoticeSink>>>;

type Taps = Arc<Mutex<HashMap<BackendKey, NoticeTap>>>;

/// Makes and keeps the connections to one URL.
#[derive(Clone)]
pub(crate) struct Connector {
    options: Arc<ConnectOptions>,
    tls: MakeRustlsConnect,
    taps: Taps,
    pool: Pool,
}

/// A connection out of the pool. Dropping it closes it: whoever was stopped half way may have left a transaction open, or
/// settings; only [`Connection::give_back`] keeps it.
pub(crate) struct Connection {
    client: Option<Object>,
    /// The backend's process id, as the startup gave it; behind a pooler that is not the one that `pg_backend_pid()` gives.
    pub(crate) startup_pid: i32,
    tap: NoticeTap,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(crate) fn new(options: Arc<ConnectOptions>) -> Result<Self, Failure> {
        let tls = tls::connector(&options).map_err(|error| {
            let failure = Failure::new(FailureClass::Misconfigured, error.to_string());
            Failure { detail: std::error::Error::source(&error).map(failure::chain), ..failure }
        })?;
        let taps = Taps::default();
        let connect = TappedConnect { tls: tls.clone(), taps: Arc::clone(&taps) };
        let manager =
            Manager::from_connect(options.config(), connect, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(60)))
            .create_timeout(Some(options.connect_timeout + Duration::from_secs(2)))
            .build()
            .expect("a runtime is given, and nothing else can be missing");
        Ok(Self { options, tls, taps, pool })
    }

    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let client = self.pool.get().await.map_err(|error| self.refused(error))?;
        let key = backend_key(&client).await;
        let tap = locked(&self.taps).get(&key).cloned().unwrap_or_default();
        let startup_pid = i32::from_be_bytes([key[0], key[1], key[2], key[3]]);
        tracing::debug!(server = %self.options, pid = startup_pid, "connected");
        Ok(Connection { client: Some(client), startup_pid, tap, tls: self.tls.clone() })
    }

    fn refused(&self, error: PoolError) -> Failure {
        match error {
            PoolError::Backend(error) => failure::of_connect(&error, &self.options),
            PoolError::Timeout(_) => failure::unreachable(&self.options, "it did not answer in time"),
            other => failure::unreachable(&self.options, &other.to_string()),
        }
    }
}

impl Connection {
    pub(crate) fn client(&self) -> &Client {
        self.client.as_ref().expect("it is taken out only by what consumes the connection")
    }

    /// Whether the backend is another one than the startup named.
    pub(crate) async fn is_pooled(&self) -> Result<bool, Failure> {
        let row = one_row(self.client(), "SELECT pg_catalog.pg_backend_pid() AS pid").await?;
        Ok(field::<i32>(&row, "pid")? != self.startup_pid)
    }

    /// Back into the pool, for others to use: nothing must be left behind in it.
    pub(crate) fn give_back(mut self) {
        drop(self.client.take());
    }

    /// Sends notices to `sink` from here on; nowhere, without one.
    pub(crate) fn listen(&self, sink: Option<NoticeSink>) {
        *locked(&self.tap) = sink;
    }

    pub(crate) fn cancel_token(&self) -> (CancelToken, MakeRustlsConnect) {
        (self.client().cancel_token(), self.tls.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

struct TappedConnect {
    tls: MakeRustlsConnect,
    taps: Taps,
}

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

impl Connect for TappedConnect {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let config = config.clone();
        Box::pin(async move {
            let (client, mut connection) = config.connect(self.tls.clone()).await?;
            let key = backend_key(&client).await;
            let (tap, taps) = (NoticeTap::default(), Arc::clone(&self.taps));
            locked(&taps).insert(key, Arc::clone(&tap));
            let task = tokio::spawn(async move {
                let _entry = TapEntry { taps, key };
                // An error here ends every answer that is still waited for, and is reported there.
                while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                    if let AsyncMessage::Notice(notice) = message {
                        hand_on(&tap, &notice);
                    }
                }
            });
            Ok((client, task))
        })
    }
}

/// Takes the connection's tap off the list, however its task ends.
struct TapEntry {
    taps: Taps,
    key: BackendKey,
}

impl Drop for TapEntry {
    fn drop(&mut self) {
        locked(&self.taps).remove(&self.key);
    }
}

fn hand_on(tap: &NoticeTap, notice: &DbError) {
    let sink = locked(tap).clone();
    if let Some(sink) = sink {
        sink(Notice {
            severity: notice.severity().to_owned(),
            message: notice.message().to_owned(),
            detail: notice.detail().map(str::to_owned),
            hint: notice.hint().map(str::to_owned),
        });
    }
}

/// A panic while holding one of these locks leaves nothing half done.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
