//! Where server programs and clusters live.
//!
//! One directory, for example:
//!
//! ```text
//! /var/tmp/dunlin/postgresql-17-r1/   server programs of our own, if the machine has none that fit
//! /var/tmp/dunlin/clusters/NAME/      one cluster each
//! ```
//!
//! It belongs to whoever made it: files of another user are refused rather than half used. Its path appears in
//! configuration files, loader paths and shell words, so only plain characters are taken.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;
use nix::unistd::geteuid;

use crate::error::DevdbError;

/// The directory of server programs and clusters.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// A home at an absolute path; nothing is created yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The usual place: it survives a reboot, and every user may enter it.
    #[must_use]
    pub fn default_dir() -> &'static Path {
        Path::new("/var/tmp/dunlin")
    }

    /// The directory as given.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Creates the home if need be, and returns its path without symbolic links.
    pub(crate) fn create(&self) -> Result<PathBuf, DevdbError> {
        self.check_path()?;
        if !self.dir.exists() {
            fs::create_dir_all(&self.dir)?;
            // Whatever the umask says: the account that runs the servers has to enter.
            fs::set_permissions(&self.dir, PermissionsExt::from_mode(0o755))?;
        }
        self.open()
    }

    /// The path without symbolic links of a home that exists and is ours.
    pub(crate) fn open(&self) -> Result<PathBuf, DevdbError> {
        self.check_path()?;
        let owner = fs::metadata(&self.dir)?.uid();
        let user = geteuid().as_raw();
        if owner != user {
            return Err(DevdbError::ForeignHome { dir: self.dir.clone(), owner, user });
        }
        Ok(fs::canonicalize(&self.dir)?)
    }

    fn check_path(&self) -> Result<(), DevdbError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
        let reason = match self.dir.to_str() {
            Some(path) if !path.starts_with('/') => "its path is not absolute",
            Some(path) if path.chars().all(plain) => return Ok(()),
            _ => "its path has characters other than ASCII letters, digits and `/._+-`",
        };
        Err(DevdbError::Home { dir: self.dir.clone(), reason })
    }
}
