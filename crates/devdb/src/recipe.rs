//! Which server programs a cluster runs on, and how they come onto the machine.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::debian;
use crate::error::DevdbError;
use crate::home::Home;

/// Where Debian and its derivatives keep server programs, one directory per major version.
const SYSTEM: &str = "/usr/lib/postgresql";

/// The server programs that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// PostgreSQL 17 with timescaledb and pg_cron, installed if need be.
    Full,
    /// The newest PostgreSQL that is installed, without extensions preloaded; [`Flavour::Full`]'s where there is none.
    Plain,
}

impl Flavour {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Plain => "plain",
        }
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
    debian::provide(&home.create()?, progress)
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
