//! Locks on files, by `flock`.
//!
//! Such a lock belongs to the opened file, not to a process: the kernel frees it when the last copy of the descriptor
//! closes, also after `kill -9`. Descriptors close when another program is executed, except those handed over as its
//! stdin: so a helper such as `initdb` keeps the lock of an owner that was killed meanwhile.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// An exclusive lock, free again when dropped and no helper that got it runs any more.
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the lock on a file that is created if need be. `waiting` is called if another holds it for long.
    ///
    /// Whoever removes the file holds its lock, so a lock on a file that is no longer at its path is taken anew.
    pub(crate) fn exclusive(path: &Path, waiting: impl Fn()) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            if !try_for(&file, UNREMARKABLE)? {
                waiting();
                file.lock()?;
            }
            if is_at(&file, path)? {
                return Ok(Self { file });
            }
        }
    }

    /// Takes the lock unless another holds it or has just removed its directory.
    pub(crate) fn attempt(path: &Path) -> io::Result<Option<Self>> {
        let file = match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        Ok((try_exclusive(&file)? && is_at(&file, path)?).then_some(Self { file }))
    }

    /// This lock as the stdin of a helper, which then holds it too. The file is empty: the helper reads nothing.
    pub(crate) fn stdin(&self) -> io::Result<Stdio> {
        Ok(self.file.try_clone()?.into())
    }
}

/// As long as a server takes to stop: nobody wants to hear of that.
const UNREMARKABLE: Duration = Duration::from_secs(2);

/// Takes an exclusive lock if it is free within `patience`.
fn try_for(file: &File, patience: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + patience;
    while !try_exclusive(file)? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(true)
}

/// Opens a lock file, creating it if need be.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot open `{}`: {error}", path.display()));
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(named)
}

/// Takes an exclusive lock if nobody else has one. A shared lock of the same opened file is given up either way.
pub(crate) fn try_exclusive(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
