//! Makes a cluster's data: `initdb` where there is one, the first start, and what the first start has to create.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err as fs;

use crate::account::Account;
use crate::database::TIMESCALE_TEMPLATE;
use crate::error::DevdbError;
use crate::lock::Lock;
use crate::place::Place;
use crate::program;
use crate::recipe::Flavour;
use crate::server;
use crate::spec::ClusterSpec;
use crate::state::State;
use crate::watchdog;

/// Makes the data of a cluster anew and starts its server. Half-made data are removed first.
pub(crate) fn make(place: &Place, spec: &ClusterSpec, bindir: &Path, lock: &Lock) -> Result<State, DevdbError> {
    watchdog::stop(place)?;
    let account = Account::choose(spec.flavour)?;
    account.check_reach(place.dir())?;
    for (dir, mode) in [(place.data(), 0o700), (place.run(), 0o755)] {
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir(&dir)?,
        }
        fs::set_permissions(&dir, PermissionsExt::from_mode(mode))?;
        account.own(&dir)?;
    }
    let mut state = State { flavour: spec.flavour, bindir: bindir.to_owned(), port: 0 };
    if spec.flavour.is_postgres() {
        init(place, spec, &account, bindir, lock)?;
    }
    state.port = server::start(place, &state, spec, lock)?;
    if spec.flavour == Flavour::Full {
        state.server().psql("postgres", &extensions())?;
    }
    state.write(place)?;
    Ok(state)
}

fn init(place: &Place, spec: &ClusterSpec, account: &Account, bindir: &Path, lock: &Lock) -> Result<(), DevdbError> {
    let mut initdb = account.command(&bindir.join("initdb"));
    initdb.arg("--pgdata").arg(place.data());
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
    if !spec.durable {
        initdb.arg("--no-sync");
    }
    program::run_locked(&mut initdb, lock)?;
    let conf = place.data().join("postgresql.conf");
    let include = format!("include '{}'\n", place.conf().display());
    Ok(fs::OpenOptions::new().append(true).open(conf)?.write_all(include.as_bytes())?)
}

/// A database with timescaledb has a scheduler of its own, which keeps it from being copied every now and then. The
/// template is therefore closed to connections, and the scheduler that came before is sent away.
fn extensions() -> String {
    format!(
        "SET client_min_messages = error;
CREATE EXTENSION pg_cron;
CREATE DATABASE {TIMESCALE_TEMPLATE} TEMPLATE template0;
\\connect {TIMESCALE_TEMPLATE}
SET client_min_messages = error;
CREATE EXTENSION timescaledb;
\\connect postgres
ALTER DATABASE {TIMESCALE_TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false;
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{TIMESCALE_TEMPLATE}';
"
    )
}
