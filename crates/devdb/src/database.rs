//! The databases of a cluster: their URLs, and making and dropping them.

use std::path::Path;

use crate::cluster::Cluster;
use crate::error::DevdbError;
use crate::http;

/// The database that [`Template::Timescale`] copies; only a cluster of the full flavour has it.
pub(crate) const TIMESCALE_TEMPLATE: &str = "timescale_template";

/// What a new database is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// An empty database.
    Plain,
    /// An empty database with the extension timescaledb, several times as fast as creating the extension.
    Timescale,
}

/// URL and SQL of a cluster's databases. The database `postgres` is always there; in a cluster of the full flavour it
/// has the extension `pg_cron`. In a ClickHouse it is `default` that is always there.
impl Cluster {
    /// The URL of a database over TCP.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        match self.flavour().is_postgres() {
            true => url(self.port(), database),
            false => format!("http://default@127.0.0.1:{}/{}", self.port(), encoded(database)),
        }
    }

    /// Runs one statement on a ClickHouse, and returns what it wrote: rows without headers, columns parted by tabs.
    ///
    /// # Errors
    /// If it fails; the details are the server's message.
    pub fn query(&self, database: &str, statement: &str) -> Result<String, DevdbError> {
        http::query(self.port(), database, statement)
    }

    /// The URL of a database over the server's Unix socket.
    #[must_use]
    pub fn socket_url(&self, database: &str) -> String {
        socket_url(&self.run_dir(), self.port(), database)
    }

    /// Creates a database; a ClickHouse has no templates.
    ///
    /// # Errors
    /// If it exists.
    pub fn create_database(&self, name: &str, template: Template) -> Result<(), DevdbError> {
        if !self.flavour().is_postgres() {
            return self.query("", &format!("CREATE DATABASE {}", quoted(name))).map(drop);
        }
        let template = match template {
            Template::Plain => "template0",
            Template::Timescale => TIMESCALE_TEMPLATE,
        };
        self.psql("postgres", &format!("CREATE DATABASE {} TEMPLATE {template}", quoted(name))).map(drop)
    }

    /// Creates a database unless it exists.
    ///
    /// # Errors
    /// If the server refuses the name.
    pub fn ensure_database(&self, name: &str, template: Template) -> Result<(), DevdbError> {
        if !self.flavour().is_postgres() {
            return self.query("", &format!("CREATE DATABASE IF NOT EXISTS {}", quoted(name))).map(drop);
        }
        if self.has_database(name)? {
            return Ok(());
        }
        match self.create_database(name, template) {
            // Another run created it at the same moment.
            Err(DevdbError::Program { .. }) if self.has_database(name)? => Ok(()),
            done => done,
        }
    }

    /// Drops a database, together with the connections to it. One that does not exist is dropped already.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn drop_database(&self, name: &str) -> Result<(), DevdbError> {
        if !self.flavour().is_postgres() {
            return self.query("", &format!("DROP DATABASE IF EXISTS {}", quoted(name))).map(drop);
        }
        let drop = format!("SET client_min_messages = error;\nDROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
        self.psql("postgres", &drop).map(|_| ())
    }

    fn has_database(&self, name: &str) -> Result<bool, DevdbError> {
        let literal = name.replace('\'', "''");
        let rows = self.psql("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{literal}'"))?;
        Ok(!rows.is_empty())
    }
}

/// The URL of a database on a port of this machine.
pub(crate) fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{}", encoded(database))
}

fn socket_url(dir: &Path, port: u16, database: &str) -> String {
    format!("postgres://postgres@{}:{port}/{}", encoded(&dir.to_string_lossy()), encoded(database))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_encode_what_they_must() {
        assert_eq!(url(5432, "a b/ä"), "postgres://postgres@127.0.0.1:5432/a%20b%2F%C3%A4");
        assert_eq!(socket_url(Path::new("/x/run"), 1, "db"), "postgres://postgres@%2Fx%2Frun:1/db");
    }
}
