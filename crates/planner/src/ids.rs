//! Names as newtypes: every identifier that crosses a crate boundary has a type of its own.
//!
//! Names are restricted to `[A-Za-z0-9._-]` (migration ids additionally hold one `/`), 1 to 200 bytes, so that they can be
//! printed on any terminal and written into any ledger without escaping.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::Version;

/// A name that holds something other than `[A-Za-z0-9._-]`, nothing at all, or more than 200 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a valid name: letters, digits, `.`, `_` and `-` only, at most 200", .0.escape_debug())]
pub struct InvalidName(pub String);

fn checked(text: &str) -> Result<Arc<str>, InvalidName> {
    let fits = (1..=200).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits { Ok(Arc::from(text)) } else { Err(InvalidName(text.to_owned())) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes the name.
            ///
            /// # Errors
            /// [`InvalidName`] when `text` holds a character that names do not have.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                checked(text).map(Self)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{}`", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

name! {
    /// The project, part of every ledger's key: several projects can share one database.
    ProjectName
}
name! {
    /// One database behind one URL.
    TargetName
}
name! {
    /// What one team owns and deploys.
    ServiceName
}
name! {
    /// One directory tree of migrations of one service for one target.
    SetName
}
name! {
    /// The environment a ledger belongs to (`dev`, `production`).
    EnvironmentName
}
name! {
    /// The identity that a ledger got when it was made (a UUID in text).
    LedgerId
}
name! {
    /// The identity of one execution of a plan (a UUID in text).
    RunId
}

/// `set/version`: the identity of a migration within its project.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MigrationId {
    /// The set that holds it.
    pub set: SetName,
    /// Its version in the set; a repeatable has its name here.
    pub version: Version,
}

impl MigrationId {
    /// Puts the two halves together.
    #[must_use]
    pub fn new(set: SetName, version: Version) -> Self {
        Self { set, version }
    }
}

impl fmt::Display for MigrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.set, self.version))
    }
}

impl fmt::Debug for MigrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

impl FromStr for MigrationId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (set, version) = text.split_once('/').ok_or_else(|| InvalidName(text.to_owned()))?;
        Ok(Self { set: set.parse()?, version: version.parse()? })
    }
}

impl Serialize for MigrationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_restricted() {
        for good in ["auth", "iot.cron", "inosec-edge", "a_b", &"x".repeat(200)] {
            assert!(SetName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "é", "\u{1b}[31m", &"x".repeat(201)] {
            assert!(SetName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_migration_id_reads_what_it_prints() {
        let id: MigrationId = "iot.cron/3".parse().unwrap();
        assert_eq!(id.to_string(), "iot.cron/3");
        assert!("iot.cron".parse::<MigrationId>().is_err());
        assert!("a/b/c".parse::<MigrationId>().is_err());
    }
}
