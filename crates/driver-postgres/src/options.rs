//! How a server is reached: the value that every connection of a target is made from.
//!
//! It comes from a URL, a keyword string or single parts (see [`conninfo`](crate::conninfo)). Environment variables, password
//! files and service files are read by whoever makes the value, not here.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;

use crate::tls::CaSource;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name or an address.
    Tcp(String),
    /// The directory of a Unix socket.
    Unix(PathBuf),
}

impl Host {
    /// A path is the directory of a socket, anything else a name or an address.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.starts_with('/') { Self::Unix(PathBuf::from(text)) } else { Self::Tcp(text.to_owned()) }
    }

    /// Whether traffic to it cannot leave this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(name) => {
                name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) if name.contains(':') => write!(f, "[{name}]"),
            Self::Tcp(name) => f.write_str(name),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How much encryption is asked for, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// None.
    Disable,
    /// Encrypted where the server offers it, and nothing is verified; libpq's `allow` counts as this.
    Prefer,
    /// Encrypted; verified only where a root certificate is given.
    Require,
    /// The certificate's issuer is verified.
    VerifyCa,
    /// Issuer and name are verified.
    VerifyFull,
}

/// Everything needed to connect; prints without its password.
#[derive(Clone)]
pub struct ConnectOptions {
    pub(crate) hosts: Vec<(Host, u16)>,
    pub(crate) database: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) ssl_mode: Option<SslMode>,
    pub(crate) ca: Option<CaSource>,
    pub(crate) application_name: String,
    pub(crate) connect_timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            database: None,
            user: None,
            password: None,
            ssl_mode: None,
            ca: None,
            application_name: "dunlin".to_owned(),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl ConnectOptions {
    /// Options out of single parts, each as the configuration gives it; `host` may be the directory of a Unix socket.
    #[must_use]
    pub fn from_parts(host: Option<&str>, port: Option<u16>, database: Option<&str>, user: Option<&str>) -> Self {
        Self {
            hosts: vec![(Host::new(host.unwrap_or("localhost")), port.unwrap_or(5432))],
            database: database.map(str::to_owned),
            user: user.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Sets the password.
    #[must_use]
    pub fn with_password(self, password: SecretString) -> Self {
        Self { password: Some(password), ..self }
    }

    /// The same server and user, with another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: Some(database.to_owned()), ..self.clone() }
    }

    /// The database that is connected to; servers take the user's name where none is given.
    #[must_use]
    pub fn database(&self) -> &str {
        self.database.as_deref().unwrap_or_else(|| self.user())
    }

    /// The user that logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("postgres")
    }

    /// How much encryption is asked for; where nothing was said, everything that may leave this machine is verified in full.
    #[must_use]
    pub fn ssl_mode(&self) -> SslMode {
        let local = self.hosts.iter().all(|(host, _)| host.is_local());
        self.ssl_mode.unwrap_or(if local { SslMode::Prefer } else { SslMode::VerifyFull })
    }

    /// The hosts and ports, for people.
    #[must_use]
    pub fn address(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        hosts.join(",")
    }

    pub(crate) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        for (host, port) in &self.hosts {
            match host {
                Host::Tcp(name) => config.host(name),
                Host::Unix(path) => config.host_path(path),
            };
            config.port(*port);
        }
        config.user(self.user()).dbname(self.database());
        config.application_name(&self.application_name).connect_timeout(self.connect_timeout);
        config.keepalives_idle(Duration::from_secs(30));
        if let Some(password) = &self.password {
            config.password(password.expose_secret());
        }
        // A socket of this machine carries no TLS, and tokio-postgres would refuse to try.
        let sockets_only = self.hosts.iter().all(|(host, _)| matches!(host, Host::Unix(_)));
        config.ssl_mode(match self.ssl_mode() {
            _ if sockets_only => tokio_postgres::config::SslMode::Disable,
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => tokio_postgres::config::SslMode::Require,
        });
        config
    }
}

impl fmt::Display for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@{}/{}", self.user(), self.address(), self.database())
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
