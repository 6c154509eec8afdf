//! Which server programs a cluster runs on, and how they come onto the machine.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::clickhouse::ClickHouse;
use crate::debian;
use crate::error::DevdbError;
use crate::home::Home;
use crate::wheels::Wheels;

/// Where Debian and its derivatives keep server programs, one directory per major version.
const SYSTEM: &str = "/usr/lib/postgresql";

/// The server programs that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// PostgreSQL 17 with timescaledb and pg_cron, installed if need be.
    Full,
    /// The newest PostgreSQL that is installed, without extensions preloaded; [`Flavour::Full`]'s where there is none.
    Plain,
    /// Debian's ClickHouse, 18.16: an old server as it is, over its own HTTP interface. Installed if need be.
    ClickHouse,
    /// The engine of ClickHouse today, out of Python's packages, behind an imitation of its HTTP interface. For tests; needs
    /// Python, and is installed if need be.
    Chdb,
}

impl Flavour {
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Plain, Self::ClickHouse, Self::Chdb];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Plain => "plain",
            Self::ClickHouse => "clickhouse",
            Self::Chdb => "chdb",
        }
    }

    /// Whether it is a PostgreSQL, and not something that is spoken to over HTTP.
    pub(crate) fn is_postgres(self) -> bool {
        matches!(self, Self::Full | Self::Plain)
    }
}

/// Provides the server programs of a flavour, installing them if need be, and returns their directory.
///
/// Safe when several runs do it at once. Progress is told in short sentences, and only if there is something to wait
/// for.
///
/// # Errors
/// If the home cannot be used, or the programs can neither be found nor installed.
pub fn install(home: &Home, flavour: Flavour, progress: &dyn Fn(&str)) -> Result<PathBuf, DevdbError> {
    if let (Flavour::Plain, Some(bindir)) = (flavour, newest(Path::new(SYSTEM))) {
        return Ok(bindir);
    }
    match flavour {
        Flavour::Full | Flavour::Plain => debian::provide(&home.create()?, progress),
        Flavour::ClickHouse => ClickHouse::provide(home, progress),
        Flavour::Chdb => Wheels::provide(home, progress),
    }
}

/// The programs of the highest major version that has a server.
fn newest(system: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(system).ok()?;
    let majors = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let bindir = |major: u32| system.join(major.to_string()).join("bin");
    majors.filter(|&major| bindir(major).join("initdb").exists()).max().map(bindir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_greatest_number_with_a_server() {
        let system = tempfile::tempdir().unwrap();
        assert_eq!(newest(system.path()), None);
        for major in ["9.6", "9", "15", "17"] {
            fs::create_dir_all(system.path().join(major).join("bin")).unwrap();
        }
        for server in ["9", "15"] {
            fs::write(system.path().join(server).join("bin/initdb"), "").unwrap();
        }
        assert_eq!(newest(system.path()), Some(system.path().join("15/bin")));
    }
}
