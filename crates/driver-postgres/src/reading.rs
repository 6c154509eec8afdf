//! What the settings of a connection mean: from texts to [`ConnectOptions`], with libpq's defaults and checks.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dunlin_driver::TargetUrl;
use secrecy::SecretString;
use tokio_postgres::config::ChannelBinding;

use crate::auth::AuthMethods;
use crate::conninfo::{self, ConninfoError};
use crate::options::{ConnectOptions, Host, Keepalive, Server, SessionAttrs};
use crate::passfile::{Login, Passfile};
use crate::settings::{Settings, Surroundings};
use crate::tls_reading;

/// The directories in which servers put their socket: Debian's, and PostgreSQL's own.
const SOCKET_DIRS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl ConnectOptions {
    /// Reads a URL or a keyword string as it stands.
    ///
    /// # Errors
    /// [`ConninfoError`], which never repeats a value.
    pub fn parse(url: &TargetUrl) -> Result<Self, ConninfoError> {
        Self::read(url, &Surroundings::NONE)
    }

    /// Reads a URL or a keyword string, with what surrounds the process beneath it: a service, `PG*` variables, and files
    /// in the home directory.
    ///
    /// # Errors
    /// [`ConninfoError`], which never repeats a value.
    pub fn read(url: &TargetUrl, around: &Surroundings<'_>) -> Result<Self, ConninfoError> {
        let settings = conninfo::settings(url.expose())?.layered(around)?;
        refuse_unsupported(&settings)?;
        let servers = servers(&settings)?;
        let (ssl_mode, tls) = tls_reading::read(&settings, around, servers.iter().all(Server::is_local))?;
        let mut options = Self {
            database: settings.get("dbname").map(str::to_owned),
            user: settings.get("user").or(around.user).unwrap_or("postgres").to_owned(),
            password: settings.get("password").map(SecretString::from),
            ssl_mode,
            tls,
            application_name: application_name(&settings).to_owned(),
            options: settings.get("options").map(str::to_owned),
            connect_timeout: connect_timeout(&settings)?,
            keepalive: keepalive(&settings)?,
            session: session(&settings, servers.len())?,
            shuffled: shuffled(&settings)?,
            channel_binding: channel_binding(&settings)?,
            auth: AuthMethods::read(settings.get("require_auth").unwrap_or_default())?,
            peer: settings.get("requirepeer").map(str::to_owned),
            warnings: Vec::new(),
            servers,
        };
        if options.password.is_none() {
            options.look_up_passwords(&settings, around);
        }
        Ok(options)
    }

    fn look_up_passwords(&mut self, settings: &Settings, around: &Surroundings<'_>) {
        let named = settings.get("passfile").map(PathBuf::from);
        let Some(path) = named.or_else(|| around.home(".pgpass")) else { return };
        match Passfile::read(&path) {
            Ok(None) => {}
            Ok(Some(file)) => {
                let (database, user) = (self.database().to_owned(), self.user.clone());
                for server in &mut self.servers {
                    let host = passfile_host(server);
                    let login = Login { host: &host, port: server.port, database: &database, user: &user };
                    server.password = file.password(&login);
                }
            }
            Err(warning) => self.warnings.push(warning),
        }
    }
}

/// What stands for the host in a password file: `localhost` for the socket where sockets usually are.
fn passfile_host(server: &Server) -> String {
    match &server.host {
        Host::Unix(path) if path == Path::new(SOCKET_DIRS[0]) => "localhost".to_owned(),
        Host::Unix(path) => path.display().to_string(),
        Host::Tcp(name) => name.clone(),
    }
}

fn refuse_unsupported(settings: &Settings) -> Result<(), ConninfoError> {
    let refused = |what, instead| Err(ConninfoError::Unsupported { what, instead });
    match settings.get("replication").unwrap_or("false") {
        "false" | "off" | "no" | "0" => {}
        _ => return refused("`replication`", "a migration needs an ordinary connection: leave it out"),
    }
    match settings.get("gssencmode").unwrap_or("prefer") {
        "disable" | "prefer" => {}
        "require" => {
            return refused("`gssencmode=require`", "there is no GSSAPI here: use TLS, with `sslmode=verify-full`");
        }
        _ => return invalid("gssencmode", "disable, prefer or require"),
    }
    match settings.get("client_encoding").unwrap_or("auto").to_ascii_lowercase().as_str() {
        "auto" | "utf8" | "utf-8" | "unicode" => Ok(()),
        _ => refused("a `client_encoding` other than UTF8", "files are UTF-8 and sent as such: leave it out"),
    }
}

fn servers(settings: &Settings) -> Result<Vec<Server>, ConninfoError> {
    let list = |key| settings.get(key).map(|text| text.split(',').collect::<Vec<_>>());
    let (hosts, addresses) = (list("host"), list("hostaddr"));
    let ports = list("port").unwrap_or_else(|| vec![""]);
    let count = addresses.as_ref().or(hosts.as_ref()).map_or(1, Vec::len);
    for (key, len) in [("host", hosts.as_ref().map_or(count, Vec::len)), ("port", ports.len())] {
        if len != count && !(key == "port" && len == 1) {
            return Err(ConninfoError::Count { hosts: count, key, count: len });
        }
    }
    let entry = |list: &Option<Vec<&str>>, at: usize| list.as_ref().map_or("", |list| list[at]).to_owned();
    (0..count)
        .map(|at| {
            let port = port(ports[if ports.len() == 1 { 0 } else { at }])?;
            let address = match entry(&addresses, at) {
                text if text.is_empty() => None,
                text => Some(text.parse::<IpAddr>().or_else(|_| invalid("hostaddr", "an IP address"))?),
            };
            let host = match (entry(&hosts, at), address) {
                (name, _) if !name.is_empty() => Host::new(&name),
                (_, Some(address)) => Host::Tcp(address.to_string()),
                _ => usual_host(port),
            };
            Ok(Server { host, address, port, password: None })
        })
        .collect()
}

/// The socket where servers put it, or else this machine by name.
fn usual_host(port: u16) -> Host {
    let dirs = SOCKET_DIRS.iter().map(Path::new);
    let found = dirs.into_iter().find(|dir| dir.join(format!(".s.PGSQL.{port}")).exists());
    found.map_or_else(|| Host::Tcp("localhost".to_owned()), |dir| Host::Unix(dir.to_owned()))
}

fn port(text: &str) -> Result<u16, ConninfoError> {
    match text.trim() {
        "" => Ok(5432),
        text => match text.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => invalid("port", "a number between 1 and 65535"),
        },
    }
}

fn application_name(settings: &Settings) -> &str {
    let named = settings.get("application_name").or_else(|| settings.get("fallback_application_name"));
    named.unwrap_or("dunlin")
}

/// Where nothing is said, a server that does not answer is not waited for forever, as libpq does.
fn connect_timeout(settings: &Settings) -> Result<Option<Duration>, ConninfoError> {
    Ok(match integer(settings, "connect_timeout")? {
        None => Some(Duration::from_secs(10)),
        Some(seconds) => u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs),
    })
}

fn keepalive(settings: &Settings) -> Result<Keepalive, ConninfoError> {
    let positive = |key, default| {
        let value = integer(settings, key)?.map_or(default, |value| u32::try_from(value).unwrap_or_default());
        Ok::<_, ConninfoError>(value)
    };
    Ok(Keepalive {
        on: positive("keepalives", 1)? != 0,
        idle: Duration::from_secs(positive("keepalives_idle", 30)?.into()),
        interval: Duration::from_secs(positive("keepalives_interval", 0)?.into()),
        count: positive("keepalives_count", 0)?,
        user_timeout: Duration::from_millis(positive("tcp_user_timeout", 0)?.into()),
    })
}

/// A migration needs the server that takes writes: of several, the others are passed over.
fn session(settings: &Settings, hosts: usize) -> Result<SessionAttrs, ConninfoError> {
    Ok(match settings.get("target_session_attrs") {
        None if hosts > 1 => SessionAttrs::ReadWrite,
        None | Some("any") => SessionAttrs::Any,
        Some("read-write") => SessionAttrs::ReadWrite,
        Some("read-only") => SessionAttrs::ReadOnly,
        Some("primary") => SessionAttrs::Primary,
        Some("standby") => SessionAttrs::Standby,
        Some("prefer-standby") => SessionAttrs::PreferStandby,
        Some(_) => {
            let expected = "any, read-write, read-only, primary, standby or prefer-standby";
            return invalid("target_session_attrs", expected);
        }
    })
}

fn shuffled(settings: &Settings) -> Result<bool, ConninfoError> {
    match settings.get("load_balance_hosts") {
        None | Some("disable") => Ok(false),
        Some("random") => Ok(true),
        Some(_) => invalid("load_balance_hosts", "disable or random"),
    }
}

fn channel_binding(settings: &Settings) -> Result<ChannelBinding, ConninfoError> {
    match settings.get("channel_binding") {
        None | Some("prefer") => Ok(ChannelBinding::Prefer),
        Some("disable") => Ok(ChannelBinding::Disable),
        Some("require") => Ok(ChannelBinding::Require),
        Some(_) => invalid("channel_binding", "disable, prefer or require"),
    }
}

fn integer(settings: &Settings, key: &'static str) -> Result<Option<i32>, ConninfoError> {
    settings.get(key).map(|text| text.trim().parse().or_else(|_| invalid(key, "a whole number"))).transpose()
}

pub(crate) fn invalid<T>(key: &'static str, expected: &'static str) -> Result<T, ConninfoError> {
    Err(ConninfoError::InvalidValue { key, expected })
}
