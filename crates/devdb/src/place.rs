//! The files of one cluster.
//!
//! ```text
//! NAME/lock       held exclusively by whoever changes anything below, helpers included
//! NAME/owners     locked shared by every owner, exclusively by who stops the server
//! NAME/mark       held by the watchdog, for as long as there is one
//! NAME/watchdog   its script
//! NAME/life       what becomes of the cluster without an owner
//! NAME/state      flavour, programs and port; written last, so data without it are half made
//! NAME/dunlin.conf
//! NAME/data/      the server's data
//! NAME/run/       its socket and its log
//! ```
//!
//! `data` and `run` belong to the server's account, the rest to the user of Dunlin.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::DevdbError;
use crate::home::Home;
use crate::lock::{self, Lock};
use crate::spec::Life;

const SOCKET_PATH_MAX: usize = 107;
const NAME_MAX: usize = 40;

/// Where a cluster is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    dir: PathBuf,
}

impl Place {
    /// The place of a cluster, whose home is created if need be.
    pub(crate) fn create(home: &Home, name: &str) -> Result<Self, DevdbError> {
        Self::at(home.create()?, name)
    }

    /// The place of a cluster if its directory exists.
    pub(crate) fn find(home: &Home, name: &str) -> Result<Option<Self>, DevdbError> {
        if !home.dir().exists() {
            return Ok(None);
        }
        let place = Self::at(home.open()?, name)?;
        Ok(place.dir.is_dir().then_some(place))
    }

    /// The names of all clusters of a home, sorted.
    pub(crate) fn names(home: &Home) -> Result<Vec<String>, DevdbError> {
        let mut names = Vec::new();
        let clusters = home.dir().join("clusters");
        if clusters.is_dir() {
            for entry in fs::read_dir(clusters)? {
                names.extend(entry?.file_name().into_string().ok().filter(|name| is_name(name)));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes what is left of removals that were killed half-way.
    pub(crate) fn clear_removed(home: &Home) -> Result<(), DevdbError> {
        let clusters = home.dir().join("clusters");
        for entry in fs::read_dir(clusters).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "gone") {
                // Whoever is still removing it gets done as well.
                fs::remove_dir_all(path).ok();
            }
        }
        Ok(())
    }

    fn at(home: PathBuf, name: &str) -> Result<Self, DevdbError> {
        if !is_name(name) {
            return Err(DevdbError::Name { name: name.to_owned() });
        }
        let place = Self { name: name.to_owned(), dir: home.join("clusters").join(name) };
        if place.socket(u16::MAX).as_os_str().len() > SOCKET_PATH_MAX {
            return Err(DevdbError::SocketPath { name: place.name, home });
        }
        Ok(place)
    }

    /// Locks the cluster against every other change, creating its directory if need be.
    pub(crate) fn lock(&self, waiting: impl Fn()) -> Result<Lock, DevdbError> {
        loop {
            match self.create_dir() {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            // None if it was removed between the two steps.
            if let Some(lock) = self.lock_existing(&waiting)? {
                return Ok(lock);
            }
        }
    }

    fn create_dir(&self) -> io::Result<()> {
        let clusters = self.dir.parent().expect("a cluster's directory is below its home");
        for dir in [clusters, &self.dir] {
            if !dir.is_dir() {
                fs::create_dir_all(dir)?;
                // Whatever the umask says: the account that runs the server has to enter.
                fs::set_permissions(dir, PermissionsExt::from_mode(0o755))?;
            }
        }
        Ok(())
    }

    /// As [`Place::lock`]; none if the cluster's directory is gone.
    pub(crate) fn lock_existing(&self, waiting: impl Fn()) -> Result<Option<Lock>, DevdbError> {
        match Lock::exclusive(&self.dir.join("lock"), waiting) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            locked => Ok(Some(locked?)),
        }
    }

    /// Locks the cluster, whose directory exists, unless somebody else has done so.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, DevdbError> {
        Ok(Lock::attempt(&self.dir.join("lock"))?)
    }

    /// Opens the owners' lock file; no lock is taken.
    pub(crate) fn open_owners(&self) -> Result<File, DevdbError> {
        Ok(lock::open(&self.dir.join("owners"))?)
    }

    /// Becomes an owner, for as long as the file is open. Never waits long: who holds it exclusively for longer also
    /// holds the cluster's lock, which the caller has.
    pub(crate) fn own(&self) -> Result<File, DevdbError> {
        let file = self.open_owners()?;
        file.lock_shared()?;
        Ok(file)
    }

    /// What becomes of the cluster without an owner; none while it is being created.
    pub(crate) fn life(&self) -> Result<Option<Life>, DevdbError> {
        match fs::read_to_string(self.dir.join("life")) {
            Ok(word) => Ok(word.trim_end().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn set_life(&self, life: Life) -> Result<(), DevdbError> {
        write_whole(&self.dir.join("life"), &format!("{life}\n"))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.run().join("server.log")
    }

    pub(crate) fn conf(&self) -> PathBuf {
        self.dir.join("dunlin.conf")
    }

    fn socket(&self, port: u16) -> PathBuf {
        self.run().join(format!(".s.PGSQL.{port}"))
    }
}

/// Writes a file so that no reader sees half of it.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), DevdbError> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::set_permissions(&new, PermissionsExt::from_mode(0o644))?;
    Ok(fs::rename(&new, path)?)
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain)
}
