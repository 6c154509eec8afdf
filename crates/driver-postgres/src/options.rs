//! How a server is reached: the value that every connection of a target is made from.
//!
//! What its settings mean is read in [`reading`](crate::reading). Environment variables come in through
//! [`Surroundings`](crate::Surroundings); files (of passwords, services, certificates) are looked for once, when the value
//! is made.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use crate::auth::AuthMethods;
use crate::tls::TlsOptions;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name or an address.
    Tcp(String),
    /// The directory of a Unix socket; an abstract one begins with `@`.
    Unix(PathBuf),
}

impl Host {
    /// A path is the directory of a socket, anything else a name or an address.
    pub(crate) fn new(text: &str) -> Self {
        if text.starts_with(['/', '@']) { Self::Unix(PathBuf::from(text)) } else { Self::Tcp(text.to_owned()) }
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

/// One of the hosts that are tried.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) host: Host,
    /// Where it is, if its name is not to be looked up.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    /// Its password in the password file.
    pub(crate) password: Option<SecretString>,
}

impl Server {
    /// Whether traffic to it cannot leave this machine.
    pub(crate) fn is_local(&self) -> bool {
        match &self.host {
            Host::Unix(_) => true,
            Host::Tcp(name) => match self.address.or_else(|| name.parse().ok()) {
                Some(address) => address.is_loopback(),
                None => name == "localhost",
            },
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How much encryption is asked for, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SslMode {
    /// None.
    Disable,
    /// None, unless the server insists.
    Allow,
    /// Encrypted where the server offers it.
    Prefer,
    /// Encrypted; verified only where there are root certificates.
    Require,
    /// The certificate's issuer is verified.
    VerifyCa,
    /// Issuer and name are verified.
    VerifyFull,
}

/// Which of several servers is wanted, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// How the system finds out that a peer is gone; times of zero are the system's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keepalive {
    pub(crate) on: bool,
    pub(crate) idle: Duration,
    pub(crate) interval: Duration,
    pub(crate) count: u32,
    pub(crate) user_timeout: Duration,
}

/// Everything needed to connect; prints without its password.
#[derive(Clone)]
pub struct ConnectOptions {
    pub(crate) servers: Vec<Server>,
    pub(crate) database: Option<String>,
    pub(crate) user: String,
    pub(crate) password: Option<SecretString>,
    pub(crate) ssl_mode: SslMode,
    pub(crate) tls: TlsOptions,
    pub(crate) application_name: String,
    pub(crate) options: Option<String>,
    /// Per address; none waits as long as it takes.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) keepalive: Keepalive,
    pub(crate) session: SessionAttrs,
    pub(crate) shuffled: bool,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) auth: AuthMethods,
    pub(crate) peer: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl ConnectOptions {
    /// The same server and user, with another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: Some(database.to_owned()), ..self.clone() }
    }

    /// The database that is connected to; servers take the user's name where none is given.
    #[must_use]
    pub fn database(&self) -> &str {
        self.database.as_deref().unwrap_or(&self.user)
    }

    /// The user that logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What was left out while the options were read, and why.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The hosts and ports, for people.
    #[must_use]
    pub fn address(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        servers.join(",")
    }

    /// Whether any connection could be encrypted: not to a socket of this machine.
    pub(crate) fn needs_tls(&self) -> bool {
        self.ssl_mode != SslMode::Disable && self.servers.iter().any(|server| matches!(server.host, Host::Tcp(_)))
    }

    pub(crate) fn password_for<'a>(&'a self, server: &'a Server) -> Option<&'a SecretString> {
        self.password.as_ref().or(server.password.as_ref())
    }

    /// What the startup says to a server. Encryption is done before; the wire is handed over as it is.
    pub(crate) fn startup(&self, server: &Server) -> Config {
        let mut config = Config::new();
        config.user(self.user()).dbname(self.database()).application_name(&self.application_name);
        config.channel_binding(self.channel_binding);
        config.ssl_mode(tokio_postgres::config::SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        if let Some(options) = &self.options {
            config.options(options);
        }
        if let Some(password) = self.password_for(server) {
            config.password(password.expose_secret());
        }
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
