//! One request to a ClickHouse server, and its answer.
//!
//! Nothing is sent twice from here: whether a request that was lost is repeated is decided above, after looking. A connection is
//! used again only within two seconds, before servers close it. Errors never name user or password.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dunlin_planner::{Failure, FailureClass};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::ExposeSecret;

use crate::options::ConnectOptions;
use crate::reply::{self, Refused};
use crate::tls;

/// How long the server may take for what Dunlin itself asks.
const BRIEF: Duration = Duration::from_secs(30);
/// How long a connection is kept for the next request; servers keep theirs for three seconds or more.
const IDLE: Duration = Duration::from_secs(2);
/// How much of an answer is kept; of a longer one its end, where an error stands.
const KEPT: usize = 64 * 1024 * 1024;

pub(crate) type SendBody = UnsyncBoxBody<Bytes, Infallible>;

/// A way to one server.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, SendBody>,
    options: Arc<ConnectOptions>,
    /// What is told of this program to whoever looks at the server's processes.
    agent: HeaderValue,
}

/// What is asked: a statement, and settings beside it.
pub(crate) struct Ask {
    pub(crate) text: String,
    pub(crate) params: Vec<(String, String)>,
    /// Whether the answer is awaited as long as it takes.
    pub(crate) patient: bool,
    /// Whether the target's database is that of the request.
    pub(crate) in_database: bool,
}

impl Ask {
    /// A statement of Dunlin's own, in no database.
    pub(crate) fn own(text: impl Into<String>) -> Self {
        let params = vec![
            ("output_format_json_quote_64bit_integers".to_owned(), "1".to_owned()),
            ("max_query_size".to_owned(), (64 * 1024 * 1024).to_string()),
        ];
        Self { text: text.into(), params, patient: false, in_database: false }
    }

    /// A statement about the ledger, which is in the target's database.
    pub(crate) fn ledger(text: impl Into<String>) -> Self {
        Self { in_database: true, ..Self::own(text) }
    }

    pub(crate) fn param(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.push((name.to_owned(), value.into()));
        self
    }
}

impl Http {
    pub(crate) fn new(options: Arc<ConnectOptions>) -> Result<Self, Failure> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_connect_timeout(Some(options.connect_timeout));
        plain.set_keepalive(Some(Duration::from_secs(30)));
        plain.set_keepalive_interval(Some(Duration::from_secs(10)));
        plain.set_nodelay(true);
        let config = tls::config(options.tls.as_ref())?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(plain);
        // A request that was not begun, since the server had just closed the idle connection that it was for, goes over another
        // one; of what was begun nothing is repeated.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(true)
            .build(connector);
        let agent = format!("dunlin/{} (process {})", env!("CARGO_PKG_VERSION"), std::process::id());
        let agent = HeaderValue::from_str(&agent).expect("a version and a number are plain");
        Ok(Self { client, options, agent })
    }

    /// How it is reached.
    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The target's database.
    pub(crate) fn database(&self) -> &str {
        &self.options.database
    }

    /// Who logs in.
    pub(crate) fn user(&self) -> &str {
        self.options.user.as_deref().unwrap_or("default")
    }

    /// Where the server is, for people.
    pub(crate) fn address(&self) -> String {
        self.options.address()
    }

    /// Sends one statement and awaits the whole answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<String, Refused> {
        let Ask { text, mut params, patient, in_database } = ask;
        params.push(("wait_end_of_query".to_owned(), "1".to_owned()));
        if in_database {
            params.push(("database".to_owned(), self.options.database.clone()));
        }
        let request = self.request(&params, Full::new(Bytes::from(text)).boxed_unsync())?;
        let answer = self.answer(request);
        let (status, code, body) = match patient {
            true => answer.await?,
            false => tokio::time::timeout(BRIEF, answer).await.map_err(|_| silent())??,
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        if let Some(refused) = reply::refusal(code.as_deref(), &body) {
            return Err(refused);
        }
        if status.is_success() { Ok(body) } else { Err(Refused::without_code(odd(status, &body))) }
    }

    /// Sends a request whose body goes on for as long as its stream does; the future ends when the server answers.
    pub(crate) async fn stream(&self, params: &[(String, String)], body: SendBody) -> Result<String, Refused> {
        let (_, code, body) = self.answer(self.request(params, body)?).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        match reply::refusal(code.as_deref(), &body) {
            Some(refused) => Err(refused),
            None => Ok(body),
        }
    }

    fn request(&self, params: &[(String, String)], body: SendBody) -> Result<Request<SendBody>, Refused> {
        let scheme = if self.options.tls.is_some() { "https" } else { "http" };
        let query: Vec<_> =
            params.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let host = match self.options.host.contains(':') && !self.options.host.starts_with('[') {
            true => format!("[{}]", self.options.host),
            false => self.options.host.clone(),
        };
        let uri = format!("{scheme}://{host}:{}/?{}", self.options.port, query.join("&"));
        let wrong = |what: &str| {
            let message = format!("the target's {what} holds characters that HTTP does not take");
            Refused::without_code(Failure::new(FailureClass::Misconfigured, message))
        };
        let uri: Uri = uri.parse().map_err(|_| wrong("host"))?;
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut()) = (Method::POST, uri);
        let headers = request.headers_mut();
        headers.insert(hyper::header::USER_AGENT, self.agent.clone());
        if let Some(user) = &self.options.user {
            let name = HeaderName::from_static("x-clickhouse-user");
            headers.insert(name, HeaderValue::from_bytes(user.as_bytes()).map_err(|_| wrong("user"))?);
        }
        if let Some(password) = &self.options.password {
            let value = HeaderValue::from_bytes(password.expose_secret().as_bytes());
            let mut value = value.map_err(|_| wrong("password"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-clickhouse-key"), value);
        }
        Ok(request)
    }

    async fn answer(&self, request: Request<SendBody>) -> Result<(StatusCode, Option<String>, BytesMut), Refused> {
        let answer = self.client.request(request).await.map_err(|error| self.lost(&error))?;
        let code = answer.headers().get("x-clickhouse-exception-code");
        let code = code.and_then(|code| code.to_str().ok()).map(str::to_owned);
        let (status, mut kept) = (answer.status(), BytesMut::new());
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refused::without_code(gone(&error)))?;
            kept.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
            if kept.len() > KEPT {
                let _ = kept.split_to(kept.len() - KEPT / 2);
            }
        }
        Ok((status, code, kept))
    }

    /// A request that found no answer: before it was sent, nothing happened.
    fn lost(&self, error: &Error) -> Refused {
        if !error.is_connect() {
            return Refused::without_code(gone(error));
        }
        let detail = chain(error);
        let trust = ["certificate", "InvalidCertificate", "UnknownIssuer", "HandshakeFailure", "corrupt message"];
        let untrusted = self.options.tls.is_some() && trust.iter().any(|word| detail.contains(word));
        let (class, hint) = match untrusted {
            true => (
                FailureClass::Rejected,
                "the server speaks no TLS on this port, or its certificate is not trusted: `sslrootcert` names the file of its authority",
            ),
            false => (
                FailureClass::Unreachable,
                "see that the server runs and that host and port are those of its HTTP interface",
            ),
        };
        let message = format!("the server at {} cannot be reached", self.address());
        let failure = Failure::new(class, message);
        Refused::without_code(Failure { detail: Some(detail), hint: Some(hint.to_owned()), ..failure })
    }
}

fn gone(error: &dyn std::error::Error) -> Failure {
    let failure = Failure::new(FailureClass::Unknown, "the connection to the server was lost");
    Failure { detail: Some(chain(error)), ..failure }
}

fn silent() -> Refused {
    let message = format!("the server has not answered for {} s", BRIEF.as_secs());
    Refused::without_code(Failure::new(FailureClass::Unknown, message))
}

fn odd(status: StatusCode, body: &str) -> Failure {
    // A proxy before the server: what it wanted to say may be there or not.
    let class = match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => FailureClass::Unknown,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => FailureClass::Unreachable,
        _ => FailureClass::Rejected,
    };
    let message = format!("the server answered {status}, and not as ClickHouse does");
    let said: String = body.trim().chars().take(300).collect();
    let hint = "see that host and port are those of its HTTP interface: 8123, or 8443 with TLS".to_owned();
    let detail = (!said.is_empty()).then_some(said);
    Failure { detail, hint: Some(hint), ..Failure::new(class, message) }
}

/// The causes behind an error.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let causes: Vec<_> = causes.filter(|cause| !cause.starts_with("client error")).collect();
    causes.join(": ")
}

/// A name or value in a URL.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().fold(String::with_capacity(text.len()), |mut url, byte| {
        if plain(byte) {
            url.push(char::from(byte))
        } else {
            url.push_str(&format!("%{byte:02X}"))
        }
        url
    })
}
