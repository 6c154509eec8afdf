//! What a caller asks for.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::time::Duration;

use crate::home::Home;
use crate::recipe::Flavour;

/// What happens to a cluster when nobody owns it any more. Starting it with a later variant raises it to that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// The server stops, and everything is removed.
    Temporary,
    /// The server stops; the data stay for the next start.
    Session,
    /// The server goes on until it is stopped by name.
    Kept,
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temporary => "temporary",
            Self::Session => "session",
            Self::Kept => "kept",
        })
    }
}

impl FromStr for Life {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Temporary, Self::Session, Self::Kept].into_iter().find(|life| life.to_string() == word).ok_or(())
    }
}

/// The cluster that is wanted.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Where it lives.
    pub home: Home,
    /// Up to 40 lower-case letters, digits and hyphens; who starts the same name shares the server.
    pub name: String,
    /// Which server programs.
    pub flavour: Flavour,
    /// What becomes of it without an owner.
    pub life: Life,
    /// How long the server goes on without an owner, for the next run to find it warm.
    pub linger: Duration,
    /// Whether commits reach the disk. Without, the data survive a crash of the server, not of the machine.
    pub durable: bool,
    /// Further lines of `postgresql.conf`, in effect from the next start of the server. They win over ours. Of ClickHouse,
    /// elements of its configuration, with what is within.
    pub settings: Vec<(String, String)>,
}

impl ClusterSpec {
    /// A cluster with a name: stops with its last owner, keeps its data.
    pub fn named(home: Home, flavour: Flavour, name: impl Into<String>) -> Self {
        let (life, linger) = (Life::Session, Duration::ZERO);
        Self { home, name: name.into(), flavour, life, linger, durable: false, settings: Vec::new() }
    }

    /// A new cluster that is removed with its last owner. A clone of the specification joins it.
    #[must_use]
    pub fn temporary(home: Home, flavour: Flavour) -> Self {
        let unique = RandomState::new().hash_one(std::process::id());
        let name = format!("{TEMPORARY_PREFIX}{:012x}", unique >> 16);
        Self { life: Life::Temporary, ..Self::named(home, flavour, name) }
    }
}

/// How the names of temporary clusters begin.
pub(crate) const TEMPORARY_PREFIX: &str = "tmp-";
