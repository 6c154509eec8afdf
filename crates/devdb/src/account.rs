//! Who runs server programs: PostgreSQL refuses to be run by root.
//!
//! An ordinary user runs them as itself. Root hands them to `postgres`, or `nobody` where there is none; data that
//! exist decide by their owner. What runs on the caller's own Python stays with the caller. Programs get a clean environment, so that no `PG*` variable of the caller reaches them.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use fs_err as fs;
use nix::unistd::{Uid, User, geteuid};

use crate::error::DevdbError;
use crate::program;
use crate::recipe::Flavour;

/// The account of a server and its data.
pub(crate) struct Account {
    /// None: the one who runs this process.
    other: Option<User>,
}

impl Account {
    /// The account for new data.
    pub(crate) fn choose(flavour: Flavour) -> Result<Self, DevdbError> {
        if !geteuid().is_root() || flavour == Flavour::Chdb {
            return Ok(Self { other: None });
        }
        let known = match User::from_name("postgres") {
            Ok(None) => User::from_name("nobody"),
            found => found,
        };
        Self::found(known)
    }

    /// The account that data belong to.
    pub(crate) fn of(data: &Path) -> Result<Self, DevdbError> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let owner = Uid::from_raw(fs::metadata(data)?.uid());
        if owner.is_root() { Ok(Self { other: None }) } else { Self::found(User::from_uid(owner)) }
    }

    fn found(user: nix::Result<Option<User>>) -> Result<Self, DevdbError> {
        let user = user.map_err(std::io::Error::from)?;
        Ok(Self { other: Some(user.ok_or(DevdbError::NoAccount)?) })
    }

    /// A server program, to be run by this account.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = program::clean(program);
        if let Some(user) = &self.other {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Makes a directory this account's own.
    pub(crate) fn own(&self, dir: &Path) -> Result<(), DevdbError> {
        if let Some(user) = &self.other {
            chown(dir, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(())
    }

    /// Checks that this account can enter a directory.
    pub(crate) fn check_reach(&self, dir: &Path) -> Result<(), DevdbError> {
        let Some(user) = &self.other else {
            return Ok(());
        };
        let mut test = self.command(Path::new("/usr/bin/test"));
        match program::run(test.arg("-x").arg(dir)) {
            Ok(_) => Ok(()),
            Err(DevdbError::Program { .. }) => {
                Err(DevdbError::Unreachable { user: user.name.clone(), dir: dir.to_owned() })
            }
            Err(other) => Err(other),
        }
    }
}
