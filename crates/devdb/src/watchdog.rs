//! Stops a server that nobody owns any more, also after the owner was killed.
//!
//! A cluster that is owned has one watchdog: a small shell script in a session of its own, which waits for an exclusive
//! lock on the file that every owner has locked shared. The kernel frees an owner's lock however it ends. The watchdog
//! then takes the cluster's lock, looks whether a new owner has come, and if not stops the server; so it never stops
//! the server of somebody who just joined.
//!
//! The locks are made here and handed over as open files, and the script is the only place that stops a server.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::DevdbError;
use crate::lock;
use crate::place::{Place, write_whole};
use crate::program;

const SCRIPT: &str = include_str!("watchdog.sh");

/// Sees to it that the cluster has a watchdog. The caller holds the cluster's lock and is an owner.
pub(crate) fn ensure(place: &Place, linger: Duration) -> Result<(), DevdbError> {
    let mark = lock::open(&place.dir().join("mark"))?;
    if !lock::try_exclusive(&mark)? {
        return Ok(());
    }
    let script = write_script(place)?;
    // Opened anew: a lock is the opened file's, and ours are held already.
    let owners = place.open_owners()?;
    let cluster = File::open(place.dir().join("lock"))?;
    let mut setsid = program::clean(Path::new("setsid"));
    setsid.args(["--fork", "sh"]).arg(script).arg("watch").arg(linger.as_secs_f64().to_string());
    setsid.stdin(mark).stdout(owners).stderr(cluster);
    program::run_attached(&mut setsid)
}

/// Whether the cluster has a watchdog. The caller holds the cluster's lock.
pub(crate) fn is_watched(place: &Place) -> Result<bool, DevdbError> {
    Ok(!lock::try_exclusive(&lock::open(&place.dir().join("mark"))?)?)
}

/// Stops the server now. The caller holds the cluster's lock.
pub(crate) fn stop(place: &Place) -> Result<(), DevdbError> {
    run(place, "stop")
}

/// Does what a cluster's life asks for when it has no owner. The caller holds the cluster's and the owners' lock.
pub(crate) fn leave(place: &Place) -> Result<(), DevdbError> {
    run(place, "leave")
}

fn run(place: &Place, what: &str) -> Result<(), DevdbError> {
    let script = write_script(place)?;
    program::run(program::clean(Path::new("sh")).arg(script).arg(what)).map(drop)
}

fn write_script(place: &Place) -> Result<PathBuf, DevdbError> {
    let script = place.dir().join("watchdog");
    write_whole(&script, SCRIPT)?;
    Ok(script)
}
