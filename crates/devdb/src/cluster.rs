//! A running server that this process owns, alone or with others.
//!
//! Every change goes under the cluster's lock: starting, joining, stopping. An owner holds a shared lock on another
//! file for as long as it lives; see [`watchdog`] for what becomes of the server without any. So two processes that
//! start one cluster at the same moment share it, and a stop never hits somebody who joined before it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::data;
use crate::error::DevdbError;
use crate::home::Home;
use crate::lock::{self, Lock};
use crate::place::Place;
use crate::recipe::{self, Flavour};
use crate::server::{self, Server};
use crate::spec::{ClusterSpec, Life, TEMPORARY_PREFIX};
use crate::state::State;
use crate::watchdog;

/// A running server, and a share in its ownership.
///
/// Dropping it gives up the share and returns at once; if it was the last one, the server stops soon after, as its
/// [`Life`] says. [`Cluster::close`] waits for that.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    server: Server,
    /// Locked shared for as long as it is open.
    owner: File,
}

/// How a cluster was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The server is stopped, and a temporary cluster removed.
    Stopped,
    /// Others own the cluster too; what is due happens when the last of them leaves.
    Shared,
    /// The cluster is kept: the server goes on.
    Kept,
}

/// What can be told of a cluster without joining it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterInfo {
    /// Its name.
    pub name: String,
    /// What becomes of it without an owner; none if it was never finished.
    pub life: Option<Life>,
    /// Where the server listens on 127.0.0.1, if it runs.
    pub port: Option<u16>,
}

impl Cluster {
    /// Starts a cluster, or joins it if it runs, after installing the server programs and making its data where they
    /// are missing. Progress is told in short sentences, and only if there is something to wait for.
    ///
    /// # Errors
    /// If the home cannot be used, the programs cannot be provided, or the server does not start.
    pub fn start(spec: &ClusterSpec, progress: &dyn Fn(&str)) -> Result<Self, DevdbError> {
        let place = Place::create(&spec.home, &spec.name)?;
        if spec.life == Life::Temporary {
            sweep(&spec.home)?;
        }
        let bindir = recipe::install(&spec.home, spec.flavour, progress)?;
        let lock = place.lock(|| progress(&format!("waiting for another run that starts or stops `{}`", spec.name)))?;
        let owner = place.own()?;
        // It is kept once it runs: until then, being killed must leave nothing behind.
        let before = place.life()?.unwrap_or(Life::Temporary);
        place.set_life(before.max(spec.life.min(Life::Session)))?;
        watchdog::ensure(&place, spec.linger)?;
        let state = run(&place, spec, &bindir, &lock)?;
        if spec.life == Life::Kept {
            place.set_life(Life::Kept)?;
        }
        Ok(Self { server: state.server(), place, owner })
    }

    /// Joins a cluster if its server runs.
    ///
    /// # Errors
    /// If the home cannot be used, or the server takes no connections.
    pub fn find(home: &Home, name: &str) -> Result<Option<Self>, DevdbError> {
        let Some(place) = Place::find(home, name)? else {
            return Ok(None);
        };
        let Some(lock) = place.lock_existing(|| ())? else { return Ok(None) };
        let Some(state) = State::read(&place)? else { return Ok(None) };
        let server = state.server();
        if !server.wait_ready(&place)? {
            return Ok(None);
        }
        let owner = place.own()?;
        watchdog::ensure(&place, Duration::ZERO)?;
        drop(lock);
        Ok(Some(Self { place, server, owner }))
    }

    /// All clusters of a home, sorted by name. Nothing is locked or changed.
    ///
    /// # Errors
    /// If the home cannot be used.
    pub fn list(home: &Home) -> Result<Vec<ClusterInfo>, DevdbError> {
        let mut list = Vec::new();
        for name in Place::names(home)? {
            let Some(place) = Place::find(home, &name)? else {
                continue;
            };
            let running = State::read(&place)?.filter(|_| server::is_running(&place));
            list.push(ClusterInfo { name, life: place.life()?, port: running.map(|state| state.port) });
        }
        Ok(list)
    }

    /// Ends the keeping of a cluster: its server stops, at once or with its last owner. None if there is no such
    /// cluster.
    ///
    /// # Errors
    /// If the home cannot be used, or the server cannot be stopped.
    pub fn stop(home: &Home, name: &str) -> Result<Option<Departure>, DevdbError> {
        end(home, name, Life::Session)
    }

    /// As [`Cluster::stop`], and removes the cluster with its data.
    ///
    /// # Errors
    /// If the home cannot be used, or the server cannot be stopped.
    pub fn destroy(home: &Home, name: &str) -> Result<Option<Departure>, DevdbError> {
        end(home, name, Life::Temporary)
    }

    /// Gives up the share in the cluster. If it was the last one, what its life asks for is done on return.
    ///
    /// # Errors
    /// If the server cannot be stopped.
    pub fn close(self) -> Result<Departure, DevdbError> {
        match self.place.lock_existing(|| ())? {
            Some(lock) => leave(&self.place, &self.owner, &lock),
            None => Ok(Departure::Stopped),
        }
    }

    /// Stops the server at once, as when its machine loses power, and starts it again at the same port.
    ///
    /// # Errors
    /// If it does not start.
    pub fn crash(&self) -> Result<(), DevdbError> {
        let lock = self.place.lock(|| ())?;
        server::crash(&self.place, &self.server, &lock)
    }

    /// Stops the server at once, as when its machine is gone, and leaves it so.
    ///
    /// # Errors
    /// If it cannot be stopped.
    pub fn halt(&self) -> Result<(), DevdbError> {
        let lock = self.place.lock(|| ())?;
        server::halt(&self.place, &self.server, &lock)
    }

    /// What it runs on.
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.server.flavour
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// Where the server listens on 127.0.0.1. It may be another one after the next start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The path of one of the server's programs, such as `psql` or `pg_dump`.
    #[must_use]
    pub fn bin(&self, program: &str) -> PathBuf {
        self.server.bindir.join(program)
    }

    /// The server's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.place.log()
    }

    /// Runs a script with `psql`, each statement on its own, and returns what it wrote: rows without headers, columns
    /// parted by `|`.
    ///
    /// # Errors
    /// If a statement fails; the details are the server's message.
    pub fn psql(&self, database: &str, script: &str) -> Result<String, DevdbError> {
        self.server.psql(database, script)
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.place.run()
    }
}

/// The cluster's server runs after this, and its data are finished.
fn run(place: &Place, spec: &ClusterSpec, bindir: &Path, lock: &Lock) -> Result<State, DevdbError> {
    let Some(mut state) = State::read(place)? else {
        return data::make(place, spec, bindir, lock);
    };
    if state.flavour != spec.flavour {
        return Err(DevdbError::OtherFlavour { name: spec.name.clone() });
    }
    if state.server().wait_ready(place)? {
        return Ok(state);
    }
    if !state.bindir.exists() {
        return Err(DevdbError::ProgramsGone { name: spec.name.clone(), bindir: state.bindir });
    }
    state.port = server::start(place, &state, spec, lock)?;
    state.write(place)?;
    Ok(state)
}

fn end(home: &Home, name: &str, life: Life) -> Result<Option<Departure>, DevdbError> {
    let Some(place) = Place::find(home, name)? else {
        return Ok(None);
    };
    let Some(lock) = place.lock_existing(|| ())? else { return Ok(None) };
    // Owned first, then exclusively: only so are other owners told from a watchdog that takes a look.
    let owner = place.own()?;
    place.set_life(life)?;
    leave(&place, &owner, &lock).map(Some)
}

/// Gives up an ownership, and does what is due if it was the last.
fn leave(place: &Place, owner: &File, _held: &Lock) -> Result<Departure, DevdbError> {
    if place.life()? == Some(Life::Kept) {
        return Ok(Departure::Kept);
    }
    if !lock::try_exclusive(owner)? {
        return Ok(Departure::Shared);
    }
    watchdog::leave(place)?;
    Ok(Departure::Stopped)
}

/// Removes temporary clusters that lost their owner and their watchdog: the machine was switched off.
fn sweep(home: &Home) -> Result<(), DevdbError> {
    Place::clear_removed(home)?;
    for name in Place::names(home)?.iter().filter(|name| name.starts_with(TEMPORARY_PREFIX)) {
        let Some(place) = Place::find(home, name)? else {
            continue;
        };
        let Some(_lock) = place.try_lock()? else {
            continue;
        };
        if lock::try_exclusive(&place.open_owners()?)? && !watchdog::is_watched(&place)? {
            place.set_life(Life::Temporary)?;
            watchdog::leave(&place)?;
        }
    }
    Ok(())
}
